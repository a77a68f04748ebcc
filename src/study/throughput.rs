//! How many calls a second two designs make on real threads, held against each other.
//!
//! Each thread opens a file, takes a read lease, asks for it, gives it up and closes the file, again and again: all on one file, or each
//! on its own. Old and new run in turn in the same round, and what is compared is the ratio of the round: what else the machine does
//! then slows both. The median of the rounds is shown with their spread.
//!
//! What is measured is where a design locks and how much it does there, on the locks of parking_lot ([`crate::engine::threads::bare`]).
//! It is no kernel: nothing sleeps, memory is not reused, and a cache line of an inode holds one word. A ratio between two
//! designs means something; the number of calls a second does not.

use std::time::Duration;

use crate::engine::threads::bare::{self, Stalled};
use crate::engine::{Body, Booted, Program};
use crate::event::outcome::Outcome;
use crate::kernel::lock::SpinLock;
use crate::kernel::task::Task;
use crate::kernel::{Faults, Result as KernelResult};
use crate::lease::designs::Entry;
use crate::lease::{Design, F_RDLCK, F_UNLCK, Inode, OpenFlags};

/// Calls of one turn of a thread: open, take, ask, give up, close.
pub const CALLS: u64 = 5;

/// On which files the threads work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// All on one.
    One,
    /// Each on its own.
    Each,
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Most threads; measured with 1, 2, 4 and so on, and with this number.
    pub threads_max: usize,
    /// Rounds of each measurement.
    pub rounds: usize,
    /// Turns of each thread in a round.
    pub turns: u32,
}

/// One measurement: a number of threads on files of a kind.
#[derive(Clone, Debug)]
pub struct Measured {
    /// On which files.
    pub files: Files,
    /// How many threads.
    pub threads: usize,
    /// Calls a second of the old design and of the new: the median of the rounds.
    pub calls: [f64; 2],
    /// The new design's calls for one of the old: the median of the rounds, the lowest and the highest.
    pub ratio: [f64; 3],
}

/// A design that came to no end.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{design} with {threads} thread{s}: {why}", s = if *threads == 1 { "" } else { "s" })]
pub struct Failed {
    /// The design.
    pub design: String,
    /// How many threads.
    pub threads: usize,
    /// What became of them.
    pub why: Stalled,
}

/// Threads that work on a design.
struct Load {
    design: Entry,
    files: Files,
    threads: usize,
    turns: u32,
}

fn turn(design: &dyn Design, current: &Task, inode: Inode) -> KernelResult<()> {
    let filp = design.open(current, inode, OpenFlags::default())?;
    let taken = design.fcntl_setlease(current, filp, F_RDLCK);
    design.fcntl_getlease(current, filp);
    let given = design.fcntl_setlease(current, filp, F_UNLCK);
    design.close(current, filp);
    taken.and(given)
}

impl Program for Load {
    fn boot(&self) -> Booted {
        let kernel = self.design.kernel(Faults::default());
        let design = self.design.boot(kernel);
        let inode_lock = SpinLock::new("inode_lock");
        let files = if self.files == Files::One { 1 } else { self.threads };
        let inodes: Vec<Inode> = (0..files).map(|_| Inode::new(inode_lock, true)).collect();
        let body = |at: usize| -> Body {
            let (design, inode, turns) = (design.clone(), inodes[at % files], self.turns);
            Box::new(move || {
                let current = Task::new(kernel, at as u32 + 1);
                // A design with a race may refuse a call here and there: that is a finding of `check`, not of this.
                (0..turns).for_each(|_| _ = turn(&*design, &current, inode));
            })
        };
        Booted {
            tasks: (0..self.threads).map(body).collect(),
            outcome: Box::new(|_| Outcome::default()),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| ()),
        }
    }
}

impl Load {
    fn run(&self) -> Result<Duration, Failed> {
        bare::run(self).map_err(|why| Failed { design: self.design.full_name(), threads: self.threads, why })
    }
}

/// 1, 2, 4 and so on, and the last one.
pub fn numbers_of_threads(max: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|n| *n < max).collect();
    numbers.push(max.max(1));
    numbers
}

/// Measures both designs, old and new in turn. `told` hears of each measurement when it is made.
///
/// # Errors
/// If the threads of a design come to no end: they wait for each other, or run on for ever.
pub fn measure(designs: [Entry; 2], plan: Plan, mut told: impl FnMut(&Measured)) -> Result<Vec<Measured>, Failed> {
    let mut all = Vec::new();
    for files in [Files::One, Files::Each] {
        for threads in numbers_of_threads(plan.threads_max) {
            // One thread has one file, whether it is its own or everybody's: it is measured once.
            if threads == 1 && files == Files::Each {
                continue;
            }
            let load = |side: usize| Load { design: designs[side], files, threads, turns: plan.turns };
            let mut rounds = Vec::new();
            // The first round warms up what both use.
            for round in 0..=plan.rounds {
                // What is first has a small advantage or a small handicap: they take turns at it.
                let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
                let mut times = [Duration::ZERO; 2];
                for side in order {
                    times[side] = load(side).run()?;
                }
                if round > 0 {
                    rounds.push(times);
                }
            }
            let measured = summary(files, threads, plan.turns, &rounds);
            told(&measured);
            all.push(measured);
        }
    }
    Ok(all)
}

fn summary(files: Files, threads: usize, turns: u32, rounds: &[[Duration; 2]]) -> Measured {
    let made = (threads as u64 * u64::from(turns) * CALLS) as f64;
    let seconds = |time: Duration| time.as_secs_f64().max(1e-9);
    let calls = [0, 1].map(|side| median(rounds.iter().map(|times| made / seconds(times[side])).collect()));
    let ratios: Vec<f64> = rounds.iter().map(|times| seconds(times[0]) / seconds(times[1])).collect();
    let (low, high) = ratios.iter().fold((f64::MAX, 0f64), |(low, high), it| (low.min(*it), high.max(*it)));
    Measured { files, threads, calls, ratio: [median(ratios), low, high] }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_rounds_and_the_median_is_shown() {
        let millis = |old, new| [Duration::from_millis(old), Duration::from_millis(new)];
        // The machine is slow in the second round, for both: its ratio is what it is elsewhere.
        let rounds = [millis(20, 10), millis(200, 100), millis(20, 20)];

        let measured = summary(Files::One, 2, 1000, &rounds);

        assert_eq!(measured.ratio, [2.0, 1.0, 2.0]);
        // 2 threads, 1000 turns of 5 calls in 20 ms: half a million a second.
        assert!((measured.calls[0] - 500_000.0).abs() < 1e-3, "{measured:?}");
    }

    #[test]
    fn threads_double_up_to_the_most() {
        assert_eq!(numbers_of_threads(1), [1]);
        assert_eq!(numbers_of_threads(6), [1, 2, 4, 6]);
        assert_eq!(numbers_of_threads(8), [1, 2, 4, 8]);
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0])), (2.0, 2.5));
    }
}
