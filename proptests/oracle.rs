//! Every engine against brute force: whatever the program, they see the same outcomes, deadlocks and findings.
//!
//! And the other way round: a search with a mistake built in is caught by the same comparison.

use lockwright::engine::{Memory, Unsound};
use lockwright::explore::{Config, EngineKind, Subject, explore};
use lockwright::program::small::Small;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::programs::{Said, program};

/// Executions of brute force after which a program is too large to be compared; flushes multiply the schedules.
fn executions_max(memory: Memory) -> u64 {
    match memory {
        Memory::Sc => 100_000,
        Memory::Tso => 20_000,
    }
}

/// What brute force says; `None` if the program is too large.
fn oracle(program: &Small, memory: Memory) -> Option<Said> {
    let config = Config { executions_max: executions_max(memory), memory, ..Config::with_engine(EngineKind::Brute) };
    let verdict = explore(&program.subject(), &config);
    verdict.complete().then(|| Said::by(&verdict))
}

/// What an engine says. It must be complete where brute force is.
fn said(program: &Small, config: Config) -> Said {
    let verdict = explore(&program.subject(), &config);
    assert_eq!(verdict.bound, None);
    Said::by(&verdict)
}

/// Small programs gain nothing from a second worker.
fn has_many_states(program: &Small) -> bool {
    program.tasks.iter().map(Vec::len).sum::<usize>() > 10
}

mod quick {
    use super::*;

    proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 200, ..crate::config(200) })]

        #[test]
        fn explorer_and_brute_force_agree_on_two_hundred_programs(program in program()) {
            let Some(oracle) = oracle(&program, Memory::Sc) else { return Ok(()) };

            prop_assert_eq!(&said(&program, Config::default()), &oracle);
            prop_assert_eq!(&said(&program, Config { every_access: true, ..Config::default() }), &oracle);
        }
    }
}

proptest! {
    #![proptest_config(crate::config(10_000))]

    #[test]
    fn engines_and_brute_force_agree(program in program()) {
        let Some(oracle) = oracle(&program, Memory::Sc) else { return Ok(()) };

        prop_assert_eq!(&said(&program, Config::default()), &oracle);
        prop_assert_eq!(&said(&program, Config::with_engine(EngineKind::Dpor)), &oracle);
        if program.explicit().is_some() {
            prop_assert_eq!(&said(&program, Config::with_engine(EngineKind::Explicit)), &oracle);
        }
        if has_many_states(&program) {
            let states = |jobs| explore(&program.subject(), &Config { jobs, ..Config::default() }).states;
            prop_assert_eq!(&said(&program, Config { jobs: 2, ..Config::default() }), &oracle);
            prop_assert_eq!(states(1), states(2));
        }
        let exchanged = said(&program, Config { symmetry: true, ..Config::default() });
        prop_assert_eq!(exchanged.up_to_exchange(&program), oracle.up_to_exchange(&program));
    }
}

proptest! {
    #![proptest_config(crate::config(2_000))]

    #[test]
    fn explorer_and_brute_force_agree_with_store_buffers(program in program()) {
        let Some(oracle) = oracle(&program, Memory::Tso) else { return Ok(()) };
        let tso = Config { memory: Memory::Tso, ..Config::default() };

        prop_assert_eq!(&said(&program, tso.clone()), &oracle);
        let exchanged = said(&program, Config { symmetry: true, ..tso });
        prop_assert_eq!(exchanged.up_to_exchange(&program), oracle.up_to_exchange(&program));
    }

    #[test]
    fn audit_finds_nothing_hidden_in_random_programs(program in program()) {
        let plain = said(&program, Config::default());
        prop_assert_eq!(said(&program, Config { audit: true, ..Config::default() }), plain);
    }
}

/// Random programs until one is told differently by a search with the mistake.
fn is_caught(seeded: Unsound) -> bool {
    let mut runner =
        TestRunner::new_with_rng(ProptestConfig::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    (0..10_000).any(|_| {
        let program = program().new_tree(&mut runner).expect("programs are generated without rejects").current();
        let config = Config { seeded: Some(seeded), ..Config::default() };
        oracle(&program, Memory::Sc).is_some_and(|oracle| {
            let verdict = explore(&program.subject(), &config);
            Said::by(&verdict) != oracle
        })
    })
}

#[test]
fn search_that_does_not_remember_what_was_read_is_caught() {
    assert!(is_caught(Unsound::HistoryNotHashed));
}

#[test]
fn search_that_names_objects_by_their_place_among_the_living_is_caught() {
    assert!(is_caught(Unsound::NamesReused));
}

#[test]
fn search_whose_sleepers_are_never_woken_is_caught() {
    assert!(is_caught(Unsound::SleepSetNotFiltered));
}

#[test]
fn search_that_does_not_notice_an_access_without_the_lock_is_caught() {
    assert!(is_caught(Unsound::LocksNotWatched));
}
