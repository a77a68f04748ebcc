//! Where something happens: a line of Rust that was compiled, or a line of a text that was read.
//!
//! Both are copied, compared and shown alike, so a finding about a text points at the user's own line, as one about Rust does.

use std::fmt;
use std::panic::Location;

use super::Symbol;

/// A place in the source of the code under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Of compiled code.
    Rust(&'static Location<'static>),
    /// Of a text. Lines and columns count from 1.
    Text {
        /// What the text is called.
        file: Symbol,
        /// The line.
        line: u32,
        /// The column.
        column: u32,
    },
}

impl Place {
    /// Where the function that says this was called.
    #[track_caller]
    pub fn caller() -> Place {
        Place::Rust(Location::caller())
    }

    /// The file that it lies in.
    pub fn file(&self) -> &'static str {
        match self {
            Place::Rust(location) => location.file(),
            Place::Text { file, .. } => file.as_str(),
        }
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        match self {
            Place::Rust(location) => location.line(),
            Place::Text { line, .. } => *line,
        }
    }

    /// The column, from 1.
    pub fn column(&self) -> u32 {
        match self {
            Place::Rust(location) => location.column(),
            Place::Text { column, .. } => *column,
        }
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(location: &'static Location<'static>) -> Place {
        Place::Rust(location)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line(), self.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_text_is_a_place_as_a_line_of_rust_is() {
        let (rust, text) = (Place::caller(), Place::Text { file: Symbol::new("mail.txt"), line: 3, column: 7 });

        assert_eq!((rust.file(), text.file()), (file!(), "mail.txt"));
        assert_eq!(text.to_string(), "mail.txt:3:7");
        assert_eq!(text, Place::Text { file: ["mail", ".txt"].concat().into(), line: 3, column: 7 });
        assert!(rust != text && rust != Place::caller() && rust.line() < Place::caller().line());
    }
}
