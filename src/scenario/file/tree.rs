//! JSON as it stands in a file: names in their order, none lost when it comes twice.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Text(String),
    Number(u64),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
    /// What no scenario has: `null`, `true`, a negative number.
    Other(&'static str),
}

impl Tree {
    /// What it is, for who expected something else.
    pub fn kind(&self) -> &'static str {
        match self {
            Tree::Text(_) => "a text",
            Tree::Number(_) => "a number",
            Tree::List(_) => "a list",
            Tree::Map(_) => "an object",
            Tree::Other(kind) => kind,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(AnyTree)
    }
}

struct AnyTree;

impl<'de> Visitor<'de> for AnyTree {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number))
    }

    fn visit_i64<E>(self, _number: i64) -> Result<Tree, E> {
        Ok(Tree::Other("a negative number"))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Tree, E> {
        Ok(Tree::Other("a fraction"))
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Tree, E> {
        Ok(Tree::Other("a truth value"))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Other("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}
