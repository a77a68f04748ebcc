//! Expressions as C writes them.

use super::Expr;

/// How tight an operator binds: the tighter, the higher.
fn level(op: &str) -> usize {
    match op {
        "||" => 1,
        "&&" => 2,
        "|" => 3,
        "&" => 4,
        "==" | "!=" => 5,
        "<" | ">" | "<=" | ">=" => 6,
        "+" | "-" => 7,
        _ => 8,
    }
}

/// An expression with the parentheses that it needs.
pub fn written(expr: &Expr) -> String {
    at_level(expr, 0)
}

fn at_level(expr: &Expr, outer: usize) -> String {
    match expr {
        Expr::Int(value) => value.to_string(),
        Expr::Name(name) => name.clone(),
        Expr::Unary(op, inner) => format!("{op}{}", at_level(inner, 9)),
        Expr::Binary("?", cond, arms) => {
            let text = format!("{} ? {}", at_level(cond, 1), at_level(arms, 0));
            if outer > 0 { format!("({text})") } else { text }
        }
        Expr::Binary(":", yes, no) => format!("{} : {}", at_level(yes, 1), at_level(no, 0)),
        Expr::Binary("=", name, value) => format!("({} = {})", at_level(name, 0), at_level(value, 0)),
        Expr::Binary(op, left, right) => {
            let own = level(op);
            // Operators of one level group to the left.
            let text = format!("{} {op} {}", at_level(left, own), at_level(right, own + 1));
            if own < outer { format!("({text})") } else { text }
        }
        Expr::Call(name, args) => {
            let args: Vec<String> = args.iter().map(|arg| at_level(arg, 0)).collect();
            format!("{name}({})", args.join(", "))
        }
    }
}
