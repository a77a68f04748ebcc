//! A script on a design: each process is a task, and a conductor gives out the calls.
//!
//! ```text
//! P0, P1, ...     wait for a call, make it, write the result down, wait again
//! conductor       gives out a call, lets everybody run until nobody can, then writes the record
//! ```
//!
//! The conductor is the last task, and the lowest task that can run always runs (`LowestFirst`). So whenever the
//! conductor moves, everybody else waits: for a call, or in the lease break. Nobody spins. Time moves by `advance` alone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;

use super::path::{Directory, FileIndex, OpenFlag, ftruncate};
use super::{Call, Record, Ret, Script, Signal, rules};
use crate::engine::controlled::{Controlled, Settings};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{self, Body, Booted, Clock, Decision, Ending, Flow, Observer, Program, State, Strategy};
use crate::event::outcome::Outcome;
use crate::event::{Event, Note, Place, TaskId, View, What};
use crate::explore::Bound;
use crate::kernel::atomic::Atomic;
use crate::kernel::lock::SpinLock;
use crate::kernel::task::Task;
use crate::kernel::wait::{self, WaitQueue};
use crate::kernel::{Errno, Faults, Kernel, Result};
use crate::lease::designs::Entry;
use crate::lease::{Design, F_RDLCK, F_WRLCK, Filp, Inode, OpenFlags};
use crate::scenario;

/// What a design answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// A record per call; fewer if it got stuck.
    pub records: Vec<Record>,
    /// Why it did not get to the end.
    pub stuck: Option<String>,
}

/// Makes the calls of a script on a design.
pub fn records(script: &Script, design: Entry) -> Played {
    let log = Arc::new(Mutex::new(Log::default()));
    let program = Performance { script: Arc::new(script.clone()), design, log: Arc::clone(&log) };
    let observer: Rc<RefCell<dyn Observer>> = Rc::new(RefCell::new(Listener(Arc::clone(&log))));
    let ending = Controlled::new(Settings::default()).run(&program, &mut LowestFirst, &observer);
    let log = std::mem::take(&mut *log.lock());
    let stuck = log.bug.or(match ending {
        Ending::Finished(_) => None,
        Ending::TooLong => Some("the call does not end".to_owned()),
        Ending::Exceeded(exceeded) => Some(Bound::from(exceeded).to_string()),
        _ => Some("nobody can run any more".to_owned()),
    });
    Played { records: log.records, stuck }
}

/// What is written down during an execution.
#[derive(Default)]
struct Log {
    records: Vec<Record>,
    /// The record of the call under way, until the engine confirms that the execution is not over.
    draft: Option<Record>,
    /// Receivers of signals that nobody has collected yet, as process ids.
    signals: Vec<u32>,
    bug: Option<String>,
}

/// Hears signals, and complaints of the kernel.
struct Listener(Arc<Mutex<Log>>);

impl Observer for Listener {
    fn begin(&mut self) {}

    fn event(&mut self, event: &Event, _view: &dyn View) -> Flow {
        match event.what {
            What::Note(Note::Signal { pid, .. }) => self.0.lock().signals.push(pid),
            What::Note(Note::Return(..)) => {
                let mut log = self.0.lock();
                let record = log.draft.take();
                log.records.extend(record);
            }
            What::Note(Note::Bug(text)) => {
                self.0.lock().bug = Some(text.to_owned());
                return Flow::Stop;
            }
            _ => {}
        }
        Flow::Continue
    }

    fn state(&mut self, _step: u32, _view: &dyn View) -> Flow {
        Flow::Continue
    }

    fn end(&mut self, _step: u32, _view: &dyn View) {}

    fn fingerprint(&self, _fingerprint: &mut Fingerprint) {}
}

/// The lowest task that can run runs.
struct LowestFirst;

impl Strategy for LowestFirst {
    fn decide(&mut self, state: &State<'_>) -> Decision {
        Decision::Take(state.transitions[0])
    }
}

/// A script on a design, as a program.
struct Performance {
    script: Arc<Script>,
    design: Entry,
    log: Arc<Mutex<Log>>,
}

