//! What user-land code shares beside values that the engine can see: data inside locks, cells and channels.
//!
//! Such data is ordinary memory, which cannot be hashed. But it is a function of what its last writer had observed. So its *version* is
//! that writer's history when it let go of it, or the hash of the contents where those are known. A task that gets at
//! the data observes the version. (`docs/explorer.md`, "Data that nobody can hash".)

use std::collections::VecDeque;
use std::hash::Hasher;

use super::super::fingerprint::Fingerprint;
use super::{Slot, World};
use crate::event::{Act, ObjectId, ObjectKind, Op, Status, Symbol, TaskId};

/// A channel: a version for each message under way.
#[derive(Clone)]
struct Channel {
    messages: VecDeque<u128>,
    senders: u32,
    has_receiver: bool,
    /// Most messages under way.
    room: u32,
}

/// All of it, of one execution.
#[derive(Clone, Default)]
pub(super) struct Own {
    /// Of data in locks, cells and pointers, by object.
    versions: Vec<(ObjectId, u128)>,
    channels: Vec<(ObjectId, Channel)>,
    /// What belongs to the outcome, by name.
    recorded: Vec<(Symbol, i64)>,
    /// What tasks have read since they last span, and a hash of what they found.
    read: Vec<(TaskId, ObjectId, u64)>,
}

impl Own {
    fn version(&self, id: ObjectId) -> Option<u128> {
        self.versions.binary_search_by_key(&id, |(known, _)| *known).ok().map(|at| self.versions[at].1)
    }

    fn set_version(&mut self, id: ObjectId, version: u128) {
        match self.versions.binary_search_by_key(&id, |(known, _)| *known) {
            Ok(at) => self.versions[at].1 = version,
            Err(at) => self.versions.insert(at, (id, version)),
        }
    }

    fn channel(&self, id: ObjectId) -> &Channel {
        let known = self.channels.iter().find(|(known, _)| *known == id);
        &known.expect("internal error: a channel is opened when it is made").1
    }

    fn channel_mut(&mut self, id: ObjectId) -> &mut Channel {
        let known = self.channels.iter_mut().find(|(known, _)| *known == id);
        &mut known.expect("internal error: a channel is opened when it is made").1
    }

    /// Takes in all that future steps depend on. What was read follows from histories.
    pub fn fingerprint(&self, fingerprint: &mut Fingerprint) {
        for (id, version) in &self.versions {
            fingerprint.write_u32(id.0);
            fingerprint.write_history(*version);
        }
        for (id, channel) in &self.channels {
            fingerprint.write_u32(id.0);
            fingerprint.write_u64(u64::from(channel.senders) << 32 | channel.messages.len() as u64);
            fingerprint.write_u8(channel.has_receiver.into());
            channel.messages.iter().for_each(|version| fingerprint.write_history(*version));
        }
        for (name, value) in &self.recorded {
            std::hash::Hash::hash(name, fingerprint);
            fingerprint.write_u64(*value as u64);
        }
    }
}

fn folded(history: u128, seen: u128) -> u128 {
    let mut fold = Fingerprint::default();
    fold.write_history(history);
    fold.write_history(seen);
    fold.finish_128()
}

impl World {
    /// The task's history, as it goes on from an operation: what it learns of data beside the result is taken in.
    pub(in crate::engine) fn history_before(&self, task: TaskId, op: Op) -> u128 {
        let history = self.tasks[task.index()].history;
        self.seen(op).map_or(history, |seen| folded(history, seen))
    }

    /// The version of the data that an operation gives access to.
    pub(super) fn seen(&self, op: Op) -> Option<u128> {
        match op {
            Op::Join(_, task) => Some(self.tasks[task.index()].history),
            Op::Act(id, Act::Close) => {
                let messages = &self.own.channel(id).messages;
                messages.iter().copied().reduce(folded)
            }
            Op::Act(id, Act::Recv | Act::TryRecv) => self.own.channel(id).messages.front().copied(),
            Op::Acquire(id) | Op::AcquireRead(id) | Op::Load(id, _) | Op::Rmw(id, ..) => self.own.version(id),
            Op::TryAcquire(id) if self.slot(id).value == 0 => self.own.version(id),
            Op::Act(id, Act::TryRead) if self.slot(id).value & super::WRITER == 0 => self.own.version(id),
            _ => None,
        }
    }

    /// The task lets go of data that only it could reach: `content` stands for it, or what the task has observed does.
    pub(in crate::engine) fn publish(&mut self, task: TaskId, id: ObjectId, content: Option<u64>) {
        let version = match (content, task) {
            (Some(content), _) => u128::from(content) << 64 | 1,
            (None, TaskId::BOOT) => 0,
            (None, task) => self.tasks[task.index()].history,
        };
        self.own.set_version(id, version);
    }

