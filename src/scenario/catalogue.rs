//! The named scenarios of the lease case, each with a sentence on what it is there to show.
//!
//! Small on purpose: two or three tasks, a call or two each. What is clean here is clean for every interleaving of
//! these calls, not for calls that are not here. Every one kills at least one mutant of `spinlock`.

use std::sync::Arc;

use super::{Call, ClusterSpec, Scenario, TaskSpec};
use crate::engine::Clock;
use crate::kernel::Faults;
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, OpenFlags};

mod cluster;

const READ: OpenFlags = OpenFlags { write: false, nonblock: false, trunc: false, by_link: false };
const WRITE: OpenFlags = OpenFlags { write: true, ..READ };
const NONBLOCK: OpenFlags = OpenFlags { nonblock: true, ..READ };
const BY_LINK: OpenFlags = OpenFlags { by_link: true, ..READ };

const OPEN: Call = Call::Open("a", READ);

fn task(name: &'static str, before: &[Call], calls: &[Call]) -> TaskSpec {
    TaskSpec { name, before: before.to_vec(), calls: calls.to_vec(), shares: None }
}

fn set(arg: i32) -> Call {
    Call::SetLease("a", arg)
}

/// One machine on which nothing fails; time moves when nobody can run.
pub(crate) fn scenario(name: &'static str, about: &'static str, tasks: Vec<TaskSpec>) -> Scenario {
    Scenario {
        name,
        about,
        tasks,
        faults: Faults::default(),
        clock: Clock::Quiescent,
        lease_break_time: 45,
        cluster: ClusterSpec::default(),
    }
}

/// All scenarios, in the order of the matrix.
pub fn all() -> Vec<Arc<Scenario>> {
    let mut all = taking();
    all.extend(giving_up());
    all.extend(with_faults());
    all.extend(with_time());
    all.extend(with_three_tasks());
    all.extend(of_history());
    all.extend(of_history_between_processes());
    all.extend(of_the_enumeration());
    all.extend(with_sharers());
    all.extend(cluster::all());
    all.into_iter().map(Arc::new).collect()
}

/// Leases are taken while somebody opens or takes one as well.
fn taking() -> Vec<Scenario> {
    vec![
        scenario(
            "leaser-reader",
            "a write lease is taken while somebody opens the file for read: the open counts are looked at once, or twice",
            vec![task("leaser", &[OPEN], &[set(F_WRLCK)]), task("opener", &[], &[OPEN])],
        ),
        scenario(
            "leaser-writer",
            "a read lease is taken while somebody opens the file for write: i_writecount is raised after the break, or before",
            vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("opener", &[], &[Call::Open("a", WRITE)])],
        ),
        scenario(
            "leaser-iget",
            "the mail's own worry: i_count is looked at without the inode_lock, and races against an __iget",
            vec![task("leaser", &[OPEN], &[set(F_WRLCK)]), task("opener", &[], &[Call::Open("a", BY_LINK)])],
        ),
        scenario(
            "two-leasers",
            "two processes take leases of which only the read leases go together: list insertion and refusal",
            vec![task("first", &[OPEN], &[set(F_RDLCK)]), task("second", &[OPEN], &[set(F_WRLCK), set(F_RDLCK)])],
        ),
        scenario(
            "leaser-unlock",
            "one process takes a lease while another gives up the one before it in the list: the stale list position",
            vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("holder", &[OPEN, set(F_RDLCK)], &[set(F_UNLCK)])],
        ),
        scenario(
            "upgrade-opener",
            "the holder of a read lease asks for a write lease while somebody opens the file",
            vec![task("holder", &[OPEN, set(F_RDLCK)], &[set(F_WRLCK)]), task("opener", &[], &[OPEN])],
        ),
    ]
}

