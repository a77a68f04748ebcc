//! Two locks, two orders: the deadlock that everybody knows, in eleven lines.
//!
//! `cargo run --example ab_ba` prints the page.

use lockwright::prelude::*;

/// Each task takes both locks, the second in the other order, or both in one order.
pub fn transfer(second_in_other_order: bool) -> Checked {
    lockwright::boot(move |boot| {
        let (a, b) = (boot.mutex("a"), boot.mutex("b"));
        let (first, second) = if second_in_other_order { (b, a) } else { (a, b) };
        for (name, outer, inner) in [("there", a, b), ("back", first, second)] {
            boot.task(name, move |current| {
                let _outer = outer.lock(current);
                let _inner = inner.lock(current);
            });
        }
    })
}

#[allow(dead_code, reason = "the tests include this file as a module")]
fn main() {
    print!("{}", transfer(true));
    print!("\nIn one order:\n\n{}", transfer(false));
}
