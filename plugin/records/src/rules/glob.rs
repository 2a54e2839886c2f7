//! Patterns with `*` for any run of bytes and `?` for any one byte, over the whole of a text.

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
        let Some(first_star) = memchr(b'*', pattern) else {
            return matches_at(pattern, text) && pattern.len() == text.len();
        };
        let (Some(head), Some(rest)) = (pattern.get(..first_star), pattern.get(first_star + 1..)) else { return false };
        if !matches_at(head, text) {
            return false;
        }
        let mut text = text.get(head.len()..).unwrap_or_default();
        let mut pieces = rest.split(|byte| *byte == b'*').peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                // Behind the last star the text has to end with the piece.
                return text
                    .len()
                    .checked_sub(piece.len())
                    .is_some_and(|at| matches_at(piece, text.get(at..).unwrap_or_default()));
            }
            // The first place where a piece fits leaves the most for the others.
            let Some(at) = find(piece, text) else { return false };
            text = text.get(at + piece.len()..).unwrap_or_default();
        }
        true
    }
}

/// Whether the text begins with the piece, which has no star.
fn matches_at(piece: &[u8], text: &[u8]) -> bool {
    text.len() >= piece.len() && piece.iter().zip(text).all(|(wanted, byte)| *wanted == b'?' || wanted == byte)
}

/// The first place in the text where the piece fits.
fn find(piece: &[u8], text: &[u8]) -> Option<usize> {
    let last = text.len().checked_sub(piece.len())?;
    (0..=last).find(|at| text.get(*at..).is_some_and(|rest| matches_at(piece, rest)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_for_runs_and_question_marks_for_one_byte() {
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
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(text.as_bytes()), matches, "{pattern} {text}");
        }
        assert_eq!(Glob::new(&"a".repeat(MAX_GLOB_BYTES + 1)), None);
    }

    proptest! {
        #[test]
        fn it_matches_what_the_regular_expression_matches(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let regex: String = pattern.chars().map(|c| match c { '*' => ".*".to_owned(), '?' => ".".to_owned(), c => c.to_string() }).collect();
            let regex = regex::Regex::new(&format!("^{regex}$")).unwrap();
            prop_assert_eq!(Glob::new(&pattern).unwrap().matches(text.as_bytes()), regex.is_match(&text));
        }
    }
}
