//! Cases in the style of the kernel's self-test that are in none of its families, each with the verdict that the rules of locking give by hand.

use super::script::ours;

fn check(env: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let said = ours(env, text);
        let is_right = said == *expected || said.split(' ').next() == Some(expected);
        assert!(is_right, "{said}, expected {expected}: {text}");
    }
}

/// A softirq's lock is safe with bottom halves off, until a hard interrupt waits for its holder.
#[test]
fn a_hard_interrupt_can_come_where_bottom_halves_are_off() {
    let both = "S(; lock spin.A; unlock spin.A; S); H(; lock spin.B; unlock spin.B; H);
        irq_disable; lock spin.B; lock spin.A; unlock spin.A; unlock spin.B; irq_enable;";
    check(
        "queued",
        &[
            (&format!("{both} bh_disable; lock spin.A; unlock spin.A; bh_enable"), "irq-inversion"),
            (&format!("{both} irq_disable; lock spin.A; unlock spin.A; irq_enable"), "clean"),
            (
                "S(; lock spin.A; irq_enable; H(; lock spin.A; unlock spin.A; H); unlock spin.A; S)",
                "inconsistent-state 4",
            ),
            ("S(; lock spin.A; unlock spin.A; S); H(; lock spin.B; unlock spin.B; H)", "clean"),
            (
                "H(; lock spin.A; unlock spin.A; H); S(; lock spin.A; irq_enable; unlock spin.A; S)",
                "inconsistent-state 6",
            ),
            ("H(; lock spin.A; unlock spin.A; H); S(; lock spin.A; unlock spin.A; S)", "clean"),
            (
                "S(; lock spin.A; unlock spin.A; S); bh_disable; bh_disable; bh_enable; lock spin.A; unlock spin.A; bh_enable",
                "clean",
            ),
            (
                "S(; lock spin.A; unlock spin.A; S); bh_disable; lock spin.A; bh_enable; unlock spin.A",
                "inconsistent-state",
            ),
            ("H(; lock spin.A; unlock spin.A; H); lock mutex.M; bh_disable; bh_enable; unlock mutex.M", "clean"),
        ],
    );
}

#[test]
fn rwlocks_of_interrupts_are_safe_between_readers_alone() {
    let read = "H(; lock.r rw.A; unlock.r rw.A; H);";
    for env in ["queued", "recursive"] {
        check(
            env,
            &[
                ("H(; lock rw.A; unlock rw.A; H); lock.r rw.A; unlock.r rw.A", "inconsistent-state 4"),
                (&format!("{read} lock rw.A; unlock rw.A"), "inconsistent-state 4"),
                (&format!("{read} lock.r rw.A; unlock.r rw.A"), "clean"),
                (&format!("{read} bh_disable; lock rw.A; unlock rw.A; bh_enable"), "inconsistent-state 5"),
                (&format!("{} bh_disable; lock rw.A; unlock rw.A; bh_enable", read.replace('H', "S")), "clean"),
            ],
        );
    }
    // A reader in a task waits for a writer that waits for the reader that was interrupted.
    let chain = "H(; lock spin.A; unlock spin.A; H); irq_disable; lock spin.A; lock.r rw.B; unlock.r rw.B; unlock spin.A; irq_enable;
        lock.r rw.B; unlock.r rw.B";
    check("queued", &[(chain, "irq-inversion 10")]);
    check("recursive", &[(chain, "clean")]);
}

