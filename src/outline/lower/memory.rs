//! Accesses of memory that are calls: atomics, marked accesses, and what is read through them.

use super::*;
use crate::outline::machine::{Order, Result, Rmw};

impl Lower<'_, '_> {
    fn argument(&mut self, args: &[String], at: usize, place: Place) -> Pure {
        match args.get(at).and_then(|arg| super::super::expr::parse(arg)) {
            Some(expr) => self.value(&expr, place),
            None => Pure::Int(1),
        }
    }

    /// Accesses of memory that are calls: true if it was one; the result is in the local.
    pub(super) fn evaluated(&mut self, name: &str, args: &[String], to: usize, place: Place) -> bool {
        let bare = name.trim_start_matches('_').replace("atomic64_", "atomic_").replace("atomic_long_", "atomic_");
        let bare = bare.strip_prefix("arch_").unwrap_or(&bare);
        let stem =
            ["_relaxed", "_acquire", "_release"].iter().fold(bare, |name, end| name.strip_suffix(end).unwrap_or(name));
        let is_memory = |lower: &mut Self| {
            args.first().is_some_and(|arg| lower.variable(arg).is_some() || plain(arg).contains("->"))
        };
        let is_dereference = bare.starts_with("rcu_dereference") || bare == "rcu_access_pointer";
        if matches!(bare, "likely" | "unlikely" | "IS_ERR" | "container_of" | "list_entry" | "ERR_PTR")
            || is_dereference && !is_memory(self)
        {
            let value = self.argument(args, 0, place);
            self.push(Op::Set(to, value), place);
            return true;
        }
        // If nobody is on the queue, a wake-up does nothing: to look first changes nothing else.
        if matches!(bare, "waitqueue_active" | "wq_has_sleeper" | "swq_has_sleeper" | "swait_active") {
            self.push(Op::Set(to, Pure::Int(1)), place);
            return true;
        }
        // `atomic_add(i, &v)` has its variable second.
        let second = matches!(
            stem,
            "atomic_add"
                | "atomic_sub"
                | "atomic_add_return"
                | "atomic_sub_return"
                | "atomic_or"
                | "test_and_set_bit"
                | "test_and_clear_bit"
                | "set_bit"
                | "clear_bit"
                | "test_bit"
                | "clear_bit_unlock"
        );
        let Some(memory) = args.get(usize::from(second)).and_then(|arg| self.memory(arg, place)) else { return false };
        let variable = 0;
        let first = || Pure::Int(1);
        let (order, is_strict) = order(bare, args);
        let modify = |change| Op::Modify(variable, change, order, to);
        let op = match (bare, stem) {
            _ if is_dereference => Op::Load(variable, to, Order::Acquire),
            ("READ_ONCE" | "ACCESS_ONCE" | "smp_load_acquire" | "LOAD" | "load", _)
            | (_, "atomic_read" | "test_bit") => {
                Op::Load(variable, to, if order == Order::Full { Order::Acquire } else { order })
            }
            (
                "WRITE_ONCE" | "smp_store_release" | "STORE" | "store" | "smp_store_mb" | "rcu_assign_pointer"
                | "RCU_INIT_POINTER",
                _,
            )
            | (_, "atomic_set" | "refcount_set") => {
                let value = self.argument(args, 1, place);
                let weak = if order == Order::Full { Order::Release } else { order };
                self.access(&memory, place, &|variable| Op::Store(variable, value.clone(), weak));
                if is_strict {
                    self.push(Op::Fence, place);
                }
                return true;
            }
            (_, "atomic_inc" | "refcount_inc") => modify(Rmw::Add(first(), Result::Nothing)),
            (_, "atomic_dec" | "refcount_dec") => modify(Rmw::Add(Pure::Int(-1), Result::Nothing)),
            (_, "atomic_fetch_inc") => modify(Rmw::Add(first(), Result::Old)),
            (_, "atomic_fetch_dec") => modify(Rmw::Add(Pure::Int(-1), Result::Old)),
            (_, "atomic_inc_return") => modify(Rmw::Add(first(), Result::New)),
            (_, "atomic_dec_return") => modify(Rmw::Add(Pure::Int(-1), Result::New)),
            (_, "atomic_dec_and_test" | "refcount_dec_and_test") => modify(Rmw::Add(Pure::Int(-1), Result::IsZero)),
            (_, "atomic_inc_and_test") => modify(Rmw::Add(first(), Result::IsZero)),
            (_, "atomic_inc_not_zero" | "refcount_inc_not_zero" | "kref_get_unless_zero") => modify(Rmw::AddNotZero),
            (_, "atomic_add" | "atomic_add_return") => {
                let by = self.argument(args, 0, place);
                let result = if stem == "atomic_add" { Result::Nothing } else { Result::New };
                Op::Modify(variable, Rmw::Add(by, result), order, to)
            }
            (_, "atomic_sub" | "atomic_sub_return") => {
                let by = self.argument(args, 0, place);
                let result = if stem == "atomic_sub" { Result::Nothing } else { Result::New };
                Op::Modify(variable, Rmw::Add(Pure::Unary('-', Box::new(by)), result), order, to)
            }
            (_, "atomic_fetch_add" | "fetch_add") => {
                let by = self.argument(args, 1, place);
                Op::Modify(variable, Rmw::Add(by, Result::Old), order, to)
            }
            (_, "xchg" | "atomic_xchg" | "swap" | "rcu_replace_pointer") => {
                let value = self.argument(args, 1, place);
                Op::Modify(variable, Rmw::Swap(value), order, to)
            }
            (_, "cmpxchg" | "atomic_cmpxchg" | "compare_exchange") => {
                let expected = self.argument(args, 1, place);
                let value = self.argument(args, 2, place);
                Op::Modify(variable, Rmw::Compare(expected, value), order, to)
            }
            (_, "test_and_set_bit" | "set_bit") => modify(Rmw::Swap(Pure::Int(1))),
            (_, "test_and_clear_bit" | "clear_bit" | "clear_bit_unlock") => modify(Rmw::Swap(Pure::Int(0))),
            _ => return false,
        };
        self.access(&memory, place, &|at| match op.clone() {
            Op::Load(_, to, order) => Op::Load(at, to, order),
            Op::Modify(_, change, order, to) => Op::Modify(at, change, order, to),
            other => other,
        });
        true
    }
}

