//! Outlines, diagrams and lockdep boxes: each sample gives the answer that its head line expects.

use lockwright::check::Code;
use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::{AsDrawn, Options, Report, Value, check};
use lockwright::outline::claimed::Standing;
use lockwright::outline::page;
use lockwright::outline::scope::Conversions;
use lockwright::outline::vocabulary::Kind;

mod undeclared;

fn data(path: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn run(bytes: &[u8], conversions: &[(&str, &str)]) -> Report {
    let kind = |word: &str| Kind::parse(word).expect("a kind of lock");
    let conversions: Conversions = conversions.iter().map(|(lock, word)| ((*lock).to_owned(), kind(word))).collect();
    check("sample", bytes, &Options { catalogue: &Catalogue::built_in(), conversions })
}

fn codes(text: &str, conversions: &[(&str, &str)]) -> String {
    let report = run(text.as_bytes(), conversions);
    assert!(report.mistakes.is_empty(), "{}", page::mistakes(&report));
    assert!(report.is_complete());
    report.codes().join(" ")
}

/// A sample, conversions, and the codes that its head line expects.
type Row = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const OUTLINES: &[Row] = &[
    ("A01-after", &[], ""),
    // The order that is a cycle can be met as well: expand_inline and writeback deadlock.
    ("A01-before", &[], "LW001 LW003 LW008"),
    ("A01-bkl", &[], ""),
    ("A01-bkl", &[("kernel_lock", "mutex")], "LW001"),
    ("A01-bkl", &[("kernel_lock", "rwsem")], "LW001"),
    ("A01-bkl", &[("kernel_lock", "spinlock")], "LW001 LW002"),
    ("A04-after", &[], ""),
    ("A04-bkl", &[], ""),
    ("A04-bkl", &[("kernel_lock", "mutex")], "LW008"),
    ("A04-bkl", &[("kernel_lock", "spinlock")], "LW002"),
    ("A06-after", &[], ""),
    ("A06-before", &[], "LW003 LW008"),
    ("A10-stage1", &[], "LW002"),
    ("A10-stage1", &[("pt_lock", "mutex")], "LW002"),
    ("A10-stage2", &[], "LW002"),
    ("A10-stage3", &[], ""),
    ("A12-before", &[], "LW001 LW002"),
    ("A15-after", &[], ""),
    ("A15-before", &[], "LW008"),
    ("A22-after", &[], ""),
    ("A22-before", &[], "LW011"),
    ("A26-after", &[], ""),
    ("A26-before", &[], "LW010"),
    ("B02-before", &[], "LW008"),
    ("B02-before", &[("l", "rwlock")], ""),
    ("B07-after", &[], ""),
    ("B07-before", &[], "LW008"),
    ("B09-after", &[], ""),
    ("B09-before", &[], "LW011"),
    ("B14-no-deadlock", &[], ""),
];

const FIGURES: &[Row] = &[
    ("01-tree-numbered-arrows-abba", &[], "LW003 LW008"),
    ("03-tree-bullets-plus-raw-context", &[], "LW002"),
    ("05-tree-braces-one-cpu-irq", &[], "LW009"),
    ("07-order-protects", &[], ""),
    // A mutex if nothing is said: that is the conversion that the figure warns of.
    ("11-steps-actor-prefix", &[], "LW003 LW008"),
    ("11-steps-actor-prefix", &[("write_lock", "bkl")], ""),
    ("14-steps-numbered-tasks-stop", &[], "LW008"),
    ("20-box-one-cpu-recursive-quoted", &[], "LW001"),
    ("23-box-two-cpus-irq-inversion", &[], "LW004 LW008"),
    ("24-box-chain-of-three-rlock", &[], "LW003 LW008"),
    ("30-cols-bar-between", &[], "LW008"),
    ("33-cols-missing-header", &[], "LW004 LW008"),
    ("43-cols-header-far-from-body", &[], "LW020 LW021"),
    ("53-cols-arrow-in-the-middle", &[], "LW003 LW008"),
];

/// Figures whose bug is told in words that claim it, at the line: a finding by the author's word, as the drawn order is possible.
const CLAIMED: [(&str, &str, u32); 2] =
    [("35-cols-call-headers-three", "LW011", 49), ("36-cols-tabs-iput-umount", "LW011", 16)];

/// A figure whose words tell a state and claim nothing: it parses, and nothing is found. Its head line expects LW008.
const ONLY_WORDS: &str = "39-cols-comment-below-call";

#[test]
fn every_outline_gives_the_answer_that_its_head_line_expects() {
    for (name, conversions, expected) in OUTLINES {
        let text = String::from_utf8(data(&format!("outlines/{name}.outline"))).expect("text");
        assert_eq!(codes(&text, conversions), *expected, "{name} {conversions:?}");
    }
}

#[test]
fn every_figure_that_draws_its_bug_gives_the_answer_that_its_head_line_expects() {
    for (name, conversions, expected) in FIGURES {
        let report = run(&data(&format!("notation/{name}.txt")), conversions);
        assert!(report.mistakes.is_empty(), "{name}: {}", page::mistakes(&report));
        assert_eq!(report.codes().join(" "), *expected, "{name} {conversions:?}");
    }
}

#[test]
fn a_figure_that_claims_its_bug_in_words_has_it_by_its_authors_word() {
    for (name, code, line) in CLAIMED {
        let report = run(&data(&format!("notation/{name}.txt")), &[]);
        assert!(report.mistakes.is_empty(), "{name}: {}", page::mistakes(&report));
        assert_eq!((report.units[0].drawn.as_ref(), report.codes()), (Some(&AsDrawn::Possible), vec![code]), "{name}");
        let at: Vec<(u32, Standing)> = report.units[0].claims.iter().map(|(_, at, it)| (at.line, *it)).collect();
        assert_eq!(at, [(line, Standing::Possible)], "{name}");
        assert_eq!(report.units[0].findings[0].labels[0].place.line, line, "{name}");
    }
}

#[test]
fn a_figure_whose_words_claim_nothing_has_no_finding() {
    let report = run(&data(&format!("notation/{ONLY_WORDS}.txt")), &[]);
    assert!(report.mistakes.is_empty(), "{}", page::mistakes(&report));
    assert_eq!(report.units[0].drawn, Some(AsDrawn::Possible));
    assert!(report.units[0].claims.is_empty() && report.codes().is_empty());
}

/// Two columns; the last cell of the second says something.
fn claiming(words: &str) -> String {
    format!("CPU0                     CPU1\nadd_item();\n                         drop_item();   // {words}\n")
}

#[test]
fn each_claim_names_the_finding_that_it_is_and_a_denial_claims_nothing() {
    let rows = [
        ("use after free", "LW020"),
        ("item is already freed", "LW020"),
        ("frees it: double free!", "LW021"),
        ("NULL pointer dereference", "LW011"),
        ("assertion fails", "LW011"),
        ("users=1 pending=2 (!)", "LW011"),
        ("the wakeup is lost", "LW008"),
        ("waits forever", "LW008"),
        ("spins forever", "LW009"),
        ("users=1 pending=2", ""),
        ("cannot crash", ""),
        ("no use after free here", ""),
        ("avoids the lost wakeup", ""),
        ("freed", ""),
        ("debugfs", ""),
    ];
    for (words, expected) in rows {
        let report = run(claiming(words).as_bytes(), &[]);
        assert_eq!(report.codes().join(" "), expected, "{words}");
        // Nothing that is drawn has an effect: without a claim that is all there is to say, and no clean verdict.
        assert_eq!(report.is_complete(), !expected.is_empty(), "{words}");
    }
}

#[test]
fn a_claim_that_the_drawn_locks_decide_is_no_finding() {
    let lock = "CPU0                     CPU1\nmutex_lock(a)\nmutex_unlock(a)\n                         mutex_lock(a)   // waits forever\n                         mutex_unlock(a)\n";
    let report = run(lock.as_bytes(), &[]);
    assert_eq!(report.codes(), Vec::<&str>::new());
    assert_eq!(report.units[0].claims[0].2, Standing::Unconfirmed);

    // Impossible: CPU1 cannot have gone on to its crash before CPU0 has given the lock back.
    let held = "CPU0                     CPU1\nmutex_lock(a)\n                         mutex_lock(a)\n                         read_item()   // crash\n                         mutex_unlock(a)\nmutex_unlock(a)\n";
    let report = run(held.as_bytes(), &[]);
    assert!(matches!(report.units[0].drawn, Some(AsDrawn::Impossible(4, ..))), "{:?}", report.units[0].drawn);
    assert_eq!(report.codes(), Vec::<&str>::new());
}

/// The first block of a page.
fn block(page: &str) -> &str {
    page.split("```").nth(1).and_then(|block| block.split_once('\n')).expect("a block").1
}

#[test]
fn the_outlines_on_the_pages_of_codes_have_them() {
    for code in [Code::LW004, Code::LW005] {
        let found = codes(block(code.page()), &[]);
        assert!(found.split(' ').any(|found| found == code.to_string()), "{code}: {found}");
    }
}

#[test]
fn the_facts_that_a_figure_leaves_out_can_be_declared() {
    let facts = "lock &desc->lock: raw_spinlock\nlock drv_lock: spinlock\nfn drv_irq_type: takes(drv_lock)\nfn drv_mask_irq: takes(drv_lock)\n";
    let figure = String::from_utf8(data("notation/03-tree-bullets-plus-raw-context.txt")).expect("text");

    assert_eq!(codes(&format!("{facts}\n{figure}"), &[]), "LW002 LW005");
    // The driver's lock is raw as well: what is left is the sleep of the third block.
    assert_eq!(codes(&format!("{facts}\n{figure}"), &[("drv_lock", "raw_spinlock")]), "LW002");
}

/// In our own words, what a mail's first outline has: the BKL, taken again inside.
const RECURSIVE: &str = "fcntl_setlease\n   lock_kernel\n   vfs_setlease\n      lock_kernel\n      generic_setlease\n      unlock_kernel\n   fasync_helper\n   unlock_kernel\n";

#[test]
fn an_outline_in_a_mail_is_the_same_quoted_indented_or_in_a_comment() {
    let prefixed = |prefix: &str| RECURSIVE.lines().map(|line| format!("{prefix}{line}\n")).collect::<String>();
    let mail = format!(
        "Hi all,\n\nthis is what we have today, as you know:\n\n{RECURSIVE}\nWhat do you think of it?\n\n-- \nMe\n"
    );
    let texts = [
        RECURSIVE.to_owned(),
        prefixed("> "),
        prefixed("> > "),
        prefixed("        "),
        prefixed("\t"),
        format!("/*\n{} */\n", prefixed(" * ")),
        RECURSIVE.replace("lock_kernel", "lock_kernel();").replace("   ", "\t"),
        mail,
    ];
    for text in texts {
        assert_eq!(codes(&text, &[]), "", "{text}");
        assert_eq!(codes(&text, &[("kernel_lock", "spinlock")]), "LW001 LW002", "{text}");
        let report = run(text.as_bytes(), &[("kernel_lock", "spinlock")]);
        let at: Vec<(&str, String)> = report.units[0]
            .findings
            .iter()
            .map(|finding| (finding.code, report.source.text_at(finding.labels[0].place).replace("()", "")))
            .collect();
        let expected = [("LW001", "lock_kernel"), ("LW002", "generic_setlease"), ("LW002", "fasync_helper")];
        assert_eq!(at, expected.map(|(code, text)| (code, text.to_owned())), "{text}");
    }
}

#[test]
fn a_cycle_under_a_common_outer_lock_is_graded_and_does_not_deadlock() {
    let outline = |outer: &str| {
        let side = |name: &str, one: &str, two: &str| {
            format!(
                "{name}\n   {outer}\n   spin_lock({one})\n   spin_lock({two})\n   spin_unlock({two})\n   spin_unlock({one})\n   {}\n",
                outer.replace("_lock(", "_unlock(")
            )
        };
        side("there", "a", "b") + &side("back", "b", "a")
    };
    let free = run(outline("...").as_bytes(), &[]);
    assert_eq!(free.codes(), ["LW003", "LW008"]);

    let guarded = run(outline("mutex_lock(outer)").as_bytes(), &[]);
    assert_eq!(guarded.codes(), Vec::<&str>::new());
    let [graded] = &guarded.units[0].findings[..] else { panic!("one finding, graded") };
    assert_eq!(graded.code, "LW003");
    assert!(graded.grade.as_ref().is_some_and(|grade| grade.contains("outer")));
}

#[test]
fn a_cycle_through_the_bkl_and_a_mutex_is_none_and_through_a_spinlock_it_is() {
    let outline = |lock: &str| {
        format!(
            "f\n   lock_kernel\n   {lock}_lock(m)\n   {lock}_unlock(m)\n   unlock_kernel\ng\n   {lock}_lock(m)\n   lock_kernel\n   unlock_kernel\n   {lock}_unlock(m)\n"
        )
    };

    assert_eq!(codes(&outline("mutex"), &[]), "");
    assert_eq!(codes(&outline("mutex"), &[("kernel_lock", "mutex")]), "LW003 LW008");
    assert_eq!(codes(&outline("spin"), &[]), "LW003 LW008");
}

#[test]
fn a_lock_that_one_path_keeps_is_a_finding_and_one_that_is_never_given_back_an_assumption() {
    let keeps = "f\n   mutex_lock(m)\n   if (error)\n      return -EINVAL\n   mutex_unlock(m)\n";
    assert_eq!(codes(keeps, &[]), "LW007");

    let never = run(b"f\n   mutex_lock(m)\n   g\n", &[]);
    assert_eq!(never.codes(), Vec::<&str>::new());
    assert!(never.units[0].assumptions.iter().any(|it| it.what.contains("held to the end of the block")));
}

#[test]
fn a_try_is_a_choice_and_neither_waits_nor_orders() {
    let outline = "f\n   mutex_lock(a)\n   if (mutex_trylock(b))\n      mutex_unlock(b)\n   mutex_unlock(a)\ng\n   mutex_lock(b)\n   mutex_lock(a)\n   mutex_unlock(a)\n   mutex_unlock(b)\n";
    assert_eq!(codes(outline, &[]), "");
    assert_eq!(
        codes(
            &outline
                .replace("if (mutex_trylock(b))", "mutex_lock(b)")
                .replace("      mutex_unlock(b)", "   mutex_unlock(b)"),
            &[]
        ),
        "LW003 LW008"
    );
}

#[test]
fn what_is_not_known_is_assumed_once_with_the_line_that_declares_it() {
    let report = run(b"f\n   spin_lock(l)\n   unheard_of\n   unheard_of\n   spin_unlock(l)\n", &[]);
    let declared: Vec<&str> = report.units[0].assumptions.iter().filter_map(|it| it.declare.as_deref()).collect();
    assert_eq!(declared, ["fn unheard_of: nothing"]);

    let declared = "fn unheard_of: may_sleep\nf\n   spin_lock(l)\n   unheard_of\n   spin_unlock(l)\n";
    assert_eq!(codes(declared, &[]), "LW002");
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let report = run(b"lock a: spinlok\nvar x = y\ntask t: nowhere\nf\n   mutex_lock(a\n", &[]);
    let lines: Vec<u32> = report.mistakes.iter().map(|mistake| mistake.labels[0].place.line).collect();

    // The kind, the number, the parenthesis; and the function that the task calls.
    assert_eq!(lines, [1, 2, 5, 3]);
    assert!(report.units.is_empty());
}

#[test]
fn declared_orders_and_guards_are_held_against_the_outline() {
    let order = "order\n   map_rwsem\n      private_lock\n\nlock map_rwsem: rwsem\nlock private_lock: mutex\n\nf\n   mutex_lock(private_lock)\n   down_read(map_rwsem)\n   up_read(map_rwsem)\n   mutex_unlock(private_lock)\n";
    assert_eq!(codes(order, &[]), "LW003");

    let guards = "obj->o_lock protects:\n   obj->o_state, obj->o_hash\n\n";
    let guarded = format!("{guards}f\n   spin_lock(&obj->o_lock)\n   obj->o_state = 1\n   spin_unlock(&obj->o_lock)\n");
    assert_eq!(codes(&guarded, &[]), "");
    let bare = format!("{guards}f\n   obj->o_state = 1\n");
    assert_eq!(codes(&bare, &[]), "LW010");
}

#[test]
fn a_diagram_that_its_locks_rule_out_is_impossible_from_a_row() {
    let figure = "  CPU0                     CPU1\n  ----                     ----\n  mutex_lock(&a);\n                           mutex_lock(&a);\n                           x();\n                           mutex_unlock(&a);\n  kfree(p);\n  mutex_unlock(&a);\n";
    let report = run(figure.as_bytes(), &[]);

    let Some(AsDrawn::Impossible(line, _, why)) = &report.units[0].drawn else { panic!("{:?}", report.units[0].drawn) };
    assert_eq!((*line, why.as_str()), (5, "CPU1 still waits for a, which CPU0 holds"));
    assert_eq!(report.codes(), Vec::<&str>::new());
}

#[test]
fn a_diagram_without_its_white_space_is_refused() {
    let report = run(b"CPU0 CPU1\n---- ----\nlock(a);\nlock(b);\nlock(b);\nlock(a);\n", &[]);

    assert_eq!(report.mistakes[0].title, "the columns of this diagram are lost");
}

/// The example, the conversion if there is one, and the codes that its head says.
fn expectations(text: &str) -> Vec<(Option<(String, String)>, String)> {
    let codes = |text: &str| if text == "clean" { String::new() } else { text.to_owned() };
    let line = |line: &str| {
        if let Some(verdict) = line.strip_prefix("# verdict: ") {
            return Some((None, codes(verdict)));
        }
        let (conversion, verdict) = line.strip_prefix("# convert ")?.split_once(": ")?;
        let (lock, kind) = conversion.split_once('=')?;
        Some((Some((lock.to_owned(), kind.to_owned())), codes(verdict)))
    };
    text.lines().filter_map(line).collect()
}

#[test]
fn every_example_gives_the_verdict_that_its_head_says() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/outlines");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    // Four stages of the lease code, and 12 conversions old and new.
    assert_eq!(files.len(), 4 + 2 * 12);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        let expected = expectations(&text);
        assert!(!expected.is_empty(), "{}", file.display());
        for (conversion, verdict) in expected {
            let conversion: Vec<(&str, &str)> =
                conversion.iter().map(|(lock, kind)| (lock.as_str(), kind.as_str())).collect();
            assert_eq!(codes(&text, &conversion), verdict, "{} {conversion:?}", file.display());
        }
    }
}

