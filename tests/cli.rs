//! The command line: pinned outputs with their exit status, and what a pin cannot say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use lockwright::check::Code;
use lockwright::scenario::catalogue;
use lockwright::study::expect;

use crate::matrix::is_long;

/// Runs the program.
pub fn lockwright(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lockwright")).args(arguments).output().expect("the program can be started")
}

/// What it printed.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

/// An empty directory of the test's own.
pub fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = std::fs::remove_dir_all(&path);
    path
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

#[test]
fn commands_print_what_is_pinned() {
    let cases = trycmd::TestCases::new();
    cases.case("tests/cmd/*.trycmd").case("tests/cmd/*.toml");
    if is_long() {
        cases.case("tests/cmd/long/*.trycmd");
    }
    cases.run();
}

/// Measured times and source lines are left open there; everything else is exact.
#[test]
fn console_blocks_of_the_docs_print_what_they_show() {
    let cases = trycmd::TestCases::new();
    cases.case("README.md").case("docs/*.md");
    cases.run();
}

#[test]
fn a_saved_schedule_is_replayed_byte_for_byte() {
    let saved = directory("byte-for-byte");
    let check = lockwright(&["check", "--design", "bkl", "--scenario", "leaser-reader", "--save", path(&saved)]);
    assert_eq!(check.status.code(), Some(1));

    let mut files: Vec<String> =
        std::fs::read_dir(&saved).unwrap().map(|file| path(&file.unwrap().path()).to_owned()).collect();
    files.sort();
    assert_eq!(files.len(), 3);
    for file in &files {
        let (first, second) = (lockwright(&["replay", file]), lockwright(&["replay", file]));
        assert_eq!(first.status.code(), Some(1), "{file}");
        assert_eq!(first.stdout, second.stdout, "{file}");
        assert!(stdout(&check).contains(&format!("replay: lockwright replay {file}")), "{file}");
        assert!(first.stderr.is_empty(), "{file}");
    }
}

#[test]
fn the_same_exploration_prints_the_same_but_for_the_time() {
    let timeless = |output: &Output| stdout(output).lines().filter(|line| !line.contains(" s on ")).collect::<String>();
    // A short run takes the small one.
    let runs = [&["check", "--design", "bkl", "--scenario", "leaser-two-openers"][..], &[]];
    for arguments in &runs[..if is_long() { 2 } else { 1 }] {
        let (first, second) = (lockwright(arguments), lockwright(arguments));
        assert_eq!(first.status, second.status);
        assert_eq!(timeless(&first), timeless(&second));
    }
}

#[test]
fn a_finding_that_does_not_show_any_more_is_said_and_is_no_failure() {
    let saved = directory("not-any-more");
    std::fs::create_dir_all(&saved).unwrap();
    let file = saved.join("schedule.json");
    let text = r#"{"lockwright":1,"design":"bkl","scenario":"leaser-reader",
        "finding":{"code":"LW020","subject":"fl_next"},"steps":[{"task":"leaser","op":"lock_kernel()"}]}"#;
    std::fs::write(&file, text).unwrap();

    let output = lockwright(&["replay", path(&file)]);

    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("LW020 fl_next does not show any more\n"));
}

#[test]
fn nothing_is_written_when_a_name_is_wrong() {
    let saved = directory("nothing-written");

    let output = lockwright(&["check", "--design", "bkl", "--scenario", "no-such", "--save", path(&saved)]);

    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(!saved.exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lockwright"))
        .arg("list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    drop(child.stdout.take());

    let output = child.wait_with_output().unwrap();

    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn progress_is_silent_in_a_pipe() {
    assert!(lockwright(&["check", "--scenario", "expiry"]).stderr.is_empty());
}

#[test]
fn explain_prints_the_page_of_every_code() {
    for code in lockwright::check::Code::ALL {
        let output = lockwright(&["explain", &code.to_string().to_lowercase()]);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), code.page()));
    }
    let listed = stdout(&lockwright(&["list", "findings"]));
    let listed: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).skip(1).collect();
    let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings"))
        .expect("a folder")
        .map(|entry| entry.expect("a page").path());
    let mut pages: Vec<String> = pages.map(|it| it.file_stem().expect("a name").to_string_lossy().into()).collect();
    pages.sort();
    assert_eq!(listed, pages, "each page is listed, and each code has a page");
}

