//! The raw mutex under [`Mutex`](super::Mutex) and [`ReentrantMutex`](super::ReentrantMutex).

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::engine::{self, Object};
use crate::event::{ObjectKind, Op, Place};
use crate::own::Shared;
use crate::own::late::{Late, Parts};
use crate::own::thread::time_out;

impl Parts for Shared {
    fn make(place: Place) -> Shared {
        Shared::new(ObjectKind::Mutex, 0, place)
    }

    fn first(&self) -> Shared {
        *self
    }
}

/// `parking_lot::RawMutex`.
#[derive(Debug)]
pub struct RawMutex(Late<Shared>);

impl RawMutex {
    /// Its object is made when it is first used.
    pub(super) const fn unmade() -> RawMutex {
        RawMutex(Late::unmade())
    }

    /// Its object is made now.
    pub(super) fn new(place: Place) -> RawMutex {
        RawMutex(Late::made(place))
    }

    pub(super) fn object(&self, place: Place) -> Object {
        self.0.get(place).object()
    }

    pub(super) fn lock_at(&self, place: Place) {
        self.0.get(place).perform(Op::Acquire, place);
    }

    /// Opens it. What it protects is as old as what its holder has observed.
    pub(super) fn unlock_at(&self, place: Place) {
        if let Some(lock) = self.0.used() {
            lock.publish(None);
            lock.perform(Op::Release, place);
        }
    }
}

// SAFETY: the engine lets one task take the lock until that task releases it.
unsafe impl lock_api::RawMutex for RawMutex {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: RawMutex = RawMutex::unmade();

    type GuardMarker = lock_api::GuardNoSend;

    #[track_caller]
    fn lock(&self) {
        self.lock_at(Place::caller());
    }

    #[track_caller]
    fn try_lock(&self) -> bool {
        let place = Place::caller();
        self.0.get(place).perform(Op::TryAcquire, place) != 0
    }

    #[track_caller]
    unsafe fn unlock(&self) {
        self.unlock_at(Place::caller());
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[track_caller]
    fn try_lock_for(&self, _timeout: Duration) -> bool {
        let is_locked = lock_api::RawMutex::try_lock(self);
        if !is_locked {
            time_out(Place::caller());
        }
        is_locked
    }

    #[track_caller]
    fn try_lock_until(&self, _timeout: Instant) -> bool {
        self.try_lock_for(Duration::ZERO)
    }
}

/// `parking_lot::RawThreadId`: which thread of the model it is.
#[derive(Clone, Copy, Debug)]
pub struct RawThreadId;

// SAFETY: tasks of an execution have different numbers.
unsafe impl lock_api::GetThreadId for RawThreadId {
    const INIT: RawThreadId = RawThreadId;

    fn nonzero_thread_id(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(usize::from(engine::task().0))
    }
}
