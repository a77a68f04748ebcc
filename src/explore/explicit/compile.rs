//! From declarations and instructions to fields, stops and targets.

use super::flow::{self, Keeping};
use super::judge::{access, access_bits};
use super::layout::Field;
use super::machine::{BlockAt, Gate, Id, LockAt, Op, Operand, Program, Quiet, Stop, Store, Target, Task};
use super::room::{FIXED, Layout, Needs, layout};
use super::symmetry;
use crate::check;
use crate::engine::Memory;
use crate::event::Symbol;
use crate::explore::limits::{Bound, TASKS_MAX, WORDS_MAX};
use crate::subject::form::{
    Builder, Cell, CellKind, Change, Code, Condition, Form, Inst, Kind, Local, Lock, Tell, Value,
};

/// The findings that the program can show, each once.
#[derive(Default)]
struct Findings(Vec<(check::Code, Symbol)>);

impl Findings {
    fn id(&mut self, code: check::Code, subject: impl Into<Symbol>) -> Id {
        let subject = subject.into();
        let at = self.0.iter().position(|known| *known == (code, subject)).unwrap_or_else(|| {
            self.0.push((code, subject));
            self.0.len() - 1
        });
        at as Id
    }
}

/// Compiles the instructions of one task.
struct Compiler<'a> {
    builder: &'a Builder,
    layout: &'a Layout,
    memory: Memory,
    findings: &'a mut Findings,
    access_bits: &'a [u64],
    at: usize,
    needs: &'a Needs,
}

