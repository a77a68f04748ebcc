//! Which lock guards which field: inferred from what code does, not from what it says.
//!
//! Each step that the explorer takes on a design's shared memory is counted with the locks that its task holds. The rule of a field is
//! the lock that is held most often, as LockDoc has it (Lochmann, Schirmeier, Borchert, Spinczyk, *LockDoc: Trace-Based Analysis of
//! Locking in the Linux Kernel*, EuroSys 2019), if it is held at more than half of the steps. The steps without it are the *minority*:
//! each a place where the design breaks its own rule, or where another rule holds there. Marked accesses (`READ_ONCE`, atomics) are kept
//! apart, and have no vote: the mark says that no lock is needed there. Reads and writes have rules of their own.
//!
//! LockDoc counts what one run did. Here it is every step of every state of the scenarios, so that a rule without a minority has no
//! exception in any order. The counts themselves say little: a scenario with more states has more steps.
//!
//! It cannot see what a lock is *for*: a lock that happens to be held at every access is taken for the guard. Memory that its maker
//! has not published yet needs no lock and is not counted, nor is what set-up and end do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::{Place, Symbol};
use crate::explore::{self, Config, Error, Verdict};
use crate::lease::designs::Entry;
use crate::scenario::{self, Scenario};

mod recorder;

use recorder::{Recorded, Recording};

/// A field of a struct, or a variable of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    /// The struct, if it is part of one.
    pub of: Option<Symbol>,
    /// Its name.
    pub name: Symbol,
    /// Is it an atomic? Then it may need no lock.
    pub is_atomic: bool,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.of {
            Some(of) => f.pad(&format!("{of}->{}", self.name)),
            None => f.pad(&self.name),
        }
    }
}

/// Steps at one place with the same locks held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where in the source.
    pub place: Place,
    /// The locks, in the order of their names.
    pub locks: Vec<Symbol>,
    /// How many steps.
    pub steps: u64,
    /// Are they marked?
    pub is_marked: bool,
}

/// What guards the reads of a field, or its writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The field.
    pub field: Field,
    /// Of its writes?
    pub writes: bool,
    /// The locks that are held; none if no lock is held at more than half of the steps.
    pub locks: Vec<Symbol>,
    /// Steps with them.
    pub with: u64,
    /// All steps.
    pub steps: u64,
    /// The steps without them, if there is a rule: ordinary accesses.
    pub minority: Vec<Access>,
    /// The steps without them that are marked (`READ_ONCE`, an atomic): the code says itself that it needs no lock there.
    pub marked: Vec<Access>,
}

/// What a function finds and leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its name.
    pub function: Symbol,
    /// Locks that are held at every entry.
    pub must_hold: Vec<Symbol>,
    /// Locks that it is entered without and returns with.
    pub acquires: Vec<Symbol>,
    /// Locks that it is entered with and returns without.
    pub releases: Vec<Symbol>,
}

/// The rules of a design.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The design.
    pub design: Entry,
    /// Of each field, in the order of their names, reads before writes.
    pub rules: Vec<Rule>,
    /// Of each function.
    pub contracts: Vec<Contract>,
    /// One for each scenario.
    pub verdicts: Vec<Verdict>,
}

/// A rule that differs from one design to another.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// The field.
    pub field: Field,
    /// Of its writes?
    pub writes: bool,
    /// In the old design; `None` if it does not do that there.
    pub old: Option<&'a Rule>,
    /// In the new design.
    pub new: Option<&'a Rule>,
}

/// Explores the scenarios on a design, and infers its rules.
///
/// # Errors
/// As [`explore::try_explore`].
pub fn rules(design: Entry, scenarios: &[Arc<Scenario>], config: &Config) -> Result<Rules, Error> {
    let record = Recorded::default();
    let explored = scenarios.iter().map(|scenario| {
        let subject = Recording::of(scenario::subject(design, scenario), &record);
        explore::try_explore(&subject, config)
    });
    let verdicts = explored.collect::<Result<_, _>>()?;
    let record = record.take();
    let mut by_field: BTreeMap<(Field, bool), Vec<Access>> = BTreeMap::new();
    for (seen, steps) in record.accesses {
        let access = Access { place: seen.place, locks: seen.locks, steps, is_marked: seen.is_marked };
        by_field.entry((seen.field, seen.writes)).or_default().push(access);
    }
    let rules = by_field.into_iter().map(|((field, writes), accesses)| infer(field, writes, accesses)).collect();
    let contracts = record.functions.into_iter().map(|(function, seen)| seen.contract(function)).collect();
    Ok(Rules { design, rules, contracts, verdicts })
}