#[test]
fn what_tasks_see_at_the_end_are_the_outcomes_of_sequential_consistency() {
    let outline = String::from_utf8(
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/outlines/dekker-old.outline")).expect("a file"),
    )
    .expect("text");
    let report = run(outline.as_bytes(), &[]);
    let value = |outcome: &[Value], name: &str| outcome.iter().find(|it| it.name == name).map(|it| it.value);
    let results = |outcome: &Vec<Value>| (value(outcome, "a.r1"), value(outcome, "b.r2"));
    let seen: Vec<(Option<i64>, Option<i64>)> = report.units[0].runs[0].outcomes.iter().map(results).collect();

    // Of four pairs, (0, 0) needs store buffers.
    assert_eq!(seen, [(Some(0), Some(1)), (Some(1), Some(0)), (Some(1), Some(1))]);
}

/// A text with the lines that begin with this word in the other order.
fn turned(text: &str, word: &str) -> String {
    let is_it = |line: &&str| line.starts_with(word);
    let mut other = text.lines().filter(is_it).rev();
    let lines = text.lines().map(|line| if is_it(&line) { other.next().unwrap_or(line) } else { line });
    lines.map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn the_order_of_the_task_lines_changes_no_code_and_no_outcome() {
    let tasks_of = |text: &str| text.lines().filter(|line| line.starts_with("task ")).count();
    let mut turned_ones = 0;
    for (name, conversions, _) in OUTLINES {
        let text = String::from_utf8(data(&format!("outlines/{name}.outline"))).expect("samples are UTF-8");
        if tasks_of(&text) < 2 {
            continue;
        }
        let [before, after] = [text.clone(), turned(&text, "task ")].map(|text| run(text.as_bytes(), conversions));
        assert_eq!(before.codes(), after.codes(), "{name}");
        let states =
            |report: &Report| report.units.iter().flat_map(|unit| &unit.runs).map(|run| run.states).sum::<u64>();
        assert_eq!(states(&before), states(&after), "{name}");
        turned_ones += 1;
    }
    assert!(turned_ones >= 5, "{turned_ones} samples have tasks to turn round");
}

#[test]
fn condition_over_a_name_that_nobody_declares_is_a_mistake() {
    let text = |condition: &str| {
        format!(
            "lock a: mutex\nvar n = 0\nf\n   mutex_lock(&a)\n   n = 1\n   mutex_unlock(&a)\ntask t: f\n{condition}\n"
        )
    };
    for condition in ["assert m == 1", "never r1 == 0", "assert n == 1 && m == 0"] {
        let report = run(text(condition).as_bytes(), &[]);
        assert!(page::mistakes(&report).contains("is not declared"), "{condition}");
        assert!(!report.is_complete(), "{condition}");
    }
    assert_eq!(codes(&text("assert n == 1"), &[]), "");
    assert_eq!(codes(&text("assert n == 2"), &[]), "LW011");
}

#[test]
fn bounds_of_the_walk_are_in_the_verdict_by_name() {
    let bounds =
        |text: &str| run(text.as_bytes(), &[]).units.iter().flat_map(|unit| unit.bounds.clone()).collect::<Vec<_>>();
    // f calls itself: what the second round would do with the lock is not followed.
    let itself = "lock a: mutex\nf\n   mutex_lock(&a)\n   f()\n   mutex_unlock(&a)\ntask t: f\n";
    assert!(
        bounds(itself).contains(&"a function that calls itself is followed once".to_owned()),
        "{:?}",
        bounds(itself)
    );
    // Forty functions, each of which calls the next.
    let chain: String = (0..40).map(|at| format!("f{at}\n   f{}()\n\n", at + 1)).collect();
    let chain = format!("lock a: mutex\n\n{chain}f40\n   mutex_lock(&a)\n   mutex_unlock(&a)\n\ntask t: f0\n");
    assert!(bounds(&chain).iter().any(|bound| bound.starts_with("calls nested deeper than")), "{:?}", bounds(&chain));
    // A ring of seven locks, and one of six, which is found.
    let ring = |count: usize| {
        let one = |at: usize| {
            format!(
                "f{at}\n   mutex_lock(&l{at})\n   mutex_lock(&l{})\n   mutex_unlock(&l{})\n   mutex_unlock(&l{at})\n\n",
                (at + 1) % count,
                (at + 1) % count
            )
        };
        (0..count).map(one).collect::<String>()
    };
    assert!(bounds(&ring(7)).contains(&"lock-order cycles of more than 6 locks".to_owned()), "{:?}", bounds(&ring(7)));
    assert_eq!(codes(&ring(6), &[]), "LW003 LW008");
}

#[test]
fn text_in_which_nothing_locks_is_no_outline() {
    let report = run(b"hello\n", &[]);
    assert!(page::mistakes(&report).contains("nothing here locks, sleeps or shares memory"));
    assert!(report.units.is_empty() && !report.is_complete());
    // A function that is not known is something to say.
    let report = run(b"f\n   g()\n   h()\n", &[]);
    assert_eq!((report.mistakes.len(), report.units[0].assumptions.len()), (0, 2));
}

#[test]
fn blocks_that_are_nested_too_deep_are_a_bound_by_name() {
    let said = |depth: usize| {
        let ifs: String = (0..depth).map(|at| format!("{}if (c{at})\n", "\t".repeat(at + 1))).collect();
        let tabs = "\t".repeat(depth + 1);
        page::text(&run(format!("f\n{ifs}{tabs}spin_lock(&a)\n{tabs}spin_unlock(&a)\n").as_bytes(), &[]))
    };

    assert!(said(60).contains("\nCOMPLETE ") || said(60).starts_with("COMPLETE "), "{}", said(60));
    assert!(said(70).contains("INCOMPLETE (bound: blocks nested deeper than 64) "), "{}", said(70));
}

#[test]
fn a_callback_that_hands_itself_on_is_a_bound_by_name() {
    let report = run(b"f()\n   call_rcu(&p->rcu, cb)\n\ncb()\n   call_rcu(&p->rcu, cb)\n", &[]);

    assert!(page::text(&report).contains("callbacks that are handed on") && !report.is_complete());
}
