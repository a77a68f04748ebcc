//! LW003: a lock-order cycle, whether or not any execution dies of it.
//!
//! Whenever a task takes a lock and waits for it if need be, every lock it holds comes before that one. Two tasks that follow
//! a cycle of such orders can wait for each other in some larger program, even if a third lock, or the order of this scenario's
//! calls, keeps them apart here. Orders are between *classes*: the name of a lock, whichever object it lies in.
//!
//! The graph is that of the exploration, not of one execution: every transition of every state adds its edges, and what an earlier
//! execution added stays. An order that one execution has alone is reported with the schedule of that execution. Which
//! edges there are depends on states only, so the graph is no part of a state.
//!
//! - A trylock waits for nothing and adds no edge before itself; the lock it took is held like any other.
//! - Readers of an `rwlock_t` pass each other: no cycle goes through two of them.
//! - The BKL and a lock whose waiter sleeps have no order: `schedule()` gives the BKL back. So it is ordered against
//!   spinlocks alone.
//!
//! The workers of an exploration share the graph ([`Orders`]), and a checkpoint keeps it.
//!
//! It cannot see two locks of one class taken inside each other, nor orders with interrupts (LW004 does).

use std::sync::Arc;

use parking_lot::Mutex;

use super::code::Code;
use super::finding::spot;
use super::finding::{Docket, Spot};
use super::interrupt::Interrupts;
use super::ledger::Ledger;
use crate::event::{Event, ObjectId, ObjectKind, Op, Place, Symbol, TaskId, View, What};

/// The first lock was held when the second was taken.
#[derive(Clone, Copy, Debug)]
struct Edge {
    held: Symbol,
    taken: Symbol,
    /// Was the first held, and was the second taken, in a way that lets readers pass each other?
    shared: (bool, bool),
    task: TaskId,
    /// Where the second was taken.
    at: Spot,
}

/// The first class was held when the second was taken; and which of the two lets readers pass each other.
pub type Order = (Symbol, Symbol, (bool, bool));

/// The orders of locks seen in all executions of an exploration, whoever ran them.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    locks: Arc<Mutex<Vec<Edge>>>,
    /// What they show of locks and interrupts.
    pub interrupts: Interrupts,
}

impl Orders {
    /// The classes, as they can be written down: the first was held when the second was taken.
    pub fn classes(&self) -> Vec<Order> {
        let mut classes: Vec<_> = self.locks.lock().iter().map(|edge| (edge.held, edge.taken, edge.shared)).collect();
        classes.sort_unstable();
        classes
    }

    /// Takes in what was written down. Where it was is not known any more.
    pub fn restore(&self, classes: &[Order]) {
        let at = Spot { step: 0, task: TaskId::BOOT, place: Place::caller(), set_up_of: None };
        let edges = classes.iter().map(|&(held, taken, shared)| Edge { held, taken, shared, task: TaskId::BOOT, at });
        self.locks.lock().extend(edges);
    }
}

/// The orders of locks seen in the present execution.
#[derive(Clone, Debug, Default)]
pub(super) struct LockOrder {
    here: Vec<Edge>,
}

impl LockOrder {
    pub fn judge(&mut self, event: &Event, view: &dyn View, ledger: &Ledger, ever: &Orders, docket: &mut Docket<'_>) {
        let What::Op(Op::Acquire(lock) | Op::AcquireRead(lock), _) = event.what else { return };
        let taken = view.object(lock).name;
        let is_ordered = |held: ObjectId| view.object(held).kind.is_ordered_with(view.object(lock).kind);
        for &(holder, held, _) in ledger.held.iter() {
            if holder != event.task || view.object(held).name == taken || !is_ordered(held) {
                continue;
            }
            let passes = |lock: ObjectId| view.object(lock).kind == ObjectKind::RwLock;
            let reads = |lock: ObjectId| passes(lock) && view.readers(lock) >> event.task.0 & 1 != 0;
            let shared = (reads(held), reads(lock));
            let edge = Edge { held: view.object(held).name, taken, shared, task: event.task, at: spot(event) };
            if add(&mut self.here, edge) {
                self.judge_edge(edge, ever, docket);
            }
        }
    }

    fn judge_edge(&self, edge: Edge, ever: &Orders, docket: &mut Docket<'_>) {
        let mut ever = ever.locks.lock();
        let is_new = add(&mut ever, edge);
        if let Some(back) = way(&self.here, edge) {
            report(edge, &back, true, docket);
        } else if is_new && let Some(back) = way(&ever, edge) {
            report(edge, &back, false, docket);
        }
    }
}

/// Adds an edge unless it is known.
fn add(edges: &mut Vec<Edge>, edge: Edge) -> bool {
    let key = |edge: &Edge| (edge.held, edge.taken, edge.shared);
    let is_new = !edges.iter().any(|known| key(known) == key(&edge));
    if is_new {
        edges.push(edge);
    }
    is_new
}

/// Does who takes the one wait for who holds the other? A reader does not wait for readers.
fn follows(first: &Edge, second: &Edge) -> bool {
    first.taken == second.held && !(first.shared.1 && second.shared.0)
}

/// A shortest way along the edges from the end of this one back to its beginning.
fn way(edges: &[Edge], back_from: Edge) -> Option<Vec<Edge>> {
    let first = edges.iter().filter(|edge| follows(&back_from, edge));
    let mut ways: Vec<Vec<Edge>> = first.map(|edge| vec![*edge]).collect();
    let mut at = 0;
    while at < ways.len() {
        let last = ways[at][ways[at].len() - 1];
        if follows(&last, &back_from) {
            return Some(ways.swap_remove(at));
        }
        for next in edges.iter().filter(|edge| follows(&last, edge)) {
            let end = |edge: &Edge| (edge.taken, edge.shared.1);
            if ways.iter().all(|way| end(&way[way.len() - 1]) != end(next)) {
                let longer = [&ways[at][..], &[*next]].concat();
                ways.push(longer);
            }
        }
        at += 1;
    }
    None
}

fn report(edge: Edge, back: &[Edge], here: bool, docket: &mut Docket<'_>) {
    // Named by the same class whichever of its edges closed the cycle.
    let smallest = back.iter().map(|edge| edge.taken).chain([edge.taken]).min().unwrap_or(edge.held);
    docket.report(Code::LW003, smallest, |names| {
        let chain: Vec<&str> = back.iter().map(|edge| edge.taken.as_str()).collect();
        let other = back[0];
        let elsewhere = if here { "" } else { ", in another execution" };
        // The step of another execution says nothing in this one.
        let other_spot = if here { other.at } else { Spot { step: 0, ..other.at } };
        (
            format!(
                "{} takes {} under {}, and elsewhere {} comes before {}",
                names.task(edge.task),
                edge.taken,
                edge.held,
                edge.taken,
                chain.join(", then ")
            ),
            (edge.at, format!("{} taken under {} here", edge.taken, edge.held)),
            (other_spot, format!("{} taken under {} here{elsewhere}", other.taken, other.held)),
        )
    });
}
