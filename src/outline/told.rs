//! Reports of the kernel without a box: what their head says went wrong, with the locks and the frames that they list.
//!
//! Such a report saw it happen, so its head is the finding. A head that nothing below it bears out, neither a frame nor a lock, is a
//! sentence about a report.
//!
//! Limits: what else the functions of its traces do, a report does not say. That is a bound.

use super::diagnostic::Label;
use super::finding::Finding;
use super::reader::Reader;
use super::source::{Line, Place};
use super::splat;
use super::words::{matching, plain};

/// What the head of a report says: its words, the code, and the finding in one line, where `LOCK` stands for the locks that are listed.
const HEADS: [(&str, &str, &str); 21] = [
    ("spinlock recursion", "LW001", "a spinlock is taken again by the task that holds it"),
    ("rwlock recursion", "LW001", "an rwlock is taken again by the task that holds it"),
    ("Illegal context switch in RCU", "LW002", "a task sleeps in an RCU read-side section"),
    ("context switch within RCU", "LW002", "a task sleeps in an RCU read-side section"),
    ("Invalid wait context", "LW005", "invalid wait context: LOCK"),
    ("bad unlock balance", "LW006", "LOCK is given back by a task that does not hold it"),
    ("spinlock already unlocked", "LW006", "a spinlock is given back by a task that does not hold it"),
    ("spinlock wrong owner", "LW006", "a spinlock is given back by a task that does not hold it"),
    ("held lock freed", "LW007", "LOCK is still held when the memory that it is in is freed"),
    ("lock held when returning to user space", "LW007", "LOCK is still held when the task returns to user space"),
    ("workqueue leaked lock", "LW007", "LOCK is still held when the work ends"),
    ("KCSAN: data-race", "LW010", "data race"),
    ("KCSAN: assert: race", "LW010", "data race"),
    ("kernel BUG at", "LW011", "an assertion of the kernel fails"),
    ("refcount_t: addition on 0", "LW011", "a reference is taken on a count that is 0 already"),
    ("refcount_t: increment on 0", "LW011", "a reference is taken on a count that is 0 already"),
    ("refcount_t: underflow", "LW011", "a reference is given back on a count that is 0 already"),
    ("KASAN: use-after-free", "LW020", "memory is used after it was freed"),
    ("KASAN: slab-use-after-free", "LW020", "memory is used after it was freed"),
    ("KASAN: double-free", "LW021", "memory is freed twice"),
    ("unreferenced object 0x", "LW022", "memory is never freed"),
];

/// Heads of other reports: a report ends where the next one begins.
const OTHERS: [&str; 4] = [
    "sleeping function called from invalid context",
    "scheduling while atomic",
    "blocked for more than",
    "soft lockup",
];

/// Why a report is never all that there is.
pub(super) const BOUND: &str = "a report tells of one moment alone";

/// Finds the reports, and takes the lines that they list.
pub(super) fn read(reader: &mut Reader) {
    let lines = &reader.source.lines;
    let known = |at: usize| HEADS.iter().find(|(words, ..)| lines[at].text.contains(words));
    let is_other = |at: usize| OTHERS.iter().any(|words| lines[at].text.contains(words));
    let heads: Vec<usize> = (0..lines.len()).filter(|&at| known(at).is_some() || is_other(at)).collect();
    let mut taken = Vec::new();
    let mut found: Vec<Finding> = Vec::new();
    for (nth, &at) in heads.iter().enumerate() {
        let end = heads.get(nth + 1).copied().unwrap_or(lines.len());
        let listed: Vec<usize> = (at + 1..end).filter(|&at| is_listed(lines[at].text.trim())).collect();
        let Some((_, code, title)) = known(at).filter(|_| !listed.is_empty()) else { continue };
        if let Some(finding) = finding(lines, at..end, code, title) {
            found.push(finding);
            taken.push(at);
            taken.extend(listed);
        }
    }
    reader.is_report |= !found.is_empty();
    taken.into_iter().for_each(|at| reader.taken[at] = true);
    reader.file.told = found;
}

/// A frame of a trace, a held lock, or what stands around them.
fn is_listed(text: &str) -> bool {
    let marks = ["Call Trace:", "stack backtrace:", "<IRQ>", "</IRQ>", "<TASK>", "</TASK>", "<SOFTIRQ>", "</SOFTIRQ>"];
    text.contains("+0x") || text.ends_with("[inline]") || splat::is_list(text) || marks.contains(&text)
}

