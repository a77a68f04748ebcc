//! `lease/mutants/spinlock` is `lease/spinlock` with seeded bugs, and nothing else: without them the two are the same, token for token.

use std::fs;

const FILES: [&str; 4] = ["spinlock.rs", "spinlock/break_lease.rs", "spinlock/list.rs", "spinlock/remote.rs"];

fn source(path: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("src/lease").join(path)).expect("the file is there")
}

/// Words, numbers, strings, and other characters one by one; no comments.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            if rest.starts_with("//") {
                break;
            }
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match first {
                '"' => rest[1..].find('"').expect("strings end on their line") + 2,
                _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            tokens.push(rest[..length].to_owned());
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// Where the bracket that opens at `at` closes.
fn closing(tokens: &[String], at: usize) -> usize {
    let mut depth = 0;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + offset;
        }
    }
    panic!("a bracket is not closed");
}

/// The parts of a macro's arguments before and after its first `=>` outside of brackets, and the names before its second comma.
fn arguments(inside: &[String]) -> (&[String], &[String]) {
    let mut at = 0;
    let mut commas = Vec::new();
    while at < inside.len() {
        match inside[at].as_str() {
            "(" | "[" | "{" => at = closing(inside, at),
            "," => commas.push(at),
            "=" if inside[at + 1] == ">" => {
                let design = commas.get(1).map_or(&[][..], |comma| &inside[comma + 1..at]);
                return (&inside[..at], design);
            }
            _ => {}
        }
        at += 1;
    }
    panic!("no arrow in {inside:?}");
}

/// Without what `seed!` adds, and with what `alter!` says the design has; mutants that occur are noted.
fn without_bugs(tokens: &[String], mutants: &mut Vec<String>) -> Vec<String> {
    let mut left = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_macro = |name: &str| tokens[at] == name && tokens.get(at + 1).is_some_and(|next| next == "!");
        if !is_macro("seed") && !is_macro("alter") {
            left.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = closing(tokens, at + 2);
        let (before, design) = arguments(&tokens[at + 3..end]);
        mutants.extend(before.windows(4).filter(|part| part[0] == "Mutant").map(|part| part[3].clone()));
        if is_macro("alter") {
            left.extend(without_bugs(design, mutants));
            at = end + 1;
        } else {
            assert_eq!(tokens[end + 1], ";", "seed! is a statement");
            at = end + 2;
        }
    }
    left
}

/// Without imports and declarations of modules; of the main file only what comes after the struct and its boot.
fn body(tokens: Vec<String>) -> Vec<String> {
    let start = tokens.iter().position(|token| token == "Prepared");
    let is_main = start.is_some_and(|start| tokens[start - 1] == "struct");
    let tokens = if is_main { &tokens[start.expect("found above")..] } else { &tokens[..] };
    let mut left = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if ["use", "mod"].contains(&tokens[at].as_str()) {
            at += tokens[at..].iter().position(|token| token == ";").expect("an import ends") + 1;
        } else {
            left.push(tokens[at].clone());
            at += 1;
        }
    }
    left
}

/// A trailing comma, and the brackets around one statement in a `match`, are the formatter's.
fn unformatted(tokens: Vec<String>) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    for token in tokens {
        if [")", "]", "}"].contains(&token.as_str()) && left.last().is_some_and(|last| last == ",") {
            left.pop();
        }
        left.push(token);
    }
    left
}

#[test]
fn the_mutants_differ_from_the_design_in_their_bugs_alone() {
    for file in FILES {
        let design = unformatted(body(tokens(&source(file))));
        let twin = unformatted(without_bugs(&body(tokens(&source(&format!("mutants/{file}")))), &mut Vec::new()));
        let differs = design.iter().zip(&twin).position(|(design, twin)| design != twin);

        if let Some(at) = differs {
            let around = |tokens: &[String]| tokens[at.saturating_sub(12)..tokens.len().min(at + 12)].join(" ");
            panic!("{file}: the design has\n  {}\nand the twin\n  {}", around(&design), around(&twin));
        }
        assert_eq!(design.len(), twin.len(), "{file}");
        assert!(design.len() > 300, "{file}: {} tokens", design.len());
    }
}

#[test]
fn every_mutant_is_seeded_and_the_design_knows_none() {
    let mut seeded = vec!["CallbackSleeps".to_owned()]; // nfsd's, not the design's
    for file in FILES {
        without_bugs(&tokens(&source(&format!("mutants/{file}"))), &mut seeded);
        for word in ["seed", "alter", "unless", "Mutant", "mutant"] {
            assert!(!source(file).contains(word), "{file} says {word}");
        }
    }
    let table = source("mutants.rs");
    let variants = table.split("pub enum Mutant {").nth(1).expect("the enum is there");
    let variants = variants.split("\n}").next().expect("it ends").lines().map(str::trim);
    for variant in variants.filter(|line| !line.is_empty() && !line.starts_with("//")) {
        assert!(seeded.iter().any(|name| name == variant.trim_end_matches(',')), "{variant} is seeded nowhere");
    }
}

#[test]
fn a_difference_that_is_no_bug_would_be_seen() {
    let left = |text: &str| without_bugs(&tokens(text), &mut Vec::new()).join(" ");

    assert_eq!(left("a(); seed!(self, Mutant::X => b();); c();"), left("a(); c();"));
    assert_eq!(left("let x = alter!(self, Mutant::X, f(1, 2) => g({ h })); // why"), left("let x = f(1, 2);"));
    assert_ne!(left("a(); b();"), left("a();"));
}
