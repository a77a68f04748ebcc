//! The graph as lockdep has it, for `--as-kernel`: what it answers, gaps included.
//!
//! Facts of Linux 6.12.117 in our words: edges are stored up to the first held lock that was not an attempt; the search marks a class
//! when it is first reached, even if only weakly; a chain of locks that was seen before is not looked at again; usage is kept as bits
//! of classes. `graph` departs from each of these, on purpose.

use std::collections::{HashMap, HashSet, VecDeque};

use super::finding::{Kind, Level};
use super::lock::{Class, Hold};
use super::state::Held;

/// Kinds of a dependency: held exclusively or shared, then not recursive or recursive.
const EN: u8 = 1;
const ER: u8 = 2;
const SN: u8 = 4;
const SR: u8 = 8;

/// Bits of usage. The bit for readers stands one higher, those of softirqs four.
const USED: u8 = 1;
const OPEN: u8 = 4;

#[derive(Clone, Debug, Default)]
struct Node {
    usage: u8,
    per_cpu: bool,
    after: Vec<(usize, u8)>,
    before: Vec<(usize, u8)>,
}

/// Classes and what is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Kernel {
    nodes: Vec<Node>,
    ids: HashMap<Class, usize>,
    chains: HashSet<Vec<(Class, Hold)>>,
}

/// Which way a search goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Backward,
}

impl Kernel {
    fn id(&mut self, class: Class, per_cpu: bool) -> usize {
        let next = self.nodes.len();
        let id = *self.ids.entry(class).or_insert(next);
        if id == next {
            self.nodes.push(Node { per_cpu, ..Node::default() });
        }
        id
    }

    /// Marks a use of a lock, and says what is wrong with it.
    pub fn mark(&mut self, held: &Held, per_cpu: bool, level: Level, used: bool) -> Option<Kind> {
        let id = self.id(held.class, per_cpu);
        let shift = if level == Level::Hard { 0 } else { 4 };
        let read = held.hold.is_read();
        let (write_bit, opposite) = if used { (USED, OPEN) } else { (OPEN, USED) };
        let bit = if read { write_bit << 1 } else { write_bit } << shift;
        if self.nodes[id].usage & bit != 0 {
            return None;
        }
        self.nodes[id].usage |= bit;
        let against = (opposite | if read { 0 } else { opposite << 1 }) << shift;
        if self.nodes[id].usage & against != 0 {
            return Some(Kind::InconsistentState);
        }
        let mask = (opposite | opposite << 1) << shift;
        let (way, weak) = if used { (Way::Forward, held.hold == Hold::Recursive) } else { (Way::Backward, read) };
        self.search_usage(id, weak, way, mask).is_some().then_some(Kind::IrqInversion)
    }

    /// Adds what taking `next` says, with the held locks below it, oldest first.
    pub fn add(&mut self, held: &[Held], next: &Held, per_cpu: &dyn Fn(&Held) -> bool) -> Option<Kind> {
        let own: Vec<&Held> = held.iter().rev().take_while(|held| held.irq_context == next.irq_context).collect();
        for prev in own {
            if !prev.check {
                continue;
            }
            if let Some(kind) = self.add_one(prev, next, per_cpu) {
                return Some(kind);
            }
            if !prev.trylock {
                break;
            }
        }
        None
    }

    /// Was this chain of locks seen before? Notes it.
    pub fn knows(&mut self, held: &[Held], next: &Held) -> bool {
        let own = held.iter().filter(|held| held.irq_context == next.irq_context).chain([next]);
        !self.chains.insert(own.map(|held| (held.class, held.hold)).collect())
    }

