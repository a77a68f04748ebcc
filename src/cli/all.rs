//! `check --all`: every small scenario on a design, and each kind of finding once.
//!
//! Findings are of one kind if code, subject and the bug that they are known as are the same. The smallest scenario that has one stands for
//! all; it is shrunk, and printed as a file that `--scenario` reads.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use lockwright::check::{Code, Finding};
use lockwright::event::Symbol;
use lockwright::explore::schedule::{Guide, replay};
use lockwright::explore::{Config, Found, Verdict, explore, graph};
use lockwright::lease::designs::Entry;
use lockwright::report::counterexample::{self, Counterexample};
use lockwright::report::json::part::Rank;
use lockwright::report::json::{Generated, KindReport};
use lockwright::report::{completeness_of, count, memory_model};
use lockwright::scenario::{Scenario, file};
use lockwright::study::all::{self, Size};
use lockwright::study::cells::{self, Cell};
use lockwright::study::expect::{self, Expected};
use lockwright::study::shrink;
use lockwright::study::slice::Slice;

use super::progress::{self, Progress};
use super::{Status, partition, print, save, time_line, workers};

/// What is asked for.
pub struct Wanted<'a> {
    /// The designs.
    pub designs: Vec<Entry>,
    /// Which scenarios.
    pub size: Size,
    /// Which part of them.
    pub slice: Option<Slice>,
    /// How each is explored.
    pub config: Config,
    /// Where schedules and scenarios go.
    pub save: Option<&'a Path>,
}

/// Code, subject, and the bug that it is known as.
type Kind = (Code, &'static str, Option<(&'static str, &'static str)>);

/// Findings of one kind on one design.
struct Group {
    design: Entry,
    kind: Kind,
    /// How many scenarios have it.
    scenarios: usize,
    /// The smallest.
    smallest: Arc<Scenario>,
    /// Which of the explorations that was.
    at: usize,
}

/// What the explorations of a design come to.
struct Total {
    design: Entry,
    scenarios: usize,
    states: u64,
    executions: u64,
    /// Scenarios with findings.
    found: usize,
    /// Of kinds that the rule of the design does not know.
    unexplained: usize,
    incomplete: Option<Cut>,
    /// Scenarios whose set-up the design does not get through.
    left_out: usize,
}

/// Explorations that a bound has cut short.
struct Cut {
    /// How many.
    scenarios: usize,
    /// The smallest.
    smallest: Arc<Scenario>,
    verdict: Verdict,
}

/// A kind of finding, ready to be shown.
struct Shown {
    group: Group,
    cell: Cell,
    found: Found,
}

fn known(design: Entry, scenario: &Scenario, finding: &Finding) -> Option<&'static Expected> {
    expect::cause(&design.full_name(), scenario, finding)
}

fn kind(design: Entry, scenario: &Scenario, finding: &Finding) -> Kind {
    (finding.code, finding.subject.as_str(), known(design, scenario, finding).map(|known| (known.bug, known.why)))
}

