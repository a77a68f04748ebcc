//! The path through the tree of executions, and the strategy that walks it.
//!
//! A [`Frame`] is a state of the path with the transition that is taken from it, what sleeps there, and what is still
//! to be explored from there. An execution follows the frames, then grows new ones until nothing can happen that is not asleep.

use std::cell::RefCell;
use std::rc::Rc;

use super::action::{Action, Process, dependent};
use super::gates::Gates;
use super::trace::Trace;
use super::wakeup::{Node, initials, insert, is_weak_initial};
use super::watch::{Pending, Watch};
use crate::engine::world::{Transition, World};
use crate::engine::{Clock, Decision, Followed, Memory, State, Strategy, Unsound};
use crate::event::{Op, Status, TaskId, View};
use crate::explore::Config;

/// How much is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Wakeup trees: one execution per trace.
    Optimal,
    /// Source sets and sleep sets: a few executions end because all that could go on sleeps.
    Source,
}

/// A state of the path.
struct Frame {
    taken: Transition,
    /// Its operation: it must be the same when the path leads there again.
    op: Option<Op>,
    /// Explored from here or from before, and not to be begun with again.
    sleep: Vec<Action>,
    /// What is still to be explored from here.
    wakeup: Vec<Node>,
    /// What must follow the transition that is taken.
    below: Vec<Node>,
    /// All transitions that were or will be taken from here.
    begun: Vec<Transition>,
    /// Tasks that stand before a sleep with a deadline.
    sleepers: Vec<(TaskId, u64)>,
    /// Could time move?
    clock_was_ready: bool,
}

/// The path, and what is known of the program.
pub(super) struct Walk {
    reduction: Reduction,
    memory: Memory,
    /// A seeded bug: sleep sets are handed on whole.
    unfiltered: bool,
    frames: Vec<Frame>,
    pub trace: Trace,
    depth: usize,
    watch: Rc<RefCell<Watch>>,
    /// The step at which a known path no longer led to what it led to before.
    strayed: Option<usize>,
    /// What was cut off in the last state.
    cut_off: Vec<Action>,
}

impl Walk {
    pub fn new(reduction: Reduction, config: &Config, clock: Clock, watch: Rc<RefCell<Watch>>) -> Walk {
        Walk {
            reduction,
            memory: config.memory,
            unfiltered: config.seeded == Some(Unsound::SleepSetNotFiltered),
            frames: Vec::new(),
            trace: Trace::new(clock == Clock::Free),
            depth: 0,
            watch,
            strayed: None,
            cut_off: Vec::new(),
        }
    }

    /// An execution begins.
    pub fn restart(&mut self) {
        self.depth = 0;
        self.cut_off.clear();
    }

    /// The transitions of the path.
    pub fn transitions(&self) -> Vec<Transition> {
        self.frames.iter().map(|frame| frame.taken).collect()
    }

    /// The step at which the execution that has just ended left what was known of it, if it did.
    pub fn strayed(&self) -> Option<usize> {
        self.strayed.or((self.depth < self.frames.len()).then_some(self.depth))
    }

    /// Asserts that the execution that has just ended went all the way that was known.
    ///
    /// # Panics
    /// If the program did something else than the last time: it remembers something that the engine does not see.
    pub fn assert_known(&self) {
        if let Some(step) = self.strayed() {
            panic!(
                "internal error: hidden state: the same {step} steps led somewhere else than before; \
                 the program keeps something in a static, a Cell or an Arc that is no object of the engine"
            );
        }
    }

    /// Moves on to the deepest state from which something is left to explore; false if there is none.
    pub fn advance(&mut self) -> bool {
        while let Some(frame) = self.frames.last_mut() {
            let at = self.trace.len() - 1;
            frame.sleep.push(self.trace.action(at).clone());
            self.trace.truncate(at);
            while !frame.wakeup.is_empty() {
                let next = frame.wakeup.remove(0);
                // With wakeup trees nothing is asked for that sleeps.
                if frame.sleep.iter().any(|action| action.transition == next.action.transition) {
                    continue;
                }
                frame.taken = next.action.transition;
                frame.op = Some(next.action.op).filter(|_| next.action.transition != Transition::CLOCK);
                frame.below = next.children;
                return true;
            }
            self.frames.pop();
        }
        false
    }

