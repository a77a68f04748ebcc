//! Locks by their names: which one a word means, and of what kind it is.

use super::*;
use crate::outline::vocabulary::Which;

impl Scope<'_> {
    /// Which lock a word means.
    pub fn lock_name(&self, which: Which, kind: Kind, args: &[String]) -> String {
        let arg = |at: usize| args.get(at).map(|arg| plain(arg)).filter(|arg| !arg.is_empty());
        match which {
            Which::Fixed(name) => name.to_owned(),
            Which::Field(field) => match arg(0) {
                Some(object) => format!("{object}->{field}"),
                None => field.to_owned(),
            },
            Which::Arg(at) => {
                let Some(name) = arg(at).or_else(|| arg(0)) else { return format!("the {}", kind.text()) };
                self.canonical(name)
            }
        }
    }

    /// A field of some object is the lock that is declared by the name of the field.
    fn canonical(&self, name: String) -> String {
        if self.kinds.contains_key(&name) || self.conversions.contains_key(&name) {
            return name;
        }
        let last = name.rsplit(['>', '.']).next().unwrap_or(&name);
        if last != name && (self.kinds.contains_key(last) || self.conversions.contains_key(last)) {
            last.to_owned()
        } else {
            name
        }
    }

    /// What kind the lock is, and whether that is said anywhere.
    pub fn kind(&self, lock: &str, family: Option<Kind>) -> (Kind, bool) {
        let stem = lock.split('[').next().unwrap_or(lock);
        let look = |table: &dyn Fn(&str) -> Option<Kind>| table(lock).or_else(|| table(stem));
        if let Some(kind) = look(&|name| self.conversions.get(name).copied()) {
            return (kind, true);
        }
        if let Some(kind) = look(&|name| self.kinds.get(name).copied()) {
            return (kind, true);
        }
        if let Some(kind) = look(&|name| self.catalogue.lock(name)) {
            return (kind, true);
        }
        if let Some(kind) = family.or_else(|| look(&|name| self.families.get(name).copied())) {
            return (kind, !matches!(kind, Kind::Qrwlock));
        }
        let default = if self.spins { Kind::Spinlock } else { Kind::Mutex };
        (vocabulary::guess(lock).unwrap_or(default), false)
    }

    /// The kind that is declared, conversions left out.
    pub fn declared_kind(&self, lock: &str) -> Option<Kind> {
        self.kinds.get(lock).or_else(|| self.kinds.get(lock.split('[').next().unwrap_or(lock))).copied()
    }
}
