//! What is allowed in a rules file and still looks like a mistake.
//!
//! A warning is told only for what is certainly so; what it says of the rules is true, and whether it matters is for people.

use super::condition::Condition;
use super::declaration::RuleDeclaration;
use super::fault::Diagnostic;
use super::implication::Comparison;
use super::patterns;
use super::rule_set::RuleSet;
use super::testing;
use crate::event::Event;
use crate::identity::firelens::ECS_FIELDS;
use crate::line::LineFormat;
use crate::log_type::LogType;
use crate::msgpack::Reader;
use crate::sorter::{Sorter, SorterConfig};
use std::sync::Arc;

/// What looks like a mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Concern {
    /// A rule that no test tries.
    #[error("rule '{rule}' holds for the record of no test: write a [[test]] with a line or a record that it is for")]
    Untested {
        /// The rule.
        rule: String,
    },
    /// A type that no rule gives.
    #[error("no rule gives the type '{log_type}': only records that name it in log_type are of it")]
    Ungiven {
        /// The type.
        log_type: String,
    },
    /// A pattern that costs much.
    #[error(
        "rule '{rule}': the pattern '{pattern}' has no three bytes in a row that every match must have, so each line that \
         gets to it is searched for it whole; write a longer word into it, or other conditions into 'when'"
    )]
    NoLiteral {
        /// The rule.
        rule: String,
        /// The pattern.
        pattern: String,
    },
    /// A rule that throws audit records away.
    #[error(
        "rule '{rule}' throws away audit records: what '{by}' would make audit is lost when '{rule}' holds for it too; narrow \
         it, as in format = \"access\", or put a rule that gives audit before it"
    )]
    LosesAudit {
        /// The rule.
        rule: String,
        /// The rule behind it that would have made them audit.
        by: String,
    },
    /// A rule that keeps a share of audit records only.
    #[error("rule '{rule}' throws away audit records: it gives the type '{log_type}' and keeps only a sample of them")]
    SamplesAudit {
        /// The rule.
        rule: String,
        /// The type.
        log_type: String,
    },
    /// A field that hides where a record comes from.
    #[error("rule '{rule}' sets '{field}', which FireLens tells of the task: of the two the rule's value is taken")]
    HidesIdentity {
        /// The rule.
        rule: String,
        /// The field.
        field: String,
    },
}

/// A concern with its place.
pub type Warning = Diagnostic<Concern>;

/// What looks like a mistake in the rules of the user, by file and line.
#[must_use]
pub fn lint(rules: &Arc<RuleSet>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let matched = matched_by_tests(rules);
    let mut comparison = Comparison::default();
    for (at, rule) in rules.own_rules().iter().enumerate() {
        let mut concerns = Vec::new();
        if !matched.get(at).copied().unwrap_or_default() {
            concerns.push(Concern::Untested { rule: rule.name.clone() });
        }
        let mut slow = Vec::new();
        patterns_without_literal(&rule.condition, &mut slow);
        concerns.extend(
            slow.into_iter().map(|pattern| Concern::NoLiteral { rule: rule.name.clone(), pattern: pattern.to_owned() }),
        );
        concerns.extend(lost_audit(rules, at, rule, &mut comparison));
        let hidden = rule.effect.set.iter().filter(|(field, _)| ECS_FIELDS.contains(&field.as_str()));
        concerns
            .extend(hidden.map(|(field, _)| Concern::HidesIdentity { rule: rule.name.clone(), field: field.clone() }));
        warnings.extend(concerns.into_iter().map(|concern| Diagnostic::new(rules.sources(), &rule.place, concern)));
    }
    for declared in rules.types() {
        let is_given = rules.rules().iter().any(|rule| rule.effect.log_type == Some(declared.log_type));
        if !is_given && matches!(declared.log_type, LogType::Own(_)) {
            let concern = Concern::Ungiven { log_type: declared.log_type.name().to_owned() };
            warnings.push(Diagnostic::new(rules.sources(), &declared.place, concern));
        }
    }
    warnings.sort_by_key(|warning| (warning.file.clone(), warning.line, warning.column));
    warnings
}

/// For each rule whether it holds for the record of a test of the user's.
fn matched_by_tests(rules: &Arc<RuleSet>) -> Vec<bool> {
    let mut sorter = Sorter::new(SorterConfig { rules: Arc::clone(rules), ..SorterConfig::default() });
    let mut sorted = Vec::new();
    for test in rules.own_tests() {
        sorted.clear();
        sorter.set_tag(test.tag.as_bytes());
        if let Ok(event) = Event::read(&mut Reader::new(&testing::event(test))) {
            let _ = sorter.sort(&event, &mut sorted);
        }
    }
    sorter.rule_counts().iter().map(|counts| counts.matched > 0).collect()
}

/// Patterns on the line that each line has to be searched for.
fn patterns_without_literal<'c>(condition: &'c Condition, to: &mut Vec<&'c str>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| patterns_without_literal(part, to));
        }
        Condition::Not(inner) => patterns_without_literal(inner, to),
        Condition::Line(patterns) => {
            to.extend(patterns.iter().map(String::as_str).filter(|pattern| !patterns::has_literal(pattern)));
        }
        _ => {}
    }
}

/// Whether the rule throws away what would be audit.
fn lost_audit(rules: &RuleSet, at: usize, rule: &RuleDeclaration, comparison: &mut Comparison) -> Option<Concern> {
    if !rule.effect.drop && rule.effect.sample.is_none() {
        return None;
    }
    if let Some(log_type) = rule.effect.log_type {
        // What the rule calls otherwise is otherwise.
        let (rule, log_type) = (rule.name.clone(), is_audit(rules, log_type).then(|| log_type.name().to_owned())?);
        return Some(Concern::SamplesAudit { rule, log_type });
    }
    if is_of_other_format(&rule.condition) {
        return None;
    }
    let (before, behind) = rules.rules().split_at_checked(at)?;
    let is_taken_before = |audit: &RuleDeclaration, comparison: &mut Comparison| {
        let takes = |first: &RuleDeclaration| {
            first.effect.decides() && comparison.begin_alone().follows(&audit.condition, &first.condition)
        };
        before.iter().any(takes)
    };
    let by = behind.iter().find(|audit| {
        audit.effect.log_type.is_some_and(|log_type| is_audit(rules, log_type))
            && !comparison.begin_alone().exclude(&rule.condition, &audit.condition)
            && !is_taken_before(audit, comparison)
    })?;
    Some(Concern::LosesAudit { rule: rule.name.clone(), by: by.name.clone() })
}

fn is_audit(rules: &RuleSet, log_type: LogType) -> bool {
    let declared = rules.types().iter().find(|declared| declared.log_type == log_type);
    log_type == LogType::Audit || declared.is_some_and(|declared| declared.like == LogType::Audit)
}

/// Whether the condition asks for formats in which nobody writes audit records.
fn is_of_other_format(condition: &Condition) -> bool {
    const MAY_BE_AUDIT: [LineFormat; 5] =
        [LineFormat::Unknown, LineFormat::Json, LineFormat::Logfmt, LineFormat::Syslog, LineFormat::Auth];
    match condition {
        Condition::All(parts) => parts.iter().any(is_of_other_format),
        Condition::Any(parts) => parts.iter().all(is_of_other_format),
        Condition::Format(formats) => formats.iter().all(|format| !MAY_BE_AUDIT.contains(format)),
        _ => false,
    }
}