    /// Takes the step that was made last into the trace.
    pub fn settle(&mut self) {
        let at = self.trace.len();
        let watch = self.watch.borrow();
        let held: Vec<_> = watch.held_by_boot.iter().map(|&lock| (lock, TaskId::BOOT)).collect();
        self.trace.start = Gates::new(watch.jiffies_first, &held);
        if at >= self.frames.len() {
            return;
        }
        debug_assert_eq!(at + 1, self.frames.len(), "internal error: one step is new at a time");
        let Some(seen) = watch.performed.get(at) else { return };
        let supposed = Action {
            transition: self.frames[at].taken,
            op: seen.op,
            result: seen.result,
            block: seen.block,
            woken: Vec::new(),
            buffered: self.buffered(self.frames[at].taken, seen.op, seen.result),
            remarked: seen.remarked,
        };
        // Who was woken is no result of the operation.
        let woken = if let Op::Wake(_) = seen.op { self.gates().performed(&supposed).woken } else { Vec::new() };
        let action = Action { woken, ..supposed };
        debug_assert!(!matches!(action.op, Op::Wake(_)) || action.woken.len() as u64 == action.result);
        self.trace.push(action, &self.frames[at].sleepers);
    }

    /// Which of the task's buffered stores it is that the operation makes or flushes.
    fn buffered(&self, transition: Transition, op: Op, result: u64) -> u32 {
        let goes_to_buffer = self.memory == Memory::Tso
            && (matches!(op, Op::Store(..) | Op::Release(_)) && result == 0 || transition.is_flush());
        if !goes_to_buffer {
            return 0;
        }
        let process = Process::of(transition);
        let earlier = (0..self.trace.len()).map(|at| self.trace.action(at));
        let earlier = earlier.filter(|action| action.process() == process && action.buffered > 0);
        earlier.count() as u32 + 1
    }

    /// Locks, sleepers and time as the trace has left them.
    fn gates(&self) -> Gates {
        let mut gates = self.trace.start.clone();
        (0..self.trace.len()).for_each(|at| gates.apply(self.trace.action(at)));
        gates
    }

    /// The action that a task would make next, as far as that can be told beforehand.
    pub fn supposed(&self, pending: &Pending, alternative: u8) -> Action {
        let mut action = Action {
            transition: Transition { task: pending.task, alternative },
            op: pending.op,
            result: 0,
            block: pending.block,
            woken: Vec::new(),
            buffered: 0,
            remarked: self.watch.borrow().remarks,
        };
        if let Op::TryAcquire(_) | Op::Release(_) | Op::Wake(_) = pending.op {
            action = self.gates().performed(&action);
        }
        action.buffered = self.buffered(action.transition, action.op, action.result);
        action
    }

    /// Would the action come behind something for which the checks end executions?
    pub fn is_cut_off(&self, action: &Action) -> bool {
        let watch = self.watch.borrow();
        if !watch.is_stopped() {
            return false;
        }
        let past = self.trace.past(action);
        (0..self.trace.len()).any(|at| watch.performed[at].stops && self.trace.is_in(at, &past))
    }

    /// What sleeps in the state behind the last action of the trace.
    fn sleep(&self) -> Vec<Action> {
        let Some(last) = self.frames.last() else { return Vec::new() };
        let made = self.trace.action(self.trace.len() - 1);
        let kept = last.sleep.iter().filter(|asleep| self.unfiltered || !dependent(asleep, made));
        kept.cloned().collect()
    }

    /// The actions that can be made now; and those of them that are cut off.
    fn ready(&self, state: &State<'_>) -> (Vec<Action>, Vec<Action>) {
        let watch = self.watch.borrow();
        let actions = state.transitions.iter().filter_map(|&transition| {
            if transition == Transition::CLOCK {
                return Some(tick());
            }
            if transition.is_flush() {
                return Some(self.flush(transition, state.world));
            }
            let pending = watch.pending.iter().find(|pending| pending.task == transition.task);
            let pending = pending.filter(|pending| !watch.is_halted(pending.task))?;
            Some(self.supposed(pending, transition.alternative))
        });
        actions.partition(|action| !self.is_cut_off(action))
    }

