//! What is done once.

use crate::own::sync;

/// `parking_lot::Once`.
///
/// ```
/// lockwright::model(|| {
///     let once = lockwright::parking_lot::Once::new();
///     let mut runs = 0;
///     once.call_once(|| runs += 1);
///     once.call_once(|| runs += 1);
///     assert_eq!(runs, 1);
/// });
/// ```
#[derive(Debug)]
pub struct Once(sync::Once);

impl Once {
    /// Not done yet.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "its objects are made here")]
    pub fn new() -> Once {
        Once(sync::Once::new())
    }

    /// Runs `f` if nobody has. Others that come meanwhile wait.
    ///
    /// # Panics
    /// If an attempt before panicked.
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) {
        self.0.call_once(f);
    }
}
