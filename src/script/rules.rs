//! The calls of a script by rules alone: no locks, no tasks, one call after the other.
//!
//! This is the specification that differences between eras are measured with. With no [`Rule`] it is Linux 6.18
//! as recorded; each rule puts one thing back to how it was in 2.6.23. A difference may be excused by a rule exactly if
//! the specification predicts the recording without it and the design's answer with it ([`super::era`]).
//!
//! It shares with the designs nothing but the path walk ([`super::path`]).

use std::collections::BTreeMap;

use super::path::{Directory, FileIndex, ftruncate};
use super::{Call, Op, Record, Ret, Script, Signal};
use crate::kernel::{Errno, HZ, Result};
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK};

use super::path::OpenFlag;

/// One thing that was different in 2.6.23.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `F_UNLCK` without a lease is no error.
    UnlockIsIdempotent,
    /// `F_UNLCK` looks for overdue leases first.
    UnlockExpires,
    /// The owner of a lease on the file waits for none.
    NoWaitForOneself,
    /// An open for write counts as one only when it returns.
    WriterCountsLate,
    /// A lease that is being removed keeps readers waiting, whatever its type.
    TypeForgotten,
    /// A lease has one deadline: a stronger break replaces it.
    OneDeadline,
    /// `F_SETLEASE` overwrites a break.
    BreakOverwritten,
    /// A deadline counts only while the break is under way.
    DeadlineDiesWithBreak,
}

struct Lease {
    filp: usize,
    process: usize,
    write: bool,
    /// To be removed by then.
    unlock: Option<u64>,
    /// To become a read lease by then.
    downgrade: Option<u64>,
    /// When it becomes one, whether or not that is still asked for.
    downgrade_time: Option<u64>,
}

impl Lease {
    fn target(&self) -> i32 {
        match (self.unlock, self.downgrade, self.write) {
            (Some(_), ..) => F_UNLCK,
            (None, Some(_), _) | (None, None, false) => F_RDLCK,
            (None, None, true) => F_WRLCK,
        }
    }

    fn breaking(&self) -> bool {
        self.unlock.is_some() || self.downgrade.is_some()
    }
}

#[derive(Clone, Copy)]
struct Filp {
    file: FileIndex,
    write: bool,
    descriptors: usize,
}

#[derive(Clone)]
struct Blocked {
    op: usize,
    process: usize,
    file: FileIndex,
    write: bool,
    /// The handle that the open will bind; none for a truncate.
    handle: Option<String>,
}

struct World<'a> {
    rules: &'a [Rule],
    script: &'a Script,
    now: u64,
    directory: Directory,
    leases: BTreeMap<FileIndex, Vec<Lease>>,
    filps: Vec<Filp>,
    handles: BTreeMap<(usize, String), usize>,
    blocked: Vec<Blocked>,
    pending: Vec<bool>,
}

/// What the calls of `script` result in where `rules` hold.
pub fn records(script: &Script, rules: &[Rule]) -> Vec<Record> {
    let mut world = World {
        rules,
        script,
        now: 0,
        directory: Directory::new(&script.files),
        leases: BTreeMap::new(),
        filps: Vec::new(),
        handles: BTreeMap::new(),
        blocked: Vec::new(),
        pending: vec![false; script.procs],
    };
    script.ops.iter().enumerate().map(|(i, op)| world.record(i, op)).collect()
}

/// A unit of virtual time in jiffies.
pub fn unit(script: &Script) -> u64 {
    script.lbt.max(1) * HZ
}

