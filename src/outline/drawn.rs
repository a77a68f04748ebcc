//! A diagram as drawn: its rows one after the other, cells of a row from the left.
//!
//! A task that cannot go on at its row waits there, as lockdep's boxes have it. If a later row wants it to have gone on, that row is
//! impossible, and who holds what is the reason.

use super::machine::{Machine, Op, Program, Shown, Start, State, Step};
use super::search::{self, standstill};
use super::source::Place;

/// What comes of it.
#[derive(Debug)]
pub enum Drawn {
    /// A finding, at the line.
    Finding(Shown, u32, Vec<Step>),
    /// Every row is possible, and nothing is found.
    Possible(Vec<Step>),
    /// From this line on it is not: why.
    Impossible(u32, Place, String),
    /// A loop does not end in as many steps as are tried.
    Unknown,
}

/// Steps that are tried.
const STEPS_MAX: usize = 20_000;

struct Player<'p> {
    machine: Machine<'p>,
    state: State,
    path: Vec<Step>,
    shown: Option<(Shown, u32)>,
}

/// Plays the rows of the columns; `lines` are those of all cells.
pub fn play(program: &Program) -> Drawn {
    let machine = Machine::new(program);
    let state = machine.first();
    let mut player = Player { machine, state, path: Vec::new(), shown: None };
    let mut lines: Vec<u32> = program
        .tasks
        .iter()
        .flat_map(|task| task.insts.iter().map(|inst| inst.place.line))
        .filter(|line| *line > 0)
        .collect();
    lines.sort_unstable();
    lines.dedup();
    for &line in &lines {
        for task in 0..program.tasks.len() {
            if let Some(drawn) = player.row(task, line) {
                return drawn;
            }
        }
        if let Some((shown, line)) = player.shown.take() {
            return Drawn::Finding(shown, line, player.path);
        }
    }
    player.finish(lines.last().copied().unwrap_or(0))
}

impl Player<'_> {
    /// The task does what its column has in the row.
    fn row(&mut self, task: usize, line: u32) -> Option<Drawn> {
        let program = self.machine.program;
        let own = program.tasks[task].insts.iter().any(|inst| inst.place.line == line);
        if !own {
            return None;
        }
        if self.machine.is_over(&self.state, task)
            && matches!(program.tasks[task].start, Start::Hard(_) | Start::Soft(_))
        {
            // A handler begins in the first of its rows.
            let first = program.tasks[task].insts.iter().map(|inst| inst.place.line).find(|line| *line > 0);
            if first == Some(line) && !self.advance(task, line) && !self.begin_behind(task, line) {
                let place = program.tasks[task].insts.first().map_or(Place::default(), |inst| inst.place);
                return Some(Drawn::Impossible(
                    line,
                    place,
                    format!("{} cannot begin: interrupts are off there", program.tasks[task].name),
                ));
            }
        }
        loop {
            if self.machine.is_over(&self.state, task) {
                return None;
            }
            let at = self.machine.inst(&self.state, task)?.place;
            if at.line > line || at.line == 0 {
                return None;
            }
            if self.path.len() > STEPS_MAX {
                return Some(Drawn::Unknown);
            }
            if !self.advance(task, line) {
                self.retry(line);
                if self.advance(task, line) {
                    continue;
                }
                // It waits here. That is what the last rows of a deadlock do; an earlier one has to end.
                if at.line >= line {
                    return None;
                }
                let stands = self.stands_still(task, at.line);
                return Some(stands.unwrap_or_else(|| Drawn::Impossible(line, at, self.reason(task))));
            }
        }
    }

    /// An interrupt whose column has come to its end, with interrupts on, comes on an idle CPU.
    fn begin_behind(&mut self, handler: usize, line: u32) -> bool {
        let step = Step { task: handler, alternative: 0 };
        if !self.machine.is_left_open(&self.state, handler) {
            return false;
        }
        let shown = self.machine.step(&mut self.state, step);
        self.path.push(step);
        if let Some(shown) = shown.into_iter().next() {
            self.shown.get_or_insert((shown, line));
        }
        true
    }

    /// It waits at its row for what none of the others ever does, whatever their rows: not for a lock, of which its holder is the reason.
    fn stands_still(&self, task: usize, row: u32) -> Option<Drawn> {
        let program = self.machine.program;
        if matches!(self.machine.inst(&self.state, task)?.op, Op::Acquire(..)) {
            return None;
        }
        let player =
            Player { machine: Machine::new(program), state: self.state.clone(), path: self.path.clone(), shown: None };
        match player.finish(row) {
            Drawn::Finding(shown, _, path) if shown.code == "LW008" => Some(Drawn::Finding(shown, row, path)),
            _ => None,
        }
    }

    /// Tasks that waited may have what they waited for.
    fn retry(&mut self, line: u32) {
        for task in 0..self.machine.program.tasks.len() {
            while !self.machine.is_over(&self.state, task)
                && self
                    .machine
                    .inst(&self.state, task)
                    .is_some_and(|inst| inst.place.line > 0 && inst.place.line < line)
                && self.path.len() < STEPS_MAX
                && self.advance(task, line)
            {}
        }
    }

    fn advance(&mut self, task: usize, line: u32) -> bool {
        let mut steps = Vec::new();
        self.machine.enabled_of(&self.state, task, &mut steps);
        // Of a choice, what is drawn happens: the last alternative is yes.
        let Some(step) = steps.last().copied() else { return false };
        let before = self.state.clone();
        let shown = self.machine.step(&mut self.state, step);
        if self.state == before {
            return false;
        }
        self.path.push(step);
        if let Some(shown) = shown.into_iter().next() {
            self.shown.get_or_insert((shown, line));
        }
        true
    }

    fn reason(&self, task: usize) -> String {
        let program = self.machine.program;
        let name = &program.tasks[task].name;
        match self.machine.inst(&self.state, task).map(|inst| &inst.op) {
            Some(Op::Acquire(lock, ..)) => {
                let holders: Vec<&str> = self
                    .machine
                    .holders(&self.state, task, *lock)
                    .iter()
                    .map(|holder| program.tasks[*holder].name.as_str())
                    .collect();
                format!("{name} still waits for {}, which {} holds", program.locks[*lock].0, holders.join(" and "))
            }
            Some(Op::Flush(other, _) | Op::Spin(other)) => {
                format!("{name} still waits until {} has ended", program.tasks[*other].name)
            }
            Some(op) => format!("{name} still waits {}", search::waits_for(op)),
            None => format!("{name} has ended"),
        }
    }

    /// Behind the last row the tasks run to their ends, the first first.
    fn finish(mut self, line: u32) -> Drawn {
        let tasks = self.machine.program.tasks.len();
        loop {
            let mut moved = false;
            for task in 0..tasks {
                while self.path.len() < STEPS_MAX
                    && !self.machine.is_over(&self.state, task)
                    && self.advance(task, line)
                {
                    moved = true;
                }
            }
            if !moved || self.path.len() >= STEPS_MAX {
                break;
            }
        }
        let is_cut = self.shown.is_none() && self.path.len() >= STEPS_MAX;
        if is_cut {
            return Drawn::Unknown;
        }
        if let Some((shown, line)) = self.shown.take() {
            return Drawn::Finding(shown, line, self.path);
        }
        let waiting: Vec<usize> = (0..tasks).filter(|task| !self.machine.is_over(&self.state, *task)).collect();
        let found =
            if waiting.is_empty() { None } else { standstill(&self.machine, &self.state, &waiting).into_iter().next() };
        match found {
            Some(shown) => Drawn::Finding(shown, line, self.path),
            None => Drawn::Possible(self.path),
        }
    }
}
