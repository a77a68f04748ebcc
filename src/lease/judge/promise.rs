//! LW030, LW031, LW033 and LW034: what a lease promises. The file server's side is checked in `remote.rs` (LW032), the
//! wait for a lease in `outwait.rs` (LW035).
//!
//! The check does not believe the design: it knows what calls returned, which signals were sent, and what
//! is listed ([`Listed`], an unscheduled view of the list itself).
//!
//! - **LW030**: a lease whose F_SETLEASE has returned 0 is listed and not breaking, and another open file description of
//!   the file (of the inode, or of another node's inode of the same file) has an open that returned and is not closed: any
//!   other for a write lease, one open for write for a read lease. A truncation counts as such an open for write at the
//!   moment in which the data go.
//! - **LW031**: the break target of a granted lease changed, and neither signal nor callback was sent to its owner for
//!   that target. Judged when everything is closed, since the signal may follow the mark, and the grant the break.
//! - **LW033**: F_UNLCK returned an error, and the lease that it was to remove is still listed. `EAGAIN` says that there is
//!   none, and `EACCES` is an answer: neither counts.
//! - **LW034**: LW030 at the moment in which the lease call of an in-kernel owner returns 0, by an open of the same node:
//!   the lease is a delegation, on its way to a client.
//!
//! It cannot see a signal that is sent twice, or one sent for a target that did not change.

use std::hash::{Hash, Hasher};

use crate::check::finding::{Docket, Spot, find, spot};
use crate::check::{Check, Code};

use super::outwait::Outwait;
use super::remote::{Here, RemoteCheck};
use super::words::{mode_text, owner_text, task_text};
use crate::event::{Event, Note, ObjectId, Op, Span, View, Woken};
use crate::lease::note::{LeaseNote, LeaseType, Listed, Seen, listed, seen};

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Break {
    lease: ObjectId,
    file: ObjectId,
    target: Option<LeaseType>,
    /// Is it an in-kernel owner's lease?
    in_kernel: bool,
    /// The process to tell, once the lease call has returned 0; 0 is an in-kernel owner.
    owner: Option<u32>,
    /// Whom a signal reached; `Some(0)` after a callback.
    told: Option<u32>,
}

/// The memory of both properties.
#[derive(Clone)]
pub struct LeaseCheck {
    /// Has a task begun? The list of a set-up is not seen before.
    begun: bool,
    listed: Vec<Listed>,
    /// Lease and owner that calls returned, by file; a lease stays here until it is unlocked, or gone from the list.
    granted: Vec<(ObjectId, LeaseType, u32)>,
    /// Usable descriptions: file, inode, open for write.
    opened: Vec<(ObjectId, ObjectId, bool)>,
    breaks: Vec<Break>,
    /// Whom F_SETOWN has named, by file.
    owners: Vec<(ObjectId, u32)>,
    remote: RemoteCheck,
    outwait: Outwait,
    grant_spots: Vec<(ObjectId, Spot)>,
    open_spots: Vec<(ObjectId, Spot)>,
    break_spots: Vec<Spot>,
}

impl LeaseCheck {
    pub(super) fn new() -> LeaseCheck {
        LeaseCheck {
            begun: false,
            listed: Vec::new(),
            granted: Vec::new(),
            opened: Vec::new(),
            breaks: Vec::new(),
            owners: Vec::new(),
            remote: RemoteCheck::default(),
            outwait: Outwait::default(),
            grant_spots: Vec::new(),
            open_spots: Vec::new(),
            break_spots: Vec::new(),
        }
    }

    /// A file may have a user's lease and an in-kernel owner's: a signal is for the one, a call-back for the other. Where only one
    /// is broken, the message is about that one, whoever it goes to.
    fn tell(&mut self, file: ObjectId, whom: u32) {
        let untold = |b: &Break| b.file == file && b.told.is_none();
        let meant = |b: &Break| untold(b) && b.owner.map_or(b.in_kernel, |owner| owner == 0) == (whom == 0);
        let is_meant = self.breaks.iter().any(meant);
        let told = self.breaks.iter_mut().filter(|b| if is_meant { meant(b) } else { untold(b) });
        told.for_each(|b| b.told = Some(whom));
    }

    /// The grant that a listed lease stands for: its owner's on that file. If the file has one lease, any grant on it is meant.
    fn grant_of(&self, lease: &Listed, listed: &[Listed]) -> Option<(ObjectId, LeaseType, u32)> {
        let of_file = || self.granted.iter().filter(|(file, ..)| *file == lease.file);
        let own = of_file().find(|(.., pid)| (*pid == 0) == lease.in_kernel);
        let alone = listed.iter().filter(|other| other.file == lease.file).count() == 1;
        own.or_else(|| of_file().next().filter(|_| alone)).copied()
    }

