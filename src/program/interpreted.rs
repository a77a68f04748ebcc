//! A program of instructions on every engine: each instruction is performed as the operation of the same name.
//!
//! [`crate::subject::form`] has instructions that the explicit engine compiles. Here the same list is interpreted over the operations of
//! [`crate::engine`], so it runs on the explorer, by brute force, under DPOR and on loom as well. There is one semantics: what a lock does,
//! and in which steps, is written in the list. Nothing of [`crate::kernel`] is between the two.
//!
//! Slab objects are all made by the set-up, since who frees one has to know its name; [`Inst::Alloc`] says when one is born. A task is told by
//! its place in the list and by the locals that still matter, so its history is folded after each step.
//!
//! Places of findings are those that [`Interpreted::with_places`] was told; without, they lie in this file.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::check::Checks;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{self, Body, Booted, Clock, Object, Program};
use crate::event::names::Names;
use crate::event::outcome::Outcome;
use crate::event::{Choice, Note, ObjectInfo, ObjectKind, Op, Place, Rmw, TaskId, View};
use crate::subject::Subject;
use crate::subject::form::{Cell, CellKind, Change, Code, Condition, Form, Inst, Local, Reader, Value};

mod never;

use never::Never;

/// A program of instructions, with the names of its tasks.
pub struct Interpreted {
    form: Form,
    names: Names,
    bounds: Vec<&'static str>,
    /// For each task, where each of its instructions is written; empty if nobody says.
    places: Vec<Arc<[Place]>>,
    /// Where each condition on the end is written.
    asserts: Vec<Place>,
}

impl Interpreted {
    /// Ready to be explored.
    pub fn new(form: Form, tasks: Vec<String>) -> Interpreted {
        let names = Names { calls: vec![Vec::new(); tasks.len()], tasks, ..Names::default() };
        Interpreted { form, names, bounds: Vec::new(), places: Vec::new(), asserts: Vec::new() }
    }

    /// The same, cut by these bounds of who made it: what it does is not all that was meant.
    #[must_use]
    pub fn cut_by(self, bounds: Vec<&'static str>) -> Interpreted {
        Interpreted { bounds, ..self }
    }

    /// What it is cut by, by name.
    pub fn bounds(&self) -> &[&'static str] {
        &self.bounds
    }

    /// Findings lie where the instructions of each task are written, and the conditions on the end.
    #[must_use]
    pub fn with_places(mut self, places: Vec<Vec<Place>>, asserts: Vec<Place>) -> Interpreted {
        self.asserts = asserts;
        debug_assert!(
            self.form.builder.tasks.iter().zip(&places).all(|(code, places)| code.insts.len() == places.len())
        );
        self.places = places.into_iter().map(Arc::from).collect();
        self
    }

    /// Ready to be explored.
    pub fn subject(self) -> Arc<dyn Subject> {
        Arc::new(self)
    }

    /// Names of its tasks.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

/// A slab object, its fields and the lock inside.
struct Slab {
    block: Object,
    fields: Vec<Object>,
    lock: Option<Object>,
}

/// The objects of one execution.
struct Objects {
    cells: Vec<Object>,
    locks: Vec<Object>,
    queues: Vec<Object>,
    blocks: Vec<Slab>,
    /// Names of the fields that some instruction uses.
    fields: Vec<crate::event::Symbol>,
}

impl Objects {
    fn new(form: &Form) -> Objects {
        let builder = &form.builder;
        let cell_kind = |kind| if kind == CellKind::Plain { ObjectKind::Plain } else { ObjectKind::Atomic };
        let used = builder.tasks.iter().flat_map(|code| &code.insts);
        let mut fields: Vec<_> =
            used.filter_map(|inst| if let Inst::Use(_, field) = inst { Some(*field) } else { None }).collect();
        fields.sort_unstable();
        fields.dedup();
        let slab = |&(name, lock): &(crate::event::Symbol, Option<crate::event::Symbol>)| {
            let block = Object::new(ObjectInfo::new(ObjectKind::Block, name), 0);
            let inside = |kind, name| ObjectInfo { block: Some(block.id), ..ObjectInfo::new(kind, name) };
            let fields = fields.iter().map(|field| Object::new(inside(ObjectKind::Plain, *field), 0)).collect();
            Slab { block, fields, lock: lock.map(|name| Object::new(inside(ObjectKind::Spin, name), 0)) }
        };
        // Cells come first: `never` knows them by their number.
        Objects {
            cells: builder
                .cells
                .iter()
                .map(|cell| Object::new(ObjectInfo::new(cell_kind(cell.kind), cell.name), cell.first as u64))
                .collect(),
            locks: builder
                .locks
                .iter()
                .map(|lock| Object::new(ObjectInfo::new(lock.kind.object(), lock.name), u64::from(lock.permits)))
                .collect(),
            queues: builder
                .queues
                .iter()
                .map(|name| Object::new(ObjectInfo::new(ObjectKind::Queue, *name), 0))
                .collect(),
            blocks: builder.blocks.iter().map(slab).collect(),
            fields,
        }
    }
}

/// What each task's locals are, written by itself alone; the outcome reads them.
type Results = Arc<Mutex<Vec<Vec<i64>>>>;

/// One task while it runs.
struct Run<'a> {
    code: &'a Code,
    objects: &'a Objects,
    locals: Vec<i64>,
    /// Where the instruction is written.
    place: Place,
}

