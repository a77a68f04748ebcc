//! Lease scripts: recordings of a real kernel against both designs.
//!
//! `data/lease-golden.jsonl` and `data/lease-era.jsonl` were recorded on Linux 6.18 with real processes.

use std::collections::{BTreeMap, BTreeSet};

use lockwright::lease::designs::{self, Entry};
use lockwright::script::run::Played;
use lockwright::script::{Call, Op, Record, Ret, Script, Verdict, era, exit_code, judge, parse, rules, run};

const GOLDEN: &str = include_str!("data/lease-golden.jsonl");
const ERAS: &str = include_str!("data/lease-era.jsonl");

fn bkl() -> Entry {
    designs::find("bkl").unwrap()
}

fn spinlock() -> Entry {
    designs::find("spinlock").unwrap()
}

fn scripts(text: &str) -> Vec<Script> {
    parse(text).unwrap()
}

fn named(text: &str, id: &str) -> Script {
    scripts(text).into_iter().find(|script| script.id == id).unwrap()
}

/// Without recordings and refusals: how often which verdict, and with which rows.
fn census(text: &str, design: Entry) -> BTreeMap<String, usize> {
    let mut census = BTreeMap::new();
    for script in scripts(text) {
        let verdict = match run(&script, design).verdict {
            Verdict::Same => "same".to_owned(),
            Verdict::Era { rows, .. } => rows.join("+"),
            Verdict::Refused { .. } => "refused".to_owned(),
            other => format!("{}: {other:?}", script.id),
        };
        *census.entry(verdict).or_insert(0) += 1;
    }
    census
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(verdict, count)| ((*verdict).to_owned(), *count)).collect()
}

#[test]
fn golden_scripts_on_bkl_are_the_same_or_cite_a_row() {
    let expected = [("same", 6), ("E01", 3), ("E03", 4), ("E03+E05", 1), ("E04+E07", 3), ("E05", 2), ("refused", 41)];

    assert_eq!(census(GOLDEN, bkl()), counts(&expected));
}

#[test]
fn golden_scripts_on_spinlock_are_the_same_or_cite_a_row() {
    let expected = [("same", 8), ("E01", 3), ("E03", 4), ("E03+E05", 1), ("E05", 3), ("refused", 41)];

    assert_eq!(census(GOLDEN, spinlock()), counts(&expected));
}

#[test]
fn era_scripts_show_the_rest_of_the_table() {
    let on_bkl = [("same", 6), ("E01+E02", 1), ("E06", 1), ("E07", 2), ("E08", 1)];
    let on_spinlock = [("same", 8), ("E01+E02", 1), ("E06", 1), ("E08", 1)];

    assert_eq!(census(ERAS, bkl()), counts(&on_bkl));
    assert_eq!(census(ERAS, spinlock()), counts(&on_spinlock));
}

#[test]
fn every_row_of_the_table_is_cited_by_some_script() {
    let mut cited = BTreeSet::new();
    for script in scripts(GOLDEN).iter().chain(&scripts(ERAS)) {
        if let Verdict::Era { rows, .. } = run(script, bkl()).verdict {
            cited.extend(rows);
        }
    }

    let table: BTreeSet<&str> = era::TABLE.iter().map(|row| row.id).collect();
    assert_eq!(cited, table);
}

#[test]
fn spinlock_has_no_row_that_it_mends() {
    let rows: Vec<&str> = era::rows(spinlock()).iter().map(|row| row.id).collect();

    assert_eq!(rows, ["E01", "E02", "E03", "E05", "E06", "E08"]);
}

#[test]
fn the_specification_without_rules_is_the_recorded_kernel_to_the_last_record() {
    let all = [scripts(GOLDEN), scripts(ERAS)].concat();
    let supported: Vec<&Script> = all.iter().filter(|script| script.unsupported.is_empty()).collect();

    assert_eq!(supported.len(), 19 + 11);
    for script in supported {
        assert_eq!(&rules::records(script, &[]), script.trace.as_ref().unwrap(), "{}", script.id);
    }
}

