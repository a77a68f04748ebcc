//! Tests of the whole: one binary, a module per subject.

mod lease_scripts;
