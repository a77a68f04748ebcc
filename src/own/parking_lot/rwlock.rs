//! The raw lock under [`RwLock`](super::RwLock).
//!
//! It has four objects. `lock` is what readers share. A writer that is to have it holds `turn`, so that one writer comes at a time, and so
//! does the holder of an upgradable lock, who holds nothing else: readers come in beside it. A writer holds the `queue` while it waits for
//! readers to go, and a reader passes through the queue to come in: that is what makes it fair. `tries` keeps what tries to get both `turn`
//! and `lock` from being seen half done.

use std::time::{Duration, Instant};

use crate::event::{Act, ObjectKind, Op, Place, Symbol};
use crate::own::late::{Late, Parts};
use crate::own::thread::time_out;
use crate::own::{Shared, name_of};

/// The objects of a lock.
#[derive(Clone, Copy, Debug)]
struct Objects {
    lock: Shared,
    turn: Shared,
    queue: Shared,
    tries: Shared,
}

impl Parts for Objects {
    fn make(place: Place) -> Objects {
        let part = |what: &str| {
            let name = Symbol::from(format!("{}, {what}", name_of(place)));
            Shared::numbered(ObjectKind::WaitList, 0, name)
        };
        Objects {
            lock: Shared::new(ObjectKind::RwSem, 0, place),
            turn: part("turn to write"),
            queue: part("queue"),
            tries: part("tries"),
        }
    }

    fn first(&self) -> Shared {
        self.lock
    }
}

/// `parking_lot::RawRwLock`.
#[derive(Debug)]
pub struct RawRwLock(Late<Objects>);

impl RawRwLock {
    /// Its objects are made when it is first used.
    pub(super) const fn unmade() -> RawRwLock {
        RawRwLock(Late::unmade())
    }

    /// Its objects are made now.
    pub(super) fn new(place: Place) -> RawRwLock {
        RawRwLock(Late::made(place))
    }
}

impl Objects {
    fn try_read(self, place: Place) -> bool {
        self.lock.act(Act::TryRead, place) != 0
    }

    /// With the turn: waits for readers to go, and keeps new ones out meanwhile.
    fn write(self, place: Place) {
        self.queue.perform(Op::Acquire, place);
        self.lock.perform(Op::Acquire, place);
        self.queue.perform(Op::Release, place);
    }

    /// With the turn: a writer that waits for readers until its timeout.
    fn write_in_vain(self, place: Place) {
        self.queue.perform(Op::Acquire, place);
        self.queue.perform(Op::Release, place);
    }

    /// Opens it for others that write. What it protects is as old as what its holder has observed.
    fn end_turn(self, place: Place) {
        self.turn.publish(None);
        self.turn.perform(Op::Release, place);
    }

    fn end_write(self, place: Place) {
        self.lock.publish(None);
        self.lock.perform(Op::Release, place);
    }
}

// SAFETY: readers hold `lock` for reading, a writer holds it for writing, and the engine keeps these apart.
unsafe impl lock_api::RawRwLock for RawRwLock {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: RawRwLock = RawRwLock::unmade();

    type GuardMarker = lock_api::GuardNoSend;

    #[track_caller]
    fn lock_shared(&self) {
        let place = Place::caller();
        let objects = self.0.get(place);
        objects.queue.perform(Op::AcquireRead, place);
        objects.lock.perform(Op::AcquireRead, place);
        objects.queue.perform(Op::ReleaseRead, place);
    }

    #[track_caller]
    fn try_lock_shared(&self) -> bool {
        let place = Place::caller();
        let objects = self.0.get(place);
        if objects.queue.act(Act::TryRead, place) == 0 {
            return false;
        }
        let is_ours = objects.try_read(place);
        objects.queue.perform(Op::ReleaseRead, place);
        is_ours
    }

    #[track_caller]
    unsafe fn unlock_shared(&self) {
        if let Some(objects) = self.0.used() {
            objects.lock.perform(Op::ReleaseRead, Place::caller());
        }
    }

    #[track_caller]
    fn lock_exclusive(&self) {
        let place = Place::caller();
        let objects = self.0.get(place);
        objects.turn.perform(Op::Acquire, place);
        objects.write(place);
    }

