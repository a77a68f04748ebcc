//! What `--json` prints and what `docs/json.md` says are the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cli::{directory, lockwright, stdout};
use crate::schemas::assert_valid;

/// Per command, the documented paths with their types.
fn documented() -> BTreeMap<String, BTreeMap<String, String>> {
    let text = include_str!("../docs/json.md");
    let mut schemas: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut commands: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            commands = heading.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        } else if let Some(row) = line.strip_prefix("| `") {
            let cells: Vec<&str> = row.split(" | ").collect();
            let path = cells[0].trim_end_matches('`').to_owned();
            for command in &commands {
                schemas.entry(command.clone()).or_default().insert(path.clone(), cells[1].to_owned());
            }
        }
    }
    schemas
}

/// The paths of a value with the types found there. Bounds are not looked into; the children of an outline are outlines.
fn paths(value: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let mut leaf = |name| _ = found.entry(path.to_owned()).or_default().insert(name);
    match value {
        Value::Object(_) if path.ends_with(".children[]") => {
            leaf("outline");
            paths(value, path.trim_end_matches(".children[]"), found);
        }
        Value::Object(_) if path.ends_with(".scenario") => leaf("scenario"),
        Value::String(_) | Value::Object(_) if path.ends_with(".bound") || path == "bound" => leaf("bound"),
        Value::Null => leaf("null"),
        Value::Bool(_) => leaf("boolean"),
        Value::Number(_) => leaf("number"),
        Value::String(_) => leaf("string"),
        Value::Array(values) => values.iter().for_each(|value| paths(value, &format!("{path}[]"), found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{name}"), found);
            }
        }
    }
}

/// Everything the commands print, by command.
fn printed() -> BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> {
    let saved = directory("json");
    let saved = saved.to_str().unwrap();
    let file = format!("{saved}/LW030-lease-bkl-leaser-enomem.json");
    let check = ["check", "--design", "bkl", "--design", "spinlock:waiters-forgotten", "--json", "--save", saved];
    let check = [&check[..], &["--scenario", "leaser-enomem", "--scenario", "unlock-break"]].concat();
    let bounded = ["check", "--json", "--executions-max", "1", "--scenario", "expiry"];
    let figures = ["tests/verdicts/findings/splat-whole.txt", "tests/verdicts/findings/alloc-by-flags.txt"];
    let bkl = "tests/verdicts/clean/bkl-over-sleep.txt";
    let files = [
        "check",
        figures[0],
        "tests/verdicts/findings/assert-at-end.txt",
        figures[1],
        "examples/figures/free-under-reader.txt",
        "--json",
    ];
    let recursion = format!("{saved}/recursion.txt");
    std::fs::create_dir_all(saved).expect("the folder can be made");
    std::fs::write(&recursion, "f\n   mutex_lock(&a)\n   later()\n   f()\n   mutex_unlock(&a)\n")
        .expect("it can be written");
    let runs: [&[&str]; 32] = [
        &files,
        &["check", bkl, "--json", "--convert", "kernel_lock=spinlock", "--convert", "kernel_lock=all"],
        &["check", "tests/verdicts/errors/lost-columns.txt", "--json"],
        &["list", "catalogue", "--json"],
        &["compare", "bkl", "spinlock", "leaser-enomem", "--json", "--save", saved],
        &["compare", "spinlock", "spinlock:callback-twice", "nfsd-break", "--json"],
        &["compare", "spinlock", "spinlock", "leaser-reader", "--states-max", "5", "--json"],
        &["compare", "bkl", "spinlock", "--side-by-side", "--json"],
        &["compare", "bkl", "spinlock", "--throughput", "--threads", "1", "--rounds", "1", "--turns", "5", "--json"],
        &["rules", "bkl", "spinlock", "--scenario", "remote-held", "--json"],
        &["rules", "spinlock", "bkl", "--scenario", "remote-held", "--json"],
        &["rules", "spinlock:walk-unlocked", "--json"],
        &["rules", "spinlock:lock-left", "--json"],
        &["check", "bkl", "leaser-reader", "--engine", "threads", "--runs", "5", "--json"],
        &["--json"],
        &check,
        &bounded,
        &["check", "--all", "2x1", "--design", "sed", "--states-max", "1", "--json"],
        &["explore", "L-fixed-2-1", "--symmetry", "--json"],
        &["explore", &recursion, "--json"],
        &["explore", "tests/verdicts/findings/abba.txt", "--json"],
        &["check", "tests/verdicts/findings/raw-over-spin.txt", "--json"],
        &["explore", "L-fixed-2-1", "--audit", "--states-max", "5", "--json"],
        &["explore", "--design", "bkl", "--scenario", "unlock-break", "--json"],
        &["explore", "--design", "spinlock:waiters-forgotten", "--scenario", "unlock-break", "--json"],
        &["replay", &file, "--json"],
        &["lease", "tests/data/lease-shapes.jsonl", "--design", "spinlock:lock-left", "--json"],
        &["lockdep", "docs/lockdep/gaps.jsonl", "--json"],
        &["lockdep", "tests/data/lockdep-differs.jsonl", "--score", "--json"],
        &["outline", "--design", "bkl", "--json"],
        &["list", "--json"],
        &["explain", "LW010", "--json"],
    ];
    let mut printed: BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> = BTreeMap::new();
    for arguments in runs {
        let output = lockwright(arguments);
        let value: Value = serde_json::from_str(&stdout(&output)).unwrap_or_else(|e| panic!("{arguments:?}: {e}"));
        let command = value["command"].as_str().unwrap().to_owned();
        assert_valid(&command, &value);
        paths(&value, "", printed.entry(command).or_default());
    }
    printed
}

