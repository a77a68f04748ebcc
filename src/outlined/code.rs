//! One task on its way to instructions: its locals, its locks, and what it holds.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crate::event::{Access, Symbol};
use crate::outline::machine::{self, Inst as Of, Op, Order};
use crate::outline::vocabulary::{Kind, Mode};
use crate::subject::form::{Builder, Cell, Code, Inst, Is, Label, Local, Lock, Queue, Value};

/// Depth of the BKL, and of locks that a task holds, at most.
const DEPTH_MAX: i64 = 15;

/// What all tasks have in common.
pub(super) struct Shared {
    pub cells: Vec<Cell>,
    pub locks: Vec<Lock>,
    /// Of fair locks, the place of the next in line; of seqlocks, the count.
    pub lines: Vec<Option<Lock>>,
    pub counts: Vec<Option<Cell>>,
    pub queues: Vec<Queue>,
    pub permits: Vec<Lock>,
    pub pointers: Vec<i64>,
    /// What a variable or a local can be.
    pub range: RangeInclusive<i64>,
    /// What a sequence count can be.
    pub sequence: RangeInclusive<i64>,
}

/// One task.
pub(super) struct Task<'a> {
    pub shared: &'a Shared,
    pub program: &'a machine::Program,
    pub of: &'a machine::Code,
    pub code: Code,
    /// Locals of the outline, as they are needed.
    locals: HashMap<usize, Local>,
    /// Of each lock that is given back at the end if it is held: how often it is.
    held: HashMap<usize, Local>,
    pointers: HashMap<usize, Local>,
    /// Depth of the BKL.
    depth: Option<Local>,
    /// For each instruction of the outline, and the end.
    pub labels: Vec<Label>,
    /// Where the instruction of the outline is written.
    pub place: crate::outline::source::Place,
    /// The same for each instruction that was made.
    pub places: Vec<crate::outline::source::Place>,
}

/// How the engines spell an access.
pub(super) fn access(order: Order) -> Access {
    match order {
        Order::Plain => Access::Plain,
        Order::Once => Access::Once,
        Order::Acquire => Access::Acquire,
        Order::Release => Access::Release,
        Order::Full => Access::Full,
    }
}

