//! Tests of the whole: one binary, a module per subject.

mod checks;
mod counts;
mod engine;
mod lease;
mod lease_scripts;
mod tidy;
