//! Futures: `block_on`, and tokio's `AtomicWaker` as loom has it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::event::{Act, ObjectKind, Op, Place};
use crate::own::Shared;
use crate::own::sync::{Mutex, PoisonError};

mod spawn;

pub use spawn::{AbortHandle, JoinError, JoinHandle, spawn, spawn_local, yield_now};

/// Wakes the thread that blocks on a future.
struct Wakes(Shared);

impl Wake for Wakes {
    #[track_caller]
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    #[track_caller]
    fn wake_by_ref(self: &Arc<Self>) {
        self.0.act_at_last(Act::Post, Place::caller());
    }
}

/// Polls the future until it is ready, and waits in between to be woken.
///
/// ```
/// lockwright::model(|| {
///     assert_eq!(lockwright::future::block_on(async { 7 }), 7);
/// });
/// ```
#[track_caller]
pub fn block_on<F>(future: F) -> F::Output
where
    F: Future,
{
    let place = Place::caller();
    let woken = Shared::new(ObjectKind::Token, 0, place);
    let waker = Waker::from(Arc::new(Wakes(woken)));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        woken.perform(Op::Down, place);
    }
}

/// tokio's `AtomicWaker`: one waker, which anybody may wake.
///
/// ```
/// use std::task::Poll;
///
/// use lockwright::future::{AtomicWaker, block_on};
/// use lockwright::sync::atomic::{AtomicBool, Ordering::SeqCst};
/// use lockwright::sync::Arc;
///
/// lockwright::model(|| {
///     let shared = Arc::new((AtomicWaker::new(), AtomicBool::new(false)));
///     let other = shared.clone();
///     lockwright::thread::spawn(move || {
///         other.1.store(true, SeqCst);
///         other.0.wake();
///     });
///     block_on(std::future::poll_fn(|context| {
///         shared.0.register_by_ref(context.waker());
///         if shared.1.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
///     }));
/// });
/// ```
#[derive(Debug)]
pub struct AtomicWaker {
    waker: Mutex<Option<Waker>>,
}

impl AtomicWaker {
    /// Without a waker.
    #[track_caller]
    pub fn new() -> AtomicWaker {
        AtomicWaker { waker: Mutex::new(None) }
    }

    /// Registers a waker.
    #[track_caller]
    pub fn register(&self, waker: Waker) {
        self.put(waker);
    }

    /// Registers a waker.
    #[track_caller]
    pub fn register_by_ref(&self, waker: &Waker) {
        self.put(waker.clone());
    }

    #[track_caller]
    fn put(&self, waker: Waker) {
        let before = self.waker.lock().unwrap_or_else(PoisonError::into_inner).replace(waker);
        drop(before);
    }

    /// Wakes what was registered last.
    #[track_caller]
    pub fn wake(&self) {
        if let Some(waker) = self.take_waker() {
            waker.wake();
        }
    }

    /// Takes what was registered last.
    #[track_caller]
    pub fn take_waker(&self) -> Option<Waker> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Default for AtomicWaker {
    #[track_caller]
    fn default() -> AtomicWaker {
        AtomicWaker::new()
    }
}
