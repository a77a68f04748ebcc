//! A compiled program: every operand is a field of the packed state, and every finding that it can show has its number. Its message is
//! written by a replay.

use super::layout::{Field, Lane};

use crate::check::Code;
use crate::engine::Clock;
use crate::event::Symbol;
use crate::event::outcome::Outcome;
use crate::subject::form::{self, Cell, Condition, Is, Kind, Local, Operator, Tell};

/// Number of a finding that the program may show; after them, of an order of two locks.
pub(in crate::explore) type Id = u16;

/// What comes next: a stop, or quiet instructions before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Stop(u16),
    Quiet(u16),
}

/// A local plus a number; a constant if the local is nowhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub field: Field,
    pub plus: i64,
}

impl Operand {
    #[inline(always)]
    pub(super) fn get(self, words: &[u64]) -> i64 {
        self.field.get(words).wrapping_add(self.plus)
    }
}

/// A visible instruction, its operands found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Load(Field, Field),
    Store(Field, Operand),
    /// The same under store buffers: what it goes to, and where that lies in memory.
    LoadBuffered(u16, Field, Field),
    StoreBuffered(u16, Field, Operand),
    ReleaseBuffered(u16, Id),
    Add(Field, i64, Field),
    /// The same with what is added in a local.
    Sum(Field, Operand, Field),
    IncNotZero(Field, Field),
    Xchg(Field, Operand, Field),
    CmpXchg(Field, Operand, Operand, Field),
    Fence,
    Acquire(Field, u16),
    TryAcquire(Field, Field),
    /// With the finding if the task does not hold it.
    Release(Field, Id),
    /// A lock that readers share: its number.
    TryAcquireShared(u16, Field),
    AcquireRead(u16),
    ReleaseRead(u16, Id),
    Down(Field),
    TryDown(Field, Field),
    Up(Field),
    Enqueue(u16),
    Dequeue(u16),
    Wake(u16),
    Sleep(Field, Id),
    Choose(Field),
    Interrupt(u16),
    Advance(u64),
    /// A slab object's field is used: the pointer, and the finding if the object was freed.
    Use(Field, Id),
    Free(Field),
    AcquireIn(Field),
    ReleaseIn(Field),
    End,
}

/// What the operation waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gate {
    Open,
    /// The lock with this owner is free.
    Lock(u16, Field),
    /// The lock that readers share is free, for a reader or for all.
    Shared(u16, bool),
    /// The semaphore has a permit.
    Permit(Field),
    /// The lock inside the slab object is free.
    LockIn(Field),
    /// The task is woken, interrupted, or the deadline has come.
    Sleep(Option<Field>),
    End,
}

/// A place where a task stands between steps.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub gate: Gate,
    /// The owner of the lock that `gate` is about, or nowhere. A copy, which the hot loop reads without a branch.
    pub owner: Field,
    /// Is `gate` not the end of the task? A copy as well.
    pub is_under_way: bool,
    /// Does `gate` need a look at more than that owner (`LockIn`, `Sleep`)? A copy as well.
    pub is_rare: bool,
    /// Results to choose from.
    pub alternatives: u8,
    /// Does it wait for an empty store buffer?
    pub drains: bool,
    /// The access to plain memory that comes next, and what it would race with: see [`super::judge`].
    pub own: u64,
    pub against: u64,
    /// The plain cell that it accesses.
    pub cell: Option<u16>,
    pub op: Op,
    pub next: Target,
    /// The task's first lane, to be kept: neither the dead locals nor the old position.
    pub keep: u64,
    /// The position, where it lies in the word.
    pub position: u64,
    /// Word and mask for the further lanes.
    pub keep_more: Box<[(u32, u64)]>,
}

/// A quiet instruction, its operands found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quiet {
    Set(Field, Operand),
    Binary(Field, Operator, Operand, Operand),
    Deadline(Field, u64),
    Branch(Field, Is, Target),
    MightSleep(Id),
    Bug(Id),
    Alloc(u16),
}

/// A store on its way: what it goes to (from 1; 0 is no store), and what it brings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    pub target: Field,
    pub value: Field,
}

/// A task: its code, and where its part of the state lies.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub start: Target,
    pub stops: Vec<Stop>,
    pub quiet: Vec<(Quiet, Target)>,
    pub position: Field,
    pub sleeping: Field,
    pub interrupted: Field,
    pub on_queue: Vec<Field>,
    /// For each lock, how often the task holds it for reading.
    pub reads: Vec<Field>,
    pub locals: Vec<Field>,
    /// Nowhere, if preemption is never disabled.
    pub preempt: Field,
    /// The oldest first; no room under sequential consistency.
    pub buffer: Vec<Store>,
    pub lanes: Vec<Lane>,
}

/// A lock: its holder (task from 1, 0 for nobody), and the findings about it.
#[derive(Clone, Debug)]
pub(super) struct LockAt {
    pub owner: Field,
    pub kind: Kind,
    /// Number of its name among those of locks.
    pub class: u16,
    /// Can a task that takes it hold another one that comes before it?
    pub is_ordered: bool,
    pub recursion: Id,
    pub left: Id,
}

