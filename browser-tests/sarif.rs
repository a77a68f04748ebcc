//! What `--sarif` writes, read by the types of that format.
//!
//! The program writes the few fields that it needs by hand: the types cover all of SARIF, and are a quarter of what there is to compile
//! in the program. So they stand here, where they judge.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_sarif::sarif::{ResultLevel, Sarif};

const ABBA: &str = "f:\n  mutex_lock(&a)\n  mutex_lock(&b)\n  mutex_unlock(&b)\n  mutex_unlock(&a)\n\
                    g:\n  mutex_lock(&b)\n  mutex_lock(&a)\n  mutex_unlock(&a)\n  mutex_unlock(&b)\n";

fn written(name: &str, text: &str) -> Sarif {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (input, output) = (folder.join(name), folder.join(format!("{name}.sarif")));
    std::fs::write(&input, text).expect("the folder can be written");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
    let told = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "lockwright", "--bin", "lockwright", "--", "check"])
        .args([&input, Path::new("--sarif"), &output])
        .current_dir(root)
        .output()
        .expect("cargo can be started");
    assert!(matches!(told.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&told.stderr));
    let text = std::fs::read_to_string(output).expect("it was written");
    serde_json::from_str(&text).expect("it is SARIF")
}

#[test]
fn findings_are_results_at_the_lines_of_the_outline() {
    let sarif = written("abba", ABBA);

    assert_eq!(sarif.schema.as_deref(), Some("https://json.schemastore.org/sarif-2.1.0.json"));
    let run = &sarif.runs[0];
    let rules: Vec<&str> = run.tool.driver.rules.iter().flatten().map(|rule| rule.id.as_str()).collect();
    let results = run.results.as_deref().expect("a list");
    assert!(rules.contains(&"LW003") && !results.is_empty(), "{rules:?}");
    for result in results {
        assert!(rules.contains(&result.rule_id.as_deref().expect("every result has a rule")));
        assert_eq!(result.level, Some(ResultLevel::Error));
        let location = &result.locations.as_ref().expect("a list")[0];
        let place = location.physical_location.as_ref().expect("a place");
        let line = place.region.as_ref().and_then(|region| region.start_line).expect("a line");
        assert!((1..=10).contains(&line), "{line}");
    }
}

#[test]
fn nothing_found_is_a_run_without_results() {
    let sarif = written("fine", "f:\n  mutex_lock(&a)\n  mutex_unlock(&a)\n");
    assert_eq!(sarif.runs[0].results.as_deref().map(<[_]>::len), Some(0));
}
