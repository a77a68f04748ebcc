//! Orders of locks over all paths: cycles (LW003), orders against the declared one, and locks of interrupts (LW004).

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Locks in a cycle at most: the lock graphs of outlines are small, and a reader has to follow the cycle.
const CYCLE_MAX: usize = 6;

/// Locks held at once at most, as lockdep has it: of more, the orders are not followed.
const HELD_MAX: usize = 48;

/// Steps of the search for cycles at most.
const STEPS_MAX: usize = 200_000;

/// One lock taken while another is held.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The one that is held.
    pub held: Held,
    /// The one that is taken.
    pub lock: LockId,
    /// What it is.
    pub kind: Kind,
    /// How.
    pub mode: Mode,
    /// Where.
    pub place: Place,
    /// Exclusive locks that are held besides.
    pub guards: BTreeSet<LockId>,
    /// The entry on whose path it is.
    pub entry: String,
}

/// A use of a lock in a context.
#[derive(Clone, Copy, Debug)]
struct Use {
    place: Place,
    mode: Mode,
}

/// All orders.
#[derive(Default)]
pub struct Orders {
    /// By held and taken lock, with both modes, and the locks besides; the first of each.
    edges: BTreeMap<(LockId, LockId, Mode, Mode, BTreeSet<LockId>), Edge>,
    in_hard: BTreeMap<LockId, Use>,
    in_soft: BTreeMap<LockId, Use>,
    irqs_on: BTreeMap<LockId, Use>,
    bh_on: BTreeMap<LockId, Use>,
    written: BTreeSet<LockId>,
    /// More locks were held at once than are followed.
    is_deep: bool,
    /// Steps of the search for cycles.
    steps: std::cell::Cell<usize>,
    /// Entries that take part in each cycle: they are run together.
    pub cycles: Vec<BTreeSet<String>>,
}

impl Orders {
    #[expect(clippy::too_many_arguments, reason = "each is one aspect of the acquisition")]
    pub(super) fn take(
        &mut self,
        state: &State,
        lock: LockId,
        kind: Kind,
        mode: Mode,
        is_try: bool,
        place: Place,
        entry: &str,
    ) {
        if mode == Mode::Write {
            self.written.insert(lock);
        }
        if is_try {
            return;
        }
        if state.held.len() > HELD_MAX {
            self.is_deep = true;
            return;
        }
        for held in &state.held {
            let besides = state.held.iter().filter(|other| other.lock != held.lock && other.mode == Mode::Write);
            let guards: BTreeSet<LockId> = besides.map(|other| other.lock).collect();
            let key = (held.lock, lock, held.mode, mode, guards.clone());
            let edge = || Edge { held: held.clone(), lock, kind, mode, place, guards, entry: entry.to_owned() };
            self.edges.entry(key).or_insert_with(edge);
        }
    }

    pub(super) fn used(
        &mut self,
        lock: LockId,
        mode: Mode,
        context: Option<Context>,
        irqs_on: bool,
        bh_on: bool,
        place: Place,
    ) {
        let add = |uses: &mut BTreeMap<LockId, Use>| {
            let new = Use { place, mode };
            let known = uses.entry(lock).or_insert(new);
            if known.mode == Mode::Read && mode == Mode::Write {
                *known = new;
            }
        };
        match context {
            Some(Context::Hard) => add(&mut self.in_hard),
            Some(Context::Soft) => {
                add(&mut self.in_soft);
                if irqs_on {
                    add(&mut self.irqs_on);
                }
            }
            None if irqs_on => {
                add(&mut self.irqs_on);
                if bh_on {
                    add(&mut self.bh_on);
                }
            }
            None => {}
        }
    }
}

/// Does the second lock wait while the first is kept? A task that waits for a lock that sleeps gives the BKL back.
fn blocks(edge: &Edge) -> bool {
    let bkl = edge.held.kind == Kind::Bkl || edge.kind == Kind::Bkl;
    let sleeps = edge.held.kind.sleeps() || edge.kind.sleeps();
    !(bkl && sleeps)
}

/// Judges all orders.
pub(super) fn judge(walk: &mut Walk) {
    let edges: Vec<Edge> = walk.orders.edges.values().filter(|edge| blocks(edge)).cloned().collect();
    declared(walk, &edges);
    cycles(walk, &edges);
    interrupts(walk, &edges);
}

fn last(name: &str) -> &str {
    name.rsplit(['>', '.']).next().unwrap_or(name)
}

