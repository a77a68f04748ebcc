//! What several tests need: the matrix, explored once, and whether this is a long run.

use std::sync::LazyLock;

use lockwright::engine::controlled::Limits;
use lockwright::explore::{Config, Verdict, explore};
use lockwright::lease::designs;
use lockwright::scenario::catalogue;
use lockwright::study::cells::{self, Cell};

/// `LOCKWRIGHT_LONG=1`, as CI has it, runs what a short run samples.
pub fn is_long() -> bool {
    std::env::var_os("LOCKWRIGHT_LONG").is_some_and(|value| value == "1")
}

/// Takes all in a long run, and one of `step` in a short one.
pub fn sample<T>(all: Vec<T>, step: usize) -> Vec<T> {
    all.into_iter().step_by(if is_long() { 1 } else { step }).collect()
}

/// Bounds that are far below the default ones: a cell that ends within these ends within those.
pub fn far_below() -> Config {
    let default = Config::default();
    let limits = Limits { steps_max: default.limits.steps_max / 5, ..default.limits };
    let (executions_max, states_max) = (default.executions_max / 100, default.states_max / 100);
    Config { limits, executions_max, states_max, ..default }
}

/// Every scenario on every design, explored within [`far_below`].
pub fn matrix() -> &'static [(Cell, Verdict)] {
    static MATRIX: LazyLock<Vec<(Cell, Verdict)>> = LazyLock::new(|| {
        let cells = cells::cells(designs::DESIGNS, &catalogue::all());
        let verdicts = cells::for_each(&cells, 2, |_, cell| explore(&cell.subject(), &far_below()));
        cells.into_iter().zip(verdicts).collect()
    });
    &MATRIX
}

/// The cells of one design.
pub fn of(design: &'static str) -> impl Iterator<Item = &'static (Cell, Verdict)> {
    matrix().iter().filter(move |(cell, _)| cell.design.full_name() == design)
}
