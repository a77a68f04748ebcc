//! What is there at the beginning: what lines declare, and handlers, pointers and entries of lists that no line declares.

use super::*;

impl<'a> Scope<'a> {
    /// What holds a pointer, if no line declares it.
    pub(super) fn cells_declared(&mut self, cells: Vec<Cell<'a>>, functions: &[Function]) {
        for Cell { path, object, place, once, .. } in cells {
            for (name, why) in once {
                let place = self.own.get(name).map_or(place, |function| function.place);
                self.once.entry(name).or_insert((why, place));
            }
            let first = self.pointers.value(&object).unwrap_or(0);
            self.variables.insert(path, Variable { is_atomic: true, first });
            let what = format!("{path} points to an object of its own at first, {object}, or is NULL");
            self.assumed.push(Assumption { what, declare: None, place });
        }
        for Filled { list, object, handed } in &self.pointers.filled {
            let what = match handed.first() {
                Some((function, name)) => {
                    format!("{list} has one entry at first, {object}, and {function} is handed it as {name}")
                }
                None => format!("{list} has one entry at first, {object}, or none"),
            };
            let place = handed.first().and_then(|(function, _)| Some(self.own.get(function.as_str())?.place));
            let place = place.or_else(|| Some(functions.first()?.place)).unwrap_or_default();
            for (function, name) in handed {
                if let Some((known, own)) = self.own.get_key_value(function.as_str()) {
                    self.once.entry(known).or_insert((format!("it frees {name}, which it is handed"), own.place));
                }
            }
            self.assumed.push(Assumption { what, declare: None, place });
        }
    }

    /// Does something hold a pointer, or a list an entry, that it may as well not hold?
    pub fn begins_filled(&self) -> bool {
        !self.cells.is_empty() || self.pointers.filled.iter().any(|filled| filled.handed.is_empty())
    }

    /// What holds a pointer that somebody replaces is NULL at the beginning, and lists are empty.
    pub fn begin_empty(&mut self) {
        for path in &self.cells {
            self.variables.get_mut(path).into_iter().for_each(|variable| variable.first = 0);
        }
        self.pointers.begin_empty();
    }

    /// Handlers, works and timers that no line declares; and those that are declared, and that nothing here starts.
    pub(super) fn roles(&mut self, functions: &'a [Function]) {
        let started = &self.started;
        for task in &mut self.tasks {
            if let Some((runs, what)) = started.begun(&task.name, task.runs, task.calls()) {
                task.runs = runs;
                self.assumed.push(Assumption { what, declare: None, place: task.place });
            }
        }
        for function in functions {
            if let Some(place) = function.gap {
                let what = format!("the lines of {} between its hunks neither sleep nor lock", function.name);
                self.assumed.push(Assumption { what, declare: None, place });
            }
            for role in &function.roles {
                let (what, declare) = (role.text(&function.name), Some(role.declaration(&function.name)));
                self.assumed.push(Assumption { what, declare, place: function.place });
                let does = Does::Calls(vec![Call { name: function.name.clone(), place: function.place }]);
                let mut task = Task { name: role.name.clone(), runs: role.runs, does, place: function.place };
                if let Some((runs, what)) = started.begun(&task.name, task.runs, task.calls()) {
                    task.runs = runs;
                    self.assumed.push(Assumption { what, declare: None, place: task.place });
                }
                self.tasks.push(task);
            }
        }
    }

    /// What the lines of the file declare.
    pub(super) fn declare(&mut self, file: &'a File) {
        for (declaration, place) in &file.declarations {
            match declaration {
                Declaration::Lock(name, kind) => {
                    self.kinds.insert(name.clone(), *kind);
                }
                Declaration::Atomic(name, first) => {
                    self.variables.insert(name, Variable { is_atomic: true, first: *first });
                }
                Declaration::Var(name, first) => {
                    self.variables.insert(name, Variable { is_atomic: false, first: *first });
                }
                Declaration::Fn(name, facts) => {
                    let given =
                        facts.iter().filter_map(|fact| if let Fact::Unlocks(lock) = fact { Some(lock) } else { None });
                    self.released.extend(given.cloned());
                    self.declared.insert(name, facts);
                }
                Declaration::Task(name, runs, calls) => {
                    let does = Does::Calls(calls.clone());
                    self.tasks.push(Task { name: name.clone(), runs: *runs, does, place: *place });
                }
                Declaration::Assert(expr) => self.asserts.push((expr, *place)),
                Declaration::Never(expr) => self.nevers.push((expr, *place)),
                Declaration::Order(outer, inner) => self.orders.push((outer, inner, *place)),
                Declaration::Protects(lock, names) => {
                    self.guards.extend(names.iter().map(|name| (lock.as_str(), name.as_str(), *place)));
                }
                Declaration::Entry(name, facts) => {
                    self.contracts.insert(name, (facts, *place));
                }
                Declaration::Pointer(name, to, is_atomic) => {
                    let first = self.pointers.value(to).unwrap_or(0);
                    self.variables.insert(name, Variable { is_atomic: *is_atomic, first });
                }
                Declaration::Object(..) | Declaration::List(..) => {}
            }
        }
    }
}
