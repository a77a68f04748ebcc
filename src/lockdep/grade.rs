//! How sure a cycle is: by object or by class, excluded by a lock around it, reached by an interleaving of what was recorded.

use super::confirm::{Confirmed, confirm};
use super::finding::{Edge, Grade, Place, Run, Turn};
use super::lock::{Hold, LockId};
use super::memory::{Placement, Validator};
use super::state::{Act, Move};

/// Cycles of one step for which an interleaving is looked for; of the others the graph alone is told.
pub(super) const CONFIRMED_MAX: usize = 256;

/// Writers of one lock that are tried as the one who waits.
const WRITERS_MAX: usize = 8;

/// A grade, and the schedule that earned it.
pub(super) struct Graded {
    pub grade: Grade,
    pub schedule: Vec<Turn>,
}

fn only(grade: Grade) -> Graded {
    Graded { grade, schedule: Vec::new() }
}

/// Of a cycle that is not looked at more closely.
pub(super) fn graph() -> Graded {
    only(Grade::Graph)
}

/// Of a cycle of the graph.
pub(super) fn cycle(edges: &[Edge], validator: &Validator<'_>, is_confirmed: bool) -> Graded {
    let next = |at: usize| &edges[(at + 1) % edges.len()];
    let is_merged = edges.iter().enumerate().any(|(at, edge)| edge.to.lock != next(at).from.lock);
    if let Some(lock) = serialised(edges) {
        return only(Grade::Serialised(lock));
    }
    if is_merged {
        return only(Grade::ClassMerging);
    }
    if !is_confirmed {
        return only(Grade::Graph);
    }
    confirmed(edges, validator, Vec::new())
}

/// Of a lock that is taken while it, or another of its class, is held.
pub(super) fn recursion(edge: &Edge, validator: &Validator<'_>) -> Graded {
    if edge.from.lock != edge.to.lock {
        return only(Grade::Graph);
    }
    let graded = confirmed(std::slice::from_ref(edge), validator, Vec::new());
    let is_alone = edge.to.hold == Hold::Exclusive || edge.from.hold == Hold::Exclusive;
    match graded.grade {
        Grade::Interleaving if is_alone => Graded { grade: Grade::Certain, ..graded },
        _ => graded,
    }
}

/// A lock that two participants would have to hold at once, and cannot.
fn serialised(edges: &[Edge]) -> Option<LockId> {
    let pairs =
        edges.iter().enumerate().flat_map(|(at, first)| edges[at + 1..].iter().map(move |second| (first, second)));
    let excluded = |(first, second): (&Edge, &Edge)| {
        let mut shared = first.held.iter().filter_map(|(lock, exclusive)| {
            let other = second.held.iter().find(|(other, _)| other == lock)?;
            (*exclusive || other.1).then_some(*lock)
        });
        shared.next()
    };
    pairs.into_iter().find_map(excluded)
}

/// Did it take each task and each handler once, and is there a CPU for each?
fn happens(edges: &[Edge], writers: &[Vec<Move>], validator: &Validator<'_>) -> Grade {
    let writers: Vec<usize> = writers.iter().filter_map(|moves| moves.last()).map(|last| last.place.task).collect();
    let fits = validator.placement.as_ref().is_none_or(|placement| fits(edges, &writers, placement));
    if runs_are_distinct(edges) && fits { Grade::Interleaving } else { Grade::Phases }
}

/// Each task and each handler at most once.
fn runs_are_distinct(edges: &[Edge]) -> bool {
    let mut tasks: Vec<usize> =
        edges.iter().flat_map(|edge| [Some(edge.run.task), edge.handler.map(|run| run.task)]).flatten().collect();
    let all = tasks.len();
    tasks.sort_unstable();
    tasks.dedup();
    tasks.len() == all
}

