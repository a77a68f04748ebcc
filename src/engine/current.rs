//! The engine of this OS thread: the one piece of ambient state.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;

use super::Engine;

/// An engine, and what its users have to do to keep it while they use it.
struct Current {
    engine: Rc<dyn Engine>,
    /// It outlives everything that uses it: see [`Installed::without_counts`].
    is_uncounted: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Makes an engine current for this OS thread until dropped.
pub(super) struct Installed(Option<Current>);

impl Installed {
    /// Each use of the engine counts as one of its owners.
    pub fn new(engine: Rc<dyn Engine>) -> Installed {
        Installed(CURRENT.replace(Some(Current { engine, is_uncounted: false })))
    }

    /// No use of the engine counts as an owner. A task that is suspended in one and never runs again would otherwise keep the engine for
    /// good, with all that it has.
    ///
    /// # Safety
    /// The caller owns the engine until no code that uses it can run any more: neither its own, nor that of a task that it has started.
    pub unsafe fn without_counts(engine: Rc<dyn Engine>) -> Installed {
        Installed(CURRENT.replace(Some(Current { engine, is_uncounted: true })))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Looks at the engine, if there is one.
pub(super) fn look<R>(f: impl FnOnce(Option<&Rc<dyn Engine>>) -> R) -> R {
    CURRENT.with_borrow(|current| f(current.as_ref().map(|current| &current.engine)))
}

/// Makes an engine current until another is, or [`uninstall`].
#[cfg(feature = "loom")]
pub(super) fn install(engine: Rc<dyn Engine>) {
    CURRENT.set(Some(Current { engine, is_uncounted: false }));
}

/// Leaves this OS thread without a current engine.
#[cfg(feature = "loom")]
pub(crate) fn uninstall() {
    CURRENT.set(None);
}

/// Runs `f` on the current engine.
///
/// # Panics
/// If there is none: code under test runs only inside an execution.
pub(super) fn with<R>(f: impl FnOnce(&dyn Engine) -> R) -> R {
    let (engine, is_uncounted) = CURRENT.with_borrow(|current| {
        let current = current.as_ref().expect("locks, cells, threads and what else tasks share exist only inside an execution: of lockwright::model, lockwright::boot or explore::explore");
        (Rc::clone(&current.engine), current.is_uncounted)
    });
    if !is_uncounted {
        return f(&*engine);
    }
    let uncounted = Rc::as_ptr(&engine);
    drop(engine);
    // SAFETY: the caller of `Installed::without_counts` promises that it lives for as long as `f` can run.
    f(unsafe { &*uncounted })
}
