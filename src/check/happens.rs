//! LW010 and LW022 for user-land code: accesses that nothing orders, and counted values that nobody drops.
//!
//! An `UnsafeCell` has no order of its own. Two accesses of two tasks, one of them a write, are a race unless one *happens before* the
//! other by what the code declares: a lock, a release store that an acquire load reads, a message, a spawn, a join, fences. A relaxed
//! store orders nothing, although memory here is sequentially consistent and the value arrives.
//!
//! Vector clocks would tell that, and would tell apart states that are the same. What is kept instead is, for the last write of a cell
//! and the reads since, *who knows* of it: the tasks that it happens before, and the objects through which a task can learn of it. An
//! access that all tasks know of is forgotten.
//!
//! An access lasts as long as the closure, or the pointer, that it was made for. What comes in between by another task is a race whatever it knows.
//!
//! It cannot see an order that only sequentially consistent fences or accesses of *other* locations give in C11, and takes the failure
//! ordering that the code declares for granted.

use std::hash::Hasher;

use super::code::Code;
use super::extra::Check;
use super::finding::{Docket, Spot, spot};
use crate::event::{
    Access, Act, CaseKind, CaseNote, Event, Note, ObjectId, ObjectKind, Op, Rmw, Status, TaskId, View, What,
};

/// The remark that an access of a cell is over; words: the cell, and whether it wrote.
pub const ACCESS_ENDS: &CaseKind = &CaseKind { tag: 240, name: "access ends", reads: None };

/// The remark that a value has been counted; words: its object.
pub const COUNTED: &CaseKind = &CaseKind { tag: 241, name: "counted", reads: None };

/// The remark of a fence; words: 1 if it acquires, 2 if it releases, 3 for both.
pub const FENCE: &CaseKind = &CaseKind { tag: 242, name: "fence", reads: None };

/// An access of a cell, and who knows of it.
#[derive(Clone)]
struct Known {
    cell: ObjectId,
    task: TaskId,
    writes: bool,
    /// It is not over.
    open: bool,
    at: Spot,
    /// The tasks that it happens before, as bits.
    know: u64,
    /// Those of them that have made a release fence since they know.
    fenced: u64,
    /// Those that will know after an acquire fence.
    pending: u64,
    /// Objects that tell whoever acquires them, in order.
    told: Vec<ObjectId>,
}

impl Known {
    fn is_known_to(&self, task: TaskId) -> bool {
        self.know >> task.0 & 1 != 0
    }

    /// A task acquires an object, in full or so that a fence has to follow.
    fn acquire(&mut self, task: TaskId, object: ObjectId, fully: bool) {
        if self.told.binary_search(&object).is_ok() {
            let tasks = if fully { &mut self.know } else { &mut self.pending };
            *tasks |= 1 << task.0;
        }
    }

    /// A task releases to an object, and what it was told before stays or not.
    fn release(&mut self, task: TaskId, object: ObjectId, fully: bool, stays: bool) {
        let tells = if fully { self.know } else { self.fenced } >> task.0 & 1 != 0;
        match self.told.binary_search(&object) {
            Ok(at) if !tells && !stays => _ = self.told.remove(at),
            Err(at) if tells => self.told.insert(at, object),
            _ => {}
        }
    }
}

/// The judge.
#[derive(Clone, Default)]
pub struct Happens {
    /// In the order of cells and tasks.
    known: Vec<Known>,
    counted: Vec<(ObjectId, Spot)>,
}

impl Happens {
    fn acquire(&mut self, task: TaskId, object: ObjectId) {
        self.known.iter_mut().for_each(|known| known.acquire(task, object, true));
    }

    fn release(&mut self, task: TaskId, object: ObjectId) {
        self.known.iter_mut().for_each(|known| known.release(task, object, true, true));
    }

    fn load(&mut self, task: TaskId, object: ObjectId, access: Access) {
        self.known.iter_mut().for_each(|known| known.acquire(task, object, access.acquires()));
    }