#[test]
fn check_of_the_catalogue_has_a_page_for_each_kind_with_its_scenarios() {
    // `sed`, which explores as much as both, is there in a long run.
    let designs = ["--design", "bkl", "--design", "spinlock", "--design", "sed"];
    let text = stdout(&lockwright(&[&["check"], &designs[..if is_long() { 6 } else { 4 }]].concat()));
    let mut kinds: BTreeMap<(Code, &str), Vec<&str>> = BTreeMap::new();
    for scenario in catalogue::all() {
        for row in expect::expected("bkl", scenario.name).expect("bkl has a table") {
            let having = kinds.entry((row.code, row.bug)).or_default();
            if !having.contains(&scenario.name) {
                having.push(scenario.name);
            }
        }
    }
    let (of_bkl, rest) = text.split_once("COMPLETE bkl: ").expect("bkl comes first");
    let pages: Vec<&str> = of_bkl.split("\nLW").collect();

    assert_eq!(pages.len(), kinds.len(), "one for each kind");
    for ((code, bug), having) in &kinds {
        let code = code.to_string();
        let is_it = |page: &&&str| {
            page.trim_start_matches("LW").starts_with(&code[2..]) && page.contains(&format!("known as {bug}:"))
        };
        let of_kind: Vec<&&str> = pages.iter().filter(is_it).collect();
        assert_eq!(of_kind.len(), 1, "{code} {bug}");
        assert!(of_kind[0].contains(&format!("in {} of 56 scenarios: {}", having.len(), having[0])), "{code} {bug}");
    }
    let with_findings = kinds.values().flatten().collect::<BTreeSet<_>>().len();
    assert!(rest.starts_with(&format!("findings in {with_findings} of 56 scenarios, {} kinds, ", kinds.len())));
    assert!(rest.contains("\nCOMPLETE spinlock: clean in 56 scenarios, "));
    // What both have is shown once: sed has a line that says where.
    let is_short = |line: &str| line.starts_with("LW") && line.ends_with("; page: bkl");
    assert_eq!(rest.lines().any(is_short), is_long());
}

#[test]
fn check_each_has_a_line_for_every_scenario() {
    let text = stdout(&lockwright(&["check", "--each", "--design", "sed"]));

    let of_sed = text.lines().filter(|line| line.starts_with("COMPLETE sed ")).count();
    assert_eq!(of_sed, catalogue::all().len());
}