/// Explores, and prints.
pub fn run(wanted: &Wanted<'_>, as_json: bool) -> Result<Status> {
    let scenarios = all::generate(wanted.size);
    let mut cells = cells::cells(&wanted.designs, &scenarios);
    let made = cells.len();
    let broken = broken_set_ups(&wanted.designs, &scenarios);
    let fits = |cell: &Cell| !broken.contains(&set_up_key(cell.design, &cell.scenario));
    let left_out: Vec<Entry> = cells.iter().filter(|cell| !fits(cell)).map(|cell| cell.design).collect();
    cells.retain(fits);
    assert_eq!(cells.len() + left_out.len(), made, "internal error: a scenario is explored or left out");
    let cut = partition::cut(wanted.slice, &mut cells, &wanted.config, &format!("all {}", wanted.size))?;
    let progress = Progress::start(progress::titles(&cells))?;
    let verdicts = cells::for_each(&cells, (workers() / wanted.config.jobs).max(1), |at, cell| {
        let verdict = explore(&cell.subject(), &progress.watched(at, &wanted.config));
        progress.done(at, &verdict);
        verdict
    });
    let groups = groups(&cells, &verdicts);
    let totals: Vec<Total> =
        wanted.designs.iter().map(|design| total(*design, &cells, &verdicts, &groups, &left_out)).collect();
    let shown = cells::for_each(&groups_as_cells(&groups), workers(), |at, _| example(&groups[at], &wanted.config));
    let seconds = progress.finish().as_secs_f64();
    let shown: Vec<Shown> =
        groups.into_iter().zip(shown).map(|(group, (cell, found))| Shown { group, cell, found }).collect();
    let text = if as_json {
        let kinds = shown.iter().map(|shown| kind_report(shown, wanted.save)).collect::<Result<Vec<_>>>()?;
        let complete = totals.iter().all(|total| total.incomplete.is_none() && total.left_out == 0);
        let scenarios = cells.len() as u64;
        let states = totals.iter().map(|total| total.states).sum();
        let (engine, memory) = (wanted.config.engine, memory_model(wanted.config.engine, wanted.config.memory));
        let size = wanted.size.to_string();
        let report = Generated { size, engine, memory, complete, scenarios, states, seconds, kinds };
        let at = cut.as_ref().map_or(Vec::new(), |cut| cut.at.clone());
        let ranks = shown.iter().map(|shown| rank(&shown.group, wanted, &at)).collect();
        partition::text(cut.as_ref(), "check --all", at.clone(), ranks, report)
    } else {
        let pages = shown.iter().map(|shown| page(shown, wanted)).collect::<Result<Vec<_>>>()?;
        pages.concat() + &last_lines(wanted, &totals) + &time_line(seconds, workers())
    };
    print(&text)?;
    let incomplete = totals.iter().any(|total| total.incomplete.is_some() || total.left_out > 0);
    Ok(Status::of(!shown.is_empty(), incomplete))
}

/// The place of a kind among those of all parts. `at` says which explorations of the whole these are.
fn rank(group: &Group, wanted: &Wanted<'_>, at: &[usize]) -> Rank {
    let design = wanted.designs.iter().position(|design| design.full_name() == group.design.full_name());
    let (code, subject, known) = &group.kind;
    let known = known.map(|(bug, why)| (bug.to_owned(), why.to_owned()));
    Rank {
        design: design.unwrap_or(wanted.designs.len()),
        kind: (code.to_string(), (*subject).to_owned(), known),
        size: size(&group.smallest),
        at: at.get(group.at).copied().unwrap_or(group.at),
    }
}

fn set_up_key(design: Entry, scenario: &Scenario) -> (String, u64) {
    (design.full_name(), all::key(&all::without_calls(scenario)))
}

/// Set-ups that a design does not get through.
fn broken_set_ups(designs: &[Entry], scenarios: &[Arc<Scenario>]) -> HashSet<(String, u64)> {
    let set_ups = all::set_ups(scenarios);
    let pairs = designs.iter().flat_map(|design| set_ups.iter().map(move |set_up| (*design, set_up)));
    let fails = |(design, set_up): &(Entry, &Scenario)| {
        cells::applies(*design, set_up) && file::setup_problem(*design, set_up).is_some()
    };
    pairs.filter(fails).map(|(design, set_up)| set_up_key(design, set_up)).collect()
}

/// The findings by design and kind.
fn groups(cells: &[Cell], verdicts: &[Verdict]) -> Vec<Group> {
    let mut groups: BTreeMap<(usize, Kind), Group> = BTreeMap::new();
    let mut designs: Vec<String> = Vec::new();
    for (exploration, (cell, verdict)) in cells.iter().zip(verdicts).enumerate() {
        let name = cell.design.full_name();
        let at = designs.iter().position(|known| *known == name).unwrap_or_else(|| {
            designs.push(name);
            designs.len() - 1
        });
        for found in &verdict.findings {
            let kind = kind(cell.design, &cell.scenario, &found.finding);
            let group = groups.entry((at, kind)).or_insert_with(|| Group {
                design: cell.design,
                kind,
                scenarios: 0,
                smallest: Arc::clone(&cell.scenario),
                at: exploration,
            });
            group.scenarios += 1;
            if size(&cell.scenario) < size(&group.smallest) {
                group.smallest = Arc::clone(&cell.scenario);
                group.at = exploration;
            }
        }
    }
    groups.into_values().collect()
}

