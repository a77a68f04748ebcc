//! The intermediate language: tasks as instructions over declared objects, and the builder that makes them.
//!
//! An instruction is *visible*, one step that others can come before, or *quiet*, done at once by the task that has
//! just stepped. The visible ones are the operations of [`crate::event::Op`]; the quiet ones are what a task does with
//! itself: its locals, its jumps, its remarks. So a program here has the steps of the same program on the kernel.
//!
//! Every cell and local is declared with the range of its values, which decides its bits. A value outside ends the
//! exploration with a bound that is named: it is never cut.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::engine::Clock;
use crate::event::outcome::Outcome;
use crate::event::{Access, ObjectKind, Symbol};

mod live;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])* #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)] pub struct $name(pub(crate) u16);)*
    };
}

ids! {
    /// A memory cell that all tasks share.
    Cell
    /// A lock.
    Lock
    /// A wait queue.
    Queue
    /// A slab object; each is allocated once at most.
    Block
    /// A value of one task that no other sees.
    Local
    /// A place in the code of a task.
    Label
}

/// What a cell is: only plain memory can race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// Plain memory.
    Plain,
    /// An `atomic_t`.
    Atomic,
}

/// What a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Makes its holder atomic.
    Spin,
    /// Its holder may sleep.
    Mutex,
    /// The Big Kernel Lock: its depth, and that `schedule()` gives it back, is code around it.
    Bkl,
    /// An `rwlock_t`: readers share it, and its holders are atomic.
    Rw,
    /// A `struct rw_semaphore`: readers share it. Its queue is a lock of its own, and code around it.
    RwSem,
    /// The place of the next in line for a lock that is fair.
    WaitList,
    /// A number of permits that belong to no task.
    Semaphore,
}

impl Kind {
    /// What it is in an execution.
    pub(crate) fn object(self) -> ObjectKind {
        match self {
            Kind::Spin => ObjectKind::Spin,
            Kind::Mutex => ObjectKind::Mutex,
            Kind::Bkl => ObjectKind::Bkl,
            Kind::Rw => ObjectKind::RwLock,
            Kind::RwSem => ObjectKind::RwSem,
            Kind::WaitList => ObjectKind::WaitList,
            Kind::Semaphore => ObjectKind::Semaphore,
        }
    }

    /// See [`ObjectKind::is_ordered_with`].
    pub fn is_ordered_with(self, other: Kind) -> bool {
        self.object().is_ordered_with(other.object())
    }
}

/// A comparison with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Is {
    /// `==`
    Eq(i64),
    /// `!=`
    Ne(i64),
    /// `<`
    Lt(i64),
    /// `>`
    Gt(i64),
}

impl Is {
    /// Does it hold of the value?
    pub fn of(self, value: i64) -> bool {
        match self {
            Is::Eq(other) => value == other,
            Is::Ne(other) => value != other,
            Is::Lt(other) => value < other,
            Is::Gt(other) => value > other,
        }
    }
}

/// What is stored or set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A constant.
    Const(i64),
    /// A local plus a number.
    Sum(Local, i64),
}

/// What a read-modify-write makes of the old value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// That much more.
    Add(Value),
    /// The value instead.
    Xchg(Value),
    /// The second for the first, if it is the first.
    CmpXchg(Value, Value),
    /// One more, unless it is 0.
    IncNotZero,
}

/// A binary operator, as in C. What is compared comes to 0 or 1; a division by 0 comes to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `&`
    And,
    /// `|`
    Or,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
}