    /// What a flush would be.
    fn flush(&self, transition: Transition, world: &World) -> Action {
        let op = world.operation(transition).expect("a flush that can happen has something to flush");
        let block = op.object().and_then(|object| world.object(object).block);
        let (buffered, remarked) = (self.buffered(transition, op, 0), self.watch.borrow().remarks);
        Action { transition, op, result: 0, block, woken: Vec::new(), buffered, remarked }
    }

    /// Asks for a schedule that reverses something: `sequence`, from the state before action `from`.
    pub fn ask(&mut self, from: usize, sequence: Vec<Action>) {
        let frame = &mut self.frames[from];
        match self.reduction {
            Reduction::Optimal => {
                if !frame.sleep.iter().any(|asleep| is_weak_initial(asleep, &sequence)) {
                    insert(&mut frame.wakeup, sequence);
                }
            }
            Reduction::Source => {
                let mut first = None;
                for initial in initials(&sequence) {
                    if frame.begun.contains(&initial.transition) {
                        return;
                    }
                    first = first.or(Some(initial));
                }
                let Some(first) = first else { return };
                frame.begun.push(first.transition);
                frame.wakeup.push(Node { action: first.clone(), children: Vec::new() });
            }
        }
    }

    /// Asks for everything that this execution shows to be missing.
    pub fn ask_for_reversals(&mut self) {
        let len = self.trace.len();
        let end = |at: usize| if self.reduction == Reduction::Optimal { len } else { at };
        let mut asked = Vec::new();
        for at in 0..len {
            for &first in self.trace.races(at) {
                asked.push((first, self.trace.reversed(first, self.trace.action(at), end(at))));
            }
            self.ask_for_alternatives(at, &mut asked);
            self.ask_for_missed_time(at, &mut asked);
        }
        for action in self.waiting() {
            for first in self.trace.races_with(&action, &[]) {
                if !self.is_cut_off_without(first, &action) {
                    asked.push((first, self.trace.reversed(first, &action, len)));
                }
            }
        }
        for action in self.stuck() {
            self.ask_before_stops(&action, &mut asked);
        }
        asked.into_iter().for_each(|(from, sequence)| self.ask(from, self.unknown(sequence)));
    }

    /// Tasks that stand before a sleep with a deadline to the end.
    fn sleepers(&self) -> Vec<(TaskId, u64)> {
        let watch = self.watch.borrow();
        let sleepers = watch.pending.iter().filter_map(|pending| match pending.op {
            Op::Sleep(Some(deadline)) => Some((pending.task, deadline)),
            _ => None,
        });
        sleepers.collect()
    }

    /// What follows the reversed action is not known: neither are its remarks.
    fn unknown(&self, mut sequence: Vec<Action>) -> Vec<Action> {
        if let Some(last) = sequence.last_mut() {
            last.remarked = self.watch.borrow().remarks;
        }
        sequence
    }

    /// The alternatives of a choice exclude each other.
    fn ask_for_alternatives(&self, at: usize, asked: &mut Vec<(usize, Vec<Action>)>) {
        let made = self.trace.action(at);
        let Op::Choose(n, _) = made.op else { return };
        for alternative in (0..n).filter(|&other| other != made.transition.alternative) {
            let transition = Transition { alternative, ..made.transition };
            asked.push((at, vec![Action { transition, result: u64::from(alternative), ..made.clone() }]));
        }
    }

    /// Time could move here, and nobody has a deadline any more behind this action.
    fn ask_for_missed_time(&self, at: usize, asked: &mut Vec<(usize, Vec<Action>)>) {
        let still = self.frames.get(at + 1).is_some_and(|next| next.clock_was_ready);
        if self.frames[at].clock_was_ready && !still && self.frames[at].taken != Transition::CLOCK {
            asked.push((at, vec![tick()]));
        }
    }

    /// What tasks would do that wait for a lock to the end.
    fn waiting(&self) -> Vec<Action> {
        let watch = self.watch.borrow();
        let waits =
            |pending: &&Pending| matches!(pending.status, Status::WaitsFor(_)) && !watch.is_halted(pending.task);
        watch.pending.iter().filter(waits).map(|pending| self.supposed(pending, 0)).collect()
    }

