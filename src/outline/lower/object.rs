//! Objects that pointers point to.
//!
//! A pointer is the number of its object, from 1; NULL is 0. An access through one becomes a branch for each object that there is, and the
//! field of an object is a variable that belongs to it: to touch it after the object was freed is LW020, in every engine. So pointers need
//! no instruction of their own.

use super::*;
use crate::outline::declare::First;
use crate::outline::follow;
use crate::outline::machine::{Heap, Order};
use crate::outline::pointers;
use crate::outline::roles;

/// Objects that pointers can point to at most.
const POINTEES_MAX: usize = 16;

/// Names of bounds.
const POINTEES: &str = "16 objects and lists of one program";
const AGAIN: &str = "an allocation in a loop is one object";

/// What a list poisons the pointers of an element with that is taken off.
pub(super) const POISON: i64 = -1;

/// Memory that is named: a variable, or a field of what a pointer points to.
pub(super) enum Memory {
    /// One variable.
    One(usize),
    /// A field of one of several objects.
    Pointed(Pure, String),
}

impl Lowered {
    /// One more object: its number among those that can be pointed to.
    pub(super) fn pointee(&mut self, name: String) -> Option<usize> {
        if self.program.pointees.len() >= POINTEES_MAX {
            self.bounds.insert(POINTEES);
            return None;
        }
        self.program.objects.push(name);
        self.program.pointees.push(self.program.objects.len() - 1);
        Some(self.program.pointees.len() - 1)
    }

    /// The variable that is a field of an object.
    pub(super) fn field(&mut self, pointee: usize, field: &str) -> usize {
        let owner = self.program.pointees[pointee];
        let name = format!("{}.{field}", self.program.objects[owner]);
        let variables = &mut self.program.variables;
        variables.iter().position(|known| known.name == name).unwrap_or_else(|| {
            variables.push(Variable { name, is_atomic: false, first: 0, owner: Some(owner), is_watched: false });
            variables.len() - 1
        })
    }

    /// What is there before the first step; then the objects of the allocations that a first pass has met.
    pub(super) fn declare_objects(&mut self, scope: &Scope, sites: &[(String, Place)]) {
        let pointers = &scope.pointers;
        for object in &pointers.objects {
            self.pointee(object.name.clone());
        }
        for (list, _) in &pointers.lists {
            if let Some(at) = self.pointee(list.clone()) {
                self.lists.insert(at);
            }
        }
        for (name, place) in sites {
            if self.pointee(name.clone()).is_some() {
                self.program.heap.push(Heap {
                    object: self.program.objects.len() - 1,
                    place: *place,
                    is_asked: pointers.frees && !pointers.escapes(name.split(['@', '.']).next().unwrap_or(name)),
                });
            }
        }
        for object in &pointers.objects {
            let Some(at) = pointers.value(&object.name) else { continue };
            for (field, first) in &object.fields {
                let value = match first {
                    First::Number(value) => *value,
                    First::Object(name) => pointers.value(name).unwrap_or(0),
                };
                self.begin(at as usize - 1, field, value);
            }
        }
        for (list, elements) in &pointers.lists {
            let mut ring: Vec<i64> = pointers.value(list).into_iter().collect();
            ring.extend(elements.iter().filter_map(|name| pointers.value(name)));
            for (at, one) in ring.iter().enumerate() {
                let next = ring[(at + 1) % ring.len()];
                self.begin(*one as usize - 1, "list.next", next);
                self.begin(next as usize - 1, "list.prev", *one);
            }
        }
    }

    fn begin(&mut self, pointee: usize, field: &str, value: i64) {
        if pointee < self.program.pointees.len() {
            let at = self.field(pointee, field);
            self.program.variables[at].first = value;
        }
    }
}

