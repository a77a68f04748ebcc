//! What a test prints, and what runs it again.

use std::panic::catch_unwind;

use lockwright::explore::EngineKind;
use lockwright::model::Builder;
use lockwright::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use lockwright::sync::{Arc, Condvar, Mutex};
use lockwright::thread;

fn text_of(result: std::thread::Result<()>) -> String {
    let text = result.expect_err("the model fails").downcast::<String>();
    text.map_or_else(|other| (*other.downcast::<&str>().expect("a verdict has a text")).to_owned(), |text| *text)
}

/// The schedule that a page prints.
fn line(page: &str) -> String {
    let after = page.split("LOCKWRIGHT_REPLAY='").nth(1).expect("a page prints the schedule");
    after.split('\'').next().expect("it ends").to_owned()
}

fn lost() {
    let n = Arc::new(AtomicUsize::new(0));
    let other = n.clone();
    let thread = thread::Builder::new()
        .name("other".to_owned())
        .spawn(move || other.store(other.load(SeqCst) + 1, SeqCst))
        .unwrap();
    n.store(n.load(SeqCst) + 1, SeqCst);
    thread.join().unwrap();
    assert_eq!(n.load(SeqCst), 2, "an increment is lost");
}

#[test]
fn a_failure_is_a_page_with_a_column_for_each_thread_and_a_line_that_runs_it_again() {
    let page = text_of(catch_unwind(|| lockwright::model(lost)));

    assert!(page.starts_with("LW011 assertion or BUG_ON failed: main: "), "{page}");
    for part in ["main", "other", "an increment is lost", "tests/own/verdicts.rs:", ".load(SeqCst)", "COMPLETE"] {
        assert!(page.contains(part), "{part}\n\n{page}");
    }
    let mut builder = Builder::new();
    builder.replay = Some(line(&page));
    let again = text_of(catch_unwind(|| builder.check(lost)));
    assert!(again.contains("LOCKWRIGHT_REPLAY") && again.contains("an increment is lost"), "{again}");
}

#[test]
fn a_schedule_of_another_program_is_refused() {
    let mut builder = Builder::new();
    builder.replay = Some("0 7*3".to_owned());

    let text = text_of(catch_unwind(|| builder.check(lost)));

    assert!(text.contains("LOCKWRIGHT_REPLAY does not fit this model: step 2, `7`, cannot be made"), "{text}");
}

#[test]
fn a_line_that_ends_early_or_has_steps_left_is_refused() {
    let page = text_of(catch_unwind(|| lockwright::model(lost)));
    let line = line(&page);
    let mut builder = Builder::new();
    let mut says = |line: String| {
        builder.replay = Some(line);
        text_of(catch_unwind(|| builder.check(lost)))
    };

    assert!(says("0".to_owned()).contains("the line ends after step 1, and threads could go on"));
    assert!(says(String::new()).contains("LOCKWRIGHT_REPLAY is empty"));
    assert!(says(" ".to_owned()).contains("LOCKWRIGHT_REPLAY is empty"));
    assert!(says(line).contains("an increment is lost"));
    // A schedule on which nothing is lost, and a step more than it has.
    let fine = "0 1*3 0*5".to_owned();
    builder.replay = Some(fine.clone());
    let text = catch_unwind(|| builder.check(lost))
        .map_or_else(|text| *text.downcast::<String>().unwrap(), |()| String::new());
    assert_eq!(text, "");
    builder.replay = Some(format!("{fine} 0"));
    let text = text_of(catch_unwind(|| builder.check(lost)));
    assert!(text.contains("does not fit this model"), "{text}");
}

#[test]
fn the_place_of_a_panic_is_the_line_that_panics_and_the_command_runs_this_test_alone() {
    let page = text_of(catch_unwind(|| lockwright::model(lost)));
    let checked = super::explore(lost);

    let place = checked.verdict.findings[0].finding.at.0.place;
    assert_eq!(place.file().replace('\\', "/"), file!().replace('\\', "/"));
    assert!(!page.contains("controlled.rs"), "{page}");
    let name = std::thread::current().name().unwrap().to_owned();
    assert!(page.contains(&format!("cargo test {name} -- --exact")), "{page}");
}

#[test]
fn objects_outside_of_a_model_are_refused_in_words_of_the_user() {
    let text = catch_unwind(|| Mutex::new(0)).expect_err("there is no execution").downcast::<String>();
    let text = text.map_or_else(|other| (*other.downcast::<&str>().unwrap()).to_owned(), |text| *text);

    assert!(text.contains("lockwright::model") && !text.contains("kernel"), "{text}");
}

#[test]
fn choices_and_wake_ups_are_part_of_the_line() {
    fn model() {
        let shared = Arc::new((Mutex::new(0u8), Condvar::new()));
        for number in 1..=2u8 {
            let shared = shared.clone();
            thread::spawn(move || {
                let mut waiting = shared.0.lock().unwrap();
                *waiting += 1;
                drop(shared.1.wait(waiting).unwrap());
                assert!(number == 1 || lockwright::choose(3) != 2, "the second was woken and chose two");
            });
        }
        let waiting = shared.0.lock().unwrap();
        if *waiting == 2 {
            shared.1.notify_one();
        }
    }
    let mut builder = Builder::new();
    let page = text_of(catch_unwind(|| builder.check(model)));
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("LW011 again")).collect();
    assert!(lines.len() == 1 && lines[0].contains(">2") && lines[0].contains("2:2"), "{page}");

    builder.replay = Some(line(lines[0]));
    let again = text_of(catch_unwind(|| builder.check(model)));
    assert!(again.contains("the second was woken and chose two"), "{again}");
}

#[test]
fn a_bound_that_nobody_asked_for_is_a_failure_by_name_and_one_that_was_asked_for_is_none() {
    let mut builder = Builder::new();
    builder.max_states = 3;
    let model = || {
        let n = Arc::new(AtomicUsize::new(0));
        let other = n.clone();
        thread::spawn(move || other.fetch_add(1, SeqCst));
        n.fetch_add(1, SeqCst);
    };

    let text = text_of(catch_unwind(|| builder.check(model)));
    assert!(text.starts_with("INCOMPLETE (stopped after 3 states)"), "{text}");
    let mut builder = Builder::new();
    builder.preemption_bound = Some(0);
    builder.check(model);
    let mut builder = Builder::new();
    builder.search = EngineKind::Random;
    builder.check(model);
}

#[test]
fn pages_of_findings_are_saved_where_somebody_asks_for_it() {
    let folder = std::env::temp_dir().join(format!("lockwright-own-{}", std::process::id()));
    let mut builder = Builder::new();
    builder.save = Some(folder.clone());

    text_of(catch_unwind(|| builder.check(lost)));

    let saved: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(saved.len(), 1);
    let name = saved[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.contains("pages_of_findings_are_saved"), "tests that share a model have files of their own: {name}");
    assert!(std::fs::read_to_string(&saved[0]).unwrap().contains("LOCKWRIGHT_REPLAY='"));
    std::fs::remove_dir_all(folder).unwrap();
}
