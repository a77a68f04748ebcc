//! The unsafe code of user-land types: all of it.
//!
//! Tasks take turns on one OS thread, and a task is suspended only before an operation. So what the engine lets a task do with
//! data, no other does until the task's next operation: an exclusive lock, a message taken, a cell in a section that
//! no other overlaps (which the happens-before check makes a finding). Each function says what its caller has made sure of.
//!
//! On real threads (`engine/threads/user.rs`) the same holds: operations have one order, and what belongs to one without being guarded by a
//! lock is done in a section (`engine::section`), in which nobody else makes an operation. There a data race of the code under test is one in fact.

use std::any::TypeId;
use std::cell::UnsafeCell;
use std::hash::Hasher;
use std::marker::PhantomData;
use std::mem;

use crate::engine::fingerprint::Fingerprint;

/// Memory of user-land code, inside something that the engine guards.
#[derive(Debug)]
pub struct Data<T: ?Sized>(UnsafeCell<T>);

// SAFETY: data is reached by the task alone to which the engine gives it, so sharing it is sending it: `T: Send` is what std asks of
// a mutex. What gives out shared references (a lock for reading) asks for `T: Sync` itself.
unsafe impl<T: ?Sized + Send> Sync for Data<T> {}

impl<T> Data<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Data<T> {
        Data(UnsafeCell::new(value))
    }

    /// Gives it back.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Data<T> {
    /// The value, of which nobody else has a reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Where it is.
    pub fn pointer(&self) -> *mut T {
        self.0.get()
    }

    /// The value, for a task that the engine lets read it: no other writes it meanwhile.
    pub(crate) fn shared(&self) -> &T {
        // SAFETY: the caller holds the lock, exclusively or for reading.
        unsafe { &*self.0.get() }
    }

    /// The value, for a task that the engine gives it to: no other reaches it meanwhile.
    #[allow(clippy::mut_from_ref)]
    pub(crate) fn exclusive(&self) -> &mut T {
        // SAFETY: the caller holds the lock exclusively, and hands out no second reference while this one lives.
        unsafe { &mut *self.0.get() }
    }
}

/// A reference that lives as long as the execution does, which no code that uses it outlives.
pub(crate) fn for_the_execution<'a, T: ?Sized>(value: &T) -> &'a T {
    // SAFETY: the caller keeps the value until the next execution begins, and tasks run only during theirs.
    unsafe { &*std::ptr::from_ref(value) }
}

