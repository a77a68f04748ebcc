//! Threads of a model: `std::thread`, as far as loom has it and beyond.
//!
//! A thread is a task of the exploration. Its name in a report is the one it was given, or its place among its parent's children: `thread 2`.
//!
//! ```
//! use lockwright::sync::atomic::{AtomicUsize, Ordering::SeqCst};
//! use lockwright::{sync::Arc, thread};
//!
//! lockwright::model(|| {
//!     let n = Arc::new(AtomicUsize::new(0));
//!     let other = { let n = n.clone(); thread::spawn(move || n.fetch_add(1, SeqCst)) };
//!     n.fetch_add(1, SeqCst);
//!     other.join().unwrap();
//!     assert_eq!(n.load(SeqCst), 2);
//! });
//! ```

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[doc(no_inline)]
pub use std::thread::{Result, available_parallelism, panicking};

use crate::check::partners::WAITS_WITH;
use crate::engine::{self, Object};
use crate::event::{Act, CaseNote, Note, ObjectId, Op, Place, Symbol, TaskId};
use crate::own::content::Content;
use crate::own::raw::{self, Handed};
use crate::own::{Shared, here};

mod local;

pub use local::{AccessError, LocalKey};

/// What a thread leaves for whoever joins it.
struct Packet<T> {
    thread: Cell<Option<Object>>,
    result: Cell<Option<Result<T>>>,
}

/// `std::thread::JoinHandle`.
///
/// ```
/// lockwright::model(|| {
///     let thread = lockwright::thread::spawn(|| 7);
///     assert_eq!(thread.join().unwrap(), 7);
/// });
/// ```
pub struct JoinHandle<T> {
    packet: Handed<Arc<Packet<T>>>,
    thread: Thread,
    task: TaskId,
    /// Where it was started, until somebody joins it.
    unjoined: Cell<Option<Place>>,
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let Some(place) = self.unjoined.take().filter(|_| self.thread.object.is_current()) else { return };
        if here::options().joins_all && !panicking() {
            let text = format!("a thread that was started at {}:{} is never joined", place.file(), place.line());
            engine::note(Note::Bug(Symbol::from(text).as_str()), place);
        }
    }
}

/// `std::thread::Thread`.
///
/// ```
/// use lockwright::thread;
///
/// lockwright::model(|| {
///     let main = thread::current();
///     thread::spawn(move || main.unpark());
///     thread::park();
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Thread {
    id: ThreadId,
    name: Option<String>,
    object: Object,
}

/// `std::thread::ThreadId`.
///
/// ```
/// use lockwright::thread;
///
/// lockwright::model(|| {
///     let other = thread::spawn(|| thread::current().id());
///     assert_ne!(other.join().unwrap(), thread::current().id());
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId(TaskId);

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadId({})", self.0.0)
    }
}

impl Thread {
    /// Its identity.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// The name that it was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Lets the thread's `park` return, the one it is in or the next.
    #[track_caller]
    pub fn unpark(&self) {
        self.token().act(Act::Post, Place::caller());
    }

    /// The token is made right after the thread's object.
    fn token(&self) -> Shared {
        Shared::of(self.object.named(ObjectId(self.object.id.0 + 1)))
    }
}

/// Part of the history of every thread that has ended, and of no other.
const ENDED: u128 = 0x7f4a_7c15;

/// Runs a thread's code to its end.
fn run<F: FnOnce() -> T, T>(f: F, packet: &Packet<T>, name: Option<String>, borrows: bool) {
    here::begin(packet.thread.get().expect("internal error: whoever starts a thread says which object it is"), name);
    let result = catch_unwind(AssertUnwindSafe(f));
    match result {
        Ok(result) => {
            here::end();
            // All that is left of the thread is its result, and what it has written where it borrowed.
            let content = Content::of::<T>().stands_for(std::ptr::from_ref(&result).cast());
            if let (Some(content), false) = (content, borrows) {
                engine::set_history(u128::from(content) << 64 | ENDED);
            }
            packet.result.set(Some(Ok(result)));
        }
        Err(payload) => {
            let text: Box<dyn Any + Send> = match payload.downcast_ref::<&'static str>() {
                Some(text) => Box::new(*text),
                None => Box::new(payload.downcast_ref::<String>().cloned().unwrap_or_default()),
            };
            packet.result.set(Some(Err(text)));
            resume_unwind(payload);
        }
    }
}

