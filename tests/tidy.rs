//! The invariants of ARCHITECTURE.md that say what is absent.

use std::fs;
use std::path::{Path, PathBuf};

mod circles;

/// Which modules of the crate a module may name. Arrows go down only; `main.rs` and `cli` see all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("outline", &["lockdep"]),
    ("outlined", &["outline", "program", "subject", "engine", "event"]),
    ("engine", &["event"]),
    ("kernel", &["engine", "event"]),
    ("check", &["event"]),
    ("subject", &["check", "engine", "event"]),
    ("program", &["subject", "check", "kernel", "engine", "event"]),
    ("explore", &["subject", "check", "engine", "event"]),
    ("lease", &["check", "kernel", "engine", "event"]),
    ("scenario", &["lease", "subject", "check", "kernel", "engine", "event"]),
    ("study", &["scenario", "lease", "explore", "subject", "check", "kernel", "engine", "event"]),
    ("script", &["scenario", "explore", "lease", "check", "kernel", "engine", "event"]),
    ("report", &["lockdep", "study", "scenario", "lease", "explore", "check", "engine", "event"]),
    ("predict", &["lockdep", "explore", "subject", "check", "engine", "event"]),
    ("boot", &["predict", "lockdep", "report", "explore", "subject", "kernel", "engine", "check", "event"]),
    ("own", &["boot", "report", "explore", "subject", "engine", "check", "event"]),
    ("lockdep", &[]),
    ("prelude", &["boot", "kernel", "explore", "engine", "check"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a source file is text")
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).expect("inside the package").display().to_string()
}

/// Code without comments and without the tests at the end of the file.
fn code(path: &Path) -> String {
    let text = text(path);
    let code = text.split("#[cfg(test)]").next().expect("split yields one part at least");
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("inside src");
    let first = inside.components().next().expect("a file has a name").as_os_str().to_string_lossy().to_string();
    first.trim_end_matches(".rs").to_owned()
}

/// The module of the crate that a path leads into.
fn top(path: &str) -> &str {
    path.split("::").next().expect("a first part")
}

/// Which modules name one that does not lie below them. Whatever way a path is written, `circles` reads it.
fn violations(modules: &circles::Modules) -> Vec<String> {
    let arrows = circles::arrows(modules);
    let named = arrows.iter().flat_map(|(from, all)| all.iter().map(move |to| (from.as_str(), to.as_str())));
    let is_wrong = |(from, to): &(&str, &str)| {
        let rule = ALLOWED.iter().find(|(module, _)| *module == top(from));
        top(from) != top(to) && rule.is_some_and(|(_, allowed)| !allowed.contains(&top(to)))
    };
    named.filter(is_wrong).map(|(from, to)| format!("{from} names {to}")).collect()
}

#[test]
fn modules_name_only_what_lies_below_them() {
    assert_eq!(violations(&circles::modules()), Vec::<String>::new());
}

#[test]
fn a_forbidden_import_would_be_seen() {
    let of = |code: &str| {
        let modules = [("check", ""), ("check::race", code), ("event", ""), ("lease", ""), ("lease::bkl", "")];
        violations(&modules.map(|(name, code)| (name.to_owned(), code.to_owned())).into())
    };

    assert_eq!(of("use crate::lease::Design;"), ["check::race names lease"]);
    assert_eq!(
        of("use crate::{event::Op, lease::{self, bkl::Bkl}};"),
        ["check::race names lease", "check::race names lease::bkl"]
    );
    assert_eq!(of("fn f() { super::super::lease::bkl::g() }"), ["check::race names lease::bkl"]);
    assert_eq!(of("use crate::event::Op;\nuse super::Finding;"), Vec::<String>::new());
}

/// What a word of the third column of ARCHITECTURE's code map stands for: modules that are not to be named.
const NOTHING_ABOUT: &[(&str, &[&str])] = &[
    ("who makes or reads them", &["engine", "kernel", "check", "explore", "lease", "report"]),
    ("engines", &["engine"]),
    ("kernels", &["kernel"]),
    ("checks", &["check"]),
    ("designs", &["lease"]),
    ("leases", &["lease"]),
    ("searches", &["explore"]),
    ("how it is explored", &["explore"]),
    ("scenarios", &["scenario"]),
    ("how results are shown", &["report"]),
    ("the command line", &["cli"]),
];

