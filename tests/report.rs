//! Outlines, stories and saved schedules.

use std::error::Error;

use lockwright::check::Code;
use lockwright::engine::Memory;
use lockwright::event::names::Names;
use lockwright::explore::saved::{self, LoadError, Saved, SavedFinding};
use lockwright::explore::schedule::{Guide, Replay, Step, replay};
use lockwright::explore::{Bound, Config, Verdict};
use lockwright::lease::designs;
use lockwright::report::counterexample::Counterexample;
use lockwright::report::outline::{Outline, ParseError};
use lockwright::report::{columns, counterexample, matrix, story};
use lockwright::scenario::{FsKind, alone, catalogue, subject};
use lockwright::study::cells::{Cell, cells, explore_with_witnesses};
use lockwright::study::mutants::MUTANTS;

use crate::matrix::sample;

/// The outline with which the mail shows why the BKL is hard to replace.
const MAIL: &str = "\
fcntl_setlease
   lock_kernel
   vfs_setlease
      lock_kernel
      generic_setlease
      unlock_kernel
   fasync_helper
   unlock_kernel
";

/// The names that occur in it.
const MAIL_NAMES: &[&str] =
    &["fcntl_setlease", "lock_kernel", "vfs_setlease", "generic_setlease", "unlock_kernel", "fasync_helper"];

fn executed(design: &str, call: &str) -> Vec<Outline> {
    executed_on(FsKind::Local, design, call)
}

fn executed_on(fs: FsKind, design: &str, call: &str) -> Vec<Outline> {
    let call = alone::find(call).unwrap().on(fs);
    let program = subject(lockwright::study::design(design).unwrap(), &call.scenario);
    let replay = replay(&*program, &call.scenario.names(), &Guide::Sequential).unwrap();
    Outline::executed(&replay, call.task)
}

fn lines(outline: &Outline, found: &mut Vec<(String, Vec<String>)>) {
    found.push((outline.name.clone(), outline.held.clone()));
    outline.children.iter().for_each(|child| lines(child, found));
}

fn cell(design: &str, scenario: &str) -> Cell {
    cells(&[lockwright::study::design(design).unwrap()], &[catalogue::find(scenario).unwrap()]).remove(0)
}

fn findings(cell: &Cell) -> (Verdict, Names) {
    (explore_with_witnesses(cell, &Config::default()).unwrap(), cell.scenario.names())
}

fn saved(cell: &Cell, replay: &Replay) -> Saved {
    Saved {
        lockwright: saved::VERSION,
        design: cell.design.full_name(),
        scenario: cell.scenario.name.to_owned(),
        memory: Memory::Sc,
        program: None,
        finding: Some(SavedFinding { code: Code::LW030, subject: "lease".to_owned() }),
        steps: replay.steps.clone(),
    }
}

fn trace(cell: &Cell, names: &Names, replay: &Replay) -> String {
    counterexample::trace(&cell.design.full_name(), cell.scenario.name, names, replay, replay.findings.first())
}

fn reason(loaded: Result<Saved, LoadError>) -> String {
    loaded.unwrap_err().source().expect("a malformed file has a reason").to_string()
}

#[test]
fn what_bkl_executes_is_the_first_outline_of_the_mail() {
    let executed = executed("bkl", "fcntl_setlease");
    assert_eq!(executed.len(), 1);
    let restricted = executed[0].prune(MAIL_NAMES).unwrap();

    assert_eq!(restricted.to_string(), MAIL);
    assert!(restricted.same_calls(&Outline::parse(MAIL).unwrap()[0]));
}

#[test]
fn what_spinlock_executes_is_not() {
    let restricted = executed("spinlock", "fcntl_setlease")[0].prune(MAIL_NAMES).unwrap();

    assert!(!restricted.same_calls(&Outline::parse(MAIL).unwrap()[0]));
    assert_eq!(restricted.to_string(), "fcntl_setlease\n   generic_setlease\n");
}

