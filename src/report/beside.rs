//! Two designs side by side, as text: two columns on a page that is wide enough, one below the other on a narrow one.
//!
//! Between the columns stands what `diff --side-by-side` puts there: `|` another line, `<` only in the old design, `>` only in the new.

use super::columns::wrap;
use super::count;
use crate::study::beside::{Beside, CallBeside, Cost, Hold, Mark, Row};

/// Below that width, code in two columns could not be read.
const TWO_COLUMNS: usize = 100;

/// The functions of both designs. Those that are the same in both are a line each.
pub fn functions(all: &[Beside], names: [&str; 2], page: usize) -> String {
    let mut text = head(names, page);
    for function in all {
        let [old, new] = &function.places;
        let place = |place: &Option<String>| place.clone().unwrap_or_else(|| "-".to_owned());
        text.push_str(&title(&format!("fn {}", function.name), [&place(old), &place(new)], page));
        if function.is_same() {
            text.push_str(&format!("  the same in both, {}\n\n", count(function.rows.len() as u64, "line")));
            continue;
        }
        text.push_str(&rows(&function.rows, page));
        text.push('\n');
    }
    let same = all.iter().filter(|function| function.is_same()).count() as u64;
    let only = |side: usize| all.iter().filter(|it| it.places[1 - side].is_none()).count();
    let [old, new] = names;
    text + &format!(
        "{}: {same} the same, {} only in {old}, {} only in {new}\n",
        count(all.len() as u64, "function"),
        only(0),
        only(1)
    )
}

/// The calls of both designs: outlines as executed, line against line, and what each costs.
pub fn calls(all: &[CallBeside], names: [&str; 2], page: usize) -> String {
    let mut text = String::new();
    for call in all {
        text.push_str(&title(&format!("{}: {}", call.call, call.about), ["", ""], page));
        text.push_str(&rows(&call.outline, page));
        text.push('\n');
        text.push_str(&costs(&call.costs, names, page));
        text.push('\n');
    }
    text
}

/// What a call costs: a line for each lock of each design.
pub fn costs(costs: &[Cost; 2], names: [&str; 2], page: usize) -> String {
    if !is_wide(page) {
        return stacked_costs(costs, names, page);
    }
    let mut table = vec![["design", "lock", "taken", "steps", "longest", "allocations", "sleeps"].map(str::to_owned)];
    for (cost, name) in costs.iter().zip(names) {
        let held = cost.holds.iter().map(|hold: &Hold| {
            let numbers =
                [hold.taken, hold.steps, hold.longest, hold.allocations, hold.sleeps].map(|it| it.to_string());
            let [taken, steps, longest, allocations, sleeps] = numbers;
            [name.to_owned(), hold.lock.clone(), taken, steps, longest, allocations, sleeps]
        });
        table.extend(held);
        table.push([name, "(no lock)", "", &cost.free.to_string(), "", "", ""].map(str::to_owned));
    }
    let width = |column: usize| table.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    let cell = |(at, text): (usize, &String)| match at {
        0 | 1 => format!("{text:<0$}", widths[at]),
        _ => format!("{text:>0$}", widths[at]),
    };
    let line = |row: &[String; 7]| {
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned() + "\n"
    };
    table.iter().map(line).collect()
}

fn stacked_costs(costs: &[Cost; 2], names: [&str; 2], page: usize) -> String {
    let mut lines = Vec::new();
    for ((cost, name), sign) in costs.iter().zip(names).zip(['-', '+']) {
        lines.push(format!("{sign} {name}"));
        lines.extend(cost.holds.iter().map(|hold| {
            let Hold { lock, taken, steps, longest, allocations, sleeps } = hold;
            format!(
                "  {lock}: taken {taken}, steps {steps}, longest {longest}, allocations {allocations}, sleeps {sleeps}"
            )
        }));
        lines.push(format!("  no lock: steps {}", cost.free));
    }
    lines.iter().flat_map(|line| broken(line, page)).map(|line| line + "\n").collect()
}

fn is_wide(page: usize) -> bool {
    page >= TWO_COLUMNS
}

