//! What kernel developers get wrong, by topic: each as a bug with its exact finding, and beside it the correct twin.
//!
//! A row is the bug, what is said of it, and the twin, of which nothing is. The step counts from 0 and is the one at which the report is due.

use super::script::{kernel, ours};

type Row = (&'static str, &'static str, &'static str);

fn check(rows: &[Row]) {
    for (bug, said, twin) in rows {
        assert_eq!(ours("queued", bug), *said, "{bug}");
        assert_eq!(ours("queued", twin), "clean", "{twin}");
    }
}

/// What lockdep says of the bugs: the rows at which it is silent are in `unseen`, by number.
fn lockdep_sees_all_but(rows: &[Row], unseen: &[usize]) {
    for (at, (bug, said, _)) in rows.iter().enumerate() {
        let expected = if unseen.contains(&at) { "clean" } else { said };
        assert_eq!(kernel("queued", bug), expected, "{bug}");
    }
}

/// Readers of `struct rw_semaphore` and of per-CPU semaphores wait behind a writer that waits.
const SEMAPHORES: &[Row] = &[
    (
        "lock.r rwsem.A; lock.r rwsem.B; unlock.r rwsem.B; unlock.r rwsem.A; lock.r rwsem.B; lock.r rwsem.A",
        "circular 5",
        "lock.r rwsem.A; lock.r rwsem.B; unlock.r rwsem.B; unlock.r rwsem.A; lock.r rwsem.A; lock.r rwsem.B",
    ),
    (
        "lock.r rwsem.A; lock mutex.M; unlock mutex.M; unlock.r rwsem.A; lock mutex.M; lock.r rwsem.A",
        "circular 5",
        "lock.r rwsem.A; trylock mutex.M; unlock mutex.M; unlock.r rwsem.A; lock mutex.M; lock.r rwsem.A",
    ),
    ("lock.r rwsem.A; lock.r rwsem.A", "recursion 1", "lock.r rwsem.A; unlock.r rwsem.A; lock.r rwsem.A"),
    (
        "lock.r pcpu.C; lock mutex.M; unlock mutex.M; unlock.r pcpu.C; lock mutex.M; lock.r pcpu.C",
        "circular 5",
        "lock.r pcpu.C; lock mutex.M; unlock mutex.M; unlock.r pcpu.C; lock.r pcpu.C; lock mutex.M",
    ),
    ("lock spin.A; lock.r pcpu.C", "wait-context 1", "lock.r pcpu.C; lock spin.A"),
    (
        "lock sem.A; lock mutex.B; unlock mutex.B; unlock sem.A; lock mutex.B; lock sem.A",
        "circular 5",
        "lock sem.A; lock mutex.B; unlock mutex.B; unlock sem.A; lock sem.A; lock mutex.B",
    ),
];

#[test]
fn readers_of_semaphores_are_part_of_a_cycle() {
    check(SEMAPHORES);
    // It does not know counting semaphores.
    lockdep_sees_all_but(SEMAPHORES, &[5]);
}

/// A lock of a handler leads to one that is held with the interrupt on, over one lock between and over two; each fact comes last once.
const CHAINS: &[Row] = &[
    (
        "H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A; lock spin.B; unlock spin.B; unlock spin.A;
         lock spin.B; lock spin.C; unlock spin.C; unlock spin.B; irq_enable; lock spin.C",
        "irq-inversion 14",
        "H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A; lock spin.B; unlock spin.B; unlock spin.A;
         lock spin.B; lock spin.C; unlock spin.C; unlock spin.B; irq_enable; irq_save; lock spin.C",
    ),
    (
        "lock spin.C; unlock spin.C; irq_disable; lock spin.A; lock spin.B; unlock spin.B; unlock spin.A;
         lock spin.B; lock spin.C; unlock spin.C; unlock spin.B; irq_enable; H(; lock spin.A",
        "irq-inversion 13",
        "lock spin.C; unlock spin.C; irq_disable; lock spin.A; lock spin.B; unlock spin.B; unlock spin.A;
         lock spin.B; lock spin.C; unlock spin.C; unlock spin.B; irq_enable; H(; trylock spin.A; unlock spin.A; H)",
    ),
    (
        "lock spin.D; unlock spin.D; H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A; lock spin.B; unlock spin.B;
         unlock spin.A; lock spin.C; lock spin.D; unlock spin.D; unlock spin.C; lock spin.B; lock spin.C",
        "irq-order 16",
        "irq_save; lock spin.D; unlock spin.D; irq_restore; H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A; lock spin.B;
         unlock spin.B; unlock spin.A; lock spin.C; lock spin.D; unlock spin.D; unlock spin.C; lock spin.B; lock spin.C",
    ),
    (
        "lock spin.D; unlock spin.D; S(; lock spin.A; unlock spin.A; S); bh_disable; lock spin.A; lock spin.B; unlock spin.B;
         unlock spin.A; lock spin.C; lock spin.D; unlock spin.D; unlock spin.C; lock spin.B; lock spin.C",
        "irq-order 16",
        "bh_disable; lock spin.D; unlock spin.D; bh_enable; S(; lock spin.A; unlock spin.A; S); bh_disable; lock spin.A; lock spin.B;
         unlock spin.B; unlock spin.A; lock spin.C; lock spin.D; unlock spin.D; unlock spin.C; lock spin.B; lock spin.C",
    ),
    (
        "H(; lock.r rw.A; unlock.r rw.A; H); irq_disable; lock rw.A; lock spin.B; unlock spin.B; unlock rw.A; irq_enable; lock spin.B",
        "irq-inversion 10",
        "H(; lock.r rw.A; unlock.r rw.A; H); irq_disable; lock.r rw.A; lock spin.B; unlock spin.B; unlock.r rw.A; irq_enable; lock spin.B",
    ),
];

#[test]
fn a_handler_waits_at_the_end_of_a_chain() {
    check(CHAINS);
    lockdep_sees_all_but(CHAINS, &[]);
}

const MIXED: &[Row] = &[
    // Bottom halves off keep the timer out, and not the device.
    (
        "S(; lock spin.A; unlock spin.A; S); H(; lock spin.B; unlock spin.B; H); bh_disable; lock spin.A; lock spin.B",
        "inconsistent-state 10",
        "S(; lock spin.A; unlock spin.A; S); H(; lock spin.B; unlock spin.B; H); bh_disable; lock spin.A; irq_save; lock spin.B;
         unlock spin.B; irq_restore; unlock spin.A; bh_enable",
    ),
    // The inner `_irq` turns on what the outer `_irqsave` had off.
    (
        "H(; lock spin.A; unlock spin.A; H); irq_save; lock spin.A; irq_disable; lock spin.B; unlock spin.B; irq_enable",
        "inconsistent-state 9",
        "H(; lock spin.A; unlock spin.A; H); irq_save; lock spin.A; irq_save; lock spin.B; unlock spin.B; irq_restore; unlock spin.A;
         irq_restore",
    ),
    (
        "H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A; irq_enable; unlock spin.A",
        "inconsistent-state 6",
        "H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A; unlock spin.A; irq_enable",
    ),
    // A softirq runs with interrupts on, and a hard interrupt comes on top of it.
    (
        "H(; lock spin.A; unlock spin.A; H); S(; irq_enable; lock spin.A",
        "inconsistent-state 6",
        "H(; lock spin.A; unlock spin.A; H); S(; irq_enable; irq_save; lock spin.A; unlock spin.A; irq_restore; S)",
    ),
    // The hard interrupt has come before anything was taken in the softirq.
    (
        "S(; H(; lock spin.A; unlock spin.A; H); lock spin.A",
        "inconsistent-state 5",
        "S(; H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A",
    ),
    (
        "lock.r rw.A; unlock.r rw.A; H(; lock rw.A",
        "inconsistent-state 3",
        "irq_disable; lock.r rw.A; unlock.r rw.A; irq_enable; H(; lock rw.A; unlock rw.A; H)",
    ),
    (
        "lock.r rw.A; H(; lock.r rw.A; unlock.r rw.A; H); unlock.r rw.A; bh_disable; lock rw.A",
        "inconsistent-state 7",
        "lock.r rw.A; H(; lock.r rw.A; unlock.r rw.A; H); unlock.r rw.A; irq_disable; lock rw.A",
    ),
    // What an attempt took is held like any other.
    ("trylock spin.A; unlock spin.A; H(; lock spin.A", "inconsistent-state 3", "irq_save; trylock spin.A; unlock spin.A; irq_restore; H(; lock spin.A"),
    (
        "H(; trylock spin.A; lock spin.B; unlock spin.B; unlock spin.A; H); lock spin.B",
        "inconsistent-state 6",
        "H(; trylock spin.A; trylock spin.B; unlock spin.B; unlock spin.A; H); lock spin.B",
    ),
    ("irq_disable; bh_disable; bh_enable", "context-misuse 2", "bh_disable; irq_disable; irq_enable; bh_enable"),
];

#[test]
fn hard_interrupts_softirqs_and_what_keeps_them_out() {
    check(MIXED);
    // It warns of bottom halves by other means.
    lockdep_sees_all_but(MIXED, &[9]);
}

const NESTED: &[Row] = &[
    // The parent is the child elsewhere.
    (
        "lock spin.X1; lock spin.X2 subclass=1; unlock spin.X2; unlock spin.X1; lock spin.X2; lock spin.X1 subclass=1",
        "circular 5",
        "lock spin.X1; lock spin.X2 subclass=1; unlock spin.X2; unlock spin.X1; lock spin.X1; lock spin.X2 subclass=1",
    ),
    // The subclass is on the wrong one of two.
    (
        "lock spin.X1 subclass=1; lock spin.X2; unlock spin.X2; unlock spin.X1; lock spin.X2; lock spin.X1 subclass=1",
        "circular 5",
        "lock spin.X1 subclass=1; lock spin.X2; unlock spin.X2; unlock spin.X1; lock spin.X1 subclass=1; lock spin.X2",
    ),
    ("lock spin.X1; lock spin.X2", "recursion 1", "lock spin.X1; lock spin.X2 subclass=1"),
    (
        "lock spin.X1 subclass=1; lock spin.X2 subclass=1",
        "recursion 1",
        "lock spin.X1 subclass=1; lock spin.X2 subclass=2",
    ),
    (
        "lock spin.X1; lock spin.X2 subclass=1; lock spin.X3 subclass=1",
        "recursion 2",
        "lock spin.X1; lock spin.X2 subclass=1; lock spin.X3 subclass=2",
    ),
    (
        "lock mutex.P; unlock mutex.P; lock spin.X1 nest=mutex.P",
        "nest-lock-not-held 2",
        "lock mutex.P; lock spin.X1 nest=mutex.P; lock spin.X2 nest=mutex.P; unlock spin.X2; unlock spin.X1; unlock mutex.P",
    ),
];

#[test]
fn annotations_that_are_wrong() {
    check(NESTED);
    // It believes subclasses.
    lockdep_sees_all_but(NESTED, &[0]);
}

const WAITS: &[Row] = &[
    ("lock raw.A; lock spin.B", "wait-context 1", "lock spin.B; lock raw.A"),
    ("lock raw.A; lock.r rw.B", "wait-context 1", "lock raw.A; trylock rw.B"),
    ("lock spin.A; lock raw.B; lock spin.C", "wait-context 2", "lock spin.A; lock spin.C; lock raw.B"),
    ("Hn(; lock spin.A", "wait-context 1", "Hn(; lock raw.A; unlock raw.A; H)"),
    ("S(; lock mutex.A", "wait-context 1", "S(; lock spin.A; unlock spin.A; S)"),
    ("lock spin.A; lock mutex.B", "wait-context 1", "lock mutex.B; lock spin.A"),
    (
        "rcu_lock flavour=rcu; lock mutex.M",
        "wait-context 1",
        "rcu_lock flavour=rcu; rcu_unlock flavour=rcu; lock mutex.M",
    ),
    ("rcu_lock flavour=rcu_sched; lock spin.A", "wait-context 1", "rcu_lock flavour=rcu; lock spin.A"),
    (
        "rcu_lock flavour=rcu; might_sleep",
        "sleep-in-atomic 1",
        "rcu_lock flavour=rcu; rcu_unlock flavour=rcu; might_sleep",
    ),
    ("lock raw.A; might_alloc gfp=GFP_KERNEL", "sleep-in-atomic 1", "lock raw.A; might_alloc gfp=GFP_ATOMIC"),
    ("irq_disable; lock mutex.A", "sleep-in-atomic 1", "irq_disable; irq_enable; lock mutex.A"),
    ("preempt_disable; lock mutex.A", "sleep-in-atomic 1", "preempt_disable; preempt_enable; lock mutex.A"),
    ("lock spin.A; wait done.D", "sleep-in-atomic 1", "lock spin.A; unlock spin.A; wait done.D"),
    ("rcu_lock flavour=rcu; lock srcu.S", "sleep-in-atomic 1", "rcu_lock flavour=rcu; lock.r srcu.S; unlock.r srcu.S"),
    ("lock spin.A; lock srcu.S", "sleep-in-atomic 1", "lock spin.A; lock.r srcu.S; unlock.r srcu.S"),
];

#[test]
fn what_waits_too_long_for_its_context() {
    check(WAITS);
    // Its graph has wait types; the test of might_sleep() is another.
    lockdep_sees_all_but(WAITS, &[8, 9, 10, 11, 12, 13, 14]);
}

const EVENTS: &[Row] = &[
    (
        "event_start work.W; lock mutex.L; unlock mutex.L; complete work.W; lock mutex.L; wait work.W",
        "circular 5",
        "event_start work.W; lock mutex.L; unlock mutex.L; complete work.W; lock mutex.L; unlock mutex.L; wait work.W",
    ),
    (
        "event_start work.W; lock mutex.A; unlock mutex.A; complete work.W; lock mutex.A; lock mutex.B; unlock mutex.B; unlock mutex.A;
         lock mutex.B; wait work.W",
        "circular 9",
        "event_start work.W; lock mutex.A; unlock mutex.A; complete work.W; lock mutex.B; lock mutex.A; unlock mutex.A; unlock mutex.B;
         lock mutex.B; wait work.W",
    ),
    ("event_start work.W; wait work.W", "recursion 1", "event_start work.W; complete work.W; wait work.W"),
    (
        "event_start work.W; wait work.V; complete work.W; event_start work.V; wait work.W",
        "circular 4",
        "event_start work.W; wait work.V; complete work.W; event_start work.V; complete work.V",
    ),
    (
        "event_start work.W; lock.r srcu.S; unlock.r srcu.S; complete work.W; lock srcu.S; wait work.W",
        "circular 5",
        "event_start work.W; lock.r srcu.S; unlock.r srcu.S; complete work.W; lock.r srcu.S; wait work.W",
    ),
    (
        "event_start done.D; lock mutex.L; unlock mutex.L; complete done.D; lock mutex.L; wait done.D",
        "circular 5",
        "event_start done.D; trylock mutex.L; unlock mutex.L; complete done.D; lock mutex.L; wait done.D",
    ),
    (
        "event_start done.D; lock.r rwsem.A; unlock.r rwsem.A; complete done.D; lock.r rwsem.A; wait done.D",
        "circular 5",
        "event_start done.D; complete done.D; lock.r rwsem.A; unlock.r rwsem.A; lock.r rwsem.A; wait done.D",
    ),
    (
        "event_start done.D; might_alloc gfp=GFP_KERNEL; complete done.D; fs_reclaim_acquire gfp=GFP_KERNEL; wait done.D",
        "circular 4",
        "event_start done.D; might_alloc gfp=GFP_NOFS; complete done.D; fs_reclaim_acquire gfp=GFP_KERNEL; wait done.D",
    ),
];

#[test]
fn events_that_are_waited_for_under_what_they_need() {
    check(EVENTS);
    // It knows works, and no completions.
    lockdep_sees_all_but(EVENTS, &[5, 6, 7]);
}

const GRACE: &[Row] = &[
    (
        "lock.r srcu.S; lock mutex.M; unlock mutex.M; unlock.r srcu.S; lock mutex.M; lock srcu.S",
        "circular 5",
        "lock.r srcu.S; lock mutex.M; unlock mutex.M; unlock.r srcu.S; lock mutex.M; unlock mutex.M; lock srcu.S; unlock srcu.S",
    ),
    ("lock.r srcu.S; lock srcu.S", "recursion 1", "lock.r srcu.S; unlock.r srcu.S; lock srcu.S; unlock srcu.S"),
    (
        "lock mutex.A; lock.r srcu.S; lock mutex.B; unlock mutex.B; unlock.r srcu.S; unlock mutex.A; lock mutex.B; lock mutex.A",
        "circular 7",
        "lock mutex.A; lock.r srcu.S; lock mutex.B; unlock mutex.B; unlock.r srcu.S; unlock mutex.A; lock mutex.A; lock mutex.B",
    ),
    // RCU hides nothing of what an interrupt takes inside.
    (
        "H(; rcu_lock flavour=rcu; lock spin.A; unlock spin.A; rcu_unlock flavour=rcu; H); lock spin.A",
        "inconsistent-state 6",
        "H(; rcu_lock flavour=rcu; lock spin.A; unlock spin.A; rcu_unlock flavour=rcu; H); irq_disable; lock spin.A; unlock spin.A; irq_enable",
    ),
    // Of the flavours, one turns bottom halves off.
    (
        "S(; lock spin.A; unlock spin.A; S); rcu_lock flavour=rcu; lock spin.A",
        "inconsistent-state 5",
        "S(; lock spin.A; unlock spin.A; S); rcu_lock flavour=rcu_bh; lock spin.A; unlock spin.A; rcu_unlock flavour=rcu_bh",
    ),
];

#[test]
fn grace_periods_and_readers() {
    check(GRACE);
    // A recursive reader between two locks hides the outer one from it.
    lockdep_sees_all_but(GRACE, &[2]);
}

const RECLAIM: &[Row] = &[
    (
        "lock mutex.A; might_alloc gfp=GFP_KERNEL; unlock mutex.A; fs_reclaim_acquire gfp=GFP_KERNEL; lock mutex.A",
        "circular 4",
        "lock mutex.A; might_alloc gfp=GFP_NOFS; unlock mutex.A; fs_reclaim_acquire gfp=GFP_KERNEL; lock mutex.A",
    ),
    (
        "lock mutex.A; lock mutex.B; might_alloc gfp=GFP_KERNEL; unlock mutex.B; unlock mutex.A; fs_reclaim_acquire gfp=GFP_KERNEL;
         lock mutex.A",
        "circular 6",
        "lock mutex.A; lock mutex.B; nofs_save; might_alloc gfp=GFP_KERNEL; nofs_restore; unlock mutex.B; unlock mutex.A;
         fs_reclaim_acquire gfp=GFP_KERNEL; lock mutex.A",
    ),
    (
        "lock spin.A; trylock spin.B; lock spin.C; unlock spin.C; unlock spin.B; unlock spin.A; lock spin.C; lock spin.B",
        "circular 7",
        "lock spin.A; trylock spin.B; unlock spin.B; unlock spin.A; lock spin.B; lock spin.A",
    ),
];

#[test]
fn reclaim_and_attempts() {
    check(RECLAIM);
    lockdep_sees_all_but(RECLAIM, &[]);
}
