//! `struct file_lock`: the record of a lease, and of an opener that waits for one.
//!
//! The list of an inode's leases hangs on `i_flock`; openers that wait hang on `fl_block` of the lease they wait for.
//! A break in progress is a bit in the type, the rest being what the break will leave (2.6.23).

use super::note::{LeaseType, Listed};
use crate::event::{Format, ObjectId, Reading, View};
use crate::kernel::fasync::FasyncList;
use crate::kernel::plain::{Plain, Word};
use crate::kernel::slab::{Layout, Link, Ptr, Slab, kmalloc};
use crate::kernel::task::Task;
use crate::kernel::wait::WaitQueue;
use crate::kernel::{Errno, Result, slab::Gfp};

use super::OpenFlags;
use super::inode::{File, Filp, Inode};
use super::{F_RDLCK, F_UNLCK, F_WRLCK, LockLine};

/// Bit of a stored lease type that marks a break under way, as in Linux 2.6.23.
pub const F_INPROGRESS: u64 = 16;

/// How a stored lease type reads.
const STORED: &Reading =
    &Reading { name: "lease type", text: |_, value| lease_text(value), is_state: true, is_whole: false };

/// A stored lease type: `READ`, `WRITE` or `UNLCK`, and whether it is the target of a break.
fn lease_text(value: u64) -> String {
    let name = match value & !F_INPROGRESS {
        0 => "READ",
        1 => "WRITE",
        2 => "UNLCK",
        _ => return (value as i64).to_string(),
    };
    if value & F_INPROGRESS == 0 { name.to_owned() } else { format!("{name}|INPROGRESS") }
}

/// What `fl_type` holds: `F_RDLCK`, `F_WRLCK` or `F_UNLCK`, and whether a break is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlType(u64);

impl FlType {
    /// A lease as taken.
    pub fn granted(arg: i32) -> FlType {
        FlType(arg as u64)
    }

    /// A lease whose break will leave `target`.
    pub fn breaking(target: i32) -> FlType {
        FlType(target as u64 | F_INPROGRESS)
    }

    /// Is a break under way?
    pub fn in_progress(self) -> bool {
        self.0 & F_INPROGRESS != 0
    }

    /// What it is, or what the break will leave.
    pub fn target(self) -> i32 {
        (self.0 & !F_INPROGRESS) as i32
    }
}

impl Word for FlType {
    const FORMAT: Format = Format::Case(STORED);

    fn to_word(self) -> u64 {
        self.0
    }

    fn from_word(word: u64) -> FlType {
        FlType(word)
    }
}

/// A lease, or an opener that waits for one.
pub struct FileLock {
    /// The next lease of the inode; for a waiter, the lease it waits for.
    pub fl_next: Link<FileLock>,
    /// The first who waits for this lease; for a waiter, the next who waits.
    pub fl_block: Link<FileLock>,
    /// The open file that has it.
    pub fl_file: Link<File>,
    /// The process that took it first.
    pub fl_pid: Plain<u32>,
    /// What it is.
    pub fl_type: Plain<FlType>,
    /// When a break is overdue, in jiffies; 0 is never.
    pub fl_break_time: Plain<u64>,
    /// The process to signal.
    pub fl_fasync: FasyncList<File>,
    /// An in-kernel owner is called back instead.
    pub fl_in_kernel: Plain<bool>,
    /// Where a waiter sleeps.
    pub fl_wait: WaitQueue,
}

impl Slab for FileLock {
    const NAME: &'static str = "lease";

    fn lay(layout: &mut Layout) -> FileLock {
        FileLock {
            fl_next: Link::field(layout, "fl_next"),
            fl_block: Link::field(layout, "fl_block"),
            fl_file: Link::field(layout, "fl_file"),
            fl_pid: Plain::field(layout, "fl_pid"),
            fl_type: Plain::field(layout, "fl_type"),
            fl_break_time: Plain::field(layout, "fl_break_time"),
            fl_fasync: Link::field(layout, "fl_fasync"),
            fl_in_kernel: Plain::field(layout, "fl_in_kernel"),
            fl_wait: WaitQueue::field(layout, "fl_wait"),
        }
    }
}

/// `locks_alloc_lock`: a record, **may sleep**.
///
/// # Errors
/// `ENOMEM`.
pub fn locks_alloc_lock(current: &Task) -> Result<Ptr<FileLock>> {
    let _frame = current.enter("locks_alloc_lock");
    kmalloc(current, Gfp::Kernel)
}

/// The security module's verdict on the lease and, where it has to accept one, on the owner of its signals.
///
/// # Errors
/// `EACCES`.
pub fn security_file_lock(current: &Task, with_owner: bool) -> Result<()> {
    let _frame = current.enter("security_file_lock");
    let refused =
        current.lsm_refuses("file_lock refuses") || with_owner && current.lsm_refuses("file_set_fowner refuses");
    if refused { Err(Errno::EACCES) } else { Ok(()) }
}

/// Fills a record that is not listed yet.
pub fn lease_init(current: &Task, fl: Ptr<FileLock>, filp: Filp, arg: i32, in_kernel: bool) {
    let lease = fl.get();
    lease.fl_file.init(Some(filp.file));
    lease.fl_pid.init(current.pid);
    lease.fl_type.init(FlType::granted(arg));
    lease.fl_in_kernel.init(in_kernel);
}

