//! The families of the kernel's locking self-test, written from their rules: all columns, all orders of arrival, with the answers that
//! the rules give. Ours and the kernel's are the same here: none of them touches a gap of lockdep.

use super::script::{kernel, ours};

/// A column: the prefix of its locks, and the ending of its operations.
const COLUMNS: [(&str, &str, &str); 7] = [
    ("spin", "spin", ""),
    ("wlock", "rw", ""),
    ("rlock", "rw", ".r"),
    ("mutex", "mutex", ""),
    ("wsem", "rwsem", ""),
    ("rsem", "rwsem", ".r"),
    ("rtmutex", "rtm", ""),
];

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Both answers, which must be one. With `kind` alone the step is not compared.
fn check(env: &str, text: &str, expected: &str) {
    let (ours, kernel) = (ours(env, text), kernel(env, text));
    assert_eq!(ours, kernel, "{text}");
    let is_right = ours == expected || ours.split(' ').next() == Some(expected);
    assert!(is_right, "{ours}, expected {expected}: {text}");
}

/// `AB BC`: nested sections, released inside out, of one column.
fn sections(column: (&str, &str, &str), text: &str) -> String {
    let (_, prefix, ending) = column;
    let section = |names: &str| {
        let down = names.chars().map(|name| format!("lock{ending} {prefix}.{name}; "));
        let up = names.chars().rev().map(|name| format!("unlock{ending} {prefix}.{name}; "));
        down.chain(up).collect::<String>()
    };
    text.split(' ').map(section).collect()
}

#[test]
fn circles_of_every_length_are_reported_but_for_recursive_readers() {
    let circles = ["AB BA", "AB BC CA", "AB CA BC", "AB BC CD DA", "AB CD BD DA", "AB CD BC DA"];
    for column in COLUMNS {
        for circle in circles {
            let expected = if column.0 == "rlock" { "clean" } else { "circular" };
            check("recursive", &sections(column, circle), expected);
        }
        // The same order twice is none.
        check("recursive", &sections(column, "AB BC AC AB"), "clean");
    }
}

#[test]
fn two_locks_of_one_class_are_reported_but_for_recursive_readers() {
    for (name, prefix, ending) in COLUMNS {
        let expected = if name == "rlock" { "clean" } else { "recursion 1" };
        check("recursive", &format!("lock{ending} {prefix}.X1; lock{ending} {prefix}.X2"), expected);
        check(
            "recursive",
            &format!("lock{ending} {prefix}.X1; unlock{ending} {prefix}.X1; lock{ending} {prefix}.X2"),
            "clean",
        );
        check(
            "recursive",
            &format!("lock{ending} {prefix}.A; unlock{ending} {prefix}.A; unlock{ending} {prefix}.A"),
            "bad-unlock 2",
        );
        check("recursive", &format!("lock{ending} {prefix}.A; init {prefix}.A"), "held-lock-reinit 1");
        check("recursive", &format!("lock{ending} {prefix}.A; unlock{ending} {prefix}.A; init {prefix}.A"), "clean");
    }
}

#[test]
fn a_reader_and_a_writer_of_one_class_are_reported_in_both_orders() {
    for (prefix, readers) in [("rw", "clean"), ("rwsem", "recursion 1")] {
        for second in ["X1", "X2"] {
            let pair = |first: &str, then: &str| format!("lock{first} {prefix}.X1; lock{then} {prefix}.{second}");
            check("recursive", &pair(".r", ".r"), readers);
            check("recursive", &pair(".r", ""), "recursion 1");
            check("recursive", &pair("", ".r"), "recursion 1");
        }
    }
}

/// The first task of a pair holds X for reading or writing and takes Y; the second takes them the other way round.
#[test]
fn a_mixed_pair_is_reported_unless_both_read_recursively() {
    for (prefix, recursive) in [("rw", true), ("rwsem", false)] {
        for (first, second) in [(".r", ""), (".r", ".r"), ("", ".r"), ("", "")] {
            let other = if prefix == "rw" { "spin" } else { "mutex" };
            let there =
                format!("lock{first} {prefix}.X1; lock {other}.Y1; unlock {other}.Y1; unlock{first} {prefix}.X1;");
            let back =
                format!("lock {other}.Y1; lock{second} {prefix}.X1; unlock{second} {prefix}.X1; unlock {other}.Y1;");
            let is_clean = recursive && first == ".r" && second == ".r";
            for text in [format!("{there}{back}"), format!("{back}{there}")] {
                check("recursive", &text, if is_clean { "clean" } else { "circular 5" });
            }
        }
    }
}

