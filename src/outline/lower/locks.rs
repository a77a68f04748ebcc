//! Locks that are taken and given back: of a name, of each object that a pointer may mean, or with the last reference.

use super::*;
use crate::outline::machine;

impl Lower<'_, '_> {
    pub(super) fn lock(&mut self, family: Option<Kind>, which: Which, args: &[String]) -> usize {
        let name = self.scope.lock_name(which, family.unwrap_or(Kind::Mutex), args);
        let (kind, _) = self.scope.kind(&name, family);
        let locks = &mut self.out.program.locks;
        locks.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            locks.push((name, kind));
            locks.len() - 1
        })
    }

    pub(super) fn acquire(
        &mut self,
        (family, mode, mask, how, which): (Option<Kind>, Mode, Mask, How, Which),
        args: &[String],
        place: Place,
    ) -> Pure {
        let to = (how != How::Wait).then(|| self.temp());
        if which == Which::Arg(0)
            && let Some((base, field)) = args.first().and_then(|arg| self.pointed(&plain(arg), place))
        {
            self.each_pointee(&base, false, Some(&field), place, &mut |lower, pointee| {
                let object = lower.out.program.pointees[pointee];
                let lock = lower.lock_of(object, &field, family, args);
                lower.push(Op::Use(object), place);
                lower.acquire_it(lock, (mode, mask, how), to, place);
                lower.push(Op::Use(object), place);
            });
        } else {
            let lock = self.lock(family, which, args);
            self.acquire_it(lock, (mode, mask, how), to, place);
        }
        to.map_or(Pure::Int(0), Pure::Local)
    }

    /// `atomic_dec_and_lock`: 1, with the lock held, if the count falls to 0. Of a count that is not known, both ways.
    pub(super) fn last(&mut self, lock: (Option<Kind>, Mode, Mask, How, Which), args: &[String], place: Place) -> Pure {
        let Some(count) = args.first().and_then(|arg| self.memory(arg, place)) else {
            return self.interruptible(0, place, |lower| {
                lower.acquire(lock, args, place);
                Pure::Int(1)
            });
        };
        self.acquire(lock, args, place);
        let last = self.temp();
        self.access(&count, place, &|at| {
            Op::Modify(at, machine::Rmw::Add(Pure::Int(-1), machine::Result::IsZero), machine::Order::Full, last)
        });
        let is_last = self.push(Op::Unless(Pure::Unary('!', Box::new(Pure::Local(last))), 0), place);
        self.release((lock.0, Some(lock.1), lock.2, lock.4), args, place);
        self.land(is_last);
        Pure::Local(last)
    }

    /// The lock inside an object.
    pub(super) fn lock_of(&mut self, object: usize, field: &str, family: Option<Kind>, args: &[String]) -> usize {
        let written = self.scope.lock_name(Which::Arg(0), family.unwrap_or(Kind::Mutex), args);
        let (kind, _) = self.scope.kind(&written, family);
        let name = format!("{}.{field}", self.out.program.objects[object]);
        let locks = &mut self.out.program.locks;
        locks.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            locks.push((name, kind));
            locks.len() - 1
        })
    }

    pub(super) fn acquire_it(
        &mut self,
        lock: usize,
        (mode, mask, how): (Mode, Mask, How),
        to: Option<usize>,
        place: Place,
    ) {
        let kind = self.out.program.locks[lock].1;
        let mode = if kind.is_shared() { mode } else { Mode::Write };
        // Interrupts are masked before the lock is waited for.
        if kind.makes_atomic() {
            match mask {
                Mask::Irq => _ = self.push(Op::IrqDisable, place),
                Mask::IrqSave => _ = self.push(Op::Irq(1), place),
                Mask::Bh => _ = self.push(Op::Bh(1), place),
                Mask::None => {}
            }
        }
        let tried = to.map(|local| (local, i32::from(how == How::Try)));
        self.push(Op::Acquire(lock, mode, tried), place);
    }

    pub(super) fn release(
        &mut self,
        (family, mode, mask, which): (Option<Kind>, Option<Mode>, Mask, Which),
        args: &[String],
        place: Place,
    ) -> Pure {
        if which == Which::Arg(0)
            && let Some((base, field)) = args.first().and_then(|arg| self.pointed(&plain(arg), place))
        {
            self.each_pointee(&base, false, Some(&field), place, &mut |lower, pointee| {
                let object = lower.out.program.pointees[pointee];
                let lock = lower.lock_of(object, &field, family, args);
                lower.push(Op::Use(object), place);
                lower.release_it(lock, mode, mask, place);
            });
            return Pure::Int(0);
        }
        let lock = self.lock(family, which, args);
        // A column that begins in the middle holds from the start what it gives back.
        let is_taken = self.code.insts.iter().any(|inst| matches!(inst.op, Op::Acquire(other, ..) if other == lock));
        if self.is_diagram && !is_taken {
            return Pure::Int(0);
        }
        self.release_it(lock, mode, mask, place);
        Pure::Int(0)
    }

    pub(super) fn release_it(&mut self, lock: usize, mode: Option<Mode>, mask: Mask, place: Place) {
        self.push(Op::Release(lock, mode), place);
        if self.out.program.locks[lock].1.makes_atomic() {
            match mask {
                Mask::Irq => _ = self.push(Op::Irq(0), place),
                Mask::IrqSave => _ = self.push(Op::Irq(-1), place),
                Mask::Bh => _ = self.push(Op::Bh(-1), place),
                Mask::None => {}
            }
        }
    }
}