/// Can every participant be on a CPU at once? A task is on its own; a handler that is a participant by itself needs one that no
/// other participant uses.
fn fits(edges: &[Edge], writers: &[usize], placement: &Placement) -> bool {
    let mut used: Vec<usize> = writers.iter().filter_map(|task| placement.cpu.get(*task).copied().flatten()).collect();
    for edge in edges.iter().filter(|edge| !edge.run.in_irq) {
        let Some(cpu) = placement.cpu.get(edge.run.task).copied().flatten() else { return false };
        let comes = |run: Run| placement.delivered.get(run.task).is_some_and(|cpus| cpus.contains(&cpu));
        if used.contains(&cpu) || !edge.handler.is_none_or(comes) {
            return false;
        }
        used.push(cpu);
    }
    // A handler that holds a lock is on a CPU of its own, and so is what interrupts it: that comes there, or not at all.
    let handlers = edges.iter().filter(|edge| edge.run.in_irq).map(|edge| {
        let comes = |run: Run| placement.delivered.get(run.task).map_or(&[][..], Vec::as_slice);
        let above = edge.handler.map(comes);
        let both = |cpu: &&usize| above.is_none_or(|above| above.contains(cpu));
        comes(edge.run).iter().filter(both).copied().collect()
    });
    let handlers: Vec<Vec<usize>> = handlers.collect();
    seats(&handlers, &mut used)
}

fn seats(handlers: &[Vec<usize>], used: &mut Vec<usize>) -> bool {
    let Some((first, rest)) = handlers.split_first() else { return true };
    for cpu in first {
        if used.contains(cpu) {
            continue;
        }
        used.push(*cpu);
        if seats(rest, used) {
            return true;
        }
        used.pop();
    }
    false
}

/// What a participant does until it waits; nothing if it cannot get there, because it waits for itself before.
fn moves(edge: &Edge, validator: &Validator<'_>) -> Option<Vec<Move>> {
    let mut moves = Vec::new();
    if validator.locks.all.get(edge.from.lock).is_some_and(|lock| lock.kind.is_event()) {
        moves.push(Move { place: edge.from.place, act: Act::Try(edge.from.lock, Hold::Exclusive) });
    }
    for run in [Some(edge.run), edge.handler].into_iter().flatten() {
        let task = &validator.tasks[run.task];
        if task.stuck.is_some_and(|stuck| run.end >= stuck) {
            return None;
        }
        let steps = task.trace.get(run.start..run.end)?.iter();
        moves.extend(steps.filter(|step| step.act != Act::Enter));
    }
    moves.push(Move { place: edge.to.place, act: Act::Take(edge.to.lock, edge.to.hold) });
    Some(moves)
}

/// Looks for an interleaving, with writers that were seen elsewhere, or made up, where fair readers need one that waits.
fn confirmed(edges: &[Edge], validator: &Validator<'_>, writers: Vec<Vec<Move>>) -> Graded {
    let Some(mut all) = edges.iter().map(|edge| moves(edge, validator)).collect::<Option<Vec<_>>>() else {
        return only(Grade::Graph);
    };
    all.extend(writers.iter().cloned());
    let lock = match confirm(&all) {
        Confirmed::Schedule(schedule) => return Graded { grade: happens(edges, &writers, validator), schedule },
        Confirmed::No | Confirmed::Bound => return only(Grade::Graph),
        Confirmed::NeedsWriter(lock) => lock,
    };
    if writers.len() > edges.len() {
        return only(Grade::Writer);
    }
    let in_use = |task: usize| edges.iter().any(|edge| edge.run.task == task);
    let taken = |place: Place| writers.iter().any(|moves| moves.iter().any(|step| step.place.task == place.task));
    let others = validator.writers[lock]
        .iter()
        .filter(|edge| !edge.run.in_irq && !in_use(edge.run.task) && !taken(edge.to.place));
    let mut second: Option<Graded> = None;
    for writer in others.take(WRITERS_MAX) {
        let Some(more) = moves(writer, validator) else { continue };
        let graded = confirmed(edges, validator, [&writers[..], &[more]].concat());
        match graded.grade {
            Grade::Interleaving => return graded,
            Grade::Phases => second = Some(graded),
            _ => {}
        }
    }
    if let Some(graded) = second {
        return graded;
    }
    let reader = edges.iter().find(|edge| edge.to.lock == lock).map_or(edges[0].to.place, |edge| edge.to.place);
    let place = Place { task: usize::MAX, step: reader.step };
    let made_up = vec![Move { place, act: Act::Take(lock, Hold::Exclusive) }];
    let graded = confirmed(edges, validator, [&writers[..], &[made_up]].concat());
    match graded.grade {
        Grade::Interleaving | Grade::Phases => Graded { grade: Grade::Writer, ..graded },
        _ => graded,
    }
}