#[test]
fn spinlock_allocates_with_no_lock_held_and_bkl_under_the_bkl() {
    for call in alone::calls() {
        let mut found = Vec::new();
        executed("spinlock", call.name).iter().for_each(|outline| lines(outline, &mut found));
        let held = found.iter().filter(|(name, _)| name == "kmalloc(GFP_KERNEL)").flat_map(|(_, held)| held);
        assert_eq!(held.count(), 0, "{}", call.name);
    }
    let mut found = Vec::new();
    lines(&executed("bkl", "fcntl_setlease")[0], &mut found);
    let held: Vec<_> = found.iter().filter(|(name, _)| name == "kmalloc(GFP_KERNEL)").map(|(_, held)| held).collect();
    assert_eq!(held, [&vec!["kernel_flag x2".to_owned()], &vec!["kernel_flag".to_owned()]]);
}

/// Locks held at each line of that name.
fn held_at(name: &str, outlines: &[Outline]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    outlines.iter().for_each(|outline| lines(outline, &mut found));
    found.into_iter().filter(|(line, _)| line == name).map(|(_, held)| held).collect()
}

#[test]
fn on_a_network_file_the_outline_shows_which_locks_are_held_when_the_server_is_asked() {
    let designs: [(&str, &[&str]); 6] = [
        ("bkl", &["kernel_flag x2"]),
        ("held", &["file_lock_lock"]),
        ("exported", &[]),
        ("proposal_bkl", &[]),
        ("proposal", &[]),
        ("spinlock", &[]),
    ];
    for (design, held) in designs {
        let outlines = executed_on(FsKind::Network, design, "fcntl_setlease");

        for line in ["f_op->setlease", "rpc_call", "might_sleep"] {
            assert_eq!(held_at(line, &outlines), [held], "{design}, {line}");
        }
        assert_eq!(held_at("f_op->setlease", &executed(design, "fcntl_setlease")), [[""; 0]; 0], "{design}: local");
    }
}

#[test]
fn spinlock_asks_its_server_in_every_call_with_no_lock_held() {
    let asked = |design: &str| -> Vec<Vec<String>> {
        let calls = alone::calls().into_iter();
        calls.flat_map(|call| held_at("rpc_call", &executed_on(FsKind::Network, design, call.name))).collect()
    };

    // F_SETLEASE, the in-kernel owner, F_UNLCK and the last close.
    assert_eq!(asked("spinlock"), [[""; 0]; 4]);
    assert_eq!(asked("spinlock:server-under-lock").iter().filter(|held| !held.is_empty()).count(), 2);
}

#[test]
fn a_file_system_that_refuses_is_called_and_nothing_after_it() {
    for design in designs::DESIGNS.iter().filter(|design| design.name != "sed") {
        let outlines = executed_on(FsKind::Refusing, design.name, "fcntl_setlease");

        assert_eq!(held_at("f_op->setlease", &outlines).len(), 1, "{}", design.name);
        for never in ["generic_setlease", "fasync_insert_entry", "fasync_helper", "f_setown"] {
            assert_eq!(held_at(never, &outlines).len(), 0, "{}, {never}", design.name);
        }
    }
}

#[test]
fn every_outline_is_read_back_as_it_was_printed() {
    for design in designs::DESIGNS {
        for call in alone::calls() {
            let outlines = executed(design.name, call.name);
            let text: String = outlines.iter().map(Outline::to_string).collect();
            let parsed = Outline::parse(&text).unwrap();
            assert_eq!(parsed.len(), outlines.len());
            assert!(outlines.iter().zip(&parsed).all(|(one, other)| one.same_calls(other)), "{text}");
        }
    }
}

#[test]
fn any_deeper_indentation_is_a_level_but_none_between_two_levels() {
    let two_spaces = Outline::parse("vfs_setlease\n  lock_kernel\n  unlock_kernel\n").unwrap();
    let quoted = Outline::parse("> a\n>  b\n").unwrap();

    assert_eq!(two_spaces[0].to_string(), "vfs_setlease\n   lock_kernel\n   unlock_kernel\n");
    assert_eq!(quoted.len(), 2, "a quotation mark is part of the name");
    assert_eq!(Outline::parse("a\n   b\n  c\n"), Err(ParseError::Indentation(3)));
    assert_eq!(Outline::parse(""), Ok(Vec::new()));
}