impl Run<'_> {
    fn get(&self, local: Local) -> i64 {
        self.locals[usize::from(local.0)]
    }

    fn put(&mut self, local: Option<Local>, value: i64) {
        if let Some(local) = local {
            self.locals[usize::from(local.0)] = value;
        }
    }

    fn value(&self, value: Value) -> i64 {
        match value {
            Value::Const(value) => value,
            Value::Sum(local, plus) => self.get(local).wrapping_add(plus),
        }
    }

    fn block(&self, pointer: Local) -> &Slab {
        let at = usize::try_from(self.get(pointer) - 1).expect("internal error: a null pointer is used");
        &self.objects.blocks[at]
    }

    fn rmw(&self, change: Change) -> Rmw {
        match change {
            Change::Add(by) => Rmw::Add(self.value(by) as u64),
            Change::Xchg(value) => Rmw::Xchg(self.value(value) as u64),
            Change::CmpXchg(old, new) => Rmw::CmpXchg(self.value(old) as u64, self.value(new) as u64),
            Change::IncNotZero => Rmw::IncNotZero,
        }
    }

    /// Performs a step.
    fn step(&mut self, inst: Inst) {
        let (objects, place) = (self.objects, self.place);
        let on = |object: Object, op: Op| object.perform(op, place);
        let lock = |lock: crate::subject::form::Lock| objects.locks[usize::from(lock.0)];
        let queue = |queue: crate::subject::form::Queue| objects.queues[usize::from(queue.0)];
        let cell = |cell: Cell| objects.cells[usize::from(cell.0)];
        match inst {
            Inst::Load(at, access, to) => {
                let value = on(cell(at), Op::Load(cell(at).id, access));
                self.put(to, value as i64);
            }
            Inst::Store(at, value, access) => {
                _ = on(cell(at), Op::Store(cell(at).id, self.value(value) as u64, access));
            }
            Inst::Rmw(at, change, access, to) => {
                let old = on(cell(at), Op::Rmw(cell(at).id, self.rmw(change), access));
                self.put(to, old as i64);
            }
            Inst::Fence => _ = engine::perform(Op::Fence, self.place),
            Inst::Acquire(at) => _ = on(lock(at), Op::Acquire(lock(at).id)),
            Inst::TryAcquire(at, to) => {
                let taken = on(lock(at), Op::TryAcquire(lock(at).id));
                self.put(to, taken as i64);
            }
            Inst::Release(at) => _ = on(lock(at), Op::Release(lock(at).id)),
            Inst::AcquireRead(at) => _ = on(lock(at), Op::AcquireRead(lock(at).id)),
            Inst::ReleaseRead(at) => _ = on(lock(at), Op::ReleaseRead(lock(at).id)),
            Inst::Down(at) => _ = on(lock(at), Op::Down(lock(at).id)),
            Inst::TryDown(at, to) => {
                let taken = on(lock(at), Op::TryDown(lock(at).id));
                self.put(to, taken as i64);
            }
            Inst::Up(at) => _ = on(lock(at), Op::Up(lock(at).id)),
            Inst::Enqueue(at) => _ = on(queue(at), Op::Enqueue(queue(at).id)),
            Inst::Dequeue(at) => _ = on(queue(at), Op::Dequeue(queue(at).id)),
            Inst::Wake(at) => _ = on(queue(at), Op::Wake(queue(at).id)),
            other => self.step_rarely(other),
        }
    }

    fn step_rarely(&mut self, inst: Inst) {
        match inst {
            Inst::Sleep(deadline, to) => {
                let deadline = deadline.map(|deadline| self.get(deadline) as u64);
                let woken = engine::perform(Op::Sleep(deadline), self.place);
                self.put(to, woken as i64);
            }
            Inst::Choose(n, to) => {
                let chosen = engine::perform(Op::Choose(n, Choice::from("choose")), self.place);
                self.put(Some(to), chosen as i64);
            }
            Inst::Interrupt(task) => _ = engine::perform(Op::Interrupt(TaskId(task as u8 + 1)), self.place),
            Inst::Advance(by) => _ = engine::perform(Op::Advance(by), self.place),
            Inst::Use(pointer, field) => {
                let at = self.objects.fields.iter().position(|known| *known == field);
                let field = self.block(pointer).fields[at.expect("every field that is used is made")];
                field.perform(Op::Load(field.id, crate::event::Access::Once), self.place);
            }
            Inst::Free(pointer) => {
                let block = self.block(pointer).block;
                block.perform(Op::Free(block.id), self.place);
            }
            Inst::AcquireIn(pointer) | Inst::ReleaseIn(pointer) => {
                let lock = self.block(pointer).lock.expect("internal error: the object has no lock inside");
                let takes = matches!(inst, Inst::AcquireIn(_));
                lock.perform(if takes { Op::Acquire(lock.id) } else { Op::Release(lock.id) }, self.place);
            }
            other => unreachable!("internal error: {other:?} is performed by the caller"),
        }
    }

    /// What a task does with itself; the instruction to jump to.
    fn quiet(&mut self, inst: Inst) -> Option<usize> {
        match inst {
            Inst::Set(to, value) => {
                let value = self.value(value);
                self.put(Some(to), value);
            }
            Inst::Binary(to, operator, left, right) => {
                let value = operator.apply(self.value(left), self.value(right));
                self.put(Some(to), value);
            }
            Inst::Deadline(to, ticks) => {
                let deadline = engine::jiffies(self.place).saturating_add(ticks);
                self.put(Some(to), deadline as i64);
            }
            Inst::Branch(local, is, label) => return is.of(self.get(local)).then(|| self.code.target(label)),
            Inst::Jump(label) => return Some(self.code.target(label)),
            Inst::MightSleep(what) => engine::note(Note::MightSleep(what.as_str()), self.place),
            Inst::Preempt(by) => {
                let depth = self.code.preempt.expect("code with preempt_disable declares where its depth is");
                let changed = self.get(depth) + i64::from(by);
                self.put(Some(depth), changed);
                engine::note(Note::Preempt(by), self.place);
            }
            Inst::Bug(text) => engine::note(Note::Bug(text.as_str()), self.place),
            Inst::Alloc(block) => {
                let block = self.objects.blocks[usize::from(block.0)].block;
                block.note(Note::Alloc(block.id), self.place);
            }
            other => unreachable!("internal error: {other:?} is visible"),
        }
        None
    }
}