impl Program for Performance {
    fn boot(&self) -> Booted {
        let script = &self.script;
        let kernel = self.design.kernel(Faults::default());
        let inode_lock = SpinLock::new("inode_lock");
        let directory = Directory::new(&script.files);
        let inodes = (0..directory.len())
            .map(|file| Inode::new(inode_lock, !directory.is_dir(file)).with_break_time(script.lbt))
            .collect();
        let desks = (0..script.procs).map(|_| Desk::new()).collect();
        let stage = Arc::new(Stage {
            kernel,
            script: Arc::clone(script),
            design: self.design.boot(kernel),
            inode_lock,
            files: Mutex::new((directory, inodes)),
            desks,
        });
        let process = |process| -> Body {
            let stage = Arc::clone(&stage);
            Box::new(move || stage.play(process))
        };
        let mut tasks: Vec<Body> = (0..script.procs).map(process).collect();
        let log = Arc::clone(&self.log);
        tasks.push(Box::new(move || stage.conduct(&log)));
        Booted {
            tasks,
            outcome: Box::new(|_| Outcome::default()),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| ()),
        }
    }

    fn clock(&self) -> Clock {
        Clock::Stopped
    }
}

/// Where a process gets its calls and leaves its results.
///
/// The calls of a script come one after the other in one order, which nothing explores: so these need not be objects.
struct Desk {
    /// 1 while there is something to do.
    turn: Atomic,
    queue: WaitQueue,
    /// What: a call by its index, or to leave.
    order: Mutex<Option<Order>>,
    /// The call under way, until it returns.
    under_way: Mutex<Option<usize>>,
    result: Mutex<Option<(usize, String)>>,
}

#[derive(Clone, Copy)]
enum Order {
    Call(usize),
    Leave,
}

impl Desk {
    fn new() -> Desk {
        Desk {
            turn: Atomic::new("turn", 0),
            queue: WaitQueue::new("turn.wait"),
            order: Mutex::new(None),
            under_way: Mutex::new(None),
            result: Mutex::new(None),
        }
    }

    /// Returns when nobody but the conductor can run: its next step comes last.
    fn give(&self, order: Order) {
        *self.order.lock() = Some(order);
        self.turn.set(1);
        self.queue.wake_up();
        self.settle();
    }

    /// A step that changes nothing: whoever can run runs before it.
    fn settle(&self) {
        self.turn.read();
    }

    fn is_blocked(&self) -> bool {
        self.under_way.lock().is_some()
    }
}

/// What processes and conductor share.
struct Stage {
    kernel: Kernel,
    script: Arc<Script>,
    design: Arc<dyn Design>,
    inode_lock: SpinLock,
    files: Mutex<(Directory, Vec<Inode>)>,
    desks: Vec<Desk>,
}

impl Stage {
    fn play(&self, process: usize) {
        let current = Task::new(self.kernel, process as u32 + 1);
        let desk = &self.desks[process];
        let mut handles = HashMap::new();
        loop {
            desk.queue.wait_event_timeout(&current, None, || desk.turn.read() == 1);
            desk.turn.set(0);
            let Some(Order::Call(op)) = desk.order.lock().take() else { return };
            *desk.under_way.lock() = Some(op);
            let result = self.call(&current, &mut handles, &self.script.ops[op].call);
            *desk.under_way.lock() = None;
            *desk.result.lock() = Some((op, result.unwrap_or_else(|errno| errno.to_string())));
        }
    }

    fn call(&self, current: &Task, handles: &mut HashMap<String, Filp>, call: &Call) -> Result<String> {
        let design = &*self.design;
        if let Some(handle) = call.handle()
            && !handles.contains_key(handle)
        {
            return Err(Errno::EBADF);
        }
        match call {
            Call::Open { handle, path, access, flags } => {
                let file = self.files.lock().0.open(path, *access, flags)?;
                let has = |flag| flags.contains(&flag);
                let flags = OpenFlags {
                    write: access.writes(),
                    nonblock: has(OpenFlag::Nonblock),
                    trunc: has(OpenFlag::Trunc),
                    by_link: false,
                };
                let filp = scenario::open(design, current, self.inode(file), flags)?;
                handles.insert(handle.clone(), filp);
            }
            Call::Truncate { path, len } => {
                let file = self.files.lock().0.truncate(path, *len)?;
                design.truncate(current, self.inode(file))?;
            }
            Call::Close { handle } => {
                let filp = handles.remove(handle).expect("looked up above");
                design.close(current, filp);
            }
            Call::Dup { handle, to } => {
                let filp = design.dup(current, handles[handle]);
                handles.insert(to.clone(), filp);
            }
            Call::SetLease { handle, arg } => scenario::setlease(design, current, handles[handle], *arg, false)?,
            Call::GetLease { handle } => {
                return Ok(lease_word(design.fcntl_getlease(current, handles[handle])).to_owned());
            }
            Call::Ftruncate { handle, len } => ftruncate(handles[handle].flags.write, *len)?,
            Call::Interrupt | Call::Advance { .. } | Call::Locks | Call::Unsupported => {
                unreachable!("internal error: {call:?} is no call of a process")
            }
        }
        Ok("ok".to_owned())
    }

