//! Whether rules ask of a line more than what it is written as.

use super::compile::FieldSlot;
use super::rule_set::RuleSet;
use crate::classify::MESSAGE_KEYS;

impl RuleSet {
    /// Whether two records are judged alike that differ in nothing but their lines, when both lines are of one format and say one
    /// severity. Not when a rule searches lines for a pattern, makes fields of its groups, asks for the field in which a line may
    /// stand, or keeps a share of the records by all that they hold.
    #[must_use]
    pub fn judges_lines_by_format(&self) -> bool {
        let is_line = |slot: &FieldSlot| {
            let first = |path: &str| path.split('.').next().is_some_and(|name| MESSAGE_KEYS.contains(&name));
            slot.paths.iter().any(|path| first(&path.0))
        };
        let looks_into_lines =
            |rule: &super::compile::CompiledRule| rule.groups.is_some() || matches!(rule.sample, Some((_, None)));
        self.shared.line_patterns.is_empty()
            && !self.shared.fields.iter().any(is_line)
            && !self.compiled.iter().any(looks_into_lines)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn rules_that_look_into_lines_are_told_from_those_that_do_not() {
        let rule = |condition: &str, effect: &str| format!("[[rule]]\nname = \"a\"\n{condition}\n{effect}\n");
        let app = "type = \"app\"";
        assert!(RuleSet::built_in().judges_lines_by_format());
        for (condition, effect, expected) in [
            ("when.format = \"access\"", "type = \"audit\"", true),
            ("when.tag = \"a*\"", app, true),
            ("when = { field = \"container_name\", in = [\"a\"] }", "drop = true", true),
            ("when.format = \"access\"", "sample = { keep = 0.5, by = \"user_id\" }", true),
            ("when.format = \"access\"", "sample = 0.5", false),
            ("when.match = 'GET /health'", "drop = true", false),
            ("when = { field = \"log\", contains = \"GET\" }", app, false),
            ("when = { field = [\"a\", \"message\"], exists = true }", app, false),
            ("when.format = \"access\"", "parse = { regex = '(?<path>/\\S*)' }", false),
        ] {
            let rules = RuleSet::parse("test", &rule(condition, effect));
            assert_eq!(rules.unwrap().judges_lines_by_format(), expected, "{condition} {effect}");
        }
    }
}
