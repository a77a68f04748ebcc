//! What an exploration knows, in a file: after a kill it continues from the last checkpoint.
//!
//! A line of JSON, then the table of states as 20 bytes each (the fingerprint and who sleeps, little-endian). The file is
//! written beside its place, synced and renamed, so there is always a whole one; while it is used a file beside it, `.lock`
//! added to its name, is locked. It says what it is of, and has a sum over all
//! of it: a checkpoint of another program, memory model or version is refused, a damaged one as well, and one whose paths the
//! code no longer follows.

use std::collections::BTreeSet;
use std::fs;
use std::hash::Hasher;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::movers::{Saved, Seen};
use super::path::{Choice, Item, Path};
use super::search::{Answer, Runner};
use super::totals::Totals;
use super::visited::Visited;
use crate::check::{Code, Finding, Known, Order, Orders};
use crate::engine::Memory;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::world::Transition;
use crate::event::outcome::Outcome;
use crate::event::{Symbol, TaskId};
use crate::explore::checkpoint::{Checkpoint, Error};
use crate::explore::config::{Config, EngineKind};
use crate::explore::files::{self, Locked};
use crate::explore::limits::Bound;
use crate::explore::outcomes::Outcomes;
use crate::explore::schedule::Schedule;
use crate::explore::schedule::{Guide, replay_under};
use crate::explore::spared::Spared;
use crate::explore::verdict::Found;
use crate::subject::Subject;

/// The version written, and the only one read.
pub const VERSION: u32 = 8;

/// Bytes of a checkpoint beside its states, at most: the first line.
const BESIDE_STATES_MAX: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
struct Header {
    checkpoint: u32,
    about: String,
    memory: Memory,
    /// As asked for.
    symmetry: bool,
    /// It was asked for, and something names one of the tasks: they cannot be exchanged.
    named: bool,
    executions: u64,
    /// Executions that were longer than the bound on steps: such a search is not complete.
    too_long: u64,
    states: u64,
    /// What ended an execution before it was seen to its end.
    cut: Option<Bound>,
    /// Over all the rest of the file.
    sum: String,
    outcomes: Vec<SavedOutcome>,
    deadlocks: Vec<SavedOutcome>,
    findings: Vec<SavedFinding>,
    /// Lock orders seen.
    orders: Vec<Order>,
    /// What was seen of locks and interrupts.
    interrupts: Vec<Known>,
    /// From which history a task can come to which.
    histories: BTreeSet<(u128, u128)>,
    /// What was seen and relied on of the locks that accesses are made under; nothing where every access is a scheduling point.
    seen: Option<Saved>,
    items: Vec<SavedItem>,
}

#[derive(Serialize, Deserialize)]
struct SavedFinding {
    code: Code,
    subject: Symbol,
    transitions: Vec<(u8, u8)>,
}

/// An outcome, and how it is reached.
type SavedOutcome = (Outcome, Vec<(u8, u8)>);

#[derive(Serialize, Deserialize)]
struct SavedItem {
    spared: Spared,
    prefix: Vec<(u8, u8, u64)>,
    rest: Vec<(u8, u8, u64)>,
}

/// What a file had to say.
#[derive(Default)]
pub(super) struct Restored {
    pub items: Vec<Item>,
    pub totals: Totals,
    /// The tasks were exchanged, and the file knows that they cannot be.
    pub named: bool,
}

