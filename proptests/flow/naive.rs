//! Every execution of a program, each from its beginning.

use std::collections::BTreeSet;

use super::{C, Cond, Program, Value};

/// Executions of a program at most.
const RUNS_MAX: usize = 30_000;

/// Choices of an execution that are followed: a longer one is cut.
const CHOICES_MAX: usize = 12;

/// Statements of an execution.
const STEPS_MAX: usize = 400;

/// What a name may start as: below, between and above all numbers that it is compared with.
const ANY: [i64; 5] = [-1, 0, 1, 2, 3];

/// What was found.
pub struct Naive {
    /// Codes of the findings of all executions.
    pub codes: BTreeSet<&'static str>,
}

/// How a list of statements is left.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    End,
    Break,
    Continue,
    Return,
    Goto(bool),
    Cut,
}

struct Run<'p> {
    program: &'p Program,
    /// Which alternative, and of how many.
    choices: Vec<(usize, usize)>,
    at: usize,
    steps: usize,
    names: [Option<i64>; 3],
    returned: Option<i64>,
    held: [u32; 2],
    /// A lock that was taken by who holds it.
    stuck: [bool; 2],
    codes: BTreeSet<&'static str>,
}

impl Naive {
    /// Nothing if there are too many executions.
    pub fn of(program: &Program) -> Option<Naive> {
        let mut codes = BTreeSet::new();
        let mut choices = Vec::new();
        for _ in 0..RUNS_MAX {
            let mut run = Run {
                program,
                choices,
                at: 0,
                steps: 0,
                names: [None; 3],
                returned: None,
                held: [0; 2],
                stuck: [false; 2],
                codes: BTreeSet::new(),
            };
            run.function();
            codes.extend(run.codes);
            choices = run.choices;
            while choices.last().is_some_and(|(chosen, count)| chosen + 1 == *count) {
                choices.pop();
            }
            match choices.last_mut() {
                Some((chosen, _)) => *chosen += 1,
                None => return Some(Naive { codes }),
            }
        }
        None
    }
}

/// Is the lock given back anywhere in the text?
fn gives(body: &[C], lock: usize) -> bool {
    body.iter().any(|stmt| match stmt {
        C::Unlock(known) | C::Guard(known) => *known == lock,
        C::Scoped(known, body) => *known == lock || gives(body, lock),
        C::If(_, then, otherwise) => gives(then, lock) || gives(otherwise, lock),
        C::Try(_, _, body) | C::Interruptible(_, _, body) => gives(body, lock),
        C::For(_, body) | C::Forever(_, body) | C::While(_, body) | C::DoWhile(body, _) => gives(body, lock),
        C::Switch(_, cases) => cases.iter().any(|case| gives(&case.body, lock)),
        _ => false,
    })
}

/// Does it call the other function?
pub fn calls(body: &[C]) -> bool {
    body.iter().any(|stmt| match stmt {
        C::Call(_) => true,
        C::If(_, then, otherwise) => calls(then) || calls(otherwise),
        C::Try(_, _, body) | C::Interruptible(_, _, body) | C::Scoped(_, body) => calls(body),
        C::For(_, body) | C::Forever(_, body) | C::While(_, body) | C::DoWhile(body, _) => calls(body),
        C::Switch(_, cases) => cases.iter().any(|case| calls(&case.body)),
        _ => false,
    })
}

