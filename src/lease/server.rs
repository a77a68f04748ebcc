//! The file server of a cluster, and what a node's file system says to it.
//!
//! ```text
//! f_op->setlease                     asks the server for a lease
//!    rpc_call                        sleeps until the answer is there; the BKL is given back meanwhile
//!       server.table                 the server decides, in one step
//! ```
//!
//! The server keeps one word per file ([`Table`]): every node's lease, whether it is recalled, and who has the file open. It
//! decides in one step; the answer is known to the node when the step is made, and recorded when the node gets
//! to it. What happens in between has *overtaken the answer*: a recall, above all.
//!
//! A lease has the number of its grant, as a stateid of NFSv4 has. A node that gives a lease back says which; if the server has
//! granted the node another since, the message is an old one and nothing happens.
//!
//! Not modelled: messages that get lost, a server that restarts, more than one file.

use super::note::{LeaseNote, LeaseType};
use super::table::{DELEGATION, Delegation, Entry, OPENS_MAX, SERVER, Table};
use super::{F_RDLCK, F_WRLCK, OpenFlags};
use crate::engine::Object;
use crate::event::{Access, Choice, Format, Note, ObjectId, ObjectInfo, ObjectKind, Op, Place, Rmw, View};
use crate::kernel::bkl;
use crate::kernel::plain::{Plain, Word};
use crate::kernel::task::Task;
use crate::kernel::wait::WaitQueue;
use crate::kernel::{Errno, Result};

/// The server. Copied freely: it holds names only.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// What it knows, in one word.
    table: Object,
    /// Opens that wait for a lease to be given back.
    pub(super) waiters: WaitQueue,
    /// May it refuse a lease for reasons of its own?
    refuses: bool,
}

/// A node's side of the file. Copied freely.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    server: Server,
    node: usize,
    /// What the node knows of its lease from the server. Which lock protects it is the design's business.
    pub i_delegation: Plain<Delegation>,
    /// Local calls that are about to use that lease, and whether it is recalled; see [`Asking`].
    pub i_asking: Plain<Asking>,
}

/// How many local calls have asked for a lease and have not recorded the answer; is the node's lease recalled?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// Calls under way.
    pub calls: u32,
    /// A recall has come, and what it wants back has not gone yet.
    pub recalled: bool,
}

impl Word for Asking {
    fn to_word(self) -> u64 {
        u64::from(self.calls) << 1 | u64::from(self.recalled)
    }

    fn from_word(word: u64) -> Asking {
        Asking { calls: (word >> 1) as u32, recalled: word & 1 == 1 }
    }
}

impl Word for Delegation {
    const FORMAT: Format = Format::Case(DELEGATION);

    fn to_word(self) -> u64 {
        Delegation::to_word(self)
    }

    fn from_word(word: u64) -> Delegation {
        Delegation::from_word(word)
    }
}

/// The lease that user space means by `F_RDLCK` or `F_WRLCK`; `None` for `F_UNLCK`.
pub fn lease_of(arg: i32) -> Option<LeaseType> {
    match arg {
        F_RDLCK => Some(LeaseType::Read),
        F_WRLCK => Some(LeaseType::Write),
        _ => None,
    }
}

impl Server {
    /// A server whose file nobody knows.
    pub fn new(refuses: bool) -> Server {
        let info = ObjectInfo { format: Format::Case(SERVER), ..ObjectInfo::new(ObjectKind::Atomic, "server.table") };
        Server { table: Object::new(info, 0), waiters: WaitQueue::new("server.waiters"), refuses }
    }

    /// Its name among the objects of the execution; stands for the file, of which each node has an inode.
    pub fn id(self) -> ObjectId {
        self.table.id
    }

    /// The lease that it has granted a node, without a step.
    pub fn granted(self, view: &dyn View, node: usize) -> Option<LeaseType> {
        Table(view.peek(self.table.id)).entry(node).delegation.lease
    }

    /// A node's side of the file.
    pub fn client(self, node: usize) -> Client {
        Client {
            server: self,
            node,
            i_delegation: Plain::new("i_delegation", Delegation::default()),
            i_asking: Plain::new("i_asking", Asking::default()),
        }
    }

    #[track_caller]
    pub(super) fn read(self) -> Table {
        Table(self.table.perform(Op::Load(self.table.id, Access::Once), Place::caller()))
    }

    /// One decision of the server, in one step. A decision that changes nothing is the look itself.
    #[track_caller]
    pub(super) fn decide<R>(self, current: &Task, decide: impl Fn(&mut Table) -> R) -> R {
        let place = Place::caller();
        let frame = current.enter("server");
        let mut seen = self.table.perform(Op::Load(self.table.id, Access::Once), place);
        loop {
            let mut table = Table(seen);
            let answer = decide(&mut table);
            if table.0 == seen {
                return answer;
            }
            let exchange = Op::Rmw(self.table.id, Rmw::CmpXchg(seen, table.0), Access::Full);
            let found = self.table.perform(exchange, place);
            if found == seen {
                return answer;
            }
            seen = found;
            current.again(&frame, &seen);
        }
    }

