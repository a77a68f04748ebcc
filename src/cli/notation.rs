//! `--as`: a finding of a design as an outline, a diagram or a lockdep box.

use lockwright::event::ObjectKind;
use lockwright::event::names::Names;
use lockwright::event::{Op, What};
use lockwright::explore::Found;
use lockwright::explore::schedule::{Line, Replay};
use lockwright::outline::again;
use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::Options;
use lockwright::outline::notation::{Grip, Move, Notation, Scene};
use lockwright::outline::scope::Conversions;
use lockwright::outline::vocabulary::{Kind, Mode};

/// The finding in the notation.
pub fn text(found: &Found, replay: &Replay, names: &Names, notation: Notation) -> String {
    let steps = replay.lines.iter().filter(|line| matches!(line.event.what, What::Op(..)) && line.event.task.0 > 0);
    let tasks = names.tasks.len();
    let moves: Vec<Move> = steps
        .filter(|line| usize::from(line.event.task.0) <= tasks)
        .filter_map(|line| {
            Some(Move { task: line.event.task.index(), text: line.text.clone()?, remark: None, grip: grip(line) })
        })
        .collect();
    let mut moves = moves;
    moves.extend(waits(replay, tasks));
    moves.extend(last_note(replay, tasks));
    let scene = Scene {
        tasks: names.tasks.clone(),
        locks: locks(replay),
        moves,
        code: found.finding.code.to_string(),
        title: found.finding.message.clone(),
        ..Scene::default()
    };
    let catalogue = Catalogue::built_in();
    again::of_scene(&scene, notation, &Options { catalogue: &catalogue, conversions: Conversions::new() })
}

/// What a task says of itself last: that it may sleep, or that an assertion failed. It is no step, and what the finding is about.
fn last_note(replay: &Replay, tasks: usize) -> Option<Move> {
    let last = replay.lines.iter().rev().find(|line| (1..=tasks).contains(&usize::from(line.event.task.0)))?;
    let text = last.text.clone().filter(|_| matches!(last.event.what, What::Note(_)))?;
    Some(Move { task: last.event.task.index(), text, remark: None, grip: None })
}

fn grip(line: &Line) -> Option<Grip> {
    let What::Op(op, result) = line.event.what else { return None };
    let name = line.object.as_ref()?.name.to_string();
    let is_queue = line.object.as_ref().is_some_and(|object| object.kind == ObjectKind::WaitList);
    match op {
        _ if is_queue => None,
        Op::Acquire(_) => Some(Grip::Takes(name, Mode::Write)),
        Op::TryAcquire(_) if result == 1 => Some(Grip::Takes(name, Mode::Write)),
        Op::AcquireRead(_) => Some(Grip::Takes(name, Mode::Read)),
        Op::Release(_) | Op::ReleaseRead(_) => Some(Grip::Releases(name)),
        _ => None,
    }
}

/// How tasks stand at the end that wait for a lock.
fn waits(replay: &Replay, tasks: usize) -> Vec<Move> {
    use lockwright::explore::schedule::Stand;
    let Some(last) = replay.states.last() else { return Vec::new() };
    let waits = last.iter().take(tasks).enumerate().filter_map(|(task, stand)| match stand {
        Stand::Waits { lock, .. } => Some(Move {
            task,
            text: format!("lock({lock})"),
            remark: Some("waits".to_owned()),
            grip: Some(Grip::Takes(lock.clone(), Mode::Write)),
        }),
        _ => None,
    });
    waits.collect()
}

/// Locks with their kinds, as an outline declares them.
fn locks(replay: &Replay) -> Vec<(String, Kind)> {
    let mut locks: Vec<(String, Kind)> = Vec::new();
    for object in replay.lines.iter().filter_map(|line| line.object.as_ref()) {
        let kind = match object.kind {
            ObjectKind::Bkl => Kind::Bkl,
            ObjectKind::Spin => Kind::Spinlock,
            ObjectKind::RawSpin => Kind::RawSpinlock,
            ObjectKind::Mutex => Kind::Mutex,
            ObjectKind::RwLock => Kind::Rwlock,
            ObjectKind::RwSem => Kind::Rwsem,
            ObjectKind::Semaphore => Kind::Semaphore,
            _ => continue,
        };
        let name = object.name.to_string();
        if locks.iter().all(|(known, _)| *known != name) {
            locks.push((name, kind));
        }
    }
    locks
}