    /// A store to a pointer: what it points to is as old as this.
    fn publish_pointer(&mut self, task: TaskId, id: ObjectId) {
        if self.slot(id).info.kind == ObjectKind::Pointer {
            self.publish(task, id, None);
        }
    }

    /// More handles of an object, or of the sending side of a channel. Nobody can tell when: the task holds one.
    pub(in crate::engine) fn adjust(&mut self, id: ObjectId, by: i64) {
        match self.slot(id).info.kind {
            ObjectKind::Channel => {
                let senders = &mut self.own.channel_mut(id).senders;
                *senders = senders.wrapping_add_signed(by as i32);
            }
            _ => {
                let value = &mut self.slot_mut(id).value;
                *value = value.wrapping_add_signed(by);
            }
        }
    }

    /// A channel with one sender and one receiver.
    pub(super) fn open_channel(&mut self, id: ObjectId, room: u64) {
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let channel = Channel { messages: VecDeque::new(), senders: 1, has_receiver: true, room };
        let at = self.own.channels.partition_point(|(known, _)| *known < id);
        self.own.channels.insert(at, (id, channel));
    }

    /// Writes a value of the outcome down.
    pub(in crate::engine) fn record(&mut self, name: Symbol, value: i64) {
        match self.own.recorded.binary_search_by(|(known, _)| known.cmp(&name)) {
            Ok(at) => self.own.recorded[at].1 = value,
            Err(at) => self.own.recorded.insert(at, (name, value)),
        }
    }

    pub(super) fn all_recorded(&self) -> Vec<(Symbol, i64)> {
        self.own.recorded.clone()
    }

    /// Can a channel give, or take, a message now?
    pub(super) fn is_channel_open(&self, id: ObjectId, act: Act) -> bool {
        let channel = self.own.channel(id);
        match act {
            Act::Send(_) => !channel.has_receiver || (channel.messages.len() as u32) < channel.room,
            _ => !channel.messages.is_empty() || channel.senders == 0,
        }
    }

    /// The operation that was just performed is no step of its own: its task unwinds.
    pub(in crate::engine) fn goes_wild(&mut self) {
        self.is_wild = true;
    }

    /// Has the last step done more than its operation says, so that it commutes with nothing?
    pub fn is_wild(&self) -> bool {
        self.is_wild
    }

    /// A task starts: what it will do follows from what its parent has observed.
    pub(super) fn bear(&mut self, parent: TaskId, child: TaskId) {
        let history = folded(self.tasks[parent.index()].history, u128::from(child.0));
        while self.tasks.len() <= child.index() {
            let task = super::Task { born: false, ..super::Task::new(self.tasks.len() + 1) };
            self.tasks.push(task);
            self.objects.push(Vec::new());
        }
        self.cpus.grow(self.tasks.len());
        self.tasks[child.index()] = super::Task { history, ..super::Task::new(usize::from(child.0)) };
    }

    /// Number of threads that the task has made.
    pub(in crate::engine) fn children(&self, task: TaskId) -> u32 {
        let slots = &self.objects[usize::from(task.0)];
        slots.iter().filter(|slot| slot.info.kind == ObjectKind::Thread).count() as u32
    }

    /// What an object looks like to a task that spins.
    fn looks(&self, id: ObjectId) -> u64 {
        let version = self.own.version(id).unwrap_or(0);
        let messages = match self.slot(id).info.kind {
            ObjectKind::Channel => {
                let channel = self.own.channel(id);
                (channel.messages.len() as u64) << 32 | u64::from(channel.senders)
            }
            _ => 0,
        };
        let mut fold = Fingerprint::default();
        let words = [self.slot(id).value, version as u64, (version >> 64) as u64, messages];
        words.into_iter().for_each(|word| fold.write_u64(word));
        fold.finish()
    }

    /// The task has looked at an object, or changed it.
    pub(super) fn has_read(&mut self, task: TaskId, op: Op, seen: Option<u128>, result: u64) {
        if task == TaskId::BOOT || matches!(op, Op::Act(_, Act::Spin(_))) {
            return;
        }
        let record = &mut self.tasks[task.index()];
        let mut fold = Fingerprint::default();
        fold.write_u64(record.round);
        op.words().into_iter().for_each(|word| fold.write_u64(word));
        fold.write_u64(op.observed(result));
        // What it has learned of data beside the result.
        fold.write_history(seen.unwrap_or(0));
        record.round = fold.finish();
        let Some(id) = op.object().filter(|_| !matches!(op, Op::Spawn(..))) else { return };
        let looks = self.looks(id);
        match self.own.read.iter_mut().find(|(by, known, _)| (*by, *known) == (task, id)) {
            Some(entry) => entry.2 = looks,
            None => self.own.read.push((task, id, looks)),
        }
    }

