//! Programs that are values: an interpreted language of small ones, a family of them that grows, and [`interpreted`]: any program of
//! instructions ([`crate::subject::form`]), run by one interpreter.
//!
//! Each is a subject in two forms, on the engine's operations and interpreted; they know no search.

pub mod family;
pub mod interpreted;
pub mod small;
