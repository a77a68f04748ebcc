//! What each worker of a cluster does: epochs until nothing is left, then what was seen goes to worker 0.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::{Config as Channels, Hooks};
use timely::execute::execute_from;
use timely::worker::Worker;
use timely::{WorkerConfig, communication::WorkerGuards};

use super::manifest::Begun;
use super::parcel::{Body, Bytes, Parcel, Report, Status, Walk, missing};
use super::phase::phase;
use super::{Cluster, Mistake, hello};
use crate::engine::world::Transition;
use crate::engine::{panic_text, quietly};
use crate::event::TaskId;
use crate::explore::config::Config;
use crate::explore::explicit::log::{log_of, parted};
use crate::explore::explicit::machine::Program;
use crate::explore::explicit::owner::{Owner, Place};
use crate::explore::explicit::shard::owner;
use crate::explore::limits::Bound;

/// What all workers of this process share.
pub(super) struct Job {
    pub program: Arc<Program>,
    pub config: Config,
    pub cluster: Cluster,
    pub begun: Begun,
}

/// What worker 0 has got from all.
pub(super) struct Gathered {
    pub reports: Vec<Report>,
    /// What was seen, each with its path by the tasks' own numbers.
    pub told: Vec<(Walk, Vec<Transition>)>,
}

type Answer = Result<Option<Gathered>, String>;

/// Exploring takes at least this many times as long as writing checkpoints.
const WRITING_SHARE: u32 = 20;

/// Time between two looks at whether the workers are done.
const LOOK: Duration = Duration::from_millis(1);

/// Runs the workers of this process.
///
/// # Errors
/// If the processes do not come together, one is lost, or a checkpoint cannot be read or written.
pub(super) fn run(job: &Arc<Job>) -> Answer {
    let failed: Arc<Mutex<Option<String>>> = Arc::default();
    let (builders, others) = allocators(job, &failed)?;
    let (shared, noted) = (Arc::clone(job), Arc::clone(&failed));
    let work = move |worker: &mut Worker| -> Answer {
        let done = quietly(|| catch_unwind(AssertUnwindSafe(|| work(worker, &shared))));
        if let Ok(Err(why)) = &done {
            // The others would wait for it for ever.
            noted.lock().get_or_insert_with(|| why.clone());
        }
        done.unwrap_or_else(|payload| {
            let text = panic_text(&*payload).to_owned();
            // A queue that a lost connection has left behind is no news: the thread of that connection says whose it was.
            if !text.contains("MergeQueue") {
                noted.lock().get_or_insert_with(|| text.clone());
            }
            std::panic::resume_unwind(payload)
        })
    };
    let guards = execute_from(builders, others, WorkerConfig::default(), work)?;
    joined(guards, &failed)
}

/// Waits for the workers; not for those that can never end, because a host or a neighbour of theirs is lost.
fn joined(guards: WorkerGuards<Answer>, failed: &Mutex<Option<String>>) -> Answer {
    while !guards.guards().iter().all(thread::JoinHandle::is_finished) {
        if let Some(text) = failed.lock().clone() {
            // Their threads end with the process.
            std::mem::forget(guards);
            return Err(text);
        }
        thread::sleep(LOOK);
    }
    let lost = || failed.lock().clone().unwrap_or_else(|| "a worker was lost".to_owned());
    // The threads of lost connections are joined here as well: timely panics then, and that is no news either.
    let answers = quietly(|| catch_unwind(AssertUnwindSafe(|| guards.join()))).map_err(|_| lost())?;
    let mut gathered = None;
    for answer in answers {
        gathered = answer.map_err(|_| lost())??.or(gathered);
    }
    Ok(gathered)
}

type Allocators = (Vec<AllocatorBuilder>, Box<dyn std::any::Any + Send>);

fn allocators(job: &Job, failed: &Arc<Mutex<Option<String>>>) -> Result<Allocators, String> {
    let cluster = &job.cluster;
    if cluster.hosts.is_empty() {
        return Channels::ProcessBinary(cluster.workers).try_build();
    }
    let streams = hello::connect(cluster, &job.begun.name)?;
    note_lost_hosts(cluster, failed);
    let hooks = Hooks::default();
    let inside = ProcessBuilder::new_typed_vector(cluster.workers, hooks.refill.clone(), None);
    let built = initialize_networking_from_sockets(inside, streams, cluster.process, cluster.workers, hooks);
    let (builders, guard) = built.map_err(|error| format!("the connections cannot be used: {error}"))?;
    Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Box::new(guard)))
}

