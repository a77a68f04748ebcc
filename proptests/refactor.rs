//! The refactor, in two properties: whatever calls are made one after the other, the new design answers as the old one does; and
//! whatever two tasks do beside each other, nothing is wrong with the new one.
//!
//! Two differences of the first kind are deliberate, and each has its row in the table of `lease::spinlock`: M40 and D08. A list
//! of calls that comes to one of them is compared up to there.

use proptest::prelude::*;

use crate::{casts, sequential};

proptest! {
    #![proptest_config(crate::config(2048))]

    #[test]
    fn new_design_answers_as_the_old_one_call_by_call(calls in prop::collection::vec(sequential::call(), 1..16)) {
        prop_assert_eq!(sequential::difference(&calls), None);
    }
}

proptest! {
    #![proptest_config(crate::config(256))]

    #[test]
    fn new_design_is_clean_whatever_two_tasks_do(scenario in casts::cast()) {
        let bad = casts::bad_findings(&scenario);
        prop_assert!(bad.is_empty(), "{bad:#?}");
    }
}
