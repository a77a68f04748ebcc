//! Calls: words of the kernel, functions that are outlined, and facts about others.

use super::*;
use crate::outline::roles;

impl<'a> Lower<'_, 'a> {
    pub(super) fn call(&mut self, name: &'a str, args: &[String], result: Option<&str>, node: &'a Node) {
        let place = node.place;
        let is_call = matches!(node.stmt, Stmt::Call { .. });
        let children: &'a [Node] = if is_call { &node.children } else { &[] };
        args.iter().for_each(|arg| self.used(&plain(arg), place));
        let is_wanted = match result {
            Some(RETURNED) => self.frames.last().is_some_and(|frame| frame.result.is_some()),
            other => other.is_some(),
        };
        if let Some(result) = result {
            self.note_lost(result, name, args.first().map(String::as_str), place);
        }
        let before = std::mem::take(&mut self.made_up);
        if let Meaning::Body(body, _) = self.scope.meaning(name, children) {
            self.called_first(args, place);
            let value = self.expand(name, body, place, is_wanted);
            if let Some(result) = result.filter(|_| is_wanted) {
                self.store(result, value, place);
                self.tell_no_made_up(result);
            }
            self.made_up |= before;
            return;
        }
        let value = self.done_to_objects(name, args, result, node);
        let value = value.unwrap_or_else(|| {
            let local = self.temp();
            let is_access = self.evaluated(name, args, local, place);
            if is_access { Pure::Local(local) } else { self.called(name, args, place, is_wanted) }
        });
        if let Some(result) = result {
            self.store(result, value, place);
            if !roles::is_member_of(name) {
                self.points_elsewhere(result, place);
            }
            self.tell_no_made_up(result);
            let args = args.iter().filter_map(|arg| super::super::expr::parse(arg)).collect();
            let is_decided = self.is_decided(&Expr::Call(name.to_owned(), args));
            self.note_decided(result, is_decided);
        }
        self.made_up |= before;
        // What a wait for a work or a thread does inside is that wait.
        let is_wait =
            matches!(vocabulary::word(name), Some(Word::FlushWork(_) | Word::SpinForTimer(_) | Word::KthreadStop));
        if !(is_wait && children.iter().all(|child| sleeps(&child.stmt))) {
            self.list(children);
        }
    }

    /// Allocations, lists and references, where it is known what is pointed to.
    fn done_to_objects(
        &mut self,
        name: &'a str,
        args: &[String],
        result: Option<&str>,
        node: &'a Node,
    ) -> Option<Pure> {
        let place = node.place;
        if let Some(pointer) = result.and_then(|result| self.allocated(name, args, result, place)) {
            return Some(pointer);
        }
        self.list_word(name, args, place).or_else(|| self.references(name, args, node))
    }

    /// The body of a function, and what it returns.
    pub(super) fn expand(&mut self, name: &str, body: &'a [Node], place: Place, is_wanted: bool) -> Pure {
        let is_open = self.calls.iter().any(|open| open == name);
        // Functions that do nothing but call two others each add no instruction, and double with each level.
        self.expanded += 1;
        if is_open || self.calls.len() > CALLS_MAX || self.expanded > INSTS_MAX {
            if self.expanded > INSTS_MAX {
                self.out.bounds.insert(INSTS);
            } else if !is_open {
                self.out.bounds.insert(NESTED);
            } else if self.scope.has_block(name) {
                self.out.bounds.insert(CALLS_ITSELF);
            }
            return self.result(name, place, is_wanted);
        }
        self.calls.push(name.to_owned());
        let open = std::mem::take(&mut self.loops);
        let domain = self.scope.values.result(name);
        let local = is_wanted.then(|| self.temp());
        let from = self.here();
        self.body(body, local.map(|local| (local, &domain)));
        self.end_of_block(from, place);
        self.loops = open;
        self.calls.pop();
        local.map_or(Pure::Int(0), Pure::Local)
    }

    /// A lock that the block takes, and that nobody gives back anywhere, is held to its end.
    fn end_of_block(&mut self, from: usize, place: Place) {
        if self.is_diagram {
            return;
        }
        let taken = self.code.insts[from.min(self.code.insts.len())..].iter().filter_map(|inst| match inst.op {
            Op::Acquire(lock, ..) => Some(lock),
            _ => None,
        });
        let taken: BTreeSet<usize> = taken.collect();
        for lock in taken {
            if !self.scope.released.contains(&self.out.program.locks[lock].0) {
                self.push(Op::ReleaseAtEnd(lock), place);
            }
        }
    }

    /// What a call without a body does, and its result.
    pub(super) fn called(&mut self, name: &str, args: &[String], place: Place, is_wanted: bool) -> Pure {
        if let Some(value) = self.list_word(name, args, place) {
            return value;
        }
        // It is outlined, and called where an expression is.
        if let Meaning::Body(body, _) = self.scope.meaning(name, &[]) {
            self.called_first(args, place);
            return self.expand(name, body, place, is_wanted);
        }
        let Some(word) = vocabulary::word(name) else { return self.known(name, args, place, is_wanted) };
        let is_interruptible = is_wanted && !self.is_diagram && vocabulary::is_interruptible(name);
        match word {
            // A figure that does not ask draws the case in which it is taken.
            Word::Lock(kind, mode, mask, How::IfLast, which) if !is_wanted => {
                self.acquire((kind, mode, mask, How::Wait, which), args, place)
            }
            Word::Lock(kind, mode, mask, How::IfLast, which) => {
                self.last((kind, mode, mask, How::Wait, which), args, place)
            }
            Word::Lock(kind, mode, mask, how, which) if is_interruptible => {
                self.interruptible(vocabulary::INTERRUPTED, place, |lower| {
                    lower.acquire((kind, mode, mask, how, which), args, place)
                })
            }
            Word::WaitEvent(timeout) if is_interruptible => {
                self.interruptible(vocabulary::RESTART, place, |lower| lower.wait_event(args, timeout, place))
            }
            Word::WaitCompletion(timeout) if is_interruptible => {
                self.interruptible(vocabulary::RESTART, place, |lower| lower.wait_completion(args, timeout, place))
            }
            Word::Lock(kind, mode, mask, how, which) => self.acquire((kind, mode, mask, how, which), args, place),
            Word::Unlock(kind, mode, mask, which) => self.release((kind, mode, mask, which), args, place),
            Word::Choose => {
                let count = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(2u8).clamp(1, 16);
                let local = self.temp();
                self.push(Op::Choose(count, local), place);
                Pure::Local(local)
            }
            Word::WaitEvent(timeout) => self.wait_event(args, timeout, place),
            Word::WaitCompletion(timeout) => self.wait_completion(args, timeout, place),
            Word::KthreadShouldStop => {
                let local = self.temp();
                // It meets the one that stops it.
                self.out.works.insert(self.code.name.clone());
                self.push(Op::ShouldStop(local), place);
                Pure::Local(local)
            }
            Word::SeqBegin => {
                let local = self.temp();
                let lock = self.lock(Some(Kind::Seqlock), Which::Arg(0), args);
                self.push(Op::SeqBegin(lock, local), place);
                Pure::Local(local)
            }
            Word::SeqRetry => {
                let local = self.temp();
                let lock = self.lock(Some(Kind::Seqlock), Which::Arg(0), args);
                let since = args.get(1).map(|name| self.local(&plain(name))).unwrap_or(local);
                self.push(Op::SeqRetry(lock, since, local), place);
                Pure::Local(local)
            }
            Word::Assert | Word::BugOn | Word::Bug => self.assert(word, args, place),
            Word::FlushWork(_) if roles::is_queue(name) => {
                self.flush_queue(name, args, place);
                Pure::Int(0)
            }
            // Every allocation may fail.
            Word::Alloc => {
                self.act(word, args, place);
                self.result(name, place, is_wanted)
            }
            _ => {
                self.act(word, args, place);
                Pure::Int(0)
            }
        }
    }

    fn named(list: &mut Vec<String>, name: String) -> usize {
        list.iter().position(|known| *known == name).unwrap_or_else(|| {
            list.push(name);
            list.len() - 1
        })
    }

    pub(super) fn queue(&mut self, args: &[String]) -> usize {
        let name = args.first().map(|arg| plain(arg)).unwrap_or_default();
        Self::named(&mut self.out.program.queues, name)
    }

    pub(super) fn count(&mut self, args: &[String]) -> usize {
        let name = args.first().map(|arg| plain(arg)).unwrap_or_default();
        Self::named(&mut self.out.program.counts, name)
    }

    fn assert(&mut self, word: Word, args: &[String], place: Place) -> Pure {
        let written = args.join(", ");
        let pure = match (word, super::super::expr::parse(&written)) {
            (Word::Bug, _) => Pure::Int(0),
            (_, Some(expr)) => self.value(&expr, place),
            (_, None) => return Pure::Int(0),
        };
        let (pure, text) = match word {
            Word::BugOn => (Pure::Unary('!', Box::new(pure)), format!("BUG_ON({written}):")),
            Word::Bug => (pure, "BUG()".to_owned()),
            _ => (pure, format!("assert({written}):")),
        };
        // What is behind a spin that is ended from outside may be seen too early.
        let is_late = self.is_ahead;
        self.push(if is_late { Op::Note } else { Op::Assert(pure, text) }, place);
        Pure::Int(0)
    }

    fn act(&mut self, word: Word, args: &[String], place: Place) {
        let op = match word {
            Word::Downgrade => {
                let lock = self.lock(Some(Kind::Rwsem), Which::Arg(0), args);
                Op::Downgrade(lock)
            }
            Word::Context(change) => match change {
                Change::IrqOff => Op::IrqDisable,
                Change::IrqOn => Op::Irq(0),
                Change::IrqSave => Op::Irq(1),
                Change::IrqRestore => Op::Irq(-1),
                Change::BhOff => Op::Bh(1),
                Change::BhOn => Op::Bh(-1),
                Change::RcuOn => Op::Rcu(1),
                Change::RcuOff => Op::Rcu(-1),
                Change::PreemptOff | Change::PreemptOn => Op::Note,
            },
            Word::Sleep => Op::MaySleep,
            Word::Schedule if self.is_outside_wake() => {
                self.about_to_sleep = false;
                self.push(Op::Running, place);
                Op::MaySleep
            }
            Word::Schedule => {
                self.about_to_sleep = false;
                let local = self.temp();
                Op::Sleep(Until::Woken, local)
            }
            Word::SetState if args.first().is_some_and(|state| state.contains("RUNNING")) => {
                self.about_to_sleep = false;
                Op::Running
            }
            Word::SetState => {
                self.about_to_sleep = true;
                self.prepared.clear();
                Op::Prepare(0)
            }
            Word::PrepareToWait => {
                self.about_to_sleep = true;
                self.prepared = args.first().map(|arg| plain(arg)).unwrap_or_default();
                Op::Prepare(self.queue(args))
            }
            Word::Running => {
                self.about_to_sleep = false;
                Op::Running
            }
            Word::WakeUp => {
                let is_counted = |queue: &String| self.scope.opens(&plain(queue)) || self.scope.begins(&plain(queue));
                if args.first().is_some_and(is_counted) {
                    let count = self.count(args);
                    self.push(Op::Count(count, true), place);
                }
                Op::Wake(self.queue(args))
            }
            Word::Complete(all) => Op::Count(self.count(args), all),
            Word::InitCompletion => Op::ResetCount(self.count(args)),
            Word::KthreadStop => return self.kthread_stop(args, place),
            Word::QueueWork(at) => match self.started(args, at) {
                Some(other) => Op::Queue(other),
                None => Op::Note,
            },
            Word::FlushWork(flush) => match self.other(args, 0) {
                Some(other) => {
                    let wait = match flush {
                        Flush::Waits => Wait::Turn,
                        Flush::Cancels => Wait::Cancelled,
                        Flush::Disables => Wait::Drained,
                    };
                    if flush != Flush::Waits {
                        self.push(Op::Cancel(other), place);
                    }
                    Op::Flush(other, wait)
                }
                None => Op::MaySleep,
            },
            Word::Forget => {
                self.other(args, 0);
                Op::Note
            }
            Word::SpinForTimer(ends) => match self.other(args, 0) {
                Some(other) => {
                    if ends {
                        self.push(Op::Cancel(other), place);
                    }
                    Op::Spin(other)
                }
                None => Op::Note,
            },
            Word::SynchronizeRcu => Op::SyncRcu,
            Word::RcuBarrier => Op::RcuBarrier(reference::CALLBACKS),
            Word::Free if self.freed_pointer(&object_name(args), place) => return,
            Word::Free => Op::Free(self.object(&object_name(args))),
            // `fence(Release)` of user land is a weak one.
            Word::Fence if args.first().is_none_or(|order| order.to_ascii_lowercase().contains("seq")) => Op::Fence,
            Word::Fence | Word::WeakFence => Op::WeakFence,
            _ => Op::Note,
        };
        self.push(op, place);
    }

    /// What is called to have the arguments of a call.
    fn called_first(&mut self, args: &[String], place: Place) {
        for (name, args) in self.scope.called_in(args) {
            let local = self.temp();
            if !self.evaluated(&name, &args, local, place) {
                self.called(&name, &args, place, false);
            }
        }
    }

    fn known(&mut self, name: &str, args: &[String], place: Place, is_wanted: bool) -> Pure {
        self.called_first(args, place);
        args.iter().for_each(|arg| self.touched(arg, place));
        let facts = match self.scope.meaning(name, &[]) {
            Meaning::Facts(facts) => facts,
            _ => Vec::new(),
        };
        // What it is told the address of, it may set.
        args.iter().filter_map(|arg| arg.trim().strip_prefix('&')).for_each(|name| self.unsettle(name, place));
        self.handler(name, place);
        for fact in &facts {
            match fact {
                Fact::MaySleep | Fact::Allocates(true, _) => _ = self.push(Op::MaySleep, place),
                Fact::AllocatesByFlags if flags_sleep(&args.join(", ")) => _ = self.push(Op::MaySleep, place),
                Fact::Takes(lock) => {
                    let lock = self.lock(None, Which::Arg(0), std::slice::from_ref(lock));
                    self.push(Op::Acquire(lock, Mode::Write, None), place);
                    self.push(Op::Release(lock, None), place);
                }
                Fact::Locks(lock) => {
                    let lock = self.lock(None, Which::Arg(0), std::slice::from_ref(lock));
                    self.push(Op::Acquire(lock, Mode::Write, None), place);
                }
                Fact::Unlocks(lock) => {
                    let lock = self.lock(None, Which::Arg(0), std::slice::from_ref(lock));
                    self.push(Op::Release(lock, None), place);
                }
                Fact::Frees if self.freed_pointer(&object_name(args), place) => {}
                Fact::Frees => {
                    let object = self.object(&object_name(args));
                    self.push(Op::Free(object), place);
                }
                _ => {}
            }
        }
        if self.is_diagram {
            if facts.is_empty() {
                self.push(Op::Note, place);
            }
            return Pure::Int(1);
        }
        self.result(name, place, is_wanted)
    }
}

/// Is it nothing but a wait?
fn sleeps(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Call { name, .. } => matches!(
            vocabulary::word(name),
            Some(Word::WaitCompletion(_) | Word::WaitEvent(_) | Word::Schedule | Word::Sleep | Word::FlushWork(_))
        ),
        Stmt::Claim(_) | Stmt::Prose(_) | Stmt::Elision(_) => true,
        _ => false,
    }
}
