//! `check FILE...`: outlines, diagrams, lockdep boxes and whole mails.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use lockwright::outline::again;
use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::{Options, Report, Unit, check};
use lockwright::outline::convert::{difference, differences};
use lockwright::outline::diagnostic::render;
use lockwright::outline::finding::Finding;
use lockwright::outline::notation::Notation;
use lockwright::outline::page;
use lockwright::outline::scope::{Assumption, Conversions};
use lockwright::outline::source;
use lockwright::outline::vocabulary::Kind;
use lockwright::outlined;
use lockwright::program::interpreted::Interpreted;
use lockwright::report::json::{self, WalkedAssumption, WalkedFinding, WalkedReport};
use serde::Serialize;

use super::{Status, print, sarif};

/// Bytes of a file that is read at most.
const BYTES_MAX: u64 = 16 << 20;

/// Is the argument a text, and no name of a design?
pub fn is_file(argument: &str) -> bool {
    argument == "-" || argument.contains(['/', '.']) || Path::new(argument).exists()
}

/// Is something piped into a command that does not read it?
pub fn has_piped_input() -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        use std::os::unix::fs::FileTypeExt;
        let file = std::io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from);
        let Ok(metadata) = file.and_then(|file| file.metadata()) else { return false };
        metadata.file_type().is_fifo() || metadata.file_type().is_file() && metadata.len() > 0
    }
    #[cfg(not(unix))]
    false
}

/// What `check` was asked.
pub struct Arguments<'a> {
    /// Files; `-` is standard input.
    pub files: &'a [String],
    /// `LOCK=KIND`, or `LOCK=all`.
    pub conversions: &'a [String],
    /// Files of `fn` lines.
    pub catalogues: &'a [String],
    /// Findings in this notation, and nothing else.
    pub notation: Option<Notation>,
    /// A file for code hosts.
    pub sarif: Option<&'a Path>,
}

/// A lock and what it is turned into; all kinds if nothing is said.
type Wanted = Vec<(String, Option<Kind>)>;

fn wanted(arguments: &[String]) -> Result<Wanted> {
    let one = |argument: &String| {
        let (lock, kind) =
            argument.rsplit_once('=').with_context(|| format!("'{argument}' is no conversion: --convert LOCK=KIND"))?;
        ensure!(!lock.is_empty(), "'{argument}' names no lock: --convert LOCK=KIND");
        if kind == "all" {
            return Ok((lock.to_owned(), None));
        }
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.text()).collect();
        let kind = Kind::parse(kind)
            .with_context(|| format!("unknown kind of lock '{kind}': the kinds are {}, and all", kinds.join(", ")))?;
        Ok((lock.trim_start_matches('&').to_owned(), Some(kind)))
    };
    arguments.iter().map(one).collect()
}

fn read(name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ensure!(
        !Path::new(name).is_dir(),
        "{name} is a directory: name the files in it, such as {}/*",
        name.trim_end_matches('/')
    );
    if name == "-" {
        std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes).context("reading standard input")?;
    } else {
        let file = std::fs::File::open(name).with_context(|| format!("reading {name}"))?;
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("reading {name}"))?;
    }
    ensure!(bytes.len() as u64 <= BYTES_MAX, "{name} has more than {} MiB", BYTES_MAX >> 20);
    let is_json = name.ends_with(".json") && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
    ensure!(
        !is_json,
        "{name} is JSON, and no outline: a scenario is given by --scenario {name}, a saved schedule to lockwright replay"
    );
    Ok(bytes)
}

fn catalogue(files: &[String]) -> Result<Catalogue> {
    let mut catalogue = Catalogue::built_in();
    let mut text = String::new();
    for file in files {
        let (source, mistakes) = catalogue.add(file, &read(file)?);
        text.extend(mistakes.iter().map(|mistake| render(&source, mistake) + "\n"));
    }
    if !text.is_empty() {
        _ = std::io::stderr().write_all(text.as_bytes());
        bail!("the catalogue has mistakes, and nothing was checked");
    }
    Ok(catalogue)
}

