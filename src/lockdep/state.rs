//! What the validator knows of each stream of steps: the stack of held locks, the context, the trace.

use super::finding::{End, Level, Place, Run};
use super::lock::{Class, Hold, LockId, LockKind, Locks, Wait};

/// A held lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub lock: LockId,
    pub class: Class,
    pub hold: Hold,
    /// Taken by an attempt?
    pub trylock: bool,
    /// Is it a node of the graph? Sections of RCU are none.
    pub check: bool,
    /// Of which irq context: 0 is the task.
    pub irq_context: u8,
    /// Were interrupts off when it was taken?
    pub irqs_off: bool,
    /// What serialises it.
    pub nest: Option<LockId>,
    /// How many locks of the class this entry stands for, if it is more than itself.
    pub references: u32,
    pub place: Place,
}

impl Held {
    pub fn end(&self) -> End {
        End { lock: self.lock, class: self.class, hold: self.hold, place: self.place }
    }
}

/// What a task did with locks: what an interleaving is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub place: Place,
    pub act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Waits until it can be taken, and takes it.
    Take(LockId, Hold),
    /// Takes it, if it can be taken.
    Try(LockId, Hold),
    Drop(LockId),
    /// A writer becomes a reader.
    Downgrade(LockId),
    /// Something that no other task sees.
    Own,
    /// A handler begins: no step of an interleaving.
    Enter,
}

/// An interrupt level that was entered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entered {
    pub level: Level,
    /// Of a hard interrupt: is its handler a thread on a real-time kernel?
    pub threaded: bool,
    /// Where its handler begins in the trace.
    pub start: usize,
    /// What it interrupted had turned interrupts off by itself.
    pub off_by_hand: bool,
}

/// Each lock once: held exclusively, if it is so at all.
pub(super) fn merge(held: &mut Vec<(LockId, bool)>) {
    held.sort_unstable_by_key(|(lock, exclusive)| (*lock, !*exclusive));
    held.dedup_by_key(|(lock, _)| *lock);
}

/// A stream of steps: a task, or a handler that was recorded alone.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub held: Vec<Held>,
    pub irqs_on: bool,
    /// Were interrupts turned off by a step, not by entering an interrupt?
    pub off_by_hand: bool,
    pub saved: Vec<(bool, bool)>,
    /// Nesting of everything that turns bottom halves off.
    pub bh: u32,
    pub preempt: u32,
    pub levels: Vec<Entered>,
    pub nofs: u32,
    pub noio: u32,
    pub trace: Vec<Move>,
    /// Where in the trace nothing was held for the last time.
    pub section: usize,
    /// Where in the trace it waits for itself, if it does: what comes after cannot happen.
    pub stuck: Option<usize>,
    /// Events that it owes, and since where.
    pub owed: Vec<(LockId, Place)>,
    /// The steps made.
    pub steps: usize,
}

impl Default for Task {
    fn default() -> Task {
        Task {
            held: Vec::new(),
            irqs_on: true,
            off_by_hand: false,
            saved: Vec::new(),
            bh: 0,
            preempt: 0,
            levels: Vec::new(),
            nofs: 0,
            noio: 0,
            trace: Vec::new(),
            section: 0,
            stuck: None,
            owed: Vec::new(),
            steps: 0,
        }
    }
}

impl Task {
    /// Two bits, as the kernel has them.
    pub fn irq_context(&self) -> u8 {
        let has = |level| self.levels.iter().any(|entered| entered.level == level);
        2 * u8::from(has(Level::Hard)) + u8::from(has(Level::Soft))
    }

    pub fn in_level(&self, level: Level) -> bool {
        self.levels.iter().any(|entered| entered.level == level)
    }

    /// May an interrupt of this level come now?
    pub fn is_open(&self, level: Level) -> bool {
        self.irqs_on && (level == Level::Hard || self.bh == 0)
    }

    /// Held locks of the current irq context, oldest first.
    pub fn own(&self) -> impl Iterator<Item = &Held> {
        let context = self.irq_context();
        self.held.iter().filter(move |held| held.irq_context == context)
    }

    /// The part of the trace that led here: since nothing was held, or since the handler began.
    pub fn run(&self, task: usize) -> Run {
        let start = self.levels.last().map_or(self.section, |entered| entered.start);
        Run { task, start, end: self.trace.len(), in_irq: !self.levels.is_empty() }
    }

    /// What keeps others out while this context holds it, and whether it keeps readers out too. An object of a transaction does not: it may have to be given up.
    pub fn keeps(&self, locks: &Locks) -> Vec<(LockId, bool)> {
        let mut kept: Vec<(LockId, bool)> = self
            .own()
            .filter(|held| {
                let kind = locks.all[held.lock].kind;
                let is_of_transaction = kind == LockKind::WwMutex && held.nest.is_some();
                kind.excludes() && held.references == 0 && !is_of_transaction
            })
            .map(|held| (held.lock, held.hold == Hold::Exclusive))
            .collect();
        merge(&mut kept);
        kept
    }

    pub fn act(&mut self, place: Place, act: Act) {
        self.trace.push(Move { place, act });
    }

    /// Notes that nothing is held, if so.
    pub fn settle(&mut self) {
        if self.held.is_empty() && self.levels.is_empty() {
            self.section = self.trace.len();
        }
    }

    /// What may be waited for here, and why: the irq context, then the held locks of it.
    pub fn allowed(&self, locks: &Locks) -> (Wait, Option<Held>) {
        let hard = self.levels.iter().rev().find(|entered| entered.level == Level::Hard);
        let mut ambient = match hard {
            Some(entered) if entered.threaded => Wait::Config,
            Some(_) => Wait::Spin,
            None if self.in_level(Level::Soft) => Wait::Config,
            None => Wait::Anything,
        };
        let mut reason = None;
        for held in self.own() {
            let inner = locks.all[held.lock].inner;
            if inner != Wait::Unchecked && inner < ambient {
                (ambient, reason) = (inner, Some(*held));
            }
        }
        (ambient, reason)
    }

    /// Why sleeping is not allowed here, if so: the test of `might_sleep`, in words, and where the reason began.
    pub fn atomic(&self, locks: &Locks) -> Option<(String, Option<Place>)> {
        if self.in_level(Level::Hard) {
            return Some(("in a hard interrupt".into(), None));
        }
        if self.in_level(Level::Soft) {
            return Some(("in a softirq".into(), None));
        }
        let spins = self.held.iter().find(|held| locks.all[held.lock].kind.spins());
        if let Some(held) = spins {
            return Some((format!("with {} held", locks.all[held.lock].name), Some(held.place)));
        }
        let rcu = self.held.iter().find(|held| !held.check);
        if let Some(held) = rcu {
            return Some((format!("in a section of {}", locks.all[held.lock].name), Some(held.place)));
        }
        let flags = [
            (self.preempt > 0, "with preemption off"),
            (self.bh > 0, "with bottom halves off"),
            (!self.irqs_on, "with interrupts off"),
        ];
        flags.iter().find(|(is, _)| *is).map(|(_, text)| ((*text).to_owned(), None))
    }
}
