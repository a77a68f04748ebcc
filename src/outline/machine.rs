//! The program of an outline, its states, and what a step does.
//!
//! A task is instructions over shared memory, locks, wait queues and the like. A *visible* instruction is one step that others can come
//! before; a *quiet* one (a local, a jump) is done at once by the task that has just stepped. A state is a row of numbers.
//!
//! Interrupts: a handler runs on the CPU of a task that has them on, or on an idle one, and that task stands still until it returns.
//!
//! Limits: memory is sequentially consistent; every task has a CPU of its own, so nothing is said about who preempts whom; a value that
//! leaves ±[`VALUE_MAX`] ends the exploration with a bound.

use super::expr;
use super::source::Place;
use super::vocabulary::{Kind, Mode};

mod enabled;
mod heap;
mod lock;
mod memory;
mod step;
mod turn;

pub use heap::Heap;
use heap::UNBORN;
pub use memory::{Order, Result, Rmw};

/// Largest value of a variable.
pub const VALUE_MAX: i64 = 1000;

/// An expression over locals: shared memory is read by instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pure {
    /// A number.
    Int(i64),
    /// A local of the task.
    Local(usize),
    /// `!e` or `-e`
    Unary(char, Box<Pure>),
    /// A binary operator.
    Binary(&'static str, Box<Pure>, Box<Pure>),
    /// A variable, where everything is read at once: in `assert` and `never` lines.
    Shared(usize),
}

/// What a wait for a work waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The turn that it is in or waits for. One that it has given itself meanwhile is not waited for.
    Turn,
    /// That it neither waits to run nor runs.
    Drained,
    /// The same; then it may start again.
    Cancelled,
}

/// How the end of a sleep is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Somebody wakes it.
    Woken,
    /// The same, or time passes.
    Timeout,
}

impl Op {
    /// Does a task that is here wait for another?
    pub fn waits(&self) -> bool {
        match self {
            Op::Acquire(_, _, tried) => tried.is_none(),
            Op::SyncRcu
            | Op::RcuBarrier(_)
            | Op::Sleep(..)
            | Op::Await(_)
            | Op::WaitCount(..)
            | Op::Join(_)
            | Op::Flush(..) => true,
            Op::Spin(_) | Op::SeqBegin(..) => true,
            _ => false,
        }
    }
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Takes a lock; a try sets the local to the number if it took it, else to 1 less it.
    Acquire(usize, Mode, Option<(usize, i32)>),
    /// Gives a lock back.
    Release(usize, Option<Mode>),
    /// Gives a lock back if it is held: the end of a block that never does.
    ReleaseAtEnd(usize),
    /// From writer to reader.
    Downgrade(usize),
    /// Reads a variable.
    Load(usize, usize, Order),
    /// Writes a variable.
    Store(usize, Pure, Order),
    /// Reads and writes in one step.
    Modify(usize, Rmw, Order, usize),
    /// Sets a local.
    Set(usize, Pure),
    /// Goes elsewhere if it is 0.
    Unless(Pure, usize),
    /// Goes elsewhere.
    Jump(usize),
    /// One of `0..n`.
    Choose(u8, usize),
    /// Interrupts: `+1` and `-1` count, `0` turns them on.
    Irq(i32),
    /// `local_irq_disable`
    IrqDisable,
    /// Bottom halves.
    Bh(i32),
    /// RCU read-side section.
    Rcu(i32),
    /// Waits for the sections that are open now.
    SyncRcu,
    /// Waits for the callbacks of RCU that are under way: the tasks from this one on.
    RcuBarrier(usize),
    /// Sleeps for a while, or not: gives the BKL up.
    MaySleep,
    /// About to sleep, on a queue or none.
    Prepare(usize),
    /// Not any more.
    Running,
    /// Sleeps if it is still about to.
    Sleep(Until, usize),
    /// Wakes what is on the queue.
    Wake(usize),
    /// Spins until the expression holds.
    Await(Pure),
    /// Waits for the count of a completion.
    WaitCount(usize, Until, usize),
    /// Adds to it, or makes it endless.
    Count(usize, bool),
    /// Makes it 0.
    ResetCount(usize),
    /// Tells a task to stop, and wakes it.
    Stop(usize),
    /// Was the task told to stop?
    ShouldStop(usize),
    /// Waits until a task has ended.
    Join(usize),
    /// Starts a work or a timer.
    Queue(usize),
    /// What the task that is started next is handed: its first local.
    Hand(usize, Pure),
    /// Takes a work or a timer off its list if it has not begun. It will not start any more until [`Op::Flush`] lets it.
    Cancel(usize),
    /// Waits for a work or a handler.
    Flush(usize, Wait),
    /// A handler may come again, if it was disabled no more often than enabled; or comes no more.
    Allow(usize, bool),
    /// Spins until the handler of a timer does not run, and takes the timer off its list.
    Spin(usize),
    /// Reads the count of a seqlock when no writer is under way.
    SeqBegin(usize, usize),
    /// Has the count changed?
    SeqRetry(usize, usize, usize),
    /// An object is there.
    Alloc(usize),
    /// It is freed.
    Free(usize),
    /// It is used.
    Use(usize),
    /// Does nothing, and shows its line.
    Note,
    /// A full barrier.
    Fence,
    /// A barrier of reads or of writes: store buffers do not need it, weaker memory does.
    WeakFence,
    /// Must hold; the text is the condition.
    Assert(Pure, String),
    /// A statement of a diagram is reached: its line.
    Row(u32),
}