/// The program of a file, for an engine, and what `check` says of the file: it judges what no engine sees, sleeping in atomic sections
/// and declared rules above all.
///
/// # Errors
/// If the file cannot be read, or is not one program.
pub fn program(name: &str, conversions: &[String]) -> Result<(Interpreted, WalkedReport, Vec<String>)> {
    let wanted = wanted(conversions)?;
    ensure!(
        wanted.iter().all(|(_, kind)| kind.is_some()),
        "--convert LOCK=all is a table of check: explore takes one kind"
    );
    let conversions = wanted.into_iter().filter_map(|(lock, kind)| kind.map(|kind| (lock, kind))).collect();
    let shown = if name == "-" { "standard input" } else { name };
    let catalogue = Catalogue::built_in();
    let (bytes, options) = (read(name)?, Options { catalogue: &catalogue, conversions });
    let program = outlined::read(shown, &bytes, &options).map_err(|(unfit, mistakes)| {
        if let Some(mistakes) = mistakes {
            let (source, mistakes) = *mistakes;
            let text: String = mistakes.iter().map(|mistake| render(&source, mistake) + "\n").collect();
            _ = std::io::stderr().write_all(text.as_bytes());
        }
        anyhow::Error::from(unfit)
    })?;
    let report = lockwright::outline::check::walk(shown, &bytes, &options);
    let mut bounds: Vec<String> = program.bounds().iter().map(|bound| (*bound).to_owned()).collect();
    let walked = report.units.iter().flat_map(|unit| &unit.bounds);
    bounds.extend(walked.filter(|bound| !program.bounds().contains(&bound.as_str())).cloned());
    let finding = |finding: &Finding| WalkedFinding {
        code: finding.code,
        title: finding.title.clone(),
        line: finding.labels.first().map_or(0, |label| label.place.line),
    };
    let findings = report.units.iter().flat_map(Unit::counted).map(finding).collect();
    let mut assumed: Vec<_> = report.units.iter().flat_map(|unit| &unit.assumptions).collect();
    assumed.sort_by_key(|assumption| assumption.place);
    let assumption = |assumed: &&Assumption| WalkedAssumption {
        what: assumed.what.clone(),
        declare: assumed.declare.clone(),
        line: assumed.place.line,
    };
    let assumptions = assumed.iter().map(assumption).collect();
    let walked = WalkedReport { complete: bounds.is_empty(), bounds, findings, assumptions };
    Ok((program, walked, report.source.original))
}

/// A file, as it stands and as converted.
struct Checked {
    name: String,
    bytes: Vec<u8>,
    /// As it stands.
    before: Report,
    /// With all conversions that name one kind.
    after: Option<Report>,
}

/// One file in JSON.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct FileJson {
    #[serde(flatten)]
    file: page::FileReport,
    /// Findings that the conversion adds: what the old kind forgave.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<KindJson>,
}

/// One row of the table of kinds.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct KindJson {
    lock: String,
    kind: &'static str,
    codes: Vec<&'static str>,
    /// Of each outline of the file, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outlines: Vec<OutlineJson>,
}

/// An outline of a file that has several.
#[derive(Serialize, schemars::JsonSchema)]
struct OutlineJson {
    line: u32,
    codes: Vec<&'static str>,
}

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct FilesJson {
    files: Vec<FileJson>,
}

