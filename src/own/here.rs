//! What belongs to the threads of the present execution and is no object of the engine: their handles, their locals, and values
//! that live as long as the execution.
//!
//! A thread reads and writes its own part alone, and the lazy statics, which an operation stands before. Nothing here outlives
//! the execution: whoever comes first in the next one throws it away.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::engine::{self, Object};
use crate::event::{Births, ObjectId, Symbol, TaskId};
use crate::own::raw::Handed;

mod rounds;

use rounds::{Idle, Round};
pub use rounds::{ROUNDS_MAX, comes_round, goes_round, is_watched, on_its_stack, went_round, yields};

/// A value behind a key.
pub type Kept = Arc<dyn Any>;

/// All of it, of one execution. Real threads share it.
pub type Common = Arc<Handed<Mutex<Here>>>;

/// What else may happen, or is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A wait on a condition variable, or a `park`, may end without a notification, and a weak exchange may fail without a reason.
    pub spurious_wakeups: bool,
    /// A thread whose handle is dropped instead of joined is a finding.
    pub joins_all: bool,
    /// A lock that readers share keeps new readers out while a writer waits.
    pub fair_rwlocks: bool,
}

/// What threads of an execution have.
#[derive(Default)]
pub struct Here {
    execution: u32,
    names: HashMap<TaskId, (Object, Option<String>)>,
    locals: HashMap<(TaskId, usize), Kept>,
    ended: HashSet<TaskId>,
    statics: HashMap<usize, Kept>,
    /// Objects of counted values, by their addresses.
    counted: HashMap<usize, Object>,
    /// Pointers that atomics hold: by name, and by address as each task knows them.
    pointers: HashMap<u64, usize>,
    addresses: HashMap<(TaskId, usize), u64>,
    latest: HashMap<usize, u64>,
    /// How many objects of a name each task has made.
    made: HashMap<(TaskId, Symbol), u32>,
    rounds: HashMap<TaskId, Round>,
    /// Where each task's stack begins, and its rounds in which nothing happened at all.
    tops: HashMap<TaskId, usize>,
    idle: HashMap<TaskId, Idle>,
    options: Options,
    /// How often each task has a lock for reading now.
    reading: HashMap<(TaskId, ObjectId), u32>,
    /// Objects on which each task's last weak exchange failed without a reason.
    failed_weakly: HashSet<(TaskId, ObjectId)>,
    births: Option<Births>,
}

std::thread_local! {
    static HERE: RefCell<Common> = RefCell::new(of_execution(0));
}

fn of_execution(execution: u32) -> Common {
    Arc::new(Handed(Mutex::new(Here { execution, ..Here::default() })))
}

/// Runs `f` on what belongs to the present execution.
fn with<R>(f: impl FnOnce(&mut Here) -> R) -> R {
    let now = engine::execution().expect("threads, locks and cells exist only inside a model: use lockwright::model");
    let known = HERE.with_borrow(|common| {
        let mut here = common.0.lock();
        if here.execution == now { Ok(f(&mut here)) } else { Err(f) }
    });
    known.unwrap_or_else(|f| {
        let old = HERE.replace(of_execution(now));
        // What was kept may come back here when it is dropped.
        drop(old);
        HERE.with_borrow(|common| f(&mut common.0.lock()))
    })
}

/// What belongs to the present execution, for a thread of it that is about to start.
pub fn common() -> Common {
    with(|_| ());
    HERE.with_borrow(Arc::clone)
}

/// The calling thread belongs to that execution.
pub fn belong(common: Common) {
    drop(HERE.replace(common));
}

/// The set-up says which options the execution has, and where the tasks of all executions are known.
pub fn set_up(options: Options, births: Births) {
    with(|here| {
        here.options = options;
        here.births = Some(births);
    });
}

/// The calling task has taken a lock for reading. If it held the lock already and `waits` for it now, it passes writers that wait, and the
/// verdict has to say so.
pub fn reads(lock: ObjectId, waits: bool) {
    let task = engine::task();
    with(|here| {
        let times = here.reading.entry((task, lock)).or_default();
        *times += 1;
        if let (Some(births), true) = (&here.births, waits && *times > 1) {
            births.read_again();
        }
    });
}

/// It gives one back.
pub fn reads_no_more(lock: ObjectId) {
    let task = engine::task();
    with(|here| {
        let times = here.reading.entry((task, lock)).or_default();
        *times = times.saturating_sub(1);
    });
}

/// May the weak exchange that the calling task is about to make fail without a reason? Not twice in a row on one object, and not unless
/// that is asked for: then the verdict takes for granted that it does not.
pub fn may_fail_weakly(object: ObjectId) -> bool {
    let task = engine::task();
    with(|here| {
        if let Some(births) = &here.births {
            births.exchange_weakly(here.options.spurious_wakeups);
        }
        here.options.spurious_wakeups && !here.failed_weakly.remove(&(task, object))
    })
}