/// Leases are given up, changed or looked at while somebody breaks them.
fn giving_up() -> Vec<Scenario> {
    vec![
        Scenario {
            lease_break_time: 0,
            ..scenario(
                "unlock-break",
                "the holder gives the lease up while an opener breaks it and waits, without a time limit: the wake-up counts",
                vec![task("holder", &[OPEN, set(F_WRLCK)], &[set(F_UNLCK)]), task("opener", &[], &[OPEN])],
            )
        },
        scenario(
            "close-break",
            "the last close removes the lease while an opener breaks it: who frees the record?",
            vec![task("holder", &[OPEN, set(F_WRLCK)], &[Call::Close("a")]), task("opener", &[], &[OPEN])],
        ),
        scenario(
            "relock-break",
            "the holder asks for the lease again while a writer breaks it: is the break forgotten?",
            vec![
                task("holder", &[OPEN, set(F_RDLCK)], &[set(F_RDLCK)]),
                task("opener", &[], &[Call::Open("a", WRITE)]),
            ],
        ),
        scenario(
            "nonblock-opener",
            "an opener with O_NONBLOCK breaks a lease that is just being taken and does not wait",
            vec![task("leaser", &[OPEN], &[set(F_WRLCK)]), task("opener", &[], &[Call::Open("a", NONBLOCK)])],
        ),
        scenario(
            "kernel-leaser",
            "an in-kernel owner (nfsd) and a user take leases beside each other, and one of the two gives it up",
            vec![
                task("nfsd", &[OPEN], &[Call::VfsSetLease("a", F_RDLCK), Call::VfsSetLease("a", F_UNLCK)]),
                task("leaser", &[OPEN], &[set(F_RDLCK)]),
            ],
        ),
        scenario(
            "getlease-unlock",
            "a process asks what lease it has while another gives up its own: the list is walked",
            vec![
                task("asker", &[OPEN], &[Call::GetLease("a")]),
                task("holder", &[OPEN, set(F_RDLCK)], &[set(F_UNLCK)]),
            ],
        ),
    ]
}

/// The environment refuses.
fn with_faults() -> Vec<Scenario> {
    let no_memory = Faults { memory: true, lsm: false };
    vec![
        Scenario {
            faults: no_memory,
            ..scenario(
                "leaser-enomem",
                "any allocation of F_SETLEASE may fail while somebody opens the file for write",
                vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("opener", &[], &[Call::Open("a", WRITE)])],
            )
        },
        Scenario {
            faults: no_memory,
            ..scenario(
                "relock-enomem",
                "the holder of a read lease asks for a write lease, and any of its allocations may fail while somebody opens",
                vec![
                    task("holder", &[OPEN, set(F_RDLCK)], &[set(F_WRLCK)]),
                    task("opener", &[], &[Call::Open("a", NONBLOCK)]),
                ],
            )
        },
        Scenario {
            faults: no_memory,
            ..scenario(
                "kernel-leaser-enomem",
                "the one allocation of an in-kernel owner may fail while a writer opens without waiting",
                vec![
                    task("nfsd", &[OPEN], &[Call::VfsSetLease("a", F_RDLCK)]),
                    task("opener", &[], &[Call::Open("a", OpenFlags { nonblock: true, ..WRITE })]),
                ],
            )
        },
        Scenario {
            faults: no_memory,
            ..scenario(
                "opener-enomem",
                "the opener's record may be refused while the holder gives the lease up",
                vec![task("holder", &[OPEN, set(F_WRLCK)], &[set(F_UNLCK)]), task("opener", &[], &[OPEN])],
            )
        },
        Scenario {
            faults: Faults { memory: false, lsm: true },
            ..scenario(
                "leaser-lsm",
                "the security module may refuse the lease or its owner while somebody opens the file",
                vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("opener", &[], &[Call::Open("a", WRITE)])],
            )
        },
    ]
}

/// Deadlines and signals.
fn with_time() -> Vec<Scenario> {
    vec![
        Scenario {
            clock: Clock::Free,
            ..scenario(
                "expiry",
                "the holder gives the lease up just as its time runs out: expiry and unlock free the same record",
                vec![
                    task("holder", &[OPEN, set(F_WRLCK)], &[set(F_UNLCK)]),
                    task("opener", &[], &[Call::Open("a", WRITE)]),
                ],
            )
        },
        Scenario {
            clock: Clock::Free,
            ..scenario(
                "close-expiry",
                "the holder closes the file just as its lease expires: a close that finds no lease does not take the lock",
                vec![
                    task("holder", &[OPEN, set(F_RDLCK)], &[Call::Close("a")]),
                    task("opener", &[], &[Call::Open("a", WRITE)]),
                ],
            )
        },
        Scenario {
            lease_break_time: 0,
            ..scenario(
                "interrupted-opener",
                "a signal ends the wait of an opener, or the unlock does: whoever comes first",
                vec![
                    task("holder", &[OPEN, set(F_WRLCK)], &[Call::Interrupt(1), set(F_UNLCK)]),
                    task("opener", &[], &[OPEN]),
                ],
            )
        },
    ]
}

