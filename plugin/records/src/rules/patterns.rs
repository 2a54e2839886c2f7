//! All patterns of one rule set, in one pass.
//!
//! Of every pattern a literal is known that its matches must have, where there is one. One pass over the text finds all of
//! them; only patterns whose literal is there are tried, and only when a rule asks. Patterns without a literal are one
//! automaton, which is run once when the first of them is asked for. A pattern that is a literal is never tried: it is there.
//!
//! All of it is linear in the text. Patterns are limited in size when they are compiled, and so is what their lazily built
//! automata may grow to; above that the regex crate goes on with a slower engine, which is linear too.

use super::required_literal::{self, Literal};
use aho_corasick::{AhoCorasick, packed};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::ops::Range;

/// Longest pattern, in bytes.
pub(super) const MAX_PATTERN_BYTES: usize = 4_096;
/// Most patterns of a rule set.
pub(super) const MAX_PATTERNS: usize = 500;
/// Largest compiled pattern, in bytes.
pub(super) const MAX_COMPILED_BYTES: usize = 512 * 1024;
/// What all patterns of a rule set may take when they are compiled, in bytes, each the same share.
const COMPILED_BYTES: usize = 32 * 1024 * 1024;
/// What all lazily built automata of a rule set may grow to, in bytes.
const AUTOMATA_BYTES: usize = 4 * 1024 * 1024;
/// What one of them gets at least, in bytes.
const MIN_AUTOMATON_BYTES: usize = 16 * 1024;
/// Literals that are searched for at once: with more the packed searcher finds too much that is none.
const MAX_PACKED: usize = 32;
/// Groups of literals that are searched for one after another; with more, all of them are searched for in one slower way.
const MAX_GROUPS: usize = 8;

/// A pattern that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct PatternError {
    message: String,
    bytes: Option<Range<usize>>,
}

impl PatternError {
    /// Where in the file it is: within the pattern, when that stands in the file as it is.
    pub(super) fn within(&self, source: &str, place: Range<usize>) -> Range<usize> {
        let is_as_it_is = source.starts_with('\'') && !source.starts_with("'''");
        match &self.bytes {
            Some(bytes) if is_as_it_is => {
                place.start + 1 + bytes.start..place.start + 1 + bytes.end.max(bytes.start + 1)
            }
            _ => place,
        }
    }
}

/// Whether a pattern is allowed.
pub(super) fn check(pattern: &str) -> Result<(), PatternError> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(PatternError { message: format!("at most {MAX_PATTERN_BYTES} bytes are allowed"), bytes: None });
    }
    syntax(pattern)?;
    compile(pattern, MAX_COMPILED_BYTES, MIN_AUTOMATON_BYTES).map(drop)
}

/// The pattern taken apart.
pub(super) fn syntax(pattern: &str) -> Result<regex_syntax::hir::Hir, PatternError> {
    let parsed = regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern);
    parsed.map_err(|error| {
        let (message, span) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), Some(error.span())),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), Some(error.span())),
            error => (error.to_string(), None),
        };
        PatternError { message, bytes: span.map(|span| span.start.offset..span.end.offset) }
    })
}

/// The compiled pattern.
pub(super) fn compile(pattern: &str, limit_bytes: usize, automaton_bytes: usize) -> Result<Regex, PatternError> {
    let built = RegexBuilder::new(pattern).size_limit(limit_bytes).dfa_size_limit(automaton_bytes).build();
    built.map_err(|error| {
        let message = match error {
            regex::Error::CompiledTooBig(_) => {
                format!("'{pattern}', compiled, is larger than {limit_bytes} bytes; use fewer and smaller repetitions")
            }
            error => error.to_string(),
        };
        PatternError { message, bytes: None }
    })
}

/// The compiled pattern, for a look at a single text.
pub(super) fn compile_alone(pattern: &str) -> Result<Regex, PatternError> {
    compile(pattern, MAX_COMPILED_BYTES, MIN_AUTOMATON_BYTES)
}

/// Whether a literal is known that every match of the pattern has.
pub(super) fn has_literal(pattern: &str) -> bool {
    syntax(pattern).is_ok_and(|syntax| required_literal::find(&syntax).is_some())
}

/// A pattern of a [`PatternSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PatternId(usize);

#[derive(Debug)]
enum Matcher {
    /// The literal is the pattern.
    Literal,
    /// One of its literals has to be there.
    WithLiteral(Regex),
    /// It has none: its place in the automaton of those.
    Bare(usize),
}

/// Patterns over one kind of text.
#[derive(Debug, Default)]
pub(super) struct PatternSet {
    sources: Vec<String>,
    matchers: Vec<Matcher>,
    literals: Vec<Literals>,
    /// The bits of patterns without a literal.
    bare_bits: u64,
    bare: Option<RegexSet>,
}

