//! How fast the engines exhaust lock-protected code: the same program on each, in one run, as ratios.
//!
//! `cargo bench` prints a table. L(s, o) is one inode with s leasers and o openers, about ten visible operations a task.
//! *fixed* looks at the open count under the inode's lock; *mainline* inserts, fences and looks again. The explorer and brute
//! force run it on our kernel with all checks on; loom runs the same operations on its own types, shared by `std::sync::Arc`.
//!
//! Machines are noisy: read the ratios, not the seconds. What does not end within its bound says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lockwright::check::Checks;
use lockwright::engine::{Body, Booted, Program};
use lockwright::event::View;
use lockwright::event::names::Names;
use lockwright::explore::{Config, EngineKind, Subject, explore};
use lockwright::kernel::atomic::{Atomic, smp_mb};
use lockwright::kernel::lock::SpinLock;
use lockwright::kernel::plain::Plain;
use lockwright::kernel::task::Task;
use lockwright::kernel::{Faults, Kernel};

/// Executions after which loom and brute force are stopped.
const EXECUTIONS_MAX: u64 = 1_500_000;

#[derive(Clone, Copy)]
enum Variant {
    Fixed,
    Mainline,
}

/// L(leasers, openers) on our kernel.
struct Family {
    variant: Variant,
    leasers: usize,
    openers: usize,
}

#[derive(Clone, Copy)]
struct Inode {
    lock: SpinLock,
    opens: Atomic,
    leases: Plain<i64>,
}

impl Inode {
    fn lease(self, current: &Task, variant: Variant) {
        {
            let _guard = self.lock.lock(current);
            if self.opens.read() > 0 {
                return;
            }
            self.leases.write_once(self.leases.get() + 1);
            if let Variant::Mainline = variant {
                smp_mb();
                if self.opens.read() > 0 {
                    self.leases.write_once(self.leases.get() - 1);
                    return;
                }
            }
        }
        let _guard = self.lock.lock(current);
        self.leases.write_once(self.leases.get() - 1);
    }

    fn open(self, current: &Task, variant: Variant) {
        match variant {
            Variant::Fixed => {
                let _guard = self.lock.lock(current);
                self.opens.inc();
            }
            Variant::Mainline => {
                self.opens.inc();
                smp_mb();
            }
        }
        if self.leases.read_once() > 0 {
            drop(self.lock.lock(current));
        }
        self.opens.dec();
    }
}

impl Program for Family {
    fn boot(&self) -> Booted {
        let kernel = Kernel::boot(Faults::default(), 0);
        let inode = Inode {
            lock: SpinLock::new("i_lock"),
            opens: Atomic::new("i_writecount", 0),
            leases: Plain::new("leases", 0),
        };
        let variant = self.variant;
        let task = move |call: fn(Inode, &Task, Variant)| {
            Box::new(move || {
                let current = Task::new(kernel, 1);
                call(inode, &current, variant);
                // Nothing of what it saw matters any more.
                current.forget_past(&());
            }) as Body
        };
        let leasers = (0..self.leasers).map(|_| task(Inode::lease));
        let openers = (0..self.openers).map(|_| task(Inode::open));
        Booted {
            tasks: leasers.chain(openers).map(|body| ("task".to_owned(), body)).collect(),
            outcome: Box::new(move |view: &dyn View| format!("{} {}", inode.opens.peek(view), inode.leases.peek(view))),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| ()),
        }
    }
}

impl Subject for Family {
    fn checks(&self) -> Checks {
        Checks::new(Names {
            tasks: vec!["task".to_owned(); self.leasers + self.openers],
            calls: Vec::new(),
            ..Names::default()
        })
    }
}

