//! Tests of the whole: one binary, a module per subject.

mod checks;
mod cli;
mod counts;
mod dpor;
mod engine;
mod expectations;
mod explorer;
mod json;
mod lease;
mod lease_scripts;
mod random;
mod report;
mod tidy;
