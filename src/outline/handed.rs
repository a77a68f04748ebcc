//! What a function takes from where somebody put it for it: `foo = platform_get_drvdata(pdev)` in a driver, `struct foo *foo = data` in a
//! handler. It is the object that the others call so, as if the function were handed it.

use super::expr::Expr;
use super::statement::Stmt;
use super::tree::{File, Function, Node};

/// Ends of functions and members that lead to what a driver has put there.
const GETTERS: [&str; 6] = ["_get_drvdata", "_get_clientdata", "_priv", "_drvdata", "->private_data", "->driver_data"];

/// Parameters that are a pointer to anything.
const OPAQUE: [&str; 8] = ["data", "dev_id", "arg", "ptr", "priv", "opaque", "ctx", "context"];

/// Makes such names parameters of all functions, and takes their assignments out.
pub(super) fn read(file: &mut File) {
    for function in file.groups.iter_mut().flat_map(|group| &mut group.functions) {
        let found: Vec<String> = function.body.iter().filter_map(|node| taken(function, &node.stmt)).collect();
        let is_set_once = |name: &&String| {
            let mut times = 0;
            function.body.iter().for_each(|node| node.each(&mut |node| times += usize::from(sets(&node.stmt, name))));
            times == 1
        };
        let found: Vec<String> = found.iter().filter(is_set_once).cloned().collect();
        let is_taken = |node: &Node| found.iter().any(|name| node.children.is_empty() && sets(&node.stmt, name));
        function.body.retain(|node| !is_taken(node));
        function.params.extend(found);
    }
}

/// The name that a statement gives to what was put there for the function.
fn taken(function: &Function, stmt: &Stmt) -> Option<String> {
    let is_getter = |name: &str| GETTERS.iter().any(|end| name.ends_with(end));
    match stmt {
        Stmt::Call { name, result: Some(result), .. } => is_getter(name).then(|| result.clone()),
        Stmt::Assign(target, Expr::Call(name, _)) => is_getter(name).then(|| target.clone()),
        Stmt::Assign(target, Expr::Name(name)) => {
            let is_opaque = OPAQUE.contains(&name.as_str()) && function.params.contains(name);
            (is_opaque || is_getter(name)).then(|| target.clone())
        }
        _ => None,
    }
    .filter(|target| !target.contains(['.', '>', '[', '*']))
}

/// Does the statement set the name?
pub(super) fn sets(stmt: &Stmt, name: &str) -> bool {
    match stmt {
        Stmt::Call { result: Some(result), .. } => result == name,
        Stmt::Assign(target, _) => target == name,
        _ => false,
    }
}