/// How an access by this name is ordered, and whether a full barrier follows a store. In user land the last argument says it.
fn order(name: &str, args: &[String]) -> (Order, bool) {
    let said = args.last().map(|arg| arg.rsplit(':').next().unwrap_or(arg).to_ascii_lowercase());
    match said.as_deref() {
        Some("relaxed") => return (Order::Once, false),
        Some("acquire") => return (Order::Acquire, false),
        Some("release") => return (Order::Release, false),
        Some("seqcst" | "seq_cst" | "acqrel" | "acq_rel") => return (Order::Full, true),
        _ => {}
    }
    let has = |end: &str| name.ends_with(end);
    if has("_relaxed") {
        (Order::Once, false)
    } else if has("_acquire") {
        (Order::Acquire, false)
    } else if has("_release") || matches!(name, "rcu_assign_pointer" | "clear_bit_unlock") {
        (Order::Release, false)
    } else if name == "smp_store_mb" {
        (Order::Once, true)
    } else {
        let is_void = ["atomic_inc", "atomic_dec", "atomic_add", "atomic_sub", "atomic_or", "set_bit", "clear_bit"];
        let is_access = ["READ_ONCE", "ACCESS_ONCE", "WRITE_ONCE", "LOAD", "STORE", "load", "store", "atomic_read"];
        let is_plain = ["atomic_set", "refcount_set", "RCU_INIT_POINTER", "test_bit", "refcount_inc", "refcount_dec"];
        let is_weak = is_void.contains(&name) || is_access.contains(&name) || is_plain.contains(&name);
        (if is_weak { Order::Once } else { Order::Full }, false)
    }
}
