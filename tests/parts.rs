//! Slices of a run, merged, are the run; and what is not all of one run is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::cli::{directory, lockwright, stdout};
use crate::matrix::is_long;

/// The lines that say no time.
fn timeless(text: &str) -> String {
    text.lines().filter(|line| !line.contains("\"seconds\":")).map(|line| format!("{line}\n")).collect()
}

/// The parts of a command as files.
fn parts(name: &str, command: &[&str], slices: usize) -> Vec<PathBuf> {
    let directory = directory(name);
    fs::create_dir_all(&directory).unwrap();
    let part = |number| {
        let slice = format!("slice:{number}/{slices}");
        let output = lockwright(&[command, &["--json", "--partition", &slice]].concat());
        let file = directory.join(format!("{number}.json"));
        assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
        fs::write(&file, stdout(&output)).unwrap();
        file
    };
    (1..=slices).map(part).collect()
}

fn merge(files: &[&Path]) -> Output {
    let files = files.iter().map(|file| file.to_str().unwrap());
    lockwright(&["merge"].into_iter().chain(files).collect::<Vec<_>>())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Are the merged slices, given in another order than their own, the whole?
fn assert_whole(name: &str, command: &[&str], slices: usize) {
    let whole = lockwright(&[command, &["--json"]].concat());
    let files = parts(name, command, slices);
    let merged = merge(&files.iter().rev().map(PathBuf::as_path).collect::<Vec<_>>());

    assert_eq!(timeless(&stdout(&merged)), timeless(&stdout(&whole)), "{name}: {}", stderr(&merged));
    assert_eq!(merged.status.code(), whole.status.code(), "{name}");
}

#[test]
fn four_slices_of_the_matrix_are_the_matrix() {
    // A short run has it from `check`, below.
    if is_long() {
        assert_whole("parts-matrix", &[], 4);
    }
}

#[test]
fn slices_of_a_check_are_the_check_findings_incompleteness_and_all() {
    // More slices than cells: some have nothing to do.
    let some = ["check", "sed", "--scenario", "leaser-unlock", "--scenario", "unlock-break", "--scenario", "expiry"];
    assert_whole("parts-check", &some, 4);
    let bounded = [&some[..], &["--states-max", "30"]].concat();
    assert_whole("parts-bounded", &bounded, 2);
}

#[test]
fn slices_of_all_small_scenarios_show_each_kind_once_by_the_smallest_of_all() {
    assert_whole("parts-all", &["check", "--all", "2x1", "--design", "sed", "--states-max", "60"], 3);
}

#[test]
fn what_is_not_every_slice_of_one_run_is_refused() {
    let some = ["check", "--design", "spinlock", "--scenario", "leaser-reader", "--scenario", "unlock-break"];
    let files = parts("parts-refused", &some, 3);
    let [one, two, three] = [0, 1, 2].map(|at| files[at].as_path());
    let other = parts("parts-other", &[&some[..], &["--states-max", "9"]].concat(), 3);
    let folder = directory("parts-damaged");
    fs::create_dir_all(&folder).unwrap();
    let damaged = |name: &str, text: String| {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let text = fs::read_to_string(two).unwrap();
    let line = |field: &str| text.lines().find(|line| line.contains(field)).unwrap().trim().to_owned();
    let foreign = damaged("foreign", text.replace(&line("\"build\""), "\"build\": \"0.0.1 another\","));
    let broken = damaged("broken", text[..text.len() / 2].to_owned());
    // The cell is gone, and its place with it.
    let without = text.replace(&line("\"design\""), "").replacen("\"at\": [\n    1\n  ]", "\"at\": []", 1);
    let emptied = damaged("emptied", without);
    let whole = damaged("whole", stdout(&lockwright(&[&some[..], &["--json"]].concat())));
    let future = damaged("future", text.replacen("\"lockwright\": 1", "\"lockwright\": 2", 1));

    let refused = |files: &[&Path]| {
        let output = merge(files);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    assert_eq!(refused(&[one, three]), "lockwright: 1 slice of 3 not there: slice:2/3\n");
    assert_eq!(refused(&[two]), "lockwright: 2 slices of 3 not there: slice:1/3 slice:3/3\n");
    assert!(refused(&[one, two, three, two]).starts_with("lockwright: slice:2/3 is there twice: "));
    assert!(refused(&[one, &foreign, three]).contains(" is of another build than "));
    assert!(refused(&[one, &other[1], three]).contains(" is of another input than "));
    assert!(refused(&[one, &broken, three]).contains("broken: is no report: EOF while parsing"));
    assert!(
        refused(&[one, &emptied, three])
            .contains("emptied: is damaged: it does not have the explorations of its slice")
    );
    assert!(refused(&[one, &whole, three]).contains("whole: is a whole report of `check`, not a part of one"));
    assert!(refused(&[one, &future, three]).contains("future: is of version 2 of the schema, not 1"));
    assert!(refused(&[one, &folder.join("nowhere"), three]).contains("nowhere: cannot be read"));
}

#[test]
fn partition_that_makes_no_sense_is_refused_before_anything_runs() {
    let said = |arguments: &[&str]| {
        let output = lockwright(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        stderr(&output)
    };
    assert!(said(&["--partition", "slice:1/2"]).contains("add --json"));
    assert!(said(&["check", "bkl", "--partition", "slice:1/2"]).contains("add --json"));
    assert!(said(&["--json", "--partition", "slice:3/2"]).contains("no slice 'slice:3/2'"));
    assert!(
        said(&["--json", "--partition", "slice:1/2", "check", "bkl"])
            .contains("lockwright check --partition slice:1/2")
    );
    let file = "tests/verdicts/clean/bkl-over-sleep.txt";
    assert!(said(&["check", file, "--json", "--partition", "slice:1/2"]).contains("--partition is for scenarios"));
}
