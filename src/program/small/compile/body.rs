//! Statement by statement: the instructions of one task.

use std::ops::RangeInclusive;

use crate::event::Access;
use crate::program::small::compile::{Translation, UNBOUNDED};
use crate::program::small::flat::{Line, is_repeated};
use crate::program::small::{LockKind, Stmt};
use crate::subject::form::{Block, Builder, Change, Code, Inst, Is, Label, Local, Value};

/// A recorded value's local, and its value while nothing is recorded.
pub(super) type Recorded = Vec<(Local, i64)>;

/// The code of one task.
pub(super) struct Body<'a> {
    of: &'a Translation<'a>,
    code: Code,
    labels: Vec<Label>,
    recorded: Recorded,
    /// What a statement needs between its steps.
    scratch: Local,
    woken: Local,
    pointer: Local,
    deadline: Local,
    /// Depth of the BKL, 0 when not held; `None` if the task never takes it.
    depth: Option<Local>,
    /// `preempt_count` as the task itself knows it, if it ever asks.
    count: Option<Local>,
    /// The value recorded last, and what it is before there is one.
    last: Option<(Local, i64)>,
}

impl<'a> Body<'a> {
    pub(super) fn translate(of: &'a Translation<'a>, lines: &[Line], next_block: &mut usize) -> (Code, Recorded) {
        let mut code = Code::default();
        let has = |wanted: &dyn Fn(Stmt) -> bool| lines.iter().any(|line| wanted(line.stmt));
        let times = |wanted: &dyn Fn(Stmt) -> bool| {
            let repeated = is_repeated(lines).into_iter().map(|repeated| if repeated { UNBOUNDED } else { 1 });
            lines.iter().zip(repeated).map(|(line, times)| if wanted(line.stmt) { times } else { 0 }).sum::<i64>()
        };
        let everything = of.cells.iter().chain(&of.atomics).map(|(_, range)| range.clone());
        let values = everything.fold(-12..=255, |all: RangeInclusive<i64>, range| {
            *all.start().min(range.start())..=*all.end().max(range.end())
        });
        let unset = values.start().saturating_sub(1);
        let used = Body::scratch_range(of, lines);
        let scratch = code.local(used, 0);
        let woken = code.local(0..=2, 0);
        let pointer = code.local(0..=of.blocks.len() as i64, 0);
        let deadline = code.local(0..=of.jiffies_max, 0);
        let kernel_locks = times(&|stmt| stmt == Stmt::LockKernel);
        let depth = (kernel_locks > 0).then(|| code.local(0..=kernel_locks, 0));
        let disables = times(&|stmt| stmt == Stmt::PreemptDisable);
        let enables = times(&|stmt| stmt == Stmt::PreemptEnable);
        let spins = times(&|stmt| matches!(stmt, Stmt::Lock(_) | Stmt::TryLock(..) | Stmt::LockInside(_)));
        if disables + enables > 0 {
            let depth = code.local(-enables..=disables, 0);
            code.preempt_depth(depth);
        }
        let count = (enables > 0).then(|| code.local(0..=disables.saturating_add(spins), 0));
        let last =
            has(&|stmt| matches!(stmt, Stmt::IfLast(..))).then(|| (code.local(unset..=*values.end(), unset), unset));
        let labels = (0..=lines.len()).map(|_| code.label()).collect();
        let recorded = Vec::new();
        let mut body = Body { of, code, labels, recorded, scratch, woken, pointer, deadline, depth, count, last };
        for (at, line) in lines.iter().enumerate() {
            body.code.place(body.labels[at]);
            let block = line.stmt.allocates().then(|| of.blocks[*next_block]);
            *next_block += usize::from(block.is_some());
            body.line(line, block);
            if line.next != at + 1 {
                body.code.push(Inst::Jump(body.labels[line.next]));
            }
        }
        body.code.place(body.labels[lines.len()]);
        (body.code, body.recorded)
    }