/// Nodes, tasks, calls, faults: what a reader has to keep in mind.
pub(super) fn size(scenario: &Scenario) -> (usize, usize, usize, usize, bool) {
    let sum = |of: fn(&lockwright::scenario::TaskSpec) -> usize| scenario.tasks.iter().map(of).sum::<usize>();
    let (calls, before) = (sum(|task| task.calls.len()), sum(|task| task.before.len()));
    (scenario.cluster.nodes.len(), scenario.tasks.len(), calls, before, scenario.faults.memory)
}

fn groups_as_cells(groups: &[Group]) -> Vec<Cell> {
    groups.iter().map(|group| Cell { design: group.design, scenario: Arc::clone(&group.smallest) }).collect()
}

/// The smallest scenario of a kind, made smaller, with the schedule that is easiest to read.
fn example(group: &Group, config: &Config) -> (Cell, Found) {
    let is_it = |scenario: &Scenario, finding: &Finding| kind(group.design, scenario, finding) == group.kind;
    let smallest = shrink::smallest_that(group.design, &group.smallest, config, &is_it);
    let bug = group.kind.2.map_or(String::new(), |(bug, _)| format!("-{bug}"));
    let text = format!("all-{}-{}-{}{bug}", group.design.full_name(), group.kind.0, group.kind.1);
    let plain = text.replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_', "-");
    let name = Symbol::from(plain).as_str();
    let cell = Cell { design: group.design, scenario: Arc::new(Scenario { name, ..Scenario::clone(&smallest) }) };
    let config = Config { checkpoint: None, ..config.clone() };
    let is_found = |found: &Found| is_it(&cell.scenario, &found.finding);
    let witnesses =
        cells::explore_with_witnesses(&cell, &config).expect("only a checkpoint can fail, and there is none");
    // What a finding is known as may depend on its message, and another execution of the same finding may say something else.
    let first = || explore(&cell.subject(), &config).findings.into_iter().find(is_found);
    let found = witnesses.findings.into_iter().find(is_found).or_else(first);
    let found = found.expect("the scenario was kept because it shows the finding");
    (cell, found)
}

fn total(design: Entry, cells: &[Cell], verdicts: &[Verdict], groups: &[Group], left_out: &[Entry]) -> Total {
    let name = design.full_name();
    let of_design = cells.iter().zip(verdicts).filter(|(cell, _)| cell.design.full_name() == name);
    let (of_cells, verdicts): (Vec<&Cell>, Vec<&Verdict>) = of_design.unzip();
    let of_groups = groups.iter().filter(|group| group.design.full_name() == name);
    Total {
        design,
        scenarios: verdicts.len(),
        states: verdicts.iter().map(|verdict| verdict.states).sum(),
        executions: verdicts.iter().map(|verdict| verdict.executions).sum(),
        found: verdicts.iter().filter(|verdict| !verdict.findings.is_empty()).count(),
        unexplained: of_groups.filter(|group| group.kind.2.is_none()).count(),
        incomplete: cut(&of_cells, &verdicts),
        left_out: left_out.iter().filter(|other| other.full_name() == name).count(),
    }
}

fn cut(cells: &[&Cell], verdicts: &[&Verdict]) -> Option<Cut> {
    let incomplete: Vec<_> = cells.iter().zip(verdicts).filter(|(_, verdict)| !verdict.complete()).collect();
    let (cell, verdict) = incomplete.iter().min_by_key(|(cell, _)| size(&cell.scenario))?;
    Some(Cut { scenarios: incomplete.len(), smallest: Arc::clone(&cell.scenario), verdict: Verdict::clone(verdict) })
}