    fn store(&mut self, task: TaskId, object: ObjectId, access: Access, is_rmw: bool) {
        self.known.iter_mut().for_each(|known| known.release(task, object, access.releases(), is_rmw));
    }

    fn fence(&mut self, task: TaskId, how: u64) {
        for known in &mut self.known {
            if how & 1 != 0 && known.pending >> task.0 & 1 != 0 {
                known.know |= 1 << task.0;
            }
            if how & 2 != 0 && known.is_known_to(task) {
                known.fenced |= 1 << task.0;
            }
        }
    }

    /// What one task knows another knows.
    fn tell(&mut self, from: TaskId, to: TaskId) {
        self.known.iter_mut().filter(|known| known.is_known_to(from)).for_each(|known| known.know |= 1 << to.0);
    }

    fn follow(&mut self, task: TaskId, op: Op, result: u64) {
        match op {
            Op::Acquire(id) | Op::AcquireRead(id) | Op::Down(id) => self.acquire(task, id),
            Op::TryAcquire(id) | Op::TryDown(id) | Op::Act(id, Act::TryRead) if result == 1 => self.acquire(task, id),
            Op::Release(id) | Op::ReleaseRead(id) | Op::Up(id) => self.release(task, id),
            Op::Load(id, access) => self.load(task, id, access),
            Op::Store(id, _, access) => self.store(task, id, access, false),
            Op::Rmw(id, Rmw::Cas(expected, _, failure), _) if result != expected => self.load(task, id, failure),
            Op::Rmw(id, Rmw::IncNotZero, access) if result == 0 => self.load(task, id, access),
            Op::Rmw(id, _, access) => {
                self.load(task, id, access);
                self.store(task, id, access, true);
            }
            Op::Spawn(_, child) => self.tell(task, child),
            Op::Join(_, child) => self.tell(child, task),
            Op::Act(id, act) => self.follow_act(task, id, act, result),
            _ => {}
        }
    }

    fn follow_act(&mut self, task: TaskId, id: ObjectId, act: Act, result: u64) {
        match act {
            Act::Post | Act::HangUp | Act::Close => self.release(task, id),
            Act::Send(_) | Act::TrySend(_) if result == 0 => self.release(task, id),
            // With a message comes what its sender knew, and with the end what all that have left knew.
            Act::Recv | Act::TryRecv | Act::Send(_) | Act::TrySend(_) => self.acquire(task, id),
            Act::Drop(_) => {
                self.release(task, id);
                if result == 1 {
                    self.acquire(task, id);
                }
            }
            _ => {}
        }
    }

    /// An access of a cell: is it ordered after all that it conflicts with?
    fn access(&mut self, event: &Event, cell: ObjectId, writes: bool, view: &dyn View, docket: &mut Docket<'_>) {
        let task = event.task;
        let conflicts = |known: &&Known| known.cell == cell && (known.writes || writes);
        let is_race = |known: &&Known| known.open || !known.is_known_to(task);
        if let Some(first) = self.known.iter().filter(conflicts).find(is_race) {
            report(event, first, writes, view, docket);
        }
        let outdated = |known: &Known| known.cell == cell && (writes || known.task == task && !known.writes);
        self.known.retain(|known| !outdated(known));
        let at = self.known.partition_point(|known| (known.cell, known.task, known.writes) < (cell, task, writes));
        let (know, told) = (1 << task.0, Vec::new());
        let known = Known { cell, task, writes, open: true, at: spot(event), know, fenced: 0, pending: 0, told };
        self.known.insert(at, known);
    }

    /// It is over: what happens after it has still to begin.
    fn end_access(&mut self, event: &Event, cell: ObjectId, writes: bool) {
        let is_it = |known: &&mut Known| (known.cell, known.task, known.writes) == (cell, event.task, writes);
        if let Some(known) = self.known.iter_mut().find(is_it) {
            (known.open, known.know, known.fenced, known.pending) = (false, 1 << event.task.0, 0, 0);
            known.told.clear();
        }
    }

