//! LW022 for counts: what opens and calls raise they have to lower again.
//!
//! A program names its counts when it boots ([`Note::Count`](crate::event::Note::Count)); what each is then it has to be when
//! everything is closed. The values are read off the state, not asked for.
//!
//! A change is paid for by a change back: of the same task if there is one, else by the last. What is left at the end is where a
//! reader should look first. It is a guess where calls of several tasks change a count, and only the text depends on it.
//!
//! It cannot see a count that is wrong for a while, nor two mistakes that cancel out.

use std::sync::Arc;

use super::code::Code;
use super::finding::spot;
use super::finding::{Docket, Spot};
use crate::event::{Event, ObjectId, Op, View};

/// Most changes that one step is taken for: a count that is overwritten with anything has no more places than these.
const CHANGES_MAX: u64 = 16;

/// A count as it was when the program booted.
#[derive(Clone, Copy)]
struct Count {
    cell: ObjectId,
    bits: u64,
    name: &'static str,
    first: i64,
    spot: Spot,
}

impl Count {
    fn value(self, word: u64) -> i64 {
        ((word & self.bits) >> self.bits.trailing_zeros()) as i64
    }
}

/// A change that nobody has taken back.
#[derive(Clone, Copy)]
struct Change {
    count: usize,
    raised: bool,
    spot: Spot,
}

/// The memory of the check. It is for the reader: what is judged is in the state.
#[derive(Clone, Default)]
pub(super) struct Counts {
    known: Arc<Vec<Count>>,
    values: Vec<i64>,
    open: Vec<Change>,
}

impl Counts {
    pub fn begin(&mut self, event: &Event, (cell, bits, name): (ObjectId, u64, &'static str), view: &dyn View) {
        let count = Count { cell, bits, name, first: 0, spot: spot(event) };
        let first = count.value(view.peek(cell));
        Arc::make_mut(&mut self.known).push(Count { first, ..count });
        self.values.push(first);
    }

    /// An operation may have changed some.
    pub fn follow(&mut self, event: &Event, op: Op, view: &dyn View) {
        let (Op::Store(cell, ..) | Op::Rmw(cell, ..) | Op::Flush(cell, _)) = op else { return };
        for at in 0..self.known.len() {
            if self.known[at].cell == cell {
                self.change(at, self.known[at].value(view.peek(cell)), spot(event));
            }
        }
    }

    fn change(&mut self, count: usize, value: i64, spot: Spot) {
        let by = value - std::mem::replace(&mut self.values[count], value);
        let raised = by > 0;
        for _ in 0..by.unsigned_abs().min(CHANGES_MAX) {
            let paid = |change: &Change| change.count == count && change.raised != raised;
            let own = self.open.iter().rposition(|change| paid(change) && change.spot.task == spot.task);
            match own.or_else(|| self.open.iter().rposition(paid)) {
                Some(at) => _ = self.open.remove(at),
                None => self.open.push(Change { count, raised, spot }),
            }
        }
    }

    pub fn judge_end(&self, view: &dyn View, docket: &mut Docket<'_>) {
        for (at, count) in self.known.iter().enumerate() {
            let value = count.value(view.peek(count.cell));
            if value == count.first {
                continue;
            }
            let change = self.open.iter().rev().find(|change| change.count == at);
            let changed = change.map_or(count.spot, |change| change.spot);
            let end = Spot { step: docket.step(), ..changed };
            docket.report(Code::LW022, count.name, |names| {
                let object = names.object(view, count.cell);
                let name = if object.starts_with(count.name) { object } else { count.name.to_owned() };
                let by = (value - count.first).unsigned_abs();
                let (which, did) = if value > count.first { ("many", "raised") } else { ("few", "lowered") };
                (
                    format!("{name} is {value} when everything is closed, {by} too {which}"),
                    (end, format!("the last task ends, {name} is {value} and not {}", count.first)),
                    (changed, format!("{did} here")),
                )
            });
        }
    }
}
