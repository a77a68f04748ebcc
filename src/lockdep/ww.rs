//! Wound/wait transactions: what a context and the objects that it locks owe each other.
//!
//! A context is a lock of its own class, so two of one class cannot be open at once. Each object that is locked in it is nested under
//! it. The rest are assertions of `ww_mutex.h`: an object that is taken carries no context; after `ww_acquire_done` nothing is taken;
//! after `-EDEADLK` the contended object comes next, with nothing else held; what is closed has nothing left.

use super::finding::Kind;
use super::lock::{Hold, LockId, Op, Outcome, Poke};
use super::memory::{Request, Validator};
use super::transactions::{Context, Owner};

impl Validator<'_> {
    /// Performs an operation of transactions; `false` if it is none.
    pub(super) fn transaction(&mut self, task: usize, op: &Op) -> bool {
        match *op {
            Op::WwInit(ctx) => self.ww_init(task, ctx),
            Op::WwDone(ctx) => self.ww_done(task, ctx),
            Op::WwFini(ctx) => self.ww_fini(task, ctx),
            Op::WwLock { lock, ctx, slow, outcome } => self.ww_lock(task, lock, ctx, slow, outcome),
            Op::WwTrylock { lock, ctx, ok } => {
                self.attempt_in_irq(task, lock);
                if ok {
                    self.ww_acquire(task, lock, ctx, true);
                    self.ww_taken(task, lock, ctx);
                }
            }
            Op::WwUnlock { lock } => self.ww_unlock(task, lock),
            Op::WwClone { from, to } => self.ww.contexts[to] = self.ww.contexts[from],
            Op::ForeignHold { lock } => self.ww.owners[lock] = Owner::Foreign,
            Op::ForeignDrop { lock } => self.ww.owners[lock] = Owner::Nobody,
            Op::Poke(Poke::Owner(lock, is_set)) => {
                self.ww.owners[lock] = if is_set { Owner::Foreign } else { Owner::Nobody };
            }
            Op::Poke(Poke::Class(ctx)) => self.ww.contexts[ctx].class_differs = true,
            Op::Poke(Poke::Acquired(ctx, count)) => self.ww.contexts[ctx].acquired = count,
            Op::Poke(Poke::Done(ctx, done)) => self.ww.contexts[ctx].done = done,
            Op::Poke(Poke::Other) => {}
            _ => return false,
        }
        true
    }

    fn misuse(&mut self, task: usize, message: String, cure: &str) {
        self.wrong(task, Kind::WwMisuse, message, cure);
    }

    fn ww_init(&mut self, task: usize, ctx: LockId) {
        self.init(task, ctx);
        self.ww.contexts[ctx] = Context::default();
        self.acquire(task, Request::plain(ctx, Hold::Exclusive));
    }

    fn ww_done(&mut self, task: usize, ctx: LockId) {
        if self.ww.contexts[ctx].done {
            let message = format!("{} is declared complete twice", self.name(ctx));
            self.misuse(task, message, "Call ww_acquire_done once.");
        }
        self.ww.contexts[ctx].done = true;
    }

    fn ww_fini(&mut self, task: usize, ctx: LockId) {
        self.release(task, ctx, None);
        let left = self.ww.contexts[ctx].acquired;
        if left > 0 {
            let message = format!("{} is closed with {left} objects still locked in it", self.name(ctx));
            self.misuse(task, message, "Unlock all objects before ww_acquire_fini.");
        }
    }

    fn ww_lock(&mut self, task: usize, lock: LockId, ctx: Option<LockId>, slow: bool, outcome: Outcome) {
        if let Some(ctx) = ctx.filter(|ctx| slow && self.ww.contexts[*ctx].contending.is_none()) {
            let message = format!("the slow path for {}, though {} had no -EDEADLK", self.name(lock), self.name(ctx));
            self.misuse(task, message, "Use the slow path after -EDEADLK alone.");
        }
        if outcome == Outcome::Already {
            return;
        }
        self.may_sleep_for(task, lock, false);
        self.ww_acquire(task, lock, ctx, false);
        match outcome {
            Outcome::Taken => self.ww_taken(task, lock, ctx),
            Outcome::Deadlock => {
                self.ww_contended(task, lock, ctx);
                self.release(task, lock, None);
            }
            Outcome::Busy | Outcome::Already => self.release(task, lock, None),
        }
    }

    fn ww_acquire(&mut self, task: usize, lock: LockId, ctx: Option<LockId>, trylock: bool) {
        let in_transaction = ctx.is_some();
        self.acquire(task, Request { lock, hold: Hold::Exclusive, subclass: 0, nest: ctx, trylock, in_transaction });
    }

    /// An older context has it: this one has to let go of what it has.
    fn ww_contended(&mut self, task: usize, lock: LockId, ctx: Option<LockId>) {
        let Some(ctx) = ctx.filter(|ctx| self.ww.contexts[*ctx].acquired > 0) else { return };
        if let Some(first) = self.ww.contexts[ctx].contending {
            let (second, first) = (self.name(lock), self.name(first));
            let message = format!("-EDEADLK for {second} before the one for {first} was answered");
            self.misuse(task, message, "After -EDEADLK unlock all, and lock the contended object first.");
        }
        self.ww.contexts[ctx].contending = Some(lock);
    }

    /// The checks of an object that was taken in a context.
    fn ww_taken(&mut self, task: usize, lock: LockId, ctx: Option<LockId>) {
        let Some(ctx) = ctx else { return };
        let (context, object, name) = (self.ww.contexts[ctx], self.name(lock).to_owned(), self.name(ctx).to_owned());
        if self.ww.owners[lock] != Owner::Nobody {
            self.misuse(task, format!("{object} is taken in {name}, and carries a context"), "");
        }
        if context.done {
            let message = format!("{object} is taken in {name}, which is declared complete");
            self.misuse(task, message, "Take all objects before ww_acquire_done.");
        }
        if let Some(contended) = context.contending {
            let contended_name = self.name(contended).to_owned();
            if contended != lock {
                let message = format!("{object} is taken after -EDEADLK for {contended_name}");
                self.misuse(task, message, "After -EDEADLK lock the contended object first.");
            }
            if context.acquired > 0 {
                let message = format!("{object} is taken after -EDEADLK, with other objects still locked in {name}");
                self.misuse(task, message, "After -EDEADLK unlock all objects of the context.");
            }
        }
        if context.class_differs {
            self.misuse(
                task,
                format!("{object} is of another class than {name}"),
                "Use a context of the object's class.",
            );
        }
        self.ww.contexts[ctx].contending = None;
        self.ww.contexts[ctx].acquired += 1;
        self.ww.owners[lock] = Owner::Context(ctx);
    }

    fn ww_unlock(&mut self, task: usize, lock: LockId) {
        if let Owner::Context(ctx) = self.ww.owners[lock] {
            match self.ww.contexts[ctx].acquired.checked_sub(1) {
                Some(left) => self.ww.contexts[ctx].acquired = left,
                None => {
                    let message = format!("{} is unlocked, and {} has nothing locked", self.name(lock), self.name(ctx));
                    self.misuse(task, message, "");
                }
            }
        }
        self.ww.owners[lock] = Owner::Nobody;
        self.release(task, lock, None);
    }
}