impl<'a> Lower<'_, 'a> {
    /// Does the name point, and does this task know where to?
    pub(super) fn is_tracked(&self, name: &str) -> bool {
        let is_known = self.variable(name).is_some() || self.assigned.contains(name);
        self.bound.contains(name) || is_known && self.scope.pointers.is_name(name) && !self.lost.contains(name)
    }

    /// `foo = container_of(ref, struct foo, ref)` in an entry that is handed `ref`, and the first entry of a list that is not known: no
    /// object of the text is meant.
    pub(super) fn note_lost(&mut self, target: &str, name: &str, part: Option<&str>, place: Place) {
        if follow::is_first(name) {
            let list = part.map(plain).unwrap_or_default();
            let root = list.split(['-', '.']).next().unwrap_or_default();
            let is_known = [list.as_str(), root].iter().any(|name| self.scope.pointers.value(name).is_some());
            let is_known = is_known || self.is_tracked(root);
            if is_known {
                self.lost.remove(target);
                return;
            }
            self.lost.insert(target.to_owned());
            // Another entry than in the round before.
            if self.freed.contains(target) {
                let object = self.object(target);
                self.push(Op::Alloc(object), place);
            }
            return;
        }
        if roles::is_member_of(name) && self.scope.frees_around(&self.code.name, target) {
            self.foreign.insert(target.to_owned());
        }
        let part = part.filter(|_| is_of(name)).map(plain).filter(|part| !part.contains(['>', '.']));
        if part.is_some_and(|part| self.scope.pointers.value(&part).is_none() && !self.is_tracked(&part)) {
            self.lost.insert(target.to_owned());
        } else {
            self.lost.remove(target);
        }
    }

    /// What a local pointed to it points to no more: what was freed under its name is another object.
    pub(super) fn points_elsewhere(&mut self, target: &str, place: Place) {
        if self.freed.contains(target)
            && self.assigned.contains(target)
            && !self.foreign.contains(target)
            && !self.is_tracked(target)
            && self.scope.pointers.value(target).is_none()
            && !self.is_diagram
        {
            let object = self.object(target);
            self.push(Op::Alloc(object), place);
        }
    }

    /// The value of something that points; nothing if it does not.
    pub(super) fn pointer(&mut self, path: &str, place: Place) -> Option<Pure> {
        if let Some(value) = self.scope.pointers.value(path) {
            return Some(Pure::Int(value));
        }
        if self.variable(path).is_some() && self.is_tracked(path) {
            return Some(self.known_name(path, place));
        }
        let is_field = path.split_once('.').is_some_and(|(root, _)| self.scope.pointers.value(root).is_some());
        if path.contains("->") || is_field {
            let (base, field) = self.pointed(path, place)?;
            return Some(self.load_field(base, &field, Order::Plain, place));
        }
        if !self.is_tracked(path) {
            return None;
        }
        Some(self.known_name(path, place))
    }

    /// A path whose beginning points: what it points to, and the field.
    pub(super) fn pointed(&mut self, path: &str, place: Place) -> Option<(Pure, String)> {
        if self.variable(path).is_some() {
            return None;
        }
        if pointers::is_too_long(path) {
            self.out.bounds.insert(MEMBERS);
            return None;
        }
        if let Some((root, field)) = pointers::parted(path) {
            let base = self.pointer(root, place)?;
            return Some((base, field.to_owned()));
        }
        let (root, field) = path.split_once('.')?;
        let value = self.scope.pointers.value(root)?;
        Some((Pure::Int(value), field.to_owned()))
    }

    /// Memory by its path.
    pub(super) fn memory(&mut self, path: &str, place: Place) -> Option<Memory> {
        let path = plain(path);
        if let Some(variable) = self.variable(&path) {
            return Some(Memory::One(variable));
        }
        self.pointed(&path, place).map(|(base, field)| Memory::Pointed(base, field))
    }

    /// One access; the instruction is made for each variable that it may be.
    pub(super) fn access(&mut self, memory: &Memory, place: Place, make: &dyn Fn(usize) -> Op) {
        match memory {
            Memory::One(variable) => _ = self.push(make(*variable), place),
            Memory::Pointed(base, field) => {
                let is_link = field.ends_with(".next") || field.ends_with(".prev");
                self.each_pointee(base, is_link, Some(field), place, &mut |lower, pointee| {
                    let variable = lower.out.field(pointee, field);
                    lower.push(make(variable), place);
                });
            }
        }
    }

    pub(super) fn load_field(&mut self, base: Pure, field: &str, order: Order, place: Place) -> Pure {
        let local = self.temp();
        self.access(&Memory::Pointed(base, field.to_owned()), place, &|variable| Op::Load(variable, local, order));
        Pure::Local(local)
    }

    pub(super) fn store_field(&mut self, base: Pure, field: &str, value: &Pure, order: Order, place: Place) {
        let memory = Memory::Pointed(base, field.to_owned());
        self.access(&memory, place, &|variable| Op::Store(variable, value.clone(), order));
    }

    /// A branch for each object that the pointer may point to. Where NULL has no field, to come out behind them all is a finding.
    pub(super) fn each_pointee(
        &mut self,
        pointer: &Pure,
        with_lists: bool,
        field: Option<&str>,
        place: Place,
        visit: &mut dyn FnMut(&mut Self, usize),
    ) {
        if let Pure::Int(value) = pointer
            && *value > 0
        {
            let pointee = *value as usize - 1;
            if pointee < self.out.program.pointees.len() {
                visit(self, pointee);
            }
            return;
        }
        let local = match pointer {
            Pure::Local(local) => *local,
            other => {
                let local = self.temp();
                self.push(Op::Set(local, other.clone()), place);
                local
            }
        };
        let mut ends = Vec::new();
        for pointee in 0..self.out.program.pointees.len() {
            if !with_lists && self.out.lists.contains(&pointee) {
                continue;
            }
            let is_it = Pure::Binary("==", Box::new(Pure::Local(local)), Box::new(Pure::Int(pointee as i64 + 1)));
            let skip = self.push(Op::Unless(is_it, 0), place);
            visit(self, pointee);
            let end = self.push(Op::Jump(0), place);
            ends.push(end);
            self.land(skip);
        }
        if let Some(field) = field {
            let text = format!("a valid pointer for ->{field}:");
            self.push(Op::Assert(Pure::Int(0), text), place);
            // Nothing comes after that.
            let abort = self.push(Op::Jump(0), place);
            self.aborts.push(abort);
        }
        ends.into_iter().for_each(|end| self.land(end));
    }

    /// What is behind `->` in an argument is looked at, so the object has to be there.
    pub(super) fn touched(&mut self, arg: &str, place: Place) {
        if let Some((base, _)) = self.pointed(&plain(arg), place) {
            self.each_pointee(&base, false, None, place, &mut |lower, pointee| {
                let object = lower.out.program.pointees[pointee];
                lower.push(Op::Use(object), place);
            });
        }
    }

    /// `kfree(p)`: true if it is known what p points to.
    pub(super) fn freed_pointer(&mut self, path: &str, place: Place) -> bool {
        let Some(pointer) = self.pointer(path, place) else { return false };
        self.free_pointee(&pointer, place);
        true
    }

    pub(super) fn free_pointee(&mut self, pointer: &Pure, place: Place) {
        self.each_pointee(pointer, false, None, place, &mut |lower, pointee| {
            let object = lower.out.program.pointees[pointee];
            lower.push(Op::Free(object), place);
        });
    }

    /// `p = kmalloc(..)`: NULL, or an object of its own.
    pub(super) fn allocated(&mut self, name: &str, args: &[String], result: &str, place: Place) -> Option<Pure> {
        let points = self.is_tracked(result) || result.contains("->") && self.scope.pointers.points(result);
        if !follow::allocates(name) || !points {
            return None;
        }
        if flags_sleep(&args.join(", ")) {
            self.push(Op::MaySleep, place);
        }
        if !self.loops.is_empty() {
            self.out.bounds.insert(AGAIN);
        }
        let site = self.out.sites.len();
        let mut object = format!("{}@{}", result.replace("->", "."), place.line);
        if self.out.sites.iter().any(|(known, _)| *known == object) {
            object = format!("{object} of {} ({site})", self.code.name);
        }
        self.out.sites.push((object.clone(), place));
        // The first pass meets it here, the second has it from the start.
        let known = self.out.program.objects.iter().position(|known| *known == object);
        let pointee = match known.and_then(|at| self.out.program.pointees.iter().position(|known| *known == at)) {
            Some(pointee) => pointee,
            None => self.out.pointee(object)?,
        };
        let (chosen, to) = (self.temp(), self.temp());
        self.push(Op::Set(to, Pure::Int(0)), place);
        let skip = if self.is_diagram {
            None
        } else {
            self.push(Op::Choose(2, chosen), place);
            Some(self.push(Op::Unless(Pure::Local(chosen), 0), place))
        };
        let object = self.out.program.pointees[pointee];
        self.push(Op::Alloc(object), place);
        self.push(Op::Set(to, Pure::Int(pointee as i64 + 1)), place);
        skip.into_iter().for_each(|at| self.land(at));
        Some(Pure::Local(to))
    }

    /// In the body of a function that is handed a pointer under a name of its own: the names that nobody sets there.
    pub(super) fn bind(&mut self, body: &'a [Node], pointer: &Pure, place: Place) {
        let mut named: Vec<String> = Vec::new();
        let mut set: HashSet<&str> = HashSet::new();
        for node in body {
            node.each(&mut |node| {
                let mut see = |path: &str| {
                    if let Some((root, _)) = path.split_once("->") {
                        named.push(root.to_owned());
                    }
                };
                match &node.stmt {
                    Stmt::Assign(target, value) => {
                        set.insert(target);
                        value.names(&mut see);
                        see(target);
                        value.calls(&mut |name, args| {
                            if let (true, Some(Expr::Name(name))) = (is_of(name), args.first()) {
                                named.push(name.clone());
                            }
                        });
                    }
                    Stmt::Call { name, args, result } => {
                        set.extend(result.as_deref());
                        args.iter().for_each(|arg| see(&plain(arg)));
                        let is_free = vocabulary::word(name) == Some(Word::Free);
                        named.extend(args.iter().filter(|_| is_free || is_of(name)).map(|arg| plain(arg)));
                    }
                    _ => {}
                }
            });
        }
        for name in named {
            let is_known = self.variable(&name).is_some() || self.scope.pointers.value(&name).is_some();
            let is_set = set.contains(name.as_str()) || self.assigned.contains(&name);
            if super::super::words::is_name(&name)
                && !name.contains(['>', '.'])
                && !is_known
                && !is_set
                && self.bound.insert(name.clone())
            {
                self.store(&name, pointer.clone(), place);
            }
        }
    }
}

fn is_of(name: &str) -> bool {
    matches!(name, "container_of" | "list_entry")
}