    /// The nodes whose leases are in the way of such an open on `node`.
    pub(super) fn in_the_way(table: Table, node: usize, flags: OpenFlags) -> impl Iterator<Item = (usize, Entry)> {
        let conflicts = move |lease| flags.write || lease == LeaseType::Write;
        table.entries().filter(move |(other, entry)| *other != node && entry.delegation.lease.is_some_and(conflicts))
    }
}

impl Client {
    /// Which node it is, from 0.
    pub fn node(self) -> usize {
        self.node
    }

    /// Tells the checks that the inode is one of several of this file.
    pub fn mounted(self, inode: ObjectId, place: Place) {
        let note = LeaseNote::Mounted { inode, table: self.server.id(), node: self.node as u8 };
        crate::engine::note(note.into(), place);
    }

    /// Tells the checks what the node and the server have to forget until everything is closed. (That the server's lease goes is
    /// LW032.)
    #[track_caller]
    pub(super) fn counted(self) {
        let (asking, table) = (self.i_asking.id(), self.server.id());
        let node = Entry { readers: OPENS_MAX, ..Entry::default() };
        let readers = Table::default().with(self.node, node).0;
        let writers = Table::default().with(self.node, Entry { readers: 0, writers: OPENS_MAX, ..node }).0;
        for (cell, bits, name) in [
            (asking, !1, "i_asking"),
            (asking, 1, "i_asking, recalled"),
            (table, readers, "the server's opens for read"),
            (table, writers, "the server's opens for write"),
        ] {
            crate::engine::note(Note::Count { cell, bits, name }, Place::caller());
        }
    }

    /// Asks for a lease: sleeps until the server answers.
    ///
    /// # Errors
    /// `EAGAIN` if another node has the file open or has a lease of it, and the two do not go together (the other's lease is
    /// recalled then); if the node's own lease is being recalled; or if the server does not want to.
    #[track_caller]
    pub fn setlease(self, current: &Task, want: LeaseType) -> Result<Delegation> {
        let place = Place::caller();
        let _frame = current.enter("f_op->setlease");
        self.rpc(current, place, || {
            if self.server.refuses && current.happens(Choice::Server) {
                return Err(Errno::EAGAIN);
            }
            self.server.decide(current, |table| grant(table, self.node, want))
        })
    }

    /// `f_op->setlease` as the mail has it: one call for taking and for giving up, and no number of the grant.
    ///
    /// # Errors
    /// As [`Client::setlease`]; giving up cannot fail.
    #[track_caller]
    pub fn f_op_setlease(self, current: &Task, arg: i32) -> Result<()> {
        let place = Place::caller();
        let Some(want) = lease_of(arg) else {
            let _frame = current.enter("f_op->setlease");
            self.rpc(current, place, || self.give_up(current, None, None));
            return Ok(());
        };
        self.setlease(current, want).map(|_| ())
    }

    /// Gives the lease of that grant back, or keeps a read lease of it. Sleeps.
    #[track_caller]
    pub fn give_back(self, current: &Task, keep: Option<LeaseType>, grant: u8) {
        let place = Place::caller();
        let _frame = current.enter("give_back");
        self.rpc(current, place, || self.give_up(current, keep, Some(grant)));
    }

    fn give_up(self, current: &Task, keep: Option<LeaseType>, grant: Option<u8>) {
        let changed = self.server.decide(current, |table| {
            let entry = table.entry(self.node);
            let is_newer = grant.is_some_and(|grant| grant != entry.delegation.grant);
            if is_newer || entry.delegation.lease <= keep {
                return false;
            }
            let delegation = Delegation { lease: keep, ..entry.delegation };
            *table = table.with(self.node, Entry { delegation, recalled: false, ..entry });
            true
        });
        if changed {
            self.server.waiters.wake_up();
        }
    }

    /// A call that sleeps until another machine has answered.
    fn rpc<R>(self, current: &Task, place: Place, call: impl FnOnce() -> R) -> R {
        let _frame = current.enter("rpc_call");
        current.might_sleep("rpc_call");
        bkl::asleep(current, place, call)
    }
}

/// The server's decision about a lease.
fn grant(table: &mut Table, node: usize, want: LeaseType) -> Result<Delegation> {
    let others = || table.entries().filter(move |(other, _)| *other != node);
    let open = others().any(|(_, entry)| entry.writers > 0 || want == LeaseType::Write && entry.readers > 0);
    let excludes = |lease| want == LeaseType::Write || lease == LeaseType::Write;
    let holders: Vec<(usize, Entry)> =
        others().filter(|(_, entry)| entry.delegation.lease.is_some_and(excludes)).collect();
    let own = table.entry(node);
    let refused = open || own.recalled || !holders.is_empty();
    for (holder, entry) in holders {
        *table = table.with(holder, Entry { recalled: true, ..entry });
    }
    if refused {
        return Err(Errno::EAGAIN);
    }
    let lease = own.delegation.lease.max(Some(want));
    let delegation = Delegation { lease, grant: own.delegation.grant + 1 };
    *table = table.with(node, Entry { delegation, ..own });
    Ok(delegation)
}
