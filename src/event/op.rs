//! What there is to ask of an operation. (What it does to a state, the engine says.)

use super::{Access, Act, ObjectId, Op, Rmw};

impl Op {
    /// The object it is about, if it is about one.
    pub fn object(self) -> Option<ObjectId> {
        match self {
            Op::Load(id, _) | Op::Store(id, ..) | Op::Rmw(id, ..) => Some(id),
            Op::Acquire(id) | Op::TryAcquire(id) | Op::Release(id) | Op::AcquireRead(id) | Op::ReleaseRead(id) => {
                Some(id)
            }
            Op::Down(id) | Op::TryDown(id) | Op::Up(id) => Some(id),
            Op::Enqueue(id) | Op::Dequeue(id) | Op::Wake(id) | Op::Free(id) | Op::Flush(id, _) => Some(id),
            Op::Spawn(id, _) | Op::Join(id, _) | Op::Act(id, _) => Some(id),
            Op::Fence | Op::Sleep(_) | Op::Choose(..) | Op::Interrupt(_) | Op::Advance(_) => None,
            Op::Mask(_) | Op::Enter(_) | Op::Leave(_) => None,
        }
    }

    /// What the task learns from a result: an operation that returns nothing to the code tells it nothing.
    ///
    /// `atomic_inc` and `atomic_dec` are void in C, and so is `wake_up`; their results are for traces and checks.
    pub fn observed(self, result: u64) -> u64 {
        match self {
            Op::Rmw(_, Rmw::Add(_), Access::Once) | Op::Wake(_) => 0,
            Op::Act(_, act) => act.observed(result),
            _ => result,
        }
    }

    /// All that tells it from other operations, in three words: quicker to hash than the derived way.
    pub fn words(self) -> [u64; 3] {
        let word = |tag: u64, id: ObjectId, access: u64| tag | access << 8 | u64::from(id.0) << 16;
        match self {
            Op::Load(id, access) => [word(0, id, access as u64), 0, 0],
            Op::Store(id, value, access) => [word(1, id, access as u64), value, 0],
            Op::Rmw(id, Rmw::Add(by), access) => [word(2, id, access as u64), by, 0],
            Op::Rmw(id, Rmw::Xchg(new), access) => [word(3, id, access as u64), new, 0],
            Op::Rmw(id, Rmw::CmpXchg(old, new), access) => [word(4, id, access as u64), old, new],
            Op::Rmw(id, Rmw::IncNotZero, access) => [word(21, id, access as u64), 0, 0],
            Op::Rmw(id, Rmw::Claim(slots), access) => [word(35, id, access as u64), slots as u64, 0],
            Op::Rmw(id, Rmw::Vacate(bit), access) => [word(36, id, access as u64), u64::from(bit), 0],
            Op::Fence => [5, 0, 0],
            Op::Acquire(id) => [word(6, id, 0), 0, 0],
            Op::TryAcquire(id) => [word(7, id, 0), 0, 0],
            Op::Release(id) => [word(8, id, 0), 0, 0],
            Op::Enqueue(id) => [word(9, id, 0), 0, 0],
            Op::Dequeue(id) => [word(10, id, 0), 0, 0],
            Op::Wake(id) => [word(11, id, 0), 0, 0],
            Op::Sleep(None) => [12, 0, 0],
            Op::Sleep(Some(deadline)) => [13, deadline, 0],
            Op::Free(id) => [word(14, id, 0), 0, 0],
            Op::Choose(n, _) => [15, u64::from(n), 0],
            Op::Interrupt(task) => [16, u64::from(task.0), 0],
            Op::Advance(by) => [17, by, 0],
            Op::Flush(id, value) => [word(18, id, 0), value, 0],
            Op::AcquireRead(id) => [word(19, id, 0), 0, 0],
            Op::ReleaseRead(id) => [word(20, id, 0), 0, 0],
            Op::Down(id) => [word(22, id, 0), 0, 0],
            Op::TryDown(id) => [word(23, id, 0), 0, 0],
            Op::Up(id) => [word(24, id, 0), 0, 0],
            Op::Rmw(id, Rmw::Cas(old, new, failure), access) => {
                [word(30, id, access as u64 | (failure as u64) << 4), old, new]
            }
            Op::Rmw(id, Rmw::Alu(alu, by), access) => {
                let what = alu.what as u64 | u64::from(alu.bits) << 8 | u64::from(alu.signed) << 16;
                [word(31, id, access as u64), by, what | 1 << 32]
            }
            Op::Spawn(id, task) => [word(32, id, 0), u64::from(task.0), 0],
            Op::Join(id, task) => [word(33, id, 0), u64::from(task.0), 0],
            Op::Act(id, act) => {
                let [tag, content] = act.words();
                [word(34, id, tag), content, 0]
            }
            Op::Mask(mask) => [25 | mask.tag() << 8, 0, 0],
            Op::Enter(level) => [26 | (level as u64) << 8, 0, 0],
            Op::Leave(level) => [27 | (level as u64) << 8, 0, 0],
        }
    }

    /// Does it wait until the task's own stores have reached memory? Locked instructions and full barriers do, on a machine
    /// with store buffers; so does whatever takes a lock inside.
    pub fn drains(self) -> bool {
        let stays = matches!(self, Op::Load(..) | Op::Store(..) | Op::Release(_) | Op::Choose(..) | Op::Flush(..));
        !stays && !matches!(self, Op::Mask(_))
    }

    /// Does it go to its task's store buffer, on a machine that has them?
    pub fn is_buffered(self) -> bool {
        matches!(self, Op::Store(..) | Op::Release(_))
    }

    /// The lock that it takes, tries or releases.
    pub fn lock(self) -> Option<ObjectId> {
        match self {
            Op::Acquire(lock) | Op::TryAcquire(lock) | Op::AcquireRead(lock) => Some(lock),
            Op::Release(lock) | Op::ReleaseRead(lock) | Op::Act(lock, Act::TryRead) => Some(lock),
            _ => None,
        }
    }

    /// The object of which more than a cell's value decides: whether the operation can be performed now, and what comes of it.
    pub fn gate(self) -> Option<ObjectId> {
        match self {
            Op::Down(semaphore) | Op::TryDown(semaphore) | Op::Up(semaphore) => Some(semaphore),
            Op::Act(token, Act::Post) => Some(token),
            _ => self.lock(),
        }
    }

    /// The object that the task waits for until others release it.
    pub fn waits_for(self) -> Option<ObjectId> {
        match self {
            Op::Acquire(lock) | Op::AcquireRead(lock) | Op::Down(lock) => Some(lock),
            Op::Join(thread, _) => Some(thread),
            Op::Act(channel, act) if act.waits() => Some(channel),
            _ => None,
        }
    }

    /// The object that it releases: tasks that wait for it may run.
    pub fn gives_back(self) -> Option<ObjectId> {
        match self {
            Op::Release(lock) | Op::ReleaseRead(lock) | Op::Up(lock) | Op::Act(lock, Act::Post) => Some(lock),
            _ => None,
        }
    }

    /// If it accesses memory: does it write, and how is the access marked?
    pub fn access(self) -> Option<(bool, Access)> {
        match self {
            Op::Load(_, access) => Some((false, access)),
            Op::Store(_, _, access) | Op::Rmw(_, _, access) => Some((true, access)),
            _ => None,
        }
    }
}
