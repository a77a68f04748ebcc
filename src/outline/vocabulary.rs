//! The kernel's words: what a function of this name does to locks, to the context and to the task that calls it.
//!
//! These are the ones with a meaning of their own. What other functions of the kernel take, allocate or may do is in the catalogue.

mod table;

use table::{LOCKS, OTHERS, VERBS};

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
    /// Waits if a count falls to 0; 1 if it did, and the lock is taken.
    IfLast,
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

/// How a call waits for a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flush {
    /// Until it has run.
    Waits,
    /// After it was taken off its list. It may be queued again after that.
    Cancels,
    /// The same, and it is not queued any more.
    Disables,
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
    /// Waits until a work does not run.
    FlushWork(Flush),
    /// Spins until a timer's handler does not run, and takes it off its list; with `true` it is never on it again.
    SpinForTimer(bool),
    /// Takes a timer or work off its list, and does not wait.
    Forget,
    /// `synchronize_rcu()`
    SynchronizeRcu,
    /// `rcu_barrier()`
    RcuBarrier,
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

/// Families of functions that take a lock of what they are handed: how they begin, the kind, the field.
const OWNED: [(&str, Kind, &str); 9] = [
    ("netif_addr_", Kind::Spinlock, "addr_list_lock"),
    ("netif_tx_", Kind::Spinlock, "tx_global_lock"),
    ("raw_spin_rq_", Kind::RawSpinlock, "__lock"),
    ("rq_", Kind::RawSpinlock, "__lock"),
    ("sch_tree_", Kind::Spinlock, "root_lock"),
    ("snd_pcm_stream_", Kind::Spinlock, "lock"),
    ("task_rq_", Kind::RawSpinlock, "pi_lock"),
    ("unix_state_", Kind::Spinlock, "lock"),
    ("xa_", Kind::Spinlock, "xa_lock"),
];

/// `spin_lock_irqsave_nested` and its relatives: family, verb, suffix.
fn family(name: &str) -> Option<Word> {
    let families = [
        ("raw_spin_", Kind::RawSpinlock, Mode::Write),
        ("arch_spin_", Kind::RawSpinlock, Mode::Write),
        ("spin_", Kind::Spinlock, Mode::Write),
        ("read_", Kind::Qrwlock, Mode::Read),
        ("write_", Kind::Qrwlock, Mode::Write),
    ];
    let plain = families.iter().map(|(word, kind, mode)| (*word, *kind, *mode, Which::Arg(0)));
    let owned = OWNED.iter().map(|(word, kind, field)| (*word, *kind, Mode::Write, Which::Field(field)));
    let (rest, kind, mode, which) = owned
        .chain(plain)
        .find_map(|(word, kind, mode, which)| name.strip_prefix(word).map(|rest| (rest, kind, mode, which)))?;
    let verbs = [("trylock", Some(How::Try)), ("lock", Some(How::Wait)), ("unlock", None)];
    let (rest, how) = verbs.iter().find_map(|(verb, how)| rest.strip_prefix(verb).map(|rest| (rest, *how)))?;
    let (mask, rest) = suffix(rest)?;
    if !matches!(rest, "" | "_nested" | "_nest_lock") {
        return None;
    }
    Some(match how {
        Some(how) => Word::Lock(Some(kind), mode, mask, how, which),
        None => Word::Unlock(Some(kind), Some(mode), mask, which),
    })
}

/// What the function means; nothing if it has no meaning of its own.
pub fn word(name: &str) -> Option<Word> {
    let bare = name.trim_start_matches('_');
    let find =
        |name: &str, table: &[(&str, Word)]| table.iter().find(|(known, _)| *known == name).map(|(_, word)| *word);
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

/// What a wait for a lock returns that a signal ends: `-EINTR`.
pub const INTERRUPTED: i64 = -4;

/// What other waits return that a signal ends: `-ERESTARTSYS`.
pub const RESTART: i64 = -512;

/// May a signal end the wait?
pub fn is_interruptible(name: &str) -> bool {
    name.contains("_interruptible") || name.contains("_killable")
}

/// Is it a verb that people write for a lock whose kind they do not say?
pub fn is_verb(name: &str) -> bool {
    VERBS.iter().any(|(verb, _)| *verb == name)
}

/// All words with a meaning of their own, for the list; families with one member each.
pub fn all() -> impl Iterator<Item = (&'static str, Word)> {
    LOCKS.iter().chain(OTHERS).copied()
}

/// What a lock of this name most likely is, if nothing else says it.
pub fn guess(name: &str) -> Option<Kind> {
    let last = name.rsplit(['>', '.', '&', ')']).next().unwrap_or(name).to_ascii_lowercase();
    let has = |part: &str| last.contains(part);
    if name.contains("completion)") || has("mutex") || has("mtx") {
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
