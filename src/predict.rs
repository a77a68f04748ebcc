//! Prediction: what one run of a program says about its other runs, confirmed by the explorer.
//!
//! One execution is run, each task as far as it can go; or a saved one, again. The validator ([`crate::lockdep`]) judges what it did with locks, interrupts
//! and events: nothing has to go wrong in it. What it predicts is then looked for: a search through every interleaving of the program, aimed at a state in
//! which exactly these tasks wait in this cycle. So each prediction is *confirmed* by a schedule, or known not to happen in this program.
//!
//! - `record`: the events of an engine, as steps of the validator. It is a [`Check`](crate::check::Check), from a floor that may see both.
//! - `aim`: the search for one predicted cycle.
//! - `beside`: the same of the runs that an exploration saw.
//! - `page`: how a prediction reads.
//!
//! It sees one run: what a task did not do there, it does not know. The Big Kernel Lock (which `schedule()` gives back) and interrupts that nothing masks are
//! left out; LW003 knows the orders of the BKL.

use std::sync::Arc;

use crate::check::Code;
use crate::event::names::Names;
use crate::explore::schedule::{Divergence, Guide, replay};
use crate::explore::{Bound, Config, Error, Found, Subject};
use crate::lockdep::finding::{Finding, Grade, Kind};
use crate::lockdep::validator::{Placement, Rules, Validator};

mod aim;
mod beside;
mod page;
mod record;

pub use beside::{Beside, Sure, beside, grade_of, graded};
use record::{Record, Recorded};

/// Something that the validator predicts.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// The code of what it is. LW003: an order of locks; LW004: an interrupt in it; LW001: a lock that is taken again.
    pub code: &'static str,
    /// What the validator says.
    pub finding: Finding,
    /// What the explorer says to that.
    pub fate: Fate,
}

/// What became of a prediction in a search through every interleaving.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A schedule of the program leads there.
    Reached(Box<Found>),
    /// None does, and all were seen.
    NotReached,
    /// None was found, and not all were seen.
    Open(Bound),
    /// It is about one step, and true whatever the order is; or rests on classes alone. No search was made.
    NotAsked,
}

/// What one run predicts.
pub struct Predicted {
    /// The predictions, in the order in which the run showed them.
    pub foreseen: Vec<Foreseen>,
    record: Record,
    names: Names,
}

impl Predicted {
    /// Those that count: not what rests on the merging of classes, and not what an outer lock excludes.
    pub fn reports(&self) -> impl Iterator<Item = &Foreseen> {
        self.foreseen.iter().filter(|foreseen| foreseen.finding.grade.is_report())
    }

    /// The codes of those, each once, in order.
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<&str> = self.reports().map(|foreseen| foreseen.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// The step of a page: what was done there, by which task.
    pub fn text(&self) -> String {
        page::text(self, &self.record, &self.names)
    }
}

/// The code of a kind of prediction. What has none is about annotations that a program here does not have.
fn code(finding: &Finding, record: &Record) -> Option<&'static str> {
    let sleeps = || record.taken(finding.place).is_some_and(|lock| lock.kind.sleeps());
    Some(match finding.kind {
        Kind::WaitContext if sleeps() => "LW002",
        Kind::Recursion => "LW001",
        Kind::Circular => "LW003",
        Kind::InconsistentState | Kind::IrqInversion | Kind::IrqOrder => "LW004",
        Kind::WaitContext => "LW005",
        Kind::SleepInAtomic => "LW002",
        Kind::BadUnlock | Kind::ReleaseMode => "LW006",
        _ => return None,
    })
}

/// Runs the program once, as `guide` says, and judges what it did. `config` bounds the search for each predicted cycle; `None` makes none.
///
/// # Errors
/// If a saved schedule does not fit the program any more; and those of the search.
pub fn predict(
    subject: &Arc<dyn Subject>,
    names: &Names,
    guide: &Guide<'_>,
    config: Option<&Config>,
) -> Result<Predicted, Unpredicted> {
    let recorded = Recorded::of(Arc::clone(subject), names.clone());
    replay(&recorded, names, guide)?;
    let record = recorded.take();
    let placement = Placement { cpu: record.cpus.clone(), delivered: record.delivered.clone() };
    let mut validator = Validator::new(&record.locks, Rules::Ours).placed(placement);
    for (task, op) in &record.steps {
        validator.step(*task, op);
    }
    let findings = validator.findings().to_vec();
    let mut foreseen = Vec::new();
    for finding in findings {
        let Some(code) = code(&finding, &record) else { continue };
        let is_told = |told: &Foreseen| told.code == code && told.finding.place == finding.place;
        if finding.cycle.is_empty() && foreseen.iter().any(is_told) {
            continue;
        }
        let is_asked = !finding.cycle.is_empty() && finding.grade != Grade::ClassMerging;
        let fate = match config.filter(|_| is_asked) {
            Some(config) => aim::look_for(subject, &record, &finding, config)?,
            None => Fate::NotAsked,
        };
        foreseen.push(Foreseen { code, finding, fate });
    }
    Ok(Predicted { foreseen, record, names: names.clone() })
}

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
pub enum Unpredicted {
    /// The saved schedule does not fit.
    #[error(transparent)]
    Divergence(#[from] Divergence),
    /// The search refused, or could not go on.
    #[error(transparent)]
    Search(#[from] Error),
}

/// The code with which a search reports that it has reached what it was aimed at.
const REACHED: Code = Code::LW008;
