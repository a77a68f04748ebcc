//! A text while it is read: which lines something was made of, and what.

use super::source::Source;
use super::tree::File;

/// What is being read.
pub(super) struct Reader<'a> {
    pub source: &'a Source,
    /// Lines that something was made of.
    pub taken: Vec<bool>,
    pub file: File,
    /// Is it a report of lockdep?
    pub is_report: bool,
}

impl Reader<'_> {
    /// Is there something left on the line?
    pub(super) fn is_open(&self, at: usize) -> bool {
        !self.taken[at] && !self.source.lines[at].is_blank()
    }
}

/// The text with block comments blanked, and whether one is still open.
pub(super) fn without_comments(text: &str, mut open: bool) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (end, width) = match rest.find(if open { "*/" } else { "/*" }) {
            Some(at) => (at, 2),
            None => (rest.len(), 0),
        };
        if open {
            out.extend(std::iter::repeat_n(' ', end + width));
        } else {
            out.push_str(&rest[..end]);
            out.extend(std::iter::repeat_n(' ', width));
        }
        if width == 0 {
            return (out, open);
        }
        open = !open;
        rest = &rest[end + width..];
    }
}
