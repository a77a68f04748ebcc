//! What `--json` prints: one object per command. The schema is in `docs/json.md`, and a test holds the two together.
//!
//! Every object says which version of the schema it follows (`lockwright`) and which command made it. `seconds` is the
//! only field that measures time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::outline::Outline;
use super::{memory_model, source};
use crate::check::{Code, Finding};
use crate::engine::Memory;
use crate::event::TaskId;
use crate::event::names::Names;
use crate::event::outcome::{Remains, Value};
use crate::explore::schedule::{Line, Replay};
use crate::explore::{Bound, EngineKind, Outcomes, Verdict};
use crate::lockdep::certainty::Graded;
use crate::scenario::FsKind;
use crate::study::cells::Cell;
use crate::study::expect;

mod beside;
mod compare;
mod finding;
mod listed;
mod ordered;
pub mod part;
mod rules;

pub use beside::{BesideReport, ThroughputReport};
pub use compare::{ComparedReport, Comparison, DifferenceReport};
pub use finding::{FindingReport, GradeReport, NoReturnReport, SpotReport};
pub use listed::{Explained, Listed, MutantReport, Named};
pub use rules::RulesReport;

/// The version of the schema.
pub const VERSION: u32 = 1;

/// The envelope of every object.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Report<'a, T> {
    /// [`VERSION`].
    pub lockwright: u32,
    /// The subcommand, or `matrix`.
    pub command: &'a str,
    /// What it has to say.
    #[serde(flatten)]
    pub body: T,
}

/// The object as text.
pub fn text<T: Serialize>(command: &str, body: T) -> String {
    let report = Report { lockwright: VERSION, command, body };
    let text = serde_json::to_string_pretty(&report).expect("reports have string keys and finite numbers");
    text + "\n"
}

/// Of the bare command and of `check`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Explored<'a> {
    /// The engine that explored.
    pub engine: EngineKind,
    /// Under which memory model.
    pub memory: &'static str,
    /// Is every cell complete?
    pub complete: bool,
    /// Is every cell as the table of expectations says?
    pub expected: bool,
    /// Wall time.
    pub seconds: f64,
    /// A scenario on a design each.
    pub cells: Vec<CellReport<'a>>,
}

impl<'a> Explored<'a> {
    /// Of cells explored by `engine`.
    pub fn new(engine: EngineKind, memory: Memory, seconds: f64, cells: Vec<CellReport<'a>>) -> Explored<'a> {
        let complete = cells.iter().all(|cell| cell.complete);
        let expected = cells.iter().all(|cell| cell.expected != Some(false));
        Explored { engine, memory: memory_model(engine, memory), complete, expected, seconds, cells }
    }
}

/// Of `check --all`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Generated {
    /// Which scenarios: tasks and calls.
    pub size: String,
    /// The engine that explored.
    pub engine: EngineKind,
    /// Under which memory model.
    pub memory: &'static str,
    /// Is every exploration complete, and every set-up one that works?
    pub complete: bool,
    /// How many scenarios were explored, those of all designs together.
    pub scenarios: u64,
    /// Distinct states met in all of them.
    pub states: u64,
    /// Wall time.
    pub seconds: f64,
    /// What is wrong, each kind once.
    pub kinds: Vec<KindReport>,
}

/// Findings with the same code, subject and cause.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct KindReport {
    /// The design.
    pub design: String,
    /// The code.
    pub code: Code,
    /// What the code means.
    pub title: &'static str,
    /// What it is about.
    pub subject: &'static str,
    /// One sentence, of the smallest scenario.
    pub message: String,
    /// The bug it is known as.
    pub bug: Option<&'static str>,
    /// How many scenarios have one.
    pub scenarios: u64,
    /// The smallest of them, as a scenario file.
    pub scenario: serde_json::Value,
}

