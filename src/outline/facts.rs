//! Facts about a function that has no body: what `fn` lines, the catalogue and notes say.

use super::words::plain;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// It may sleep.
    MaySleep,
    /// It allocates; with `true` in a way that may sleep, which is what the text says.
    Allocates(bool, String),
    /// It allocates with the flags of its arguments; GFP_KERNEL if there are none.
    AllocatesByFlags,
    /// It takes a lock and gives it back.
    Takes(String),
    /// It takes a lock and keeps it.
    Locks(String),
    /// It gives a lock back.
    Unlocks(String),
    /// It runs with the lock held.
    Holds(String),
    /// It runs with interrupts off.
    IrqsOff,
    /// It runs where nothing may sleep.
    Atomic,
    /// It frees its argument.
    Frees,
    /// It does nothing that matters.
    Nothing,
}

impl Fact {
    /// As it is declared.
    pub fn text(&self) -> String {
        match self {
            Fact::MaySleep => "may_sleep".to_owned(),
            Fact::Allocates(_, flags) => format!("allocates({flags})"),
            Fact::AllocatesByFlags => "allocates(flags)".to_owned(),
            Fact::Takes(lock) => format!("takes({lock})"),
            Fact::Locks(lock) => format!("locks({lock})"),
            Fact::Unlocks(lock) => format!("unlocks({lock})"),
            Fact::Holds(lock) => format!("holds({lock})"),
            Fact::IrqsOff => "irqs_off".to_owned(),
            Fact::Atomic => "atomic".to_owned(),
            Fact::Frees => "frees".to_owned(),
            Fact::Nothing => "nothing".to_owned(),
        }
    }
}

/// Do the flags let an allocation sleep? What says nothing is GFP_KERNEL.
pub fn flags_sleep(flags: &str) -> bool {
    !["GFP_ATOMIC", "GFP_NOWAIT", "GFP_TRYLOCK"].iter().any(|word| flags.contains(word))
}

/// What is expected where a fact is.
pub const EXPECTED: &str = "may_sleep, allocates(GFP_KERNEL), allocates(GFP_ATOMIC), takes(LOCK), locks(LOCK), unlocks(LOCK), frees or nothing";

/// A fact of a declaration.
pub fn parse(text: &str) -> Option<Fact> {
    let text = text.trim();
    let (word, inner) = match text.split_once('(') {
        Some((word, rest)) => (word.trim(), Some(rest.trim_end().strip_suffix(')')?.trim())),
        None => (text, None),
    };
    let lock = |make: fn(String) -> Fact| inner.filter(|inner| !inner.is_empty()).map(|inner| make(plain(inner)));
    match word {
        "may_sleep" | "sleeps" | "might_sleep" => Some(Fact::MaySleep),
        "allocates" => match inner {
            Some("flags") => Some(Fact::AllocatesByFlags),
            Some(flags) if flags.starts_with("GFP_") || flags.starts_with("__GFP") => {
                Some(Fact::Allocates(flags_sleep(flags), flags.to_owned()))
            }
            Some(_) => None,
            None => Some(Fact::Allocates(true, "GFP_KERNEL".to_owned())),
        },
        "takes" => lock(Fact::Takes),
        "locks" => lock(Fact::Locks),
        "unlocks" => lock(Fact::Unlocks),
        "holds" => lock(Fact::Holds).or_else(|| text.strip_prefix("holds ").map(|lock| Fact::Holds(plain(lock)))),
        "irqs_off" => Some(Fact::IrqsOff),
        "atomic" => Some(Fact::Atomic),
        "frees" => Some(Fact::Frees),
        "nothing" => Some(Fact::Nothing),
        _ => text.strip_prefix("holds ").map(|lock| Fact::Holds(plain(lock))),
    }
}

