//! Small programs interpreted: the same steps as on the kernel, as instructions of [`crate::subject::form`].
//!
//! What the kernel's functions do is written out here once more, step for step: `schedule()` that gives the BKL back, `wait_event`
//! that queues before it looks, `kmalloc` that may fail. The comparison of the engines holds the two together.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::event::Symbol;
use crate::event::outcome::Outcome;
use crate::program::small::flat::{Line, is_repeated};
use crate::program::small::names::{QUEUES, SLOTS};
use crate::program::small::{Labels, LockKind, Small, Stmt};
use crate::subject::form::{Block, Builder, Cell, CellKind, Form, Kind, Lock, Queue, Reader};

mod body;

use body::Body;

/// How far a value may go that a loop without a bound changes.
const UNBOUNDED: i64 = 1 << 20;

/// The values that a cell or an atomic can have: what is written to it, and that many steps up and down.
fn range(first: i64, writes: impl Iterator<Item = Write>) -> RangeInclusive<i64> {
    let (mut low, mut high, mut up, mut down) = (first, first, 0i64, 0i64);
    for write in writes {
        match write {
            Write::Value(value) => (low, high) = (low.min(value), high.max(value)),
            Write::Step(by) => (down, up) = (down.saturating_add(by.min(0)), up.saturating_add(by.max(0))),
        }
    }
    low.saturating_add(down)..=high.saturating_add(up)
}

enum Write {
    Value(i64),
    Step(i64),
}

/// A program on its way to instructions.
struct Translation<'a> {
    small: &'a Small,
    builder: Builder,
    jiffies_max: i64,
    locks: Vec<Lock>,
    bkl: Lock,
    cells: Vec<(Cell, RangeInclusive<i64>)>,
    atomics: Vec<(Cell, RangeInclusive<i64>)>,
    slots: Vec<Cell>,
    queues: Vec<Queue>,
    blocks: Vec<Block>,
}

/// The explicit form; `None` if a loop without a bound records or allocates.
pub(super) fn program(
    small: &Small,
    labels: &Labels,
    tell: impl Fn(&[Vec<i64>], &[(Symbol, i64)]) -> Outcome + Send + Sync + 'static,
) -> Option<Form> {
    let tasks = small.lines();
    for task in &tasks {
        let repeated = is_repeated(task).into_iter().zip(task);
        if repeated.into_iter().any(|(repeated, line)| repeated && (line.stmt.records() || line.stmt.allocates())) {
            return None;
        }
    }
    let mut translation = Translation::new(small, &tasks, labels);
    let mut next_block = 0;
    let mut told = Vec::new();
    for lines in &tasks {
        let (code, recorded) = Body::translate(&translation, lines, &mut next_block);
        translation.builder.task(code);
        told.push(recorded);
    }
    let cells = translation.cells.iter().map(|(cell, _)| *cell).zip(labels.cells.iter().copied());
    let atomics = translation.atomics.iter().map(|(cell, _)| *cell).zip(labels.atomics.iter().copied());
    let named: Vec<(Cell, Symbol)> = cells.chain(atomics).collect();
    let tell = move |state: &dyn Reader| {
        let seen = told.iter().enumerate().map(|(task, recorded)| {
            let values = recorded.iter().map(|&(local, unset)| (state.local(task, local), unset));
            values.filter(|(value, unset)| value != unset).map(|(value, _)| value).collect()
        });
        let values: Vec<(Symbol, i64)> = named.iter().map(|&(cell, name)| (name, state.cell(cell))).collect();
        tell(&seen.collect::<Vec<Vec<i64>>>(), &values)
    };
    Some(translation.builder.build(Arc::new(tell)))
}

