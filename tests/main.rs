//! Tests of the whole: one binary, a module per subject.

mod cli;
mod expectations;
mod json;
mod report;
