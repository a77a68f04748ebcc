//! The heap: `kmalloc` hands out pointers into a slab that knows what was freed.
//!
//! A pointer is a name. It can be stored in plain memory, compared, and go stale; a use of what it names after
//! `kfree` is LW020. Names are never used twice, so a stale pointer never meets a new object by luck.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use super::bkl;
pub use super::layout::Layout;
use super::plain::Plain;
use super::task::Task;
use super::{Errno, Result};
use crate::engine::Object;
use crate::event::{Choice, Note, ObjectId, ObjectInfo, ObjectKind, Op, Place, Symbol, View};

/// Allocation flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gfp {
    /// May sleep (and drops the BKL while it does).
    Kernel,
    /// Never sleeps.
    Atomic,
}

/// A struct that lives in the slab: a name, and its fields in order.
pub trait Slab: Sized {
    /// Name of the struct.
    const NAME: &'static str;
    /// Its fields, each by [`Plain::field`] and its like, always the same in the same order.
    fn lay(layout: &mut Layout) -> Self;
}

/// A pointer to a slab object; it may be stale.
pub struct Ptr<T> {
    block: Object,
    target: PhantomData<fn() -> T>,
}

impl<T> Clone for Ptr<T> {
    fn clone(&self) -> Ptr<T> {
        *self
    }
}

impl<T> Copy for Ptr<T> {}

impl<T> PartialEq for Ptr<T> {
    fn eq(&self, other: &Ptr<T>) -> bool {
        self.block == other.block
    }
}

impl<T> Eq for Ptr<T> {}

impl<T> Hash for Ptr<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.block.id.hash(state);
    }
}

impl<T> fmt::Debug for Ptr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ptr({:?})", self.block.id)
    }
}

impl<T> Ptr<T> {
    /// The slab object of that name, in the execution of `near`.
    pub(super) fn named(near: Object, id: ObjectId) -> Ptr<T> {
        Ptr { block: near.named(id), target: PhantomData }
    }
}

impl<T: Slab> Ptr<T> {
    /// The struct it points to. No step: its fields are accessed when they are used.
    pub fn get(self) -> T {
        T::lay(&mut Layout::again(self.block))
    }

    /// Its name.
    pub fn id(self) -> ObjectId {
        self.block.id
    }
}

/// A field that points to a slab object, or to none.
pub struct Link<T> {
    cell: Plain<Option<ObjectId>>,
    target: PhantomData<fn() -> T>,
}

impl<T> Clone for Link<T> {
    fn clone(&self) -> Link<T> {
        *self
    }
}

impl<T> Copy for Link<T> {}

impl<T> fmt::Debug for Link<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({:?})", self.cell.id())
    }
}

impl<T> PartialEq for Link<T> {
    fn eq(&self, other: &Link<T>) -> bool {
        self.cell == other.cell
    }
}

impl<T> Link<T> {
    /// Points to nothing.
    pub fn new(name: impl Into<Symbol>) -> Link<T> {
        Link { cell: Plain::new(name, None), target: PhantomData }
    }

    /// A link in a slab object, pointing to nothing.
    pub fn field(layout: &mut Layout, name: impl Into<Symbol>) -> Link<T> {
        Link { cell: Plain::field(layout, name), target: PhantomData }
    }

    fn pointer(self, id: Option<ObjectId>) -> Option<Ptr<T>> {
        id.map(|id| Ptr::named(self.cell.object(), id))
    }

    /// Its name.
    pub fn id(self) -> ObjectId {
        self.cell.id()
    }

    /// What it points to now, without a step: for checks.
    pub fn peek(self, view: &dyn View) -> Option<Ptr<T>> {
        self.pointer(self.cell.peek(view))
    }

    /// Points a field of a fresh slab object, before anybody else can know the object. No step.
    pub fn init(self, to: Option<Ptr<T>>) {
        self.cell.init(to.map(|ptr| ptr.block.id));
    }

    /// An ordinary read.
    #[track_caller]
    pub fn get(self) -> Option<Ptr<T>> {
        self.pointer(self.cell.get())
    }

    /// An ordinary write.
    #[track_caller]
    pub fn set(self, to: Option<Ptr<T>>) {
        self.cell.set(to.map(|ptr| ptr.block.id));
    }

    /// `READ_ONCE`.
    #[track_caller]
    pub fn read_once(self) -> Option<Ptr<T>> {
        self.pointer(self.cell.read_once())
    }

    /// `WRITE_ONCE`.
    #[track_caller]
    pub fn write_once(self, to: Option<Ptr<T>>) {
        self.cell.write_once(to.map(|ptr| ptr.block.id));
    }

    /// `smp_load_acquire`.
    #[track_caller]
    pub fn load_acquire(self) -> Option<Ptr<T>> {
        self.pointer(self.cell.load_acquire())
    }

    /// `smp_store_release`.
    #[track_caller]
    pub fn store_release(self, to: Option<Ptr<T>>) {
        self.cell.store_release(to.map(|ptr| ptr.block.id));
    }
}

/// `kmalloc`: a zeroed object.
///
/// With [`Gfp::Kernel`] it may sleep, so the BKL is given back and retaken; the schedule in which nobody uses that is the
/// one in which it did not sleep.
///
/// # Errors
/// `ENOMEM`, where the scenario lets allocations fail.
#[track_caller]
pub fn kmalloc<T: Slab>(current: &Task, gfp: Gfp) -> Result<Ptr<T>> {
    if gfp == Gfp::Kernel {
        current.might_sleep("kmalloc(GFP_KERNEL)");
        bkl::may_schedule(current);
    }
    if current.kernel.faults.memory && current.happens(Choice::Memory) {
        return Err(Errno::ENOMEM);
    }
    Ok(kmalloc_nofail(Place::caller()))
}

/// An allocation that does not fail and does not sleep: what a scenario takes for granted.
pub fn kmalloc_nofail<T: Slab>(place: crate::event::Place) -> Ptr<T> {
    let info = ObjectInfo::new(ObjectKind::Block, T::NAME);
    let block = Object::new(info, 0);
    T::lay(&mut Layout::first(block));
    block.note(Note::Alloc(block.id), place);
    Ptr { block, target: PhantomData }
}

/// `kfree`.
#[track_caller]
pub fn kfree<T>(ptr: Ptr<T>) {
    ptr.block.perform(Op::Free(ptr.block.id), Place::caller());
}
