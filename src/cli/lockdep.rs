//! `lockdep`: step sequences, judged one by one.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use lockwright::explore::files::{TEXT_BYTES_MAX, read_text};
use lockwright::lockdep::answer::{Answer, Judged, Score, judge};
use lockwright::lockdep::case::{Case, Problem, parse};
use lockwright::lockdep::explain::explain;
use lockwright::lockdep::finding::Edge;
use lockwright::lockdep::splat::splat;
use lockwright::lockdep::validator::Rules;
use lockwright::report::json;

use super::{Status, complain, print};

/// What `lockdep` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Step sequences, one JSON object a line (docs/lockdep.md); - is standard input.
    file: PathBuf,
    /// The full report of each case instead of its line.
    #[arg(long)]
    explain: bool,
    /// The report of each case in another form: `splat`, as a kernel prints it.
    #[arg(long = "as", value_name = "FORM", conflicts_with = "explain")]
    form: Option<Form>,
    /// Answer as lockdep of Linux 6.12 would, gaps and false alarms included.
    #[arg(long)]
    as_kernel: bool,
    /// Compare with what the file expects, and say how much of it is right.
    #[arg(long)]
    score: bool,
}

/// Forms of a report.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Form {
    /// As a kernel prints it.
    Splat,
}

/// What `--json` prints.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(super) struct Rows<'a> {
    cases: Vec<Row<'a>>,
    differences: &'a [String],
}

/// A case, and its report if it has one.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(super) struct Row<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    grade: Option<&'static str>,
    message: Option<&'a str>,
    cure: Option<&'a str>,
    cycle: Vec<Dependency<'a>>,
    doubtful: Vec<&'a str>,
}

/// A dependency of a cycle.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(super) struct Dependency<'a> {
    held: &'a str,
    held_since: usize,
    wanted: &'a str,
    wanted_at: usize,
    interrupt: Option<&'static str>,
}

fn row<'a>(case: &'a Case, judged: &'a Judged) -> Row<'a> {
    let report = judged.report.as_ref();
    let name = |lock: usize| case.locks.all[lock].name.as_str();
    let dependency = |edge: &Edge| Dependency {
        held: name(edge.from.lock),
        held_since: edge.from.place.step,
        wanted: name(edge.to.lock),
        wanted_at: edge.to.place.step,
        interrupt: edge.irq.map(|(level, _)| level.word()),
    };
    Row {
        answer: &judged.answer,
        grade: report.map(|finding| finding.grade.word()),
        message: report.map(|finding| finding.message.as_str()),
        cure: report.map(|finding| finding.cure.as_str()),
        cycle: report.map_or(Vec::new(), |finding| finding.cycle.iter().map(dependency).collect()),
        doubtful: judged.doubtful.iter().map(|finding| finding.message.as_str()).collect(),
    }
}

/// Judges the cases of a file. Lines that are wrong are named, and the others answered.
///
/// # Errors
/// If the file cannot be read, or has no case in it.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    let lines = read(&arguments.file)?;
    let rules = if arguments.as_kernel { Rules::Kernel } else { Rules::Ours };
    let mut score = Score::default();
    let mut judged: Vec<(&Case, Judged)> = Vec::new();
    for case in lines.iter().filter_map(|line| line.as_ref().ok()) {
        let answer = judge(case, rules);
        score.add(case, &answer.answer, rules);
        judged.push((case, answer));
    }
    if as_json {
        let differences: &[String] = if arguments.score { &score.differences } else { &[] };
        let cases = judged.iter().map(|(case, judged)| row(case, judged)).collect();
        print(&json::text("lockdep", Rows { cases, differences }))?;
    } else {
        print(&text(arguments, &judged, &score)?)?;
    }
    for (case, _) in &judged {
        case.ignored.iter().for_each(|ignored| complain(&format!("{}: {ignored}", case.id)));
    }
    let problems: Vec<&Problem> = lines.iter().filter_map(|line| line.as_ref().err()).collect();
    if !problems.is_empty() {
        let told: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        bail!("{}: {} not run\n{}", arguments.file.display(), count(problems.len()), told.join("\n"));
    }
    let differs = arguments.score && !score.differences.is_empty();
    Ok(if differs { Status::Findings } else { Status::Clean })
}

fn count(lines: usize) -> String {
    if lines == 1 { "a line was".into() } else { format!("{lines} lines were") }
}

fn text(arguments: &Arguments, judged: &[(&Case, Judged)], score: &Score) -> Result<String> {
    let mut text = String::new();
    for (number, (case, judged)) in judged.iter().enumerate() {
        if let Some(Form::Splat) = arguments.form {
            text += &splat(case, judged);
        } else if arguments.explain {
            text += if number > 0 { "\n" } else { "" };
            text += &explain(case, judged);
        } else {
            text += &serde_json::to_string(&judged.answer).context("an answer as JSON")?;
            text.push('\n');
        }
    }
    if arguments.score {
        let of = |(all, right): (usize, usize)| format!("{right} of {all}");
        score.differences.iter().for_each(|difference| text += &format!("differs: {difference}\n"));
        let (verdicts, kinds, steps) = (of(score.verdicts), of(score.kinds), of(score.steps));
        text += &format!("as expected: {verdicts} verdicts, {kinds} kinds, {steps} steps\n");
    }
    Ok(text)
}

fn read(file: &Path) -> Result<Vec<Result<Case, Problem>>> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        let limit = std::io::stdin().lock().take(TEXT_BYTES_MAX).read_to_string(&mut text);
        limit.context("standard input cannot be read")?;
        ensure!((text.len() as u64) < TEXT_BYTES_MAX, "standard input is longer than {TEXT_BYTES_MAX} bytes");
        text
    } else {
        read_text(file).with_context(|| format!("{}: cannot be read", file.display()))?
    };
    let cases = parse(&text);
    ensure!(!cases.is_empty(), "{}: the file has no case in it", file.display());
    Ok(cases)
}
