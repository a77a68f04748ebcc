//! References that are counted, and what is freed when no reader of RCU is left.

use super::object::Memory;
use super::*;
use crate::outline::machine::{Order, Result, Rmw};
use crate::outline::pointers;

/// Number of the first callback: they have their places behind all tasks, which are not known before.
pub(super) const CALLBACKS: usize = 10_000;

/// Callbacks of one program: one that hands itself on would have no end.
pub(super) const CALLBACKS_MAX: usize = 64;
pub(super) const HANDED_ON: &str = "callbacks that are handed on";

/// Names of bounds.
const AGAIN: &str = "call_rcu in a loop is one callback";

/// What `call_rcu` does later.
pub(super) struct Callback<'a> {
    name: String,
    place: Place,
    does: Later<'a>,
}

enum Later<'a> {
    /// Frees what it is handed.
    Free,
    /// Frees the one object of the name.
    FreeNamed(usize),
    /// Runs the function with what it is handed.
    Body(&'a str, &'a [Node]),
}

impl<'a> Lower<'_, 'a> {
    /// `kref_put(&p->ref, release)`, `call_rcu(&p->rcu, f)` and the like: the result, or nothing if it is none of them.
    pub(super) fn references(&mut self, name: &'a str, args: &[String], node: &'a Node) -> Option<Pure> {
        let place = node.place;
        match name {
            "kref_put" | "kref_put_mutex" | "kref_put_lock" => {
                self.kref_put(args, node).or_else(|| self.put_unknown(args, place))
            }
            "kref_get" | "refcount_inc" => {
                let Some(memory) = self.memory(args.first()?, place) else { return self.gains(args, place) };
                let old = self.temp();
                self.access(&memory, place, &|variable| {
                    Op::Modify(variable, Rmw::Add(Pure::Int(1), Result::Old), Order::Once, old)
                });
                let text = format!("{name}({}), whose count is 0 already:", args.join(", "));
                self.push(Op::Assert(Pure::Local(old), text), place);
                Some(Pure::Int(0))
            }
            "kref_init" => {
                let memory = self.memory(args.first()?, place)?;
                self.access(&memory, place, &|variable| Op::Store(variable, Pure::Int(1), Order::Once));
                Some(Pure::Int(0))
            }
            "call_rcu" | "kfree_rcu" | "kvfree_rcu" => {
                self.call_rcu(name, args, place);
                Some(Pure::Int(0))
            }
            _ => None,
        }
    }

    /// The last reference calls the release function, with what the count is in.
    fn kref_put(&mut self, args: &[String], node: &'a Node) -> Option<Pure> {
        let place = node.place;
        let path = plain(args.first()?);
        let memory = self.memory(&path, place)?;
        let last = self.temp();
        self.access(&memory, place, &|variable| {
            Op::Modify(variable, Rmw::Add(Pure::Int(-1), Result::IsZero), Order::Full, last)
        });
        let skip = self.push(Op::Unless(Pure::Local(last), 0), place);
        let release = args.get(1).map(|name| plain(name)).unwrap_or_default();
        // The release function gives the lock back.
        let kind = match node.stmt {
            Stmt::Call { ref name, .. } if name == "kref_put_mutex" => Some(Kind::Mutex),
            Stmt::Call { ref name, .. } if name == "kref_put_lock" => Some(Kind::Spinlock),
            _ => None,
        };
        if let Some(kind) = kind.filter(|_| args.len() > 2) {
            let lock = self.lock(Some(kind), Which::Arg(2), args);
            self.push(Op::Acquire(lock, Mode::Write, None), place);
        }
        if let Some((name, body)) = self.outlined(&release) {
            if let Memory::Pointed(base, _) = &memory {
                let base = base.clone();
                self.bind(body, &base, place);
            }
            self.expand(name, body, place, false);
        } else if vocabulary::word(&release) == Some(Word::Free) {
            match memory {
                Memory::Pointed(base, _) => self.free_pointee(&base, place),
                Memory::One(_) => {
                    let root = pointers::parted(&path).map_or(path.as_str(), |(root, _)| root).to_owned();
                    let object = self.object(&root);
                    self.push(Op::Free(object), place);
                }
            }
        }
        self.land(skip);
        Some(Pure::Local(last))
    }

    /// One more reference to something whose count is not known, which is the task's own.
    pub(super) fn gains(&mut self, args: &[String], place: Place) -> Option<Pure> {
        let path = plain(args.first()?);
        let (root, _) = pointers::parted(&path)?;
        let own = self.own_references(root);
        self.push(Op::Set(own, Pure::Binary("+", Box::new(Pure::Local(own)), Box::new(Pure::Int(1)))), place);
        Some(Pure::Int(0))
    }

    fn own_references(&mut self, root: &str) -> usize {
        if let Some(local) = self.references.get(root) {
            return *local;
        }
        let local = self.temp();
        self.references.insert(root.to_owned(), local);
        local
    }

    /// `kref_put` of a count that is not known: beyond what the task has taken itself it may be the last, which frees the object.
    fn put_unknown(&mut self, args: &[String], place: Place) -> Option<Pure> {
        let path = plain(args.first()?);
        let (root, _) = pointers::parted(&path)?;
        let release = plain(args.get(1)?);
        // A task that runs beside it has a reference of its own.
        if self.is_diagram || self.tasks.len() > 1 || !self.releases(&release) || self.is_tracked(root) {
            return None;
        }
        let (own, last) = (self.own_references(root), self.temp());
        let object = self.object(root);
        self.push(Op::Set(last, Pure::Int(0)), place);
        let foreign = self.push(Op::Unless(Pure::Local(own), 0), place);
        self.push(Op::Set(own, Pure::Binary("-", Box::new(Pure::Local(own)), Box::new(Pure::Int(1)))), place);
        let end = self.push(Op::Jump(0), place);
        self.land(foreign);
        self.push(Op::Choose(2, last), place);
        let skip = self.push(Op::Unless(Pure::Local(last), 0), place);
        self.push(Op::Free(object), place);
        self.out.puts.insert(object);
        self.land(skip);
        self.land(end);
        Some(Pure::Local(last))
    }

    /// Does the function free something?
    fn releases(&self, name: &str) -> bool {
        if vocabulary::word(name) == Some(Word::Free) {
            return true;
        }
        let body = self.outlined(name);
        body.is_some_and(|body| {
            !freed(self.scope, &[Source { name: name.to_owned(), runs: Runs::Task, bodies: vec![body] }]).is_empty()
        })
    }

    /// The name and the body of a function that is outlined.
    fn outlined(&self, name: &str) -> Option<(&'a str, &'a [Node])> {
        self.scope.outlined(name).map(|(name, body, _)| (name, body))
    }

    fn call_rcu(&mut self, name: &str, args: &[String], place: Place) {
        let Some(path) = args.first().map(|arg| plain(arg)) else { return };
        let callback = args.get(1).map(|arg| plain(arg)).unwrap_or_default();
        // `&p->rcu` is in what p points to, `p` is what it points to.
        let of_member =
            (name == "call_rcu").then(|| pointers::parted(&path).map(|(root, _)| root.to_owned())).flatten();
        let root = of_member.unwrap_or(path);
        let pointer = self.pointer(&root, place);
        let does = match (name == "call_rcu", self.outlined(&callback)) {
            (true, Some((name, body))) => Later::Body(name, body),
            (true, None) if vocabulary::word(&callback) != Some(Word::Free) => {
                self.push(Op::Note, place);
                return;
            }
            _ if pointer.is_some() => Later::Free,
            _ => Later::FreeNamed(self.object(&root)),
        };
        if !self.loops.is_empty() {
            self.out.bounds.insert(AGAIN);
        }
        let shown = if name == "call_rcu" { callback } else { format!("kfree({root})") };
        let number = CALLBACKS + self.out.callbacks;
        self.out.callbacks += 1;
        self.callbacks.push(Callback { name: format!("rcu: {shown}"), place, does });
        if let Some(pointer) = pointer {
            self.push(Op::Hand(number, pointer), place);
        }
        self.push(Op::Queue(number), place);
    }

    /// The callback itself: it waits until no reader is left.
    pub(super) fn run_callback(&mut self, callback: &Callback<'a>) {
        let handed = self.temp();
        self.push(Op::SyncRcu, callback.place);
        match callback.does {
            Later::Free => self.free_pointee(&Pure::Local(handed), callback.place),
            Later::FreeNamed(object) => _ = self.push(Op::Free(object), callback.place),
            Later::Body(name, body) => {
                self.note_assigned(body, 0, false);
                self.bind(body, &Pure::Local(handed), callback.place);
                self.expand(name, body, callback.place, false);
            }
        }
        std::mem::take(&mut self.aborts).into_iter().for_each(|at| self.land(at));
    }
}

impl Callback<'_> {
    /// As a task.
    pub(super) fn code(&self) -> Code {
        Code { name: self.name.clone(), insts: Vec::new(), locals: Vec::new(), start: Start::Queued }
    }
}