/// It did.
pub fn fails_weakly(object: ObjectId) {
    let task = engine::task();
    with(|here| here.failed_weakly.insert((task, object)));
}

/// The options of the execution.
pub fn options() -> Options {
    with(|here| here.options)
}

/// Which of the objects of that name that the calling task makes comes next, from 1.
pub fn number(name: Symbol) -> u32 {
    let task = engine::task();
    with(|here| {
        let made = here.made.entry((task, name)).or_default();
        *made += 1;
        *made
    })
}

/// A thread of that object starts.
pub fn begin(thread: Object, name: Option<String>) {
    let task = engine::task();
    with(|here| here.names.insert(task, (thread, name)));
}

/// The object and the name of the calling thread.
pub fn current() -> (Object, Option<String>) {
    let task = engine::task();
    with(|here| here.names.get(&task).cloned().expect("threads of a model begin by saying so"))
}

/// The calling thread ends: its locals go, and what they are dropped with may make new ones, which go as well.
pub fn end() {
    let task = engine::task();
    loop {
        let mut keys: Vec<usize> =
            with(|here| here.locals.keys().filter(|(owner, _)| *owner == task).map(|(_, key)| *key).collect());
        keys.sort_unstable();
        if keys.is_empty() {
            break;
        }
        for key in keys {
            let value = with(|here| here.locals.remove(&(task, key)));
            drop(value);
        }
    }
    with(|here| here.ended.insert(task));
}

/// The thread has ended, and its locals are gone.
#[derive(Debug)]
pub struct Ended;

/// The calling thread's value of a key; `Err` if the thread has ended.
///
/// # Errors
/// If its locals are gone.
pub fn local(key: usize) -> Result<Option<Kept>, Ended> {
    let task = engine::task();
    with(|here| match here.ended.contains(&task) {
        true => Err(Ended),
        false => Ok(here.locals.get(&(task, key)).cloned()),
    })
}

/// Sets it.
pub fn set_local(key: usize, value: Kept) {
    let task = engine::task();
    with(|here| here.locals.insert((task, key), value));
}

/// The value of a lazy static.
pub fn lazy(key: usize) -> Option<Kept> {
    with(|here| here.statics.get(&key).cloned())
}

/// Sets it.
pub fn set_lazy(key: usize, value: Kept) {
    with(|here| here.statics.insert(key, value));
}

/// Takes all lazy statics out.
pub fn take_lazy() -> Vec<Kept> {
    with(|here| {
        let mut kept: Vec<(usize, Kept)> = here.statics.drain().collect();
        kept.sort_by_key(|(key, _)| *key);
        kept.into_iter().map(|(_, value)| value).collect()
    })
}

/// The value at that address is counted by this object.
pub fn count(address: usize, object: Object) {
    with(|here| here.counted.insert(address, object));
}

/// The object that counts the value at that address.
pub fn counted(address: usize) -> Option<Object> {
    with(|here| here.counted.get(&address).copied())
}

/// The same, and it is counted no more.
pub fn no_more_counted(address: usize) -> Option<Object> {
    with(|here| here.counted.remove(&address))
}

/// The name of a pointer that the task is about to store: the one that it knows it by, or a new one that follows from its history.
pub fn name_pointer(address: usize) -> u64 {
    if address == 0 {
        return 0;
    }
    let task = engine::task();
    let fresh = engine::history() as u64 ^ (engine::history() >> 64) as u64 ^ u64::from(task.0);
    with(|here| {
        let known = here.addresses.get(&(task, address)).copied();
        let mut name = known.unwrap_or(fresh | 1);
        while known.is_none() && here.pointers.get(&name).is_some_and(|other| *other != address) {
            name = name.wrapping_add(2);
        }
        here.pointers.insert(name, address);
        here.addresses.insert((task, address), name);
        here.latest.insert(address, name);
        name
    })
}

/// The name of a pointer that the task compares with.
pub fn known_pointer(address: usize) -> u64 {
    let task = engine::task();
    let known = |here: &mut Here| here.addresses.get(&(task, address)).or_else(|| here.latest.get(&address)).copied();
    if address == 0 { 0 } else { with(known).unwrap_or_else(|| name_pointer(address)) }
}

/// The pointer of that name, which the task has found.
pub fn find_pointer(name: u64) -> usize {
    if name == 0 {
        return 0;
    }
    let task = engine::task();
    with(|here| {
        let address =
            here.pointers.get(&name).copied().expect("internal error: pointers have names before they are stored");
        here.addresses.insert((task, address), name);
        address
    })
}
