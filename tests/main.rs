//! Tests of the whole: one binary, a module per subject.

mod tidy;
mod lease_scripts;
