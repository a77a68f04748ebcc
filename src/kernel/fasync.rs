//! SIGIO: who is to be told when something happens to an open file.
//!
//! A lease has a list of fasync entries; each names an open file, whose owner gets the signal. Making an entry
//! allocates with GFP_KERNEL (`fasync_helper` of 2.6.23), or it is made beforehand and inserted under a
//! lock (`fasync_alloc`, `fasync_insert_entry`, Linux commit f7347ce4ee7, 2010).
//!
//! Lock order: `fasync_lock`, then the owner's lock. Neither ever sleeps.

use super::lock::SpinLock;
use super::plain::Plain;
use super::slab::{Gfp, Layout, Link, Ptr, Slab, kfree, kmalloc};
use super::task::Task;
use super::{Errno, Result};
use crate::engine;
use crate::event::{Note, ObjectId, Place};

/// `struct fown_struct`: whom a file's signals go to. A struct that has one embeds it.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    lock: SpinLock,
    pid: Plain<u32>,
}

impl Owner {
    /// An owner in a slab object: nobody.
    pub fn field(layout: &mut Layout) -> Owner {
        Owner { lock: SpinLock::field(layout, "f_owner.lock"), pid: Plain::field(layout, "f_owner.pid") }
    }
}

/// A slab object with an owner of its signals.
pub trait Owned: Slab {
    /// Its owner.
    fn owner(&self) -> Owner;
}

/// `struct fasync_struct`: one who is to be told.
pub struct FasyncStruct<F> {
    /// The open file whose owner gets the signal.
    pub fa_file: Link<F>,
    /// The next entry.
    pub fa_next: Link<FasyncStruct<F>>,
}

impl<F> Slab for FasyncStruct<F> {
    const NAME: &'static str = "fasync";

    fn lay(layout: &mut Layout) -> FasyncStruct<F> {
        FasyncStruct { fa_file: Link::field(layout, "fa_file"), fa_next: Link::field(layout, "fa_next") }
    }
}

/// The head of a list of entries.
pub type FasyncList<F> = Link<FasyncStruct<F>>;

/// `fasync_helper(on)`: allocates an entry, **may sleep**, and inserts it unless the file has one.
///
/// # Errors
/// `ENOMEM`.
#[track_caller]
pub fn fasync_helper<F>(current: &Task, filp: Ptr<F>, list: FasyncList<F>) -> Result<()> {
    let _frame = current.enter("fasync_helper");
    let entry = kmalloc(current, Gfp::Kernel)?;
    if let Some(unused) = insert(current, filp, list, entry) {
        kfree(unused);
    }
    Ok(())
}

/// `fasync_alloc`: an entry for later, **may sleep**.
///
/// # Errors
/// `ENOMEM`.
#[track_caller]
pub fn fasync_alloc<F>(current: &Task) -> Result<Ptr<FasyncStruct<F>>> {
    let _frame = current.enter("fasync_alloc");
    kmalloc(current, Gfp::Kernel)
}

/// `fasync_insert_entry`: never sleeps, cannot fail. Returns the entry if the file has one already: the caller frees it.
pub fn fasync_insert_entry<F>(
    current: &Task,
    filp: Ptr<F>,
    list: FasyncList<F>,
    entry: Ptr<FasyncStruct<F>>,
) -> Option<Ptr<FasyncStruct<F>>> {
    let _frame = current.enter("fasync_insert_entry");
    insert(current, filp, list, entry)
}

fn insert<F>(
    current: &Task,
    filp: Ptr<F>,
    list: FasyncList<F>,
    entry: Ptr<FasyncStruct<F>>,
) -> Option<Ptr<FasyncStruct<F>>> {
    let _guard = current.kernel.fasync_lock.lock(current);
    let mut at = list.get();
    while let Some(known) = at {
        let known = known.get();
        if known.fa_file.get() == Some(filp) {
            return Some(entry);
        }
        at = known.fa_next.get();
    }
    entry.get().fa_file.set(Some(filp));
    entry.get().fa_next.set(list.get());
    list.set(Some(entry));
    None
}

/// `fasync_free`: an entry that was allocated and is not on a list, if there is one.
pub fn fasync_free<F>(entry: Option<Ptr<FasyncStruct<F>>>) {
    if let Some(entry) = entry {
        kfree(entry);
    }
}

/// `fasync_helper(off)`: takes the file's entry off the list and frees it. True if there was one.
pub fn fasync_remove<F>(current: &Task, filp: Ptr<F>, list: FasyncList<F>) -> bool {
    let removed = {
        let _guard = current.kernel.fasync_lock.lock(current);
        let mut link = list;
        loop {
            let Some(entry) = link.get() else { return false };
            if entry.get().fa_file.get() == Some(filp) {
                link.set(entry.get().fa_next.get());
                break entry;
            }
            link = entry.get().fa_next;
        }
    };
    kfree(removed);
    true
}

/// `kill_fasync`: SIGIO to the owner of each file on the list. Never sleeps.
pub fn kill_fasync<F: Owned>(current: &Task, list: FasyncList<F>) {
    let _frame = current.enter("kill_fasync");
    let _guard = current.kernel.fasync_lock.lock(current);
    let mut at = list.get();
    while let Some(entry) = at {
        let entry = entry.get();
        if let Some(file) = entry.fa_file.get() {
            send_sigio(current, file.get().owner(), file.id());
        }
        at = entry.fa_next.get();
    }
}

#[track_caller]
fn send_sigio(current: &Task, owner: Owner, file: ObjectId) {
    let _guard = owner.lock.lock(current);
    let pid = owner.pid.get();
    engine::note(Note::Signal { pid, file }, Place::caller());
}

/// `__f_setown` without force: an owner that is set stays. The security hook may refuse.
///
/// # Errors
/// `EACCES`, where the scenario lets security hooks refuse.
pub fn f_setown(current: &Task, owner: Owner) -> Result<()> {
    let _frame = current.enter("f_setown");
    if current.lsm_refuses("file_set_fowner refuses") {
        return Err(Errno::EACCES);
    }
    f_setown_nofail(current, owner);
    Ok(())
}

/// The same, of an owner that the hook has accepted before: cannot fail.
pub fn f_setown_accepted(current: &Task, owner: Owner) {
    let _frame = current.enter("f_setown");
    f_setown_nofail(current, owner);
}

/// What both of them do.
pub fn f_setown_nofail(current: &Task, owner: Owner) {
    let _guard = owner.lock.lock(current);
    if owner.pid.get() == 0 {
        owner.pid.set(current.pid);
    }
}

/// `f_delown`: nobody is to be told any more.
pub fn f_delown(current: &Task, owner: Owner) {
    let _guard = owner.lock.lock(current);
    owner.pid.set(0);
}

/// `F_SETOWN`: the process is to be told, whoever was before.
pub fn f_setown_force(current: &Task, owner: Owner, pid: u32) {
    let _frame = current.enter("f_setown");
    let _guard = owner.lock.lock(current);
    owner.pid.set(pid);
}

/// `F_GETOWN`: who is to be told; 0 is nobody.
pub fn f_getown(current: &Task, owner: Owner) -> u32 {
    let _frame = current.enter("f_getown");
    let _guard = owner.lock.lock(current);
    owner.pid.get()
}
