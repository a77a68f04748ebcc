//! The explicit engine against the stateful explorer and brute force: two forms of one program, the same answers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lockwright::engine::{Memory, Unsound};
use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::small::Small;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::programs::{Said, program};

/// Executions of brute force after which it is left out of the comparison.
const EXECUTIONS_MAX: u64 = 20_000;

fn explicit() -> Config {
    Config::with_engine(EngineKind::Explicit)
}

/// What an engine says; `None` if the program is too large for it.
fn said(program: &Small, config: Config) -> Option<Said> {
    let is_bounded = config.engine == EngineKind::Brute;
    let verdict = explore(&program.subject(), &config);
    assert!(is_bounded || verdict.complete(), "{:?}", verdict.bound);
    verdict.complete().then(|| Said::by(&verdict))
}

fn engines_agree(program: &Small, memory: Memory) -> Result<(), TestCaseError> {
    let by = |config: Config| said(program, Config { memory, ..config });
    let brute = by(Config { executions_max: EXECUTIONS_MAX, ..Config::with_engine(EngineKind::Brute) });
    let explicit_says = by(explicit());

    prop_assert!(brute.is_none() || explicit_says == brute, "{explicit_says:#?}\n{brute:#?}");
    prop_assert_eq!(&explicit_says, &by(Config::default()));
    let [symmetric, plain] = [by(Config { symmetry: true, ..explicit() }), explicit_says]
        .map(|said| said.expect("only brute force is bounded").up_to_exchange(program));
    prop_assert_eq!(symmetric, plain);
    Ok(())
}

proptest! {
    #![proptest_config(crate::config(1000))]

    #[test]
    fn explicit_states_agree_with_the_engines_that_run_code(program in program()) {
        engines_agree(&program, Memory::Sc)?;
    }
}

proptest! {
    #![proptest_config(crate::config(500))]

    #[test]
    fn explicit_states_agree_with_the_engines_that_run_code_with_store_buffers(program in program()) {
        engines_agree(&program, Memory::Tso)?;
    }
}

/// Is the mistake noticed? It can also make a replay fail, which is an internal error.
fn is_noticed(program: &Small, seeded: Option<Unsound>) -> bool {
    let compared = catch_unwind(AssertUnwindSafe(|| {
        let [symmetric, plain] = [Config { symmetry: true, seeded, ..explicit() }, Config::default()]
            .map(|config| said(program, config).expect("only brute force is bounded").up_to_exchange(program));
        symmetric != plain
    }));
    compared.unwrap_or(true)
}

/// Number of the random programs that tell a search with the mistake from one without, out of so many.
fn noticed(seeded: Option<Unsound>, programs: usize) -> usize {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut next = || program().new_tree(&mut runner).expect("programs are generated without rejects").current();
    (0..programs).filter(|_| is_noticed(&next(), seeded)).count()
}

#[test]
fn symmetry_that_forgets_the_owner_of_a_lock_is_caught() {
    assert!(noticed(Some(Unsound::SymmetryForgetsOwner), 1000) > 0);
    assert_eq!(noticed(None, 1000), 0);
}