fn with_three_tasks() -> Vec<Scenario> {
    vec![
        Scenario {
            clock: Clock::Free,
            ..scenario(
                "leaser-writer-expiry",
                "a lease is taken, broken and overdue while a third process looks at the list",
                vec![
                    task("leaser", &[OPEN], &[set(F_RDLCK)]),
                    task("opener", &[], &[Call::Open("a", WRITE)]),
                    task("lister", &[], &[Call::Locks]),
                ],
            )
        },
        scenario(
            "leaser-two-openers",
            "a write lease is taken between a reader and a writer that opens without waiting",
            vec![
                task("leaser", &[OPEN], &[set(F_WRLCK)]),
                task("reader", &[], &[OPEN]),
                task("writer", &[], &[Call::Open("a", OpenFlags { nonblock: true, ..WRITE })]),
            ],
        ),
        scenario(
            "holder-thread",
            "two threads of one process share the descriptor: one gives the lease up, the other takes it, and somebody opens",
            vec![
                task("holder", &[OPEN, set(F_RDLCK)], &[set(F_UNLCK)]),
                TaskSpec { shares: Some(0), ..task("thread", &[], &[set(F_RDLCK)]) },
                task("opener", &[], &[Call::Open("a", OpenFlags { nonblock: true, ..WRITE })]),
            ],
        ),
    ]
}

/// A thread that shares the first task's descriptors.
fn sharer(calls: &[Call]) -> TaskSpec {
    TaskSpec { shares: Some(0), ..task("thread", &[], calls) }
}

/// Calls that bugs of the history of `fs/locks.c` need: leases asked for, refused, given up alone.
fn of_history() -> Vec<Scenario> {
    let held = [OPEN, Call::SetOwn("a", 2), set(F_RDLCK)];
    let relock = vec![task("holder", &held, &[set(F_RDLCK)]), sharer(&[Call::GetOwn("a")])];
    vec![
        scenario(
            "relock",
            "the holder asks for the lease it has: the record that it brings is not needed, and F_SETOWN still holds",
            relock.clone(),
        ),
        Scenario {
            faults: Faults { memory: false, lsm: true },
            ..scenario(
                "relock-lsm",
                "the same, and the security module may refuse: what is freed on which exit?",
                relock,
            )
        },
        Scenario {
            faults: Faults { memory: false, lsm: true },
            ..scenario(
                "lister-lsm",
                "the security module may refuse the lease or its owner while somebody reads /proc/locks: is it listed?",
                vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("lister", &[], &[Call::Locks])],
            )
        },
        Scenario {
            faults: Faults { memory: true, lsm: false },
            ..scenario(
                "unlock-enomem",
                "the holder gives the lease up when there may be no memory: an unlock needs none",
                vec![task("holder", &[OPEN, set(F_RDLCK)], &[set(F_UNLCK)]), task("lister", &[], &[Call::Locks])],
            )
        },
    ]
}

/// The same: several leases on a file, F_SETOWN, truncation.
fn of_history_between_processes() -> Vec<Scenario> {
    let owned = [OPEN, Call::SetOwn("a", 2)];
    vec![
        scenario(
            "setown-break",
            "F_SETOWN has named a process before the lease is taken, and somebody breaks it: who is told?",
            vec![
                task("leaser", &owned, &[set(F_RDLCK)]),
                task("opener", &[], &[Call::Open("a", OpenFlags { nonblock: true, ..WRITE })]),
            ],
        ),
        scenario(
            "newcomer-breaking",
            "a process breaks another's lease without waiting, and asks for a lease of its own while that one is to go",
            vec![
                task("holder", &[OPEN, set(F_RDLCK)], &[Call::GetLease("a")]),
                task("newcomer", &[OPEN], &[Call::Open("b", OpenFlags { nonblock: true, ..WRITE }), set(F_RDLCK)]),
            ],
        ),
        scenario(
            "close-beside",
            "two processes have leases, one closes its file: the other's lease stays",
            vec![
                task("closer", &[OPEN, set(F_RDLCK)], &[Call::Close("a")]),
                task("holder", &[OPEN, set(F_RDLCK)], &[Call::GetLease("a")]),
            ],
        ),
        scenario(
            "two-owners",
            "a process and an in-kernel owner share an open file: each has its own lease on it",
            vec![task("holder", &[OPEN, set(F_RDLCK)], &[set(F_UNLCK)]), sharer(&[Call::VfsSetLease("a", F_RDLCK)])],
        ),
        scenario(
            "leaser-truncate",
            "a read lease is taken while somebody truncates the file: i_writecount is raised before the break, or after",
            vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("truncater", &[], &[Call::Truncate])],
        ),
        scenario(
            "two-holders-break",
            "a writer breaks the leases of two processes and waits, one gives its lease up: both are told",
            vec![
                task("first", &[OPEN, set(F_RDLCK)], &[set(F_UNLCK)]),
                task("second", &[OPEN, set(F_RDLCK)], &[]),
                task("opener", &[], &[Call::Open("a", WRITE)]),
            ],
        ),
    ]
}

