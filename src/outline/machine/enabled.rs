//! Which steps can come next: of tasks, and of handlers on the CPUs of tasks.

use super::*;

impl Machine<'_> {
    /// Does a handler run on the CPU of the task?
    pub(super) fn is_interrupted(&self, state: &State, task: usize) -> bool {
        (0..self.program.tasks.len())
            .any(|other| self.get(state, other, HOST) == task as i32 + 1 && self.get(state, other, STATUS) == STARTED)
    }

    /// The task on whose CPU the handler runs.
    pub fn hosts_on(&self, state: &State, handler: usize) -> Option<usize> {
        let host = self.get(state, handler, HOST);
        (host > 0 && self.get(state, handler, STATUS) == STARTED).then(|| host as usize - 1)
    }

    /// Does the task wait with the BKL given up, or has it to take it back?
    pub fn has_parked(&self, state: &State, task: usize) -> bool {
        self.get(state, task, PARKED) > 0
    }

    /// Steps that can come next.
    pub fn enabled(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for task in 0..self.program.tasks.len() {
            self.enabled_of(state, task, &mut steps);
        }
        steps
    }

    /// Steps of one task that can come next.
    pub fn enabled_of(&self, state: &State, task: usize, steps: &mut Vec<Step>) {
        let step = |alternative: u8| Step { task, alternative };
        match (self.get(state, task, STATUS), self.program.tasks[task].start) {
            // Taken off its list before it came.
            (NOT_STARTED, _) if self.get(state, task, STOPPED) > 0 => {}
            (NOT_STARTED, Start::Hard(host)) => self.hosts(state, task, host, false, steps),
            (NOT_STARTED, Start::Soft(host)) => self.hosts(state, task, host, true, steps),
            (STARTED, _) if !self.is_interrupted(state, task) => {
                let Some(inst) = self.inst(state, task) else { return };
                if self.get(state, task, PARKED) > 0 && self.get(state, task, BLOCKED) == 0 {
                    let bkl = self.bkl.expect("only the BKL is given up");
                    if state[self.lock(bkl) + OWNER] == 0 {
                        steps.push(step(0));
                    }
                    return;
                }
                let alternatives = self.alternatives(state, task, &inst.op);
                if alternatives.is_empty() && self.is_pending(state, task) {
                    // It begins, and waits.
                    steps.push(step(0));
                }
                steps.extend(alternatives.map(step));
            }
            _ => {}
        }
    }

    /// Has the column that the handler interrupts come to its end, and left interrupts on?
    pub fn is_left_open(&self, state: &State, handler: usize) -> bool {
        let (host, is_soft) = match self.program.tasks[handler].start {
            Start::Hard(Some(host)) => (host, false),
            Start::Soft(Some(host)) => (host, true),
            _ => return false,
        };
        self.get(state, handler, STATUS) == NOT_STARTED
            && self.is_over(state, host)
            && self.get(state, host, IRQ) == 0
            && (!is_soft || self.get(state, host, BH) == 0)
    }

    /// Where a handler can begin.
    fn hosts(&self, state: &State, task: usize, host: Option<usize>, is_soft: bool, steps: &mut Vec<Step>) {
        let can = |other: usize| {
            let is_soft_handler = matches!(self.program.tasks[other].start, Start::Soft(_)) && !is_soft;
            let runs = matches!(self.program.tasks[other].start, Start::Runs | Start::Pending | Start::Queued)
                || is_soft_handler;
            other != task
                && runs
                && self.get(state, other, STATUS) == STARTED
                && self.get(state, other, IRQ) == 0
                && (!is_soft || self.get(state, other, BH) == 0)
                && !self.is_interrupted(state, other)
        };
        let of = |alternative: usize| Step { task, alternative: alternative as u8 };
        match host {
            // A column that has nothing but its interrupt is an idle CPU.
            Some(host)
                if self.program.tasks[host].insts.iter().all(|inst| matches!(inst.op, Op::Row(_) | Op::Note)) =>
            {
                steps.push(of(0));
            }
            Some(host) => steps.extend(can(host).then(|| of(host + 1))),
            None => {
                steps.push(of(0));
                steps.extend((0..self.program.tasks.len()).filter(|other| can(*other)).map(|other| of(other + 1)));
            }
        }
    }
}
