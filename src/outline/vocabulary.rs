//! The kernel's words: what a function of this name does to locks, to the context and to the task that calls it.
//!
//! These are the ones with a meaning of their own. What other functions of the kernel take, allocate or may do is in the catalogue.

/// What a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The Big Kernel Lock: recursive, and given back while its holder sleeps.
    Bkl,
    /// `spinlock_t`
    Spinlock,
    /// `raw_spinlock_t`
    RawSpinlock,
    /// `struct mutex`
    Mutex,
    /// `rwlock_t` of 2.6.23: readers pass a waiting writer.
    Rwlock,
    /// `rwlock_t` since 3.16: fair among tasks, readers in interrupts pass.
    Qrwlock,
    /// `struct rw_semaphore`: fair.
    Rwsem,
    /// A counting semaphore of one; it has no owner.
    Semaphore,
    /// `seqlock_t`: its readers wait for a writer that is under way, and hold nothing.
    Seqlock,
}

impl Kind {
    /// All kinds, as `--convert LOCK=all` shows them.
    pub const ALL: [Kind; 9] = [
        Kind::Bkl,
        Kind::Spinlock,
        Kind::RawSpinlock,
        Kind::Mutex,
        Kind::Rwlock,
        Kind::Qrwlock,
        Kind::Rwsem,
        Kind::Semaphore,
        Kind::Seqlock,
    ];

    /// The word of a declaration.
    pub fn text(self) -> &'static str {
        match self {
            Kind::Bkl => "bkl",
            Kind::Spinlock => "spinlock",
            Kind::RawSpinlock => "raw_spinlock",
            Kind::Mutex => "mutex",
            Kind::Rwlock => "rwlock",
            Kind::Qrwlock => "qrwlock",
            Kind::Rwsem => "rwsem",
            Kind::Semaphore => "semaphore",
            Kind::Seqlock => "seqlock",
        }
    }

    /// From the word, or the C type, or what other kinds of lock come down to.
    pub fn parse(word: &str) -> Option<Kind> {
        let word = word.trim_end_matches("_t");
        Kind::ALL.into_iter().find(|kind| kind.text() == word).or(match word {
            "spin" | "bit_spinlock" | "local_lock" | "lock" => Some(Kind::Spinlock),
            "raw_spin" => Some(Kind::RawSpinlock),
            "rt_mutex" | "ww_mutex" | "sock_lock" | "page_lock" => Some(Kind::Mutex),
            "rw_semaphore" | "percpu_rwsem" => Some(Kind::Rwsem),
            "sem" => Some(Kind::Semaphore),
            "seqcount" => Some(Kind::Seqlock),
            _ => None,
        })
    }

    /// May waiting for it sleep?
    pub fn sleeps(self) -> bool {
        matches!(self, Kind::Mutex | Kind::Rwsem | Kind::Semaphore)
    }

    /// Is its holder atomic?
    pub fn makes_atomic(self) -> bool {
        matches!(self, Kind::Spinlock | Kind::RawSpinlock | Kind::Rwlock | Kind::Qrwlock | Kind::Seqlock)
    }

    /// Can readers share it?
    pub fn is_shared(self) -> bool {
        matches!(self, Kind::Rwlock | Kind::Qrwlock | Kind::Rwsem)
    }

    /// Does a reader wait for a writer that came before it?
    pub fn is_fair(self) -> bool {
        matches!(self, Kind::Qrwlock | Kind::Rwsem)
    }
}

/// Alone, or among readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nobody else.
    Write,
    /// Other readers may be there.
    Read,
}

/// What is masked together with taking a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mask {
    /// Nothing.
    None,
    /// Interrupts, `_irq`.
    Irq,
    /// Interrupts, and their state is kept, `_irqsave`.
    IrqSave,
    /// Bottom halves, `_bh`.
    Bh,
}

/// A change of the context that belongs to no lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// `local_irq_disable`
    IrqOff,
    /// `local_irq_enable`
    IrqOn,
    /// `local_irq_save`
    IrqSave,
    /// `local_irq_restore`
    IrqRestore,
    /// `local_bh_disable`
    BhOff,
    /// `local_bh_enable`
    BhOn,
    /// `preempt_disable`
    PreemptOff,
    /// `preempt_enable`
    PreemptOn,
    /// `rcu_read_lock`
    RcuOn,
    /// `rcu_read_unlock`
    RcuOff,
}

