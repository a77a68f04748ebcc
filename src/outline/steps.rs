//! Steps in one column: `A acquire L`, `CPU0: mutex_lock(a)`, `1. Task A calls f() for task B`.

use super::claims::{self, Claim};
use super::reader::Reader;
use super::source::{Line, Place, runs};
use super::statement::{Parsed, Stmt};
use super::tree::{Column, Diagram, Figure, Item, items, nest};
use super::vocabulary::{self, Word};
use super::words;

/// A step: the task, and what it does.
struct Step {
    actor: String,
    items: Vec<Item>,
    /// The task that it is done to.
    other: Option<String>,
}

/// Reads each run of lines that are steps of two tasks at least.
pub(super) fn read(reader: &mut Reader) {
    for run in runs(&reader.source.lines) {
        let has_roles = has_roles(reader, run.clone());
        let mut steps: Vec<Step> = Vec::new();
        let mut claims: Vec<(Claim, Place)> = Vec::new();
        let mut taken = Vec::new();
        let mut others = 0;
        for at in run {
            if !reader.is_open(at) {
                continue;
            }
            let line = &reader.source.lines[at];
            let known = if has_roles { role(line) } else { step(line) };
            if let Some(step) = known {
                claims.extend(claims::claim(&line.text).map(|claim| (claim, line.whole())));
                steps.push(step);
                taken.push(at);
            } else if let Some(claim) = claims::only_claim(line.text.trim()) {
                claims.push((claim, line.whole()));
                taken.push(at);
            } else {
                others += 1;
            }
        }
        let mut names: Vec<String> = Vec::new();
        for name in steps.iter().map(|step| &step.actor).chain(steps.iter().filter_map(|step| step.other.as_ref())) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        if steps.len() < 2 || names.len() < 2 || others > steps.len() {
            continue;
        }
        taken.into_iter().for_each(|at| reader.taken[at] = true);
        let place = steps[0].items[0].place;
        let own = |name: &String| {
            steps.iter().filter(|step| step.actor == *name).flat_map(|step| step.items.clone()).collect()
        };
        let mut bodies: Vec<Vec<Item>> = names.iter().map(own).collect();
        settle_waits(&mut bodies);
        let columns = names.into_iter().zip(bodies).map(|(name, body)| Column { name, body: nest(body) }).collect();
        reader.file.diagrams.push(Diagram { figure: Figure::Steps, place, columns, claims, remarks: Vec::new() });
    }
}

/// `kswapd: lock_page(page)`: has every line of the run a role before code, and are there several roles that come again?
fn has_roles(reader: &Reader, run: std::ops::Range<usize>) -> bool {
    let mut names: Vec<String> = Vec::new();
    let mut count = 0;
    for at in run {
        let line = &reader.source.lines[at];
        if !reader.is_open(at) || claims::only_claim(line.text.trim()).is_some() {
            continue;
        }
        let Some(step) = role(line) else { return false };
        count += 1;
        if !names.contains(&step.actor) {
            names.push(step.actor);
        }
    }
    names.len() >= 2 && names.len() < count
}

fn role(line: &Line) -> Option<Step> {
    let start = words::undecorated(&line.text);
    let (name, behind) = line.text[start..].split_once(':')?;
    let is_word = words::is_name(name) && !name.contains(['.', '>', ':']) && behind.starts_with(' ');
    if !is_word {
        return None;
    }
    let behind = behind.trim_start();
    let at = line.text.len() - behind.len();
    let mut found = items(line, at, behind);
    let is_code = |item: &Item| matches!(&item.parsed.stmt, Stmt::Call { args, .. } if !args.is_empty());
    if found.is_empty() || !found.iter().all(is_code) {
        return None;
    }
    found.iter_mut().for_each(|item| item.depth = 0);
    Some(Step { actor: name.to_owned(), items: found, other: None })
}