fn finding(lines: &[Line], report: std::ops::Range<usize>, code: &'static str, title: &str) -> Option<Finding> {
    let head = &lines[report.start];
    let below = &lines[report.start + 1..report.end];
    let mut labels = vec![Label { place: head.whole(), text: "so says the report".to_owned() }];
    let what = match code {
        "LW005" => {
            let ((taken, inner), held) = (wait_type(below, "trying to lock:")?, held(below));
            labels.push(label(taken.1, format!("{} is taken here, of wait type {inner}", taken.0)));
            labels.extend(held.iter().map(|(name, place)| label(*place, format!("{name} is held since here"))));
            let outer = held.first().map(|(name, _)| format!(" inside {name}")).unwrap_or_default();
            format!("{}{outer}", taken.0)
        }
        "LW006" => {
            let known = below.iter().find_map(|line| {
                let open = line.text.find("release lock (")? + "release lock ".len();
                let close = matching(&line.text[open..])?;
                Some(plain(&line.text[open + 1..open + close]))
            });
            labels.extend(
                frame_below(below, "trying to release").map(|place| label(place, "given back here".to_owned())),
            );
            known.unwrap_or_else(|| "a lock".to_owned())
        }
        "LW007" => {
            let mut held = held(below);
            if title.contains("memory") {
                held = lock_of(below.iter().find(|line| line.text.contains("){"))?).into_iter().collect();
            }
            labels.extend(held.iter().map(|(name, place)| label(*place, format!("{name} is held since here"))));
            held.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" and ")
        }
        _ => {
            let said = [("Freed by", "freed here"), ("write to 0x", "writes here"), ("read to 0x", "reads here")];
            for (words, text) in said.into_iter().chain([("read-write to 0x", "reads and writes here")]) {
                let places = below.iter().enumerate().filter(|(_, line)| line.text.trim_start().starts_with(words));
                let frames = places.filter_map(|(at, _)| frame(&below[at..]));
                labels.extend(frames.map(|place| label(place, text.to_owned())));
            }
            labels.extend(
                held(below).into_iter().map(|(name, place)| label(place, format!("{name} is held since here"))),
            );
            String::new()
        }
    };
    Some(Finding {
        code,
        subject: format!("claim at line {}", head.number),
        title: title.replace("LOCK", if what.is_empty() { "a lock" } else { &what }),
        labels,
        notes: vec!["it was seen to happen, and was not run here".to_owned()],
        grade: None,
        sure: None,
        schedule: None,
        scene: None,
    })
}

fn label(place: Place, text: String) -> Label {
    Label { place, text }
}

/// ` #0: ffff8880 (&a->lock){+.+.}-{3:3}, at: f+0x1/0x2`
fn held(below: &[Line]) -> Vec<(String, Place)> {
    let is_entry = |line: &&Line| line.text.trim_start().starts_with('#');
    below.iter().filter(is_entry).filter_map(lock_of).collect()
}

fn lock_of(line: &Line) -> Option<(String, Place)> {
    let close = line.text.find("){")?;
    let open = line.text[..close].find(" (").map(|at| at + 2).or_else(|| line.text.starts_with('(').then_some(1))?;
    Some((plain(line.text.get(open..close)?), line.whole()))
}

/// The lock on the line below the words, and its wait type.
fn wait_type(below: &[Line], words: &str) -> Option<((String, Place), String)> {
    let at = below.iter().position(|line| line.text.contains(words))?;
    let line = below[at..].iter().take(2).find(|line| line.text.contains("){"))?;
    let kind = line.text.rsplit_once("}-")?.1;
    Some((lock_of(line)?, kind.split(',').next()?.to_owned()))
}

/// The first frame below the words that is not the freeing itself.
fn frame(below: &[Line]) -> Option<Place> {
    let is_freeing = |text: &str| text.contains("kfree") || text.contains("_free+0x");
    let is_frame = |line: &&Line| line.text.contains("+0x") && !is_freeing(&line.text);
    let first = |line: &&Line| line.text.contains("+0x");
    below.iter().take(6).find(is_frame).or_else(|| below.iter().take(6).find(first)).map(Line::whole)
}

fn frame_below(below: &[Line], words: &str) -> Option<Place> {
    below.iter().position(|line| line.text.contains(words)).and_then(|at| frame(&below[at..]))
}
