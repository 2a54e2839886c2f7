//! Patterns with `*` for any run of bytes and `?` for any one character, over the whole of a text. A byte that is part of no
//! character of UTF-8 counts as one.

use memchr::memchr;

/// Longest pattern, in bytes. Matching takes at most the pattern's length for each byte of the text.
pub const MAX_GLOB_BYTES: usize = 256;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
}

impl Glob {
    /// The pattern; `None` when it is longer than [`MAX_GLOB_BYTES`].
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        (pattern.len() <= MAX_GLOB_BYTES).then(|| Self { pattern: pattern.to_owned() })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern is the text itself, without `*` and `?`.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        !self.pattern.contains(['*', '?'])
    }

    /// What every matching text begins with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.pattern.split(['*', '?']).next().unwrap_or_default()
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let pattern = self.pattern.as_bytes();
        let Some(first_star) = memchr(b'*', pattern) else { return length_at(pattern, text) == Some(text.len()) };
        let (Some(head), Some(rest)) = (pattern.get(..first_star), pattern.get(first_star + 1..)) else { return false };
        let Some(mut text) = length_at(head, text).and_then(|length| text.get(length..)) else { return false };
        let mut pieces = rest.split(|byte| *byte == b'*').peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                // Behind the last star the text has to end with the piece.
                return ends_with(text, piece);
            }
            // The first place where a piece fits leaves the most for the others.
            let Some(rest) = behind_first(piece, text) else { return false };
            text = rest;
        }
        true
    }
}

/// How many bytes the piece, which has no star, takes of the text's start; `None` when the text does not begin with it.
fn length_at(piece: &[u8], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for wanted in piece {
        let rest = text.get(at..)?;
        at += match wanted {
            b'?' => first_character(rest)?,
            wanted if rest.first() == Some(wanted) => 1,
            _ => return None,
        };
    }
    Some(at)
}

/// What is behind the first place in the text where the piece fits.
fn behind_first<'t>(piece: &[u8], mut text: &'t [u8]) -> Option<&'t [u8]> {
    loop {
        if let Some(length) = length_at(piece, text) {
            return text.get(length..);
        }
        // A piece does not begin within a character.
        text = text.get(first_character(text)?..)?;
    }
}

/// Whether the text ends with the piece.
fn ends_with(text: &[u8], piece: &[u8]) -> bool {
    let mut text = text;
    for wanted in piece.iter().rev() {
        let length = match wanted {
            b'?' => last_character(text),
            wanted => text.last().filter(|byte| *byte == wanted).map(|_| 1),
        };
        let Some(rest) = length.and_then(|length| text.get(..text.len().checked_sub(length)?)) else { return false };
        text = rest;
    }
    true
}

/// How many bytes the first character has: one of UTF-8, or a byte that is part of none.
fn first_character(text: &[u8]) -> Option<usize> {
    if text.first()?.is_ascii() {
        return Some(1);
    }
    let is_character = |bytes: &usize| text.get(..*bytes).is_some_and(|bytes| str::from_utf8(bytes).is_ok());
    Some((2..=4).find(is_character).unwrap_or(1))
}

/// How many bytes the last character has.
fn last_character(text: &[u8]) -> Option<usize> {
    if text.last()?.is_ascii() {
        return Some(1);
    }
    let is_character = |bytes: &usize| {
        let last = text.len().checked_sub(*bytes).and_then(|at| text.get(at..));
        last.is_some_and(|last| first_character(last) == Some(*bytes))
    };
    Some((2..=4).find(is_character).unwrap_or(1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_for_runs_and_question_marks_for_one_character() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("app.*", "app.", true),
            ("app.*", "app", false),
            ("*-firelens-*", "web-firelens-0a1b", true),
            ("*-firelens-*", "web-firelens", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a", "ba", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b?*c", "abc", false),
            ("*.log", ".log.log", true),
            ("a?c", "aüc", true),
            ("a??c", "aüc", false),
            ("?", "€", true),
            ("??", "€", false),
            ("?*?", "ü", false),
            ("*?", "ü", true),
            ("?*", "ü", true),
            ("*??*", "ü", false),
            ("*ü?*ß", "xüüß", true),
            ("ü*ü", "ü", false),
            ("*?ü", "aü", true),
            ("*?ü", "ü", false),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(text.as_bytes()), matches, "{pattern} {text}");
        }
        // What is no UTF-8 is as many characters as it has bytes.
        for (text, question_marks) in [
            (&b"\xff"[..], 1),
            (b"\xc3", 1),
            (b"\xbc\xc3", 2),
            (b"\xe2\x82", 2),
            (b"\xe2\xe2\x82\xac", 2),
            (b"\xf5\x80a", 3),
        ] {
            for count in 1..=4 {
                let marks = "?".repeat(count);
                for pattern in [marks.clone(), format!("{marks}*"), format!("*{marks}"), format!("*{marks}*")] {
                    let expected =
                        if pattern.contains('*') { count <= question_marks } else { count == question_marks };
                    assert_eq!(Glob::new(&pattern).unwrap().matches(text), expected, "{pattern} {text:?}");
                }
            }
        }
        assert_eq!(Glob::new(&"a".repeat(MAX_GLOB_BYTES + 1)), None);
    }

    proptest! {
        #[test]
        fn it_matches_what_the_regular_expression_matches(pattern in "[abüß*?]{0,8}", text in "[abüß]{0,10}") {
            let regex: String = pattern.chars().map(|c| match c { '*' => ".*".to_owned(), '?' => ".".to_owned(), c => c.to_string() }).collect();
            let regex = regex::Regex::new(&format!("^{regex}$")).unwrap();
            prop_assert_eq!(Glob::new(&pattern).unwrap().matches(text.as_bytes()), regex.is_match(&text));
        }
    }
}