#[test]
fn help_groups_its_options_and_fits_a_page() {
    let text = stdout(&lockwright(&["check", "--help"]));

    let headings = ["What to explore:", "What to show:", "How to explore:", "Bounds:", "The random engines:"];
    let at: Vec<usize> = headings.iter().map(|heading| text.find(heading).expect("the heading is there")).collect();
    assert!(at.is_sorted());
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn narrow_page_is_stacked_and_fits() {
    let narrow = stdout(&lockwright(&["check", "bkl", "leaser-reader", "--columns", "60"]));

    // Commands are there to be copied, and are not broken.
    let wide = |line: &&str| line.chars().count() > 60 && !line.contains("lockwright check");
    assert_eq!(narrow.lines().find(wide), None);
    assert!(narrow.contains("\nopener: (leaser preempted, holds B)\n          > a = open(file, O_RDONLY)\n    10    atomic_inc(d_count) -> 2\n"), "{narrow}");
    // The same steps in the same order, by task.
    let saved = directory("narrow");
    _ = lockwright(&["check", "bkl", "leaser-reader", "--save", path(&saved)]);
    let file = saved.join("LW030-lease-bkl-leaser-reader.json");
    let steps = |columns: &[&str]| -> Vec<u32> {
        let text = stdout(&lockwright(&[&["replay", path(&file)], columns].concat()));
        text.lines().filter_map(|line| line.get(..6)?.trim().parse().ok()).collect()
    };
    let numbers = steps(&["--columns", "60"]);
    assert!(numbers.len() > 20);
    assert_eq!(numbers, steps(&[]));
}

#[cfg(unix)]
mod files {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const SAVING: [&str; 6] = ["check", "--design", "bkl", "--scenario", "leaser-unlock", "--save"];

    fn save(saved: &std::path::Path) -> Output {
        lockwright(&[&SAVING[..], &[path(saved)]].concat())
    }

    fn stderr(output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// One line, as for every mistake in what was asked.
    fn is_usage_error(output: &Output) -> bool {
        output.status.code() == Some(2)
            && stderr(output).starts_with("lockwright: ")
            && stderr(output).lines().count() == 1
    }

    #[test]
    fn link_in_the_place_of_a_saved_schedule_is_replaced_and_not_followed() {
        let saved = directory("link");
        fs::create_dir_all(&saved).unwrap();
        let (target, file) = (saved.join("precious"), saved.join("LW020-fl_next-bkl-leaser-unlock.json"));
        fs::write(&target, "mine").unwrap();
        symlink(&target, &file).unwrap();

        assert_eq!(save(&saved).status.code(), Some(1));

        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        assert!(fs::symlink_metadata(&file).unwrap().is_file());
        assert_eq!(fs::read_dir(&saved).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn schedule_that_cannot_be_written_leaves_no_part_of_it() {
        let saved = directory("no-room");
        // What is in its place cannot be replaced by a file.
        fs::create_dir_all(saved.join("LW020-fl_next-bkl-leaser-unlock.json/full")).unwrap();

        let output = save(&saved);

        assert!(is_usage_error(&output), "{}", stderr(&output));
        assert!(stderr(&output).starts_with("lockwright: writing "));
        assert_eq!(fs::read_dir(&saved).unwrap().count(), 1);
    }

    #[test]
    fn checkpoint_that_is_no_regular_file_is_refused() {
        let place = directory("checkpoint-kinds");
        fs::create_dir_all(&place).unwrap();
        for file in ["/dev/zero", "/dev/full", path(&place)] {
            let output = lockwright(&["explore", "L-fixed-2-1", "--checkpoint", file]);

            assert!(is_usage_error(&output), "{file}: {}", stderr(&output));
            assert_eq!(stderr(&output), format!("lockwright: {file}: not a regular file\n"));
        }
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    }

    #[test]
    fn file_without_an_end_is_refused() {
        let (place, zero) = (directory("endless"), std::path::Path::new("/dev/zero"));
        fs::create_dir_all(&place).unwrap();
        let scenario = place.join("zero.json");
        symlink(zero, &scenario).unwrap();

        for arguments in [
            &["replay", "/dev/zero"][..],
            &["lease", "/dev/zero", "--design", "bkl"],
            &["check", "--design", "bkl", "--scenario", path(&scenario)],
        ] {
            let output = lockwright(arguments);
            assert!(is_usage_error(&output), "{arguments:?}: {}", stderr(&output));
            assert!(stderr(&output).contains("it has more than 67108864 bytes"), "{}", stderr(&output));
        }
    }

    /// A long exploration with a checkpoint, as soon as that is there.
    fn under_way(file: &std::path::Path) -> std::process::Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockwright"))
            .args(["explore", "L-fixed-6-6", "--checkpoint", path(file)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        while !file.exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was to be stopped");
            std::thread::yield_now();
        }
        child
    }

    #[test]
    fn checkpoint_is_for_one_process_at_a_time() {
        let place = directory("checkpoint-twice");
        fs::create_dir_all(&place).unwrap();
        let file = place.join("file.checkpoint");
        let first = under_way(&file);

        let second = lockwright(&["explore", "L-fixed-6-6", "--checkpoint", path(&file)]);

        assert!(is_usage_error(&second), "{}", stderr(&second));
        let why = "another process explores with this checkpoint";
        assert_eq!(stderr(&second), format!("lockwright: {}: {why}\n", path(&file)));
        // The first has not noticed.
        assert!(Command::new("kill").args(["-INT", &first.id().to_string()]).status().unwrap().success());
        assert_eq!(first.wait_with_output().unwrap().status.code(), Some(3));
        let left: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["file.checkpoint"]);
    }

    #[test]
    fn terminated_exploration_says_what_it_knows_and_can_be_gone_on_with() {
        let place = directory("terminated");
        fs::create_dir_all(&place).unwrap();
        let file = place.join("file.checkpoint");
        let child = under_way(&file);
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());

        let output = child.wait_with_output().unwrap();

        assert_eq!(output.status.code(), Some(3));
        assert!(stdout(&output).starts_with("INCOMPLETE (interrupted) L-fixed-6-6: nothing found so far, "));
        assert!(output.stderr.is_empty() && file.exists());
    }

    #[test]
    fn search_that_runs_out_of_memory_ends_with_a_verdict() {
        for engine in ["explorer", "explicit"] {
            let program = env!("CARGO_BIN_EXE_lockwright");
            let limited = format!("ulimit -v 80000; exec {program} explore L-fixed-6-6 --engine {engine}");
            let output = Command::new("sh").args(["-c", &limited]).output().expect("there is a shell");

            assert_eq!(output.status.code(), Some(3), "{engine}: {}", stderr(&output));
            let said = stdout(&output);
            // The bound that follows from what is available, or the system that has no more after all.
            let bounds = ["known states would take more than ", "no memory is left for known states"];
            assert!(bounds.iter().any(|bound| said.starts_with(&format!("INCOMPLETE ({bound}"))), "{engine}: {said}");
        }
    }

    #[test]
    fn nobody_who_listens_to_errors_is_no_failure_of_its_own() {
        let run = |arguments: &str| {
            let closed = format!("exec {} {arguments} 2>&-", env!("CARGO_BIN_EXE_lockwright"));
            Command::new("sh").args(["-c", &closed]).stdout(Stdio::null()).status().expect("there is a shell").code()
        };
        assert_eq!(run("check --design x"), Some(2));
        assert_eq!(run("replay no-such-file.json"), Some(2));

        // A pipe that nobody reads, as with `2>&1 | true`.
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockwright"))
            .args(["check", "--design", "x"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(2));
    }
}
