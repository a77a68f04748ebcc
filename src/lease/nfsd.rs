//! nfsd, the in-kernel owner of leases: a delegation is a lease whose break is a call, not a signal.

use crate::engine;
use crate::event::Place;
use crate::kernel::slab::Ptr;
use crate::kernel::task::Task;
use crate::lease::note::LeaseNote;

use super::inode::File;

/// How nfsd hears of a break (`fl_lmops->fl_break`). The design calls it under the lock that guards the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nfsd {
    /// As in 2.6.23: it starts a thread that recalls the delegation, which sleeps (`kthread_run`).
    StartsThread,
    /// Since Linux commit b5a1a81e5c2 (2010): it queues a work, which does not.
    QueuesWork,
}

impl Nfsd {
    /// The delegation on this file is to be recalled.
    #[track_caller]
    pub fn fl_break(self, current: &Task, file: Ptr<File>) {
        if self == Nfsd::StartsThread {
            current.might_sleep("kthread_run");
        }
        engine::note(LeaseNote::Callback { file: file.id() }.into(), Place::caller());
    }
}