/// From here on the task is told by its place and by the locals that still matter.
fn fold(at: usize, locals: &[i64], live: &[bool]) {
    let mut fold = Fingerprint::default();
    fold.write_history(engine::origin());
    fold.write_u64(at as u64);
    for (value, _) in locals.iter().zip(live).filter(|(_, live)| **live) {
        value.hash(&mut fold);
    }
    engine::set_history(fold.finish_128());
}

fn body(index: usize, code: Code, places: Option<Arc<[Place]>>, objects: Arc<Objects>, results: Results) -> Body {
    Box::new(move || {
        let live = code.live();
        let locals = code.locals.iter().map(|local| local.first).collect();
        let mut run = Run { code: &code, objects: &objects, locals, place: Place::caller() };
        let mut at = 0;
        while let Some(&inst) = code.insts.get(at) {
            if let Some(places) = &places {
                run.place = places[at];
            }
            if inst.is_visible() {
                run.step(inst);
                at += 1;
                fold(at, &run.locals, &live[at]);
            } else {
                at = run.quiet(inst).unwrap_or(at + 1);
            }
            if inst.sets().is_some_and(|local| code.locals[usize::from(local.0)].told) {
                results.lock()[index].clone_from(&run.locals);
            }
        }
    })
}

/// The end of an execution, as the outcome reads it.
struct End<'a> {
    objects: &'a Objects,
    results: &'a [Vec<i64>],
    view: &'a dyn View,
}