impl Compiler<'_> {
    fn code(&self) -> &Code {
        &self.builder.tasks[self.at]
    }

    fn local(&self, local: Local) -> Field {
        self.layout.tasks[self.at].1[self.needs.locals_at() + usize::from(local.0)]
    }

    fn to(&self, local: Option<Local>) -> Field {
        local.map_or(Field::NOWHERE, |local| self.local(local))
    }

    fn operand(&self, value: Value) -> Operand {
        match value {
            Value::Const(plus) => Operand { field: Field::NOWHERE, plus },
            Value::Sum(local, plus) => Operand { field: self.local(local), plus },
        }
    }

    /// Where control goes that comes to this instruction; jumps are followed.
    fn target(&self, mut at: usize) -> Target {
        let code = self.code();
        while let Some(Inst::Jump(label)) = code.insts.get(at) {
            at = code.target(*label);
        }
        match code.insts.get(at) {
            None => Target::Stop(self.needs.stops),
            Some(inst) if inst.is_visible() => Target::Stop(self.needs.numbers[at]),
            Some(_) => Target::Quiet(self.needs.numbers[at]),
        }
    }

    fn quiet(&mut self, inst: Inst) -> Quiet {
        use check::Code::{LW002, LW011};
        match inst {
            Inst::Set(to, value) => Quiet::Set(self.local(to), self.operand(value)),
            Inst::Binary(to, operator, left, right) => {
                Quiet::Binary(self.local(to), operator, self.operand(left), self.operand(right))
            }
            Inst::Deadline(to, ticks) => Quiet::Deadline(self.local(to), ticks),
            Inst::Branch(local, is, label) => {
                Quiet::Branch(self.local(local), is, self.target(self.code().target(label)))
            }
            Inst::MightSleep(what) => Quiet::MightSleep(self.findings.id(LW002, what)),
            Inst::Bug(text) => Quiet::Bug(self.findings.id(LW011, text)),
            Inst::Alloc(block) => Quiet::Alloc(block.0),
            Inst::Preempt(by) => {
                let depth = self.code().preempt.expect("code with preempt_disable declares where its depth is");
                Quiet::Set(self.local(depth), self.operand(Value::Sum(depth, i64::from(by))))
            }
            // Nobody comes here: jumps are followed where they are met.
            Inst::Jump(_) => Quiet::Set(Field::NOWHERE, Operand { field: Field::NOWHERE, plus: 0 }),
            other => unreachable!("internal error: {other:?} is visible"),
        }
    }

    fn op(&mut self, inst: Inst) -> Op {
        use check::Code::{LW002, LW006, LW020};
        let cells = &self.layout.cells;
        if self.memory == Memory::Tso
            && let Some(buffered) = self.buffered(inst)
        {
            return buffered;
        }
        match inst {
            Inst::Load(cell, _, to) => Op::Load(cells[usize::from(cell.0)], self.to(to)),
            Inst::Store(cell, value, _) => Op::Store(cells[usize::from(cell.0)], self.operand(value)),
            Inst::Rmw(cell, change, _, to) => {
                let (cell, to) = (cells[usize::from(cell.0)], self.to(to));
                match change {
                    Change::Add(Value::Const(by)) => Op::Add(cell, by, to),
                    Change::Add(by) => Op::Sum(cell, self.operand(by), to),
                    Change::Xchg(value) => Op::Xchg(cell, self.operand(value), to),
                    Change::CmpXchg(expected, new) => Op::CmpXchg(cell, self.operand(expected), self.operand(new), to),
                    Change::IncNotZero => Op::IncNotZero(cell, to),
                }
            }
            Inst::Fence => Op::Fence,
            Inst::Acquire(lock) => Op::Acquire(self.layout.owners[usize::from(lock.0)], lock.0),
            Inst::TryAcquire(lock, to) if self.is_shared(lock) => Op::TryAcquireShared(lock.0, self.to(to)),
            Inst::TryAcquire(lock, to) => Op::TryAcquire(self.layout.owners[usize::from(lock.0)], self.to(to)),
            Inst::Release(lock) => {
                let name = self.builder.locks[usize::from(lock.0)].name;
                Op::Release(self.layout.owners[usize::from(lock.0)], self.findings.id(LW006, name))
            }
            Inst::AcquireRead(lock) => Op::AcquireRead(lock.0),
            Inst::ReleaseRead(lock) => {
                let name = self.builder.locks[usize::from(lock.0)].name;
                Op::ReleaseRead(lock.0, self.findings.id(LW006, name))
            }
            Inst::Down(lock) => Op::Down(self.layout.permits[usize::from(lock.0)]),
            Inst::TryDown(lock, to) => Op::TryDown(self.layout.permits[usize::from(lock.0)], self.to(to)),
            Inst::Up(lock) => Op::Up(self.layout.permits[usize::from(lock.0)]),
            Inst::Enqueue(queue) => Op::Enqueue(queue.0),
            Inst::Dequeue(queue) => Op::Dequeue(queue.0),
            Inst::Wake(queue) => Op::Wake(queue.0),
            Inst::Sleep(_, to) => Op::Sleep(self.to(to), self.findings.id(LW002, "schedule")),
            Inst::Choose(_, to) => Op::Choose(self.local(to)),
            Inst::Interrupt(task) => Op::Interrupt(task as u16),
            Inst::Advance(by) => Op::Advance(by),
            Inst::Use(pointer, field) => Op::Use(self.local(pointer), self.findings.id(LW020, field)),
            Inst::Free(pointer) => Op::Free(self.local(pointer)),
            Inst::AcquireIn(pointer) => Op::AcquireIn(self.local(pointer)),
            Inst::ReleaseIn(pointer) => Op::ReleaseIn(self.local(pointer)),
            other => unreachable!("internal error: {other:?} is quiet"),
        }
    }

    /// What goes through the store buffer.
    fn buffered(&mut self, inst: Inst) -> Option<Op> {
        let field = |cell: Cell| self.layout.cells[usize::from(cell.0)];
        match inst {
            Inst::Load(cell, _, to) => Some(Op::LoadBuffered(Program::cell_target(cell.0), field(cell), self.to(to))),
            Inst::Store(cell, value, _) => {
                Some(Op::StoreBuffered(Program::cell_target(cell.0), field(cell), self.operand(value)))
            }
            Inst::Release(lock) => {
                let name = self.builder.locks[usize::from(lock.0)].name;
                Some(Op::ReleaseBuffered(lock.0, self.findings.id(check::Code::LW006, name)))
            }
            _ => None,
        }
    }

    /// Can readers share the lock?
    fn is_shared(&self, lock: Lock) -> bool {
        matches!(self.builder.locks[usize::from(lock.0)].kind, Kind::Rw | Kind::RwSem)
    }

    fn gate(&self, inst: Inst) -> Gate {
        match inst {
            Inst::Acquire(lock) if self.is_shared(lock) => Gate::Shared(lock.0, false),
            Inst::AcquireRead(lock) => Gate::Shared(lock.0, true),
            Inst::Down(lock) => Gate::Permit(self.layout.permits[usize::from(lock.0)]),
            Inst::Acquire(lock) => Gate::Lock(lock.0, self.layout.owners[usize::from(lock.0)]),
            Inst::AcquireIn(pointer) => Gate::LockIn(self.local(pointer)),
            Inst::Sleep(deadline, _) => Gate::Sleep(deadline.map(|deadline| self.local(deadline))),
            _ => Gate::Open,
        }
    }

    /// The access to plain memory: its bits, and the cell.
    fn access(&self, inst: Inst) -> (u64, u64, Option<u16>) {
        let (cell, writes, how) = match inst {
            Inst::Load(cell, how, _) => (cell, false, how),
            Inst::Store(cell, _, how) => (cell, true, how),
            Inst::Rmw(cell, ..) => (cell, true, crate::event::Access::Full),
            _ => return (0, 0, None),
        };
        let (own, against) = access(self.access_bits[usize::from(cell.0)], writes, how);
        (own, against, (own != 0).then_some(cell.0))
    }

    /// Clears dead locals and the old position in the words of the task's lanes.
    fn keep(&self, inst: usize) -> Vec<(u32, u64)> {
        let (lanes, fields) = &self.layout.tasks[self.at];
        let mut keep: Vec<(u32, u64)> = lanes.iter().map(|lane| (lane.word, u64::MAX)).collect();
        let mut clear = |field: Field| match keep.iter_mut().find(|(word, _)| *word == field.word) {
            Some(lane) => lane.1 &= !field.ones(),
            None => keep.push((field.word, !field.ones())),
        };
        clear(fields[0]);
        for (local, _) in self.needs.live[inst].iter().enumerate().filter(|(_, live)| !**live) {
            clear(self.local(Local(local as u16)));
        }
        keep
    }

    fn stop(&mut self, inst: usize) -> Stop {
        let found = self.code().insts.get(inst).copied();
        let (number, op, gate, next, about, alternatives) = match found {
            None => (self.needs.stops, Op::End, Gate::End, Target::Stop(self.needs.stops), (0, 0, None), 1),
            Some(found) => {
                let alternatives = if let Inst::Choose(n, _) = found { n } else { 1 };
                let about = self.access(found);
                (self.needs.numbers[inst], self.op(found), self.gate(found), self.target(inst + 1), about, alternatives)
            }
        };
        let keep = self.keep(inst);
        let position = self.layout.tasks[self.at].1[0];
        Stop {
            owner: if let Gate::Lock(_, owner) = gate { owner } else { Field::NOWHERE },
            is_under_way: !matches!(gate, Gate::End),
            is_rare: matches!(gate, Gate::LockIn(_) | Gate::Sleep(_) | Gate::Shared(..) | Gate::Permit(_)),
            gate,
            alternatives,
            drains: found.is_none_or(Inst::drains),
            own: about.0,
            against: about.1,
            cell: about.2,
            op,
            next,
            keep: keep[0].1,
            position: u64::from(number) << position.shift,
            keep_more: keep[1..].iter().copied().filter(|(_, keep)| *keep != u64::MAX).collect(),
        }
    }

    fn task(&mut self) -> Task {
        let (lanes, fields) = &self.layout.tasks[self.at];
        let (queues, first) = (self.needs.queues.len(), self.needs.locals_at());
        let (insts, locals) = (self.code().insts.len(), self.code().locals.len());
        let preempt = self.to(self.code().preempt);
        let of = |visible: bool, compiler: &Self| -> Vec<usize> {
            let is = |&at: &usize| compiler.needs.reached[at] && compiler.code().insts[at].is_visible() == visible;
            (0..insts).filter(is).collect()
        };
        let (visible, quiet) = (of(true, self), of(false, self));
        Task {
            start: self.target(0),
            stops: visible.into_iter().chain([insts]).map(|at| self.stop(at)).collect(),
            quiet: quiet.into_iter().map(|at| (self.quiet(self.code().insts[at]), self.target(at + 1))).collect(),
            position: fields[0],
            sleeping: fields[1],
            interrupted: fields[2],
            on_queue: fields[FIXED..FIXED + queues].to_vec(),
            reads: fields[FIXED + queues..first].to_vec(),
            locals: fields[first..][..locals].to_vec(),
            preempt,
            buffer: fields[first + locals..]
                .chunks(2)
                .map(|store| Store { target: store[0], value: store[1] })
                .collect(),
            lanes: lanes.clone(),
        }
    }
}