fn start<'a, F, T>(f: F, name: Option<String>, place: Place, borrows: bool) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'a,
    T: 'a,
{
    let packet = Handed(Arc::new(Packet { thread: Cell::new(None), result: Cell::new(None) }));
    let handed = Handed((f, Arc::clone(&packet.0), name.clone()));
    let common = here::common();
    let body: Box<dyn FnOnce() + Send + 'a> = Box::new(move || {
        let handed = handed;
        here::belong(common);
        let mut parts = Some(handed.0);
        here::on_its_stack(&mut || {
            let (f, packet, name) = parts.take().expect("internal error: a thread's code runs once");
            run(f, &packet, name, borrows);
        });
    });
    let (object, task) = engine::spawn(name.as_deref(), raw::beyond_its_scope(body), place);
    // The thread starts when this task comes to its next operation.
    packet.0.thread.set(Some(object));
    JoinHandle {
        packet,
        thread: Thread { id: ThreadId(task), name, object },
        task,
        unjoined: Cell::new((!borrows).then_some(place)),
    }
}

/// `std::thread::spawn`.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    start(f, None, Place::caller(), false)
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end.
    ///
    /// # Errors
    /// If it panicked. (That is a finding as well, and ends the execution.)
    #[track_caller]
    pub fn join(self) -> Result<T> {
        let task = self.task;
        self.unjoined.set(None);
        Shared::of(self.thread.object).perform(|id| Op::Join(id, task), Place::caller());
        self.packet.0.result.take().unwrap_or_else(|| Err(Box::new("the thread has no result")))
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Has it ended?
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        let object = Shared::of(self.thread.object);
        object.perform(|id| Op::Load(id, crate::event::Access::Acquire), Place::caller()) == 0
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// `std::thread::Builder`.
///
/// ```
/// lockwright::model(|| {
///     let named = lockwright::thread::Builder::new().name("worker".to_owned());
///     let thread = named.spawn(|| lockwright::thread::current().name().map(str::to_owned)).unwrap();
///     assert_eq!(thread.join().unwrap().as_deref(), Some("worker"));
/// });
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
}

impl Builder {
    /// A thread without a name.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names it. Reports call it so.
    #[must_use]
    pub fn name(mut self, name: String) -> Builder {
        self.name = Some(name);
        self
    }

    /// Is ignored: threads of a model have 2 MiB.
    #[must_use]
    pub fn stack_size(self, _size: usize) -> Builder {
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// Never: more threads than the explorer has room for are a bound in the verdict.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        Ok(start(f, self.name, Place::caller(), false))
    }

    /// Starts it in a scope.
    ///
    /// # Errors
    /// Never, as `spawn`.
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        Ok(scope.start(f, self.name, Place::caller()))
    }
}

/// The calling thread.
pub fn current() -> Thread {
    let (object, name) = here::current();
    Thread { id: ThreadId(engine::task()), name, object }
}

/// Waits for an `unpark`, unless there was one since the last `park`. With
/// [`Builder::spurious_wakeups`](crate::model::Builder::spurious_wakeups) it may return without one.
#[track_caller]
pub fn park() {
    if here::options().spurious_wakeups {
        return park_timeout(Duration::MAX);
    }
    current().token().perform(Op::Down, Place::caller());
}

/// The same, or a timeout, which may come at any time.
#[track_caller]
pub fn park_timeout(_timeout: Duration) {
    let place = Place::caller();
    if current().token().perform(Op::TryDown, place) == 0 {
        time_out(place);
    }
}

