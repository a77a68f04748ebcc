//! LW004: a lock of an interrupt handler that is held where that interrupt can come, or whose holder waits for one that is.
//!
//! Three kinds of facts, each seen in a state of some execution: a handler *takes* a lock; a lock is *held* on a CPU where a handler can come; a lock is
//! taken while another is held, which is an *order*. A handler that takes what is held there waits for what it has interrupted; and so it does if orders lead
//! from the one lock to the other. Nothing has to go wrong in any execution.
//!
//! Facts are of the exploration, as the orders of LW003 are: which there are depends on states alone, so they are no part of a state, and a search that stops at
//! known states misses none. The workers share them, and a checkpoint keeps them. A program without interrupts has none.
//!
//! - Objects are compared, not classes: two locks of one name are two.
//! - A handler comes on its own CPU alone, and only where its level is above.
//! - Readers of an `rwlock_t` pass each other.
//! - What a lock excludes that two of the participants would have to hold is no finding.
//!
//! It cannot see values: a handler that takes the lock only after a flag was set is taken to take it always. Two interrupts in one cycle are not looked for.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::finding::{Docket, Spot, spot};
use super::ledger::Ledger;
use crate::event::{Event, Level, ObjectId, ObjectKind, Op, Place, TaskId, View, What};

/// A lock, and whether it is held in a way that lets readers pass each other.
type Taken = (ObjectId, bool);

/// The levels at which handlers come.
const LEVELS: [Level; 3] = [Level::Soft, Level::Hard, Level::Nmi];

/// What a fact says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Says {
    /// A handler takes the lock, and waits for it if need be.
    Takes { lock: Taken, level: Level, cpu: u8 },
    /// The lock is held where such a handler can come.
    Held { lock: Taken, level: Level, cpu: u8 },
    /// The second is taken while the first is held.
    Order { held: Taken, taken: Taken },
}

/// One fact, with all that is held then.
#[derive(Clone, Debug)]
struct Fact {
    says: Says,
    with: Vec<Taken>,
    task: TaskId,
    at: Spot,
}

impl Fact {
    fn is(&self, other: &Fact) -> bool {
        self.says == other.says && self.with == other.with && self.task == other.task
    }

    /// A lock that this and the other would both have to hold.
    fn excludes(&self, other: &Fact) -> bool {
        let common = |&(lock, shared): &Taken| {
            other.with.iter().any(|(theirs, also_shared)| *theirs == lock && !(shared && *also_shared))
        };
        self.with.iter().any(common)
    }
}

/// A fact as a checkpoint has it: kind, locks (number, shared), level, CPU, what is held, whose.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known(u8, Vec<(u32, bool)>, u8, u8, Vec<(u32, bool)>, u8);

/// The facts of all executions of an exploration, on all its workers.
#[derive(Clone, Debug, Default)]
pub struct Interrupts(Arc<Mutex<Vec<Fact>>>);

impl Interrupts {
    /// As they can be written down.
    pub fn known(&self) -> Vec<Known> {
        let saved = |(lock, shared): &Taken| (lock.0, *shared);
        let one = |fact: &Fact| {
            let (kind, locks, level, cpu) = match &fact.says {
                Says::Takes { lock, level, cpu } => (0, vec![saved(lock)], *level, *cpu),
                Says::Held { lock, level, cpu } => (1, vec![saved(lock)], *level, *cpu),
                Says::Order { held, taken } => (2, vec![saved(held), saved(taken)], Level::Task, 0),
            };
            Known(kind, locks, level as u8, cpu, fact.with.iter().map(saved).collect(), fact.task.0)
        };
        self.0.lock().iter().map(one).collect()
    }

