//! The words of the validator: locks, their kinds and levels, the steps that a program makes with them.
//!
//! Facts of Linux 6.12 (`include/linux/lockdep_types.h`, `lockdep.c`), in our words. A lock is an *instance*; instances made at one
//! place are of one *class*, and a subclass makes another class of it.

use serde::Serialize;

/// A lock object, by its place in the table of [`Locks`].
pub type LockId = usize;

/// A class with its subclass.
pub type Class = (usize, u8);

/// Subclasses that a class can have; lockdep knows as many.
pub const SUBCLASSES: u8 = 8;

/// What a section needs around it, and what it allows inside. The order is that of the kernel: a lower level allows less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Not checked, and restricts nothing.
    Unchecked,
    /// Never waits: may be entered anywhere.
    Free,
    /// Spins even on real-time kernels: `raw_spinlock_t`.
    Spin,
    /// Spins, but sleeps on real-time kernels: `spinlock_t`, `rwlock_t`, `local_lock_t`.
    Config,
    /// Sleeps.
    Sleep,
    /// What a task may do that holds nothing.
    Anything,
}

impl Wait {
    /// In words, as a context that allows it.
    pub fn word(self) -> &'static str {
        match self {
            Wait::Unchecked => "anything",
            Wait::Free => "no waiting",
            Wait::Spin => "raw spinlocks only",
            Wait::Config => "spinlocks, but nothing that sleeps",
            Wait::Sleep | Wait::Anything => "sleeping locks",
        }
    }
}

/// Kinds of locks, as far as the rules tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// `spinlock_t`.
    Spin,
    /// `raw_spinlock_t`.
    RawSpin,
    /// `rwlock_t`.
    RwLock,
    /// `struct mutex`.
    Mutex,
    /// `struct rw_semaphore`, per-CPU ones too.
    RwSem,
    /// `struct rt_mutex`.
    RtMutex,
    /// `struct ww_mutex`.
    WwMutex,
    /// `local_lock_t`: a lock of this CPU alone.
    Local,
    /// `struct srcu_struct`, as readers see it.
    Srcu,
    /// `seqcount_t`: a writer waits for nobody, and readers spin while one writes.
    SeqCount,
    /// `struct semaphore`: no owner, and unknown to lockdep.
    Semaphore,
    /// `struct completion`: something that is waited for and has no holder. Unknown to lockdep.
    Completion,
    /// `struct work_struct`: its end is waited for. lockdep takes it for a lock that is held while it runs.
    Work,
    /// The context of a wound/wait transaction, which lockdep takes for a lock.
    WwContext,
    /// An RCU read-side section: never a node of the graph.
    Rcu,
    /// What stands for memory reclaim that may enter a file system.
    FsReclaim,
}

impl LockKind {
    /// Does a task that takes it spin, with preemption off?
    pub fn spins(self) -> bool {
        matches!(self, LockKind::Spin | LockKind::RawSpin | LockKind::RwLock | LockKind::Local)
    }

    /// Is it waited for, and held by nobody?
    pub fn is_event(self) -> bool {
        matches!(self, LockKind::Completion | LockKind::Work)
    }

    /// May a task that takes it sleep?
    pub fn sleeps(self) -> bool {
        matches!(self, LockKind::Mutex | LockKind::RwSem | LockKind::RtMutex | LockKind::WwMutex | LockKind::Semaphore)
    }

    /// Does holding it keep out another task that wants it? Not what every CPU, or every task, has for itself.
    pub fn excludes(self) -> bool {
        (self.spins() && self != LockKind::Local) || (self.sleeps() && self != LockKind::Semaphore && !self.is_event())
    }

    /// Do readers and writers of it release differently?
    pub fn has_modes(self) -> bool {
        matches!(self, LockKind::RwLock | LockKind::RwSem)
    }

    /// Does every release have an acquisition of the same task before it?
    pub fn is_owned(self) -> bool {
        self != LockKind::Semaphore
    }
}

