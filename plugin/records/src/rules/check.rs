//! Finds rules that are no use: that can never match, or that are never reached; and names that nobody declared.

use super::condition::{Condition, Scalar, Test};
use super::declaration::{Declarations, Parse, RuleDeclaration};
use super::document::nearest;
use super::fault::{Diagnostic, Fault};
use super::implication::Comparison;
use super::patterns::MAX_PATTERNS;
use super::read::{MAX_SET_FIELDS, described};
use super::source::Sources;
use crate::log_type::LogType;

/// Notes what is wrong with rules that were read whole. `built_in` are the names of the built-in rules.
pub(super) fn check(sources: &Sources, declarations: &Declarations, built_in: &[&str], to: &mut Vec<Diagnostic>) {
    let rules = &declarations.rules;
    to.extend(too_many(declarations).map(|(at, fault)| Diagnostic::new(sources, &at.place, fault)));
    let mut comparison = Comparison::default();
    for (at, rule) in rules.iter().enumerate() {
        if let Some(fault) = undeclared(rule, declarations) {
            to.push(Diagnostic::new(sources, &rule.type_place, fault));
            continue;
        }
        let fault = taken(rule, built_in)
            .or_else(|| dead(rule, &mut comparison))
            .or_else(|| shadowed(sources, rule, rules.get(..at).unwrap_or_default(), &mut comparison));
        to.extend(fault.map(|fault| Diagnostic::new(sources, &rule.place, fault)));
    }
    let known = || rules.iter().map(|rule| rule.name.as_str()).chain(built_in.iter().copied());
    for test in &declarations.tests {
        if let Some(name) = test.expect.rule.as_deref().filter(|name| !known().any(|known| known == *name)) {
            let mut names: Vec<&str> = known().collect();
            let nearest = nearest(name, names.iter().copied());
            names.truncate(rules.len().max(1));
            let fault = Fault::UnknownName { what: "rule", found: name.to_owned(), nearest, known: names.join(", ") };
            to.push(Diagnostic::new(sources, &test.place, fault));
        }
        let declared = || declarations.types.iter().map(|declared| declared.log_type.name());
        let types = || LogType::BUILT_IN.each_ref().map(|known| known.name()).into_iter().chain(declared());
        if let Some(name) = test.expect.log_type.as_deref().filter(|name| !types().any(|known| known == *name)) {
            let (nearest, known) = (nearest(name, types()), types().collect::<Vec<_>>().join(", "));
            let fault = Fault::UnknownName { what: "type", found: name.to_owned(), nearest, known };
            to.push(Diagnostic::new(sources, &test.place, fault));
        }
    }
}

/// Notes types that nobody declares, when other things are wrong too; `declared` are the names of types that were read or not.
pub(super) fn undeclared_types(
    sources: &Sources,
    declarations: &Declarations,
    declared: &[String],
    to: &mut Vec<Diagnostic>,
) {
    for rule in &declarations.rules {
        let is_declared = |log_type: LogType| declared.iter().any(|name| name == log_type.name());
        if !rule.effect.log_type.is_some_and(is_declared) {
            let fault = undeclared(rule, declarations);
            to.extend(fault.map(|fault| Diagnostic::new(sources, &rule.type_place, fault)));
        }
    }
}

/// The rule at which patterns or fields become more than a record has room for.
fn too_many(declarations: &Declarations) -> Option<(&RuleDeclaration, Fault)> {
    let (mut patterns, mut fields) = (0, 0);
    declarations.rules.iter().find_map(|rule| {
        patterns += patterns_of(&rule.condition);
        fields += rule.effect.set.len();
        if let Some(Parse::Groups { groups, .. }) = &rule.effect.parse {
            fields += groups.len();
        }
        let fault = if patterns > MAX_PATTERNS {
            Fault::TooMany { what: "patterns in all rules", limit: MAX_PATTERNS }
        } else if fields > MAX_SET_FIELDS {
            Fault::TooMany { what: "fields that rules set or take out of lines", limit: MAX_SET_FIELDS }
        } else {
            return None;
        };
        Some((rule, fault))
    })
}

fn patterns_of(condition: &Condition) -> usize {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().map(patterns_of).sum(),
        Condition::Not(inner) => patterns_of(inner),
        Condition::Line(patterns) | Condition::Field(_, Test::Regex(patterns) | Test::Contains(patterns)) => {
            patterns.len()
        }
        _ => 0,
    }
}

fn undeclared(rule: &RuleDeclaration, declarations: &Declarations) -> Option<Fault> {
    let log_type = rule.effect.log_type?;
    let declared = || declarations.types.iter().map(|declared| declared.log_type);
    if !matches!(log_type, LogType::Own(_)) || declared().any(|known| known == log_type) {
        return None;
    }
    let known: Vec<LogType> = LogType::BUILT_IN.into_iter().chain(declared()).collect();
    let names: Vec<&str> = known.iter().map(LogType::name).collect();
    let found = log_type.name().to_owned();
    let nearest = nearest(&found, names.iter().copied());
    let known = format!("{}; a type of your own is declared as [type.{found}]", names.join(", "));
    Some(Fault::UnknownName { what: "type", found, nearest, known })
}