impl Operator {
    /// Its value.
    pub fn apply(self, left: i64, right: i64) -> i64 {
        match self {
            Operator::Add => left.wrapping_add(right),
            Operator::Sub => left.wrapping_sub(right),
            Operator::Mul => left.wrapping_mul(right),
            Operator::Div => left.checked_div(right).unwrap_or(0),
            Operator::Rem => left.checked_rem(right).unwrap_or(0),
            Operator::And => left & right,
            Operator::Or => left | right,
            Operator::Eq => i64::from(left == right),
            Operator::Ne => i64::from(left != right),
            Operator::Lt => i64::from(left < right),
            Operator::Le => i64::from(left <= right),
        }
    }
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inst {
    /// Visible: reads a cell.
    Load(Cell, Access, Option<Local>),
    /// Visible: writes a cell.
    Store(Cell, Value, Access),
    /// Visible: reads and writes a cell in one step; the old value goes to the local.
    Rmw(Cell, Change, Access, Option<Local>),
    /// Visible: `smp_mb`.
    Fence,
    /// Visible: takes a lock that nobody holds; waits until then.
    Acquire(Lock),
    /// Visible: takes a lock if nobody holds it; 1 if so.
    TryAcquire(Lock, Option<Local>),
    /// Visible: gives a lock back.
    Release(Lock),
    /// Visible: takes a lock for reading; waits for who holds it alone.
    AcquireRead(Lock),
    /// Visible: gives a lock back that was taken for reading.
    ReleaseRead(Lock),
    /// Visible: takes a permit of a semaphore; waits until there is one.
    Down(Lock),
    /// Visible: takes a permit of a semaphore if there is one; 1 if so.
    TryDown(Lock, Option<Local>),
    /// Visible: adds a permit to a semaphore.
    Up(Lock),
    /// Visible: goes on the queue, and is about to sleep.
    Enqueue(Queue),
    /// Visible: leaves the queue, and runs.
    Dequeue(Queue),
    /// Visible: wakes all on the queue.
    Wake(Queue),
    /// Visible: sleeps until woken, interrupted, or the deadline in the first local; why it ended goes to the second
    /// ([`crate::event::Woken`]).
    Sleep(Option<Local>, Option<Local>),
    /// Visible: the environment picks one of `0..n`.
    Choose(u8, Local),
    /// Visible: a signal for the task (from 0).
    Interrupt(usize),
    /// Visible: moves time on.
    Advance(u64),
    /// Visible: reads the field of this name of the slab object in the local.
    Use(Local, Symbol),
    /// Visible: frees the slab object in the local.
    Free(Local),
    /// Visible: takes the lock inside the slab object in the local.
    AcquireIn(Local),
    /// Visible: gives the lock inside the slab object in the local back.
    ReleaseIn(Local),
    /// Sets a local.
    Set(Local, Value),
    /// Sets a local to what the operator makes of two values.
    Binary(Local, Operator, Value, Value),
    /// Sets a local to that many jiffies from now.
    Deadline(Local, u64),
    /// Goes elsewhere if the local compares so.
    Branch(Local, Is, Label),
    /// Goes elsewhere.
    Jump(Label),
    /// A call that may sleep.
    MightSleep(Symbol),
    /// `preempt_disable` and `preempt_enable`: changes the local that was declared as the depth.
    Preempt(i8),
    /// `BUG_ON` fired.
    Bug(Symbol),
    /// The slab object is born.
    Alloc(Block),
}

impl Inst {
    /// Is it a step?
    pub(crate) fn is_visible(self) -> bool {
        !matches!(
            self,
            Inst::Set(..)
                | Inst::Binary(..)
                | Inst::Deadline(..)
                | Inst::Branch(..)
                | Inst::Jump(_)
                | Inst::MightSleep(_)
                | Inst::Preempt(_)
                | Inst::Bug(_)
                | Inst::Alloc(_)
        )
    }

    /// The locals that it reads.
    pub(crate) fn reads(self) -> [Option<Local>; 2] {
        let of = |value| if let Value::Sum(local, _) = value { Some(local) } else { None };
        match self {
            Inst::Store(_, value, _) | Inst::Set(_, value) => [of(value), None],
            Inst::Rmw(_, Change::Xchg(value) | Change::Add(value), ..) => [of(value), None],
            Inst::Rmw(_, Change::CmpXchg(left, right), ..) | Inst::Binary(_, _, left, right) => [of(left), of(right)],
            Inst::Sleep(deadline, _) => [deadline, None],
            Inst::Use(at, _) | Inst::Free(at) | Inst::AcquireIn(at) | Inst::ReleaseIn(at) => [Some(at), None],
            Inst::Branch(local, ..) => [Some(local), None],
            _ => [None, None],
        }
    }

    /// The local that it sets.
    pub(crate) fn sets(self) -> Option<Local> {
        match self {
            Inst::Load(.., to) | Inst::Rmw(.., to) | Inst::TryAcquire(_, to) | Inst::Sleep(_, to) => to,
            Inst::TryDown(_, to) => to,
            Inst::Choose(_, to) | Inst::Set(to, _) | Inst::Deadline(to, _) | Inst::Binary(to, ..) => Some(to),
            _ => None,
        }
    }
}

#[derive(Clone)]
pub(crate) struct LockSpec {
    pub name: Symbol,
    pub kind: Kind,
    /// Permits that a semaphore has at first.
    pub permits: u32,
}

#[derive(Clone)]
pub(crate) struct CellSpec {
    pub name: Symbol,
    pub kind: CellKind,
    pub range: RangeInclusive<i64>,
    pub first: i64,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LocalSpec {
    pub range: RangeInclusive<i64>,
    pub first: i64,
    /// Does the outcome tell it? Then it is never dead.
    pub told: bool,
}

/// A task's code and locals.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Code {
    pub(crate) insts: Vec<Inst>,
    pub(crate) locals: Vec<LocalSpec>,
    pub(crate) labels: Vec<Option<usize>>,
    pub(crate) preempt: Option<Local>,
}

impl Code {
    /// A local with the range of its values and its first one.
    pub fn local(&mut self, range: RangeInclusive<i64>, first: i64) -> Local {
        assert!(range.contains(&first), "the first value lies in the range");
        self.locals.push(LocalSpec { range, first, told: false });
        Local(self.locals.len() as u16 - 1)
    }

    /// A local that the outcome tells: it is part of the state to the end.
    pub fn told(&mut self, range: RangeInclusive<i64>, first: i64) -> Local {
        let local = self.local(range, first);
        self.locals[usize::from(local.0)].told = true;
        local
    }