    /// What statements put into the scratch local.
    fn scratch_range(of: &Translation<'_>, lines: &[Line]) -> RangeInclusive<i64> {
        let range = |stmt| match stmt {
            Stmt::Inc(cell) | Stmt::AddOnce(cell, _) | Stmt::Wait(_, cell, ..) => of.cells[cell].1.clone(),
            Stmt::Assert(cell, _) | Stmt::IfCell(cell, ..) => of.cells[cell].1.clone(),
            Stmt::IfAtomic(atomic, ..) | Stmt::DecAndTest(atomic, _) => of.atomics[atomic].1.clone(),
            Stmt::Lock(lock) if of.small.locks[lock] == LockKind::Mutex => 0..=1,
            Stmt::TryLock(..) => 0..=1,
            Stmt::Alloc(_) | Stmt::AllocAtomic(_) if of.small.faults.memory => 0..=1,
            _ => 0..=0,
        };
        let ranges = lines.iter().map(|line| range(line.stmt));
        ranges.fold(0..=0, |all: RangeInclusive<i64>, range| {
            *all.start().min(range.start())..=*all.end().max(range.end())
        })
    }

    fn push(&mut self, inst: Inst) {
        self.code.push(inst);
    }

    /// Jumps if the local compares so; what is then skipped is written by `body`.
    fn unless(&mut self, local: Local, is: Is, body: impl FnOnce(&mut Self)) {
        let behind = self.code.label();
        self.push(Inst::Branch(local, is, behind));
        body(self);
        self.code.place(behind);
    }

    /// A new recorded value of this range.
    fn record(&mut self, range: RangeInclusive<i64>) -> Local {
        let unset = range.start().saturating_sub(1);
        let local = self.code.told(unset..=*range.end(), unset);
        self.recorded.push((local, unset));
        local
    }

    /// The value in the local was just recorded.
    fn note_last(&mut self, local: Local) {
        if let Some((last, _)) = self.last {
            self.push(Inst::Set(last, Value::Sum(local, 0)));
        }
    }

    fn line(&mut self, line: &Line, block: Option<Block>) {
        let skip = self.labels[line.skip];
        match line.stmt {
            Stmt::Lock(lock) => self.lock(lock),
            Stmt::ReadLock(_) | Stmt::ReadUnlock(_) => unreachable!("internal error: shared locks are not interpreted"),
            Stmt::Unlock(lock) => {
                self.push(Inst::Release(self.of.locks[lock]));
                if self.is_spin(lock) {
                    self.count_spin(-1);
                }
            }
            Stmt::TryLock(lock, _) => {
                let taken = self.record(0..=1);
                self.push(Inst::TryAcquire(self.of.locks[lock], Some(taken)));
                self.note_last(taken);
                self.push(Inst::Branch(taken, Is::Eq(0), skip));
                if self.is_spin(lock) {
                    self.count_spin(1);
                }
            }
            Stmt::LockKernel | Stmt::UnlockKernel => self.kernel_lock(line.stmt),
            Stmt::PreemptDisable | Stmt::PreemptEnable => self.preempt(line.stmt),
            Stmt::MaySleep => {
                self.push(Inst::MightSleep("might_sleep".into()));
                self.dropped(|_| ());
            }
            Stmt::Load(_) | Stmt::Store(..) | Stmt::Inc(_) | Stmt::LoadOnce(_) | Stmt::StoreOnce(..) => {
                self.cell(line.stmt, skip);
            }
            Stmt::AddOnce(..) | Stmt::IfCell(..) | Stmt::Assert(..) => self.cell(line.stmt, skip),
            Stmt::AtomicRead(_) | Stmt::AtomicSet(..) | Stmt::AtomicInc(_) | Stmt::AtomicDec(_) => {
                self.atomic(line.stmt, skip);
            }
            Stmt::Cmpxchg(..) | Stmt::DecAndTest(..) | Stmt::IfAtomic(..) => self.atomic(line.stmt, skip),
            Stmt::Fence => self.push(Inst::Fence),
            Stmt::Choose(n) => {
                let chosen = self.record(0..=i64::from(n) - 1);
                self.push(Inst::Choose(n, chosen));
                self.note_last(chosen);
            }
            Stmt::Wait(..) | Stmt::SleepOn(_) | Stmt::Wake(_) | Stmt::Interrupt(_) | Stmt::Advance(_) => {
                self.wait(line.stmt);
            }
            Stmt::Alloc(_) | Stmt::AllocAtomic(_) | Stmt::Use(_) | Stmt::Free(_) | Stmt::Clear(_) => {
                self.slot(line.stmt, block);
            }
            Stmt::LockInside(_) | Stmt::UnlockInside(_) => self.slot(line.stmt, block),
            Stmt::IfLast(is, _) => {
                let (last, unset) = self.last.expect("a task that asks for it has it");
                self.push(Inst::Branch(last, Is::Eq(unset), skip));
                self.go_on_if(last, is, skip);
            }
            // Control flow alone: the jump follows.
            Stmt::Skip(_) | Stmt::Repeat(..) | Stmt::Back(_) => {}
        }
    }

