//! Descriptors that tasks share: a call looks one up, takes a reference to its file, and drops it at the end.

use super::{EBADF, Phase, State};
use crate::event::ObjectId;
use crate::lease::note::{Fd, LeaseCall};

impl State {
    /// Is the call made on the descriptor of a file that is open for write?
    pub fn writes(&self, call: LeaseCall) -> bool {
        let file = match call.fd() {
            Some(Fd::Own(file)) => Some(file),
            Some(Fd::Shared(slot)) => self.file_of(slot),
            None => None,
        };
        file.and_then(|file| self.open_file(file)).is_some_and(|open| open.write)
    }

    /// The file that the call has a reference to goes to a descriptor. If there was one, its reference is dropped next.
    pub fn install(&self, file: ObjectId, to: Option<Fd>) -> (State, Phase) {
        let mut next = self.clone();
        let old = match to {
            None => None,
            Some(Fd::Own(old)) => Some(old),
            Some(Fd::Shared(slot)) => {
                let old = next.file_of(slot);
                next.slots.retain(|(name, _)| *name != slot);
                next.slots.push((slot, file));
                next.slots.sort_unstable();
                old
            }
        };
        (next, old.map_or(Phase::Done(0), |old| Phase::Drops(old, 0)))
    }

    /// Takes a reference to the file of a descriptor.
    pub(super) fn look_up(&self, fd: Fd, then: fn(ObjectId) -> Phase) -> (State, Phase) {
        let mut next = self.clone();
        let found = match fd {
            Fd::Own(file) => Some(file),
            Fd::Shared(slot) => next.file_of(slot),
        };
        let Some(file) = found else { return (next, Phase::Done(EBADF)) };
        next.files.iter_mut().filter(|open| open.file == file).for_each(|open| open.references += 1);
        (next, then(file))
    }

    /// A descriptor has no file any more; its reference is dropped next.
    pub(super) fn take(&self, fd: Fd) -> (State, Phase) {
        let mut next = self.clone();
        let found = match fd {
            Fd::Own(file) => Some(file),
            Fd::Shared(slot) => next.file_of(slot),
        };
        next.slots.retain(|(slot, _)| Fd::Shared(*slot) != fd);
        match found {
            None => (next, Phase::Done(EBADF)),
            // Nobody looks in between: it is one step.
            Some(file) if fd == Fd::Own(file) => next.drop_reference(file, 0),
            Some(file) => (next, Phase::Drops(file, 0)),
        }
    }

    pub(super) fn file_of(&self, slot: ObjectId) -> Option<ObjectId> {
        self.slots.iter().find(|(name, _)| *name == slot).map(|(_, file)| *file)
    }

    pub(super) fn drop_reference(&self, file: ObjectId, result: i64) -> (State, Phase) {
        let mut next = self.clone();
        next.close(file);
        (next, Phase::Done(result))
    }
}
