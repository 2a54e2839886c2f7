//! Literals of which one has to be in every text that a pattern matches.
//!
//! Sound, not complete: a pattern for which nothing is found may still need a literal.

use memchr::memmem;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Literals shorter than this are found in too many lines to be of use.
const MIN_BYTES: usize = 3;
/// Most alternatives that are looked for.
const MAX_ALTERNATIVES: usize = 32;

/// A literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    /// Its bytes; in small letters when case does not matter.
    pub(super) bytes: Vec<u8>,
    /// Whether ASCII letters stand for both cases.
    pub(super) ignores_case: bool,
}

impl Literal {
    /// Whether it is in the text.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        if self.ignores_case {
            memmem::find(&text.to_ascii_lowercase(), &self.bytes).is_some()
        } else {
            memmem::find(text, &self.bytes).is_some()
        }
    }
}

/// The literals of which one is in every match; `None` when none was found that is of use.
pub(super) fn find(pattern: &Hir) -> Option<Vec<Literal>> {
    match pattern.kind() {
        HirKind::Capture(capture) => find(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => find(&repetition.sub),
        HirKind::Alternation(parts) => {
            let alternatives = parts.iter().map(find).collect::<Option<Vec<_>>>()?.concat();
            (alternatives.len() <= MAX_ALTERNATIVES).then_some(alternatives)
        }
        HirKind::Concat(parts) => {
            let inner = parts.iter().filter_map(find);
            inner.chain(runs(parts)).max_by_key(|literals| worth(literals))
        }
        _ => runs(std::slice::from_ref(pattern)).next(),
    }
}

/// Whether the pattern is this text and nothing else.
pub(super) fn whole(pattern: &Hir) -> Option<&[u8]> {
    match pattern.kind() {
        HirKind::Literal(literal) => Some(&literal.0),
        _ => None,
    }
}

/// The longer the shortest of them is, the better; of two like it, the one with fewer.
fn worth(literals: &[Literal]) -> (usize, std::cmp::Reverse<usize>) {
    (literals.iter().map(|literal| literal.bytes.len()).min().unwrap_or(0), std::cmp::Reverse(literals.len()))
}

/// Literals that stand in the parts one behind another.
fn runs(parts: &[Hir]) -> impl Iterator<Item = Vec<Literal>> {
    let mut runs: Vec<Literal> = Vec::new();
    let mut run = Literal { bytes: Vec::new(), ignores_case: false };
    for part in parts {
        match part.kind() {
            HirKind::Literal(literal) => run.bytes.extend_from_slice(&literal.0),
            HirKind::Class(class) if letter(class).is_some() => {
                run.bytes.extend(letter(class));
                run.ignores_case = true;
            }
            _ => runs.push(std::mem::replace(&mut run, Literal { bytes: Vec::new(), ignores_case: false })),
        }
    }
    runs.push(run);
    runs.into_iter().filter(|run| run.bytes.len() >= MIN_BYTES).map(|mut run| {
        if run.ignores_case {
            run.bytes.make_ascii_lowercase();
        }
        vec![run]
    })
}

/// The small letter, when the class is one ASCII letter in both cases and nothing else. In Unicode `k` and `s` have a third
/// form, so they are none.
pub(super) fn letter(class: &Class) -> Option<u8> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Bytes(class) => class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let [(large, large_end), (small, small_end)] = ranges.as_slice() else { return None };
    let small_letter = u8::try_from(*small).ok().filter(u8::is_ascii_lowercase)?;
    let is_letter = large == large_end && small == small_end && *large == u32::from(small_letter.to_ascii_uppercase());
    is_letter.then_some(small_letter)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn literals(pattern: &str) -> Vec<String> {
        let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).unwrap();
        let show = |literal: Literal| {
            let text = String::from_utf8_lossy(&literal.bytes).into_owned();
            if literal.ignores_case { format!("{text} in any case") } else { text }
        };
        find(&hir).unwrap_or_default().into_iter().map(show).collect()
    }

    #[test]
    fn the_longest_literal_that_has_to_be_there_is_found() {
        for (pattern, expected) in [
            ("payment", &["payment"][..]),
            ("^user=\\d+ action=", &[" action="]),
            ("(timeout|refused)", &["timeout", "refused"]),
            ("(?:a+)?connection( reset)?", &["connection"]),
            ("(abcd)+x", &["abcd"]),
            ("\\d{3}", &[]),
            ("ab", &[]),
            ("(error|e\\d)", &[]),
            ("x*", &[]),
            ("(?i)denied", &["denied in any case"]),
            ("(?i)disk full", &[" full in any case"]),
            ("(?-u)(?i)disk", &["disk in any case"]),
            ("OutOf(?i:memory)", &["outofmemory in any case"]),
        ] {
            assert_eq!(literals(pattern), expected, "{pattern}");
        }
    }
}