#[test]
fn what_the_code_map_says_a_module_knows_nothing_about_it_may_not_name() {
    let page = text(&root().join("ARCHITECTURE.md"));
    let rows = page.lines().filter(|line| line.starts_with("| `src/")).map(|line| line.split('|').collect::<Vec<_>>());
    let mut modules = Vec::new();
    for row in rows {
        let module = row[1].split('`').nth(1).expect("a name").trim_start_matches("src/").trim_end_matches(".rs");
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else { continue };
        let cell = row[3].trim();
        assert!(!cell.is_empty(), "{module} knows of everything?");
        for word in cell.split(", ") {
            let (_, barred) =
                NOTHING_ABOUT.iter().find(|(known, _)| *known == word).unwrap_or_else(|| panic!("{word}?"));
            assert!(barred.iter().all(|name| !allowed.contains(name)), "{module} may name {barred:?}");
        }
        modules.push(module);
    }
    // All but the prelude, which has no row of its own.
    assert_eq!(modules.len(), ALLOWED.len() - 1);
}

/// Floors that know no lease: the case stands on them.
const NO_LEASE: [&str; 7] = ["event", "engine", "kernel", "check", "subject", "program", "explore"];

/// Where the word is all the same, and why. The list only gets shorter.
const LEASE_ALL_THE_SAME: &[(&str, &str)] = &[
    ("src/check/code.rs", "the titles of the findings of all cases are one list"),
    ("src/program/family.rs", "the growing family is a protocol of leasers and openers"),
];

/// Does a line of code have the word in it? What is released is no lease.
fn says_lease(line: &str) -> bool {
    line.to_lowercase().replace("release", "").contains("lease")
}

#[test]
fn what_lies_below_the_lease_case_knows_no_lease() {
    let below = |path: &PathBuf| NO_LEASE.contains(&module_of(path).as_str());
    let says = |path: &PathBuf| code(path).lines().any(says_lease);
    let found = sources(&root().join("src")).into_iter().filter(|path| below(path) && says(path));
    let found: Vec<String> = found.map(|path| short(&path)).collect();

    assert_eq!(found, LEASE_ALL_THE_SAME.iter().map(|(file, _)| *file).collect::<Vec<_>>());
    assert!(says_lease("fn f(lease: X)") && says_lease("LeaseType") && !says_lease("Op::Release(id), RELEASE"));
}

#[test]
fn every_module_of_the_library_has_its_rule() {
    let lib = text(&root().join("src/lib.rs"));
    let declared = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|rest| rest.trim_end_matches(';'));

    for module in declared {
        assert!(ALLOWED.iter().any(|(name, _)| *name == module), "{module} has no rule");
    }
}

#[test]
fn unsafe_code_and_thread_locals_stay_where_they_are() {
    let holding = |word: &str| -> Vec<String> {
        let with = |path: &&PathBuf| code(path).contains(word);
        sources(&root().join("src")).iter().filter(with).map(|path| short(path)).collect()
    };

    // Those of user-land types: all of it in one file, three that pass on to their callers what functions of std ask, and a look
    // behind a guard of lock_api.
    let user_land = [
        "src/own/raw.rs",
        "src/own/alloc.rs",
        "src/own/cell/pointer.rs",
        "src/own/sync/arc.rs",
        "src/own/parking_lot/condvar.rs",
    ];
    // The allocator has to be one of unsafe functions; the bucket has a line of the table of states brought to the cache.
    let of_engines = [
        "src/engine/controlled.rs",
        "src/engine/current.rs",
        "src/engine/loom/memory.rs",
        "src/engine/quarantine.rs",
        "src/engine/threads/lock.rs",
        "src/engine/threads/user.rs",
        "src/explore/explicit/bucket.rs",
    ];
    let mut all = [&of_engines, &user_land[..]].concat();
    all.sort_unstable();
    assert_eq!(holding("unsafe {"), all);
    let of_engine = ["src/engine/current.rs", "src/engine/quarantine.rs", "src/engine/quiet.rs"];
    let of_user_land = ["src/macros.rs", "src/own/here.rs"];
    assert_eq!(holding("thread_local!"), [&of_engine[..], &of_user_land[..]].concat());
}

