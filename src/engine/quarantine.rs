//! An allocator that gives no address out twice in an execution.
//!
//! Where a thread frees a node and makes another, whether the second lies where the first did is the allocator's doing. Code that keeps
//! pointers in atomics can tell, and does one thing in one run and another in the next. With this allocator it cannot: what a task gives back
//! is kept until the next execution begins. What an allocator could do to the program by giving an address out again (ABA) is not seen then.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// The allocator, for the tests of code that keeps pointers in atomics.
///
/// ```
/// use lockwright::alloc::Quarantine;
///
/// #[global_allocator]
/// static ALLOCATOR: Quarantine = Quarantine;
///
/// lockwright::model(|| {
///     let first = Box::into_raw(Box::new(1)).expose_provenance();
///     // SAFETY: it comes from the box above.
///     drop(unsafe { Box::from_raw(std::ptr::with_exposed_provenance_mut::<i32>(first)) });
///     assert_ne!(Box::into_raw(Box::new(2)).addr(), first);
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Quarantine;

/// What lies in memory that is kept.
struct Kept {
    next: *mut Kept,
    layout: Layout,
}

std::thread_local! {
    /// A task runs on this thread.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// What its execution has given back.
    static FIRST: Cell<*mut Kept> = const { Cell::new(ptr::null_mut()) };
}

/// A task runs on this thread while this lives.
pub(super) struct Inside;

impl Inside {
    /// From here on.
    pub(super) fn new() -> Inside {
        INSIDE.set(true);
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// The execution is over: gives back what was kept.
pub(super) fn release() {
    let mut next = FIRST.replace(ptr::null_mut());
    while !next.is_null() {
        // SAFETY: `dealloc` put it there, in memory of that layout that nobody else has.
        next = unsafe {
            let Kept { next: after, layout } = next.read();
            System.dealloc(next.cast(), layout);
            after
        };
    }
}

/// With room for what is written there when it is kept.
fn roomy(layout: Layout) -> Layout {
    let (size, align) = (layout.size().max(size_of::<Kept>()), layout.align().max(align_of::<Kept>()));
    // Too large for any allocator otherwise, and then nothing was allocated.
    Layout::from_size_align(size, align).unwrap_or(layout)
}

// SAFETY: it is the system's allocator, for layouts that are at least as large; what is kept is given back once, with its layout.
unsafe impl GlobalAlloc for Quarantine {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller's; the layout is not empty.
        unsafe { System.alloc(roomy(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(roomy(layout)) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let layout = roomy(layout);
        if INSIDE.get() {
            let kept = pointer.cast::<Kept>();
            // SAFETY: the caller gives the memory up, and `roomy` has made it large enough.
            unsafe { kept.write(Kept { next: FIRST.get(), layout }) };
            FIRST.set(kept);
        } else {
            // SAFETY: it was allocated here, with that layout.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let wanted = Layout::from_size_align(size, layout.align()).map(roomy);
        let Ok(wanted) = wanted else { return ptr::null_mut() };
        if !INSIDE.get() {
            // SAFETY: it was allocated here, with the roomy layout; both have the same alignment.
            return unsafe { System.realloc(pointer, roomy(layout), wanted.size()) };
        }
        // SAFETY: what is copied fits into both, and the old memory is given up.
        unsafe {
            let moved = System.alloc(wanted);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(pointer, moved, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            moved
        }
    }
}