/// What the words behind a call say about locks and contexts.
pub fn of_note(note: &str) -> Vec<Fact> {
    let mut facts = Vec::new();
    if note.is_empty() {
        return facts;
    }
    let lower = note.to_ascii_lowercase();
    let words: Vec<&str> = note.split_whitespace().collect();
    for (at, word) in words.iter().enumerate() {
        let bare = word.to_ascii_lowercase();
        let bare = bare.trim_matches(|c: char| !c.is_ascii_alphabetic());
        let lock = || {
            let rest = words[at + 1..]
                .iter()
                .skip_while(|word| matches!(word.to_ascii_lowercase().as_str(), "the" | "a" | "an"));
            let first: &str = rest.clone().next()?;
            let clean = plain(first.trim_matches([',', '.', ';', ')', '(', '[', ']', '\'', '"', ':']));
            let is_name = clean.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            // "holding the lock": which one, it does not say.
            let is_word = matches!(
                clean.as_str(),
                "lock" | "mutex" | "it" | "irqs" | "irq" | "this" | "no" | "its" | "interrupts"
            );
            (is_name && !is_word).then_some(clean)
        };
        let fact: Option<Fact> = match bare {
            "takes" | "take" => lock().map(Fact::Takes),
            "holds" | "hold" | "holding" | "under" => lock().map(Fact::Holds),
            _ => None,
        };
        facts.extend(fact);
    }
    let bare: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    let bare = format!(" {} ", bare.split_whitespace().collect::<Vec<_>>().join(" "));
    let atomic = [
        "hardirq",
        "hard irq",
        "softirq",
        "irq context",
        "interrupt context",
        "bh context",
        "atomic context",
        "in irq",
        "from irq",
        "in interrupt",
        "in atomic",
        "is atomic",
        "preemption disabled",
        "preemption off",
        "preempt off",
        "preempt disabled",
        "nmi context",
    ];
    if atomic.iter().any(|phrase| bare.contains(&format!(" {phrase} "))) && !bare.contains(" not ") {
        facts.push(Fact::Atomic);
    }
    let off = ["irq off", "irqs off", "irqs disabled", "interrupts off", "interrupts disabled", "irqs are off"];
    if off.iter().any(|phrase| lower.contains(phrase)) {
        facts.push(Fact::IrqsOff);
    }
    let sleeps =
        ["might sleep", "may sleep", "can sleep", "might_sleep", "sleeps", "may block", "might block", "can block"];
    let is_denied = ["no", "not", "never", "without"].iter().any(|no| bare.contains(&format!(" {no} ")));
    if sleeps.iter().any(|phrase| lower.contains(phrase)) || lower.contains("gfp_kernel") && !is_denied {
        facts.push(Fact::MaySleep);
    }
    facts
}

/// What a comment behind a call says of it, if it begins with that: `// may sleep`, `<-- schedules`, `/* GFP_KERNEL */`.
pub fn of_remark(remark: &str) -> Option<&'static str> {
    let lower = remark.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let fillers = ["this", "it", "which", "and", "also", "one", "that", "here", "note"];
    let words: Vec<&str> = words.skip_while(|word| fillers.contains(word)).take(4).collect();
    let is_word = |at: usize, known: &[&str]| words.get(at).is_some_and(|word| known.contains(word));
    let sleeps = is_word(0, &["may", "might", "can", "could"]) && is_word(1, &["sleep", "block", "schedule"])
        || words == ["sleeps"]
        || words == ["schedules"]
        || words == ["might_sleep"]
        || is_word(0, &["sleeps"]) && is_word(1, &["here", "if", "when", "under"]);
    if sleeps {
        return Some("may sleep");
    }
    let allocates = is_word(0, &["gfp_kernel"])
        || is_word(0, &["allocates", "allocation", "alloc", "kmalloc", "uses"]) && words.contains(&"gfp_kernel");
    allocates.then_some("GFP_KERNEL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_become_facts() {
        assert_eq!(of_note("holds &desc->lock with irq off"), [Fact::Holds("desc->lock".to_owned()), Fact::IrqsOff]);
        assert_eq!(of_note("is holding the lock with IRQs off."), [Fact::IrqsOff]);
        assert_eq!(of_note("this one might sleep."), [Fact::MaySleep]);
        assert_eq!(of_note("(takes drv_lock)"), [Fact::Takes("drv_lock".to_owned())]);
        assert_eq!(of_note("decreased to 0"), []);
    }

    #[test]
    fn a_declared_fact_is_one_of_the_list() {
        assert_eq!(parse("takes(&a->b)"), Some(Fact::Takes("a->b".to_owned())));
        assert_eq!(parse("allocates(GFP_NOFS)"), Some(Fact::Allocates(true, "GFP_NOFS".to_owned())));
        assert_eq!((parse("takes()"), parse("eats"), parse("allocates(x)")), (None, None, None));
    }
}
