//! The translation: objects first, then each task, instruction for instruction.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::code::{Shared, Task, access, locks};
use super::refusal::{Refusal, first_line, refuse};
use crate::engine::Clock;
use crate::event::outcome::{Notation, Outcome, Remains};
use crate::event::{Access, Symbol};
use crate::outline::machine::{Code, Op, Program, Pure, Result as Returned, Rmw, Until, VALUE_MAX};
use crate::outline::source::Place;
use crate::outline::vocabulary::Mode;
use crate::program::interpreted::Interpreted;
use crate::subject::form::{Builder, Cell, CellKind, Change, Condition, Inst, Is, Local, Operator, Reader, Value};

/// The program for the engines.
///
/// # Errors
/// If it has something that they do not run.
pub fn translate(program: &Program) -> Result<Interpreted, Refusal> {
    translate_in(program, "outline")
}

/// The same, with places in the file of the name.
///
/// # Errors
/// If it has something that the engines do not run.
pub fn translate_in(program: &Program, file: &str) -> Result<Interpreted, Refusal> {
    refuse(program)?;
    let mut places: Vec<Vec<crate::event::Place>> = Vec::new();
    let file = Symbol::new(file);
    // What is made at the end of a task has no line of its own: that of the task's last one says best where it is.
    let place = |at: Place, last: u32| crate::event::Place::Text {
        file,
        line: if at.is_somewhere() { at.line } else { last.max(1) },
        column: at.from + 1,
    };
    let mut builder = Builder::new(Clock::Stopped, 0);
    let range = range(program);
    let kind = |is_atomic| if is_atomic { CellKind::Atomic } else { CellKind::Plain };
    let cells: Vec<Cell> = program
        .variables
        .iter()
        .map(|known| builder.cell(Symbol::new(&known.name), kind(known.is_atomic), range.clone(), known.first))
        .collect();
    let sequence = 0..=2 * times(program, |op| matches!(op, Op::Acquire(..)));
    let (locks, lines, counts) = locks(program, &mut builder, &sequence);
    let blocks: Vec<_> = program.objects.iter().map(|name| builder.block(Symbol::new(name), None)).collect();
    let shared = Shared {
        queues: program.queues.iter().map(|name| builder.queue(Symbol::new(queue_name(name)))).collect(),
        permits: program.counts.iter().map(|name| builder.semaphore(Symbol::new(name), 0)).collect(),
        pointers: blocks.into_iter().map(Builder::pointer).collect(),
        cells: cells.clone(),
        locks,
        lines,
        counts,
        range,
        sequence,
    };
    let mut told: Vec<Vec<(Symbol, Local)>> = Vec::new();
    for (at, of) in program.tasks.iter().enumerate() {
        let mut task = Task::new(&shared, program, of);
        task.translate()?;
        told.push(
            task.told().into_iter().map(|(name, local)| (Symbol::from(format!("{}.{name}", of.name)), local)).collect(),
        );
        if task.code.has_quiet_loop() {
            return Err(Refusal { what: "a loop without a step", line: first_line(&program.tasks[at]) });
        }
        let last = of.insts.iter().map(|inst| inst.place.line).max().unwrap_or(1);
        places.push(task.places.iter().map(|at| place(*at, last)).collect());
        builder.task(task.code);
    }
    let condition = |(pure, text, _): &(Pure, String, Place)| -> Condition {
        let pure = pure.clone();
        let cells = cells.clone();
        let holds = move |get: &dyn Fn(Cell) -> i64| eval(&pure, &|at| get(cells[at])) != 0;
        (Symbol::new(text), Arc::new(holds))
    };
    program.asserts.iter().map(condition).for_each(|condition| builder.assert(condition));
    program.nevers.iter().map(condition).for_each(|condition| builder.never(condition));
    let names: Vec<Symbol> = program.variables.iter().map(|known| Symbol::new(&known.name)).collect();
    let is_known: Vec<bool> = program.variables.iter().map(|known| !known.is_watched).collect();
    let tell = move |state: &dyn Reader| {
        let known = names.iter().zip(&cells).zip(&is_known).filter(|(_, is_known)| **is_known);
        let variables = known.map(|((name, cell), _)| Remains::word(*name, state.cell(*cell)));
        let locals = told.iter().enumerate().flat_map(|(task, told)| {
            told.iter().map(move |(name, local)| Remains::word(*name, state.local(task, *local)))
        });
        Outcome { results: Vec::new(), state: variables.chain(locals).collect(), notation: Notation::Names }
    };
    let tasks = program.tasks.iter().map(|task| task.name.clone()).collect();
    let asserts = program.asserts.iter().map(|(.., at)| place(*at, at.line)).collect();
    Ok(Interpreted::new(builder.build(Arc::new(tell)), tasks).with_places(places, asserts))
}

