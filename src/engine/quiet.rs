//! Keeps panics of the code under test off the terminal: they are findings, or the end of an abandoned execution.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::panic;
use std::sync::Once;

use crate::event::{Place, Symbol};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic was that was kept off.
    static LAST: RefCell<Option<(String, u32, u32)>> = const { RefCell::new(None) };
}

/// What the standard library says of a panic that it does not survive.
const ENDS_THE_PROCESS: [&str; 2] = ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

static HOOK: Once = Once::new();

/// Runs `f` with the panic hook of this OS thread silenced.
pub fn quietly<R>(f: impl FnOnce() -> R) -> R {
    HOOK.call_once(|| {
        let outer = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                return outer(info);
            }
            let text = panic_text(info.payload());
            if ENDS_THE_PROCESS.contains(&text) {
                LAST.with_borrow(|last| {
                    let last = last.as_ref().map_or_else(String::new, |(file, line, _)| format!(" at {file}:{line}"));
                    let says = format!("LW011 assertion or BUG_ON failed: a destructor panics{last} while its thread unwinds from a panic, which ends the process");
                    // What `eprintln` prints in a test is kept until the test ends, and this one does not. Nobody is left to be told of an error.
                    let _ = writeln!(io::stderr(), "{says}");
                });
            } else if let Some(place) = info.location() {
                LAST.replace(Some((place.file().to_owned(), place.line(), place.column())));
            }
        }));
    });
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    let _restore = Restore(QUIET.replace(true));
    f()
}

/// Where the last panic was.
pub fn panic_place() -> Option<Place> {
    LAST.with_borrow(|last| {
        let (file, line, column) = last.as_ref()?;
        Some(Place::Text { file: Symbol::from(file.clone()), line: *line, column: *column })
    })
}

/// The text of a panic, if it has one.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a text")
}
