//! A rule for a line, with its test, put into a rules file where it is reached.
//!
//! What is suggested has been tried: the file with it can be used, the rule decides about the line, and its test passes. When that
//! cannot be had it is refused with the reason, in words for people.

use crate::line_report::fields;
use crate::pattern::{self, LinePattern};
use crate::playground::{Origin, Playground, parse};
use crate::toml_text::{of_json, quoted};
use serde_json::{Value, json};
use shiwake_records::classify::MESSAGE_KEYS;
use shiwake_records::log_type::LogType;
use shiwake_records::rules::{GroupKind, RuleId, RuleSet, run_test};
use std::sync::Arc;

/// The rule of lines that no other rule knows.
const OTHERWISE: &str = "otherwise";
/// Fields that tell what a record is about, the most telling first.
const TELLING_FIELDS: [&str; 12] = [
    "event",
    "event_name",
    "eventName",
    "event_type",
    "type",
    "action",
    "kind",
    "operation",
    "name",
    "logger",
    "path",
    "level",
];
/// Formats whose lines tell of a request in the same words. A rule for requests would take the errors of a server too.
const REQUEST_FORMATS: [&str; 4] = ["access", "alb", "nginx_error", "apache_error"];
/// Characters of a value that a rule compares with.
const MAX_VALUE_CHARACTERS: usize = 80;

/// What a rule could ask of a line.
struct Candidate {
    /// The keys of the rule that ask, as lines of TOML.
    asks: String,
    /// The key `parse`, as a line of TOML.
    parse: Option<String>,
    name: String,
}

/// A suggestion: `text` is put in at `at`, and the name of its type is from `select` to `end`, all in UTF-16 units of the file with
/// it. Otherwise `refused` says why.
#[must_use]
pub fn suggest(playground: &mut Playground, line: &[u8], file: &str) -> String {
    let line_text = String::from_utf8_lossy(line).into_owned();
    let Some(verdict) = playground.sort(line) else { return refused("This line is no record.") };
    if verdict.rule == RuleId::OWN_FIELD {
        return refused("The record names its type in log_type, so no rule is asked.");
    }
    let rules = Arc::clone(playground.rules());
    let deciding = verdict.rule.place().and_then(|at| rules.own_rules().get(at));
    // A rule behind the one that decides would not be reached.
    let at = match deciding {
        Some(rule) if parse(file).is_ok() => head_of(file, rule.place.bytes.start),
        _ => file.len(),
    };
    // A type of the file's own is not known when the rule is tried without the file.
    let is_known = |log_type: &LogType| parse(file).is_ok() || !matches!(log_type, LogType::Own(_));
    let log_type = Some(verdict.log_type).filter(is_known).unwrap_or(LogType::App);
    let is_unknown = rules.name(verdict.rule) == OTHERWISE;
    let mut reason = None;
    for candidate in candidates(&line_text, is_unknown) {
        let name = free_name(&candidate.name, &rules, file);
        for parse_line in [candidate.parse.as_deref(), None] {
            let rule = Rule {
                candidate: &candidate,
                parse_line,
                name: &name,
                log_type,
                deciding: deciding.map(|rule| rule.name.as_str()),
            };
            for test in tests(&line_text, playground.origin(), &name) {
                let inserted = rule.inserted(file, at, &test);
                match tried(&inserted.text, file, at, &name, line, playground.origin(), test.is_empty()) {
                    Ok(()) => return inserted.json(file, at, &name),
                    Err(why) => reason = reason.or(Some(why)),
                }
            }
            if candidate.parse.is_none() {
                break;
            }
        }
    }
    refused(&reason.unwrap_or_else(|| "No rule could be made that takes this line.".to_owned()))
}

fn refused(why: &str) -> String {
    json!({ "refused": why }).to_string()
}

