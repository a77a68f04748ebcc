//! Real threads without monitor and checks, for their speed.
//!
//! Each operation is one of the machine's: an atomic access, a lock of parking_lot. Remarks cost a call. What is measured is the code
//! under test and where it locks, not a kernel: the cost of a cache miss in an inode, of an interrupt or of a real allocation is not here.
//!
//! Memory has the orderings that the code asks for. Choices are made as if nothing failed. A jiffy is a millisecond.
//!
//! If no thread moves any more, or they go round for too long, the run ends by name ([`Stalled`]).

use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::utils::CachePadded;
use parking_lot::{Condvar, Mutex};

use super::lock::Lock;
use super::table::Table;
use crate::engine::quiet::quietly;
use crate::engine::{Engine, Installed, Program, TASKS_MAX, new_execution};
use crate::event::{Access, Note, ObjectId, ObjectInfo, ObjectKind, Op, Place, Rmw, TaskId, Woken};

/// No thread moved for that long: nobody will.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// A run takes no longer than that.
const ENDS_AFTER: Duration = Duration::from_secs(60);

/// Why a run has no time: its threads wait for each other, or one of them panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stalled {
    /// No thread moved for seconds.
    #[error("no thread moved for {} seconds", STALLED_AFTER.as_secs())]
    Still,
    /// A task panicked.
    #[error("a task panicked")]
    Panicked,
    /// They move, and come to no end.
    #[error("no end after {} seconds", ENDS_AFTER.as_secs())]
    Endless,
}

/// What an object is to the threads.
enum Real {
    /// A cell, the waiters of a queue as bits, or whether a slab object is freed.
    Word(AtomicU64),
    Lock(Lock),
}

/// A task that sleeps on a queue.
#[derive(Clone, Copy, Default)]
struct Stand {
    sleeping: bool,
    interrupted: bool,
}

struct Shared {
    number: u32,
    objects: Table<Real>,
    /// Names given, by maker; each is counted by its maker alone.
    made: Vec<CachePadded<AtomicU64>>,
    /// Operations performed, by task.
    moves: Vec<CachePadded<AtomicU64>>,
    stands: Mutex<Vec<Stand>>,
    woken: Condvar,
    started: Instant,
    is_over: AtomicBool,
}

struct Seat {
    shared: Arc<Shared>,
    task: TaskId,
}

/// Payload of the unwinding of a run that has stalled.
struct Over;

/// Runs the program once and says how long its tasks took together, from the first that starts to the last that ends.
///
/// # Errors
/// If no thread moves any more.
pub fn run(program: &dyn Program) -> Result<Duration, Stalled> {
    let words = || (0..=TASKS_MAX).map(|_| CachePadded::new(AtomicU64::new(0))).collect();
    let shared = Arc::new(Shared {
        number: new_execution(),
        objects: Table::new(),
        made: words(),
        moves: words(),
        stands: Mutex::new(vec![Stand::default(); TASKS_MAX + 1]),
        woken: Condvar::new(),
        started: Instant::now(),
        is_over: AtomicBool::new(false),
    });
    let _installed = Installed::new(Rc::new(Seat { shared: Arc::clone(&shared), task: TaskId::BOOT }));
    let tasks = program.boot().tasks;
    let start = Barrier::new(tasks.len() + 1);
    let (done, dones) = mpsc::channel();
    thread::scope(|scope| {
        let count = tasks.len();
        for (task, body) in (1..).map(TaskId).zip(tasks) {
            let (shared, start, done) = (Arc::clone(&shared), &start, done.clone());
            scope.spawn(move || {
                let _installed = Installed::new(Rc::new(Seat { shared, task }));
                start.wait();
                // By the thread itself: whoever waits for it may be woken when it has long ended.
                let from = Instant::now();
                let result = quietly(|| panic::catch_unwind(AssertUnwindSafe(body)));
                let to = Instant::now();
                _ = done.send(result.map(|()| (from, to)).map_err(|payload| payload.is::<Over>()));
            });
        }
        start.wait();
        let began = Instant::now();
        let mut times: Option<(Instant, Instant)> = None;
        let mut ended = Ok(());
        let mut left = count;
        let mut moved = shared.moved();
        while left > 0 {
            match dones.recv_timeout(STALLED_AFTER) {
                Ok(Ok((from, to))) => {
                    left -= 1;
                    times = Some(times.map_or((from, to), |(first, last)| (first.min(from), last.max(to))));
                }
                Ok(Err(was_over)) => {
                    left -= 1;
                    if !was_over {
                        ended = ended.and(Err(Stalled::Panicked));
                        shared.end();
                    }
                }
                Err(_) if shared.moved() == moved => {
                    ended = ended.and(Err(Stalled::Still));
                    shared.end();
                }
                Err(_) if began.elapsed() > ENDS_AFTER => {
                    ended = ended.and(Err(Stalled::Endless));
                    shared.end();
                }
                Err(_) => moved = shared.moved(),
            }
        }
        ended.map(|()| times.map_or(Duration::ZERO, |(first, last)| last - first))
    })
}