/// Names of locks, each once.
fn lock_classes(builder: &Builder) -> Vec<Symbol> {
    let mut classes: Vec<Symbol> = Vec::new();
    let inside = builder.blocks.iter().filter_map(|(_, lock)| *lock);
    for name in builder.locks.iter().map(|lock| lock.name).chain(inside) {
        if !classes.contains(&name) {
            classes.push(name);
        }
    }
    classes
}

fn class(classes: &[Symbol], name: Symbol) -> u16 {
    classes.iter().position(|class| *class == name).unwrap_or(0) as u16
}

fn locks(builder: &Builder, layout: &Layout, classes: &[Symbol], findings: &mut Findings) -> Vec<LockAt> {
    use check::Code::{LW001, LW007};
    let inside = builder.blocks.iter().filter_map(|(_, lock)| lock.map(|name| (name, Kind::Spin)));
    let is_read = |lock: usize| {
        let reads = |inst: &Inst| matches!(inst, Inst::AcquireRead(other) if usize::from(other.0) == lock);
        builder.tasks.iter().any(|code| code.insts.iter().any(reads))
    };
    let own = || builder.locks.iter().map(|lock| (lock.name, lock.kind));
    let all: Vec<(Symbol, Kind)> = own().chain(inside).collect();
    let taken = |name: Symbol| {
        own()
            .zip(&layout.owners)
            .enumerate()
            .all(|(at, ((other, _), owner))| other != name || owner.is_somewhere() || is_read(at))
    };
    let lock = |((name, kind), &owner): ((Symbol, Kind), &Field)| LockAt {
        owner,
        kind,
        class: class(classes, name),
        is_ordered: all.iter().any(|&(other, before)| other != name && before.is_ordered_with(kind) && taken(other)),
        recursion: findings.id(LW001, name),
        left: findings.id(LW007, name),
    };
    own().zip(&layout.owners).map(lock).collect()
}

