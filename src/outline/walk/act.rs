//! What calls do to the state of a path, and what is wrong with that.

use super::*;
use crate::outline::roles;
use crate::outline::vocabulary::{self, Change, How};
use crate::outline::vocabulary::{INTERRUPTED, RESTART, is_interruptible};

/// How often a lock is held at most that cannot be taken twice.
const DEPTH_MAX: u32 = 4;

/// How a lock is asked for: all but its name.
#[derive(Clone, Copy)]
pub(super) struct Taking {
    pub kind: Kind,
    pub mode: Mode,
    pub mask: Mask,
    pub is_try: bool,
}

impl<'a> Walk<'a> {
    /// A call: the states it may leave, one for most, two for a try.
    pub(super) fn call(
        &mut self,
        name: &'a str,
        args: &[String],
        result: Option<&str>,
        node: &'a Node,
        mut state: State,
    ) -> Vec<State> {
        self.noted(&mut state, name, node);
        let children: &'a [Node] = if matches!(node.stmt, Stmt::Call { .. }) { &node.children } else { &[] };
        match self.scope.meaning(name, children) {
            Meaning::Body(body, facts) => {
                let facts: Vec<Fact> =
                    facts.iter().filter(|fact| matches!(fact, Fact::MaySleep | Fact::Takes(_))).cloned().collect();
                self.apply(&state, name, &facts, args, node.place);
                let before = self.called_first(args, node.place, state).into_iter();
                let mut out: Vec<State> = before.flat_map(|state| self.body(name, body, state)).collect();
                for state in &mut out {
                    let value = state.known.remove(RETURNED);
                    if let Some(result) = result {
                        keep(state, result, value);
                    }
                }
                out
            }
            meaning => {
                self.callback(name, args, node);
                // What nobody looks at is taken for granted.
                let is_sure = result.is_none() && is_interruptible(name) && matches!(meaning, Meaning::Word(_));
                let mut asked = self.asked(name, args, node.place, state);
                if is_sure {
                    self.assume(
                        format!("{name} is not interrupted: nobody looks at what it returns"),
                        None,
                        node.place,
                    );
                    asked.retain(|(_, value)| value.is_none_or(|value| value >= 0));
                }
                let with = |(mut state, value): (State, Option<i64>)| {
                    if let Some(result) = result {
                        keep(&mut state, result, value);
                    }
                    state
                };
                asked.into_iter().map(with).collect()
            }
        }
    }

    /// What is called to have the arguments of a call.
    fn called_first(&mut self, args: &[String], place: Place, state: State) -> Vec<State> {
        let mut states = vec![state];
        for (name, args) in self.scope.called_in(args) {
            let out = states.into_iter().flat_map(|state| self.asked(&name, &args, place, state));
            states = out.map(|(state, _)| state).collect();
        }
        states
    }

    /// What `call_rcu` runs later, it runs in a softirq.
    fn callback(&mut self, name: &str, args: &[String], node: &'a Node) {
        if !name.starts_with("call_rcu") {
            return;
        }
        let function = args.get(1).map(|arg| crate::outline::words::plain(arg)).unwrap_or_default();
        let Some((function, body, _)) = self.scope.outlined(&function) else { return };
        let state = State { context: Some((Context::Soft, node.place)), ..State::default() };
        let entry = std::mem::replace(&mut self.entry, function.to_owned());
        self.body(function, body, state);
        self.entry = entry;
    }

    /// What is written behind a call.
    pub(super) fn noted(&mut self, state: &mut State, name: &str, node: &Node) {
        let facts: Vec<Fact> =
            node.facts.iter().filter(|fact| matches!(fact, Fact::MaySleep | Fact::Takes(_))).cloned().collect();
        if !facts.is_empty() {
            let texts: Vec<String> = facts.iter().map(Fact::text).collect();
            let declare = Some(format!("fn {name}: {}", texts.join(", ")));
            self.assume(format!("{name}: {}, from the note", texts.join(", ")), declare, node.place);
            self.apply(state, name, &facts, &[], node.place);
        }
        // Where else it says it runs: then so does what lies under it.
        for fact in &node.facts {
            if let Fact::Holds(lock) = fact {
                let lock = self.number(lock);
                if state.held.iter().all(|held| held.lock != lock) {
                    self.enter(state, std::slice::from_ref(fact), node.place);
                }
            }
        }
    }