impl Shared {
    fn moved(&self) -> u64 {
        self.moves.iter().map(|moves| moves.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }

    fn over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        // Under the lock that sleepers hold while they look: none of them misses it.
        let _stands = self.stands.lock();
        self.woken.notify_all();
    }

    fn now(&self) -> u64 {
        1000 + self.started.elapsed().as_millis() as u64
    }
}

impl Seat {
    fn word(&self, id: ObjectId) -> &AtomicU64 {
        match self.shared.objects.get(id) {
            Real::Word(word) => word,
            Real::Lock(_) => unreachable!("internal error: a lock is no cell"),
        }
    }

    fn lock(&self, id: ObjectId) -> &Lock {
        match self.shared.objects.get(id) {
            Real::Lock(lock) => lock,
            Real::Word(_) => unreachable!("internal error: a cell is no lock"),
        }
    }

    fn leave(&self) -> u64 {
        if !thread::panicking() {
            panic::resume_unwind(Box::new(Over));
        }
        // It unwinds already; what its guards do is nobody's business.
        0
    }

    fn take(&self, id: ObjectId, op: Op) -> u64 {
        // The set-up waits for nobody.
        match self.lock(id).take(self.task, op, &|| self.task == TaskId::BOOT || self.shared.over()) {
            true => 0,
            false if self.task == TaskId::BOOT => 1,
            false => self.leave(),
        }
    }

    fn stand(&self, change: impl FnOnce(&mut Stand)) {
        change(&mut self.shared.stands.lock()[usize::from(self.task.0)]);
    }

    fn wake(&self, queue: ObjectId) -> u64 {
        let woken = self.word(queue).swap(0, Ordering::SeqCst);
        if woken != 0 {
            let mut stands = self.shared.stands.lock();
            for (task, stand) in stands.iter_mut().enumerate() {
                stand.sleeping &= woken >> task & 1 == 0;
            }
            self.shared.woken.notify_all();
        }
        u64::from(woken.count_ones())
    }

    fn sleep(&self, deadline: Option<u64>) -> u64 {
        let me = usize::from(self.task.0);
        let mut stands = self.shared.stands.lock();
        loop {
            if self.shared.over() {
                drop(stands);
                return self.leave();
            }
            let stand = &mut stands[me];
            let (sleeping, now) = (stand.sleeping, self.shared.now());
            if !sleeping || stand.interrupted || deadline.is_some_and(|at| at <= now) {
                stand.sleeping = false;
                let by_signal = sleeping && std::mem::take(&mut stand.interrupted);
                let woken = if by_signal { Woken::Signal } else { Woken::Timeout };
                return if sleeping { woken as u64 } else { Woken::Up as u64 };
            }
            match deadline {
                Some(at) => _ = self.shared.woken.wait_for(&mut stands, Duration::from_millis(at - now)),
                None => self.shared.woken.wait(&mut stands),
            }
        }
    }

    fn perform_on_queue(&self, op: Op) -> u64 {
        match op {
            Op::Enqueue(queue) => {
                self.stand(|stand| stand.sleeping = true);
                self.word(queue).fetch_or(1 << self.task.0, Ordering::SeqCst);
            }
            Op::Dequeue(queue) => {
                self.word(queue).fetch_and(!(1 << self.task.0), Ordering::SeqCst);
                self.stand(|stand| stand.sleeping = false);
            }
            Op::Wake(queue) => return self.wake(queue),
            Op::Sleep(deadline) => return self.sleep(deadline),
            Op::Interrupt(task) => {
                self.shared.stands.lock()[usize::from(task.0)].interrupted = true;
                self.shared.woken.notify_all();
            }
            _ => unreachable!("internal error: {op:?} is no operation on a queue"),
        }
        0
    }
}