/// What is known of the text that is being looked at.
#[derive(Debug, Default)]
pub(super) struct PatternState {
    is_searched: bool,
    is_bare_run: bool,
    /// The bits of patterns that may match.
    possible_bits: u64,
    /// Patterns of which a literal was found; empty when there is none, as for most texts.
    has_literal: Vec<bool>,
    /// What is known of each pattern; empty until one is asked for.
    answers: Vec<Option<bool>>,
}

impl PatternState {
    /// Forgets the text.
    pub(super) fn clear(&mut self) {
        self.is_searched = false;
        self.is_bare_run = false;
    }
}

/// Literals and the patterns they belong to.
#[derive(Debug)]
struct Literals {
    /// Finds the first, fast.
    packed: Option<packed::Searcher>,
    /// Finds all from there on.
    all: AhoCorasick,
    /// For each literal its pattern.
    owners: Vec<usize>,
}

impl Literals {
    fn new(literals: &[(usize, Literal)], ignores_case: bool) -> Option<Self> {
        let chosen = || literals.iter().filter(move |(_, literal)| literal.ignores_case == ignores_case);
        let bytes = || chosen().map(|(_, literal)| literal.bytes.as_slice());
        chosen().next()?;
        let packed = (!ignores_case && literals.len() <= MAX_PACKED)
            .then(|| packed::Config::new().builder().extend(bytes()).build())
            .flatten();
        let all = AhoCorasick::builder().ascii_case_insensitive(ignores_case).build(bytes()).ok()?;
        Some(Self { packed, all, owners: chosen().map(|(owner, _)| *owner).collect() })
    }

    fn search(&self, text: &[u8], mut found: impl FnMut(usize)) {
        let start = match &self.packed {
            None => 0,
            Some(packed) => match packed.find(text) {
                None => return,
                Some(first) => first.start(),
            },
        };
        // The leftmost literal begins at `start`, so nothing that begins before is missed.
        let rest = text.get(start..).unwrap_or_default();
        for hit in self.all.find_overlapping_iter(rest) {
            if let Some(owner) = self.owners.get(hit.pattern().as_usize()) {
                found(*owner);
            }
        }
    }
}

/// One of 64 bits for a pattern.
fn bit(at: usize) -> u64 {
    1 << (at % 64)
}

impl PatternSet {
    /// Adds a pattern, or finds it when it is there.
    pub(super) fn add(&mut self, pattern: &str) -> PatternId {
        let known = self.sources.iter().position(|source| source == pattern);
        PatternId(known.unwrap_or_else(|| {
            self.sources.push(pattern.to_owned());
            self.sources.len() - 1
        }))
    }

    /// Compiles what was added; to be called once, before anything is asked.
    pub(super) fn build(&mut self) -> Result<(), PatternError> {
        let count = self.sources.len().max(1);
        let automaton_bytes = (AUTOMATA_BYTES / count).max(MIN_AUTOMATON_BYTES);
        let limit_bytes = (COMPILED_BYTES / count).min(MAX_COMPILED_BYTES);
        let mut literals = Vec::new();
        let mut bare: Vec<&str> = Vec::new();
        for (at, source) in self.sources.iter().enumerate() {
            let syntax = syntax(source)?;
            let required = required_literal::find(&syntax);
            let matcher = match required {
                None => {
                    bare.push(source);
                    self.bare_bits |= bit(at);
                    Matcher::Bare(bare.len() - 1)
                }
                Some(required) => {
                    let is_all = required_literal::whole(&syntax).is_some();
                    literals.extend(required.into_iter().map(|literal| (at, literal)));
                    if is_all {
                        Matcher::Literal
                    } else {
                        Matcher::WithLiteral(compile(source, limit_bytes, automaton_bytes)?)
                    }
                }
            };
            self.matchers.push(matcher);
        }
        let (any_case, exact): (Vec<_>, Vec<_>) = literals.into_iter().partition(|(_, literal)| literal.ignores_case);
        let group = if exact.len() <= MAX_PACKED * MAX_GROUPS { MAX_PACKED } else { exact.len() };
        self.literals.extend(exact.chunks(group.max(1)).filter_map(|group| Literals::new(group, false)));
        self.literals.extend(Literals::new(&any_case, true));
        if !bare.is_empty() {
            let built = RegexSetBuilder::new(&bare)
                .size_limit(limit_bytes.saturating_mul(bare.len()))
                .dfa_size_limit(AUTOMATA_BYTES / 2)
                .build();
            let too_large = |error: regex::Error| {
                let message = format!("the {} patterns without a literal are too large together: {error}", bare.len());
                PatternError { message, bytes: None }
            };
            self.bare = Some(built.map_err(too_large)?);
        }
        Ok(())
    }

