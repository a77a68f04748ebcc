//! Threads, handlers and works that a call means without a name, and what waits are for.

use super::*;

impl Scope<'_> {
    /// Does somebody who starts the work or the timer, waits for it or takes it off free what it is a part of under this name?
    pub fn frees_around(&self, task: &str, name: &str) -> bool {
        self.started.frees_around(task, name)
    }

    /// Is a work or a timer a part of what has this name?
    pub fn is_handed_on(&self, name: &str) -> bool {
        let later = |task: &&Task| matches!(task.runs, Runs::Work | Runs::Pending | Runs::Timer | Runs::Soft);
        self.tasks.iter().filter(later).any(|task| task.name.split_once("->").is_some_and(|(root, _)| root == name))
    }

    /// Does anything take the Big Kernel Lock?
    pub fn has_bkl(&self) -> bool {
        self.kinds
            .values()
            .chain(self.families.values())
            .chain(self.conversions.values())
            .any(|kind| *kind == Kind::Bkl)
    }

    /// Is the condition over variables alone?
    pub fn is_set_here(&self, cond: &str) -> bool {
        let Some(cond) = crate::outline::expr::parse(cond) else { return false };
        let mut is_known = true;
        cond.names(&mut |name| is_known &= self.is_shared(name) || self.values.constant(name).is_some());
        is_known
    }

    /// Does somebody wait on the queue for what is not known?
    pub fn opens(&self, queue: &str) -> bool {
        self.open.contains(queue)
    }

    /// The one handler of hard interrupts.
    pub fn interrupt(&self) -> Option<&str> {
        let mut handlers = self.tasks.iter().filter(|task| task.runs == Runs::Hard);
        handlers.next().filter(|_| handlers.next().is_none()).map(|task| task.name.as_str())
    }

    /// The one function that asks whether its thread is to stop.
    pub fn thread(&self) -> Option<&str> {
        self.started.thread()
    }

    /// What a thread was created as that begins with its first wake-up, if this function is one.
    pub fn created_as(&self, function: &str) -> Option<&str> {
        self.created.iter().find(|(of, _)| of == function).map(|(_, path)| path.as_str())
    }

    /// Does to wake this task begin a thread?
    pub fn begins(&self, path: &str) -> bool {
        self.created.iter().any(|(_, known)| known == path)
    }
}

/// Functions that `kthread_create` makes threads of, and what somebody wakes to begin them.
pub(super) fn created(functions: &[Function]) -> Vec<(String, String)> {
    let (mut made, mut woken) = (Vec::new(), HashSet::new());
    for node in functions.iter().flat_map(|function| &function.body) {
        node.each(&mut |node| {
            let Stmt::Call { name, args, result } = &node.stmt else { return };
            match (name.as_str(), args.first(), result) {
                ("kthread_create" | "kthread_create_on_node", Some(function), Some(path)) => {
                    made.push((plain(function), path.clone()));
                }
                ("wake_up_process", Some(task), _) => _ = woken.insert(plain(task)),
                _ => {}
            }
        });
    }
    made.retain(|(_, path)| woken.contains(path));
    made
}
