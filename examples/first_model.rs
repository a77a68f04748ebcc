//! A first model of one's own Rust: a counter under a lock, in every order of its two threads.

use lockwright::sync::{Arc, Mutex};

/// No increment is lost.
pub fn main() {
    lockwright::model(|| {
        let n = Arc::new(Mutex::new(0));
        let other = n.clone();
        let thread = lockwright::thread::spawn(move || *other.lock().unwrap() += 1);
        *n.lock().unwrap() += 1;
        thread.join().unwrap();
        assert_eq!(*n.lock().unwrap(), 2);
    });
}
