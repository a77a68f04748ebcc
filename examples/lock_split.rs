//! A bank whose one lock becomes a lock for each account: no deadlock, no race, and a total that nobody ever had.
//!
//! Old and new stand behind one trait. The findings of the new bank are none; only its outcomes give it away.
//! `cargo run --example lock_split` prints what
//! can happen in one of the two alone.

use lockwright::prelude::*;

/// Two accounts with 8 and 5.
pub trait Bank: Copy + Send + Sync + 'static {
    /// Makes its locks and accounts.
    fn open(boot: &mut Boot) -> Self;
    /// Moves 5 from the first account to the second.
    fn transfer(self, current: &Task);
    /// What is in both.
    fn total(self, current: &Task) -> u64;
}

/// One lock over everything.
#[derive(Clone, Copy)]
pub struct OneLock(SpinLock, Plain<u64>, Plain<u64>);

impl Bank for OneLock {
    fn open(boot: &mut Boot) -> OneLock {
        OneLock(boot.spinlock("bank"), boot.plain("first", 8), boot.plain("second", 5))
    }

    fn transfer(self, current: &Task) {
        let _guard = self.0.lock(current);
        self.1.set(self.1.get() - 5);
        self.2.set(self.2.get() + 5);
    }

    fn total(self, current: &Task) -> u64 {
        let _guard = self.0.lock(current);
        self.1.get() + self.2.get()
    }
}

/// A lock for each account.
#[derive(Clone, Copy)]
pub struct TwoLocks([SpinLock; 2], Plain<u64>, Plain<u64>);

impl Bank for TwoLocks {
    fn open(boot: &mut Boot) -> TwoLocks {
        let locks = [boot.spinlock("first.lock"), boot.spinlock("second.lock")];
        TwoLocks(locks, boot.plain("first", 8), boot.plain("second", 5))
    }

    fn transfer(self, current: &Task) {
        let from = self.0[0].lock(current);
        self.1.set(self.1.get() - 5);
        drop(from);
        let _to = self.0[1].lock(current);
        self.2.set(self.2.get() + 5);
    }

    fn total(self, current: &Task) -> u64 {
        let first = {
            let _guard = self.0[0].lock(current);
            self.1.get()
        };
        let _guard = self.0[1].lock(current);
        first + self.2.get()
    }
}

/// A transfer beside a look at the total.
fn audit<B: Bank>(boot: &mut Boot) {
    let bank = B::open(boot);
    boot.task("transfer", move |current| bank.transfer(current));
    boot.task("total", move |current| bank.total(current));
}

/// One of the two banks.
#[allow(dead_code, reason = "the tests use it")]
pub fn audited<B: Bank>() -> Checked {
    lockwright::boot(audit::<B>)
}

/// The new bank against the old one.
pub fn compared() -> Comparison {
    lockwright::compare(audit::<OneLock>, audit::<TwoLocks>)
}

#[allow(dead_code, reason = "the tests include this file as a module")]
fn main() {
    print!("{}", compared());
}