impl<'a> Task<'a> {
    pub fn new(shared: &'a Shared, program: &'a machine::Program, of: &'a machine::Code) -> Task<'a> {
        let mut code = Code::default();
        let labels = (0..=of.insts.len()).map(|_| code.label()).collect();
        let mut task = Task {
            shared,
            program,
            of,
            code,
            locals: HashMap::new(),
            held: HashMap::new(),
            pointers: HashMap::new(),
            depth: None,
            labels,
            place: of.insts.first().map_or_else(Default::default, |inst| inst.place),
            places: Vec::new(),
        };
        // What the outcome tells comes first, and is there even if nothing sets it.
        for at in 0..of.locals.len() {
            if of.locals[at].is_some() {
                let local = task.code.told(shared.range.clone(), 0);
                task.locals.insert(at, local);
            }
        }
        for Of { op, .. } in &of.insts {
            match op {
                Op::ReleaseAtEnd(lock) => {
                    let local = task.code.local(0..=DEPTH_MAX, 0);
                    task.held.entry(*lock).or_insert(local);
                }
                Op::Acquire(lock, ..) if program.locks[*lock].1 == Kind::Bkl && task.depth.is_none() => {
                    task.depth = Some(task.code.local(0..=DEPTH_MAX, 0));
                }
                _ => {}
            }
        }
        task
    }

    pub fn push(&mut self, inst: Inst) {
        self.code.push(inst);
        self.places.push(self.place);
    }

    pub fn temp(&mut self) -> Local {
        self.code.local(self.shared.range.clone(), 0)
    }

    /// A local that is 0 or 1.
    pub fn flag(&mut self) -> Local {
        self.code.local(0..=1, 0)
    }

    pub fn local(&mut self, at: usize) -> Local {
        if let Some(local) = self.locals.get(&at) {
            return *local;
        }
        let local = self.temp();
        self.locals.insert(at, local);
        local
    }

    /// A pointer to an object that is there from the start.
    pub fn pointer(&mut self, object: usize) -> Local {
        let value = self.shared.pointers[object];
        let code = &mut self.code;
        *self.pointers.entry(object).or_insert_with(|| code.local(value..=value, value))
    }

    /// A field of an object is not touched after the object was freed.
    pub fn use_owner(&mut self, cell: usize) {
        if let Some(object) = self.program.variables[cell].owner {
            let pointer = self.pointer(object);
            self.push(Inst::Use(pointer, Symbol::new(&self.program.objects[object])));
        }
    }

    /// A reference that was taken only if there were any: the object was there if it was.
    pub fn use_owner_if(&mut self, cell: usize, taken: usize) {
        if self.program.variables[cell].owner.is_some() {
            let (after, taken) = (self.code.label(), self.local(taken));
            self.push(Inst::Branch(taken, Is::Eq(0), after));
            self.use_owner(cell);
            self.code.place(after);
        }
    }

    /// Locals that the outcome tells, with their names.
    pub fn told(&self) -> Vec<(String, Local)> {
        let named = self.of.locals.iter().enumerate();
        named.filter_map(|(at, name)| name.clone().map(|name| (name, self.locals[&at]))).collect()
    }

    /// A marked read.
    pub fn load(&mut self, cell: usize, to: Local) {
        self.push(Inst::Load(self.shared.cells[cell], Access::Once, Some(to)));
    }

    fn kind(&self, lock: usize) -> Kind {
        self.program.locks[lock].1
    }

    fn count_held(&mut self, lock: usize, by: i64) {
        let Some(&held) = self.held.get(&lock) else { return };
        let after = self.code.label();
        if by < 0 {
            // Given back once too often: that is a finding, and the count stays where it is.
            self.push(Inst::Branch(held, Is::Eq(0), after));
        }
        self.push(Inst::Set(held, Value::Sum(held, by)));
        self.code.place(after);
    }

    /// `schedule()` gives the BKL back around a sleep, if the task holds it.
    pub fn dropped(&mut self, sleep: impl Fn(&mut Self)) {
        let Some((depth, bkl)) = self.bkl() else { return sleep(self) };
        let (after, holds) = (self.code.label(), self.code.label());
        self.push(Inst::Branch(depth, Is::Ne(0), holds));
        sleep(self);
        self.push(Inst::Jump(after));
        self.code.place(holds);
        self.push(Inst::Release(bkl));
        sleep(self);
        self.push(Inst::Acquire(bkl));
        self.code.place(after);
    }

    fn bkl(&self) -> Option<(Local, Lock)> {
        let bkl = self.program.locks.iter().position(|(_, kind)| *kind == Kind::Bkl)?;
        Some((self.depth?, self.shared.locks[bkl]))
    }

    /// Waits for a lock that sleeps: a task with the BKL keeps it if nobody is in its way.
    fn wait(&mut self, attempt: impl Fn(Local) -> Inst, inst: Inst) {
        let Some((depth, _)) = self.bkl() else { return self.push(inst) };
        let (slow, after) = (self.code.label(), self.code.label());
        let taken = self.flag();
        self.push(Inst::Branch(depth, Is::Eq(0), slow));
        self.push(attempt(taken));
        self.push(Inst::Branch(taken, Is::Ne(0), after));
        self.code.place(slow);
        self.dropped(|task| task.push(inst));
        self.code.place(after);
    }

    pub fn acquire(&mut self, lock: usize, mode: Mode) {
        let (taken, kind) = (self.shared.locks[lock], self.kind(lock));
        if kind.sleeps() {
            let what = match kind {
                Kind::Mutex => "mutex_lock",
                Kind::Semaphore => "down",
                _ if mode == Mode::Read => "down_read",
                _ => "down_write",
            };
            self.push(Inst::MightSleep(what.into()));
        }
        let inst = if mode == Mode::Read { Inst::AcquireRead(taken) } else { Inst::Acquire(taken) };
        match kind {
            Kind::Bkl => return self.lock_kernel(taken),
            Kind::Mutex => self.wait(|to| Inst::TryAcquire(taken, Some(to)), inst),
            Kind::Semaphore => self.wait(|to| Inst::TryDown(taken, Some(to)), Inst::Down(taken)),
            Kind::Rwsem | Kind::Qrwlock => {
                let line = self.shared.lines[lock].expect("a fair lock has a line");
                let enter = |task: &mut Self| {
                    task.push(Inst::Acquire(line));
                    task.push(inst);
                    task.push(Inst::Release(line));
                };
                if kind == Kind::Rwsem { self.dropped(enter) } else { enter(self) }
            }
            Kind::Spinlock | Kind::RawSpinlock | Kind::Rwlock | Kind::Seqlock => self.push(inst),
        }
        self.count_writes(lock);
        self.count_held(lock, 1);
    }

    /// A seqlock's count is odd while it is written.
    fn count_writes(&mut self, lock: usize) {
        if let Some(count) = self.shared.counts[lock] {
            self.push(Inst::Rmw(count, crate::subject::form::Change::Add(Value::Const(1)), Access::Full, None));
        }
    }

    pub fn attempt(&mut self, lock: usize, to: Local, yes: i32) {
        let taken = self.shared.locks[lock];
        let got = self.flag();
        let is_semaphore = self.kind(lock) == Kind::Semaphore;
        self.push(if is_semaphore { Inst::TryDown(taken, Some(got)) } else { Inst::TryAcquire(taken, Some(got)) });
        let (failed, after) = (self.code.label(), self.code.label());
        self.push(Inst::Branch(got, Is::Eq(0), failed));
        self.count_writes(lock);
        self.count_held(lock, 1);
        self.push(Inst::Set(to, Value::Const(i64::from(yes))));
        self.push(Inst::Jump(after));
        self.code.place(failed);
        self.push(Inst::Set(to, Value::Const(i64::from(1 - yes))));
        self.code.place(after);
    }

    pub fn release(&mut self, lock: usize, mode: Mode) {
        let (taken, kind) = (self.shared.locks[lock], self.kind(lock));
        match kind {
            Kind::Bkl => return self.unlock_kernel(taken),
            Kind::Semaphore => self.push(Inst::Up(taken)),
            _ if mode == Mode::Read => self.push(Inst::ReleaseRead(taken)),
            _ => {
                self.count_writes(lock);
                self.push(Inst::Release(taken));
            }
        }
        self.count_held(lock, -1);
    }

    /// Gives back what the task holds at its end.
    pub fn release_at_end(&mut self, lock: usize, mode: Mode) {
        let held = if self.kind(lock) == Kind::Bkl { self.depth } else { self.held.get(&lock).copied() };
        let Some(held) = held else { return };
        let after = self.code.label();
        self.push(Inst::Branch(held, Is::Eq(0), after));
        self.release(lock, mode);
        self.code.place(after);
    }

    fn lock_kernel(&mut self, bkl: Lock) {
        let depth = self.depth.expect("a task that takes the BKL counts its depth");
        let inner = self.code.label();
        self.push(Inst::Branch(depth, Is::Ne(0), inner));
        self.push(Inst::Acquire(bkl));
        self.code.place(inner);
        self.push(Inst::Set(depth, Value::Sum(depth, 1)));
    }

    fn unlock_kernel(&mut self, bkl: Lock) {
        // A task that never takes it: the check says that it is not held.
        let Some(depth) = self.depth else { return self.push(Inst::Release(bkl)) };
        let (last, after) = (self.code.label(), self.code.label());
        self.push(Inst::Branch(depth, Is::Lt(2), last));
        self.push(Inst::Set(depth, Value::Sum(depth, -1)));
        self.push(Inst::Jump(after));
        self.code.place(last);
        self.push(Inst::Set(depth, Value::Const(0)));
        self.push(Inst::Release(bkl));
        self.code.place(after);
    }
}

/// Makes the locks of a program, and what belongs to them.
pub(super) fn locks(
    program: &machine::Program,
    builder: &mut Builder,
    sequence: &RangeInclusive<i64>,
) -> (Vec<Lock>, Vec<Option<Lock>>, Vec<Option<Cell>>) {
    use crate::subject::form::{CellKind, Kind as Into};
    let (mut locks, mut lines, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for (name, kind) in &program.locks {
        let name = Symbol::new(name);
        locks.push(match kind {
            Kind::Bkl => builder.lock(name, Into::Bkl),
            Kind::Mutex => builder.lock(name, Into::Mutex),
            Kind::Rwlock | Kind::Qrwlock => builder.lock(name, Into::Rw),
            Kind::Rwsem => builder.lock(name, Into::RwSem),
            Kind::Semaphore => builder.semaphore(name, 1),
            Kind::Spinlock | Kind::RawSpinlock | Kind::Seqlock => builder.lock(name, Into::Spin),
        });
        lines.push(kind.is_fair().then(|| builder.lock(format!("{name}.wait_list"), Into::WaitList)));
        let count = format!("{name}.sequence");
        let is_counted = *kind == Kind::Seqlock;
        counts.push(is_counted.then(|| builder.cell(count.clone(), CellKind::Atomic, sequence.clone(), 0)));
    }
    (locks, lines, counts)
}