#[test]
fn every_field_printed_is_documented_with_its_type_and_the_other_way_round() {
    let (documented, printed) = (documented(), printed());
    assert_eq!(documented.keys().collect::<Vec<_>>(), printed.keys().collect::<Vec<_>>());
    for (command, found) in &printed {
        let schema = &documented[command];
        for (path, types) in found {
            let said = schema.get(path).unwrap_or_else(|| panic!("{command}: {path} is not documented"));
            let said: BTreeSet<&str> = said.trim_end_matches(", optional").split(" or ").collect();
            assert!(types.is_subset(&said), "{command}: {path} is {types:?}, documented is {said:?}");
        }
        // What `check` alone has is documented for both; an empty list shows nothing of its elements.
        let of_matrix = |path: &str| command == "matrix" && (path.contains("bound") || path.contains("deadlocks"));
        // No function of a design returns with a lock that it was not called with, and where a rule is broken no other lock is held.
        let of_rules = |path: &str| {
            let empty = ["acquires[]", "releases[]", "minority[].locks[]", "marked[].locks[]"];
            command == "rules" && empty.iter().any(|end| path.ends_with(end))
        };
        // No design breaks a rule about orders.
        let of_check = |path: &str| command == "check" && path.contains(".grade.");
        let may_be_absent = |path: &str| of_matrix(path) || of_rules(path) || of_check(path);
        for (path, said) in schema {
            let absent = said.ends_with("optional") && command == "matrix" || may_be_absent(path);
            assert!(found.contains_key(path) || absent, "{command}: {path} is documented but not printed");
        }
    }
}

#[test]
fn the_matrix_as_json_has_every_cell_in_order() {
    let output = lockwright(&["--json"]);
    let value: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let cells = value["cells"].as_array().unwrap();

    assert_eq!(output.status.code(), Some(0));
    // Two designs that know of file servers: each has all scenarios.
    assert_eq!(cells.len(), 2 * 56);
    assert!(cells[..56].iter().all(|cell| cell["design"] == "bkl"));
    let of_spinlock = &cells[56..];
    assert!(of_spinlock.iter().all(|cell| cell["design"] == "spinlock"));
    assert!(of_spinlock.iter().all(|cell| cell["findings"] == serde_json::json!([])));
    assert_eq!((&value["complete"], &value["expected"]), (&Value::Bool(true), &Value::Bool(true)));
}
