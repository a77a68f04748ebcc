//! The descriptors of a process: `struct files_struct`.
//!
//! ```text
//! open     fd_install     file_lock: the descriptor has the file
//! close    take           file_lock: the descriptor has no file
//!          filp_close     drops the reference that it had
//! fcntl    fget           no lock, RCU: reads the descriptor, raises f_count unless it is 0; then looks again
//!          ...            the call: whatever becomes of the descriptor, the file stays open
//!          fput           drops the reference
//! ```
//!
//! The last reference closes the file (`__fput`), be it that of `close` or that of a call under way. What `__fput` does is not
//! known here: functions return the file whose reference the caller has to drop.
//!
//! **A call needs none of it where no other task can close what it uses** (`fget_light`): no lock and no reference. That is so
//! if the process has one task, or if none of its tasks opens, closes or copies a descriptor while they run. Such a table is
//! no object of the engine: its one task remembers it, or nobody changes it. 2.6.23 does so in `read` and `write` alone, and for
//! one task. Here every call does: a count that cannot come to 0, and that nobody else reads, makes no difference.
//! How many tasks there are, and what they call, is fixed at the start.
//!
//! **RCU.** Between the two steps of `fget` the file may be closed and freed. Its memory stays as long as a reader is under
//! `rcu_read_lock` (`file_free` goes through `call_rcu`), and its count is 0. So the raise may meet a freed file, and fails. It is
//! the one operation that may: any other is a use after free.
//!
//! **Looks again.** `fget` of 2.6.23 fails with `EBADF` when the count is 0. Beside `dup2` that is wrong: the descriptor is
//! never closed, and yet a call on it finds no file. The history check says so (LW040). Linux has looped since 5ba97d2832f (4.2), and
//! so does this: it is no matter of the designs that are compared here.
//!
//! **Not modelled**: the lowest free number. A descriptor is a slot that is fixed beforehand; a file that is installed where one
//! is replaces it, as `dup2` does. No task makes or ends a table while others run (`fork`, `exec`, `exit`).

use std::marker::PhantomData;

use parking_lot::Mutex;

use super::atomic::Atomic;
use super::lock::SpinLock;
use super::plain::{Plain, Word};
use super::slab::{Ptr, Slab};
use super::task::Task;
use crate::event::{Format, ObjectId, Symbol};

/// `struct file`, as far as descriptors go.
pub trait Counted: Slab {
    /// References: descriptors, and calls under way on them.
    fn f_count(&self) -> Atomic;
}

/// An open file as a slot points to it.
pub struct Opened<F> {
    /// The file.
    pub file: Ptr<F>,
    /// What is fixed about it when it is opened, such as `f_mode`.
    ///
    /// It is read with the pointer and by the same step. In C it lies in the file; nobody writes it after the open, so that all who have the
    /// pointer read the same, whenever they do.
    pub fixed: u32,
}

impl<F> Clone for Opened<F> {
    fn clone(&self) -> Opened<F> {
        *self
    }
}

impl<F> Copy for Opened<F> {}

/// A slot as stored: the name of the file in the lower half, what is fixed about it in the upper; 0 is no file.
#[derive(Clone, Copy)]
struct Packed(u64);

impl Word for Packed {
    const FORMAT: Format = Format::Pointer;

    fn to_word(self) -> u64 {
        self.0
    }

    fn from_word(word: u64) -> Packed {
        Packed(word)
    }
}

/// A descriptor that tasks share.
struct Slot<F> {
    cell: Plain<Packed>,
    target: PhantomData<fn() -> F>,
}

impl<F: Slab> Slot<F> {
    fn new(name: Symbol) -> Slot<F> {
        Slot { cell: Plain::new(name, Packed(0)), target: PhantomData }
    }

    fn unpack(&self, Packed(word): Packed) -> Option<Opened<F>> {
        let file = || Ptr::named(self.cell.object(), ObjectId(word as u32));
        (word != 0).then(|| Opened { file: file(), fixed: (word >> 32) as u32 })
    }