/// Found by generating all small scenarios: nobody had thought of them.
fn of_the_enumeration() -> Vec<Scenario> {
    let holder = [OPEN, set(F_RDLCK)];
    let overdue = [OPEN, Call::Open("x", OpenFlags { nonblock: true, ..WRITE }), Call::Overdue];
    vec![
        Scenario {
            lease_break_time: 0,
            ..scenario(
                "own-open",
                "a process with a lease opens the file for write, without a time limit: it must not wait for itself",
                vec![task("holder", &holder, &[Call::Open("b", WRITE)]), task("lister", &[], &[Call::Locks])],
            )
        },
        scenario(
            "overdue-leaser",
            "a lease is asked for while another's is overdue: F_SETLEASE has to look whose time is over",
            vec![task("holder", &holder, &[Call::GetOwn("a")]), task("leaser", &overdue, &[set(F_RDLCK)])],
        ),
        Scenario {
            faults: Faults { memory: true, lsm: false },
            ..scenario(
                "truncate-enomem",
                "a truncation has no memory to wait for a lease with: nothing may be truncated then",
                vec![task("holder", &holder, &[Call::GetLease("a")]), task("truncater", &[], &[Call::Truncate])],
            )
        },
        scenario(
            "two-owners-break",
            "a user's write lease and nfsd's read lease on one open file, and a reader: only the former is in its way",
            vec![
                task("holder", &[OPEN, set(F_WRLCK), Call::VfsSetLease("a", F_RDLCK)], &[set(F_RDLCK)]),
                task("opener", &[], &[Call::Open("a", NONBLOCK)]),
            ],
        ),
        scenario(
            "two-owners-unlock",
            "a user's lease and nfsd's on one open file: nfsd gives its own up, and a writer breaks the user's, who has to hear of it",
            vec![
                task(
                    "holder",
                    &[OPEN, set(F_RDLCK), Call::VfsSetLease("a", F_RDLCK)],
                    &[Call::VfsSetLease("a", F_UNLCK)],
                ),
                task("opener", &[], &[Call::Open("a", OpenFlags { nonblock: true, ..WRITE })]),
            ],
        ),
    ]
}

/// Threads of one process, of which one closes or replaces the descriptor that the other uses.
fn with_sharers() -> Vec<Scenario> {
    vec![
        scenario(
            "sharers-close",
            "a thread closes the descriptor that another asks for a lease on: the last reference removes the lease, whoever drops it",
            vec![task("holder", &[OPEN, set(F_RDLCK)], &[Call::Close("a")]), sharer(&[set(F_RDLCK)])],
        ),
        scenario(
            "sharers-open",
            "a thread opens the file for write into the descriptor that another asks for a lease on: of the old file, or the new",
            vec![task("opener", &[OPEN], &[Call::Open("a", WRITE)]), sharer(&[set(F_RDLCK)])],
        ),
        scenario(
            "sharers-dup",
            "dup2 puts another file in place of the one that has a lease, while a thread asks for a lease there: never EBADF",
            vec![
                task("holder", &[OPEN, set(F_RDLCK), Call::Open("b", READ)], &[Call::Dup("b", "a")]),
                sharer(&[set(F_RDLCK)]),
            ],
        ),
    ]
}

/// A scenario by name.
pub fn find(name: &str) -> Option<Arc<Scenario>> {
    all().into_iter().find(|scenario| scenario.name == name)
}
