//! Where a real thread lets others go first: by chance, from a seed.
//!
//! The operating system runs a thread for milliseconds, and a whole execution takes microseconds. Without these pauses most
//! executions would be one task after the other.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::event::TaskId;

/// Yields of one pause, at most: a pause never holds an execution up for long.
const YIELDS_MAX: u32 = 12;

/// Decides for one task of one execution.
pub(super) struct Dice(Cell<u64>);

impl Dice {
    /// The same seed, execution and task decide the same; when the operating system runs whom, they do not decide.
    pub fn new(seed: u64, execution: u64, task: TaskId) -> Dice {
        let mixed = (seed ^ execution.rotate_left(24) ^ u64::from(task.0) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Dice(Cell::new((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1))
    }

    /// A number below `bound`: Marsaglia's xorshift.
    pub fn below(&self, bound: u32) -> u32 {
        let mut word = self.0.get();
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        self.0.set(word);
        (((word >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// Perhaps a pause, of a few yields.
    pub fn pause_shortly(&self) {
        if self.below(3) == 0 {
            (0..=self.below(3)).for_each(|_| thread::yield_now());
        }
    }

    /// Perhaps a pause, until others have made some steps.
    pub fn pause(&self, steps: &AtomicU32) {
        if self.below(3) != 0 {
            return;
        }
        let until = steps.load(Ordering::Relaxed) + 1 + self.below(12);
        for _ in 0..YIELDS_MAX {
            if steps.load(Ordering::Relaxed) >= until {
                break;
            }
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_of_a_seed_fall_the_same_and_those_of_another_task_do_not() {
        let rolls = |task| {
            let dice = Dice::new(7, 3, TaskId(task));
            (0..64).map(|_| dice.below(6)).collect::<Vec<_>>()
        };

        assert_eq!(rolls(1), rolls(1));
        assert_ne!(rolls(1), rolls(2));
        assert!((0..6).all(|face| rolls(1).contains(&face)));
    }
}
