//! An old program and a new one of one's own, held against each other by their outcomes.
//!
//! ```
//! use lockwright::prelude::*;
//!
//! fn counter(boot: &mut Boot, split: bool) {
//!     let (lock, n) = (boot.spinlock("lock"), boot.plain("n", 0u64));
//!     for name in ["a", "b"] {
//!         boot.task(name, move |current| {
//!             let guard = lock.lock(current);
//!             let seen = n.get();
//!             // Split: what was read is stored under another hold.
//!             let guard = if split { drop(guard); lock.lock(current) } else { guard };
//!             n.set(seen + 1);
//!             drop(guard);
//!         });
//!     }
//!     boot.outcome("n", move |view| n.peek(view));
//! }
//!
//! let compared = lockwright::compare(|boot| counter(boot, false), |boot| counter(boot, true));
//! assert_eq!(compared.relation(), Some(Relation::Wider));
//! assert!(compared.to_string().contains("ends with n=1"));
//! ```
//!
//! Both are explored to the end. What is in no outcome is not compared, so let tasks return what they see, and name the values that
//! matter with [`Boot::outcome`]. Tasks and values of the two programs go together by their names.

use std::fmt;

use super::{Boot, Checked, Model};
use crate::check::Code;
use crate::explore::compare::{self, Difference, Relation};
use crate::explore::schedule::{Guide, replay};
use crate::explore::{Config, Verdict};
use crate::report::compare::{self as report, Shown};

/// Explores both programs within the default bounds, and compares what can happen.
#[track_caller]
pub fn compare(
    old: impl Fn(&mut Boot) + Send + Sync + 'static,
    new: impl Fn(&mut Boot) + Send + Sync + 'static,
) -> Comparison {
    let (old, new) = (Model::new(old), Model::new(new));
    Comparison::of(old.check(&Config::default()), new.check(&Config::default()))
}

/// What can happen in one of two programs alone. Displayed, it is a page for each difference, and the verdict.
pub struct Comparison {
    /// The old program.
    pub old: Checked,
    /// The new program.
    pub new: Checked,
}

impl Comparison {
    /// Of two programs that were explored, by the same engine under the same memory.
    pub fn of(old: Checked, new: Checked) -> Comparison {
        Comparison { old, new }
    }

    /// How the new program stands to the old one; `None` if one of the two was not explored to the end.
    pub fn relation(&self) -> Option<Relation> {
        compare::relation(&self.old.verdict, &self.new.verdict)
    }

    /// What can happen in one of the two alone, the new one first.
    pub fn differences(&self) -> Vec<Difference> {
        compare::differences(&self.old.verdict, &self.new.verdict)
    }

    /// The new program can do what the old one can, and nothing else.
    ///
    /// # Panics
    /// With every difference on a page with its schedule, or with the bound that was hit.
    #[track_caller]
    pub fn assert_equal(&self) -> &Comparison {
        assert!(self.relation() == Some(Relation::Equal), "not equal\n\n{self}");
        self
    }

    /// The new program can do nothing that the old one cannot.
    ///
    /// # Panics
    /// As [`Comparison::assert_equal`].
    #[track_caller]
    pub fn assert_nothing_new(&self) -> &Comparison {
        let is_less = matches!(self.relation(), Some(Relation::Equal | Relation::Narrower));
        assert!(is_less, "something new can happen\n\n{self}");
        self
    }

    /// The new program can do less than the old one, and nothing that it cannot.
    ///
    /// # Panics
    /// As [`Comparison::assert_equal`].
    #[track_caller]
    pub fn assert_narrower(&self) -> &Comparison {
        assert!(self.relation() == Some(Relation::Narrower), "not narrower\n\n{self}");
        self
    }

    /// The program in which a difference happens, the other one, and what they are called.
    fn sides(&self, difference: &Difference) -> [(&Checked, &'static str); 2] {
        let (old, new) = ((&self.old, "the old program"), (&self.new, "the new program"));
        if difference.code == Code::LW050 { [new, old] } else { [old, new] }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences() {
            let [(has, place), (lacks, other)] = self.sides(difference);
            let schedule = difference.schedule.as_ref();
            let replay = schedule.and_then(|it| replay(&*has.subject, &has.names, &Guide::Exact(it)).ok());
            let shown = Shown { difference, why: None, replay, saved: None };
            let page = report::page(&shown, place, other, &has.names);
            writeln!(f, "{page}{}", report::never(other, &lacks.verdict))?;
        }
        let side = |name: &str, verdict: &Verdict| {
            let outcomes: Vec<String> = verdict.outcomes.texts().into_iter().collect();
            format!("  {name}: {}, outcomes: {}\n", report::proof(verdict), outcomes.join(" | "))
        };
        let stands = match self.relation() {
            Some(relation) => {
                let meaning = report::meaning(relation, "the old program", "the new program");
                format!("{}: {meaning}", relation.text().to_uppercase())
            }
            None => "INCOMPLETE: how the two stand to each other is not known".to_owned(),
        };
        write!(f, "{stands}\n{}{}", side("old", &self.old.verdict), side("new", &self.new.verdict))
    }
}
