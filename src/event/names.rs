//! How objects and operations read: the kernel's spellings, and names that do not depend on the schedule.

mod rust;

use super::{
    Access, Act, Births, CaseKind, CaseNote, Format, Note, ObjectId, ObjectInfo, ObjectKind, Op, Rmw, Symbol, TaskId,
    View, Woken,
};

/// Names of a scenario's tasks, calls and nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of each task.
    pub tasks: Vec<String>,
    /// Of each task's calls.
    pub calls: Vec<Vec<String>>,
    /// Of the nodes of a cluster; empty where there is one kernel.
    pub nodes: Vec<String>,
    /// Of tasks that are born while the program runs.
    pub born: Option<Births>,
}

impl Names {
    /// Name of a task.
    pub fn task(&self, task: TaskId) -> &str {
        match task {
            TaskId::BOOT => "boot",
            TaskId::CLOCK => "clock",
            task => match (self.tasks.get(task.index()), &self.born) {
                (Some(name), _) => name,
                (None, Some(births)) => births.name(task).map_or("?", Symbol::as_str),
                (None, None) => "?",
            },
        }
    }

    /// Name of an object: of a slab object by its maker, of a field with its slab object.
    pub fn object(&self, view: &dyn View, id: ObjectId) -> String {
        let info = view.object(id);
        match (info.kind, info.block) {
            (ObjectKind::Block, _) => self.block(&info.name, id),
            (_, Some(block)) => format!("{}->{}", self.block(&view.object(block).name, block), info.name),
            (_, None) => self.on_node(info),
        }
    }

    /// Every kernel of a cluster has its own `i_flock`: a reader of two has to know whose. The file server's objects are on no node.
    fn on_node(&self, info: ObjectInfo) -> String {
        let node = info.node.filter(|_| self.nodes.len() > 1).and_then(|node| self.nodes.get(usize::from(node)));
        node.map_or(info.name.to_string(), |node| format!("{}@{node}", info.name))
    }

    /// Slab objects are numbered per maker by their object count, which no schedule changes.
    fn block(&self, name: &str, id: ObjectId) -> String {
        format!("{name}@{}.{}", self.task(id.creator()), id.count())
    }

    fn value(&self, view: &dyn View, format: Format, value: u64) -> String {
        match format {
            Format::Number | Format::Rust => (value as i64).to_string(),
            Format::Pointer if value == 0 => "NULL".to_owned(),
            Format::Pointer => self.object(view, ObjectId(value as u32)),
            Format::Case(reading) => (reading.text)(self, value),
        }
    }

    /// An operation as the kernel would spell it, without its result.
    pub fn op(&self, view: &dyn View, op: Op) -> String {
        if let Some(text) = self.rust_op(view, op) {
            return text;
        }
        let name = |id| self.object(view, id);
        match op {
            Op::Load(id, access) => {
                access_text("READ_ONCE", "smp_load_acquire", "atomic_read", view, id, access, name(id))
            }
            Op::Store(id, value, access) => {
                let value = self.value(view, view.object(id).format, value);
                let target = access_text("WRITE_ONCE", "smp_store_release", "atomic_set", view, id, access, name(id));
                match target.strip_suffix(')') {
                    Some(open) => format!("{open}, {value})"),
                    None => format!("{target} = {value}"),
                }
            }
            Op::Rmw(id, Rmw::CmpXchg(old, new), _) if is_whole(view.object(id).format) => {
                let text = |value| self.value(view, view.object(id).format, value);
                format!("cmpxchg({}, {}, {})", name(id), text(old), text(new))
            }
            Op::Rmw(id, rmw, access) => rmw_text(rmw, access, &name(id)),
            Op::Fence => "smp_mb()".to_owned(),
            Op::Acquire(id) => self.lock_op(view, id, "lock"),
            Op::TryAcquire(id) => self.lock_op(view, id, "trylock"),
            Op::Release(id) => self.lock_op(view, id, "unlock"),
            Op::AcquireRead(id) if view.object(id).kind == ObjectKind::RwSem => format!("down_read({})", name(id)),
            Op::ReleaseRead(id) if view.object(id).kind == ObjectKind::RwSem => format!("up_read({})", name(id)),
            Op::AcquireRead(id) => format!("read_lock({})", name(id)),
            Op::ReleaseRead(id) => format!("read_unlock({})", name(id)),
            Op::Down(id) if view.object(id).kind == ObjectKind::Completion => {
                format!("wait_for_completion({})", name(id))
            }
            Op::Up(id) if view.object(id).kind == ObjectKind::Completion => format!("complete({})", name(id)),
            Op::Down(id) => format!("down({})", name(id)),
            Op::TryDown(id) => format!("down_trylock({})", name(id)),
            Op::Up(id) => format!("up({})", name(id)),
            Op::Enqueue(id) => format!("prepare_to_wait({})", name(id)),
            Op::Dequeue(id) => format!("finish_wait({})", name(id)),
            Op::Wake(id) => format!("wake_up({})", name(id)),
            Op::Sleep(None) => "schedule()".to_owned(),
            Op::Sleep(Some(deadline)) => format!("schedule_timeout(until {deadline})"),
            Op::Free(id) => format!("kfree({})", name(id)),
            Op::Choose(_, choice) => choice.to_string(),
            Op::Interrupt(task) => format!("signal({})", self.task(task)),
            Op::Mask(mask) => mask.word().to_owned(),
            Op::Enter(level) => format!("{} comes", level.word()),
            Op::Leave(level) => format!("{} returns", level.word()),
            Op::Advance(by) => format!("jiffies += {by}"),
            Op::Spawn(_, task) => format!("spawn {}", self.task(task)),
            Op::Join(_, task) => format!("join {}", self.task(task)),
            Op::Act(id, act) => format!("{act:?}({})", name(id)),
            Op::Flush(id, value) if view.object(id).kind.is_lock() && value == 0 => {
                format!("flush {}", self.lock_op(view, id, "unlock"))
            }
            Op::Flush(id, value) => {
                format!("flush {} = {}", name(id), self.value(view, view.object(id).format, value))
            }
        }
    }

