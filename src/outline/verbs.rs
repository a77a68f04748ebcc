//! What sentences say of locks: who takes one, gives one back, or waits.

use super::words::plain;

/// Verbs that take a lock.
const TAKING: [&str; 15] = [
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
    "wants",
    "gets",
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
        "not", "will", "attempts", "wants", "also", "but",
    ];
    let verb = words.iter().position(|word| !skipped.contains(&word.to_ascii_lowercase().as_str()))?;
    let name = match words[verb].to_ascii_lowercase() {
        word if TAKING.contains(&word.as_str()) => "acquire",
        word if GIVING.contains(&word.as_str()) => "release",
        _ => return None,
    };
    named_lock(&words[verb + 1..]).map(|lock| (name, lock))
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
    let is_article = |word: &&&str| {
        ["the", "a", "an", "its", "lock", "mutex", "spinlock"].contains(&word.to_ascii_lowercase().as_str())
    };
    let mut rest = words.iter().skip_while(is_article);
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
    let is_word =
        |word: &str| ["while", "long", "care", "place", "over", "up", "down", "note", "time", "of"].contains(&word);
    (!is_word(&joined)).then_some(joined)
}