impl Checkpoint {
    /// Takes it for this process, for as long as the lock lives. Two explorations would write over each other's work.
    ///
    /// Can it be written at all? That is asked here as well, before anything is explored.
    pub(super) fn take(&self) -> Result<Locked, Error> {
        match fs::metadata(&self.file) {
            Ok(metadata) if !metadata.is_file() => return Err(self.unfit("not a regular file")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.io("the checkpoint cannot be read")(error));
            }
            _ => {}
        }
        let locked = Locked::new(&self.file).map_err(self.io("the checkpoint cannot be written"))?;
        let locked = locked.ok_or_else(|| self.unfit("another process explores with this checkpoint"))?;
        files::try_place(&self.file).map_err(self.io("the checkpoint cannot be written"))?;
        Ok(locked)
    }

    /// Writes what is known; if the process is killed meanwhile, the checkpoint before is still there.
    pub(super) fn save(
        &self,
        (config, asked): (&Config, bool),
        visited: &Visited,
        items: &[Item],
        totals: &Totals,
        seen: Option<&Seen>,
    ) -> Result<(), Error> {
        let entries = visited.entries();
        let transition = |it: &Transition| (it.task.0, it.alternative);
        let steps = |schedule: &Schedule| schedule.transitions.iter().map(transition).collect();
        let outcomes = |outcomes: &Outcomes| -> Vec<SavedOutcome> {
            let saved = outcomes.with_schedules();
            saved.map(|(outcome, schedule)| (outcome.clone(), schedule.map(steps).unwrap_or_default())).collect()
        };
        let findings = totals.findings.values().map(|found| SavedFinding {
            code: found.finding.code,
            subject: found.finding.subject,
            transitions: steps(&found.schedule),
        });
        let choices = |choices: &[Choice]| {
            choices.iter().map(|it| (it.transition.task.0, it.transition.alternative, it.hash())).collect()
        };
        let item =
            |item: &Item| SavedItem { spared: item.spared, prefix: choices(&item.prefix), rest: choices(&item.rest) };
        let mut header = Header {
            checkpoint: VERSION,
            about: self.about.clone(),
            memory: config.memory,
            symmetry: asked,
            named: asked && !config.symmetry,
            executions: totals.executions,
            too_long: totals.too_long.count,
            states: entries.len() as u64,
            cut: totals.cut,
            sum: String::new(),
            outcomes: outcomes(&totals.outcomes),
            deadlocks: outcomes(&totals.deadlocks),
            findings: findings.collect(),
            orders: totals.orders.classes(),
            interrupts: totals.orders.interrupts.known(),
            histories: totals.histories.iter().copied().collect(),
            seen: seen.map(Seen::save),
            items: items.iter().map(item).collect(),
        };
        header.sum = sum(&header, &entries);
        files::write_locked(&self.file, |out| write(out, &header, &entries))
            .map_err(self.io("the checkpoint cannot be written"))
    }

    /// All is seen.
    pub(super) fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.io("the checkpoint of a finished exploration cannot be removed")(error))
            }
            _ => Ok(()),
        }
    }

    /// Reads the file, if there is one, and fills the table of states.
    pub(super) fn restore(
        &self,
        subject: &dyn Subject,
        config: &Config,
        visited: &Visited,
        seen: Option<&Seen>,
        asked: bool,
    ) -> Result<Restored, Error> {
        let bytes = match files::read_up_to(&self.file, config.bytes_max.saturating_add(BESIDE_STATES_MAX)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Restored::default()),
            read => read.map_err(self.io("the checkpoint cannot be read"))?,
        };
        let (header, entries) = self.parse(&bytes, config, asked)?;
        if header.named != (asked && !config.symmetry) {
            // States in which equal tasks are one are of no use to a search that tells them apart.
            return Ok(Restored { named: header.named, ..Restored::default() });
        }
        match (seen, header.seen) {
            (Some(seen), Some(saved)) => seen.restore(saved),
            (None, None) => {}
            (relies, _) => {
                return Err(self.unfit(if relies.is_some() {
                    "a checkpoint of a search with every access a scheduling point; asked for is one without"
                } else {
                    "a checkpoint of a search without every access a scheduling point; asked for is one with it"
                }));
            }
        }
        for &(fingerprint, spared) in &entries {
            visited.visit(fingerprint, spared);
        }
        let mut totals = Totals { executions: header.executions, cut: header.cut, ..Totals::default() };
        totals.too_long.count = header.too_long;
        totals.histories.extend(header.histories);
        let saved = [(&mut totals.outcomes, header.outcomes), (&mut totals.deadlocks, header.deadlocks)];
        for (outcomes, saved) in saved {
            for (outcome, steps) in saved {
                outcomes.add(outcome, steps.len(), || schedule(&steps, config));
            }
        }
        let orders: Vec<Order> = header
            .orders
            .iter()
            .map(|(held, taken, shared)| (Symbol::new(held), Symbol::new(taken), *shared))
            .collect();
        for saved in &header.findings {
            totals.keep(self.find_again(subject, config, saved, (&orders, &header.interrupts))?);
        }
        totals.orders.restore(&orders);
        totals.orders.interrupts.restore(&header.interrupts);
        let items: Vec<Item> = header.items.iter().map(restored).collect();
        self.check_paths(subject, config, &items)?;
        Ok(Restored { items, totals, named: false })
    }

    fn parse(&self, bytes: &[u8], config: &Config, asked: bool) -> Result<(Header, Vec<(u128, Spared)>), Error> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| self.unfit("not a checkpoint"))?;
        let mut header: Header = serde_json::from_slice(&bytes[..end])
            .map_err(|error| self.unfit(format!("not a checkpoint of version {VERSION}: {error}")))?;
        if header.checkpoint != VERSION {
            return Err(self.unfit(format!("a checkpoint of version {}, not {VERSION}", header.checkpoint)));
        }
        let is = format!("{}, {}, symmetry {}", header.about, header.memory, header.symmetry);
        let asked = format!("{}, {}, symmetry {asked}", self.about, config.memory);
        if is != asked {
            return Err(self.unfit(format!("a checkpoint of {is}; asked for is {asked}")));
        }
        let (entries, rest) = bytes[end + 1..].as_chunks::<20>();
        let entries: Vec<(u128, Spared)> = entries.iter().map(entry).collect();
        let said = std::mem::take(&mut header.sum);
        if !rest.is_empty() || sum(&header, &entries) != said {
            return Err(self.unfit("the checkpoint is damaged: its sum is not that of what it says"));
        }
        Ok((header, entries))
    }

    /// A finding, by its schedule; one of lock orders by those that other executions had as well.
    fn find_again(
        &self,
        subject: &dyn Subject,
        config: &Config,
        saved: &SavedFinding,
        (orders, interrupts): (&[Order], &[Known]),
    ) -> Result<Found, Error> {
        let schedule = schedule(&saved.transitions, config);
        let is_it = |it: &Finding| it.code == saved.code && it.subject == saved.subject;
        let (findings, own) = replayed(subject, &schedule, &[], &[]);
        let mut same = findings.into_iter().find(is_it);
        if same.is_none() && saved.code == Code::LW003 {
            same = among_orders(orders, &own, |others| {
                replayed(subject, &schedule, others, &[]).0.into_iter().find(is_it)
            });
        }
        if same.is_none() && saved.code == Code::LW004 {
            // Each fact is left out once: that which this execution added last must not be known.
            same = (0..=interrupts.len()).find_map(|at| {
                let others: Vec<Known> =
                    interrupts.iter().enumerate().filter(|(of, _)| *of != at).map(|(_, known)| known.clone()).collect();
                replayed(subject, &schedule, &[], &others).0.into_iter().find(is_it)
            });
        }
        let finding = same.ok_or_else(|| self.unfit("the code has changed: a finding is not there any more"))?;
        Ok(Found { finding, schedule, weak_memory: false })
    }

    /// Does the code still go where the paths say?
    fn check_paths(&self, subject: &dyn Subject, config: &Config, items: &[Item]) -> Result<(), Error> {
        struct Nothing;
        impl super::path::Pruning for Nothing {
            fn visit(&mut self, _: &crate::engine::State<'_>, _: &super::path::Arrival) -> super::path::Answer {
                super::path::Answer::Stop
            }
            fn states(&self) -> u64 {
                0
            }
        }
        let quiet = Config { progress: None, ..config.clone() };
        let mut runner = Runner::new(subject, &quiet, EngineKind::Explorer);
        for item in items {
            let mut path = Path::new(Nothing, config.memory, None);
            path.enter(item);
            if runner.run(&mut path, &mut |_| Answer::Again).is_err() {
                return Err(self.unfit("the code has changed: it does not go where the checkpoint's paths lead"));
            }
        }
        Ok(())
    }
}

