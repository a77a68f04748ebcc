//! Tests of the whole: one binary, a module per subject.

mod checks;
mod cli;
mod cluster;
mod counts;
mod engine;
mod expectations;
mod explorer;
mod json;
mod lease;
mod lease_scripts;
mod report;
mod scenario_files;
mod tidy;
