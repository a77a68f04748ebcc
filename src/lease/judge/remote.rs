//! LW032: what the file server knows of a node's leases, and what the node lists, differ.
//!
//! Judged where it is *quiet*: no call of the scenario is under way anywhere, so nobody is about to ask, to record or to
//! give back; and at the end, when everything is closed. Two cases:
//!
//! - an orphan: the server has granted the node a lease stronger than anything the node lists. Nobody will give it back, and
//!   the first who needs the file elsewhere waits for it until the server revokes it;
//! - a local lease whose call returned 0, listed and not breaking, that the server does not know: nobody will recall it.
//!
//! The server's table is read as it is ([`Table`]), not asked for. It cannot see a difference that has gone by the next quiet moment,
//! nor, in a scenario that ends in a deadlock, one behind it.

use std::hash::{Hash, Hasher};

use crate::check::Code;
use crate::check::finding::{Docket, Spot, find, spot};

use crate::event::{Event, Note, ObjectId, Op, TaskId, View, What};
use crate::lease::note::{LeaseType, Listed};
use crate::lease::table::Table;

/// What an orphan is called that is left at the end.
const ALL_CLOSED: &str = "server lease, all closed";

/// A node's inode of a file that a server keeps.
#[derive(Clone, Copy)]
struct Mount {
    inode: ObjectId,
    table: ObjectId,
    node: u8,
}

/// A lease as a node lists it, with what its call returned.
pub(super) struct Here {
    pub inode: ObjectId,
    pub listed: Listed,
    /// What the lease call returned, if it has.
    pub granted: Option<LeaseType>,
    /// Where it did.
    pub spot: Option<Spot>,
}

/// The memory of the check.
#[derive(Clone, Default)]
pub(super) struct RemoteCheck {
    mounts: Vec<Mount>,
    /// Tasks before the first step of a call, where they stand from the start.
    about_to_call: Vec<TaskId>,
    /// Tasks in a call.
    calling: Vec<TaskId>,
    call_spots: Vec<(TaskId, Spot)>,
}

impl RemoteCheck {
    pub fn mounted(&mut self, inode: ObjectId, table: ObjectId, node: u8) {
        self.mounts.push(Mount { inode, table, node });
    }

    pub fn call(&mut self, event: &Event) {
        if self.mounts.is_empty() {
            return;
        }
        self.about_to_call.push(event.task);
        self.call_spots.retain(|(task, _)| *task != event.task);
        self.call_spots.push((event.task, spot(event)));
    }

    /// Does the event change what is quiet or what the server knows, or is it judged? Before the event is told.
    pub fn heeds(&self, event: &Event) -> bool {
        match event.what {
            _ if self.mounts.is_empty() => false,
            What::Op(op, _) => {
                let is_table = |object| self.mounts.iter().any(|mount| mount.table == object);
                self.about_to_call.contains(&event.task)
                    || matches!(op, Op::Rmw(object, ..) | Op::Store(object, ..) | Op::Flush(object, _) if is_table(object))
            }
            What::Note(note) => matches!(note, Note::Return(..)),
        }
    }

    /// A step: the call that the task stood before is under way.
    pub fn step(&mut self, task: TaskId) {
        if self.about_to_call.contains(&task) {
            self.about_to_call.retain(|about| *about != task);
            self.calling.push(task);
            self.calling.sort_unstable();
        }
    }

    pub fn returned(&mut self, task: TaskId) {
        self.about_to_call.retain(|about| *about != task);
        self.calling.retain(|calling| *calling != task);
    }

    /// Does a file server keep the file?
    pub fn has_server(&self) -> bool {
        !self.mounts.is_empty()
    }

    /// Is no call under way, of a scenario that has a server?
    pub fn is_quiet(&self) -> bool {
        self.calling.is_empty() && self.has_server()
    }

    /// Are both inodes of one file?
    pub fn same_file(&self, one: ObjectId, other: ObjectId) -> bool {
        let table = |inode| self.mounts.iter().find(|mount| mount.inode == inode).map(|mount| mount.table);
        one == other || table(one).is_some() && table(one) == table(other)
    }

    pub fn judge(&self, at: Spot, view: &dyn View, here: &[Here], docket: &mut Docket<'_>) {
        for mount in &self.mounts {
            let known = Table(view.peek(mount.table)).entry(usize::from(mount.node)).delegation.lease;
            let listed: Vec<&Here> = here.iter().filter(|lease| lease.inode == mount.inode).collect();
            // What a lease was before its break is not told: one that is breaking may have been anything.
            let breaking = listed.iter().any(|lease| lease.listed.breaking);
            let strongest = listed.iter().filter_map(|lease| lease.listed.target).max();
            if known > strongest && !breaking {
                self.report_orphan(at, view, *mount, "server lease", docket);
            }
            for lease in listed.iter().filter(|lease| !lease.listed.breaking) {
                let promised = lease.granted.min(lease.listed.target);
                if promised > known {
                    report_unknown(at, view, *mount, lease, docket);
                }
            }
        }
    }

    /// Everything is closed: nobody holds anything. A finding of its own, since closing is one of the ways to forget a lease.
    pub fn judge_end(&self, view: &dyn View, docket: &mut Docket<'_>) {
        let Some(&(_, last)) = self.call_spots.iter().max_by_key(|(_, spot)| spot.step) else { return };
        let at = Spot { step: docket.step(), ..last };
        for mount in &self.mounts {
            if Table(view.peek(mount.table)).entry(usize::from(mount.node)).delegation.lease.is_some() {
                self.report_orphan(at, view, *mount, ALL_CLOSED, docket);
            }
        }
    }

    fn report_orphan(&self, at: Spot, view: &dyn View, mount: Mount, subject: &'static str, docket: &mut Docket<'_>) {
        let entry = Table(view.peek(mount.table)).entry(usize::from(mount.node));
        docket.report(Code::LW032, subject, |names| {
            let node = names.nodes.get(usize::from(mount.node)).map_or("?", String::as_str);
            let (quiet, when) = match subject {
                ALL_CLOSED => ("everything is closed", " when everything is closed"),
                _ => ("no call is under way", ""),
            };
            let since =
                find(&self.call_spots, at.task).or(self.call_spots.first().map(|(_, spot)| *spot)).unwrap_or(at);
            (
                format!("the server's {} lease of node {node} is held by nobody there{when}", entry.delegation),
                (at, format!("{quiet}, and the server says {node}: {entry}")),
                (since, "in the call that began here, or before".to_owned()),
            )
        });
    }

    pub fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        if !self.mounts.is_empty() {
            self.calling.hash(&mut hasher);
        }
    }
}

fn report_unknown(at: Spot, view: &dyn View, mount: Mount, lease: &Here, docket: &mut Docket<'_>) {
    let entry = Table(view.peek(mount.table)).entry(usize::from(mount.node));
    docket.report(Code::LW032, "local lease", |names| {
        let node = names.nodes.get(usize::from(mount.node)).map_or("?", String::as_str);
        let name = names.object(view, lease.listed.lease);
        (
            format!("{name} is in force on node {node}, and the server does not know it"),
            (at, format!("no call is under way, and the server says {node}: {entry}")),
            (lease.spot.unwrap_or(at), "lease granted".to_owned()),
        )
    });
}