/// An order that the file declares is broken.
fn declared(walk: &mut Walk, edges: &[Edge]) {
    let inside = |outer: &str, inner: &str| -> Option<Place> {
        let mut open = vec![outer.to_owned()];
        let mut seen = HashSet::new();
        let mut place = None;
        while let Some(at) = open.pop() {
            for (from, to, declared) in &walk.scope.orders {
                if last(from) == last(&at) && seen.insert((*to).to_owned()) {
                    place = place.or(Some(*declared));
                    if last(to) == last(inner) {
                        return place;
                    }
                    open.push((*to).to_owned());
                }
            }
        }
        None
    };
    let mut found = Vec::new();
    for edge in edges {
        let (held, taken) = (&walk.names[edge.held.lock as usize], &walk.names[edge.lock as usize]);
        if let Some(declared) = inside(taken, held) {
            let labels = vec![
                Label { place: edge.place, text: format!("{taken} is taken here") },
                Label { place: edge.held.place, text: format!("inside {held}, taken here") },
                Label { place: declared, text: format!("{held} is declared to be inside {taken}") },
            ];
            found.push((taken.clone(), format!("{taken} inside {held} is against the declared order"), labels));
        }
    }
    for (subject, title, labels) in found {
        walk.find("LW003", &subject, title, labels, Vec::new());
    }
}

/// Does somebody who takes the lock in this mode wait for somebody who holds it in that one?
fn waits(walk: &Walk, lock: LockId, kind: Kind, taken: Mode, held: Mode) -> bool {
    match (taken, held) {
        // A reader waits for a reader only through a writer between them, where the lock is fair.
        (Mode::Read, Mode::Read) => kind.is_fair() && walk.orders.written.contains(&lock),
        _ => true,
    }
}

/// Elementary cycles, each once, the shortest first.
fn cycles(walk: &mut Walk, edges: &[Edge]) {
    let mut out: BTreeMap<LockId, Vec<&Edge>> = BTreeMap::new();
    for edge in edges {
        out.entry(edge.held.lock).or_default().push(edge);
    }
    if walk.orders.is_deep {
        walk.bounds.insert("48 locks held at once");
    }
    // What is in no cycle leads to none.
    let together = together(&out);
    for (from, edges) in &mut out {
        edges.retain(|edge| together.contains(&(*from, edge.lock)));
    }
    let mut known: BTreeSet<BTreeSet<LockId>> = BTreeSet::new();
    let mut found: Vec<Vec<&Edge>> = Vec::new();
    for length in 2..=CYCLE_MAX {
        for start in out.keys() {
            let mut path: Vec<&Edge> = Vec::new();
            search(walk, &out, *start, length, &mut path, &mut known, &mut found);
        }
    }
    let most = out.keys().map(|lock| together.range((*lock, 0)..=(*lock, LockId::MAX)).count()).max().unwrap_or(0);
    if most > CYCLE_MAX {
        walk.bounds.insert("lock-order cycles of more than 6 locks");
    }
    if walk.orders.steps.get() > STEPS_MAX {
        walk.bounds.insert("steps of the search for lock-order cycles");
    }
    for cycle in found {
        let entries: BTreeSet<String> = cycle.iter().map(|edge| edge.entry.clone()).collect();
        if !walk.orders.cycles.contains(&entries) {
            walk.orders.cycles.push(entries);
        }
        report(walk, &cycle);
    }
}

/// Pairs of locks that can be reached from each other.
fn together(out: &BTreeMap<LockId, Vec<&Edge>>) -> BTreeSet<(LockId, LockId)> {
    let reached = |start: LockId| {
        let mut seen: BTreeSet<LockId> = BTreeSet::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            let next = out.get(&at).into_iter().flatten().map(|edge| edge.lock);
            open.extend(next.filter(|&lock| seen.insert(lock)));
        }
        seen
    };
    let reached: BTreeMap<LockId, BTreeSet<LockId>> = out.keys().map(|&lock| (lock, reached(lock))).collect();
    let pairs = reached.iter().flat_map(|(from, others)| others.iter().map(move |to| (*from, *to)));
    pairs.filter(|(from, to)| reached.get(to).is_some_and(|back| back.contains(from))).collect()
}

