//! What the validator finds, and how sure it is.

use super::lock::{Class, Hold, LockId};

/// A step of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which stream of steps.
    pub task: usize,
    /// Its index there, from 0.
    pub step: usize,
}

/// The levels of interrupts, as far as the graph knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Hard interrupts.
    Hard,
    /// Softirqs.
    Soft,
}

impl Level {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Level::Hard => "hard interrupt",
            Level::Soft => "softirq",
        }
    }
}

/// Kinds of findings. The first ten are those of the kernel's self-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A lock, or one of its class, is taken while it is held.
    Recursion,
    /// Locks are taken in orders that contradict each other.
    Circular,
    /// A lock is taken in an interrupt, and held with that interrupt on.
    InconsistentState,
    /// A lock of an interrupt waits for one that is held with the interrupt on; the use came last.
    IrqInversion,
    /// The same; the order came last.
    IrqOrder,
    /// A lock that waits longer than its context allows.
    WaitContext,
    /// A release of what is not held.
    BadUnlock,
    /// A lock is initialised while it is held.
    HeldLockReinit,
    /// The lock that is said to serialise others is not held.
    NestNotHeld,
    /// A rule of wound/wait transactions is broken.
    WwMisuse,
    /// Something that may sleep, where that is not allowed.
    SleepInAtomic,
    /// Released in another mode than it was taken.
    ReleaseMode,
    /// Interrupts, bottom halves or preemption are turned on where they must not be.
    ContextMisuse,
    /// An assertion does not hold.
    Assertion,
    /// A limit of lockdep; asked as the kernel alone.
    Limit,
}

impl Kind {
    /// The word of the file format.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Recursion => "recursion",
            Kind::Circular => "circular",
            Kind::InconsistentState => "inconsistent-state",
            Kind::IrqInversion => "irq-inversion",
            Kind::IrqOrder => "irq-order",
            Kind::WaitContext => "wait-context",
            Kind::BadUnlock => "bad-unlock",
            Kind::HeldLockReinit => "held-lock-reinit",
            Kind::NestNotHeld => "nest-lock-not-held",
            Kind::WwMisuse => "ww-misuse",
            Kind::SleepInAtomic => "sleep-in-atomic",
            Kind::ReleaseMode => "release-mode",
            Kind::ContextMisuse => "context-misuse",
            Kind::Assertion => "assertion",
            Kind::Limit => "limit",
        }
    }

    /// Are the two one bug, told from two ends? The three kinds of interrupt findings differ in what came last, and in nothing else.
    pub fn unified(word: &str) -> &str {
        match word {
            "irq-inversion" | "irq-order" | "inconsistent-state" => "irq",
            other => other,
        }
    }
}

/// How sure a finding is. The order is from the surest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// A task that goes this way is wrong, whatever others do.
    Certain,
    /// An interleaving of what the tasks did leads there. It is in the report.
    Interleaving,
    /// The same, with two tasks that do what one did, or an interrupt on a CPU or at a time at which it was not seen.
    Phases,
    /// The same, once somebody waits to write, which nobody did here.
    Writer,
    /// The graph says so. No order of these sections leads there, or the search for one hit its bound.
    Graph,
    /// Only if two objects of one class are taken for one.
    ClassMerging,
    /// Every order of it is excluded by a lock that is held around it.
    Serialised(LockId),
}

impl Grade {
    /// Does it make a verdict? What class merging alone says, or what another lock excludes, is told and counted as clean.
    pub fn is_report(self) -> bool {
        !matches!(self, Grade::ClassMerging | Grade::Serialised(_))
    }

    /// The word of the JSON output.
    pub fn word(self) -> &'static str {
        match self {
            Grade::Certain => "certain",
            Grade::Interleaving => "interleaving",
            Grade::Phases => "second-task",
            Grade::Writer => "waiting-writer",
            Grade::Graph => "graph",
            Grade::ClassMerging => "class-merging",
            Grade::Serialised(_) => "serialised",
        }
    }
}

/// One end of a dependency: a lock, and how and where it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The object.
    pub lock: LockId,
    /// Its class.
    pub class: Class,
    /// How.
    pub hold: Hold,
    /// Where.
    pub place: Place,
}

/// What a task did, in order: a part of its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose trace.
    pub task: usize,
    /// From here,
    pub start: usize,
    /// to before there.
    pub end: usize,
    /// Is it a handler's, by itself?
    pub in_irq: bool,
}

/// A dependency: a holder of `from` waits for `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What is held.
    pub from: End,
    /// What is waited for.
    pub to: End,
    /// If it is an interrupt that waits, on the CPU of the holder of `from`: which, and where interrupts were on.
    pub irq: Option<(Level, Place)>,
    /// What the task did until it waits, or is interrupted.
    pub run: Run,
    /// What the handler did until it waits.
    pub handler: Option<Run>,
    /// All that is held then, and whether exclusively.
    pub held: Vec<(LockId, bool)>,
}

/// A step of a schedule that leads to a deadlock: which participant makes it, and where it is in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The participant.
    pub participant: usize,
    /// The step.
    pub place: Place,
    /// Is it where the participant waits for ever?
    pub waits: bool,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// How sure.
    pub grade: Grade,
    /// The step at which it came out.
    pub place: Place,
    /// One sentence.
    pub message: String,
    /// Other places, and what happened there; oldest first.
    pub notes: Vec<(Place, String)>,
    /// The dependencies, if it is a cycle.
    pub cycle: Vec<Edge>,
    /// A schedule that leads there, if there is one. Writers that only wait come after the participants of the cycle.
    pub schedule: Vec<Turn>,
    /// The smallest change that would cure it.
    pub cure: String,
}

impl Finding {
    /// A finding about one step, which is certain.
    pub fn at(kind: Kind, place: Place, message: String, cure: &str) -> Finding {
        Finding {
            kind,
            grade: Grade::Certain,
            place,
            message,
            notes: Vec::new(),
            cycle: Vec::new(),
            schedule: Vec::new(),
            cure: cure.into(),
        }
    }

    /// The same, with another place.
    #[must_use]
    pub fn note(mut self, place: Place, text: impl Into<String>) -> Finding {
        self.notes.push((place, text.into()));
        self
    }
}
