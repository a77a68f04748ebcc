//! What one worker of a [cluster](crate::explore::cluster) does: it owns the states whose hash is its number, and computes what follows from them.
//!
//! A successor that belongs to another worker is packed into a parcel for that worker; the others are looked up at once. A
//! direct-mapped cache of states that were sent before leaves out repeats: it compares whole states, and an owner never forgets one, so
//! what it leaves out is known there. (A Bloom filter would take a new state for one that was sent.)
//!
//! Every state that a worker takes for new has a *name*: the number of the log that it stands in, and its place there. The log says from which name
//! each came by which step, so the path to a finding is followed from log to log when all is over: eight bytes a state, spread
//! over all machines, and no path is sent along.
//!
//! The steps are those of [`search`](super::search), one state at a time, without reduction: which worker meets a state first must not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::buffers::STORES_MAX;
use super::log::{Journal, NOWHERE, Name, Origin, Saved, Seen, What, name, origin, record};
use super::machine::{Docket, Program};
use super::owner::{Mistake, Owner, Place, Tally, record_bytes};
use super::symmetry::{Renaming, real_path};
use super::visited::{Met, Packed, Visited};
use crate::engine::world::Transition;
use crate::engine::{Clock, Unsound};
use crate::event::TaskId;
use crate::event::outcome::Outcome;
use crate::explore::config::Config;
use crate::explore::limits::{Bound, TASKS_MAX};

/// A worker with nothing to do yet.
pub(in crate::explore) fn owner(
    program: &Arc<Program>,
    config: &Config,
    place: Place,
    journal: Option<Journal>,
    mistake: Option<Mistake>,
) -> Box<dyn Owner> {
    macro_rules! of {
        ($($words:literal)*) => {
            match super::width(program) {
                $($words => Box::new(Shard::<$words>::new(program, config, place, journal, mistake)),)*
                words => unreachable!("internal error: no search is of {words} words"),
            }
        };
    }
    of!(1 2 3 4 6 8 12 16 32 64)
}

/// States that are visited side by side.
const BATCH: usize = 8;

/// Batches between two looks at what others have sent.
const BATCHES: usize = 64;

/// Bytes of a parcel that is worth to be sent at once.
const PARCEL_BYTES: usize = 8 << 10;

/// Entries of the cache of what was sent.
const CACHE: usize = 1 << 15;

/// Bits of the filter that a test puts in its place.
const BLOOM_BITS: usize = 256;

/// A state to go on from.
struct Open<const W: usize> {
    words: [u64; W],
    depth: u32,
    name: Name,
}

/// A successor that belongs here.
struct Near<const W: usize> {
    words: [u64; W],
    depth: u32,
    from: Origin,
}

struct Shard<const W: usize> {
    program: Arc<Program>,
    config: Config,
    place: Place,
    mistake: Option<Mistake>,
    docket: Docket,
    visited: Visited,
    stack: Vec<Open<W>>,
    near: Vec<Near<W>>,
    log: Vec<Origin>,
    journal: Option<Journal>,
    /// Why the journal cannot be written, until it is asked for.
    broken: Option<std::io::Error>,
    outbox: Vec<Vec<u8>>,
    cache: Vec<Option<[u64; W]>>,
    bloom: [bool; BLOOM_BITS],
    tally: Tally,
    shown: Vec<Seen>,
    outcomes: BTreeMap<Outcome, Name>,
    deadlocks: BTreeMap<Outcome, Name>,
    cut: Option<Bound>,
    over: Option<Bound>,
    forgets: bool,
}

/// Whose a state is, and its place in the cache: by another hash than the table's, so that a shard's table is filled evenly.
fn hash<const W: usize>(words: &[u64; W]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^ hash >> 32
    };
    mix(words.iter().fold(0x51_7cc1_b727, |hash, word| mix(hash, *word)), 0)
}

