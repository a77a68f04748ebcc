//! The same programs on the types of loom and of shuttle, which run the code as we do and remember no states.
//!
//! Sharing is by `std::sync::Arc`, and nobody joins: both would cost the peers executions. What does not end within the bound says
//! so by its mark.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::table::Run;
use lockwright::program::family::Family;
use lockwright::program::small::Small;

macro_rules! peer {
    ($peer:ident) => {
        pub mod $peer {
            use std::sync::Arc;

            use $peer::sync::Mutex;
            use $peer::sync::atomic::{AtomicI64, Ordering, fence};

            use lockwright::program::family::{Family, Variant};
            use lockwright::program::small::{Small, Stmt};

            struct Inode {
                lock: Mutex<()>,
                opens: AtomicI64,
                leases: AtomicI64,
            }

            impl Inode {
                fn new() -> Inode {
                    Inode { lock: Mutex::new(()), opens: AtomicI64::new(0), leases: AtomicI64::new(0) }
                }

                fn add_leases(&self, by: i64) {
                    self.leases.store(self.leases.load(Ordering::Relaxed) + by, Ordering::Relaxed);
                }

                fn lease(&self, variant: Variant) {
                    {
                        let _guard = self.lock.lock().expect("no task panics");
                        if self.opens.load(Ordering::Relaxed) > 0 {
                            return;
                        }
                        self.add_leases(1);
                        if variant == Variant::Mainline {
                            fence(Ordering::SeqCst);
                            if self.opens.load(Ordering::Relaxed) > 0 {
                                self.add_leases(-1);
                                return;
                            }
                        }
                    }
                    let _guard = self.lock.lock().expect("no task panics");
                    self.add_leases(-1);
                }

                fn open(&self, variant: Variant) {
                    match variant {
                        Variant::Fixed => {
                            let _guard = self.lock.lock().expect("no task panics");
                            self.opens.fetch_add(1, Ordering::Relaxed);
                        }
                        Variant::Mainline | Variant::Unfenced => {
                            self.opens.fetch_add(1, Ordering::Relaxed);
                            fence(Ordering::SeqCst);
                        }
                    }
                    if self.leases.load(Ordering::Relaxed) > 0 {
                        drop(self.lock.lock());
                    }
                    self.opens.fetch_sub(1, Ordering::Relaxed);
                }
            }

            /// One execution; the main thread is one of the openers.
            pub fn execution(family: Family) {
                let inode = Arc::new(Inode::new());
                for _ in 0..family.leasers {
                    let inode = Arc::clone(&inode);
                    $peer::thread::spawn(move || inode.lease(family.variant));
                }
                for _ in 1..family.openers {
                    let inode = Arc::clone(&inode);
                    $peer::thread::spawn(move || inode.open(family.variant));
                }
                inode.open(family.variant);
            }

            struct Objects {
                locks: Vec<Mutex<()>>,
                cells: Vec<AtomicI64>,
                atomics: Vec<AtomicI64>,
            }

            impl Objects {
                fn run(&self, task: &[Stmt]) {
                    let mut held = Vec::new();
                    for stmt in task {
                        match *stmt {
                            Stmt::Lock(at) => held.push((at, self.locks[at].lock().expect("no task panics"))),
                            Stmt::Unlock(at) => held.retain(|(lock, _)| *lock != at),
                            Stmt::Inc(at) => {
                                let value = self.cells[at].load(Ordering::Relaxed);
                                self.cells[at].store(value + 1, Ordering::Relaxed);
                            }
                            Stmt::LoadOnce(at) => _ = self.cells[at].load(Ordering::Relaxed),
                            Stmt::StoreOnce(at, value) => self.cells[at].store(value, Ordering::Relaxed),
                            Stmt::AtomicRead(at) => _ = self.atomics[at].load(Ordering::Relaxed),
                            Stmt::AtomicSet(at, value) => self.atomics[at].store(value.into(), Ordering::Relaxed),
                            other => unreachable!("no synthetic workload has {other:?}"),
                        }
                    }
                }
            }

            /// One execution of a synthetic workload; the main thread is the first task.
            pub fn small(program: &Arc<Small>) {
                let objects = Arc::new(Objects {
                    locks: program.locks.iter().map(|_| Mutex::new(())).collect(),
                    cells: program.cells.iter().map(|&value| AtomicI64::new(value)).collect(),
                    atomics: program.atomics.iter().map(|&value| AtomicI64::new(value.into())).collect(),
                });
                for task in 1..program.tasks.len() {
                    let (objects, program) = (Arc::clone(&objects), Arc::clone(program));
                    $peer::thread::spawn(move || objects.run(&program.tasks[task]));
                }
                objects.run(&program.tasks[0]);
            }
        }
    };
}

peer!(loom);
peer!(shuttle);

/// L under loom's own search.
pub fn on_loom(family: Family, executions_max: u64) -> Run {
    under_loom(move || loom::execution(family), executions_max)
}

/// A synthetic workload under it.
pub fn small_on_loom(program: &Small, executions_max: u64) -> Run {
    let program = Arc::new(program.clone());
    under_loom(move || loom::small(&program), executions_max)
}

fn under_loom(execution: impl Fn() + Send + Sync + 'static, executions_max: u64) -> Run {
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let started = Instant::now();
    let mut builder = ::loom::model::Builder::new();
    builder.max_threads = 5;
    builder.max_permutations = Some(executions_max as usize);
    builder.checkpoint_interval = 1000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        execution();
    });
    let executions = executions.load(Ordering::Relaxed);
    Run::executed(started.elapsed(), executions, executions + 1000 < executions_max)
}

/// L under shuttle's depth-first scheduler.
pub fn on_shuttle(family: Family, executions_max: u64) -> Run {
    under_shuttle(move || shuttle::execution(family), executions_max)
}

/// A synthetic workload under it.
pub fn small_on_shuttle(program: &Small, executions_max: u64) -> Run {
    let program = Arc::new(program.clone());
    under_shuttle(move || shuttle::small(&program), executions_max)
}

fn under_shuttle(execution: impl Fn() + Send + Sync + 'static, executions_max: u64) -> Run {
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let started = Instant::now();
    let body = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        execution();
    };
    // shuttle leaves a panic hook behind that the unwinding of loom's threads would call.
    let hook = std::panic::take_hook();
    ::shuttle::check_dfs(body, Some(executions_max as usize));
    std::panic::set_hook(hook);
    let executions = executions.load(Ordering::Relaxed);
    Run::executed(started.elapsed(), executions, executions < executions_max)
}
