//! LW001 and LW008: waits that nobody can end.
//!
//! Judged in every state by the wait-for graph, so a cycle of two tasks is found while a third still runs.
//! A task that sleeps for ever is found when no task can run and no timer is pending.
//!
//! It cannot see a sleeper that nobody will wake while others still run for ever (that is livelock, LW009).

use super::code::Code;
use super::finding::{Docket, Spot};
use super::finding::{spot, who};
use super::ledger::Ledger;
use crate::event::names::Names;
use crate::event::{Event, Level, ObjectId, Op, Status, TaskId, View, What, waits_for_itself};

/// Judges a state; true if somebody waits for ever.
///
/// `stands` is how each task stands, in order.
pub(super) fn judge(step: u32, view: &dyn View, stands: &[Status], ledger: &Ledger, docket: &mut Docket<'_>) -> bool {
    let mut somebody_waits = false;
    let mut somebody_runs = false;
    let mut for_ever = false;
    let mut spinning = None;
    for (task, &status) in (1..).map(TaskId).zip(stands) {
        match status {
            Status::WaitsFor(lock) => {
                somebody_waits = true;
                if view.holders(lock) >> task.0 & 1 != 0 {
                    for_ever = true;
                    report_recursion(step, view, ledger, task, lock, docket);
                } else if waits_for_itself(view, |task| stands[task.index()], task) {
                    for_ever = true;
                    report_cycle(step, view, ledger, task, lock, docket);
                }
            }
            Status::Sleeps(deadline) => {
                somebody_waits = true;
                somebody_runs |= deadline.is_some() && view.clock_runs();
            }
            Status::Ready(_) | Status::Drains | Status::Spins(false) => somebody_runs = true,
            Status::Spins(true) => spinning = spinning.or(Some(task)),
            Status::Stalled(_) => somebody_waits = true,
            Status::Finished | Status::Masked => {}
        }
    }
    if let Some(task) = spinning.filter(|_| !somebody_runs && !for_ever) {
        report_spin(step, view, task, docket);
        return true;
    }
    let standstill = somebody_waits && !somebody_runs;
    if standstill && !for_ever {
        report_standstill(step, view, ledger, docket);
    }
    for_ever || standstill
}

/// A task goes round, and nothing that it reads will ever change.
fn report_spin(step: u32, view: &dyn View, task: TaskId, docket: &mut Docket<'_>) {
    docket.report(Code::LW009, "spin", |names| {
        let at = pending(step, view, task);
        let waits = waits_text(view, names);
        let others = if waits.is_empty() { String::new() } else { format!("; {waits}") };
        (
            format!("{} spins for ever: nobody can change what it reads{others}", names.task(task)),
            (at, format!("{} goes round here", names.task(task))),
            (at, "and nothing has changed since it came here last".to_owned()),
        )
    });
}

/// The set-up does not wait: that it takes a lock it holds is seen when it has taken it.
pub(super) fn judge_setup(event: &Event, view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    let What::Op(Op::Acquire(lock), _) = event.what else { return };
    let mut held = ledger.held.iter().filter(|(holder, ..)| *holder == TaskId::BOOT && event.task == TaskId::BOOT);
    let Some(&(.., taken)) = held.find(|(_, held, _)| *held == lock) else { return };
    docket.end_execution();
    docket.report(Code::LW001, view.object(lock).name, |names| {
        let name = names.object(view, lock);
        (
            format!("{} waits for {name}, which it holds itself", who(names, event)),
            (spot(event), format!("waits for {name} here")),
            (taken, format!("took {name} here")),
        )
    });
}

fn pending(step: u32, view: &dyn View, task: TaskId) -> Spot {
    Spot { step: step + 1, task, place: view.status(task).1, set_up_of: None }
}

fn report_recursion(
    step: u32,
    view: &dyn View,
    ledger: &Ledger,
    task: TaskId,
    lock: ObjectId,
    docket: &mut Docket<'_>,
) {
    docket.report(Code::LW001, view.object(lock).name, |names| {
        let name = names.object(view, lock);
        let at = pending(step, view, task);
        (
            format!("{} waits for {name}, which it holds itself", names.task(task)),
            (at, format!("waits for {name} here")),
            (ledger.acquired(lock).unwrap_or(at), format!("took {name} here")),
        )
    });
}

fn report_cycle(step: u32, view: &dyn View, ledger: &Ledger, task: TaskId, lock: ObjectId, docket: &mut Docket<'_>) {
    docket.report(Code::LW008, "cycle", |names| {
        let name = names.object(view, lock);
        let at = pending(step, view, task);
        (
            format!("wait-for cycle: {}", waits_text(view, names)),
            (at, format!("waits for {name} here")),
            (ledger.acquired(lock).unwrap_or(at), format!("{name} was taken here")),
        )
    });
}

fn report_standstill(step: u32, view: &dyn View, ledger: &Ledger, docket: &mut Docket<'_>) {
    docket.report(Code::LW008, "standstill", |names| {
        let waiting: Vec<TaskId> =
            (1..=view.tasks()).map(|task| TaskId(task as u8)).filter(|&task| !view.status(task).0.is_over()).collect();
        let (first, last) = (waiting[0], waiting[waiting.len() - 1]);
        let other = match view.status(first).0 {
            Status::WaitsFor(lock) => {
                ledger.acquired(lock).map(|spot| (spot, "the lock it waits for was taken here".to_owned()))
            }
            _ => None,
        };
        let other = other.unwrap_or_else(|| {
            let spot = super::finding::find(&ledger.calls, last).unwrap_or(pending(step, view, last));
            (spot, format!("the call of {} that waits began here", names.task(last)))
        });
        (
            format!("no task can run: {}", waits_text(view, names)),
            (pending(step, view, first), format!("{} waits here", names.task(first))),
            other,
        )
    });
}

fn is_handler(view: &dyn View, task: TaskId) -> bool {
    view.seat(task).is_some_and(|seat| seat.level > Level::Task)
}

fn waits_text(view: &dyn View, names: &Names) -> String {
    let waits = (1..=view.tasks()).map(|task| TaskId(task as u8)).filter_map(|task| match view.status(task).0 {
        Status::WaitsFor(lock) => Some(format!(
            "{} waits for {} held by {}",
            names.task(task),
            names.object(view, lock),
            names.holders(view, lock)
        )),
        Status::Sleeps(_) => Some(format!("{} sleeps", names.task(task))),
        Status::Stalled(by) if is_handler(view, by) => {
            Some(format!("{} is interrupted by {}", names.task(task), names.task(by)))
        }
        Status::Stalled(by) => {
            Some(format!("{} has to wait until {} leaves its CPU", names.task(task), names.task(by)))
        }
        _ => None,
    });
    waits.collect::<Vec<_>>().join("; ")
}
