//! Where the command line writes, and what `explore FILE` says beside the engine's verdict.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

fn lockwright(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lockwright")).args(arguments).output().expect("the program can be started")
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder of one's own");
    folder
}

const ABBA: &str = "lock a: spinlock\nlock b: spinlock\none:\n  spin_lock(&a)\n  spin_lock(&b)\n  spin_unlock(&b)\n  spin_unlock(&a)\n\
                    two:\n  spin_lock(&b)\n  spin_lock(&a)\n  spin_unlock(&a)\n  spin_unlock(&b)\n";

#[test]
fn link_in_the_place_of_an_output_is_followed_and_a_device_is_written_to() {
    let folder = folder("outputs-link");
    let (input, target, link) = (folder.join("abba"), folder.join("target"), folder.join("link"));
    fs::write(&input, ABBA).unwrap();
    fs::write(&target, "old").unwrap();
    symlink(&target, &link).unwrap();

    let written = lockwright(&["check", input.to_str().unwrap(), "--sarif", link.to_str().unwrap()]);
    assert_eq!(written.status.code(), Some(1), "{}", String::from_utf8_lossy(&written.stderr));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().contains("\"2.1.0\""));

    lockwright(&["check", input.to_str().unwrap(), "--sarif", "/dev/null"]);
    assert!(!fs::metadata("/dev/null").unwrap().is_file(), "a device stays one");
}

#[test]
fn output_that_is_an_input_is_refused() {
    let folder = folder("outputs-input");
    let input = folder.join("abba");
    fs::write(&input, ABBA).unwrap();

    let name = input.to_str().unwrap();
    let refused = lockwright(&["check", name, "--sarif", name]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&input).unwrap(), ABBA);
}

#[test]
fn explore_of_a_file_is_not_clean_where_the_walk_of_every_path_has_a_finding() {
    let folder = folder("outputs-explore");
    let (atomic, fine) = (folder.join("atomic"), folder.join("fine"));
    fs::write(&atomic, "f:\n  preempt_disable()\n  msleep(1)\n  preempt_enable()\n").unwrap();
    fs::write(&fine, "f:\n  mutex_lock(&m)\n  msleep(1)\n  mutex_unlock(&m)\n").unwrap();

    let told = lockwright(&["explore", atomic.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(text.contains("the walk of every path finds LW002 as well") && !text.contains(": clean"), "{text}");

    let told = lockwright(&["explore", fine.to_str().unwrap()]);
    assert_eq!(told.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&told.stdout).contains(": clean, "));
}
