//! A lost wake-up: the waiter looks before it queues, and the wake-up comes in between.
//!
//! `cargo run --example lost_wakeup` prints the page.

use lockwright::prelude::*;

/// A consumer waits for an item. `queues_first`: it stands in the queue before it looks, as `wait_event` does.
pub fn hand_over(queues_first: bool) -> Checked {
    lockwright::boot(move |boot| {
        let (items, queue) = (boot.atomic("items", 0), boot.wait_queue("queue"));
        boot.task("producer", move |_| {
            items.inc();
            queue.wake_up();
        });
        boot.task("consumer", move |current| {
            if queues_first {
                queue.wait_event_timeout(current, None, || items.read() > 0);
            } else if items.read() == 0 {
                queue.sleep_on_timeout(current, None);
            }
            items.dec();
        });
        boot.outcome("items", move |view| items.peek(view));
    })
}

#[allow(dead_code, reason = "the tests include this file as a module")]
fn main() {
    print!("{}", hand_over(false));
    print!("\nQueued first:\n\n{}", hand_over(true));
}