/// The threads of timely that send and receive panic when a connection ends before its time. That is an error of this run and no bug, so
/// it is kept off the terminal, and told with the name of the host.
fn note_lost_hosts(cluster: &Cluster, failed: &Arc<Mutex<Option<String>>>) {
    let (cluster, failed) = (cluster.clone(), Arc::clone(failed));
    let outer = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let name = thread::current().name().map(str::to_owned).unwrap_or_default();
        let of = name.strip_prefix("timely:recv-").or_else(|| name.strip_prefix("timely:send-"));
        let Some(process) = of.and_then(|number| number.parse::<usize>().ok()) else { return outer(info) };
        let host = cluster.host_of(process * cluster.workers);
        let again = if cluster.checkpoint.is_some() { "; start all again to go on from the checkpoint" } else { "" };
        failed.lock().get_or_insert_with(|| format!("{host} was lost{again}"));
    }));
}

/// What one worker does.
fn work(worker: &mut Worker, job: &Arc<Job>) -> Answer {
    let (me, peers, base) = (worker.index(), worker.peers(), job.begun.logs());
    let journal = job.begun.journal(base + me)?;
    let mistake = job.cluster.seeded;
    let place = Place { me, peers, neighbours: job.cluster.workers, base };
    let mut mine = owner(&job.program, &job.config, place, journal, mistake);
    if !job.begun.restore(&mut *mine, me, peers)? {
        mine.begin();
    }
    let mine: Mine = Rc::new(RefCell::new(mine));
    let mut epoch = job.begun.next_epoch();
    let mut pause = job.cluster.checkpoint.as_ref().map(|(_, interval)| *interval);
    let (passed, stop) = loop {
        let (passed, stop) = explore(worker, job, &mine, pause);
        let begun = Instant::now();
        let statuses = statuses(worker, status(job, &mine, (me, epoch), stop));
        if let Some(why) = statuses.iter().find_map(|status| status.failed.clone()) {
            return Err(why);
        }
        let tallies: Vec<_> = statuses.iter().map(|status| &status.tally).collect();
        // An epoch in which something was lost is not closed: who went on from it would not know.
        let is_whole = passed && missing(&tallies).is_none();
        if me == 0 && is_whole && job.cluster.checkpoint.is_some() {
            let parts: Vec<_> = statuses.iter().filter_map(|status| status.part.clone()).collect();
            job.begun.close(epoch, &parts)?;
        }
        let is_over = statuses.iter().all(|status| !status.open) || statuses.iter().any(|status| status.stop.is_some());
        if is_over || !is_whole {
            break (passed, stop);
        }
        epoch += 1;
        pause = job.cluster.checkpoint.as_ref().map(|(_, least)| (*least).max(begun.elapsed() * WRITING_SHARE));
    };
    let report = {
        let mine = mine.borrow();
        Report { worker: me as u32, passed, stop, cut: mine.cut(), tally: mine.tally() }
    };
    gather(worker, job, &mine, report)
}

type Mine = Rc<RefCell<Box<dyn Owner>>>;

/// An epoch: until nothing is left, a bound ends it, or it is time to write. Has the frontier passed, and which bound was it?
fn explore(worker: &mut Worker, job: &Arc<Job>, mine: &Mine, pause: Option<Duration>) -> (bool, Option<Bound>) {
    let (me, peers) = (worker.index(), worker.peers());
    let (mine, mistake) = (Rc::clone(mine), job.cluster.seeded);
    let stop: Rc<Cell<Option<Bound>>> = Rc::default();
    let stopped = Rc::clone(&stop);
    let deadline = pause.map(|pause| Instant::now() + pause);
    let (mut is_paused, mut loses) = (false, mistake == Some(Mistake::ParcelLost));
    let gives_up: Rc<Cell<bool>> = Rc::default();
    let ends = Rc::clone(&gives_up);
    let passed = phase(worker, &gives_up, move |came, out| {
        let mut mine = mine.borrow_mut();
        for parcel in came {
            match parcel.body {
                Body::States(_) if std::mem::replace(&mut loses, false) => {}
                Body::States(states) => mine.take(parcel.from as usize, &states.0),
                Body::Pause => is_paused = true,
                other => unreachable!("internal error: {other:?} in the middle of an epoch"),
            }
        }
        if !is_paused {
            let bound = mine.work();
            if bound.is_some() || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                is_paused = true;
                stopped.set(bound);
                let others = (0..peers).filter(|other| *other != me);
                out.extend(others.map(|to| parcel(me, to, Body::Pause)));
            }
        }
        let is_idle = is_paused || !mine.is_open();
        out.extend(mine.parcels(is_idle).into_iter().map(|(to, states)| parcel(me, to, Body::States(Bytes(states)))));
        ends.set(is_idle && mistake == Some(Mistake::EndsEarly));
        !is_idle
    });
    (passed, stop.get())
}

