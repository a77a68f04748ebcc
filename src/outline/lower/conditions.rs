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
        Expr::Unary(op, inner) => Pure::Unary(*op, Box::new(shared(program, inner)?)),
        Expr::Binary(op, left, right) => {
            Pure::Binary(op, Box::new(shared(program, left)?), Box::new(shared(program, right)?))
        }
        Expr::Call(_, args) => shared(program, args.first()?)?,
    })
}
