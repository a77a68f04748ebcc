//! Whatever the bytes are, a check of a file ends, panics nowhere, and says something. `LOCKWRIGHT_LONG=1` tries a million inputs.

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

fn ends(bytes: &[u8]) {
    let report = check("input", bytes, &Options { catalogue: &Catalogue::built_in(), conversions: Conversions::new() });
    let page = if report.mistakes.is_empty() { page::text(&report) } else { page::mistakes(&report) };
    assert!(!page.is_empty());
    assert!(report.mistakes.is_empty() || report.units.is_empty());
}

proptest! {
    #![proptest_config(super::long(256, 500_000))]

    #[test]
    fn random_bytes_are_refused_or_checked(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        ends(&bytes);
    }

    #[test]
    fn pieces_of_outlines_in_any_order_are_refused_or_checked(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.iter().map(|at| PIECES[*at]).collect();
        ends(text.as_bytes());
    }
}
