//! A list whose writers were moved from the Big Kernel Lock to a spinlock, and one reader was forgotten.
//!
//! The bug that a conversion makes: each path is right by itself, and the two do not exclude each other any more.
//! `cargo run --example half_converted` prints the page.

use lockwright::prelude::*;

/// An element of the list.
#[derive(Clone, Copy)]
pub struct Entry {
    next: Link<Entry>,
}

impl Slab for Entry {
    const NAME: &'static str = "entry";

    fn lay(layout: &mut Layout) -> Entry {
        Entry { next: Link::field(layout, "next") }
    }
}

/// One task removes the head of a list of one while another counts its entries.
pub fn remove_beside_count(reader_is_converted: bool) -> Checked {
    lockwright::boot(move |boot| {
        let (list_lock, head) = (boot.spinlock("list_lock"), Link::<Entry>::new("head"));
        let entry = kmalloc(&boot.current(), Gfp::Kernel).expect("the set-up has memory");
        head.init(Some(entry));
        boot.task("remover", move |current| {
            let _guard = list_lock.lock(current);
            if let Some(entry) = head.get() {
                head.set(entry.get().next.get());
                kfree(entry);
            }
        });
        boot.task("counter", move |current| {
            let _converted = reader_is_converted.then(|| list_lock.lock(current));
            let _as_before = (!reader_is_converted).then(|| lock_kernel(current));
            let mut entries = 0u32;
            let mut at = head.get();
            while let Some(entry) = at {
                entries += 1;
                at = entry.get().next.get();
            }
            entries
        });
    })
}

#[allow(dead_code, reason = "the tests include this file as a module")]
fn main() {
    print!("{}", remove_beside_count(false));
    print!("\nWith the reader converted:\n\n{}", remove_beside_count(true));
}