/// What rules could ask of the line, the best first.
fn candidates(line: &str, is_unknown: bool) -> Vec<Candidate> {
    // What rules see of it: the built-in ones throw nothing away, and take JSON apart as any others do.
    let record = Playground::default().explain(line.as_bytes(), |explained, _| {
        explained.sorted.map(|event| fields(event.body.content).collect::<Vec<_>>()).unwrap_or_default()
    });
    let record = record.unwrap_or_default();
    let text = MESSAGE_KEYS.iter().find_map(|key| record.iter().find(|(name, value)| name == key && !value.is_empty()));
    let mut candidates = Vec::new();
    if let Some(pattern) = text.and_then(|(_, text)| pattern::of_line(text)) {
        let formats = REQUEST_FORMATS.iter().filter(|_| pattern.is_request);
        candidates.extend(formats.map(|format| {
            let candidate = of_pattern(&pattern, is_unknown);
            Candidate { asks: format!("when.format = \"{format}\"\n{}", candidate.asks), ..candidate }
        }));
        candidates.push(of_pattern(&pattern, is_unknown));
    }
    candidates.extend(of_fields(&record));
    if let Some((_, text)) = text {
        let name = pattern::of_line(text).map_or_else(|| "my-rule".to_owned(), |pattern| pattern.name);
        let asks = format!("match = {}\n", quoted(&pattern::exact(text)));
        candidates.push(Candidate { asks, parse: None, name });
    }
    candidates
}

fn of_pattern(pattern: &LinePattern, is_unknown: bool) -> Candidate {
    let parse = pattern.with_groups.as_ref().filter(|_| is_unknown).map(|regex| {
        let kind = |kind: &GroupKind| if *kind == GroupKind::Int { "int" } else { "float" };
        let types: Vec<String> = pattern.types.iter().map(|(name, it)| format!("{name} = \"{}\"", kind(it))).collect();
        let types = if types.is_empty() { String::new() } else { format!(", types = {{ {} }}", types.join(", ")) };
        format!("parse = {{ regex = {}{types} }}\n", quoted(regex))
    });
    Candidate { asks: format!("match = {}\n", quoted(&pattern.regex)), parse, name: pattern.name.clone() }
}

/// A rule that asks for the most telling field of a record.
fn of_fields(record: &[(String, String)]) -> Option<Candidate> {
    const OURS: [&str; 2] = ["log_type", "severity"];
    let own =
        || record.iter().filter(|(name, _)| !OURS.contains(&name.as_str()) && !MESSAGE_KEYS.contains(&name.as_str()));
    let is_short = |value: &str| (1..=MAX_VALUE_CHARACTERS).contains(&value.chars().count());
    let telling = TELLING_FIELDS.iter().find_map(|known| own().find(|(name, value)| name == known && is_short(value)));
    let condition = match telling {
        Some((name, value)) if serde_json::from_str::<Value>(value).is_err() => {
            format!("{{ field = {}, equals = {} }}", quoted(name), quoted(value))
        }
        _ => format!("{{ field = {}, exists = true }}", quoted(&own().next()?.0)),
    };
    let words = telling.map_or_else(|| own().next().map(|(name, _)| name.clone()), |(_, value)| Some(value.clone()));
    let name = slug(&words.unwrap_or_default());
    Some(Candidate { asks: format!("when = {condition}\n"), parse: None, name })
}

fn slug(text: &str) -> String {
    let words: Vec<String> = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .take(4)
        .collect();
    let slug: String = words.join("-").chars().take(40).collect();
    if slug.is_empty() { "my-rule".to_owned() } else { slug }
}

fn free_name(name: &str, rules: &RuleSet, file: &str) -> String {
    // A file that cannot be used has names too.
    let is_taken = |name: &str| {
        rules.rules().iter().any(|rule| rule.name == name)
            || file.contains(&format!("\"{name}\""))
            || file.contains(&format!("'{name}'"))
    };
    let numbered = |number: usize| if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
    (1..).map(numbered).find(|name| !is_taken(name)).unwrap_or_else(|| name.to_owned())
}

/// Tests for the line, the best first; the last resort is none. They differ in how they write it. None names the type: that is
/// what people change next.
fn tests(line: &str, origin: &Origin, name: &str) -> Vec<String> {
    let expect = format!("expect = {{ rule = {} }}\n", quoted(name));
    let tag = if origin.tag.is_empty() { String::new() } else { format!("tag = {}\n", quoted(&origin.tag)) };
    let of_container = [("container", &origin.container), ("source", &origin.source)]
        .iter()
        .filter_map(|(key, value)| Some(format!("{key} = {}\n", quoted(value.as_deref()?))))
        .collect::<String>();
    let of_line = format!("\n[[test]]\nline = {}\n{tag}{of_container}{expect}", quoted(line));
    let record = serde_json::from_str::<Value>(line).ok().filter(Value::is_object).and_then(|record| of_json(&record));
    let of_record = record.map(|record| format!("\n[[test]]\nrecord = {record}\n{tag}{expect}"));
    of_record.into_iter().chain([of_line, String::new()]).collect()
}

