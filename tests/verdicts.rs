//! Inputs sorted by verdict, each with the page that is printed for it beside it. `LOCKWRIGHT_BLESS=1` writes the pages anew.

use std::path::{Path, PathBuf};

use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::{Options, Report, check};
use lockwright::outline::page;
use lockwright::outline::scope::Conversions;

fn inputs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verdicts").join(folder);
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "txt")).collect();
    found.sort();
    found
}

fn checked(path: &Path) -> Report {
    let bytes = std::fs::read(path).expect("a file");
    let name = path.file_name().expect("a name").to_string_lossy();
    check(&name, &bytes, &Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() })
}

fn compare(folder: &str, is_right: fn(&Report) -> bool) {
    let bless = std::env::var_os("LOCKWRIGHT_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in inputs(folder) {
        let report = checked(&path);
        let page = if report.mistakes.is_empty() { page::text(&report) } else { page::mistakes(&report) };
        assert!(is_right(&report), "{} is in the wrong folder:\n{page}", path.display());
        let expected = path.with_extension("expected");
        if bless {
            std::fs::write(&expected, &page).expect("the page is written");
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != page {
            wrong.push(format!("{}:\n{page}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn clean_inputs_have_no_finding_that_counts() {
    compare("clean", |report| report.mistakes.is_empty() && report.codes().is_empty() && report.is_complete());
}

#[test]
fn inputs_with_findings_show_them_over_their_own_lines() {
    compare("findings", |report| report.mistakes.is_empty() && !report.codes().is_empty());
}

#[test]
fn mistaken_inputs_say_where_and_what_was_expected() {
    compare("errors", |report| !report.mistakes.is_empty() && report.units.is_empty());
}