    /// Takes in what was written down. Where it was is not known any more.
    pub fn restore(&self, known: &[Known]) {
        let at = Spot { step: 0, task: TaskId::BOOT, place: Place::caller(), set_up_of: None };
        let lock = |&(lock, shared): &(u32, bool)| (ObjectId(lock), shared);
        let one = |Known(kind, locks, level, cpu, with, task): &Known| {
            let level = LEVELS.into_iter().find(|known| *known as u8 == *level);
            let says = match (kind, &locks[..], level) {
                (0, [taken], Some(level)) => Says::Takes { lock: lock(taken), level, cpu: *cpu },
                (1, [held], Some(level)) => Says::Held { lock: lock(held), level, cpu: *cpu },
                (2, [held, taken], _) => Says::Order { held: lock(held), taken: lock(taken) },
                _ => return None,
            };
            Some(Fact { says, with: with.iter().map(lock).collect(), task: TaskId(*task), at })
        };
        self.0.lock().extend(known.iter().filter_map(one));
    }
}

/// The facts of the present execution.
#[derive(Clone, Debug, Default)]
pub(super) struct InterruptUse {
    here: Vec<Fact>,
}

impl InterruptUse {
    /// Judges an event after the ledger has taken it in.
    pub fn judge(
        &mut self,
        event: &Event,
        view: &dyn View,
        ledger: &Ledger,
        ever: &Interrupts,
        docket: &mut Docket<'_>,
    ) {
        let What::Op(op, result) = event.what else { return };
        if event.task == TaskId::BOOT || event.set_up_of.is_some() || view.seat(event.task).is_none() {
            return;
        }
        let is_about_locks = op.lock().is_some() || matches!(op, Op::Mask(_) | Op::Leave(_));
        if !is_about_locks || ledger.held.of(event.task).next().is_none() {
            return;
        }
        for fact in facts(event, op, result, view, ledger) {
            if !add(&mut self.here, &fact) {
                continue;
            }
            let mut ever = ever.0.lock();
            let is_new = add(&mut ever, &fact);
            if let Some(cycle) = closed(&self.here, &fact) {
                report(&cycle, &fact, true, view, docket);
            } else if is_new && let Some(cycle) = closed(&ever, &fact) {
                report(&cycle, &fact, false, view, docket);
            }
        }
    }
}

/// Adds a fact unless it is known.
fn add(facts: &mut Vec<Fact>, fact: &Fact) -> bool {
    let is_new = !facts.iter().any(|known| known.is(fact));
    if is_new {
        facts.push(fact.clone());
    }
    is_new
}

/// What this event says.
fn facts(event: &Event, op: Op, result: u64, view: &dyn View, ledger: &Ledger) -> Vec<Fact> {
    let task = event.task;
    let Some(seat) = view.seat(task) else { return Vec::new() };
    let reads = |lock: ObjectId| view.object(lock).kind == ObjectKind::RwLock && view.readers(lock) >> task.0 & 1 != 0;
    let held: Vec<(Taken, Spot)> = ledger.held.of(task).map(|&(_, lock, since)| ((lock, reads(lock)), since)).collect();
    let all_but = |at: usize| {
        let others = held.iter().enumerate().filter(move |(other, _)| *other != at);
        others.map(|(_, (lock, _))| *lock).collect::<Vec<_>>()
    };
    let mut facts = Vec::new();
    if let (Op::Acquire(lock) | Op::AcquireRead(lock), Some(last)) = (op, held.len().checked_sub(1)) {
        let (taken, with) = ((lock, reads(lock)), all_but(last));
        let fact = |says| Fact { says, with: with.clone(), task, at: spot(event) };
        if seat.level > Level::Task {
            facts.push(fact(Says::Takes { lock: taken, level: seat.level, cpu: seat.cpu }));
        }
        facts.extend(held[..last].iter().map(|(held, _)| fact(Says::Order { held: *held, taken })));
    }
    // A release opens nothing, and an attempt that failed holds nothing more.
    let takes = matches!(op, Op::Acquire(_) | Op::AcquireRead(_)) || op.gives_back().is_none() && result == 1;
    if takes || matches!(op, Op::Mask(_) | Op::Leave(_)) {
        let masks = ledger.masked.iter().find(|(known, ..)| *known == task).map(|(_, masks, _)| *masks);
        let masks = masks.unwrap_or_default();
        let can_come = |level: &Level| match level {
            _ if *level <= seat.level => false,
            Level::Nmi => true,
            Level::Hard => !masks.irqs_off,
            _ => !masks.irqs_off && masks.bh == 0,
        };
        for level in LEVELS.into_iter().filter(can_come) {
            facts.extend(held.iter().enumerate().map(|(at, (lock, _))| {
                let says = Says::Held { lock: *lock, level, cpu: seat.cpu };
                Fact { says, with: all_but(at), task, at: spot(event) }
            }));
        }
    }
    facts
}

