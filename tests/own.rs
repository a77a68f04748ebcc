//! User-land code under the explorer: loom's names, std's behaviour.

mod agreement;
mod bugs;
mod cells;
mod channels;
mod counter;
#[path = "../examples/first_model.rs"]
mod first_model;
mod locks;
mod loom_says;
mod notes;
mod threads;
mod verdicts;
mod waits;

use lockwright::boot::Checked;
use lockwright::check::Code;
use lockwright::explore::EngineKind;
use lockwright::model::Builder;

/// Explores a model with the explorer.
#[track_caller]
pub fn explore(f: impl Fn() + Send + Sync + 'static) -> Checked {
    explore_by(EngineKind::Explorer, f)
}

/// Explores it with some search.
#[track_caller]
pub fn explore_by(search: EngineKind, f: impl Fn() + Send + Sync + 'static) -> Checked {
    let mut builder = Builder::new();
    builder.search = search;
    builder.explore(f)
}

/// The codes that an exploration found.
#[track_caller]
pub fn finds(f: impl Fn() + Send + Sync + 'static) -> Vec<Code> {
    explore(f).verdict.codes().into_iter().collect()
}

#[test]
fn a_newcomer_s_first_model_is_complete() {
    first_model::main();
}
