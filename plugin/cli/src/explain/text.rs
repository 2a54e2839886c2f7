//! What becomes of a line, for people.

use crate::terminal::{BAD, DIM, DOUBTFUL, GOOD, NAME, harmless};
use shiwake_records::classify::Fate;
use shiwake_records::explained::Explained;
use shiwake_records::line::misread::Misread;
use shiwake_records::msgpack::{Reader, Value, json};
use shiwake_records::rules::{Explanation, Finding, RuleId};
use std::io::{self, Write};

/// Bytes of a line that are shown behind what became of it.
const SHOWN_LINE_BYTES: usize = 120;
/// Fields that say what is shown in another place.
const SHOWN_BEFORE: [&str; 2] = ["log_type", "severity"];

/// Writes what becomes of a line, in one line.
pub(super) fn write_line(explained: &Explained<'_>, out: &mut impl Write) -> io::Result<()> {
    let Explained { rules, line, verdict, sorted, .. } = explained;
    let severity = verdict.severity.map_or("-", |severity| severity.name());
    let (log_type, rule) = (verdict.log_type.name(), rules.name(verdict.rule));
    write!(out, "{NAME}{log_type:<8}{NAME:#} {severity:<9} {rule:<15}")?;
    match sorted {
        Some(event) => {
            for (name, value) in fields(event.body.content).filter(|(name, _)| !SHOWN_BEFORE.contains(name)) {
                if name != "log" {
                    write!(out, " {DIM}{}={DIM:#}{}", harmless(name), shown(&value))?;
                }
            }
        }
        None => write!(out, " {DOUBTFUL}{}{DOUBTFUL:#}", explained.fate())?,
    }
    let line = String::from_utf8_lossy(line.get(..SHOWN_LINE_BYTES).unwrap_or(line));
    writeln!(out, "  | {}", harmless(&line))
}

/// Writes all there is to say of a line.
pub(super) fn write_all(explained: &Explained<'_>, explanation: &Explanation, out: &mut impl Write) -> io::Result<()> {
    let Explained { rules, line, verdict, sorted, .. } = explained;
    writeln!(out, "{}", harmless(&String::from_utf8_lossy(line)))?;
    let mut paragraph = Paragraph { label: "rule" };
    let place = match verdict.rule.place().and_then(|at| rules.rules().get(at)) {
        None => "the record names its type in log_type, so no rule was asked".to_owned(),
        Some(rule) => {
            let position = rules.sources().position(&rule.place);
            format!("{}:{}", position.file, position.line)
        }
    };
    let rule = rules.name(verdict.rule);
    paragraph.line(out, format_args!("{NAME}{rule}{NAME:#}  {DIM}{place}{DIM:#}"))?;
    for reason in &explanation.held {
        let is_deciding = reason.rule == explanation.rule;
        paragraph.begin(if is_deciding { "because" } else { "applied" });
        let whose = if is_deciding { String::new() } else { format!("{NAME}{}{NAME:#}: ", rules.name(reason.rule)) };
        if reason.because.is_empty() {
            paragraph.line(out, format_args!("{whose}it always holds"))?;
        }
        for Finding { condition, found } in &reason.because {
            let (condition, found) = (harmless(condition), harmless(found));
            paragraph.line(out, format_args!("{whose}{condition} {DIM}({found}){DIM:#}"))?;
        }
    }
    paragraph.begin("type");
    let like = explained.like().map(|like| format!(", like {like}")).unwrap_or_default();
    paragraph.line(out, format_args!("{}{like}", verdict.log_type))?;
    paragraph.begin("severity");
    paragraph.line(out, format_args!("{}", verdict.severity.map_or("none", |severity| severity.name())))?;
    paragraph.begin("fate");
    let style = if verdict.fate == Fate::Kept { GOOD } else { BAD };
    paragraph.line(out, format_args!("{style}{}{style:#}", explained.fate()))?;
    if sorted.is_some() {
        paragraph.begin("goes to");
        let log_type = verdict.log_type;
        let unknown = || format!("type={log_type}, in the hour in which Fluent Bit took it");
        if explained.is_for_lake() {
            paragraph.line(out, format_args!("{}", explained.folder().unwrap_or_else(unknown)))?;
        } else {
            paragraph.line(out, format_args!("Datadog, not the lake: [type.{log_type}] says lake = false"))?;
        }
    }
    if let Some(Misread { format, reason }) = explanation.misread {
        paragraph.begin("like");
        let (format, reason) = (format.name(), reason.text());
        paragraph.line(out, format_args!("a line of format {format}, but {DOUBTFUL}{reason}{DOUBTFUL:#}"))?;
    }
    paragraph.begin("fields");
    let content = sorted.map(|event| event.body.content).unwrap_or_default();
    let own: Vec<&str> = fields(explained.event.body.content).map(|(name, _)| name).collect();
    for (name, value) in fields(content).filter(|(name, _)| !own.contains(name) && !SHOWN_BEFORE.contains(name)) {
        paragraph.line(out, format_args!("{DIM}{}={DIM:#}{}", harmless(name), shown(&value)))?;
    }
    paragraph.begin("nearly");
    for near in &explanation.nearly {
        let Finding { condition, found } = &near.missing;
        let (rule, condition, found) = (rules.name(near.rule), harmless(condition), harmless(found));
        paragraph.line(out, format_args!("{NAME}{rule}{NAME:#} misses: {condition} {DIM}({found}){DIM:#}"))?;
    }
    paragraph.begin("later");
    let later: Vec<&str> = explanation.later.iter().map(|rule: &RuleId| rules.name(*rule)).collect();
    if !later.is_empty() {
        paragraph.line(out, format_args!("{} would hold too", later.join(", ")))?;
    }
    writeln!(out)
}

/// Lines of which the first one has a label.
struct Paragraph {
    label: &'static str,
}

impl Paragraph {
    fn begin(&mut self, label: &'static str) {
        self.label = label;
    }

    fn line(&mut self, out: &mut impl Write, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        let label = std::mem::take(&mut self.label);
        writeln!(out, "  {DIM}{label:<9}{DIM:#} {text}")
    }
}

/// The fields of a record whose names are text.
fn fields(content: &[u8]) -> impl Iterator<Item = (&str, Value<'_>)> {
    let mut reader = Reader::new(content);
    std::iter::from_fn(move || Some((reader.value().ok()?, reader.value().ok()?)))
        .filter_map(|(name, value)| Some((name.as_str()?, value)))
}

fn shown(value: &Value<'_>) -> String {
    let mut text = String::new();
    // The value was read whole, so this does not fail.
    let _ = json::write(&mut text, value);
    harmless(&text).into_owned()
}