/// A closure of a scope's thread, which ends before the scope does.
pub(crate) fn beyond_its_scope<'a>(body: Box<dyn FnOnce() + Send + 'a>) -> Box<dyn FnOnce() + Send> {
    // SAFETY: the scope joins the thread before it returns; where its own task never runs again, neither does the thread.
    unsafe { mem::transmute::<Box<dyn FnOnce() + Send + 'a>, Box<dyn FnOnce() + Send>>(body) }
}

/// A value that is handed from task to task. Tasks take turns on one OS thread; where each has one of its own, an operation of the engine
/// comes between one task's use of the value and the next one's.
#[derive(Debug)]
pub struct Handed<T>(pub(crate) T);

// SAFETY: no two tasks use the value at the same time, as said above.
unsafe impl<T> Send for Handed<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Handed<T> {}

/// The identity of a type that may borrow something: lifetimes do not count.
pub(crate) fn type_id<T: ?Sized>() -> TypeId {
    trait Named {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T: ?Sized> Named for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let it = PhantomData::<T>;
    let it: &dyn Named = &it;
    // SAFETY: the lifetime is needed to name the type, and no value of it is touched.
    unsafe { mem::transmute::<&dyn Named, &(dyn Named + 'static)>(it) }.id()
}

/// Looks at a value whose type has been erased.
///
/// The pointer has to be one to a `T`.
pub(crate) fn look<T, R>(erased: *const u8, look: impl FnOnce(&T) -> R) -> R {
    // SAFETY: the caller has found out that a `T` lies there, and the task may read it.
    look(unsafe { &*erased.cast::<T>() })
}

/// Has anybody looked which registers a call preserves here?
pub(crate) const KNOWS_REGISTERS: bool = cfg!(target_arch = "x86_64");

/// The registers that a call preserves, in which a caller may keep what it counts with.
#[inline(always)]
pub(crate) fn registers() -> [u64; 6] {
    let mut kept = [0u64; 6];
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it writes the array and nothing else.
    unsafe {
        std::arch::asm!(
            "mov [{to}], rbx",
            "mov [{to} + 8], rbp",
            "mov [{to} + 16], r12",
            "mov [{to} + 24], r13",
            "mov [{to} + 32], r14",
            "mov [{to} + 40], r15",
            to = in(reg) kept.as_mut_ptr(),
            options(nostack, preserves_flags)
        );
    }
    kept
}

/// A number for what lies on the stack of the calling thread from one place to another, both in frames that are still there.
pub(crate) fn stack_between(low: usize, top: usize) -> u64 {
    let mut fold = Fingerprint::default();
    let words = (low.next_multiple_of(8)..top & !7).step_by(8);
    for at in words {
        let at = std::ptr::with_exposed_provenance::<u64>(at);
        let word: u64;
        // The compiler must not know what is read: a word may have no value as it sees it.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the stack is there down to this function's own frame, which is below `low`.
        unsafe {
            std::arch::asm!("mov {word}, [{at}]", word = out(reg) word, at = in(reg) at, options(nostack, readonly, preserves_flags));
        }
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: as above.
        let word = unsafe { at.read_volatile() };
        fold.write_u64(word);
    }
    fold.finish()
}

/// [`std::alloc::alloc`].
///
/// # Safety
/// As there.
pub(crate) unsafe fn alloc(layout: std::alloc::Layout, zeroed: bool) -> *mut u8 {
    // SAFETY: the caller keeps what the function asks for.
    unsafe { if zeroed { std::alloc::alloc_zeroed(layout) } else { std::alloc::alloc(layout) } }
}

/// [`std::alloc::dealloc`].
///
/// # Safety
/// As there.
pub(crate) unsafe fn dealloc(pointer: *mut u8, layout: std::alloc::Layout) {
    // SAFETY: the caller keeps what the function asks for.
    unsafe { std::alloc::dealloc(pointer, layout) }
}

/// The `Arc` that a raw pointer came from.
///
/// # Safety
/// As of [`std::sync::Arc::from_raw`].
pub(crate) unsafe fn arc_from_raw<T: ?Sized>(pointer: *const T) -> std::sync::Arc<T> {
    // SAFETY: the caller keeps what the function asks for.
    unsafe { std::sync::Arc::from_raw(pointer) }
}

/// A shared reference from a raw pointer.
///
/// # Safety
/// The pointer is valid, and nobody writes what it points to while the reference lives.
pub(crate) unsafe fn shared<'a, T: ?Sized>(pointer: *const T) -> &'a T {
    // SAFETY: the caller keeps what the function asks for.
    unsafe { &*pointer }
}

/// An exclusive reference from a raw pointer.
///
/// # Safety
/// The pointer is valid, and nobody else reaches what it points to while the reference lives.
pub(crate) unsafe fn exclusive<'a, T: ?Sized>(pointer: *mut T) -> &'a mut T {
    // SAFETY: the caller keeps what the function asks for.
    unsafe { &mut *pointer }
}

/// The field of a value that is not dropped.
pub(crate) fn moved_out<T>(field: &T) -> T {
    // SAFETY: the caller never drops, or looks at, the field where it was.
    unsafe { std::ptr::read(field) }
}

/// An exclusive reference from a pointer to a cell that is not shared with other threads.
pub(crate) fn of_alone<'a, T: ?Sized>(pointer: *mut T) -> &'a mut T {
    // SAFETY: the caller has the cell alone, and makes no second reference while this one lives.
    unsafe { &mut *pointer }
}
