//! A stress test: the program on real OS threads, again and again ([`crate::engine::threads`]).
//!
//! Every check judges each execution while it runs, and what it finds has a schedule, which replays under the controlled engine: what
//! threads did once can be seen again. Which bugs show is the operating system's doing. So the verdict is never complete, and two
//! runs need not say the same.

use std::sync::Arc;

use parking_lot::Mutex;

use super::config::{Config, EngineKind, Progress};
use super::limits::Bound;
use super::schedule::Schedule;
use super::verdict::{Found, Verdict};
use super::watch::Watch;
use crate::engine::Ending;
use crate::engine::threads::{Watcher, run};
use crate::subject::Subject;

/// Runs `config.runs` executions on real threads.
pub fn explore(subject: &dyn Subject, config: &Config) -> Verdict {
    let mut verdict = Verdict::new(EngineKind::Threads);
    let watch = Arc::new(Mutex::new(Watch(subject.checks())));
    let watcher: Watcher = watch.clone();
    let mut exceeded = None;
    let is_user_land = subject.births().is_some();
    for execution in 0..config.runs {
        if let Some(bound) = config.tick(verdict.executions, 0, Progress::default) {
            verdict.bound = Some(bound);
            return verdict;
        }
        let ran = run(subject, config.settings(), config.seed, execution, &watcher);
        verdict.executions += 1;
        for finding in watch.lock().0.take_found() {
            let transitions = ran.transitions.iter().take(finding.step as usize).copied().collect();
            verdict.findings.push(Found { finding, schedule: Schedule::new(transitions), weak_memory: false });
        }
        let has_ended = matches!(ran.ending, Ending::Finished(_));
        let (steps, schedule) = (ran.transitions.len(), || Schedule::new(ran.transitions.clone()));
        match ran.ending {
            Ending::Finished(outcome) => verdict.outcomes.add(outcome, steps, schedule),
            Ending::Deadlocked(outcome) => verdict.deadlocks.add(outcome, steps, schedule),
            // More executions would not get further than that.
            Ending::Exceeded(limit) => exceeded = Some(Bound::from(limit)),
            Ending::TooLong if is_user_land => exceeded = Some(Bound::Steps(config.limits.steps_max)),
            // One of many that were not seen to the end, and not the reason for incompleteness.
            Ending::TooLong | Ending::Stopped | Ending::Abandoned => {}
        }
        // Threads of user-land code that do not end by themselves are never unwound: there are not many executions with such.
        if is_user_land && !(has_ended && verdict.findings.is_empty()) {
            break;
        }
    }
    let threads = Bound::Threads { runs: verdict.executions, seed: config.seed };
    verdict.bound = Some(exceeded.unwrap_or(threads));
    verdict
}