fn parcel(from: usize, to: usize, body: Body) -> Parcel {
    Parcel { to: to as u32, from: from as u32, body }
}

/// How the epoch has ended for this worker. With a checkpoint, what it knows is on the disk afterwards.
fn status(job: &Job, mine: &Mine, (me, epoch): (usize, u64), stop: Option<Bound>) -> Status {
    let mut mine = mine.borrow_mut();
    let mut status = Status { worker: me as u32, open: mine.is_open(), stop, tally: mine.tally(), ..Status::default() };
    if job.cluster.checkpoint.is_some() {
        let saved = mine.save().map_err(|error| format!("the log of worker {me} cannot be written: {error}"));
        match saved.and_then(|saved| job.begun.write_part(epoch, &saved)) {
            Ok(part) => status.part = Some(part),
            Err(why) => status.failed = Some(why),
        }
    }
    status
}

/// Everybody's status, in the order of workers. A worker that has it knows that all others have ended the epoch as well.
fn statuses(worker: &mut Worker, status: Status) -> Vec<Status> {
    let (me, peers) = (worker.index(), worker.peers());
    let all: Rc<RefCell<Vec<Status>>> = Rc::default();
    let got = Rc::clone(&all);
    let mut mine = Some(status);
    phase(worker, &Rc::default(), move |came, out| {
        if let Some(status) = mine.take() {
            out.extend((0..peers).map(|to| parcel(me, to, Body::Status(status.clone()))));
        }
        for parcel in came {
            match parcel.body {
                Body::Status(status) => got.borrow_mut().push(status),
                other => unreachable!("internal error: {other:?} between two epochs"),
            }
        }
        false
    });
    let mut all = all.take();
    all.sort_by_key(|status| status.worker);
    all
}

/// Brings what all have counted and seen to worker 0. Paths are followed back from log to log, each by the worker whose log it is.
fn gather(worker: &mut Worker, job: &Arc<Job>, mine: &Mine, report: Report) -> Answer {
    let me = worker.index();
    let gathered = Rc::new(RefCell::new((Vec::<Report>::new(), Vec::<Walk>::new())));
    let failed: Rc<RefCell<Option<String>>> = Rc::default();
    let mut first = Some(report);
    let (got, wrong, logs, shared) = (Rc::clone(&gathered), Rc::clone(&failed), Rc::clone(mine), Arc::clone(job));
    phase(worker, &Rc::default(), move |came, out| {
        let mut walks: Vec<Walk> = Vec::new();
        if let Some(report) = first.take() {
            out.push(parcel(me, 0, Body::Report(report)));
            walks.extend(logs.borrow().seen().into_iter().map(Walk::new));
        }
        for parcel in came {
            match parcel.body {
                Body::Report(report) => got.borrow_mut().0.push(report),
                Body::Walk(walk) if walk.at.is_none() => got.borrow_mut().1.push(walk),
                Body::Walk(walk) => walks.push(walk),
                other => unreachable!("internal error: {other:?} after the last epoch"),
            }
        }
        for mut walk in walks {
            match follow(&mut walk, &shared.begun, &**logs.borrow(), me) {
                Ok(to) => out.push(parcel(me, to, Body::Walk(walk))),
                Err(why) => _ = wrong.borrow_mut().get_or_insert(why),
            }
        }
        false
    });
    if let Some(why) = failed.take() {
        return Err(why);
    }
    if me != 0 {
        return Ok(None);
    }
    let (mut reports, walks) = gathered.take();
    reports.sort_by_key(|report| report.worker);
    let real = |walk: Walk| {
        let step = |&(task, alternative): &(u8, u8)| Transition { task: TaskId(task), alternative };
        let path: Vec<Transition> = walk.steps.iter().rev().map(step).collect();
        let path = mine.borrow().real_path(&path);
        (walk, path)
    };
    Ok(Some(Gathered { reports, told: walks.into_iter().map(real).collect() }))
}

/// Follows a path back as far as it is known here; says which worker goes on.
fn follow(walk: &mut Walk, begun: &Begun, mine: &dyn Owner, me: usize) -> Result<usize, String> {
    while let Some(name) = walk.at {
        let (log, place) = log_of(name);
        let origin = match log.checked_sub(begun.logs()) {
            None => begun.came_from(name)?,
            Some(worker) if worker == me => mine.came_from(place),
            Some(worker) => return Ok(worker),
        };
        walk.at = parted(origin).map(|(name, by)| {
            walk.steps.push((by.task.0, by.alternative));
            name
        });
    }
    Ok(0)
}
