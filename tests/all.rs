//! Generated scenarios: what is in a size and what is not, and what they find.

use std::collections::BTreeSet;
use std::sync::Arc;

use lockwright::check::Code;
use lockwright::explore::{Config, explore};
use lockwright::lease::{F_RDLCK, F_UNLCK, designs};
use lockwright::scenario::{Call, Scenario, file, subject};
use lockwright::study::all::{Size, generate, set_ups};
use lockwright::study::{cells, expect};

fn find(all: &[Arc<Scenario>], is_it: impl Fn(&Scenario) -> bool) -> Vec<&Arc<Scenario>> {
    all.iter().filter(|scenario| is_it(scenario)).collect()
}

#[test]
fn sizes_contain_each_other_and_nothing_comes_twice() {
    let [small, medium, large] = [Size::TwoByOne, Size::ThreeByOne, Size::TwoByTwo].map(generate);

    let mut texts: Vec<String> = large.iter().map(|scenario| file::to_json(scenario).to_string()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), large.len());
    assert_eq!(large[..medium.len()], medium[..]);
    assert_eq!(medium[..small.len()], small[..]);
}

#[test]
fn generated_scenarios_are_files_that_can_be_read() {
    for scenario in generate(Size::TwoByOne).iter().step_by(97) {
        let text = file::to_json(scenario).to_string();

        assert_eq!(file::parse(&text).as_ref(), Ok(&**scenario), "{text}");
    }
}

#[test]
fn every_set_up_works_on_the_old_and_on_the_new_design() {
    let set_ups = set_ups(&generate(Size::TwoByTwo));
    for design in ["bkl", "spinlock"].map(|name| lockwright::study::design(name).expect("a design")) {
        for set_up in set_ups.iter().filter(|set_up| cells::applies(design, set_up)) {
            assert_eq!(file::setup_problem(design, set_up), None, "{}", file::to_json(set_up));
        }
    }
}

#[test]
fn a_shorter_scenario_is_left_out_where_a_longer_one_only_looks_afterwards() {
    let all = generate(Size::TwoByTwo);
    let unlock = Call::SetLease("a", F_UNLCK);
    let plain = |scenario: &Scenario| !scenario.faults.memory && scenario.cluster.nodes.is_empty();

    let calls = |first: &[Call], second: &[Call]| {
        find(&all, |it| plain(it) && it.tasks.len() == 2 && it.tasks[0].calls == first && it.tasks[1].calls == second)
    };
    assert!(calls(std::slice::from_ref(&unlock), &[Call::Truncate]).is_empty());
    assert!(!calls(&[unlock, Call::Locks], &[Call::Truncate, Call::Locks]).is_empty());
}

#[test]
fn a_design_that_keeps_what_is_overdue_is_found_in_a_set_up_with_an_overdue_lease() {
    let text = r#"{"name":"late","tasks":[
        {"name":"holder","before":["a = open(file, O_RDONLY)","fcntl(a, F_SETLEASE, F_RDLCK)"]},
        {"name":"leaser","before":["a = open(file, O_RDONLY)","x = open(file, O_RDWR|O_NONBLOCK)","sleep(lease_break_time)"],
         "calls":["fcntl(a, F_SETLEASE, F_RDLCK)"]}]}"#;
    let scenario = Arc::new(file::parse(text).expect("the text is a scenario"));
    let codes = |design| {
        let verdict =
            explore(&subject(lockwright::study::design(design).expect("a design"), &scenario), &Config::default());
        assert!(verdict.complete());
        verdict.codes().into_iter().collect::<Vec<_>>()
    };
    let asks = |call: &Call| *call == Call::SetLease("a", F_RDLCK);
    assert!(scenario.tasks[1].calls.iter().all(asks));

    assert_eq!(codes("spinlock:overdue-kept"), [Code::LW040]);
    assert_eq!(codes("spinlock"), []);
    assert_eq!(codes("bkl"), []);
}

/// All of the size in `LOCKWRIGHT_ALL`; a sample where nobody asks.
#[test]
fn spinlock_is_clean_in_generated_scenarios() {
    let asked = std::env::var("LOCKWRIGHT_ALL").ok();
    let size = asked.as_deref().unwrap_or("2x1").parse().expect("LOCKWRIGHT_ALL is a size");
    let all = generate(size);
    let sample: Vec<Arc<Scenario>> = all.into_iter().step_by(if asked.is_some() { 1 } else { 101 }).collect();
    let cells = cells::cells(&[designs::find("spinlock").expect("a design")], &sample);

    let verdicts = cells::for_each(&cells, 2, |_, cell| explore(&cell.subject(), &Config::default()));

    for (cell, verdict) in cells.iter().zip(&verdicts) {
        assert!(verdict.complete(), "{}", file::to_json(&cell.scenario));
        assert!(verdict.findings.is_empty(), "{}: {:?}", file::to_json(&cell.scenario), verdict.codes());
    }
}

#[test]
fn findings_of_the_old_design_are_known_by_number() {
    let design = designs::find("bkl").expect("a design");
    let sample: Vec<Arc<Scenario>> = generate(Size::TwoByOne).into_iter().step_by(53).collect();
    let cells = cells::cells(&[design], &sample);

    let verdicts = cells::for_each(&cells, 2, |_, cell| explore(&cell.subject(), &Config::default()));

    let mut bugs = BTreeSet::new();
    for (cell, verdict) in cells.iter().zip(&verdicts) {
        for found in &verdict.findings {
            let known = expect::cause("bkl", &cell.scenario, &found.finding);
            let text = || format!("{} {}", found.finding.message, file::to_json(&cell.scenario));
            bugs.insert(known.unwrap_or_else(|| panic!("{}", text())).bug);
        }
    }
    assert!(["M06", "M24", "M39", "M40"].iter().all(|bug| bugs.contains(bug)), "{bugs:?}");
}
