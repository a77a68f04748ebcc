//! `crossbeam::channel`: channels with several senders and receivers, and `select!`.
//!
//! A timeout may come at any time. A channel with room for nothing hands each message from hand to hand. Of several arms of `select!` that are
//! ready any may be taken: each is explored.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use ::crossbeam::channel::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};

pub use crate::select;

use crate::event::{Act, ObjectKind, Place};
use crate::own::Shared;
use crate::own::sync::{Condvar, Mutex, MutexGuard, PoisonError};

mod selected;

#[doc(hidden)]
pub use selected::{Arm, Arms, Otherwise, RecvArm, SendArm, Waits, run};

/// What lies in a channel.
struct State<T> {
    /// Messages under way, each with its number.
    messages: VecDeque<(u64, T)>,
    /// Messages that were sent, and that were taken.
    sent: u64,
    taken: u64,
    /// Receivers that wait: in a channel without room they are the room.
    waiting: usize,
    has_senders: bool,
    has_receivers: bool,
    /// Those that wait for several channels.
    selects: Vec<Waits>,
}

struct Channel<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// Numbers of handles: cloning is no step, as nobody can tell when.
    senders: Shared,
    receivers: Shared,
    room: Option<usize>,
}

/// `crossbeam::channel::Sender`.
pub struct Sender<T>(Arc<Channel<T>>);

/// `crossbeam::channel::Receiver`.
pub struct Receiver<T>(Arc<Channel<T>>);

#[track_caller]
fn open<T>(room: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let place = Place::caller();
    let state = State {
        messages: VecDeque::new(),
        sent: 0,
        taken: 0,
        waiting: 0,
        has_senders: true,
        has_receivers: true,
        selects: Vec::new(),
    };
    let channel = Arc::new(Channel {
        state: Mutex::new(state),
        changed: Condvar::new(),
        senders: Shared::new(ObjectKind::Count, 1, place),
        receivers: Shared::new(ObjectKind::Count, 1, place),
        room,
    });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

/// A channel with room for that number of messages.
///
/// ```
/// use lockwright::crossbeam::{channel::bounded, select};
///
/// lockwright::model(|| {
///     let (one, first) = bounded(1);
///     let (two, second) = bounded(1);
///     // The receivers are gone after the first message: the other sender may be told so.
///     lockwright::thread::spawn(move || _ = one.send(1));
///     lockwright::thread::spawn(move || _ = two.send(2));
///     let got = select! {
///         recv(first) -> number => number.unwrap(),
///         recv(second) -> number => number.unwrap(),
///     };
///     assert!([1, 2].contains(&got));
/// });
/// ```
#[track_caller]
pub fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    open(Some(room))
}

/// A channel with room for any number of messages.
#[track_caller]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    open(None)
}

/// A channel to which one message comes, at any time.
#[track_caller]
pub fn after(_duration: Duration) -> Receiver<Instant> {
    let (sender, receiver) = bounded(1);
    drop(crate::own::thread::spawn(move || _ = sender.send(Instant::now())));
    receiver
}

/// The same.
#[track_caller]
pub fn at(_when: Instant) -> Receiver<Instant> {
    after(Duration::ZERO)
}

/// A channel to which no message comes.
#[track_caller]
pub fn never<T>() -> Receiver<T> {
    let (sender, receiver) = unbounded();
    std::mem::forget(sender);
    receiver
}

impl<T> Channel<T> {
    #[track_caller]
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all that wait that something has changed.
    #[track_caller]
    fn tell(&self, state: &mut State<T>) {
        state.selects.drain(..).for_each(Waits::tell);
        self.changed.notify_all();
    }

    /// Waits until something has changed; `false` if the timeout, if there is one, comes first.
    #[track_caller]
    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>, times_out: bool) -> (MutexGuard<'a, State<T>>, bool) {
        if !times_out {
            return (self.changed.wait(state).unwrap_or_else(PoisonError::into_inner), true);
        }
        let (state, timed_out) =
            self.changed.wait_timeout(state, Duration::ZERO).unwrap_or_else(PoisonError::into_inner);
        (state, !timed_out.timed_out())
    }

    fn has_room(&self, state: &State<T>) -> bool {
        self.room.is_none_or(|room| state.messages.len() < room + if room == 0 { state.waiting } else { 0 })
    }

    #[track_caller]
    fn push(&self, state: &mut State<T>, message: T) -> u64 {
        let number = state.sent;
        state.sent += 1;
        state.messages.push_back((number, message));
        self.tell(state);
        number
    }

    #[track_caller]
    fn pop(&self, state: &mut State<T>) -> Option<T> {
        let (_, message) = state.messages.pop_front()?;
        state.taken += 1;
        self.tell(state);
        Some(message)
    }

    #[track_caller]
    fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut state = self.lock();
        match (state.has_receivers, self.has_room(&state)) {
            (false, _) => Err(TrySendError::Disconnected(message)),
            (true, false) => Err(TrySendError::Full(message)),
            (true, true) => {
                self.push(&mut state, message);
                Ok(())
            }
        }
    }

    #[track_caller]
    fn send(&self, message: T, times_out: bool) -> Result<(), SendTimeoutError<T>> {
        let mut state = self.lock();
        // Without room it is there to be taken, and the sender waits until it is.
        let mut message = message;
        if self.room != Some(0) {
            loop {
                if !state.has_receivers {
                    return Err(SendTimeoutError::Disconnected(message));
                }
                if self.has_room(&state) {
                    self.push(&mut state, message);
                    return Ok(());
                }
                let (next, goes_on) = self.wait(state, times_out);
                state = next;
                if !goes_on && state.has_receivers && !self.has_room(&state) {
                    return Err(SendTimeoutError::Timeout(message));
                }
            }
        }
        if !state.has_receivers {
            return Err(SendTimeoutError::Disconnected(message));
        }
        let number = self.push(&mut state, message);
        loop {
            let Some(at) = state.messages.iter().position(|(own, _)| *own == number) else { return Ok(()) };
            if !state.has_receivers {
                message = state.messages.remove(at).expect("it is there").1;
                return Err(SendTimeoutError::Disconnected(message));
            }
            let (next, goes_on) = self.wait(state, times_out);
            state = next;
            let still = state.messages.iter().position(|(own, _)| *own == number);
            if let (false, Some(at), true) = (goes_on, still, state.has_receivers) {
                message = state.messages.remove(at).expect("it is there").1;
                return Err(SendTimeoutError::Timeout(message));
            }
        }
    }

    #[track_caller]
    fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.lock();
        match self.pop(&mut state) {
            Some(message) => Ok(message),
            None if state.has_senders => Err(TryRecvError::Empty),
            None => Err(TryRecvError::Disconnected),
        }
    }

    #[track_caller]
    fn recv(&self, times_out: bool) -> Result<T, RecvTimeoutError> {
        let mut state = self.lock();
        let mut goes_on = true;
        loop {
            if let Some(message) = self.pop(&mut state) {
                return Ok(message);
            }
            if !state.has_senders {
                return Err(RecvTimeoutError::Disconnected);
            }
            if !goes_on {
                return Err(RecvTimeoutError::Timeout);
            }
            state.waiting += 1;
            if self.room == Some(0) {
                // A sender that tries may send now.
                state.selects.drain(..).for_each(Waits::tell);
            }
            (state, goes_on) = self.wait(state, times_out);
            state.waiting -= 1;
        }
    }

    #[track_caller]
    fn len(&self) -> usize {
        if self.room == Some(0) { 0 } else { self.lock().messages.len() }
    }
}

