//! What a model of one's own needs: `use lockwright::prelude::*`.

pub use crate::boot::{Boot, Checked, Comparison, Model, boot, compare};
pub use crate::check::Code;
pub use crate::engine::{Clock, Memory, Preemption};
pub use crate::explore::compare::Relation;
pub use crate::explore::{Config, EngineKind, Verdict};
pub use crate::kernel::atomic::{Atomic, smp_mb};
pub use crate::kernel::bkl::{lock_kernel, unlock_kernel};
pub use crate::kernel::completion::{Completion, Work};
pub use crate::kernel::lock::{Mutex, SpinLock};
pub use crate::kernel::plain::Plain;
pub use crate::kernel::rcu::{Rcu, RcuHead};
pub use crate::kernel::rwlock::{RwLock, RwSem};
pub use crate::kernel::semaphore::Semaphore;
pub use crate::kernel::seqlock::{SeqCount, SeqLock};
pub use crate::kernel::slab::{Gfp, Layout, Link, Ptr, Slab, kfree, kmalloc};
pub use crate::kernel::task::Task;
pub use crate::kernel::wait::WaitQueue;
pub use crate::kernel::{Errno, Kernel};
