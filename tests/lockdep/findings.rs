//! Each kind of finding, with a program that has it and its correct twin; and where the answers differ from the kernel's, on purpose.

use lockwright::lockdep::explain::explain;
use lockwright::lockdep::finding::{Finding, Grade, Kind};

use super::script::{case, judged, kernel, ours};

/// Ours and the kernel's answer, by kind.
fn both(env: &str, text: &str) -> (String, String) {
    let word = |said: String| said.split(' ').next().unwrap_or_default().to_owned();
    (word(ours(env, text)), word(kernel(env, text)))
}

fn assert_both(env: &str, text: &str, expected: (&str, &str)) {
    let (ours, kernel) = both(env, text);
    assert_eq!((ours.as_str(), kernel.as_str()), expected, "{text}");
}

fn report(text: &str) -> Finding {
    judged("queued", text).report.unwrap_or_else(|| panic!("no report: {text}"))
}

const BA: &str = "lock mutex.B; lock mutex.A; unlock mutex.A; unlock mutex.B;";

#[test]
fn a_recursive_reader_in_between_hides_nothing() {
    let between = |reader: &str| {
        let (enter, leave) = (format!("lock.r {reader};"), format!("unlock.r {reader};"));
        format!("lock mutex.A; {enter} lock mutex.B; unlock mutex.B; {leave} unlock mutex.A; {BA}")
    };
    assert_both("queued", &between("srcu.S"), ("circular", "clean"));
    assert_both("queued", &between("rwsem.X1"), ("circular", "circular"));
    let late = "lock mutex.A; lock.r srcu.S; lock mutex.B; unlock.r srcu.S; unlock mutex.B; unlock mutex.A;";
    assert_both("queued", &format!("{late} {BA}"), ("circular", "circular"));
    let spin = "lock spin.A; lock.r rw.X1; lock spin.B; unlock spin.B; unlock.r rw.X1; unlock spin.A;
        lock spin.B; lock spin.A; unlock spin.A; unlock spin.B";
    assert_both("recursive", spin, ("circular", "clean"));
    let rcu = spin.replace("lock.r rw.X1", "rcu_lock flavour=rcu").replace("unrcu_lock", "rcu_unlock");
    assert_both("recursive", &rcu, ("circular", "circular"));
    assert_both("queued", &between("srcu.S").replace(BA, ""), ("clean", "clean"));
}

#[test]
fn what_was_reached_weakly_is_looked_at_again() {
    let pair = |a: &str, b: &str, op: &str| format!("lock {a}; lock{op} {b}; unlock{op} {b}; unlock {a};");
    // X is reached from B as a reader first, and then as a writer through C.
    let shadowed = pair("spin.B", "rw.X1", ".r") + &pair("spin.B", "spin.C", "") + &pair("spin.C", "rw.X1", "");
    let back = "lock.r rw.X1; lock spin.B; unlock spin.B; unlock.r rw.X1;";
    assert_both("recursive", &format!("{shadowed}{back}"), ("circular", "clean"));
    let plain = pair("spin.B", "spin.C", "") + &pair("spin.C", "rw.X1", "");
    assert_both("recursive", &format!("{plain}{back}"), ("circular", "circular"));
    assert_both("recursive", &format!("{}{back}", pair("spin.B", "rw.X1", ".r")), ("clean", "clean"));

    // The same with an interrupt, whichever fact comes last.
    let off = |text: String| format!("irq_disable; {text} irq_enable;");
    let irq = "H(; lock spin.A; unlock spin.A; H);";
    let orders =
        off(pair("spin.A", "rw.X1", ".r")) + &off(pair("spin.A", "spin.B", "")) + &off(pair("spin.B", "rw.X1", ""));
    let read = "lock.r rw.X1; unlock.r rw.X1;";
    assert_both("recursive", &format!("{irq}{orders}{read}"), ("irq-inversion", "clean"));
    assert_both("recursive", &format!("{read}{orders}{irq}"), ("irq-inversion", "clean"));
    assert_both("recursive", &format!("{irq}{}{read}", off(pair("spin.A", "rw.X1", ".r"))), ("clean", "clean"));
}

