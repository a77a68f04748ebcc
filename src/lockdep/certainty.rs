//! How sure a finding about the order or the kind of locks is, in the words that all pages and the JSON output share.
//!
//! Such a finding is a rule that is broken, and nothing has to hang for it: an order of locks (LW003), a lock of an interrupt handler (LW004), a lock that waits
//! longer than its context allows (LW005). So each says whether this program gets there.

/// Whether the program gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Each run that takes these steps has it.
    Certain,
    /// Some order of the steps leads there, and it is known.
    Interleaving,
    /// No order of the steps leads there, and all were seen.
    NotReached,
    /// A search for such an order found none, and did not see all; or nobody looked.
    Unconfirmed,
    /// Two objects of one class make the cycle, and no object does.
    ClassMerging,
    /// A lock that is held around it keeps the participants apart.
    Serialised,
}

impl Certainty {
    /// All of them, from the surest.
    pub const ALL: [Certainty; 6] = [
        Certainty::Certain,
        Certainty::Interleaving,
        Certainty::NotReached,
        Certainty::Unconfirmed,
        Certainty::ClassMerging,
        Certainty::Serialised,
    ];

    /// The word of the JSON output.
    pub fn word(self) -> &'static str {
        match self {
            Certainty::Certain => "certain",
            Certainty::Interleaving => "interleaving",
            Certainty::NotReached => "not-reached",
            Certainty::Unconfirmed => "unconfirmed",
            Certainty::ClassMerging => "class-merging",
            Certainty::Serialised => "serialised",
        }
    }

    /// What a reader makes of it, in a sentence or two.
    pub fn means(self) -> &'static str {
        match self {
            Certainty::Certain => "Every run that takes these steps has it, whatever else runs.",
            Certainty::Interleaving => "It happens when these tasks and handlers meet in that order.",
            Certainty::NotReached => {
                "The rule is broken, but nothing hangs here: a value or the order of the calls keeps the parts from meeting. One more task or call may let them."
            }
            Certainty::Unconfirmed => "The rule is broken. Whether these tasks can hang is not known.",
            Certainty::ClassMerging => {
                "Only the class makes the cycle. lockdep reports it, unless the objects are told apart (lockdep_set_class, a subclass)."
            }
            Certainty::Serialised => {
                "It cannot hang while that lock is held around every part. lockdep reports it, and it hangs as soon as one part runs without that lock."
            }
        }
    }
}

/// The grade of one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graded {
    /// How sure it is.
    pub certainty: Certainty,
    /// The same in one line, with what is known: the length of the schedule, the lock around it, the bound.
    pub text: String,
    /// The smallest change that would cure it.
    pub cure: Option<String>,
}

impl Graded {
    /// As the lines of a page.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let cure = self.cure.as_ref().map(|cure| format!("cure: {cure}"));
        [self.text.clone(), self.certainty.means().to_owned()].into_iter().chain(cure)
    }
}
