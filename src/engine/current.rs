//! The engine of this OS thread: the one piece of ambient state.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;

use super::Engine;

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Engine>>> = const { RefCell::new(None) };
}

/// Makes an engine current for this OS thread until dropped.
pub(super) struct Installed(Option<Rc<dyn Engine>>);

impl Installed {
    pub fn new(engine: Rc<dyn Engine>) -> Installed {
        Installed(CURRENT.replace(Some(engine)))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Looks at the engine, if there is one.
pub(super) fn look<R>(f: impl FnOnce(Option<&Rc<dyn Engine>>) -> R) -> R {
    CURRENT.with_borrow(|current| f(current.as_ref()))
}

/// Makes an engine current until another is, or [`uninstall`].
#[cfg(feature = "loom")]
pub(super) fn install(engine: Rc<dyn Engine>) {
    CURRENT.set(Some(engine));
}

/// Leaves this OS thread without a current engine.
#[cfg(feature = "loom")]
pub(crate) fn uninstall() {
    CURRENT.set(None);
}

/// Runs `f` on the current engine.
///
/// A task that is suspended in `f` and never runs again would keep an engine that its stack counts: for good, with all that it has.
///
/// # Panics
/// If there is none: code under test runs only inside an execution.
pub(super) fn with<R>(f: impl FnOnce(&dyn Engine) -> R) -> R {
    let engine = CURRENT.with_borrow(|current| {
        Rc::clone(current.as_ref().expect("locks, cells, threads and what else tasks share exist only inside an execution: of lockwright::model, lockwright::boot or explore::explore"))
    });
    if !engine.outlives_its_code() {
        return f(&*engine);
    }
    let uncounted = Rc::as_ptr(&engine);
    drop(engine);
    // SAFETY: `Installed` holds it for longer than anything of its tasks runs, as the engine says.
    f(unsafe { &*uncounted })
}
