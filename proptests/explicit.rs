//! The explicit engine against the stateful explorer and brute force: two forms of one program, the same answers.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lockwright::check::Code;
use lockwright::engine::{Memory, Unsound};
use lockwright::explore::{Config, EngineKind, explore};
use lockwright::program::small::Stmt::*;
use lockwright::program::small::{Is, Small};
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
    prop_assert_eq!(&symmetric, &plain);
    prop_assert_eq!(by(Config { jobs: 2, ..explicit() }), by(explicit()), "two workers");
    Ok(())
}

/// A search that leaves orders out says what one says that tries them all.
fn reduction_loses_nothing(program: &Small) -> Result<(), TestCaseError> {
    let reduced = Config { reduce: true, ..explicit() };
    let all = said(program, explicit());

    prop_assert_eq!(&said(program, reduced.clone()), &all);
    prop_assert_eq!(&said(program, Config { jobs: 2, ..reduced.clone() }), &all, "two workers");
    let [symmetric, plain] = [said(program, Config { symmetry: true, ..reduced }), all]
        .map(|said| said.expect("nothing bounds it").up_to_exchange(program));
    prop_assert_eq!(symmetric, plain);
    Ok(())
}

proptest! {
    #![proptest_config(crate::config(2000))]

    #[test]
    fn reduced_search_agrees_with_the_whole_one(program in program()) {
        reduction_loses_nothing(&program)?;
    }
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
fn is_noticed(program: &Small, config: &Config) -> bool {
    let compared = catch_unwind(AssertUnwindSafe(|| {
        let [symmetric, plain] = [config.clone(), Config::default()]
            .map(|config| said(program, config).expect("only brute force is bounded").up_to_exchange(program));
        symmetric != plain
    }));
    compared.unwrap_or(true)
}

/// Of `count` random programs, the number that tell a search with the mistake from one without.
fn noticed(config: &Config, programs: usize) -> usize {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut next = || program().new_tree(&mut runner).expect("programs are generated without rejects").current();
    (0..programs).filter(|_| is_noticed(&next(), config)).count()
}

#[test]
fn symmetry_that_forgets_the_owner_of_a_lock_is_caught() {
    let symmetric = |seeded| Config { symmetry: true, seeded, ..explicit() };
    assert!(noticed(&symmetric(Some(Unsound::SymmetryForgetsOwner)), 1000) > 0);
    assert_eq!(noticed(&symmetric(None), 1000), 0);
}

#[test]
fn reduction_by_a_wrong_footprint_and_without_its_proviso_are_caught() {
    let reduced = |seeded| Config { reduce: true, seeded, ..explicit() };
    assert!(noticed(&reduced(Some(Unsound::ReadsAreIndependent)), 1000) > 0);
    for mistake in [Unsound::SleepSetNotFiltered, Unsound::PassedUnjudged, Unsound::EndsAreForgotten] {
        assert!(noticed(&reduced(Some(mistake)), 1000) > 0, "{mistake:?}");
    }
    assert_eq!(noticed(&reduced(None), 1000), 0);
    assert!(noticed_beside_a_loop(Some(Unsound::LoopsAreReduced), 200) > 0);
    assert_eq!(noticed_beside_a_loop(None, 200), 0);
}

/// The findings of a program beside a task that looks at a cell for ever which nobody writes. That this is a livelock is looked for
/// elsewhere.
fn found_beside_a_loop(program: &Small, config: &Config) -> BTreeSet<Code> {
    let mut program = program.clone();
    program.tasks.push(vec![IfCell(program.cells.len(), Is::Eq(1), 1), Skip(1), Back(2)]);
    program.cells.push(0);
    let mut codes = explore(&program.subject(), config).codes();
    codes.remove(&Code::LW009);
    codes
}

/// Of `count` random programs beside such a task, the number that tell a reduced search with the mistake from one that tries all orders.
fn noticed_beside_a_loop(seeded: Option<Unsound>, programs: usize) -> usize {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut next = || program().new_tree(&mut runner).expect("programs are generated without rejects").current();
    let differs = |program: Small| {
        let reduced = Config { reduce: true, seeded, ..explicit() };
        found_beside_a_loop(&program, &reduced) != found_beside_a_loop(&program, &explicit())
    };
    (0..programs).filter(|_| differs(next())).count()
}