/// The actor at the beginning of a text, and where the rest begins.
fn actor(text: &str) -> Option<(String, usize)> {
    let mut words = text.split_whitespace();
    let first = words.next()?;
    let lower = first.trim_matches(['[', ']', ':', '#']).to_ascii_lowercase();
    let end_of = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize + word.len();
    let short = |word: &str| {
        let bare = word.trim_end_matches([':', ',', ']', ')']);
        (bare.len() <= 2 && bare.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()))
            .then(|| bare.to_owned())
    };
    if matches!(lower.as_str(), "task" | "thread" | "process" | "cpu" | "path") {
        let second = words.next()?;
        return short(second).map(|name| (format!("{lower} {name}"), end_of(second)));
    }
    let is_numbered = lower
        .strip_prefix("cpu")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'#'));
    if is_numbered {
        return Some((first.trim_matches(['[', ']', ':']).to_owned(), end_of(first)));
    }
    let name = short(first).filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()) && name != "I")?;
    Some((name, end_of(first)))
}

/// `kworker/1:2-88  [001] ....  123.456: mutex_lock(&m)`: the name and the number of a task, as tracers print them.
fn traced(line: &Line) -> Option<Step> {
    let text = line.text.trim_start();
    let (name, behind) = text.split_once(' ')?;
    let (word, number) = name.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if !is_number || !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '<') {
        return None;
    }
    let behind = behind.trim_start();
    let stamp = behind.starts_with('[').then(|| behind.find(": ")).flatten();
    let code = stamp.map_or(behind, |at| behind[at + 2..].trim_start());
    let at = line.text.len() - code.len();
    let mut found = items(line, at, code);
    if found.is_empty() || !found.iter().all(|item| matches!(item.parsed.stmt, Stmt::Call { .. })) {
        return None;
    }
    found.iter_mut().for_each(|item| item.depth = 0);
    Some(Step { actor: name.to_owned(), items: found, other: None })
}

fn step(line: &Line) -> Option<Step> {
    if let Some(step) = traced(line) {
        return Some(step);
    }
    let start = words::undecorated(&line.text);
    let text = &line.text[start..];
    let lower = text.to_ascii_lowercase();
    // "Before exiting, then Task B calls ..." has its actor inside.
    let inside = ["task ", "thread ", "process "].iter().filter_map(|word| lower.find(word)).min().unwrap_or(0);
    let (actor, skip) = match actor(text) {
        Some((name, end)) => (name, end),
        None => actor(&text[inside..]).map(|(name, end)| (name, inside + end))?,
    };
    let at = start + skip;
    let behind = line.text[at..].trim_start_matches([':', ' ', '-', '>', ']', ',']);
    let at = line.text.len() - behind.len();
    if let Some(call) = behind.strip_prefix("calls ").or_else(|| behind.strip_prefix("call ")) {
        return called(line, line.text.len() - call.len(), actor);
    }
    let place = line.place(at, line.text.trim_end().len());
    // "foo() takes a": the function is only where that happens.
    let said = match behind.split_once("() ") {
        Some((name, said)) if words::is_name(name) => said,
        _ => behind,
    };
    let phrases = phrases(said);
    if !phrases.is_empty() {
        let items = phrases.into_iter().map(|stmt| made(stmt, place)).collect();
        return Some(Step { actor, items, other: None });
    }
    // After a bare letter, words are a sentence.
    let mut found = items(line, at, behind);
    let is_code = |item: &Item| matches!(item.parsed.stmt, Stmt::Call { .. } | Stmt::Assign(..));
    if found.is_empty() || !found.iter().all(is_code) {
        return None;
    }
    found.iter_mut().for_each(|item| item.depth = 0);
    Some(Step { actor, items: found, other: None })
}

fn made(stmt: Stmt, place: Place) -> Item {
    Item { depth: 0, place, parsed: Parsed { from: 0, to: 0, stmt, note: String::new(), claim: None } }
}

