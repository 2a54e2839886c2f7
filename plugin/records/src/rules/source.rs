//! The texts of rules files, and places in them.

use std::ops::Range;
use std::path::PathBuf;

/// Where in the files something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which file, in the order in which they were read.
    pub file: usize,
    /// Which bytes of it.
    pub bytes: Range<usize>,
}

/// A rules file, or a part of the rules that was read from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, as people know it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What tells it from all others where one file has several names: its canonical path. Without it the name does.
    pub identity: Option<PathBuf>,
}

impl SourceFile {
    /// A file that no other name leads to.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), identity: None }
    }

    /// Whether it is the same file, whatever it is called and whatever was read.
    #[must_use]
    pub fn is_same(&self, other: &SourceFile) -> bool {
        match (&self.identity, &other.identity) {
            (Some(one), Some(other)) => one == other,
            _ => self.name == other.name,
        }
    }
}

/// The files that rules were read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// A place as people count: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Its line.
    pub line: usize,
    /// The column of the first character.
    pub column: usize,
    /// How many characters of the line are meant, at least one.
    pub width: usize,
    /// The text of the line.
    pub text: &'a str,
}

impl Sources {
    /// Adds a file and gives its place among the files.
    pub fn add(&mut self, file: SourceFile) -> usize {
        self.files.push(file);
        self.files.len() - 1
    }

    /// The files, in the order in which they were read.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The text of a place; nothing when the files have no such place.
    #[must_use]
    pub fn text(&self, place: &Place) -> &str {
        self.files.get(place.file).and_then(|file| file.text.get(place.bytes.clone())).unwrap_or_default()
    }

    /// A place in lines and columns.
    #[must_use]
    pub fn position(&self, place: &Place) -> Position<'_> {
        let (name, text) = self.files.get(place.file).map_or(("", ""), |file| (file.name.as_str(), file.text.as_str()));
        let start = floor(text, place.bytes.start);
        let (before, behind) = text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = start + behind.find('\n').unwrap_or(behind.len());
        let end = floor(text, place.bytes.end).clamp(start, line_end);
        let count = |from: usize, to: usize| text.get(from..to).map_or(0, |part| part.chars().count());
        Position {
            file: name,
            line: before.matches('\n').count() + 1,
            column: count(line_start, start) + 1,
            width: count(start, end).max(1),
            text: text.get(line_start..line_end).unwrap_or_default().trim_end_matches('\r'),
        }
    }
}

/// The nearest place at or before `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_in_characters_from_one() {
        let mut sources = Sources::default();
        sources.add(SourceFile::new("first.toml", ""));
        let file = sources.add(SourceFile::new("rules.toml", "a = 1\r\nnäme = 'ü'\n"));
        let position = |bytes| {
            let position = sources.position(&Place { file, bytes });
            (position.line, position.column, position.width, position.text)
        };
        assert_eq!(position(0..1), (1, 1, 1, "a = 1"));
        assert_eq!(position(15..19), (2, 8, 3, "näme = 'ü'"));
        assert_eq!(position(9..10), (2, 2, 1, "näme = 'ü'"), "in the middle of a character");
        assert_eq!(position(900..901), (3, 1, 1, ""));
        assert_eq!(sources.position(&Place { file: 9, bytes: 0..9 }).line, 1);
    }
}
