//! Cases that were run on a real kernel: 77 of its own self-test and 12 that were written against it.

use lockwright::lockdep::answer::{Score, judge};
use lockwright::lockdep::case::{Case, parse};
use lockwright::lockdep::validator::Rules;

fn cases() -> Vec<Case> {
    let parsed = parse(include_str!("../data/lockdep-public.jsonl"));
    parsed.into_iter().map(|case| case.unwrap_or_else(|problem| panic!("{problem}"))).collect()
}

fn score(rules: Rules) -> Score {
    let mut score = Score::default();
    for case in cases() {
        assert!(case.ignored.is_empty(), "{:?}", case.ignored);
        score.add(&case, &judge(&case, rules).answer, rules);
    }
    score
}

#[test]
fn ours_are_right_and_the_kernels_are_as_recorded() {
    let (ours, kernel) = (score(Rules::Ours), score(Rules::Kernel));

    assert_eq!((ours.differences, kernel.differences), (vec![], vec![]));
    // 77 and 12. 55 reports are recorded; one of them, `gate_lock`, is none by our rules.
    assert_eq!((ours.verdicts, kernel.verdicts), ((89, 89), (89, 89)));
    assert_eq!((ours.kinds, kernel.kinds), ((54, 54), (55, 55)));
    assert_eq!((ours.steps, kernel.steps), ((54, 54), (55, 55)));
}

#[test]
fn kinds_are_those_of_the_kernel_without_unifying_them() {
    for case in cases().iter().filter(|case| case.expected.ideal != Some(false) && case.expected.report == Some(true)) {
        let answer = judge(case, Rules::Ours).answer;
        assert_eq!(answer.kind, case.expected.kind.as_deref(), "{}", case.id);
    }
}