/// Types whose values change behind a shared reference.
const CHANGING: [&str; 10] = [
    "Cell<",
    "Mutex<",
    "RwLock<",
    "OnceLock<",
    "LazyLock<",
    "AtomicBool",
    "AtomicU",
    "AtomicI32",
    "AtomicI64",
    "AtomicIsize",
];

/// What a line declares that changes behind a shared reference: a static, a field, an alias or a variant.
fn changing(line: &str) -> Option<String> {
    let line = line.trim_start();
    let is_static = line.starts_with("static ") || line.starts_with("pub static ");
    let words = ["use ", "let ", "fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "impl", "//"];
    let holds = CHANGING.iter().any(|word| line.contains(word));
    if !is_static && (!holds || words.iter().any(|word| line.starts_with(word)) || line.contains("fn ")) {
        return None;
    }
    let declared = ["pub(super) ", "pub(crate) ", "pub ", "static ", "type ", "struct "]
        .iter()
        .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
    let name: String = declared.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let rest = &declared[name.len()..];
    // `name: Type,`, `Name = Type;`, `Name(Type)`; not a call such as `Mutex::new(..)`.
    let declares = rest.starts_with(": ") || rest.starts_with(" = ") || rest.starts_with('(');
    (declares && !name.is_empty() && !rest.contains("::new(") || is_static).then_some(name)
}

/// All that changes behind a shared reference in what tasks run, and every static of the crate.
fn all_changing() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in sources(&root().join("src")) {
        let runs = ["event", "kernel", "lease", "scenario", "program", "script"].contains(&module_of(&path).as_str());
        let of_file = code(&path);
        let names = of_file.lines().filter(|line| runs || line.trim_start().contains("static ")).filter_map(changing);
        found.extend(names.map(|name| (short(&path).trim_start_matches("src/").to_owned(), name)));
    }
    found
}

#[test]
fn whatever_tasks_could_share_without_the_engine_is_listed_with_a_reason() {
    let page = text(&root().join("ARCHITECTURE.md"));
    let section = page.split("## What changes and is no engine object").nth(1).expect("the section is there");
    let rows: Vec<&str> = section.split("\n## ").next().expect("a first part").lines().collect();
    let is_listed = |(file, name): &(String, String)| {
        rows.iter().any(|row| row.contains(&format!("`{file}`")) && row.contains(&format!("`{name}`")))
    };
    let found = all_changing();

    let missing: Vec<_> = found.iter().filter(|found| !is_listed(found)).collect();
    assert_eq!(missing, Vec::<&(String, String)>::new());
    // No row for what is not there any more: a table row, less its head and the line under it.
    let told: usize = rows
        .iter()
        .filter(|row| row.starts_with("| `"))
        .map(|row| row.split('|').nth(1).map_or(0, |names| names.matches('`').count() / 2))
        .sum();
    let listed: std::collections::BTreeSet<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(told, listed.len(), "{listed:?}");
}

#[test]
fn a_cell_that_tasks_could_share_would_be_seen() {
    let seen = |line: &str| changing(line);

    assert_eq!(seen("    handles: Mutex<Vec<Filp>>,").as_deref(), Some("handles"));
    assert_eq!(seen("pub(super) depth: Cell<i32>,").as_deref(), Some("depth"));
    assert_eq!(seen("static COUNT: AtomicU32 = AtomicU32::new(0);").as_deref(), Some("COUNT"));
    assert_eq!(seen("static NAMES: &[&str] = &[];").as_deref(), Some("NAMES"));
    assert_eq!(seen("struct Shared(Arc<Mutex<u8>>);").as_deref(), Some("Shared"));
    assert_eq!(seen("type Rows = Arc<Mutex<Vec<u8>>>;").as_deref(), Some("Rows"));
    assert_eq!(
        (seen("use std::cell::Cell;"), seen("let x = Mutex::new(1);"), seen("held: RefCell::new(0),")),
        (None, None, None)
    );
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    let banned = [
        "#[ign".to_owned() + "ore",
        "should_pa".to_owned() + "nic",
        "to".to_owned() + "do!(",
        "unimple".to_owned() + "mented!",
        "dbg".to_owned() + "!(",
    ];
    let folders = ["src", "tests", "loom-tests", "proptests", "cluster-tests"];
    for path in folders.iter().flat_map(|folder| sources(&root().join(folder))) {
        for word in &banned {
            assert!(!text(&path).contains(word.as_str()), "{} has {word}", short(&path));
        }
    }
}

