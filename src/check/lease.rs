//! LW030 and LW031: what a lease promises.
//!
//! The check does not believe the design: it knows what calls returned, which signals were sent, and what
//! is listed ([`Listed`], an unscheduled view of the list itself).
//!
//! - **LW030**: a lease whose F_SETLEASE has returned 0 is listed and not breaking, and another open file description of
//!   the inode has an open that returned and is not closed: any other for a write lease, one open for write for a read lease.
//!   A truncation counts as such an open for write at the moment in which the data go.
//! - **LW031**: the break target of a granted lease changed, and neither signal nor callback was sent to its owner for
//!   that target. Judged when everything is closed, since the signal may follow the mark, and the grant the break.
//!
//! It cannot see a signal that is sent twice, or one sent for a target that did not change.

use std::hash::{Hash, Hasher};

use super::ledger::spot;
use super::{Code, Docket, Spot};
use crate::event::names::Names;
use crate::event::{Event, LeaseCall, LeaseType, Listed, Note, ObjectId, Op, TaskId, View, What};

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Break {
    lease: ObjectId,
    file: ObjectId,
    target: Option<LeaseType>,
    /// Who has to be told, once the lease call has returned 0; 0 is an in-kernel owner.
    owner: Option<u32>,
    /// Whom a signal reached; `Some(0)` after a callback.
    told: Option<u32>,
}

/// The memory of both properties.
#[derive(Clone)]
pub struct LeaseCheck {
    listed: Vec<Listed>,
    /// Lease and owner that calls returned, by file; a lease stays here until unlocked.
    granted: Vec<(ObjectId, LeaseType, u32)>,
    /// Usable descriptions: file, inode, open for write.
    opened: Vec<(ObjectId, ObjectId, bool)>,
    breaks: Vec<Break>,
    /// Whom F_SETOWN has named, by file.
    owners: Vec<(ObjectId, u32)>,
    grant_spots: Vec<(ObjectId, Spot)>,
    open_spots: Vec<(ObjectId, Spot)>,
    break_spots: Vec<Spot>,
}

impl LeaseCheck {
    pub(super) fn new() -> LeaseCheck {
        LeaseCheck {
            listed: Vec::new(),
            granted: Vec::new(),
            opened: Vec::new(),
            breaks: Vec::new(),
            owners: Vec::new(),
            grant_spots: Vec::new(),
            open_spots: Vec::new(),
            break_spots: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        *self = LeaseCheck::new();
    }

    /// Is it an event that this check remembers or judges? Where it stands among the steps of others matters then.
    pub(super) fn heeds(event: &Event) -> bool {
        match event.what {
            What::Op(op, _) => matches!(op, Op::Store(..) | Op::Free(_) | Op::Flush(..)),
            What::Note(Note::Signal { .. } | Note::Callback { .. }) => true,
            What::Note(Note::Opened { .. } | Note::Closing { .. } | Note::Granted { .. } | Note::Refused { .. }) => {
                true
            }
            What::Note(Note::Truncating { .. } | Note::Invoke(LeaseCall::SetOwn { .. })) => true,
            What::Note(_) => false,
        }
    }

    pub(super) fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        match event.what {
            What::Note(Note::Signal { pid, file }) if pid != 0 => self.tell(file, pid),
            What::Note(Note::Callback { file }) => self.tell(file, 0),
            What::Note(Note::Opened { file, inode, write }) => {
                self.opened.push((file, inode, write));
                self.opened.sort_unstable();
                self.open_spots.push((file, spot(event)));
            }
            What::Note(Note::Closing { file }) => self.opened.retain(|(open, ..)| *open != file),
            What::Note(Note::Granted { file, lease, pid }) => self.grant(event, file, lease, pid),
            What::Note(Note::Invoke(LeaseCall::SetOwn { file, pid })) => {
                self.owners.retain(|(owned, _)| *owned != file);
                self.owners.push((file, pid));
                self.owners.sort_unstable();
            }
            What::Note(Note::Truncating { inode }) => self.judge_truncation(event, inode, docket),
            What::Note(Note::Refused { file }) => self.forget_breaks(|b| b.file == file && b.owner.is_none()),
            What::Op(Op::Store(..) | Op::Free(_), _) => self.relist(event, view),
            _ => return,
        }
        if matches!(event.what, What::Note(Note::Opened { .. } | Note::Granted { .. })) {
            self.relist(event, view);
        }
        self.judge_beside(docket);
    }

    fn tell(&mut self, file: ObjectId, whom: u32) {
        self.breaks.iter_mut().filter(|b| b.file == file && b.told.is_none()).for_each(|b| b.told = Some(whom));
    }

