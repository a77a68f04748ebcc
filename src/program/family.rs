//! Families of programs that grow: what the engines are measured with, and held against each other.
//!
//! L(s, o) is one inode with s leasers and o openers, about ten visible operations each:
//!
//! - *fixed*: the leaser looks at the open count, and the opener raises it, under the inode's lock;
//! - *mainline*: the leaser inserts, fences and looks again; the opener raises, fences and looks (Linux commit 24cbe7845ea5);
//! - *unfenced*: *mainline* without the two barriers, wrong on every machine that has store buffers.
//!
//! Behind a critical section whose values do not matter any more a task forgets them, as real code would between two
//! calls; otherwise a state would tell what was read long ago.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::check::Checks;
use crate::engine::{Body, Booted, Program};
use crate::event::Symbol;
use crate::event::names::Names;
use crate::event::outcome::{Notation, Outcome, Remains};
use crate::kernel::atomic::{Atomic, smp_mb};
use crate::kernel::lock::SpinLock;
use crate::kernel::plain::Plain;
use crate::kernel::task::Task;
use crate::kernel::{Faults, Kernel};
use crate::program::small::Stmt::*;
use crate::program::small::{self, Is, LockKind, Small, Stmt};
use crate::subject::Subject;
use crate::subject::form::Form;

/// How leaser and opener find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Under one lock.
    Fixed,
    /// Insert and look again, raise and look, with a full barrier between on both sides.
    Mainline,
    /// The same without the barriers.
    Unfenced,
}

/// L(leasers, openers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Family {
    /// Which L.
    pub variant: Variant,
    /// Tasks that take the lease and give it back.
    pub leasers: usize,
    /// Tasks that open and close.
    pub openers: usize,
}

/// Most tasks of a family on the command line.
const TASKS_MAX: usize = 16;

impl Family {
    /// Ready to be explored.
    pub fn subject(self) -> Arc<dyn Subject> {
        Arc::new(self)
    }

    /// As a small program, statement for statement: lock `a` is the inode's, atomic `n` counts the opens, cell `x` the leases.
    pub fn small(self) -> Small {
        /// To the end; how far that is, is filled in when the task is whole.
        const OUT: Stmt = Skip(usize::MAX);
        let fence: &[Stmt] = if self.variant == Variant::Mainline { &[Fence] } else { &[] };
        let again = [fence, &[IfAtomic(0, Is::Gt(0), 3), AddOnce(0, -1), Unlock(0), OUT]].concat();
        let mut lease = [
            &[Lock(0), IfAtomic(0, Is::Gt(0), 2), Unlock(0), OUT, AddOnce(0, 1)][..],
            if self.variant == Variant::Fixed { &[] } else { &again[..] },
            &[Unlock(0), Lock(0), AddOnce(0, -1), Unlock(0)],
        ]
        .concat();
        let end = lease.len();
        for (at, stmt) in lease.iter_mut().enumerate().filter(|(_, stmt)| **stmt == OUT) {
            *stmt = Skip(end - at - 1);
        }
        let raise: &[Stmt] =
            if self.variant == Variant::Fixed { &[Lock(0), AtomicInc(0), Unlock(0)] } else { &[AtomicInc(0)] };
        let open = [raise, fence, &[IfCell(0, Is::Gt(0), 2), Lock(0), Unlock(0), AtomicDec(0)]].concat();
        Small {
            tasks: [vec![lease; self.leasers], vec![open; self.openers]].concat(),
            locks: vec![LockKind::Spin],
            cells: vec![0],
            atomics: vec![0],
            ..Small::default()
        }
    }

    /// Names of its tasks.
    pub fn names(self) -> Names {
        let leasers = (1..=self.leasers).map(|at| format!("leaser {at}"));
        let tasks: Vec<String> = leasers.chain((1..=self.openers).map(|at| format!("opener {at}"))).collect();
        Names { calls: vec![Vec::new(); tasks.len()], tasks, ..Names::default() }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = match self.variant {
            Variant::Fixed => "fixed",
            Variant::Mainline => "mainline",
            Variant::Unfenced => "unfenced",
        };
        write!(f, "L-{variant}-{}-{}", self.leasers, self.openers)
    }
}

