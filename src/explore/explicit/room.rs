//! What a program needs room for, and where it lies in the packed state.

use super::buffers;
use super::flow::{self, Keeping};
use super::layout::{Field, Lane, bits, lanes, pack};
use crate::engine::{Memory, READS_MAX};
use crate::subject::form::{Builder, Code, Inst, Kind};

/// What a task's code uses, and so needs room.
pub(super) struct Needs {
    pub reached: Vec<bool>,
    /// Number of each instruction among the reached visible, or quiet, ones.
    pub numbers: Vec<u16>,
    pub stops: u16,
    pub sleeps: bool,
    pub interrupted: bool,
    pub queues: Vec<bool>,
    /// The locks that it takes for reading.
    pub reads: Vec<bool>,
    /// Stores that can be on their way at once.
    pub stores: usize,
    pub live: Vec<Vec<bool>>,
    pub keeping: Vec<Keeping>,
}

impl Needs {
    pub fn of(builder: &Builder, at: usize, memory: Memory) -> Needs {
        let code = &builder.tasks[at];
        flow::assert_loops_step(code);
        let reached = flow::reached(code);
        let (mut stops, mut quiet) = (0, 0);
        let number = |at: usize| {
            let counter = if code.insts[at].is_visible() { &mut stops } else { &mut quiet };
            let number = *counter;
            *counter += u16::from(reached[at]);
            number
        };
        let numbers = (0..code.insts.len()).map(number).collect();
        let used =
            |wanted: &dyn Fn(Inst) -> bool| (0..code.insts.len()).any(|at| reached[at] && wanted(code.insts[at]));
        let queues = (0..builder.queues.len() as u16)
            .map(|queue| used(&|inst| matches!(inst, Inst::Enqueue(other) | Inst::Dequeue(other) if other.0 == queue)))
            .collect();
        let reads = (0..builder.locks.len() as u16)
            .map(|lock| used(&|inst| matches!(inst, Inst::AcquireRead(other) if other.0 == lock)))
            .collect();
        let signals = |code: &Code| code.insts.contains(&Inst::Interrupt(at));
        let live = code.live();
        Needs {
            keeping: flow::keeping(code, &live),
            live,
            sleeps: used(&|inst| matches!(inst, Inst::Enqueue(_))),
            interrupted: builder.tasks.iter().any(signals) && used(&|inst| matches!(inst, Inst::Sleep(..))),
            reached,
            numbers,
            stops,
            queues,
            reads,
            stores: if memory == Memory::Tso { buffers::room(code) } else { 0 },
        }
    }

    /// Where the fields of the locals begin, among those of the task's part.
    pub fn locals_at(&self) -> usize {
        FIXED + self.queues.len() + self.reads.len()
    }

    /// Ranges of the fields of the task's part: position, sleeping, interrupted, queues, locks that it reads, locals, stores.
    fn ranges(&self, code: &Code, store: &[std::ops::RangeInclusive<i64>; 2]) -> Vec<std::ops::RangeInclusive<i64>> {
        let flag = |used: bool| 0..=i64::from(used);
        let fixed = [0..=i64::from(self.stops), flag(self.sleeps), flag(self.interrupted)];
        let queues = self.queues.iter().map(|&used| flag(used));
        let reads = self.reads.iter().map(|&used| 0..=if used { i64::from(READS_MAX) } else { 0 });
        let stores = (0..self.stores).flat_map(|_| store.clone());
        let locals = code.locals.iter().zip(&self.keeping).map(|(local, keeping)| match keeping {
            Keeping::State => local.range.clone(),
            Keeping::Constant | Keeping::WithinAStep => local.first..=local.first,
        });
        fixed.into_iter().chain(queues).chain(reads).chain(locals).chain(stores).collect()
    }
}

/// Where everything lies.
pub(super) struct Layout {
    pub words: usize,
    pub cells: Vec<Field>,
    pub owners: Vec<Field>,
    /// Of semaphores: how many permits they have.
    pub permits: Vec<Field>,
    pub blocks: Vec<(Field, Field)>,
    pub jiffies: Field,
    /// Lanes and fields of each task.
    pub tasks: Vec<(Vec<Lane>, Vec<Field>)>,
}

/// Fields of a task's part that every task has: position, sleeping, interrupted.
pub(super) const FIXED: usize = 3;

