//! What the validator costs: the same executions run again and again, with it and without it, in one run.
//!
//! `cargo bench --bench validator` prints events a second of each, and how many times longer the judged ones take. Machines are noisy: read the ratio, not
//! the rates. What is measured is the CPU time of the thread, where the system tells it, so that neighbours count for little. Both run the program under all checks and write down a trace; one of them feeds the events to the validator as well, and asks it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lockwright::event::names::Names;
use lockwright::explore::Subject;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::predict::predict;
use lockwright::prelude::*;
use lockwright::{lease, scenario};

/// How long each side runs, in turns of `TURN`.
const TURNS: u32 = 10;
const TURN: Duration = Duration::from_millis(100);

/// Two tasks and a handler that take two locks `rounds` times.
fn sections(rounds: u32) -> Arc<dyn Subject> {
    let model = Model::new(move |boot| {
        let (a, b, n) = (boot.spinlock("a"), boot.spinlock("b"), boot.plain("n", 0u64));
        for cpu in 0..2 {
            boot.task_on(cpu, if cpu == 0 { "there" } else { "back" }, move |current| {
                for _ in 0..rounds {
                    let _outer = a.lock_irqsave(current);
                    let _inner = b.lock(current);
                    n.set(n.get() + 1);
                }
            });
        }
        boot.irq(0, 1, "irq", move |current| drop(a.lock(current)));
    });
    Arc::clone(model.subject())
}

/// The CPU time that this thread has had, by Linux.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Runs until the time of a turn is over; gives the events and the time that they took.
fn turn(run: impl Fn() -> usize) -> (usize, Duration) {
    let (started, had) = (Instant::now(), cpu_time());
    let spent = || had.zip(cpu_time()).map_or(started.elapsed(), |(before, now)| now.saturating_sub(before));
    let mut events = 0;
    while spent() < TURN {
        events += run();
    }
    (events, spent())
}

fn main() {
    let leases = lease::designs::find("spinlock").and_then(|design| {
        let scenario =
            scenario::catalogue::find("lease-vs-open").or_else(|| scenario::catalogue::all().first().cloned())?;
        Some((scenario::subject(design, &scenario), scenario.names()))
    });
    let mut workloads = vec![("sections", sections(50), Names::default())];
    workloads.extend(leases.map(|(subject, names)| ("lease", subject, names)));
    println!("{:<12}{:>16}{:>16}{:>8}", "workload", "events/s alone", "events/s judged", "times");
    for (name, subject, names) in &workloads {
        let alone = || replay(&**subject, names, &Guide::Sequential).map_or(0, |run| run.lines.len());
        let per_run = alone();
        let judged = || predict(subject, names, &Guide::Sequential, None).map_or(0, |_| per_run);
        let (mut plain, mut with) = ((0, Duration::ZERO), (0, Duration::ZERO));
        // In turns, so that both meet the same neighbours.
        for _ in 0..TURNS {
            let (more, time) = turn(alone);
            plain = (plain.0 + more, plain.1 + time);
            let (more, time) = turn(judged);
            with = (with.0 + more, with.1 + time);
        }
        let rate = |(events, time): (usize, Duration)| events as f64 / time.as_secs_f64();
        println!("{name:<12}{:>16.0}{:>16.0}{:>8.2}", rate(plain), rate(with), rate(plain) / rate(with));
    }
}
