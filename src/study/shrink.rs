//! The smallest scenario that still shows a finding: fewest tasks, then fewest calls.
//!
//! Tasks and calls are taken out one at a time, as long as what is left still shows the same code about the same subject.
//! So nothing can be taken out of the result alone; that no quite different scenario is smaller is not said. Each step is
//! an exploration of its own, complete or not: what is found is found.

use std::sync::Arc;

use crate::check::{Code, Finding};
use crate::event::Symbol;
use crate::explore::{Config, Error, Verdict, explore};
use crate::lease::designs::Entry;
use crate::scenario::file::{handle_problems, setup_problem};
use crate::scenario::{Call, Scenario, TaskSpec, subject};
use crate::study::cells::{Cell, explore_with_witnesses};

/// A cell with what was found, and after it a cell of its own for each finding that a smaller scenario shows.
///
/// The scenario of such a cell is named by the scenario it comes from and the code; it is in no catalogue.
///
/// # Errors
/// As [`crate::explore::try_explore`].
pub fn apart(cell: Cell, verdict: Verdict, config: &Config) -> Result<Vec<(Cell, Verdict)>, Error> {
    let config = Config { checkpoint: None, ..config.clone() };
    let mut kept = Verdict { findings: Vec::new(), ..verdict.clone() };
    let mut smaller = Vec::new();
    for found in verdict.findings {
        let wanted = (found.finding.code, found.finding.subject);
        let scenario = smallest(cell.design, &cell.scenario, wanted, &config);
        if scenario == cell.scenario {
            kept.findings.push(found);
            continue;
        }
        let name = Symbol::from(format!("{}-{}", cell.scenario.name, wanted.0)).as_str();
        let less = Cell { design: cell.design, scenario: Arc::new(Scenario { name, ..Scenario::clone(&scenario) }) };
        let mut verdict = explore_with_witnesses(&less, &config)?;
        verdict.findings.retain(|found| (found.finding.code, found.finding.subject) == wanted);
        smaller.push((less, verdict));
    }
    Ok([vec![(cell, kept)], smaller].concat())
}

/// The scenario without whatever the finding can do without; the same one if that is nothing.
pub fn smallest(design: Entry, scenario: &Arc<Scenario>, wanted: (Code, Symbol), config: &Config) -> Arc<Scenario> {
    smallest_that(design, scenario, config, &|_, found| (found.code, found.subject) == wanted)
}

/// The scenario without whatever such a finding can do without.
pub fn smallest_that(
    design: Entry,
    scenario: &Arc<Scenario>,
    config: &Config,
    is_wanted: &dyn Fn(&Scenario, &Finding) -> bool,
) -> Arc<Scenario> {
    let config = Config { checkpoint: None, progress: None, audit: false, ..config.clone() };
    let shows = |candidate: &Arc<Scenario>| {
        let found = || explore(&subject(design, candidate), &config).findings;
        handle_problems(&candidate.tasks).is_empty()
            && setup_problem(design, candidate).is_none()
            && found().iter().any(|found| is_wanted(candidate, &found.finding))
    };
    let mut smallest = Arc::clone(scenario);
    loop {
        let smaller = candidates(&smallest).map(Arc::new).find(|candidate| shows(candidate));
        let Some(smaller) = smaller else { return smallest };
        smallest = smaller;
    }
}

/// The scenario with one thing less: a task, else a call, else a call of the set-up.
fn candidates(scenario: &Scenario) -> impl Iterator<Item = Scenario> {
    let tasks = (0..scenario.tasks.len()).filter_map(|task| without_task(scenario, task));
    let each = |calls: fn(&TaskSpec) -> usize| -> Vec<(usize, usize)> {
        let of_task = |(at, task): (usize, &TaskSpec)| (0..calls(task)).map(move |call| (at, call)).collect::<Vec<_>>();
        scenario.tasks.iter().enumerate().flat_map(of_task).collect()
    };
    let calls = each(|task| task.calls.len()).into_iter().map(|(task, call)| {
        let mut less = scenario.clone();
        less.tasks[task].calls.remove(call);
        less
    });
    let before = each(|task| task.before.len()).into_iter().map(|(task, call)| {
        let mut less = scenario.clone();
        less.tasks[task].before.remove(call);
        less
    });
    tasks.chain(calls).chain(before)
}

/// The scenario without a task, unless another shares its process or it is the only one.
fn without_task(scenario: &Scenario, gone: usize) -> Option<Scenario> {
    if scenario.tasks.len() == 1 || scenario.tasks.iter().any(|task| task.shares == Some(gone)) {
        return None;
    }
    let mut less = scenario.clone();
    less.tasks.remove(gone);
    if gone < less.cluster.homes.len() {
        less.cluster.homes.remove(gone);
    }
    for task in &mut less.tasks {
        task.shares = task.shares.map(|other| other - usize::from(other > gone));
        for calls in [&mut task.before, &mut task.calls] {
            calls.retain(|call| *call != Call::Interrupt(gone as u8));
            for call in calls {
                if let Call::Interrupt(target) = call {
                    *target -= u8::from(usize::from(*target) > gone);
                }
            }
        }
    }
    Some(less)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalogue;

    // What explores is in `tests/shrink.rs`: a unit test that did would have every search optimised a second time.
    #[test]
    fn tasks_that_others_name_go_with_their_names() {
        let scenario = catalogue::find("interrupted-opener").expect("a scenario");

        let less = without_task(&scenario, 1).expect("nobody shares it");

        assert_eq!(less.tasks.iter().map(|task| task.name).collect::<Vec<_>>(), ["holder"]);
        assert!(less.tasks[0].calls.iter().all(|call| !matches!(call, Call::Interrupt(_))));
        assert!(
            without_task(&catalogue::find("holder-thread").expect("a scenario"), 0).is_none(),
            "its process is shared"
        );
    }
}
