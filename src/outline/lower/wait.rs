//! Waits: for an event, for a completion, and what ends them from outside.

use super::*;

impl Lower<'_, '_> {
    /// A wait that a signal may end before it has begun, with this result; otherwise it returns 0, or what it has to say.
    pub(super) fn interruptible(&mut self, signal: i64, place: Place, wait: impl FnOnce(&mut Self) -> Pure) -> Pure {
        let (chosen, result) = (self.temp(), self.temp());
        self.push(Op::Choose(2, chosen), place);
        let waits = self.push(Op::Unless(Pure::Local(chosen), 0), place);
        self.push(Op::Set(result, Pure::Int(signal)), place);
        let end = self.push(Op::Jump(0), place);
        self.land(waits);
        let value = wait(self);
        self.push(Op::Set(result, value), place);
        self.land(end);
        Pure::Local(result)
    }

    pub(super) fn wait_completion(&mut self, args: &[String], timeout: bool, place: Place) -> Pure {
        if self.outside.contains(&Awaited::Completion(args.first().map(|arg| plain(arg)).unwrap_or_default())) {
            return self.ended_outside(timeout, place);
        }
        let count = self.count(args);
        let local = self.temp();
        self.push(Op::WaitCount(count, until(timeout), local), place);
        // If it has to sleep, the BKL is given up and taken again, and it looks once more.
        if timeout && self.scope.has_bkl() {
            let is_missing = Pure::Unary('!', Box::new(Pure::Local(local)));
            let end = self.push(Op::Unless(is_missing, 0), place);
            self.push(Op::MaySleep, place);
            self.push(Op::WaitCount(count, Until::Timeout, local), place);
            self.land(end);
        }
        if timeout { Pure::Local(local) } else { Pure::Int(0) }
    }

    /// Somebody ends the wait who is not here: after any time, so the task sleeps and goes on.
    fn ended_outside(&mut self, timeout: bool, place: Place) -> Pure {
        self.push(Op::MaySleep, place);
        if timeout { self.free("", place) } else { Pure::Int(0) }
    }

    /// `synchronize_irq` and the like wait for the interrupt handler of the text. If there are several, the number alone does not say which.
    pub(super) fn handler(&mut self, name: &str, place: Place) {
        let ends = match name {
            "free_irq" | "devm_free_irq" => true,
            "synchronize_irq" | "enable_irq" | "disable_irq" => false,
            _ => return,
        };
        let Some(handler) = self.scope.interrupt().map(str::to_owned) else { return };
        self.out.works.insert(handler.clone());
        let Some(other) = self.tasks.iter().position(|task| *task == handler) else { return };
        if matches!(name, "enable_irq" | "disable_irq") {
            self.push(Op::Allow(other, name == "enable_irq"), place);
        }
        if name == "enable_irq" {
            return;
        }
        if ends {
            self.push(Op::Allow(other, false), place);
        }
        self.push(Op::Flush(other, Wait::Drained), place);
    }

    pub(super) fn is_outside_wake(&self) -> bool {
        self.about_to_sleep && self.outside.contains(&Awaited::Wake(self.prepared.clone()))
    }

    /// On the queue first, then the test, then the sleep: as the kernel does it.
    pub(super) fn wait_event(&mut self, args: &[String], timeout: bool, place: Place) -> Pure {
        // Of a figure: what it waits for is not drawn, so whether it has come is not known.
        let is_open =
            args.get(1).and_then(|arg| crate::outline::expr::parse(arg)).is_none_or(|cond| self.is_as_drawn(&cond));
        if self.is_diagram && is_open {
            self.push(Op::MaySleep, place);
            self.push(Op::Note, place);
            return Pure::Int(1);
        }
        // A condition that nobody here sets is taken to be true with the first wake-up.
        let queue = args.first().map(|arg| plain(arg)).unwrap_or_default();
        if !self.is_diagram && self.scope.opens(&queue) {
            return self.wait_completion(&args[..1], timeout, place);
        }
        if self.outside.contains(&Awaited::Wake(args.first().map(|arg| plain(arg)).unwrap_or_default())) {
            return self.ended_outside(timeout, place);
        }
        let queue = self.queue(args);
        let result = self.temp();
        self.push(Op::Set(result, Pure::Int(1)), place);
        let start = self.here();
        self.push(Op::Prepare(queue), place);
        let cond = args.get(1).and_then(|arg| crate::outline::expr::parse(arg));
        let value = cond.as_ref().map_or(Pure::Int(0), |cond| self.value(cond, place));
        let sleep = self.push(Op::Unless(value, 0), place);
        self.push(Op::Running, place);
        let end = self.push(Op::Jump(0), place);
        self.land(sleep);
        self.push(Op::Sleep(until(timeout), result), place);
        let out = timeout.then(|| self.push(Op::Unless(Pure::Local(result), 0), place));
        self.push(Op::Jump(start), place);
        if let Some(out) = out {
            // The time is over: it looks once more, and says so if the condition has come all the same.
            self.land(out);
            let value = cond.as_ref().map_or(Pure::Int(0), |cond| self.value(cond, place));
            self.push(Op::Set(result, Pure::Binary("!=", Box::new(value), Box::new(Pure::Int(0)))), place);
        }
        self.land(end);
        if timeout { Pure::Local(result) } else { Pure::Int(0) }
    }
}

fn until(timeout: bool) -> Until {
    if timeout { Until::Timeout } else { Until::Woken }
}