/// Checks and prints.
pub fn run(arguments: &Arguments, as_json: bool) -> Result<Status> {
    let wanted = wanted(arguments.conversions)?;
    if let Some(sarif) = arguments.sarif {
        let is_input = |file: &String| std::fs::canonicalize(file).ok() == std::fs::canonicalize(sarif).ok();
        let clash = arguments.files.iter().find(|file| std::path::Path::new(file.as_str()).exists() && is_input(file));
        ensure!(clash.is_none(), "--sarif {}: that is a file to check, and would be overwritten", sarif.display());
    }
    let catalogue = catalogue(arguments.catalogues)?;
    let conversions: Conversions =
        wanted.iter().filter_map(|(lock, kind)| kind.map(|kind| (lock.clone(), kind))).collect();
    let mut all = Vec::new();
    for name in arguments.files {
        let bytes = read(name)?;
        let shown = if name == "-" { "standard input" } else { name };
        let options = |conversions| Options { catalogue: &catalogue, conversions };
        let before = check(shown, &bytes, &options(Conversions::new()));
        let after = (!conversions.is_empty()).then(|| check(shown, &bytes, &options(conversions.clone())));
        all.push(Checked { name: shown.to_owned(), bytes, before, after });
    }
    if let Some(status) = refused(&all, &wanted, as_json)? {
        return Ok(status);
    }
    if let Some(path) = arguments.sarif {
        let reports: Vec<&Report> = all.iter().map(Checked::shown).collect();
        sarif::write(path, &reports)?;
    }
    if let Some(notation) = arguments.notation {
        let options = Options { catalogue: &catalogue, conversions: Conversions::new() };
        let texts: Vec<String> = all
            .iter()
            .map(|checked| again::findings(checked.shown(), notation, &options))
            .filter(|text| !text.is_empty())
            .collect();
        print(&texts.join(&format!("\n# {}\n\n", source::SCISSORS)))?;
        return Ok(status(&all));
    }
    let tables: Vec<Vec<KindJson>> = all.iter().map(|checked| kinds(checked, &wanted, &catalogue)).collect();
    if as_json {
        let files = all.iter().zip(tables).map(|(checked, kinds)| file_json(checked, kinds)).collect();
        print(&json::text("check FILE", FilesJson { files }))?;
    } else {
        let texts: Vec<String> =
            all.iter().zip(&tables).map(|(checked, kinds)| text(checked, kinds, &conversions, all.len() > 1)).collect();
        print(&texts.join("\n"))?;
    }
    Ok(status(&all))
}

fn status(all: &[Checked]) -> Status {
    let shown = |checked: &Checked| -> bool { !checked.shown().codes().is_empty() };
    let incomplete = all.iter().any(|checked| !checked.shown().is_complete());
    Status::of(all.iter().any(shown), incomplete)
}

impl Checked {
    fn shown(&self) -> &Report {
        self.after.as_ref().unwrap_or(&self.before)
    }
}

/// Mistakes in a file, or a conversion of a lock that is in none.
fn refused(all: &[Checked], wanted: &Wanted, as_json: bool) -> Result<Option<Status>> {
    let mistaken: Vec<&Checked> = all.iter().filter(|checked| !checked.before.mistakes.is_empty()).collect();
    if !mistaken.is_empty() {
        if as_json {
            let files = mistaken.iter().map(|checked| file_json(checked, Vec::new())).collect();
            print(&json::text("check FILE", FilesJson { files }))?;
        }
        let text: String = mistaken.iter().map(|checked| page::mistakes(&checked.before)).collect();
        _ = std::io::stderr().write_all(text.as_bytes());
        return Ok(Some(Status::Usage));
    }
    for (lock, _) in wanted {
        let known: Vec<&str> = all.iter().flat_map(|checked| checked.before.locks()).collect();
        let is_known = |name: &&str| {
            *name == lock || name.split('[').next() == Some(lock) || name.rsplit(['>', '.']).next() == Some(lock)
        };
        ensure!(known.iter().any(is_known), "no lock is called '{lock}': the locks are {}", known.join(", "));
    }
    Ok(None)
}

/// The lock as each kind.
fn kinds(checked: &Checked, wanted: &Wanted, catalogue: &Catalogue) -> Vec<KindJson> {
    let mut rows = Vec::new();
    for (lock, _) in wanted.iter().filter(|(_, kind)| kind.is_none()) {
        for kind in Kind::ALL {
            let conversions = Conversions::from([(lock.clone(), kind)]);
            let report = check(&checked.name, &checked.bytes, &Options { catalogue, conversions });
            let outlines = if report.units.len() > 1 { report.units.as_slice() } else { &[] };
            let outlines = outlines.iter().map(|unit| OutlineJson { line: unit.line, codes: unit.codes() }).collect();
            rows.push(KindJson { lock: lock.clone(), kind: kind.text(), codes: report.codes(), outlines });
        }
    }
    rows
}

