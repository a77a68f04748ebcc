//! A bank whose one lock becomes a lock for each account: no deadlock, no race, and a total that nobody ever had.
//!
//! Old and new stand behind one trait. The findings of the new bank are none; only its outcomes give it away.
//! `cargo run --example lock_split` prints what
//! can happen in one of the two alone.

use lockwright::prelude::*;

/// Two accounts with 6 and 7.
pub trait Bank: Copy + Send + Sync + 'static {
    /// Makes its locks and accounts.
    fn open(boot: &mut Boot) -> Self;
    /// Adds the amount to the first account, and takes it from the second.
    fn transfer(self, current: &Task, amount: i64);
    /// What is in both.
    fn total(self, current: &Task) -> i64;
}

/// One lock over everything.
#[derive(Clone, Copy)]
pub struct OneLock(SpinLock, [Plain<i64>; 2]);

impl Bank for OneLock {
    fn open(boot: &mut Boot) -> OneLock {
        OneLock(boot.spinlock("bank"), [boot.plain("first", 6), boot.plain("second", 7)])
    }

    fn transfer(self, current: &Task, amount: i64) {
        let _guard = self.0.lock(current);
        let [first, second] = self.1;
        first.set(first.get() + amount);
        second.set(second.get() - amount);
    }

    fn total(self, current: &Task) -> i64 {
        let _guard = self.0.lock(current);
        self.1[0].get() + self.1[1].get()
    }
}

/// A lock for each account, always the first one first.
#[derive(Clone, Copy)]
pub struct TwoLocks([SpinLock; 2], [Plain<i64>; 2]);

impl Bank for TwoLocks {
    fn open(boot: &mut Boot) -> TwoLocks {
        let locks = [boot.spinlock("first.lock"), boot.spinlock("second.lock")];
        TwoLocks(locks, [boot.plain("first", 6), boot.plain("second", 7)])
    }

    fn transfer(self, current: &Task, amount: i64) {
        let [first, second] = self.1;
        let guard = self.0[0].lock(current);
        first.set(first.get() + amount);
        drop(guard);
        // Nobody has the money here.
        let _guard = self.0[1].lock(current);
        second.set(second.get() - amount);
    }

    fn total(self, current: &Task) -> i64 {
        let _first = self.0[0].lock(current);
        let _second = self.0[1].lock(current);
        self.1[0].get() + self.1[1].get()
    }
}

/// A teller who moves 5 to the second account and then 12 to the first, beside a look at the total.
fn audit<B: Bank>(boot: &mut Boot) {
    let bank = B::open(boot);
    boot.task("teller", move |current| {
        bank.transfer(current, -5);
        bank.transfer(current, 12);
    });
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