#[test]
fn sections_of_rcu_nest_by_what_the_innermost_allows() {
    check(
        "queued",
        &[
            ("lock raw.A; rcu_lock flavour=rcu; rcu_unlock flavour=rcu; unlock raw.A", "clean"),
            ("lock raw.A; rcu_lock flavour=rcu; lock spin.B", "wait-context 2"),
            ("rcu_lock flavour=rcu; rcu_lock flavour=rcu_sched; lock spin.A", "wait-context 2"),
            ("rcu_lock flavour=rcu_sched; lock raw.A; unlock raw.A; rcu_unlock flavour=rcu_sched", "clean"),
            (
                "rcu_lock flavour=rcu; lock spin.A; rcu_unlock flavour=rcu; lock raw.B; unlock raw.B; unlock spin.A",
                "clean",
            ),
            ("rcu_lock flavour=rcu; rcu_unlock flavour=rcu; lock mutex.A; unlock mutex.A", "clean"),
            // What the interrupted task holds does not count; the handler's own context does.
            ("lock spin.A; Hn(; lock raw.B; unlock raw.B; H); unlock spin.A", "clean"),
            ("Hn(; trylock spin.B; unlock spin.B; H)", "clean"),
            ("Hn(; lock raw.A; unlock raw.A; H(; lock raw.B; unlock raw.B; H); H)", "clean"),
        ],
    );
}

#[test]
fn a_local_lock_is_a_spinlock_of_this_cpu() {
    check(
        "queued",
        &[
            ("lock raw.A; lock local.B", "wait-context 1"),
            ("lock spin.A; lock local.B; unlock local.B; unlock spin.A", "clean"),
            ("lock local.A; lock raw.B; unlock raw.B; unlock local.A", "clean"),
            ("lock local.A; lock mutex.B", "wait-context 1"),
            ("lock local.A; lock local.A", "recursion 1"),
            ("H(; lock local.A; unlock local.A; H); lock local.A; unlock local.A", "inconsistent-state 4"),
            ("lock local.A; lock local.B; unlock local.B; unlock local.A; lock local.B; lock local.A", "circular 5"),
        ],
    );
}

#[test]
fn transactions_order_against_what_is_taken_in_them_and_around_them() {
    let inside =
        "ww_ctx_init ww=t; ww_lock ww.o1 ww=t; lock mutex.M; unlock mutex.M; ww_unlock ww.o1; ww_ctx_fini ww=t;";
    let there =
        "ww_ctx_init ww=t; ww_lock ww.o1 ww=t; ww_lock ww.o2 ww=t; ww_unlock ww.o2; ww_unlock ww.o1; ww_ctx_fini ww=t;";
    let back = there.replace("ww.o1", "ww.o3").replace("ww.o2", "ww.o1").replace("ww.o3", "ww.o2");
    check(
        "recursive",
        &[
            // Two transactions in two orders: one of them gives way.
            (&format!("{there} {back}"), "clean"),
            (&format!("{inside} lock mutex.M; ww_ctx_init ww=t; ww_lock ww.o1 ww=t"), "circular"),
            (
                "ww_ctx_init ww=t; lock mutex.M; unlock mutex.M; ww_ctx_fini ww=t; lock mutex.M; ww_ctx_init ww=t",
                "circular 5",
            ),
            ("lock spin.A; ww_lock ww.o1", "wait-context 1"),
            ("lock spin.A; ww_trylock ww.o1; ww_unlock ww.o1; unlock spin.A", "clean"),
            ("ww_ctx_init ww=t; ww_ctx_done ww=t; ww_trylock ww.o1 ww=t", "ww-misuse 2"),
            ("ww_ctx_init ww=t; ww_lock ww.o1 ww=t ret=EINTR; ww_ctx_fini ww=t", "clean"),
            ("ww_ctx_init ww=t; ww_ctx_fini ww=t; ww_ctx_fini ww=t", "bad-unlock 2"),
            (
                "ww_ctx_init ww=t; ww_lock ww.o1 ww=t; ww_lock ww.o2 ww=t; ww_lock ww.o3 ww=t;
                 ww_unlock ww.o1; ww_unlock ww.o3; ww_unlock ww.o2; ww_ctx_fini ww=t",
                "clean",
            ),
        ],
    );
}

