//! The same programs on the types of loom and of shuttle, which run the code as we do and remember no states.
//!
//! Sharing is by `std::sync::Arc`, and nobody joins: both would cost the peers executions. What does not end within the bound says
//! so by its mark.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::table::Run;
use lockwright::scenario::family::Family;

macro_rules! peer {
    ($peer:ident) => {
        pub mod $peer {
            use std::sync::Arc;

            use $peer::sync::Mutex;
            use $peer::sync::atomic::{AtomicI64, Ordering, fence};

            use lockwright::scenario::family::{Family, Variant};

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
        }
    };
}

peer!(loom);
peer!(shuttle);

/// loom's own search.
pub fn on_loom(family: Family, executions_max: u64) -> Run {
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let started = Instant::now();
    let mut builder = ::loom::model::Builder::new();
    builder.max_threads = 5;
    builder.max_permutations = Some(executions_max as usize);
    builder.checkpoint_interval = 1000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        loom::execution(family);
    });
    let executions = executions.load(Ordering::Relaxed);
    Run::executed(started.elapsed(), executions, executions + 1000 < executions_max)
}

/// shuttle's depth-first scheduler.
pub fn on_shuttle(family: Family, executions_max: u64) -> Run {
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let started = Instant::now();
    let body = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        shuttle::execution(family);
    };
    // shuttle leaves a panic hook behind that the unwinding of loom's threads would call.
    let hook = std::panic::take_hook();
    ::shuttle::check_dfs(body, Some(executions_max as usize));
    std::panic::set_hook(hook);
    let executions = executions.load(Ordering::Relaxed);
    Run::executed(started.elapsed(), executions, executions < executions_max)
}
