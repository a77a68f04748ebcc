//! A schedule in columns, whose lines are the user's own; before each column the locks that its task holds.

use super::machine::{Machine, Op, Program, Start, Step};
use super::source::Source;

/// Rows at most: what is in the middle of a longer schedule is left out, and that is said.
const ROWS_MAX: usize = 60;

/// Widest column.
const WIDTH_MAX: usize = 44;

struct Row {
    task: usize,
    text: String,
    line: u32,
    held: Vec<Vec<usize>>,
}

/// The steps as text.
pub fn table(source: &Source, program: &Program, path: &[Step]) -> String {
    let machine = Machine::new(program);
    let mut state = machine.first();
    let mut rows: Vec<Row> = Vec::new();
    for step in path {
        let is_handler = matches!(program.tasks[step.task].start, Start::Hard(_) | Start::Soft(_));
        let began = is_handler && machine.is_over(&state, step.task);
        let inst = machine.inst(&state, step.task);
        let parked = machine.has_parked(&state, step.task);
        let (line, mut text) = match inst {
            Some(inst) => (inst.place.line, source.text_at(inst.place).trim().to_owned()),
            None => (0, String::new()),
        };
        let held_before = machine.held(&state, step.task);
        machine.step(&mut state, *step);
        let held = (0..program.tasks.len()).map(|task| machine.held(&state, task)).collect::<Vec<_>>();
        let choice = matches!(inst.map(|inst| &inst.op), Some(Op::Choose(..)));
        if began {
            text = "<Interrupt>".to_owned();
        } else if choice {
            text = format!("{text}: {}", step.alternative);
        } else if machine.has_parked(&state, step.task) && !parked {
            text = format!("{text} (sleeps: gives the BKL up)");
        } else if parked && !machine.has_parked(&state, step.task) {
            text = "(takes the BKL back)".to_owned();
        } else if matches!(inst.map(|inst| &inst.op), Some(Op::Acquire(..))) && held[step.task] == held_before {
            text = format!("{text} (waits)");
        }
        if text.is_empty() {
            continue;
        }
        // Several steps of one line are one row.
        match rows.last_mut() {
            Some(last) if last.task == step.task && last.line == line && text.starts_with(&last.text) => {
                last.text = text;
                last.held = held;
            }
            _ => rows.push(Row { task: step.task, text, line, held }),
        }
    }
    draw(program, &rows)
}

fn letters(program: &Program, rows: &[Row]) -> Vec<(usize, char)> {
    let mut letters: Vec<(usize, char)> = Vec::new();
    for lock in rows.iter().flat_map(|row| row.held.iter().flatten()) {
        if letters.iter().any(|(known, _)| known == lock) {
            continue;
        }
        let name = program.locks[*lock].0.as_str();
        let candidates =
            name.chars().chain('a'..='z').filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase());
        let free = candidates.into_iter().find(|letter| letters.iter().all(|(_, known)| known != letter));
        letters.push((*lock, free.unwrap_or('?')));
    }
    letters
}

fn cut(text: &str) -> String {
    if text.chars().count() <= WIDTH_MAX {
        text.to_owned()
    } else {
        text.chars().take(WIDTH_MAX - 3).chain("...".chars()).collect()
    }
}

fn draw(program: &Program, rows: &[Row]) -> String {
    let letters = letters(program, rows);
    let used: Vec<usize> = (0..program.tasks.len())
        .filter(|task| rows.iter().any(|row| row.task == *task) || matches!(program.tasks[*task].start, Start::Runs))
        .collect();
    let gutter = |row: &Row, task: usize| -> String {
        let letter = |lock: &usize| letters.iter().find(|(known, _)| known == lock).map(|(_, letter)| *letter);
        row.held[task].iter().filter_map(letter).collect()
    };
    let widths: Vec<(usize, usize)> = used
        .iter()
        .map(|task| {
            let texts = rows.iter().filter(|row| row.task == *task).map(|row| cut(&row.text).chars().count());
            let gutters = rows.iter().map(|row| gutter(row, *task).len()).max().unwrap_or(0);
            (gutters.max(1), texts.max().unwrap_or(0).max(program.tasks[*task].name.chars().count()))
        })
        .collect();
    let line = |number: &str, cell: &dyn Fn(usize) -> (String, String)| {
        let mut text = format!("{number:>6}  ");
        for (task, (gutter, width)) in used.iter().zip(&widths) {
            let (held, cell) = cell(*task);
            text.push_str(&format!("{held:<gutter$} {cell:<width$}  "));
        }
        text.trim_end().to_owned() + "\n"
    };
    let mut text = line("step", &|task| (String::new(), program.tasks[task].name.clone()));
    let left_out = rows.len().saturating_sub(ROWS_MAX);
    for (at, row) in rows.iter().enumerate() {
        if left_out > 0 && at >= ROWS_MAX / 2 && at < ROWS_MAX / 2 + left_out {
            if at == ROWS_MAX / 2 {
                text.push_str(&format!("        ... {left_out} rows are left out\n"));
            }
            continue;
        }
        text.push_str(&line(&(at + 1).to_string(), &|task| {
            (gutter(row, task), if task == row.task { cut(&row.text) } else { String::new() })
        }));
    }
    let legend: Vec<String> =
        letters.iter().map(|(lock, letter)| format!("{letter} = {}", program.locks[*lock].0)).collect();
    if !legend.is_empty() {
        text.push_str(&format!("        held: {}\n", legend.join(", ")));
    }
    text
}