    /// The body of a function, by every path; once for each state it is called in.
    fn body(&mut self, name: &'a str, body: &'a [Node], state: State) -> Vec<State> {
        let mut state = state;
        state.known.remove(RETURNED);
        let Some(first) = body.first() else { return vec![state] };
        if self.calls.contains(&name) || self.calls.len() >= CALLS_MAX {
            let bound = if self.calls.contains(&name) { CALLS_ITSELF } else { NESTED };
            if bound == NESTED || self.scope.has_block(name) {
                self.bounds.insert(bound);
            }
            return vec![state];
        }
        let key = (std::ptr::from_ref(first), state.clone());
        if let Some(known) = self.memo.get(&key) {
            return known.clone();
        }
        self.calls.push(name);
        let flow = self.list(body, vec![state]);
        self.calls.pop();
        let mut out = self.ends(flow, body);
        let frame = self.calls.len() + 1;
        self.end_of_block(frame, body, &mut out);
        self.merge(&mut out);
        self.memo.insert(key, out.clone());
        out
    }

    /// A lock that the block takes, and that nobody gives back anywhere, is held to its end.
    fn end_of_block(&mut self, frame: usize, body: &'a [Node], states: &mut [State]) {
        let is_own = |held: &Held| held.frame >= frame;
        if !states.iter().any(|state| state.held.iter().any(is_own)) {
            return;
        }
        let releases = self.released_in(body);
        let anywhere = &self.scope.released;
        for state in states {
            let (ended, on): (Vec<Held>, Vec<Held>) = std::mem::take(&mut state.held).into_iter().partition(|held| {
                let name = &self.names[held.lock as usize];
                is_own(held) && !releases.contains(name) && !anywhere.contains(name)
            });
            state.held = on;
            for held in &ended {
                self.assume_release(held);
                if let Some(saved) = held.saved {
                    state.irqs_off = saved;
                }
            }
        }
    }

    /// A call of something without a body, in a condition or not: with what it answers, if that is known.
    pub(super) fn asked(
        &mut self,
        name: &str,
        args: &[String],
        place: Place,
        mut state: State,
    ) -> Vec<(State, Option<i64>)> {
        let of = name;
        // It is outlined, and called where an expression is.
        if let Meaning::Body(..) = self.scope.meaning(name, &[])
            && let Some((name, body, facts)) = self.scope.outlined(name)
        {
            self.apply(&state, name, facts, args, place);
            let before = self.called_first(args, place, state).into_iter();
            let out: Vec<State> = before.flat_map(|state| self.body(name, body, state)).collect();
            let with = |mut state: State| {
                let value = state.known.remove(RETURNED);
                (state, value)
            };
            return out.into_iter().map(with).collect();
        }
        let Some(word) = vocabulary::word(name) else {
            let mut states = self.called_first(args, place, state);
            states.iter_mut().for_each(|state| self.known_or_assumed_with(name, args, place, state));
            return states.into_iter().map(|state| (state, None)).collect();
        };
        match word {
            Word::Lock(kind, mode, mask, how, which) => {
                let lock = self.scope.lock_name(which, kind.unwrap_or(Kind::Mutex), args);
                let (kind, _) = self.kind(&lock, kind, place);
                let taking =
                    Taking { kind, mode, mask: mask_of(kind, mask), is_try: matches!(how, How::Try | How::TryDown) };
                let name = self.number(&lock);
                if how == How::Wait {
                    let failed = is_interruptible(of).then(|| (state.clone(), Some(INTERRUPTED)));
                    self.take(&mut state, name, taking, place);
                    return [(state, Some(0))].into_iter().chain(failed).collect();
                }
                let failed = state.clone();
                if how == How::IfLast {
                    self.take(&mut state, name, taking, place);
                    return vec![(state, Some(1)), (failed, Some(0))];
                }
                // A try of a lock that the path holds fails.
                if kind != Kind::Bkl && state.held.iter().any(|held| held.lock == name) {
                    return vec![(failed, Some(i64::from(how == How::TryDown)))];
                }
                self.take(&mut state, name, taking, place);
                let yes = i64::from(how == How::Try);
                vec![(state, Some(yes)), (failed, Some(1 - yes))]
            }
            Word::Alloc => vec![(state, None)],
            Word::Choose => {
                let count = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(2i64).clamp(1, 16);
                (0..count).map(|value| (state.clone(), Some(value))).collect()
            }
            Word::WaitEvent(timeout) | Word::WaitCompletion(timeout) => {
                self.act(word, of, args, place, &mut state);
                match (timeout, is_interruptible(of)) {
                    (true, _) => vec![(state, None)],
                    (false, true) => vec![(state.clone(), Some(0)), (state, Some(RESTART))],
                    (false, false) => vec![(state, Some(0))],
                }
            }
            _ => {
                self.act(word, of, args, place, &mut state);
                vec![(state, None)]
            }
        }
    }