fn queue_name(name: &str) -> &str {
    if name.is_empty() { "the task's state" } else { name }
}

/// An expression over variables alone.
fn eval(pure: &Pure, get: &dyn Fn(usize) -> i64) -> i64 {
    match pure {
        Pure::Int(value) => *value,
        Pure::Shared(at) => get(*at),
        Pure::Local(_) => 0,
        Pure::Unary('!', inner) => i64::from(eval(inner, get) == 0),
        Pure::Unary(_, inner) => eval(inner, get).wrapping_neg(),
        Pure::Binary(op, left, right) => {
            crate::outline::expr::apply(op, eval(left, get), eval(right, get)).unwrap_or(0)
        }
    }
}

/// How often instructions like these can run at most; one in a loop counts sixteen times.
fn times(program: &Program, counts: impl Fn(&Op) -> bool) -> i64 {
    let of = |code: &Code| {
        let each = if goes_round(code) { 16 } else { 1 };
        each * code.insts.iter().filter(|inst| counts(&inst.op)).count() as i64
    };
    program.tasks.iter().map(of).sum()
}

fn goes_round(code: &Code) -> bool {
    let is_backward = |(at, inst): (usize, &crate::outline::machine::Inst)| matches!(inst.op, Op::Jump(to) | Op::Unless(_, to) if to <= at);
    code.insts.iter().enumerate().any(is_backward)
}

/// Values that variables and locals can have: the numbers of the program, and as many steps from there as it can make.
fn range(program: &Program) -> RangeInclusive<i64> {
    let (mut low, mut high, mut step, mut is_wide) = (0, 2, 1, false);
    let mut see = |value: i64| (low, high) = (low.min(value), high.max(value));
    program.variables.iter().for_each(|known| see(known.first));
    fn each(pure: &Pure, see: &mut impl FnMut(&Pure)) {
        see(pure);
        match pure {
            Pure::Unary(_, inner) => each(inner, see),
            Pure::Binary(_, left, right) => {
                each(left, see);
                each(right, see);
            }
            _ => {}
        }
    }
    let mut adds = 0;
    let mut look = |pure: &Pure| {
        each(pure, &mut |pure| match pure {
            Pure::Int(value) => {
                see(*value);
                step = step.max(value.abs());
            }
            Pure::Binary("*" | "|", ..) => is_wide = true,
            Pure::Binary("+" | "-", ..) | Pure::Unary('-', _) => adds += 1,
            _ => {}
        });
    };
    for inst in program.tasks.iter().flat_map(|code| &code.insts) {
        match &inst.op {
            Op::Store(_, pure, _) | Op::Set(_, pure) | Op::Unless(pure, _) => look(pure),
            Op::Assert(pure, _) | Op::Await(pure) => look(pure),
            Op::Modify(_, Rmw::Add(by, _), ..) => look(by),
            Op::Modify(_, Rmw::Swap(value), ..) => look(value),
            Op::Modify(_, Rmw::Compare(old, new), ..) => {
                look(old);
                look(new);
            }
            _ => {}
        }
    }
    let changes = times(program, |op| matches!(op, Op::Modify(_, Rmw::Add(..) | Rmw::AddNotZero, ..)));
    let goes_round = program.tasks.iter().any(goes_round);
    let choices = program.tasks.iter().flat_map(|code| &code.insts);
    let most = choices.map(|inst| if let Op::Choose(n, _) = inst.op { i64::from(n) } else { 0 }).max().unwrap_or(0);
    let far = step.saturating_mul(changes + if goes_round { 16 * adds } else { adds });
    if is_wide || far > VALUE_MAX {
        return low.min(-VALUE_MAX)..=high.max(VALUE_MAX);
    }
    low - far..=high.max(most) + far
}

/// The queue that a name means: where one of two is without a name, they are one.
fn queue(program: &Program, at: usize) -> usize {
    let insts = program.tasks.iter().flat_map(|code| &code.insts);
    let named: BTreeSet<usize> = insts
        .filter_map(|inst| if let Op::Prepare(queue) | Op::Wake(queue) = inst.op { Some(queue) } else { None })
        .collect();
    if named.contains(&0) { named.last().copied().unwrap_or(0) } else { at }
}

