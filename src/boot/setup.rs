//! What a model is made of: its kernel objects, its tasks, and what is seen at the end.

use crate::engine::{Clock, Preemption};
use crate::event::{Level, Symbol, View};
use crate::kernel::atomic::Atomic;
use crate::kernel::completion::{Completion, Work};
use crate::kernel::lock::{Mutex, SpinLock};
use crate::kernel::plain::{Plain, Word};
use crate::kernel::rcu::{Rcu, RcuHead};
use crate::kernel::rwlock::{RwLock, RwSem};
use crate::kernel::semaphore::Semaphore;
use crate::kernel::seqlock::{SeqCount, SeqLock};
use crate::kernel::task::Task;
use crate::kernel::wait::WaitQueue;
use crate::kernel::{Errno, Faults, Kernel};

/// A model as it is set up: kernel objects, tasks, outcome.
///
/// The closure of [`boot`](crate::boot()) gets a fresh one for every execution and has to do the same with it each time.
pub struct Boot {
    pub(super) kernel: Kernel,
    pub(super) clock: Clock,
    pub(super) tasks: Vec<Planned>,
    pub(super) values: Vec<(String, Value)>,
    pub(super) at_end: Vec<SetUp>,
    /// The rule by which tasks share a CPU.
    pub(super) preemption: Preemption,
    /// How many groups of equal tasks there are so far.
    groups: u8,
}

/// A task before it runs.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) pid: u32,
    /// Tasks with the same number other than 0 are alike.
    pub(super) group: u8,
    pub(super) body: TaskBody,
    /// Its CPU, if it was told which.
    pub(super) cpu: Option<u8>,
    pub(super) level: Level,
    /// How often it comes, if it is a handler.
    pub(super) times: u32,
    /// A handler that is a thread on a real-time kernel.
    pub(super) threaded: bool,
}

pub(super) type TaskBody = Box<dyn FnOnce(&Task) -> Option<i64> + Send>;
pub(super) type Value = Box<dyn Fn(&dyn View) -> i64>;
pub(super) type SetUp = Box<dyn FnOnce(&Task)>;

/// What a task may return: part of the outcome, except for `()`.
pub trait Returned {
    /// The number shown, if there is one.
    fn number(self) -> Option<i64>;
}

impl Returned for () {
    fn number(self) -> Option<i64> {
        None
    }
}

impl Returned for bool {
    fn number(self) -> Option<i64> {
        Some(i64::from(self))
    }
}

macro_rules! returned_numbers {
    ($($number:ty),*) => {
        $(impl Returned for $number {
            fn number(self) -> Option<i64> {
                Some(self as i64)
            }
        })*
    };
}

returned_numbers!(u8, u32, i32, i64, u64, usize);

impl<T: Returned> Returned for Result<T, Errno> {
    /// Errors are negative, as a system call returns them; a success without a value is 0.
    fn number(self) -> Option<i64> {
        match self {
            Ok(value) => Some(value.number().unwrap_or(0)),
            Err(errno) => Some(-errno.number()),
        }
    }
}

impl Boot {
    pub(super) fn new() -> Boot {
        let kernel = Kernel::boot(Faults::default());
        Boot {
            kernel,
            clock: Clock::default(),
            tasks: Vec::new(),
            values: Vec::new(),
            at_end: Vec::new(),
            preemption: Preemption::default(),
            groups: 0,
        }
    }

    /// A `spinlock_t`: its holder is atomic.
    pub fn spinlock(&mut self, name: impl Into<Symbol>) -> SpinLock {
        SpinLock::new(name)
    }

    /// A `raw_spinlock_t`: spins on every kernel, and its holder is atomic on every kernel. A `spinlock_t` under it is LW005, since that sleeps on a real-time kernel.
    ///
    /// ```
    /// use lockwright::prelude::*;
    ///
    /// lockwright::boot(|boot| {
    ///     let (desc, map) = (boot.raw_spinlock("desc"), boot.spinlock("map"));
    ///     boot.task("mask", move |current| {
    ///         let _desc = desc.lock(current);
    ///         drop(map.lock(current));
    ///     });
    /// })
    /// .assert_finds(Code::LW005);
    /// ```
    pub fn raw_spinlock(&mut self, name: impl Into<Symbol>) -> SpinLock {
        SpinLock::raw(name)
    }

    /// A `struct mutex`: waiting for it sleeps.
    pub fn mutex(&mut self, name: impl Into<Symbol>) -> Mutex {
        Mutex::new(name)
    }

    /// An `rwlock_t`: readers share it, and may take it again.
    pub fn rwlock(&mut self, name: impl Into<Symbol>) -> RwLock {
        RwLock::new(name)
    }

    /// A `struct rw_semaphore`: readers share it, in the order of a queue; waiting for it sleeps.
    pub fn rwsem(&mut self, name: impl Into<Symbol>) -> RwSem {
        RwSem::new(name)
    }

    /// A `struct semaphore` with that many permits: as many tasks may be past `down` and not past `up`.
    ///
    /// ```
    /// let two_at_once = lockwright::boot(|boot| {
    ///     let (slots, n) = (boot.semaphore("slots", 2), boot.plain("n", 0u64));
    ///     boot.tasks(2, "adder", move |current| {
    ///         slots.down(current);
    ///         n.set(n.get() + 1);
    ///         slots.up();
    ///     });
    /// });
    /// two_at_once.assert_finds(lockwright::prelude::Code::LW010);
    /// ```
    pub fn semaphore(&mut self, name: impl Into<Symbol>, permits: u32) -> Semaphore {
        Semaphore::new(name, permits)
    }

