//! A lease as a sequential object: what each call does and answers when calls come one after the other.
//!
//! It knows no lock, no list and no record: open files, who has which lease, what a break has asked for. Kernels have differed in
//! what they answer; where Linux 2.6.23 and a later release differ, both answers are in it ([`steps`] returns all of them):
//!
//! | where | both of |
//! |---|---|
//! | `F_UNLCK` without a lease | 0, `EAGAIN` (since 2.6.37) |
//! | the holder asks again while its lease is being broken | the break is overwritten (2.6.23), it stays |
//! | a reader meets a read lease that is to go | it waits (2.6.23), it passes |
//! | the opener's process has a lease itself | it gets `EAGAIN` at once, it waits |
//!
//! A break whose time was over before the first call is settled by the first call that takes, gives up, asks for or breaks a
//! lease. One whose time is over later may be settled at any time from then on.
//!
//! A call on a descriptor that tasks share is three operations: it looks the file up (`EBADF` if there is none) and takes a reference, does
//! its work, and drops the reference. The last reference closes the file, whichever task has it; so a call that has looked before
//! another task closes the descriptor works on an open file.
//!
//! A blocking open is two operations: the break, and the return, which is possible when no break it waits for is under way.
//! Between the two it counts as an opener or not, as `i_writecount` is raised early or late.

mod descriptors;

use crate::event::ObjectId;
use crate::lease::note::{Fd, LeaseCall, LeaseType, Listed};

/// Errors that the specification knows, as the kernel numbers them.
const EINTR: i64 = -4;
const EBADF: i64 = -9;
const EAGAIN: i64 = -11;
const ENOMEM: i64 = -12;
const EACCES: i64 = -13;
const EINVAL: i64 = -22;