    #[track_caller]
    fn try_lock_exclusive(&self) -> bool {
        let place = Place::caller();
        let objects = self.0.get(place);
        objects.tries.perform(Op::Acquire, place);
        let is_turn = objects.turn.perform(Op::TryAcquire, place) != 0;
        let is_ours = is_turn && objects.lock.perform(Op::TryAcquire, place) != 0;
        if is_turn && !is_ours {
            objects.turn.perform(Op::Release, place);
        }
        objects.tries.perform(Op::Release, place);
        is_ours
    }

    #[track_caller]
    unsafe fn unlock_exclusive(&self) {
        if let Some(objects) = self.0.used() {
            let place = Place::caller();
            objects.end_write(place);
            objects.end_turn(place);
        }
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawRwLockRecursive for RawRwLock {
    #[track_caller]
    fn lock_shared_recursive(&self) {
        let place = Place::caller();
        self.0.get(place).lock.perform(Op::AcquireRead, place);
    }

    #[track_caller]
    fn try_lock_shared_recursive(&self) -> bool {
        let place = Place::caller();
        self.0.get(place).try_read(place)
    }
}

// SAFETY: the turn is kept until the lock is held for reading: no writer comes in between.
unsafe impl lock_api::RawRwLockDowngrade for RawRwLock {
    #[track_caller]
    unsafe fn downgrade(&self) {
        if let Some(objects) = self.0.used() {
            let place = Place::caller();
            objects.end_write(place);
            objects.lock.perform(Op::AcquireRead, place);
            objects.end_turn(place);
        }
    }
}

// SAFETY: the holder of an upgradable lock has the turn: nobody writes until it does.
unsafe impl lock_api::RawRwLockUpgrade for RawRwLock {
    #[track_caller]
    fn lock_upgradable(&self) {
        let place = Place::caller();
        self.0.get(place).turn.perform(Op::Acquire, place);
    }

    #[track_caller]
    fn try_lock_upgradable(&self) -> bool {
        let place = Place::caller();
        let objects = self.0.get(place);
        objects.tries.perform(Op::Acquire, place);
        let is_ours = objects.turn.perform(Op::TryAcquire, place) != 0;
        objects.tries.perform(Op::Release, place);
        is_ours
    }

    #[track_caller]
    unsafe fn unlock_upgradable(&self) {
        if let Some(objects) = self.0.used() {
            objects.end_turn(Place::caller());
        }
    }

    #[track_caller]
    unsafe fn upgrade(&self) {
        let place = Place::caller();
        self.0.get(place).write(place);
    }

    #[track_caller]
    unsafe fn try_upgrade(&self) -> bool {
        let place = Place::caller();
        self.0.get(place).lock.perform(Op::TryAcquire, place) != 0
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawRwLockUpgradeDowngrade for RawRwLock {
    #[track_caller]
    unsafe fn downgrade_upgradable(&self) {
        if let Some(objects) = self.0.used() {
            let place = Place::caller();
            objects.lock.perform(Op::AcquireRead, place);
            objects.end_turn(place);
        }
    }

    #[track_caller]
    unsafe fn downgrade_to_upgradable(&self) {
        if let Some(objects) = self.0.used() {
            objects.end_write(Place::caller());
        }
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawRwLockTimed for RawRwLock {
    type Duration = Duration;
    type Instant = Instant;

    #[track_caller]
    fn try_lock_shared_for(&self, _timeout: Duration) -> bool {
        let is_locked = lock_api::RawRwLock::try_lock_shared(self);
        if !is_locked {
            time_out(Place::caller());
        }
        is_locked
    }

    #[track_caller]
    fn try_lock_shared_until(&self, _timeout: Instant) -> bool {
        self.try_lock_shared_for(Duration::ZERO)
    }

    /// A writer whose timeout comes may have kept readers out until then.
    #[track_caller]
    fn try_lock_exclusive_for(&self, _timeout: Duration) -> bool {
        let place = Place::caller();
        let objects = self.0.get(place);
        if lock_api::RawRwLock::try_lock_exclusive(self) {
            return true;
        }
        if objects.turn.perform(Op::TryAcquire, place) != 0 {
            objects.write_in_vain(place);
            objects.turn.perform(Op::Release, place);
        }
        time_out(place);
        false
    }

    #[track_caller]
    fn try_lock_exclusive_until(&self, _timeout: Instant) -> bool {
        self.try_lock_exclusive_for(Duration::ZERO)
    }
}
