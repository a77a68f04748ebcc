//! `std::cell`, checked: accesses of two threads that nothing orders are a data race, LW010.
//!
//! Every access is a step of the exploration, and lasts as long as the closure that it was made for, or the pointer that `get` returns.

use std::marker::PhantomData;

use crate::check::happens::ACCESS_ENDS;
use crate::event::{Access, CaseNote, Note, ObjectKind, Op, Place, Rmw};
use crate::own::Shared;
use crate::own::content::Content;
use crate::own::raw::{self, Data};

mod pointer;

pub use pointer::{ConstPtr, MutPtr};

/// `std::cell::UnsafeCell`, as loom has it: `with` and `with_mut` in the place of `get`.
///
/// ```
/// use lockwright::cell::UnsafeCell;
///
/// lockwright::model(|| {
///     let cell = UnsafeCell::new(1);
///     cell.with_mut(|value| unsafe { *value += 1 });
///     assert_eq!(cell.with(|value| unsafe { *value }), 2);
/// });
/// ```
#[derive(Debug)]
pub struct UnsafeCell<T: ?Sized> {
    shared: Shared,
    content: Content,
    /// As that of the standard library it is not shared without its user saying so.
    alone: PhantomData<std::cell::UnsafeCell<()>>,
    data: Data<T>,
}

/// An access that lasts.
#[derive(Debug)]
struct Span {
    shared: Shared,
    writes: bool,
}

impl Span {
    fn begin(shared: Shared, writes: bool, place: Place) -> Span {
        // What may be written may be read as well.
        let op = |id| match writes {
            true => Op::Rmw(id, Rmw::Xchg(0), Access::Plain),
            false => Op::Load(id, Access::Plain),
        };
        shared.perform(op, place);
        Span { shared, writes }
    }

    fn end(&self, content: Option<u64>, place: Place) {
        if !self.shared.object().is_current() {
            return;
        }
        if self.writes {
            self.shared.publish(content);
        }
        let words = [self.shared.object().id.0.into(), self.writes.into(), 0];
        self.shared.object().note(Note::Case(CaseNote { kind: ACCESS_ENDS, words }), place);
    }
}

impl<T> UnsafeCell<T> {
    /// One of that value.
    #[track_caller]
    pub fn new(value: T) -> UnsafeCell<T> {
        let shared = Shared::new(ObjectKind::Cell, 0, Place::caller());
        let content = Content::of_bytes::<T>();
        shared.publish(content.stands_for(std::ptr::from_ref(&value).cast()));
        UnsafeCell { shared, content, alone: PhantomData, data: Data::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// Runs `f` on the value, to read it.
    #[track_caller]
    pub fn with<F, R>(&self, f: F) -> R
    where
        F: FnOnce(*const T) -> R,
    {
        let place = Place::caller();
        let span = Span::begin(self.shared, false, place);
        let result = f(self.data.pointer());
        span.end(None, place);
        result
    }

    /// Runs `f` on the value, to write it.
    #[track_caller]
    pub fn with_mut<F, R>(&self, f: F) -> R
    where
        F: FnOnce(*mut T) -> R,
    {
        let place = Place::caller();
        let span = Span::begin(self.shared, true, place);
        let result = f(self.data.pointer());
        span.end(self.content.stands_for(self.data.pointer().cast::<u8>()), place);
        result
    }

    /// A pointer to read through. The access lasts as long as it lives.
    #[track_caller]
    pub fn get(&self) -> ConstPtr<T> {
        let place = Place::caller();
        ConstPtr::new(Span::begin(self.shared, false, place), self.data.pointer(), place)
    }

    /// A pointer to write through. The access lasts as long as it lives.
    #[track_caller]
    pub fn get_mut(&self) -> MutPtr<T> {
        let place = Place::caller();
        MutPtr::new(Span::begin(self.shared, true, place), self.data.pointer(), place)
    }
}

impl<T: Default> Default for UnsafeCell<T> {
    #[track_caller]
    fn default() -> UnsafeCell<T> {
        UnsafeCell::new(T::default())
    }
}

impl<T> From<T> for UnsafeCell<T> {
    #[track_caller]
    fn from(value: T) -> UnsafeCell<T> {
        UnsafeCell::new(value)
    }
}

/// `std::cell::Cell`.
///
/// ```
/// use lockwright::cell::Cell;
///
/// lockwright::model(|| {
///     let cell = Cell::new(1);
///     assert_eq!((cell.replace(2), cell.get()), (1, 2));
/// });
/// ```
#[derive(Debug)]
pub struct Cell<T> {
    cell: UnsafeCell<T>,
}

impl<T> Cell<T> {
    /// One of that value.
    #[track_caller]
    pub fn new(value: T) -> Cell<T> {
        Cell { cell: UnsafeCell::new(value) }
    }

    /// Runs `f` on the value, which nobody else reaches meanwhile.
    #[track_caller]
    fn change<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let place = Place::caller();
        let span = Span::begin(self.cell.shared, true, place);
        let result = f(self.cell.data.exclusive());
        span.end(self.cell.content.stands_for(self.cell.data.pointer().cast::<u8>().cast_const()), place);
        result
    }

    /// Sets it.
    #[track_caller]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// Exchanges the values of two cells.
    #[track_caller]
    pub fn swap(&self, other: &Cell<T>) {
        if std::ptr::eq(self, other) {
            return;
        }
        let (own, others) = (self.cell.get_mut(), other.cell.get_mut());
        std::mem::swap(own.exclusive(), others.exclusive());
    }

    /// Sets it, and returns what was there.
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        self.change(|own| std::mem::replace(own, value))
    }

    /// The value.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        let place = Place::caller();
        let span = Span::begin(self.cell.shared, false, place);
        let value = *self.cell.data.shared();
        span.end(None, place);
        value
    }

    /// The value, in whose place there is the default.
    #[track_caller]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.cell.into_inner()
    }
}

impl<T: Default> Default for Cell<T> {
    #[track_caller]
    fn default() -> Cell<T> {
        Cell::new(T::default())
    }
}

impl<T: Copy> Clone for Cell<T> {
    #[track_caller]
    fn clone(&self) -> Cell<T> {
        Cell::new(self.get())
    }
}

impl<T> From<T> for Cell<T> {
    #[track_caller]
    fn from(value: T) -> Cell<T> {
        Cell::new(value)
    }
}

impl<T: PartialEq + Copy> PartialEq for Cell<T> {
    fn eq(&self, other: &Cell<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq + Copy> Eq for Cell<T> {}

impl<T: PartialOrd + Copy> PartialOrd for Cell<T> {
    fn partial_cmp(&self, other: &Cell<T>) -> Option<std::cmp::Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

impl<T: Ord + Copy> Ord for Cell<T> {
    fn cmp(&self, other: &Cell<T>) -> std::cmp::Ordering {
        self.get().cmp(&other.get())
    }
}