/// The locals that live within a step alone, with where each lies in the lane that all tasks share.
fn shared_locals(code: &Code, needs: &Needs) -> Vec<(usize, u32)> {
    let mut offset = 0;
    let within = needs.keeping.iter().enumerate().filter(|(_, keeping)| **keeping == Keeping::WithinAStep);
    let placed = within.map(|(local, _)| {
        let at = offset;
        offset += bits(&code.locals[local].range);
        (local, at)
    });
    placed.collect()
}

/// What a semaphore can have: each `up` adds one, and one in a loop does so more often.
fn permits(builder: &Builder, lock: usize) -> std::ops::RangeInclusive<i64> {
    let spec = &builder.locks[lock];
    if spec.kind != Kind::Semaphore {
        return 0..=0;
    }
    let ups = |code: &Code| {
        let count =
            code.insts.iter().filter(|inst| matches!(inst, Inst::Up(other) if usize::from(other.0) == lock)).count();
        if flow::goes_round(code) { 16 * count as i64 } else { count as i64 }
    };
    0..=i64::from(spec.permits) + builder.tasks.iter().map(ups).sum::<i64>()
}

/// Lays everything out: the parts of the tasks, then what they share.
pub(super) fn layout(builder: &Builder, needs: &[Needs]) -> Layout {
    let owner = 0..=builder.tasks.len() as i64;
    let mut globals: Vec<_> = builder.cells.iter().map(|cell| cell.range.clone()).collect();
    let taken = |lock: usize| {
        let takes = |inst: &Inst| matches!(inst, Inst::Acquire(l) | Inst::TryAcquire(l, _) if usize::from(l.0) == lock);
        builder.tasks.iter().any(|code| code.insts.iter().any(takes))
    };
    globals.extend((0..builder.locks.len()).map(|lock| if taken(lock) { owner.clone() } else { 0..=0 }));
    for (_, lock) in &builder.blocks {
        globals.extend([0..=2, if lock.is_some() { owner.clone() } else { 0..=0 }]);
    }
    globals.extend((0..builder.locks.len()).map(|lock| permits(builder, lock)));
    globals.push(0..=i64::try_from(builder.jiffies_max).unwrap_or(i64::MAX));

    // A store names a cell or a lock, and brings what either can hold.
    let widest = globals.iter().map(bits).max().unwrap_or(0).min(63);
    let store = [0..=globals.len() as i64, 0..=i64::MAX >> (63 - widest)];
    let parts: Vec<_> = builder.tasks.iter().zip(needs).map(|(code, needs)| needs.ranges(code, &store)).collect();
    let split: Vec<_> = parts.iter().map(|ranges| lanes(&ranges.iter().map(bits).collect::<Vec<_>>())).collect();
    let within =
        |(code, needs)| shared_locals(code, needs).iter().map(|&(local, _)| bits(&code.locals[local].range)).sum();
    let shared: u32 = builder.tasks.iter().zip(needs).map(within).max().unwrap_or(0);
    let widths = split.iter().flat_map(|(widths, _)| widths.iter().copied()).chain(globals.iter().map(bits));
    let (placed, words) = pack(&widths.chain([shared]).collect::<Vec<_>>());
    let passing = *placed.last().expect("the shared lane is there");
    let mut placed = placed.into_iter();
    let task = |at: usize| {
        let (ranges, (widths, places)) = (&parts[at], &split[at]);
        let lanes: Vec<Lane> = placed.by_ref().take(widths.len()).collect();
        let mut fields: Vec<Field> =
            ranges.iter().zip(places).map(|(range, &(lane, at))| lanes[lane].field(at, range)).collect();
        let first = needs[at].locals_at();
        for (local, offset) in shared_locals(&builder.tasks[at], &needs[at]) {
            fields[first + local] = passing.field(offset, &builder.tasks[at].locals[local].range);
        }
        (lanes, fields)
    };
    let tasks = (0..parts.len()).map(task).collect();
    let mut fields = globals.iter().zip(placed).map(|(range, lane)| lane.field(0, range));
    let mut take = |count: usize| fields.by_ref().take(count).collect::<Vec<Field>>();
    Layout {
        words,
        tasks,
        cells: take(builder.cells.len()),
        owners: take(builder.locks.len()),
        blocks: (0..builder.blocks.len()).map(|_| take(2)).map(|two| (two[0], two[1])).collect(),
        permits: take(builder.locks.len()),
        jiffies: take(1)[0],
    }
}