/// A circle of three through rwlocks blocks, unless some lock is held for reading by one and wanted for reading by another:
/// 64 combinations of modes in 6 orders of arrival.
#[test]
fn circles_of_three_rwlocks_block_unless_two_readers_meet() {
    let mut reports = 0;
    for modes in 0..64_u32 {
        let mode = |bit: u32| if modes >> bit & 1 == 1 { ".r" } else { "" };
        // Edge k holds lock k in mode 2k, and wants lock k + 1 in mode 2k + 1.
        let edge = |k: usize| {
            let (held, wanted) = (mode(2 * k as u32), mode(2 * k as u32 + 1));
            let (a, b) = (["X1", "Y1", "Z1"][k], ["Y1", "Z1", "X1"][k]);
            format!("lock{held} rw.{a}; lock{wanted} rw.{b}; unlock{wanted} rw.{b}; unlock{held} rw.{a};")
        };
        let meet = (0..3).any(|k| mode(2 * k) == ".r" && mode((2 * k + 5) % 6) == ".r");
        for order in ORDERS {
            check("recursive", &order.map(edge).concat(), if meet { "clean" } else { "circular 9" });
        }
        reports += usize::from(!meet);
    }
    // Each of three meetings is of two readers or not: 3 of 4 pairs of modes block.
    assert_eq!(reports, 27);
}

/// The parts of an interrupt family, in an order.
fn family(parts: &[&str; 3], order: [usize; 3], soft: bool) -> String {
    let text = order.map(|part| parts[part]).join(" ");
    let (off, on, enter, leave) =
        if soft { ("bh_disable", "bh_enable", "S(", "S)") } else { ("irq_disable", "irq_enable", "H(", "H)") };
    text.replace("OFF", off).replace("ON", on).replace("I(", enter).replace("I)", leave)
}

fn lock_and_unlock(op: &str, lock: &str) -> String {
    format!("lock{op} {lock}; unlock{op} {lock};")
}

fn nested(outer: (&str, &str), inner: (&str, &str)) -> String {
    format!("lock{} {}; {} unlock{} {};", outer.0, outer.1, lock_and_unlock(inner.0, inner.1), outer.0, outer.1)
}

/// What kind an irq finding through two locks is: by what came last.
fn by_last(order: [usize; 3], edge: usize) -> &'static str {
    if order[2] == edge { "irq-order" } else { "irq-inversion" }
}

#[test]
fn a_lock_of_an_interrupt_that_is_held_with_it_on_is_reported() {
    for (column, prefix, op) in &COLUMNS[..3] {
        let a = format!("{prefix}.A");
        let expected = if *column == "rlock" { "clean" } else { "inconsistent-state" };
        let plain = lock_and_unlock(op, &a);
        let opened = format!("OFF; lock{op} {a}; ON; unlock{op} {a};");
        let safe = format!("OFF; {plain} ON;");
        let in_irq = format!("I(; {plain} I);");
        for soft in [false, true] {
            for (task, expected) in [(&plain, expected), (&opened, expected), (&safe, "clean")] {
                for order in [[0, 1, 2], [1, 0, 2]] {
                    check("recursive", &family(&[task, &in_irq, ""], order, soft), expected);
                }
            }
        }
        // Turning interrupts on turns softirqs on too.
        let text = format!("S(; {plain} S); irq_disable; lock{op} {a}; irq_enable; unlock{op} {a}");
        check("recursive", &text, expected);
    }
}

