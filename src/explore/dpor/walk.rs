//! The path through the tree of executions, and the strategy that walks it.
//!
//! A [`Frame`] is a state of the path with the transition that is taken from it, what is spared there, and what is still
//! to be explored from there. An execution follows the frames, then grows new ones until nothing can happen that is not spared.

use std::cell::RefCell;
use std::rc::Rc;

use super::action::{Action, dependent};
use super::gates::Gates;
use super::trace::{Trace, data_race};
use super::wakeup::{Node, insert};
use super::watch::{Pending, Watch};
use crate::engine::memo::{Deed, Stray};
use crate::engine::process::Process;
use crate::engine::world::{Transition, World};
use crate::engine::{Clock, Decision, Followed, Memory, State, Strategy, Unsound};
use crate::event::{Act, Op, TaskId, View};
use crate::explore::config::Config;

mod reversals;

/// How much is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Wakeup trees: one execution per trace.
    Optimal,
    /// Source sets and sleep sets: a few executions end because all that could go on is spared.
    Source,
}

/// A state of the path.
struct Frame {
    taken: Transition,
    /// Its operation: it must be the same when the path leads there again.
    op: Option<Op>,
    /// Explored from here or from before, and not to be begun with again.
    spared: Vec<Action>,
    /// What the checks would end the execution for: nothing goes on from here with these.
    stops: Vec<Action>,
    /// What is still to be explored from here.
    wakeup: Vec<Node>,
    /// What must follow the transition that is taken.
    below: Vec<Node>,
    /// Sequences that the transition that is taken covers.
    covered: Vec<Vec<Action>>,
    /// All transitions that were or will be taken from here.
    begun: Vec<Transition>,
    /// Tasks that stand before a sleep with a deadline.
    sleepers: Vec<(TaskId, u64)>,
    /// Has anything been explored from here to its end?
    is_explored: bool,
}

/// What is known of a state from which nothing has been explored yet.
#[derive(Default)]
struct Entry {
    wakeup: Vec<Node>,
    stops: Vec<Action>,
}