impl<T> Sender<T> {
    /// Sends a message, and waits for room if need be.
    ///
    /// # Errors
    /// With the message, if all receivers are gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message, false).map_err(|error| SendError(error.into_inner()))
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    /// With the message, if there is none, or all receivers are gone.
    #[track_caller]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(message)
    }

    /// Sends a message, or the timeout comes.
    ///
    /// # Errors
    /// With the message, if it does, or all receivers are gone.
    #[track_caller]
    pub fn send_timeout(&self, message: T, _timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.0.send(message, true)
    }

    /// The same.
    ///
    /// # Errors
    /// The same.
    #[track_caller]
    pub fn send_deadline(&self, message: T, _deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.0.send(message, true)
    }

    /// Is there no room?
    #[track_caller]
    pub fn is_full(&self) -> bool {
        self.0.room.is_some_and(|room| self.0.len() >= room)
    }
}

impl<T> Receiver<T> {
    /// Waits for a message.
    ///
    /// # Errors
    /// If there is none and all senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.0.recv(false).map_err(|_| RecvError)
    }

    /// A message, if there is one.
    ///
    /// # Errors
    /// If there is none.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// Waits for a message, or the timeout comes.
    ///
    /// # Errors
    /// If it does, or all senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, _timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.0.recv(true)
    }

    /// The same.
    ///
    /// # Errors
    /// The same.
    #[track_caller]
    pub fn recv_deadline(&self, _deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.0.recv(true)
    }

    /// All messages, until all senders are gone.
    #[track_caller]
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        std::iter::from_fn(|| self.recv().ok())
    }

    /// All messages that are there.
    #[track_caller]
    pub fn try_iter(&self) -> impl Iterator<Item = T> + '_ {
        std::iter::from_fn(|| self.try_recv().ok())
    }

    /// Is there no room?
    #[track_caller]
    pub fn is_full(&self) -> bool {
        self.0.room.is_some_and(|room| self.0.len() >= room)
    }
}

/// What both ends have.
macro_rules! end {
    ($end:ident, $counts:ident, $has:ident, $gone:expr) => {
        impl<T> $end<T> {
            /// Number of messages under way.
            #[track_caller]
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Is there none?
            #[track_caller]
            pub fn is_empty(&self) -> bool {
                self.0.len() == 0
            }

            /// Most messages under way, if there is a most.
            pub fn capacity(&self) -> Option<usize> {
                self.0.room
            }

            /// Do both belong to one channel?
            pub fn same_channel(&self, other: &$end<T>) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
            }
        }

        impl<T> Clone for $end<T> {
            fn clone(&self) -> $end<T> {
                self.0.$counts.object().adjust(1);
                $end(Arc::clone(&self.0))
            }
        }

        impl<T> Drop for $end<T> {
            #[track_caller]
            fn drop(&mut self) {
                if self.0.$counts.act_at_last(Act::Drop(true), Place::caller()) != Some(1) {
                    return;
                }
                let mut state = self.0.lock();
                state.$has = false;
                let gone: Vec<(u64, T)> = $gone(&self.0, &mut state);
                self.0.tell(&mut state);
                drop(state);
                drop(gone);
            }
        }

        impl<T> fmt::Debug for $end<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(concat!(stringify!($end), " { .. }"))
            }
        }
    };
}

end!(Sender, senders, has_senders, |_: &Channel<T>, _: &mut State<T>| Vec::new());
// What is under way goes with the last receiver. A message that is handed over is its sender's until then.
end!(Receiver, receivers, has_receivers, |channel: &Channel<T>, state: &mut State<T>| match channel.room {
    Some(0) => Vec::new(),
    _ => state.messages.drain(..).collect(),
});

/// The messages of a receiver that is used up.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}