/// A task is about to wait on the queue, and gives the lock back meanwhile.
pub(crate) fn waits_with(queue: Object, lock: Object, place: Place) {
    let words = [queue.id.0.into(), lock.id.0.into(), 0];
    queue.note(Note::Case(CaseNote { kind: WAITS_WITH, words }), place);
}

/// A timeout has come. It may come at any time, so what waits for an event or a timeout is a look whether the event was there, made at
/// any time; and a loop over such waits goes round as one that yields does.
pub(crate) fn time_out(place: Place) {
    here::yields();
    let_others_go(place);
}

/// The task goes round: if nothing new was found it waits until something changes that it has read.
///
/// A loop without an end is one that comes back to where it was: with the same on its stack, and in the registers that calls preserve. The
/// registers are saved in this frame, the lowest that is compared: frames below it differ from round to round.
#[inline(never)]
pub(crate) fn let_others_go(place: Place) {
    let registers = raw::registers();
    go_round((&raw const registers).expose_provenance(), place);
    std::hint::black_box(&registers);
}

#[inline(never)]
fn go_round(low: usize, place: Place) {
    let top = here::is_watched().filter(|_| raw::KNOWS_REGISTERS && engine::takes_turns());
    let for_ever = top.is_some_and(|top| here::comes_round(raw::stack_between(low, top)));
    let news = Shared::of(here::current().0).act(Act::Spin(for_ever), place);
    here::went_round(news != 0);
}

/// Lets others go first. A loop that goes round without finding anything new waits here until something changes that it has read.
#[track_caller]
pub fn yield_now() {
    time_out(Place::caller());
}

/// Time is not modelled: anything may happen meanwhile, or nothing. As [`yield_now`].
#[track_caller]
pub fn sleep(_duration: Duration) {
    yield_now();
}

/// `std::thread::Scope`.
///
/// ```
/// lockwright::model(|| {
///     let n = lockwright::sync::Mutex::new(0);
///     lockwright::thread::scope(|scope| {
///         for _ in 0..2 {
///             scope.spawn(|| *n.lock().unwrap() += 1);
///         }
///     });
///     assert_eq!(n.into_inner().unwrap(), 2);
/// });
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    open: Mutex<Vec<(TaskId, Object)>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// `std::thread::ScopedJoinHandle`.
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<T>,
    open: &'scope Mutex<Vec<(TaskId, Object)>>,
}

/// `std::thread::scope`: threads that may borrow what lives longer than the scope.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let place = Place::caller();
    let scope = Scope { open: Mutex::default(), scope: PhantomData, env: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    while let Some((task, object)) = scope.next_open() {
        Shared::of(object).perform(|id| Op::Join(id, task), place);
        scope.close(task);
    }
    result.unwrap_or_else(|payload| resume_unwind(payload))
}

fn locked<T>(list: &Mutex<Vec<T>>) -> std::sync::MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread in the scope.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(f, None, Place::caller())
    }

    fn start<F, T>(&'scope self, f: F, name: Option<String>, place: Place) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let handle = start(f, name, place, true);
        locked(&self.open).push((handle.task, handle.thread.object));
        ScopedJoinHandle { handle, open: &self.open }
    }

    /// The thread with the lowest number that was not joined: whatever order they were started in.
    fn next_open(&self) -> Option<(TaskId, Object)> {
        locked(&self.open).iter().min_by_key(|(task, _)| *task).copied()
    }

    fn close(&self, task: TaskId) {
        locked(&self.open).retain(|(open, _)| *open != task);
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the thread's end.
    ///
    /// # Errors
    /// If it panicked.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        let ScopedJoinHandle { handle, open } = self;
        let task = handle.task;
        let result = handle.join();
        locked(open).retain(|(open, _)| *open != task);
        result
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        self.handle.thread()
    }
}