fn broken(checked: &Checked) -> Option<Vec<String>> {
    let after = checked.after.as_ref()?;
    Some(difference(&checked.before, after).into_iter().map(|(code, subject)| format!("{code} {subject}")).collect())
}

fn file_json(checked: &Checked, kinds: Vec<KindJson>) -> FileJson {
    FileJson { file: page::json(checked.shown()), broken: broken(checked), kinds }
}

/// What a conversion breaks, outline by outline where there are several.
fn broken_lines(checked: &Checked, all: &[String]) -> String {
    let Some(after) = checked.after.as_ref().filter(|after| after.units.len() > 1) else {
        return all.iter().map(|line| format!("  {line}\n")).collect();
    };
    let each = differences(&checked.before, after);
    let row = |(line, broken): (u32, Vec<(&str, String)>)| {
        let broken: Vec<String> = broken.into_iter().map(|(code, subject)| format!("{code} {subject}")).collect();
        let broken = if broken.is_empty() { "nothing".to_owned() } else { broken.join(", ") };
        format!("  outline at line {line:<5} {broken}\n")
    };
    each.into_iter().map(row).collect()
}

/// The question that comes next, where the BKL is in the outlines and nothing is wrong with them.
fn next_step(checked: &Checked) -> String {
    let report = &checked.before;
    let mut locks: Vec<&str> = Vec::new();
    for (lock, kind) in report.units.iter().flat_map(|unit| &unit.locks) {
        if *kind == Kind::Bkl && !locks.contains(&lock.as_str()) {
            locks.push(lock);
        }
    }
    let is_clean = report.codes().is_empty() && report.is_complete();
    match locks.first() {
        Some(lock) if is_clean => {
            let name = if checked.name == "standard input" { "-" } else { &checked.name };
            format!("\nnext, what if {lock} were a spinlock: lockwright check {name} --convert {lock}=spinlock\n")
        }
        _ => String::new(),
    }
}

fn text(checked: &Checked, kinds: &[KindJson], conversions: &Conversions, is_one_of_many: bool) -> String {
    let mut text = String::new();
    if is_one_of_many {
        text.push_str(&format!("{}\n\n", checked.name));
    }
    if kinds.is_empty() || checked.after.is_some() {
        text.push_str(&page::text(checked.shown()));
    }
    if kinds.is_empty() && checked.after.is_none() {
        text.push_str(&next_step(checked));
    }
    if let Some(broken) = broken(checked) {
        let as_what: Vec<String> =
            conversions.iter().map(|(lock, kind)| format!("{lock} as a {}", kind.text())).collect();
        text.push_str(&format!("\n{}: ", as_what.join(", ")));
        if broken.is_empty() {
            text.push_str("no finding that was not there before\n");
        } else {
            text.push_str("what the old kind forgave, and the new one does not\n");
            text.push_str(&broken_lines(checked, &broken));
        }
    }
    let mut lock = "";
    for row in kinds {
        if row.lock != lock {
            lock = &row.lock;
            text.push_str(&format!("\n{lock} as\n"));
        }
        let codes = if row.codes.is_empty() { "clean".to_owned() } else { row.codes.join(" ") };
        text.push_str(&format!("  {:<14} {codes}\n", row.kind));
        for outline in &row.outlines {
            let codes = if outline.codes.is_empty() { "clean".to_owned() } else { outline.codes.join(" ") };
            text.push_str(&format!("    line {:<8} {codes}\n", outline.line));
        }
    }
    if !kinds.is_empty() && kinds.iter().all(|row| !row.codes.is_empty()) {
        text.push_str("no kind of lock will do\n");
    }
    text
}
