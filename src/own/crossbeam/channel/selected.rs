//! `select!`: one of several operations, whichever can be done.

use std::cell::RefCell;

use super::{Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError};
use crate::event::{Act, ObjectKind, Op, Place};
use crate::own::thread::time_out;
use crate::own::{Shared, choose};

/// Something that waits for one of several channels.
#[derive(Clone, Copy)]
pub struct Waits(Shared);

impl Waits {
    /// Something has changed.
    #[track_caller]
    pub fn tell(self) {
        self.0.act(Act::Post, Place::caller());
    }
}

/// One operation of a selection.
pub trait Arm {
    /// Does it if that is possible now, and keeps what comes of it.
    fn attempt(&self) -> bool;

    /// Could it be done? If not, it is told when that changes.
    fn is_ready_or_tell(&self, waits: Option<Waits>) -> bool;
}

/// `recv(receiver) -> message`.
pub struct RecvArm<'a, T> {
    receiver: &'a Receiver<T>,
    result: RefCell<Option<Result<T, RecvError>>>,
}

impl<'a, T> RecvArm<'a, T> {
    /// An arm.
    pub fn new(receiver: &'a Receiver<T>) -> RecvArm<'a, T> {
        RecvArm { receiver, result: RefCell::new(None) }
    }

    /// What was received.
    pub fn result(&self) -> Result<T, RecvError> {
        self.result.take().expect("an arm that is taken has a result")
    }
}

impl<T> Arm for RecvArm<'_, T> {
    #[track_caller]
    fn attempt(&self) -> bool {
        let result = match self.receiver.0.try_recv() {
            Ok(message) => Ok(message),
            Err(TryRecvError::Disconnected) => Err(RecvError),
            Err(TryRecvError::Empty) => return false,
        };
        *self.result.borrow_mut() = Some(result);
        true
    }

    #[track_caller]
    fn is_ready_or_tell(&self, waits: Option<Waits>) -> bool {
        let mut state = self.receiver.0.lock();
        let is_ready = !state.messages.is_empty() || !state.has_senders;
        if !is_ready {
            state.selects.extend(waits);
        }
        is_ready
    }
}

/// `send(sender, message) -> result`.
pub struct SendArm<'a, T> {
    sender: &'a Sender<T>,
    message: RefCell<Option<T>>,
    result: RefCell<Option<Result<(), SendError<T>>>>,
}

impl<'a, T> SendArm<'a, T> {
    /// An arm.
    pub fn new(sender: &'a Sender<T>, message: T) -> SendArm<'a, T> {
        SendArm { sender, message: RefCell::new(Some(message)), result: RefCell::new(None) }
    }

    /// Was it sent?
    ///
    /// # Errors
    /// With the message, if all receivers are gone.
    pub fn result(&self) -> Result<(), SendError<T>> {
        self.result.take().expect("an arm that is taken has a result")
    }
}

impl<T> Arm for SendArm<'_, T> {
    #[track_caller]
    fn attempt(&self) -> bool {
        let message = self.message.take().expect("it is sent once");
        let result = match self.sender.0.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(message)) => Err(SendError(message)),
            Err(TrySendError::Full(message)) => {
                *self.message.borrow_mut() = Some(message);
                return false;
            }
        };
        *self.result.borrow_mut() = Some(result);
        true
    }

    #[track_caller]
    fn is_ready_or_tell(&self, waits: Option<Waits>) -> bool {
        let mut state = self.sender.0.lock();
        let is_ready = self.sender.0.has_room(&state) || !state.has_receivers;
        if !is_ready {
            state.selects.extend(waits);
        }
        is_ready
    }
}

/// The arms of a selection, one inside the other.
pub trait Arms {
    /// All of them.
    fn list<'a>(&'a self, into: &mut Vec<&'a dyn Arm>);
}

impl Arms for () {
    fn list<'a>(&'a self, _into: &mut Vec<&'a dyn Arm>) {}
}

impl<A: Arm, R: Arms> Arms for (A, R) {
    fn list<'a>(&'a self, into: &mut Vec<&'a dyn Arm>) {
        into.push(&self.0);
        self.1.list(into);
    }
}

/// What a selection does if no arm can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// It waits.
    Waits,
    /// It waits, or the timeout comes.
    TimesOut,
    /// It does not wait.
    Goes,
}

/// Does one of the arms: any that can be done. The number of arms if none was.
#[track_caller]
pub fn run(arms: &dyn Arms, otherwise: Otherwise) -> usize {
    let place = Place::caller();
    let mut list = Vec::new();
    arms.list(&mut list);
    let token = match otherwise {
        Otherwise::Goes => None,
        _ => Some(Waits(Shared::new(ObjectKind::Token, 0, place))),
    };
    loop {
        let ready: Vec<usize> = (0..list.len()).filter(|at| list[*at].is_ready_or_tell(None)).collect();
        if !ready.is_empty() {
            let at = ready[if ready.len() == 1 { 0 } else { choose(ready.len()) }];
            if list[at].attempt() {
                return at;
            }
            continue;
        }
        let Some(token) = token else { return list.len() };
        // Told of the change even if it comes before the wait.
        let ready = list.iter().filter(|arm| arm.is_ready_or_tell(Some(token))).count();
        if ready > 0 {
            continue;
        }
        if otherwise == Otherwise::Waits {
            token.0.perform(Op::Down, place);
        } else if token.0.perform(Op::TryDown, place) == 0 {
            time_out(place);
            return list.len();
        }
    }
}
