//! A pattern for a line and for lines like it: its words as they are, with what differs from line to line left open.
//!
//! Times, numbers, addresses, ids and what else has digits are taken for what differs. What stands before the first word is left
//! out, so that heads of loggers and of syslog do not tie the pattern to one machine.

use regex::Regex;
use shiwake_records::rules::GroupKind;
use std::sync::LazyLock;

/// Characters of a line's words after which a pattern says enough.
const ENOUGH_CHARACTERS: usize = 40;
/// Characters of a line that are looked at.
const MAX_CHARACTERS: usize = 400;
/// Named groups of a pattern.
const MAX_GROUPS: usize = 4;
/// Names that groups may not have, or that would say how bad the line is.
const RESERVED: [&str; 8] = ["log_type", "severity", "sample_rate", "level", "log", "message", "msg", "status"];

/// What differs from line to line, and the pattern for each, the first that is found there counts.
const VARIABLE: [(&str, &str, Option<GroupKind>); 9] = [
    (r"\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?", r"\S+ ?\S*", None),
    (r"\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}", r"[^\]]+", None),
    (r"(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2}(?:\.\d+)?(?: \d{4})?", r".+?", None),
    (r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?", r"[\d:.,]+", None),
    (r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d+)?", r"[\d.:]+", Some(GroupKind::Text)),
    (r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", r"[0-9a-fA-F-]+", Some(GroupKind::Text)),
    (r"(?:0x)?[0-9a-fA-F]*[0-9][0-9a-fA-F]*[a-fA-F][0-9a-fA-F]{3,}", r"[0-9a-fA-Fx]+", Some(GroupKind::Text)),
    (r"\d+\.\d+", r"[\d.]+", Some(GroupKind::Float)),
    (r"\d+", r"\d+", Some(GroupKind::Int)),
];

static VARIABLES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let alternatives: Vec<String> = VARIABLE.iter().map(|(found, _, _)| format!("({found})")).collect();
    Regex::new(&alternatives.join("|")).ok()
});
/// A request within a line of access logs: its method and the beginning of its path.
static REQUEST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""[A-Z]{3,7} (?:https?://[^/ "]*)?/[^ "?\d]*"#).ok());
/// A head of syslog: time and host.
static SYSLOG_HEAD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2} \S+ ").ok());

/// A pattern, and what its groups would hold.
#[derive(Debug, Clone, PartialEq)]
pub struct LinePattern {
    /// The pattern.
    pub regex: String,
    /// The same with a named group for each value; none when there is no value to name.
    pub with_groups: Option<String>,
    /// The groups that hold numbers.
    pub types: Vec<(String, GroupKind)>,
    /// What a rule for it may be called.
    pub name: String,
    /// Whether it is for requests, which stand in lines of several formats.
    pub is_request: bool,
}

