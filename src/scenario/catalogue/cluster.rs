//! Two nodes and a file server, the in-kernel owner that such a server is, and a file system that wants no leases.
//!
//! Tasks are named after what they do; on which node is said by `homes`. The nodes are called `a` and `b`.

use super::{NONBLOCK, OPEN, READ, WRITE, scenario, set, task};
use crate::kernel::Faults;
use crate::lease::{F_RDLCK, F_UNLCK, F_WRLCK, OpenFlags};
use crate::scenario::{Call, ClusterSpec, FsKind, NodeSpec, Scenario, TaskSpec};

const WRITE_NONBLOCK: OpenFlags = OpenFlags { nonblock: true, ..WRITE };

/// The nodes `a` and `b` on one file server, and where each task runs.
fn nodes(homes: &[usize]) -> ClusterSpec {
    let node = |name| NodeSpec { name, fs: FsKind::Network };
    ClusterSpec { nodes: vec![node("a"), node("b")], homes: homes.to_vec(), server_refuses: false }
}

fn remote(name: &'static str, about: &'static str, homes: &[usize], tasks: Vec<TaskSpec>) -> Scenario {
    Scenario { cluster: nodes(homes), ..scenario(name, about, tasks) }
}

/// All of them, in the order of the matrix.
pub(super) fn all() -> Vec<Scenario> {
    let mut all = without_server();
    all.extend(on_one_node());
    all.extend(on_two_nodes());
    all.extend(with_three_tasks());
    all
}

/// One machine, and no server to ask.
fn without_server() -> Vec<Scenario> {
    let refusing = NodeSpec { name: "a", fs: FsKind::Refusing };
    vec![
        scenario(
            "nfsd-break",
            "an opener calls back an in-kernel owner, who may sleep there, while the owner gives its lease up",
            vec![
                task("nfsd", &[OPEN, Call::VfsSetLease("a", F_RDLCK)], &[Call::VfsSetLease("a", F_UNLCK)]),
                task("opener", &[], &[Call::Open("a", WRITE_NONBLOCK)]),
            ],
        ),
        Scenario {
            cluster: ClusterSpec { nodes: vec![refusing], homes: vec![0, 0], server_refuses: false },
            ..scenario(
                "refused-leaser",
                "a file system that refuses every lease, as NFS in 2007, is asked for one while somebody opens: what stays?",
                vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("opener", &[], &[Call::Open("a", WRITE)])],
            )
        },
    ]
}

/// Two tasks of one node: what the node owes the server.
fn on_one_node() -> Vec<Scenario> {
    vec![
        remote(
            "remote-refused",
            "the server grants a lease, and somebody opens the file on the same node meanwhile: who gives it back?",
            &[0, 0],
            vec![task("leaser", &[OPEN], &[set(F_WRLCK)]), task("opener", &[], &[Call::Open("a", NONBLOCK)])],
        ),
        remote(
            "remote-delegation",
            "an in-kernel owner takes a lease on a file that a local user has open for write: the server does not mind",
            &[0, 0],
            vec![
                task("nfsd", &[OPEN], &[Call::VfsSetLease("a", F_RDLCK)]),
                task("user", &[Call::Open("a", WRITE)], &[Call::Close("a")]),
            ],
        ),
        remote(
            "remote-loser",
            "a write lease is granted by the server and refused by the node, where another has taken a read lease meanwhile",
            &[0, 0],
            vec![task("winner", &[], &[OPEN, set(F_RDLCK)]), task("loser", &[OPEN], &[set(F_WRLCK)])],
        ),
        remote(
            "remote-held",
            "one takes a lease that the node has already, just as the other gives it up: is the node's lease still there?",
            &[0, 0],
            vec![task("holder", &[OPEN, set(F_RDLCK)], &[set(F_UNLCK)]), task("leaser", &[OPEN], &[set(F_RDLCK)])],
        ),
    ]
}

/// Two tasks, each on its node.
fn on_two_nodes() -> Vec<Scenario> {
    vec![
        remote(
            "remote-leaser",
            "a lease is taken while another node opens the file for write: the recall may overtake the server's answer",
            &[0, 1],
            vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("writer", &[], &[Call::Open("a", WRITE)])],
        ),
        remote(
            "remote-unlock",
            "a lease is given up while another node opens the file: the server is told first, or last",
            &[0, 1],
            vec![task("holder", &[OPEN, set(F_WRLCK)], &[set(F_UNLCK)]), task("opener", &[], &[OPEN])],
        ),
        remote(
            "remote-close",
            "the last close removes a lease that another node wants: does the server hear of it?",
            &[0, 1],
            vec![
                task("holder", &[OPEN, set(F_WRLCK)], &[Call::Close("a")]),
                task("opener", &[], &[Call::Open("a", NONBLOCK)]),
            ],
        ),
        remote(
            "remote-downgrade",
            "the holder of a write lease changes it to a read lease, which is all that the reader on the other node asks for",
            &[0, 1],
            vec![task("holder", &[OPEN, set(F_WRLCK)], &[set(F_RDLCK)]), task("reader", &[], &[Call::Open("a", READ)])],
        ),
        remote(
            "remote-leasers",
            "a node asks for a write lease, and the other's read lease is recalled just as it is taken",
            &[0, 1],
            vec![task("first", &[OPEN], &[set(F_RDLCK)]), task("second", &[OPEN], &[set(F_WRLCK)])],
        ),
        remote(
            "remote-upgrade",
            "the holder of a read lease asks for a write lease, and a reader's recall finds only the read lease listed",
            &[0, 1],
            vec![task("holder", &[OPEN, set(F_RDLCK)], &[set(F_WRLCK)]), task("reader", &[], &[OPEN])],
        ),
        Scenario {
            faults: Faults { memory: true, lsm: false },
            ..remote(
                "remote-enomem",
                "any allocation of F_SETLEASE may fail, also one after the server's answer, while another node opens the file",
                &[0, 1],
                vec![task("leaser", &[OPEN], &[set(F_RDLCK)]), task("writer", &[], &[Call::Open("a", WRITE_NONBLOCK)])],
            )
        },
    ]
}

/// Two tasks on a node, and one on the other.
fn with_three_tasks() -> Vec<Scenario> {
    vec![
        remote(
            "remote-two-leasers",
            "two processes of a node ask for leases of which only one can be had, and another node opens for write",
            &[0, 0, 1],
            vec![
                task("first", &[OPEN], &[set(F_RDLCK)]),
                task("second", &[OPEN], &[set(F_WRLCK)]),
                task("writer", &[], &[Call::Open("a", WRITE_NONBLOCK)]),
            ],
        ),
        remote(
            "remote-holders",
            "of two in-kernel owners of a node one gives its lease up and the other takes one, and the other node opens for write",
            &[0, 0, 1],
            vec![
                task("nfsd", &[OPEN, Call::VfsSetLease("a", F_RDLCK)], &[Call::VfsSetLease("a", F_UNLCK)]),
                task("leaser", &[OPEN], &[Call::VfsSetLease("a", F_RDLCK)]),
                task("writer", &[], &[Call::Open("a", WRITE_NONBLOCK)]),
            ],
        ),
    ]
}