    /// A work or a timer whose function is not known does nothing, which the reader has to know.
    fn worker(&mut self, name: &str, args: &[String], place: Place) {
        let Some((path, is_work, _)) = roles::used(name, args).filter(|_| !self.scope.is_figure) else { return };
        if self.scope.task_of(&path).is_none() && !path.is_empty() {
            let word = if is_work { "work" } else { "timer" };
            let what = format!("{path} does nothing: its function is not known");
            self.assume(what, Some(format!("{word} {path}: FUNCTION")), place);
        }
    }

    fn act(&mut self, word: Word, name: &str, args: &[String], place: Place, state: &mut State) {
        self.worker(name, args, place);
        if self.scope.is_figure && matches!(word, Word::WaitEvent(_)) && args.len() == 1 {
            self.assume(format!("{name}({}) ends after any time: for what it waits is not said", args[0]), None, place);
        }
        if !self.scope.is_figure
            && matches!(word, Word::WaitEvent(_))
            && let Some(cond) = args.get(1)
            && !self.scope.is_set_here(cond)
        {
            self.assume(format!("{cond} becomes true with a wake-up: nothing here is known to set it"), None, place);
        }
        match word {
            Word::Unlock(kind, mode, mask, which) => {
                let lock = self.scope.lock_name(which, kind.unwrap_or(Kind::Mutex), args);
                let (kind, _) = self.kind(&lock, kind, place);
                let number = self.number(&lock);
                self.give(state, number, mode, mask_of(kind, mask), place);
            }
            Word::Downgrade => {
                let lock = self.scope.lock_name(vocabulary::Which::Arg(0), Kind::Rwsem, args);
                let number = self.number(&lock);
                state.held.iter_mut().filter(|held| held.lock == number).for_each(|held| held.mode = Mode::Read);
            }
            Word::Context(change) => self.change(state, change, place),
            Word::SeqBegin | Word::SeqRetry => {
                let lock = self.scope.lock_name(vocabulary::Which::Arg(0), Kind::Seqlock, args);
                let number = self.number(&lock);
                if word == Word::SeqBegin {
                    state.reading.insert(number);
                } else {
                    state.reading.remove(&number);
                }
            }
            Word::Sleep
            | Word::Schedule
            | Word::WaitEvent(_)
            | Word::WaitCompletion(_)
            | Word::KthreadStop
            | Word::FlushWork(_) => {
                self.sleeps(state, name, place, false);
            }
            Word::SynchronizeRcu | Word::RcuBarrier => self.sleeps(state, name, place, false),
            _ => {}
        }
    }