#[test]
fn a_pruned_function_takes_what_it_calls_along() {
    let outline = &Outline::parse("a\n   b\n      kept\n   kept\n").unwrap()[0];

    assert_eq!(outline.prune(&["a", "kept"]).unwrap().to_string(), "a\n   kept\n");
    assert_eq!(outline.prune(&["kept"]), None);
    assert_eq!(outline.cut(1).to_string(), "a\n");
}

#[test]
fn a_schedule_leads_to_the_same_trace_after_it_was_saved_and_loaded() {
    for scenario in ["leaser-reader", "leaser-enomem", "expiry", "leaser-writer-expiry"] {
        let cell = cell("bkl", scenario);
        let (verdict, names) = findings(&cell);
        assert!(!verdict.findings.is_empty());
        for found in &verdict.findings {
            let program = cell.subject();
            let first = replay(&*program, &names, &Guide::Exact(&found.schedule)).unwrap();
            let loaded = Saved::parse(&saved(&cell, &first).to_text()).unwrap();
            let again = replay(&*program, &names, &Guide::Saved(&loaded.steps, loaded.memory)).unwrap();

            assert_eq!(loaded, saved(&cell, &first));
            assert_eq!(trace(&cell, &names, &again), trace(&cell, &names, &first));
            assert!(again.findings.iter().any(|finding| finding.code == found.finding.code));
            assert_eq!(first.states, again.states);
        }
    }
}

#[test]
fn a_schedule_that_does_not_fit_is_refused_at_the_step_where_it_does_not() {
    let cell = cell("bkl", "leaser-unlock");
    let names = cell.scenario.names();
    let program = cell.subject();
    let sequential = replay(&*program, &names, &Guide::Sequential).unwrap();
    let follow = |steps: &[Step]| replay(&*program, &names, &Guide::Saved(steps, Memory::Sc)).map(|_| ());
    let mut steps = sequential.steps;
    let end = steps.len();
    assert!(follow(&steps).is_ok());

    steps.push(Step { task: "leaser".to_owned(), op: "lock_kernel()".to_owned(), choice: None });
    let behind = follow(&steps).unwrap_err();
    steps[1].op = "i_flock = NULL".to_owned();
    let changed = follow(&steps).unwrap_err();

    assert_eq!((behind.step, behind.actual.as_str()), (end + 1, "the execution has ended"));
    assert_eq!(
        changed.to_string(),
        "step 2: the schedule says leaser: i_flock = NULL, but leaser stands before i_flock"
    );
}

