//! Tests of explorations by several processes: `cargo test --features cluster --test cluster`.
//!
//! With `LOCKWRIGHT_LONG=1`: 10 000 random programs, and 50 moments at which a process is killed.

mod agreement;
#[allow(dead_code)]
#[path = "../proptests/programs.rs"]
mod programs;
mod random;
mod restart;

/// Is a long run asked for?
fn is_long() -> bool {
    std::env::var_os("LOCKWRIGHT_LONG").is_some_and(|value| value == "1")
}
