//! What the steps of a task touch, now and from now on: the static part of the [reduction](super::reduce).
//!
//! A step is a visible instruction with the quiet ones after it. It *reads*, *writes* or *adds to* objects: cells, locks, queues, who is
//! signalled, the slab, the clock. Two steps are independent if neither writes what the other touches, and neither reads what the other
//! adds to; two additions whose result nobody looks at commute. Where a program has more objects than a word has bits, some share one:
//! that makes steps dependent that are not, which is safe.

use super::flow;
use crate::engine::Clock;
use crate::event::Access;
use crate::subject::form::{Builder, Change, Code, Inst, Lock};

/// Objects, by bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    reads: u64,
    writes: u64,
    adds: u64,
}

/// Time.
const CLOCK: u64 = 1;
/// All slab objects: which one a pointer names is not known before it runs.
const SLAB: u64 = 2;
/// Objects with a bit of their own to share.
const SHARED: usize = 62;

impl Footprint {
    fn reading(objects: u64) -> Footprint {
        Footprint { reads: objects, ..Footprint::default() }
    }

    fn writing(objects: u64) -> Footprint {
        Footprint { writes: objects, ..Footprint::default() }
    }

    /// What both touch.
    pub fn and(self, other: Footprint) -> Footprint {
        Footprint { reads: self.reads | other.reads, writes: self.writes | other.writes, adds: self.adds | other.adds }
    }

    /// Does the order of the two matter?
    #[inline(always)]
    pub fn meets(self, other: Footprint) -> bool {
        let written = self.writes & (other.reads | other.writes | other.adds);
        let read = self.reads & (other.writes | other.adds);
        let added = self.adds & (other.reads | other.writes);
        written | read | added != 0
    }

    /// Has it to do with time?
    pub fn is_timed(self) -> bool {
        (self.reads | self.writes) & CLOCK != 0
    }
}

/// What is known of a task before it runs, stop by stop.
pub(super) struct Prints {
    /// What the next step touches.
    pub next: Vec<Footprint>,
    /// Can the next step go back to an instruction that came before?
    pub goes_back: Vec<bool>,
    /// What is touched from there on, the next step included; then for each lock, what is touched before it is taken.
    pub future: Vec<Vec<Footprint>>,
}

/// Numbers of objects.
struct Objects<'a> {
    builder: &'a Builder,
    /// A mistake to be noticed: what is read is not touched.
    forgets_reads: bool,
}

impl Objects<'_> {
    fn bit(number: usize) -> u64 {
        4 << (number % SHARED)
    }

    fn cell(&self, cell: u16) -> u64 {
        Objects::bit(usize::from(cell))
    }

    fn lock(&self, lock: u16) -> u64 {
        Objects::bit(self.builder.cells.len() + usize::from(lock))
    }

    fn queue(&self, queue: u16) -> u64 {
        Objects::bit(self.builder.cells.len() + self.builder.locks.len() + usize::from(queue))
    }

    fn signals(&self, task: usize) -> u64 {
        let before = self.builder.cells.len() + self.builder.locks.len() + self.builder.queues.len();
        Objects::bit(before + task)
    }

    /// Where a free clock runs, who sleeps decides when it can: it has to do with all that puts to sleep and wakes.
    fn rouses(&self) -> u64 {
        if self.builder.clock == Clock::Free { CLOCK } else { 0 }
    }

    fn of(&self, task: usize, inst: Inst) -> Footprint {
        match inst {
            Inst::Load(..) if self.forgets_reads => Footprint::default(),
            Inst::Load(cell, ..) => Footprint::reading(self.cell(cell.0)),
            // An unmarked one races with its like, so its order matters.
            Inst::Rmw(cell, Change::Add(_), how, None) if how != Access::Plain => {
                Footprint { adds: self.cell(cell.0), ..Footprint::default() }
            }
            Inst::Store(cell, ..) | Inst::Rmw(cell, ..) => Footprint::writing(self.cell(cell.0)),
            Inst::Acquire(lock) | Inst::TryAcquire(lock, _) | Inst::Release(lock) => {
                Footprint::writing(self.lock(lock.0))
            }
            Inst::Down(lock) | Inst::TryDown(lock, _) | Inst::Up(lock) => Footprint::writing(self.lock(lock.0)),
            // Readers come and go in any order.
            Inst::AcquireRead(lock) | Inst::ReleaseRead(lock) => {
                Footprint { adds: self.lock(lock.0), ..Footprint::default() }
            }
            Inst::Enqueue(queue) | Inst::Dequeue(queue) | Inst::Wake(queue) => {
                Footprint::writing(self.queue(queue.0) | self.rouses())
            }
            Inst::Sleep(deadline, _) => {
                let insts = &self.builder.tasks[task].insts;
                let queues = insts.iter().filter_map(|inst| match inst {
                    Inst::Enqueue(queue) => Some(self.queue(queue.0)),
                    _ => None,
                });
                let woken_by = queues.fold(self.signals(task) | self.rouses(), |all, queue| all | queue);
                let time = if deadline.is_some() { CLOCK } else { 0 };
                Footprint { reads: time, writes: woken_by, adds: 0 }
            }
            Inst::Interrupt(task) => Footprint::writing(self.signals(task) | self.rouses()),
            Inst::Advance(_) => Footprint::writing(CLOCK),
            Inst::Deadline(..) => Footprint::reading(CLOCK),
            Inst::Use(..) => Footprint::reading(SLAB),
            Inst::Free(_) | Inst::AcquireIn(_) | Inst::ReleaseIn(_) | Inst::Alloc(_) => Footprint::writing(SLAB),
            Inst::Fence
            | Inst::Choose(..)
            | Inst::Set(..)
            | Inst::Binary(..)
            | Inst::Branch(..)
            | Inst::Jump(_)
            | Inst::MightSleep(_)
            | Inst::Preempt(_)
            | Inst::Bug(_) => Footprint::default(),
        }
    }
}