/// The path, and what is known of the program.
pub(super) struct Walk {
    reduction: Reduction,
    memory: Memory,
    /// A seeded bug: what is spared is handed on whole.
    unfiltered: bool,
    frames: Vec<Frame>,
    pub trace: Trace,
    depth: usize,
    watch: Rc<RefCell<Watch>>,
    /// Where a known path no longer led to what it led to before.
    stray: Option<Box<Stray>>,
    /// What is known of the state after the last frame.
    entry: Entry,
    /// What was asked for at the last frame cannot be made there.
    vain: bool,
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
            stray: None,
            entry: Entry::default(),
            vain: false,
        }
    }

    /// An execution begins.
    pub fn restart(&mut self) {
        self.depth = 0;
        self.vain = false;
    }

    /// Was the execution in vain? What was asked for last cannot be made: whether a task may go on after other steps is told exactly
    /// for locks and queues, and for channels and what spins so that nothing is left out.
    pub fn is_vain(&self) -> bool {
        self.vain
    }

    /// Goes on with something else; false if nothing is left to explore.
    pub fn skip(&mut self) -> bool {
        let frame = self.frames.last_mut().expect("an execution in vain has a last frame");
        let covered = std::mem::take(&mut frame.covered);
        covered.into_iter().for_each(|sequence| insert(&mut frame.wakeup, sequence));
        if self.begin_next() {
            return true;
        }
        self.frames.pop();
        self.advance()
    }

    /// The transitions of the path.
    pub fn transitions(&self) -> Vec<Transition> {
        self.frames.iter().map(|frame| frame.taken).collect()
    }

    /// Where the execution that has just ended left what was known of it, if it did.
    pub fn stray(&self) -> Option<Stray> {
        let ended = || {
            let frame = self.frames.get(self.depth)?;
            let before = frame.op.map_or(Deed::Unknown, Deed::Performed);
            let (task, step) = (frame.taken.task, self.depth as u32);
            Some(Stray { task, step, before, now: Deed::Ended, world: None })
        };
        self.stray.as_deref().cloned().or_else(ended)
    }

    /// Moves on to the deepest state from which something is left to explore; false if there is none.
    pub fn advance(&mut self) -> bool {
        while let Some(frame) = self.frames.last_mut() {
            let at = self.trace.len() - 1;
            frame.spared.push(self.trace.action(at).clone());
            frame.is_explored = true;
            self.trace.truncate(at);
            if self.begin_next() {
                return true;
            }
            self.frames.pop();
        }
        false
    }

    /// Takes what is next to be explored from the deepest state, if anything is.
    fn begin_next(&mut self) -> bool {
        let frame = self.frames.last_mut().expect("a path has a deepest state");
        while !frame.wakeup.is_empty() {
            let next = frame.wakeup.remove(0);
            let is_next = |action: &Action| action.transition == next.action.transition;
            // With wakeup trees nothing is asked for that is spared.
            if frame.spared.iter().any(is_next) {
                continue;
            }
            if frame.stops.iter().any(is_next) {
                next.covered.into_iter().for_each(|sequence| insert(&mut frame.wakeup, sequence));
                continue;
            }
            frame.taken = next.action.transition;
            frame.op = Some(next.action.op).filter(|_| next.action.transition != Transition::CLOCK);
            frame.below = next.children;
            frame.covered = next.covered;
            return true;
        }
        false
    }

    /// The checks ended the execution at its last step: that step is not made from there, as if it waited for something.
    ///
    /// What it races with comes before it elsewhere. False if nothing is left to explore.
    pub fn retreat(&mut self) -> bool {
        let at = self.trace.len() - 1;
        let stop = self.trace.action(at).clone();
        self.trace.truncate(at);
        let sleepers = self.frames[at].sleepers.clone();
        for first in self.trace.races_with(&stop, &sleepers) {
            let sequence = self.trace.reversed(first, &stop, at);
            self.ask(first, self.unknown(sequence));
        }
        let frame = &mut self.frames[at];
        frame.begun.retain(|&begun| begun != stop.transition);
        frame.stops.push(stop);
        let covered = std::mem::take(&mut frame.covered);
        covered.into_iter().for_each(|sequence| self.ask(at, sequence));
        if self.frames[at].is_explored {
            if self.begin_next() {
                return true;
            }
            self.frames.pop();
            return self.advance();
        }
        let frame = self.frames.pop().expect("it is the last");
        self.entry = Entry { wakeup: frame.wakeup, stops: frame.stops };
        true
    }

    /// Takes the step that was made last into the trace.
    pub fn settle(&mut self) {
        let at = self.trace.len();
        let watch = self.watch.borrow();
        self.trace.begin(watch.jiffies_first, &watch.first);
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
        // Which tasks were woken is not a result of the operation.
        let wakes = matches!(seen.op, Op::Wake(_) | Op::Act(_, Act::WakeOne));
        let woken = if wakes { self.trace.gates().performed(&supposed).woken } else { Vec::new() };
        let action = Action { woken, ..supposed };
        debug_assert!(!matches!(action.op, Op::Wake(_)) || action.woken.len() as u64 == action.result);
        self.trace.push(action, &self.frames[at].sleepers);
    }

    /// Which of the task's buffered stores it is that the operation makes or flushes.
    fn buffered(&self, transition: Transition, op: Op, result: u64) -> u32 {
        let goes_to_buffer = self.memory == Memory::Tso && (op.is_buffered() && result == 0 || transition.is_flush());
        if !goes_to_buffer {
            return 0;
        }
        let process = Process::of(transition);
        let earlier = (0..self.trace.len()).map(|at| self.trace.action(at));
        let earlier = earlier.filter(|action| action.process() == process && action.buffered > 0);
        earlier.count() as u32 + 1
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
        if Gates::tell(pending.op) {
            action = self.trace.gates().performed(&action);
        }
        action.buffered = self.buffered(action.transition, action.op, action.result);
        action
    }

    /// What is spared in the state after the last action of the trace.
    fn spared(&self) -> Vec<Action> {
        let Some(last) = self.frames.last() else { return Vec::new() };
        let made = self.trace.action(self.trace.len() - 1);
        let kept = last.spared.iter().filter(|other| self.unfiltered || !dependent(other, made));
        kept.cloned().collect()
    }

    /// What is known to end executions in the state after the last action of the trace.
    fn stops(&mut self) -> Vec<Action> {
        let mut stops = std::mem::take(&mut self.entry.stops);
        if let Some(last) = self.frames.last() {
            let made = self.trace.action(self.trace.len() - 1);
            let kept = last.stops.iter().filter(|stop| !dependent(stop, made));
            let new = kept.filter(|stop| stops.iter().all(|known| known.transition != stop.transition));
            let new: Vec<Action> = new.cloned().collect();
            stops.extend(new);
        }
        stops
    }

    /// The actions that can be made now.
    fn ready(&self, state: &State<'_>) -> Vec<Action> {
        let watch = self.watch.borrow();
        let actions = state.transitions.iter().filter_map(|&transition| {
            if transition == Transition::CLOCK {
                return Some(tick());
            }
            if transition.is_flush() {
                return Some(self.flush(transition, state.world));
            }
            let pending = watch.pending.iter().find(|pending| pending.task == transition.task)?;
            Some(self.supposed(pending, transition.alternative))
        });
        actions.collect()
    }

    /// What a flush would be.
    fn flush(&self, transition: Transition, world: &World) -> Action {
        let op = world.operation(transition).expect("a flush that can happen has something to flush");
        let block = op.object().and_then(|object| world.object(object).block);
        let (buffered, remarked) = (self.buffered(transition, op, 0), self.watch.borrow().remarks);
        Action { transition, op, result: 0, block, woken: Vec::new(), buffered, remarked }
    }

    /// Was the access next at the same time as a conflicting one that the checks end executions for?
    pub fn conflicts_with_stop(&self, at: usize) -> bool {
        let made = self.trace.action(at);
        self.frames[at].stops.iter().any(|stop| data_race(stop, made))
    }

    fn take(&mut self, transition: Transition) -> Decision {
        self.depth += 1;
        Decision::Take(transition)
    }
}

