//! The validator: predicts deadlocks and misuse of locks from one run, in which they need not have happened.
//!
//! It watches single runs of tasks and handlers, and keeps what they say about the order of locks, about interrupts and about
//! contexts. What another order of the same steps could do follows from that. The rules are those of the kernel's lockdep, with its gaps
//! closed and its false alarms graded: each finding says whether it is certain, whether an interleaving leads there (and which), or
//! whether it rests on two objects being of one class. `docs/lockdep.md` has the rules and their limits.
//!
//! - [`lock`]: locks and steps. [`case`]: the file format.
//! - `memory`: all that is remembered. [`validator`], with `release`, `context`, `events` and `ww`: the rules, step by step, over the
//!   `state` of each task.
//! - `graph`: dependencies and cycles. `kernel`: the same as lockdep has it. `confirm`, `grade`: how sure a cycle is. `found`: each once.
//! - [`answer`]: a case, its answer, and the score. [`explain`]: the report of a finding; [`splat`]: the same as a kernel prints it.
//! - [`certainty`]: how sure a finding of a program or an outline is, in words.
//!
//! It knows nothing of engines, kernels and designs.

pub mod answer;
pub mod case;
pub mod certainty;
mod confirm;
mod context;
mod cure;
mod events;
pub mod explain;
pub mod finding;
mod found;
mod grade;
mod graph;
mod kernel;
pub mod lock;
mod memory;
mod near;
mod release;
pub mod splat;
mod state;
mod step;
mod transactions;
pub mod validator;
mod ww;