enum Part<'l> {
    Word(&'l str),
    Variable(&'static str, Option<GroupKind>),
}

/// The pattern for a line; `None` for one without a word.
#[must_use]
pub fn of_line(line: &str) -> Option<LinePattern> {
    let line = line.lines().next().unwrap_or_default().trim_end();
    let end = line.char_indices().nth(MAX_CHARACTERS).map_or(line.len(), |(at, _)| at);
    let line = line.get(..end).unwrap_or_default();
    if let Some(request) = REQUEST.as_ref().and_then(|regex| regex.find(line)) {
        let (regex, name) = (escaped(request.as_str()), name_of(&[request.as_str()]));
        return Some(LinePattern { regex, with_groups: None, types: Vec::new(), name, is_request: true });
    }
    let head = SYSLOG_HEAD.as_ref().and_then(|regex| regex.find(line)).map_or(0, |head| head.end());
    let parts = parts(line.get(head..).unwrap_or_default());
    let first = parts.iter().position(|part| matches!(part, Part::Word(word) if has_word(word)))?;
    let mut builder = Builder::default();
    if first == 0 && head == 0 {
        builder.push_raw("^");
    }
    let mut seen = 0;
    for (at, part) in parts.iter().enumerate().skip(first) {
        match part {
            Part::Word(word) => {
                // Of what stands between a head and the first word only the word counts.
                let word = if at == first && (first > 0 || head > 0) { from_word(word) } else { word };
                seen += word.chars().filter(|character| character.is_alphabetic()).count();
                builder.push_word(word);
            }
            Part::Variable(pattern, kind) => {
                if seen >= ENOUGH_CHARACTERS {
                    break;
                }
                builder.push_variable(pattern, *kind);
            }
        }
    }
    Some(builder.finish())
}

/// A pattern that finds this line and nothing else that is longer or shorter.
#[must_use]
pub fn exact(line: &str) -> String {
    format!("^{}$", escaped(line))
}

fn parts(line: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut behind = 0;
    let found = VARIABLES.iter().flat_map(|regex| regex.captures_iter(line));
    for captures in found {
        let Some(whole) = captures.get(0) else { continue };
        if let Some(word) = line.get(behind..whole.start()).filter(|word| !word.is_empty()) {
            parts.push(Part::Word(word));
        }
        let which = VARIABLE.iter().enumerate().find(|(at, _)| captures.get(at + 1).is_some());
        if let Some((_, (_, pattern, kind))) = which {
            parts.push(Part::Variable(pattern, *kind));
        }
        behind = whole.end();
    }
    parts.extend(line.get(behind..).filter(|word| !word.is_empty()).map(Part::Word));
    parts
}

fn has_word(text: &str) -> bool {
    text.split(|character: char| !character.is_alphabetic()).any(|word| word.chars().count() > 2)
}

/// The text from its first word on.
fn from_word(text: &str) -> &str {
    let start = text.find(char::is_alphabetic).unwrap_or(0);
    text.get(start..).unwrap_or_default()
}

#[derive(Default)]
struct Builder<'l> {
    regex: String,
    with_groups: String,
    /// How long both were behind the last word.
    end: (usize, usize),
    types: Vec<(String, GroupKind)>,
    names: Vec<String>,
    /// How many groups there were behind the last word.
    groups_at_end: usize,
    words: Vec<&'l str>,
}

impl<'l> Builder<'l> {
    fn push_raw(&mut self, text: &str) {
        self.regex.push_str(text);
        self.with_groups.push_str(text);
    }

    fn push_word(&mut self, word: &'l str) {
        self.push_raw(&escaped(word));
        self.words.push(word);
        self.mark_end();
    }

    fn push_variable(&mut self, pattern: &str, kind: Option<GroupKind>) {
        self.regex.push_str(pattern);
        let name = kind.filter(|_| self.names.len() < MAX_GROUPS).map(|kind| (self.group_name(), kind));
        match name {
            Some((name, kind)) => {
                self.with_groups.push_str(&format!("(?<{name}>{pattern})"));
                self.names.push(name.clone());
                if kind != GroupKind::Text {
                    self.types.push((name, kind));
                }
                // A value that is named is worth having at the end too.
                self.end.1 = self.with_groups.len();
                self.groups_at_end = self.names.len();
            }
            None => self.with_groups.push_str(pattern),
        }
    }

    fn mark_end(&mut self) {
        self.end = (self.regex.len(), self.with_groups.len());
        self.groups_at_end = self.names.len();
    }

    /// What stands before a value names it, as in `port 22` and `took=12`.
    fn group_name(&self) -> String {
        let before = self.words.last().copied().unwrap_or_default();
        let word = before.rsplit(|character: char| !character.is_ascii_alphabetic()).find(|word| word.len() > 1);
        let is_far = before.trim_end_matches(|character: char| !character.is_alphanumeric()).len() + 3 < before.len();
        let word = word.filter(|_| !is_far && !self.follows_value()).unwrap_or("value").to_ascii_lowercase();
        let word = if RESERVED.contains(&word.as_str()) { format!("{word}_value") } else { word };
        let taken = |name: &String| self.names.contains(name);
        (1..)
            .map(|number| if number == 1 { word.clone() } else { format!("{word}_{number}") })
            .find(|name| !taken(name))
            .unwrap_or(word)
    }

    /// Whether the last word is only what separates this value from the one before it.
    fn follows_value(&self) -> bool {
        self.words.last().is_some_and(|word| !word.contains(char::is_alphabetic))
    }

    fn finish(mut self) -> LinePattern {
        self.regex.truncate(self.end.0);
        self.with_groups.truncate(self.end.1);
        self.names.truncate(self.groups_at_end);
        let with_groups = Some(self.with_groups).filter(|_| !self.names.is_empty());
        let Self { regex, types, names, words, .. } = self;
        let types = types.into_iter().filter(|(name, _)| names.contains(name)).collect();
        LinePattern { regex: trimmed(regex), with_groups, types, name: name_of(&words), is_request: false }
    }
}

