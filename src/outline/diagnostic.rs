//! What is said about the user's text, with the places in it, and how that is rendered: as rustc would.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::source::{Place, Source};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A finding, or input that cannot be read.
    Error,
    /// Worth knowing; the verdict does not depend on it.
    Warning,
}

/// A place and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there.
    pub text: String,
}

/// Something to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// The code of a finding.
    pub code: Option<&'static str>,
    /// In one line.
    pub title: String,
    /// The place it is about, then those that explain it.
    pub labels: Vec<Label>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// A mistake in the input: what is wrong, and what was expected at the place.
    pub fn mistake(title: impl Into<String>, place: Place, expected: impl Into<String>) -> Diagnostic {
        let labels = vec![Label { place, text: expected.into() }];
        Diagnostic { severity: Severity::Error, code: None, title: title.into(), labels, notes: Vec::new() }
    }

    /// Something to know, at a place.
    pub fn warning(title: impl Into<String>, place: Place, label: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::mistake(title, place, label) }
    }

    /// With one more remark.
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }
}

/// The diagnostic over the lines that it is about.
pub fn render(source: &Source, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(diagnostic.title.clone());
    if let Some(code) = diagnostic.code {
        title = title.id(code);
    }
    let labels: Vec<&Label> = diagnostic.labels.iter().filter(|label| label.place.is_somewhere()).collect();
    let lines = labels.iter().map(|label| label.place.line as usize);
    let mut group = annotate_snippets::Group::with_title(title);
    if let (Some(first), Some(last)) = (lines.clone().min(), lines.max()) {
        let (text, starts) = excerpt(source, first, last);
        let annotations = labels.iter().enumerate().map(|(at, label)| {
            let kind = if at == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            kind.span(span(source, &starts, first, label.place)).label(label.text.clone())
        });
        let snippet = Snippet::source(text).line_start(first).path(source.name.clone()).fold(true);
        group = group.element(snippet.annotations(annotations.collect::<Vec<_>>()));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.clone()));
    }
    Renderer::plain().render(&[group]) + "\n"
}

/// The lines from the first to the last, and where each begins in it.
fn excerpt(source: &Source, first: usize, last: usize) -> (String, Vec<usize>) {
    let (mut text, mut starts) = (String::new(), Vec::new());
    for line in source.original.get(first - 1..last.min(source.original.len())).unwrap_or_default() {
        starts.push(text.len());
        // What moves the cursor would move the caret away from its character.
        text.extend(line.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }));
        text.push('\n');
    }
    (text, starts)
}

fn span(source: &Source, starts: &[usize], first: usize, place: Place) -> std::ops::Range<usize> {
    let at = place.line as usize - first;
    let (Some(start), Some(line)) = (starts.get(at), source.original.get(place.line as usize - 1)) else { return 0..0 };
    // Control characters are one byte in the excerpt, whatever they are in the line.
    let width = |c: char| if c.is_control() && c != '\t' { 1 } else { c.len_utf8() };
    let bytes = |count: u32| line.chars().take(count as usize).map(width).sum::<usize>();
    start + bytes(place.from)..start + bytes(place.to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_both_places_in_the_users_lines() {
        let source = Source::new("mail", "f\n   lock_kernel\n   g\n      lock_kernel\n".as_bytes());
        let label = |line, from, to, text: &str| Label { place: Place { line, from, to }, text: text.to_owned() };
        let diagnostic = Diagnostic {
            code: Some("LW001"),
            labels: vec![label(4, 6, 17, "again here"), label(2, 3, 14, "taken here")],
            ..Diagnostic::mistake("taken twice", Place::default(), "")
        };

        let text = render(&source, &diagnostic);
        assert!(text.starts_with("error[LW001]: taken twice\n --> mail:4:7\n"), "{text}");
        assert!(text.contains("2 |    lock_kernel\n  |    ----------- taken here"), "{text}");
        assert!(text.contains("4 |       lock_kernel\n  |       ^^^^^^^^^^^ again here"), "{text}");
    }

    #[test]
    fn odd_characters_do_not_move_the_caret_out_of_the_line() {
        let source = Source::new("x", "\u{1b}[1m\u{e9}\u{0}ab\u{85}\n".as_bytes());
        let place = Place { line: 1, from: 4, to: 8 };

        assert!(render(&source, &Diagnostic::mistake("odd", place, "here")).contains("^"));
    }
}