/// An instruction and its line.
#[derive(Clone, Debug)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// Where it is written.
    pub place: Place,
}

/// How a task comes to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It runs from the beginning.
    Runs,
    /// It is queued from the beginning: a work or a timer that may be taken off its list before it begins.
    Pending,
    /// When it is queued.
    Queued,
    /// Once, in hard interrupt context: on the CPU of that task, or on any.
    Hard(Option<usize>),
    /// Once, in softirq context.
    Soft(Option<usize>),
}

/// A task.
#[derive(Clone, Debug)]
pub struct Code {
    /// As the schedule calls it.
    pub name: String,
    /// Its instructions; behind the last one it has ended.
    pub insts: Vec<Inst>,
    /// Names of its locals; temporary ones have none.
    pub locals: Vec<Option<String>>,
    /// How it comes to run.
    pub start: Start,
}

/// A variable.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Can it race?
    pub is_atomic: bool,
    /// At the beginning.
    pub first: i64,
    /// The object that it is a field of.
    pub owner: Option<usize>,
    /// Only who touches it is looked at: its value is not here.
    pub is_watched: bool,
}

/// A program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Its tasks.
    pub tasks: Vec<Code>,
    /// Variables that they share.
    pub variables: Vec<Variable>,
    /// Locks.
    pub locks: Vec<(String, Kind)>,
    /// Wait queues, completions and objects, by name.
    pub queues: Vec<String>,
    /// Completions.
    pub counts: Vec<String>,
    /// Objects.
    pub objects: Vec<String>,
    /// Objects that pointers point to, in the order of the numbers that pointers are, from 1.
    pub pointees: Vec<usize>,
    /// Objects that are allocated.
    pub heap: Vec<Heap>,
    /// Hold at the end.
    pub asserts: Vec<(Pure, String, Place)>,
    /// Hold in no state.
    pub nevers: Vec<(Pure, String, Place)>,
}

/// What a step or a state shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The code of the finding.
    pub code: &'static str,
    /// What it is about.
    pub subject: String,
    /// In one line.
    pub title: String,
    /// Where, and what is there.
    pub labels: Vec<(Place, String)>,
    /// Does the execution end here?
    pub ends: bool,
}

/// A step: a task and which of its alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The task.
    pub task: usize,
    /// Which alternative: of a choice, of a host for a handler.
    pub alternative: u8,
}

/// A state: numbers, laid out by [`Machine`].
pub type State = Vec<i32>;

const PC: usize = 0;
const ASLEEP: usize = 1;
const QUEUE: usize = 2;
/// Depth of the BKL that was given up.
const PARKED: usize = 3;
const IRQ: usize = 4;
const BH: usize = 5;
const RCU: usize = 6;
/// Waits inside the instruction, the BKL given up.
const BLOCKED: usize = 7;
/// The CPU that a handler runs on: task from 1, -1 an idle one, 0 none.
const HOST: usize = 8;
const STATUS: usize = 9;
/// The tasks whose RCU sections are waited for.
const SNAPSHOT: usize = 10;
const STOPPED: usize = 11;
/// Of a work or a timer: [`PENDING`] and its like.
const TURN: usize = 12;
const LOCALS: usize = 13;

/// It is on its list, and has not begun.
const PENDING: i32 = 1;
/// It runs, and is on its list again.
const AGAIN: i32 = 2;
/// It has put itself there.
const BY_ITSELF: i32 = 4;
/// This turn is one for which it has put itself there: it does so once, and the third turn would be the second.
const LAST: i32 = 8;

const NOT_STARTED: i32 = 0;
const STARTED: i32 = 1;
const ENDED: i32 = 2;

/// What a completion is after `complete_all`.
const ENDLESS: i32 = 1_000_000;

/// A program ready to run.
pub struct Machine<'p> {
    /// What it runs.
    pub program: &'p Program,
    tasks: Vec<usize>,
    variables: usize,
    locks: usize,
    lock_words: usize,
    counts: usize,
    objects: usize,
    words: usize,
    has_handlers: bool,
    bkl: Option<usize>,
    /// A loop without a step went round too often.
    overran: std::cell::Cell<bool>,
}

/// Words of a lock: owner, depth, sequence count; then readers by task, then the queue.
const OWNER: usize = 0;
const DEPTH: usize = 1;
const SEQUENCE: usize = 2;
const READERS: usize = 3;

