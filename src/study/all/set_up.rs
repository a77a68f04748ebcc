//! From where the tasks start: every state that two calls reach, and two that need more.
//!
//! The calls are opens, then a lease, an owner or a second descriptor. A lease that is being broken needs a third call, an open for
//! write that does not wait and fails; one that is *overdue* needs time that passes as well. Both are made by the second task,
//! which ends up with nothing open.

use crate::lease::{F_RDLCK, F_WRLCK, OpenFlags};
use crate::scenario::Call;

/// How many calls there are to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// One of each kind that locks or changes something else: opens for read and for write, one that does not wait, the leases of a user and
    /// a read lease of an in-kernel owner.
    Few,
    /// All: opens through another link and with `O_TRUNC`, `dup`, every lease of an in-kernel owner.
    All,
}

/// How a task stands when the tasks start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stand {
    /// How it came there.
    pub before: Vec<Call>,
    /// Does it have `a` open?
    pub open: bool,
    /// Does it have a lease, and as an in-kernel owner?
    pub lease: Option<bool>,
}

/// How all stand.
#[derive(Clone, Debug)]
pub(super) struct SetUp {
    pub stands: Vec<Stand>,
}

impl SetUp {
    /// Is a lease being broken?
    pub fn is_broken(&self) -> bool {
        self.stands.iter().any(|stand| !stand.open && !stand.before.is_empty())
    }
}

pub(super) const READ: OpenFlags = OpenFlags { write: false, nonblock: false, trunc: false, by_link: false };
pub(super) const WRITE: OpenFlags = OpenFlags { write: true, ..READ };
pub(super) const BY_LINK: OpenFlags = OpenFlags { by_link: true, ..READ };

fn nothing() -> Stand {
    Stand::default()
}

fn open(flags: OpenFlags) -> Stand {
    Stand { before: vec![Call::Open("a", flags)], open: true, lease: None }
}

fn and(stand: Stand, call: Call) -> Stand {
    let lease = match &call {
        Call::SetLease(..) => Some(false),
        Call::VfsSetLease(..) => Some(true),
        _ => stand.lease,
    };
    Stand { before: [stand.before, vec![call]].concat(), lease, ..stand }
}

fn leased(arg: i32) -> Stand {
    and(open(READ), Call::SetLease("a", arg))
}

/// A task whose open breaks what is there and does not wait.
fn breaker(flags: OpenFlags, overdue: bool) -> Stand {
    let broke = Call::Open("x", OpenFlags { nonblock: true, ..flags });
    let before = if overdue { vec![broke, Call::Overdue] } else { vec![broke] };
    Stand { before, open: false, lease: None }
}

/// Of two tasks.
pub(super) fn of_two(words: Words) -> Vec<SetUp> {
    let mut alone = vec![nothing(), open(READ), open(WRITE), leased(F_RDLCK), leased(F_WRLCK)];
    alone.push(and(open(READ), Call::VfsSetLease("a", F_RDLCK)));
    let mut pairs = vec![(open(READ), open(READ)), (open(READ), open(WRITE))];
    if words == Words::All {
        alone.extend([
            and(open(WRITE), Call::SetLease("a", F_WRLCK)),
            and(open(READ), Call::VfsSetLease("a", F_WRLCK)),
            and(open(READ), Call::SetOwn("a", 2)),
            and(open(READ), Call::Dup("a", "d")),
            and(open(READ), Call::Open("d", READ)),
            and(open(READ), Call::Open("d", WRITE)),
        ]);
        pairs.extend([(open(WRITE), open(WRITE)), (leased(F_RDLCK), open(READ))]);
        pairs.push((leased(F_RDLCK), leased(F_RDLCK)));
    }
    for overdue in [false, true] {
        pairs.extend([(leased(F_RDLCK), breaker(WRITE, overdue)), (leased(F_WRLCK), breaker(READ, overdue))]);
        if words == Words::All {
            pairs.push((leased(F_WRLCK), breaker(WRITE, overdue)));
        }
    }
    if words == Words::All {
        // The other one has the file open, and asks for a lease while the first one's is overdue.
        let overdue = breaker(WRITE, true).before;
        pairs.push((leased(F_RDLCK), Stand { before: [open(READ).before, overdue].concat(), ..open(READ) }));
    }
    let alone = alone.into_iter().map(|first| SetUp { stands: vec![first, nothing()] });
    alone.chain(pairs.into_iter().map(|(first, second)| SetUp { stands: vec![first, second] })).collect()
}

/// Of three tasks, two of which come with nothing or with the same.
pub(super) fn of_three() -> Vec<SetUp> {
    let set_ups = [
        [open(READ), nothing(), nothing()],
        [leased(F_RDLCK), nothing(), nothing()],
        [leased(F_WRLCK), nothing(), nothing()],
        [open(READ), open(READ), nothing()],
        [leased(F_RDLCK), open(READ), nothing()],
    ];
    set_ups.into_iter().map(|stands| SetUp { stands: stands.to_vec() }).collect()
}
