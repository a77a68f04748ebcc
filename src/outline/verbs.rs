//! What sentences say of locks: who takes one, gives one back, or waits.

use super::words::plain;

/// Verbs that take a lock.
const TAKING: [&str; 16] = [
    "acquire",
    "acquires",
    "acquired",
    "acquiring",
    "take",
    "takes",
    "taking",
    "lock",
    "locks",
    "grab",
    "grabs",
    "hold",
    "holds",
    "holding",
    "wants",
    "gets",
];

/// Verbs that take a lock if what they are about is called like one; otherwise it may be anything.
const GETTING: [&str; 13] = [
    "got", "get", "own", "owns", "owning", "obtain", "obtains", "obtained", "need", "needs", "want", "requests",
    "wanting",
];

/// Verbs that give one back.
const GIVING: [&str; 9] =
    ["release", "releases", "released", "unlock", "unlocks", "drop", "drops", "releasing", "dropping"];

/// Is it one of the generic verbs?
pub fn is_verb(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    TAKING.contains(&lower.as_str()) || GIVING.contains(&lower.as_str())
}

/// "can't acquire write lock anymore" is `acquire(write_lock)`. A sentence that only mentions a lock is none.
pub fn verb_phrase(words: &[&str]) -> Option<(&'static str, String)> {
    let skipped = [
        "can't", "cannot", "tries", "try", "to", "then", "and", "waits", "wait", "blocks", "on", "now", "is", "trying",
        "not", "will", "attempts", "also", "but",
    ];
    // "wants to take"
    let wishes = ["wants", "want", "needs", "need", "wanting"];
    let is_skipped = |at: usize| {
        let word = words[at].to_ascii_lowercase();
        skipped.contains(&word.as_str())
            || wishes.contains(&word.as_str()) && words.get(at + 1).is_some_and(|next| next.eq_ignore_ascii_case("to"))
    };
    let verb = (0..words.len()).find(|&at| !is_skipped(at))?;
    let lock = named_lock(&words[verb + 1..])?;
    let name = match words[verb].to_ascii_lowercase() {
        word if TAKING.contains(&word.as_str()) => "acquire",
        word if GETTING.contains(&word.as_str()) && is_lock_like(&lock) => "acquire",
        word if GIVING.contains(&word.as_str()) => "release",
        _ => return None,
    };
    Some((name, lock))
}

/// Is it called as locks are? One capital letter is, in figures.
pub fn is_lock_like(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_letter = name.len() <= 2 && name.starts_with(|c: char| c.is_ascii_uppercase());
    is_letter || ["lock", "mutex", "mtx", "sem", "rtnl"].iter().any(|part| lower.contains(part))
}

/// Words of a phrase, and phrases of a sentence, that are looked at.
const PHRASE_MAX: usize = 12;

/// Where a sentence goes on with another verb: "holds A, wants B" and "takes A and waits for B".
pub fn joint(text: &str) -> Option<usize> {
    let ends = text.match_indices(", ").map(|(at, _)| (at, at + 2));
    let words = [" and ", " then ", " but ", " while "];
    let joints = words.iter().flat_map(|word| text.match_indices(word).map(|(at, word)| (at, at + word.len())));
    let goes_on = |&(_, next): &(usize, usize)| {
        let rest: Vec<&str> = text[next..].split_whitespace().take(PHRASE_MAX).collect();
        verb_phrase(&rest).is_some() || wait_phrase(&rest).is_some()
    };
    let mut all: Vec<(usize, usize)> = ends.chain(joints).collect();
    all.sort_unstable();
    all.into_iter().take(PHRASE_MAX).find(goes_on).map(|(at, _)| at)
}

/// "blocks on bus->lock", "is waiting for the a mutex": the lock, if it is one. Whether it is, other lines have to say.
pub fn wait_phrase(words: &[&str]) -> Option<String> {
    let waits =
        ["waits", "wait", "waiting", "blocks", "blocked", "blocking", "stuck", "sleeps", "spins", "hangs", "spinning"];
    let is_filler = |word: &str| {
        matches!(word, "is" | "now" | "then" | "and" | "gets" | "has" | "to" | "must" | "will" | "but" | "also")
    };
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let verb = lower.iter().position(|word| !is_filler(word))?;
    let is_wait = waits.contains(&lower[verb].as_str()) && matches!(lower.get(verb + 1)?.as_str(), "for" | "on" | "at");
    if is_wait { named_lock(&words[verb + 2..]) } else { None }
}

/// `[BLOCKED]`, `waits`, `(sleeps ...)`: it says that its task stands still here, so it is no step that the task comes to.
pub fn is_waiting(text: &str) -> bool {
    let words = [
        "blocked",
        "blocks",
        "blocking",
        "waits",
        "waiting",
        "sleeps",
        "sleeping",
        "stuck",
        "spins",
        "spinning",
        "hangs",
        "contended",
    ];
    let lower = text.to_ascii_lowercase();
    let mut plain = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty() && *word != "is");
    plain.next().is_some_and(|word| words.contains(&word))
}

/// The lock that a phrase goes on with: "the write lock" is `write_lock`, "the dev->lock mutex" is `dev->lock`.
fn named_lock(words: &[&str]) -> Option<String> {
    // `A` is a lock, and so is an `a` with nothing behind it.
    let is_article = |at: usize| {
        let is_one = words[at] == "a" && words.get(at + 1).is_some_and(|next| !next.starts_with(['(', '[']));
        is_one || ["the", "an", "its", "lock", "mutex", "spinlock"].contains(&words[at].to_ascii_lowercase().as_str())
    };
    let first = (0..words.len()).find(|&at| !is_article(at))?;
    let mut rest = words[first..].iter();
    let strip = |word: &str| plain(word.trim_matches([',', '.', ';', '"', '\'', '`', '!', ':']));
    let lock = strip(rest.next()?);
    let lock = lock.strip_suffix("()").unwrap_or(&lock).to_owned();
    if lock.is_empty() || !lock.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '(') {
        return None;
    }
    let is_whole = lock.contains(['>', '.']) || ["lock", "mutex", "sem"].iter().any(|end| lock.ends_with(end));
    let joined = match rest.next().map(|word| strip(word)).as_deref() {
        Some(kind @ ("lock" | "mutex" | "semaphore" | "sem")) if !is_whole => format!("{lock}_{kind}"),
        _ => lock,
    };
    // "takes a while" and the like.
    let is_word = |word: &str| {
        ["while", "long", "care", "place", "over", "up", "down", "note", "time", "of", "it", "them", "this"]
            .contains(&word)
    };
    (!is_word(&joined)).then_some(joined)
}
