//! What is certain of a pattern without a text: that it is found in all texts or in none, what it needs, where it begins.
//!
//! Sound, not complete: a yes is certain, a no may be a "not seen".

use super::required_literal::{Literal, letter};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Whether the pattern is found at the start of every text, whatever stands there.
pub(super) fn matches_all(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(Look::Start | Look::StartLF | Look::StartCRLF) => true,
        HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => repetition.min == 0 || matches_all(&repetition.sub),
        HirKind::Capture(capture) => matches_all(&capture.sub),
        HirKind::Concat(parts) => parts.iter().all(matches_all),
        HirKind::Alternation(parts) => parts.iter().any(matches_all),
    }
}

/// Whether the pattern is found in no text.
pub(super) fn matches_none(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Class(Class::Unicode(class)) => class.ranges().is_empty(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().is_empty(),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => repetition.min > 0 && matches_none(&repetition.sub),
        HirKind::Capture(capture) => matches_none(&capture.sub),
        HirKind::Concat(parts) => {
            let takes_bytes = |part: &Hir| part.properties().minimum_len().is_some_and(|bytes| bytes > 0);
            let is = |part: &Hir, look: Look| matches!(part.kind(), HirKind::Look(found) if *found == look);
            // The start of a text is not behind any of its bytes, nor the end before one.
            let behind_bytes = parts.iter().skip_while(|part| !takes_bytes(part));
            let behind_end = parts.iter().skip_while(|part| !is(part, Look::End));
            parts.iter().any(matches_none)
                || behind_bytes.into_iter().any(|part| is(part, Look::Start))
                || behind_end.into_iter().any(takes_bytes)
        }
        HirKind::Alternation(parts) => parts.iter().all(matches_none),
    }
}

/// The text that the pattern stands for: it is found where this text is, and nowhere else.
pub(super) fn literal(pattern: &Hir) -> Option<Literal> {
    let parts = match pattern.kind() {
        HirKind::Capture(capture) => return literal(&capture.sub),
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(pattern),
    };
    let ignores_case = parts.iter().any(|part| matches!(part.kind(), HirKind::Class(_)));
    let mut bytes = Vec::new();
    for part in parts {
        match part.kind() {
            HirKind::Literal(literal) if !ignores_case || !literal.0.iter().any(u8::is_ascii_alphabetic) => {
                bytes.extend_from_slice(&literal.0);
            }
            HirKind::Class(class) => bytes.push(letter(class)?),
            _ => return None,
        }
    }
    Some(Literal { bytes, ignores_case })
}

/// Whether the literal is in every match of the pattern.
pub(super) fn requires(pattern: &Hir, literal: &Literal) -> bool {
    match pattern.kind() {
        HirKind::Capture(capture) => requires(&capture.sub, literal),
        HirKind::Repetition(repetition) => repetition.min > 0 && requires(&repetition.sub, literal),
        HirKind::Alternation(parts) => parts.iter().all(|part| requires(part, literal)),
        HirKind::Concat(parts) => parts.iter().any(|part| requires(part, literal)) || has_run(parts, literal),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {
            has_run(std::slice::from_ref(pattern), literal)
        }
    }
}

/// Whether the literal is in what parts say that stand one behind another.
fn has_run(parts: &[Hir], literal: &Literal) -> bool {
    let mut run = Vec::new();
    for part in parts {
        match part.kind() {
            HirKind::Literal(bytes) => run.extend_from_slice(&bytes.0),
            HirKind::Class(class) if literal.ignores_case => match letter(class) {
                Some(letter) => run.push(letter),
                None if literal.is_in(&run) => return true,
                None => run.clear(),
            },
            _ if literal.is_in(&run) => return true,
            _ => run.clear(),
        }
    }
    literal.is_in(&run)
}

/// What every text begins with in which the pattern is found.
pub(super) fn start(pattern: &Hir) -> Option<&[u8]> {
    match pattern.kind() {
        HirKind::Capture(capture) => start(&capture.sub),
        HirKind::Concat(parts) => match parts.as_slice() {
            [first, second, ..] => match (first.kind(), second.kind()) {
                (HirKind::Look(Look::Start), HirKind::Literal(literal)) => Some(&literal.0),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn syntax(pattern: &str) -> Hir {
        regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).unwrap()
    }

    #[test]
    fn patterns_of_all_texts_and_of_none_are_seen() {
        for pattern in ["", "a*", "^", "^a?", "(a|)", "(?m)^", "[^\\s\\S]*", "(?:)"] {
            assert!(matches_all(&syntax(pattern)), "{pattern}");
        }
        for pattern in ["a", "$", "\\b", "^$", ".", "(?:a*b)", "^a"] {
            assert!(!matches_all(&syntax(pattern)), "{pattern}");
        }
        for pattern in ["[^\\s\\S]", "a[^\\s\\S]", "([^\\s\\S]|b[^\\s\\S])", "a^b", "a$b", "(?:[^\\s\\S])+", "a+\\A"] {
            assert!(matches_none(&syntax(pattern)), "{pattern}");
        }
        for pattern in ["", "[^\\s\\S]?", "(a|[^\\s\\S])", "a*^b", "(?m)a$\n^b", "a$b*", "^$"] {
            assert!(!matches_none(&syntax(pattern)), "{pattern}");
        }
    }

    #[test]
    fn what_a_pattern_stands_for_needs_and_begins_with_is_seen() {
        let found = |pattern: &str| {
            literal(&syntax(pattern)).map(|literal| (String::from_utf8(literal.bytes).unwrap(), literal.ignores_case))
        };
        assert_eq!(found("foo"), Some(("foo".to_owned(), false)));
        assert_eq!(found("(foo)"), Some(("foo".to_owned(), false)));
        assert_eq!(found("(?i)oom-1"), Some(("oom-1".to_owned(), true)));
        assert_eq!(found("a(?i)b"), None, "of the first letter case matters");
        assert_eq!(found("(?i)disk"), None, "in Unicode there are other forms of k and s");
        assert_eq!(found("^foo"), None);
        assert_eq!(start(&syntax("^foo\\d")), Some(&b"foo"[..]));
        assert_eq!(start(&syntax("(?m)^foo")), None);
        assert_eq!(start(&syntax("foo")), None);
    }

    proptest! {
        #[test]
        fn what_is_told_is_so(pattern in "(\\(\\?i\\))?[ab^$]{0,2}([ab]|[ab]\\*|\\(a\\|b\\)|[ab]\\?|\\[ab\\]|\\(b[ab]\\)\\+){0,4}\\$?", wide in "(\\(\\?i\\))?[ab]{1,2}", text in "[abAB]{0,8}") {
            let regex = regex::bytes::Regex::new(&pattern).unwrap();
            let (syntax, is_found) = (syntax(&pattern), regex.is_match(text.as_bytes()));
            prop_assert!(is_found || !matches_all(&syntax));
            prop_assert!(!is_found || !matches_none(&syntax));
            if is_found {
                prop_assert!(start(&syntax).is_none_or(|start| text.as_bytes().starts_with(start)));
            }
            let wide_syntax = super::tests::syntax(&wide);
            let wide_is_found = regex::bytes::Regex::new(&wide).unwrap().is_match(text.as_bytes());
            let wide = literal(&wide_syntax).unwrap();
            prop_assert_eq!(wide.is_in(text.as_bytes()), wide_is_found);
            prop_assert!(!is_found || wide_is_found || !requires(&syntax, &wide));
        }
    }
}
