//! A schedule in columns, whose lines are the user's own; before each column the locks that its task holds. The same as a scene, for those
//! who want it in another notation.

use super::machine::{Machine, Op, Program, Shown, Start, State, Step};
use super::notation::{Grip, Move, Scene};
use super::source::Source;

/// Rows at most: what is in the middle of a longer schedule is left out, and that is said.
const ROWS_MAX: usize = 60;

/// Widest column.
const WIDTH_MAX: usize = 44;

struct Row {
    task: usize,
    text: String,
    /// What happened there, if the text does not say it.
    remark: Option<&'static str>,
    /// Of a choice, which it was.
    choice: Option<u8>,
    line: u32,
    held: Vec<Vec<usize>>,
    grip: Option<Grip>,
}

impl Row {
    fn shown(&self) -> String {
        match self.remark {
            Some(remark) if self.text.is_empty() => format!("({remark})"),
            Some(remark) => format!("{} ({remark})", self.text),
            None if self.choice.is_some() => format!("{}: {}", self.text, self.choice.unwrap_or_default()),
            None => self.text.clone(),
        }
    }
}

/// What an instruction does to a lock.
fn grip(program: &Program, op: &Op) -> Option<Grip> {
    match op {
        Op::Acquire(lock, mode, _) => Some(Grip::Takes(program.locks[*lock].0.clone(), *mode)),
        Op::Release(lock, _) | Op::ReleaseAtEnd(lock) => Some(Grip::Releases(program.locks[*lock].0.clone())),
        _ => None,
    }
}

/// The steps as text.
pub fn table(source: &Source, program: &Program, path: &[Step]) -> String {
    draw(program, &rows(source, program, path).0)
}

/// The steps, then what the tasks are about to do that the finding is about.
pub fn scene(source: &Source, program: &Program, path: &[Step], shown: &Shown) -> Scene {
    let (rows, state) = rows(source, program, path);
    let machine = Machine::new(program);
    let as_move = |row: &Row| Move {
        task: row.task,
        text: row.text.clone(),
        remark: row.remark.map(str::to_owned),
        grip: row.grip.clone(),
    };
    let mut moves: Vec<Move> = rows.iter().filter(|row| !row.text.is_empty()).map(as_move).collect();
    for task in 0..program.tasks.len() {
        let is_interrupted = (0..program.tasks.len()).any(|other| machine.hosts_on(&state, other) == Some(task));
        if is_interrupted {
            continue;
        }
        let Some(inst) = machine.inst(&state, task).filter(|_| !machine.is_over(&state, task)) else { continue };
        let text = source.text_at(inst.place).trim().to_owned();
        let is_there = rows.iter().rev().find(|row| row.task == task).is_some_and(|row| row.line == inst.place.line);
        if is_there || !shown.labels.iter().any(|(place, _)| *place == inst.place) {
            continue;
        }
        let remark = inst.op.waits().then(|| "waits".to_owned());
        moves.push(Move { task, text, remark, grip: grip(program, &inst.op) });
    }
    let word = |is_atomic| if is_atomic { "atomic" } else { "var" };
    let named = |name: &str| moves.iter().any(|step| step.text.contains(name));
    let declarations = program.variables.iter().filter(|known| named(&known.name));
    let handlers = program.tasks.iter().enumerate().filter_map(|(task, code)| match code.start {
        Start::Hard(_) => Some((task, machine.hosts_on(&state, task), false)),
        Start::Soft(_) => Some((task, machine.hosts_on(&state, task), true)),
        _ => None,
    });
    let works = (0..program.tasks.len()).filter(|task| program.tasks[*task].start == Start::Queued);
    Scene {
        handlers: handlers.collect(),
        works: works.collect(),
        declarations: declarations
            .map(|known| format!("{} {} = {}", word(known.is_atomic), known.name, known.first))
            .collect(),
        tasks: program.tasks.iter().map(|task| task.name.clone()).collect(),
        locks: program.locks.clone(),
        moves,
        code: shown.code.to_owned(),
        title: shown.title.clone(),
    }
}

fn rows(source: &Source, program: &Program, path: &[Step]) -> (Vec<Row>, State) {
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
        let (mut remark, mut choice) = (None, None);
        if began {
            text = "<Interrupt>".to_owned();
        } else if matches!(inst.map(|inst| &inst.op), Some(Op::Choose(..))) {
            choice = Some(step.alternative);
        } else if machine.has_parked(&state, step.task) && !parked {
            remark = Some("sleeps: gives the BKL up");
        } else if parked && !machine.has_parked(&state, step.task) {
            (text, remark) = (String::new(), Some("takes the BKL back"));
        } else if matches!(inst.map(|inst| &inst.op), Some(Op::Acquire(..))) && held[step.task] == held_before {
            remark = Some("waits");
        }
        let is_own = !began && remark != Some("takes the BKL back");
        let inst_grip = inst.filter(|_| is_own).and_then(|inst| grip(program, &inst.op));
        // A handler has begun, and has not yet come to its first line.
        let line = if began { 0 } else { line };
        let row = Row { task: step.task, text, remark, choice, line, held, grip: inst_grip };
        if row.shown().is_empty() {
            continue;
        }
        // Several steps of one line are one row.
        match rows.last_mut() {
            Some(last) if last.task == row.task && last.line == line && row.shown().starts_with(&last.shown()) => {
                let grip = row.grip.clone().or(last.grip.take());
                *last = Row { grip, ..row };
            }
            _ => rows.push(row),
        }
    }
    (rows, state)
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
            let texts = rows.iter().filter(|row| row.task == *task).map(|row| cut(&row.shown()).chars().count());
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
            (gutter(row, task), if task == row.task { cut(&row.shown()) } else { String::new() })
        }));
    }
    let legend: Vec<String> =
        letters.iter().map(|(lock, letter)| format!("{letter} = {}", program.locks[*lock].0)).collect();
    if !legend.is_empty() {
        text.push_str(&format!("        held: {}\n", legend.join(", ")));
    }
    text
}