impl<'a> Translation<'a> {
    fn new(small: &'a Small, tasks: &[Vec<Line>], labels: &Labels) -> Translation<'a> {
        let times = tasks.iter().flat_map(|lines| {
            let repeated = is_repeated(lines).into_iter().map(|repeated| if repeated { UNBOUNDED } else { 1 });
            lines.iter().map(|line| line.stmt).zip(repeated)
        });
        let all: Vec<(Stmt, i64)> = times.collect();
        let jiffies = all.iter().map(|&(stmt, times)| match stmt {
            Stmt::Advance(by) | Stmt::Wait(_, _, _, Some(by)) => by.saturating_mul(times as u64),
            _ => 0,
        });
        let jiffies_max = jiffies.fold(0u64, u64::saturating_add);
        let mut builder = Builder::new(small.clock, jiffies_max);
        let kind = |kind: LockKind| if kind == LockKind::Spin { Kind::Spin } else { Kind::Mutex };
        let locks =
            small.locks.iter().zip(&labels.locks).map(|(&of, &name)| builder.lock(name.as_str(), kind(of))).collect();
        let bkl = builder.lock("kernel_flag", Kind::Bkl);
        let mut memory = |kind, first: i64, name, writes: &dyn Fn(Stmt) -> Vec<Write>, most: RangeInclusive<i64>| {
            let writes =
                all.iter().flat_map(|&(stmt, times)| writes(stmt).into_iter().map(move |write| (write, times)));
            let writes = writes.map(|(write, times)| match write {
                Write::Step(by) => Write::Step(by.saturating_mul(times)),
                value => value,
            });
            let range = range(first, writes);
            let range = *range.start().max(most.start())..=*range.end().min(most.end());
            (builder.cell(name, kind, range.clone(), first), range)
        };
        let cells = small.cells.iter().zip(&labels.cells).enumerate().map(|(at, (&first, &name))| {
            memory(CellKind::Plain, first, name.as_str(), &|stmt| writes_to_cell(stmt, at), i64::MIN..=i64::MAX)
        });
        let cells = cells.collect();
        let atomics = small.atomics.iter().zip(&labels.atomics).enumerate().map(|(at, (&first, &name))| {
            let most = i64::from(i32::MIN)..=i64::from(i32::MAX);
            memory(CellKind::Atomic, i64::from(first), name.as_str(), &|stmt| writes_to_atomic(stmt, at), most)
        });
        let atomics = atomics.collect();
        let allocations = all.iter().filter(|(stmt, _)| stmt.allocates()).count();
        let locked = all.iter().any(|(stmt, _)| matches!(stmt, Stmt::LockInside(_) | Stmt::UnlockInside(_)));
        let blocks = (0..allocations).map(|_| builder.block("thing", locked.then_some("thing.lock".into()))).collect();
        let slot =
            |builder: &mut Builder, &name: &Symbol| builder.cell(name, CellKind::Plain, 0..=allocations as i64, 0);
        let slots = SLOTS[..small.slots].iter().map(|name| slot(&mut builder, name)).collect();
        let queues = QUEUES[..small.queues].iter().map(|&name| builder.queue(name)).collect();
        let jiffies_max = i64::try_from(jiffies_max).unwrap_or(i64::MAX);
        Translation { small, builder, jiffies_max, locks, bkl, cells, atomics, slots, queues, blocks }
    }
}

fn writes_to_cell(stmt: Stmt, at: usize) -> Vec<Write> {
    match stmt {
        Stmt::Store(cell, value) | Stmt::StoreOnce(cell, value) if cell == at => vec![Write::Value(value)],
        Stmt::Inc(cell) if cell == at => vec![Write::Step(1)],
        Stmt::AddOnce(cell, by) if cell == at => vec![Write::Step(by)],
        _ => vec![],
    }
}

fn writes_to_atomic(stmt: Stmt, at: usize) -> Vec<Write> {
    match stmt {
        Stmt::AtomicSet(atomic, value) | Stmt::Cmpxchg(atomic, _, value) if atomic == at => {
            vec![Write::Value(i64::from(value))]
        }
        Stmt::AtomicInc(atomic) if atomic == at => vec![Write::Step(1)],
        Stmt::AtomicDec(atomic) | Stmt::DecAndTest(atomic, _) if atomic == at => vec![Write::Step(-1)],
        _ => vec![],
    }
}