/// Of `explore`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ExploredOne<'a> {
    /// The program: a family, or a design and a scenario.
    pub program: &'a str,
    /// The engine that explored.
    pub engine: EngineKind,
    /// Under which memory model.
    pub memory: &'static str,
    /// OS threads.
    pub jobs: usize,
    /// Executions run; with several jobs it depends on who came first.
    pub executions: u64,
    /// Distinct states met; 0 if the engine does not know states.
    pub states: u64,
    /// Were equal tasks exchanged? `null` if nobody asked, `false` if that was impossible.
    pub symmetry: Option<bool>,
    /// Steps that the audit compared; `null` if there was none.
    pub audited: Option<u64>,
    /// Everything seen?
    pub complete: bool,
    /// What ended the exploration before.
    pub bound: Option<Bound>,
    /// The loop that may be why; `null` if no task goes round.
    pub repeats: Option<String>,
    /// The chance that two states were taken for one, at most; `null` if that cannot be, or is what `bound` says.
    pub collision_bound: Option<f64>,
    /// Outcomes of the executions that ended.
    pub outcomes: OutcomesReport,
    /// Outcomes as they stood where no task could run.
    pub deadlocks: OutcomesReport,
    /// What is wrong.
    pub findings: Vec<FindingReport<'a>>,
    /// Of an outline: what the walk of every path says, which judges what no engine sees; `null` for other programs.
    pub walk: Option<WalkedReport>,
    /// Wall time.
    pub seconds: f64,
}

/// What `check` says of an outline that an engine explores.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct WalkedReport {
    /// Everything walked?
    pub complete: bool,
    /// Bounds that cut the walk, or the program that the engine explored.
    pub bounds: Vec<String>,
    /// Its findings, those that the engine has as well among them.
    pub findings: Vec<WalkedFinding>,
    /// What was taken for granted, by the walk or by the program that the engine explored.
    pub assumptions: Vec<WalkedAssumption>,
}

/// Something that the tool could not know.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct WalkedAssumption {
    /// What is assumed.
    pub what: String,
    /// The declaration that would say it, or say otherwise.
    pub declare: Option<String>,
    /// Where it came up first: a line of the file, from 1.
    pub line: u32,
}

/// One of its findings.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct WalkedFinding {
    /// Such as LW007.
    pub code: &'static str,
    /// In one line.
    pub title: String,
    /// Where it went wrong, from 1; 0 if that is no line.
    pub line: u32,
}

/// Outcomes of a program.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum OutcomesReport {
    /// As they read.
    Texts(BTreeSet<String>),
    /// Of an outline: values by name, `x` of a variable, `task.r` of what a task has in a local.
    Values(Vec<BTreeMap<&'static str, i64>>),
}

impl OutcomesReport {
    fn values(outcomes: &Outcomes) -> OutcomesReport {
        let word = |remains: &Remains| match &remains.value {
            Value::Word(value) | Value::Count(value) => Some((remains.name.as_str(), *value)),
            Value::List(_) => None,
        };
        OutcomesReport::Values(outcomes.iter().map(|outcome| outcome.state.iter().filter_map(word).collect()).collect())
    }
}

impl<'a> ExploredOne<'a> {
    /// Of a verdict on an outline: outcomes are values by name.
    pub fn of_values(
        program: &'a str,
        verdict: &'a Verdict,
        names: &Names,
        jobs: usize,
        seconds: f64,
        walk: WalkedReport,
    ) -> ExploredOne<'a> {
        ExploredOne {
            complete: verdict.complete() && walk.complete,
            walk: Some(walk),
            outcomes: OutcomesReport::values(&verdict.outcomes),
            deadlocks: OutcomesReport::values(&verdict.deadlocks),
            ..ExploredOne::new(program, verdict, names, jobs, seconds)
        }
    }

    /// With how sure its findings are; nothing of those that say all by themselves.
    pub fn with_grades(mut self, grade: impl Fn(usize) -> Option<&'a Graded>) -> ExploredOne<'a> {
        for (at, finding) in self.findings.iter_mut().enumerate() {
            finding.grade = grade(at).map(GradeReport::new);
        }
        self
    }

    /// Of a verdict.
    pub fn new(program: &'a str, verdict: &'a Verdict, names: &Names, jobs: usize, seconds: f64) -> ExploredOne<'a> {
        ExploredOne {
            program,
            engine: verdict.engine,
            memory: memory_model(verdict.engine, verdict.memory),
            jobs,
            executions: verdict.executions,
            states: verdict.states,
            symmetry: verdict.symmetry,
            audited: verdict.audited,
            complete: verdict.complete(),
            bound: verdict.bound,
            repeats: super::repeats(verdict, names),
            collision_bound: verdict.collision_bound(),
            outcomes: OutcomesReport::Texts(verdict.outcomes.texts()),
            deadlocks: OutcomesReport::Texts(verdict.deadlocks.texts()),
            findings: verdict.findings.iter().map(|it| FindingReport::new(&it.finding, names, None)).collect(),
            walk: None,
            seconds,
        }
    }
}