/// What a sentence does, phrase by phrase: "holds a and waits for b". Nothing if it does not begin with what is done to a lock.
fn phrases(text: &str) -> Vec<Stmt> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_joint = |word: &str| word == "and" || word == "then" || word == "but" || word == "while";
    let mut found: Vec<Stmt> = Vec::new();
    let mut from = 0;
    for to in 0..=words.len() {
        let ends = to == words.len() || is_joint(words[to]) || to > from && words[to - 1].ends_with([',', ';']);
        if !ends {
            continue;
        }
        let phrase = &words[from..to];
        from = if words.get(to).is_some_and(|word| is_joint(word)) { to + 1 } else { to };
        match super::statement::verb(phrase).or_else(|| waits_on(phrase)) {
            Some(stmt) => found.push(stmt),
            None if phrase.is_empty() => {}
            None if found.is_empty() => return found,
            None if matches!(phrase[0].to_ascii_lowercase().as_str(), "wait" | "waits" | "sleep" | "sleeps") => {
                let sleeps_on_it = matches!(found.last(), Some(Stmt::Call { name, .. }) if name == "acquire");
                if !sleeps_on_it {
                    found.push(Stmt::Call { name: "might_sleep".to_owned(), args: Vec::new(), result: None });
                }
            }
            None => {}
        }
    }
    found
}

/// A name that no text has: it waits for something that may be a lock, which the rest of the figure says.
const WAITS_ON: &str = "waits on";

fn waits_on(words: &[&str]) -> Option<Stmt> {
    let lock = super::verbs::wait_phrase(words)?;
    Some(Stmt::Call { name: WAITS_ON.to_owned(), args: vec![lock], result: None })
}

/// A task that waits for a lock of another asks for it. A task that waits for anything else only sleeps. Words in a diagram are read the same
/// way, unless their column takes the lock itself.
pub(super) fn settle_waits(columns: &mut [Vec<Item>]) {
    let locks_of = |items: &[Item]| -> Vec<String> {
        let taken = items.iter().filter_map(|item| match &item.parsed.stmt {
            Stmt::Call { name, args, .. } if matches!(vocabulary::word(name), Some(Word::Lock(..))) => args.last(),
            _ => None,
        });
        taken.map(|lock| words::plain(lock)).collect()
    };
    let taken: Vec<Vec<String>> = columns.iter().map(|items| locks_of(items)).collect();
    for (at, items) in columns.iter_mut().enumerate() {
        let by_others =
            |lock: &String| taken.iter().enumerate().any(|(other, locks)| other != at && locks.contains(lock));
        let acquire = |lock: String| Stmt::Call { name: "acquire".to_owned(), args: vec![lock], result: None };
        for item in items {
            let stmt = &mut item.parsed.stmt;
            if let Stmt::Prose(text) = stmt {
                let words: Vec<&str> = text.split_whitespace().collect();
                if let Some(lock) =
                    super::verbs::wait_phrase(&words).filter(|lock| by_others(lock) && !taken[at].contains(lock))
                {
                    *stmt = acquire(lock);
                }
            } else if let Stmt::Call { name, args, .. } = stmt
                && name == WAITS_ON
            {
                let lock = args.pop().filter(by_others);
                let sleep = || Stmt::Call { name: "might_sleep".to_owned(), args: Vec::new(), result: None };
                *stmt = lock.map_or_else(sleep, acquire);
            }
        }
    }
}

/// `f() for task B`
fn called(line: &Line, at: usize, by: String) -> Option<Step> {
    let text = &line.text[at..];
    let name = words::called_name(text)?;
    let behind = &text[name.end..];
    let other = behind.find(" for ").or_else(|| behind.find(" on ")).and_then(|found| {
        let rest = &behind[found..];
        let rest = rest[1..].split_once(' ').map(|(_, rest)| rest)?;
        actor(rest.trim_end_matches('.')).map(|(name, _)| name.trim_end_matches('.').to_owned())
    });
    let args = other.iter().cloned().collect();
    let stmt = Stmt::Call { name: name.text, args, result: None };
    let parsed = Parsed { from: 0, to: 0, stmt, note: String::new(), claim: None };
    let place = line.place(at, line.text.trim_end().len());
    Some(Step { actor: by, items: vec![Item { depth: 0, place, parsed }], other })
}
