//! Random C: what `check` says of the locks of a function, and what an interpreter says that knows nothing of outlines.
//!
//! The interpreter is naive: it runs every execution from the beginning, one choice after the other, on a tree of its own. It has C's
//! branches, loops, switches, jumps, returned values and guards, and names that start as anything. `LOCKWRIGHT_FLOWS=N` draws N functions.

use std::collections::BTreeSet;

use lockwright::engine::Memory;
use lockwright::explore::EngineKind;
use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::{Options, check};
use lockwright::outline::machine::{Inst, Op};
use lockwright::outline::page;
use lockwright::outline::plan::plan;
use lockwright::outline::scope::Conversions;
use lockwright::outline::search;
use lockwright::outlined::translate;
use proptest::prelude::*;

use crate::agreement::{agree, engine};

mod naive;
mod text;

use naive::Naive;

/// What an `if` looks at.
#[derive(Clone, Debug)]
pub enum Cond {
    /// A name and a number.
    Compare(usize, &'static str, i64),
    Truth(usize),
    Not(Box<Cond>),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
    /// A call of which nothing is known.
    Unknown,
}

/// What a name is set to.
#[derive(Clone, Debug)]
pub enum Value {
    Number(i64),
    Name(usize),
    /// A call of which nothing is known.
    Unknown,
}

/// A case of a `switch`: its numbers, none for `default`.
#[derive(Clone, Debug)]
pub struct Case {
    pub numbers: Vec<i64>,
    pub body: Vec<C>,
    pub breaks: bool,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum C {
    Lock(usize),
    Unlock(usize),
    If(Cond, Vec<C>, Vec<C>),
    /// `if (mutex_trylock(&l))`, or `if (!mutex_trylock(&l))`.
    Try(usize, bool, Vec<C>),
    /// `if (mutex_lock_interruptible(&l))`, or the result in a name and the name looked at; the body is what is done then.
    Interruptible(usize, Option<usize>, Vec<C>),
    Switch(usize, Vec<Case>),
    For(i64, Vec<C>),
    /// `while (1)`, `for (;;)`
    Forever(bool, Vec<C>),
    While(Cond, Vec<C>),
    DoWhile(Vec<C>, Cond),
    Break,
    Continue,
    Return(Option<Value>),
    Goto(bool),
    Set(usize, Value),
    /// The other function; its result may go to a name.
    Call(Option<usize>),
    Scoped(usize, Vec<C>),
    /// To the end of the block.
    Guard(usize),
}

/// Two functions; the second is called by the first.
#[derive(Clone, Debug)]
pub struct Program {
    pub f: Vec<C>,
    /// What follows the label at the end of the first.
    pub out: Vec<C>,
    pub g: Vec<C>,
}

fn cond() -> impl Strategy<Value = Cond> {
    let ops = prop::sample::select(vec!["==", "!=", "<", ">", "<=", ">="]);
    let leaf = prop_oneof![
        4 => (0..3usize, ops, 0..3i64).prop_map(|(name, op, value)| Cond::Compare(name, op, value)),
        3 => (0..3usize).prop_map(Cond::Truth),
        1 => Just(Cond::Unknown),
    ];
    let boxed = leaf.clone().prop_map(Box::new);
    prop_oneof![
        6 => leaf,
        2 => boxed.clone().prop_map(Cond::Not),
        1 => (boxed.clone(), boxed.clone()).prop_map(|(left, right)| Cond::And(left, right)),
        1 => (boxed.clone(), boxed).prop_map(|(left, right)| Cond::Or(left, right)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => (-1..3i64).prop_map(Value::Number), 1 => (0..3usize).prop_map(Value::Name), 1 => Just(Value::Unknown)]
}

fn leaf() -> impl Strategy<Value = C> {
    prop_oneof![
        6 => (0..2usize).prop_map(C::Lock),
        7 => (0..2usize).prop_map(C::Unlock),
        2 => Just(C::Break),
        1 => Just(C::Continue),
        1 => proptest::option::of(value()).prop_map(C::Return),
        1 => any::<bool>().prop_map(C::Goto),
        2 => (0..3usize, value()).prop_map(|(name, value)| C::Set(name, value)),
        2 => proptest::option::of(0..3usize).prop_map(C::Call),
        1 => (0..2usize).prop_map(C::Guard),
    ]
}

fn statement() -> impl Strategy<Value = C> {
    leaf().prop_recursive(2, 14, 3, |inner| {
        let body = proptest::collection::vec(inner, 1..4);
        let case = (proptest::collection::vec(0..3i64, 0..3), body.clone(), any::<bool>())
            .prop_map(|(numbers, body, breaks)| Case { numbers, body, breaks });
        prop_oneof![
            6 => (cond(), body.clone(), prop_oneof![2 => Just(Vec::new()), 1 => body.clone()])
                .prop_map(|(cond, then, otherwise)| C::If(cond, then, otherwise)),
            1 => (0..2usize, any::<bool>(), body.clone()).prop_map(|(lock, not, body)| C::Try(lock, not, body)),
            1 => (0..2usize, proptest::option::of(0..3usize), body.clone())
                .prop_map(|(lock, name, body)| C::Interruptible(lock, name, body)),
            2 => (0..3usize, proptest::collection::vec(case, 1..4)).prop_map(|(name, cases)| C::Switch(name, cases)),
            1 => (0..4i64, body.clone()).prop_map(|(rounds, body)| C::For(rounds, body)),
            1 => (any::<bool>(), body.clone()).prop_map(|(is_for, body)| C::Forever(is_for, body)),
            1 => (cond(), body.clone()).prop_map(|(cond, body)| C::While(cond, body)),
            1 => (body.clone(), cond()).prop_map(|(body, cond)| C::DoWhile(body, cond)),
            1 => (0..2usize, body).prop_map(|(lock, body)| C::Scoped(lock, body)),
        ]
    })
}

/// What makes no C is taken out: jumps that leave nothing, cases that are there twice, guards that a label is behind.
fn clean(body: Vec<C>, in_loop: bool, in_switch: bool, is_f: bool, is_top: bool) -> Vec<C> {
    let inner = |body: Vec<C>| clean(body, in_loop, in_switch, is_f, false);
    let round = |body: Vec<C>| clean(body, true, false, is_f, false);
    let one = |stmt: C| {
        Some(match stmt {
            C::Break if !in_loop && !in_switch => return None,
            C::Continue if !in_loop => return None,
            C::Goto(_) | C::Call(_) if !is_f => return None,
            C::Guard(_) if is_top => return None,
            C::If(cond, then, otherwise) => C::If(cond, inner(then), inner(otherwise)),
            C::Try(lock, not, body) => C::Try(lock, not, inner(body)),
            C::Interruptible(lock, name, body) => C::Interruptible(lock, name, inner(body)),
            C::Scoped(lock, body) => C::Scoped(lock, inner(body)),
            C::For(rounds, body) => C::For(rounds, round(body)),
            C::Forever(is_for, body) => C::Forever(is_for, round(body)),
            C::While(cond, body) => C::While(cond, round(body)),
            C::DoWhile(body, cond) => C::DoWhile(round(body), cond),
            C::Switch(name, cases) => {
                let mut seen = BTreeSet::new();
                let mut has_default = false;
                let mut kept = Vec::new();
                for case in cases {
                    let is_default = case.numbers.is_empty();
                    let numbers: Vec<i64> = case.numbers.into_iter().filter(|number| seen.insert(*number)).collect();
                    if is_default && has_default || !is_default && numbers.is_empty() {
                        continue;
                    }
                    has_default |= is_default;
                    let body = clean(case.body, in_loop, true, is_f, false);
                    kept.push(Case { numbers, body, ..case });
                }
                C::Switch(name, kept)
            }
            other => other,
        })
    };
    body.into_iter().filter_map(one).collect()
}

fn program() -> impl Strategy<Value = Program> {
    let body = || proptest::collection::vec(statement(), 1..5);
    (body(), proptest::collection::vec(leaf(), 0..2), body()).prop_map(|(f, out, g)| Program {
        f: clean(f, false, false, true, true),
        out: clean(out, false, false, false, true),
        g: clean(g, false, false, false, true),
    })
}

const CODES: [&str; 4] = ["LW001", "LW006", "LW007", "LW008"];

fn config() -> proptest::test_runner::Config {
    let asked = std::env::var("LOCKWRIGHT_FLOWS").ok().and_then(|text| text.parse().ok());
    let config = super::config(asked.unwrap_or(200));
    proptest::test_runner::Config { max_global_rejects: 1_000_000, ..config }
}

/// Holds the engines to the machine of outlines; a loop that ends when it likes only those that know states.
fn engines(program: &lockwright::outline::machine::Program) -> Result<(), String> {
    let is_back = |(at, inst): (usize, &Inst)| matches!(inst.op, Op::Jump(to) | Op::Unless(_, to) if to <= at);
    if !program.tasks.iter().any(|task| task.insts.iter().enumerate().any(is_back)) {
        return agree(program, false).map(|_| ());
    }
    let Ok(interpreted) = translate(program) else { return Ok(()) };
    let subject = interpreted.subject();
    let own = search::explore(program, 20_000);
    if own.bound.is_some() {
        return Ok(());
    }
    let own: BTreeSet<String> = own.shown.iter().map(|(shown, _)| shown.code.to_owned()).collect();
    for kind in [EngineKind::Explorer, EngineKind::Explicit] {
        let Some(said) = engine(&subject, kind, Memory::Sc) else { continue };
        if said.codes != own {
            return Err(format!("{kind:?}: {:?}, the machine: {own:?}", said.codes));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_locks_of_random_c_are_judged_as_a_naive_interpreter_judges_them(program in program(), draw in 0..8u8) {
        let text = text::of(&program);
        let naive = Naive::of(&program);
        prop_assume!(naive.is_some());
        let naive = naive.expect("it was looked at");
        let options = Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() };
        let report = check("random", text.as_bytes(), &options);
        prop_assume!(!page::mistakes(&report).contains("nothing here locks"));
        prop_assert!(report.mistakes.is_empty(), "{}\n{}", text, page::mistakes(&report));
        prop_assume!(report.is_complete());
        let found: BTreeSet<&str> = report.codes().into_iter().filter(|code| CODES.contains(code)).collect();
        prop_assert_eq!(&found, &naive.codes, "{}\n{}", text, page::text(&report));
        if draw == 0 {
            let (_, planned, _) = plan("random", text.as_bytes(), &options);
            let heard = engines(&planned[0].program);
            prop_assert!(heard.is_ok(), "{}\n{}", text, heard.unwrap_err());
        }
    }
}
