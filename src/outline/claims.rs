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
    /// A wake-up or an update is lost.
    Lost,
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
        }
    }
}

/// Phrases of claims, in lower case, the longer ones first.
const CLAIMS: [(&str, Claim); 26] = [
    ("use after free", Claim::UseAfterFree),
    ("use-after-free", Claim::UseAfterFree),
    ("uaf", Claim::UseAfterFree),
    ("double free", Claim::DoubleFree),
    ("double-free", Claim::DoubleFree),
    ("dfb", Claim::DoubleFree),
    ("deadlock", Claim::Deadlock),
    ("dead lock", Claim::Deadlock),
    ("spins forever", Claim::Spin),
    ("spin forever", Claim::Spin),
    ("spinning forever", Claim::Spin),
    ("loops forever", Claim::Spin),
    ("livelock", Claim::Spin),
    ("waits forever", Claim::Hang),
    ("wait forever", Claim::Hang),
    ("sleeps forever", Claim::Hang),
    ("blocks forever", Claim::Hang),
    ("blocked forever", Claim::Hang),
    ("never returns", Claim::Hang),
    ("never wakes", Claim::Hang),
    ("hangs", Claim::Hang),
    ("hung", Claim::Hang),
    ("panic", Claim::Bug),
    ("oops", Claim::Bug),
    ("bug", Claim::Bug),
    ("lost", Claim::Lost),
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
    let found = |phrase: &str| text.match_indices(phrase).any(|(at, _)| is_word(at, phrase.len()));
    CLAIMS.iter().find(|(phrase, _)| found(phrase)).map(|(_, claim)| *claim)
}

/// A text that is a claim and nothing else: `*** DEADLOCK ***`, `=> hangs`, `BUG!`.
pub fn only_claim(text: &str) -> Option<Claim> {
    let bare = text.trim_matches(|c: char| !c.is_ascii_alphabetic()).to_ascii_lowercase();
    CLAIMS.iter().find(|(phrase, _)| *phrase == bare && !text.contains('(')).map(|(_, claim)| *claim)
}
