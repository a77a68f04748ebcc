//! How fast the engines exhaust lock-protected code: the same program on each, in one run, as ratios.
//!
//! `cargo bench` prints a table. L(s, o) is one inode with s leasers and o openers, about ten visible operations a task.
//! *fixed* looks at the open count under the inode's lock; *mainline* inserts, fences and looks again.
//!
//! | engine | what it explores |
//! |---|---|
//! | explorer | the code on our kernel, stateful, all checks on |
//! | explicit | the same interpreted, all checks on |
//! | ..., symmetry | with one state for all that differ by an exchange of equal tasks |
//! | brute, dpor | every schedule of the code; one of all that differ only in the order of independent steps |
//! | loom, shuttle | the same operations on the peer's own types |
//! | stateright | a model of it, written by hand; one property |
//!
//! The synthetic families follow; a deadlock ends the whole check of loom and of shuttle, so the philosophers are not for them.
//! Options, behind `--`: `--alone` leaves the peers out, `--quick` the larger
//! sizes, `--large` adds L fixed 6 5 (some 40 million states). A word picks the workloads whose name contains it.
//!
//! Machines are noisy: read the ratios, not the seconds; rates are of processor time where it is long enough. What does not end within its bound is marked by `>`.

mod model;
mod peers;
mod table;
mod workload;

use std::sync::Arc;

use lockwright::explore::{Config, EngineKind, Subject, explore};
use lockwright::program::small::Small;

use lockwright::program::family::{Family, Variant};
use table::{Group, Run, heading};

/// Executions after which loom, shuttle and brute force are stopped.
const EXECUTIONS_MAX: u64 = 1_500_000;
const EXECUTIONS_MAX_QUICK: u64 = 50_000;

struct Options {
    peers: bool,
    quick: bool,
    large: bool,
    filter: Option<String>,
}

impl Options {
    fn executions_max(&self) -> u64 {
        if self.quick { EXECUTIONS_MAX_QUICK } else { EXECUTIONS_MAX }
    }

    fn run(&self, subject: &Arc<dyn Subject>, engine: EngineKind, symmetry: bool) -> Run {
        let config = Config { executions_max: self.executions_max(), symmetry, ..Config::with_engine(engine) };
        explore(subject, &config).into()
    }

    /// The explicit engine on a program.
    fn explicit(&self, group: &mut Group, subject: &Arc<dyn Subject>) {
        for (name, symmetry) in [("explicit", false), ("explicit, symmetry", true)] {
            group.line(name, || self.run(subject, EngineKind::Explicit, symmetry));
        }
    }

    /// L on everything that ends in reasonable time.
    fn family(&self, variant: Variant, leasers: usize, openers: usize, executing_peers: bool) {
        let family = Family { variant, leasers, openers };
        let real = family.subject();
        let mut group = Group::new(&family.to_string(), self.filter.as_deref());
        group.line("explorer", || self.run(&real, EngineKind::Explorer, false));
        group.line("explorer, symmetry", || self.run(&real, EngineKind::Explorer, true));
        self.explicit(&mut group, &real);
        if self.peers {
            group.line("stateright", || model::on_stateright(family, 1));
        }
        if self.peers && executing_peers {
            group.line("brute", || self.run(&real, EngineKind::Brute, false));
            group.line("dpor", || self.run(&real, EngineKind::Dpor, false));
            group.line("loom", || peers::on_loom(family, self.executions_max()));
            group.line("shuttle", || peers::on_shuttle(family, self.executions_max()));
        }
    }

    /// L in sizes that are for explicit states alone.
    fn explicit_family(&self, leasers: usize, openers: usize) {
        let family = Family { variant: Variant::Fixed, leasers, openers };
        let mut group = Group::new(&family.to_string(), self.filter.as_deref());
        self.explicit(&mut group, &family.subject());
        if self.peers {
            group.line("stateright", || model::on_stateright(family, 1));
        }
    }

    /// A deadlock ends the whole check of loom and of shuttle: `executing_peers` are for programs without.
    fn synthetic(&self, name: &str, program: &Small, executing_peers: bool) {
        let mut group = Group::new(name, self.filter.as_deref());
        group.line("explorer", || self.run(&program.subject(), EngineKind::Explorer, false));
        self.explicit(&mut group, &program.subject());
        if self.peers {
            group.line("stateright", || model::small_on_stateright(program));
        }
        group.line("brute", || self.run(&program.subject(), EngineKind::Brute, false));
        group.line("dpor", || self.run(&program.subject(), EngineKind::Dpor, false));
        if self.peers && executing_peers {
            group.line("loom", || peers::small_on_loom(program, self.executions_max()));
            group.line("shuttle", || peers::small_on_shuttle(program, self.executions_max()));
        }
    }
}

fn main() {
    let given = |option: &str| std::env::args().any(|argument| argument == option);
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let options = Options { peers: !given("--alone"), quick: given("--quick"), large: given("--large"), filter };
    heading();
    options.family(Variant::Fixed, 2, 1, true);
    options.family(Variant::Mainline, 2, 1, true);
    if !options.quick {
        options.family(Variant::Fixed, 3, 1, true);
    }
    options.family(Variant::Fixed, 3, 3, false);
    options.family(Variant::Mainline, 3, 3, false);
    options.explicit_family(4, 4);
    if !options.quick {
        options.explicit_family(5, 5);
    }
    if options.large {
        options.explicit_family(6, 5);
    }
    options.synthetic("4 readers, 1 writer", &workload::readers(4), true);
    options.synthetic("3 tasks x 3 sections", &workload::sections(3, 3), true);
    options.synthetic("4 philosophers", &workload::philosophers(4), false);
    options.synthetic("ring of 4", &workload::ring(4), true);
}
