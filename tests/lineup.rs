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

const SPINLOCK_ALONE: [(&str, &str); 9] = [
    ("boot", "makes the lock; that of `bkl` is the kernel's"),
    ("prepare", "what may sleep or fail comes before the lock"),
    ("setlease_locked", "the part under the lock, which neither sleeps nor fails half-way"),
    ("recheck", "the second look at the open counts, after a barrier (M24)"),
    ("delete_lease", "F_UNLCK on a way of its own, which needs no memory (M31)"),
    ("recall", "a recall marks what the server has granted and the node has not listed yet (D07)"),
    ("f_setown", "cannot fail: the security module was asked before"),
    ("free_entry", "a prepared fasync entry that is not used"),
    ("remove_leases", "removes some of the leases on a file: F_UNLCK removes one owner's"),
];

fn functions(design: &str) -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lease");
    let files = [format!("{design}.rs"), format!("{design}/list.rs"), format!("{design}/break_lease.rs")];
    let text: String =
        files.iter().map(|file| fs::read_to_string(root.join(file)).expect("the file is there")).collect();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let name = |line: &str| {
        let (_, rest) = line.split_once("fn ")?;
        Some(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
    };
    lines.filter_map(name).collect()
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
    assert_eq!(bkl.len(), 20);
}
