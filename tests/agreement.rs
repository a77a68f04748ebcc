//! What the engines say of the program of an outline, and what the machine of the outlines says: they have to say the same.

use std::collections::BTreeSet;

use lockwright::engine::Memory;
use lockwright::engine::controlled::Limits;
use lockwright::explore::{Config, EngineKind, Subject, explore};
use lockwright::outline::machine::Program;
use lockwright::outline::search;
use lockwright::outline::vocabulary::Kind;
use lockwright::outlined::translate;

/// Executions of an engine that runs each, after which it is left out of the comparison.
fn executions_max() -> u64 {
    if is_long() { 20_000 } else { 2_000 }
}

/// An execution of a loop that ends when it likes is as long as it may be, and DPOR compares each step of it with all before.
fn limits(engine: EngineKind) -> Limits {
    let default = Limits::default();
    if is_long() || engine == EngineKind::Loom { default } else { Limits { steps_max: 400, ..default } }
}

fn is_long() -> bool {
    std::env::var_os("LOCKWRIGHT_LONG").is_some_and(|value| value == "1")
}

/// States that a program of the comparison has at most.
const STATES_MAX: u64 = 20_000;

/// Codes that an exploration finds. The others are found on paths by the walk, and by the engines' own checks of orders and contexts.
const CODES: [&str; 7] = ["LW001", "LW006", "LW008", "LW010", "LW011", "LW020", "LW021"];

/// Outcomes of executions that ended, and codes of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub outcomes: BTreeSet<String>,
    pub codes: BTreeSet<String>,
    /// A task sleeps where it must not: what comes of that says nothing more to the machine of outlines.
    sleeps_in_atomic: bool,
}

impl Said {
    /// A permit of a semaphore belongs to nobody, so to the engines a task that takes two is not one that waits for itself. One that takes an
    /// rwsem again may stand in line behind a reader that waits for it: that is a cycle of two to the engines, and itself to the machine.
    fn with_waits(mut self) -> Said {
        if self.codes.remove("LW001") {
            self.codes.insert("LW008".to_owned());
        }
        self
    }
}

/// What the machine of outlines says; `None` if the program is too large.
fn machine(program: &Program) -> Option<Said> {
    let explored = search::explore(program, STATES_MAX);
    let text = |outcome: &Vec<(String, i64)>| {
        outcome.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    explored.bound.is_none().then(|| Said {
        outcomes: explored.outcomes.iter().map(text).collect(),
        // Nothing of an engine asks whether something still points to what was not freed: LW022 is of the machine alone.
        codes: explored
            .shown
            .iter()
            .map(|(shown, _)| shown.code.to_owned())
            .filter(|code| CODES.contains(&code.as_str()))
            .collect(),
        sleeps_in_atomic: false,
    })
}

/// What an engine says; `None` if a bound ends it.
pub fn engine(subject: &std::sync::Arc<dyn Subject>, engine: EngineKind, memory: Memory) -> Option<Said> {
    let bounded = !matches!(engine, EngineKind::Explorer | EngineKind::Explicit);
    let default = Config { memory, ..Config::with_engine(engine) };
    // One execution without an end leaves the engine out whatever the others are: a loop that ends when it likes has thousands of them.
    let config = if bounded {
        Config { executions_max: executions_max(), too_long_max: 1, limits: limits(engine), ..default }
    } else {
        default
    };
    let verdict = explore(subject, &config);
    let codes: BTreeSet<String> = verdict.codes().iter().map(ToString::to_string).collect();
    verdict.complete().then(|| Said {
        outcomes: verdict.outcomes.texts(),
        sleeps_in_atomic: codes.contains("LW002"),
        codes: codes.into_iter().filter(|code| CODES.contains(&code.as_str())).collect(),
    })
}

fn same(what: &str, one: &Said, other: &Said) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what}:\n{one:#?}\n{other:#?}")) }
}

/// Holds the engines and the machine to each other. Which engines had their say; `None` if the engines do not run the program.
///
/// # Errors
/// If two of them disagree.
pub fn agree(program: &Program, with_loom: bool) -> Result<Option<Vec<EngineKind>>, String> {
    let Ok(interpreted) = translate(program) else { return Ok(None) };
    let subject = interpreted.subject();
    let Some(own) = machine(program) else { return Ok(None) };
    let explorer = engine(&subject, EngineKind::Explorer, Memory::Sc).ok_or("the explorer hits a bound")?;
    let mut heard = vec![EngineKind::Explorer];
    if !explorer.sleeps_in_atomic {
        let in_line = |kind: Kind| matches!(kind, Kind::Semaphore | Kind::Rwsem);
        let has_line = program.locks.iter().any(|(_, kind)| in_line(*kind));
        let as_waits = |said: &Said| if has_line { said.clone().with_waits() } else { said.clone() };
        same("the machine of outlines, the explorer", &as_waits(&own), &as_waits(&explorer))?;
    }
    for kind in [EngineKind::Explicit, EngineKind::Dpor, EngineKind::SourceDpor, EngineKind::Brute] {
        if let Some(said) = engine(&subject, kind, Memory::Sc) {
            same(&format!("explorer, {kind:?}"), &explorer, &said)?;
            heard.push(kind);
        } else if kind == EngineKind::Explicit {
            return Err("the explicit engine hits a bound".to_owned());
        }
    }
    let tso = engine(&subject, EngineKind::Explorer, Memory::Tso).ok_or("the explorer hits a bound under TSO")?;
    if !explorer.outcomes.is_subset(&tso.outcomes) {
        return Err(format!("store buffers lose an outcome:\n{explorer:#?}\n{tso:#?}"));
    }
    for kind in [EngineKind::Explicit, EngineKind::Dpor] {
        if let Some(said) = engine(&subject, kind, Memory::Tso) {
            same(&format!("explorer, {kind:?} under TSO"), &tso, &said)?;
        }
    }
    if with_loom && let Some(loom) = engine(&subject, EngineKind::Loom, Memory::Sc) {
        // Its memory is weaker: it sees more. A use that nothing orders before the free is a finding of every execution there.
        let frees = loom.codes.iter().any(|code| matches!(code.as_str(), "LW020" | "LW021"));
        if !frees && !explorer.outcomes.is_subset(&loom.outcomes) {
            return Err(format!("loom lacks an outcome:\n{explorer:#?}\n{loom:#?}"));
        }
        heard.push(EngineKind::Loom);
    }
    Ok(Some(heard))
}
