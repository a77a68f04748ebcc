//! Many scenarios on many designs: cells that do not depend on each other, handed to workers.
//!
//! What comes back is in the order of the cells, whoever finished first.

use std::sync::Arc;

use crossbeam::channel;

use crate::explore::{self, Config, Error, Subject, Verdict};
use crate::lease::designs::Entry;
use crate::scenario::{Scenario, subject};

/// A scenario on a design.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The design.
    pub design: Entry,
    /// The scenario.
    pub scenario: Arc<Scenario>,
}

impl Cell {
    /// The program to explore.
    pub fn subject(&self) -> Arc<dyn Subject> {
        subject(self.design, &self.scenario)
    }
}

/// Every scenario on every design that it says something about, design by design.
pub fn cells(designs: &[Entry], scenarios: &[Arc<Scenario>]) -> Vec<Cell> {
    let applies = |design: Entry| move |scenario: &&Arc<Scenario>| applies(design, scenario);
    let cell = |design: Entry| {
        let of_design = scenarios.iter().filter(applies(design));
        of_design.map(move |scenario| Cell { design, scenario: Arc::clone(scenario) })
    };
    designs.iter().flat_map(|design| cell(*design)).collect()
}

/// Does the scenario say anything about the design? Not if its file systems ask a server that the design knows nothing of.
pub fn applies(design: Entry, scenario: &Scenario) -> bool {
    design.knows_servers() || !scenario.cluster.needs_server()
}

/// Calls `work` for every cell on `workers` OS threads; the results are in the order of the cells.
pub fn for_each<R: Send>(cells: &[Cell], workers: usize, work: impl Fn(usize, &Cell) -> R + Sync) -> Vec<R> {
    let (to_do, cells_to_do) = channel::unbounded();
    let (done, results) = channel::unbounded();
    (0..cells.len()).for_each(|at| to_do.send(at).expect("the receiver lives until the workers are done"));
    drop(to_do);
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, cells.len().max(1)) {
            let (cells_to_do, done, work) = (cells_to_do.clone(), done.clone(), &work);
            scope.spawn(move || {
                for at in cells_to_do {
                    done.send((at, work(at, &cells[at]))).expect("the receiver lives until the workers are done");
                }
            });
        }
    });
    drop(done);
    let mut results: Vec<(usize, R)> = results.iter().collect();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Explores a cell, and looks for the schedule of each finding that is easiest to read.
///
/// # Errors
/// As [`crate::explore::try_explore`].
pub fn explore_with_witnesses(cell: &Cell, config: &Config) -> Result<Verdict, Error> {
    explore::explore_with_witnesses(&cell.subject(), config)
}