/// Fills the record of an opener that waits: only its type and process are ever read.
pub fn lease_init_waiter(current: &Task, waiter: Ptr<FileLock>, flags: OpenFlags) {
    waiter.get().fl_pid.init(current.pid);
    waiter.get().fl_type.init(FlType::granted(if flags.write { F_WRLCK } else { F_RDLCK }));
}

/// `locks_insert_block`: `waiter` waits for `blocker`. The caller holds the design's lock.
pub fn locks_insert_block(blocker: Ptr<FileLock>, waiter: Ptr<FileLock>) {
    let record = waiter.get();
    record.fl_next.set(Some(blocker));
    record.fl_block.set(blocker.get().fl_block.get());
    blocker.get().fl_block.set(Some(waiter));
}

/// `locks_delete_block`: it waits no longer. The caller holds the design's lock; a waiter may look at its own
/// `fl_next` without, so that store is marked.
pub fn locks_delete_block(waiter: Ptr<FileLock>) {
    let Some(blocker) = waiter.get().fl_next.get() else { return };
    let mut link = blocker.get().fl_block;
    while let Some(at) = link.get() {
        if at == waiter {
            link.set(waiter.get().fl_block.get());
            break;
        }
        link = at.get().fl_block;
    }
    waiter.get().fl_next.write_once(None);
}

/// `locks_wake_up_blocks`: all who wait for the lease look again. The caller holds the design's lock.
pub fn locks_wake_up_blocks(blocker: Ptr<FileLock>) {
    while let Some(waiter) = blocker.get().fl_block.get() {
        locks_delete_block(waiter);
        waiter.get().fl_wait.wake_up();
    }
}

/// The lines of `/proc/locks` for an inode. The caller holds the design's lock.
pub fn lock_lines(inode: Inode) -> Vec<LockLine> {
    let mut lines = Vec::new();
    let mut at = inode.i_flock.get();
    while let Some(fl) = at {
        let lease = fl.get();
        let fl_type = lease.fl_type.get();
        let mut waiters = Vec::new();
        let mut waiting = lease.fl_block.get();
        while let Some(waiter) = waiting {
            let record = waiter.get();
            waiters.push((record.fl_type.get().target() == F_WRLCK, record.fl_pid.get()));
            waiting = record.fl_block.get();
        }
        waiters.sort_unstable();
        lines.push(LockLine {
            breaking: fl_type.in_progress(),
            target: fl_type.target(),
            pid: lease.fl_pid.get(),
            waiters,
        });
        at = lease.fl_next.get();
    }
    lines
}

/// F_GETLEASE: the type of the file's lease, or what a break will leave. The caller holds the design's lock.
pub fn lease_of_file(filp: Filp) -> i32 {
    let mut at = filp.inode.i_flock.get();
    while let Some(fl) = at {
        if fl.get().fl_file.get() == Some(filp.file) {
            return fl.get().fl_type.get().target();
        }
        at = fl.get().fl_next.get();
    }
    F_UNLCK
}

/// The first lease on the list that is breaking. The caller holds the design's lock.
pub fn first_breaking(inode: Inode) -> Option<Ptr<FileLock>> {
    let mut at = inode.i_flock.get();
    while let Some(fl) = at {
        if fl.get().fl_type.get().in_progress() {
            return Some(fl);
        }
        at = fl.get().fl_next.get();
    }
    None
}

/// Longest list that a look without steps follows: a corrupted list may be a ring.
const LISTED_MAX: usize = 64;

/// The records on an inode's list without a step.
fn records(view: &dyn View, inode: Inode) -> Vec<Ptr<FileLock>> {
    let mut found = Vec::new();
    let mut at = inode.i_flock.peek(view);
    while let Some(fl) = at {
        if view.is_freed(fl.id()) || found.len() == LISTED_MAX {
            break;
        }
        found.push(fl);
        at = fl.get().fl_next.peek(view);
    }
    found
}

/// The leases of an inode without a step, for checks.
pub fn listed(view: &dyn View, inode: Inode) -> Vec<Listed> {
    let listed = records(view, inode).into_iter().map(|fl| {
        let lease = fl.get();
        let fl_type = lease.fl_type.peek(view);
        let target = match fl_type.target() {
            F_RDLCK => Some(LeaseType::Read),
            F_WRLCK => Some(LeaseType::Write),
            _ => None,
        };
        let file = lease.fl_file.peek(view).map_or(ObjectId(0), Ptr::id);
        let (breaking, in_kernel) = (fl_type.in_progress(), lease.fl_in_kernel.peek(view));
        let due = lease.fl_break_time.peek(view);
        Listed { lease: fl.id(), file, target, breaking, in_kernel, due }
    });
    listed.collect()
}

/// The process that took each of them first.
pub fn taken_by(view: &dyn View, inode: Inode) -> Vec<u32> {
    records(view, inode).into_iter().map(|fl| fl.get().fl_pid.peek(view)).collect()
}

/// Is it the caller's lease on this open file? A process and an in-kernel owner may share one (`fl_mylease`).
pub fn is_mine(lease: FileLock, filp: Filp, in_kernel: bool) -> bool {
    lease.fl_file.get() == Some(filp.file) && lease.fl_in_kernel.get() == in_kernel
}

/// Is it one of the three types?
pub fn is_lease_type(arg: i32) -> bool {
    matches!(arg, F_RDLCK | F_WRLCK | F_UNLCK)
}