#[test]
fn what_cannot_happen_is_told_and_not_counted() {
    let gated = |inner: &str| format!("lock spin.D; {inner} unlock spin.D;");
    let there = "lock spin.A; lock spin.B; unlock spin.B; unlock spin.A;";
    let back = "lock spin.B; lock spin.A; unlock spin.A; unlock spin.B;";
    let serialised = gated(there) + &gated(back);
    assert_both("queued", &serialised, ("clean", "circular"));
    assert!(matches!(judged("queued", &serialised).doubtful[0].grade, Grade::Serialised(_)));
    // Around one of them it excludes nothing, and neither does a lock that readers share.
    assert_both("queued", &(gated(there) + back), ("circular", "circular"));
    let shared = serialised.replace("lock spin.D", "lock.r rw.D");
    assert_both("queued", &shared, ("circular", "circular"));

    let instances = "lock spin.X1; lock spin.A; unlock spin.A; unlock spin.X1; lock spin.A; lock spin.X2; unlock spin.X2; unlock spin.A";
    assert_both("queued", instances, ("clean", "circular"));
    assert_eq!(judged("queued", instances).doubtful[0].grade, Grade::ClassMerging);
    assert_both("queued", &instances.replace("X2", "X1"), ("circular", "circular"));
}

#[test]
fn a_subclass_is_believed_for_classes_and_not_for_objects() {
    let nested = |a: &str, b: &str| format!("lock {a}; lock {b} subclass=1; unlock {b}; unlock {a};");
    assert_both("queued", &(nested("spin.X1", "spin.X2") + &nested("spin.X1", "spin.X2")), ("clean", "clean"));
    assert_both("queued", &(nested("spin.X1", "spin.X2") + &nested("spin.X2", "spin.X3")), ("clean", "clean"));
    assert_both("queued", &(nested("spin.X1", "spin.X2") + &nested("spin.X2", "spin.X1")), ("circular", "clean"));
    assert_both("queued", &nested("spin.X1", "spin.X1"), ("recursion", "clean"));
    // In one order by object, in both by subclass: only the classes make a cycle, and each object stands in it twice. The first is held
    // around both.
    let turned = "lock spin.X1 subclass=1; lock spin.X2; unlock spin.X2; unlock spin.X1;";
    let turned = nested("spin.X1", "spin.X2") + turned;
    assert_both("queued", &turned, ("clean", "circular"));
    assert!(matches!(judged("queued", &turned).doubtful[0].grade, Grade::Serialised(_)));
}

#[test]
fn whatever_may_sleep_is_reported_where_it_must_not() {
    let contexts = [
        ("irq_disable;", "irq_enable"),
        ("preempt_disable;", "preempt_enable"),
        ("bh_disable;", "bh_enable"),
        ("lock spin.S;", "unlock spin.S"),
        ("rcu_lock flavour=rcu;", "rcu_unlock flavour=rcu"),
        ("S(;", "S)"),
    ];
    for (enter, leave) in contexts {
        for inner in
            ["might_sleep", "might_alloc gfp=GFP_KERNEL", "might_alloc gfp=GFP_NOFS", "lock sem.A; unlock sem.A"]
        {
            assert_both("queued", &format!("{enter} {inner}; {leave}"), ("sleep-in-atomic", "clean"));
            assert_both("queued", &format!("{enter} {leave}; {inner}"), ("clean", "clean"));
        }
        for inner in ["might_alloc gfp=GFP_ATOMIC", "might_alloc gfp=GFP_NOWAIT", "lock raw.B; unlock raw.B"] {
            assert_both("queued", &format!("{enter} {inner}; {leave}"), ("clean", "clean"));
        }
    }
    for (enter, leave) in &contexts[..3] {
        let (inner, attempt) = ("lock mutex.A; unlock mutex.A;", "trylock mutex.A ret=ok; unlock mutex.A;");
        assert_both("queued", &format!("{enter} {inner} {leave}"), ("sleep-in-atomic", "clean"));
        assert_both("queued", &format!("{enter} {attempt} {leave}"), ("clean", "clean"));
    }
    // The sections of SRCU may sleep, and so may those of a mutex.
    assert_both(
        "queued",
        "lock.r srcu.S; lock mutex.A; might_sleep; unlock mutex.A; unlock.r srcu.S",
        ("clean", "clean"),
    );
    assert_both("queued", "S(; trylock mutex.A ret=ok; unlock mutex.A; S)", ("context-misuse", "clean"));
}

#[test]
fn a_release_has_the_mode_and_the_context_of_its_acquisition() {
    for lock in ["rw.A", "rwsem.A"] {
        assert_both("queued", &format!("lock {lock}; unlock.r {lock}"), ("release-mode", "clean"));
        assert_both("queued", &format!("lock.r {lock}; unlock {lock}"), ("release-mode", "clean"));
        assert_both(
            "queued",
            &format!("lock.r {lock}; unlock.r {lock}; lock {lock}; unlock {lock}"),
            ("clean", "clean"),
        );
    }
    assert_both("queued", "lock rwsem.A; downgrade rwsem.A; unlock.r rwsem.A", ("clean", "clean"));
    assert_both("queued", "lock rwsem.A; downgrade rwsem.A; unlock rwsem.A", ("release-mode", "clean"));
    assert_both("queued", "downgrade rwsem.A", ("bad-unlock", "bad-unlock"));
    assert_both("queued", "lock spin.A; unlock spin.B", ("bad-unlock", "bad-unlock"));
    // A handler must not release what its task holds; lockdep looks at the topmost lock even so.
    assert_both("queued", "lock mutex.A; H(; unlock mutex.A; H)", ("bad-unlock", "clean"));
    assert_both("queued", "rcu_unlock flavour=rcu", ("bad-unlock", "bad-unlock"));
    assert_both("queued", "lock sem.A; unlock sem.A; unlock sem.A", ("clean", "clean"));
}