fn page(shown: &Shown, wanted: &Wanted<'_>) -> Result<String> {
    let Shown { group, cell, found } = shown;
    let (design, names) = (cell.design.full_name(), cell.scenario.names());
    let replay = match found.weak_memory {
        true => None,
        false => Some(replay(&*cell.subject(), &names, &Guide::Exact(&found.schedule))?),
    };
    let saved = match (wanted.save, &replay) {
        (Some(directory), Some(replay)) => Some(save::write(cell, found, replay, directory)?),
        _ => None,
    };
    let lost = || graph::no_return(&*cell.subject(), found.finding.code, &found.schedule, graph::STATES_MAX);
    let no_return = replay.as_ref().and_then(|_| lost());
    let example = Counterexample {
        design: &design,
        scenario: cell.scenario.name,
        names: &names,
        found,
        replay: replay.as_ref(),
        no_return: no_return.as_ref(),
        saved: saved.as_deref(),
        expected: known(cell.design, &cell.scenario, &found.finding),
        graded: None,
    };
    let mut page = counterexample::page(&example);
    if group.kind.2.is_none() && expect::has_rule(&design) {
        page.push_str("  not known: no bug of the tables explains it\n");
    }
    let scenarios = count(group.scenarios as u64, "scenario");
    page.push_str(&format!("  in {scenarios} of this size; the smallest, for a file of its own and --scenario:\n"));
    page.push_str(&format!("  {}\n", write_scenario(&cell.scenario, wanted.save)?));
    Ok(page + "\n")
}

/// The scenario as JSON, which goes into a file of its own if there is a directory for it.
fn write_scenario(scenario: &Scenario, save: Option<&Path>) -> Result<String> {
    let text = file::to_json(scenario).to_string();
    let Some(directory) = save else { return Ok(text) };
    let path = directory.join(format!("{}.json", scenario.name));
    std::fs::write(&path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    Ok(path.display().to_string())
}

fn kind_report(shown: &Shown, save: Option<&Path>) -> Result<KindReport> {
    let Shown { group, cell, found } = shown;
    if save.is_some() {
        write_scenario(&cell.scenario, save)?;
    }
    Ok(KindReport {
        design: cell.design.full_name(),
        code: found.finding.code,
        title: found.finding.code.title(),
        subject: found.finding.subject.as_str(),
        message: found.finding.message.clone(),
        bug: group.kind.2.map(|(bug, _)| bug),
        scenarios: group.scenarios as u64,
        scenario: file::to_json(&cell.scenario),
    })
}

/// A line for each design.
fn last_lines(wanted: &Wanted<'_>, totals: &[Total]) -> String {
    let line = |total: &Total| {
        let found = match total.found {
            0 if total.incomplete.is_some() => ", nothing found so far".to_owned(),
            0 => ", clean".to_owned(),
            found => format!(", findings in {found}"),
        };
        let unexplained = match total.unexplained {
            _ if !expect::has_rule(&total.design.full_name()) => String::new(),
            0 => ", all of them known".to_owned(),
            kinds => format!(", {} not known", count(kinds as u64, "kind")),
        };
        let left_out = match total.left_out {
            0 => String::new(),
            left_out => format!(", {left_out} left out: their set-up does not work"),
        };
        let cut = total.incomplete.as_ref();
        let state = completeness_of(cut.map(|cut| &cut.verdict), total.left_out > 0);
        let where_cut = cut.map_or(String::new(), |cut| {
            let scenarios = count(cut.scenarios as u64, "scenario");
            format!("  cut short in {scenarios}; the smallest: {}\n", file::to_json(&cut.smallest))
        });
        format!(
            "{state} {} --all {}: {}{found}{unexplained}{left_out}, {}, {}, {}\n{where_cut}",
            total.design.full_name(),
            wanted.size,
            count(total.scenarios as u64, "scenario"),
            count(total.states, "state"),
            count(total.executions, "execution"),
            memory_model(wanted.config.engine, wanted.config.memory),
        )
    };
    totals.iter().map(line).collect()
}
