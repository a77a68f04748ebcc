//! Outlines on every engine: the program of an outline becomes instructions, which all engines run with one semantics.
//!
//! [`crate::outline`] lowers what it has read to a [`Program`](crate::outline::machine::Program), which its own small machine explores. The
//! same program is translated here to [`crate::subject::form`]: the explicit engine compiles that, and
//! [`crate::program::interpreted`] runs it on the explorer, by brute force, under DPOR and on loom, with the memory models that they have. What is
//! one step there is one step here, but for what the kernel does in several: a fair lock has a queue that is a lock of its own, a
//! seqlock counts before and after it is written, the BKL is given back around a sleep.
//!
//! Limits: what only the small machine has is refused by name ([`Refusal`]): handlers, works, timers and threads that are stopped;
//! grace periods; an object that is freed and then allocated again; `complete_all`; trylocks and downgrades of locks that readers share. A spin is a loop here, which brute force and DPOR follow
//! to their bound on steps.

mod code;
mod pure;
mod refusal;
mod translate;

pub use refusal::Refusal;
pub use translate::{translate, translate_in};

use crate::outline::check::Options;
use crate::outline::plan::{Planned, plan};
use crate::outline::source::Source;
use crate::program::interpreted::Interpreted;

/// A file that cannot be explored as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has mistakes, which `check` shows.
    #[error("{0} has mistakes, and nothing was explored")]
    Mistaken(String),
    /// It has no outline, or several.
    #[error("{file} has {count} outlines and diagrams{at}: explore takes a file with one")]
    Count {
        /// The file.
        file: String,
        /// How many.
        count: usize,
        /// Where they begin.
        at: String,
    },
    /// The engines do not run something in it.
    #[error("{file}: {refusal}: lockwright check explores it with the machine that outlines have of their own")]
    Refused {
        /// The file.
        file: String,
        /// What.
        refusal: Refusal,
    },
}

/// The one program of a file: its declared tasks, or all entry points side by side, or the columns of its diagram.
///
/// # Errors
/// If the file has mistakes, has not one outline, or has something that the engines do not run.
pub fn read(name: &str, bytes: &[u8], options: &Options) -> Result<Interpreted, (Unfit, Option<Box<Mistakes>>)> {
    let (source, planned, mistakes) = plan(name, bytes, options);
    if !mistakes.is_empty() {
        return Err((Unfit::Mistaken(name.to_owned()), Some(Box::new((source, mistakes)))));
    }
    let [Planned { program, bounds, .. }] = &planned[..] else {
        let lines: Vec<String> = planned.iter().map(|planned| planned.line.to_string()).collect();
        let at = if lines.is_empty() { String::new() } else { format!(", at lines {}", lines.join(", ")) };
        return Err((Unfit::Count { file: name.to_owned(), count: planned.len(), at }, None));
    };
    let translated = translate_in(program, name).map(|program| program.cut_by(bounds.clone()));
    translated.map_err(|refusal| (Unfit::Refused { file: name.to_owned(), refusal }, None))
}

/// Mistakes, with the text that they are in.
pub type Mistakes = (Source, Vec<crate::outline::diagnostic::Diagnostic>);