    /// A `struct completion`.
    pub fn completion(&mut self, name: impl Into<Symbol>) -> Completion {
        Completion::new(name)
    }

    /// A work that is queued: one task is its worker, and calls [`Work::run`].
    pub fn work(&mut self, name: impl Into<Symbol>) -> Work {
        Work::new(name)
    }

    /// The RCU of the model's kernel.
    ///
    /// ```
    /// use lockwright::prelude::*;
    ///
    /// struct Item(Plain<u64>);
    ///
    /// impl Slab for Item {
    ///     const NAME: &'static str = "item";
    ///     fn lay(layout: &mut Layout) -> Item {
    ///         Item(Plain::field(layout, "value"))
    ///     }
    /// }
    ///
    /// // The item is freed although a reader may still look at it. After `rcu.synchronize(current)` nobody does.
    /// lockwright::boot(|boot| {
    ///     let (rcu, head) = (boot.rcu("rcu"), Link::<Item>::new("head"));
    ///     head.init(Some(kmalloc(&boot.current(), Gfp::Kernel).expect("it has memory")));
    ///     boot.task("reader", move |current| {
    ///         let _section = rcu.read_lock(current);
    ///         head.load_acquire().map_or(0, |item| item.get().0.read_once())
    ///     });
    ///     boot.task("remover", move |_| {
    ///         let item = head.read_once();
    ///         head.store_release(None);
    ///         item.into_iter().for_each(kfree);
    ///     });
    /// })
    /// .assert_finds(Code::LW020);
    /// ```
    pub fn rcu(&mut self, name: impl Into<Symbol>) -> Rcu {
        Rcu::new(name)
    }

    /// A function that is to run after a grace period: one task runs it, see [`RcuHead::run`].
    pub fn rcu_head(&mut self, name: impl Into<Symbol>, rcu: Rcu) -> RcuHead {
        RcuHead::new(name, rcu)
    }

    /// A `seqlock_t`: readers wait for nobody but a writer, and look again where one was.
    pub fn seqlock(&mut self, name: impl Into<Symbol>) -> SeqLock {
        SeqLock::new(name)
    }

    /// A `seqcount_t`, without a lock for its writers.
    pub fn seqcount(&mut self, name: impl Into<Symbol>) -> SeqCount {
        SeqCount::new(name)
    }

    /// An `atomic_t`.
    pub fn atomic(&mut self, name: impl Into<Symbol>, value: i32) -> Atomic {
        Atomic::new(name, value)
    }

    /// Plain memory: two accesses that nothing orders, one of them a write, are a data race (LW010).
    pub fn plain<T: Word>(&mut self, name: impl Into<Symbol>, value: T) -> Plain<T> {
        Plain::new(name, value)
    }

    /// A wait queue.
    pub fn wait_queue(&mut self, name: impl Into<Symbol>) -> WaitQueue {
        WaitQueue::new(name)
    }

    /// The booted kernel, for what needs one: `lock_kernel` and the allocator.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// `current` of the set-up: for kernel calls that are made before any task starts.
    pub fn current(&self) -> Task {
        Task::new(Kernel { faults: Faults::default(), ..self.kernel }, 0)
    }

    /// Lets allocations fail: each is explored with and without memory.
    pub fn allocations_may_fail(&mut self) {
        self.kernel.faults.memory = true;
    }

    /// When virtual time moves while a task sleeps with a timeout. By default, when no task can run.
    pub fn clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// A task. What it returns is part of the outcome.
    ///
    /// The closure is `Copy`, so it captures names of kernel objects and numbers, and nothing that changes: an `Arc`, `Rc`,
    /// `Cell` or `Vec` does not compile. What tasks share beside the kernel's objects no search could see.
    ///
    /// ```compile_fail
    /// lockwright::boot(|boot| {
    ///     let shared = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    ///     boot.task("a", move |_| _ = shared.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    /// });
    /// ```
    pub fn task<R: Returned>(
        &mut self,
        name: impl Into<String>,
        body: impl FnOnce(&Task) -> R + Copy + Send + 'static,
    ) {
        self.plan(name.into(), 0, body);
    }

    /// As many tasks that run the same code: nothing tells them apart but their names (`name 1`, `name 2`, ...).
    ///
    /// With [`Config::symmetry`](crate::explore::Config::symmetry) states that differ only in which of them is which count once.
    pub fn tasks<R: Returned>(
        &mut self,
        count: usize,
        name: &str,
        body: impl FnOnce(&Task) -> R + Copy + Send + 'static,
    ) {
        self.groups += 1;
        for number in 1..=count {
            self.plan(format!("{name} {number}"), self.groups, body);
        }
    }

    fn plan<R: Returned>(&mut self, name: String, group: u8, body: impl FnOnce(&Task) -> R + Send + 'static) {
        // Tasks that are alike are threads of one process: a number of their own would tell them apart.
        let before = self.tasks.iter().find(|task| group != 0 && task.group == group);
        let pid = before.map_or(self.tasks.len() as u32 + 1, |task| task.pid);
        let body = Box::new(move |current: &Task| body(current).number());
        self.tasks.push(Planned { name, pid, group, body, cpu: None, level: Level::Task, times: 1, threaded: false });
    }

    /// A value of the final state that belongs to the outcome.
    pub fn outcome<T: Word>(&mut self, name: impl Into<String>, value: impl Fn(&dyn View) -> T + 'static) {
        self.values.push((name.into(), Box::new(move |view| value(view).to_word() as i64)));
    }

    /// What is cleaned up when all tasks are done. What is still allocated after that is a leak (LW022).
    pub fn at_end(&mut self, clean_up: impl FnOnce(&Task) + 'static) {
        self.at_end.push(Box::new(clean_up));
    }
}
