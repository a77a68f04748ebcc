//! What moves: a task, the store buffer of a task, or time.
//!
//! Steps of one process are ordered by themselves; all that a search decides is the order between processes. There is one
//! encoding of them, a number below 128, so that a set of them is one word ([`ProcessSet`]).

use super::TASKS_MAX;
use super::world::Transition;
use crate::event::TaskId;

/// What makes a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process(u8);

// Two numbers for each task, and one for time.
const _: () = assert!(2 * TASKS_MAX + 1 < 128);

impl Process {
    /// Time.
    pub const CLOCK: Process = Process(0);

    /// What makes the transition.
    pub fn of(transition: Transition) -> Process {
        match transition.task {
            TaskId::CLOCK => Process::CLOCK,
            task if transition.is_flush() => Process(task.0 * 2 + 1),
            task => Process::task(task),
        }
    }

    /// A task.
    pub fn task(task: TaskId) -> Process {
        debug_assert!((1..=TASKS_MAX).contains(&usize::from(task.0)), "{task:?} makes no transitions");
        Process(task.0 * 2)
    }

    /// Its number: time is 0, task t is 2t, and its store buffer is 2t + 1.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The process of that number.
    pub fn numbered(index: usize) -> Process {
        debug_assert!(index < 128);
        Process(index as u8)
    }

    /// The transition that stands for it: its step, its flush, or time.
    pub fn transition(self) -> Transition {
        let task = TaskId(self.0 / 2);
        match self {
            Process::CLOCK => Transition::CLOCK,
            Process(number) if number % 2 == 1 => Transition::flush(task),
            _ => Transition::step(task),
        }
    }
}

/// A set of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessSet(u128);

impl ProcessSet {
    /// The processes that make these transitions.
    pub fn of<'a>(transitions: impl IntoIterator<Item = &'a Transition>) -> ProcessSet {
        transitions.into_iter().map(|transition| Process::of(*transition)).collect()
    }

    /// Is it among them?
    pub fn contains(self, process: Process) -> bool {
        self.0 >> process.0 & 1 != 0
    }

    /// Is none among them?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of both.
    #[must_use]
    pub fn union(self, other: ProcessSet) -> ProcessSet {
        ProcessSet(self.0 | other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(self, other: ProcessSet) -> ProcessSet {
        ProcessSet(self.0 & !other.0)
    }
}

impl FromIterator<Process> for ProcessSet {
    fn from_iter<I: IntoIterator<Item = Process>>(processes: I) -> ProcessSet {
        ProcessSet(processes.into_iter().fold(0, |set, process| set | 1 << process.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time, and all tasks with their store buffers.
    fn all() -> Vec<Transition> {
        let tasks = (1..=TASKS_MAX as u8).map(TaskId);
        let of_tasks = tasks.flat_map(|task| [Transition::step(task), Transition::flush(task)]);
        [Transition::CLOCK].into_iter().chain(of_tasks).collect()
    }

    #[test]
    fn every_process_has_a_number_of_its_own_and_is_told_by_it() {
        let numbers: std::collections::BTreeSet<usize> = all().iter().map(|it| Process::of(*it).index()).collect();

        assert_eq!(numbers.len(), 2 * TASKS_MAX + 1);
        for transition in all() {
            let process = Process::of(transition);
            assert_eq!((process.transition(), Process::numbered(process.index())), (transition, process));
        }
    }

    #[test]
    fn alternatives_of_a_choice_are_one_process_and_a_flush_is_another() {
        let other = Transition { task: TaskId(3), alternative: 1 };

        assert_eq!(Process::of(other), Process::task(TaskId(3)));
        assert_ne!(Process::of(Transition::flush(TaskId(3))), Process::task(TaskId(3)));
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let (some, rest) = (ProcessSet::of(&all()[..5]), ProcessSet::of(&all()[5..]));

        assert!(all()[..5].iter().all(|it| some.contains(Process::of(*it)) && !rest.contains(Process::of(*it))));
        assert_eq!(some.union(rest).without(some), rest);
        assert!(some.without(some).is_empty() && !rest.is_empty());
    }
}
