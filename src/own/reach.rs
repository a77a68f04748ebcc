//! What a task can reach of ordinary memory: where a loop could count its rounds beside its stack and its registers.
//!
//! Nobody knows which words are pointers, so every word that could be one is followed: from the stack and the registers, a few steps far. Memory is
//! read by the operating system, which refuses what is none. It is compared from where the task's own code goes on to where that stops at its next
//! operation, so what the engine writes in between does not count, and of a word only what a whole round has made of it.
//!
//! A loop is one without an end if one such round changes nothing: then the next is the same. A change that is not the task's own (another thread's,
//! next to what it can reach) would make a round look like one that counts. So what changes while no code of the task runs is left out, and several rounds are
//! looked at.
//!
//! Not seen: what lies more than [`FAR`] bytes behind the place that a pointer names, what takes more than [`STEPS_MAX`] pointers, and what only a
//! `static` leads to, which is state that no search sees anyhow.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs::File;
use std::ops::Range;

use super::raw;
use crate::engine;
use crate::event::TaskId;

/// Bytes that are looked at from where a pointer points.
const FAR: usize = 4096;

/// How many of them are followed.
const FOLLOWED: usize = 256;

/// Bytes before it: a pointer may lead into the middle.
const BEFORE: usize = 64;

/// Pointers from the stack to what is looked at.
const STEPS_MAX: usize = 4;

/// Bytes that are looked at. If there are more, nobody knows whether the loop counts.
const BYTES_MAX: usize = 4 << 20;

/// Words that a round may change.
const CHANGES_MAX: usize = 4096;

std::thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static REACH: RefCell<Option<Reach>> = const { RefCell::new(None) };
}

/// What is known of the tasks of this OS thread. Nothing in it is allocated while a task's own code runs: that would change what the task can reach.
struct Reach {
    memory: File,
    /// Whose code runs, and what it can reach: places without gaps, each in what follows as it was.
    task: Option<TaskId>,
    places: Vec<Range<usize>>,
    contents: Vec<u8>,
    rounds: Vec<Round>,
    /// Words that have changed while no code of a task ran: they are others'.
    others: Vec<Change>,
}

/// An address, with what was there at first and what is there now.
type Change = (usize, [u8; 8], [u8; 8]);

/// What the code of a task has changed in the present round.
struct Round {
    task: TaskId,
    is_known: bool,
    changes: Vec<Change>,
}

/// From here on tasks of this OS thread are looked after, or no more.
pub fn watch(watches: bool) {
    if IS_WATCHED.replace(watches) != watches {
        REACH.set(watches.then(Reach::new).flatten());
    }
}

impl Reach {
    /// If the operating system lets a process read its memory so.
    fn new() -> Option<Reach> {
        let memory = File::open("/proc/self/mem").ok()?;
        let contents = Vec::with_capacity(BYTES_MAX);
        Some(Reach {
            memory,
            task: None,
            places: Vec::new(),
            contents,
            rounds: Vec::new(),
            others: Vec::with_capacity(CHANGES_MAX),
        })
    }

    fn read(&self, at: usize, into: &mut [u8]) -> Option<()> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_exact_at(&self.memory, into, at as u64).ok();
        #[cfg(not(unix))]
        return (at, into, None).2;
    }

    /// The words there, of which some may be pointers.
    fn words(&self, range: Range<usize>) -> Vec<usize> {
        let mut bytes = vec![0; range.len()];
        let is_there = self.read(range.start, &mut bytes).is_some();
        let word = |bytes: &[u8]| usize::from_ne_bytes(bytes.try_into().expect("eight bytes"));
        if is_there { bytes.chunks_exact(8).map(word).collect() } else { Vec::new() }
    }

    /// All that is reached from these words, in order, and nothing twice. The frames of the task are compared elsewhere.
    fn places(&self, mut words: Vec<usize>, frames: &Range<usize>) -> Vec<Range<usize>> {
        let writable = writable(frames);
        let lowest = writable.first().map_or(usize::MAX, |region| region.start);
        let (mut places, mut known) = (Vec::new(), HashSet::new());
        for _ in 0..STEPS_MAX {
            let mut found = Vec::new();
            for at in words.into_iter().map(|word| word & !7).filter(|at| *at >= lowest) {
                let Some(region) = region_of(&writable, at).filter(|_| !self.is_own(at)) else { continue };
                if known.insert(at) {
                    let cut = |to: usize| region.start.max(at.saturating_sub(BEFORE))..region.end.min(to);
                    places.push(cut(at + FAR));
                    found.extend(self.words(cut(at + FOLLOWED)));
                }
            }
            words = found;
        }
        merged(places)
    }

    /// The task's own code goes on.
    fn begin(&mut self, task: TaskId, roots: Vec<usize>, frames: &Range<usize>) {
        self.places = self.places(roots, frames);
        let length: usize = self.places.iter().map(Range::len).sum();
        let at = self.rounds.iter().position(|round| round.task == task).unwrap_or_else(|| {
            self.rounds.push(Round { task, is_known: true, changes: Vec::with_capacity(CHANGES_MAX) });
            self.rounds.len() - 1
        });
        self.rounds[at].is_known &= length <= BYTES_MAX;
        if !self.rounds[at].is_known {
            return;
        }
        self.task = Some(task);
        // Nothing is allocated from here on.
        let mut contents = std::mem::take(&mut self.contents);
        contents.resize(length, 0);
        let mut from = 0;
        for place in &self.places {
            // What is no memory any more was none of the task's.
            let _ = self.read(place.start, &mut contents[from..from + place.len()]);
            from += place.len();
        }
        self.contents = contents;
        let mut others = std::mem::take(&mut self.others);
        self.compare(&mut others);
        self.others = others;
    }

    /// Adds what is not as it was.
    fn compare(&self, changes: &mut Vec<Change>) {
        let (mut from, mut now) = (0, [0; FAR]);
        for place in &self.places {
            for at in place.clone().step_by(FAR) {
                let now = &mut now[..FAR.min(place.end - at)];
                let before = &self.contents[from..from + now.len()];
                from += now.len();
                if self.read(at, now).is_some() && now != before {
                    note(changes, at, before, now);
                }
            }
        }
    }

    /// Is that a place of this file's own, or another thread's? They change beside what the task does.
    fn is_own(&self, at: usize) -> bool {
        let is_in = |from: usize, bytes: usize| (from..from + bytes).contains(&at);
        let changes = |round: &Round| is_in(round.changes.as_ptr().addr(), CHANGES_MAX * size_of::<Change>());
        // The cell that this lies in begins before it.
        is_in(std::ptr::from_ref(self).addr() - size_of::<usize>() * 2, size_of::<Reach>() + size_of::<usize>() * 2)
            || is_in(self.contents.as_ptr().addr(), BYTES_MAX)
            || is_in(self.others.as_ptr().addr(), CHANGES_MAX * size_of::<Change>())
            || self.others.iter().any(|(other, ..)| *other == at)
            || is_in(self.rounds.as_ptr().addr(), self.rounds.capacity() * size_of::<Round>())
            || self.rounds.iter().any(changes)
    }

    /// It stops, before an operation.
    fn end(&mut self, task: TaskId) {
        let (true, Some(at)) =
            (self.task.take() == Some(task), self.rounds.iter().position(|round| round.task == task))
        else {
            return;
        };
        let mut changes = std::mem::take(&mut self.rounds[at].changes);
        self.compare(&mut changes);
        self.rounds[at].is_known &= changes.len() < CHANGES_MAX;
        self.rounds[at].changes = changes;
    }
}