    fn grant(&mut self, event: &Event, file: ObjectId, lease: Option<LeaseType>, pid: u32) {
        let in_kernel = pid == 0;
        self.granted.retain(|(granted, _, pid)| *granted != file || (*pid == 0) != in_kernel);
        let named = self.owners.iter().find(|(owned, _)| *owned == file && pid != 0);
        let pid = named.map_or(pid, |(_, named)| *named);
        if let Some(lease) = lease {
            self.granted.push((file, lease, pid));
            self.granted.sort_unstable();
            self.grant_spots.push((file, spot(event)));
            let unowned = |b: &Break| b.file == file && b.owner.is_none();
            let is_kind = self.breaks.iter().any(|b| unowned(b) && b.in_kernel == in_kernel);
            let mine = self.breaks.iter_mut().filter(|b| unowned(b) && (b.in_kernel == in_kernel || !is_kind));
            mine.for_each(|b| b.owner = Some(pid));
        } else {
            if !in_kernel {
                self.owners.retain(|(owned, _)| *owned != file);
            }
            self.forget_breaks(|b| b.file == file && b.owner == b.told);
        }
    }

    fn forget_breaks(&mut self, gone: impl Fn(&Break) -> bool) {
        let mut kept = self.breaks.iter().map(|b| !gone(b));
        self.break_spots.retain(|_| kept.next().expect("every break has a spot"));
        self.breaks.retain(|b| !gone(b));
    }

    /// Looks at the list again; a lease whose break target changed is a break somebody has to be told of.
    fn relist(&mut self, event: &Event, view: &dyn View) {
        let listed = listed(view);
        for now in listed.iter().filter(|now| now.breaking) {
            let before = self.listed.iter().find(|before| before.lease == now.lease);
            if before.is_none_or(|before| !before.breaking || before.target != now.target) {
                let owner = self.grant_of(now, &listed).map(|(.., pid)| pid);
                let Listed { lease, file, target, in_kernel, .. } = *now;
                self.breaks.push(Break { lease, file, target, in_kernel, owner, told: None });
                self.break_spots.push(spot(event));
            }
        }
        let before = std::mem::replace(&mut self.listed, listed);
        if before != self.listed {
            self.outwait.relisted();
        }
        // What has expired or was closed is granted no longer: another lease of the same file is another promise.
        for gone in before.iter().filter(|before| self.listed.iter().all(|now| now.lease != before.lease)) {
            let grant = self.grant_of(gone, &before);
            let replaced = self.listed.iter().any(|now| (now.file, now.in_kernel) == (gone.file, gone.in_kernel));
            if !replaced {
                self.granted.retain(|granted| Some(*granted) != grant);
            }
        }
    }

    /// Is the file local, and a lease being broken?
    fn judges_waits(&self) -> bool {
        !self.remote.has_server() && self.listed.iter().any(|lease| lease.breaking)
    }

    fn judge_beside(&self, docket: &mut Docket<'_>) {
        for lease in self.listed.iter().filter(|lease| !lease.breaking) {
            let here = |inode| move |other| self.remote.same_file(inode, other);
            if let Some((granted, other)) = self.beside(lease, here) {
                let pid = self.grant_of(lease, &self.listed).map_or(0, |(.., pid)| pid);
                self.report_beside(lease.file, (granted, pid), other, docket);
            }
        }
    }

    fn judge_truncation(&self, event: &Event, inode: ObjectId, docket: &mut Docket<'_>) {
        let of_file = |file| self.opened.iter().any(|(open, of, _)| *open == file && self.remote.same_file(inode, *of));
        let in_force = |granted: &&(ObjectId, LeaseType, u32)| {
            self.listed.iter().any(|lease| lease.file == granted.0 && !lease.breaking && lease.target.is_some())
        };
        let Some(&(file, lease, pid)) = self.granted.iter().filter(|it| of_file(it.0)).find(in_force) else { return };
        docket.report(Code::LW030, "truncate", |names| {
            let granted = find(&self.grant_spots, file).unwrap_or(spot(event));
            let (owner, task) = (owner_text(names, granted, pid), names.task(event.task));
            (
                format!("the {lease} lease of {owner} is in force while {task} truncates the file"),
                (spot(event), "the file is truncated here".to_owned()),
                (granted, format!("{lease} lease granted")),
            )
        });
    }

