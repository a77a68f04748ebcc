//! Conditions over variables alone: `assert` and `never` lines.

use super::*;

/// `assert` and `never` lines.
pub(super) fn lower(scope: &Scope, program: &mut Program) {
    let shared = |expr: &Expr| shared(program, expr).map(|pure| (pure, text(expr)));
    let asserts: Vec<_> = scope
        .asserts
        .iter()
        .filter_map(|(expr, place)| shared(expr).map(|(pure, text)| (pure, text, *place)))
        .collect();
    let nevers: Vec<_> =
        scope.nevers.iter().filter_map(|(expr, place)| shared(expr).map(|(pure, text)| (pure, text, *place))).collect();
    program.asserts = asserts;
    program.nevers = nevers;
}

/// An expression over variables alone.
pub(super) fn shared(program: &Program, expr: &Expr) -> Option<Pure> {
    Some(match expr {
        Expr::Int(value) => Pure::Int(*value),
        Expr::Name(name) => {
            // A field of an object, `el->rc`.
            let name = name.replacen("->", ".", 1);
            Pure::Shared(program.variables.iter().position(|variable| variable.name == name)?)
        }
        // What is chosen, as a sum of which one part is 0.
        Expr::Binary("?", cond, arms) => {
            let Expr::Binary(":", yes, no) = &**arms else { return None };
            let not = |pure| Pure::Unary('!', Box::new(pure));
            let is_not = not(shared(program, cond)?);
            let part = |is_it, arm| Some(Pure::Binary("*", Box::new(is_it), Box::new(shared(program, arm)?)));
            let (yes, no) = (part(not(is_not.clone()), yes)?, part(is_not, no)?);
            Pure::Binary("+", Box::new(yes), Box::new(no))
        }
        Expr::Unary(op, inner) => Pure::Unary(*op, Box::new(shared(program, inner)?)),
        Expr::Binary(op, left, right) => {
            Pure::Binary(op, Box::new(shared(program, left)?), Box::new(shared(program, right)?))
        }
        Expr::Call(_, args) => shared(program, args.first()?)?,
    })
}
