//! Futures that run beside each other, as shuttle has them: each is a thread of the model.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::block_on;
use crate::own::sync::atomic::{AtomicBool, Ordering};
use crate::own::sync::{Arc, Mutex, PoisonError};
use crate::own::thread;

/// Why a future has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// It was aborted.
    Cancelled,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("task was cancelled")
    }
}

impl std::error::Error for JoinError {}

/// What a future leaves, and who is to be woken.
struct Left<T> {
    result: Option<Result<T, JoinError>>,
    has_ended: bool,
    joins: Option<Waker>,
}

/// What a future and its handles share.
struct Shared<T> {
    left: Mutex<Left<T>>,
    is_aborted: AtomicBool,
    /// Wakes the thread that polls the future.
    polls: Mutex<Option<Waker>>,
}

/// Something that can be aborted.
trait Abort: Send + Sync {
    fn abort(&self);
    fn is_finished(&self) -> bool;
}

fn locked<T>(mutex: &Mutex<T>) -> crate::own::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send> Abort for Shared<T> {
    fn abort(&self) {
        self.is_aborted.store(true, Ordering::SeqCst);
        let polls = locked(&self.polls).take();
        if let Some(waker) = polls {
            waker.wake();
        }
    }

    fn is_finished(&self) -> bool {
        locked(&self.left).has_ended
    }
}

/// `shuttle::future::JoinHandle`: a future of the result.
pub struct JoinHandle<T>(Arc<Shared<T>>);

/// `shuttle::future::AbortHandle`.
#[derive(Clone)]
pub struct AbortHandle(std::sync::Arc<dyn Abort>);

/// Lets the handle of another type stand behind a trait.
struct Behind<T>(Arc<Shared<T>>);

impl<T: Send> Abort for Behind<T> {
    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl AbortHandle {
    /// Drops the future where it is polled next, unless it ends before.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Has it ended?
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("AbortHandle")
    }
}

impl<T: Send + 'static> JoinHandle<T> {
    /// Drops the future where it is polled next, unless it ends before.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Has it ended?
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// A handle that can do nothing else.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(std::sync::Arc::new(Behind(self.0.clone())))
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("JoinHandle")
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut left = locked(&self.0.left);
        match left.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                left.joins = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Polls the future to its end, on the calling thread.
fn run<F: Future>(future: F, shared: &Shared<F::Output>) {
    let mut future = pin!(future);
    let result = block_on(poll_fn(|context| {
        *locked(&shared.polls) = Some(context.waker().clone());
        if shared.is_aborted.load(Ordering::SeqCst) {
            return Poll::Ready(Err(JoinError::Cancelled));
        }
        future.as_mut().poll(context).map(Ok)
    }));
    let joins = {
        let mut left = locked(&shared.left);
        left.result = Some(result);
        left.has_ended = true;
        left.joins.take()
    };
    if let Some(waker) = joins {
        waker.wake();
    }
}

/// Runs a future beside the caller, on a thread of the model.
///
/// ```
/// use lockwright::future::{block_on, spawn};
///
/// lockwright::model(|| {
///     let one = spawn(async { 1 });
///     assert_eq!(block_on(async { one.await.unwrap() + 1 }), 2);
/// });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_local(future)
}

/// The same for a future that is not `Send`: threads of a model take turns.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let shared = Arc::new(Shared {
        left: Mutex::new(Left { result: None, has_ended: false, joins: None }),
        is_aborted: AtomicBool::new(false),
        polls: Mutex::new(None),
    });
    let own = shared.clone();
    drop(thread::spawn(move || run(future, &own)));
    JoinHandle(shared)
}

/// Lets others go first.
pub async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        thread::yield_now();
        Poll::Pending
    })
    .await;
}