fn taken(rule: &RuleDeclaration, built_in: &[&str]) -> Option<Fault> {
    let is_taken = built_in.contains(&rule.name.as_str());
    let first = "the built-in rules".to_owned();
    is_taken.then(|| Fault::Double { what: "rule", name: rule.name.clone(), first })
}

fn dead(rule: &RuleDeclaration, comparison: &mut Comparison) -> Option<Fault> {
    let reason = impossible(&rule.condition, comparison)?;
    Some(Fault::Dead { rule: rule.name.clone(), reason })
}

/// Why no record satisfies the condition, when that is seen.
fn impossible(condition: &Condition, comparison: &mut Comparison) -> Option<String> {
    match condition {
        Condition::All(_) => {
            let mut parts = Vec::new();
            flatten(condition, &mut parts);
            let pairs = || {
                parts.iter().enumerate().flat_map(|(at, one)| parts.iter().skip(at + 1).map(move |other| (one, other)))
            };
            parts.iter().find_map(|part| impossible(part, comparison)).or_else(|| {
                let (one, other) = pairs().find(|(one, other)| comparison.begin().exclude(one, other))?;
                Some(format!("'{one}' and '{other}' exclude each other"))
            })
        }
        Condition::Any(parts) => {
            let reasons = parts.iter().map(|part| impossible(part, comparison)).collect::<Option<Vec<_>>>()?;
            Some(reasons.join("; "))
        }
        Condition::Not(inner) if comparison.is_always(inner) => Some("'not' of what always holds".to_owned()),
        Condition::Line(patterns) | Condition::Field(_, Test::Regex(patterns)) if comparison.match_none(patterns) => {
            let quoted: Vec<String> = patterns.iter().map(|pattern| format!("'{pattern}'")).collect();
            Some(format!("no text matches {}", quoted.join(" or ")))
        }
        Condition::Field(_, Test::Range(range)) if range.is_empty() => Some(format!("no number is {range}")),
        Condition::Field(_, Test::In(scalars)) if scalars.is_empty() => Some("'in' is an empty list".to_owned()),
        Condition::Level(set) | Condition::Severity(set) if set.is_empty() => {
            Some("no severity is in that range".to_owned())
        }
        _ => None,
    }
}

fn flatten<'c>(condition: &'c Condition, to: &mut Vec<&'c Condition>) {
    match condition {
        Condition::All(parts) => parts.iter().for_each(|part| flatten(part, to)),
        other => to.push(other),
    }
}

fn shadowed(
    sources: &Sources,
    rule: &RuleDeclaration,
    before: &[RuleDeclaration],
    comparison: &mut Comparison,
) -> Option<Fault> {
    let mut covers = |first: &&RuleDeclaration| {
        // One that only samples lets the rest go by.
        first.effect.decides() && comparison.begin().follows(&rule.condition, &first.condition)
    };
    if let Some(first) = before.iter().find(|first| covers(first)) {
        let place = described(sources, &first.place);
        return Some(Fault::Shadowed { rule: rule.name.clone(), by: first.name.clone(), place });
    }
    // Each of the values that it asks for may be taken by another rule.
    let mut by: Vec<&RuleDeclaration> = Vec::new();
    let mut flat = Vec::new();
    flatten(&rule.condition, &mut flat);
    let (at, alternatives) =
        flat.iter().map(|part| alternatives(part)).enumerate().find(|(_, found)| found.len() > 1)?;
    // The values take the place of their list one after another; all else is copied once.
    let mut parts: Vec<Condition> =
        flat.into_iter().enumerate().filter(|(place, _)| *place != at).map(|(_, part)| part.clone()).collect();
    for alternative in alternatives {
        parts.push(alternative);
        let asked = Condition::All(parts);
        let takes =
            |first: &&RuleDeclaration| first.effect.decides() && comparison.begin().follows(&asked, &first.condition);
        let first = before.iter().find(takes)?;
        if !by.iter().any(|known| known.name == first.name) {
            by.push(first);
        }
        let Condition::All(asked) = asked else { return None };
        parts = asked;
        parts.pop();
    }
    let name = |first: &&RuleDeclaration| format!("'{}' ({})", first.name, described(sources, &first.place));
    let by: Vec<String> = by.iter().map(name).collect();
    (!by.is_empty()).then(|| Fault::ShadowedTogether { rule: rule.name.clone(), by: by.join(" or ") })
}

/// Conditions of which one holds whenever this one does; of one that asks for several things at once none are told.
fn alternatives(condition: &Condition) -> Vec<Condition> {
    match condition {
        Condition::Any(parts) => parts.clone(),
        Condition::Tag(globs) => globs.iter().map(|glob| Condition::Tag(vec![glob.clone()])).collect(),
        Condition::Line(patterns) => patterns.iter().map(|pattern| Condition::Line(vec![pattern.clone()])).collect(),
        Condition::Format(formats) => formats.iter().map(|format| Condition::Format(vec![*format])).collect(),
        Condition::Field(paths, Test::In(scalars)) => {
            let equals = |scalar: &Scalar| Condition::Field(paths.clone(), Test::In(vec![scalar.clone()]));
            scalars.iter().map(equals).collect()
        }
        _ => Vec::new(),
    }
}