fn blocks(builder: &Builder, layout: &Layout, classes: &[Symbol], findings: &mut Findings) -> Vec<BlockAt> {
    use check::Code::{LW001, LW006, LW007, LW020, LW021, LW022};
    let block = |(&(name, lock), &(life, owner)): (&(Symbol, Option<Symbol>), &(Field, Field))| {
        let lock = lock.unwrap_or(name);
        BlockAt {
            life,
            owner,
            class: class(classes, lock),
            recursion: findings.id(LW001, lock),
            not_held: findings.id(LW006, lock),
            left: findings.id(LW007, lock),
            used: findings.id(LW020, lock),
            freed_twice: findings.id(LW021, name),
            leaked: findings.id(LW022, name),
        }
    };
    builder.blocks.iter().zip(&layout.blocks).map(block).collect()
}

fn conditions(conditions: &[Condition], findings: &mut Findings) -> Vec<(Condition, Id)> {
    let with_id = |condition: &Condition| (condition.clone(), findings.id(check::Code::LW011, condition.0));
    conditions.iter().map(with_id).collect()
}

/// Bits of the cells that can race: plain ones that somebody accesses unmarked.
fn racing_cells(builder: &Builder) -> Vec<u64> {
    let unmarked = |cell: usize| {
        let plain = |inst: &Inst| match *inst {
            Inst::Load(other, how, _) | Inst::Store(other, _, how) => {
                usize::from(other.0) == cell && how == crate::event::Access::Plain
            }
            _ => false,
        };
        builder.tasks.iter().any(|code| code.insts.iter().any(plain))
    };
    let mut racing = 0;
    let cells = builder.cells.iter().enumerate();
    cells
        .map(|(at, cell)| {
            if cell.kind == CellKind::Atomic || !unmarked(at) {
                return 0;
            }
            racing += 1;
            access_bits(racing - 1)
        })
        .collect()
}

