//! No circles inside a folder: of two files beside each other, one lies below.
//!
//! An arrow is a path that a file names, by `use` (nested lists, `self`, `super::super`) or in the middle of the code. Arrows of all
//! files under one name count for that name, so a folder is held against its neighbours as a whole. A file and the files in its own
//! folder are not neighbours: the top file may declare what they share, or be their roof. Where it is a roof ([`ROOFS`]), none of
//! them names it.
//!
//! It does not see what a macro makes up, and it takes a re-export for where it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, root, sources};

/// Circles that may stay, and why.
const ALLOWED: &[(&[&str], &str)] = &[(
    &["lease::file_lock", "lease::inode"],
    "an inode has a list of locks, and a lock has the file that it is of, as in C",
)];

/// Top files that only dispatch: what the files below share has a file of its own.
const ROOFS: &[&str] = &["check", "explore"];

/// The text of each module, by its path.
pub type Modules = BTreeMap<String, String>;

/// Which modules a module names.
pub type Arrows = BTreeMap<String, BTreeSet<String>>;

pub fn modules() -> Modules {
    let src = root().join("src");
    let named = sources(&src).into_iter().map(|path| {
        let inside = path.strip_prefix(&src).expect("inside src").with_extension("");
        let names: Vec<String> = inside.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        (names.join("::"), code(&path))
    });
    named.filter(|(name, _)| name != "lib" && name != "main").collect()
}

/// The items of a list at its commas, but not at those inside of braces.
fn items(list: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&list[start..]);
    found
}

/// All paths of a `use`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, inside)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().expect("a first part").trim().to_owned()];
    };
    let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
    items(inside).into_iter().flat_map(expand).map(|path| format!("{}{path}", before.trim())).collect()
}

/// All paths that a source names.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let Some(tree) = used(line) else {
            // Where an item may be seen is no arrow.
            rest.push_str(
                line.split_once("pub(in ").map_or(line, |(_, seen)| seen.split_once(')').map_or(seen, |it| it.1)),
            );
            rest.push('\n');
            continue;
        };
        let mut tree = tree.to_owned();
        while !tree.contains(';') {
            let Some(more) = lines.next() else { break };
            tree.push(' ');
            tree.push_str(more.trim());
        }
        found.extend(expand(tree.split(';').next().expect("a first part")));
    }
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    found.extend(rest.split(|c| !is_path(c)).filter(|word| word.contains("::")).map(str::to_owned));
    found
}

/// What a line that begins a `use` has after that word.
fn used(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => {
            rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest).trim_start()
        }
        None => line,
    };
    line.strip_prefix("use ")
}

/// The module that a path leads to, or into; `None` if it leads out of the crate.
fn resolve(modules: &Modules, from: &str, path: &str) -> Option<String> {
    let mut names = path.split("::").map(str::trim).peekable();
    let mut at: Vec<&str> = from.split("::").collect();
    match *names.peek()? {
        "crate" => {
            names.next();
            at.clear();
        }
        "super" | "self" => {
            while let Some(name @ ("super" | "self")) = names.peek().copied() {
                names.next();
                if name == "super" {
                    at.pop();
                }
            }
        }
        first => _ = modules.get(&format!("{from}::{first}"))?,
    }
    for name in names {
        at.push(name);
        if !modules.contains_key(&at.join("::")) {
            at.pop();
            break;
        }
    }
    let found = at.join("::");
    modules.contains_key(&found).then_some(found)
}

pub fn arrows(modules: &Modules) -> Arrows {
    let named = |(from, code): (&String, &String)| {
        let to = paths(code).into_iter().filter_map(|path| resolve(modules, from, &path)).filter(|to| to != from);
        (from.clone(), to.collect())
    };
    modules.iter().map(named).collect()
}

