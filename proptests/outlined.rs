//! Random outlines: what is printed reads back as it was, and every engine says the same of it as the machine of outlines.
//!
//! `LOCKWRIGHT_LONG=1` draws 10 000 of them.

use lockwright::explore::EngineKind;
use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::Options;
use lockwright::outline::declare::{Call, Declaration, Runs};
use lockwright::outline::plan::plan;
use lockwright::outline::print;
use lockwright::outline::scope::Conversions;
use lockwright::outline::source::{Place, Source};
use lockwright::outline::statement::{self, Stmt};
use lockwright::outline::tree::{File, Function, Group, Node};
use lockwright::outline::vocabulary::Kind;
use proptest::prelude::*;

use crate::agreement::agree;

/// Statements of one line.
const LINES: [&str; 27] = [
    "x = 1",
    "r = x",
    "x = r + 1",
    "WRITE_ONCE(y, 1)",
    "WRITE_ONCE(y, r)",
    "q = READ_ONCE(y)",
    "smp_store_release(&y, 1)",
    "q = smp_load_acquire(&y)",
    "atomic_inc(&n)",
    "r = atomic_dec_and_test(&n)",
    "r = atomic_inc_not_zero(&n)",
    "q = atomic_cmpxchg(&n, 1, 2)",
    "r = xchg(&n, q)",
    "atomic_set(&n, 0)",
    "smp_mb()",
    "wake_up(w)",
    "wait_event(w, y == 1)",
    "q = wait_event_timeout(w, y == 1, t)",
    "complete(&c)",
    "wait_for_completion(&c)",
    "BUG_ON(r == 1 && q == 1)",
    "r = choose(2)",
    "y++",
    "unlock_kernel()",
    "kfree(p)",
    "p->f = 1",
    "might_sleep()",
];

/// Critical sections: how they begin, and how they end.
const SECTIONS: [(&str, &str); 9] = [
    ("mutex_lock(&m)", "mutex_unlock(&m)"),
    ("spin_lock(&s)", "spin_unlock(&s)"),
    ("spin_lock(&t)", "spin_unlock(&t)"),
    ("read_lock(&l)", "read_unlock(&l)"),
    ("write_lock(&l)", "write_unlock(&l)"),
    ("down_read(&k)", "up_read(&k)"),
    ("down_write(&k)", "up_write(&k)"),
    ("lock_kernel()", "unlock_kernel()"),
    ("write_seqlock(&z)", "write_sequnlock(&z)"),
];

fn node(line: &str, children: Vec<Node>) -> Node {
    let mut parsed = statement::parse(line);
    assert_eq!(parsed.len(), 1, "{line}");
    let stmt = parsed.remove(0).stmt;
    Node { children, ..Node::made(Place::default(), stmt) }
}

/// One piece of a body: a few statements.
#[derive(Clone, Debug)]
enum Piece {
    Line(usize),
    Section(usize, Vec<Piece>),
    If(bool, Vec<Piece>, Vec<Piece>),
    Try(Vec<Piece>),
}

fn nodes(pieces: &[Piece]) -> Vec<Node> {
    pieces.iter().flat_map(nodes_of).collect()
}

fn nodes_of(piece: &Piece) -> Vec<Node> {
    match piece {
        Piece::Line(at) => vec![node(LINES[*at], Vec::new())],
        Piece::Section(at, inside) => {
            let (begin, end) = SECTIONS[*at];
            let mut all = vec![node(begin, Vec::new())];
            all.extend(nodes(inside));
            all.push(node(end, Vec::new()));
            all
        }
        Piece::If(known, then, otherwise) => {
            let cond = if *known { "if (r != 0)" } else { "if (f->op)" };
            let mut all = vec![node(cond, nodes(then))];
            if !otherwise.is_empty() {
                all.push(node("else", nodes(otherwise)));
            }
            all
        }
        Piece::Try(inside) => {
            let mut children = nodes(inside);
            children.push(node("mutex_unlock(&m)", Vec::new()));
            vec![node("if (mutex_trylock(&m))", children)]
        }
    }
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let line = (0..LINES.len()).prop_map(Piece::Line);
    let inner = proptest::collection::vec(line.clone(), 1..3);
    let piece = prop_oneof![
        4 => line,
        3 => (0..SECTIONS.len(), inner.clone()).prop_map(|(at, inside)| Piece::Section(at, inside)),
        1 => (0..SECTIONS.len(), 0..SECTIONS.len(), inner.clone())
            .prop_map(|(one, two, inside)| Piece::Section(one, vec![Piece::Section(two, inside)])),
        1 => (any::<bool>(), inner.clone(), proptest::collection::vec((0..LINES.len()).prop_map(Piece::Line), 0..2))
            .prop_map(|(known, then, otherwise)| Piece::If(known, then, otherwise)),
        1 => inner.prop_map(Piece::Try),
    ];
    proptest::collection::vec(piece, 1..4)
}

