//! Works, timers and threads: which of the tasks a call means.

use super::*;

impl Lower<'_, '_> {
    pub(super) fn other(&mut self, args: &[String], at: usize) -> Option<usize> {
        let Some(name) = args.get(at).map(|arg| plain(arg)) else { return self.worker() };
        let elsewhere = self.scope.task_of(&name);
        self.out.works.extend(elsewhere.map(str::to_owned));
        let name = name.replace("->", ".");
        let is =
            |task: &String| *task == name || task.replace(' ', "") == name || name.rsplit('.').next() == Some(task);
        let here = |task: &String| is(task) || elsewhere.is_some_and(|known| task == known);
        self.tasks.iter().position(here).or_else(|| self.worker())
    }

    /// The work or the timer that is started.
    pub(super) fn started(&mut self, args: &[String], at: usize) -> Option<usize> {
        let path = args.get(at).or_else(|| args.first()).map(|arg| plain(arg)).unwrap_or_default();
        self.out.starts.extend(self.scope.task_of(&path).map(str::to_owned));
        self.other(args, at).or_else(|| self.other(args, 0))
    }

    /// The column that runs the work or the timer of a figure, which its name or its first function says.
    fn worker(&self) -> Option<usize> {
        let is_worker = |name: &str| {
            ["work", "timer", "tasklet", "_wq"].iter().any(|part| name.to_ascii_lowercase().contains(part))
        };
        let first = |task: usize| self.first_calls.get(task).map_or("", String::as_str);
        let mut found = (0..self.tasks.len())
            .filter(|&task| task != self.task && (is_worker(&self.tasks[task]) || is_worker(first(task))));
        let only = found.next().filter(|_| self.is_diagram)?;
        found.next().is_none().then_some(only)
    }

    /// Waits for each work of the queue; one that is on another queue for all that is known is left out.
    pub(super) fn flush_queue(&mut self, name: &str, args: &[String], place: Place) {
        let scope = self.scope;
        let queue = args.first().map(|arg| plain(arg)).unwrap_or_default();
        if self.is_diagram {
            // Of two columns the other one is the work.
            let beside = (0..self.tasks.len()).find(|task| *task != self.task).filter(|_| self.tasks.len() == 2);
            let other = self.worker().or(beside);
            self.push(other.map_or(Op::MaySleep, |other| Op::Flush(other, Wait::Drained)), place);
            return;
        }
        self.push(Op::MaySleep, place);
        let wait = if name.starts_with("flush") { Wait::Turn } else { Wait::Drained };
        for name in scope.works_of(&queue) {
            self.out.works.insert(name.to_owned());
            if let Some(other) = self.tasks.iter().position(|task| task == name) {
                self.push(Op::Flush(other, wait), place);
            }
        }
    }

    /// Up to 2.6.24 one mutex was held until the stopped thread had ended.
    pub(super) fn kthread_stop(&mut self, args: &[String], place: Place) {
        let Some(other) = self.other(args, 0).or_else(|| self.thread()) else {
            self.out.stops |= !self.is_diagram && self.scope.thread().is_some();
            self.push(Op::MaySleep, place);
            return;
        };
        let lock = self.lock(Some(Kind::Mutex), Which::Fixed("kthread_stop_lock"), &[]);
        self.push(Op::Acquire(lock, Mode::Write, None), place);
        self.push(Op::Stop(other), place);
        self.push(Op::Join(other), place);
        self.push(Op::Release(lock, None), place);
    }

    /// A thread that was created and not run begins with its first wake-up.
    pub(super) fn begin_thread(&mut self, function: &str) {
        let scope = self.scope;
        let Some(path) = scope.created_as(function).filter(|_| !self.is_diagram) else { return };
        if self.outside.contains(&Awaited::Completion(path.to_owned())) {
            return;
        }
        let (count, local) = (self.count(&[path.to_owned()]), self.temp());
        self.push(Op::WaitCount(count, Until::Woken, local), Place::default());
    }

    /// The one function, or the one column, that asks whether it is to stop, or is called a thread.
    fn thread(&mut self) -> Option<usize> {
        if self.is_diagram {
            let is_thread = |task: &usize| {
                *task != self.task
                    && (self.asks[*task]
                        || self.tasks[*task].contains("thread")
                        || self.first_calls[*task].contains("thread"))
            };
            let mut found = (0..self.tasks.len()).filter(is_thread);
            return found.next().filter(|_| found.next().is_none());
        }
        let name = self.scope.thread()?.to_owned();
        self.out.works.insert(name.clone());
        self.tasks.iter().position(|task| *task == name).filter(|task| *task != self.task)
    }
}
