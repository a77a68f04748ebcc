//! What a file server knows of a file, in one word: which node has what lease of it, and who has it open.
//!
//! Plain data. The word lies in one object, so that the server decides in one step; the checks decode it for themselves.
//!
//! | bits of a node's 16 | what |
//! |---|---|
//! | 0-1 | its lease: none, read, write |
//! | 2 | the lease is recalled |
//! | 3-7 | how often it was granted one: the number that a lease given back must bear |
//! | 8-11 | opens for read |
//! | 12-15 | opens for write |

use std::fmt;

use super::note::LeaseType;
use crate::event::Reading;
use crate::event::names::Names;

/// Most nodes that a table has room for.
pub const NODES_MAX: usize = 4;

/// Most leases that a node may be granted in an execution.
pub const GRANTS_MAX: u8 = 31;

/// Most descriptions of a node that may be open for read, or for write.
pub const OPENS_MAX: u8 = 15;

const BITS: usize = 16;

/// A lease that a server has granted: what, and the how-manieth grant it was (NFSv4 calls that pair a stateid).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delegation {
    /// What was granted; `None` when it was given back.
    pub lease: Option<LeaseType>,
    /// Number of the grant, from 1; 0 before the first.
    pub grant: u8,
}

impl Delegation {
    /// As stored.
    pub fn to_word(self) -> u64 {
        lease_bits(self.lease) | u64::from(self.grant) << 3
    }

    /// From what was stored.
    pub fn from_word(word: u64) -> Delegation {
        Delegation { lease: lease_from(word), grant: (word >> 3) as u8 & GRANTS_MAX }
    }
}

/// What the server knows of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its lease, and the number of the grant.
    pub delegation: Delegation,
    /// Is the lease recalled?
    pub recalled: bool,
    /// Descriptions open for read alone.
    pub readers: u8,
    /// Descriptions open for write.
    pub writers: u8,
}

fn lease_bits(lease: Option<LeaseType>) -> u64 {
    match lease {
        None => 0,
        Some(LeaseType::Read) => 1,
        Some(LeaseType::Write) => 2,
    }
}

fn lease_from(word: u64) -> Option<LeaseType> {
    match word & 3 {
        0 => None,
        1 => Some(LeaseType::Read),
        _ => Some(LeaseType::Write),
    }
}

/// The whole table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table(pub u64);

impl Table {
    /// What it says of a node.
    pub fn entry(self, node: usize) -> Entry {
        let bits = self.0 >> (node * BITS);
        Entry {
            delegation: Delegation::from_word(bits),
            recalled: bits & 4 != 0,
            readers: (bits >> 8) as u8 & OPENS_MAX,
            writers: (bits >> 12) as u8 & OPENS_MAX,
        }
    }

    /// The table with another entry for the node.
    ///
    /// # Panics
    /// If a count does not fit: no scenario of a file or of the catalogue comes that far.
    pub fn with(self, node: usize, entry: Entry) -> Table {
        let Entry { delegation, recalled, readers, writers } = entry;
        assert!(node < NODES_MAX, "a file server has at most {NODES_MAX} nodes");
        assert!(readers.max(writers) <= OPENS_MAX, "a file server counts at most {OPENS_MAX} opens on a node");
        assert!(delegation.grant <= GRANTS_MAX, "a file server counts at most {GRANTS_MAX} leases granted to a node");
        let bits = delegation.to_word() | u64::from(recalled) << 2 | u64::from(readers) << 8 | u64::from(writers) << 12;
        let shift = node * BITS;
        Table(self.0 & !(((1 << BITS) - 1) << shift) | bits << shift)
    }

    /// The nodes that it says anything of.
    pub fn entries(self) -> impl Iterator<Item = (usize, Entry)> {
        (0..NODES_MAX).map(move |node| (node, self.entry(node))).filter(|(_, entry)| *entry != Entry::default())
    }
}

/// How the server's word reads.
pub(super) const SERVER: &Reading =
    &Reading { name: "server", text: |names, value| table_text(names, Table(value)), is_state: false, is_whole: true };

/// How a node's word for its lease reads.
pub(super) const DELEGATION: &Reading = &Reading {
    name: "delegation",
    text: |_, value| Delegation::from_word(value).to_string(),
    is_state: false,
    is_whole: false,
};

fn table_text(names: &Names, table: Table) -> String {
    let name = |node: usize| names.nodes.get(node).map_or("?", String::as_str);
    let entries: Vec<String> = table.entries().map(|(node, entry)| format!("{}: {entry}", name(node))).collect();
    format!("[{}]", entries.join("; "))
}

impl fmt::Display for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lease {
            None => f.write_str("none"),
            Some(lease) => write!(f, "{lease}#{}", self.grant),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if self.delegation.lease.is_some() {
            let recalled = if self.recalled { " recalled" } else { "" };
            words.push(format!("{}{recalled}", self.delegation));
        }
        for (count, mode) in [(self.readers, "read"), (self.writers, "write")] {
            match count {
                0 => {}
                1 => words.push(format!("open for {mode}")),
                count => words.push(format!("open for {mode} {count} times")),
            }
        }
        if words.is_empty() { f.write_str("nothing") } else { f.write_str(&words.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_for_one_node_is_read_back_and_touches_no_other() {
        let leases = [None, Some(LeaseType::Read), Some(LeaseType::Write)];
        let other = Entry {
            delegation: Delegation { lease: Some(LeaseType::Write), grant: 15 },
            recalled: true,
            readers: 3,
            writers: 3,
        };
        for node in 0..NODES_MAX {
            for lease in leases {
                for (grant, recalled, readers, writers) in
                    [(0, false, 0, 0), (GRANTS_MAX, true, OPENS_MAX, 0), (7, false, 1, OPENS_MAX)]
                {
                    let entry = Entry { delegation: Delegation { lease, grant }, recalled, readers, writers };
                    let beside = (node + 1) % NODES_MAX;

                    let table = Table::default().with(beside, other).with(node, entry);

                    assert_eq!((table.entry(node), table.entry(beside)), (entry, other));
                    assert_eq!(Delegation::from_word(entry.delegation.to_word()), entry.delegation);
                }
            }
        }
    }
}