    /// Goes on if the local compares so, elsewhere otherwise.
    fn go_on_if(&mut self, local: Local, is: Is, elsewhere: Label) {
        let here = self.code.label();
        self.push(Inst::Branch(local, is, here));
        self.push(Inst::Jump(elsewhere));
        self.code.place(here);
    }

    /// `schedule()` gives the BKL back around a sleep, if the task holds it.
    fn dropped(&mut self, sleep: impl Fn(&mut Self)) {
        let Some(depth) = self.depth else { return sleep(self) };
        let (behind, held) = (self.code.label(), self.code.label());
        self.push(Inst::Branch(depth, Is::Ne(0), held));
        sleep(self);
        self.push(Inst::Jump(behind));
        self.code.place(held);
        self.push(Inst::Release(self.of.bkl));
        sleep(self);
        self.push(Inst::Acquire(self.of.bkl));
        self.code.place(behind);
    }

    fn lock(&mut self, lock: usize) {
        let taken = self.of.locks[lock];
        if self.of.small.locks[lock] == LockKind::Spin {
            self.push(Inst::Acquire(taken));
            self.count_spin(1);
            return;
        }
        self.push(Inst::MightSleep("mutex_lock".into()));
        let Some(depth) = self.depth else { return self.push(Inst::Acquire(taken)) };
        let (slow, behind) = (self.code.label(), self.code.label());
        // A task that holds the BKL keeps it if the mutex is free.
        self.push(Inst::Branch(depth, Is::Eq(0), slow));
        self.push(Inst::TryAcquire(taken, Some(self.scratch)));
        self.push(Inst::Branch(self.scratch, Is::Ne(0), behind));
        self.code.place(slow);
        self.dropped(|body| body.push(Inst::Acquire(taken)));
        self.code.place(behind);
    }

    /// A spinlock was taken (1) or given back (-1): `preempt_count` follows, never below 0.
    fn count_spin(&mut self, by: i64) {
        let Some(count) = self.count else { return };
        let counted = Inst::Set(count, Value::Sum(count, by));
        if by > 0 {
            self.push(counted);
        } else {
            self.unless(count, Is::Eq(0), |body| body.push(counted));
        }
    }

    fn is_spin(&self, lock: usize) -> bool {
        self.of.small.locks[lock] == LockKind::Spin
    }

    fn kernel_lock(&mut self, stmt: Stmt) {
        let not_held = Inst::Bug("unlock_kernel: the BKL is not held".into());
        let Some(depth) = self.depth else { return self.push(not_held) };
        let change = |by| Inst::Set(depth, Value::Sum(depth, by));
        if stmt == Stmt::LockKernel {
            self.unless(depth, Is::Ne(0), |body| body.push(Inst::Acquire(body.of.bkl)));
            return self.push(change(1));
        }
        let (held, behind) = (self.code.label(), self.code.label());
        self.push(Inst::Branch(depth, Is::Ne(0), held));
        self.push(not_held);
        self.push(Inst::Jump(behind));
        self.code.place(held);
        self.push(change(-1));
        self.push(Inst::Branch(depth, Is::Ne(0), behind));
        self.push(Inst::Release(self.of.bkl));
        self.code.place(behind);
    }

    fn preempt(&mut self, stmt: Stmt) {
        if stmt == Stmt::PreemptDisable {
            self.count_spin(1);
            return self.push(Inst::Preempt(1));
        }
        let count = self.count.expect("a task that enables preemption counts");
        self.unless(count, Is::Ne(0), |body| body.push(Inst::Bug("preempt_enable without preempt_disable".into())));
        self.count_spin(-1);
        self.push(Inst::Preempt(-1));
    }