impl World<'_> {
    fn has(&self, rule: Rule) -> bool {
        self.rules.contains(&rule)
    }

    fn record(&mut self, i: usize, op: &Op) -> Record {
        let mut res = Vec::new();
        let ret = if *op == (Op { process: op.process, call: Call::Interrupt }) {
            self.interrupt(op.process, &mut res)
        } else if self.is_blocked(op.process) && !matches!(op.call, Call::Advance { .. } | Call::Locks) {
            Ret::word("busy")
        } else {
            self.call(i, op).unwrap_or_else(|errno| Ret::Word(errno.to_string()))
        };
        self.resume(&mut res);
        res.sort_unstable();
        let mut sig = Vec::new();
        for process in 0..self.pending.len() {
            if !self.is_blocked(process) && std::mem::take(&mut self.pending[process]) {
                sig.push(Signal::io(process));
            }
        }
        Record { i, ret, sig, res }
    }

    fn is_blocked(&self, process: usize) -> bool {
        self.blocked.iter().any(|blocked| blocked.process == process)
    }

    fn interrupt(&mut self, process: usize, res: &mut Vec<(usize, String)>) -> Ret {
        let Some(at) = self.blocked.iter().position(|blocked| blocked.process == process) else {
            return Ret::word("idle");
        };
        res.push((self.blocked.remove(at).op, Errno::EINTR.to_string()));
        Ret::word("ok")
    }

    fn call(&mut self, i: usize, op: &Op) -> Result<Ret> {
        let process = op.process;
        match &op.call {
            Call::Open { handle, path, access, flags } => {
                let file = self.directory.open(path, *access, flags)?;
                let nonblock = flags.contains(&OpenFlag::Nonblock);
                let handle = Some(handle.clone());
                return self.enter(Blocked { op: i, process, file, write: access.writes(), handle }, nonblock);
            }
            Call::Truncate { path, len } => {
                let file = self.directory.truncate(path, *len)?;
                return self.enter(Blocked { op: i, process, file, write: true, handle: None }, false);
            }
            Call::Close { handle } => {
                let filp = self.filp(process, handle)?;
                self.handles.remove(&(process, handle.clone()));
                self.filps[filp].descriptors -= 1;
                if self.filps[filp].descriptors == 0 {
                    self.leases_mut(self.filps[filp].file).retain(|lease| lease.filp != filp);
                }
            }
            Call::Dup { handle, to } => {
                let filp = self.filp(process, handle)?;
                self.filps[filp].descriptors += 1;
                self.handles.insert((process, to.clone()), filp);
            }
            Call::SetLease { handle, arg } => {
                let filp = self.filp(process, handle)?;
                self.setlease(process, filp, *arg)?;
            }
            Call::GetLease { handle } => {
                let filp = self.filp(process, handle)?;
                return Ok(Ret::word(self.getlease(filp)));
            }
            Call::Ftruncate { handle, len } => {
                let filp = self.filp(process, handle)?;
                ftruncate(self.filps[filp].write, *len)?;
            }
            Call::Advance { units } => self.advance(*units),
            Call::Locks => return Ok(Ret::Lines(self.locks())),
            Call::Interrupt | Call::Unsupported => unreachable!("internal error: {op:?} is no call of a specification"),
        }
        Ok(Ret::word("ok"))
    }

    fn filp(&self, process: usize, handle: &str) -> Result<usize> {
        self.handles.get(&(process, handle.to_owned())).copied().ok_or(Errno::EBADF)
    }

    fn leases_mut(&mut self, file: FileIndex) -> &mut Vec<Lease> {
        self.leases.entry(file).or_default()
    }

    /// An open or truncate: breaks what conflicts, then waits or returns.
    fn enter(&mut self, opener: Blocked, nonblock: bool) -> Result<Ret> {
        self.expire(opener.file);
        let forgotten = self.has(Rule::TypeForgotten);
        let leases = self.leases.entry(opener.file).or_default();
        let stands_in_the_way = leases.iter().any(|lease| opener.write || conflicts_with_reader(lease, forgotten));
        if !stands_in_the_way {
            self.finish(&opener);
            return Ok(Ret::word("ok"));
        }
        let mine = leases.iter().any(|lease| lease.process == opener.process);
        let deadline = if self.script.lbt == 0 { u64::MAX } else { self.now + unit(self.script) };
        let one_deadline = self.has(Rule::OneDeadline);
        for lease in self.leases.entry(opener.file).or_default() {
            if opener.write && lease.unlock.is_none() {
                lease.unlock = Some(deadline);
                if one_deadline {
                    (lease.downgrade, lease.downgrade_time) = (None, None);
                }
            } else if !opener.write && lease.write && !lease.breaking() {
                (lease.downgrade, lease.downgrade_time) = (Some(deadline), Some(deadline));
            } else {
                continue;
            }
            self.pending[lease.process] = true;
        }
        if nonblock || mine && self.has(Rule::NoWaitForOneself) {
            return Err(Errno::EAGAIN);
        }
        self.blocked.push(opener);
        Ok(Ret::word("blocked"))
    }

    /// The open or truncate succeeds.
    fn finish(&mut self, opener: &Blocked) {
        if let Some(handle) = &opener.handle {
            self.filps.push(Filp { file: opener.file, write: opener.write, descriptors: 1 });
            self.handles.insert((opener.process, handle.clone()), self.filps.len() - 1);
        }
    }

    /// Lets go whom nothing keeps waiting.
    fn resume(&mut self, res: &mut Vec<(usize, String)>) {
        let forgotten = self.has(Rule::TypeForgotten);
        for opener in std::mem::take(&mut self.blocked) {
            let leases = self.leases.entry(opener.file).or_default();
            let waits = leases.iter().any(|lease| match opener.write {
                true => lease.unlock.is_some(),
                false => conflicts_with_reader(lease, forgotten) && (lease.breaking() || !forgotten),
            });
            if waits {
                self.blocked.push(opener);
            } else {
                self.finish(&opener);
                res.push((opener.op, "ok".to_owned()));
            }
        }
    }

    fn setlease(&mut self, process: usize, filp: usize, arg: i32) -> Result<()> {
        let file = self.filps[filp].file;
        if !matches!(arg, F_RDLCK | F_WRLCK | F_UNLCK) || self.directory.is_dir(file) {
            return Err(Errno::EINVAL);
        }
        if arg == F_UNLCK {
            return self.unlock(filp);
        }
        self.expire(file);
        if arg == F_RDLCK && self.writers(file) > 0 || arg == F_WRLCK && self.references(file) > 1 {
            return Err(Errno::EAGAIN);
        }
        let write = arg == F_WRLCK;
        let mut others = self.leases_mut(file).iter().filter(|lease| lease.filp != filp);
        if others.any(|lease| write || lease.unlock.is_some()) {
            return Err(Errno::EAGAIN);
        }
        let overwritten = self.has(Rule::BreakOverwritten);
        let leases = self.leases_mut(file);
        match leases.iter_mut().find(|lease| lease.filp == filp) {
            Some(lease) if overwritten => *lease = Lease { write, unlock: None, downgrade: None, ..*lease },
            Some(lease) => {
                lease.write = write;
                lease.downgrade = lease.downgrade.filter(|_| write);
            }
            None => leases.push(Lease { filp, process, write, unlock: None, downgrade: None, downgrade_time: None }),
        }
        Ok(())
    }

    fn unlock(&mut self, filp: usize) -> Result<()> {
        let file = self.filps[filp].file;
        if self.has(Rule::UnlockExpires) {
            self.expire(file);
        }
        let leases = self.leases_mut(file);
        let before = leases.len();
        leases.retain(|lease| lease.filp != filp);
        let removed = leases.len() < before;
        if removed || self.has(Rule::UnlockIsIdempotent) { Ok(()) } else { Err(Errno::EAGAIN) }
    }

    fn getlease(&mut self, filp: usize) -> &'static str {
        let file = self.filps[filp].file;
        self.expire(file);
        let lease = self.leases_mut(file).iter().find(|lease| lease.filp == filp);
        match lease.map_or(F_UNLCK, Lease::target) {
            F_RDLCK => "r",
            F_WRLCK => "w",
            _ => "u",
        }
    }

    /// Opens for write and truncates under way: `i_writecount`.
    fn writers(&self, file: FileIndex) -> usize {
        let late = self.has(Rule::WriterCountsLate);
        let counts = |opener: &&Blocked| opener.file == file && opener.write && !(late && opener.handle.is_some());
        self.open(file).filter(|filp| filp.write).count() + self.blocked.iter().filter(counts).count()
    }

    /// All that refer to the file.
    fn references(&self, file: FileIndex) -> usize {
        self.open(file).count() + self.blocked.iter().filter(|opener| opener.file == file).count()
    }

    fn open(&self, file: FileIndex) -> impl Iterator<Item = &Filp> {
        self.filps.iter().filter(move |filp| filp.file == file && filp.descriptors > 0)
    }

    /// Overdue leases become what was asked for.
    fn expire(&mut self, file: FileIndex) {
        let (now, dies) = (self.now, self.has(Rule::DeadlineDiesWithBreak));
        let overdue = |deadline: Option<u64>| deadline.is_some_and(|deadline| now > deadline);
        let leases = self.leases_mut(file);
        for lease in leases.iter_mut() {
            if overdue(lease.downgrade_time) && (lease.downgrade.is_some() || !dies) {
                (lease.write, lease.downgrade) = (false, None);
            }
        }
        leases.retain(|lease| !overdue(lease.unlock));
    }

    /// Time passes; who waits notices what is overdue, but looks only when the removal of the first lease is due
    /// (all the time, if none is asked for): a reader may oversleep its downgrade.
    fn advance(&mut self, units: f64) {
        self.now += ticks(self.script, units);
        let files: Vec<FileIndex> = self.blocked.iter().map(|opener| opener.file).collect();
        for file in files {
            let removal = self.leases_mut(file).first().and_then(|lease| lease.unlock);
            if removal.is_none_or(|removal| self.now > removal) {
                self.expire(file);
            }
        }
    }

    fn locks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (&file, leases) in &self.leases {
            for (at, lease) in leases.iter().enumerate() {
                let waiting = self.blocked.iter().filter(|opener| opener.file == file && at == 0);
                let waiters = waiting.map(|opener| (opener.write, opener.process)).collect();
                let name = self.directory.name(file);
                lines.push(line(lease.breaking(), lease.target(), lease.process, name, waiters));
            }
        }
        lines.sort_unstable();
        lines
    }
}

/// Does the lease keep a reader out?
fn conflicts_with_reader(lease: &Lease, forgotten: bool) -> bool {
    lease.write || forgotten && lease.unlock.is_some()
}

/// Units of virtual time in jiffies.
pub fn ticks(script: &Script, units: f64) -> u64 {
    (units * unit(script) as f64).round() as u64
}

/// A line of `locks`: a lease and who waits for it (do they want to write, and their process).
pub fn line(breaking: bool, target: i32, process: usize, file: &str, waiters: Vec<(bool, usize)>) -> String {
    let state = if breaking { "BREAKING" } else { "ACTIVE" };
    let target = match target {
        F_RDLCK => "READ",
        F_WRLCK => "WRITE",
        _ => "UNLCK",
    };
    let mut tails: Vec<String> = waiters
        .into_iter()
        .map(|(write, process)| format!(" -> LEASE BREAKER {} P{process}", if write { "WRITE" } else { "READ" }))
        .collect();
    tails.sort_unstable();
    format!("LEASE {state} {target} P{process} {file}{}", tails.concat())
}