    /// The inode of a file; made when it is met first.
    fn inode(&self, file: FileIndex) -> Inode {
        let mut files = self.files.lock();
        while files.1.len() <= file {
            files.1.push(Inode::new(self.inode_lock, true).with_break_time(self.script.lbt));
        }
        files.1[file]
    }

    fn conduct(&self, log: &Mutex<Log>) {
        let current = Task::new(self.kernel, 0);
        let mut pending = vec![false; self.desks.len()];
        for i in 0..self.script.ops.len() {
            let ret = self.direct(&current, i);
            let record = self.collect(i, ret, &mut pending, std::mem::take(&mut log.lock().signals));
            log.lock().draft = Some(record);
            // An execution that is over goes on unheard, so what it would record is never entered.
            engine::note(Note::Return(i as u16, 0), Place::caller());
        }
        for (process, desk) in self.desks.iter().enumerate() {
            if desk.is_blocked() {
                self.interrupt(process);
            }
            desk.give(Order::Leave);
        }
    }

    /// Lets a call happen with all that comes of it. The result, if it is not a process's.
    fn direct(&self, current: &Task, i: usize) -> Option<Ret> {
        let op = &self.script.ops[i];
        let desk = &self.desks[op.process];
        match &op.call {
            Call::Locks => return Some(Ret::Lines(self.locks(current))),
            Call::Advance { units } => {
                wait::advance(rules::ticks(&self.script, *units));
                desk.settle();
            }
            Call::Interrupt if !desk.is_blocked() => return Some(Ret::word("idle")),
            Call::Interrupt => self.interrupt(op.process),
            _ if desk.is_blocked() => return Some(Ret::word("busy")),
            _ => {
                desk.give(Order::Call(i));
                return None;
            }
        }
        Some(Ret::word("ok"))
    }

    fn interrupt(&self, process: usize) {
        wait::interrupt(TaskId(process as u8 + 1));
        self.desks[process].settle();
    }

    fn collect(&self, i: usize, ret: Option<Ret>, pending: &mut [bool], signals: Vec<u32>) -> Record {
        let mut own = None;
        let mut res = Vec::new();
        for (op, result) in self.desks.iter().filter_map(|desk| desk.result.lock().take()) {
            if op == i { own = Some(Ret::Word(result)) } else { res.push((op, result)) }
        }
        res.sort_unstable();
        for pid in signals {
            if let Some(process) = (pid as usize).checked_sub(1) {
                pending[process] = true;
            }
        }
        let mut sig = Vec::new();
        for (process, pending) in pending.iter_mut().enumerate() {
            if !self.desks[process].is_blocked() && std::mem::take(pending) {
                sig.push(Signal::io(process));
            }
        }
        Record { i, ret: ret.or(own).unwrap_or_else(|| Ret::word("blocked")), sig, res }
    }

    fn locks(&self, current: &Task) -> Vec<String> {
        let (directory, inodes) = self.files.lock().clone();
        let mut lines = Vec::new();
        for (file, &inode) in inodes.iter().enumerate() {
            for shown in self.design.proc_locks(current, inode) {
                let process = |pid: u32| pid as usize - 1;
                let waiters = shown.waiters.iter().map(|&(write, pid)| (write, process(pid))).collect();
                let name = directory.name(file);
                lines.push(rules::line(shown.breaking, shown.target, process(shown.pid), name, waiters));
            }
        }
        lines.sort_unstable();
        lines
    }
}

fn lease_word(lease: i32) -> &'static str {
    match lease {
        F_RDLCK => "r",
        F_WRLCK => "w",
        _ => "u",
    }
}