    /// Declares the local that [`Inst::Preempt`] changes: above 0, the task is atomic.
    pub fn preempt_depth(&mut self, local: Local) {
        self.preempt = Some(local);
    }

    /// A label that is placed later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() as u16 - 1)
    }

    /// Places the label before the next instruction.
    pub fn place(&mut self, label: Label) {
        let at = self.insts.len();
        assert!(self.labels[usize::from(label.0)].replace(at).is_none(), "a label is placed once");
    }

    /// The next instruction.
    pub fn push(&mut self, inst: Inst) {
        self.insts.push(inst);
    }

    pub(crate) fn target(&self, label: Label) -> usize {
        self.labels[usize::from(label.0)].expect("every label that is jumped to is placed")
    }
}

/// Tells the outcome of a state.
pub type Tell = Arc<dyn Fn(&dyn Reader) -> Outcome + Send + Sync>;

/// A condition on the cells of a state, with what is said where it is not as it has to be. It reads no locals.
pub type Condition = (Symbol, Arc<dyn Fn(&dyn Fn(Cell) -> i64) -> bool + Send + Sync>);

/// Reads a state for the outcome.
pub trait Reader {
    /// The value of a cell.
    fn cell(&self, cell: Cell) -> i64;
    /// The value of a local of the task (from 0). Only told ones mean something at the end.
    fn local(&self, task: usize, local: Local) -> i64;
}

/// A program in this form: what an explicit search compiles, and [`interpreted`](crate::program::interpreted) runs on the others.
#[derive(Clone)]
pub struct Form {
    pub(crate) builder: Builder,
    pub(crate) tell: Tell,
}

/// Makes a program.
#[derive(Clone)]
pub struct Builder {
    pub(crate) clock: Clock,
    pub(crate) cells: Vec<CellSpec>,
    pub(crate) locks: Vec<LockSpec>,
    pub(crate) queues: Vec<Symbol>,
    /// Name, and the name of the lock inside.
    pub(crate) blocks: Vec<(Symbol, Option<Symbol>)>,
    pub(crate) tasks: Vec<Code>,
    /// Latest `jiffies` there can be, counted from the start.
    pub(crate) jiffies_max: u64,
    /// Hold when all tasks have ended.
    pub(crate) asserts: Vec<Condition>,
    /// Hold in no state.
    pub(crate) nevers: Vec<Condition>,
}

impl Builder {
    /// An empty program. `jiffies_max` is the latest time that its timeouts and advances can add up to.
    pub fn new(clock: Clock, jiffies_max: u64) -> Builder {
        Builder {
            clock,
            cells: Vec::new(),
            locks: Vec::new(),
            queues: Vec::new(),
            blocks: Vec::new(),
            tasks: Vec::new(),
            jiffies_max,
            asserts: Vec::new(),
            nevers: Vec::new(),
        }
    }

    /// A memory cell with the range of its values and its first one.
    pub fn cell(&mut self, name: impl Into<Symbol>, kind: CellKind, range: RangeInclusive<i64>, first: i64) -> Cell {
        assert!(range.contains(&first), "the first value lies in the range");
        self.cells.push(CellSpec { name: name.into(), kind, range, first });
        Cell(self.cells.len() as u16 - 1)
    }

    /// A lock.
    pub fn lock(&mut self, name: impl Into<Symbol>, kind: Kind) -> Lock {
        self.locks.push(LockSpec { name: name.into(), kind, permits: 0 });
        Lock(self.locks.len() as u16 - 1)
    }

    /// A semaphore with that many permits.
    pub fn semaphore(&mut self, name: impl Into<Symbol>, permits: u32) -> Lock {
        self.locks.push(LockSpec { name: name.into(), kind: Kind::Semaphore, permits });
        Lock(self.locks.len() as u16 - 1)
    }

    /// A wait queue.
    pub fn queue(&mut self, name: impl Into<Symbol>) -> Queue {
        self.queues.push(name.into());
        Queue(self.queues.len() as u16 - 1)
    }

    /// What has to hold when all tasks have ended: LW011 with this text where it does not.
    pub fn assert(&mut self, condition: Condition) {
        self.asserts.push(condition);
    }

    /// What must hold in no state: LW011 with this text where it does.
    pub fn never(&mut self, condition: Condition) {
        self.nevers.push(condition);
    }

    /// A slab object of the struct `name`, not yet allocated, with the spinlock `lock` inside.
    pub fn block(&mut self, name: impl Into<Symbol>, lock: Option<Symbol>) -> Block {
        self.blocks.push((name.into(), lock));
        Block(self.blocks.len() as u16 - 1)
    }

    /// The value of a pointer to the block; 0 is none.
    pub fn pointer(block: Block) -> i64 {
        i64::from(block.0) + 1
    }

    /// A task.
    pub fn task(&mut self, code: Code) {
        self.tasks.push(code);
    }

    /// The program. `tell` says what the outcome of a state is.
    pub fn build(self, tell: Tell) -> Form {
        Form { builder: self, tell }
    }
}