/// Width of one of two columns.
fn half(page: usize) -> usize {
    (page - 3) / 2
}

fn head(names: [&str; 2], page: usize) -> String {
    let [old, new] = names;
    match is_wide(page) {
        true => format!("{old:<0$}   {new}\n\n", half(page)),
        false => format!("- {old}\n+ {new}\n\n"),
    }
}

fn title(text: &str, [old, new]: [&str; 2], page: usize) -> String {
    match (is_wide(page), old.is_empty()) {
        (_, true) => broken(text, page).iter().map(|line| format!("{line}\n")).collect(),
        (true, _) => format!("{text}\n{old:<0$}   {new}\n", half(page)),
        (false, _) => format!("{text}\n- {old}\n+ {new}\n"),
    }
}

fn rows(rows: &[Row], page: usize) -> String {
    if is_wide(page) { rows.iter().map(|row| beside(row, half(page))).collect() } else { stacked(rows, page) }
}

/// A row in two columns; what is too long goes on below.
fn beside(row: &Row, width: usize) -> String {
    let cell = |line: &Option<String>| line.as_deref().map_or_else(Vec::new, |line| broken(line, width));
    let (old, new) = (cell(&row.old), cell(&row.new));
    let line = |at: usize| {
        let text = |cell: &Vec<String>| cell.get(at).cloned().unwrap_or_default();
        format!("{:<width$} {} {}", text(&old), row.mark.sign(), text(&new)).trim_end().to_owned() + "\n"
    };
    (0..old.len().max(new.len()).max(1)).map(line).collect()
}

/// A line that is too long is broken, and goes on deeper.
fn broken(line: &str, width: usize) -> Vec<String> {
    if line.chars().count() <= width { vec![line.to_owned()] } else { wrap(line, width) }
}

/// As `diff -u`: what only the old design has, then what only the new one has.
fn stacked(rows: &[Row], page: usize) -> String {
    let mut text = String::new();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let flush = |old: &mut Vec<String>, new: &mut Vec<String>, text: &mut String| {
        for (sign, lines) in [('-', std::mem::take(old)), ('+', std::mem::take(new))] {
            lines.iter().for_each(|line| text.push_str(&signed(sign, line, page)));
        }
    };
    for row in rows {
        if row.mark == Mark::Same {
            flush(&mut old, &mut new, &mut text);
            text.push_str(&signed(' ', row.old.as_deref().unwrap_or_default(), page));
        } else {
            old.extend(row.old.clone());
            new.extend(row.new.clone());
        }
    }
    flush(&mut old, &mut new, &mut text);
    text
}

fn signed(sign: char, line: &str, page: usize) -> String {
    let lines = broken(line, page - 2);
    lines.iter().map(|line| format!("{sign} {line}").trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Row> {
        let row = |mark, old: &str, new: &str| {
            let line = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Row { mark, old: line(old), new: line(new) }
        };
        vec![
            row(Mark::Same, "lock", "lock"),
            row(Mark::Differs, "a", "b"),
            row(Mark::New, "", "c"),
            row(Mark::Same, "}", "}"),
        ]
    }

    #[test]
    fn a_wide_page_has_two_columns_and_a_narrow_one_stacks_them() {
        let wide = rows(&some(), 101);
        let narrow = rows(&some(), 60);

        let line = |old: &str, sign: char, new: &str| format!("{old:<49} {sign} {new}\n");
        assert_eq!(
            wide,
            [line("lock", ' ', "lock"), line("a", '|', "b"), line("", '>', "c"), line("}", ' ', "}")].concat()
        );
        assert_eq!(narrow, "  lock\n- a\n+ b\n+ c\n  }\n");
    }

    #[test]
    fn no_line_is_wider_than_its_page() {
        let long = format!("    let x = {};", "word ".repeat(40) + &"y".repeat(200));
        let row = Row { mark: Mark::Differs, old: Some(long.clone()), new: Some(long) };

        for page in [40, 80, 118] {
            let text = rows(std::slice::from_ref(&row), page);
            assert!(text.lines().all(|line| line.chars().count() <= page), "{page}:\n{text}");
        }
    }
}