/// `F_RDLCK`, `F_WRLCK`, `F_UNLCK` as `F_GETLEASE` answers them.
fn answer(lease: Option<LeaseType>) -> i64 {
    match lease {
        Some(LeaseType::Read) => 0,
        Some(LeaseType::Write) => 1,
        None => 2,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Lease {
    file: ObjectId,
    /// Which in-kernel owner; 0 for the user of the description.
    kernel_owner: u32,
    pid: u32,
    lease: LeaseType,
    /// What a break under way will leave.
    asked: Option<Option<LeaseType>>,
    /// Its time is over: the next call that looks at leases settles it.
    overdue: bool,
}

impl Lease {
    fn target(&self) -> Option<LeaseType> {
        self.asked.unwrap_or(Some(self.lease))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct OpenFile {
    file: ObjectId,
    inode: ObjectId,
    write: bool,
    /// Descriptors, and calls under way on descriptors that tasks share.
    references: u8,
    /// Who gets its signals; 0 is nobody.
    owner: u32,
}

/// All files and leases there are, and the descriptors that tasks share.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct State {
    files: Vec<OpenFile>,
    leases: Vec<Lease>,
    /// Descriptors that tasks share and that are open, each with its file.
    slots: Vec<(ObjectId, ObjectId)>,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    /// Nothing has happened yet.
    Begun,
    /// An opener has found nothing to wait for.
    Passes,
    /// It waits for leases to go.
    Waits,
    /// It has found this file at a descriptor that tasks share, and has a reference to it.
    Holds(ObjectId),
    /// It has a reference to this file, for a descriptor.
    Installs(ObjectId),
    /// It has a reference to this file to drop before it returns that.
    Drops(ObjectId, i64),
    /// It will return this.
    Done(i64),
}

impl Phase {
    /// The same, with a file called by its name.
    pub fn renamed(self, from: ObjectId, to: ObjectId) -> Phase {
        match self {
            Phase::Holds(file) if file == from => Phase::Holds(to),
            Phase::Installs(file) if file == from => Phase::Installs(to),
            Phase::Drops(file, result) if file == from => Phase::Drops(to, result),
            other => other,
        }
    }
}

/// What happens around a call that its answer may depend on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around {
    /// The name of the description that an open makes, or will make.
    pub file: ObjectId,
    /// Another call on a file is under way.
    pub call: bool,
    /// Another call that opens for write or truncates is under way: `O_TRUNC` does, also on an open for read.
    pub writer: bool,
    /// An allocation of this call has failed.
    pub no_memory: bool,
    /// The security module has refused this call.
    pub refused: bool,
    /// A signal has ended a sleep of this call.
    pub interrupted: bool,
}

/// What can happen next to a call: each with the state it leaves.
pub(super) fn steps(state: &State, call: LeaseCall, phase: Phase, around: Around) -> Vec<(State, Phase)> {
    let breaks = matches!((call, phase), (LeaseCall::Open { .. } | LeaseCall::Truncate { .. }, Phase::Begun));
    let timed_out = (breaks && state.is_overdue()).then(|| state.timed_out());
    let state = timed_out.as_ref().unwrap_or(state);
    match (call, phase) {
        (_, Phase::Done(_)) => Vec::new(),
        (_, Phase::Installs(file)) => vec![state.install(file, call.to())],
        (_, Phase::Drops(file, result)) => vec![state.drop_reference(file, result)],
        (_, Phase::Holds(file)) => {
            let drops = |(state, phase)| match phase {
                Phase::Done(result) => (state, Phase::Drops(file, result)),
                other => (state, other),
            };
            on_file(state, call, file, around).into_iter().map(drops).collect()
        }
        (LeaseCall::Open { inode, write, nonblock, pid, to, .. }, _) => {
            let mut next = state.enter(inode, write, nonblock, pid, phase, around);
            let opened = next.iter_mut().filter(|(_, phase)| to.is_some() && *phase == Phase::Done(0));
            opened.for_each(|(_, phase)| *phase = Phase::Installs(around.file));
            next
        }
        (LeaseCall::Truncate { inode, pid }, _) => {
            let mut next = state.enter(inode, true, false, pid, phase, around);
            // It opens nothing that stays.
            next.iter_mut().for_each(|(state, _)| state.files.retain(|open| open.file != around.file));
            next
        }
        (LeaseCall::Locks { inode }, _) => vec![(state.clone(), Phase::Done(state.of_inode(inode).count() as i64))],
        (LeaseCall::Close { fd }, _) => vec![state.take(fd)],
        (LeaseCall::Dup { fd, .. }, _) => vec![state.look_up(fd, Phase::Installs)],
        (LeaseCall::SetLease { fd, .. } | LeaseCall::SetNoLease { fd } | LeaseCall::GetLease { fd }, _)
        | (LeaseCall::SetOwn { fd, .. } | LeaseCall::GetOwn { fd }, _) => match fd {
            Fd::Own(file) => on_file(state, call, file, around),
            Fd::Shared(_) => vec![state.look_up(fd, Phase::Holds)],
        },
    }
}

/// What a call does and answers that has found the file of its descriptor.
fn on_file(state: &State, call: LeaseCall, file: ObjectId, around: Around) -> Vec<(State, Phase)> {
    let looks = matches!(call, LeaseCall::SetLease { .. } | LeaseCall::GetLease { .. });
    let timed_out = (looks && state.is_overdue()).then(|| state.timed_out());
    let (as_it_was, state) = (state, timed_out.as_ref().unwrap_or(state));
    let unchanged = |result| (state.clone(), Phase::Done(result));
    let failed = || {
        let no_memory = around.no_memory.then(|| unchanged(ENOMEM));
        no_memory.into_iter().chain(around.refused.then(|| unchanged(EACCES)))
    };
    match call {
        LeaseCall::SetLease { lease, pid, in_kernel, .. } => {
            let mut next = state.set_lease(file, lease, pid, in_kernel, around);
            next.extend((around.no_memory && lease.is_some()).then(|| unchanged(ENOMEM)));
            next.extend(around.refused.then(|| unchanged(EACCES)));
            // A call that fails before it comes to the leases settles nothing.
            let failed = [(around.no_memory && lease.is_some(), ENOMEM), (around.refused, EACCES)];
            let failed = failed.into_iter().filter(|(fails, _)| *fails && timed_out.is_some());
            next.extend(failed.map(|(_, error)| (as_it_was.clone(), Phase::Done(error))));
            next
        }
        LeaseCall::SetNoLease { .. } => std::iter::once(unchanged(EINVAL)).chain(failed()).collect(),
        LeaseCall::GetLease { .. } => {
            let found = state.leases.iter().find(|lease| lease.file == file);
            vec![unchanged(answer(found.and_then(Lease::target)))]
        }
        LeaseCall::SetOwn { pid, .. } => {
            let mut next = state.clone();
            next.files.iter_mut().filter(|open| open.file == file).for_each(|open| open.owner = pid);
            vec![(next, Phase::Done(0))]
        }
        LeaseCall::GetOwn { .. } => {
            vec![unchanged(state.open_file(file).map_or(0, |open| i64::from(open.owner)))]
        }
        LeaseCall::Open { .. } | LeaseCall::Truncate { .. } | LeaseCall::Close { .. } | LeaseCall::Dup { .. } => vec![],
        LeaseCall::Locks { .. } => vec![],
    }
}

impl State {
    /// A file that is open from here on.
    pub fn opened(&mut self, file: ObjectId, inode: ObjectId, write: bool) {
        self.files.push(OpenFile { file, inode, write, references: 1, owner: 0 });
        self.files.sort_unstable();
    }

    /// The description that was made under another name.
    pub fn rename(&mut self, from: ObjectId, to: ObjectId) {
        let rename = |file: &mut ObjectId| *file = if *file == from { to } else { *file };
        self.files.iter_mut().for_each(|open| rename(&mut open.file));
        self.leases.iter_mut().for_each(|lease| rename(&mut lease.file));
        self.slots.iter_mut().for_each(|(_, file)| rename(file));
        self.files.sort_unstable();
        self.leases.sort_unstable();
    }

    /// Is a lease breaking whose time was over before the first call?
    fn is_overdue(&self) -> bool {
        self.leases.iter().any(|lease| lease.overdue)
    }

    /// What would be listed: file, target and whether it is being broken.
    pub fn listed(&self) -> Vec<(ObjectId, Option<LeaseType>, bool)> {
        sorted(self.leases.iter().map(|lease| (lease.file, lease.target(), lease.asked.is_some())))
    }

    /// The states in which one lease whose break is under way has become what was asked for: its time is over.
    pub fn expiries(&self) -> Vec<State> {
        let breaking = (0..self.leases.len()).filter(|&at| self.leases[at].asked.is_some());
        breaking.map(|at| self.settled(at)).collect()
    }

    /// The time of every break under way is over.
    pub fn time_is_over(&mut self) {
        self.leases.iter_mut().for_each(|lease| lease.overdue = lease.asked.is_some());
    }

    /// Without leases that are overdue.
    fn timed_out(&self) -> State {
        match self.leases.iter().position(|lease| lease.overdue) {
            Some(at) => self.settled(at).timed_out(),
            None => self.clone(),
        }
    }

    fn settled(&self, at: usize) -> State {
        let mut next = self.clone();
        match next.leases[at].target() {
            Some(lease) => {
                (next.leases[at].lease, next.leases[at].asked, next.leases[at].overdue) = (lease, None, false);
                next.leases.sort_unstable();
            }
            None => next.remove(|other| *other == self.leases[at]),
        }
        next
    }

    fn open_file(&self, file: ObjectId) -> Option<&OpenFile> {
        self.files.iter().find(|open| open.file == file)
    }

    fn is_on(&self, lease: &Lease, inode: ObjectId) -> bool {
        self.open_file(lease.file).is_some_and(|open| open.inode == inode)
    }

    fn of_inode(&self, inode: ObjectId) -> impl Iterator<Item = &Lease> {
        self.leases.iter().filter(move |lease| self.is_on(lease, inode))
    }

    /// Leases go, and with a user's lease the owner of its file's signals.
    fn remove(&mut self, gone: impl Fn(&Lease) -> bool) {
        for lease in self.leases.iter().filter(|lease| lease.kernel_owner == 0 && gone(lease)) {
            self.files.iter_mut().filter(|open| open.file == lease.file).for_each(|open| open.owner = 0);
        }
        self.leases.retain(|lease| !gone(lease));
        self.files.sort_unstable();
    }

    fn close(&mut self, file: ObjectId) {
        let Some(at) = self.files.iter().position(|open| open.file == file) else { return };
        self.files[at].references -= 1;
        if self.files[at].references == 0 {
            self.remove(|lease| lease.file == file);
            self.files.retain(|open| open.file != file);
        }
    }

    /// An open or truncate: the break, then the return.
    fn enter(
        &self,
        inode: ObjectId,
        write: bool,
        nonblock: bool,
        pid: u32,
        phase: Phase,
        around: Around,
    ) -> Vec<(State, Phase)> {
        let opened = || {
            let mut next = self.clone();
            next.opened(around.file, inode, write);
            (next, Phase::Done(0))
        };
        match phase {
            Phase::Begun => self.break_leases(inode, write, nonblock, pid, around),
            Phase::Passes => vec![opened()],
            Phase::Waits => {
                let mut next = Vec::new();
                next.extend(around.interrupted.then(|| (self.clone(), Phase::Done(EINTR))));
                let waits = |lease: &Lease| lease.asked.is_some() && (write || lease.lease == LeaseType::Write);
                next.extend((!self.of_inode(inode).any(waits)).then(opened));
                next
            }
            Phase::Holds(_) | Phase::Installs(_) | Phase::Drops(..) | Phase::Done(_) => Vec::new(),
        }
    }

    fn break_leases(
        &self,
        inode: ObjectId,
        write: bool,
        nonblock: bool,
        pid: u32,
        around: Around,
    ) -> Vec<(State, Phase)> {
        let conflicts = |lease: &Lease| write || lease.lease == LeaseType::Write;
        let meets_one_that_goes = self.of_inode(inode).any(|lease| lease.asked == Some(None));
        let mine = self.of_inode(inode).any(|lease| lease.pid == pid);
        let mut next = Vec::new();
        if around.no_memory && self.of_inode(inode).next().is_some() {
            next.push((self.clone(), Phase::Done(ENOMEM)));
        }
        if !self.of_inode(inode).any(conflicts) {
            next.push((self.clone(), Phase::Passes));
            if !meets_one_that_goes {
                return next;
            }
        }
        let mut asked = self.clone();
        for at in 0..asked.leases.len() {
            if !self.is_on(&self.leases[at], inode) || !conflicts(&self.leases[at]) {
                continue;
            }
            let target = if write { None } else { Some(LeaseType::Read) };
            let known = self.leases[at].asked;
            asked.leases[at].asked = Some(known.map_or(target, |known| known.min(target)));
        }
        asked.leases.sort_unstable();
        if nonblock || mine {
            next.push((asked.clone(), Phase::Done(EAGAIN)));
        }
        if !nonblock {
            next.push((asked, Phase::Waits));
        }
        next
    }

    fn set_lease(
        &self,
        file: ObjectId,
        lease: Option<LeaseType>,
        pid: u32,
        in_kernel: bool,
        around: Around,
    ) -> Vec<(State, Phase)> {
        let kernel_owner = if in_kernel { pid } else { 0 };
        let mine = |lease: &Lease| lease.file == file && lease.kernel_owner == kernel_owner;
        let Some(wanted) = lease else {
            let mut next = self.clone();
            next.remove(mine);
            let nothing = (!self.leases.iter().any(mine)).then(|| (self.clone(), Phase::Done(EAGAIN)));
            return [(next, Phase::Done(0))].into_iter().chain(nothing).collect();
        };
        let refused = (self.clone(), Phase::Done(EAGAIN));
        let Some(inode) = self.open_file(file).map(|open| open.inode) else { return Vec::new() };
        if self.is_forbidden(inode, wanted) || self.of_inode(inode).any(|other| !mine(other) && excludes(other, wanted))
        {
            return vec![refused];
        }
        let mut next = Vec::new();
        let overlapped = if wanted == LeaseType::Write { around.call } else { around.writer };
        next.extend(overlapped.then_some(refused));
        match self.leases.iter().position(mine) {
            Some(at) => next.extend(self.relocked(at, wanted)),
            None => {
                let mut taken = self.clone();
                taken.leases.push(Lease { file, kernel_owner, pid, lease: wanted, asked: None, overdue: false });
                taken.leases.sort_unstable();
                next.push(taken.owned(file, pid, in_kernel));
            }
        }
        next
    }

    /// The holder asks again.
    fn relocked(&self, at: usize, wanted: LeaseType) -> Vec<(State, Phase)> {
        let Lease { file, pid, kernel_owner, .. } = self.leases[at];
        let with = |asked| {
            let mut next = self.clone();
            (next.leases[at].lease, next.leases[at].asked) = (wanted, asked);
            next.leases[at].overdue &= asked.is_some();
            next.leases.sort_unstable();
            next.owned(file, pid, kernel_owner != 0)
        };
        let mut next = vec![with(None)];
        let settles = self.leases[at].asked == Some(Some(LeaseType::Read)) && wanted == LeaseType::Read;
        if let Some(asked) = self.leases[at].asked.filter(|_| !settles) {
            next.push(with(Some(asked)));
        }
        next
    }

    /// Signals go to who took the lease, unless somebody was named before.
    fn owned(mut self, file: ObjectId, pid: u32, in_kernel: bool) -> (State, Phase) {
        let unowned = self.files.iter_mut().filter(|open| open.file == file && open.owner == 0 && !in_kernel);
        unowned.for_each(|open| open.owner = pid);
        self.files.sort_unstable();
        (self, Phase::Done(0))
    }

    /// Do the open files forbid the lease?
    fn is_forbidden(&self, inode: ObjectId, wanted: LeaseType) -> bool {
        let mut of_inode = self.files.iter().filter(|open| open.inode == inode);
        match wanted {
            LeaseType::Read => of_inode.any(|open| open.write),
            LeaseType::Write => of_inode.count() > 1,
        }
    }
}

/// Does another's lease forbid it?
fn excludes(other: &Lease, wanted: LeaseType) -> bool {
    wanted == LeaseType::Write || other.asked == Some(None)
}

/// A design's list in the form of [`State::listed`].
pub(super) fn of_design(listed: &[Listed]) -> Vec<(ObjectId, Option<LeaseType>, bool)> {
    sorted(listed.iter().map(|lease| (lease.file, lease.target, lease.breaking)))
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items
}
