//! The bugs. Each program is a few lines around what was wrong; the source says where the real one was fixed.

use lockwright::prelude::*;

/// One bug.
pub struct Bug {
    pub name: &'static str,
    /// What was wrong.
    pub title: &'static str,
    /// Where it was, and how it was fixed.
    pub source: &'static str,
    pub before: fn() -> Model,
    pub after: fn() -> Model,
    /// What the explorer finds before the fix.
    pub found: &'static [Code],
    /// What one run predicts before the fix.
    pub predicted: &'static [&'static str],
}

/// All of them.
pub fn all() -> Vec<Bug> {
    vec![
        UDF,
        LOOP,
        DQBUF,
        TIMER,
        DELAYED_IPUT,
        NESTED_IRQ,
        INVERSION,
        CANCEL_WORK,
        LINKWATCH,
        KTHREAD,
        SMMU,
        PTY,
        SERIAL,
        SHARDS,
        PRINTK,
        CLOCK,
        VIRTIO,
    ]
}

const UDF: Bug = Bug {
    name: "udf",
    title: "the BKL became a semaphore, and the path takes it twice",
    source: "Linux, \"udf: Fix deadlock when converting file from in-ICB one to normal one\": up before writepage",
    before: || udf(false),
    after: || udf(true),
    found: &[Code::LW001],
    predicted: &["LW001"],
};

fn udf(released: bool) -> Model {
    Model::new(move |boot| {
        let i_data_sem = boot.rwsem("i_data_sem");
        boot.task("expand", move |current| {
            let guard = i_data_sem.down_write(current);
            let guard = Some(guard).filter(|_| !released);
            // writepage, which calls get_block
            drop(i_data_sem.down_write(current));
            drop(guard);
        });
    })
}

const LOOP: Bug = Bug {
    name: "loop",
    title: "open and remove take two mutexes in two orders",
    source: "Linux 990e78116d38 (block: loop: fix deadlock between open and remove): a state instead of the control mutex",
    before: || loop_device(false),
    after: || loop_device(true),
    found: &[Code::LW003, Code::LW008],
    predicted: &["LW003"],
};

fn loop_device(marked: bool) -> Model {
    Model::new(move |boot| {
        let (ctl, open) = (boot.mutex("loop_ctl_mutex"), boot.mutex("disk->open_mutex"));
        let state = boot.atomic("lo_state", 0);
        boot.task("remove", move |current| {
            let guard = ctl.lock(current);
            state.set(1);
            let guard = Some(guard).filter(|_| !marked);
            drop(open.lock(current));
            drop(guard);
        });
        boot.task("open", move |current| {
            let _open = open.lock(current);
            let _ctl = ctl.lock(current);
            state.read();
        });
    })
}

const DQBUF: Bug = Bug {
    name: "dqbuf",
    title: "DQBUF waits for a buffer with the lock that QBUF needs to bring one",
    source: "Linux 137d1cb19d9d, ee6869afc922 (V4L): unlock before a blocking wait",
    before: || dqbuf(false),
    after: || dqbuf(true),
    found: &[Code::LW008],
    predicted: &["LW003"],
};

fn dqbuf(unlocks: bool) -> Model {
    Model::new(move |boot| {
        let (vb_lock, done_wq) = (boot.mutex("vb_lock"), boot.wait_queue("done_wq"));
        let filled = boot.atomic("filled", 0);
        boot.task("qbuf", move |current| {
            drop(vb_lock.lock(current));
            filled.set(1);
            done_wq.wake_up();
        });
        boot.task("dqbuf", move |current| {
            let guard = vb_lock.lock(current);
            let guard = Some(guard).filter(|_| !unlocks);
            done_wq.wait_event_timeout(current, None, || filled.read() == 1);
            drop(guard);
        });
    })
}

const TIMER: Bug = Bug {
    name: "timer",
    title: "a lock of the timer interrupt, held with interrupts on",
    source: "The kind of Asterinas #1304, #1530, #1602: disable interrupts while it is held",
    before: || timer(false),
    after: || timer(true),
    found: &[Code::LW004, Code::LW008],
    predicted: &["LW004"],
};

fn timer(irqsave: bool) -> Model {
    Model::new(move |boot| {
        let timers = boot.spinlock("timers");
        boot.task("add_timer", move |current| {
            drop(if irqsave { timers.lock_irqsave(current) } else { timers.lock(current) });
        });
        boot.irq(0, 1, "tick", move |current| drop(timers.lock(current)));
    })
}

const DELAYED_IPUT: Bug = Bug {
    name: "delayed-iput",
    title: "a list that a softirq adds to, locked by a task with bottom halves on",
    source: "Linux, btrfs: end of I/O queues an iput for later under the lock of the list; take it with interrupts off",
    before: || delayed_iput(false),
    after: || delayed_iput(true),
    found: &[Code::LW004, Code::LW008],
    predicted: &["LW004"],
};