impl<'p> Machine<'p> {
    /// Lays the states out.
    pub fn new(program: &'p Program) -> Machine<'p> {
        let count = program.tasks.len();
        let mut at = 0;
        let mut tasks = Vec::new();
        for task in &program.tasks {
            tasks.push(at);
            at += LOCALS + task.locals.len();
        }
        let lock_words = READERS + 2 * count;
        let variables = at;
        let locks = variables + program.variables.len();
        let counts = locks + program.locks.len() * lock_words;
        let objects = counts + program.counts.len();
        let words = objects + program.objects.len();
        let has_handlers = program.tasks.iter().any(|task| matches!(task.start, Start::Hard(_) | Start::Soft(_)));
        let bkl = program.locks.iter().position(|(_, kind)| *kind == Kind::Bkl);
        Machine {
            program,
            tasks,
            variables,
            locks,
            lock_words,
            counts,
            objects,
            words,
            has_handlers,
            bkl,
            overran: std::cell::Cell::new(false),
        }
    }

    /// Before the first step.
    pub fn first(&self) -> State {
        let mut state = vec![0; self.words];
        for (at, variable) in self.program.variables.iter().enumerate() {
            state[self.variables + at] = variable.first as i32;
        }
        for heap in &self.program.heap {
            state[self.objects + heap.object] = UNBORN;
        }
        for (at, task) in self.program.tasks.iter().enumerate() {
            if matches!(task.start, Start::Runs | Start::Pending) {
                self.set(&mut state, at, STATUS, STARTED);
                self.set(&mut state, at, TURN, if task.start == Start::Pending { PENDING } else { 0 });
            }
        }
        let mut shown = Vec::new();
        for at in 0..self.program.tasks.len() {
            self.run_on(&mut state, at, &mut shown);
        }
        state
    }

    /// Has a loop without a step gone round more often than any can that ends?
    pub fn has_overrun(&self) -> bool {
        self.overran.get()
    }

    fn get(&self, state: &State, task: usize, field: usize) -> i32 {
        state[self.tasks[task] + field]
    }

    fn set(&self, state: &mut State, task: usize, field: usize, value: i32) {
        state[self.tasks[task] + field] = value;
    }

    /// The instruction before which the task stands.
    pub fn inst(&self, state: &State, task: usize) -> Option<&'p Inst> {
        self.program.tasks[task].insts.get(self.get(state, task, PC) as usize)
    }

    /// Has the task ended, or never begun?
    pub fn is_over(&self, state: &State, task: usize) -> bool {
        self.get(state, task, STATUS) != STARTED
    }

    /// The value of a variable.
    pub fn variable(&self, state: &State, at: usize) -> i64 {
        i64::from(state[self.variables + at])
    }

    /// The value of a local.
    pub fn local(&self, state: &State, task: usize, at: usize) -> i64 {
        i64::from(self.get(state, task, LOCALS + at))
    }

    /// The value of an expression. A division by 0 is 0.
    pub fn eval(&self, state: &State, task: usize, pure: &Pure) -> i64 {
        match pure {
            Pure::Int(value) => *value,
            Pure::Local(at) => self.local(state, task, *at),
            Pure::Shared(at) => self.variable(state, *at),
            Pure::Unary('!', inner) => i64::from(self.eval(state, task, inner) == 0),
            Pure::Unary(_, inner) => self.eval(state, task, inner).wrapping_neg(),
            Pure::Binary(op, left, right) => {
                expr::apply(op, self.eval(state, task, left), self.eval(state, task, right)).unwrap_or(0)
            }
        }
    }

    /// Is it a step of its own?
    fn is_visible(&self, state: &State, task: usize, op: &Op) -> bool {
        match op {
            Op::Set(..)
            | Op::Unless(..)
            | Op::Jump(_)
            | Op::Assert(..)
            | Op::Row(_)
            | Op::Note
            | Op::Fence
            | Op::WeakFence
            | Op::Alloc(_)
            | Op::Hand(..) => false,
            Op::Irq(_) | Op::IrqDisable | Op::Bh(_) => self.has_handlers,
            Op::MaySleep => self.holds_bkl(state, task),
            Op::ReleaseAtEnd(lock) => self.holds(state, task, *lock).is_some(),
            _ => true,
        }
    }

    fn holds_bkl(&self, state: &State, task: usize) -> bool {
        self.bkl.is_some_and(|bkl| state[self.lock(bkl) + OWNER] == task as i32 + 1)
    }

    fn lock(&self, lock: usize) -> usize {
        self.locks + lock * self.lock_words
    }

    /// Names of the locks that the task holds.
    pub fn held(&self, state: &State, task: usize) -> Vec<usize> {
        (0..self.program.locks.len()).filter(|lock| self.holds(state, task, *lock).is_some()).collect()
    }

    /// How the task holds the lock.
    pub fn holds(&self, state: &State, task: usize, lock: usize) -> Option<Mode> {
        let at = self.lock(lock);
        if state[at + OWNER] == task as i32 + 1 {
            Some(Mode::Write)
        } else {
            (state[at + READERS + task] > 0).then_some(Mode::Read)
        }
    }
}
