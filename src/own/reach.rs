//! What a task can reach of ordinary memory: where a loop could count its rounds beside its stack and its registers.
//!
//! Nobody knows which words are pointers, so every word that could be one is followed: from the stack and the registers, some steps far. A value is
//! read by the operating system, which refuses what is no memory. Memory is compared from where the task's own code goes on to where that stops at its
//! next operation, so what the engine writes in between does not count. A change that is not the task's own (another thread's, next to what it can
//! reach) makes a loop look like one that counts: then it is not called endless, and ends at the bound on steps.
//!
//! Not seen: what lies more than [`FAR`] bytes after the place that a pointer names, what takes more than [`STEPS_MAX`] pointers, and what only a
//! `static` leads to (which is state that the search does not see anyhow).

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::hash::Hasher;

use super::raw;
use crate::engine;
use crate::engine::fingerprint::Fingerprint;
use crate::event::TaskId;

/// Bytes that are looked at from where a pointer on the stack points.
const FAR: usize = 1024;

/// From where a pointer in such memory points.
const NEAR: usize = 256;

/// Bytes before it: a pointer may lead into the middle.
const BEFORE: usize = 64;

/// Pointers from the stack to what is looked at.
const STEPS_MAX: usize = 4;

/// Places that are looked at; if there are more, nobody knows whether the loop counts.
const PLACES_MAX: usize = 512;

/// What the task can reach, as it was: places, and what stands for their contents.
struct Reach {
    task: TaskId,
    /// None if nobody knows.
    places: Option<Vec<Seen>>,
}

/// A place, its length, and what stands for its contents.
type Seen = (usize, usize, u64);

std::thread_local! {
    static REACH: RefCell<Option<Reach>> = const { RefCell::new(None) };
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    /// The memory of this process, where the operating system lets it be read so.
    static MEMORY: Option<File> = File::open("/proc/self/mem").ok();
}

/// From here on tasks of this OS thread are looked after, or no more.
pub fn watch(watches: bool) {
    IS_WATCHED.set(watches);
}

/// Reads from that address; how much there was.
fn read(at: usize, into: &mut [u8]) -> usize {
    #[cfg(unix)]
    return MEMORY.with(|memory| {
        let read = |memory: &File| std::os::unix::fs::FileExt::read_at(memory, into, at as u64).ok();
        memory.as_ref().and_then(read).unwrap_or(0)
    });
    #[cfg(not(unix))]
    return 0;
}

fn words(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")) as usize)
}

/// All places that are reached from these words, and from what they point to.
fn places(roots: Vec<usize>, own_stack: std::ops::Range<usize>) -> Option<Vec<Seen>> {
    let could_point = |word: &usize| (0x1_0000..0x7fff_ffff_f000).contains(word) && !own_stack.contains(word);
    let mut places: Vec<Seen> = Vec::new();
    let mut next = roots;
    for step in 0..STEPS_MAX {
        let length = if step == 0 { FAR } else { NEAR };
        let mut found = Vec::new();
        next.retain(could_point);
        next.iter_mut().for_each(|word| *word = (*word & !7) - BEFORE);
        next.sort_unstable();
        next.dedup();
        for at in std::mem::take(&mut next) {
            if places.iter().any(|(known, length, _)| (*known..known + length / 2).contains(&at)) {
                continue;
            }
            let mut bytes = [0; FAR + BEFORE];
            let there = read(at, &mut bytes[..length + BEFORE]);
            if there > BEFORE {
                places.push((at, there, 0));
                found.extend(words(&bytes[..there.min(NEAR + BEFORE)]));
            }
            if places.len() > PLACES_MAX {
                return None;
            }
        }
        next = found;
    }
    Some(places)
}

fn contents(&(at, length, _): &Seen) -> u64 {
    let mut fold = Fingerprint::default();
    let mut bytes = [0; FAR + BEFORE];
    let there = read(at, &mut bytes[..length]);
    words(&bytes[..there]).for_each(|word| fold.write_u64(word as u64));
    fold.finish()
}

/// Which of the places that were remembered have changed.
fn changed() -> Option<Vec<usize>> {
    let Reach { places, .. } = REACH.take()?;
    let is_other = |(at, seen): (usize, &Seen)| (contents(seen) != seen.2).then_some(at);
    Some(places.map_or_else(|| vec![0], |places| places.iter().enumerate().filter_map(is_other).collect()))
}

/// The calling task goes on with its own code. Its stack begins at `top`, if it is to be looked after, and what is its own beside is at `kept`.
pub fn goes_on(top: fn() -> Option<usize>, kept: fn() -> Vec<usize>) {
    if IS_WATCHED.get()
        && let Some(top) = top()
    {
        let registers = raw::registers();
        let low = (&raw const registers).expose_provenance();
        remember(low, top, &registers, kept());
        std::hint::black_box(&registers);
    }
}

#[inline(never)]
fn remember(low: usize, top: usize, registers: &[u64], kept: Vec<usize>) {
    let mut roots: Vec<usize> = registers.iter().map(|word| *word as usize).collect();
    let mut bytes = [0; FAR];
    for from in (low..top).step_by(FAR) {
        let there = read(from, &mut bytes[..FAR.min(top - from)]);
        roots.extend(words(&bytes[..there]));
    }
    roots.extend(kept);
    let mut places = places(roots, low.saturating_sub(1 << 14)..top);
    let keep = |places: &Option<Vec<Seen>>| {
        let see = |seen: &Seen| (seen.0, seen.1, contents(seen));
        let places = places.as_ref().map(|places| places.iter().map(see).collect());
        REACH.replace(Some(Reach { task: engine::task(), places }));
    };
    // What changes now, without any code of the task, is memory of this file or of another thread.
    keep(&places);
    let own = changed().unwrap_or_default();
    let places_of_task = places.iter_mut().flat_map(|places| own.iter().rev().map(|at| places.swap_remove(*at)));
    places_of_task.for_each(drop);
    keep(&places);
}

/// The calling task's own code stops, before an operation. True if it has changed what it can reach.
pub fn stops() -> bool {
    if !IS_WATCHED.get() {
        return false;
    }
    let task = engine::task();
    let is_own = REACH.with_borrow(|reach| reach.as_ref().is_some_and(|reach| reach.task == task));
    is_own && changed().is_some_and(|changed| !changed.is_empty())
}