/// The first values, before any task has run.
fn first(builder: &Builder, layout: &Layout, needs: &[Needs]) -> Vec<u64> {
    let mut words = vec![0; layout.words];
    let mut put = |field: Field, value: i64| assert!(field.put(&mut words, value), "first values lie in their ranges");
    for (cell, &field) in builder.cells.iter().zip(&layout.cells) {
        put(field, cell.first);
    }
    for (lock, &field) in builder.locks.iter().zip(&layout.permits) {
        put(field, i64::from(lock.permits));
    }
    for (at, code) in builder.tasks.iter().enumerate() {
        let fields = &layout.tasks[at].1[needs[at].locals_at()..];
        let kept = code.locals.iter().zip(fields).zip(&needs[at].keeping);
        kept.filter(|(_, keeping)| **keeping != Keeping::WithinAStep)
            .for_each(|((local, &field), _)| put(field, local.first));
    }
    words
}

/// Compiles for a machine with this memory.
///
/// # Errors
/// With the limit that the program exceeds: too many tasks, or a state of too many words.
///
/// # Panics
/// If a task can run for ever without a step.
pub(super) fn program(form: &Form, memory: Memory) -> Result<Program, Bound> {
    let Form { builder, tell } = form;
    if builder.tasks.len() > TASKS_MAX {
        return Err(Bound::Tasks(TASKS_MAX));
    }
    // Each slab object takes a bit at least.
    if builder.blocks.len() > WORDS_MAX * 64 {
        return Err(Bound::Words(WORDS_MAX));
    }
    let needs: Vec<Needs> = (0..builder.tasks.len()).map(|at| Needs::of(builder, at, memory)).collect();
    let layout = layout(builder, &needs);
    if layout.words > WORDS_MAX {
        return Err(Bound::Words(WORDS_MAX));
    }
    let mut findings = Findings::default();
    let access_bits = racing_cells(builder);
    let lock_classes = lock_classes(builder);
    let mut tasks = Vec::new();
    for (at, needs) in needs.iter().enumerate() {
        let (layout, findings, access_bits) = (&layout, &mut findings, &access_bits);
        tasks.push(Compiler { builder, layout, memory, findings, access_bits, at, needs }.task());
    }
    Ok(Program {
        locks: locks(builder, &layout, &lock_classes, &mut findings),
        blocks: blocks(builder, &layout, &lock_classes, &mut findings),
        asserts: conditions(&builder.asserts, &mut findings),
        nevers: conditions(&builder.nevers, &mut findings),
        cycle: findings.id(check::Code::LW008, "cycle"),
        standstill: findings.id(check::Code::LW008, "standstill"),
        races: builder.cells.iter().map(|cell| findings.id(check::Code::LW010, cell.name)).collect(),
        first: first(builder, &layout, &needs),
        words: layout.words,
        cells: layout.cells,
        jiffies: layout.jiffies,
        clock: builder.clock,
        is_buffered: memory == Memory::Tso,
        has_readers: tasks.iter().any(|task: &Task| task.reads.iter().any(|reads| reads.is_somewhere())),
        goes_round: builder.tasks.iter().any(flow::goes_round),
        classes: symmetry::classes(builder),
        findings: findings.0,
        access_bits,
        lock_classes,
        tasks,
        tell: Tell::clone(tell),
    })
}
