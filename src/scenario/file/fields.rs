//! The fields of a JSON object, each asked for by its name and its type; what is wrong is noted with its place.

use super::tree::Tree;
use super::{Problem, word};

/// An object under way.
pub(super) struct Fields<'t, 'p> {
    map: &'t [(String, Tree)],
    place: String,
    pub problems: &'p mut Vec<Problem>,
}

/// The field `name` of an object, if it is a text.
pub(super) fn name_of(tree: &Tree) -> Option<&str> {
    let Tree::Map(map) = tree else { return None };
    map.iter().find_map(|(field, value)| match value {
        Tree::Text(text) if field == "name" => Some(text.as_str()),
        _ => None,
    })
}

impl<'t, 'p> Fields<'t, 'p> {
    /// The fields of an object; none but these may be there, and each once.
    pub fn of(tree: &'t Tree, place: &str, known: &[&str], problems: &'p mut Vec<Problem>) -> Option<Fields<'t, 'p>> {
        let Tree::Map(map) = tree else {
            let cause = format!("{} where an object is expected", tree.kind());
            problems.push(Problem { place: place.to_owned(), cause });
            return None;
        };
        let mut fields = Fields { map, place: place.to_owned(), problems };
        for (at, (name, _)) in map.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                fields.problem(name, format!("unknown field: the fields are {}", known.join(", ")));
            } else if map[..at].iter().any(|(earlier, _)| earlier == name) {
                fields.problem(name, "the field comes twice".to_owned());
            }
        }
        Some(fields)
    }

    fn place_of(&self, field: &str) -> String {
        if self.place.is_empty() { field.to_owned() } else { format!("{}.{field}", self.place) }
    }

    /// Notes what is wrong with a field.
    pub fn problem(&mut self, field: &str, cause: String) {
        let place = self.place_of(field);
        self.problems.push(Problem { place, cause });
    }

    fn get(&self, field: &str) -> Option<&'t Tree> {
        self.map.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    fn wrong_type(&mut self, field: &str, value: &Tree, expected: &str) {
        self.problem(field, format!("{} where {expected} is expected", value.kind()));
    }

    /// A text, if the field is there.
    pub fn optional_text(&mut self, field: &str) -> Option<&'t str> {
        match self.get(field)? {
            Tree::Text(text) => Some(text),
            other => {
                self.wrong_type(field, other, "a text");
                None
            }
        }
    }

    /// A text, or this one.
    pub fn text_or(&mut self, field: &str, default: &'static str) -> &'static str {
        self.optional_text(field).map_or(default, word)
    }

    /// A name, which has to be there.
    pub fn name(&mut self, field: &str) -> Option<&'static str> {
        if self.get(field).is_none() {
            self.problem(field, "the field is missing".to_owned());
            return None;
        }
        let text = self.optional_text(field)?;
        let is_name = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !is_name || matches!(text, "boot" | "clock") {
            self.problem(
                field,
                format!("`{text}` is no name: letters, digits, `-`, `_` and `.`, and not boot or clock"),
            );
            return None;
        }
        Some(word(text))
    }

    /// A number up to a bound, or this one.
    pub fn number_or(&mut self, field: &str, default: u64, max: u64) -> u64 {
        match self.get(field) {
            None => default,
            Some(Tree::Number(number)) if *number <= max => *number,
            Some(Tree::Number(number)) => {
                self.problem(field, format!("{number} is more than {max}"));
                default
            }
            Some(other) => {
                self.wrong_type(field, other, "a number");
                default
            }
        }
    }

    /// One of these words; the first if the field is not there.
    pub fn one_of<T: Copy>(&mut self, field: &str, known: &[(&str, T)]) -> T {
        let Some(text) = self.optional_text(field) else { return known[0].1 };
        known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).unwrap_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.problem(field, format!("unknown {} `{text}`: {}", noun(field), names.join(", ")));
            known[0].1
        })
    }

    /// Some of these words.
    pub fn set_of<'k>(&mut self, field: &str, known: &[&'k str]) -> Vec<&'k str> {
        let mut set = Vec::new();
        for (place, tree) in self.list(field, known.len()) {
            let found = match tree {
                Tree::Text(text) => known.iter().find(|name| *name == text).ok_or(format!("`{text}`")),
                other => Err(other.kind().to_owned()),
            };
            match found {
                Ok(name) => set.push(*name),
                Err(what) => {
                    self.problems.push(Problem { place, cause: format!("unknown fault {what}: {}", known.join(", ")) });
                }
            }
        }
        set
    }

    /// The elements of a list with their places; none if the field is not there.
    pub fn list(&mut self, field: &str, max: usize) -> Vec<(String, &'t Tree)> {
        let place = self.place_of(field);
        match self.get(field) {
            None => Vec::new(),
            Some(Tree::List(elements)) if elements.len() <= max => {
                elements.iter().enumerate().map(|(at, element)| (format!("{place}[{at}]"), element)).collect()
            }
            Some(Tree::List(elements)) => {
                self.problem(field, format!("{} elements, at most {max} are allowed", elements.len()));
                Vec::new()
            }
            Some(other) => {
                self.wrong_type(field, other, "a list");
                Vec::new()
            }
        }
    }
}

/// What the values of a field are called.
fn noun(field: &str) -> &str {
    if field == "fs" { "file system" } else { field }
}