#[test]
fn interrupts_and_bottom_halves_come_on_where_they_may() {
    assert_both("queued", "H(; irq_enable; H)", ("context-misuse", "context-misuse"));
    assert_both("queued", "irq_disable; irq_enable; H(; H)", ("clean", "clean"));
    assert_both("queued", "bh_disable; irq_disable; bh_enable; irq_enable", ("context-misuse", "clean"));
    assert_both("queued", "bh_disable; irq_disable; irq_enable; bh_enable", ("clean", "clean"));
    assert_both("queued", "S(; bh_disable; bh_enable; S)", ("clean", "clean"));
    assert_eq!(ours("queued", "preempt_enable"), "context-misuse 0");
    // Saved interrupts stay off; plain ones come on inside.
    let irq = "H(; lock spin.A; unlock spin.A; H);";
    let saved = "irq_save; lock spin.A; irq_save; lock spin.B; unlock spin.B; irq_restore; unlock spin.A; irq_restore";
    assert_both("queued", &format!("{irq} {saved}"), ("clean", "clean"));
    let plain = saved.replace("irq_save", "irq_disable").replace("irq_restore", "irq_enable");
    assert_both("queued", &format!("{irq} {plain}"), ("inconsistent-state", "inconsistent-state"));
}

#[test]
fn an_attempt_waits_for_nobody_and_is_waited_for() {
    let irq = |op: &str| format!("H(; {op} spin.A; unlock spin.A; H);");
    assert_both("queued", &(irq("trylock") + "lock spin.A; unlock spin.A"), ("clean", "clean"));
    assert_both(
        "queued",
        &(irq("lock") + "trylock spin.A; unlock spin.A"),
        ("inconsistent-state", "inconsistent-state"),
    );
    let ab = "lock spin.A; trylock spin.B; unlock spin.B; unlock spin.A;";
    let ba = "lock spin.B; lock spin.A; unlock spin.A; unlock spin.B";
    assert_both("queued", &format!("{ab} {ba}"), ("clean", "clean"));
    let held = "trylock spin.A; lock spin.B; unlock spin.B; unlock spin.A;";
    assert_both("queued", &format!("{held} {ba}"), ("circular", "circular"));
}

#[test]
fn semaphores_have_an_order_too() {
    let text = "lock sem.A; lock mutex.B; unlock mutex.B; unlock sem.A; lock mutex.B; lock sem.A; unlock sem.A; unlock mutex.B";
    assert_both("queued", text, ("circular", "clean"));
}

#[test]
fn an_event_waits_for_what_its_context_waits_for() {
    // What brings the event takes the lock under which it is waited for.
    let bring = "event_start done.W; lock mutex.A; unlock mutex.A; complete done.W;";
    let wait = "lock mutex.A; wait done.W; unlock mutex.A;";
    let after = "lock mutex.A; unlock mutex.A; wait done.W;";
    let early = "event_start done.W; complete done.W; lock mutex.A; unlock mutex.A;";
    for (text, expected) in [
        (format!("{bring} {wait}"), "circular"),
        (format!("{wait} {bring}"), "circular"),
        (format!("{bring} {after}"), "clean"),
        (format!("{wait} {early}"), "clean"),
    ] {
        assert_both("queued", &text, (expected, "clean"));
        // lockdep knows the same of works.
        assert_both("queued", &text.replace("done.W", "work.W"), (expected, expected));
    }
    assert_eq!(judged("queued", &format!("{bring} {wait}")).report.map(|finding| finding.grade), Some(Grade::Phases));

    // Through two locks and two events.
    let there = "event_start done.D; lock mutex.A; lock mutex.B; unlock mutex.B; unlock mutex.A; complete done.D;";
    assert_both("queued", &format!("{there} lock mutex.B; wait done.D; unlock mutex.B"), ("circular", "clean"));
    let crossed = "event_start done.D; wait work.W; complete done.D; event_start work.W; wait done.D; complete work.W";
    assert_both("queued", crossed, ("circular", "clean"));
    // A work that flushes itself; waiting in atomic context.
    assert_both("queued", "event_start work.W; wait work.W", ("recursion", "recursion"));
    assert_both("queued", "lock spin.A; wait done.D; unlock spin.A", ("sleep-in-atomic", "clean"));
}