/// The rule that most steps keep: of the sets of locks that are held at as many steps, the largest.
fn infer(field: Field, writes: bool, mut accesses: Vec<Access>) -> Rule {
    accesses.sort_by_key(|access| (access.place, access.locks.clone()));
    let all = |accesses: &[Access]| accesses.iter().map(|access| access.steps).sum::<u64>();
    let steps = all(&accesses);
    // What is marked says that it needs no lock, so it has no vote where others have one.
    let (marked, ordinary): (Vec<Access>, Vec<Access>) = accesses.iter().cloned().partition(|it| it.is_marked);
    let voters = if ordinary.is_empty() { marked } else { ordinary };
    let candidates: BTreeSet<Vec<Symbol>> = voters.iter().flat_map(|access| subsets(&access.locks)).collect();
    let votes = |locks: &[Symbol]| voters.iter().filter(|it| holds(it, locks)).map(|it| it.steps).sum::<u64>();
    let best = candidates.into_iter().map(|locks| (votes(&locks), locks.len(), locks)).max();
    let Some((_, _, locks)) = best.filter(|(votes, ..)| votes * 2 > all(&voters)) else {
        return Rule { field, writes, locks: Vec::new(), with: steps, steps, minority: Vec::new(), marked: Vec::new() };
    };
    accesses.retain(|access| !holds(access, &locks));
    let with = steps - all(&accesses);
    let (marked, minority) = accesses.into_iter().partition(|access| access.is_marked);
    Rule { field, writes, locks, with, steps, minority, marked }
}

fn holds(access: &Access, locks: &[Symbol]) -> bool {
    locks.iter().all(|lock| access.locks.contains(lock))
}

/// All that are not empty. A task holds two or three locks at most.
fn subsets(locks: &[Symbol]) -> impl Iterator<Item = Vec<Symbol>> + '_ {
    let chosen = |set: u32| (0..locks.len()).filter(move |at| set >> at & 1 != 0).map(|at| locks[at]).collect();
    (1..1 << locks.len().min(8)).map(chosen)
}

impl Rules {
    /// The rule of the reads or writes of a field.
    pub fn of(&self, field: Field, writes: bool) -> Option<&Rule> {
        self.rules.iter().find(|rule| (rule.field, rule.writes) == (field, writes))
    }

    /// Rules that some steps break.
    pub fn broken(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| !rule.minority.is_empty())
    }

    /// The locks that are held at every read and every write of the field: what an annotation may say.
    pub fn guard(&self, field: Field) -> Vec<Symbol> {
        let mut rules = self.rules.iter().filter(|rule| rule.field == field);
        let always = |rule: &Rule| rule.minority.is_empty() && rule.marked.is_empty();
        let Some(first) = rules.next().filter(|rule| always(rule)) else { return Vec::new() };
        rules.fold(first.locks.clone(), |locks, rule| {
            locks.into_iter().filter(|lock| always(rule) && rule.locks.contains(lock)).collect()
        })
    }

    /// Was every scenario explored to the end?
    pub fn complete(&self) -> bool {
        self.verdicts.iter().all(Verdict::complete)
    }
}

/// The rules that differ, in the order of the fields.
pub fn changes<'a>(old: &'a Rules, new: &'a Rules) -> Vec<Change<'a>> {
    let keys: BTreeSet<(Field, bool)> =
        old.rules.iter().chain(&new.rules).map(|rule| (rule.field, rule.writes)).collect();
    let change = |(field, writes)| Change { field, writes, old: old.of(field, writes), new: new.of(field, writes) };
    let told =
        |rule: Option<&Rule>| rule.map(|rule| (rule.locks.clone(), rule.minority.is_empty(), rule.marked.is_empty()));
    keys.into_iter().map(change).filter(|change| told(change.old) != told(change.new)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(locks: &[&'static str], steps: u64) -> Access {
        let locks = locks.iter().map(|lock| Symbol::from(*lock)).collect();
        Access { place: Place::caller(), locks, steps, is_marked: false }
    }

    fn inferred(accesses: Vec<Access>) -> (Vec<String>, u64, Vec<u64>) {
        let rule = infer(Field { of: None, name: "x".into(), is_atomic: false }, true, accesses);
        let steps = rule.minority.iter().map(|access| access.steps).collect();
        (rule.locks.iter().map(ToString::to_string).collect(), rule.with, steps)
    }

    #[test]
    fn the_rule_is_the_lock_that_most_steps_hold_and_the_others_are_its_minority() {
        let of = |locks: &[&str]| locks.iter().map(ToString::to_string).collect::<Vec<_>>();

        assert_eq!(inferred(vec![access(&["a"], 8), access(&[], 2)]), (of(&["a"]), 8, vec![2]));
        // Both locks are held as often as the one: the rule has both.
        assert_eq!(inferred(vec![access(&["a", "b"], 5)]), (of(&["a", "b"]), 5, vec![]));
        assert_eq!(inferred(vec![access(&["a", "b"], 5), access(&["b"], 5)]), (of(&["b"]), 10, vec![]));
        // What is marked needs no lock, and breaks no rule.
        let marked = Access { is_marked: true, ..access(&[], 2) };
        assert_eq!(inferred(vec![access(&["a"], 8), marked]), (of(&["a"]), 8, vec![]));
        // Half of the steps are no rule, and then nothing breaks one.
        assert_eq!(inferred(vec![access(&["a"], 5), access(&[], 5)]), (of(&[]), 10, vec![]));
    }
}
