//! The judge: takes steps, one at a time, and says what is wrong.
//!
//! Several streams of steps may be fed, one after the other or mixed: each is a task, or a handler that was recorded alone. The graph
//! is common to all. It goes on after a finding; cycles through the same dependencies are one finding, with the best grade.

use super::cure;
use super::finding::{Edge, End, Finding, Kind, Level};
use super::graph::Use;
use super::lock::{Claim, Hold, LockId, LockKind, Op, ReadLock, Wait};
use super::memory::Request;
pub use super::memory::{Placement, Rules, Validator};
use super::state::{Act, Entered, Held, Task, merge};

/// Locks that a task may hold, as the kernel counts; asked as the kernel alone.
const DEPTH_MAX: usize = 48;

/// Writers of each lock that are remembered.
const WRITERS_MAX: usize = 64;

impl Validator<'_> {
    /// The next step of a stream.
    pub fn step(&mut self, task: usize, op: &Op) {
        while self.tasks.len() <= task {
            self.tasks.push(Task::default());
        }
        self.perform(task, op);
        self.tasks[task].settle();
        self.tasks[task].steps += 1;
    }

    fn perform(&mut self, task: usize, op: &Op) {
        match *op {
            Op::Lock { lock, .. } | Op::Trylock { lock, .. } | Op::Unlock { lock, .. } if self.is_invisible(lock) => {}
            Op::Lock { lock, read, nest, subclass } => {
                let hold = self.hold(task, lock, read);
                self.may_sleep_for(task, lock, read);
                self.acquire(task, Request { lock, hold, subclass, nest, trylock: false, in_transaction: false });
            }
            Op::Trylock { lock, read, nest, subclass, ok } => {
                let hold = self.hold(task, lock, read);
                self.attempt_in_irq(task, lock);
                if ok {
                    self.acquire(task, Request { lock, hold, subclass, nest, trylock: true, in_transaction: false });
                }
            }
            Op::Unlock { lock, read } => self.release(task, lock, read),
            Op::EventStart { lock } => self.event_start(task, lock),
            Op::Wait { lock } => self.event_wait(task, lock),
            Op::Complete { lock } => self.event_bring(task, lock),
            Op::Downgrade { lock } => self.downgrade(task, lock),
            Op::SetSubclass { lock, subclass } => self.set_subclass(task, lock, subclass),
            Op::Init { lock } => self.init(task, lock),
            Op::RcuLock(flavour) => self.rcu_enter(task, flavour),
            Op::RcuUnlock(flavour) => self.rcu_exit(task, flavour),
            Op::ReclaimEnter(gfp) | Op::ReclaimExit(gfp) | Op::Alloc(gfp) => self.reclaim(task, op, gfp),
            Op::NoFsSave => self.tasks[task].nofs += 1,
            Op::NoFsRestore => self.tasks[task].nofs = self.tasks[task].nofs.saturating_sub(1),
            Op::NoIoSave => self.tasks[task].noio += 1,
            Op::NoIoRestore => self.tasks[task].noio = self.tasks[task].noio.saturating_sub(1),
            Op::MightSleep => self.may_sleep(task, "might_sleep()"),
            Op::Assert { claim, lock } => self.assert(task, claim, lock),
            _ if self.transaction(task, op) => {}
            _ => self.context(task, op),
        }
    }

    /// What lockdep does not see at all.
    fn is_invisible(&self, lock: LockId) -> bool {
        self.is_kernel() && self.locks.all[lock].kind == LockKind::Semaphore
    }

    /// What kind of reader or writer an acquisition is.
    fn hold(&self, task: usize, lock: LockId, read: bool) -> Hold {
        let task = &self.tasks[task];
        let in_interrupt = !task.levels.is_empty() || task.bh > 0;
        match self.locks.all[lock].kind {
            _ if !read => Hold::Exclusive,
            LockKind::RwLock if in_interrupt || self.locks.read_lock == ReadLock::Recursive => Hold::Recursive,
            LockKind::RwLock | LockKind::RwSem => Hold::Fair,
            LockKind::Srcu | LockKind::Rcu | LockKind::SeqCount => Hold::Recursive,
            _ => Hold::Exclusive,
        }
    }

    /// Takes a lock: the checks in the order of the kernel, then the stack.
    pub(super) fn acquire(&mut self, task: usize, request: Request) {
        let lock = &self.locks.all[request.lock];
        let subclass = if request.subclass == 0 { self.subclasses[request.lock] } else { request.subclass };
        let state = &self.tasks[task];
        let held = Held {
            lock: request.lock,
            class: (self.locks.class(request.lock), subclass),
            hold: request.hold,
            trylock: request.trylock,
            check: lock.kind != LockKind::Rcu,
            irq_context: state.irq_context(),
            irqs_off: !state.irqs_on,
            nest: request.nest,
            references: 0,
            place: self.place(task),
        };
        if held.check {
            let act = if request.trylock { Act::Try } else { Act::Take };
            let act = if request.in_transaction { Act::Own } else { act(request.lock, request.hold) };
            self.tasks[task].act(held.place, act);
        }
        self.enter(task, held, request.in_transaction, false);
    }

    /// Puts an entry on the stack, with its checks. `again` if it was there before, above one that was released.
    pub(super) fn enter(&mut self, task: usize, mut held: Held, in_transaction: bool, again: bool) {
        held.irq_context = self.tasks[task].irq_context();
        let top = self.tasks[task].held.last_mut().filter(|top| held.nest.is_some() && top.class == held.class);
        // lockdep lets one entry stand for all of them. Then only the first has an order, and a cycle through the second is one of classes alone.
        let joins = match top {
            Some(top) if self.rules == Rules::Kernel => {
                top.references = top.references.max(1) + held.references.max(1);
                return;
            }
            top => top.is_some(),
        };
        let judged = !again || self.is_kernel();
        if judged {
            self.check_wait(task, &held);
            self.mark_uses(task, &held);
        }
        if let Some(nest) = held.nest
            && !joins
            && !self.is_held(task, nest)
        {
            let message = format!("{} is taken under {}, which is not held", self.name(held.lock), self.name(nest));
            self.wrong(
                task,
                Kind::NestNotHeld,
                message,
                "Hold the lock that serialises the others while they are held.",
            );
        }
        if judged && held.check && !held.trylock {
            self.check_order(task, &held, in_transaction, joins);
        }
        if self.is_kernel() && self.tasks[task].held.len() >= DEPTH_MAX {
            let message = format!("{DEPTH_MAX} locks are held: lockdep turns itself off (MAX_LOCK_DEPTH too low)");
            self.wrong(task, Kind::Limit, message, "Hold fewer locks at once.");
        }
        self.tasks[task].held.push(held);
    }

    fn is_held(&self, task: usize, lock: LockId) -> bool {
        self.tasks[task].held.iter().any(|held| self.matches(held, lock))
    }

    /// Is this the entry of a lock? One that stands for several is that of each of its class.
    pub(super) fn matches(&self, held: &Held, lock: LockId) -> bool {
        held.lock == lock || held.references > 0 && held.class == (self.locks.class(lock), self.subclasses[lock])
    }

    fn check_wait(&mut self, task: usize, held: &Held) {
        let lock = &self.locks.all[held.lock];
        let (allowed, reason) = self.tasks[task].allowed(self.locks);
        if held.trylock || lock.inner == Wait::Unchecked || lock.outer <= allowed {
            return;
        }
        let levels = [Level::Hard, Level::Soft];
        let level = levels.into_iter().find(|level| self.tasks[task].in_level(*level)).filter(|_| reason.is_none());
        let context =
            level.map_or(
                "context that",
                |level| if level == Level::Hard { "hard interrupt, which" } else { "softirq, which" },
            );
        let message = format!("{} is taken in a {context} allows {}", lock.name, allowed.word());
        let mut finding = Finding::at(Kind::WaitContext, held.place, message, cure::wait(lock.outer));
        if let Some(reason) = reason {
            finding = finding.note(reason.place, format!("since {} is held", self.name(reason.lock)));
        }
        self.report(finding);
    }

    /// Used in an interrupt; held with interrupts on.
    fn mark_uses(&mut self, task: usize, held: &Held) {
        if !held.check {
            return;
        }
        let levels = [Level::Hard, Level::Soft];
        let state = &self.tasks[task];
        let used = levels.map(|level| !held.trylock && state.in_level(level));
        let open = levels.map(|level| !held.irqs_off && (level == Level::Hard || state.bh == 0));
        for (is, level, in_irq) in [
            (used[0], levels[0], true),
            (used[1], levels[1], true),
            (open[0], levels[0], false),
            (open[1], levels[1], false),
        ] {
            if is {
                self.mark(task, held, level, in_irq);
            }
        }
    }

    fn mark(&mut self, task: usize, held: &Held, level: Level, in_irq: bool) {
        let at = self.place(task);
        if self.is_kernel() {
            let per_cpu = self.locks.all[held.lock].per_cpu;
            if let Some(kind) = self.kernel.mark(held, per_cpu, level, in_irq) {
                let message =
                    format!("{}: a use that does not go with another ({})", self.name(held.lock), level.word());
                self.report(Finding::at(kind, at, message, ""));
            }
            return;
        }
        let state = &self.tasks[task];
        let mut run = state.run(task);
        let mut kept = state.keeps(self.locks);
        if in_irq {
            run.end -= 1;
        } else if self.locks.all[held.lock].kind.excludes() {
            kept.push((held.lock, held.hold == Hold::Exclusive));
            merge(&mut kept);
        }
        let fact = Use { level, end: held.end(), at, run, held: kept };
        let cycles = if in_irq { self.graph.add_used(fact, self.locks) } else { self.graph.add_open(fact, self.locks) };
        self.tell(at, cycles);
    }

    /// Interrupts come on: every lock that is held is held with them on.
    pub(super) fn mark_held(&mut self, task: usize) {
        let context = self.tasks[task].irq_context();
        let held: Vec<Held> = self.tasks[task].held.iter().filter(|held| held.check).copied().collect();
        for level in [Level::Hard, Level::Soft] {
            for held in &held {
                let own = self.is_kernel() || held.irq_context == context;
                if own && self.tasks[task].is_open(level) {
                    self.mark(task, held, level, false);
                }
            }
        }
    }

    /// What is held below it, against what is known of the order.
    fn check_order(&mut self, task: usize, next: &Held, in_transaction: bool, joins: bool) {
        let held = self.tasks[task].held.clone();
        if self.is_kernel() {
            if self.kernel.knows(&held, next) {
                return;
            }
            match self.check_recursion(task, next, in_transaction, joins) {
                Recursion::None => {}
                Recursion::Found | Recursion::Nested => return,
            }
            let locks = self.locks;
            let per_cpu = |held: &Held| locks.all[held.lock].per_cpu;
            if let Some(kind) = self.kernel.add(&held, next, &per_cpu) {
                let message = format!("{} is taken against an order that is known", self.name(next.lock));
                self.report(Finding::at(kind, self.place(task), message, ""));
            }
            return;
        }
        let is_nested = self.check_recursion(task, next, in_transaction, joins) != Recursion::None;
        let edge = |from: &Held, validator: &Validator<'_>| validator.edge(task, from.end(), next.end());
        let below: Vec<Held> =
            held.into_iter().filter(|held| held.irq_context == next.irq_context && held.check).collect();
        for from in below.iter().rev() {
            let same = from.class == next.class || from.lock == next.lock;
            if same && is_nested {
                continue;
            }
            let edge = edge(from, self);
            let cycles = self.graph.add_order(edge, self.locks);
            self.tell(next.place, cycles);
        }
        self.delays_events(task, next.end());
        if next.hold == Hold::Exclusive && self.writers[next.lock].len() < WRITERS_MAX {
            let edge = edge(next, self);
            self.writers[next.lock].push(edge);
            self.grade_again(next.lock);
        }
    }

    /// The dependency of a lock that is being taken on one that is held.
    pub(super) fn edge(&self, task: usize, from: End, to: End) -> Edge {
        let mut run = self.tasks[task].run(task);
        run.end -= 1;
        Edge { from, to, irq: None, run, handler: None, held: self.tasks[task].keeps(self.locks) }
    }

    /// `joins`: it is nested under the same lock as the one that was taken last, which is of its class.
    fn check_recursion(&mut self, task: usize, next: &Held, in_transaction: bool, joins: bool) -> Recursion {
        let reads = |held: &Held| next.hold == Hold::Recursive && held.hold.is_read();
        let stack = self.tasks[task].held.clone();
        let own = |held: &&Held| held.lock == next.lock && !in_transaction && !reads(held);
        if let Some(held) = stack.iter().find(own).filter(|_| !self.is_kernel()) {
            self.report_recursion(task, held, next);
            return Recursion::Found;
        }
        let mut nest_seen = joins;
        for held in &stack {
            nest_seen |= next.nest.is_some_and(|nest| self.matches(held, nest));
            if held.class != next.class || reads(held) {
                continue;
            }
            if nest_seen {
                return Recursion::Nested;
            }
            self.report_recursion(task, held, next);
            return Recursion::Found;
        }
        Recursion::None
    }

    fn assert(&mut self, task: usize, claim: Claim, lock: Option<LockId>) {
        let found = lock.and_then(|lock| self.tasks[task].held.iter().find(|held| self.matches(held, lock)));
        let holds = match claim {
            Claim::Held => found.is_some(),
            Claim::HeldWrite => found.is_some_and(|held| held.hold == Hold::Exclusive),
            Claim::HeldRead => found.is_some_and(|held| held.hold.is_read()),
            Claim::NotHeld => found.is_none(),
            Claim::NoneHeld => self.tasks[task].held.is_empty(),
            Claim::Name => true,
        };
        if !holds {
            let name = lock.map_or("all locks", |lock| self.name(lock)).to_owned();
            let claim = match claim {
                Claim::Held => "is held",
                Claim::HeldWrite => "is held for writing",
                Claim::HeldRead => "is held for reading",
                Claim::NotHeld => "is not held",
                Claim::NoneHeld | Claim::Name => "are free",
            };
            self.wrong(task, Kind::Assertion, format!("asserted that {name} {claim}, and that is not so"), "");
        }
    }

    /// Notes an interrupt level.
    pub(super) fn enter_level(&mut self, task: usize, level: Level, threaded: bool) {
        let place = self.place(task);
        let state = &mut self.tasks[task];
        // Each handler begins at a place of its own, also where nothing was taken between two.
        state.act(place, Act::Enter);
        let start = state.trace.len();
        state.levels.push(Entered { level, threaded, start, off_by_hand: state.off_by_hand });
        state.off_by_hand = false;
    }
}

/// How a new lock stands to those held of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recursion {
    None,
    /// Said to be serialised.
    Nested,
    Found,
}