#[test]
fn no_order_crosses_into_an_interrupt_and_the_use_stands_for_it() {
    let start = "lock spin.A; H(; lock spin.B; unlock spin.B; H); unlock spin.A;";
    let back = "irq_disable; lock spin.B; lock spin.A; unlock spin.A; unlock spin.B; irq_enable";
    assert_both("queued", start, ("clean", "clean"));
    assert_both("queued", &format!("{start} {back}"), ("irq-order", "irq-order"));
}

#[test]
fn the_kernel_gives_up_at_48_locks_and_we_do_not() {
    let nested = |count: u8| -> String {
        let letters = |of: u8| format!("mutex.{}{}", char::from(b'a' + of / 26), char::from(b'a' + of % 26));
        (0..count).map(|of| format!("lock {};", letters(of))).collect()
    };
    assert_both("queued", &nested(48), ("clean", "clean"));
    assert_both("queued", &nested(49), ("clean", "limit"));
}

#[test]
fn assertions_are_believed_when_they_hold() {
    for (held, claim, is_true) in [
        ("lock mutex.A;", "assert_held mutex.A", true),
        ("", "assert_held mutex.A", false),
        ("lock.r rwsem.A;", "assert_held_write rwsem.A", false),
        ("lock.r rwsem.A;", "assert_held_read rwsem.A", true),
        ("lock mutex.A;", "assert_not_held mutex.A", false),
        ("lock mutex.A;", "assert_none_held", false),
        ("", "assert_none_held", true),
    ] {
        let expected = if is_true { "clean" } else { "assertion" };
        assert_both("queued", &format!("{held} {claim}"), (expected, expected));
    }
}

#[test]
fn grades_say_what_it_takes() {
    let grade = |env: &str, text: &str| judged(env, text).report.map(|finding| finding.grade);
    assert_eq!(grade("queued", "lock spin.A; lock spin.A"), Some(Grade::Certain));
    assert_eq!(grade("queued", "lock mutex.X1; lock mutex.X2"), Some(Grade::Graph));
    assert_eq!(grade("queued", "lock.r rw.A; lock.r rw.A"), Some(Grade::Writer));
    let abba = |op: &str| {
        format!("lock{op} rw.A; lock{op} rw.B; unlock{op} rw.B; unlock{op} rw.A; lock{op} rw.B; lock{op} rw.A")
    };
    assert_eq!(grade("queued", &abba("")), Some(Grade::Phases));
    assert_eq!(grade("queued", &abba(".r")), Some(Grade::Writer));
    assert_eq!(grade("recursive", &abba(".r")), None);
}

#[test]
fn a_cure_names_the_smallest_change() {
    let irq = "H(; lock spin.A; unlock spin.A; H);";
    assert_eq!(report(&format!("{irq} lock spin.A")).cure, "Take spin.A at step 4 with _irqsave.");
    assert_eq!(report(&format!("{} lock spin.A", irq.replace('H', "S"))).cure, "Take spin.A at step 4 with _bh.");
    let opened = format!("{irq} irq_disable; lock spin.A; irq_enable");
    assert_eq!(report(&opened).cure, "Do not turn interrupts on at step 6 while spin.A is held.");
    let abba = format!("lock mutex.A; lock mutex.B; unlock mutex.B; unlock mutex.A; {BA}");
    assert_eq!(
        report(&abba).cure,
        "Take mutex.A before mutex.B (step 4), as the others do, or release mutex.B first (step 5)."
    );
}

#[test]
fn a_report_has_a_column_for_each_participant_and_both_places_of_each_order() {
    let text = "lock spin.A; lock spin.B; unlock spin.B; unlock spin.A; lock spin.B; lock spin.C; unlock spin.C; unlock spin.B;
        lock spin.C; lock spin.A";
    let case = case("queued", text);
    let judged = judged("queued", text);
    let page = explain(&case, &judged);
    let finding = judged.report.unwrap();

    assert_eq!(finding.kind, Kind::Circular);
    // Three hold one lock each, then three wait.
    assert_eq!(finding.schedule.iter().filter(|turn| !turn.waits).count(), 3);
    assert_eq!(finding.schedule.iter().filter(|turn| turn.waits).count(), 3);
    for line in [
        "  step  P1                        P2                        P3",
        "  P2: spin.A held exclusively since step 0, spin.B wanted exclusively at step 1",
        "  P3: spin.B held exclusively since step 4, spin.C wanted exclusively at step 5",
        "  P1: spin.C held exclusively since step 8, spin.A wanted exclusively at step 9",
    ] {
        assert!(page.lines().any(|printed| printed == line), "{line}\n{page}");
    }
}