fn rmw(word: &AtomicU64, op: Rmw, ordering: Ordering) -> u64 {
    match op {
        Rmw::Add(by) => word.fetch_add(by, ordering),
        Rmw::Xchg(new) => word.swap(new, ordering),
        Rmw::CmpXchg(old, new) => {
            let failure = if ordering == Ordering::SeqCst { Ordering::SeqCst } else { Ordering::Relaxed };
            word.compare_exchange(old, new, ordering, failure).unwrap_or_else(|found| found)
        }
        Rmw::IncNotZero => {
            let next = |old: u64| (old != 0).then(|| old.wrapping_add(1));
            word.fetch_update(ordering, Ordering::Relaxed, next).unwrap_or(0)
        }
        Rmw::Vacate(bit) => word.fetch_and(!(1 << bit), ordering),
        Rmw::Claim(_) => word.fetch_update(ordering, Ordering::Relaxed, |old| Some(op.apply(old))).unwrap_or(0),
        Rmw::Cas(..) | Rmw::Alu(..) => unreachable!("internal error: user-land code is refused"),
    }
}

/// How the machine is asked for such an access.
fn ordering(access: Access, is_store: bool) -> Ordering {
    match (access, is_store) {
        (Access::Plain | Access::Once, _) => Ordering::Relaxed,
        (Access::Acquire, false) => Ordering::Acquire,
        (Access::Release, true) => Ordering::Release,
        (Access::Relaxed, _) => Ordering::Relaxed,
        (Access::Full | Access::Acquire | Access::Release | Access::AcqRel, _) => Ordering::SeqCst,
    }
}

impl Engine for Seat {
    fn execution(&self) -> u32 {
        self.shared.number
    }

    fn task(&self) -> TaskId {
        self.task
    }

    fn create(&self, info: ObjectInfo, value: u64) -> ObjectId {
        let made = &self.shared.made[usize::from(self.task.0)];
        let count = made.load(Ordering::Relaxed) + 1;
        made.store(count, Ordering::Relaxed);
        let id = ObjectId::new(self.task, count as u32);
        let real = match Lock::new(info.kind, value) {
            Some(lock) => Real::Lock(lock),
            None if info.kind == ObjectKind::Block => Real::Word(AtomicU64::new(0)),
            None => Real::Word(AtomicU64::new(value)),
        };
        self.shared.objects.add(id, real);
        id
    }

    fn set_node(&self, _node: Option<u8>) {}

    fn init(&self, id: ObjectId, value: u64) {
        self.word(id).store(value, Ordering::Relaxed);
    }

    fn perform(&self, op: Op, _place: Place) -> u64 {
        if self.shared.over() && self.task != TaskId::BOOT {
            return self.leave();
        }
        let moves = &self.shared.moves[usize::from(self.task.0)];
        moves.store(moves.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        match op {
            Op::Load(id, access) => self.word(id).load(ordering(access, false)),
            Op::Store(id, value, access) => {
                self.word(id).store(value, ordering(access, true));
                0
            }
            Op::Rmw(id, how, access) => {
                let full = matches!(access, Access::Full | Access::Acquire | Access::Release);
                rmw(self.word(id), how, if full { Ordering::SeqCst } else { Ordering::Relaxed })
            }
            Op::Fence => {
                fence(Ordering::SeqCst);
                0
            }
            Op::Acquire(id) | Op::AcquireRead(id) | Op::Down(id) => self.take(id, op),
            Op::TryAcquire(id) | Op::TryDown(id) => u64::from(self.lock(id).try_take(self.task, op)),
            Op::Release(id) | Op::ReleaseRead(id) => u64::from(!self.lock(id).give_back(self.task, op)),
            Op::Up(id) => u64::from(!self.lock(id).give_back(self.task, op)),
            Op::Free(id) => self.word(id).swap(1, Ordering::Relaxed),
            // Nothing fails, time moves by itself, and nothing interrupts a thread.
            Op::Choose(..) | Op::Advance(_) | Op::Mask(_) => 0,
            Op::Enter(_) | Op::Leave(_) => unreachable!("internal error: programs with handlers are refused"),
            Op::Flush(..) => unreachable!("internal error: a flush is no task's operation"),
            Op::Spawn(..) | Op::Join(..) | Op::Act(..) => unreachable!("internal error: user-land code is refused"),
            Op::Enqueue(_) | Op::Dequeue(_) | Op::Wake(_) | Op::Sleep(_) | Op::Interrupt(_) => {
                self.perform_on_queue(op)
            }
        }
    }

    fn note(&self, _note: Note, _place: Place) {}

    fn jiffies(&self, _place: Place) -> u64 {
        self.shared.now()
    }
}