    /// What the listed lease promises, and an open that breaks the promise: another of a file that is the same.
    fn beside<S: Fn(ObjectId) -> bool>(
        &self,
        lease: &Listed,
        same: impl Fn(ObjectId) -> S,
    ) -> Option<(LeaseType, (ObjectId, bool))> {
        let (_, granted, _) = self.grant_of(lease, &self.listed)?;
        let &(_, inode, _) = self.opened.iter().find(|(file, ..)| *file == lease.file)?;
        let promised = granted.min(lease.target?);
        let (same, excludes) = (same(inode), |write: bool| write || promised == LeaseType::Write);
        let mut others = self.opened.iter().filter(|(file, of, _)| *file != lease.file && same(*of));
        let &(other, _, write) = others.find(|(.., write)| excludes(*write))?;
        Some((promised, (other, write)))
    }

    fn judge_handed_out(&self, event: &Event, file: ObjectId, docket: &mut Docket<'_>) {
        let is_its = |lease: &&Listed| lease.file == file && lease.in_kernel && !lease.breaking;
        let Some(lease) = self.listed.iter().find(is_its) else { return };
        let Some((granted, (other, write))) = self.beside(lease, |inode| move |other| inode == other) else { return };
        docket.report(Code::LW034, "delegation", |names| {
            let opened = find(&self.open_spots, other).unwrap_or(spot(event));
            let opener = task_text(names, opened.task);
            let mode = mode_text(write);
            (
                format!(
                    "{} hands a {granted} delegation out while {opener} has the file open for {mode}",
                    task_text(names, event.task)
                ),
                (spot(event), "the lease call of the in-kernel owner returned 0".to_owned()),
                (opened, format!("open for {mode} returned")),
            )
        });
    }

    fn judge_unlock(&self, event: &Event, view: &dyn View, failed: (ObjectId, i64), docket: &mut Docket<'_>) {
        let (file, errno) = failed;
        let stays = listed(view).iter().any(|lease| lease.file == file);
        if matches!(errno, EAGAIN | EACCES) || !stays || !self.granted.iter().any(|(granted, ..)| *granted == file) {
            return;
        }
        docket.report(Code::LW033, "unlock", |names| {
            let granted = find(&self.grant_spots, file).unwrap_or(spot(event));
            (
                format!("F_UNLCK of {} failed with error {errno}, and the lease stays", task_text(names, event.task)),
                (spot(event), format!("F_UNLCK returned -{errno}")),
                (granted, "lease granted".to_owned()),
            )
        });
    }

    fn judge_remote(&self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        if !self.remote.is_quiet() {
            return;
        }
        let listed = listed(view);
        let here = listed.iter().filter_map(|lease| {
            let &(_, inode, _) = self.opened.iter().find(|(file, ..)| *file == lease.file)?;
            let granted = self.grant_of(lease, &listed).map(|(_, granted, _)| granted);
            let spot = find(&self.grant_spots, lease.file);
            Some(Here { inode, listed: *lease, granted, spot })
        });
        self.remote.judge(spot(event), view, &here.collect::<Vec<_>>(), docket);
    }

    fn report_beside(
        &self,
        file: ObjectId,
        (lease, pid): (LeaseType, u32),
        (other, write): (ObjectId, bool),
        docket: &mut Docket<'_>,
    ) {
        docket.report(Code::LW030, "lease", |names| {
            let spot_of = |spots: &[(ObjectId, Spot)], file| {
                find(spots, file).expect("a file in the list of grants or opens has its place noted")
            };
            let granted = spot_of(&self.grant_spots, file);
            let opened = spot_of(&self.open_spots, other);
            let mode = mode_text(write);
            let opener = task_text(names, opened.task);
            let owner = owner_text(names, granted, pid);
            let message =
                format!("the {lease} lease of {owner} is in force while {opener} has the file open for {mode}");
            let (granted, opened) =
                ((granted, format!("{lease} lease granted")), (opened, format!("open for {mode} returned")));
            if granted.0.step >= opened.0.step { (message, granted, opened) } else { (message, opened, granted) }
        });
    }
}

