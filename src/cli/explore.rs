//! `explore`: one program, explored once; what the exploration itself did.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use lockwright::event::names::Names;
use lockwright::explore::{Config, Subject, Verdict, estimate, explore_with_witnesses};
use lockwright::predict::{Sure, grade_of, graded};
use lockwright::program::family::Family;
use lockwright::report::columns::PAGE_COLUMNS;
use lockwright::report::counterexample::{self, head};
use lockwright::report::json::{self, ExploredOne, WalkedAssumption, WalkedReport};
use lockwright::report::{completeness, count, memory_model, repeats_lines};
use lockwright::scenario;

use super::progress::Progress;
use super::{Status, complain, outlines, print, search, select, time_line};

/// Outcomes of an outline that are shown.
const OUTCOMES_SHOWN: usize = 16;

/// What to explore, and how.
#[derive(clap::Args)]
pub struct Arguments {
    /// A program of a growing family, such as L-fixed-3-3: fixed, mainline or unfenced, leasers, openers. Or a design and a scenario. Or a file
    /// with one outline or diagram, which every engine runs (docs/outlines.md); `-` is standard input.
    #[arg(value_name = "PROGRAM | DESIGN SCENARIO | FILE", num_args = 0..=2, hide_possible_values = true)]
    program: Vec<String>,
    /// Instead: a scenario on this design.
    #[arg(long, requires = "scenario", conflicts_with = "program", help_heading = "What to explore")]
    design: Option<String>,
    /// The scenario.
    #[arg(long, requires = "design", conflicts_with = "program", help_heading = "What to explore")]
    scenario: Option<String>,
    /// Of a file: what if this lock were of that kind? May be repeated.
    #[arg(long = "convert", value_name = "LOCK=KIND", help_heading = "What to explore")]
    conversions: Vec<String>,
    /// Do not explore: say about how many schedules, traces and states there are, by random probes.
    #[arg(long, help_heading = "How to explore")]
    estimate: bool,
    #[command(flatten)]
    search: search::Arguments,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    machines: super::machines::Arguments,
}

struct Program {
    name: String,
    subject: Arc<dyn Subject>,
    names: Names,
    /// Of an outline, whose outcomes are values by name: what the walk of every path says of it.
    walked: Option<WalkedReport>,
    /// Of an outline: its lines.
    lines: Vec<String>,
}

impl Arguments {
    fn program(&self) -> Result<Program> {
        let is_file = self.program.first().is_some_and(|first| outlines::is_file(first));
        ensure!(
            is_file || self.conversions.is_empty(),
            "--convert is for files: lockwright explore FILE --convert LOCK=KIND"
        );
        match (&self.program[..], &self.design, &self.scenario) {
            ([file], ..) if is_file => {
                let (program, walked, lines) = outlines::program(file, &self.conversions)?;
                let names = program.names().clone();
                Ok(Program { name: file.clone(), subject: program.subject(), names, walked: Some(walked), lines })
            }
            ([file, other], ..) if is_file => bail!("{file} is a file: '{other}' is one argument too many"),
            ([name], ..) => {
                let family: Family = name.parse()?;
                Ok(Program {
                    name: family.to_string(),
                    subject: family.subject(),
                    names: family.names(),
                    walked: None,
                    lines: Vec::new(),
                })
            }
            ([design, scenario], ..) | ([], Some(design), Some(scenario)) => {
                let one = |name: &String| std::slice::from_ref(name).to_vec();
                let (designs, scenarios) =
                    select::both(select::designs(&one(design)), select::scenarios(&one(scenario)))?;
                select::cells(&designs, &scenarios)?;
                let (design, scenario) = (designs[0], &scenarios[0]);
                Ok(Program {
                    name: format!("{} {}", design.full_name(), scenario.name),
                    subject: scenario::subject(design, scenario),
                    names: scenario.names(),
                    walked: None,
                    lines: Vec::new(),
                })
            }
            _ => bail!("nothing to explore: name a program such as L-fixed-3-3, or --design and --scenario"),
        }
    }
}

