//! Scenario files: read back what is written, and say all that is wrong at once.

use lockwright::lease::designs;
use lockwright::scenario::{catalogue, file};

use crate::cli::{directory, lockwright, stdout};

fn mistakes(text: &str) -> Vec<String> {
    file::parse(text).expect_err("the text has mistakes").iter().map(ToString::to_string).collect()
}

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("errors are UTF-8")
}

#[test]
fn every_scenario_of_the_catalogue_is_read_back_as_it_was() {
    for scenario in catalogue::all() {
        let mut value = file::to_json(&scenario);
        value["name"] = "renamed".into();

        let mut read = file::parse(&value.to_string()).expect("what is written can be read");
        read.name = scenario.name;

        assert_eq!(read, *scenario);
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let scenario =
        file::parse(r#"{"name": "short", "tasks": [{"name": "only", "calls": ["truncate(file)"]}]}"#).unwrap();
    let full = r#"{"name": "short", "about": "", "nodes": [], "faults": [], "clock": "quiescent", "lease_break_time": 45,
        "tasks": [{"name": "only", "before": [], "calls": ["truncate( file )"]}]}"#;

    assert_eq!(scenario, file::parse(full).unwrap());
}

#[test]
fn all_mistakes_are_told_each_with_its_place() {
    let text = include_str!("../docs/scenarios/broken.json");

    assert_eq!(
        mistakes(text),
        [
            "clock: unknown clock `fast`: quiescent, free, stopped",
            "nodes[0].fs: unknown file system `nfs`: local, network, refusing",
            "tasks[0].node: unknown node `middle`: the nodes are left, right",
            "tasks[0].before[0]: unknown flag `O_APPEND`: O_NONBLOCK and O_TRUNC are known",
            "tasks[1].cals: unknown field: the fields are name, node, shares, before, calls",
            "tasks[1].calls[0]: unknown call `fnctl`: the calls are h = open(file, FLAGS) · close(h) · h = dup(h) · \
             fcntl(h, F_SETLEASE, TYPE) · fcntl(h, F_GETLEASE) · fcntl(h, F_SETOWN, PID) · fcntl(h, F_GETOWN) · \
             vfs_setlease(h, TYPE) · truncate(file) · kill(TASK) · read(/proc/locks) · sleep(lease_break_time)",
            "tasks[1].calls[2]: unknown task `reader`: the tasks are leaser, writer",
            "tasks[1].calls[1]: unknown handle `b`: `close(b)` comes before any open of it",
        ]
    );
}

#[test]
fn mistakes_of_shape_are_told_too() {
    let one = |text: &str| mistakes(text).join(" / ");
    let task = r#"{"name": "t"}"#;

    assert_eq!(one("{"), "line 1, column 1: EOF while parsing an object");
    assert_eq!(one("[]"), "a list where an object is expected");
    assert_eq!(one("{}"), "name: the field is missing / tasks: a scenario has one task at least");
    assert_eq!(
        one(r#"{"name": "a b", "tasks": [7]}"#),
        "name: `a b` is no name: letters, digits, `-`, `_` and `.`, and not boot or clock / \
         tasks[0]: a number where an object is expected"
    );
    assert_eq!(one(&format!(r#"{{"name": "x", "name": "y", "tasks": [{task}]}}"#)), "name: the field comes twice");
    assert_eq!(one(&format!(r#"{{"name": "x", "tasks": [{task}, {task}]}}"#)), "tasks[1].name: `t` comes twice");
    assert_eq!(
        one(&format!(r#"{{"name": "x", "lease_break_time": 9999, "faults": ["rain", 3], "tasks": [{task}]}}"#)),
        "lease_break_time: 9999 is more than 3600 / faults[0]: unknown fault `rain`: memory, lsm, server / \
         faults[1]: unknown fault a number: memory, lsm, server"
    );
    assert_eq!(
        one(&format!(r#"{{"name": "x", "faults": ["server"], "tasks": [{task}]}}"#)),
        "faults: `server` needs a node on the file system `network`"
    );
    assert_eq!(
        one(&format!(r#"{{"name": "leaser-reader", "tasks": [{task}]}}"#)),
        "name: `leaser-reader` is a scenario of the catalogue: take another name"
    );
}

#[test]
fn calls_are_read_strictly() {
    let of = |call: &str| {
        let open = r#""before": ["a = open(file, O_RDONLY)"]"#;
        mistakes(&format!(r#"{{"name": "x", "tasks": [{{"name": "t", {open}, "calls": ["{call}"]}}]}}"#)).join(" / ")
    };

    assert_eq!(of("fcntl(a, F_SETLEASE, 7)"), "tasks[0].calls[0]: unknown lease type `7`: F_RDLCK, F_WRLCK, F_UNLCK");
    assert_eq!(
        of("fcntl(a, F_SETSIG, 9)"),
        "tasks[0].calls[0]: unknown command `F_SETSIG` of fcntl: F_SETLEASE, F_GETLEASE, F_SETOWN, F_GETOWN are known"
    );
    assert_eq!(
        of("fcntl(a, F_SETOWN, me)"),
        "tasks[0].calls[0]: `me` is no process: a number, that of the first task is 1"
    );
    assert_eq!(
        of("fcntl(a, F_GETOWN, 1)"),
        "tasks[0].calls[0]: `fcntl(a, F_GETOWN, 1)` has not the form of `fcntl`: fcntl(h, F_SETLEASE, TYPE) or \
         fcntl(h, F_GETLEASE) or fcntl(h, F_SETOWN, PID) or fcntl(h, F_GETOWN)"
    );
    assert_eq!(of("close(a, b)"), "tasks[0].calls[0]: `close(a, b)` has not the form of `close`: close(h)");
    assert_eq!(of("close"), "tasks[0].calls[0]: `close` is no call: it has no `(...)` at its end");
    assert_eq!(
        of("b = open(other, O_RDONLY)"),
        "tasks[0].calls[0]: unknown path `other`: `file`, or `link` for the same through another hard link"
    );
    assert_eq!(of("b = open(file, O_RDWR|O_NONBLOCK|O_NONBLOCK)"), "tasks[0].calls[0]: `O_NONBLOCK` comes twice");
    assert_eq!(
        of("fcntl(c, F_GETLEASE)"),
        "tasks[0].calls[0]: unknown handle `c`: `fcntl(c, F_GETLEASE)` comes before any open of it"
    );
}

#[test]
fn more_than_a_server_counts_is_a_mistake_of_the_file() {
    let open = r#""a = open(file, O_RDONLY)""#;
    let task = |name: &str, opens: usize| {
        format!(r#"{{"name": "{name}", "node": "n", "calls": [{}]}}"#, vec![open; opens].join(", "))
    };
    let file = |first: usize, second: usize| {
        let tasks = [task("x", first), task("y", second)].join(", ");
        format!(r#"{{"name": "many", "nodes": [{{"name": "n", "fs": "network"}}], "tasks": [{tasks}]}}"#)
    };

    assert!(file::parse(&file(8, 7)).is_ok());
    assert_eq!(
        mistakes(&file(8, 8)),
        ["nodes[0]: 16 opens of the file on this node, at most 15 are allowed with a file server"]
    );
}

#[test]
fn a_set_up_that_fails_or_waits_is_told_before_anything_runs() {
    let set_up = |flags: &str| {
        let holder = r#"{"name": "x", "before": ["a = open(file, O_RDONLY)", "fcntl(a, F_SETLEASE, F_WRLCK)"]}"#;
        let opener = format!(r#"{{"name": "y", "before": ["b = open(file, {flags})"]}}"#);
        file::parse(&format!(r#"{{"name": "set-up", "tasks": [{holder}, {opener}]}}"#)).expect("the file is right")
    };
    let problem = |flags: &str, design: &str| {
        file::setup_problem(lockwright::study::design(design).unwrap(), &set_up(flags))
            .map(|problem| problem.to_string())
    };

    // It breaks the lease, and leaves it breaking.
    assert_eq!(problem("O_RDWR|O_NONBLOCK", "spinlock"), None);
    assert_eq!(
        problem("O_RDONLY", "bkl").unwrap(),
        "tasks[1].before[0]: `b = open(file, O_RDONLY)` waits on bkl, and nobody else runs yet"
    );
    for scenario in catalogue::all() {
        for design in designs::DESIGNS {
            assert_eq!(file::setup_problem(*design, &scenario), None, "{} on {}", scenario.name, design.name);
        }
    }
}

#[test]
fn a_finding_in_a_scenario_of_a_file_is_saved_with_it_and_replayed() {
    let saved = directory("scenario-file");
    let file = "docs/scenarios/late-recall.json";
    let save = saved.to_str().unwrap();
    let check = lockwright(&["check", "--design", "proposal", "--scenario", file, "--save", save]);
    assert_eq!(check.status.code(), Some(1), "{}", stderr(&check));

    let files: Vec<_> = std::fs::read_dir(&saved).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let replay = lockwright(&["replay", file.to_str().unwrap()]);
        assert_eq!(replay.status.code(), Some(1), "{}", stderr(&replay));
        assert!(stdout(&replay).starts_with("design proposal, scenario late-recall\n"), "{}", stdout(&replay));
    }
}

#[test]
fn a_file_that_is_wrong_ends_with_status_2_and_leaves_nothing_behind() {
    let saved = directory("scenario-broken");
    let save = saved.to_str().unwrap();
    let output = lockwright(&["check", "--scenario", "docs/scenarios/broken.json", "--save", save]);

    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("docs/scenarios/broken.json: nothing was run: 8 things wrong"),
        "{}",
        stderr(&output)
    );
    assert!(output.stdout.is_empty() && !saved.exists());

    let twice = lockwright(&["check", "--scenario", "no-such.json", "--scenario", "leaser-readr"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(stderr(&twice).contains("no-such.json: cannot be read"), "{}", stderr(&twice));
    assert!(stderr(&twice).contains("did you mean 'leaser-reader'?"), "{}", stderr(&twice));
}