    /// `rcu_dereference`: what the pointer leads to is there.
    fn rcu_dereference(&self) -> Option<Opened<F>> {
        self.unpack(self.cell.load_acquire())
    }

    /// Under the `file_lock`: what was there, and `rcu_assign_pointer` of what comes in its place.
    fn replace(&self, opened: Option<Opened<F>>) -> Option<Opened<F>> {
        let old = self.unpack(self.cell.get());
        if old.is_some() || opened.is_some() {
            let word = opened.map_or(0, |opened| u64::from(opened.fixed) << 32 | u64::from(opened.file.id().0));
            self.cell.store_release(Packed(word));
        }
        old
    }
}

/// The table of a process.
pub struct Files<F>(Table<F>);

enum Table<F> {
    /// Of one task, or of several that do not change it. The lock is there because a task's code has to be `Send`.
    Own(Mutex<Vec<Option<Opened<F>>>>),
    /// Of several.
    Shared { file_lock: SpinLock, fd: Vec<Slot<F>> },
}

impl<F: Counted> Files<F> {
    /// The table of one task, or one that no task changes while tasks run: a number of descriptors, none of them open yet.
    pub fn own(descriptors: usize) -> Files<F> {
        Files(Table::Own(Mutex::new(vec![None; descriptors])))
    }

    /// The table of several tasks that change it: descriptors of these names, none of them open yet.
    pub fn shared(names: impl Iterator<Item = Symbol>) -> Files<F> {
        Files(Table::Shared { file_lock: SpinLock::new("file_lock"), fd: names.map(Slot::new).collect() })
    }

    /// May another task close what a call uses? Then each [`fget`](Files::fget) takes a reference, which its caller drops.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Table::Shared { .. })
    }

    /// The name of a descriptor that is an object of the engine.
    pub fn descriptor(&self, fd: usize) -> Option<ObjectId> {
        match &self.0 {
            Table::Own(_) => None,
            Table::Shared { fd: slots, .. } => Some(slots[fd].cell.id()),
        }
    }

    /// What a task knows of its table without asking an object: all of its own, nothing of a shared one.
    pub fn remembered(&self) -> Vec<Option<(ObjectId, u32)>> {
        match &self.0 {
            Table::Own(slots) => slots.lock().iter().map(|slot| slot.map(|it| (it.file.id(), it.fixed))).collect(),
            Table::Shared { .. } => Vec::new(),
        }
    }

    /// `fget`: the open file. From a shared table it comes with a reference. `None` is `EBADF`.
    pub fn fget(&self, current: &Task, fd: usize) -> Option<Opened<F>> {
        match &self.0 {
            Table::Own(slots) => slots.lock()[fd],
            Table::Shared { fd: slots, .. } => {
                let frame = current.enter("fget");
                // rcu_read_lock: until the end of this block no memory of a file goes away.
                loop {
                    current.again(&frame, &fd);
                    let opened = slots[fd].rcu_dereference()?;
                    if opened.file.get().f_count().inc_not_zero() {
                        return Some(opened);
                    }
                    // The last reference is gone, so the descriptor has another file by now, or none.
                }
            }
        }
    }

    /// `fd_install`: the descriptor has the file, with the caller's reference. Returns the file that it had, with its reference.
    pub fn fd_install(&self, current: &Task, fd: usize, opened: Opened<F>) -> Option<Opened<F>> {
        match &self.0 {
            Table::Own(slots) => slots.lock()[fd].replace(opened),
            Table::Shared { file_lock, fd: slots } => {
                let _frame = current.enter("fd_install");
                let _guard = file_lock.lock(current);
                slots[fd].replace(Some(opened))
            }
        }
    }

    /// The first half of `close`: the descriptor has no file any more. Returns the one it had, with its reference. `None` is `EBADF`.
    pub fn take(&self, current: &Task, fd: usize) -> Option<Opened<F>> {
        match &self.0 {
            Table::Own(slots) => slots.lock()[fd].take(),
            Table::Shared { file_lock, fd: slots } => {
                let _frame = current.enter("close");
                let _guard = file_lock.lock(current);
                slots[fd].replace(None)
            }
        }
    }
}