#[test]
fn a_lock_of_an_interrupt_must_not_wait_for_one_that_is_held_with_it_on() {
    for (column, prefix, op) in &COLUMNS[..3] {
        let (a, b) = (format!("{prefix}.A"), format!("{prefix}.B"));
        let (plain_a, plain_b) = (lock_and_unlock(op, &a), lock_and_unlock(op, &b));
        let pair = nested((op, &a), (op, &b));
        let in_irq = format!("I(; {plain_a} I);");
        let off = format!("OFF; {pair} ON;");
        for (order, soft) in ORDERS.into_iter().flat_map(|order| [(order, false), (order, true)]) {
            let clean = *column == "rlock";
            let unsafe_pair = if clean { "clean" } else { "inconsistent-state" };
            check("recursive", &family(&[&pair, &plain_b, &in_irq], order, soft), unsafe_pair);
            let expected = if clean { "clean" } else { by_last(order, 0) };
            check("recursive", &family(&[&off, &plain_b, &in_irq], order, soft), expected);
            let safe_b = format!("OFF; {plain_b} ON;");
            check("recursive", &family(&[&off, &safe_b, &in_irq], order, soft), "clean");

            // The inversion through a writer, with a reader in the interrupt.
            let write = format!("OFF; {} ON;", nested(("", "rw.A"), (op, &b)));
            let read_in_irq = format!("I(; {} I);", lock_and_unlock(".r", "rw.A"));
            check("recursive", &family(&[&write, &plain_b, &read_in_irq], order, soft), expected);
        }
    }
}

#[test]
fn readers_in_interrupts_and_readers_with_interrupts_on_do_not_block_each_other() {
    for (op, is_read) in [("", false), (".r", true)] {
        for (order, soft) in ORDERS.into_iter().flat_map(|order| [(order, false), (order, true)]) {
            let answer = |kind: &'static str| if is_read { "clean" } else { kind };
            let read = lock_and_unlock(".r", "rw.A");

            let first = format!("OFF; {} ON;", lock_and_unlock("", "rw.A"));
            let in_irq = format!("I(; {} I);", nested((op, "rw.A"), ("", "spin.B")));
            check("recursive", &family(&[&first, &read, &in_irq], order, soft), answer("inconsistent-state"));

            let first = format!("OFF; {} ON;", nested(("", "spin.B"), (op, "rw.A")));
            let in_irq = format!("I(; {} I);", lock_and_unlock("", "spin.B"));
            check("recursive", &family(&[&first, &read, &in_irq], order, soft), answer(by_last(order, 0)));

            let first = format!("OFF; {} ON;", nested(("", "rw.B"), (op, "rw.A")));
            let in_irq = format!("I(; {} I);", lock_and_unlock(".r", "rw.B"));
            check("recursive", &family(&[&first, &read, &in_irq], order, soft), answer(by_last(order, 0)));
        }
    }
}

#[test]
fn fair_readers_wait_in_tasks_and_pass_in_interrupts() {
    let in_irq = |text: &str| format!("H(; {text} H);");
    let off = |text: &str| format!("irq_disable; {text} irq_enable;");
    let ab = nested((".r", "rw.A"), ("", "rw.B"));
    let ba = nested(("", "rw.B"), (".r", "rw.A"));

    check("queued", &(in_irq(&ab) + &off(&ba)), "circular 8");
    check("queued", &(in_irq(&ba) + &off(&ab)), "clean");
    check("recursive", &(in_irq(&ab) + &off(&ba)), "clean");

    let inversion = in_irq(&lock_and_unlock("", "rw.A"))
        + &off(&nested(("", "rw.A"), (".r", "rw.B")))
        + &lock_and_unlock(".r", "rw.B");
    check("queued", &inversion, "irq-inversion");
    check("recursive", &inversion, "clean");
    check("queued", "lock.r rw.X1; lock.r rw.X2", "recursion 1");
}

#[test]
fn reclaim_is_a_lock_that_allocations_take() {
    let under = |inner: &str| format!("fs_reclaim_acquire gfp=GFP_KERNEL; {inner}; fs_reclaim_release gfp=GFP_KERNEL");

    check("queued", &under("might_alloc gfp=GFP_KERNEL"), "recursion 1");
    for inner in ["GFP_NOFS", "GFP_NOIO", "GFP_ATOMIC", "GFP_NOWAIT", "GFP_KERNEL|__GFP_NOLOCKDEP"] {
        check("queued", &under(&format!("might_alloc gfp={inner}")), "clean");
    }
    for scope in ["nofs", "noio"] {
        check("queued", &under(&format!("{scope}_save; might_alloc gfp=GFP_KERNEL; {scope}_restore")), "clean");
    }
    let inside = under("lock mutex.A; unlock mutex.A");
    check("queued", &format!("lock mutex.A; might_alloc gfp=GFP_KERNEL; unlock mutex.A; {inside}"), "circular 4");
    check("queued", &format!("lock mutex.A; might_alloc gfp=GFP_NOFS; unlock mutex.A; {inside}"), "clean");
}