/// Adds the words that differ.
fn note(changes: &mut Vec<Change>, at: usize, before: &[u8], now: &[u8]) {
    let words = before.chunks_exact(8).zip(now.chunks_exact(8)).zip((at..).step_by(8));
    for ((before, now), at) in words.filter(|((before, now), _)| before != now) {
        let word = |bytes: &[u8]| bytes.try_into().expect("eight bytes");
        if let Some(change) = changes.iter_mut().find(|(known, ..)| *known == at) {
            change.2 = word(now);
        } else if changes.len() < CHANGES_MAX {
            changes.push((at, word(before), word(now)));
        }
    }
}

/// Memory that can be written, in order, without the stack that these frames lie on: below them is what calls have left there.
fn writable(frames: &Range<usize>) -> Vec<Range<usize>> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let region = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        rest.starts_with("rw").then_some(number(from)?..number(to)?)
    };
    let above = |region: Range<usize>| if region.contains(&frames.start) { frames.end..region.end } else { region };
    maps.lines().filter_map(region).map(above).filter(|region| !region.is_empty()).collect()
}

/// The region that has the address. Regions are in order.
fn region_of(regions: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    let next = regions.partition_point(|region| region.end <= at);
    regions.get(next).filter(|region| region.contains(&at))
}

fn merged(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_unstable_by_key(|place| place.start);
    let mut all: Vec<Range<usize>> = Vec::with_capacity(places.len());
    for place in places {
        match all.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => all.push(place),
        }
    }
    all
}

/// The calling task goes on with its own code. Its stack ends at `top`, and what it has for itself beside is at `kept`.
pub fn goes_on(top: usize, kept: Vec<usize>) {
    let registers = raw::registers();
    let low = (&raw const registers).expose_provenance();
    remember(low & !7..top, &registers, kept);
    std::hint::black_box(&registers);
}

#[inline(never)]
fn remember(frames: Range<usize>, registers: &[u64], kept: Vec<usize>) {
    REACH.with_borrow_mut(|reach| {
        let Some(reach) = reach else { return };
        let mut roots = reach.words(frames.clone());
        roots.extend(registers.iter().map(|word| *word as usize));
        roots.extend(kept);
        reach.begin(engine::task(), roots, &frames);
    });
}

/// The calling task's own code stops, before an operation.
#[inline(never)]
pub fn stops() {
    if !IS_WATCHED.get() {
        return;
    }
    REACH.with_borrow_mut(|reach| {
        if let Some(reach) = reach {
            reach.end(engine::task());
        }
    });
}

/// The calling task comes round. Has it changed nothing in this round that it can reach?
pub fn is_unchanged() -> bool {
    let task = engine::task();
    REACH.with_borrow_mut(|reach| {
        let Some(reach) = reach else { return false };
        let Some(at) = reach.rounds.iter().position(|round| round.task == task) else { return false };
        let round = &reach.rounds[at];
        let is_unchanged =
            round.is_known && round.changes.iter().all(|(at, first, now)| first == now || reach.is_own(*at));
        reach.rounds.remove(at);
        is_unchanged
    })
}