/// How a lock is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// Waits.
    Wait,
    /// Does not wait; 1 if it is taken.
    Try,
    /// Does not wait; 0 if it is taken.
    TryDown,
}

/// Which lock a function means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// The argument of this number.
    Arg(usize),
    /// A field of the first argument.
    Field(&'static str),
    /// Always the same one.
    Fixed(&'static str),
}

/// What a function means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// Takes a lock. Without a kind, that of the declaration, or what its name suggests.
    Lock(Option<Kind>, Mode, Mask, How, Which),
    /// Gives a lock back.
    Unlock(Option<Kind>, Option<Mode>, Mask, Which),
    /// From writer to reader.
    Downgrade,
    /// Changes the context.
    Context(Change),
    /// May sleep, and does nothing else that matters here.
    Sleep,
    /// `schedule()`: sleeps until woken if the task's state says so.
    Schedule,
    /// `set_current_state`
    SetState,
    /// `__set_current_state(TASK_RUNNING)`, `finish_wait`
    Running,
    /// `wait_event(q, e)`; with a timeout it may end by itself.
    WaitEvent(bool),
    /// `prepare_to_wait(&q, ..)`
    PrepareToWait,
    /// `wake_up(q)`
    WakeUp,
    /// `wait_for_completion`; with a timeout it may end by itself.
    WaitCompletion(bool),
    /// `complete`, `complete_all`
    Complete(bool),
    /// `init_completion`, `reinit_completion`
    InitCompletion,
    /// `kthread_stop(t)`
    KthreadStop,
    /// `kthread_should_stop()`
    KthreadShouldStop,
    /// `queue_work(q, w)`: the number of the argument
    QueueWork(usize),
    /// Waits until a work or timer does not run; with `true` it will not run any more.
    FlushWork(bool),
    /// Takes a timer or work off its list, and does not wait.
    Forget,
    /// `synchronize_rcu()`
    SynchronizeRcu,
    /// `read_seqbegin`
    SeqBegin,
    /// `read_seqretry`
    SeqRetry,
    /// An allocation: its flags say whether it sleeps.
    Alloc,
    /// `kfree(p)`
    Free,
    /// `smp_mb()`
    Fence,
    /// A barrier that matters on weaker memory only.
    WeakFence,
    /// `assert(e)`
    Assert,
    /// `BUG_ON(e)`
    BugOn,
    /// `BUG()`
    Bug,
    /// `choose(n)`
    Choose,
    /// Nothing that matters here.
    Nothing,
}

fn suffix(rest: &str) -> Option<(Mask, &str)> {
    let table = [
        ("_irqsave", Mask::IrqSave),
        ("_irqrestore", Mask::IrqSave),
        ("_irq", Mask::Irq),
        ("_bh", Mask::Bh),
        ("", Mask::None),
    ];
    table.iter().find_map(|(word, mask)| rest.strip_prefix(word).map(|rest| (*mask, rest)))
}

/// `spin_lock_irqsave_nested` and its relatives: family, verb, suffix.
fn family(name: &str) -> Option<Word> {
    let families = [
        ("raw_spin_", Kind::RawSpinlock, Mode::Write),
        ("arch_spin_", Kind::RawSpinlock, Mode::Write),
        ("spin_", Kind::Spinlock, Mode::Write),
        ("read_", Kind::Qrwlock, Mode::Read),
        ("write_", Kind::Qrwlock, Mode::Write),
    ];
    let (rest, kind, mode) =
        families.iter().find_map(|(word, kind, mode)| name.strip_prefix(word).map(|rest| (rest, *kind, *mode)))?;
    let verbs = [("trylock", Some(How::Try)), ("lock", Some(How::Wait)), ("unlock", None)];
    let (rest, how) = verbs.iter().find_map(|(verb, how)| rest.strip_prefix(verb).map(|rest| (rest, *how)))?;
    let (mask, rest) = suffix(rest)?;
    if !matches!(rest, "" | "_nested" | "_nest_lock") {
        return None;
    }
    Some(match how {
        Some(how) => Word::Lock(Some(kind), mode, mask, how, Which::Arg(0)),
        None => Word::Unlock(Some(kind), Some(mode), mask, Which::Arg(0)),
    })
}