impl Task<'_> {
    fn translate(&mut self) -> Result<(), Refusal> {
        let of = self.of;
        for (at, inst) in of.insts.iter().enumerate() {
            self.code.place(self.labels[at]);
            self.place = inst.place;
            self.one(&inst.op).map_err(|what| Refusal { what, line: inst.place.line })?;
        }
        self.code.place(self.labels[of.insts.len()]);
        Ok(())
    }

    fn one(&mut self, op: &Op) -> Result<(), &'static str> {
        match op {
            Op::Acquire(lock, mode, None) => self.acquire(*lock, *mode),
            Op::Acquire(lock, _, Some((to, yes))) => {
                let to = self.local(*to);
                self.attempt(*lock, to, *yes);
            }
            Op::Release(lock, mode) => {
                let mode = self.mode(*lock, *mode)?;
                self.release(*lock, mode);
            }
            Op::ReleaseAtEnd(lock) => {
                let mode = self.mode(*lock, None)?;
                self.release_at_end(*lock, mode);
            }
            Op::Load(cell, to, order) => {
                self.use_owner(*cell);
                let to = self.local(*to);
                self.push(Inst::Load(self.shared.cells[*cell], access(*order), Some(to)));
            }
            Op::Store(cell, value, order) => {
                self.use_owner(*cell);
                let value = self.value(value);
                self.push(Inst::Store(self.shared.cells[*cell], value, access(*order)));
            }
            Op::Modify(cell, change, order, to) => {
                if *change != Rmw::AddNotZero {
                    self.use_owner(*cell);
                }
                self.modify(*cell, change, access(*order), *to);
                if *change == Rmw::AddNotZero {
                    self.use_owner_if(*cell, *to);
                }
            }
            Op::Set(to, value) => {
                let to = self.local(*to);
                self.set(to, value);
            }
            Op::Unless(cond, target) => self.go(cond, false, self.labels[*target]),
            Op::Jump(target) => self.push(Inst::Jump(self.labels[*target])),
            Op::Choose(n, to) => {
                let to = self.local(*to);
                self.push(Inst::Choose(*n, to));
            }
            Op::MaySleep => {
                self.push(Inst::MightSleep("might_sleep".into()));
                self.dropped(|_| ());
            }
            Op::Assert(cond, text) => {
                let holds = self.code.label();
                self.go(cond, true, holds);
                self.push(Inst::Bug(Symbol::new(text)));
                self.code.place(holds);
            }
            Op::Fence => self.push(Inst::Fence),
            other => return self.rarely(other),
        }
        Ok(())
    }

    fn rarely(&mut self, op: &Op) -> Result<(), &'static str> {
        match op {
            Op::Prepare(at) => self.push(Inst::Enqueue(self.shared.queues[queue(self.program, *at)])),
            Op::Running => {
                if let Some(at) = self.own_queue()? {
                    self.push(Inst::Dequeue(self.shared.queues[at]));
                }
            }
            Op::Wake(at) => self.push(Inst::Wake(self.shared.queues[queue(self.program, *at)])),
            Op::Sleep(until, to) => self.sleep(*until, *to)?,
            Op::WaitCount(count, until, to) => self.wait_count(*count, *until, *to),
            Op::Count(count, _) => self.push(Inst::Up(self.shared.permits[*count])),
            Op::SeqBegin(lock, to) => self.seq_begin(*lock, *to),
            Op::SeqRetry(lock, since, to) => {
                let (since, to) = (self.local(*since), self.local(*to));
                let now = self.code.local(self.shared.sequence.clone(), 0);
                let count = self.shared.counts[*lock].ok_or("a count of a lock that is no seqlock")?;
                self.push(Inst::Load(count, Access::Acquire, Some(now)));
                self.push(Inst::Binary(to, Operator::Ne, Value::Sum(now, 0), Value::Sum(since, 0)));
            }
            Op::Await(cond) => {
                let again = self.code.label();
                self.code.place(again);
                self.go(cond, false, again);
            }
            Op::Free(object) => {
                let pointer = self.pointer(*object);
                self.push(Inst::Free(pointer));
            }
            Op::Use(object) => {
                let pointer = self.pointer(*object);
                self.push(Inst::Use(pointer, Symbol::new(&self.program.objects[*object])));
            }
            Op::Irq(_) | Op::IrqDisable | Op::Bh(_) | Op::Rcu(_) => {}
            Op::Note | Op::WeakFence | Op::Row(_) | Op::Alloc(_) => {}
            _ => return Err("this"),
        }
        Ok(())
    }

    /// How a lock is given back: as it is said, or as the task takes it.
    fn mode(&self, lock: usize, said: Option<Mode>) -> Result<Mode, &'static str> {
        if !self.program.locks[lock].1.is_shared() {
            return Ok(Mode::Write);
        }
        let modes: BTreeSet<Mode> = self
            .of
            .insts
            .iter()
            .filter_map(
                |inst| if let Op::Acquire(other, mode, _) = inst.op { (other == lock).then_some(mode) } else { None },
            )
            .collect();
        match (said, modes.len()) {
            (_, 1) => Ok(modes.first().copied().unwrap_or(Mode::Write)),
            (Some(mode), _) => Ok(mode),
            (None, _) => Err("a release that does not say whether a reader or a writer gives back"),
        }
    }

    fn modify(&mut self, cell: usize, change: &Rmw, access: Access, to: usize) {
        let (cell, to) = (self.shared.cells[cell], self.local(to));
        let old = self.temp();
        match change {
            Rmw::Add(by, Returned::Nothing) => {
                let by = self.value(by);
                self.push(Inst::Rmw(cell, Change::Add(by), access, None));
                self.push(Inst::Set(to, Value::Const(0)));
            }
            Rmw::Add(by, returned) => {
                // What is added unordered returns nothing in C; where user land has it, it is a little more than that here.
                let access = if access == Access::Once { Access::Acquire } else { access };
                let by = self.value(by);
                self.push(Inst::Rmw(cell, Change::Add(by), access, Some(old)));
                let new = |task: &mut Self| match by {
                    Value::Const(by) => Value::Sum(old, by),
                    by => {
                        let sum = task.temp();
                        task.push(Inst::Binary(sum, Operator::Add, Value::Sum(old, 0), by));
                        Value::Sum(sum, 0)
                    }
                };
                match returned {
                    Returned::Old | Returned::Nothing => self.push(Inst::Set(to, Value::Sum(old, 0))),
                    Returned::New => {
                        let new = new(self);
                        self.push(Inst::Set(to, new));
                    }
                    Returned::IsZero => {
                        let new = new(self);
                        self.push(Inst::Binary(to, Operator::Eq, new, Value::Const(0)));
                    }
                }
            }
            Rmw::Swap(value) => {
                let value = self.value(value);
                self.push(Inst::Rmw(cell, Change::Xchg(value), access, Some(to)));
            }
            Rmw::Compare(expected, value) => {
                let (expected, value) = (self.value(expected), self.value(value));
                self.push(Inst::Rmw(cell, Change::CmpXchg(expected, value), access, Some(to)));
            }
            Rmw::AddNotZero => {
                self.push(Inst::Rmw(cell, Change::IncNotZero, access, Some(old)));
                self.push(Inst::Binary(to, Operator::Ne, Value::Sum(old, 0), Value::Const(0)));
            }
        }
    }

    /// The queue that the task gets ready to sleep on; none if it never does.
    fn own_queue(&self) -> Result<Option<usize>, &'static str> {
        let prepared = self.of.insts.iter().filter_map(|inst| match inst.op {
            Op::Prepare(at) => Some(queue(self.program, at)),
            _ => None,
        });
        let own: BTreeSet<usize> = prepared.collect();
        if own.len() > 1 { Err("a task that sleeps on several queues") } else { Ok(own.first().copied()) }
    }

    /// A timeout may come at any time, so a sleep with one is a look at whether somebody has woken the task.
    fn sleep(&mut self, until: Until, to: usize) -> Result<(), &'static str> {
        let to = self.local(to);
        self.push(Inst::MightSleep("schedule".into()));
        let Some(at) = self.own_queue()? else {
            self.push(Inst::Set(to, Value::Const(1)));
            return Ok(());
        };
        if until == Until::Woken {
            self.dropped(|task| task.push(Inst::Sleep(None, None)));
            self.push(Inst::Set(to, Value::Const(1)));
            return Ok(());
        }
        let (deadline, woken) = (self.code.local(0..=0, 0), self.code.local(0..=2, 0));
        self.dropped(|task| task.push(Inst::Sleep(Some(deadline), Some(woken))));
        let (up, after) = (self.code.label(), self.code.label());
        self.push(Inst::Branch(woken, Is::Eq(0), up));
        self.push(Inst::Dequeue(self.shared.queues[at]));
        self.push(Inst::Set(to, Value::Const(0)));
        self.push(Inst::Jump(after));
        self.code.place(up);
        self.push(Inst::Set(to, Value::Const(1)));
        self.code.place(after);
        Ok(())
    }

    fn wait_count(&mut self, count: usize, until: Until, to: usize) {
        let (permits, to) = (self.shared.permits[count], self.local(to));
        self.push(Inst::MightSleep("wait_for_completion".into()));
        if until == Until::Timeout {
            return self.push(Inst::TryDown(permits, Some(to)));
        }
        self.dropped(|task| task.push(Inst::Down(permits)));
        self.push(Inst::Set(to, Value::Const(1)));
    }

    /// Reads the count until it is even.
    fn seq_begin(&mut self, lock: usize, to: usize) {
        let to = self.local(to);
        let Some(count) = self.shared.counts[lock] else { return self.push(Inst::Set(to, Value::Const(0))) };
        let (again, odd) = (self.code.label(), self.flag());
        self.code.place(again);
        self.push(Inst::Load(count, Access::Acquire, Some(to)));
        self.push(Inst::Binary(odd, Operator::Rem, Value::Sum(to, 0), Value::Const(2)));
        self.push(Inst::Branch(odd, Is::Ne(0), again));
    }
}
