//! Functions without a body: what `fn` lines and the catalogue say of them.

use super::act::Taking;
use super::*;
use crate::outline::facts::flags_sleep;

impl<'a> Walk<'a> {
    pub(super) fn known_or_assumed(&mut self, name: &str, place: Place, state: &State) {
        let mut state = state.clone();
        self.known_or_assumed_with(name, &[], place, &mut state);
    }

    pub(super) fn known_or_assumed_with(&mut self, name: &str, args: &[String], place: Place, state: &mut State) {
        // What it is told the address of, it may set.
        for passed in args.iter().filter_map(|arg| arg.trim().strip_prefix('&')) {
            forget(state, &crate::outline::words::plain(passed));
        }
        match self.scope.meaning(name, &[]) {
            Meaning::Facts(facts) => {
                // With one handler in the text, its interrupt is the one that is meant.
                if self.scope.interrupt().is_some() && matches!(name, "disable_irq" | "enable_irq") {
                    state.quiet = (name == "disable_irq").then_some(place);
                }
                for fact in &facts {
                    match fact {
                        Fact::Locks(lock) => {
                            let (kind, _) = self.kind(lock, None, place);
                            let number = self.number(lock);
                            self.take(
                                state,
                                number,
                                Taking { kind, mode: Mode::Write, mask: Mask::None, is_try: false },
                                place,
                            );
                        }
                        Fact::Unlocks(lock) => {
                            let number = self.number(lock);
                            self.give(state, number, None, Mask::None, place);
                        }
                        _ => self.apply(state, name, std::slice::from_ref(fact), args, place),
                    }
                }
            }
            Meaning::Unknown if !is_value(name) => {
                let declare = Some(format!("fn {name}: nothing"));
                self.assume(format!("{name} neither sleeps nor locks: it is not known"), declare, place);
            }
            _ => {}
        }
    }

    /// Facts that change nothing for good.
    pub(super) fn apply(&mut self, state: &State, name: &str, facts: &[Fact], args: &[String], place: Place) {
        for fact in facts {
            match fact {
                Fact::MaySleep => self.sleeps(state, name, place, false),
                Fact::Allocates(true, flags) => self.sleeps(state, &allocation(name, flags), place, false),
                Fact::AllocatesByFlags => {
                    let flags = args.join(", ");
                    if flags_sleep(&flags) {
                        let flags = if flags.contains("GFP_") { flags } else { "GFP_KERNEL".to_owned() };
                        self.sleeps(state, &allocation(name, &flags), place, false);
                    }
                }
                Fact::Takes(lock) => {
                    let (kind, _) = self.kind(lock, None, place);
                    let number = self.number(lock);
                    let mut inside = state.clone();
                    self.take(
                        &mut inside,
                        number,
                        Taking { kind, mode: Mode::Write, mask: Mask::None, is_try: false },
                        place,
                    );
                }
                _ => {}
            }
        }
    }
}

fn allocation(name: &str, flags: &str) -> String {
    let flags = flags.split([',', ' ']).map(str::trim).find(|flag| flag.contains("GFP_")).unwrap_or("GFP_KERNEL");
    // A function that is nothing but an allocation is shown as the call that it is.
    if name.contains("alloc") { format!("{name}({flags})") } else { format!("{name}, which allocates with {flags},") }
}

/// Functions that are nothing but values: what they do to memory is not the business of the walk.
pub(super) fn is_value(name: &str) -> bool {
    let bare = name.trim_start_matches('_');
    [
        "atomic_",
        "atomic64_",
        "smp_",
        "READ_ONCE",
        "WRITE_ONCE",
        "xchg",
        "cmpxchg",
        "test_and_",
        "unknown",
        "->",
        "rcu_replace_pointer",
        "ACCESS_ONCE",
        "IS_ERR",
    ]
    .iter()
    .any(|start| bare.starts_with(start))
}
