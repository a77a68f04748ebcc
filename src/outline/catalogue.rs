//! What known kernel functions take, allocate and may do.
//!
//! A catalogue is a file of `fn` lines, and of `lock` lines that say what kind a lock is. The one that is built in is facts about Linux, gathered by name: a function is listed if people
//! write it in outlines and it sleeps, allocates, takes or frees something, or is known to do none of that.

use std::collections::BTreeMap;

use super::declare::{self, Declaration};
use super::diagnostic::Diagnostic;
use super::facts::Fact;
use super::source::Source;
use super::vocabulary::Kind;

const BUILT_IN: &str = include_str!("catalogue.txt");

/// A function that is known.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it does.
    pub facts: Vec<Fact>,
    /// The kernels that it is of, and a remark.
    pub about: String,
}

/// Functions by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    functions: BTreeMap<String, Known>,
    locks: BTreeMap<String, Kind>,
}

impl Catalogue {
    /// The one that is built in.
    pub fn built_in() -> Catalogue {
        let mut catalogue = Catalogue::default();
        let mistakes = catalogue.add("the built-in catalogue", BUILT_IN.as_bytes());
        assert!(mistakes.1.is_empty(), "internal error: the catalogue has a mistake: {:?}", mistakes.1);
        catalogue
    }

    /// Adds a file of `fn` and `lock` lines; later ones win.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> (Source, Vec<Diagnostic>) {
        let source = Source::new(name, bytes);
        let mut mistakes = Vec::new();
        for line in &source.lines {
            let text = line.text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match declare::parse(line) {
                Some(Ok(found)) if found.iter().all(|it| matches!(it, Declaration::Fn(..) | Declaration::Lock(..))) => {
                    let about = text.split_once('#').map_or("", |(_, about)| about.trim()).to_owned();
                    for declaration in found {
                        match declaration {
                            Declaration::Fn(function, facts) => {
                                self.functions.insert(function, Known { facts, about: about.clone() });
                            }
                            Declaration::Lock(lock, kind) => _ = self.locks.insert(lock, kind),
                            _ => {}
                        }
                    }
                }
                Some(Err(mistake)) => mistakes.push(mistake),
                _ => mistakes.push(Diagnostic::mistake(
                    "a catalogue has `fn` and `lock` lines only",
                    line.whole(),
                    "expected `fn NAME: FACTS` or `lock NAME: KIND`",
                )),
            }
        }
        (source, mistakes)
    }

    /// What is known of the function. A method, `f_op->setlease`, is known by the whole name or by its last part with a `->` before it.
    pub fn facts(&self, name: &str) -> Option<&[Fact]> {
        self.functions.get(name).map(|known| known.facts.as_slice())
    }

    /// All that is known of the function.
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.functions.get(name)
    }

    /// The kind of a lock, if a `lock` line says it.
    pub fn lock(&self, name: &str) -> Option<Kind> {
        self.locks.get(name).copied()
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.functions.iter().map(|(name, known)| (name.as_str(), known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_large_and_each_line_says_its_kernel() {
        let catalogue = Catalogue::built_in();

        assert!(catalogue.iter().count() >= 250, "{}", catalogue.iter().count());
        let silent: Vec<&str> =
            catalogue.iter().filter(|(_, known)| known.about.is_empty()).map(|(name, _)| name).collect();
        assert_eq!(silent, Vec::<&str>::new());
    }

    #[test]
    fn a_users_line_wins() {
        let mut catalogue = Catalogue::built_in();
        assert_eq!(catalogue.facts("fasync_helper"), Some([Fact::Allocates(true, "GFP_KERNEL".to_owned())].as_slice()));

        let (_, mistakes) = catalogue.add("mine", b"fn fasync_helper: nothing\nlock big: rwsem\nfn broken\n");
        assert_eq!((catalogue.lock("big"), catalogue.lock("small")), (Some(Kind::Rwsem), None));
        assert_eq!(catalogue.facts("fasync_helper"), Some([Fact::Nothing].as_slice()));
        assert_eq!(mistakes.len(), 1);
    }
}
