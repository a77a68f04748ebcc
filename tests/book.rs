//! The docs as a book: every page is in it, and every link leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Markdown files of a folder and below.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        match path.is_dir() {
            true => found.extend(pages(&path)),
            false if path.extension().is_some_and(|extension| extension == "md") => found.push(path),
            false => {}
        }
    }
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines outside of code blocks.
fn prose(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            lines.push(line);
        }
    }
    lines
}

/// Text and target of every link to a file or a heading; code in backticks is none, and neither is another site.
fn links(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in prose(text) {
        let mut rest = line;
        while let Some(at) = rest.find("](") {
            let (before, after) = rest.split_at(at);
            let end = after.find(')').unwrap_or(after.len());
            let target = &after[2..end];
            let label = before.rfind('[').map_or("", |open| &before[open + 1..]);
            // An index expression in code looks like a link.
            let in_code = before.matches('`').count() % 2 == 1 && !label.starts_with('`');
            if !target.contains("://") && !in_code {
                found.push((label.to_owned(), target.to_owned()));
            }
            rest = &after[end..];
        }
    }
    found
}

/// The anchor that a code host gives to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    prose(text).iter().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// Why a link leads nowhere, if it does.
fn broken(page: &Path, target: &str) -> Option<String> {
    let (file, heading) = target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
    let path = if file.is_empty() { page.to_path_buf() } else { page.parent().expect("a folder").join(file) };
    let said = |why: &str| Some(format!("{}: {target} {why}", page.display()));
    if !path.exists() {
        return said("does not exist");
    }
    match heading {
        Some(heading) if !anchors(&text(&path)).contains(heading) => said("has no such heading"),
        _ => None,
    }
}

#[test]
fn every_link_of_every_page_resolves() {
    let mut all = pages(&root().join("docs"));
    all.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|page| root().join(page)));
    let mut seen = 0;
    let mut wrong = Vec::new();
    for page in &all {
        for (_, target) in links(&text(page)) {
            seen += 1;
            wrong.extend(broken(page, &target));
        }
    }

    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen > 150, "{seen} links are few");
}

#[test]
fn a_broken_link_would_be_seen() {
    let page = root().join("docs/SUMMARY.md");

    assert_eq!(
        links("[a](b.md) and [`c`](d.md#e), `x[i](y)`"),
        [("a".to_owned(), "b.md".to_owned()), ("`c`".to_owned(), "d.md#e".to_owned())]
    );
    assert_eq!(broken(&page, "tour.md"), None);
    assert!(broken(&page, "nothing.md").is_some_and(|why| why.ends_with("nothing.md does not exist")));
    assert!(broken(&page, "tour.md#nothing").is_some_and(|why| why.ends_with("has no such heading")));
    assert_eq!(anchor(" What `--json` prints"), "what---json-prints");
}

#[test]
fn every_page_is_in_the_summary_once() {
    let docs = root().join("docs");
    let summary = links(&text(&docs.join("SUMMARY.md")));
    let listed: Vec<PathBuf> = summary.iter().map(|(_, target)| docs.join(target)).collect();
    let pages: BTreeSet<PathBuf> = pages(&docs).into_iter().filter(|page| !page.ends_with("SUMMARY.md")).collect();

    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), pages);
    assert_eq!(listed.len(), pages.len(), "a page is listed twice");
    assert!(text(&root().join("book.toml")).contains("src = \"docs\""));
}

#[test]
fn the_list_of_findings_has_every_page_with_its_title() {
    let docs = root().join("docs");
    let list = text(&docs.join("findings.md"));
    let summary = text(&docs.join("SUMMARY.md"));
    for page in pages(&docs.join("findings")) {
        let of_page = text(&page);
        let title = of_page.lines().next().expect("a title").trim_start_matches("# ");
        let (code, what) = title.split_once(": ").expect("a code and what it means");
        assert!(list.contains(&format!("| [{code}](findings/{code}.md) | {what} |\n")), "{title}");
        assert!(summary.contains(&format!("- [{title}](findings/{code}.md)\n")), "{title}");
    }
}

#[test]
fn no_word_of_the_glossary_is_explained_twice() {
    let glossary = text(&root().join("docs/glossary.md"));
    let rows = glossary.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| word |"));
    let words: Vec<&str> = rows.map(|row| row.split(" | ").next().expect("a word").trim_start_matches("| ")).collect();

    assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
    assert!(words.len() > 50);
}
