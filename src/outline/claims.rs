//! What somebody says goes wrong at a place: the claims of diagrams.

/// What somebody says goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claim {
    /// Nobody can go on.
    Deadlock,
    /// Freed memory is used.
    UseAfterFree,
    /// Something is freed twice.
    DoubleFree,
    /// An assertion fails, or the kernel crashes.
    Bug,
    /// Somebody waits for ever.
    Hang,
    /// Somebody runs for ever.
    Spin,
    /// An update is lost, or it is not said what.
    Lost,
    /// A wake-up is lost.
    LostWake,
    /// Something sleeps where it must not.
    Sleep,
    /// Two accesses that nothing orders.
    Race,
    /// Something is never freed.
    Leak,
}

impl Claim {
    /// As a word.
    pub fn text(self) -> &'static str {
        match self {
            Claim::Deadlock => "deadlock",
            Claim::UseAfterFree => "use after free",
            Claim::DoubleFree => "double free",
            Claim::Bug => "BUG",
            Claim::Hang => "hangs",
            Claim::Spin => "spins forever",
            Claim::Lost => "lost",
            Claim::LostWake => "lost wake-up",
            Claim::Sleep => "sleeps in atomic context",
            Claim::Race => "data race",
            Claim::Leak => "memory leak",
        }
    }

    /// The codes of the findings that would confirm it.
    pub fn codes(self) -> &'static [&'static str] {
        match self {
            Claim::Deadlock | Claim::Hang => &["LW001", "LW008", "LW009"],
            Claim::UseAfterFree => &["LW020"],
            Claim::DoubleFree => &["LW021"],
            Claim::Bug => &["LW011", "LW020", "LW021", "LW001", "LW006"],
            Claim::Spin => &["LW009", "LW001", "LW008"],
            Claim::Lost => &["LW008", "LW011"],
            Claim::LostWake => &["LW008"],
            Claim::Sleep => &["LW002"],
            Claim::Race => &["LW010"],
            Claim::Leak => &["LW022"],
        }
    }

    /// The code that the claim itself names, where nothing that is drawn decides it.
    pub fn named(self) -> &'static str {
        match self {
            Claim::Deadlock | Claim::Hang | Claim::LostWake => "LW008",
            Claim::Spin => "LW009",
            Claim::UseAfterFree => "LW020",
            Claim::DoubleFree => "LW021",
            Claim::Bug | Claim::Lost => "LW011",
            Claim::Sleep => "LW002",
            Claim::Race => "LW010",
            Claim::Leak => "LW022",
        }
    }

    /// Is it about waiting? Locks and sleeps that are drawn decide such a claim.
    pub fn is_wait(self) -> bool {
        matches!(self, Claim::Deadlock | Claim::Hang | Claim::Spin)
    }
}

