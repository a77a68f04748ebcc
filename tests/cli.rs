//! The command line: pinned outputs with their exit status, and what a pin cannot say.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

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
    for arguments in [&[][..], &["check", "--design", "bkl", "--scenario", "leaser-two-openers"]] {
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
}