/// Explores and prints.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    let program = arguments.program()?;
    #[cfg(feature = "cluster")]
    if arguments.machines.is_asked_for() {
        return on_cluster(arguments, &program, as_json);
    }
    let config =
        arguments.search.config(1, || format!("{} (lockwright {})", program.name, env!("CARGO_PKG_VERSION")))?;
    if arguments.estimate {
        return estimated(arguments, &program, &config, as_json);
    }
    search::check_form(&config, &*program.subject, &program.name)?;
    let progress = Progress::start(vec![program.name.clone()])?;
    let config = progress.watched(0, &config);
    let verdict = explore_with_witnesses(&program.subject, &config)?;
    let sure = graded(&program.subject, &program.names, &config, &verdict);
    progress.done(0, &verdict);
    let seconds = progress.finish().as_secs_f64();
    told(&program, (&verdict, &sure), config.jobs, seconds, as_json, "")
}

/// The same on several processes. Process 0 prints the verdict; the others, that they have done their part.
#[cfg(feature = "cluster")]
fn on_cluster(arguments: &Arguments, program: &Program, as_json: bool) -> Result<Status> {
    ensure!(!arguments.estimate, "--estimate explores nothing: leave --cluster out");
    let config = arguments.search.config(1, || program.name.clone())?;
    search::check_form(&config, &*program.subject, &program.name)?;
    let cluster = arguments.machines.cluster(&config, &program.name, &arguments.conversions)?;
    let progress = Progress::start(vec![program.name.clone()])?;
    let config = progress.watched(0, &config);
    let explored = lockwright::explore::explore_on_cluster(&program.subject, &config, &cluster)?;
    let Some((verdict, work)) = explored else {
        progress.finish();
        print(&super::machines::done(&cluster))?;
        return Ok(Status::of(false, false));
    };
    let verdict = lockwright::explore::shorten(&program.subject, &config, verdict)?;
    let sure = graded(&program.subject, &program.names, &config, &verdict);
    progress.done(0, &verdict);
    let seconds = progress.finish().as_secs_f64();
    told(program, (&verdict, &sure), work.states.len(), seconds, as_json, &super::machines::measured(&work))
}

/// Prints a verdict, and what it took on a cluster.
fn told(
    program: &Program,
    (verdict, sure): (&Verdict, &[Sure]),
    jobs: usize,
    seconds: f64,
    as_json: bool,
    took: &str,
) -> Result<Status> {
    let is_loom = verdict.engine == lockwright::explore::EngineKind::Loom;
    if as_json {
        if let Some(text) = besides(program, verdict, is_loom) {
            complain(&text);
        }
        let (name, names) = (&program.name, &program.names);
        let report = match &program.walked {
            None => ExploredOne::new(name, verdict, names, jobs, seconds),
            Some(walked) => ExploredOne::of_values(name, verdict, names, jobs, seconds, walked.clone()),
        };
        print(&json::text("explore", report.with_grades(|at| grade_of(sure, &verdict.findings[at]))))?;
    } else {
        let is_one_worker = jobs == 1 && took.is_empty();
        print(&(text(program, (verdict, sure), is_one_worker, is_loom) + &measured(verdict, jobs, seconds) + took))?;
    }
    let Some(walked) = &program.walked else {
        return Ok(Status::of(!verdict.findings.is_empty(), !verdict.complete()));
    };
    let is_complete = verdict.complete() && walked.bounds.is_empty();
    Ok(Status::of(!verdict.findings.is_empty() || !walked.findings.is_empty(), !is_complete))
}

/// Says how much there is to explore.
fn estimated(arguments: &Arguments, program: &Program, config: &Config, as_json: bool) -> Result<Status> {
    ensure!(!as_json, "--estimate is no verdict and has no JSON form");
    if let Some(option) = arguments.search.given_beside(&["--memory", "--steps-max"]) {
        bail!("--estimate makes its own random probes, and does not know {option}");
    }
    ensure!(program.subject.births().is_none(), "--estimate is for programs whose tasks are known beforehand");
    print(&format!("ESTIMATE of {}, nothing was explored\n{}\n", program.name, estimate(&*program.subject, config)))?;
    Ok(Status::of(false, false))
}

