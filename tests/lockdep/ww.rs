//! Wound/wait transactions: each rule, broken and kept.

use super::script::{kernel, ours};

fn check(text: &str, expected: &str) {
    assert_eq!(ours("recursive", text), expected, "{text}");
    assert_eq!(kernel("recursive", text), expected, "{text}");
}

#[test]
fn a_context_is_opened_once_completed_once_and_closed_empty() {
    check("ww_ctx_init ww=t; ww_lock ww.o1 ww=t; ww_ctx_done ww=t; ww_unlock ww.o1; ww_ctx_fini ww=t", "clean");
    check("ww_ctx_init ww=t; ww_ctx_init ww=t2", "recursion 1");
    check("ww_ctx_init ww=t; ww_ctx_done ww=t; ww_ctx_done ww=t; ww_ctx_fini ww=t", "ww-misuse 2");
    check("ww_ctx_init ww=t; ww_ctx_done ww=t; ww_lock ww.o1 ww=t", "ww-misuse 2");
    // The object is still nested under the context when that goes.
    check("ww_ctx_init ww=t; ww_lock ww.o1 ww=t; ww_ctx_done ww=t; ww_ctx_fini ww=t", "nest-lock-not-held 3");
    check("ww_ctx_init ww=t; poke target=t.ww_class value=null; ww_lock ww.o1 ww=t", "ww-misuse 2");
    check("ww_ctx_init ww=t; poke target=o1.owner_ctx value=t2; ww_lock ww.o1 ww=t", "ww-misuse 2");
}

#[test]
fn an_object_is_unlocked_once() {
    check("ww_ctx_init ww=t; ww_lock ww.o1 ww=t; ww_unlock ww.o1; ww_unlock ww.o1", "bad-unlock 3");
    check("ww_lock ww.o1; ww_unlock ww.o1; ww_unlock ww.o1", "bad-unlock 2");
    check("ww_ctx_init ww=t; ww_lock ww.o1 ww=t; poke target=t.acquired value=0; ww_unlock ww.o1", "ww-misuse 3");
    check("ww_lock ww.o1; ww_unlock ww.o1; lock ww.o1; unlock ww.o1; trylock ww.o1 ret=ok; unlock ww.o1", "clean");
}

#[test]
fn an_object_that_the_context_has_is_no_event() {
    let again = "ww_lock ww.o1 ww=t ret=EALREADY; ww_trylock ww.o1 ret=busy";
    let other = "ww_ctx_clone from=t to=t2; ww_lock ww.o1 ww=t2 ret=EDEADLK";
    let end = "ww_unlock ww.o1; ww_trylock ww.o1 ret=ok; ww_unlock ww.o1; ww_ctx_fini ww=t";
    check(
        &format!("ww_ctx_init ww=t; poke target=t.stamp value=1; ww_lock ww.o1 ww=t; {again}; {other}; {end}"),
        "clean",
    );
}

#[test]
fn after_edeadlk_all_is_let_go_and_the_contended_object_comes_first() {
    let start = "foreign_hold ww.o2 ww=t2; foreign_hold ww.o3 ww=t2; ww_ctx_init ww=t; ww_lock ww.o1 ww=t; \
                 ww_lock ww.o2 ww=t ret=EDEADLK;";
    for slow in ["slow=false", "slow=true"] {
        let then = |text: &str| format!("{start} {}", text.replace("SLOW", slow));
        check(
            &then("foreign_drop ww.o2; ww_unlock ww.o1; ww_lock ww.o2 ww=t SLOW; ww_unlock ww.o2; ww_ctx_fini ww=t"),
            "clean",
        );
        check(&then("foreign_drop ww.o2; ww_lock ww.o2 ww=t SLOW"), "ww-misuse 6");
        check(&then("ww_lock ww.o3 ww=t ret=EDEADLK SLOW"), "ww-misuse 5");
        check(&then("foreign_drop ww.o3; ww_lock ww.o3 ww=t SLOW"), "ww-misuse 6");
        check(&then("foreign_drop ww.o3; ww_unlock ww.o1; ww_lock ww.o3 ww=t SLOW"), "ww-misuse 7");
    }
    check("ww_ctx_init ww=t; ww_lock ww.o1 ww=t slow=true", "ww-misuse 1");
}

/// Two objects of one class: the second may be tried, or be of the context that the first is of; it may not be waited for.
#[test]
fn of_two_objects_the_second_is_tried_or_of_the_same_context() {
    let first = [
        ("context", "ww_ctx_init ww=t; ww_lock ww.o1 ww=t;"),
        ("try", "ww_trylock ww.o1 ret=ok;"),
        ("block", "ww_lock ww.o1;"),
    ];
    for (held, text) in first {
        let opened = if held == "context" { "" } else { "ww_ctx_init ww=t;" };
        let step = if held == "context" { 2 } else { 1 };
        check(&format!("{text} ww_trylock ww.o2 ret=ok; ww_unlock ww.o2; ww_unlock ww.o1"), "clean");
        check(&format!("{text} ww_lock ww.o2"), &format!("recursion {step}"));
        let expected = if held == "context" { "clean" } else { "recursion 2" };
        check(&format!("{text} {opened} ww_lock ww.o2 ww=t"), expected);
    }
}

#[test]
fn what_serialises_a_nested_lock_is_held() {
    check("lock spin.A nest=ww.o1; unlock spin.A; trylock ww.o1", "nest-lock-not-held 0");
    check("lock ww.o1; lock mutex.A nest=ww.o1; unlock mutex.A; unlock ww.o1", "clean");
    let pair = "lock spin.X1; lock spin.Y1 nest=spin.X1; lock spin.A; lock spin.Y2 nest=spin.X1;";
    check(&format!("{pair} unlock spin.A; unlock spin.Y2; unlock spin.Y1; unlock spin.X1"), "clean");
    check("lock spin.X1; lock spin.Y1; lock spin.Y2; unlock spin.Y2; unlock spin.Y1; unlock spin.X1", "recursion 2");
}
