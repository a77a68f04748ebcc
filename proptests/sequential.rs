//! The same results in the old design and the new, call by call, where nothing runs beside anything.
//!
//! One list of calls by several processes, made one after the other. After each call its result and `/proc/locks` are
//! compared; the only exceptions that can occur without faults are rows M40 and D08 of the table in `lease::spinlock`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use lockwright::check::Checks;
use lockwright::engine::{Booted, Clock, Program};
use lockwright::event::names::Names;
use lockwright::event::outcome::Outcome;
use lockwright::event::{Note, What};
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Config, Subject, explore};
use lockwright::kernel::lock::SpinLock;
use lockwright::kernel::task::Task;
use lockwright::kernel::{Errno, Faults, Kernel, wait};
use lockwright::lease::designs::Entry;
use lockwright::lease::{Design, F_RDLCK, F_UNLCK, F_WRLCK, Filp, Inode, LockLine, OpenFlags};
use lockwright::scenario;
use proptest::prelude::*;

/// A call on one of the handles, 0 to 2. Nothing here waits: opens do not block, and nobody truncates by path.
#[derive(Clone, Copy, Debug)]
enum Call {
    Open(usize, OpenFlags),
    Close(usize),
    Dup(usize, usize),
    SetLease(usize, i32),
    VfsSetLease(usize, i32),
    GetLease(usize),
    /// Time goes by: the longest break is overdue then.
    Pass,
}

/// What is seen after a call: its result, and `/proc/locks`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    result: i64,
    locks: Vec<LockLine>,
}

/// Calls with the process that makes each, on a design.
#[derive(Clone)]
struct Script {
    design: Entry,
    calls: Vec<(u32, Call)>,
    faults: Faults,
    /// What was seen in each execution that ended: values, which an outcome's text is not.
    endings: Arc<Mutex<BTreeSet<Vec<Seen>>>>,
}

type Handles = [Option<Filp>; 3];

fn make(design: &dyn Design, current: &Task, inode: Inode, handles: &mut Handles, call: Call) -> i64 {
    let bad = Err(Errno::EBADF);
    let result = match call {
        Call::Open(handle, _) if handles[handle].is_some() => bad,
        Call::Open(handle, flags) => {
            scenario::open(design, current, inode, flags).map(|filp| handles[handle] = Some(filp)).map(|()| 0)
        }
        Call::Close(handle) => handles[handle].take().map_or(bad, |filp| {
            design.close(current, filp);
            Ok(0)
        }),
        Call::Dup(from, to) => match (handles[from], handles[to]) {
            (Some(filp), None) => {
                handles[to] = Some(design.dup(current, filp));
                Ok(0)
            }
            _ => bad,
        },
        Call::SetLease(handle, arg) => {
            handles[handle].map_or(bad, |filp| scenario::setlease(design, current, filp, arg, false).map(|()| 0))
        }
        Call::VfsSetLease(handle, arg) => {
            handles[handle].map_or(bad, |filp| scenario::setlease(design, current, filp, arg, true).map(|()| 0))
        }
        Call::GetLease(handle) => {
            handles[handle].map_or(bad, |filp| Ok(i64::from(design.fcntl_getlease(current, filp))))
        }
        Call::Pass => {
            wait::advance(100_000);
            Ok(0)
        }
    };
    result.unwrap_or_else(|errno| -errno.number())
}

impl Script {
    fn new(design: &str, calls: &[(u32, Call)], faults: Faults) -> Arc<Script> {
        let design = lockwright::study::design(design).expect("the design is listed");
        Arc::new(Script { design, calls: calls.to_vec(), faults, endings: Arc::default() })
    }

    fn run(&self, kernel: Kernel, seen: &Mutex<Vec<Seen>>) {
        let design = self.design.boot(kernel);
        let inode = Inode::new(SpinLock::new("inode_lock"), true).with_break_time(45);
        let mut handles: Handles = [None; 3];
        for &(pid, call) in &self.calls {
            let current = Task::new(kernel, pid);
            let result = make(&*design, &current, inode, &mut handles, call);
            let locks = design.proc_locks(&current, inode);
            seen.lock().expect("one task").push(Seen { result, locks });
        }
        let current = Task::new(kernel, 1);
        handles.into_iter().flatten().for_each(|filp| _ = design.close(&current, filp));
    }
}

impl Program for Script {
    fn boot(&self) -> Booted {
        let kernel = Kernel::boot(self.faults);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, told, endings) = (self.clone(), Arc::clone(&seen), Arc::clone(&self.endings));
        Booted {
            tasks: vec![Box::new(move || script.run(kernel, &seen))],
            listing: Box::new(|_| Vec::new()),
            outcome: Box::new(move |_| {
                endings.lock().expect("no other thread has it").insert(told.lock().expect("one task").clone());
                Outcome::default()
            }),
            epilogue: Box::new(|| ()),
        }
    }

    fn clock(&self) -> Clock {
        Clock::Stopped
    }
}

