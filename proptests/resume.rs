//! An exploration that is stopped anywhere and goes on from its checkpoint says what one says that is never stopped:
//! the same states, outcomes, deadlocks and findings; and it forgets no lock order on the way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lockwright::explore::{Bound, Checkpoint, Config, Verdict, try_explore};
use lockwright::program::small::Small;
use proptest::prelude::*;

use crate::programs::{Said, program};

fn file() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("resume");
    std::fs::create_dir_all(&directory).expect("the folder of the tests can be written");
    directory.join("file.checkpoint")
}

/// Explores until there were `executions_max` executions in all. Written down at the end only.
fn explored(program: &Small, file: &Path, executions_max: u64) -> Verdict {
    let interval = Duration::from_secs(3600);
    let checkpoint = Some(Checkpoint { file: file.to_owned(), about: "resume".to_owned(), interval });
    let config = Config { executions_max, checkpoint, ..Config::default() };
    try_explore(&program.subject(), &config).expect("a checkpoint of this program")
}

/// The lock orders in a checkpoint, each as it is written down.
fn orders(file: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(file).expect("a checkpoint was written");
    let header = bytes.split(|byte| *byte == b'\n').next().expect("it has a first line");
    let header: serde_json::Value = serde_json::from_slice(header).expect("the first line is JSON");
    header["orders"].as_array().expect("a list").iter().map(ToString::to_string).collect()
}

proptest! {
    #![proptest_config(crate::config(300))]

    #[test]
    fn a_stop_changes_nothing(program in program(), at in any::<prop::sample::Index>()) {
        let file = file();
        _ = std::fs::remove_file(&file);
        let whole = explored(&program, &file, u64::MAX);
        prop_assert!(whole.complete() && !file.exists());
        if whole.executions < 3 {
            return Ok(());
        }
        let mut known = BTreeSet::new();
        let mut executions_max = 1 + at.index(whole.executions as usize - 2) as u64;
        let resumed = loop {
            let verdict = explored(&program, &file, executions_max);
            if verdict.complete() {
                break verdict;
            }
            prop_assert_eq!(verdict.bound, Some(Bound::Executions(executions_max)));
            let orders = orders(&file);
            prop_assert!(known.is_subset(&orders), "{known:?} {orders:?}");
            known = orders;
            executions_max += 1 + whole.executions / 4;
        };

        prop_assert_eq!(resumed.states, whole.states);
        prop_assert_eq!(Said::by(&resumed), Said::by(&whole));
    }
}