impl Reader for End<'_> {
    fn cell(&self, cell: Cell) -> i64 {
        self.view.peek(self.objects.cells[usize::from(cell.0)].id) as i64
    }

    fn local(&self, task: usize, local: Local) -> i64 {
        self.results[task][usize::from(local.0)]
    }
}

/// What has to hold when all tasks have ended.
fn judge_end(asserts: &[Condition], places: &[Place], objects: &Objects) {
    if asserts.is_empty() {
        return;
    }
    let load = |cell: &Object| cell.perform(Op::Load(cell.id, crate::event::Access::Once), Place::caller()) as i64;
    let values: Vec<i64> = objects.cells.iter().map(load).collect();
    for (at, (text, holds)) in asserts.iter().enumerate() {
        if !holds(&|cell| values[usize::from(cell.0)]) {
            engine::note(Note::Bug(text.as_str()), places.get(at).copied().unwrap_or_else(Place::caller));
        }
    }
}

impl Program for Interpreted {
    fn boot(&self) -> Booted {
        let objects = Arc::new(Objects::new(&self.form));
        let builder = &self.form.builder;
        let first = |code: &Code| code.locals.iter().map(|local| local.first).collect();
        let results: Results = Arc::new(Mutex::new(builder.tasks.iter().map(first).collect()));
        debug_assert!((0..).map(Cell).zip(&objects.cells).all(|(cell, object)| never::name_of(cell) == object.id));
        let task = |(at, code): (usize, &Code)| {
            body(at, code.clone(), self.places.get(at).cloned(), Arc::clone(&objects), Arc::clone(&results))
        };
        let tasks = builder.tasks.iter().enumerate().map(task).collect();
        let (tell, asserts) = (Arc::clone(&self.form.tell), builder.asserts.clone());
        let (at_end, places) = (Arc::clone(&objects), self.asserts.clone());
        Booted {
            tasks,
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(move |view| -> Outcome {
                tell(&End { objects: &objects, results: &results.lock(), view })
            }),
            epilogue: Box::new(move || judge_end(&asserts, &places, &at_end)),
        }
    }

    fn clock(&self) -> Clock {
        self.form.builder.clock
    }

    /// Tasks with the same instructions, unless one of them is somebody's target or makes objects.
    fn alike(&self) -> Vec<u8> {
        let tasks = &self.form.builder.tasks;
        let is_named = |at: usize| tasks.iter().any(|code| code.insts.contains(&Inst::Interrupt(at)));
        let makes = |at: usize| tasks[at].insts.iter().any(|inst| matches!(inst, Inst::Alloc(_)));
        let group = |(at, code): (usize, &Code)| match tasks.iter().position(|other| other == code) {
            Some(first) if !is_named(at) && !makes(at) => first as u8 + 1,
            _ => 0,
        };
        tasks.iter().enumerate().map(group).collect()
    }
}

impl Subject for Interpreted {
    fn hides_nothing(&self) -> bool {
        true
    }

    fn checks(&self) -> Checks {
        let checks = Checks::new(self.names.clone());
        let nevers = &self.form.builder.nevers;
        if nevers.is_empty() { checks } else { checks.with(Box::new(Never::new(nevers.clone()))) }
    }

    fn explicit(&self) -> Option<Form> {
        Some(self.form.clone())
    }
}
