//! What a step does.

use super::*;

impl Machine<'_> {
    /// Alternatives of the instruction that are possible now.
    pub(super) fn alternatives(&self, state: &State, task: usize, op: &Op) -> std::ops::Range<u8> {
        let possible = |possible: bool| 0..u8::from(possible);
        // A task that waits gives the BKL up first, which is a step.
        let parks = self.holds_bkl(state, task) && self.get(state, task, BLOCKED) == 0;
        match op {
            Op::Acquire(_, _, Some(_)) => possible(true),
            Op::Acquire(lock, mode, None) => {
                let sleeps = self.program.locks[*lock].1.sleeps();
                let goes = self.can_acquire(state, task, *lock, *mode) || self.can_queue(state, task, *lock);
                possible(goes || parks && sleeps)
            }
            Op::Choose(n, _) => 0..*n,
            Op::Sleep(Until::Timeout, _) => 0..1 + u8::from(self.get(state, task, ASLEEP) == 1),
            Op::WaitCount(count, Until::Timeout, _) => 0..1 + u8::from(state[self.counts + count] == 0),
            _ => possible(self.is_ready(state, task, op) || parks && self.waits_asleep(op)),
        }
    }

    fn waits_asleep(&self, op: &Op) -> bool {
        matches!(op, Op::Sleep(..) | Op::WaitCount(..) | Op::Join(_) | Op::Flush(..) | Op::SyncRcu | Op::RcuBarrier(_))
    }

    /// Is there nothing to wait for?
    fn is_ready(&self, state: &State, task: usize, op: &Op) -> bool {
        match op {
            Op::Sleep(..) => self.get(state, task, ASLEEP) == 0,
            Op::Await(pure) => self.eval(state, task, pure) != 0,
            Op::WaitCount(count, ..) => state[self.counts + count] > 0,
            Op::Join(other) => self.get(state, *other, STATUS) == ENDED,
            Op::Flush(other, Wait::Turn) if self.is_again(state, *other) => true,
            Op::Flush(other, _) => self.get(state, *other, STATUS) != STARTED,
            Op::Spin(other) => self.get(state, *other, STATUS) != STARTED || self.is_pending(state, *other),
            Op::RcuBarrier(first) => {
                (*first..self.program.tasks.len()).all(|other| self.get(state, other, STATUS) != STARTED)
            }
            Op::SyncRcu => self.get(state, task, SNAPSHOT) == 1 || self.get(state, task, SNAPSHOT) == 0,
            Op::SeqBegin(lock, _) => state[self.lock(*lock) + OWNER] == 0,
            _ => true,
        }
    }

    /// The task steps: what that shows.
    pub fn step(&self, state: &mut State, step: Step) -> Vec<Shown> {
        let mut shown = Vec::new();
        let task = step.task;
        if self.get(state, task, STATUS) == NOT_STARTED {
            let host = if step.alternative == 0 { -1 } else { i32::from(step.alternative) };
            self.set(state, task, HOST, host);
            self.set(state, task, STATUS, STARTED);
            self.run_on(state, task, &mut shown);
            return shown;
        }
        if self.get(state, task, PARKED) > 0 && self.get(state, task, BLOCKED) == 0 {
            self.unpark(state, task);
            return shown;
        }
        let Some(inst) = self.inst(state, task) else { return shown };
        if self.is_pending(state, task) {
            let turn = self.get(state, task, TURN);
            self.set(state, task, TURN, turn & !PENDING);
            if self.alternatives(state, task, &inst.op).is_empty() {
                return shown;
            }
        }
        if self.waits_here(state, task, &inst.op) {
            return shown;
        }
        self.set(state, task, BLOCKED, 0);
        self.perform(state, step, inst, &mut shown);
        self.run_on(state, task, &mut shown);
        shown
    }

    /// Stands in the queue, or gives the BKL up, and does not go on.
    fn waits_here(&self, state: &mut State, task: usize, op: &Op) -> bool {
        let (ready, sleeps) = match op {
            Op::Acquire(lock, mode, None) => {
                let ready = self.can_acquire(state, task, *lock, *mode);
                if !ready && self.can_queue(state, task, *lock) {
                    self.stand_in_queue(state, task, *lock);
                    self.park_if(state, task, self.program.locks[*lock].1.sleeps());
                    return true;
                }
                (ready, self.program.locks[*lock].1.sleeps())
            }
            op => {
                let ends = matches!(op, Op::Sleep(Until::Timeout, _) | Op::WaitCount(_, Until::Timeout, _));
                let ready = self.is_ready(state, task, op);
                // `schedule` gives the BKL up whether or not the task then sleeps.
                let parks = self.holds_bkl(state, task) && matches!(op, Op::Sleep(..));
                ((ready || ends) && !parks, self.waits_asleep(op))
            }
        };
        if !ready {
            self.park_if(state, task, sleeps);
        }
        !ready
    }

    fn park_if(&self, state: &mut State, task: usize, sleeps: bool) {
        if sleeps && self.holds_bkl(state, task) {
            self.park(state, task);
            self.set(state, task, BLOCKED, 1);
        }
    }

    fn put_local(&self, state: &mut State, task: usize, local: usize, value: i64) {
        self.set(state, task, LOCALS + local, value.clamp(-VALUE_MAX, VALUE_MAX) as i32);
    }

    fn perform(&self, state: &mut State, step: Step, inst: &Inst, shown: &mut Vec<Shown>) {
        let task = step.task;
        let mut next = self.get(state, task, PC) + 1;
        if self.is_in_freed(state, &inst.op, inst.place, shown) {
            return;
        }
        match &inst.op {
            Op::Acquire(lock, mode, attempt) => {
                let can = self.can_acquire(state, task, *lock, *mode);
                if can {
                    self.acquire(state, task, *lock, *mode);
                }
                if let Some((local, yes)) = attempt {
                    self.put_local(state, task, *local, i64::from(if can { *yes } else { 1 - *yes }));
                }
            }
            Op::Release(lock, _) => {
                if !self.release(state, task, *lock) {
                    let name = &self.program.locks[*lock].0;
                    let title = format!("{name} is given back by a task that does not hold it");
                    shown.push(Shown {
                        code: "LW006",
                        subject: name.clone(),
                        title,
                        labels: vec![(inst.place, "given back here".to_owned())],
                        ends: true,
                    });
                }
            }
            Op::ReleaseAtEnd(lock) => _ = self.release(state, task, *lock),
            Op::Downgrade(lock) => self.downgrade(state, task, *lock),
            Op::Load(variable, local, _) => {
                let value = self.variable(state, *variable);
                self.put_local(state, task, *local, value);
            }
            Op::Store(variable, value, _) => {
                let value = self.eval(state, task, value);
                self.put_variable(state, *variable, value);
            }
            Op::Modify(variable, change, _, local) => self.modify(state, task, *variable, change, *local),
            Op::Choose(_, local) => self.put_local(state, task, *local, i64::from(step.alternative)),
            Op::Sleep(_, local) => {
                let timeout = self.get(state, task, ASLEEP) == 1;
                self.set(state, task, ASLEEP, 0);
                self.set(state, task, QUEUE, 0);
                self.put_local(state, task, *local, i64::from(!timeout));
            }
            Op::WaitCount(count, _, local) => {
                let at = self.counts + count;
                self.put_local(state, task, *local, i64::from(state[at] > 0));
                if state[at] > 0 && state[at] < ENDLESS {
                    state[at] -= 1;
                }
            }
            Op::MaySleep => self.park(state, task),
            Op::SyncRcu => {
                if !self.sync_rcu(state, task) {
                    next -= 1;
                }
            }
            op => self.perform_rarely(state, task, op, inst, shown),
        }
        self.set(state, task, PC, next);
    }

    /// Is the memory part of an object that was freed? A reference that is only taken if there are any is refused there.
    fn is_in_freed(&self, state: &mut State, op: &Op, place: Place, shown: &mut Vec<Shown>) -> bool {
        let (Op::Load(variable, ..) | Op::Store(variable, ..) | Op::Modify(variable, ..)) = op else { return false };
        let Some(object) = self.program.variables[*variable].owner else { return false };
        if matches!(op, Op::Modify(_, Rmw::AddNotZero, ..)) && self.variable(state, *variable) == 0 {
            return false;
        }
        let before = shown.len();
        self.touch(state, object, false, place, shown);
        shown.len() > before
    }

    /// The first step notes who reads; the wait ends when they have left.
    fn sync_rcu(&self, state: &mut State, task: usize) -> bool {
        if self.get(state, task, SNAPSHOT) == 1 {
            self.set(state, task, SNAPSHOT, 0);
            return true;
        }
        let readers = (0..self.program.tasks.len()).filter(|other| self.get(state, *other, RCU) > 0);
        let mask: i32 = readers.map(|other| 1 << (other + 1)).sum();
        self.set(state, task, SNAPSHOT, mask | 1);
        false
    }

    fn modify(&self, state: &mut State, task: usize, variable: usize, change: &Rmw, local: usize) {
        let old = self.variable(state, variable);
        let (new, result) = match change {
            Rmw::Add(by, result) => {
                let new = old + self.eval(state, task, by);
                let result = match result {
                    Result::New => new,
                    Result::Old => old,
                    Result::IsZero => i64::from(new == 0),
                    Result::Nothing => 0,
                };
                (new, result)
            }
            Rmw::Swap(value) => (self.eval(state, task, value), old),
            Rmw::Compare(expected, value) => {
                let is = old == self.eval(state, task, expected);
                (if is { self.eval(state, task, value) } else { old }, old)
            }
            Rmw::AddNotZero => (old + i64::from(old != 0), i64::from(old != 0)),
        };
        self.put_variable(state, variable, new);
        self.put_local(state, task, local, result);
    }

    fn put_variable(&self, state: &mut State, variable: usize, value: i64) {
        state[self.variables + variable] = value.clamp(-VALUE_MAX, VALUE_MAX) as i32;
    }

    /// Has a variable or a local reached the bound on values?
    pub fn is_out_of_range(&self, state: &State) -> bool {
        let beyond = |values: &[i32]| values.iter().any(|value| i64::from(value.abs()) >= VALUE_MAX);
        let locals = |(task, code): (&usize, &Code)| beyond(&state[task + LOCALS..task + LOCALS + code.locals.len()]);
        beyond(&state[self.variables..self.locks]) || self.tasks.iter().zip(&self.program.tasks).any(locals)
    }

    fn perform_rarely(&self, state: &mut State, task: usize, op: &Op, inst: &Inst, shown: &mut Vec<Shown>) {
        match op {
            Op::Irq(by) => {
                let now = self.get(state, task, IRQ);
                self.set(state, task, IRQ, if *by == 0 { 0 } else { (now + by).max(0) });
            }
            Op::IrqDisable => self.set(state, task, IRQ, self.get(state, task, IRQ).max(1)),
            Op::Bh(by) => self.set(state, task, BH, (self.get(state, task, BH) + by).max(0)),
            Op::Rcu(by) => {
                let now = (self.get(state, task, RCU) + by).max(0);
                self.set(state, task, RCU, now);
                if now == 0 {
                    for other in 0..self.program.tasks.len() {
                        let mask = self.get(state, other, SNAPSHOT) & !(1 << (task + 1));
                        self.set(state, other, SNAPSHOT, mask);
                    }
                }
            }
            Op::Prepare(queue) => {
                self.set(state, task, ASLEEP, 1);
                self.set(state, task, QUEUE, *queue as i32);
            }
            Op::Running => {
                self.set(state, task, ASLEEP, 0);
                self.set(state, task, QUEUE, 0);
            }
            Op::Wake(queue) => {
                for other in 0..self.program.tasks.len() {
                    let on = self.get(state, other, QUEUE);
                    if self.get(state, other, ASLEEP) == 1 && (on == *queue as i32 || on == 0 || *queue == 0) {
                        self.set(state, other, ASLEEP, 0);
                        self.set(state, other, QUEUE, 0);
                    }
                }
            }
            Op::Count(count, all) => {
                let at = self.counts + count;
                state[at] = if *all { ENDLESS } else { (state[at] + 1).min(ENDLESS) };
            }
            Op::ResetCount(count) => state[self.counts + count] = 0,
            Op::Stop(other) => {
                self.set(state, *other, STOPPED, 1);
                self.set(state, *other, ASLEEP, 0);
            }
            Op::ShouldStop(local) => {
                let told = i64::from(self.get(state, task, STOPPED));
                self.put_local(state, task, *local, told);
            }
            Op::Queue(other) if self.get(state, *other, STOPPED) == 0 => self.enlist(state, task, *other, shown),
            Op::Cancel(other) => {
                self.allow(state, *other, false);
                self.take_off(state, *other);
            }
            Op::Spin(other) => self.take_off(state, *other),
            Op::Flush(other, Wait::Cancelled) => self.allow(state, *other, true),
            Op::Allow(other, is_on) => self.allow(state, *other, *is_on),
            Op::SeqBegin(lock, local) => {
                let count = state[self.lock(*lock) + SEQUENCE];
                self.put_local(state, task, *local, i64::from(count));
            }
            Op::SeqRetry(lock, since, local) => {
                let changed = i64::from(state[self.lock(*lock) + SEQUENCE]) != self.local(state, task, *since);
                self.put_local(state, task, *local, i64::from(changed));
            }
            Op::Free(object) | Op::Use(object) => {
                self.touch(state, *object, matches!(op, Op::Free(_)), inst.place, shown)
            }
            _ => {}
        }
    }

    fn touch(&self, state: &mut State, object: usize, frees: bool, place: Place, shown: &mut Vec<Shown>) {
        let at = self.objects + object;
        // A task's own object is shown by its plain name: the same mistake in another task is one finding.
        let name = &self.program.objects[object];
        let name = name.split(" of ").next().unwrap_or(name);
        let freed = state[at];
        if freed > 0 {
            let (code, title, text) = if frees {
                ("LW021", format!("{name} is freed twice"), "freed again here")
            } else {
                ("LW020", format!("{name} is used after it was freed"), "used here")
            };
            let first = Place { line: freed as u32, from: 0, to: 0 };
            let labels = vec![(place, text.to_owned()), (first, "freed here".to_owned())];
            shown.push(Shown { code, subject: name.to_owned(), title, labels, ends: true });
        } else if frees {
            state[at] = place.line as i32;
        }
    }

    /// Quiet instructions, up to the next step.
    pub(super) fn run_on(&self, state: &mut State, task: usize, shown: &mut Vec<Shown>) {
        if self.get(state, task, STATUS) != STARTED {
            return;
        }
        // A round of a loop without a step is none that matters; no program has as many instructions as are tried here.
        for _ in 0..100_000 {
            let Some(inst) = self.inst(state, task) else {
                self.set(state, task, STATUS, ENDED);
                self.set(state, task, HOST, 0);
                if self.takes_turn(state, task) {
                    continue;
                }
                return;
            };
            if self.is_visible(state, task, &inst.op) {
                return;
            }
            let mut next = self.get(state, task, PC) as usize + 1;
            match &inst.op {
                Op::Set(local, value) => {
                    let value = self.eval(state, task, value);
                    self.put_local(state, task, *local, value);
                }
                Op::Unless(cond, target) if self.eval(state, task, cond) == 0 => next = *target,
                Op::Jump(target) => next = *target,
                Op::Alloc(object) => state[self.objects + object] = 0,
                Op::Hand(other, value) => {
                    let value = self.eval(state, task, value);
                    self.put_local(state, *other, 0, value);
                }
                Op::Assert(cond, text) if self.eval(state, task, cond) == 0 => {
                    let title = format!("{text} does not hold");
                    let labels = vec![(inst.place, "fails here".to_owned())];
                    shown.push(Shown { code: "LW011", subject: text.clone(), title, labels, ends: true });
                    return;
                }
                Op::Irq(_) | Op::IrqDisable | Op::Bh(_) => self.perform_rarely(state, task, &inst.op, inst, shown),
                _ => {}
            }
            self.set(state, task, PC, next as i32);
        }
        self.overran.set(true);
        self.set(state, task, STATUS, ENDED);
    }
}