    fn change(&mut self, state: &mut State, change: Change, place: Place) {
        match change {
            Change::IrqOff => state.irqs_off = state.irqs_off.or(Some(place)),
            Change::IrqOn => state.irqs_off = None,
            Change::IrqSave => {
                state.saves.push(state.irqs_off);
                state.irqs_off = state.irqs_off.or(Some(place));
            }
            Change::IrqRestore => state.irqs_off = state.saves.pop().unwrap_or(None),
            Change::BhOff => state.bh.push(place),
            Change::BhOn => _ = state.bh.pop(),
            Change::PreemptOff => state.preempt.push(place),
            Change::PreemptOn => _ = state.preempt.pop(),
            Change::RcuOn => state.rcu.push(place),
            Change::RcuOff => _ = state.rcu.pop(),
        }
    }

    /// A lock is taken: recursion, sleeping, wait context and order are judged.
    pub(super) fn take(&mut self, state: &mut State, lock: LockId, taking: Taking, place: Place) {
        let name = self.names[lock as usize].clone();
        if taking.kind.sleeps() && !taking.is_try {
            self.sleeps(state, &format!("waiting for the {} {name}", taking.kind.text()), place, true);
        }
        if let Some(at) = state.held.iter().position(|held| held.lock == lock) {
            self.take_again(state, at, taking, place, &name);
            return;
        }
        self.wait_context(state, taking, place, &name);
        self.orders.take(state, lock, taking.kind, taking.mode, taking.is_try, place, &self.entry);
        let irqs_on = state.irqs_off.is_none() && state.quiet.is_none();
        let mut saved = None;
        match taking.mask {
            Mask::Irq | Mask::IrqSave => {
                saved = (taking.mask == Mask::IrqSave).then_some(state.irqs_off);
                state.irqs_off = state.irqs_off.or(Some(place));
            }
            Mask::Bh => state.bh.push(place),
            Mask::None => {}
        }
        let irqs_on = irqs_on && state.irqs_off.is_none();
        if taking.kind.makes_atomic() {
            self.orders.used(
                lock,
                taking.mode,
                state.context.map(|(context, _)| context),
                irqs_on,
                state.bh.is_empty(),
                place,
            );
        }
        let frame = self.calls.len();
        state.held.push(Held {
            lock,
            kind: taking.kind,
            mode: taking.mode,
            place,
            depth: 1,
            is_stuck: false,
            irqs_on,
            saved,
            frame,
        });
    }

    fn take_again(&mut self, state: &mut State, at: usize, taking: Taking, place: Place, name: &str) {
        let held = &mut state.held[at];
        // A path goes on behind the finding; a loop that takes it again and again ends all the same.
        held.depth = if taking.kind == Kind::Bkl { held.depth + 1 } else { (held.depth + 1).min(DEPTH_MAX) };
        let (first, mode) = (held.place, held.mode);
        let readers = mode == Mode::Read && taking.mode == Mode::Read && taking.kind.is_shared();
        // Readers that wait for a writer between them are a matter of what else runs.
        if taking.kind == Kind::Bkl || readers || taking.is_try || taking.kind == Kind::Semaphore {
            return;
        }
        state.held[at].is_stuck = true;
        let title = match (mode, taking.mode) {
            (Mode::Read, Mode::Write) if taking.kind.is_shared() => {
                format!("{name} is wanted for writing by a task that holds it for reading")
            }
            _ => format!("{name} is taken again by the task that holds it"),
        };
        let labels = vec![
            Label { place, text: format!("waits here for itself: a {} is not recursive", taking.kind.text()) },
            Label { place: first, text: "taken here".to_owned() },
        ];
        self.find("LW001", name, title, labels, Vec::new());
    }

    /// A lock that sleeps on PREEMPT_RT inside one that spins there.
    fn wait_context(&mut self, state: &State, taking: Taking, place: Place, name: &str) {
        let is_spin = matches!(taking.kind, Kind::Spinlock | Kind::Rwlock | Kind::Qrwlock | Kind::Seqlock);
        let Some(raw) =
            state.held.iter().find(|held| held.kind == Kind::RawSpinlock).filter(|_| is_spin && !taking.is_try)
        else {
            return;
        };
        let outer = self.names[raw.lock as usize].clone();
        let labels = vec![
            Label {
                place,
                text: format!("the {} {name} is taken here; with PREEMPT_RT it sleeps", taking.kind.text()),
            },
            Label { place: raw.place, text: format!("inside the raw_spinlock {outer}, taken here") },
        ];
        self.find("LW005", name, format!("invalid wait context: {name} inside {outer}"), labels, Vec::new());
    }