/// Rows: what the context allows, from KERNEL-LOCKING 4; columns: RCU, raw_spin, spin, mutex.
#[test]
fn the_36_pairs_of_context_and_lock() {
    let contexts = [
        ("H(;", "H)", 3),
        ("Hn(;", "H)", 2),
        ("S(;", "S)", 3),
        ("rcu_lock flavour=rcu;", "rcu_unlock flavour=rcu", 3),
        ("rcu_lock flavour=rcu_bh;", "rcu_unlock flavour=rcu_bh", 3),
        ("rcu_lock flavour=rcu_sched;", "rcu_unlock flavour=rcu_sched", 2),
        ("lock raw.A;", "unlock raw.A", 2),
        ("lock spin.A;", "unlock spin.A", 3),
        ("lock mutex.A;", "unlock mutex.A", 4),
    ];
    let inner = [
        ("rcu_lock flavour=rcu; rcu_unlock flavour=rcu;", 1),
        ("lock raw.B; unlock raw.B;", 2),
        ("lock spin.B; unlock spin.B;", 3),
        ("lock mutex.B; unlock mutex.B;", 4),
    ];
    let mut reports = 0;
    for (enter, leave, allows) in contexts {
        for (text, needs) in inner {
            let is_report = needs > allows;
            check("queued", &format!("{enter} {text} {leave}"), if is_report { "wait-context 1" } else { "clean" });
            reports += usize::from(is_report);
        }
    }
    // A mutex in all but mutex (8), a spinlock in the three that allow raw ones alone.
    assert_eq!(reports, 11);
}

#[test]
fn a_lock_of_each_cpu_is_no_part_of_an_inversion() {
    let in_irq = |lock: &str| format!("H(; lock {lock}; unlock {lock}; H);");
    let off = |text: &str| format!("irq_disable; {text} irq_enable;");
    let local = "lock local.A; lock spin.B; unlock spin.B; unlock local.A;";

    let two =
        format!("lock local.A; unlock local.A; {}{}", in_irq("spin.B"), off(&nested(("", "spin.B"), ("", "local.A"))));
    check("queued", &two, "clean");
    let three = format!("{local} {}{}", in_irq("spin.A"), off(&nested(("", "spin.A"), ("", "local.A"))));
    check("queued", &three, "clean");
    check("queued", &(three + &off(&nested(("", "spin.A"), ("", "spin.B")))), "irq-order 16");
}

#[test]
fn the_harmless_softirq_pair_on_a_harmful_path_is_passed_by() {
    let start = "lock mutex.A; irq_disable; lock spin.C; unlock spin.C; irq_enable; unlock mutex.A;
        H(; lock spin.A; unlock spin.A; H);
        irq_disable; lock spin.A; lock spin.B; unlock spin.B; unlock spin.A; irq_enable;
        irq_disable; lock spin.B; lock spin.C; unlock spin.C; unlock spin.B; irq_enable;";
    let soft = "S(; lock spin.D; unlock spin.D; S);";
    let last = "irq_disable; lock spin.C; lock spin.D; unlock spin.D; unlock spin.C; irq_enable";

    let open = "bh_disable; lock spin.D; unlock spin.D; bh_enable;";
    check("queued", &format!("{start} {soft} {open} {last}"), "irq-order 32");
    let closed = "irq_disable; lock spin.D; unlock spin.D; irq_enable;";
    check("queued", &format!("{start} {soft} {closed} {last}"), "clean");
}

#[test]
fn names_of_classes_survive_a_subclass() {
    check("queued", "set_subclass rwsem.X1 subclass=1; assert_class_name_unchanged rwsem.X1", "clean");
    check("queued", "lock mutex.X1; set_subclass mutex.X2 subclass=1; lock mutex.X2", "clean");
}