/// A slab object: not yet allocated 0, live 1, freed 2.
#[derive(Clone, Debug)]
pub(super) struct BlockAt {
    pub life: Field,
    pub owner: Field,
    pub class: u16,
    pub recursion: Id,
    pub not_held: Id,
    pub left: Id,
    pub used: Id,
    pub freed_twice: Id,
    pub leaked: Id,
}

/// A compiled program.
#[derive(Clone)]
pub struct Program {
    pub(super) words: usize,
    pub(super) first: Vec<u64>,
    pub(super) tasks: Vec<Task>,
    pub(super) locks: Vec<LockAt>,
    pub(super) blocks: Vec<BlockAt>,
    pub(super) cells: Vec<Field>,
    pub(super) jiffies: Field,
    pub(super) clock: Clock,
    /// Are there store buffers?
    pub(super) is_buffered: bool,
    /// Are there locks that readers share?
    pub(super) has_readers: bool,
    /// Can a task come back to where it was?
    pub(super) goes_round: bool,
    pub(super) findings: Vec<(Code, Symbol)>,
    /// What has to hold at the end, and what in no state, with the finding otherwise.
    pub(super) asserts: Vec<(Condition, Id)>,
    pub(super) nevers: Vec<(Condition, Id)>,
    pub(super) cycle: Id,
    pub(super) standstill: Id,
    /// The race on each cell.
    pub(super) races: Vec<Id>,
    /// Bits of each cell among the accesses.
    pub(super) access_bits: Vec<u64>,
    /// Names of locks: a lock of one taken under a lock of another is an order, numbered after the findings. There are four of each, as
    /// readers may pass each other at either end.
    pub(super) lock_classes: Vec<Symbol>,
    /// Tasks that can be exchanged.
    pub(super) classes: Vec<Vec<usize>>,
    pub(super) tell: Tell,
}

/// A state, for the outcome.
struct Reader<'a> {
    program: &'a Program,
    words: &'a [u64],
}

impl form::Reader for Reader<'_> {
    fn cell(&self, cell: Cell) -> i64 {
        self.program.cells[usize::from(cell.0)].get(self.words)
    }

    fn local(&self, task: usize, local: Local) -> i64 {
        self.program.tasks[task].locals[usize::from(local.0)].get(self.words)
    }
}

/// What the checks have said.
pub(super) struct Docket {
    ends: Vec<bool>,
    pub(super) seen: Vec<bool>,
    /// First shown since it was last emptied.
    pub fresh: Vec<Id>,
    /// Does the execution end here?
    pub stopped: bool,
    /// Has a value left its range?
    pub out_of_range: bool,
    /// Did a store find its buffer full?
    pub overflows: bool,
    /// Bits of the accesses whose races are not known yet.
    pub watched: u64,
}

impl Docket {
    pub fn new(program: &Program) -> Docket {
        let orders = 4 * program.lock_classes.len() * program.lock_classes.len();
        let findings = program.findings.iter().map(|(code, _)| code.ends_execution());
        let ends: Vec<bool> = findings.chain(std::iter::repeat_n(false, orders)).collect();
        Docket {
            seen: vec![false; ends.len()],
            ends,
            fresh: Vec::new(),
            stopped: false,
            out_of_range: false,
            overflows: false,
            watched: u64::MAX,
        }
    }

    #[inline(always)]
    pub fn begin(&mut self) {
        self.stopped = false;
    }

    #[cold]
    pub fn raise(&mut self, id: Id) {
        let at = usize::from(id);
        if !std::mem::replace(&mut self.seen[at], true) {
            self.fresh.push(id);
        }
        self.stopped |= self.ends[at];
    }

    /// Has a value left its range, or a store found no room?
    #[inline(always)]
    pub fn leaves_bounds(&self) -> bool {
        self.out_of_range | self.overflows
    }

    #[inline(always)]
    pub fn put(&mut self, value: i64, field: Field, words: &mut [u64]) {
        self.out_of_range |= !field.put(words, value);
    }
}

impl Program {
    /// Machine words of a state.
    pub fn words(&self) -> usize {
        self.words
    }

    pub(super) fn outcome(&self, words: &[u64]) -> Outcome {
        (self.tell)(&Reader { program: self, words })
    }

    /// The state before the first step: every task stands before its first operation.
    pub(super) fn boot<const W: usize>(&self, docket: &mut Docket) -> [u64; W] {
        let mut words = [0; W];
        words[..self.words].copy_from_slice(&self.first);
        for task in 0..self.tasks.len() {
            self.run_on(&mut words, task, self.tasks[task].start, docket);
        }
        words
    }

    /// Results that the task's next operation can have.
    #[inline(always)]
    pub(super) fn alternatives<const W: usize>(&self, words: &[u64; W], at: usize) -> u8 {
        let task = &self.tasks[at];
        task.stops[task.position.raw(words) as usize].alternatives
    }

    /// Time moves to the earliest deadline.
    pub(super) fn tick<const W: usize>(&self, words: &mut [u64; W], deadline: i64, docket: &mut Docket) {
        docket.put(deadline, self.jiffies, words);
    }
}