/// How an acquisition blocks, and blocks others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// Blocks everybody, and waits for everybody.
    Exclusive,
    /// Blocks writers, and waits for a writer that waits.
    Fair,
    /// Blocks writers, and waits for nobody but a writer that holds.
    Recursive,
}

impl Hold {
    /// Is it a reader of either sort?
    pub fn is_read(self) -> bool {
        self != Hold::Exclusive
    }

    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Hold::Exclusive => "exclusively",
            Hold::Fair => "for reading",
            Hold::Recursive => "for reading, recursively",
        }
    }
}

/// A lock object.
#[derive(Clone, Debug)]
pub struct Lock {
    /// How a case names it.
    pub name: String,
    /// What it is.
    pub kind: LockKind,
    /// Its class, as the case names it.
    pub class: String,
    /// The level of the section that it opens.
    pub inner: Wait,
    /// The level that it needs around it.
    pub outer: Wait,
    /// Has every CPU one of its own?
    pub per_cpu: bool,
}

impl Lock {
    /// A lock of a class of its own, with the level of its kind.
    pub fn new(name: &str, kind: LockKind) -> Lock {
        let inner = match kind {
            LockKind::RawSpin => Wait::Spin,
            LockKind::Spin | LockKind::RwLock | LockKind::Local | LockKind::Rcu => Wait::Config,
            LockKind::Completion
            | LockKind::Work
            | LockKind::Srcu
            | LockKind::SeqCount
            | LockKind::WwContext
            | LockKind::FsReclaim
            | LockKind::Semaphore => Wait::Unchecked,
            _ => Wait::Sleep,
        };
        let outer = if kind == LockKind::Rcu { Wait::Free } else { inner };
        Lock { name: name.into(), kind, class: name.into(), inner, outer, per_cpu: kind == LockKind::Local }
    }
}

/// How `read_lock` behaves in a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadLock {
    /// As the queued rwlock: a reader waits for a writer that waits, except in interrupts and with bottom halves off.
    #[default]
    Queued,
    /// Recursive everywhere.
    Recursive,
}

/// The three flavours of RCU that differ in what they turn off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Preemptible.
    Rcu,
    /// Bottom halves off.
    Bh,
    /// Preemption off.
    Sched,
}

/// What an allocation may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gfp {
    /// May it sleep, that is, reclaim memory itself?
    pub reclaims: bool,
    /// May it write to devices?
    pub io: bool,
    /// May it enter a file system?
    pub fs: bool,
    /// `__GFP_NOLOCKDEP`.
    pub untracked: bool,
}

/// What a lock of a transaction answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken.
    Taken,
    /// Not taken: busy, or interrupted.
    Busy,
    /// `-EALREADY`: this context holds it.
    Already,
    /// `-EDEADLK`: an older context holds it, and this one has to give way.
    Deadlock,
}

/// What an assertion claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Held, in any mode.
    Held,
    /// Held for writing.
    HeldWrite,
    /// Held for reading.
    HeldRead,
    /// Not held.
    NotHeld,
    /// Nothing is held.
    NoneHeld,
    /// About names: true here.
    Name,
}