/// What the walk of every path has and the engine has not.
fn besides(program: &Program, verdict: &Verdict, is_loom: bool) -> Option<String> {
    let walked = program.walked.as_ref()?;
    let is_found = |code: &str| verdict.findings.iter().any(|found| found.finding.code.to_string() == code);
    let codes: BTreeSet<&str> =
        walked.findings.iter().map(|finding| finding.code).filter(|code| !is_found(code)).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let what = match (&codes[..], &walked.bounds[..]) {
        ([], []) => return None,
        ([], bounds) => format!("not all of the file was walked (bound: {})", bounds.join(", ")),
        (codes, _) => format!("the walk of every path finds {} as well", codes.join(" and ")),
    };
    let plain = if is_loom && codes.contains(&"LW010") {
        "; loom is given plain accesses as relaxed ones here, and does not judge LW010"
    } else {
        ""
    };
    Some(format!("{what}: lockwright check {}{plain}", program.name))
}

fn text(program: &Program, (verdict, sure): (&Verdict, &[Sure]), is_one_worker: bool, is_loom: bool) -> String {
    let mut text = String::new();
    for found in &verdict.findings {
        text.push_str(&head(&found.finding, &program.name));
        text.push_str(&counterexample::why(&found.finding, &program.names));
        if let Some(graded) = grade_of(sure, found) {
            text.push_str(&counterexample::grade(graded, PAGE_COLUMNS));
        }
        text.push('\n');
        if program.walked.is_some() {
            text.push_str(&super::trace::table(&*program.subject, &program.names, found, &program.lines));
        }
    }
    let besides = besides(program, verdict, is_loom);
    let mut parts = vec![match verdict.findings.len() {
        0 if besides.is_some() => "nothing found by the engine".to_owned(),
        0 if verdict.complete() => "clean".to_owned(),
        0 => "nothing found so far".to_owned(),
        findings => count(findings as u64, "finding"),
    }];
    if verdict.states > 0 {
        parts.push(count(verdict.states, "state"));
    }
    // With several workers, how many executions it takes depends on who comes first.
    if is_one_worker {
        parts.push(count(verdict.executions, "execution"));
    }
    parts.push(count(verdict.outcomes.len() as u64, "outcome"));
    parts.push(count(program.names.tasks.len() as u64, "task"));
    parts.push(memory_model(verdict.engine, verdict.memory).to_owned());
    match verdict.symmetry {
        Some(true) => parts.push("outcomes up to exchange of equal tasks".to_owned()),
        Some(false) => parts.push("no symmetry: no two tasks are alike, or something names one of them".to_owned()),
        None => {}
    }
    if let Some(audited) = verdict.audited {
        parts.push(format!("{} audited", count(audited, "step")));
    }
    if program.walked.is_some() {
        let outcomes: Vec<String> =
            verdict.outcomes.iter().take(OUTCOMES_SHOWN).map(|it| format!("  {it}\n")).collect();
        text.push_str(&format!("outcomes\n{}", outcomes.concat()));
        if verdict.outcomes.len() > OUTCOMES_SHOWN {
            text.push_str(&format!("  and {} more: --json has all\n", verdict.outcomes.len() - OUTCOMES_SHOWN));
        }
    }
    if let Some(walked) = program.walked.as_ref().filter(|walked| !walked.assumptions.is_empty()) {
        text.push('\n');
        let said = |it: &WalkedAssumption| (it.line, it.what.clone(), it.declare.clone());
        text.push_str(&lockwright::outline::page::assumptions(
            &walked.assumptions.iter().map(said).collect::<Vec<_>>(),
        ));
    }
    let bounds = program.walked.as_ref().map_or(&[][..], |walked| &walked.bounds);
    let completeness = match bounds {
        [_, ..] if verdict.complete() => format!("INCOMPLETE (bound: {})", bounds.join(", ")),
        _ => completeness(verdict),
    };
    let line = format!("{completeness} {}: {}\n", program.name, parts.join(", "));
    let besides = besides.map(|it| format!("  {it}\n")).unwrap_or_default();
    text + &line + &besides + &repeats_lines(verdict, &program.names)
}

fn measured(verdict: &Verdict, jobs: usize, seconds: f64) -> String {
    let rate = verdict.states.max(verdict.executions) as f64 / verdict.elapsed.as_secs_f64().max(1e-6);
    let noun = if verdict.states > 0 { "states" } else { "executions" };
    let taken_for_one = match verdict.collision_bound().filter(|chance| *chance > 0.0) {
        Some(chance) => format!("two states taken for one: chance below {chance:.0e}, "),
        None => String::new(),
    };
    format!("{}{taken_for_one}{rate:.0} {noun} a second\n", time_line(seconds, jobs))
}
