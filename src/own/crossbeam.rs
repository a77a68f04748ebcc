//! `crossbeam` 0.8, over objects of the explorer: scoped threads, channels with several receivers, `select!`, `utils`, `AtomicCell`, queues.
//!
//! ```
//! use lockwright::crossbeam::{channel, thread};
//!
//! lockwright::model(|| {
//!     let (sender, receiver) = channel::bounded(1);
//!     thread::scope(|scope| {
//!         scope.spawn(|_| sender.send(7).unwrap());
//!         assert_eq!(receiver.recv(), Ok(7));
//!     })
//!     .unwrap();
//! });
//! ```
//!
//! Channels and queues are made of a mutex and condition variables: what can happen is the same, and there are more steps. `tick`, `Select` as a
//! value, `deque` and `epoch` are missing.

pub mod atomic;
pub mod channel;
pub mod queue;
pub mod thread;
pub mod utils;

pub use crate::select;
pub use thread::scope;