const fn lock(kind: Kind, mode: Mode, which: Which) -> Word {
    Word::Lock(Some(kind), mode, Mask::None, How::Wait, which)
}

const fn attempt(kind: Kind, mode: Mode, which: Which) -> Word {
    Word::Lock(Some(kind), mode, Mask::None, How::Try, which)
}

const fn unlock(kind: Kind, mode: Mode, which: Which) -> Word {
    Word::Unlock(Some(kind), Some(mode), Mask::None, which)
}

const ARG: Which = Which::Arg(0);

/// Functions that take, or give back, a lock.
const LOCKS: &[(&str, Word)] = &[
    ("lock_kernel", lock(Kind::Bkl, Mode::Write, Which::Fixed("kernel_lock"))),
    ("unlock_kernel", unlock(Kind::Bkl, Mode::Write, Which::Fixed("kernel_lock"))),
    ("mutex_lock", lock(Kind::Mutex, Mode::Write, ARG)),
    ("mutex_lock_nested", lock(Kind::Mutex, Mode::Write, ARG)),
    ("mutex_lock_interruptible", lock(Kind::Mutex, Mode::Write, ARG)),
    ("mutex_lock_killable", lock(Kind::Mutex, Mode::Write, ARG)),
    ("mutex_lock_io", lock(Kind::Mutex, Mode::Write, ARG)),
    ("mutex_trylock", attempt(Kind::Mutex, Mode::Write, ARG)),
    ("mutex_unlock", unlock(Kind::Mutex, Mode::Write, ARG)),
    ("rt_mutex_lock", lock(Kind::Mutex, Mode::Write, ARG)),
    ("rt_mutex_unlock", unlock(Kind::Mutex, Mode::Write, ARG)),
    ("ww_mutex_lock", lock(Kind::Mutex, Mode::Write, ARG)),
    ("ww_mutex_unlock", unlock(Kind::Mutex, Mode::Write, ARG)),
    ("down_read", lock(Kind::Rwsem, Mode::Read, ARG)),
    ("down_read_nested", lock(Kind::Rwsem, Mode::Read, ARG)),
    ("down_read_killable", lock(Kind::Rwsem, Mode::Read, ARG)),
    ("down_read_interruptible", lock(Kind::Rwsem, Mode::Read, ARG)),
    ("down_read_trylock", attempt(Kind::Rwsem, Mode::Read, ARG)),
    ("up_read", unlock(Kind::Rwsem, Mode::Read, ARG)),
    ("down_write", lock(Kind::Rwsem, Mode::Write, ARG)),
    ("down_write_nested", lock(Kind::Rwsem, Mode::Write, ARG)),
    ("down_write_killable", lock(Kind::Rwsem, Mode::Write, ARG)),
    ("down_write_trylock", attempt(Kind::Rwsem, Mode::Write, ARG)),
    ("up_write", unlock(Kind::Rwsem, Mode::Write, ARG)),
    ("downgrade_write", Word::Downgrade),
    ("percpu_down_read", lock(Kind::Rwsem, Mode::Read, ARG)),
    ("percpu_up_read", unlock(Kind::Rwsem, Mode::Read, ARG)),
    ("percpu_down_write", lock(Kind::Rwsem, Mode::Write, ARG)),
    ("percpu_up_write", unlock(Kind::Rwsem, Mode::Write, ARG)),
    ("cpus_read_lock", lock(Kind::Rwsem, Mode::Read, Which::Fixed("cpu_hotplug_lock"))),
    ("cpus_read_unlock", unlock(Kind::Rwsem, Mode::Read, Which::Fixed("cpu_hotplug_lock"))),
    ("cpus_write_lock", lock(Kind::Rwsem, Mode::Write, Which::Fixed("cpu_hotplug_lock"))),
    ("cpus_write_unlock", unlock(Kind::Rwsem, Mode::Write, Which::Fixed("cpu_hotplug_lock"))),
    ("get_online_cpus", lock(Kind::Rwsem, Mode::Read, Which::Fixed("cpu_hotplug_lock"))),
    ("put_online_cpus", unlock(Kind::Rwsem, Mode::Read, Which::Fixed("cpu_hotplug_lock"))),
    ("down", lock(Kind::Semaphore, Mode::Write, ARG)),
    ("down_interruptible", lock(Kind::Semaphore, Mode::Write, ARG)),
    ("down_killable", lock(Kind::Semaphore, Mode::Write, ARG)),
    ("down_trylock", Word::Lock(Some(Kind::Semaphore), Mode::Write, Mask::None, How::TryDown, ARG)),
    ("up", unlock(Kind::Semaphore, Mode::Write, ARG)),
    ("rtnl_lock", lock(Kind::Mutex, Mode::Write, Which::Fixed("rtnl_mutex"))),
    ("rtnl_trylock", attempt(Kind::Mutex, Mode::Write, Which::Fixed("rtnl_mutex"))),
    ("rtnl_unlock", unlock(Kind::Mutex, Mode::Write, Which::Fixed("rtnl_mutex"))),
    ("lock_sock", lock(Kind::Mutex, Mode::Write, Which::Field("sk_lock"))),
    ("lock_sock_nested", lock(Kind::Mutex, Mode::Write, Which::Field("sk_lock"))),
    ("release_sock", unlock(Kind::Mutex, Mode::Write, Which::Field("sk_lock"))),
    ("bh_lock_sock", lock(Kind::Spinlock, Mode::Write, Which::Field("sk_lock.slock"))),
    ("bh_unlock_sock", unlock(Kind::Spinlock, Mode::Write, Which::Field("sk_lock.slock"))),
    ("lock_page", lock(Kind::Mutex, Mode::Write, Which::Field("PG_locked"))),
    ("trylock_page", attempt(Kind::Mutex, Mode::Write, Which::Field("PG_locked"))),
    ("unlock_page", unlock(Kind::Mutex, Mode::Write, Which::Field("PG_locked"))),
    ("folio_lock", lock(Kind::Mutex, Mode::Write, Which::Field("PG_locked"))),
    ("folio_trylock", attempt(Kind::Mutex, Mode::Write, Which::Field("PG_locked"))),
    ("folio_unlock", unlock(Kind::Mutex, Mode::Write, Which::Field("PG_locked"))),
    ("lock_buffer", lock(Kind::Mutex, Mode::Write, Which::Field("BH_Lock"))),
    ("unlock_buffer", unlock(Kind::Mutex, Mode::Write, Which::Field("BH_Lock"))),
    ("inode_lock", lock(Kind::Rwsem, Mode::Write, Which::Field("i_rwsem"))),
    ("inode_lock_nested", lock(Kind::Rwsem, Mode::Write, Which::Field("i_rwsem"))),
    ("inode_trylock", attempt(Kind::Rwsem, Mode::Write, Which::Field("i_rwsem"))),
    ("inode_unlock", unlock(Kind::Rwsem, Mode::Write, Which::Field("i_rwsem"))),
    ("inode_lock_shared", lock(Kind::Rwsem, Mode::Read, Which::Field("i_rwsem"))),
    ("inode_unlock_shared", unlock(Kind::Rwsem, Mode::Read, Which::Field("i_rwsem"))),
    ("mmap_read_lock", lock(Kind::Rwsem, Mode::Read, Which::Field("mmap_lock"))),
    ("mmap_read_trylock", attempt(Kind::Rwsem, Mode::Read, Which::Field("mmap_lock"))),
    ("mmap_read_unlock", unlock(Kind::Rwsem, Mode::Read, Which::Field("mmap_lock"))),
    ("mmap_write_lock", lock(Kind::Rwsem, Mode::Write, Which::Field("mmap_lock"))),
    ("mmap_write_unlock", unlock(Kind::Rwsem, Mode::Write, Which::Field("mmap_lock"))),
    ("device_lock", lock(Kind::Mutex, Mode::Write, Which::Field("mutex"))),
    ("device_trylock", attempt(Kind::Mutex, Mode::Write, Which::Field("mutex"))),
    ("device_unlock", unlock(Kind::Mutex, Mode::Write, Which::Field("mutex"))),
    ("console_lock", lock(Kind::Semaphore, Mode::Write, Which::Fixed("console_sem"))),
    ("console_unlock", unlock(Kind::Semaphore, Mode::Write, Which::Fixed("console_sem"))),
    ("task_lock", lock(Kind::Spinlock, Mode::Write, Which::Field("alloc_lock"))),
    ("task_unlock", unlock(Kind::Spinlock, Mode::Write, Which::Field("alloc_lock"))),
    ("bit_spin_lock", lock(Kind::Spinlock, Mode::Write, Which::Arg(1))),
    ("bit_spin_trylock", attempt(Kind::Spinlock, Mode::Write, Which::Arg(1))),
    ("bit_spin_unlock", unlock(Kind::Spinlock, Mode::Write, Which::Arg(1))),
    ("hlist_bl_lock", lock(Kind::Spinlock, Mode::Write, ARG)),
    ("hlist_bl_unlock", unlock(Kind::Spinlock, Mode::Write, ARG)),
    ("local_lock", lock(Kind::Spinlock, Mode::Write, ARG)),
    ("local_unlock", unlock(Kind::Spinlock, Mode::Write, ARG)),
    ("write_seqlock", lock(Kind::Seqlock, Mode::Write, ARG)),
    ("write_sequnlock", unlock(Kind::Seqlock, Mode::Write, ARG)),
    ("write_seqlock_bh", Word::Lock(Some(Kind::Seqlock), Mode::Write, Mask::Bh, How::Wait, ARG)),
    ("write_sequnlock_bh", Word::Unlock(Some(Kind::Seqlock), Some(Mode::Write), Mask::Bh, ARG)),
    ("write_seqlock_irq", Word::Lock(Some(Kind::Seqlock), Mode::Write, Mask::Irq, How::Wait, ARG)),
    ("write_sequnlock_irq", Word::Unlock(Some(Kind::Seqlock), Some(Mode::Write), Mask::Irq, ARG)),
    ("write_seqlock_irqsave", Word::Lock(Some(Kind::Seqlock), Mode::Write, Mask::IrqSave, How::Wait, ARG)),
    ("write_sequnlock_irqrestore", Word::Unlock(Some(Kind::Seqlock), Some(Mode::Write), Mask::IrqSave, ARG)),
    ("write_seqcount_begin", lock(Kind::Seqlock, Mode::Write, ARG)),
    ("write_seqcount_end", unlock(Kind::Seqlock, Mode::Write, ARG)),
    ("read_seqlock_excl", lock(Kind::Seqlock, Mode::Write, ARG)),
    ("read_sequnlock_excl", unlock(Kind::Seqlock, Mode::Write, ARG)),
];

