//! The simulated kernel: what locking code of Linux stands on, by the kernel's names.
//!
//! | module | what |
//! |---|---|
//! | [`task`] | `current`: preemption, function frames |
//! | [`bkl`] | `lock_kernel`, `unlock_kernel`, and `schedule()`, which gives the BKL back |
//! | [`irq`] | interrupts and bottom halves, off and on |
//! | [`lock`] | spinlocks and mutexes |
//! | [`rwlock`] | locks that readers share |
//! | [`semaphore`] | counting semaphores |
//! | [`completion`] | completions and works |
//! | [`rcu`], [`seqlock`] | read-side sections and grace periods; readers that look again |
//! | [`atomic`] | `atomic_t` and barriers |
//! | [`plain`] | plain memory, marked or not |
//! | [`slab`] | `kmalloc`, `kfree`, pointers that can go stale |
//! | [`wait`] | wait queues with timeout, virtual `jiffies` |
//! | [`files`] | the descriptors of a process: `fget`, `fd_install`, `close` |
//! | [`fasync`] | `fasync_helper`, `kill_fasync`: SIGIO and its owners |
//!
//! The kernel knows no lease. All shared state lies in engine objects: nothing here remembers anything of its own
//! but what belongs to one task ([`task::Task`]).

pub mod atomic;
pub mod bkl;
pub mod completion;
pub mod fasync;
pub mod files;
pub mod irq;
mod layout;
pub mod lock;
pub mod plain;
pub mod rcu;
pub mod rwlock;
pub mod semaphore;
pub mod seqlock;
pub mod slab;
pub mod task;
pub mod wait;

use serde::{Deserialize, Serialize};

/// What the environment may do to a scenario: each is a choice, explored like an interleaving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// An allocation may fail, also one that may sleep.
    pub memory: bool,
    /// A security hook may refuse.
    pub lsm: bool,
}

/// What is global in the kernel: its locks and its settings. Copied freely, it holds names only.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// The Big Kernel Lock.
    pub kernel_flag: bkl::Bkl,
    /// Guards every list of fasync entries.
    pub fasync_lock: lock::SpinLock,
    /// What may fail.
    pub faults: Faults,
}

/// Ticks of `jiffies` a second.
pub const HZ: u64 = 100;

impl Kernel {
    /// A booted kernel.
    pub fn boot(faults: Faults) -> Kernel {
        Kernel { kernel_flag: bkl::Bkl::new(), fasync_lock: lock::SpinLock::new("fasync_lock"), faults }
    }

    /// The same with a plain spinlock in place of the BKL: the conversion that the mail rules out in its first paragraph.
    pub fn boot_without_bkl(faults: Faults) -> Kernel {
        Kernel { kernel_flag: bkl::Bkl::as_spinlock(), ..Kernel::boot(faults) }
    }
}

/// Errors of system calls, by the kernel's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Errno {
    EPERM,
    ENOENT,
    EINTR,
    EBADF,
    EAGAIN,
    ENOMEM,
    EACCES,
    EEXIST,
    ENOTDIR,
    EISDIR,
    EINVAL,
    ETXTBSY,
}

impl Errno {
    /// Its number on Linux, positive.
    pub fn number(self) -> i64 {
        match self {
            Errno::EPERM => 1,
            Errno::ENOENT => 2,
            Errno::EINTR => 4,
            Errno::EBADF => 9,
            Errno::EAGAIN => 11,
            Errno::ENOMEM => 12,
            Errno::EACCES => 13,
            Errno::EEXIST => 17,
            Errno::ENOTDIR => 20,
            Errno::EISDIR => 21,
            Errno::EINVAL => 22,
            Errno::ETXTBSY => 26,
        }
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What a kernel function returns.
pub type Result<T> = std::result::Result<T, Errno>;