/// Without white space at the end, which the next line may not have; a lone `\` is not left behind.
fn trimmed(mut regex: String) -> String {
    while regex.ends_with(' ') && !regex.ends_with("\\ ") {
        regex.pop();
    }
    regex
}

/// A name out of the last words, in small letters with `-` between them.
fn name_of(words: &[&str]) -> String {
    const MAX_WORDS: usize = 4;
    const LEVELS: [&str; 9] = ["trace", "debug", "info", "notice", "warn", "warning", "error", "fatal", "critical"];
    let words = words.iter().flat_map(|part| part.split(|character: char| !character.is_ascii_alphabetic()));
    let words: Vec<String> =
        words.filter(|word| word.len() > 2 && word.len() < 20).map(str::to_ascii_lowercase).collect();
    let telling: Vec<&String> = words.iter().filter(|word| !LEVELS.contains(&word.as_str())).collect();
    let chosen = telling.get(telling.len().saturating_sub(MAX_WORDS)..).unwrap_or_default();
    let name = chosen.iter().map(|word| word.as_str()).collect::<Vec<_>>().join("-");
    if name.is_empty() { "my-rule".to_owned() } else { name }
}

/// The text as a pattern that finds it. Fewer characters are escaped than by [`regex::escape`], so that people can read it.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$') {
            pattern.push('\\');
        }
        match character {
            '\t' => pattern.push_str(r"\t"),
            character if character.is_control() => pattern.push_str(&format!(r"\x{{{:x}}}", u32::from(character))),
            character => pattern.push(character),
        }
    }
    pattern
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_values_are_left_open() {
        for (line, expected, name) in [
            ("invoice paid 17 9.50 by maria", r"^invoice paid \d+ [\d.]+ by maria", "invoice-paid-maria"),
            (
                "2026-01-02 03:04:05,678 ERROR com.example.Shop - cannot connect",
                r"ERROR com\.example\.Shop - cannot connect",
                "example-shop-cannot-connect",
            ),
            (
                "2026-01-02 03:04:05,678 INFO  [http-nio-8080-exec-1] c.Shop - added",
                r"INFO  \[http-nio-\d+-exec-\d+\] c\.Shop - added",
                "nio-exec-shop-added",
            ),
            (
                "Mar 27 13:06:56 ip-10-77 sshd[1291]: Server listening on 0.0.0.0 port 22.",
                r"sshd\[\d+\]: Server listening on [\d.:]+ port \d+\.",
                "sshd-server-listening-port",
            ),
            (
                r#"192.0.2.1 - ann [10/Oct/2000:13:55:36 -0700] "GET /cart/17?x=1 HTTP/1.0" 200 26"#,
                r#""GET /cart/"#,
                "get-cart",
            ),
            ("[17] (main) queue is full", "main\\) queue is full", "main-queue-full"),
        ] {
            let pattern = of_line(line).unwrap();
            assert_eq!((pattern.regex.as_str(), pattern.name.as_str()), (expected, name));
            assert!(Regex::new(&pattern.regex).unwrap().is_match(line), "{line}");
        }
        for line in ["", "17", "--- 1 2", "\u{0}"] {
            assert_eq!(of_line(line), None, "{line:?}");
        }
    }

    #[test]
    fn values_are_named_by_the_word_before_them() {
        let pattern = of_line("batch nightly took=17 ms, rows: 9.5 10.0 from 192.0.2.7 at last").unwrap();
        let expected = r"^batch nightly took=(?<took>\d+) ms, rows: (?<rows>[\d.]+) (?<value>[\d.]+) from (?<from>[\d.:]+) at last";
        assert_eq!(pattern.with_groups.unwrap(), expected);
        let types = [("took", GroupKind::Int), ("rows", GroupKind::Float), ("value", GroupKind::Float)];
        assert_eq!(pattern.types, types.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn any_text_is_found_by_its_own_pattern() {
        for line in ["a.b*c (d) [e] {f} ^g$ h|i \\j+?", "tab\there", "überfällig: 17 – café", "a\u{7}b", "-- ~~ && ##"]
        {
            assert!(Regex::new(&exact(line)).unwrap().is_match(line), "{line:?}");
            if let Some(pattern) = of_line(line) {
                assert!(Regex::new(&pattern.regex).unwrap().is_match(line), "{line:?}");
            }
        }
    }
}