    /// The holders of a lock: the one that has it alone, or all that share it.
    pub fn holders(&self, view: &dyn View, lock: ObjectId) -> String {
        let holders = view.holders(lock);
        let names: Vec<&str> =
            (0..64).filter(|task| holders >> task & 1 != 0).map(|task| self.task(TaskId(task))).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(" and ") }
    }

    /// There is one BKL in a kernel, so its functions take no argument.
    fn lock_op(&self, view: &dyn View, id: ObjectId, verb: &str) -> String {
        match view.object(id).kind {
            ObjectKind::Bkl => format!("{verb}_kernel()"),
            ObjectKind::Mutex => format!("mutex_{verb}({})", self.object(view, id)),
            ObjectKind::WaitList if verb == "unlock" => "rwsem: let the next one come".to_owned(),
            ObjectKind::WaitList => "rwsem: stand in line".to_owned(),
            ObjectKind::RwLock => format!("write_{verb}({})", self.object(view, id)),
            ObjectKind::RawSpin => format!("raw_spin_{verb}({})", self.object(view, id)),
            ObjectKind::RwSem if verb == "unlock" => format!("up_write({})", self.object(view, id)),
            ObjectKind::RwSem => format!("down_write({})", self.object(view, id)),
            _ => format!("spin_{verb}({})", self.object(view, id)),
        }
    }

    /// An operation with what came of it.
    pub fn op_and_result(&self, view: &dyn View, op: Op, result: u64) -> String {
        let text = self.op(view, op);
        match op {
            Op::Load(id, _) | Op::Rmw(id, ..) if view.object(id).kind == ObjectKind::Cell => text,
            Op::Load(id, _) | Op::Rmw(id, Rmw::Xchg(_) | Rmw::CmpXchg(..) | Rmw::Cas(..) | Rmw::Alu(..), _) => {
                format!("{text} -> {}", self.value(view, view.object(id).format, result))
            }
            Op::Rmw(_, Rmw::IncNotZero, _) if result == 0 => format!("{text} fails"),
            Op::Rmw(_, rmw @ (Rmw::Add(_) | Rmw::IncNotZero), _) => format!("{text} -> {}", rmw.apply(result) as i64),
            Op::TryAcquire(_) | Op::TryDown(_) if result == 0 => format!("{text} fails"),
            Op::Release(_) if result != 0 => format!("{text}, not held"),
            Op::Free(_) if result != 0 => format!("{text}, freed already"),
            Op::Sleep(_) => format!("{text} -> {}", woken_text(Woken::from_result(result))),
            Op::Act(_, act) => act_and_result(self, act, &text, result),
            Op::Choose(2, _) => format!("{text} -> {}", if result == 0 { "no" } else { "yes" }),
            Op::Choose(..) => format!("{text} -> {result}"),
            _ => text,
        }
    }

    /// A remark, if it reads as a line of a trace.
    pub fn note(&self, view: &dyn View, task: TaskId, note: Note) -> Option<String> {
        match note {
            Note::Call(call) => self.calls.get(task.index()).map(|calls| format!("> {}", calls[usize::from(call)])),
            Note::Return(call, result) => {
                self.calls.get(task.index()).map(|calls| format!("< {} = {result}", calls[usize::from(call)]))
            }
            Note::MightSleep(what) => Some(format!("{what} may sleep")),
            Note::Nested(_, true) => Some("lock_kernel() again".to_owned()),
            Note::Nested(_, false) => Some("unlock_kernel(), still held".to_owned()),
            Note::Signal { pid: 0, file } => Some(format!("SIGIO for {} to nobody", self.object(view, file))),
            Note::Signal { pid, file } => Some(format!("SIGIO to pid {pid} for {}", self.object(view, file))),
            Note::Case(CaseNote { kind: CaseKind { reads: Some(reads), .. }, words: [object, ..] }) => {
                Some(format!("{reads} {}", self.object(view, ObjectId(object as u32))))
            }
            Note::Alloc(id) => Some(format!("{} allocated", self.object(view, id))),
            Note::Bug(text) => Some(format!("BUG: {text}")),
            _ => None,
        }
    }
}

