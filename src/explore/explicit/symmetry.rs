//! Tasks with equal code are interchangeable: of the states that differ by such an exchange, one stands for all.
//!
//! The parts of equal tasks are sorted, and who owns a lock is renamed with them: the owner of a lock is all that names a task
//! outside of the tasks' own parts (that a task is on a queue lies in its part). A task that a signal is sent to by name, or that
//! allocates (slab objects are named by their maker), is exchanged with nobody.
//!
//! What is found, and whether there is a deadlock, mentions no task, so it is the same with and without. Outcomes are those of
//! the representatives: up to an exchange of what equal tasks recorded.

use std::cmp::Ordering;

use super::machine::{Docket, Program};
use super::visited::Packed;
use crate::engine::Unsound;
use crate::engine::world::Transition;
use crate::event::TaskId;
use crate::explore::config::Config;
use crate::explore::limits::TASKS_MAX;
use crate::subject::form::{Builder, Inst};

/// For each task, where it went.
pub(super) type Renaming = [u8; TASKS_MAX + 1];

/// Groups of tasks that can be exchanged, of two at least.
pub(super) fn classes(builder: &Builder) -> Vec<Vec<usize>> {
    let is_named = |at: usize| builder.tasks.iter().any(|code| code.insts.contains(&Inst::Interrupt(at)));
    let allocates = |at: usize| builder.tasks[at].insts.iter().any(|inst| matches!(inst, Inst::Alloc(_)));
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for at in (0..builder.tasks.len()).filter(|&at| !is_named(at) && !allocates(at)) {
        match classes.iter_mut().find(|class| builder.tasks[class[0]] == builder.tasks[at]) {
            Some(class) => class.push(at),
            None => classes.push(vec![at]),
        }
    }
    classes.retain(|class| class.len() > 1);
    classes
}

impl Program {
    /// Exchanges only tasks that the subject says are [alike](crate::engine::Program::alike): outcomes are told up to that.
    pub(super) fn exchange_only(&mut self, alike: &[u8]) {
        let group = |task: usize| alike.get(task).copied().unwrap_or(0);
        let mut classes: Vec<Vec<usize>> = Vec::new();
        for class in &self.classes {
            for number in 1..=u8::MAX {
                classes.push(class.iter().copied().filter(|&task| group(task) == number).collect());
            }
        }
        classes.retain(|class| class.len() > 1);
        self.classes = classes;
    }

    /// Replaces the state by its representative; says where each task went, if any has moved.
    ///
    /// `renames_owners` is false only where a test seeds that mistake.
    #[inline]
    pub(super) fn canonicalise<const W: usize>(
        &self,
        words: &mut [u64; W],
        renames_owners: bool,
        renaming: &mut Renaming,
    ) -> bool {
        let mut moved = false;
        let before = *words;
        for class in &self.classes {
            let mut sorted = [0; TASKS_MAX];
            let sorted = &mut sorted[..class.len()];
            let mut in_place = true;
            for (at, &task) in class.iter().enumerate() {
                let mut to = at;
                while to > 0 && self.order(&before, task, sorted[to - 1]) == Ordering::Less {
                    sorted[to] = sorted[to - 1];
                    to -= 1;
                }
                sorted[to] = task;
                in_place &= to == at;
            }
            if in_place {
                continue;
            }
            if !std::mem::replace(&mut moved, true) {
                (0..self.tasks.len()).for_each(|task| renaming[task] = task as u8);
            }
            for (&to, &from) in class.iter().zip(&*sorted) {
                renaming[from] = to as u8;
                for (lane, source) in self.tasks[to].lanes.iter().zip(&self.tasks[from].lanes) {
                    lane.set(words, source.get(&before));
                }
            }
        }
        if moved && renames_owners {
            let owners = self.locks.iter().map(|lock| lock.owner).chain(self.blocks.iter().map(|block| block.owner));
            for owner in owners {
                let holder = owner.raw(words);
                if holder != 0 {
                    owner.set_raw(words, u64::from(renaming[holder as usize - 1]) + 1);
                }
            }
        }
        moved
    }

    /// Which of two equal tasks comes first: by its part of the state, then by the locks that it holds.
    #[inline]
    fn order(&self, words: &[u64], left: usize, right: usize) -> Ordering {
        for (left, right) in self.tasks[left].lanes.iter().zip(&self.tasks[right].lanes) {
            match left.get(words).cmp(&right.get(words)) {
                Ordering::Equal => {}
                other => return other,
            }
        }
        self.held(words, left).cmp(&self.held(words, right))
    }

    /// The locks that a task holds, as bits; further ones share them. It only has to tell most states apart.
    fn held(&self, words: &[u64], task: usize) -> u64 {
        let owners = self.locks.iter().map(|lock| lock.owner).chain(self.blocks.iter().map(|block| block.owner));
        let held = owners.enumerate().filter(|(_, owner)| owner.raw(words) == task as u64 + 1);
        held.fold(0, |bits, (at, _)| bits | 1 << (at % 64))
    }
}

/// The path by the tasks' own numbers: with symmetry, every state of the search stands for others, and its tasks are renamed.
pub(super) fn real_path<const W: usize>(program: &Program, config: &Config, path: &[Transition]) -> Vec<Transition>
where
    [u64; W]: Packed,
{
    if !config.symmetry {
        return path.to_vec();
    }
    let renames_owners = config.seeded != Some(Unsound::SymmetryForgetsOwner);
    let mut docket = Docket::new(program);
    let mut words = program.boot::<W>(&mut docket);
    let mut real: Vec<u8> = (0..program.tasks.len() as u8).collect();
    let rename = |words: &mut [u64; W], real: &mut Vec<u8>| {
        let mut renaming: Renaming = [0; TASKS_MAX + 1];
        if program.canonicalise(words, renames_owners, &mut renaming) {
            let before = real.clone();
            (0..before.len()).for_each(|task| real[usize::from(renaming[task])] = before[task]);
        }
    };
    rename(&mut words, &mut real);
    let mut renamed = Vec::with_capacity(path.len());
    for &transition in path {
        docket.begin();
        if transition.is_flush() {
            let at = transition.task.index();
            renamed.push(Transition::flush(TaskId(real[at] + 1)));
            program.flush(&mut words, at, &mut docket);
        } else if transition.task == TaskId::CLOCK {
            let deadline = program.survey(&words).deadline.expect("internal error: time moves and nobody waits for it");
            program.tick(&mut words, deadline, &mut docket);
            renamed.push(transition);
        } else {
            let at = transition.task.index();
            renamed.push(Transition { task: TaskId(real[at] + 1), ..transition });
            program.step(&mut words, at, transition.alternative, &mut docket);
        }
        rename(&mut words, &mut real);
    }
    renamed
}
