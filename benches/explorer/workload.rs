//! The synthetic workloads, as small programs.

use lockwright::program::small::Stmt::*;
use lockwright::program::small::{LockKind, Small};

/// n readers and a writer of one atomic.
pub fn readers(n: usize) -> Small {
    let tasks = [vec![vec![AtomicRead(0)]; n], vec![vec![AtomicSet(0, 1)]]].concat();
    Small { tasks, atomics: vec![0], ..Small::default() }
}

/// n tasks with k critical sections each of one lock.
pub fn sections(n: usize, k: usize) -> Small {
    let task = [Lock(0), Inc(0), Unlock(0)].repeat(k);
    Small { tasks: vec![task; n], locks: vec![LockKind::Spin], cells: vec![0], ..Small::default() }
}

/// n philosophers around a table, each takes the left fork first; there are names for four.
pub fn philosophers(n: usize) -> Small {
    let eats = |at: usize| vec![Lock(at), Lock((at + 1) % n), Unlock((at + 1) % n), Unlock(at)];
    Small { tasks: (0..n).map(eats).collect(), locks: vec![LockKind::Spin; n], ..Small::default() }
}

/// n tasks in a ring: each stores its own cell and loads the next.
pub fn ring(n: usize) -> Small {
    let task = |at: usize| vec![StoreOnce(at, 1), LoadOnce((at + 1) % n)];
    Small { tasks: (0..n).map(task).collect(), cells: vec![0; n], ..Small::default() }
}
