//! Several streams in one validator: what the command, which has one, cannot show.

use lockwright::lockdep::finding::{Finding, Grade};
use lockwright::lockdep::lock::{Lock, LockKind, Locks, Op, ReadLock};
use lockwright::lockdep::validator::{Rules, Validator};

/// Runs streams of steps, `+0` and `-0` for taking and releasing lock 0; `(` and `)` for a softirq around,
/// `[` and `]` for bottom halves off.
fn run(streams: &[&str]) -> Vec<Finding> {
    let locks = Locks::new(["a", "b", "c", "d"].map(|name| Lock::new(name, LockKind::Spin)).to_vec(), ReadLock::Queued);
    let mut validator = Validator::new(&locks, Rules::Ours);
    for (task, text) in streams.iter().enumerate() {
        for word in text.split_whitespace() {
            let lock = word[1..].parse().unwrap_or(0);
            let op = match &word[..1] {
                "(" => Op::SoftirqEnter,
                ")" => Op::SoftirqExit,
                "[" => Op::BhDisable,
                "]" => Op::BhEnable,
                "+" => Op::Lock { lock, read: false, nest: None, subclass: 0 },
                _ => Op::Unlock { lock, read: None },
            };
            validator.step(task, &op);
        }
    }
    validator.findings().to_vec()
}

fn grades(streams: &[&str]) -> Vec<Grade> {
    run(streams).iter().map(|finding| finding.grade).collect()
}

#[test]
fn it_goes_on_after_a_finding_and_folds_what_is_the_same() {
    let (ab, ba, bc, cb) = ("+0 +1 -1 -0", "+1 +0 -0 -1", "+1 +2 -2 -1", "+2 +1 -1 -2");

    assert_eq!(grades(&[ab, ba]), [Grade::Interleaving]);
    // The third and fourth tasks repeat the circle of the first two.
    assert_eq!(grades(&[ab, ba, ab, ba]), [Grade::Interleaving]);
    assert_eq!(grades(&[ab, ba, bc, cb]), [Grade::Interleaving; 2]);
    // One task did both; then another did one of them.
    assert_eq!(grades(&["+0 +1 -1 -0 +1 +0 -0 -1"]), [Grade::Phases]);
    assert_eq!(grades(&["+0 +1 -1 -0 +1 +0 -0 -1", ab]), [Grade::Interleaving]);
}

#[test]
fn a_schedule_takes_every_lock_but_the_last_of_each() {
    let found = run(&["+0 +1 -1 -0", "+1 +0 -0 -1"]);
    let turns: Vec<(usize, bool)> = found[0].schedule.iter().map(|turn| (turn.place.step, turn.waits)).collect();

    assert_eq!(turns, [(0, false), (0, false), (1, true), (1, true)]);
}

#[test]
fn what_comes_after_a_task_waited_for_itself_is_not_reached() {
    let after = "+3 +3 -3 -3 +0 +1 -1 -0";
    let before = "+0 +1 -1 -0 +3 +3 -3 -3";

    assert_eq!(grades(&[after, "+1 +0 -0 -1"]), [Grade::Certain, Grade::Graph]);
    assert_eq!(grades(&[before, "+1 +0 -0 -1"]), [Grade::Certain, Grade::Interleaving]);
}

#[test]
fn a_handler_that_waits_for_the_task_it_interrupts_gets_no_further() {
    // The handler takes a, then b; the task holds a and c. So the handler never wants b there: c does not wait for b.
    let found = run(&["( +0 +1 -1 -0 )", "+0 +2 -2 -0", "[ +1 +2 -2 -1 ]"]);
    let cycles: Vec<usize> =
        found.iter().filter(|found| found.grade.is_report()).map(|found| found.cycle.len()).collect();

    assert_eq!(cycles, [1]);
}

/// Locks 1 to `count` in pairs, each pair in order and under lock 0, then the last before the first.
fn gated(count: usize) -> Vec<Finding> {
    let names = (0..=count).map(|id| Lock::new(&format!("l{id}"), LockKind::Mutex)).collect();
    let locks = Locks::new(names, ReadLock::Queued);
    let mut validator = Validator::new(&locks, Rules::Ours);
    let take = |lock| Op::Lock { lock, read: false, nest: None, subclass: 0 };
    let pairs = (1..count).flat_map(|a| (a + 1..=count).map(move |b| (a, b)));
    for (task, (a, b)) in pairs.chain([(count, 1)]).enumerate() {
        [take(0), take(a), take(b)].iter().for_each(|op| validator.step(task, op));
        [b, a, 0].iter().for_each(|lock| validator.step(task, &Op::Unlock { lock: *lock, read: None }));
    }
    validator.findings().to_vec()
}

#[test]
fn beyond_the_bound_of_the_search_the_graph_is_believed() {
    // From the first to the last there is a way through each subset of those in between. All are excluded by the gate.
    let within = gated(12);
    assert_eq!(within.len(), 1 << 10);
    assert!(within.iter().all(|finding| finding.grade == Grade::Serialised(0)));

    // 2^14 ways, and as many prefixes of them: more than 20 000 steps. What was not looked at might be reachable.
    let beyond = gated(16);
    assert!(beyond.len() < 1 << 14);
    assert_eq!(beyond.iter().filter(|finding| finding.grade == Grade::Graph).count(), 1);
}