    /// Whether there is no pattern.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The bits of some patterns. Of many, several have the same.
    pub(super) fn bits(patterns: &[PatternId]) -> u64 {
        patterns.iter().fold(0, |bits, PatternId(at)| bits | bit(*at))
    }

    /// The bits of those patterns that may match the text; those of others have no match.
    pub(super) fn possible_bits(&self, text: &[u8], state: &mut PatternState) -> u64 {
        if text.is_empty() {
            // No literal is in it.
            return self.bare_bits;
        }
        if !state.is_searched {
            self.search(text, state);
        }
        state.possible_bits
    }

    /// Whether the text has a match for the pattern. `state` is of this set and of this text.
    pub(super) fn is_match(&self, pattern: PatternId, text: &[u8], state: &mut PatternState) -> bool {
        if !state.is_searched {
            self.search(text, state);
        }
        state.answers.resize(self.sources.len(), None);
        let PatternId(at) = pattern;
        if let Some(Some(answer)) = state.answers.get(at) {
            return *answer;
        }
        let has_literal = state.has_literal.get(at).copied().unwrap_or_default();
        let answer = match self.matchers.get(at) {
            None => false,
            Some(Matcher::Literal) => has_literal,
            Some(Matcher::WithLiteral(regex)) => has_literal && regex.is_match(text),
            Some(Matcher::Bare(_)) => {
                self.run_bare(text, state);
                return state.answers.get(at).copied().flatten().unwrap_or_default();
            }
        };
        if let Some(slot) = state.answers.get_mut(at) {
            *slot = Some(answer);
        }
        answer
    }

    fn search(&self, text: &[u8], state: &mut PatternState) {
        state.is_searched = true;
        state.has_literal.clear();
        state.answers.clear();
        state.possible_bits = self.bare_bits;
        let PatternState { has_literal, possible_bits, .. } = state;
        for literals in &self.literals {
            literals.search(text, |owner| {
                *possible_bits |= bit(owner);
                has_literal.resize(self.sources.len(), false);
                if let Some(slot) = has_literal.get_mut(owner) {
                    *slot = true;
                }
            });
        }
    }

    fn run_bare(&self, text: &[u8], state: &mut PatternState) {
        if state.is_bare_run {
            return;
        }
        state.is_bare_run = true;
        let Some(bare) = &self.bare else { return };
        let matches = bare.matches(text);
        for (at, matcher) in self.matchers.iter().enumerate() {
            if let (Matcher::Bare(place), Some(slot)) = (matcher, state.answers.get_mut(at)) {
                *slot = Some(matches.matched(*place));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATTERNS: [&str; 14] = [
        "abc",
        "bcd",
        "^abc",
        "abc$",
        "a.c",
        "[ab]+",
        "(?i)abcd",
        "abca|bcab",
        "(abc)+d",
        "\\d",
        "",
        "(?i)ABC",
        "c?abc",
        "bcdabc",
    ];

    fn answers(patterns: &[&str], text: &[u8]) -> Vec<bool> {
        let mut set = PatternSet::default();
        let ids: Vec<PatternId> = patterns.iter().map(|pattern| set.add(pattern)).collect();
        set.build().unwrap();
        let mut state = PatternState::default();
        ids.into_iter().map(|id| set.is_match(id, text, &mut state)).collect()
    }

    proptest! {
        #[test]
        fn every_pattern_matches_what_it_matches_alone(text in "[abcdABCD1 ]{0,24}") {
            let alone: Vec<bool> = PATTERNS.iter().map(|pattern| Regex::new(pattern).unwrap().is_match(text.as_bytes())).collect();
            prop_assert_eq!(answers(&PATTERNS, text.as_bytes()), alone);
        }
    }

    #[test]
    fn literals_that_overlap_are_all_found() {
        assert_eq!(answers(&["abcd", "bcde", "cde", "xyz"], b"..abcde"), [true, true, true, false]);
        // More than the packed searcher takes.
        let many: Vec<String> = (100..300).map(|number| format!("id{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let found = answers(&many, b"id150 id299");
        assert_eq!(found.iter().filter(|found| **found).count(), 2);
    }

    #[test]
    fn patterns_that_are_not_allowed_say_why_and_where() {
        let error = check("a(b").unwrap_err();
        assert_eq!(error.to_string(), "unclosed group");
        assert_eq!(error.within("'a(b'", 10..15), 12..13);
        assert_eq!(error.within("\"a(b\"", 10..15), 10..15);
        assert!(check("(a{1000}){1000}").unwrap_err().to_string().contains("is larger than"));
        assert!(check(&"a".repeat(MAX_PATTERN_BYTES + 1)).unwrap_err().to_string().contains("at most 4096 bytes"));
        assert!(check("(a+)+$").is_ok());
    }
}
