//! What a reduced search does in a state: it steps some tasks, and follows each step for as long as one task has to go on.

use super::board::Entry;
use super::judge::Survey;
use super::reduce::Reduction;
use super::search::Search;
use super::symmetry::Renaming;
use super::visited::Packed;
use crate::engine::world::Transition;
use crate::engine::{Clock, Unsound};
use crate::event::TaskId;
use crate::explore::limits::TASKS_MAX;

/// Steps that are made at once, at most.
const STEPS_MAX: usize = u8::MAX as usize;

impl<const W: usize> Search<'_, W>
where
    [u64; W]: Packed,
{
    /// Makes the steps that have to be made in the state.
    pub(super) fn step_some(
        &mut self,
        reduction: &Reduction,
        entry: &Entry<W>,
        survey: &Survey,
        deadline: Option<i64>,
    ) {
        let (program, words) = (self.program, &entry.words);
        let chosen = reduction.choose(program, words, survey, 0);
        let (mut asleep, mut is_cut_short) = (0, false);
        let mut step_all = |search: &mut Self, tasks: u64| {
            // What takes no lock comes first: it sleeps then while another task goes through its critical section.
            let takers = reduction.takers(program, words, tasks);
            for mut left in [tasks & !takers, tasks & takers] {
                while left != 0 {
                    let at = left.trailing_zeros() as usize;
                    left &= left - 1;
                    is_cut_short |= search.step_and_follow(reduction, entry, at, asleep);
                    asleep |= 1 << at;
                }
            }
            is_cut_short
        };
        let is_cut_short = step_all(self, chosen);
        let is_cut_short = is_cut_short && self.config.seeded != Some(Unsound::EndsAreForgotten);
        if chosen != survey.ready && is_cut_short {
            // A step that ends the execution takes those of the others with it: they have to come before it as well.
            step_all(self, survey.ready & !chosen);
        }
        if chosen == survey.ready || is_cut_short {
            self.flush_and_tick(entry, survey, deadline);
        }
    }

    /// True if a step of the task ends the execution.
    fn step_and_follow(&mut self, reduction: &Reduction, entry: &Entry<W>, at: usize, asleep: u64) -> bool {
        let (program, mut is_cut_short) = (self.program, false);
        let still = reduction.still_asleep(program, &entry.words, asleep, at);
        for alternative in 0..program.alternatives(&entry.words, at) {
            let transition = Transition { task: TaskId(at as u8 + 1), alternative };
            let mut words = entry.words;
            self.docket.begin();
            program.step(&mut words, at, alternative, &mut self.docket);
            is_cut_short |= self.docket.stopped;
            self.more_from = self.more.len();
            if self.goes_on(&words, transition) {
                self.follow(reduction, words, transition, 1 << at, still, entry.depth);
            }
        }
        is_cut_short
    }

    /// After a first step: makes the next one as long as it is the only one that has to be made, and keeps the state where there are
    /// several. A state on the way is judged, and not kept.
    fn follow(
        &mut self,
        reduction: &Reduction,
        mut words: [u64; W],
        first: Transition,
        mut last: u64,
        mut asleep: u64,
        depth: u32,
    ) {
        let program = self.program;
        let steps_max = (self.config.limits.steps_max.saturating_sub(depth) as usize).min(STEPS_MAX);
        loop {
            if self.config.symmetry {
                let mut renaming: Renaming = [0; TASKS_MAX + 1];
                if program.canonicalise(&mut words, self.renames_owners, &mut renaming) {
                    asleep = renamed(asleep, &renaming, program.tasks.len());
                    last = renamed(last, &renaming, program.tasks.len());
                }
            }
            if !reduction.follows() || self.more.len() - self.more_from + 1 >= steps_max {
                break;
            }
            let survey = program.survey(&words);
            if survey.ready == 0 || program.clock != Clock::Stopped && survey.deadline.is_some() {
                break;
            }
            self.docket.begin();
            if self.config.seeded != Some(Unsound::PassedUnjudged) {
                program.judge(&words, &survey, &mut self.docket);
            }
            if !self.docket.fresh.is_empty() {
                self.take_fresh(Some(first));
            }
            let chosen = reduction.choose(program, &words, &survey, last);
            let awake = chosen & !asleep;
            if awake == 0 && (chosen == survey.ready || self.some_step_goes_on(&words, chosen, first)) {
                // Whatever can come here comes in another order as well.
                return;
            }
            let at = awake.trailing_zeros() as usize;
            let is_one = awake.is_power_of_two() && program.alternatives(&words, at) == 1;
            if !is_one || reduction.goes_back(program, &words, at) {
                break;
            }
            asleep = reduction.still_asleep(program, &words, asleep, at);
            last = awake;
            let before = words;
            self.docket.begin();
            program.step(&mut words, at, 0, &mut self.docket);
            if self.docket.stopped {
                // It ends the execution, and takes steps of the others with it: the state is visited as any other.
                self.docket.fresh.iter().for_each(|&id| self.docket.seen[usize::from(id)] = false);
                self.docket.fresh.clear();
                words = before;
                break;
            }
            self.more.push(Transition::step(TaskId(at as u8 + 1)));
            if !self.goes_on(&words, first) {
                return;
            }
        }
        self.keep(words, first);
    }
}

impl<const W: usize> Search<'_, W>
where
    [u64; W]: Packed,
{
    /// Does one of these tasks have a step that does not end the execution?
    #[cold]
    fn some_step_goes_on(&mut self, words: &[u64; W], tasks: u64, first: Transition) -> bool {
        (0..self.program.tasks.len()).filter(|at| tasks >> at & 1 != 0).any(|at| {
            let mut words = *words;
            self.docket.begin();
            self.program.step(&mut words, at, 0, &mut self.docket);
            self.more.push(Transition::step(TaskId(at as u8 + 1)));
            let goes_on = self.goes_on(&words, first);
            self.more.pop();
            goes_on
        })
    }
}

/// The same tasks by their new numbers.
fn renamed(tasks: u64, renaming: &Renaming, count: usize) -> u64 {
    (0..count).filter(|at| tasks >> at & 1 != 0).fold(0, |all, at| all | 1 << renaming[at])
}
