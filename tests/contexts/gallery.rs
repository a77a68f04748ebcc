//! The gallery of real bugs: each is found by exploration, predicted from one run, and gone after its fix.

use lockwright::predict::Fate;
use lockwright::prelude::*;

#[path = "../../examples/kernel/bugs.rs"]
mod bugs;

fn codes(model: &Model) -> Vec<Code> {
    let verdict = model.check(&Config::default()).verdict;
    assert!(verdict.complete(), "{:?}", verdict.bound);
    verdict.codes().into_iter().collect()
}

#[test]
fn every_bug_is_found_before_its_fix_and_gone_after_it() {
    for bug in bugs::all() {
        assert_eq!(codes(&(bug.before)()), bug.found, "{}: {}", bug.name, bug.title);
        assert_eq!(codes(&(bug.after)()), [], "{} after: {}", bug.name, bug.source);
    }
}

#[test]
fn every_bug_is_predicted_from_one_run_and_what_is_fixed_is_not() {
    for bug in bugs::all() {
        let predicted = (bug.before)().predict();
        assert_eq!(predicted.codes(), bug.predicted, "{}\n{}", bug.name, predicted.text());
        let after = (bug.after)().predict();
        assert!(after.codes().is_empty(), "{} after\n{}", bug.name, after.text());
    }
}

#[test]
fn every_predicted_cycle_is_confirmed_with_a_schedule() {
    for bug in bugs::all() {
        let predicted = (bug.before)().predict();
        for foreseen in predicted.reports().filter(|foreseen| !foreseen.finding.cycle.is_empty()) {
            let reached = matches!(&foreseen.fate, Fate::Reached(found) if !found.schedule.transitions.is_empty());
            assert!(reached, "{}\n{}", bug.name, predicted.text());
        }
    }
}

#[test]
fn the_run_that_predicts_does_not_die_of_it() {
    use lockwright::engine::Ending;
    use lockwright::explore::schedule::{Guide, replay};

    for name in ["loop", "dqbuf", "inversion", "cancel-work", "linkwatch", "kthread-stop", "shards"] {
        let bug = bugs::all().into_iter().find(|bug| bug.name == name).expect("a name of the gallery");
        let model = (bug.before)();
        let names = lockwright::event::names::Names::default();
        let run = replay(&**model.subject(), &names, &Guide::Sequential).expect("it follows nothing");
        assert!(matches!(run.ending, Ending::Finished(_)), "{name}: {:?}", run.ending);
    }
}
