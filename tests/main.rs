//! Tests of the whole: one binary, a module per subject.

mod checks;
mod cli;
mod cluster;
mod counts;
mod dpor;
mod dpor_findings;
mod engine;
mod expectations;
mod explicit;
mod explorer;
mod history;
mod json;
mod known_answers;
mod lease;
mod lease_scripts;
mod livelock;
mod lock_order;
mod mutants;
mod random;
mod report;
mod resume;
mod rwlock;
mod scenario_files;
mod tidy;