#[test]
fn a_file_that_is_no_schedule_is_refused_with_the_reason() {
    let version = Saved::parse(r#"{"lockwright": 2, "new": true}"#);
    let field =
        Saved::parse(r#"{"lockwright":1,"design":"bkl","scenario":"expiry","finding":null,"steps":[],"more":1}"#);
    let code = Saved::parse(
        r#"{"lockwright":1,"design":"bkl","scenario":"expiry","finding":{"code":"LW999","subject":"x"},"steps":[]}"#,
    );

    assert!(matches!(version, Err(LoadError::Version(2))));
    assert!(matches!(Saved::parse("{"), Err(LoadError::Malformed(_))));
    assert!(reason(field).contains("unknown field `more`"));
    assert!(reason(code).contains("unknown finding code 'LW999'"));
}

#[test]
fn a_file_is_named_after_what_it_shows_and_where() {
    let cell = cell("spinlock:no-recheck", "leaser-reader");
    let sequential = replay(&*cell.subject(), &cell.scenario.names(), &Guide::Sequential).unwrap();
    let mut saved = saved(&cell, &sequential);

    assert_eq!(saved.file_name(), "LW030-lease-spinlock-no-recheck-leaser-reader.json");
    saved.finding = None;
    assert_eq!(saved.file_name(), "schedule-spinlock-no-recheck-leaser-reader.json");
}

#[test]
fn every_story_fits_on_a_page_and_marks_both_places_once() {
    let of_bkl = catalogue::all().into_iter().map(|scenario| cell("bkl", scenario.name));
    let of_mutants = MUTANTS.iter().map(|row| cell(&row.full_name(), row.scenario));
    // A short run has a sixth of the cells.
    for cell in sample(of_bkl.chain(of_mutants).collect(), 6) {
        let (verdict, names) = findings(&cell);
        for found in &verdict.findings {
            let replay = replay(&*cell.subject(), &names, &Guide::Exact(&found.schedule)).unwrap();
            let folded = story::folded(&replay, &names, &found.finding);
            let whole = story::whole(&replay, &names, Some(&found.finding));
            for story in [&folded, &whole] {
                let mut marks: Vec<u8> = story.rows.iter().filter_map(|row| row.mark).collect();
                marks.sort_unstable();
                assert_eq!(marks, [1, 2], "{} {}", cell.scenario.name, found.finding.code);
                // The set-up is some task's; a column of its own has what is found at the end.
                let boot = story.columns.iter().position(|name| name == "boot");
                let at_end = |row: &story::Row| Some(row.column) == boot && row.mark.is_some() && row.step.is_some();
                assert_eq!(boot.is_some(), story.rows.iter().any(at_end), "{}", cell.scenario.name);
                assert!(story.rows.iter().all(|row| !row.is_set_up || Some(row.column) != boot));
                let table = columns::table(story, 1);
                let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= columns::PAGE_COLUMNS, "{table}");
            }
            assert!(folded.rows.len() <= 40, "{}", columns::table(&folded, 0));
        }
    }
}

/// The story of a finding, and for each row of the set-up its column and text.
fn told(design: &str, scenario: &str, code: Code) -> (story::Story, Vec<(String, String)>) {
    let cell = cell(design, scenario);
    let (verdict, names) = findings(&cell);
    let found = verdict.findings.iter().find(|found| found.finding.code == code).expect("it is found");
    let replay = replay(&*cell.subject(), &names, &Guide::Exact(&found.schedule)).unwrap();
    let story = story::folded(&replay, &names, &found.finding);
    let of_set_up = story.rows.iter().filter(|row| row.is_set_up);
    let rows = of_set_up.map(|row| (story.columns[row.column].clone(), row.text.clone())).collect();
    (story, rows)
}

#[test]
fn what_the_set_up_did_stands_in_the_column_of_the_task_it_was_done_for() {
    let row = |task: &str, text: &str| (task.to_owned(), format!("set-up: {text}"));
    let (story, rows) = told("bkl", "relock-break", Code::LW030);

    assert_eq!(story.columns, ["holder", "opener"]);
    assert_eq!(rows, [row("holder", "READ lease granted")]);
    // It comes first, is no step, and nobody was preempted for it.
    assert_eq!((story.rows[0].mark, story.rows[0].step, &story.rows[1].switch), (Some(1), None, &None));

    // Two leases are granted at the same line of the source: the one that matters is the second's.
    let (_, rows) = told("spinlock:first-told-alone", "two-holders-break", Code::LW031);
    assert_eq!(rows, [row("second", "lease granted")]);
}

#[test]
fn a_finding_of_the_set_up_alone_is_told_there_with_the_locks_held() {
    let (story, rows) = told("sed", "leaser-unlock", Code::LW001);

    let lock = ("holder".to_owned(), "set-up: spin_lock(kernel_flag)".to_owned());
    assert_eq!((&story.columns[..], rows), (&["leaser".to_owned(), "holder".to_owned()][..], vec![lock.clone(), lock]));
    let held: Vec<usize> = story.rows.iter().map(|row| row.held[1].len()).collect();
    assert_eq!(held, [1, 2]);
    assert!(columns::table(&story, 0).contains("BB set-up: spin_lock(kernel_flag) (2)"));
}

#[test]
fn a_finding_that_does_not_lie_in_the_set_up_says_nothing_of_it() {
    assert_eq!(told("bkl", "unlock-break", Code::LW010).1, []);
}

#[test]
fn folding_loses_no_step() {
    let cell = cell("bkl", "leaser-reader");
    let (verdict, names) = findings(&cell);
    for found in &verdict.findings {
        let replay = replay(&*cell.subject(), &names, &Guide::Exact(&found.schedule)).unwrap();
        let folded = story::folded(&replay, &names, &found.finding);
        let hidden =
            |text: &str| -> Option<usize> { text.strip_prefix("... ")?.strip_suffix(" more steps")?.parse().ok() };
        let told: usize =
            folded.rows.iter().map(|row| if row.step.is_some() { 1 } else { hidden(&row.text).unwrap_or(0) }).sum();
        assert_eq!(told, replay.steps.len(), "{}", columns::table(&folded, 0));
    }
}

#[test]
fn a_text_is_broken_at_its_spaces_and_a_name_where_it_is_put_together() {
    assert_eq!(columns::wrap("lock_kernel()", 20), ["lock_kernel()"]);
    assert_eq!(columns::wrap("a long line of words", 10), ["a long", "  line of", "  words"]);
    assert_eq!(columns::wrap("lease@leaser.1->fl_break_time", 20), ["lease@leaser.1", "  ->fl_break_time"]);
    assert_eq!(columns::wrap("", 20), [""]);
    assert_eq!(columns::wrap("abcdefghijkl", 4), ["abcd", "  ef", "  gh", "  ij", "  kl"]);
}

#[test]
fn a_cell_that_is_not_as_expected_is_said_with_both_sides() {
    let cells = [cell("spinlock", "leaser-reader"), cell("bkl", "relock-break")];
    let (mutated, _) = findings(&cell("spinlock:no-recheck", "leaser-reader"));
    let (known, _) = findings(&cells[1]);

    let text = matrix::text(&cells, &[mutated.clone(), known.clone()]);
    let missing = matrix::differences(&cells[1..], &[Verdict { findings: Vec::new(), ..known.clone() }]);

    assert!(text.contains("DIFFERS spinlock leaser-reader\n  expected: clean\n  got:      LW030 lease\n"), "{text}");
    assert!(text.contains("LW030/?") && text.contains("LW030/M40"), "{text}");
    assert_eq!(missing, "DIFFERS bkl relock-break\n  expected: LW030 lease (M40)\n  got:      clean\n\n");
    assert_eq!(matrix::differences(&cells[1..], &[known]), "");
}

#[test]
fn what_was_not_explored_is_not_called_clean() {
    let cell = cell("spinlock", "leaser-reader");
    let verdict = explore_with_witnesses(&cell, &Config { executions_max: 1, ..Config::default() }).unwrap();
    let text = matrix::text(std::slice::from_ref(&cell), std::slice::from_ref(&verdict));
    let line = counterexample::last_line("spinlock", "leaser-reader", 2, 1, &verdict);

    assert_eq!(verdict.bound, Some(Bound::Executions(1)));
    assert!(text.contains("clean in 0 of 1 scenario\n"), "{text}");
    assert!(text.contains("INCOMPLETE (stopped after 1 execution) 1 of 1 cells, "), "{text}");
    assert!(line.starts_with("INCOMPLETE (stopped after 1 execution) spinlock leaser-reader: nothing found so far, "));
}

#[test]
fn a_finding_of_weak_memory_has_no_story_and_says_why() {
    let cell = cell("bkl", "relock-break");
    let (verdict, names) = findings(&cell);
    let mut found = verdict.findings[0].clone();
    found.weak_memory = true;

    let page = counterexample::page(&Counterexample {
        design: "bkl",
        scenario: "relock-break",
        names: &names,
        found: &found,
        replay: None,
        no_return: None,
        saved: None,
        expected: None,
        graded: None,
    });

    assert!(page.contains("weak memory only: no sequentially consistent replay shows it\n\nwhy\n"), "{page}");
    assert!(!page.contains("step  "), "{page}");
}
