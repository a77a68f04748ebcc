//! Programs that are values: an interpreted language of small ones, and a family of them that grows.
//!
//! Each is a subject in two forms, on the kernel and interpreted; they know no search.

pub mod family;
pub mod small;