fn delayed_iput(bh: bool) -> Model {
    Model::new(move |boot| {
        let (lock, list) = (boot.spinlock("delayed_iput_lock"), boot.plain("delayed_iputs", 0u64));
        boot.task_on(0, "run_delayed_iputs", move |current| {
            let _guard = if bh { lock.lock_bh(current) } else { lock.lock(current) };
            list.set(0);
        });
        boot.softirq(0, 1, "end_io", move |current| {
            let _guard = lock.lock(current);
            list.set(list.get() + 1);
        });
    })
}

const NESTED_IRQ: Bug = Bug {
    name: "nested-irq",
    title: "the inner spin_unlock_irq turns interrupts on under the outer lock",
    source: "A helper that uses spin_lock_irq, called where interrupts are off already: spin_lock_irqsave",
    before: || nested_irq(false),
    after: || nested_irq(true),
    found: &[Code::LW004, Code::LW008],
    predicted: &["LW004"],
};

fn nested_irq(saves: bool) -> Model {
    Model::new(move |boot| {
        let (host, helper) = (boot.spinlock("host_lock"), boot.spinlock("helper_lock"));
        boot.task("reset", move |current| {
            let _host = host.lock_irqsave(current);
            drop(if saves { helper.lock_irqsave(current) } else { helper.lock_irq(current) });
        });
        boot.irq(0, 1, "device", move |current| drop(host.lock(current)));
    })
}

const INVERSION: Bug = Bug {
    name: "inversion",
    title: "what the interrupt waits for waits for a lock that is held with interrupts on",
    source: "The order that lockdep calls \"HARDIRQ-safe -> HARDIRQ-unsafe\": no lock of it is wrong by itself; turn interrupts off around the last",
    before: || inversion(false),
    after: || inversion(true),
    found: &[Code::LW004, Code::LW008],
    predicted: &["LW004"],
};

fn inversion(irqsave: bool) -> Model {
    Model::new(move |boot| {
        let (done, stats) = (boot.spinlock("done"), boot.spinlock("stats"));
        boot.task_on(0, "show", move |current| {
            drop(if irqsave { stats.lock_irqsave(current) } else { stats.lock(current) });
        });
        boot.task_on(1, "submit", move |current| {
            let _done = done.lock_irqsave(current);
            drop(stats.lock(current));
        });
        boot.irq(0, 1, "device", move |current| drop(done.lock(current)));
    })
}

const CANCEL_WORK: Bug = Bug {
    name: "cancel-work",
    title: "cancel_work_sync under the lock that the work takes",
    source: "Many drivers: cancel the work before the lock, or after it",
    before: || cancel_work(false),
    after: || cancel_work(true),
    found: &[Code::LW008],
    predicted: &["LW003"],
};

fn cancel_work(outside: bool) -> Model {
    Model::new(move |boot| {
        let (lock, scan) = (boot.mutex("dev->lock"), boot.work("scan_work"));
        boot.task("kworker", move |current| scan.run(|| drop(lock.lock(current))));
        boot.task("remove", move |current| {
            let guard = lock.lock(current);
            let guard = Some(guard).filter(|_| !outside);
            scan.cancel_sync(current);
            drop(guard);
        });
    })
}

const LINKWATCH: Bug = Bug {
    name: "linkwatch",
    title: "all works are flushed under rtnl, and one of them takes rtnl",
    source: "Linux, net/core/link_watch.c and its callers: no flush_scheduled_work() under rtnl_lock()",
    before: || linkwatch(false),
    after: || linkwatch(true),
    found: &[Code::LW008],
    predicted: &["LW003"],
};

fn linkwatch(outside: bool) -> Model {
    Model::new(move |boot| {
        let (rtnl, event) = (boot.mutex("rtnl_mutex"), boot.work("linkwatch_work"));
        boot.task("kworker", move |current| event.run(|| drop(rtnl.lock(current))));
        boot.task("ndo_stop", move |current| {
            let guard = rtnl.lock(current);
            let guard = Some(guard).filter(|_| !outside);
            event.flush(current);
            drop(guard);
        });
    })
}

const KTHREAD: Bug = Bug {
    name: "kthread-stop",
    title: "kthread_stop under a lock that the thread takes on its way out",
    source: "Many drivers: stop the thread outside the lock",
    before: || kthread(false),
    after: || kthread(true),
    found: &[Code::LW008],
    predicted: &["LW003"],
};

fn kthread(outside: bool) -> Model {
    Model::new(move |boot| {
        let (lock, exited) = (boot.mutex("dev->mutex"), boot.completion("kthread->exited"));
        boot.task("kthread", move |current| {
            exited.owed();
            drop(lock.lock(current));
            exited.complete();
        });
        boot.task("close", move |current| {
            let guard = lock.lock(current);
            let guard = Some(guard).filter(|_| !outside);
            exited.wait(current);
            drop(guard);
        });
    })
}

const SMMU: Bug = Bug {
    name: "smmu",
    title: "an allocation that may sleep under the lock of the page tables",
    source: "Linux a44a9791e778 and c9d09e2748ea (arm-smmu): the spinlock again, and GFP_ATOMIC inside",
    before: || smmu(false),
    after: || smmu(true),
    found: &[Code::LW002],
    predicted: &["LW002"],
};