/// The visible instructions that come next after the one at `at`, with what the quiet ones between them touch, and whether any of that
/// goes back.
fn step(objects: &Objects<'_>, task: usize, code: &Code, at: usize) -> (Vec<usize>, Footprint, bool) {
    let (mut next, mut touched, mut goes_back) = (Vec::new(), objects.of(task, code.insts[at]), false);
    let mut seen = vec![false; code.insts.len() + 1];
    let mut open: Vec<usize> = Vec::new();
    let mut go = |from: usize, open: &mut Vec<usize>| {
        for to in code.successors(from) {
            goes_back |= to <= from;
            open.push(to);
        }
    };
    go(at, &mut open);
    while let Some(here) = open.pop() {
        if std::mem::replace(&mut seen[here], true) {
            continue;
        }
        match code.insts.get(here) {
            Some(inst) if !inst.is_visible() => {
                touched = touched.and(objects.of(task, *inst));
                go(here, &mut open);
            }
            _ => next.push(here),
        }
    }
    (next, touched, goes_back)
}

/// Does it wait while another task holds the lock alone?
fn takes(inst: Inst, lock: Lock) -> bool {
    inst == Inst::Acquire(lock) || inst == Inst::AcquireRead(lock)
}

/// What is known of each task. Stops are numbered as they are compiled: the visible instructions that are reached, then the end.
pub(super) fn prints(builder: &Builder, forgets_reads: bool) -> Vec<Prints> {
    let objects = Objects { builder, forgets_reads };
    let of = |(task, code): (usize, &Code)| {
        let reached = flow::reached(code);
        let visible = |at: &usize| reached[*at] && code.insts[*at].is_visible();
        let stops: Vec<usize> = (0..code.insts.len()).filter(visible).collect();
        let steps: Vec<_> = stops.iter().map(|&at| step(&objects, task, code, at)).collect();
        let number = |at: &usize| stops.binary_search(at).ok();
        let next: Vec<Vec<usize>> = steps.iter().map(|step| step.0.iter().filter_map(number).collect()).collect();
        let future = |from: usize| -> Vec<Footprint> {
            let locks = (0..builder.locks.len()).map(|lock| Some(Lock(lock as u16)));
            let until = |lock: Option<Lock>| {
                let stands_before = |stop: usize| lock.is_some_and(|lock| takes(code.insts[stops[stop]], lock));
                let (mut seen, mut open) = (vec![false; stops.len()], vec![from]);
                let mut touched = Footprint::default();
                while let Some(stop) = open.pop() {
                    if !std::mem::replace(&mut seen[stop], true) && !stands_before(stop) {
                        touched = touched.and(steps[stop].1);
                        open.extend(&next[stop]);
                    }
                }
                touched
            };
            std::iter::once(None).chain(locks).map(until).collect()
        };
        let end = vec![Footprint::default(); builder.locks.len() + 1];
        Prints {
            next: steps.iter().map(|step| step.1).chain([Footprint::default()]).collect(),
            goes_back: steps.iter().map(|step| step.2).chain([false]).collect(),
            future: (0..stops.len()).map(future).chain([end]).collect(),
        }
    };
    builder.tasks.iter().enumerate().map(of).collect()
}