/// A scenario on a design.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct CellReport<'a> {
    /// The design.
    pub design: String,
    /// The scenario.
    pub scenario: &'a str,
    /// Executions run.
    pub executions: u64,
    /// Distinct states met; 0 if the engine does not know states.
    pub states: u64,
    /// Everything seen?
    pub complete: bool,
    /// What ended the exploration before.
    pub bound: Option<Bound>,
    /// The loop that may be why; `null` if no task goes round.
    pub repeats: Option<String>,
    /// As the table of expectations says? `null` for a design without a table.
    pub expected: Option<bool>,
    /// Outcomes of the executions that ended.
    pub outcomes: BTreeSet<String>,
    /// Outcomes as they stood where no task could run.
    pub deadlocks: BTreeSet<String>,
    /// What is wrong.
    pub findings: Vec<FindingReport<'a>>,
}

impl<'a> CellReport<'a> {
    /// Of a cell and its verdict, with the findings as they are to be shown.
    pub fn new(cell: &'a Cell, verdict: &'a Verdict, findings: Vec<FindingReport<'a>>) -> CellReport<'a> {
        let design = cell.design.full_name();
        let has_table = expect::expected(&design, cell.scenario.name).is_some();
        CellReport {
            scenario: cell.scenario.name,
            executions: verdict.executions,
            states: verdict.states,
            complete: verdict.complete(),
            bound: verdict.bound,
            repeats: super::repeats(verdict, &cell.scenario.names()),
            expected: has_table.then(|| expect::agrees(&design, cell.scenario.name, verdict)),
            outcomes: verdict.outcomes.texts(),
            deadlocks: verdict.deadlocks.texts(),
            findings,
            design,
        }
    }
}

/// Of `replay`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Replayed<'a> {
    /// The design.
    pub design: &'a str,
    /// The scenario.
    pub scenario: &'a str,
    /// The trace, without the set-up.
    pub trace: Vec<TraceLine<'a>>,
    /// What the checks say.
    pub findings: Vec<FindingReport<'a>>,
}

impl<'a> Replayed<'a> {
    /// Of a replay. `lost` says where a finding became certain, if that was looked for.
    pub fn new(
        (design, scenario): (&'a str, &'a str),
        names: &'a Names,
        replay: &'a Replay,
        mut lost: impl FnMut(&Finding) -> Option<NoReturnReport>,
    ) -> Replayed<'a> {
        let lines = replay.lines.iter().filter(|line| line.event.task != TaskId::BOOT);
        let bug =
            |finding: &Finding| expect::known(design, scenario, finding.code, &finding.subject).map(|known| known.bug);
        let of = |it: &'a Finding| FindingReport { no_return: lost(it), ..FindingReport::new(it, names, bug(it)) };
        Replayed {
            design,
            scenario,
            trace: lines.filter_map(|line| TraceLine::new(line, names)).collect(),
            findings: replay.findings.iter().map(of).collect(),
        }
    }
}

/// A line of a trace.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct TraceLine<'a> {
    /// Number of the step; a remark bears the number of the step it follows.
    pub step: u32,
    /// Whose.
    pub task: &'a str,
    /// How it reads.
    pub text: &'a str,
    /// The locks the task holds after it.
    pub held: &'a [String],
    /// The source, as `file:line`.
    pub source: String,
}

impl<'a> TraceLine<'a> {
    fn new(line: &'a Line, names: &'a Names) -> Option<TraceLine<'a>> {
        Some(TraceLine {
            step: line.event.step,
            task: names.task(line.event.task),
            text: line.text.as_deref()?,
            held: &line.held,
            source: source(line.event.place),
        })
    }
}

/// Of `outline`.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Outlined {
    /// The design.
    pub design: String,
    /// The file system of the file.
    pub fs: FsKind,
    /// A call each.
    pub calls: Vec<CallOutline>,
}

/// The outline of a call.
#[derive(Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct CallOutline {
    /// The call.
    pub call: &'static str,
    /// What is called, in order.
    pub outline: Vec<Outline>,
}
