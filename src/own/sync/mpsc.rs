//! Channels.
//!
//! A channel with room for no message (`sync_channel(0)`) has room for one here.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[doc(no_inline)]
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::engine;
use crate::event::{Act, ObjectKind, Place};
use crate::own::Shared;
use crate::own::content::Content;
use crate::own::raw::Data;
use crate::own::thread::time_out;

/// A channel, and the messages under way.
struct Channel<T> {
    shared: Shared,
    messages: Arc<Data<VecDeque<T>>>,
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Channel<T> {
        Channel { shared: self.shared, messages: Arc::clone(&self.messages) }
    }
}

impl<T> Channel<T> {
    fn open(room: u64, place: Place) -> Channel<T> {
        Channel {
            shared: Shared::new(ObjectKind::Channel, room, place),
            messages: Arc::new(Data::new(VecDeque::new())),
        }
    }

    /// What stands for a message: 0 if nobody can say.
    fn content(message: &T) -> u64 {
        Content::of::<T>().stands_for(std::ptr::from_ref(message).cast()).unwrap_or(0)
    }

    fn send(&self, message: T, place: Place) -> Result<(), SendError<T>> {
        let _section = engine::section();
        match self.shared.act(Act::Send(Channel::content(&message)), place) {
            0 => {
                self.messages.exclusive().push_back(message);
                Ok(())
            }
            _ => Err(SendError(message)),
        }
    }

    fn first(&self) -> T {
        self.messages.exclusive().pop_front().expect("internal error: the engine counts messages")
    }

    fn clone_sender(&self) -> Channel<T> {
        self.shared.object().adjust(1);
        self.clone()
    }
}

/// `std::sync::mpsc::Sender`.
pub struct Sender<T>(Channel<T>);

/// `std::sync::mpsc::SyncSender`.
pub struct SyncSender<T>(Channel<T>);

/// `std::sync::mpsc::Receiver`.
pub struct Receiver<T>(Channel<T>);

/// A channel with room for any number of messages.
///
/// ```
/// use lockwright::{sync::mpsc, thread};
///
/// lockwright::model(|| {
///     let (sender, receiver) = mpsc::channel();
///     for number in 0..2 {
///         let sender = sender.clone();
///         thread::spawn(move || sender.send(number).unwrap());
///     }
///     drop(sender);
///     let mut got: Vec<i32> = receiver.iter().collect();
///     got.sort();
///     assert_eq!(got, [0, 1]);
/// });
/// ```
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Channel::open(u64::MAX, Place::caller());
    (Sender(channel.clone()), Receiver(channel))
}

/// A channel with room for that number of messages.
#[track_caller]
pub fn sync_channel<T>(room: usize) -> (SyncSender<T>, Receiver<T>) {
    let channel = Channel::open(room.max(1) as u64, Place::caller());
    (SyncSender(channel.clone()), Receiver(channel))
}

impl<T> Sender<T> {
    /// Sends a message.
    ///
    /// # Errors
    /// With the message, if the receiver is gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message, Place::caller())
    }
}

impl<T> SyncSender<T> {
    /// Sends a message, and waits for room if need be.
    ///
    /// # Errors
    /// With the message, if the receiver is gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message, Place::caller())
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    /// With the message, if there is none, or the receiver is gone.
    #[track_caller]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let _section = engine::section();
        match self.0.shared.act(Act::TrySend(Channel::content(&message)), Place::caller()) {
            0 => {
                self.0.messages.exclusive().push_back(message);
                Ok(())
            }
            1 => Err(TrySendError::Disconnected(message)),
            _ => Err(TrySendError::Full(message)),
        }
    }
}

impl<T> Receiver<T> {
    /// Waits for a message.
    ///
    /// # Errors
    /// If all senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let _section = engine::section();
        match self.0.shared.act(Act::Recv, Place::caller()) {
            0 => Ok(self.0.first()),
            _ => Err(RecvError),
        }
    }

    /// A message, if there is one.
    ///
    /// # Errors
    /// If there is none, or all senders are gone.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let _section = engine::section();
        match self.0.shared.act(Act::TryRecv, Place::caller()) {
            0 => Ok(self.0.first()),
            1 => Err(TryRecvError::Empty),
            _ => Err(TryRecvError::Disconnected),
        }
    }

    /// Waits for a message, or for the timeout, which may come at any time.
    ///
    /// # Errors
    /// If it comes first, or all senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, _timeout: Duration) -> Result<T, RecvTimeoutError> {
        let place = Place::caller();
        self.try_recv().map_err(|error| match error {
            TryRecvError::Empty => {
                time_out(place);
                RecvTimeoutError::Timeout
            }
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// All messages, until all senders are gone.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// All messages that are there.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }
}

/// What [`Receiver::iter`] returns.
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

/// What [`Receiver::try_iter`] returns.
#[derive(Debug)]
pub struct TryIter<'a, T>(&'a Receiver<T>);

/// The messages of a receiver that is used up.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

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

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(self.0.clone_sender())
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> SyncSender<T> {
        SyncSender(self.0.clone_sender())
    }
}

impl<T> Drop for Sender<T> {
    #[track_caller]
    fn drop(&mut self) {
        self.0.shared.act_at_last(Act::HangUp, Place::caller());
    }
}

impl<T> Drop for SyncSender<T> {
    #[track_caller]
    fn drop(&mut self) {
        self.0.shared.act_at_last(Act::HangUp, Place::caller());
    }
}

impl<T> Drop for Receiver<T> {
    #[track_caller]
    fn drop(&mut self) {
        // Whatever is under way goes with it, here and not where the last sender is.
        if self.0.shared.act_at_last(Act::Close, Place::caller()).is_some() {
            drop(std::mem::take(self.0.messages.exclusive()));
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