    fn grant(&mut self, event: &Event, file: ObjectId, lease: Option<LeaseType>, pid: u32) {
        self.granted.retain(|(granted, ..)| *granted != file);
        let named = self.owners.iter().find(|(owned, _)| *owned == file && pid != 0);
        let pid = named.map_or(pid, |(_, named)| *named);
        if let Some(lease) = lease {
            self.granted.push((file, lease, pid));
            self.granted.sort_unstable();
            self.grant_spots.push((file, spot(event)));
            self.breaks.iter_mut().filter(|b| b.file == file && b.owner.is_none()).for_each(|b| b.owner = Some(pid));
        } else {
            self.owners.retain(|(owned, _)| *owned != file);
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
        let listed = view.listed();
        for now in listed.iter().filter(|now| now.breaking) {
            let before = self.listed.iter().find(|before| before.lease == now.lease);
            if before.is_none_or(|before| !before.breaking || before.target != now.target) {
                let owner = self.granted.iter().find(|(file, ..)| *file == now.file).map(|(_, _, pid)| *pid);
                self.breaks.push(Break { lease: now.lease, file: now.file, target: now.target, owner, told: None });
                self.break_spots.push(spot(event));
            }
        }
        self.listed = listed;
    }

    fn judge_beside(&self, docket: &mut Docket<'_>) {
        for lease in self.listed.iter().filter(|lease| !lease.breaking) {
            let Some(&(_, granted, _)) = self.granted.iter().find(|(file, ..)| *file == lease.file) else { continue };
            let Some(&(_, inode, _)) = self.opened.iter().find(|(file, ..)| *file == lease.file) else { continue };
            let Some(listed) = lease.target else { continue };
            let excludes = |write: bool| write || granted.min(listed) == LeaseType::Write;
            let beside =
                self.opened.iter().find(|(file, of, write)| *file != lease.file && *of == inode && excludes(*write));
            if let Some(&(other, _, write)) = beside {
                self.report_beside(lease.file, granted.min(listed), (other, write), docket);
            }
        }
    }

    fn judge_truncation(&self, event: &Event, inode: ObjectId, docket: &mut Docket<'_>) {
        let of_inode = |file| self.opened.iter().any(|(open, of, _)| *open == file && *of == inode);
        let in_force = |granted: &&(ObjectId, LeaseType, u32)| {
            self.listed.iter().any(|lease| lease.file == granted.0 && !lease.breaking && lease.target.is_some())
        };
        let Some(&(file, lease, pid)) = self.granted.iter().filter(|it| of_inode(it.0)).find(in_force) else { return };
        docket.report(Code::LW030, "truncate", |names| {
            let granted = super::ledger::find(&self.grant_spots, file).unwrap_or(spot(event));
            let (owner, task) = (owner_text(names, granted, pid), names.task(event.task));
            (
                format!("the {lease} lease of {owner} is in force while {task} truncates the file"),
                (spot(event), "the file is truncated here".to_owned()),
                (granted, format!("{lease} lease granted")),
            )
        });
    }

    fn report_beside(&self, file: ObjectId, lease: LeaseType, other: (ObjectId, bool), docket: &mut Docket<'_>) {
        let (other, write) = other;
        docket.report(Code::LW030, "lease", |names| {
            let spot_of = |spots: &[(ObjectId, Spot)], file| {
                super::ledger::find(spots, file).expect("a file in the list of grants or opens has its place noted")
            };
            let granted = spot_of(&self.grant_spots, file);
            let opened = spot_of(&self.open_spots, other);
            let mode = if write { "write" } else { "read" };
            let opener = if opened.task == TaskId::BOOT { "the set-up" } else { names.task(opened.task) };
            let pid = self.granted.iter().find(|(known, ..)| *known == file).map_or(0, |(_, _, pid)| *pid);
            let owner = owner_text(names, granted, pid);
            let message =
                format!("the {lease} lease of {owner} is in force while {opener} has the file open for {mode}");
            let (granted, opened) =
                ((granted, format!("{lease} lease granted")), (opened, format!("open for {mode} returned")));
            if granted.0.step >= opened.0.step { (message, granted, opened) } else { (message, opened, granted) }
        });
    }

    /// Judges LW031, when nothing can be sent any more.
    pub(super) fn end(&mut self, docket: &mut Docket<'_>) {
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

    pub(super) fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        self.listed.hash(&mut hasher);
        self.granted.hash(&mut hasher);
        self.opened.hash(&mut hasher);
        self.breaks.hash(&mut hasher);
        self.owners.hash(&mut hasher);
    }
}

/// Whose lease it is: the task that took it, or the process for which the set-up did.
fn owner_text(names: &Names, granted: Spot, pid: u32) -> String {
    if granted.task == TaskId::BOOT { format!("pid {pid}") } else { names.task(granted.task).to_owned() }
}