/// What came of an operation of user-land code.
fn act_and_result(names: &Names, act: Act, text: &str, result: u64) -> String {
    match (act, result) {
        (Act::TryRead, 0) => format!("{text} fails"),
        (Act::Send(_) | Act::TrySend(_), 1) => format!("{text} fails, nobody receives"),
        (Act::TrySend(_), _) if result != 0 => format!("{text} fails, no room"),
        (Act::Recv, 1) | (Act::TryRecv, 2) => format!("{text} fails, nobody sends"),
        (Act::TryRecv, 1) => format!("{text} finds nothing"),
        (Act::Drop(_), 1) => format!("{text}, the last"),
        (Act::WakeOne, 0) => format!("{text}, nobody waits"),
        (Act::WakeOne, task) => format!("{text} -> {}", names.task(TaskId(task as u8))),
        (Act::Doze, 1) => format!("{text} -> timeout"),
        _ => text.to_owned(),
    }
}

/// Is a value of that format replaced as a whole?
fn is_whole(format: Format) -> bool {
    matches!(format, Format::Case(reading) if reading.is_whole)
}

fn woken_text(woken: Woken) -> &'static str {
    match woken {
        Woken::Up => "woken",
        Woken::Signal => "signal",
        Woken::Timeout => "timeout",
    }
}

fn access_text(
    once: &str,
    ordered: &str,
    atomic: &str,
    view: &dyn View,
    id: ObjectId,
    access: Access,
    name: String,
) -> String {
    match (view.object(id).kind, access) {
        (ObjectKind::Atomic, Access::Once) => format!("{atomic}({name})"),
        (_, Access::Plain) => name,
        (_, Access::Once) => format!("{once}({name})"),
        (_, Access::Acquire | Access::Release | Access::Full | Access::Relaxed | Access::AcqRel) => {
            format!("{ordered}({name})")
        }
    }
}

fn rmw_text(rmw: Rmw, access: Access, name: &str) -> String {
    let suffix = if access == Access::Full { "_return" } else { "" };
    match rmw {
        Rmw::Add(1) => format!("atomic_inc{suffix}({name})"),
        Rmw::Add(u64::MAX) => format!("atomic_dec{suffix}({name})"),
        Rmw::Add(n) => format!("atomic_add{suffix}({}, {name})", n as i64),
        Rmw::Xchg(new) => format!("xchg({name}, {})", new as i64),
        Rmw::CmpXchg(old, new) | Rmw::Cas(old, new, _) => format!("cmpxchg({name}, {}, {})", old as i64, new as i64),
        Rmw::Alu(alu, by) => format!("{:?}({name}, {})", alu.what, by as i64),
        Rmw::IncNotZero => format!("atomic_inc_not_zero({name})"),
        Rmw::Claim(_) => format!("rcu_read_lock({name})"),
        Rmw::Vacate(_) => format!("rcu_read_unlock({name})"),
    }
}
