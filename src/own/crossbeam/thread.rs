//! Threads that may borrow what lives longer than their scope.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::own::thread as own;

pub use std::thread::Result;

/// `crossbeam::thread::Scope`.
pub struct Scope<'scope, 'env: 'scope>(&'scope own::Scope<'scope, 'env>);

/// `crossbeam::thread::ScopedJoinHandle`.
pub struct ScopedJoinHandle<'scope, T>(own::ScopedJoinHandle<'scope, T>);

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the thread's end.
    ///
    /// # Errors
    /// If it panicked.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        self.0.join()
    }

    /// The thread.
    pub fn thread(&self) -> &own::Thread {
        self.0.thread()
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Starts a thread in the scope, which is told the scope.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce(&Scope<'scope, 'env>) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let scope = self.0;
        ScopedJoinHandle(scope.spawn(move || f(&Scope(scope))))
    }
}

/// Runs `f` and waits for the threads that it starts.
///
/// # Errors
/// If `f` panics. (A thread that panics is a finding, and ends the execution.)
#[track_caller]
pub fn scope<'env, F, R>(f: F) -> std::result::Result<R, Box<dyn Any + Send>>
where
    F: for<'scope> FnOnce(&Scope<'scope, 'env>) -> R,
{
    catch_unwind(AssertUnwindSafe(|| own::scope(|scope| f(&Scope(scope)))))
}