#[test]
fn both_designs_follow_the_specification_under_their_rules() {
    for seed in 0..1500 {
        let script = random_script(seed);
        for design in [bkl(), spinlock()] {
            let rules: Vec<rules::Rule> = era::rows(design).iter().map(|row| row.rule).collect();
            let played = lockwright::script::run::records(&script, design);

            assert_eq!(played.stuck, None, "seed {seed} on {}", design.name);
            assert_eq!(played.records, rules::records(&script, &rules), "seed {seed} on {}", design.name);
        }
    }
}

/// Calls in an order that a small generator picks; the same for the same seed.
fn random_script(seed: u64) -> Script {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut pick = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % n
    };
    let mut ops = Vec::new();
    let mut handles: Vec<(usize, String)> = Vec::new();
    while ops.len() < 12 {
        let process = pick(3);
        let letter = char::from(b'a' + ops.len() as u8).to_string();
        let (owner, known) = match handles.len() {
            0 => (process, String::new()),
            n => handles[pick(n)].clone(),
        };
        let kind = if handles.is_empty() { 0 } else { pick(20) };
        let op = match kind {
            0..=5 => {
                handles.push((process, letter.clone()));
                let access = ["r", "r", "r", "w", "rw"][pick(5)];
                let flags = ["", "", r#""NONBLOCK""#, r#""NONBLOCK""#, r#""TRUNC""#, r#""CREAT""#][pick(6)];
                format!(r#"{{"p":{process},"op":"open","h":"{letter}","path":"f","acc":"{access}","flags":[{flags}]}}"#)
            }
            6..=11 => {
                let lease = ["r", "r", "w", "w", "u"][pick(5)];
                format!(r#"{{"p":{owner},"op":"setlease","h":"{known}","type":"{lease}"}}"#)
            }
            12 => format!(r#"{{"p":{owner},"op":"getlease","h":"{known}"}}"#),
            13 => format!(r#"{{"p":{process},"op":"truncate","path":"f","len":0}}"#),
            14 => {
                handles.push((owner, letter.clone()));
                format!(r#"{{"p":{owner},"op":"dup","h":"{known}","nh":"{letter}"}}"#)
            }
            15 => format!(r#"{{"p":{process},"op":"intr"}}"#),
            16 | 17 => r#"{"op":"locks"}"#.to_owned(),
            _ => format!(r#"{{"op":"advance","lbt":{}}}"#, ["0.4", "1.5"][pick(2)]),
        };
        ops.push(op);
    }
    let lbt = if seed & 7 == 0 { 0 } else { 2 };
    let text = format!(r#"{{"id":"{seed}","lbt":{lbt},"procs":3,"files":{{"f":{{}}}},"ops":[{}]}}"#, ops.join(","));
    scripts(&text).remove(0)
}

/// For each row a script that cites it.
fn citations() -> Vec<(Script, usize, Record, Record)> {
    let mut found = BTreeMap::new();
    for script in scripts(GOLDEN).into_iter().chain(scripts(ERAS)) {
        if let Verdict::Era { op, rows, expected, got } = run(&script, bkl()).verdict {
            for row in rows {
                found.entry(row).or_insert((script.clone(), op, expected.clone(), got.clone()));
            }
        }
    }
    assert_eq!(found.len(), era::TABLE.len());
    found.into_values().collect()
}

/// Other results that a record could have.
fn mutations(record: &Record) -> Vec<Record> {
    let words = ["ok", "blocked", "EAGAIN", "EINVAL", "EBADF", "EINTR", "r", "w", "u"].map(Ret::word);
    let lines = [Ret::Lines(vec![]), Ret::Lines(vec!["LEASE ACTIVE READ P0 f".to_owned()])];
    let rets = words.into_iter().chain(lines).map(|ret| Record { ret, ..record.clone() });
    let sigs = [vec![], vec![lockwright::script::Signal::io(0)], vec![lockwright::script::Signal::io(1)]];
    let sigs = sigs.into_iter().map(|sig| Record { sig, ..record.clone() });
    let res = [vec![], vec![(0, "ok".to_owned())], vec![(2, "EINTR".to_owned())]];
    let res = res.into_iter().map(|res| Record { res, ..record.clone() });
    rets.chain(sigs).chain(res).filter(|other| other != record).collect()
}

#[test]
fn no_row_excuses_a_recording_that_the_kernel_would_not_give() {
    for (script, op, expected, got) in citations() {
        for wrong in mutations(&expected).into_iter().filter(|wrong| *wrong != got) {
            let mut script = script.clone();
            script.trace.as_mut().unwrap()[op] = wrong.clone();

            let verdict = run(&script, bkl()).verdict;

            assert_eq!(verdict, Verdict::Differs { op, expected: wrong, got: got.clone() }, "{}", script.id);
        }
    }
}

#[test]
fn no_row_excuses_an_answer_that_the_rules_would_not_give() {
    for (script, op, expected, got) in citations() {
        for wrong in mutations(&got).into_iter().filter(|wrong| *wrong != expected) {
            let mut played = lockwright::script::run::records(&script, bkl());
            played.records[op] = wrong.clone();

            let verdict = judge(&script, bkl(), played);

            assert_eq!(verdict, Verdict::Differs { op, expected: expected.clone(), got: wrong }, "{}", script.id);
        }
    }
}

#[test]
fn a_wrong_answer_before_the_cited_call_is_found_there() {
    for (script, op, ..) in citations() {
        for earlier in 0..op {
            let mut played = lockwright::script::run::records(&script, bkl());
            let right = played.records[earlier].clone();
            for wrong in mutations(&right) {
                played.records[earlier] = wrong.clone();

                let verdict = judge(&script, bkl(), played.clone());

                let expected = right.clone();
                assert_eq!(verdict, Verdict::Differs { op: earlier, expected, got: wrong }, "{}", script.id);
            }
        }
    }
}

#[test]
fn what_bkl_may_do_spinlock_may_not() {
    let script = named(ERAS, "set-again-during-break");
    let played: Played = lockwright::script::run::records(&script, bkl());

    assert!(matches!(judge(&script, bkl(), played.clone()), Verdict::Era { op: 4, ref rows, .. } if rows == &["E07"]));
    assert!(matches!(judge(&script, spinlock(), played), Verdict::Differs { op: 4, .. }));
}

#[test]
fn a_mutant_that_keeps_its_lock_gets_stuck_in_the_next_call() {
    let mutant = lockwright::study::design("spinlock:lock-left").unwrap();

    let process = run(&named(GOLDEN, "c-r-on-rw"), mutant);
    assert!(matches!(process.verdict, Verdict::Differs { op: 2, .. }), "{process}");

    let mut script = named(GOLDEN, "c-r-on-rw");
    script.ops[2] = Op { process: 0, call: Call::Locks };
    let conductor = run(&script, mutant);
    assert_eq!(conductor.verdict, Verdict::Stuck { op: 2, why: "nobody can run any more".to_owned() });
    assert_eq!(exit_code(&[conductor]), 1);
}

#[test]
fn bkl_as_a_spinlock_waits_for_itself_in_scripts_too() {
    let played = lockwright::script::run::records(&named(GOLDEN, "c-r-on-rw"), designs::find("sed").unwrap());

    let results: Vec<Ret> = played.records.into_iter().map(|record| record.ret).collect();
    assert_eq!(results, ["ok", "blocked", "busy"].map(Ret::word));
}

#[test]
fn a_script_that_comes_twice_is_a_mistake() {
    let script = with_ops(OPEN);

    assert_eq!(problems(&format!("{script}\n{script}")), ["line 2: script `x` is in line 1 already"]);
}

#[test]
fn same_era_and_refused_are_no_failure() {
    let reports: Vec<_> = scripts(GOLDEN).iter().map(|script| run(script, bkl())).collect();

    assert_eq!(exit_code(&reports), 0);
}

fn problems(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// A script of one process and one file with these calls.
fn with_ops(ops: &str) -> String {
    format!(r#"{{"id":"x","lbt":2,"procs":1,"files":{{"f":{{}}}},"ops":[{ops}]}}"#)
}

const OPEN: &str = r#"{"p":0,"op":"open","h":"a","path":"f","acc":"r"}"#;

#[test]
fn mistakes_have_line_column_and_cause() {
    let good = with_ops(OPEN);
    let other = good.replace(r#""id":"x""#, r#""id":"y""#);
    let text = [&good, "{\"id\": 3}", "", "{\"id\":", &other, "[1]"].join("\n");

    assert_eq!(
        problems(&text),
        [
            "line 2, column 8: invalid type: integer `3`, expected a string",
            "line 4, column 6: EOF while parsing a value",
            "line 6, column 2: invalid type: integer `1`, expected a string",
        ]
    );
}

#[test]
fn a_script_with_a_mistake_is_never_run() {
    let cases = [
        (r#"{"p":0,"op":"frob"}"#, "op 0: unknown op `frob`"),
        (r#"{"p":0}"#, "op 0: field `op` is missing"),
        (r#"{"p":0,"op":"close"}"#, "op 0: field `h` is missing"),
        (r#"{"p":0,"op":"close","h":""}"#, "op 0: a handle without a name"),
        (r#"{"op":"close","h":"a"}"#, "op 0: field `p` is missing"),
        (r#"{"p":1,"op":"intr"}"#, "op 0: process 1 does not exist, there are 1"),
        (r#"{"p":0,"op":"intr","h":"a"}"#, "op 0: intr has no field `h`"),
        (r#"{"op":"advance","lbt":-1}"#, "op 0: time cannot advance by -1"),
        (r#"{"p":0,"op":"setown","h":"a","to":"b"}"#, "op 0: setown has a field of the wrong type"),
        (r#"{"p":0,"op":"close","h":"a"}"#, "op 0: handle `a` of process 0 is not open"),
        (
            r#"{"p":0,"op":"truncate","path":"g","len":0}"#,
            "op 0: file `g` is neither in `files` nor made by an open with CREAT",
        ),
    ];
    for (ops, cause) in cases {
        assert_eq!(problems(&with_ops(ops)), [format!("line 1: {cause}")]);
    }
}

#[test]
fn json_of_the_wrong_shape_says_where() {
    let cases = [
        (r#"{"p":0,"op":"close","h":5}"#, "invalid type: integer `5`, expected a string"),
        (r#"{"p":0,"op":"close","h":null}"#, "invalid type: null, expected a string"),
        (r#"{"p":-1,"op":"intr"}"#, "invalid value: integer `-1`, expected usize"),
        (r#"{"p":0,"op":"close","x":"a"}"#, "unknown field `x`, expected one of"),
        (r#"{"p":0,"op":"open","h":"a","path":"f","acc":"x"}"#, "unknown variant `x`, expected one of `r`, `w`, `rw`"),
        (r#"{"p":0,"op":"open","h":"a","path":"f","acc":"r","flags":["SYNC"]}"#, "unknown variant `SYNC`"),
    ];
    for (ops, cause) in cases {
        let found = parse(&with_ops(ops)).unwrap_err();

        assert_eq!(found.len(), 1);
        assert!(found[0].cause.starts_with(cause), "{}", found[0]);
        assert!(found[0].column.is_some_and(|column| column > 50), "{}", found[0]);
    }
}

#[test]
fn a_file_that_comes_twice_is_a_mistake() {
    let twice = with_ops(OPEN).replace(r#""f":{}"#, r#""f":{},"f":{"kind":"dir"}"#);

    assert_eq!(problems(&twice), ["line 1, column 63: file `f` comes twice"]);
}

#[test]
fn all_mistakes_of_a_script_are_told() {
    let thirteen = vec![r#"{"op":"locks","p":0}"#; 13].join(",");
    let mut expected = vec!["line 1: 13 ops, at most 12 are allowed".to_owned()];
    expected.extend((0..13).map(|at| format!("line 1: op {at}: locks has no field `p`")));

    assert_eq!(problems(&with_ops(&thirteen)), expected);
}

#[test]
fn a_recording_must_have_a_record_per_call() {
    let script = |trace: &str| with_ops(OPEN).replace(r#""ops""#, &format!(r#""trace":[{trace}],"ops""#));

    assert_eq!(problems(&script("")), ["line 1: trace has 0 records for 1 ops"]);
    assert_eq!(problems(&script(r#"{"i":1,"ret":"ok"}"#)), ["line 1: trace record 0 says it is about op 1"]);
    assert!(parse(&script(r#"{"i":0,"ret":"ok"}"#)).is_ok());
}

#[test]
fn one_bad_line_and_no_script_is_returned() {
    let text = format!("{GOLDEN}{}\n", with_ops(r#"{"p":0,"op":"frob"}"#));

    assert_eq!(problems(&text), ["line 61: op 0: unknown op `frob`"]);
}

#[test]
fn a_handle_that_is_not_open_is_a_result_only_where_it_is_recorded() {
    let close = r#"{"p":0,"op":"close","h":"a"}"#;
    let text = with_ops(&[OPEN, close, close].join(","));
    let recorded = |last: &str| {
        let trace = format!(r#""trace":[{{"i":0,"ret":"ok"}},{{"i":1,"ret":"ok"}},{{"i":2,"ret":"{last}"}}],"ops""#);
        text.replace(r#""ops""#, &trace)
    };
    let problem = ["line 1: op 2: handle `a` of process 0 is not open"];

    assert_eq!(problems(&text), problem);
    assert_eq!(problems(&recorded("ok")), problem);
    assert_eq!(run(&scripts(&recorded("EBADF"))[0], bkl()).verdict, Verdict::Same);
}

#[test]
fn a_refused_script_names_what_is_missing_and_runs_nothing() {
    let report = run(&named(GOLDEN, "c-sig-rt"), bkl());
    assert_eq!(report.to_string(), "c-sig-rt: refused: setsig, getsig are not supported");

    let path = with_ops(&OPEN.replace('}', r#","flags":["PATH"]}"#));
    assert_eq!(run(&scripts(&path)[0], bkl()).to_string(), "x: refused: PATH is not supported");

    let fifo = with_ops(OPEN).replace("{}", r#"{"kind":"fifo"}"#);
    assert_eq!(run(&scripts(&fifo)[0], bkl()).to_string(), "x: refused: fifo is not supported");
}

#[test]
fn without_a_recording_the_results_are_told() {
    let text = r#"{"id":"x","lbt":2,"procs":2,"files":{"f":{}},"ops":[
        {"p":0,"op":"open","h":"a","path":"f","acc":"r"},{"p":0,"op":"setlease","h":"a","type":"w"},
        {"p":1,"op":"open","h":"b","path":"f","acc":"r"},{"p":1,"op":"truncate","path":"f","len":0},
        {"op":"locks"},{"p":0,"op":"intr"},{"p":1,"op":"intr"}]}"#;
    let report = run(&scripts(&text.replace('\n', ""))[0], spinlock());

    let lines = [
        "x: ran",
        "op 0: ok",
        "op 1: ok",
        "op 2: blocked, IO to P0",
        "op 3: busy",
        "op 4: [LEASE BREAKING READ P0 f -> LEASE BREAKER READ P1]",
        "op 5: idle",
        "op 6: ok, op 2 returns EINTR",
    ];
    assert_eq!(report.to_string(), lines.join("\n  "));
}

#[test]
fn a_report_is_one_flat_json_object() {
    let report = run(&named(GOLDEN, "c-errors"), bkl());

    assert_eq!(
        serde_json::to_string(&report).unwrap(),
        r#"{"id":"c-errors","design":"bkl","verdict":"era","op":4,"rows":["E01"],"expected":{"i":4,"ret":"EAGAIN"},"got":{"i":4,"ret":"ok"}}"#
    );
}

#[test]
fn lease_types_are_passed_as_they_are() {
    let ops =
        [OPEN, r#"{"p":0,"op":"setlease","h":"a","type":0}"#, r#"{"p":0,"op":"setlease","h":"a","type":4294967298}"#];
    let script = &scripts(&with_ops(&ops.join(",")))[0];

    let set = |arg| Op { process: 0, call: Call::SetLease { handle: "a".to_owned(), arg } };
    assert_eq!(script.ops[1..], [set(0), set(2)]);
}
