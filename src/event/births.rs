//! Tasks that are born while a program runs, and what each is called.
//!
//! A task is named by its parent and the parent's own count, never by the schedule: the second thread that `main` spawns is the same
//! task in every execution. Its number is given when any execution first meets it, and is the same from then on in the whole
//! exploration. Numbers are few ([`TaskId`] is a byte), so they are kept in one table that all executions of a program share.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Symbol, TaskId};

/// A task as it is known.
#[derive(Clone, Copy, Debug)]
struct Born {
    parent: TaskId,
    /// Which of its parent's children it is, from 1.
    ordinal: u32,
    name: Symbol,
}

/// The tasks of a program, by number. Clones share the table.
#[derive(Clone, Debug, Default)]
pub struct Births(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    born: Vec<Born>,
    /// A loop has yielded.
    spins: bool,
    /// A task that reads what a lock guards has read it again, beside writers.
    reads_again: bool,
    /// A weak exchange was made, and might it fail without a reason?
    weak: Option<bool>,
    /// A pointer was compared with the one in a cell.
    compares: bool,
    /// The number of handles was asked for, by `strong_count`.
    counts: bool,
    /// A handle was cloned beside other tasks.
    clones: bool,
    /// A task has operated while it unwound from a panic, and gone on, beside other tasks.
    catches: bool,
}

/// What the search does not see of user-land code that does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlindSpot {
    /// Whether an allocator gives an address out again is its own doing, and a compare-exchange of pointers could tell.
    Pointers,
    /// A clone is a part of the step before it, and `strong_count` could tell.
    Counts,
    /// What a task does while it unwinds from a panic that it catches is a part of the step before it.
    Unwinding,
}

impl PartialEq for Births {
    fn eq(&self, other: &Births) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Births {}

impl Births {
    /// A table with one task, from which all others come.
    pub fn new(root: &str) -> Births {
        let root = Born { parent: TaskId::BOOT, ordinal: 1, name: Symbol::new(root) };
        Births(Arc::new(Mutex::new(Table { born: vec![root], ..Table::default() })))
    }

    /// The `ordinal`-th child of `parent`, from 1; `None` if there would be more than `max` tasks.
    ///
    /// It keeps the name that it was first given. A name that another task has already gets the task's path beside it.
    pub fn task(&self, parent: TaskId, ordinal: u32, name: Option<&str>, max: usize) -> Option<TaskId> {
        let table = &mut self.0.lock().born;
        let known = table.iter().position(|born| (born.parent, born.ordinal) == (parent, ordinal));
        let at = match known {
            Some(at) => at,
            None if table.len() >= max => return None,
            None => {
                let path = path(table, parent, ordinal);
                let text = match name {
                    Some(name) if table.iter().all(|born| born.name != *name) => name.to_owned(),
                    Some(name) => format!("{name} ({path})"),
                    None => path,
                };
                table.push(Born { parent, ordinal, name: Symbol::from(text) });
                table.len() - 1
            }
        };
        Some(TaskId(at as u8 + 1))
    }

    /// A task yields.
    pub fn spin(&self) {
        self.0.lock().spins = true;
    }

    /// A task that holds a lock for reading takes it for reading again.
    pub fn read_again(&self) {
        self.0.lock().reads_again = true;
    }

    /// A task makes an exchange that may fail without a reason; is that explored?
    pub fn exchange_weakly(&self, is_explored: bool) {
        self.0.lock().weak = Some(is_explored);
    }

    /// A task compares pointers.
    pub fn compare(&self) {
        self.0.lock().compares = true;
    }

    /// A task asks how many handles there are.
    pub fn count(&self) {
        self.0.lock().counts = true;
    }

    /// A task makes another handle beside other tasks.
    pub fn clone_beside(&self) {
        self.0.lock().clones = true;
    }

    /// A task has unwound, with operations, and goes on.
    pub fn catch(&self) {
        self.0.lock().catches = true;
    }

    /// What no search of the program can have seen.
    pub fn blind(&self) -> Option<BlindSpot> {
        let table = self.0.lock();
        match *table {
            Table { catches: true, .. } => Some(BlindSpot::Unwinding),
            Table { compares: true, .. } => Some(BlindSpot::Pointers),
            Table { counts: true, clones: true, .. } => Some(BlindSpot::Counts),
            _ => None,
        }
    }

    /// What a verdict takes for granted, if any task yields, reads again or exchanges weakly.
    pub fn assumption(&self) -> Option<String> {
        let table = self.0.lock();
        let spins = "a loop that goes round and finds nothing new lets others go first";
        let reads = "who holds a lock for reading and reads again does not wait for writers";
        let never = "a weak exchange does not fail where a strong one succeeds";
        let once = "of two weak exchanges in a row only one fails without a reason";
        let weak = [(table.weak == Some(false), never), (table.weak == Some(true), once)];
        let all = [(table.spins, spins), (table.reads_again, reads)].into_iter().chain(weak);
        let texts: Vec<&str> = all.filter(|(is, _)| *is).map(|(_, text)| text).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// What the task is called.
    pub fn name(&self, task: TaskId) -> Option<Symbol> {
        self.0.lock().born.get(usize::from(task.0).wrapping_sub(1)).map(|born| born.name)
    }

    /// Where the task stands in the tree, as a name that is the same in every process: `0` for the first, `2.1` for the first child of its
    /// second child.
    pub fn path(&self, task: TaskId) -> String {
        let table = &self.0.lock().born;
        match table.get(usize::from(task.0).wrapping_sub(1)) {
            None => "?".to_owned(),
            Some(_) if task.0 == 1 => "0".to_owned(),
            Some(born) => numbers(table, born.parent, born.ordinal),
        }
    }

    /// The task of that path, if any execution has met it.
    pub fn at_path(&self, wanted: &str) -> Option<TaskId> {
        let met = self.0.lock().born.len() as u8;
        (1..=met).map(TaskId).find(|task| self.path(*task) == wanted)
    }

    /// The names of all tasks that were met so far, by number.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().born.iter().map(|born| born.name.to_string()).collect()
    }
}

/// `2.1` for the first child of the second child of the first task.
fn numbers(table: &[Born], parent: TaskId, ordinal: u32) -> String {
    let mut numbers = vec![ordinal.to_string()];
    let mut at = parent;
    while at.0 > 1 {
        let born = table[at.index()];
        numbers.push(born.ordinal.to_string());
        at = born.parent;
    }
    numbers.reverse();
    numbers.join(".")
}

/// `thread 2` for the second child of the first task, `thread 2.1` for the first child of that.
fn path(table: &[Born], parent: TaskId, ordinal: u32) -> String {
    format!("thread {}", numbers(table, parent, ordinal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_one_number_whichever_execution_meets_it_and_its_path_for_a_name() {
        let births = Births::new("main");
        let main = TaskId(1);

        let first = births.task(main, 1, None, 4);
        let named = births.task(main, 2, Some("worker"), 4);
        let grandchild = births.task(TaskId(2), 1, Some("worker"), 4);

        assert_eq!((first, named, grandchild), (Some(TaskId(2)), Some(TaskId(3)), Some(TaskId(4))));
        assert_eq!(births.task(main, 2, Some("another"), 4), Some(TaskId(3)));
        assert_eq!(births.names(), ["main", "thread 1", "worker", "worker (thread 1.1)"]);
        assert_eq!(births.task(main, 3, None, 4), None, "there is no room for a fifth");
        assert_eq!(births.name(TaskId::BOOT), None);
    }
}
