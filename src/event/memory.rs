//! How memory is accessed, and what a read-modify-write does to it.

/// How memory is accessed: the kernel's spellings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// An ordinary C access: unmarked, unordered.
    Plain,
    /// `READ_ONCE`, `WRITE_ONCE`, `atomic_read`, `atomic_inc`: marked, unordered.
    Once,
    /// `smp_load_acquire`.
    Acquire,
    /// `smp_store_release`.
    Release,
    /// A value-returning atomic such as `atomic_dec_and_test`: a full barrier on both sides. In user-land code `SeqCst`.
    Full,
    /// User-land code: a read-modify-write that returns a value and orders nothing.
    Relaxed,
    /// User-land code: a read-modify-write that acquires and releases.
    AcqRel,
}

impl Access {
    /// Does it acquire what the release before it ordered?
    pub fn acquires(self) -> bool {
        matches!(self, Access::Acquire | Access::AcqRel | Access::Full)
    }

    /// Does it release what its task has done?
    pub fn releases(self) -> bool {
        matches!(self, Access::Release | Access::AcqRel | Access::Full)
    }
}

/// A read-modify-write; the result of the operation is the old value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rmw {
    /// Adds, wrapping: a decrement adds `-1 as u64`.
    Add(u64),
    /// Replaces.
    Xchg(u64),
    /// Replaces the second value for the first, if the first is found.
    CmpXchg(u64, u64),
    /// Adds 1, unless it finds 0 (`atomic_inc_not_zero`).
    IncNotZero,
    /// Sets the lowest bit that is clear: of all 64, or of the lower half, where the upper half remembers which were set before and may not be
    /// set again. Where none is left, the lowest bit that is clear now. The old value tells which: [`Rmw::claimed`].
    Claim(Slots),
    /// Clears that bit.
    Vacate(u32),
    /// User-land code: replaces the second value for the first, with another ordering if the first is not found.
    Cas(u64, u64, Access),
    /// User-land code: arithmetic on a number of some width.
    Alu(Alu, u64),
}

/// Which bits [`Rmw::Claim`] may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slots {
    /// All 64, again and again.
    Any,
    /// The lower 32, each once.
    Fresh,
}

impl Slots {
    /// How many bits there are.
    pub fn count(self) -> u8 {
        if self == Slots::Any { 64 } else { 32 }
    }

    /// Is none left in a word of that value?
    pub fn are_used_up(self, value: u64) -> bool {
        match self {
            Slots::Any => value == u64::MAX,
            Slots::Fresh => (value as u32) | (value >> 32) as u32 == u32::MAX,
        }
    }
}

/// Arithmetic on a number of user-land code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alu {
    /// What is done.
    pub what: AluOp,
    /// How many bits the number has, 64 at most.
    pub bits: u8,
    /// Is it signed?
    pub signed: bool,
}

/// What is done to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AluOp {
    /// `fetch_add`.
    Add,
    /// `fetch_sub`.
    Sub,
    /// `fetch_and`.
    And,
    /// `fetch_nand`.
    Nand,
    /// `fetch_or`.
    Or,
    /// `fetch_xor`.
    Xor,
    /// `fetch_max`.
    Max,
    /// `fetch_min`.
    Min,
}

impl Alu {
    /// The number after it; numbers are kept in the lowest bits, without their sign.
    pub fn apply(self, old: u64, by: u64) -> u64 {
        let mask = u64::MAX >> (64 - self.bits);
        let sign = 1 << (self.bits - 1);
        // Flipping the sign puts signed numbers into the order of unsigned ones.
        let key = |number: u64| if self.signed { number ^ sign } else { number };
        let new = match self.what {
            AluOp::Add => old.wrapping_add(by),
            AluOp::Sub => old.wrapping_sub(by),
            AluOp::And => old & by,
            AluOp::Nand => !(old & by),
            AluOp::Or => old | by,
            AluOp::Xor => old ^ by,
            AluOp::Max if key(old) >= key(by) => old,
            AluOp::Max => by,
            AluOp::Min if key(old) <= key(by) => old,
            AluOp::Min => by,
        };
        new & mask
    }
}

impl Rmw {
    /// The number of the bit that a claim takes, by the value that it finds.
    pub fn claimed(slots: Slots, old: u64) -> u32 {
        match slots {
            Slots::Any => old.trailing_ones().min(63),
            Slots::Fresh => {
                let (now, ever) = (old as u32, (old >> 32) as u32);
                let fresh = (now | ever).trailing_ones();
                if fresh < 32 { fresh } else { now.trailing_ones().min(31) }
            }
        }
    }

    /// The value that memory holding `old` has afterwards.
    pub fn apply(self, old: u64) -> u64 {
        match self {
            Rmw::Add(n) => old.wrapping_add(n),
            Rmw::Xchg(new) => new,
            Rmw::CmpXchg(expected, new) if old == expected => new,
            Rmw::CmpXchg(..) => old,
            Rmw::Cas(expected, new, _) if old == expected => new,
            Rmw::Cas(..) => old,
            Rmw::Alu(alu, by) => alu.apply(old, by),
            Rmw::IncNotZero => old.wrapping_add(u64::from(old != 0)),
            Rmw::Vacate(bit) => old & !(1 << bit),
            Rmw::Claim(slots) => {
                let bit = 1 << Rmw::claimed(slots, old);
                old | bit | if slots == Slots::Fresh { bit << 32 } else { 0 }
            }
        }
    }
}