/// The same on loom's own types; seconds and executions, and whether it ended.
fn on_loom(variant: Variant, leasers: usize, openers: usize) -> (f64, u64, bool) {
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let started = Instant::now();
    let mut builder = loom::model::Builder::new();
    builder.max_threads = 5;
    builder.max_permutations = Some(EXECUTIONS_MAX as usize);
    builder.checkpoint_interval = 1000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        let inode = Arc::new(LoomInode::new());
        for _ in 0..leasers {
            let inode = Arc::clone(&inode);
            loom::thread::spawn(move || inode.lease(variant));
        }
        for _ in 1..openers {
            let inode = Arc::clone(&inode);
            loom::thread::spawn(move || inode.open(variant));
        }
        inode.open(variant);
    });
    let executions = executions.load(Ordering::Relaxed);
    (started.elapsed().as_secs_f64(), executions, executions + 1000 < EXECUTIONS_MAX)
}

struct LoomInode {
    lock: loom::sync::Mutex<()>,
    opens: loom::sync::atomic::AtomicI64,
    leases: loom::sync::atomic::AtomicI64,
}

impl LoomInode {
    fn new() -> LoomInode {
        LoomInode {
            lock: loom::sync::Mutex::new(()),
            opens: loom::sync::atomic::AtomicI64::new(0),
            leases: loom::sync::atomic::AtomicI64::new(0),
        }
    }

    fn lease(&self, variant: Variant) {
        {
            let _guard = self.lock.lock().expect("loom's locks are not poisoned");
            if self.opens.load(Ordering::Relaxed) > 0 {
                return;
            }
            self.leases.store(self.leases.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            if let Variant::Mainline = variant {
                loom::sync::atomic::fence(Ordering::SeqCst);
                if self.opens.load(Ordering::Relaxed) > 0 {
                    self.leases.store(self.leases.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
                    return;
                }
            }
        }
        let _guard = self.lock.lock().expect("loom's locks are not poisoned");
        self.leases.store(self.leases.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }

    fn open(&self, variant: Variant) {
        match variant {
            Variant::Fixed => {
                let _guard = self.lock.lock().expect("loom's locks are not poisoned");
                self.opens.fetch_add(1, Ordering::Relaxed);
            }
            Variant::Mainline => {
                self.opens.fetch_add(1, Ordering::Relaxed);
                loom::sync::atomic::fence(Ordering::SeqCst);
            }
        }
        if self.leases.load(Ordering::Relaxed) > 0 {
            drop(self.lock.lock());
        }
        self.opens.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One line of the table. The ratio is against the explorer.
fn line(workload: &str, engine: &str, (seconds, executions, ended): (f64, u64, bool), states: u64, explorer: f64) {
    let mark = if ended { " " } else { ">" };
    let ratio = seconds / explorer;
    println!("{workload:<18} {engine:<9} {executions:>10} {states:>9} {mark}{seconds:>10.4} s {mark}{ratio:>11.1}");
}

fn measure(variant: Variant, leasers: usize, openers: usize, peers: bool) {
    let name = if let Variant::Fixed = variant { "fixed" } else { "mainline" };
    let workload = format!("L {name} {leasers} {openers}");
    let program: Arc<dyn Subject> = Arc::new(Family { variant, leasers, openers });
    let run = |engine| {
        let config = Config { executions_max: EXECUTIONS_MAX, ..Config::with_engine(engine) };
        let verdict = explore(&program, &config);
        ((verdict.elapsed.as_secs_f64(), verdict.executions, verdict.complete()), verdict.states)
    };
    let (explorer, states) = run(EngineKind::Explorer);
    line(&workload, "explorer", explorer, states, explorer.0);
    if peers {
        line(&workload, "brute", run(EngineKind::Brute).0, 0, explorer.0);
        line(&workload, "loom", on_loom(variant, leasers, openers), 0, explorer.0);
    }
}

fn main() {
    // `cargo bench -- --alone` leaves the peers out.
    let peers = !std::env::args().any(|argument| argument == "--alone");
    println!("{:<18} {:<9} {:>10} {:>9} {:>13} {:>13}", "workload", "engine", "executions", "states", "time", "ratio");
    measure(Variant::Fixed, 2, 1, peers);
    measure(Variant::Mainline, 2, 1, peers);
    measure(Variant::Fixed, 3, 1, peers);
    measure(Variant::Fixed, 3, 3, false);
    measure(Variant::Mainline, 3, 3, false);
    measure(Variant::Fixed, 4, 4, false);
}
