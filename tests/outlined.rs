//! Outlines on every engine: what they come to, and that the engines and the machine of outlines agree on the examples.

use std::path::{Path, PathBuf};

use lockwright::engine::Memory;
use lockwright::explore::{Config, EngineKind, explore};
use lockwright::outline::again;
use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::Options;
use lockwright::outline::finding::Finding;
use lockwright::outline::notation::Notation;
use lockwright::outline::plan::plan;
use lockwright::outline::scope::Conversions;
use lockwright::outlined;
use lockwright::program::interpreted::Interpreted;

use crate::agreement::{agree, engine};
use crate::matrix::{is_long, sample};

fn program(text: &str) -> Interpreted {
    let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
    outlined::read("text", text.as_bytes(), &options).unwrap_or_else(|(unfit, _)| panic!("{unfit}"))
}

/// Each task stores to its own variable, then looks at the other's.
fn store_buffering(between: &str) -> String {
    let side = |name: &str, own: &str, other: &str, r: &str| {
        format!(
            "task {name}: {name}_side\n\n{name}_side\n   WRITE_ONCE({own}, 1)\n{between}   {r} = READ_ONCE({other})\n\n"
        )
    };
    format!("var x = 0\nvar y = 0\n{}{}", side("a", "x", "y", "r1"), side("b", "y", "x", "r2"))
}

fn outcomes(text: &str, kind: EngineKind, memory: Memory) -> Vec<String> {
    let said = engine(&program(text).subject(), kind, memory).expect("a program of a few steps");
    assert!(said.codes.is_empty(), "{said:?}");
    said.outcomes.into_iter().collect()
}

/// Engines with our memory models.
const ENGINES: [EngineKind; 5] =
    [EngineKind::Explorer, EngineKind::Explicit, EngineKind::Brute, EngineKind::Dpor, EngineKind::SourceDpor];

#[test]
fn store_buffering_has_three_outcomes_four_with_store_buffers_and_three_again_with_a_barrier() {
    let all = ["x=1 y=1 a.r1=0 b.r2=0", "x=1 y=1 a.r1=0 b.r2=1", "x=1 y=1 a.r1=1 b.r2=0", "x=1 y=1 a.r1=1 b.r2=1"];
    for kind in ENGINES {
        assert_eq!(outcomes(&store_buffering(""), kind, Memory::Sc), all[1..], "{kind:?}");
        assert_eq!(outcomes(&store_buffering(""), kind, Memory::Tso), all, "{kind:?}");
        assert_eq!(outcomes(&store_buffering("   smp_mb()\n"), kind, Memory::Tso), all[1..], "{kind:?}");
    }
    // C11 memory is at least as weak.
    assert_eq!(outcomes(&store_buffering(""), EngineKind::Loom, Memory::Sc), all);
    assert_eq!(outcomes(&store_buffering("   smp_mb()\n"), EngineKind::Loom, Memory::Sc), all[1..]);
}

#[test]
fn a_release_that_an_acquire_reads_orders_what_is_around_them() {
    let text = |store: &str, load: &str| {
        format!(
            "var data = 0\nvar flag = 0\ntask w: writer\ntask r: reader\n\nwriter\n   WRITE_ONCE(data, 1)\n   {store}\n\nreader\n   f = {load}\n   d = READ_ONCE(data)\n"
        )
    };
    // With f=1, d=0 only where nothing orders the two; a machine with store buffers keeps stores in order, C11 does not.
    let lost = "data=1 flag=1 r.f=1 r.d=0".to_owned();
    let relaxed = text("WRITE_ONCE(flag, 1)", "READ_ONCE(flag)");
    let ordered = text("smp_store_release(&flag, 1)", "smp_load_acquire(&flag)");
    let user_land = text("store(flag, 1, release)", "load(flag, acquire)");

    assert!(!outcomes(&relaxed, EngineKind::Explorer, Memory::Tso).contains(&lost));
    assert!(outcomes(&relaxed, EngineKind::Loom, Memory::Sc).contains(&lost));
    assert!(!outcomes(&ordered, EngineKind::Loom, Memory::Sc).contains(&lost));
    assert!(!outcomes(&user_land, EngineKind::Loom, Memory::Sc).contains(&lost));
}

/// L(fixed, 4, 4): leasers look at the open count, and openers raise it, under one lock.
fn leasers_and_openers(leasers: usize, openers: usize) -> String {
    let tasks = (1..=leasers).map(|at| format!("task leaser{at}: lease\n"));
    let tasks: String = tasks.chain((1..=openers).map(|at| format!("task opener{at}: open\n"))).collect();
    format!(
        "lock i_lock: spinlock\natomic i_writecount = 0\nvar leases = 0\n{tasks}
lease
   spin_lock(&i_lock)
   if (atomic_read(&i_writecount) > 0)
      spin_unlock(&i_lock)
      return -EAGAIN
   WRITE_ONCE(leases, leases + 1)
   spin_unlock(&i_lock)
   spin_lock(&i_lock)
   WRITE_ONCE(leases, leases - 1)
   spin_unlock(&i_lock)

open
   spin_lock(&i_lock)
   atomic_inc(&i_writecount)
   spin_unlock(&i_lock)
   if (READ_ONCE(leases) > 0)
      spin_lock(&i_lock)
      spin_unlock(&i_lock)
   atomic_dec(&i_writecount)
"
    )
}

