//! Random programs on a cluster: the verdict of one process, and of brute force.

use lockwright::engine::Memory;
use lockwright::explore::{Cluster, Config, EngineKind, explore, explore_on_cluster};
use lockwright::program::small::Small;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngSeed, TestCaseError};

use crate::programs::{Said, program};

/// Executions of brute force after which it is left out of the comparison.
const EXECUTIONS_MAX: u64 = 20_000;

fn cases() -> Cases {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(if crate::is_long() { 10_000 } else { 200 });
    Cases { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..Cases::default() }
}

fn cluster_agrees(program: &Small, memory: Memory) -> Result<(), TestCaseError> {
    let subject = program.subject();
    let explicit = Config { memory, ..Config::with_engine(EngineKind::Explicit) };
    let alone = explore(&subject, &explicit);
    prop_assert!(alone.complete());
    for workers in 1..=3 {
        let explored = explore_on_cluster(&subject, &explicit, &Cluster::of_threads(workers));
        let (verdict, _) = explored.expect("no error").expect("process 0 has the verdict");
        prop_assert_eq!((verdict.states, verdict.bound), (alone.states, None), "{} workers", workers);
        prop_assert_eq!(Said::by(&verdict), Said::by(&alone), "{} workers", workers);
    }
    let brute = Config { memory, executions_max: EXECUTIONS_MAX, ..Config::with_engine(EngineKind::Brute) };
    let brute = explore(&subject, &brute);
    prop_assert!(!brute.complete() || Said::by(&brute) == Said::by(&alone));
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_cluster_says_of_random_programs_what_one_process_and_brute_force_say(program in program(), is_tso in any::<bool>()) {
        cluster_agrees(&program, if is_tso { Memory::Tso } else { Memory::Sc })?;
    }
}