const fn generic(mode: Mode, how: How) -> Word {
    Word::Lock(None, mode, Mask::None, how, ARG)
}

/// Verbs that people write for a lock whose kind they do not say.
const VERBS: &[(&str, Word)] = &[
    ("acquire", generic(Mode::Write, How::Wait)),
    ("lock", generic(Mode::Write, How::Wait)),
    ("take", generic(Mode::Write, How::Wait)),
    ("grab", generic(Mode::Write, How::Wait)),
    ("sync", generic(Mode::Write, How::Wait)),
    ("rlock", generic(Mode::Read, How::Wait)),
    ("read_acquire", generic(Mode::Read, How::Wait)),
    ("trylock", generic(Mode::Write, How::Try)),
    ("tryacquire", generic(Mode::Write, How::Try)),
    ("release", Word::Unlock(None, None, Mask::None, ARG)),
    ("unlock", Word::Unlock(None, None, Mask::None, ARG)),
    ("runlock", Word::Unlock(None, Some(Mode::Read), Mask::None, ARG)),
    ("drop", Word::Unlock(None, None, Mask::None, ARG)),
];

/// All others.
const OTHERS: &[(&str, Word)] = &[
    ("local_irq_disable", Word::Context(Change::IrqOff)),
    ("local_irq_enable", Word::Context(Change::IrqOn)),
    ("local_irq_save", Word::Context(Change::IrqSave)),
    ("local_irq_restore", Word::Context(Change::IrqRestore)),
    ("cli", Word::Context(Change::IrqOff)),
    ("sti", Word::Context(Change::IrqOn)),
    ("local_bh_disable", Word::Context(Change::BhOff)),
    ("local_bh_enable", Word::Context(Change::BhOn)),
    ("preempt_disable", Word::Context(Change::PreemptOff)),
    ("preempt_enable", Word::Context(Change::PreemptOn)),
    ("get_cpu", Word::Context(Change::PreemptOff)),
    ("put_cpu", Word::Context(Change::PreemptOn)),
    ("get_cpu_var", Word::Context(Change::PreemptOff)),
    ("put_cpu_var", Word::Context(Change::PreemptOn)),
    ("get_cpu_ptr", Word::Context(Change::PreemptOff)),
    ("put_cpu_ptr", Word::Context(Change::PreemptOn)),
    ("kmap_atomic", Word::Context(Change::PreemptOff)),
    ("kunmap_atomic", Word::Context(Change::PreemptOn)),
    ("pagefault_disable", Word::Context(Change::PreemptOff)),
    ("pagefault_enable", Word::Context(Change::PreemptOn)),
    ("rcu_read_lock", Word::Context(Change::RcuOn)),
    ("rcu_read_unlock", Word::Context(Change::RcuOff)),
    ("rcu_read_lock_sched", Word::Context(Change::RcuOn)),
    ("rcu_read_unlock_sched", Word::Context(Change::RcuOff)),
    ("rcu_read_lock_bh", Word::Context(Change::BhOff)),
    ("rcu_read_unlock_bh", Word::Context(Change::BhOn)),
    ("might_sleep", Word::Sleep),
    ("cond_resched", Word::Sleep),
    ("schedule", Word::Schedule),
    ("io_schedule", Word::Schedule),
    ("schedule_timeout", Word::Sleep),
    ("set_current_state", Word::SetState),
    ("__set_current_state", Word::SetState),
    ("finish_wait", Word::Running),
    ("prepare_to_wait", Word::PrepareToWait),
    ("prepare_to_wait_exclusive", Word::PrepareToWait),
    ("add_wait_queue", Word::Nothing),
    ("remove_wait_queue", Word::Nothing),
    ("wait_event", Word::WaitEvent(false)),
    ("wait_event_interruptible", Word::WaitEvent(false)),
    ("wait_event_killable", Word::WaitEvent(false)),
    ("wait_event_timeout", Word::WaitEvent(true)),
    ("wait_event_interruptible_timeout", Word::WaitEvent(true)),
    ("wake_up", Word::WakeUp),
    ("wake_up_all", Word::WakeUp),
    ("wake_up_interruptible", Word::WakeUp),
    ("wake_up_process", Word::WakeUp),
    ("wake_up_nr", Word::WakeUp),
    ("wake_up_bit", Word::WakeUp),
    ("wait_for_completion", Word::WaitCompletion(false)),
    ("wait_for_completion_interruptible", Word::WaitCompletion(false)),
    ("wait_for_completion_killable", Word::WaitCompletion(false)),
    ("wait_for_completion_timeout", Word::WaitCompletion(true)),
    ("complete", Word::Complete(false)),
    ("complete_all", Word::Complete(true)),
    ("init_completion", Word::InitCompletion),
    ("reinit_completion", Word::InitCompletion),
    ("kthread_stop", Word::KthreadStop),
    ("kthread_should_stop", Word::KthreadShouldStop),
    ("queue_work", Word::QueueWork(1)),
    ("queue_delayed_work", Word::QueueWork(1)),
    ("schedule_work", Word::QueueWork(0)),
    ("schedule_delayed_work", Word::QueueWork(0)),
    ("mod_timer", Word::QueueWork(0)),
    ("add_timer", Word::QueueWork(0)),
    ("tasklet_schedule", Word::QueueWork(0)),
    ("flush_work", Word::FlushWork(false)),
    ("flush_delayed_work", Word::FlushWork(false)),
    ("flush_workqueue", Word::FlushWork(false)),
    ("cancel_work_sync", Word::FlushWork(true)),
    ("cancel_delayed_work_sync", Word::FlushWork(true)),
    ("del_timer_sync", Word::FlushWork(true)),
    ("timer_delete_sync", Word::FlushWork(true)),
    ("tasklet_kill", Word::FlushWork(true)),
    ("del_timer", Word::Forget),
    ("timer_delete", Word::Forget),
    ("cancel_work", Word::Forget),
    ("cancel_delayed_work", Word::Forget),
    ("synchronize_rcu", Word::SynchronizeRcu),
    ("synchronize_net", Word::SynchronizeRcu),
    ("synchronize_sched", Word::SynchronizeRcu),
    ("rcu_barrier", Word::SynchronizeRcu),
    ("read_seqbegin", Word::SeqBegin),
    ("read_seqcount_begin", Word::SeqBegin),
    ("read_seqretry", Word::SeqRetry),
    ("read_seqcount_retry", Word::SeqRetry),
    ("kfree", Word::Free),
    ("kvfree", Word::Free),
    ("vfree", Word::Free),
    ("kfree_sensitive", Word::Free),
    ("kmem_cache_free", Word::Free),
    ("free", Word::Free),
    ("smp_mb", Word::Fence),
    ("mb", Word::Fence),
    ("smp_mb__before_atomic", Word::Fence),
    ("smp_mb__after_atomic", Word::Fence),
    ("smp_rmb", Word::WeakFence),
    ("smp_wmb", Word::WeakFence),
    ("rmb", Word::WeakFence),
    ("wmb", Word::WeakFence),
    ("barrier", Word::WeakFence),
    ("assert", Word::Assert),
    ("BUG_ON", Word::BugOn),
    ("WARN_ON", Word::Nothing),
    ("WARN_ON_ONCE", Word::Nothing),
    ("BUG", Word::Bug),
    ("panic", Word::Bug),
    ("choose", Word::Choose),
    ("cpu_relax", Word::Nothing),
    ("lockdep_assert_held", Word::Nothing),
];