    fn cell(&mut self, stmt: Stmt, skip: Label) {
        let scratch = self.scratch;
        let of = |body: &Self, cell: usize| body.of.cells[cell].clone();
        match stmt {
            Stmt::Load(at) | Stmt::LoadOnce(at) => {
                let (cell, range) = of(self, at);
                let access = if stmt == Stmt::Load(at) { Access::Plain } else { Access::Once };
                let seen = self.record(range);
                self.push(Inst::Load(cell, access, Some(seen)));
                self.note_last(seen);
            }
            Stmt::Store(at, value) => self.push(Inst::Store(of(self, at).0, Value::Const(value), Access::Plain)),
            Stmt::StoreOnce(at, value) => self.push(Inst::Store(of(self, at).0, Value::Const(value), Access::Once)),
            Stmt::Inc(at) | Stmt::AddOnce(at, _) => {
                let (by, access) =
                    if let Stmt::AddOnce(_, by) = stmt { (by, Access::Once) } else { (1, Access::Plain) };
                self.push(Inst::Load(of(self, at).0, Access::Plain, Some(scratch)));
                self.push(Inst::Store(of(self, at).0, Value::Sum(scratch, by), access));
            }
            Stmt::IfCell(at, is, _) => {
                self.push(Inst::Load(of(self, at).0, Access::Once, Some(scratch)));
                self.go_on_if(scratch, is, skip);
            }
            Stmt::Assert(at, value) => {
                self.push(Inst::Load(of(self, at).0, Access::Once, Some(scratch)));
                self.unless(scratch, Is::Eq(value), |body| body.push(Inst::Bug("assertion failed".into())));
            }
            other => unreachable!("internal error: {other:?} is not about a cell"),
        }
    }

    fn atomic(&mut self, stmt: Stmt, skip: Label) {
        let scratch = self.scratch;
        let of = |body: &Self, atomic: usize| body.of.atomics[atomic].clone();
        match stmt {
            Stmt::AtomicRead(at) => {
                let (atomic, range) = of(self, at);
                let seen = self.record(range);
                self.push(Inst::Load(atomic, Access::Once, Some(seen)));
                self.note_last(seen);
            }
            Stmt::AtomicSet(at, value) => {
                self.push(Inst::Store(of(self, at).0, Value::Const(i64::from(value)), Access::Once));
            }
            Stmt::AtomicInc(at) => {
                self.push(Inst::Rmw(of(self, at).0, Change::Add(Value::Const(1)), Access::Once, None))
            }
            Stmt::AtomicDec(at) => {
                self.push(Inst::Rmw(of(self, at).0, Change::Add(Value::Const(-1)), Access::Once, None))
            }
            Stmt::Cmpxchg(at, old, new) => {
                let (atomic, range) = of(self, at);
                let seen = self.record(range);
                let (old, new) = (Value::Const(i64::from(old)), Value::Const(i64::from(new)));
                self.push(Inst::Rmw(atomic, Change::CmpXchg(old, new), Access::Full, Some(seen)));
                self.note_last(seen);
            }
            Stmt::DecAndTest(at, _) => {
                let seen = self.record(0..=1);
                self.push(Inst::Rmw(of(self, at).0, Change::Add(Value::Const(-1)), Access::Full, Some(scratch)));
                let zero = self.code.label();
                self.push(Inst::Set(seen, Value::Const(1)));
                self.push(Inst::Branch(scratch, Is::Eq(1), zero));
                self.push(Inst::Set(seen, Value::Const(0)));
                self.note_last(seen);
                self.push(Inst::Jump(skip));
                self.code.place(zero);
                self.note_last(seen);
            }
            Stmt::IfAtomic(at, is, _) => {
                self.push(Inst::Load(of(self, at).0, Access::Once, Some(scratch)));
                self.go_on_if(scratch, is, skip);
            }
            other => unreachable!("internal error: {other:?} is not about an atomic"),
        }
    }

    fn wait(&mut self, stmt: Stmt) {
        match stmt {
            Stmt::Wait(queue, cell, value, timeout) => self.wait_event(queue, cell, value, timeout),
            Stmt::SleepOn(queue) => {
                self.push(Inst::Enqueue(self.of.queues[queue]));
                self.dropped(|body| body.push(Inst::Sleep(None, None)));
                self.push(Inst::Dequeue(self.of.queues[queue]));
            }
            Stmt::Wake(queue) => self.push(Inst::Wake(self.of.queues[queue])),
            Stmt::Interrupt(task) => self.push(Inst::Interrupt(task)),
            Stmt::Advance(ticks) => self.push(Inst::Advance(ticks)),
            other => unreachable!("internal error: {other:?} does not wait or wake"),
        }
    }