/// What a context or an object of a transaction is overwritten with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poke {
    /// A lock gets an owner that it has not.
    Owner(LockId, bool),
    /// A context gets another class.
    Class(LockId),
    /// A context gets another count of objects.
    Acquired(LockId, u32),
    /// A context is declared complete, or not.
    Done(LockId, bool),
    /// Something that no rule looks at.
    Other,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    /// A blocking acquisition. `read` is what the caller asked for; what kind of reader that makes is up to the lock.
    Lock {
        lock: LockId,
        read: bool,
        nest: Option<LockId>,
        subclass: u8,
    },
    /// An attempt.
    Trylock {
        lock: LockId,
        read: bool,
        nest: Option<LockId>,
        subclass: u8,
        ok: bool,
    },
    /// A release. `read` is `None` where the caller does not say.
    Unlock {
        lock: LockId,
        read: Option<bool>,
    },
    /// The context that will bring an event begins.
    EventStart {
        lock: LockId,
    },
    /// Waits for an event.
    Wait {
        lock: LockId,
    },
    /// The event.
    Complete {
        lock: LockId,
    },
    Downgrade {
        lock: LockId,
    },
    SetSubclass {
        lock: LockId,
        subclass: u8,
    },
    Init {
        lock: LockId,
    },
    IrqDisable,
    IrqEnable,
    IrqSave,
    IrqRestore,
    BhDisable,
    BhEnable,
    PreemptDisable,
    PreemptEnable,
    HardirqEnter {
        threaded: bool,
    },
    HardirqExit {
        keep_irqs_off: bool,
    },
    SoftirqEnter,
    SoftirqExit,
    RcuLock(Flavour),
    RcuUnlock(Flavour),
    ReclaimEnter(Gfp),
    ReclaimExit(Gfp),
    Alloc(Gfp),
    NoFsSave,
    NoFsRestore,
    NoIoSave,
    NoIoRestore,
    MightSleep,
    Assert {
        claim: Claim,
        lock: Option<LockId>,
    },
    WwInit(LockId),
    WwDone(LockId),
    WwFini(LockId),
    WwLock {
        lock: LockId,
        ctx: Option<LockId>,
        slow: bool,
        outcome: Outcome,
    },
    WwTrylock {
        lock: LockId,
        ctx: Option<LockId>,
        ok: bool,
    },
    WwUnlock {
        lock: LockId,
    },
    WwClone {
        from: LockId,
        to: LockId,
    },
    ForeignHold {
        lock: LockId,
    },
    ForeignDrop {
        lock: LockId,
    },
    Poke(Poke),
}

/// The objects of a program: its locks, then what the rules add.
#[derive(Clone, Debug)]
pub struct Locks {
    /// All of them.
    pub all: Vec<Lock>,
    /// How `read_lock` behaves.
    pub read_lock: ReadLock,
    classes: Vec<usize>,
    names: Vec<String>,
}

/// What the rules add to a program's locks, by distance from the end of the table.
const ADDED: [(&str, LockKind, Wait); 4] = [
    ("fs_reclaim", LockKind::FsReclaim, Wait::Unchecked),
    ("rcu_read_lock", LockKind::Rcu, Wait::Config),
    ("rcu_read_lock_bh", LockKind::Rcu, Wait::Config),
    ("rcu_read_lock_sched", LockKind::Rcu, Wait::Spin),
];

impl Locks {
    /// The table of a program with these locks and contexts.
    pub fn new(locks: Vec<Lock>, read_lock: ReadLock) -> Locks {
        let mut all = locks;
        for (name, kind, inner) in ADDED {
            all.push(Lock { inner, ..Lock::new(name, kind) });
        }
        let mut names: Vec<String> = Vec::new();
        let mut classes = Vec::new();
        for lock in &all {
            let known = names.iter().position(|name| *name == lock.class);
            classes.push(known.unwrap_or_else(|| {
                names.push(lock.class.clone());
                names.len() - 1
            }));
        }
        Locks { all, read_lock, classes, names }
    }

    /// The class of an instance, without its subclass.
    pub fn class(&self, lock: LockId) -> usize {
        self.classes[lock]
    }

    /// How a class reads.
    pub fn class_name(&self, class: Class) -> String {
        let name = &self.names[class.0];
        if class.1 == 0 { name.clone() } else { format!("{name}/{}", class.1) }
    }

    /// Memory reclaim.
    pub fn fs_reclaim(&self) -> LockId {
        self.all.len() - ADDED.len()
    }

    /// The section of a flavour of RCU.
    pub fn rcu(&self, flavour: Flavour) -> LockId {
        self.fs_reclaim() + 1 + flavour as usize
    }
}