    fn add_one(&mut self, prev: &Held, next: &Held, per_cpu: &dyn Fn(&Held) -> bool) -> Option<Kind> {
        let from = self.id(prev.class, per_cpu(prev));
        let to = self.id(next.class, per_cpu(next));
        let weak = next.hold == Hold::Recursive;
        let hit = |id: usize, weak: bool| id == from && (prev.hold == Hold::Exclusive || !weak);
        if self.search(to, weak, Way::Forward, &|_, _| false, &hit).is_some() {
            return Some(if from == to { Kind::Recursion } else { Kind::Circular });
        }
        if self.is_unsafe(from, prev.hold.is_read(), to, weak) {
            return Some(Kind::IrqOrder);
        }
        let kind = match (prev.hold == Hold::Exclusive, weak) {
            (true, false) => EN,
            (true, true) => ER,
            (false, false) => SN,
            (false, true) => SR,
        };
        store(&mut self.nodes[from].after, to, kind);
        store(&mut self.nodes[to].before, from, kind);
        None
    }

    /// Does the new edge lead from a lock of an interrupt to one that is held with it on?
    fn is_unsafe(&self, from: usize, from_weak: bool, to: usize, to_weak: bool) -> bool {
        let mut safe = 0;
        self.visit(from, from_weak, Way::Backward, &|id, _| self.nodes[id].per_cpu, &mut |id, weak| {
            safe |= self.nodes[id].usage & if weak { USED | USED << 4 } else { 0x33 };
            false
        });
        let forward = (0..2).map(|level| if safe >> (4 * level) & 3 != 0 { 0xc << (4 * level) } else { 0 });
        let mask = forward.fold(0, |all, bits| all | bits);
        mask != 0 && self.search_usage(to, to_weak, Way::Forward, mask).is_some()
    }

    /// The first class with one of these uses.
    fn search_usage(&self, root: usize, weak: bool, way: Way, mask: u8) -> Option<usize> {
        let writes = USED | OPEN | (USED | OPEN) << 4;
        let hit = |id: usize, weak: bool| self.nodes[id].usage & mask & if weak { writes } else { 0xff } != 0;
        self.search(root, weak, way, &|id, _| self.nodes[id].per_cpu, &hit)
    }

    fn search(
        &self,
        root: usize,
        weak: bool,
        way: Way,
        skip: &dyn Fn(usize, bool) -> bool,
        hit: &dyn Fn(usize, bool) -> bool,
    ) -> Option<usize> {
        let mut found = None;
        self.visit(root, weak, way, skip, &mut |id, weak| {
            if hit(id, weak) {
                found = Some(id);
            }
            found.is_some()
        });
        found
    }

    /// Breadth first. A class counts as visited once it was reached, however weakly.
    fn visit(
        &self,
        root: usize,
        weak: bool,
        way: Way,
        skip: &dyn Fn(usize, bool) -> bool,
        each: &mut dyn FnMut(usize, bool) -> bool,
    ) {
        let mut visited = HashSet::new();
        let mut queue = VecDeque::from([(root, weak, None)]);
        while let Some((id, weak_before, edge)) = queue.pop_front() {
            if !visited.insert(id) {
                continue;
            }
            let weak = match edge {
                None => weak_before,
                Some(kinds) => match passed(kinds, weak_before, way) {
                    Some(weak) => weak,
                    None => continue,
                },
            };
            if skip(id, weak) {
                continue;
            }
            if each(id, weak) {
                return;
            }
            let next = if way == Way::Forward { &self.nodes[id].after } else { &self.nodes[id].before };
            queue.extend(next.iter().map(|(to, kinds)| (*to, weak, Some(*kinds))));
        }
    }
}

fn store(list: &mut Vec<(usize, u8)>, id: usize, kind: u8) {
    match list.iter_mut().find(|(known, _)| *known == id) {
        Some((_, kinds)) => *kinds |= kind,
        None => list.push((id, kind)),
    }
}

/// Is what is left of an edge after a weak arrival weak too? Nothing may be left.
fn passed(kinds: u8, weak_before: bool, way: Way) -> Option<bool> {
    let (blocked, strong) = match way {
        Way::Forward => (SN | SR, EN | SN),
        Way::Backward => (ER | SR, EN | ER),
    };
    let left = if weak_before { kinds & !blocked } else { kinds };
    (left != 0).then_some(left & strong == 0)
}