    /// What would be done and cannot: by tasks that wait for a lock to the end, and what is cut off.
    pub fn stuck(&self) -> Vec<Action> {
        self.waiting().into_iter().chain(self.cut_off.iter().cloned()).collect()
    }

    /// What comes behind steps that end executions has to come before all of them as well.
    fn ask_before_stops(&self, action: &Action, asked: &mut Vec<(usize, Vec<Action>)>) {
        let watch = self.watch.borrow();
        let past = self.trace.past(action);
        let is_stop = |at: &usize| watch.performed[*at].stops && self.trace.is_in(*at, &past);
        let Some(first) = (0..self.trace.len()).find(is_stop) else { return };
        let mut gates = self.trace.start.clone();
        let mut sequence = Vec::new();
        // Nothing that was done depends on them.
        for at in (0..self.trace.len()).filter(|at| !is_stop(at)) {
            gates.apply(self.trace.action(at));
            if at > first {
                sequence.push(self.trace.action(at).clone());
            }
        }
        let is_possible = match action.process() {
            Process::CLOCK => self.sleepers().iter().any(|&(task, deadline)| gates.sleeps(task, Some(deadline))),
            _ => gates.can(action.transition.task, action.op),
        };
        if is_possible {
            sequence.push(gates.performed(action));
            asked.push((first, sequence));
        }
    }

    /// Would it be cut off if action `without` and all that depends on it had not been?
    fn is_cut_off_without(&self, without: usize, action: &Action) -> bool {
        let watch = self.watch.borrow();
        let stays = |at: usize| at < without || !self.trace.happens_before(without, at);
        let past = self.trace.past(action);
        (0..self.trace.len()).any(|at| watch.performed[at].stops && stays(at) && self.trace.is_in(at, &past))
    }

    fn take(&mut self, transition: Transition) -> Decision {
        self.depth += 1;
        Decision::Take(transition)
    }
}

/// A step of time. By how much is seen when it is made.
fn tick() -> Action {
    let op = Op::Advance(0);
    Action {
        transition: Transition::CLOCK,
        op,
        result: 0,
        block: None,
        woken: Vec::new(),
        buffered: 0,
        remarked: false,
    }
}

fn sleepers(world: &World) -> Vec<(TaskId, u64)> {
    let deadline = |task: TaskId| match world.pending(task) {
        Some(Op::Sleep(Some(deadline))) => Some((task, deadline)),
        _ => None,
    };
    world.task_ids().filter_map(deadline).collect()
}

impl Strategy for Walk {
    fn follow(&mut self, world: &World) -> Option<Followed> {
        let frame = self.frames.get(self.depth)?;
        let transition = frame.taken;
        if world.operation(transition) != frame.op || !world.is_enabled(transition) {
            self.strayed = Some(self.depth);
            return Some(Followed { decision: Decision::Abandon, judged: false });
        }
        Some(Followed { decision: self.take(transition), judged: false })
    }

    fn decide(&mut self, state: &State<'_>) -> Decision {
        self.settle();
        let sleep = self.sleep();
        let mut wakeup = self.frames.last_mut().map(|last| std::mem::take(&mut last.below)).unwrap_or_default();
        let (ready, cut_off) = self.ready(state);
        let is_ready = |transition: Transition| ready.iter().any(|action| action.transition == transition);
        wakeup.retain(|node| is_ready(node.action.transition));
        let awake = |action: &&Action| !sleep.iter().any(|asleep| asleep.transition == action.transition);
        let (taken, below) = if wakeup.is_empty() {
            let last = self.frames.last().map(|frame| frame.taken.task);
            let mut candidates = ready.iter().filter(awake).map(|action| action.transition);
            let of_last = candidates.clone().find(|transition| Some(transition.task) == last);
            let Some(taken) = of_last.or_else(|| candidates.next()) else {
                self.cut_off = cut_off;
                return Decision::Abandon;
            };
            (taken, Vec::new())
        } else {
            let node = wakeup.remove(0);
            (node.action.transition, node.children)
        };
        self.frames.push(Frame {
            taken,
            op: state.world.operation(taken),
            sleep,
            begun: wakeup.iter().map(|node| node.action.transition).chain([taken]).collect(),
            wakeup,
            below,
            sleepers: sleepers(state.world),
            clock_was_ready: is_ready(Transition::CLOCK),
        });
        self.take(taken)
    }
}
