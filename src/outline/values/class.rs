//! The values of names that are looked at alike.

use std::collections::BTreeSet;

/// Values of one name at most.
const DOMAIN_MAX: usize = 12;

/// Names whose values go from one to the other, and what they are compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Class {
    pub equal: BTreeSet<i64>,
    /// Least numbers above a limit.
    pub limits: BTreeSet<i64>,
    pub masks: BTreeSet<i64>,
    pub against: BTreeSet<String>,
    pub computed: bool,
}

impl Class {
    /// Values that stand for all, and whether they are too few.
    pub fn values(&self) -> (Vec<i64>, bool) {
        let mut values: BTreeSet<i64> = self.equal.clone();
        let mut is_cut = self.masks.len() > 3;
        if !self.masks.is_empty() {
            for chosen in 0..1u32 << self.masks.len().min(3) {
                let bits = self.masks.iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0);
                values.insert(bits.fold(0, |all, (_, mask)| all | mask));
            }
        }
        if self.computed && !self.against.is_empty() {
            values.extend([0, 1, 2]);
        }
        let others = self.against.len().max(1);
        let mut low = i64::MIN;
        for high in self.limits.iter().copied().chain([i64::MAX]) {
            let last = if high == i64::MAX { high } else { high - 1 };
            self.fill(low, last, others, &mut values);
            low = high;
        }
        let mut values: Vec<i64> = values.into_iter().collect();
        values.sort_by_key(|value| (value.unsigned_abs(), *value < 0));
        is_cut |= values.len() > DOMAIN_MAX;
        values.truncate(DOMAIN_MAX);
        (values, is_cut)
    }

    /// Values between two limits that are equal to nothing, as near to 0 as there are.
    fn fill(&self, low: i64, high: i64, count: usize, values: &mut BTreeSet<i64>) {
        let from = 0_i64.clamp(low, high);
        let near = (0..64).flat_map(|step| [from.saturating_add(step), from.saturating_sub(step)]);
        let is_other =
            |value: &i64| (low..=high).contains(value) && !self.equal.contains(value) && !self.masks.contains(value);
        let others: BTreeSet<i64> = {
            let mut found = Vec::new();
            for value in near.filter(is_other) {
                if !found.contains(&value) {
                    found.push(value);
                }
                if found.len() == count {
                    break;
                }
            }
            found.into_iter().collect()
        };
        values.extend(others);
    }
}