impl Subject for Script {
    fn hides_nothing(&self) -> bool {
        true
    }

    fn checks(&self) -> Checks {
        Checks::new(Names::default())
    }
}

/// All endings of a script on a design. There are no findings but those of the old design that the table says.
fn endings(design: &str, calls: &[(u32, Call)], faults: Faults) -> BTreeSet<Vec<Seen>> {
    let script = Script::new(design, calls, faults);
    let subject: Arc<dyn Subject> = script.clone();
    let verdict = explore(&subject, &Config::default());
    assert_eq!((verdict.bound, verdict.codes()), (None, BTreeSet::new()), "{design}: {calls:?}");
    script.endings.lock().expect("no other thread has it").clone()
}

/// Processes that were signalled, in order; 0 for a callback.
fn signalled(design: &str, calls: &[(u32, Call)]) -> Vec<u32> {
    let script = Script::new(design, calls, Faults::default());
    let replay = replay(&*script, &Names::default(), &Guide::Sequential).expect("there is nothing to diverge from");
    let told = replay.lines.iter().filter_map(|line| match line.event.what {
        What::Note(Note::Signal { pid, .. }) => Some(pid),
        What::Note(Note::Case(note)) if note.kind.name == "Callback" => Some(0),
        _ => None,
    });
    told.collect()
}

fn call() -> impl Strategy<Value = (u32, Call)> {
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.3));
    let flags = flags.prop_map(|(write, trunc, by_link)| OpenFlags { write, nonblock: true, trunc, by_link });
    let valid = || prop_oneof![3 => Just(F_RDLCK), 2 => Just(F_WRLCK), 2 => Just(F_UNLCK)];
    let call = prop_oneof![
        4 => (0..3usize, flags).prop_map(|(handle, flags)| Call::Open(handle, flags)),
        2 => (0..3usize).prop_map(Call::Close),
        1 => (0..3usize, 0..3usize).prop_map(|(from, to)| Call::Dup(from, to)),
        5 => (0..3usize, prop_oneof![9 => valid(), 1 => Just(99)]).prop_map(|(handle, arg)| Call::SetLease(handle, arg)),
        2 => (0..3usize, valid()).prop_map(|(handle, arg)| Call::VfsSetLease(handle, arg)),
        2 => (0..3usize).prop_map(Call::GetLease),
        1 => Just(Call::Pass),
    ];
    (1..4u32, call)
}

/// Row M40: a lease asked for by the holder while its break is under way. The old design grants it and forgets the break; in
/// the new one nothing changes.
fn is_m40(call: Call, before: &[LockLine], old: &Seen, new: &Seen) -> bool {
    let (Call::SetLease(_, arg) | Call::VfsSetLease(_, arg)) = call else { return false };
    let differing: Vec<_> = old.locks.iter().zip(&new.locks).filter(|(old, new)| old != new).collect();
    let [(granted, kept)] = differing[..] else { return false };
    (old.result, new.result) == (0, 0)
        && old.locks.len() == new.locks.len()
        && new.locks == before
        && kept.breaking
        && *granted == LockLine { breaking: false, target: arg, ..kept.clone() }
        && arg != F_UNLCK
        && (kept.target, arg) != (F_RDLCK, F_RDLCK)
}

/// Row D08: a reader breaks a write lease. In the old design the read lease beside it is broken as well.
fn is_d08(call: Call, before: &[LockLine], old: &Seen, new: &Seen) -> bool {
    let Call::Open(_, OpenFlags { write: false, .. }) = call else { return false };
    let beside = |(old, new): (&LockLine, &LockLine)| {
        let read = !new.breaking && new.target == F_RDLCK && before.contains(new);
        old == new || read && *old == LockLine { breaking: true, ..new.clone() }
    };
    (old.result, old.locks.len()) == (new.result, new.locks.len())
        && old.locks != new.locks
        && old.locks.iter().zip(&new.locks).all(beside)
}

