//! Why a record gets the rule it gets: every rule's conditions one by one, and what the record has there.
//!
//! For people, and slow. Every rule is asked in its order, by the same questions as when a record is sorted but without the
//! shortcuts, so what is told here is what happens there.

use super::compile::Node;
use super::condition::{Condition, Path};
use super::declaration::Effect;
use super::evaluate::Evaluation;
use super::patterns;
use super::rule_set::RuleId;
use crate::line::LineFormat;
use crate::line::misread::Misread;
use crate::msgpack::{Reader, Value, json};
use crate::severity::Severity;

/// Characters of a value that are shown.
const SHOWN_CHARACTERS: usize = 120;

/// Why a record gets the rule it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The rule that decides. A record that names its type itself has [`RuleId::OWN_FIELD`]; no rule is asked then.
    pub rule: RuleId,
    /// The rules that hold, in their order; the last one is the one that decides.
    pub held: Vec<Reason>,
    /// Rules of which all conditions but one hold.
    pub nearly: Vec<NearMiss>,
    /// Rules that hold too and come too late. Those that always hold are not told.
    pub later: Vec<RuleId>,
    /// What the line begins like and is not.
    pub misread: Option<Misread>,
}

/// Why a rule holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule.
    pub rule: RuleId,
    /// Its conditions that hold; none for a rule that always holds.
    pub because: Vec<Finding>,
}

/// Why a rule does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The rule.
    pub rule: RuleId,
    /// The one condition that does not hold.
    pub missing: Finding,
}

/// A condition, and what the record has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The condition in words.
    pub condition: String,
    /// What the record has there, in words.
    pub found: String,
}

impl Explanation {
    /// What there is to say of a record that names its type itself.
    pub(crate) fn of_own_type() -> Self {
        Self { rule: RuleId::OWN_FIELD, held: Vec::new(), nearly: Vec::new(), later: Vec::new(), misread: None }
    }
}

/// A condition and how it is run.
type Part<'a> = (&'a Condition, &'a Node);

impl<'a> Evaluation<'_, 'a> {
    /// Asks all rules.
    pub(crate) fn explain(&mut self) -> Explanation {
        let rules = self.rules;
        // The last rule always holds.
        let last = RuleId::of(rules.compiled.len().saturating_sub(1));
        let mut explanation = Explanation { rule: last, ..Explanation::of_own_type() };
        let mut is_decided = false;
        for (at, (declared, compiled)) in rules.rules().iter().zip(&rules.compiled).enumerate() {
            let (rule, part) = (RuleId::of(at), (&declared.condition, &compiled.node));
            if !self.holds(part.1) {
                explanation.nearly.extend(self.missing(part).map(|missing| NearMiss { rule, missing }));
            } else if is_decided {
                explanation.later.extend(Some(rule).filter(|_| !declared.condition.is_always()));
            } else {
                let mut because = Vec::new();
                self.add_reasons(part, &mut because);
                explanation.held.push(Reason { rule, because });
                if rules.effect(at).is_some_and(Effect::decides) {
                    (explanation.rule, is_decided) = (rule, true);
                }
            }
        }
        self.read_line();
        if self.may_be_misread() {
            explanation.misread = Misread::of(self.line);
        }
        explanation
    }

    /// Adds the conditions by which a condition holds.
    fn add_reasons(&mut self, part: Part<'a>, to: &mut Vec<Finding>) {
        match part {
            (Condition::All(parts), Node::All(nodes)) => {
                parts.iter().zip(nodes).for_each(|part| self.add_reasons(part, to));
            }
            (Condition::Any(parts), Node::Any(nodes)) => {
                let held = parts.iter().zip(nodes).find(|(_, node)| self.holds(node));
                held.into_iter().for_each(|part| self.add_reasons(part, to));
            }
            (condition, _) => to.push(self.finding(condition)),
        }
    }

    /// The one condition that a rule misses; `None` when it misses more than one, or has only one.
    fn missing(&mut self, part: Part<'a>) -> Option<Finding> {
        let mut parts = Vec::new();
        flatten(part, &mut parts);
        match parts.as_slice() {
            [(Condition::Any(parts), Node::Any(nodes))] => parts.iter().zip(nodes).find_map(|part| self.missing(part)),
            [] | [_] => None,
            _ => {
                parts.retain(|(_, node)| !self.holds(node));
                match parts.as_slice() {
                    [(condition, _)] => Some(self.finding(condition)),
                    _ => None,
                }
            }
        }
    }

    fn finding(&mut self, condition: &Condition) -> Finding {
        let mut found = Vec::new();
        self.add_found(condition, &mut found);
        Finding { condition: condition.to_string(), found: found.join(", ") }
    }

    /// Adds what the record has where the condition looks.
    fn add_found(&mut self, condition: &Condition, to: &mut Vec<String>) {
        let found = match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                return parts.iter().for_each(|part| self.add_found(part, to));
            }
            Condition::Not(inner) => return self.add_found(inner, to),
            Condition::Tag(_) => {
                let tag = self.state.tag.as_slice();
                format!("tag '{}'", String::from_utf8_lossy(tag))
            }
            Condition::Field(paths, _) => self.found_field(paths),
            Condition::Line(patterns) => self.found_match(patterns),
            Condition::Format(_) => {
                let formats = self.read_line().formats;
                let known = LineFormat::ALL.into_iter().filter(|(_, format)| formats.contains(*format));
                let names: Vec<&str> = known.map(|(name, _)| name).collect();
                format!("format {}", names.join(" and "))
            }
            Condition::Level(_) => format!("level {}", self.level().map_or("none", Severity::name)),
            Condition::Severity(_) => {
                format!("severity {}", self.read_line().severity.map_or("none", Severity::name))
            }
        };
        if !to.contains(&found) {
            to.push(found);
        }
    }

    /// The first of the fields that is there.
    fn found_field(&self, paths: &[Path]) -> String {
        let value = paths.iter().find_map(|path| {
            let of_record = self.index.value_start(path.0.as_bytes());
            let start = of_record.or_else(|| self.find_nested(&path.0))?;
            let value = Reader::at(self.body.content, start).value().ok()?;
            Some(format!("{}={}", path.0, shortened(&as_json(&value))))
        });
        value.unwrap_or_else(|| {
            let names: Vec<&str> = paths.iter().map(|path| path.0.as_str()).collect();
            format!("no {}", names.join(", no "))
        })
    }

    /// What of the line matches.
    fn found_match(&self, patterns: &[String]) -> String {
        let compiled = patterns.iter().filter_map(|pattern| patterns::compile_alone(pattern).ok());
        let matched = compiled.into_iter().find_map(|regex| Some(regex.find(self.line)?.as_bytes()));
        match matched {
            Some(text) => format!("'{}'", shortened(&String::from_utf8_lossy(text))),
            None if self.line.is_empty() => "no line".to_owned(),
            None => "nothing like it in the line".to_owned(),
        }
    }
}

/// The conditions that all have to hold.
fn flatten<'a>(part: Part<'a>, to: &mut Vec<Part<'a>>) {
    match part {
        (Condition::All(parts), Node::All(nodes)) => parts.iter().zip(nodes).for_each(|part| flatten(part, to)),
        part => to.push(part),
    }
}

fn as_json(value: &Value<'_>) -> String {
    let mut text = String::new();
    // Writing to memory does not fail, and the value was read whole.
    let _ = json::write(&mut text, value);
    text
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