#[test]
fn what_is_nested_stays_under_its_lock_in_whatever_order_it_is_released() {
    let three = "lock mutex.M; lock spin.X1 nest=mutex.M; lock spin.X2 nest=mutex.M; lock spin.X3 nest=mutex.M;";
    check(
        "queued",
        &[
            (&format!("{three} unlock spin.X1; unlock spin.X3; unlock spin.X2; unlock mutex.M"), "clean"),
            ("lock mutex.M; lock mutex.N; unlock mutex.M; lock spin.X1 nest=mutex.M", "nest-lock-not-held 3"),
            ("lock mutex.M; lock spin.X1 nest=mutex.M; unlock mutex.M", "nest-lock-not-held 2"),
            ("lock mutex.M; lock spin.X1 nest=mutex.M; lock spin.X2", "recursion 2"),
            ("lock mutex.M; lock spin.X1 nest=mutex.M; init mutex.M", "held-lock-reinit 2"),
            // Hand over hand: each step of it is an order.
            (
                "lock spin.A; lock spin.B; unlock spin.A; lock spin.C; unlock spin.B; unlock spin.C; lock spin.C; lock spin.A",
                "circular 7",
            ),
            (
                "lock rwsem.A; downgrade rwsem.A; lock mutex.B; unlock mutex.B; unlock.r rwsem.A; lock mutex.B; lock.r rwsem.A",
                "circular 6",
            ),
            ("lock rwsem.A; downgrade rwsem.A; lock rwsem.A", "recursion 2"),
            ("lock rwsem.A; downgrade rwsem.A; lock.r rwsem.A", "recursion 2"),
        ],
    );
}

#[test]
fn reclaim_is_entered_by_what_the_flags_and_the_scopes_leave() {
    let shrinker = "fs_reclaim_acquire gfp=GFP_KERNEL; lock mutex.A; lock mutex.B; unlock mutex.B; unlock mutex.A; fs_reclaim_release gfp=GFP_KERNEL;";
    check(
        "queued",
        &[
            (&format!("{shrinker} lock mutex.B; might_alloc gfp=GFP_KERNEL"), "circular 7"),
            (
                &format!(
                    "{shrinker} lock mutex.B; noio_save; might_alloc gfp=GFP_KERNEL; noio_restore; unlock mutex.B"
                ),
                "clean",
            ),
            (&format!("{shrinker} lock mutex.B; might_alloc gfp=GFP_KERNEL|__GFP_NOLOCKDEP"), "clean"),
            ("H(; might_alloc gfp=GFP_ATOMIC; H)", "clean"),
            ("lock spin.A; might_alloc gfp=GFP_NOFS", "sleep-in-atomic 1"),
        ],
    );
}

#[test]
fn what_sleeps_is_not_waited_for_in_interrupts_and_semaphores_may_be_tried() {
    check(
        "queued",
        &[
            ("H(; lock rtm.A; unlock rtm.A; H)", "wait-context 1"),
            ("H(; lock sem.A; H)", "sleep-in-atomic 1"),
            ("H(; trylock sem.A; unlock sem.A; H)", "clean"),
            ("H(; trylock rwsem.A; unlock rwsem.A; H)", "clean"),
            ("lock.r srcu.S; lock.r srcu.S; unlock.r srcu.S; unlock.r srcu.S", "clean"),
            (
                "lock.r srcu.S; lock mutex.A; unlock mutex.A; unlock.r srcu.S;
                 lock mutex.A; lock.r srcu.S; unlock.r srcu.S; unlock mutex.A",
                "clean",
            ),
        ],
    );
}

/// A chain of many locks has more cycles than can be kept: one is told, and no more is claimed than the graph says.
#[test]
fn a_long_chain_that_is_closed_is_reported_in_short_time() {
    let name = |of: u8| format!("mutex.{}{}", char::from(b'a' + of / 26), char::from(b'a' + of % 26));
    let down = (0..60).map(|of| format!("lock {};", name(of))).collect::<String>();
    let up = (0..60).rev().map(|of| format!("unlock {};", name(of))).collect::<String>();
    let (first, last) = (name(0), name(59));
    check("queued", &[(&format!("{down} {up} lock {last}; lock {first}"), "circular 121")]);
}