/// The text names no family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no program '{0}': a family is named L-VARIANT-S-O, with fixed, mainline or unfenced, and 1 to {TASKS_MAX} tasks in all"
)]
pub struct UnknownFamily(String);

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(text: &str) -> Result<Family, UnknownFamily> {
        let unknown = || UnknownFamily(text.to_owned());
        let parts: Vec<&str> = text.split('-').collect();
        let ["L", variant, leasers, openers] = parts[..] else { return Err(unknown()) };
        let variant = match variant {
            "fixed" => Variant::Fixed,
            "mainline" => Variant::Mainline,
            "unfenced" => Variant::Unfenced,
            _ => return Err(unknown()),
        };
        let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number <= TASKS_MAX);
        let (Some(leasers), Some(openers)) = (number(leasers), number(openers)) else { return Err(unknown()) };
        let family = Family { variant, leasers, openers };
        if (1..=TASKS_MAX).contains(&(leasers + openers)) { Ok(family) } else { Err(unknown()) }
    }
}

#[derive(Clone, Copy)]
struct Inode {
    lock: SpinLock,
    opens: Atomic,
    leases: Plain<i64>,
}

impl Inode {
    fn lease(self, current: &Task, variant: Variant) {
        if !self.take(current, variant) {
            return;
        }
        // What it counted does not matter any more.
        current.forget_past(&());
        let _guard = self.lock.lock(current);
        self.leases.write_once(self.leases.get() - 1);
    }

    fn take(self, current: &Task, variant: Variant) -> bool {
        let _guard = self.lock.lock(current);
        if self.opens.read() > 0 {
            return false;
        }
        self.leases.write_once(self.leases.get() + 1);
        if variant == Variant::Fixed {
            return true;
        }
        if variant == Variant::Mainline {
            smp_mb();
        }
        if self.opens.read() > 0 {
            self.leases.write_once(self.leases.get() - 1);
            return false;
        }
        true
    }

    fn open(self, current: &Task, variant: Variant) {
        if variant == Variant::Fixed {
            let _guard = self.lock.lock(current);
            self.opens.inc();
        } else {
            self.opens.inc();
            if variant == Variant::Mainline {
                smp_mb();
            }
        }
        let leased = self.leases.read_once() > 0;
        // That there are leases matters, how many there are does not.
        current.forget_past(&leased);
        if leased {
            drop(self.lock.lock(current));
        }
        current.forget_past(&());
        self.opens.dec();
    }
}

/// How often the file is open for write, and how many leases it has: `2 0`.
fn outcome(opens: i64, leases: i64) -> Outcome {
    let state = vec![Remains::word("i_writecount", opens), Remains::word("leases", leases)];
    Outcome { state, notation: Notation::Values, ..Outcome::default() }
}

impl Program for Family {
    fn boot(&self) -> Booted {
        let kernel = Kernel::boot(Faults::default());
        let inode = Inode {
            lock: SpinLock::new("i_lock"),
            opens: Atomic::new("i_writecount", 0),
            leases: Plain::new("leases", 0),
        };
        let variant = self.variant;
        let task = move |call: fn(Inode, &Task, Variant)| {
            Box::new(move || {
                let current = Task::new(kernel, 1);
                call(inode, &current, variant);
                current.forget_past(&());
            }) as Body
        };
        let leasers = (0..self.leasers).map(|_| task(Inode::lease));
        let openers = (0..self.openers).map(|_| task(Inode::open));
        Booted {
            tasks: leasers.chain(openers).collect(),
            outcome: Box::new(move |view| outcome(i64::from(inode.opens.peek(view)), inode.leases.peek(view))),
            listing: Box::new(|_| Vec::new()),
            epilogue: Box::new(|| ()),
        }
    }

    fn alike(&self) -> Vec<u8> {
        [vec![1; self.leasers], vec![2; self.openers]].concat()
    }
}

impl Subject for Family {
    fn hides_nothing(&self) -> bool {
        true
    }

    fn checks(&self) -> Checks {
        Checks::new(self.names())
    }

    fn explicit(&self) -> Option<Form> {
        let names = small::Labels {
            locks: vec!["i_lock".into()],
            cells: vec!["leases".into()],
            atomics: vec!["i_writecount".into()],
        };
        let tell = |_: &[Vec<i64>], values: &[(Symbol, i64)]| outcome(values[1].1, values[0].1);
        self.small().interpreted(&names, tell)
    }
}
