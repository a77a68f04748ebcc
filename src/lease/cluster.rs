//! Several nodes and one file server: who asks whom.
//!
//! ```text
//! open on a node
//!    the node's own open             breaks local leases, raises local counts: the design's
//!    nfs_open
//!       server.table                 no lease of another node in the way: the open is counted
//!       recall                       for each node whose lease is: on that node, breaks its leases and waits
//!       server.waiters               until the lease is given back, or revoked when its time is over
//! ```
//!
//! A recall is made by the task whose call conflicts: it goes from the server's table to the holder's node and acts there
//! on the node's own objects, as the node's call-back thread would. It interleaves with the holder's calls like any task.
//! Nothing here remembers anything: nodes are names, fixed when they boot.

use std::sync::Arc;

use super::Design;
use super::OpenFlags;
use super::inode::Inode;
use super::server::{Client, Server};
use crate::event::Woken;
use crate::kernel::task::Task;
use crate::kernel::{Errno, Faults, HZ, Kernel, Result};
use crate::lease::note::LeaseType;
use crate::lease::table::{Delegation, Entry};

/// A booted kernel with its own inode of the file.
pub struct Node {
    /// Its locks and settings.
    pub kernel: Kernel,
    /// How its lease code locks.
    pub design: Arc<dyn Design>,
    /// Its inode.
    pub inode: Inode,
}

/// All nodes. One without a server is a machine of its own.
pub struct Cluster {
    /// In order.
    pub nodes: Vec<Node>,
    /// Who keeps the file, if it is not local.
    pub server: Option<Server>,
}

impl Node {
    fn client(&self) -> Option<Client> {
        self.inode.client()
    }
}

impl Cluster {
    /// Tells the server of an open on the node that has gone through there.
    ///
    /// # Errors
    /// `EAGAIN` for an open that does not wait for another node's lease; `EINTR` if a signal ends the wait.
    pub fn open(&self, current: &Task, node: usize, flags: OpenFlags) -> Result<()> {
        let (Some(server), Some(_)) = (self.server, self.nodes[node].client()) else { return Ok(()) };
        let frame = current.enter("nfs_open");
        loop {
            current.again(&frame, &node);
            let recalled = server.decide(current, |table| {
                let holders: Vec<(usize, Entry)> = Server::in_the_way(*table, node, flags).collect();
                for &(holder, entry) in &holders {
                    *table = table.with(holder, Entry { recalled: true, ..entry });
                }
                if holders.is_empty() {
                    *table = table.with(node, opened(table.entry(node), flags));
                }
                holders.iter().map(|(holder, _)| *holder).collect::<Vec<usize>>()
            });
            if recalled.is_empty() {
                return Ok(());
            }
            for holder in recalled {
                // Of other errors nothing follows: whether the lease is gone, the server knows.
                if self.recall(holder, flags) == Err(Errno::EINTR) {
                    return Err(Errno::EINTR);
                }
            }
            self.wait_for_leases(current, server, node, flags)?;
        }
    }

    /// Waits until each node whose lease is in the way has answered its recall; who has not in time loses the lease. A node may
    /// have been granted another lease meanwhile: the caller looks again, and recalls that one.
    fn wait_for_leases(&self, current: &Task, server: Server, node: usize, flags: OpenFlags) -> Result<()> {
        let answered = || !Server::in_the_way(server.read(), node, flags).any(|(_, entry)| entry.recalled);
        if answered() {
            return Ok(());
        }
        if flags.nonblock {
            return Err(Errno::EAGAIN);
        }
        let seconds = self.nodes[node].inode.lease_break_time;
        let timeout = (seconds != 0).then_some(seconds * HZ);
        match server.waiters.wait_event_timeout(current, timeout, answered) {
            Woken::Up => Ok(()),
            Woken::Signal => Err(Errno::EINTR),
            Woken::Timeout => {
                let _frame = current.enter("revoke");
                server.decide(current, |table| {
                    let late = Server::in_the_way(*table, node, flags).filter(|(_, entry)| entry.recalled);
                    // A reader needs no more than a downgrade.
                    let kept = if flags.write { None } else { Some(LeaseType::Read) };
                    for (holder, entry) in late.collect::<Vec<_>>() {
                        let delegation = Delegation { lease: kept, ..entry.delegation };
                        *table = table.with(holder, Entry { delegation, recalled: false, ..entry });
                    }
                });
                Ok(())
            }
        }
    }

    /// Asks a node for its lease, on that node. Its call-back thread has the memory that it needs.
    fn recall(&self, holder: usize, flags: OpenFlags) -> Result<()> {
        let node = &self.nodes[holder];
        let current = Task::new(Kernel { faults: Faults::default(), ..node.kernel }, 0);
        node.design.recall(&current, node.inode, flags)
    }

    /// The server has refused a lease: those that it recalls for that are asked for, and nobody waits.
    pub fn recall_for_lease(&self, current: &Task, node: usize, want: LeaseType) {
        let (Some(server), Some(_)) = (self.server, self.nodes[node].client()) else { return };
        let _frame = current.enter("server_recalls");
        let flags = OpenFlags { write: want == LeaseType::Write, nonblock: true, ..OpenFlags::default() };
        let recalled: Vec<usize> = Server::in_the_way(server.read(), node, flags)
            .filter(|(_, entry)| entry.recalled)
            .map(|(holder, _)| holder)
            .collect();
        for holder in recalled {
            // EAGAIN says that the lease is not gone yet: nobody expects it to be.
            _ = self.recall(holder, flags);
        }
    }

    /// Tells the server that a description is closed.
    pub fn close(&self, current: &Task, node: usize, flags: OpenFlags) {
        let (Some(server), Some(_)) = (self.server, self.nodes[node].client()) else { return };
        let _frame = current.enter("nfs_release");
        server.decide(current, |table| {
            let entry = table.entry(node);
            let closed = match flags.write {
                true => Entry { writers: entry.writers - 1, ..entry },
                false => Entry { readers: entry.readers - 1, ..entry },
            };
            *table = table.with(node, closed);
        });
    }
}

fn opened(entry: Entry, flags: OpenFlags) -> Entry {
    match flags.write {
        true => Entry { writers: entry.writers + 1, ..entry },
        false => Entry { readers: entry.readers + 1, ..entry },
    }
}