/// Phrases of claims, in lower case, the longer ones first.
const CLAIMS: [(&str, Claim); 80] = [
    ("sleeps in atomic context", Claim::Sleep),
    ("sleeping in atomic context", Claim::Sleep),
    ("sleep in atomic context", Claim::Sleep),
    ("scheduling while atomic", Claim::Sleep),
    ("data race", Claim::Race),
    ("memory leak", Claim::Leak),
    ("leaks memory", Claim::Leak),
    ("use after free", Claim::UseAfterFree),
    ("use-after-free", Claim::UseAfterFree),
    ("used after free", Claim::UseAfterFree),
    ("already freed", Claim::UseAfterFree),
    ("freed memory", Claim::UseAfterFree),
    ("freed object", Claim::UseAfterFree),
    ("dangling pointer", Claim::UseAfterFree),
    ("access freed", Claim::UseAfterFree),
    ("accesses freed", Claim::UseAfterFree),
    ("uses freed", Claim::UseAfterFree),
    ("uaf", Claim::UseAfterFree),
    ("double free", Claim::DoubleFree),
    ("double-free", Claim::DoubleFree),
    ("freed twice", Claim::DoubleFree),
    ("dfb", Claim::DoubleFree),
    ("deadlock", Claim::Deadlock),
    ("deadlocks", Claim::Deadlock),
    ("dead lock", Claim::Deadlock),
    ("spins forever", Claim::Spin),
    ("spin forever", Claim::Spin),
    ("spinning forever", Claim::Spin),
    ("loops forever", Claim::Spin),
    ("infinite loop", Claim::Spin),
    ("endless loop", Claim::Spin),
    ("livelock", Claim::Spin),
    ("waits forever", Claim::Hang),
    ("wait forever", Claim::Hang),
    ("sleeps forever", Claim::Hang),
    ("blocks forever", Claim::Hang),
    ("blocked forever", Claim::Hang),
    ("stuck forever", Claim::Hang),
    ("never returns", Claim::Hang),
    ("never wakes", Claim::Hang),
    ("never woken", Claim::Hang),
    ("stuck", Claim::Hang),
    ("hangs", Claim::Hang),
    ("hung", Claim::Hang),
    ("lost wake-up", Claim::LostWake),
    ("lost wakeup", Claim::LostWake),
    ("missed wake-up", Claim::LostWake),
    ("missed wakeup", Claim::LostWake),
    ("wake-up is lost", Claim::LostWake),
    ("wakeup is lost", Claim::LostWake),
    ("wakeup lost", Claim::LostWake),
    ("misses the wake-up", Claim::LostWake),
    ("misses the wakeup", Claim::LostWake),
    ("null pointer dereference", Claim::Bug),
    ("null dereference", Claim::Bug),
    ("null deref", Claim::Bug),
    ("general protection fault", Claim::Bug),
    ("gpf", Claim::Bug),
    ("list corruption", Claim::Bug),
    ("list is corrupted", Claim::Bug),
    ("memory corruption", Claim::Bug),
    ("stale data", Claim::Bug),
    ("warn_on triggers", Claim::Bug),
    ("triggers warn_on", Claim::Bug),
    ("hits warn_on", Claim::Bug),
    ("warn_on fires", Claim::Bug),
    ("assertion fails", Claim::Bug),
    ("assertion failed", Claim::Bug),
    ("assertion failure", Claim::Bug),
    ("triggers bug_on", Claim::Bug),
    ("hits bug_on", Claim::Bug),
    ("panic", Claim::Bug),
    ("panics", Claim::Bug),
    ("crash", Claim::Bug),
    ("crashes", Claim::Bug),
    ("barfs", Claim::Bug),
    ("oops", Claim::Bug),
    ("oopses", Claim::Bug),
    ("bug", Claim::Bug),
    ("lost", Claim::Lost),
];

/// Words by which a text says that it does not happen, or what is done against it.
const DENIALS: [&str; 20] = [
    "no",
    "not",
    "never",
    "without",
    "avoid",
    "avoids",
    "avoided",
    "prevent",
    "prevents",
    "prevented",
    "cannot",
    "can't",
    "won't",
    "fix",
    "fixes",
    "fixed",
    "against",
    "instead",
    "otherwise",
    "isn't",
];

/// What the words claim.
pub fn claim(text: &str) -> Option<Claim> {
    if text.trim().is_empty() {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let is_word = |at: usize, len: usize| {
        let bytes = text.as_bytes();
        let letter = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        !letter(at.checked_sub(1).and_then(|at| bytes.get(at))) && !letter(bytes.get(at + len))
    };
    let denied = |at: usize| {
        let words = text[..at].split(|c: char| !c.is_ascii_alphanumeric() && c != '\'');
        words.rev().take(5).any(|word| DENIALS.contains(&word))
    };
    let found = |phrase: &str| text.match_indices(phrase).any(|(at, _)| is_word(at, phrase.len()) && !denied(at));
    let named = CLAIMS.iter().find(|(phrase, _)| found(phrase)).map(|(_, claim)| *claim);
    named.or_else(|| is_marked_state(&text).then_some(Claim::Bug))
}

/// A state that its author marks as wrong: `count=1 inflight=2 (!)`.
fn is_marked_state(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches("*/").trim_end();
    let Some(state) = text.strip_suffix("(!)").or_else(|| text.strip_suffix("(!!)")) else { return false };
    let is_value = |word: &str| {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        word.split_once('=').is_some_and(|(name, value)| {
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && number(value.trim_start_matches('-'))
        })
    };
    state.split_whitespace().next_back().is_some_and(|word| is_value(word.trim_end_matches(',')))
}

/// A text that is a claim and nothing else: `*** DEADLOCK ***`, `=> hangs`, `BUG!`.
pub fn only_claim(text: &str) -> Option<Claim> {
    let bare = text.trim_matches(|c: char| !c.is_ascii_alphabetic()).to_ascii_lowercase();
    CLAIMS.iter().find(|(phrase, _)| *phrase == bare && !text.contains('(')).map(|(_, claim)| *claim)
}
