//! `bkl` and `spinlock` stand side by side: the same functions in the same order, but for those that the refactor is about.

use std::fs;

/// Functions that one of the two has alone, and why.
const BKL_ALONE: [(&str, &str); 3] = [
    (
        "undo",
        "takes a lease back whose fasync entry could not be made (M07); in `spinlock` nothing fails after the insertion",
    ),
    ("locks_insert_lock", "a plain insertion; in `spinlock` it is published by one marked store"),
    ("locks_block_on_timeout", "queues, sleeps and dequeues under the BKL, which the sleep drops"),
];

const SPINLOCK_ALONE: [(&str, &str); 5] = [
    ("boot", "makes the lock; that of `bkl` is the kernel's"),
    ("prepare", "what may sleep or fail comes before the lock"),
    ("recheck", "the second look at the open counts, after a barrier (M24)"),
    ("delete_lease", "F_UNLCK on a way of its own, which needs no memory (M31)"),
    ("recall", "a recall marks what the server has granted and the node has not listed yet (D07)"),
];

/// Lines of code after the imports.
fn code(design: &str) -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lease");
    let files = [format!("{design}.rs"), format!("{design}/list.rs"), format!("{design}/break_lease.rs")];
    let mut code = Vec::new();
    for file in files {
        let text = fs::read_to_string(root.join(file)).expect("the file is there");
        let is_code = |line: &&str| !line.is_empty() && !line.trim_start().starts_with("//");
        let lines = text.lines().filter(is_code).map(str::to_owned);
        code.extend(lines.skip_while(|line| !line.starts_with("impl") && !line.starts_with("pub struct")));
    }
    code
}

/// Lines that one of the two has alone, of each: what `diff` marks.
fn differing(one: &[String], other: &[String]) -> (usize, usize) {
    // Lengths of the longest common subsequence of the first lines of the one and of the other.
    let mut common = vec![vec![0; other.len() + 1]; one.len() + 1];
    for (at, line) in one.iter().enumerate() {
        for (beside, also) in other.iter().enumerate() {
            common[at + 1][beside + 1] =
                if line == also { common[at][beside] + 1 } else { common[at][beside + 1].max(common[at + 1][beside]) };
        }
    }
    let common = common[one.len()][other.len()];
    (one.len() - common, other.len() - common)
}

fn functions(design: &str) -> Vec<String> {
    let lines = code(design);
    let name = |line: &str| {
        let (_, rest) = line.split_once("fn ")?;
        Some(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
    };
    lines.iter().filter_map(|line| name(line)).collect()
}

fn without(functions: Vec<String>, alone: &[(&str, &str)]) -> Vec<String> {
    for (name, _) in alone {
        assert!(functions.iter().any(|function| function == name), "{name} is no function any more");
    }
    functions.into_iter().filter(|function| alone.iter().all(|(name, _)| function != name)).collect()
}

#[test]
fn bkl_and_spinlock_have_the_same_functions_in_the_same_order() {
    let bkl = without(functions("bkl"), &BKL_ALONE);
    let spinlock = without(functions("spinlock"), &SPINLOCK_ALONE);

    assert_eq!(bkl, spinlock);
    assert_eq!(bkl.len(), 19);
}

#[test]
fn lines_that_differ_are_those_that_the_refactor_is_about() {
    let (bkl, spinlock) = differing(&code("bkl"), &code("spinlock"));

    // `bkl`: F_SETLEASE, which allocates in two places and may have to undo, 36; a sleep under the lock 19; a type that is
    // overwritten 6; the list 11; calls that lock, and plain looks, 12; breaks 8; the design itself 5.
    // `spinlock`: F_SETLEASE, which prepares and asks before the lock, and F_UNLCK apart from it, 65; the second look, and a
    // break that is left alone, 17; a sleep without the lock 16; the list 16; calls that lock and unlock, barriers and counts
    // 19; breaks and recalls 15; the design itself, with its lock and what is prepared, 16.
    let (of_bkl, of_spinlock) = (36 + 19 + 6 + 11 + 12 + 8 + 5, 65 + 17 + 16 + 16 + 19 + 15 + 16);
    assert_eq!((bkl, spinlock), (of_bkl, of_spinlock), "lines of `bkl` and of `spinlock` that the other has not");
}