/// Where the rule whose name stands at `place` begins: its `[[rule]]`, and the comment above it.
fn head_of(file: &str, place: usize) -> usize {
    let mut at = 0;
    let starts = file.split_inclusive('\n').map(|line| {
        let start = at;
        at += line.len();
        (start, line.trim())
    });
    let (mut head, mut comment) = (file.len(), None);
    for (start, line) in starts.take_while(|(start, _)| *start <= place) {
        if line.starts_with("[[rule]]") {
            head = comment.unwrap_or(start);
        }
        comment = line.starts_with('#').then(|| comment.unwrap_or(start));
    }
    head
}

struct Rule<'a> {
    candidate: &'a Candidate,
    parse_line: Option<&'a str>,
    name: &'a str,
    log_type: LogType,
    /// The rule of the file's that decided so far.
    deciding: Option<&'a str>,
}

struct Inserted {
    text: String,
    /// Where the type's name is in the text, in bytes.
    log_type: std::ops::Range<usize>,
}

impl Rule<'_> {
    fn inserted(&self, file: &str, at: usize, test: &str) -> Inserted {
        let (before, behind) = (file.get(..at).unwrap_or_default(), file.get(at..).unwrap_or_default());
        let mut text = match before {
            "" => String::new(),
            before if before.ends_with("\n\n") => String::new(),
            before if before.ends_with('\n') => "\n".to_owned(),
            _ => "\n\n".to_owned(),
        };
        if let Some(deciding) = self.deciding {
            text.push_str(&format!("# before '{deciding}', which took this line: the first rule that holds decides\n"));
        }
        text.push_str(&format!("[[rule]]\nname = {}\ntype = \"", quoted(self.name)));
        let start = text.len();
        text.push_str(self.log_type.name());
        let log_type = start..text.len();
        text.push_str(&format!("\"\n{}{}{test}", self.candidate.asks, self.parse_line.unwrap_or_default()));
        if !behind.is_empty() {
            text.push('\n');
        }
        Inserted { text, log_type }
    }
}

impl Inserted {
    fn json(&self, file: &str, at: usize, name: &str) -> String {
        let units = |text: &str| text.encode_utf16().count();
        let start = units(file.get(..at).unwrap_or_default());
        let inside = |end: usize| units(self.text.get(..end).unwrap_or_default());
        let (select, end) = (start + inside(self.log_type.start), start + inside(self.log_type.end));
        json!({"text": self.text, "at": start, "select": select, "end": end, "name": name}).to_string()
    }
}

/// Whether the rule decides about the line, and its test passes. Within a file that cannot be used for another reason it is tried
/// alone.
fn tried(
    inserted: &str,
    file: &str,
    at: usize,
    name: &str,
    line: &[u8],
    origin: &Origin,
    is_untested: bool,
) -> Result<(), String> {
    let mut whole = file.to_owned();
    whole.insert_str(at, inserted);
    let text = if parse(file).is_ok() { whole.as_str() } else { inserted };
    let rules = parse(text).map_err(|error| match error.diagnostics.first() {
        Some(diagnostic) => format!("The rule would not go with the others: {}.", diagnostic.fault),
        None => "The rule would not go with the others.".to_owned(),
    })?;
    let decides = |rules: &Arc<RuleSet>| {
        let verdict = Playground::new(Arc::clone(rules), origin.clone()).sort(line)?;
        (rules.name(verdict.rule) == name).then_some(())
    };
    decides(&rules).ok_or_else(|| "A pattern that finds this line could not be made.".to_owned())?;
    let test = rules.own_tests().iter().find(|test| test.expect.rule.as_deref() == Some(name));
    match test {
        None if is_untested => Ok(()),
        Some(test) if run_test(&rules, test).is_empty() => Ok(()),
        _ => Err("A test of the rule would fail.".to_owned()),
    }
}

#[cfg(test)]
#[path = "suggestion_tests.rs"]
mod tests;