    /// Has anything changed that the task has read since it last span?
    fn has_news(&self, task: TaskId) -> bool {
        let record = &self.tasks[task.index()];
        if record.round != record.round_before {
            return true;
        }
        let mut of_task = self.own.read.iter().filter(|(by, ..)| *by == task).peekable();
        of_task.peek().is_none() || of_task.any(|(_, id, looks)| self.looks(*id) != *looks)
    }

    /// How a task stands before a spin.
    pub(super) fn spins(&self, task: TaskId, op: Op, for_ever: bool) -> Status {
        if self.has_news(task) { Status::Ready(op) } else { Status::Spins(for_ever) }
    }

    fn spin(&mut self, task: TaskId) -> u64 {
        let news = self.has_news(task);
        let record = &mut self.tasks[task.index()];
        record.round_before = std::mem::take(&mut record.round);
        self.own.read.retain(|(by, ..)| *by != task);
        u64::from(news)
    }

    /// Performs an operation of user-land code.
    pub(super) fn perform_act(&mut self, task: TaskId, id: ObjectId, act: Act, alternative: u8) -> u64 {
        match act {
            Act::TryRead => {
                let free = self.slot(id).value & super::WRITER == 0;
                if free {
                    self.slot_mut(id).value += super::perform::read(task);
                }
                u64::from(free)
            }
            Act::Post => {
                self.slot_mut(id).value = 1;
                0
            }
            Act::Drop(_) => {
                let value = &mut self.slot_mut(id).value;
                *value = value.wrapping_sub(1);
                u64::from(*value == 0)
            }
            Act::Send(content) | Act::TrySend(content) => self.send(task, id, content),
            Act::Recv | Act::TryRecv | Act::HangUp | Act::Close => self.receive(id, act),
            Act::WakeOne => {
                let slot = self.slot_mut(id);
                let is_waiting = slot.value >> alternative & 1 != 0 && alternative != 0;
                slot.value &= !(u64::from(is_waiting) << alternative);
                if is_waiting { u64::from(alternative) } else { 0 }
            }
            Act::Wait | Act::Doze => {
                let slot = self.slot_mut(id);
                let still = slot.value >> task.0 & 1;
                slot.value &= !(1 << task.0);
                still
            }
            Act::Spin(_) => self.spin(task),
        }
    }

    fn send(&mut self, task: TaskId, id: ObjectId, content: u64) -> u64 {
        let version = match content {
            0 => self.tasks.get(usize::from(task.0).wrapping_sub(1)).map_or(0, |task| task.history),
            content => u128::from(content) << 64 | 1,
        };
        let channel = self.own.channel_mut(id);
        match (channel.has_receiver, (channel.messages.len() as u32) < channel.room) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => {
                channel.messages.push_back(version);
                0
            }
        }
    }

    fn receive(&mut self, id: ObjectId, act: Act) -> u64 {
        let channel = self.own.channel_mut(id);
        match act {
            Act::HangUp => channel.senders = channel.senders.saturating_sub(1),
            Act::Close => {
                channel.has_receiver = false;
                return channel.messages.drain(..).count() as u64;
            }
            _ if channel.messages.pop_front().is_some() => {}
            Act::Recv => return 1,
            _ => return 1 + u64::from(channel.senders == 0),
        }
        0
    }

    /// A thread object says that its task has ended.
    pub(super) fn end_thread(&mut self, task: TaskId) {
        let of_task = |slot: &&mut Slot| slot.info.kind == ObjectKind::Thread && slot.value == u64::from(task.0) + 1;
        if let Some(slot) = self.objects.iter_mut().flatten().find(of_task) {
            slot.value = 0;
        }
    }

    /// After a store to memory: a pointer is a version of what it points to.
    pub(super) fn wrote(&mut self, task: TaskId, op: Op, result: u64) {
        match op {
            Op::Store(id, ..) => self.publish_pointer(task, id),
            Op::Rmw(id, rmw, _) if rmw.apply(result) != result => self.publish_pointer(task, id),
            _ => {}
        }
    }

    /// The tasks that one wake-up may wake, as bits by number.
    pub(super) fn wakeable(&self, queue: ObjectId) -> u64 {
        self.slot(queue).value
    }
}