/// Does who wants the one wait for who holds the other?
fn waits(wanted: Taken, held: Taken) -> bool {
    wanted.0 == held.0 && !(wanted.1 && held.1)
}

/// A cycle that this fact is a part of: what the handler takes, the orders from there, and what is held where it comes.
fn closed(facts: &[Fact], new: &Fact) -> Option<Vec<Fact>> {
    let takes = facts.iter().filter_map(|fact| match fact.says {
        Says::Takes { lock, level, cpu } => Some((fact, lock, level, cpu)),
        _ => None,
    });
    takes.into_iter().find_map(|(takes, wanted, level, cpu)| {
        facts.iter().find_map(|held| match held.says {
            Says::Held { lock, level: open, cpu: its } if (open, its) == (level, cpu) => {
                let end = Fact { with: [&held.with[..], &[lock]].concat(), ..held.clone() };
                // What is held there may keep the handler from what it took before it waits.
                let mut way = vec![takes.clone()];
                let is_found = !end.excludes(takes) && leads(facts, wanted, lock, &end, &mut way);
                way.push(held.clone());
                (is_found && way.iter().any(|part| part.is(new))).then_some(way)
            }
            _ => None,
        })
    })
}

/// Do orders lead from what is wanted to what is held, none of which is excluded by a lock around two of them?
fn leads(facts: &[Fact], wanted: Taken, held: Taken, end: &Fact, way: &mut Vec<Fact>) -> bool {
    if waits(wanted, held) {
        return true;
    }
    for fact in facts {
        let Says::Order { held: from, taken } = fact.says else { continue };
        let is_met = way.iter().any(|part| matches!(part.says, Says::Order { held, .. } if held.0 == from.0));
        let is_excluded = fact.excludes(end) || way.iter().any(|part| fact.excludes(part));
        if is_met || is_excluded || !waits(wanted, from) {
            continue;
        }
        way.push(fact.clone());
        if leads(facts, taken, held, end, way) {
            return true;
        }
        way.pop();
    }
    false
}

fn report(cycle: &[Fact], new: &Fact, here: bool, view: &dyn View, docket: &mut Docket<'_>) {
    let (Some(takes), Some(held)) = (cycle.first(), cycle.last()) else { return };
    let (Says::Takes { lock: wanted, level, .. }, Says::Held { lock, .. }) = (&takes.says, &held.says) else { return };
    docket.report(Code::LW004, view.object(lock.0).name, |names| {
        let name = |lock: &Taken| names.object(view, lock.0);
        let (wanted, lock, level) = (name(wanted), name(lock), level.word());
        let order = |fact: &Fact| match &fact.says {
            Says::Order { held, taken } => {
                Some(format!("{} takes {} while it holds {}", names.task(fact.task), name(taken), name(held)))
            }
            _ => None,
        };
        let between: String = cycle.iter().filter_map(order).map(|text| format!("; {text}")).collect();
        let is_one = cycle.len() == 2;
        let what = if is_one { "it" } else { &lock };
        let message = format!(
            "{} takes {wanted} in a {level}{between}{} {} holds {what} where that can come",
            names.task(takes.task),
            if is_one { ", and" } else { "; and" },
            names.task(held.task),
        );
        let elsewhere = |fact: &Fact| if here || fact.is(new) { "" } else { ", in another execution" };
        // The step of another execution says nothing in this one.
        let at = |fact: &Fact| if here || fact.is(new) { fact.at } else { Spot { step: 0, ..fact.at } };
        (
            message,
            (at(takes), format!("{wanted} taken in a {level} here{}", elsewhere(takes))),
            (at(held), format!("{lock} held from here where a {level} can come{}", elsewhere(held))),
        )
    });
}