proptest! {
    #![proptest_config(crate::config(2048))]

    #[test]
    fn designs_agree_call_by_call(calls in prop::collection::vec(call(), 1..16)) {
        let only = |design| {
            let endings: Vec<_> = endings(design, &calls, Faults::default()).into_iter().collect();
            let [ending] = <[Vec<Seen>; 1]>::try_from(endings).expect("nothing runs beside the calls");
            ending
        };
        let (old, new) = (only("bkl"), only("spinlock"));
        let mut before: &[LockLine] = &[];
        for (&(_, call), (old, new)) in calls.iter().zip(old.iter().zip(&new)) {
            if is_m40(call, before, old, new) || is_d08(call, before, old, new) {
                return Ok(());
            }
            prop_assert_eq!(old, new, "{:?}", call);
            before = &old.locks;
        }
        prop_assert_eq!(signalled("bkl", &calls), signalled("spinlock", &calls));
    }
}

// Each row of the table, both sides.

const READ: OpenFlags = OpenFlags { write: false, nonblock: true, trunc: false, by_link: false };
const WRITE: OpenFlags = OpenFlags { write: true, ..READ };
const NO_MEMORY: Faults = Faults { memory: true, lsm: false };
const REFUSALS: Faults = Faults { memory: false, lsm: true };

/// The last result and the leases listed then (`R`, `W`, with a star while breaking), of the endings that begin with `results`.
fn last_after(design: &str, calls: &[(u32, Call)], faults: Faults, results: &[i64]) -> Vec<(i64, String)> {
    let begins = |ending: &Vec<Seen>| ending.iter().map(|seen| seen.result).zip(results).all(|(is, want)| is == *want);
    let lasts: BTreeSet<_> = endings(design, calls, faults)
        .iter()
        .filter(|ending| begins(ending))
        .map(|ending| ending.last().expect("a script makes a call"))
        .map(|seen| {
            let text = |line: &LockLine| {
                let target = ["R", "W", "U"][line.target as usize];
                if line.breaking { format!("{target}*") } else { target.to_owned() }
            };
            (seen.result, seen.locks.iter().map(text).collect::<String>())
        })
        .collect();
    lasts.into_iter().collect()
}

fn lasts(list: &[(i64, &str)]) -> Vec<(i64, String)> {
    list.iter().map(|(result, locks)| (*result, locks.to_string())).collect()
}

#[test]
fn m07_old_design_destroys_an_existing_lease_for_want_of_memory() {
    let calls = [(1, Call::Open(0, READ)), (1, Call::SetLease(0, F_RDLCK)), (1, Call::SetLease(0, F_RDLCK))];
    let last = |design| last_after(design, &calls, NO_MEMORY, &[0, 0]);

    assert_eq!(last("bkl"), lasts(&[(-12, ""), (0, "R")]));
    assert_eq!(last("spinlock"), lasts(&[(-12, "R"), (0, "R")]));
}

#[test]
fn m08_old_design_keeps_the_lease_whose_owner_was_refused() {
    let calls = [(1, Call::Open(0, READ)), (1, Call::SetLease(0, F_RDLCK))];
    let last = |design| last_after(design, &calls, REFUSALS, &[0]);

    // Refused as a lease, refused as an owner, granted.
    assert_eq!(last("bkl"), lasts(&[(-13, ""), (-13, "R"), (0, "R")]));
    assert_eq!(last("spinlock"), lasts(&[(-13, ""), (0, "R")]));
}

#[test]
fn m40_old_design_forgets_the_break_that_the_holder_overwrites() {
    let calls = [
        (1, Call::Open(0, READ)),
        (1, Call::SetLease(0, F_RDLCK)),
        (2, Call::Open(1, WRITE)),
        (1, Call::SetLease(0, F_RDLCK)),
    ];
    let last = |design| last_after(design, &calls, Faults::default(), &[0, 0, -11]);

    assert_eq!(last("bkl"), lasts(&[(0, "R")]));
    assert_eq!(last("spinlock"), lasts(&[(0, "U*")]));
}

#[test]
fn d08_old_design_breaks_what_is_not_in_the_way() {
    let calls = [
        (1, Call::Open(0, READ)),
        (1, Call::SetLease(0, F_WRLCK)),
        (1, Call::VfsSetLease(0, F_RDLCK)),
        (2, Call::Open(1, READ)),
    ];
    let last = |design| last_after(design, &calls, Faults::default(), &[0, 0, 0]);

    assert_eq!(last("bkl"), lasts(&[(-11, "R*R*")]));
    assert_eq!(last("spinlock"), lasts(&[(-11, "R*R")]));
}

#[test]
fn enomem_old_design_finds_the_conflict_first() {
    let calls = [(1, Call::Open(0, WRITE)), (1, Call::SetLease(0, F_RDLCK))];
    let last = |design| last_after(design, &calls, NO_MEMORY, &[0]);

    assert_eq!(last("bkl"), lasts(&[(-11, "")]));
    assert_eq!(last("spinlock"), lasts(&[(-12, ""), (-11, "")]));
}