/// What the checks say of an execution when others had these lock orders before; and the orders that are known then.
fn replayed(
    subject: &dyn Subject,
    schedule: &Schedule,
    others: &[Order],
    known: &[Known],
) -> (Vec<Finding>, Vec<Order>) {
    let (mut checks, orders) = (subject.checks(), Orders::default());
    orders.restore(others);
    orders.interrupts.restore(known);
    checks.share_orders(&orders);
    let names = checks.names();
    let replay = replay_under(checks, subject, &names, &Guide::Exact(schedule));
    (replay.map(|replay| replay.findings).unwrap_or_default(), orders.classes())
}

/// A cycle of lock orders that this execution closed: its own orders are new in it, and some of the others were there before.
///
/// Which ones is not written down. An order that came later may be a shortcut to another cycle, so each is left out once.
fn among_orders(orders: &[Order], own: &[Order], find: impl Fn(&[Order]) -> Option<Finding>) -> Option<Finding> {
    let others: Vec<Order> = orders.iter().filter(|order| !own.contains(order)).copied().collect();
    let without = |at: usize| [&others[..at], &others[at + 1..]].concat();
    find(&others).or_else(|| (0..others.len()).find_map(|at| find(&without(at))))
}

fn transition(task: u8, alternative: u8) -> Transition {
    Transition { task: TaskId(task), alternative }
}