    fn wait_event(&mut self, queue: usize, cell: usize, value: i64, timeout: Option<u64>) {
        let (queue, cell) = (self.of.queues[queue], self.of.cells[cell].0);
        let (scratch, woken) = (self.scratch, self.woken);
        let [again, seen, up, behind] = std::array::from_fn(|_| self.code.label());
        let reason = self.record(0..=2);
        self.push(Inst::MightSleep("wait_event".into()));
        let deadline = timeout.map(|ticks| {
            self.push(Inst::Deadline(self.deadline, ticks));
            self.deadline
        });
        self.code.place(again);
        self.push(Inst::Enqueue(queue));
        self.push(Inst::Load(cell, Access::Once, Some(scratch)));
        self.push(Inst::Branch(scratch, Is::Eq(value), seen));
        self.dropped(|body| body.push(Inst::Sleep(deadline, Some(woken))));
        self.push(Inst::Branch(woken, Is::Eq(0), again));
        // A signal or the time: the condition is looked at once more.
        self.push(Inst::Dequeue(queue));
        self.push(Inst::Load(cell, Access::Once, Some(scratch)));
        self.push(Inst::Branch(scratch, Is::Eq(value), up));
        self.push(Inst::Set(reason, Value::Sum(woken, 0)));
        self.push(Inst::Jump(behind));
        self.code.place(seen);
        self.push(Inst::Dequeue(queue));
        self.code.place(up);
        self.push(Inst::Set(reason, Value::Const(0)));
        self.code.place(behind);
        self.note_last(reason);
    }

    fn slot(&mut self, stmt: Stmt, block: Option<Block>) {
        let (slots, pointer) = (&self.of.slots, self.pointer);
        let behind = self.code.label();
        match stmt {
            Stmt::Alloc(at) | Stmt::AllocAtomic(at) => {
                let block = block.expect("an allocation has its object");
                self.alloc(at, stmt == Stmt::Alloc(at), block);
            }
            Stmt::Clear(at) => self.push(Inst::Store(slots[at], Value::Const(0), Access::Once)),
            Stmt::Use(at) | Stmt::Free(at) | Stmt::LockInside(at) | Stmt::UnlockInside(at) => {
                self.push(Inst::Load(slots[at], Access::Once, Some(pointer)));
                self.push(Inst::Branch(pointer, Is::Eq(0), behind));
                match stmt {
                    Stmt::Use(_) => self.push(Inst::Use(pointer, "value".into())),
                    Stmt::Free(_) => self.push(Inst::Free(pointer)),
                    Stmt::LockInside(_) => {
                        self.push(Inst::AcquireIn(pointer));
                        self.count_spin(1);
                    }
                    _ => {
                        self.push(Inst::ReleaseIn(pointer));
                        self.count_spin(-1);
                    }
                }
            }
            other => unreachable!("internal error: {other:?} is not about a slot"),
        }
        self.code.place(behind);
    }

    fn alloc(&mut self, slot: usize, may_sleep: bool, block: Block) {
        let errno = self.record(-12..=0);
        let behind = self.code.label();
        if may_sleep {
            self.push(Inst::MightSleep("kmalloc(GFP_KERNEL)".into()));
            self.dropped(|_| ());
        }
        if self.of.small.faults.memory {
            self.push(Inst::Choose(2, self.scratch));
            // ENOMEM.
            self.push(Inst::Set(errno, Value::Const(-12)));
            self.push(Inst::Branch(self.scratch, Is::Eq(1), behind));
        }
        self.push(Inst::Alloc(block));
        // Nothing is recorded before the pointer is stored.
        self.push(Inst::Set(errno, Value::Const(-13)));
        self.push(Inst::Store(self.of.slots[slot], Value::Const(Builder::pointer(block)), Access::Once));
        self.push(Inst::Set(errno, Value::Const(0)));
        self.code.place(behind);
        self.note_last(errno);
    }
}
