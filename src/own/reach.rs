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

use super::{here, raw};
use crate::engine;
use crate::engine::fingerprint::Fingerprint;
use crate::event::TaskId;

/// Bytes that are looked at from where a pointer on the stack points.
const FAR: usize = 4096;

/// From where a pointer in such memory points.
const NEAR: usize = 256;

/// Bytes before it: a pointer may lead into the middle.
const BEFORE: usize = 64;

/// Pointers from the stack to what is looked at.
const STEPS_MAX: usize = 4;

/// Places that are looked at; if there are more, nobody knows whether the loop counts.
const PLACES_MAX: usize = 2048;

/// What the task can reach, as it was.
struct Reach {
    task: TaskId,
    places: Vec<(usize, usize)>,
    /// None if nobody knows.
    contents: Option<u64>,
}

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
fn places(roots: Vec<usize>, own_stack: std::ops::Range<usize>) -> Option<Vec<(usize, usize)>> {
    let could_point = |word: &usize| (0x1_0000..0x7fff_ffff_f000).contains(word) && !own_stack.contains(word);
    let mut places: Vec<(usize, usize)> = Vec::new();
    let mut next = roots;
    for step in 0..STEPS_MAX {
        let length = if step == 0 { FAR } else { NEAR };
        let mut found = Vec::new();
        next.retain(could_point);
        next.iter_mut().for_each(|word| *word = (*word & !7) - BEFORE);
        next.sort_unstable();
        next.dedup();
        for at in std::mem::take(&mut next) {
            if places.iter().any(|(known, length)| (*known..known + length / 2).contains(&at)) {
                continue;
            }
            let mut bytes = [0; FAR + BEFORE];
            let there = read(at, &mut bytes[..length + BEFORE]);
            if there > BEFORE {
                places.push((at, there));
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

fn contents(places: &[(usize, usize)]) -> u64 {
    let mut fold = Fingerprint::default();
    for &(at, length) in places {
        let mut bytes = [0; FAR + BEFORE];
        let there = read(at, &mut bytes[..length]);
        words(&bytes[..there]).for_each(|word| fold.write_u64(word as u64));
    }
    fold.finish()
}

/// The calling task goes on with its own code.
pub fn goes_on() {
    if IS_WATCHED.get() {
        let registers = raw::registers();
        let low = (&raw const registers).expose_provenance();
        remember(low, &registers);
        std::hint::black_box(&registers);
    }
}

#[inline(never)]
fn remember(low: usize, registers: &[u64]) {
    let Some(top) = here::is_watched() else { return };
    let mut roots: Vec<usize> = registers.iter().map(|word| *word as usize).collect();
    let mut bytes = [0; FAR];
    for from in (low..top).step_by(FAR) {
        let there = read(from, &mut bytes[..FAR.min(top - from)]);
        roots.extend(words(&bytes[..there]));
    }
    roots.extend(here::kept_places());
    let places = places(roots, low.saturating_sub(1 << 14)..top);
    let is_known = places.is_some();
    let places = places.unwrap_or_default();
    REACH.replace(Some(Reach { task: engine::task(), places, contents: None }));
    REACH.with_borrow_mut(|reach| {
        let reach = reach.as_mut().filter(|_| is_known);
        reach.into_iter().for_each(|reach| reach.contents = Some(contents(&reach.places)));
    });
}

/// The calling task's own code stops, before an operation. Has it changed what it can reach?
pub fn stops() {
    if !IS_WATCHED.get() {
        return;
    }
    let task = engine::task();
    let has_changed = REACH.with_borrow(|reach| {
        let reach = reach.as_ref().filter(|reach| reach.task == task)?;
        Some(reach.contents.is_none_or(|before| contents(&reach.places) != before))
    });
    REACH.replace(None);
    if has_changed == Some(true) {
        here::counts_rounds();
    }
}