fn schedule(steps: &[(u8, u8)], config: &Config) -> Schedule {
    let transitions = steps.iter().map(|&(task, alternative)| transition(task, alternative));
    Schedule { transitions: transitions.collect(), memory: config.memory }
}

fn restored(item: &SavedItem) -> Item {
    let choices = |choices: &[(u8, u8, u64)]| {
        choices.iter().map(|&(task, alternative, hash)| Choice::restored(transition(task, alternative), hash)).collect()
    };
    // The state's tag is not kept: an audit begins anew.
    Item { prefix: choices(&item.prefix), rest: choices(&item.rest), spared: item.spared, tag: 0 }
}

fn entry(bytes: &[u8; 20]) -> (u128, Spared) {
    let (fingerprint, spared) = bytes.split_at(16);
    let fingerprint: [u8; 16] = fingerprint.try_into().expect("the first 16 of 20 bytes");
    (u128::from_le_bytes(fingerprint), Spared(u32::from_le_bytes(spared.try_into().expect("the last 4 of 20 bytes"))))
}

/// Of a header whose own sum is empty, and the table.
fn sum(header: &Header, entries: &[(u128, Spared)]) -> String {
    let mut sum = Fingerprint::default();
    sum.write(&serde_json::to_vec(header).expect("a header is plain data"));
    for (fingerprint, spared) in entries {
        sum.write_history(*fingerprint);
        sum.write_u32(spared.0);
    }
    format!("{:032x}", sum.finish_128())
}

fn write(out: &mut dyn Write, header: &Header, entries: &[(u128, Spared)]) -> io::Result<()> {
    serde_json::to_writer(&mut *out, header)?;
    out.write_all(b"\n")?;
    for (fingerprint, spared) in entries {
        out.write_all(&fingerprint.to_le_bytes())?;
        out.write_all(&spared.0.to_le_bytes())?;
    }
    Ok(())
}