impl Run<'_> {
    /// One of `count`; nothing if the execution is cut here.
    fn choose(&mut self, count: usize) -> Option<usize> {
        if self.at == CHOICES_MAX {
            return None;
        }
        if self.at == self.choices.len() {
            self.choices.push((0, count));
        }
        self.at += 1;
        Some(self.choices[self.at - 1].0)
    }

    fn function(&mut self) {
        let program = self.program;
        let mut part = &program.f;
        loop {
            match self.list(part) {
                Way::Cut => return,
                Way::Goto(false) => part = &program.f,
                Way::Goto(true) => part = &program.out,
                Way::End if std::ptr::eq(part, &raw const program.f) => part = &program.out,
                _ => break,
            }
        }
        for lock in 0..2 {
            let in_g = calls(&program.f) && gives(&program.g, lock);
            if self.held[lock] > 0
                && !self.stuck[lock]
                && (gives(&program.f, lock) || gives(&program.out, lock) || in_g)
            {
                self.codes.insert("LW007");
            }
        }
    }

    fn list(&mut self, body: &[C]) -> Way {
        for (at, stmt) in body.iter().enumerate() {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Way::Cut;
            }
            if let C::Guard(lock) = stmt {
                return self.guarded(*lock, &body[at + 1..]);
            }
            let way = self.statement(stmt).unwrap_or(Way::Cut);
            if way != Way::End {
                return way;
            }
        }
        Way::End
    }

    fn guarded(&mut self, lock: usize, body: &[C]) -> Way {
        self.lock(lock);
        let way = self.list(body);
        if way != Way::Cut {
            self.unlock(lock);
        }
        way
    }

    fn lock(&mut self, lock: usize) {
        if self.held[lock] > 0 {
            self.codes.insert("LW001");
            self.stuck[lock] = true;
        }
        // What comes behind a finding is a matter of agreement.
        self.held[lock] = (self.held[lock] + 1).min(4);
    }

    fn unlock(&mut self, lock: usize) {
        if self.held[lock] == 0 {
            self.codes.insert("LW006");
        } else {
            self.held[lock] -= 1;
            self.stuck[lock] &= self.held[lock] > 0;
        }
    }

    fn name(&mut self, name: usize) -> Option<i64> {
        if self.names[name].is_none() {
            self.names[name] = Some(ANY[self.choose(ANY.len())?]);
        }
        self.names[name]
    }

    fn value(&mut self, value: &Value) -> Option<i64> {
        match value {
            Value::Number(number) => Some(*number),
            Value::Name(name) => self.name(*name),
            Value::Unknown => Some(ANY[self.choose(ANY.len())?]),
        }
    }

    fn cond(&mut self, cond: &Cond) -> Option<bool> {
        Some(match cond {
            Cond::Compare(name, op, number) => {
                let value = self.name(*name)?;
                match *op {
                    "==" => value == *number,
                    "!=" => value != *number,
                    "<" => value < *number,
                    ">" => value > *number,
                    "<=" => value <= *number,
                    _ => value >= *number,
                }
            }
            Cond::Truth(name) => self.name(*name)? != 0,
            Cond::Not(inner) => !self.cond(inner)?,
            Cond::And(left, right) => self.cond(left)? && self.cond(right)?,
            Cond::Or(left, right) => self.cond(left)? || self.cond(right)?,
            Cond::Unknown => self.choose(2)? == 1,
        })
    }

    /// A loop around a body: its way, or nothing if it goes on.
    fn round(&mut self, body: &[C]) -> Option<Way> {
        match self.list(body) {
            Way::End | Way::Continue => None,
            Way::Break => Some(Way::End),
            other => Some(other),
        }
    }

    /// Names of a condition that the loop does not set are anything again.
    fn look_again(&mut self, cond: &Cond, body: &[C]) {
        let mut names = Vec::new();
        cond_names(cond, &mut names);
        if !names.iter().any(|name| sets(body, *name)) {
            names.into_iter().for_each(|name| self.names[name] = None);
        }
    }

    fn statement(&mut self, stmt: &C) -> Option<Way> {
        match stmt {
            C::Lock(lock) => self.lock(*lock),
            C::Unlock(lock) => self.unlock(*lock),
            C::If(cond, then, otherwise) => {
                let is_so = self.cond(cond)?;
                return Some(self.list(if is_so { then } else { otherwise }));
            }
            C::Try(lock, not, body) => {
                let is_taken = self.held[*lock] == 0 && self.choose(2)? == 1;
                if is_taken {
                    self.held[*lock] = 1;
                }
                return Some(if is_taken == *not { Way::End } else { self.list(body) });
            }
            C::Interruptible(lock, name, body) => {
                let failed = self.choose(2)? == 1;
                if !failed {
                    self.lock(*lock);
                }
                if let Some(name) = name {
                    self.names[*name] = Some(if failed { -4 } else { 0 });
                }
                return Some(if failed { self.list(body) } else { Way::End });
            }
            C::Switch(name, cases) => {
                let value = self.name(*name)?;
                let is_it = cases.iter().position(|case| case.numbers.contains(&value));
                let from = is_it.or_else(|| cases.iter().position(|case| case.numbers.is_empty()));
                for case in &cases[from.unwrap_or(cases.len())..] {
                    let way = self.list(&case.body);
                    match way {
                        Way::End if case.breaks => return Some(Way::End),
                        Way::End => {}
                        Way::Break => return Some(Way::End),
                        other => return Some(other),
                    }
                }
            }
            C::Break => return Some(Way::Break),
            C::Continue => return Some(Way::Continue),
            C::Goto(is_out) => return Some(Way::Goto(*is_out)),
            C::Return(value) => {
                self.returned = match value {
                    Some(value) => Some(self.value(value)?),
                    None => None,
                };
                return Some(Way::Return);
            }
            C::Set(name, value) => self.names[*name] = Some(self.value(value)?),
            C::Call(result) => {
                self.returned = None;
                let before = self.held;
                if self.list(&self.program.g) == Way::Cut {
                    return None;
                }
                for (lock, before) in before.into_iter().enumerate() {
                    let is_given = [&self.program.f, &self.program.out, &self.program.g];
                    // What the function takes it holds to its end; what was held before it was called is of its caller.
                    if !is_given.iter().any(|body| gives(body, lock)) {
                        self.held[lock] = self.held[lock].min(before);
                    }
                }
                if let Some(name) = result {
                    self.names[*name] = self.returned;
                }
            }
            C::Scoped(lock, body) => return Some(self.guarded(*lock, body)),
            C::Guard(_) => unreachable!("a list runs it"),
            looped => return self.looped(looped),
        }
        Some(Way::End)
    }

    fn looped(&mut self, stmt: &C) -> Option<Way> {
        match stmt {
            C::For(rounds, body) => {
                for _ in 0..*rounds {
                    if let Some(way) = self.round(body) {
                        return Some(way);
                    }
                }
            }
            C::Forever(_, body) => loop {
                self.steps += 1;
                if self.steps > STEPS_MAX {
                    return None;
                }
                if let Some(way) = self.round(body) {
                    return Some(way);
                }
            },
            C::While(cond, body) => {
                while self.cond(cond)? {
                    self.steps += 1;
                    if self.steps > STEPS_MAX {
                        return None;
                    }
                    if let Some(way) = self.round(body) {
                        return Some(way);
                    }
                    self.look_again(cond, body);
                }
            }
            C::DoWhile(body, cond) => loop {
                self.steps += 1;
                if self.steps > STEPS_MAX {
                    return None;
                }
                if let Some(way) = self.round(body) {
                    return Some(way);
                }
                self.look_again(cond, body);
                if !self.cond(cond)? {
                    break;
                }
            },
            _ => unreachable!("it is no loop"),
        }
        Some(Way::End)
    }
}

fn cond_names(cond: &Cond, names: &mut Vec<usize>) {
    match cond {
        Cond::Compare(name, ..) | Cond::Truth(name) => names.push(*name),
        Cond::Not(inner) => cond_names(inner, names),
        Cond::And(left, right) | Cond::Or(left, right) => {
            cond_names(left, names);
            cond_names(right, names);
        }
        Cond::Unknown => {}
    }
}

fn sets(body: &[C], name: usize) -> bool {
    body.iter().any(|stmt| match stmt {
        C::Set(known, _) | C::Call(Some(known)) => *known == name,
        C::Interruptible(_, Some(known), body) => *known == name || sets(body, name),
        C::If(_, then, otherwise) => sets(then, name) || sets(otherwise, name),
        C::Try(_, _, body) | C::Interruptible(_, None, body) | C::Scoped(_, body) => sets(body, name),
        C::For(_, body) | C::Forever(_, body) | C::While(_, body) | C::DoWhile(body, _) => sets(body, name),
        C::Switch(_, cases) => cases.iter().any(|case| sets(&case.body, name)),
        _ => false,
    })
}
