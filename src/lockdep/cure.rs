//! What a finding says in one sentence, and the smallest change that would cure it.

use super::finding::{Edge, Grade, Kind, Level};
use super::lock::{Hold, Locks, Wait};

/// Of whatever may sleep where it must not.
pub(super) const SLEEP: &str =
    "Do it before the context becomes atomic, or after; or use what cannot sleep (a spinlock, GFP_ATOMIC).";

/// Of a lock that waits too long for its context.
pub(super) fn wait(outer: Wait) -> &'static str {
    match outer {
        Wait::Config => "Use a raw_spinlock_t, or take it outside: on a real-time kernel a spinlock_t sleeps.",
        _ => "Take it before the context that forbids it, or use a lock that does not sleep.",
    }
}

fn name(lock: usize, locks: &Locks) -> &str {
    &locks.all[lock].name
}

fn is_event(lock: usize, locks: &Locks) -> bool {
    locks.all[lock].kind.is_event()
}

/// What a cycle is, in one sentence.
pub(super) fn sentence(kind: Kind, cycle: &[Edge], locks: &Locks) -> String {
    let Some(first) = cycle.first() else { return String::new() };
    let (from, to) = (name(first.from.lock, locks), name(first.to.lock, locks));
    let irq = cycle.iter().find_map(|edge| edge.irq.map(|(level, _)| (edge, level)));
    match (kind, irq) {
        (Kind::Recursion, _) if is_event(first.to.lock, locks) => format!("{to} is waited for in what brings it"),
        (Kind::Recursion, _) if first.from.lock == first.to.lock => format!("{to} is taken while it is held"),
        (Kind::Recursion, _) => {
            let class = locks.class_name(first.to.class);
            format!(
                "{to} is taken while {from} is held, which is of its class ({class}), and nothing says in which order"
            )
        }
        (_, Some((edge, level))) if cycle.len() == 1 => format!(
            "a {} takes {}, and {} is held where that interrupt can come",
            level.word(),
            name(edge.to.lock, locks),
            name(edge.from.lock, locks)
        ),
        (_, Some((edge, level))) => format!(
            "a {} waits for {}, whose holders wait for {}, which is held where that interrupt can come",
            level.word(),
            name(edge.to.lock, locks),
            name(edge.from.lock, locks)
        ),
        _ if cycle.iter().any(|edge| is_event(edge.from.lock, locks)) => {
            let names: Vec<&str> = cycle.iter().map(|edge| name(edge.from.lock, locks)).collect();
            format!("waits form a cycle: {} and {} again", names.join(", "), names[0])
        }
        _ => {
            let names: Vec<&str> = cycle.iter().map(|edge| name(edge.from.lock, locks)).collect();
            format!("locks are taken in a cycle: {} and {} again", names.join(", "), names[0])
        }
    }
}

/// The smallest change against a cycle: for an interrupt, keeping it out; otherwise turning the order that came last.
pub(super) fn of_cycle(kind: Kind, grade: Grade, cycle: &[Edge], locks: &Locks) -> String {
    if let Grade::Serialised(lock) = grade {
        return format!("None is needed while {} is held around both.", name(lock, locks));
    }
    let Some(newest) = cycle.iter().max_by_key(|edge| edge.to.place) else { return String::new() };
    if let Some(edge) = cycle.iter().find(|edge| is_event(edge.to.lock, locks)) {
        let (held, event) = (name(edge.from.lock, locks), name(edge.to.lock, locks));
        return match held == event {
            true => format!("Do not wait for {event} in what brings it."),
            false => format!("Do not wait for {event} (step {}) while {held} is held.", edge.to.place.step),
        };
    }
    if kind == Kind::Recursion {
        return recursion(newest, locks);
    }
    for edge in cycle {
        let Some((level, open)) = edge.irq else { continue };
        let lock = name(edge.from.lock, locks);
        let step = edge.from.place.step;
        let wanted = &locks.all[edge.to.lock];
        if wanted.kind.sleeps() {
            let (name, step) = (&wanted.name, edge.to.place.step);
            return format!("Do not take {name} in the {} at step {step}: leave that to a task.", level.word());
        }
        if open != edge.from.place {
            let off = if level == Level::Hard { "interrupts" } else { "bottom halves" };
            return format!("Do not turn {off} on at step {} while {lock} is held.", open.step);
        }
        let variant = if level == Level::Hard { "_irqsave" } else { "_bh" };
        return format!("Take {lock} at step {step} with {variant}.");
    }
    let (from, to) = (name(newest.from.lock, locks), name(newest.to.lock, locks));
    let rest = if grade == Grade::ClassMerging {
        ", or tell the two objects of one class apart (lockdep_set_class, a subclass)".to_owned()
    } else {
        String::new()
    };
    format!(
        "Take {to} before {from} (step {}), as the others do, or release {from} first (step {}){rest}.",
        newest.from.place.step, newest.to.place.step
    )
}

fn recursion(edge: &Edge, locks: &Locks) -> String {
    let (from, to) = (name(edge.from.lock, locks), name(edge.to.lock, locks));
    if edge.from.lock != edge.to.lock {
        return format!(
            "If {from} and {to} have an order, follow it everywhere and say so (a subclass, or the lock that serialises them)."
        );
    }
    match (edge.from.hold, edge.to.hold) {
        (Hold::Exclusive, _) => format!("Do not take {to} again: pass on that it is held, or release it first."),
        (_, Hold::Exclusive) => {
            format!("Release {from} before it is taken for writing; what was read may be stale then.")
        }
        _ => format!("Do not read {to} again inside: a writer that waits in between stops both."),
    }
}
