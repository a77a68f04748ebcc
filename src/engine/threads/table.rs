//! What real threads find by the name of an object: written once by its maker, read by all without a lock.
//!
//! Each maker has a row. A row is shelves that never move, each twice as long as the one before; only its maker adds to it.

use std::sync::OnceLock;

use crate::engine::TASKS_MAX;
use crate::event::ObjectId;

const FIRST_SHELF: usize = 32;
/// Enough for all names that an object can have: 24 bits.
const SHELVES: usize = 20;

type Shelf<T> = Box<[OnceLock<T>]>;

struct Row<T>([OnceLock<Shelf<T>>; SHELVES]);

/// Something for each object of an execution.
pub(super) struct Table<T>(Box<[Row<T>]>);

/// Shelf of an object of its maker, and the place on it.
fn place_of(id: ObjectId) -> (usize, usize) {
    let above = id.count() as usize - 1 + FIRST_SHELF;
    let shelf = above.ilog2() - FIRST_SHELF.ilog2();
    (shelf as usize, above - (FIRST_SHELF << shelf))
}

impl<T> Table<T> {
    pub fn new() -> Table<T> {
        Table((0..=TASKS_MAX).map(|_| Row([const { OnceLock::new() }; SHELVES])).collect())
    }

    /// Adds an object that nobody knows yet.
    pub fn add(&self, id: ObjectId, value: T) {
        let (shelf, place) = place_of(id);
        let Row(shelves) = &self.0[usize::from(id.creator().0)];
        let shelf =
            shelves[shelf].get_or_init(|| (0..FIRST_SHELF << shelf).map(|_| OnceLock::new()).collect::<Shelf<T>>());
        assert!(shelf[place].set(value).is_ok(), "internal error: an object is made once");
    }

    /// What was added for the object.
    #[inline]
    pub fn get(&self, id: ObjectId) -> &T {
        let (shelf, place) = place_of(id);
        let Row(shelves) = &self.0[usize::from(id.creator().0)];
        let found = shelves[shelf].get().and_then(|shelf| shelf[place].get());
        found.expect("internal error: an object is added before it is named")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TaskId;

    #[test]
    fn each_object_has_a_place_of_its_own() {
        let table = Table::new();
        let names = |maker| (1..=1000).map(move |count| ObjectId::new(TaskId(maker), count));

        [0, 3].into_iter().flat_map(names).for_each(|id| table.add(id, id.0));

        assert!([3, 0].into_iter().flat_map(names).all(|id| *table.get(id) == id.0));
        // 32 on the first shelf, and the last of all names is on the last.
        assert_eq!(place_of(ObjectId::new(TaskId(1), 33)), (1, 0));
        assert_eq!(place_of(ObjectId::new(TaskId(1), (1 << 24) - 1)).0, SHELVES - 1);
    }
}