    /// Forgets what all tasks know that are left.
    fn forget(&mut self, running: TaskId, view: &dyn View) {
        if self.known.is_empty() {
            return;
        }
        let lives = |task: &TaskId| *task == running || view.status(*task).0 != Status::Finished;
        let alive = (1..=view.tasks()).map(|task| TaskId(task as u8)).filter(lives);
        let alive = alive.fold(0u64, |all, task| all | 1 << task.0);
        self.known.retain(|known| known.open || known.know & alive != alive);
    }
}

fn report(event: &Event, first: &Known, writes: bool, view: &dyn View, docket: &mut Docket<'_>) {
    docket.report(Code::LW010, view.object(first.cell).name, |names| {
        let name = names.object(view, first.cell);
        let side = |task: TaskId, writes: bool| {
            format!("{} {} it here", names.task(task), if writes { "writes" } else { "reads" })
        };
        let how = match (first.open, first.task == event.task) {
            (true, true) => format!("{} accesses {name} while it still does so in another way", names.task(event.task)),
            (true, false) => format!("{name} is accessed while an access of another task lasts"),
            _ => format!("nothing orders these accesses to {name}"),
        };
        (how, (spot(event), side(event.task, writes)), (first.at, side(first.task, first.writes)))
    });
}

impl Check for Happens {
    fn begin(&mut self) {
        *self = Happens::default();
    }

    fn event(&mut self, event: &Event, view: &dyn View, docket: &mut Docket<'_>) {
        if event.task == TaskId::BOOT {
            return;
        }
        match event.what {
            What::Op(Op::Load(cell, _), _) if view.object(cell).kind == ObjectKind::Cell => {
                self.access(event, cell, false, view, docket);
            }
            What::Op(Op::Rmw(cell, ..), _) if view.object(cell).kind == ObjectKind::Cell => {
                self.access(event, cell, true, view, docket);
            }
            What::Op(op, result) => self.follow(event.task, op, result),
            What::Note(Note::Case(CaseNote { kind, words: [word, other, _] })) => {
                let object = ObjectId(word as u32);
                match kind {
                    kind if *kind == *ACCESS_ENDS => self.end_access(event, object, other != 0),
                    kind if *kind == *COUNTED => self.counted.push((object, spot(event))),
                    kind if *kind == *FENCE => self.fence(event.task, word),
                    _ => {}
                }
            }
            What::Note(_) => {}
        }
        self.forget(event.task, view);
    }

    fn end(&mut self, view: &dyn View, docket: &mut Docket<'_>) {
        for &(object, made) in self.counted.iter().filter(|(object, _)| view.peek(*object) != 0) {
            let end = Spot { step: docket.step(), ..made };
            docket.report(Code::LW022, view.object(object).name, |names| {
                let name = names.object(view, object);
                let left = view.peek(object);
                (
                    format!("{name} is still there when all tasks have ended ({left} left)"),
                    (end, "the last task ends".to_owned()),
                    (made, "made here".to_owned()),
                )
            });
        }
    }

    fn fingerprint(&self, hasher: &mut dyn Hasher) {
        for known in &self.known {
            hasher.write_u64(u64::from(known.cell.0) << 32 | u64::from(known.task.0) << 8);
            hasher.write_u64(u64::from(known.writes) << 1 | u64::from(known.open));
            [known.know, known.fenced, known.pending].into_iter().for_each(|tasks| hasher.write_u64(tasks));
            known.told.iter().for_each(|object| hasher.write_u32(object.0));
            hasher.write_u64(u64::MAX);
        }
    }

    fn heeds(&self, _event: &Event) -> bool {
        false
    }

    fn marks_order(&self, _event: &Event) -> bool {
        false
    }

    fn copied(&self) -> Box<dyn Check> {
        Box::new(self.clone())
    }
}