impl Check for LeaseCheck {
    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }

    fn names_tasks(&self) -> bool {
        true
    }

    fn sees_between(&self) -> bool {
        false
    }

    fn spans(&self, event: &Event) -> &'static [Span] {
        match seen(event) {
            Seen::Case(LeaseNote::Granted { lease: Some(_), .. }) => &[Span::PromiseBegins],
            Seen::Case(LeaseNote::Opened { .. }) => &[Span::UseBegins],
            Seen::Case(LeaseNote::Closing { .. }) => &[Span::UseEnds],
            Seen::Case(LeaseNote::Truncating { .. }) => &[Span::UseBegins, Span::UseEnds],
            _ => &[],
        }
    }

    fn begin(&mut self) {
        *self = LeaseCheck::new();
    }

    /// Of the events that it heeds, those whose order with the borders of calls matters.
    fn marks_order(&self, event: &Event) -> bool {
        self.remote.heeds(event)
    }

    /// Is it an event that these checks remember or judge? Where it stands among the steps of others matters then.
    fn heeds(&self, event: &Event) -> bool {
        if self.remote.heeds(event) || self.judges_waits() && self.outwait.heeds(event) {
            return true;
        }
        match seen(event) {
            Seen::Op(op, _) => matches!(op, Op::Store(..) | Op::Free(_) | Op::Flush(..)),
            Seen::Note(note) => matches!(note, Note::Signal { .. }),
            Seen::Case(note) => !matches!(note, LeaseNote::Invoke(_)),
        }
    }

    fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        if matches!(seen(event), Seen::Op(..)) {
            self.remote.step(event.task);
        }
        // Before the first step. What is breaking here the set-up has broken, and whoever it told.
        if matches!(seen(event), Seen::Note(Note::Call(_))) && !self.begun {
            (self.begun, self.listed) = (true, listed(view));
        }
        match seen(event) {
            Seen::Note(Note::Signal { pid, file }) if pid != 0 => self.tell(file, pid),
            Seen::Case(LeaseNote::Callback { file }) => self.tell(file, 0),
            Seen::Case(LeaseNote::Opened { file, inode, write }) => {
                self.opened.push((file, inode, write));
                self.opened.sort_unstable();
                self.open_spots.push((file, spot(event)));
            }
            Seen::Case(LeaseNote::Closing { file }) => self.opened.retain(|(open, ..)| *open != file),
            Seen::Case(LeaseNote::Granted { file, lease, pid }) => self.grant(event, file, lease, pid),
            Seen::Case(LeaseNote::Owned { file, pid }) => {
                self.owners.retain(|(owned, _)| *owned != file);
                self.owners.push((file, pid));
                self.owners.sort_unstable();
            }
            Seen::Case(LeaseNote::Truncating { inode }) => self.judge_truncation(event, inode, docket),
            Seen::Case(LeaseNote::Refused { file }) => self.forget_breaks(|b| b.file == file && b.owner.is_none()),
            Seen::Case(LeaseNote::UnlockFailed { file, errno }) => {
                self.forget_breaks(|b| b.file == file && b.owner.is_none());
                self.judge_unlock(event, view, (file, errno), docket);
            }
            Seen::Case(LeaseNote::Mounted { inode, table, node }) => self.remote.mounted(inode, table, node),
            Seen::Note(Note::Call(_)) => self.remote.call(event),
            Seen::Note(Note::Return(..)) => {
                self.remote.returned(event.task);
                self.outwait.returned(event.task);
                self.judge_remote(event, view, docket);
            }
            Seen::Op(Op::Store(..) | Op::Free(_), _) => self.relist(event, view),
            Seen::Op(Op::Sleep(_), result) if Woken::from_result(result) == Woken::Timeout && self.judges_waits() => {
                self.outwait.timed_out(event, view);
            }
            Seen::Op(Op::Enqueue(_), _) if self.judges_waits() => self.outwait.judge(event, docket),
            _ => return,
        }
        if matches!(seen(event), Seen::Case(LeaseNote::Opened { .. } | LeaseNote::Granted { .. })) {
            self.relist(event, view);
        }
        self.judge_beside(docket);
        if let Seen::Case(LeaseNote::Granted { file, lease: Some(_), pid: 0 }) = seen(event) {
            self.judge_handed_out(event, file, docket);
        }
    }

    /// Judges LW031, when nothing can be sent any more, and what the server is left with.
    fn end(&mut self, view: &dyn View, docket: &mut Docket<'_>) {
        self.remote.judge_end(view, docket);
        for (broken, &at) in self.breaks.iter().zip(&self.break_spots) {
            let granted = self.grant_spots.iter().rev().find(|(file, _)| *file == broken.file);
            let (Some(&(_, spot)), Some(_)) = (granted, broken.owner) else { continue };
            if broken.told == broken.owner {
                continue;
            }
            docket.report(Code::LW031, "lease", |names| {
                let owner = owner_text(names, spot, broken.owner.unwrap_or_default());
                let message = match broken.told {
                    None => format!("{} broke the lease of {owner} and nobody was told", names.task(at.task)),
                    Some(pid) => format!("{} broke the lease of {owner}, and pid {pid} was told", names.task(at.task)),
                };
                (message, (at, "broken here".to_owned()), (spot, "lease granted".to_owned()))
            });
        }
    }

    fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        self.listed.hash(&mut hasher);
        self.granted.hash(&mut hasher);
        self.opened.hash(&mut hasher);
        self.breaks.hash(&mut hasher);
        self.owners.hash(&mut hasher);
        self.remote.fingerprint(hasher);
        self.outwait.fingerprint(hasher);
    }
}

/// Error numbers of Linux that are no failure of an F_UNLCK.
const EAGAIN: i64 = 11;
const EACCES: i64 = 13;
