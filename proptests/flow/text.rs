//! Random C as an outline.

use super::naive::calls;
use super::{C, Case, Cond, Program, Value};

const NAMES: [&str; 3] = ["x", "y", "r"];
const LOCKS: [&str; 2] = ["a", "b"];

/// The text of a program.
pub fn of(program: &Program) -> String {
    let mut text = "lock a: mutex\nlock b: mutex\ntask t: f\n\nf\n".to_owned();
    line(&mut text, 1, "again:");
    list(&program.f, 1, &mut text);
    line(&mut text, 1, "out:");
    list(&program.out, 1, &mut text);
    line(&mut text, 1, "done()");
    // A function that nobody calls is an entry of its own.
    if calls(&program.f) {
        text.push_str("\ng\n");
        list(&program.g, 1, &mut text);
        line(&mut text, 1, "done()");
    }
    indented(&text, [2, 3, 4, 8][text.len() % 4])
}

/// Another width of the blanks: `} else` is as deep as what it guards, or not.
fn indented(text: &str, width: usize) -> String {
    let line = |line: &str| {
        let code = line.trim_start();
        format!("{}{code}\n", " ".repeat((line.len() - code.len()) / 3 * width))
    };
    text.lines().map(line).collect()
}

fn line(text: &mut String, depth: usize, words: &str) {
    text.push_str(&"   ".repeat(depth));
    text.push_str(words);
    text.push('\n');
}

fn list(body: &[C], depth: usize, text: &mut String) {
    body.iter().for_each(|stmt| statement(stmt, depth, text));
}

fn block(head: &str, body: &[C], depth: usize, text: &mut String) {
    line(text, depth, &format!("{head} {{"));
    inside(body, depth, text);
}

/// What stands in braces, with the one that closes them.
fn inside(body: &[C], depth: usize, text: &mut String) {
    list(body, depth + 1, text);
    line(text, depth + 1, "done()");
    line(text, depth, "}");
}

fn value(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Name(name) => NAMES[*name].to_owned(),
        Value::Unknown => "probe()".to_owned(),
    }
}

fn condition(cond: &Cond) -> String {
    match cond {
        Cond::Compare(name, op, number) => format!("{} {op} {number}", NAMES[*name]),
        Cond::Truth(name) => NAMES[*name].to_owned(),
        Cond::Not(inner) => format!("!({})", condition(inner)),
        Cond::And(left, right) => format!("({}) && ({})", condition(left), condition(right)),
        Cond::Or(left, right) => format!("({}) || ({})", condition(left), condition(right)),
        Cond::Unknown => "probe()".to_owned(),
    }
}

fn statement(stmt: &C, depth: usize, text: &mut String) {
    match stmt {
        C::Lock(lock) => line(text, depth, &format!("mutex_lock(&{})", LOCKS[*lock])),
        C::Unlock(lock) => line(text, depth, &format!("mutex_unlock(&{})", LOCKS[*lock])),
        C::If(cond, then, otherwise) => {
            block(&format!("if ({})", condition(cond)), then, depth, text);
            if !otherwise.is_empty() {
                // The brace that ends the one begins the line of the other, or stands alone.
                if then.len() % 2 == 1 {
                    text.truncate(text.trim_end().len());
                    text.push_str(" else {\n");
                    inside(otherwise, depth, text);
                } else {
                    block("else", otherwise, depth, text);
                }
            }
        }
        C::Try(lock, not, body) => {
            let not = if *not { "!" } else { "" };
            block(&format!("if ({not}mutex_trylock(&{}))", LOCKS[*lock]), body, depth, text);
        }
        C::Interruptible(lock, None, body) => {
            block(&format!("if (mutex_lock_interruptible(&{}))", LOCKS[*lock]), body, depth, text);
        }
        C::Interruptible(lock, Some(name), body) => {
            line(text, depth, &format!("{} = mutex_lock_interruptible(&{})", NAMES[*name], LOCKS[*lock]));
            block(&format!("if ({})", NAMES[*name]), body, depth, text);
        }
        C::Switch(name, cases) => {
            line(text, depth, &format!("switch ({}) {{", NAMES[*name]));
            cases.iter().for_each(|known| case(known, depth, text));
            line(text, depth, "}");
        }
        C::For(rounds, body) => {
            // A loop inside would set the count of the one around it.
            let i = format!("i{}", text.len());
            block(&format!("for ({i} = 0; {i} < {rounds}; {i}++)"), body, depth, text);
        }
        C::Forever(is_for, body) => block(if *is_for { "for (;;)" } else { "while (1)" }, body, depth, text),
        C::While(cond, body) => block(&format!("while ({})", condition(cond)), body, depth, text),
        C::DoWhile(body, cond) => {
            line(text, depth, "do {");
            list(body, depth + 1, text);
            line(text, depth + 1, "done()");
            line(text, depth, &format!("}} while ({});", condition(cond)));
        }
        C::Break => line(text, depth, "break"),
        C::Continue => line(text, depth, "continue"),
        C::Return(None) => line(text, depth, "return"),
        C::Return(Some(given)) => line(text, depth, &format!("return {}", value(given))),
        C::Goto(is_out) => line(text, depth, if *is_out { "goto out" } else { "goto again" }),
        C::Set(name, given) => line(text, depth, &format!("{} = {}", NAMES[*name], value(given))),
        C::Call(None) => line(text, depth, "g()"),
        C::Call(Some(name)) => line(text, depth, &format!("{} = g()", NAMES[*name])),
        C::Scoped(lock, body) => block(&format!("scoped_guard(mutex, &{})", LOCKS[*lock]), body, depth, text),
        C::Guard(lock) => line(text, depth, &format!("guard(mutex)(&{});", LOCKS[*lock])),
    }
}

fn case(case: &Case, depth: usize, text: &mut String) {
    if case.numbers.is_empty() {
        line(text, depth, "default:");
    }
    case.numbers.iter().for_each(|number| line(text, depth, &format!("case {number}:")));
    list(&case.body, depth + 1, text);
    line(text, depth + 1, "done()");
    if case.breaks {
        line(text, depth + 1, "break");
    }
}