#[test]
fn the_growing_family_as_an_outline_has_the_states_of_the_family() {
    for (leasers, openers) in [(1, 1), (2, 2), (4, 4)] {
        let config = Config::with_engine(EngineKind::Explicit);
        let verdict = explore(&program(&leasers_and_openers(leasers, openers)).subject(), &config);
        assert!(verdict.complete() && verdict.findings.is_empty());
        let family: lockwright::program::family::Family =
            format!("L-fixed-{leasers}-{openers}").parse().expect("a family");
        assert_eq!(verdict.states, explore(&family.subject(), &config).states, "{leasers} {openers}");
        assert_eq!(verdict.outcomes.texts().into_iter().collect::<Vec<_>>(), ["i_writecount=0 leases=0"]);
    }
}

/// Which plain accesses race the engines do not judge: beside them the machine of outlines explores, unless a lock keeps all of them apart.
#[test]
fn plain_accesses_that_their_lock_orders_are_left_to_the_engine() {
    let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
    let beside = |text: &str| lockwright::outline::check::walk("family", text.as_bytes(), &options);
    let family = leasers_and_openers(4, 4);

    let ordered = beside(&family);
    assert!(ordered.units.iter().all(|unit| unit.runs.is_empty() && unit.bounds.is_empty()));
    let open = beside(&leasers_and_openers(2, 1).replace("READ_ONCE(leases) > 0", "leases > 0"));
    assert!(open.units.iter().any(|unit| !unit.runs.is_empty()));
    assert_eq!(open.codes(), ["LW010"]);
}

#[test]
fn examples_have_as_many_outcomes_as_their_heads_say() {
    let mut told = 0;
    for path in files("examples/outlines") {
        let text = std::fs::read_to_string(&path).expect("text");
        for line in text.lines().filter_map(|line| line.strip_prefix("# outcomes ")) {
            let (memory, count) = line.split_once(": ").expect("`# outcomes MODEL: COUNT`");
            let memory = if memory == "tso" { Memory::Tso } else { Memory::Sc };
            for kind in ENGINES {
                assert_eq!(outcomes(&text, kind, memory).len().to_string(), count, "{} {kind:?}", path.display());
            }
            told += 1;
        }
    }
    // Dekker with and without a barrier, each under two models.
    assert_eq!(told, 4);
}

/// What a notation has no words for: a box has locks alone, a figure no claim of this kind, words of a figure are no outline.
fn has_no_place(finding: &Finding, notation: Notation) -> bool {
    let is_lock = matches!(finding.code, "LW001" | "LW003" | "LW004" | "LW008");
    match notation {
        // A wait for anything but a lock, and an order that is only declared.
        Notation::Splat
            if finding.code == "LW008"
                && finding.labels.iter().any(|label| !label.text.contains(" waits here for ")) =>
        {
            true
        }
        Notation::Splat | Notation::Diagram if finding.title.contains("against the declared order") => true,
        Notation::Splat => !is_lock || finding.is_claim(),
        Notation::Diagram => matches!(finding.code, "LW005" | "LW006" | "LW007"),
        Notation::Outline => finding.is_claim(),
    }
}

/// Findings that a notation loses all the same: the kind of a lock, a note, two steps in one sentence or line, who runs a work of
/// a figure, one name in two columns, what memory holds at first.
const LOST: [(&str, &str); 25] = [
    ("allocated-and-lost-on-one-path.txt", "LW022 as outline"),
    ("else-behind-a-brace.txt", "LW001 as diagram"),
    ("else-behind-a-brace.txt", "LW001 as splat"),
    ("list-entry-freed-under-a-reader.txt", "LW020 as outline"),
    ("pointer-in-a-member.txt", "LW020 as outline"),
    ("reader-writer-reader-old.outline", "LW008 as splat"),
    ("B02-before.outline", "LW008 as splat"),
    ("figure-flushes-all-works.txt", "LW008 as outline"),
    ("thread-stopped-in-a-figure.txt", "LW008 as outline"),
    ("kworker-column.txt", "LW008 as outline"),
    ("note-brackets.txt", "LW001 as diagram"),
    ("note-brackets.txt", "LW001 as splat"),
    ("note-hardirq.txt", "LW002 as outline"),
    ("role-headers.txt", "LW008 as splat"),
    ("splat-head-recursive.txt", "LW001 as diagram"),
    ("splat-links-only.txt", "LW008 as splat"),
    ("steps-hold-and-wait.txt", "LW008 as splat"),
    ("steps-in-a-mail.txt", "LW008 as splat"),
    ("trace-atomic.txt", "LW002 as outline"),
    ("workqueue-flushed.txt", "LW008 as outline"),
    ("chains-on-one-line.txt", "LW008 as splat"),
    ("looks-behind-a-pointer.txt", "LW020 as outline"),
    ("rcu-rules-it-out.txt", "LW020 as outline"),
    ("told-several.txt", "LW001 as diagram"),
    ("verbs-of-figures.txt", "LW008 as splat"),
];