impl<const W: usize> Shard<W>
where
    [u64; W]: Packed,
{
    fn new(
        program: &Arc<Program>,
        config: &Config,
        place: Place,
        journal: Option<Journal>,
        mistake: Option<Mistake>,
    ) -> Shard<W> {
        Shard {
            program: Arc::clone(program),
            config: config.clone(),
            place,
            mistake,
            docket: Docket::new(program),
            visited: Visited::new(None, 1),
            stack: Vec::new(),
            near: Vec::new(),
            log: Vec::new(),
            journal,
            broken: None,
            outbox: vec![Vec::new(); place.peers],
            cache: if place.peers > 1 { vec![None; CACHE] } else { Vec::new() },
            bloom: [false; BLOOM_BITS],
            tally: Tally { sent: vec![0; place.peers], received: vec![0; place.peers], ..Tally::default() },
            shown: Vec::new(),
            outcomes: BTreeMap::new(),
            deadlocks: BTreeMap::new(),
            cut: None,
            over: None,
            forgets: mistake == Some(Mistake::OwnerForgets),
        }
    }

    fn owner(&self, words: &[u64; W]) -> usize {
        ((u128::from(hash(words)) * self.place.peers as u128) >> 64) as usize
    }

    /// Judges a state and makes its successors.
    fn visit(&mut self, open: &Open<W>) {
        let program = Arc::clone(&self.program);
        let survey = program.survey(&open.words);
        self.docket.begin();
        program.judge(&open.words, &survey, &mut self.docket);
        self.note(Some(open.name), None);
        let deadline = if program.clock == Clock::Stopped { None } else { survey.ticks(program.clock) };
        if survey.ready | survey.buffered == 0 && deadline.is_none() {
            self.end(open, survey.is_done());
            return;
        }
        self.tally.states += 1;
        if open.depth >= self.config.limits.steps_max {
            self.cut_short(Bound::Steps(self.config.limits.steps_max));
            return;
        }
        for at in (0..program.tasks.len()).filter(|at| survey.ready >> at & 1 != 0) {
            for alternative in 0..program.alternatives(&open.words, at) {
                let by = Transition { task: TaskId(at as u8 + 1), alternative };
                self.propose(open, by, |words, docket| program.step(words, at, alternative, docket));
            }
        }
        for at in (0..program.tasks.len()).filter(|at| survey.buffered >> at & 1 != 0) {
            let by = Transition::flush(TaskId(at as u8 + 1));
            self.propose(open, by, |words, docket| program.flush(words, at, docket));
        }
        if let Some(deadline) = deadline {
            self.propose(open, Transition::CLOCK, |words, docket| program.tick(words, deadline, docket));
        }
    }

    /// Makes a step, and keeps what it led to unless the execution ends there.
    fn propose(&mut self, open: &Open<W>, by: Transition, step: impl FnOnce(&mut [u64; W], &mut Docket)) {
        let mut words = open.words;
        self.docket.begin();
        step(&mut words, &mut self.docket);
        self.tally.edges += 1;
        self.program.judge_nevers(&words, &mut self.docket);
        self.note(Some(open.name), Some(by));
        if self.docket.leaves_bounds() {
            let bound = if self.docket.out_of_range { Bound::Range } else { Bound::Stores(STORES_MAX as u32) };
            self.cut_short(bound);
            self.over.get_or_insert(bound);
        }
        if self.docket.stopped || self.docket.leaves_bounds() {
            return;
        }
        self.canonicalise(&mut words);
        let (depth, from) = (open.depth + 1, origin(open.name, by));
        let owner = self.owner(&words);
        if owner == self.place.me {
            self.near.push(Near { words, depth, from });
        } else if !self.was_sent(&words) {
            self.tally.sent[owner] += 1;
            let parcel = &mut self.outbox[owner];
            record(parcel, &words[..self.program.words()], from, depth);
        }
    }

    fn canonicalise(&self, words: &mut [u64; W]) {
        if self.config.symmetry {
            let renames_owners = self.config.seeded != Some(Unsound::SymmetryForgetsOwner);
            let mut renaming: Renaming = [0; TASKS_MAX + 1];
            self.program.canonicalise(words, renames_owners, &mut renaming);
        }
    }

    /// Has this state of another worker been sent before? From now on it has.
    fn was_sent(&mut self, words: &[u64; W]) -> bool {
        let hash = hash(words);
        let known = if self.mistake == Some(Mistake::BloomCache) {
            let places = [hash as usize % BLOOM_BITS, (hash >> 20) as usize % BLOOM_BITS];
            // Every bit is set, also after one that was not.
            places.iter().filter(|&&at| !std::mem::replace(&mut self.bloom[at], true)).count() == 0
        } else {
            self.cache[hash as usize % CACHE].replace(*words) == Some(*words)
        };
        self.tally.cached += u64::from(known);
        known
    }

    /// Looks up all successors that belong here, side by side; those that are new are to be gone on from.
    fn settle(&mut self) {
        let mut near = std::mem::take(&mut self.near);
        let reading = self.visited.read();
        near.iter().for_each(|state| reading.prefetch(state.words.key()));
        drop(reading);
        for state in near.drain(..) {
            if self.is_new(&state.words) {
                let name = name(self.place.base + self.place.me, self.log.len() as u64);
                self.log.push(state.from);
                self.write(&state);
                self.stack.push(Open { words: state.words, depth: state.depth, name });
            }
        }
        self.near = near;
    }

    fn is_new(&mut self, words: &[u64; W]) -> bool {
        let key = words.key();
        if self.forgets && !self.log.is_empty() {
            self.forgets = false;
            return true;
        }
        loop {
            let met = self.visited.read().insert(key);
            if met != Met::Crowded {
                return met == Met::New;
            }
            if !self.visited.grow(key) {
                self.cut_short(Bound::Memory);
                self.over.get_or_insert(Bound::Memory);
                return false;
            }
        }
    }

    /// Bytes of all that grows with the number of states.
    fn bytes(&self) -> u64 {
        let (log, open) = (self.log.capacity() * size_of::<Origin>(), self.stack.capacity() * size_of::<Open<W>>());
        self.visited.bytes() + (log + open) as u64
    }

    /// Something is not gone on from, and nobody comes back to it.
    #[cold]
    fn cut_short(&mut self, bound: Bound) {
        self.cut.get_or_insert(bound);
    }

    fn write(&mut self, state: &Near<W>) {
        let words = self.program.words();
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.add(&state.words[..words], state.from, state.depth)
        {
            self.broken.get_or_insert(error);
        }
    }

    /// No task can run.
    fn end(&mut self, open: &Open<W>, is_done: bool) {
        let outcome = self.program.outcome(&open.words);
        if !is_done {
            self.deadlocks.entry(outcome).or_insert(open.name);
            return;
        }
        self.outcomes.entry(outcome).or_insert(open.name);
        self.docket.begin();
        let program = Arc::clone(&self.program);
        program.judge_end(&open.words, &mut self.docket);
        self.note(Some(open.name), None);
    }

    fn note(&mut self, at: Option<Name>, by: Option<Transition>) {
        for id in std::mem::take(&mut self.docket.fresh) {
            let last = by.map(|by| (by.task.0, by.alternative));
            self.shown.push(Seen { what: What::Shown(id), at, last });
        }
    }

    fn unpacked(&self, record: &[u8]) -> Near<W> {
        let mut words = [0; W];
        let count = self.program.words();
        for (word, bytes) in words.iter_mut().zip(record[..count * 8].as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let (from, depth) = record[count * 8..].split_at(8);
        let from = u64::from_le_bytes(from.try_into().expect("eight bytes of a record"));
        Near { words, from, depth: u32::from_le_bytes(depth.try_into().expect("the last four bytes of a record")) }
    }
}

impl<const W: usize> Owner for Shard<W>
where
    [u64; W]: Packed,
{
    fn begin(&mut self) {
        let program = Arc::clone(&self.program);
        let mut words = program.boot::<W>(&mut self.docket);
        // All start the same program, and one tells of it.
        if self.place.me != 0 {
            self.docket.fresh.clear();
        }
        self.note(None, None);
        self.canonicalise(&mut words);
        if !self.docket.stopped && self.owner(&words) == self.place.me {
            self.near.push(Near { words, depth: 0, from: NOWHERE });
            self.settle();
        }
    }

    fn take(&mut self, from: usize, parcel: &[u8]) {
        let size = record_bytes(&self.program);
        debug_assert!(parcel.len().is_multiple_of(size), "internal error: a parcel has whole states");
        for record in parcel.chunks_exact(size) {
            self.tally.received[from] += 1;
            let state = self.unpacked(record);
            self.near.push(state);
            if self.near.len() >= BATCH * 4 {
                self.settle();
            }
        }
        self.settle();
    }

    fn work(&mut self) -> Option<Bound> {
        for _ in 0..BATCHES {
            for _ in 0..BATCH {
                let Some(open) = self.stack.pop() else { break };
                self.visit(&open);
            }
            self.settle();
            if self.over.is_some() || self.stack.is_empty() {
                break;
            }
        }
        if self.tally.states >= self.config.states_max {
            self.over.get_or_insert(Bound::States(self.config.states_max));
        }
        if self.bytes() * self.place.neighbours as u64 > self.config.bytes_max {
            self.over.get_or_insert(Bound::Bytes(self.config.bytes_max));
        }
        if self.config.interrupted() {
            self.over.get_or_insert(Bound::Interrupted);
        }
        self.over
    }

    fn is_open(&self) -> bool {
        !self.stack.is_empty()
    }

    fn parcels(&mut self, all: bool) -> Vec<(usize, Vec<u8>)> {
        let is_due = |parcel: &Vec<u8>| parcel.len() >= PARCEL_BYTES || all && !parcel.is_empty();
        let due = self.outbox.iter_mut().enumerate().filter(|(_, parcel)| is_due(parcel));
        let parcels: Vec<_> = due.map(|(to, parcel)| (to, std::mem::take(parcel))).collect();
        self.tally.bytes_sent += parcels.iter().map(|(_, parcel)| parcel.len() as u64).sum::<u64>();
        parcels
    }

    fn cut(&self) -> Option<Bound> {
        self.cut
    }

    fn came_from(&self, place: u64) -> Origin {
        self.log[place as usize]
    }

    fn tally(&self) -> Tally {
        Tally { bytes: self.bytes(), ..self.tally.clone() }
    }

    fn seen(&self) -> Vec<Seen> {
        let of = |what: fn(String) -> What| {
            move |(outcome, at): (&Outcome, &Name)| {
                let text = serde_json::to_string(outcome).expect("an outcome is plain data");
                Seen { what: what(text), at: Some(*at), last: None }
            }
        };
        let ends = self.outcomes.iter().map(of(What::Outcome)).chain(self.deadlocks.iter().map(of(What::Deadlock)));
        self.shown.iter().cloned().chain(ends).collect()
    }

    fn real_path(&self, path: &[Transition]) -> Vec<Transition> {
        real_path::<W>(&self.program, &self.config, path)
    }

    fn save(&mut self) -> std::io::Result<Saved> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let journal = self.journal.as_mut().expect("internal error: who saves has a journal");
        let (records, sum) = journal.sync()?;
        let open = self.stack.iter().map(|open| open.name).collect();
        let (log, states, cut) = (self.place.base + self.place.me, self.tally.states, self.cut);
        Ok(Saved { log, records, sum, open, seen: self.seen(), states, cut })
    }

    fn restore(&mut self, log: usize, place: u64, record: &[u8], is_open: bool) {
        let state = self.unpacked(record);
        if self.owner(&state.words) == self.place.me && self.is_new(&state.words) && is_open {
            self.stack.push(Open { words: state.words, depth: state.depth, name: name(log, place) });
        }
    }

    fn recall(&mut self, saved: Saved) {
        self.tally.states += saved.states;
        self.cut = self.cut.or(saved.cut);
        for seen in saved.seen {
            let outcome = |text: &str| serde_json::from_str::<Outcome>(text).ok();
            match (&seen.what, seen.at) {
                (What::Shown(id), _) => {
                    self.docket.raise(*id);
                    self.docket.fresh.clear();
                    self.shown.push(seen);
                }
                (What::Outcome(text), Some(at)) => _ = outcome(text).map(|it| self.outcomes.insert(it, at)),
                (What::Deadlock(text), Some(at)) => _ = outcome(text).map(|it| self.deadlocks.insert(it, at)),
                (What::Outcome(_) | What::Deadlock(_), None) => {}
            }
        }
    }
}