impl Frame {
    /// Would the checks end the execution for this action, made from here?
    fn stops_at(&self, action: &Action) -> bool {
        self.stops.iter().any(|stop| stop.transition == action.transition)
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
        let is_new = self.depth + 1 == self.frames.len();
        if is_new && world.operation(transition) == frame.op && !world.is_enabled(transition) {
            self.vain = true;
            return Some(Followed { decision: Decision::Abandon, judged: false });
        }
        if world.operation(transition) != frame.op || !world.is_enabled(transition) {
            let (task, step) = (transition.task, self.depth as u32);
            let now = world.operation(transition).map_or(Deed::Unknown, |op| Deed::CameTo(op, world.status(task).1));
            let before = frame.op.map_or(Deed::Unknown, Deed::Performed);
            self.stray = Some(Box::new(Stray { task, step, before, now, world: Some(world.clone()) }));
            return Some(Followed { decision: Decision::Abandon, judged: false });
        }
        Some(Followed { decision: self.take(transition), judged: false })
    }

    fn decide(&mut self, state: &State<'_>) -> Decision {
        self.settle();
        let (spared, stops) = (self.spared(), self.stops());
        let mut asked = std::mem::take(&mut self.entry.wakeup);
        asked.extend(self.frames.last_mut().map(|last| std::mem::take(&mut last.below)).unwrap_or_default());
        let mut ready = self.ready(state);
        ready.retain(|action| stops.iter().all(|stop| stop.transition != action.transition));
        let is_ready = |transition: Transition| ready.iter().any(|action| action.transition == transition);
        let mut wakeup = Vec::new();
        while !asked.is_empty() {
            let node = asked.remove(0);
            if is_ready(node.action.transition) {
                wakeup.push(node);
            } else {
                node.covered.into_iter().for_each(|sequence| insert(&mut asked, sequence));
            }
        }
        let is_due = |action: &&Action| !spared.iter().any(|other| other.transition == action.transition);
        let (taken, below, covered) = if wakeup.is_empty() {
            let last = self.frames.last().map(|frame| frame.taken.task);
            let mut candidates = ready.iter().filter(is_due).map(|action| action.transition);
            let of_last = candidates.clone().find(|transition| Some(transition.task) == last);
            let Some(taken) = of_last.or_else(|| candidates.next()) else { return Decision::Abandon };
            (taken, Vec::new(), Vec::new())
        } else {
            let node = wakeup.remove(0);
            (node.action.transition, node.children, node.covered)
        };
        self.frames.push(Frame {
            taken,
            op: state.world.operation(taken),
            spared,
            stops,
            begun: wakeup.iter().map(|node| node.action.transition).chain([taken]).collect(),
            wakeup,
            below,
            covered,
            sleepers: sleepers(state.world),
            is_explored: false,
        });
        self.take(taken)
    }
}