fn declarations(tasks: usize) -> Vec<Declaration> {
    let lock = |name: &str, kind| Declaration::Lock(name.to_owned(), kind);
    let mut all = vec![
        lock("m", Kind::Mutex),
        lock("s", Kind::Spinlock),
        lock("t", Kind::Spinlock),
        lock("l", Kind::Rwlock),
        lock("k", Kind::Rwsem),
        lock("z", Kind::Seqlock),
        Declaration::Var("x".to_owned(), 0),
        Declaration::Var("y".to_owned(), 0),
        Declaration::Atomic("n".to_owned(), 1),
    ];
    let call = |at: usize| Call { name: format!("f{at}"), place: Place::default() };
    all.extend((0..tasks).map(|at| Declaration::Task(format!("t{at}"), Runs::Task, vec![call(at)])));
    all
}

fn file() -> impl Strategy<Value = File> {
    let tasks = prop_oneof![5 => 2..3usize, 1 => 3..4usize];
    tasks.prop_flat_map(|tasks| proptest::collection::vec(pieces(), tasks)).prop_map(|bodies| {
        let function = |(at, pieces): (usize, &Vec<Piece>)| Function {
            name: format!("f{at}"),
            place: Place::default(),
            body: nodes(pieces),
            ..Function::default()
        };
        let functions = bodies.iter().enumerate().map(function).collect();
        let declarations = declarations(bodies.len()).into_iter().map(|known| (known, Place::default())).collect();
        File { declarations, groups: vec![Group { functions }], ..File::default() }
    })
}

/// The statements, with how deep they are.
fn shape<'a>(nodes: &'a [Node], depth: usize, all: &mut Vec<(usize, &'a Stmt)>) {
    for node in nodes {
        all.push((depth, &node.stmt));
        shape(&node.children, depth + 1, all);
    }
}

fn shapes(file: &File) -> Vec<(&str, Vec<(usize, &Stmt)>)> {
    let mut found = Vec::new();
    for function in file.groups.iter().flat_map(|group| &group.functions) {
        let mut all = Vec::new();
        shape(&function.body, 0, &mut all);
        found.push((function.name.as_str(), all));
    }
    found
}

fn names(file: &File) -> Vec<String> {
    file.declarations.iter().filter_map(|(known, _)| print::declaration(known)).collect()
}

proptest! {
    #![proptest_config(crate::config(500))]

    #[test]
    fn an_outline_that_is_printed_reads_back_as_it_was(file in file()) {
        let text = print::file(&file);
        let read = lockwright::outline::parse::parse(&Source::new("printed", text.as_bytes()));

        prop_assert!(read.mistakes.is_empty(), "{}\n{:?}", text, read.mistakes);
        prop_assert_eq!(names(&read), names(&file));
        prop_assert_eq!(shapes(&read), shapes(&file), "{}", text);
        prop_assert_eq!(print::file(&read), text);
    }
}

proptest! {
    #![proptest_config(crate::long(60, 10_000))]

    #[test]
    fn engines_agree_on_random_outlines(file in file(), draw in 0..8u8) {
        let text = print::file(&file);
        let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
        let (_, planned, mistakes) = plan("printed", text.as_bytes(), &options);
        prop_assert!(mistakes.is_empty(), "{}\n{:?}", text, mistakes);
        prop_assert_eq!(planned.len(), 1, "{}", text);
        let heard = agree(&planned[0].program, draw == 0);
        prop_assert!(heard.is_ok(), "{}\n{}", text, heard.unwrap_err());
        let heard = heard.unwrap_or_default();
        prop_assert!(heard.is_none_or(|heard| heard.contains(&EngineKind::Explicit)), "{}", text);
    }
}
