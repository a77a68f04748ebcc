//! Properties over random programs: one binary, a module per property. `PROPTEST_CASES` scales them.
//!
//! Begin with `refactor.rs`: the two properties about the old design and the new. `casts.rs` and `sequential.rs` have what these need
//! and more of their kind. `oracle.rs` compares every engine with brute force, on the programs of `programs.rs`; the rest
//! compares engines with each other.

use proptest::test_runner::{Config, RngSeed};

mod refactor;

mod casts;
mod sequential;

mod oracle;
mod programs;

#[path = "../tests/agreement.rs"]
mod agreement;
mod dpor;
mod explicit;
mod flow;
#[path = "../tests/order.rs"]
mod order;
mod outlined;
mod outlines;
mod renumber;
mod renumbering;
mod resume;
mod second_opinion;
mod shared_locks;

/// A number of cases, and another with `LOCKWRIGHT_LONG=1`.
fn long(cases: u32, long: u32) -> Config {
    let is_long = std::env::var_os("LOCKWRIGHT_LONG").is_some_and(|value| value == "1");
    config(if is_long { long } else { cases })
}

/// The default number of cases, or what the environment asks for; no files are written.
///
/// With `--cfg loom` it is a twentieth: the same tests run in full without it.
///
/// The default run is the same each time. One that asks for its own number of cases draws new ones, unless it names a seed
/// (`PROPTEST_RNG_SEED`).
fn config(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let default = Config::default();
    let rng_seed = match (asked, default.rng_seed) {
        (None, RngSeed::Random) => RngSeed::Fixed(2007),
        (_, seed) => seed,
    };
    let cases = if cfg!(loom) { cases.div_ceil(20) } else { cases };
    Config { cases: asked.unwrap_or(cases), failure_persistence: None, rng_seed, ..default }
}
