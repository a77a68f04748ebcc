//! Whatever the bytes are, a check of a file ends, panics nowhere, and says something. `LOCKWRIGHT_LONG=1` tries a million inputs, and
//! names those that take more than a second.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use lockwright::outline::catalogue::Catalogue;
use lockwright::outline::check::{Options, check};
use lockwright::outline::page;
use lockwright::outline::scope::Conversions;
use proptest::prelude::*;

/// Pieces of outlines, whole or broken.
const PIECES: [&str; 40] = [
    "lock m: mutex\n",
    "lock s: spinlock\n",
    "var x = 0\n",
    "atomic n = 1\n",
    "task a: f\n",
    "irq t: f\n",
    "f\n",
    "g\n",
    "   mutex_lock(m)\n",
    "   mutex_unlock(m)\n",
    "   spin_lock_irqsave(&s, flags)\n",
    "   spin_unlock_irqrestore(&s, flags)\n",
    "   if (x == 1)\n",
    "      return -1\n",
    "   else\n",
    "   while (n)\n",
    "   do {\n",
    "   } while (x);\n",
    "   goto out\n",
    "out:\n",
    "   wait_event(q, n == 0)\n",
    "   wake_up(q)\n",
    "   kfree(p)\n",
    "   p->x = 1\n",
    "  CPU0                CPU1\n",
    "  ----                ----\n",
    "                      mutex_lock(&m);\n",
    "  <IRQ>\n",
    "Chain exists of:\n  a --> b --> c\n",
    "> quoted\n",
    " * starred\n",
    "// UAF!\n",
    "/*",
    "*/",
    "\t",
    "(",
    ")",
    ";",
    "\u{e9}\u{2192}\n",
    "Dear all, this is what I mean by it.\n",
];

/// The examples and the inputs of `tests/verdicts`: texts that are outlines, figures, mails, or mistaken ones.
static TEXTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    let mut open = vec!["examples/outlines", "examples/figures", "tests/verdicts"]
        .into_iter()
        .map(|folder| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .collect::<Vec<_>>();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is part of the project") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if !path.extension().is_some_and(|ext| ext == "out" || ext == "expected") {
                texts.push(std::fs::read(&path).expect("it can be read"));
            }
        }
    }
    texts.sort();
    texts
});

/// Bytes of an input at most.
const BYTES_MAX: usize = 64 * 1024;

/// Pieces that are long when they are repeated: they nest, open what nothing closes, or are one line.
const BULK: [&str; 26] = [
    "(",
    "((",
    "!",
    "-",
    "f(",
    "{",
    "}",
    "{ ",
    "if (x) ",
    "if (x) {\n",
    "x = (",
    "x + ",
    "a->",
    "a.",
    "[",
    "/*",
    "> ",
    "| ",
    "* ",
    "mutex_lock(&m)\n",
    "f -> ",
    "f\n ",
    "while (x) {\n",
    "switch (x) {\ncase 1:\n",
    "\t",
    "  CPU0     CPU1\n",
];

/// What is done to a text.
#[derive(Clone, Copy, Debug)]
enum Change {
    Drop,
    Twice,
    Swap,
    Cut,
    Byte(u8),
    Indent(bool),
    Splice,
    Quote,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Drop),
        Just(Change::Twice),
        Just(Change::Swap),
        Just(Change::Cut),
        any::<u8>().prop_map(Change::Byte),
        any::<bool>().prop_map(Change::Indent),
        Just(Change::Splice),
        Just(Change::Quote),
    ]
}

fn changed(text: &[u8], change: Change, (one, other): (usize, usize)) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (at, to) = (one % lines.len(), other % lines.len());
    match change {
        Change::Drop => _ = lines.remove(at),
        Change::Twice => lines.insert(to, lines[at].clone()),
        Change::Swap => lines.swap(at, to),
        Change::Cut => {
            let keep = other % (lines[at].len() + 1);
            lines[at].truncate(keep);
            lines.truncate(at + 1);
        }
        Change::Byte(byte) => {
            let column = other % (lines[at].len() + 1);
            lines[at].insert(column, byte);
        }
        Change::Indent(more) => {
            if more {
                lines[at].splice(0..0, *b"   ");
            } else {
                let blanks = lines[at].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                lines[at].drain(..blanks);
            }
        }
        Change::Splice => {
            let more = &TEXTS[other % TEXTS.len()];
            lines.splice(at..at, more.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
        Change::Quote => lines[at..].iter_mut().for_each(|line| _ = line.splice(0..0, *b"> ")),
    }
    lines.join(&b'\n')
}

/// What is tried when a million inputs are.
fn is_long() -> bool {
    std::env::var_os("LOCKWRIGHT_LONG").is_some_and(|value| value == "1")
}

fn ends(bytes: &[u8]) {
    let from = Instant::now();
    let report = check("input", bytes, &Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() });
    let page = if report.mistakes.is_empty() { page::text(&report) } else { page::mistakes(&report) };
    assert!(!page.is_empty());
    assert!(report.mistakes.is_empty() || report.units.is_empty());
    let took = from.elapsed();
    if is_long() && took > Duration::from_secs(1) {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        eprintln!("{took:.1?} for {} bytes:\n{shown}\n", bytes.len());
    }
}

proptest! {
    #![proptest_config(super::long(256, 400_000))]

    #[test]
    fn random_bytes_are_refused_or_checked(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        ends(&bytes);
    }
}

proptest! {
    #![proptest_config(super::long(256, 400_000))]

    #[test]
    fn pieces_of_outlines_in_any_order_are_refused_or_checked(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.iter().map(|at| PIECES[*at]).collect();
        ends(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(super::long(64, 190_000))]

    #[test]
    fn texts_with_mistakes_are_refused_or_checked(
        first in any::<usize>(),
        changes in proptest::collection::vec((change(), any::<(usize, usize)>()), 1..6),
    ) {
        let text = TEXTS[first % TEXTS.len()].clone();
        let text = changes.into_iter().fold(text, |text, (change, places)| changed(&text, change, places));
        ends(&text);
    }
}

proptest! {
    #![proptest_config(super::long(16, 10_000))]

    #[test]
    fn long_texts_are_refused_or_checked(
        head in 0..PIECES.len() + 1,
        pieces in proptest::collection::vec((0..BULK.len(), 1..BYTES_MAX), 1..4),
        tail in 0..PIECES.len() + 1,
    ) {
        let mut text = PIECES.get(head).copied().unwrap_or("f\n").to_owned();
        for (at, bytes) in pieces {
            text.push_str(&BULK[at].repeat(bytes / BULK[at].len() / 2));
        }
        text.truncate(BYTES_MAX);
        text.push_str(PIECES.get(tail).copied().unwrap_or(""));
        ends(text.as_bytes());
    }
}