fn smmu(atomic: bool) -> Model {
    Model::new(move |boot| {
        let pt_lock = boot.spinlock("pt_lock");
        boot.task("map", move |current| {
            let _guard = pt_lock.lock_irqsave(current);
            if !atomic {
                current.might_sleep("kmalloc(GFP_KERNEL)");
            }
        });
    })
}

const PTY: Bug = Bug {
    name: "pty-echo",
    title: "echo processing wakes the line discipline, which processes echoes",
    source: "Linux 807708844979 (n_tty: Fix echo race): no wake-up from there",
    before: || pty(false),
    after: || pty(true),
    found: &[Code::LW001],
    predicted: &["LW001"],
};

fn pty(direct: bool) -> Model {
    Model::new(move |boot| {
        let echo_lock = boot.mutex("echo_lock");
        boot.task("n_tty_receive", move |current| {
            let _guard = echo_lock.lock(current);
            if !direct {
                // write_wakeup, which processes echoes
                drop(echo_lock.lock(current));
            }
        });
    })
}

const SERIAL: Bug = Bug {
    name: "serial-echo",
    title: "the same wake-up from the interrupt of a serial driver takes the mutex",
    source: "Linux 807708844979 (n_tty: Fix echo race)",
    before: || serial(false),
    after: || serial(true),
    found: &[Code::LW002, Code::LW004, Code::LW008],
    predicted: &["LW002", "LW004"],
};

fn serial(deferred: bool) -> Model {
    Model::new(move |boot| {
        let echo_lock = boot.mutex("echo_lock");
        boot.task("n_tty_receive", move |current| drop(echo_lock.lock(current)));
        boot.irq(0, 1, "uart", move |current| {
            if !deferred {
                drop(echo_lock.lock(current));
            }
        });
    })
}

const SHARDS: Bug = Bug {
    name: "shards",
    title: "a reference into one shard is kept while another is changed",
    source: "github.com/xacrimon/dashmap/issues/369: drop the Ref first",
    before: || shards(false),
    after: || shards(true),
    found: &[Code::LW003, Code::LW008],
    predicted: &["LW003"],
};

fn shards(dropped: bool) -> Model {
    Model::new(move |boot| {
        let (a, b) = (boot.rwlock("shard A"), boot.rwlock("shard B"));
        for (name, kept, changed) in [("t0", a, b), ("t1", b, a)] {
            boot.task(name, move |current| {
                let reference = kept.read_lock(current);
                let reference = Some(reference).filter(|_| !dropped);
                drop(changed.write_lock(current));
                drop(reference);
            });
        }
    })
}

const PRINTK: Bug = Bug {
    name: "printk",
    title: "a message with a time stamp is printed while the clock is being set",
    source: "Linux, kernel/time/timekeeping.c: printk_deferred under the sequence lock of the clock",
    before: || printk(false),
    after: || printk(true),
    found: &[Code::LW009],
    predicted: &["LW001"],
};

fn printk(deferred: bool) -> Model {
    Model::new(move |boot| {
        let (tk_core, now) = (boot.seqlock("tk_core.seq"), boot.atomic("now", 0));
        boot.task("settimeofday", move |current| {
            let guard = tk_core.write(current);
            let guard = Some(guard).filter(|_| !deferred);
            // printk, which reads the clock
            tk_core.read(|| now.read());
            drop(guard);
        });
    })
}

const CLOCK: Bug = Bug {
    name: "clock",
    title: "an interrupt reads the clock above its writer",
    source: "The rule of Documentation/locking/seqlock.rst: a writer keeps out every interrupt that reads",
    before: || clock(false),
    after: || clock(true),
    found: &[Code::LW009],
    predicted: &["LW004"],
};

fn clock(irqsave: bool) -> Model {
    Model::new(move |boot| {
        let (seq, now) = (boot.seqlock("jiffies_lock"), boot.atomic("jiffies_64", 0));
        boot.task("update", move |current| {
            let _guard = if irqsave { seq.write_irqsave(current) } else { seq.write(current) };
            now.set(1);
        });
        boot.irq(0, 1, "tick", move |_| _ = seq.read(|| now.read()));
    })
}

const VIRTIO: Bug = Bug {
    name: "virtio",
    title: "a mutex is locked while a spinlock of the device is held",
    source: "The kind of Asterinas #1646, sleep in atomic mode: take the mutex first",
    before: || virtio(false),
    after: || virtio(true),
    found: &[Code::LW002],
    predicted: &["LW002"],
};

fn virtio(mutex_first: bool) -> Model {
    Model::new(move |boot| {
        let (queue, table) = (boot.spinlock("queue"), boot.mutex("table"));
        boot.task("submit", move |current| {
            let early = mutex_first.then(|| table.lock(current));
            let _queue = queue.lock(current);
            if !mutex_first {
                drop(table.lock(current));
            }
            drop(early);
        });
    })
}