#[test]
fn a_finding_that_is_printed_in_another_notation_is_found_in_it_again() {
    let folders = ["examples/outlines", "examples/figures", "tests/data/outlines", "tests/verdicts/findings"];
    let (mut found, mut lost) = (0, Vec::new());
    for path in folders.iter().flat_map(|folder| files(folder)) {
        let bytes = std::fs::read(&path).expect("a file");
        let catalogue = Catalogue::built_in();
        let options = Options { catalogue: &catalogue, conversions: Conversions::new() };
        let report = lockwright::outline::check::check("text", &bytes, &options);
        for (name, notation) in Notation::ALL {
            for unit in &report.units {
                for finding in unit.counted().filter(|finding| !has_no_place(finding, notation)) {
                    let (text, is_found) = again::of_finding(&report.source, unit, finding, notation, &options);
                    found += usize::from(is_found);
                    let said = format!("{} as {name}", finding.code);
                    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    // What is lost is said in its place.
                    assert!(is_found || text.contains("this finding is lost"), "{text}");
                    if !is_found && !LOST.contains(&(&file, &said)) {
                        lost.push(format!("{} {said}\n{text}", path.display()));
                    }
                }
            }
            // All in one text, as they are printed.
            let text = again::findings(&report, notation, &options);
            let again = lockwright::outline::check::check("mail", text.as_bytes(), &options);
            let of = |finding: &&Finding| !has_no_place(finding, notation);
            for finding in report.units.iter().flat_map(|unit| unit.counted()).filter(of) {
                if !again.codes().contains(&finding.code) && !text.contains("this finding is lost") {
                    lost.push(format!(
                        "{} {} among others as {name}: {:?}\n{text}",
                        path.display(),
                        finding.code,
                        again.codes()
                    ));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{} of {}\n{}", lost.len(), lost.len() + found, lost.join("\n"));
    assert!(found > 150, "{found}");
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "outline" || ext == "txt")).collect();
    found.sort();
    found
}

#[test]
fn memory_of_which_only_the_accesses_are_known_has_no_value_in_an_outcome() {
    let text = include_bytes!("verdicts/findings/count-without-its-lock.txt");
    let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
    let report = lockwright::outline::check::check("count", text, &options);

    assert_eq!(report.codes(), ["LW010"]);
    let outcomes = || report.units.iter().flat_map(|unit| &unit.runs).flat_map(|run| &run.outcomes).flatten();
    assert!(outcomes().any(|value| value.name == "hits_inc.hits"));
    assert!(outcomes().all(|value| value.name != "hits" && value.name != "q->len"));
}

/// A slab object of the engines has one life. Of two lives only the machine of outlines knows; one life is run everywhere.
#[test]
fn an_object_that_is_allocated_again_is_refused_by_the_engines_and_checked_by_the_machine() {
    let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
    let read = |text: &str| lockwright::outlined::read("example", text.as_bytes(), &options).map(|_| ());
    let body = "struct item *it = pop(q);\n\t\tkfree(it);\n";
    let looped = format!("drain(q)\n{{\n\twhile (is_left(q)) {{\n\t\t{body}\t}}\n}}\n");
    let (refusal, _) = read(&looped).expect_err("it has many lives");
    assert_eq!(
        refusal.to_string(),
        "example: the engines do not run an object that is freed and then allocated again (line 4): lockwright check \
         explores it with the machine that outlines have of their own"
    );
    assert!(lockwright::outline::check::check("example", looped.as_bytes(), &options).codes().is_empty());
    read(&format!("drain(q)\n{{\n\tif (is_left(q)) {{\n\t\t{body}\t}}\n}}\n")).expect("it has one life");
}

#[test]
fn engines_and_the_machine_of_outlines_agree_on_every_example() {
    let folders = [
        "examples/outlines",
        "examples/figures",
        "tests/data/outlines",
        "tests/verdicts/clean",
        "tests/verdicts/findings",
    ];
    let (mut run, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    // A short run takes one of three.
    for path in sample(folders.iter().flat_map(|folder| files(folder)).collect(), 3) {
        let bytes = std::fs::read(&path).expect("a file");
        let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
        let (_, planned, mistakes) = plan("example", &bytes, &options);
        assert!(mistakes.is_empty(), "{}", path.display());
        for planned in planned {
            match agree(&planned.program, false) {
                Ok(Some(_)) => run += 1,
                Ok(None) => refused.push(format!("{}:{}", path.display(), planned.line)),
                Err(difference) => wrong.push(format!("{}:{}: {difference}", path.display(), planned.line)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is refused has handlers, works, threads or grace periods.
    assert!(run >= if is_long() { 80 } else { 25 }, "{run} were run, and these were not: {refused:#?}");
}