#[test]
fn files_stay_small_enough_to_read() {
    let long = |path: &&PathBuf| text(path).lines().count() > 500;
    let folders = ["src", "tests", "loom-tests", "proptests", "cluster-tests", "benches"];
    let found: Vec<String> = folders
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .collect::<Vec<_>>()
        .iter()
        .filter(long)
        .map(|path| short(path))
        .collect();

    assert_eq!(found, Vec::<String>::new());
}

/// Prose that reads translated: "so many", and a "who" that begins a sentence and is no question.
fn translated(text: &str) -> Vec<String> {
    let prose = |line: &&str| !line.trim_start().starts_with("$ ");
    let text = text.lines().filter(prose).collect::<Vec<_>>().join("\n");
    let many = text.match_indices("so many").map(|(at, _)| at);
    let who = ["Who ", "Whoever "].into_iter().flat_map(|word| text.match_indices(word).map(|(at, _)| at));
    let is_question = |at: usize| {
        let sentence = text[at..].split_inclusive(['.', '?', ':', ';']).next().unwrap_or_default();
        sentence.ends_with('?')
    };
    let found = many.chain(who.filter(|at| !is_question(*at)));
    found.map(|at| text[at..].chars().take_while(|letter| *letter != '\n').take(60).collect()).collect()
}

#[test]
fn prose_reads_as_it_is_spoken() {
    let mut files: Vec<PathBuf> = ["src", "tests", "loom-tests", "proptests", "cluster-tests", "benches", "examples"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .filter(|path| !path.ends_with("tests/tidy.rs"))
        .collect();
    files.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|page| root().join(page)));
    for folder in ["docs", "docs/findings"] {
        let entries = fs::read_dir(root().join(folder)).expect("the folder can be read");
        let pages = entries.map(|entry| entry.expect("the entry can be read").path());
        files.extend(pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    let found: Vec<String> = files
        .iter()
        .flat_map(|path| translated(&text(path)).into_iter().map(|line| format!("{}: {line}", short(path))))
        .collect();

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn translated_prose_would_be_seen() {
    assert_eq!(translated("/// Who calls holds the lock."), ["Who calls holds the lock."]);
    assert_eq!(translated("It sleeps. Whoever wakes it is next."), ["Whoever wakes it is next."]);
    assert_eq!(translated("after so many steps"), ["so many steps"]);
    assert_eq!(translated("## Who gives it back? The task that took it. Read who did."), Vec::<String>::new());
}

/// Lines of a file's unit tests that explore: they would have all searches optimised once more, for the unit tests alone.
fn exploring(text: &str) -> Vec<&str> {
    let tests = text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests);
    let explores = |line: &&str| {
        let calls = ["explore(", "try_explore(", "smallest(", "assert_clean(", "assert_finds("];
        !line.trim_start().starts_with("//") && calls.iter().any(|call| line.contains(call))
    };
    tests.lines().filter(explores).collect()
}

#[test]
fn unit_tests_explore_nothing() {
    for path in sources(&root().join("src")) {
        assert_eq!(exploring(&text(&path)), Vec::<&str>::new(), "{}: it belongs to tests/", path.display());
    }
    assert_eq!(exploring("fn f() { explore(x) }\n#[cfg(test)]\nmod t {\n let v = explore(&x);\n}").len(), 1);
}

#[test]
fn module_files_lie_beside_their_folders() {
    let found: Vec<PathBuf> =
        sources(&root().join("src")).into_iter().filter(|path| path.ends_with("mod.rs")).collect();

    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn lines_that_the_docs_quote_stand_in_the_source() {
    let files = ["spinlock.rs", "spinlock/break_lease.rs", "spinlock/list.rs", "spinlock/remote.rs"];
    let files = files.map(|file| format!("src/lease/{file}"));
    let source: String = files.iter().map(|file| text(&root().join(file))).collect();
    let page = text(&root().join("docs/missed.md"));
    let quoted = page.split("```rust\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    let missing: Vec<&str> = quoted.clone().flat_map(str::lines).filter(|line| !source.contains(line)).collect();

    assert_eq!(missing, Vec::<&str>::new());
    // 16 items, of which 9 and 12 have two blocks.
    assert_eq!(quoted.count(), 18);
}