fn search<'e>(
    walk: &Walk,
    out: &BTreeMap<LockId, Vec<&'e Edge>>,
    start: LockId,
    length: usize,
    path: &mut Vec<&'e Edge>,
    known: &mut BTreeSet<BTreeSet<LockId>>,
    found: &mut Vec<Vec<&'e Edge>>,
) {
    let at = path.last().map_or(start, |edge| edge.lock);
    walk.orders.steps.set(walk.orders.steps.get() + 1);
    if walk.orders.steps.get() > STEPS_MAX {
        return;
    }
    for edge in out.get(&at).into_iter().flatten() {
        if let Some(before) = path.last()
            && !waits(walk, at, before.kind, before.mode, edge.held.mode)
        {
            continue;
        }
        if edge.lock == start && path.len() + 1 == length {
            let first = path.first().map_or(edge, |first| first);
            if !waits(walk, start, edge.kind, edge.mode, first.held.mode) {
                continue;
            }
            let locks: BTreeSet<LockId> = path.iter().map(|edge| edge.lock).chain([start]).collect();
            let mut cycle = path.clone();
            cycle.push(edge);
            // An edge that nothing guards makes a better example than one that is serialised.
            match found.iter_mut().find(|other| locks_of(other) == locks) {
                Some(other) if guard(other).is_some() && guard(&cycle).is_none() => *other = cycle,
                Some(_) => {}
                None if known.insert(locks) => found.push(cycle),
                None => {}
            }
        } else if edge.lock > start && path.len() + 1 < length && path.iter().all(|before| before.lock != edge.lock) {
            path.push(edge);
            search(walk, out, start, length, path, known, found);
            path.pop();
        }
    }
}

fn locks_of(cycle: &[&Edge]) -> BTreeSet<LockId> {
    cycle.iter().map(|edge| edge.lock).collect()
}

/// A lock that is held around every order of the cycle.
fn guard(cycle: &[&Edge]) -> Option<LockId> {
    let (first, rest) = cycle.split_first()?;
    let locks = locks_of(cycle);
    first
        .guards
        .iter()
        .copied()
        .find(|lock| !locks.contains(lock) && rest.iter().all(|edge| edge.guards.contains(lock)))
}

fn report(walk: &mut Walk, cycle: &[&Edge]) {
    let name = |lock: LockId| walk.names[lock as usize].clone();
    let mut locks: Vec<String> = cycle.iter().map(|edge| name(edge.held.lock)).collect();
    locks.push(locks[0].clone());
    let title = format!("lock-order cycle: {}", locks.join(" -> "));
    let mut labels = Vec::new();
    for edge in cycle {
        labels.push(Label { place: edge.place, text: format!("{}: {} is taken here", edge.entry, name(edge.lock)) });
        labels.push(Label {
            place: edge.held.place,
            text: format!("{}: {} is held since here", edge.entry, name(edge.held.lock)),
        });
    }
    // The BKL serialises nothing across a sleep.
    let sleeps = cycle.iter().any(|edge| edge.kind.sleeps() || edge.held.kind.sleeps());
    let outer = guard(cycle).filter(|outer| {
        let is_bkl = walk.scope.kind(&walk.names[*outer as usize], None).0 == Kind::Bkl;
        !(is_bkl && sleeps)
    });
    let grade = outer.map(|outer| {
        format!(
            "serialised by {}, which is held around each of these orders: no deadlock with these entries",
            name(outer)
        )
    });
    let mut sorted: Vec<&String> = locks[1..].iter().collect();
    sorted.sort();
    let subject = sorted.into_iter().cloned().collect::<Vec<_>>().join("/");
    if walk.findings.iter().any(|known| known.code == "LW003" && known.subject == subject) {
        return;
    }
    walk.findings.push(Finding {
        code: "LW003",
        subject,
        title,
        labels,
        notes: Vec::new(),
        grade,
        sure: None,
        schedule: None,
        scene: None,
    });
}

/// A lock of a handler, and one that is held with that interrupt on, directly or down a chain of orders.
fn interrupts(walk: &mut Walk, edges: &[Edge]) {
    let sets = [
        (walk.orders.in_hard.clone(), walk.orders.irqs_on.clone(), "hard interrupt", "interrupts"),
        (walk.orders.in_soft.clone(), walk.orders.bh_on.clone(), "softirq", "bottom halves"),
    ];
    for (used, on, context, what) in sets {
        for (safe, handler) in &used {
            let mut open = vec![*safe];
            let mut seen = HashSet::from([*safe]);
            while let Some(at) = open.pop() {
                if let Some(open_use) = on.get(&at)
                    && (at != *safe || handler.mode == Mode::Write || open_use.mode == Mode::Write)
                {
                    let (safe, at) = (walk.names[*safe as usize].clone(), walk.names[at as usize].clone());
                    let labels = vec![
                        Label { place: open_use.place, text: format!("{at} is taken here with {what} on") },
                        Label { place: handler.place, text: format!("{safe} is taken here in {context} context") },
                    ];
                    let title = if safe == at {
                        format!("{at} is taken in {context} context, and with {what} on")
                    } else {
                        format!("{at}, taken with {what} on, is taken inside {safe}, which a {context} takes")
                    };
                    walk.find("LW004", &at, title, labels, Vec::new());
                }
                for edge in edges.iter().filter(|edge| edge.held.lock == at) {
                    if seen.insert(edge.lock) {
                        open.push(edge.lock);
                    }
                }
            }
        }
    }
}
