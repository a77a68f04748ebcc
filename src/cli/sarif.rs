//! `--sarif FILE`: findings as code hosts read them, at the lines of an outline that is kept in a repository.
//!
//! That it is SARIF is tried in the package `browser-tests`, with the types of that format.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use lockwright::check::Code;
use lockwright::outline::check::{Report, Unit};
use lockwright::outline::diagnostic::Label;
use lockwright::outline::finding::Finding;
use serde_json::{Value, json};

/// Writes the findings of all files.
pub fn write(path: &Path, reports: &[&Report]) -> Result<()> {
    super::write::whole(path, &format!("{:#}\n", log(reports)))
}

fn log(reports: &[&Report]) -> Value {
    let mut rules: BTreeMap<&str, &str> = BTreeMap::new();
    let mut results = Vec::new();
    for report in reports {
        for finding in report.units.iter().flat_map(|unit: &Unit| &unit.findings) {
            rules.insert(finding.code, title(finding.code));
            results.push(result(report, finding));
        }
    }
    let rules: Vec<Value> =
        rules.into_iter().map(|(code, title)| json!({ "id": code, "shortDescription": { "text": title } })).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "lockwright",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": "https://crates.io/crates/lockwright",
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn title(code: &str) -> &'static str {
    code.parse().ok().map(Code::title).unwrap_or("locking")
}

fn result(report: &Report, finding: &Finding) -> Value {
    let labels: Vec<&Label> = finding.labels.iter().filter(|label| label.place.is_somewhere()).collect();
    let location = |label: &Label| {
        json!({
            "physicalLocation": {
                "artifactLocation": { "uri": report.source.name },
                "region": {
                    "startLine": label.place.line,
                    "startColumn": label.place.from + 1,
                    "endColumn": label.place.to.max(label.place.from + 1) + 1,
                },
            },
            "message": { "text": label.text },
        })
    };
    let first: Vec<Value> = labels.iter().take(1).map(|label| location(label)).collect();
    let related: Vec<Value> = labels.iter().skip(1).map(|label| location(label)).collect();
    let mut text = finding.title.clone();
    let graded = finding.sure.iter().flat_map(|graded| graded.lines());
    for part in finding.notes.iter().cloned().chain(graded) {
        text.push('\n');
        text.push_str(&part);
    }
    if let Some(schedule) = &finding.schedule {
        text.push_str("\n\n");
        text.push_str(schedule);
    }
    json!({
        "ruleId": finding.code,
        "level": if finding.counts() { "error" } else { "note" },
        "message": { "text": text },
        "locations": first,
        "relatedLocations": related,
        // Lines move; what a finding is about does not.
        "partialFingerprints": { "lockwright/v1": format!("{} {}", finding.code, finding.subject) },
    })
}