/// The arrows between neighbours: modules that are declared in the same one.
fn between_neighbours(arrows: &Arrows) -> Arrows {
    let mut found = Arrows::new();
    for (from, to) in arrows.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to))) {
        let (one, other): (Vec<&str>, Vec<&str>) = (from.split("::").collect(), to.split("::").collect());
        let common = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
        if common < one.len() && common < other.len() {
            found.entry(one[..=common].join("::")).or_default().insert(other[..=common].join("::"));
        }
    }
    found
}

/// All that can be reached from a module.
fn reached(arrows: &Arrows, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(at) = open.pop() {
        for to in arrows.get(&at).into_iter().flatten() {
            if seen.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    seen
}

/// The strongly connected components with more than one module, each in order.
fn circles(arrows: &Arrows) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|module| (module, reached(arrows, module))).collect();
    let part = |module: &String| {
        let is_back = |other: &&String| reach.get(*other).is_some_and(|back| back.contains(module));
        reach[module].iter().filter(is_back).cloned().collect::<Vec<String>>()
    };
    arrows.keys().map(part).filter(|part| part.len() > 1).collect()
}

/// Which files name the roof that they stand under.
fn under_a_roof(arrows: &Arrows, roof: &str) -> Vec<String> {
    let inside = format!("{roof}::");
    arrows
        .iter()
        .filter(|(from, to)| from.starts_with(&inside) && to.contains(roof))
        .map(|(from, _)| from.clone())
        .collect()
}

#[test]
fn files_beside_each_other_form_no_circle() {
    let found = circles(&between_neighbours(&arrows(&modules())));
    let allowed = ALLOWED.iter().map(|(circle, _)| circle.iter().map(|name| (*name).to_owned()).collect());

    assert_eq!(found, allowed.collect());
}

#[test]
fn a_roof_is_named_by_no_file_under_it() {
    let arrows = arrows(&modules());
    for roof in ROOFS {
        assert_eq!(under_a_roof(&arrows, roof), Vec::<String>::new());
    }
}

#[test]
fn a_circle_would_be_seen_however_the_paths_are_written() {
    let circle_of = |sources: &[(&str, &str)]| {
        let modules = sources.iter().map(|(name, code)| ((*name).to_owned(), (*code).to_owned())).collect();
        circles(&between_neighbours(&arrows(&modules))).into_iter().map(|circle| circle.join(" ")).collect::<Vec<_>>()
    };
    let of = |back: &str| {
        circle_of(&[("a", ""), ("a::b", "use super::c::X;"), ("a::c", ""), ("a::c::d", back), ("a::e", "")])
    };

    let circle = ["a::b a::c"];
    assert_eq!(of("use super::super::b::Y;"), circle);
    assert_eq!(of("pub(super) use crate::{\n    z,\n    a::{e, b::{self, Y}},\n};"), circle);
    assert_eq!(of("fn f() -> Vec<crate::a::b::Y> {}"), circle);
    // Of another crate, of a neighbour that names nothing, of its own folder.
    for innocent in
        ["use b::Y;", "use super::super::e::Y;", "use super::Y;", "fn f() { g() }", "pub(in crate::a::b) fn f() {}"]
    {
        assert_eq!(of(innocent), Vec::<String>::new(), "{innocent}");
    }
    // Three in a row, and one that only looks at them.
    let three = [("a", "use crate::b;"), ("b", "use crate::c::X;"), ("c", "use crate::a;"), ("d", "use crate::a;")];
    assert_eq!(circle_of(&three), ["a b c"]);
}

#[test]
fn a_file_that_names_its_roof_would_be_seen() {
    let of = |code: &str| {
        let modules =
            [("a", "mod b;"), ("a::b", code), ("a::c", "")].map(|(name, code)| (name.to_owned(), code.to_owned()));
        under_a_roof(&arrows(&modules.into()), "a")
    };

    assert_eq!((of("use super::{X, c};"), of("super::flow();")), (vec!["a::b".to_owned()], vec!["a::b".to_owned()]));
    assert_eq!(of("use super::c::X;"), Vec::<String>::new());
}