/// What the function means; nothing if it has no meaning of its own.
pub fn word(name: &str) -> Option<Word> {
    let bare = name.trim_start_matches('_');
    let find = |name: &str, table: &[(&str, Word)]| table.iter().find(|(known, _)| *known == name).map(|(_, word)| *word);
    if let Some(found) = find(name, LOCKS).or_else(|| find(name, VERBS)).or_else(|| find(name, OTHERS)) {
        return Some(found);
    }
    let inner = |name: &str| family(name).filter(|_| name != bare || !name.is_empty());
    inner(name).or_else(|| (name != bare).then(|| inner(bare)).flatten())
}

/// Is it a word of the kernel?
pub fn is_known(name: &str) -> bool {
    word(name).is_some()
}

/// All words with a meaning of their own, for the list; families with one member each.
pub fn all() -> impl Iterator<Item = (&'static str, Word)> {
    LOCKS.iter().chain(OTHERS).copied()
}

/// What a lock of this name most likely is, if nothing else says it.
pub fn guess(name: &str) -> Option<Kind> {
    let last = name.rsplit(['>', '.', '&', ')']).next().unwrap_or(name).to_ascii_lowercase();
    let has = |part: &str| last.contains(part);
    if name.contains("completion)") {
        Some(Kind::Mutex)
    } else if has("mutex") || has("mtx") {
        Some(Kind::Mutex)
    } else if has("rwsem") || has("mmap_lock") || has("mmap_sem") {
        Some(Kind::Rwsem)
    } else if has("rwlock") {
        Some(Kind::Qrwlock)
    } else if has("sem") {
        Some(Kind::Rwsem)
    } else if has("spin") {
        Some(Kind::Spinlock)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_all_their_members() {
        let spin = |mask, how| Some(Word::Lock(Some(Kind::Spinlock), Mode::Write, mask, how, Which::Arg(0)));

        assert_eq!(word("spin_lock"), spin(Mask::None, How::Wait));
        assert_eq!(word("spin_lock_irqsave_nested"), spin(Mask::IrqSave, How::Wait));
        assert_eq!(word("_spin_trylock_bh"), spin(Mask::Bh, How::Try));
        assert!(matches!(word("read_lock_irq"), Some(Word::Lock(Some(Kind::Qrwlock), Mode::Read, Mask::Irq, ..))));
        assert!(matches!(word("write_unlock_irqrestore"), Some(Word::Unlock(_, Some(Mode::Write), Mask::IrqSave, _))));
        assert_eq!(word("spin_lock_init"), None);
        assert_eq!(word("read_seqbegin"), Some(Word::SeqBegin));
    }
}