    pub(super) fn give(&mut self, state: &mut State, lock: LockId, mode: Option<Mode>, mask: Mask, place: Place) {
        let name = self.names[lock as usize].clone();
        match state.held.iter().rposition(|held| held.lock == lock) {
            Some(at) => {
                let held = &mut state.held[at];
                let is_nested = held.depth > 1;
                held.depth -= 1;
                let saved = held.saved;
                let (held_mode, shared, taken) = (held.mode, held.kind.is_shared(), held.place);
                if held.depth == 0 {
                    state.held.remove(at);
                }
                if mask == Mask::IrqSave {
                    state.irqs_off = saved.unwrap_or(None);
                }
                if mode.is_some_and(|mode| mode != held_mode) && shared && !is_nested {
                    let labels = vec![
                        Label { place, text: format!("given back here as if for {}", mode_text(mode)) },
                        Label { place: taken, text: format!("taken here for {}", mode_text(Some(held_mode))) },
                    ];
                    self.find(
                        "LW006",
                        &name,
                        format!("{name} is given back in another mode than it was taken"),
                        labels,
                        Vec::new(),
                    );
                }
            }
            None => {
                let labels = vec![Label { place, text: "given back here, on a path that does not hold it".to_owned() }];
                self.find(
                    "LW006",
                    &name,
                    format!("{name} is given back by a task that does not hold it"),
                    labels,
                    Vec::new(),
                );
            }
        }
        match mask {
            Mask::Irq => state.irqs_off = None,
            Mask::Bh => _ = state.bh.pop(),
            Mask::None | Mask::IrqSave => {}
        }
    }

    /// Something may sleep here: is anything against it?
    pub(super) fn sleeps(&mut self, state: &State, what: &str, place: Place, is_lock: bool) {
        let Some((from, why)) = self.atomic(state) else { return };
        let verb = if is_lock { "may sleep" } else { "may sleep here" };
        let title = format!("{what} may sleep in atomic context");
        let labels = vec![Label { place, text: format!("{what} {verb}") }, Label { place: from, text: why }];
        let name = what.split(['(', ',', ' ']).next().unwrap_or(what);
        let known = if is_lock { None } else { self.scope.catalogued(name) };
        let notes = known.map(|known| {
            let facts: Vec<String> = known.facts.iter().map(Fact::text).collect();
            let facts = facts.join(", ");
            format!(
                "`fn {name}: {facts}` is from the catalogue ({}): a line `fn {name}: ...` here says otherwise",
                known.about
            )
        });
        self.find("LW002", what.split(',').next().unwrap_or(what), title, labels, notes.into_iter().collect());
    }

    /// What makes the path atomic, and where.
    fn atomic(&self, state: &State) -> Option<(Place, String)> {
        if let Some(held) = state.held.iter().find(|held| held.kind.makes_atomic()) {
            return Some((
                held.place,
                format!("atomic since {} was taken here: it is a {}", self.names[held.lock as usize], held.kind.text()),
            ));
        }
        if let Some((context, place)) = state.context {
            return Some((place, format!("runs in {} context", context_text(context))));
        }
        let first = |places: &[Place], why: &str| places.first().map(|place| (*place, why.to_owned()));
        first(state.irqs_off.as_slice(), "interrupts are off since here")
            .or_else(|| first(&state.bh, "bottom halves are off since here"))
            .or_else(|| first(&state.preempt, "atomic since here"))
            .or_else(|| first(&state.rcu, "an RCU read-side section since here"))
    }
}

fn mode_text(mode: Option<Mode>) -> &'static str {
    if mode == Some(Mode::Read) { "reading" } else { "writing" }
}
