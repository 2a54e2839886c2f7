//! What is said of rules files that are wrong: where, what, and what to do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use shiwake_records::rules::{MAX_FILE_BYTES, MAX_FILES, MAX_RULES, RuleSet, SourceFile, run_test};
use std::io;
use std::sync::Arc;

/// The faults of a file, without its name.
fn faults(text: &str) -> Vec<String> {
    let error = RuleSet::parse("r", text).err().unwrap_or_else(|| panic!("no fault in: {text}"));
    error.diagnostics.iter().map(|diagnostic| diagnostic.summary().replacen("r:", "", 1)).collect()
}

fn check(text: &str, expected: &[&str]) {
    let found = faults(text);
    assert_eq!(found.len(), expected.len(), "{text}: {found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{text}\nfound    {found}\nexpected {expected}");
    }
}

/// A rule with these lines behind its name.
fn rule(lines: &str) -> String {
    format!("[[rule]]\nname = 'a'\n{lines}\n")
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    check("a = ", &["1:5: string values must be quoted"]);
    check("[[rule]\nname = 1", &["1:8: "]);
}

#[test]
fn unknown_keys_and_names_are_told_with_the_nearest_known_ones() {
    check(
        "[[rules]]\n",
        &["1:3: unknown key 'rules' in a rules file, did you mean 'rule'?; known are: include, builtin"],
    );
    check(&rule("tpye = 'app'\ndrop = true"), &["3:1: unknown key 'tpye' in a rule, did you mean 'type'?"]);
    check(
        &rule("type = 'acess'"),
        &[
            "3:8: unknown type 'acess', did you mean 'access'?; known are: access, activity, error, trace, audit, app; a type of your own is declared as [type.acess]",
        ],
    );
    check(&rule("type = 'Bill-ing'"), &["3:8: unknown type 'Bill-ing'; known are: access"]);
    check(
        &rule("drop = true\nwhen = { feild = 'x' }"),
        &["4:10: unknown key 'feild' in a condition, did you mean 'field'?"],
    );
    check(&rule("drop = true\nwhen.format = 'apache'"), &["4:15: unknown format 'apache'"]);
    check(&rule("drop = true\nwhen.source = 'sdtout'"), &["4:15: unknown source 'sdtout', did you mean 'stdout'?"]);
    check(&rule("severity = 'erorr'"), &["3:12: unknown severity 'erorr', did you mean 'error'?"]);
    check(&rule("type = 'app'\nparse = 'jsno'"), &["4:9: unknown parser 'jsno', did you mean 'json'?"]);
    check(
        "[[test]]\nline = 'x'\nexpect.rule = 'otherwhise'",
        &["1:1: unknown rule 'otherwhise', did you mean 'otherwise'?"],
    );
    check("[[test]]\nline = 'x'\nexpect.type = 'adit'", &["1:1: unknown type 'adit', did you mean 'audit'?"]);
    check(
        "[[test]]\nline = 'x'\nsource = 'sterr'\nexpect.type = 'app'",
        &["3:10: unknown source 'sterr', did you mean 'stderr'?"],
    );
}

#[test]
fn unknown_types_are_told_beside_what_else_is_wrong() {
    check(
        "[[rule]]\nname = 'a'\ntype = 'adit'\nmatch = '('\nfoo = 1",
        &["3:8: unknown type 'adit', did you mean 'audit'?", "4:10: bad pattern", "5:1: unknown key 'foo'"],
    );
    // A type that is declared wrongly is declared.
    check("[type.pay]\nlkie = 'app'\n[[rule]]\nname = 'a'\ntype = 'pay'", &["2:1: unknown key 'lkie'"]);
    check("type.pay = 1\n[[rule]]\nname = 'a'\ntype = 'pay'", &["1:12: 'pay' is a whole number"]);
    // A file that cannot be read may declare it.
    check("include = 'b'\n[[rule]]\nname = 'a'\ntype = 'pay'", &["1:11: cannot read b"]);
}

#[test]
fn values_of_the_wrong_kind_are_told() {
    check("rule = 1", &["1:8: 'rule' is a whole number; a list of tables, each with [[...]] above it, is expected"]);
    check("builtin = 'no'", &["1:11: 'builtin' is text; true or false is expected"]);
    check(&rule("drop = 1"), &["3:8: 'drop' is a whole number; true or false is expected"]);
    check(
        &rule("drop = true\nwhen = { field = 'a', equals = [1] }"),
        &["4:32: 'equals' is a list; text, a number, true or false is expected"],
    );
    check(
        &rule("drop = true\nwhen = { field = 'a', equals = 90071992547409930 }"),
        &["4:32: 'equals' has the value 90071992547409930: whole numbers up to 2^53 are allowed"],
    );
    check(
        &rule("drop = true\nwhen = { field = 'a', in = 'x' }"),
        &["4:28: 'in' is text; a list of values is expected"],
    );
    check(&rule("drop = true\nwhen = {}"), &["4:8: 'when' has the value {}: a condition is expected"]);
    check(&rule("drop = true\nwhen.any = []"), &["4:12: 'any' has the value []: at least one condition is expected"]);
    check(
        &rule("drop = true\nwhen.field = ''"),
        &[
            "4:1: a condition with a field has no 'equals'",
            "4:14: 'field' has the value '': a name of 1 to 256 bytes is allowed",
        ],
    );
    check(
        &rule("drop = true\nwhen.prefix = 'x'"),
        &["4:15: a condition with a test has no 'field': write field = \"NAME\" beside it"],
    );
    check(&rule("sample = 2"), &["3:10: 'keep' has the value 2: a share above 0 and below 1 is allowed"]);
    check(&rule("sample = { by = 'x' }"), &["3:10: a sample has no 'keep': write keep = 0.1"]);
    check("[[rule]]\ndrop = true", &["1:1: a rule has no 'name'"]);
    check("[type.Audit]\n", &["1:7: 'type' has the value 'Audit': a type's name begins with a small letter"]);
    check("[[test]]\nline = 'x'\nexpect = {}", &["3:10: 'expect' has the value {}"]);
    check("[[test]]\nexpect.type = 'app'", &["1:1: a test has no 'line'"]);
}

#[test]
fn patterns_are_told_with_the_place_within_them() {
    check(&rule("drop = true\nmatch = 'a(b'"), &["4:11: bad pattern: unclosed group"]);
    check(&rule("drop = true\nmatch = ['ok', \"x{2,1}\"]"), &["4:16: bad pattern: invalid repetition count range"]);
    check(
        &rule("drop = true\nmatch = '(a{1000}){1000}'"),
        &["4:9: bad pattern: '(a{1000}){1000}', compiled, is larger than"],
    );
    check(
        &rule("type = 'app'\nparse = { regex = 'abc' }"),
        &["4:19: 'regex' has the value 'abc': named groups are expected"],
    );
    check(&rule("type = 'app'\nparse = { regex = '(?<n>.)', types = { m = 'int' } }"), &["4:40: unknown group 'm'"]);
}

#[test]
fn rules_that_can_never_match_are_told() {
    let dead = |condition: &str, reason: &str| {
        check(
            &rule(&format!("drop = true\nwhen = {condition}")),
            &[&format!("2:8: rule 'a' can never match: {reason}")],
        );
    };
    dead("[{ field = 'x', equals = 1 }, { field = 'x', equals = 2 }]", "'x is 1' and 'x is 2' exclude each other");
    dead("[{ format = 'alb' }, { format = ['nlb', 'access'] }]", "'format is alb' and 'format is");
    dead(
        "[{ format = 'unknown' }, { format = 'json' }]",
        "'format is unknown' and 'format is json' exclude each other",
    );
    dead("{ field = 'x', more_than = 5, less_than = 5 }", "no number is more than 5 and less than 5");
    dead("[{ field = 'x', exists = false }, { field = 'x', prefix = 'a' }]", "'x is not there' and");
    dead("[{ field = 'x', at_least = 5 }, { field = 'x', equals = '4' }]", "'x is at least 5' and 'x is '4'' exclude");
    dead("[{ tag = 'web.*' }, { tag = ['app.*', 'db'] }]", "'tag like 'web.*''");
    dead("{ field = 'x', in = [] }", "'in' is an empty list");
    dead("{ level = { at_least = 'error', at_most = 'info' } }", "no severity is in that range");
    dead(
        "[{ level = 'info' }, { not = { level = ['info', 'warn'] } }]",
        "'level is info' and 'not (level is info or warn)'",
    );
    dead(
        "{ any = [{ field = 'x', in = [] }, { field = 'y', in = [] }] }",
        "'in' is an empty list; 'in' is an empty list",
    );
    dead("[{ field = 'x', prefix = 'ab' }, { field = 'x', prefix = 'ac' }]", "'x begins with 'ab''");
    dead("[{ field = 'x', is = 'map' }, { field = 'x', equals = 'a' }]", "'x is map'");
    dead("{ match = '[^\\s\\S]' }", "no text matches '[^\\s\\S]'");
    dead("{ match = ['a^b', 'a$b'] }", "no text matches 'a^b' or 'a$b'");
    dead("{ field = 'x', regex = '[^\\s\\S]' }", "no text matches '[^\\s\\S]'");
    dead("{ not = { match = '' } }", "'not' of what always holds");
    dead("[{ match = 'foobar' }, { not = { match = 'foo' } }]", "'line matches 'foobar'' and 'not");
    dead("[{ match = '^foo' }, { match = ['^bar', '^baz'] }]", "'line matches '^foo'' and 'line matches");
    dead("[{ container = 'a*' }, { container = ['b*', 'c?'] }]", "'container_name is like 'a*'' and");
    dead("{ field = 'x', glob = 'a*', prefix = ['b', 'cd'] }", "'x begins with 'b' or 'cd'' and");
    dead("{ field = 'x', in = ['a', 'b'], regex = '^c' }", "'x is 'a' or 'b'' and 'x matches '^c''");
    dead("{ field = 'x', in = ['a', 'b'], prefix = 'c' }", "'x is 'a' or 'b'' and");
    dead("{ field = 'x', in = ['a', 'b'], glob = '?b' }", "'x is 'a' or 'b'' and");
    dead("{ field = 'x', prefix = 'a', regex = '^b' }", "'x begins with 'a'' and");
    dead("{ field = 'x', suffix = '.js', regex = '.', is = 'number' }", "'x is number' and 'x ends with '.js''");
    dead("{ field = 'x', suffix = ['a', 'ba'] , glob = '*', is = 'list' }", "'x is list' and");
    dead("[{ field = 'x', suffix = 'a' }, { field = 'x', suffix = 'b' }]", "'x ends with 'a'' and");
    dead("{ field = 'x', is = 'bool', at_least = 1 }", "'x is bool' and 'x is at least 1'");
}

#[test]
fn rules_that_are_never_reached_are_told() {
    let shadowed = |first: &str, second: &str| {
        let text =
            format!("[[rule]]\nname = 'a'\ndrop = true\n{first}\n[[rule]]\nname = 'b'\ntype = 'app'\n{second}\n");
        check(&text, &["6:8: rule 'b' is never reached: whatever it matches is matched by 'a' before, in r:2;"]);
    };
    shadowed("", "match = 'x'");
    shadowed("match = ['x', 'y']", "match = 'y'");
    shadowed("when.tag = 'app.*'", "when = { tag = 'app.web', field = 'a', exists = true }");
    shadowed("when.tag = 'app.*'", "when.tag = 'app.web.*'");
    shadowed("when = { field = 'a', exists = true }", "when = { field = 'a', equals = 1 }");
    shadowed("when = { field = 'a', at_least = 400 }", "when = { field = 'a', in = [404, 500] }");
    shadowed("when = { field = 'a', at_least = 400 }", "when = { field = 'a', more_than = 400, less_than = 600 }");
    shadowed("when = { field = 'a', contains = 'b' }", "when = { field = 'a', prefix = 'abc' }");
    shadowed(
        "when.any = [{ source = 'stdout' }, { source = 'stderr' }]",
        "when = { source = 'stderr', level = 'warn' }",
    );
    shadowed("match = 'foo'", "match = 'foobar'");
    shadowed("match = 'timeout'", "match = ['database timeout', 'timeout \\d+ms']");
    shadowed("match = 'foo'", "match = '(a|b)+x?foo(bar)*'");
    shadowed("match = 'foo'", "match = 'a (foo|foot) b'");
    shadowed("match = '(?i)foo'", "match = 'FOO'");
    shadowed("match = '(?i)foo'", "match = '(?i)foobar'");
    shadowed("match = ''", "when.tag = 'a'");
    shadowed("match = ['x', 'a*']", "");
    shadowed("match = ''", "match = 'x'");
    shadowed("when = { field = 'a', regex = 'b' }", "when = { field = 'a', contains = 'abc' }");
    shadowed("when = { field = 'a', regex = '' }", "when = { field = 'a', glob = 'a?' }");
    shadowed("when = { field = 'a', regex = '^a' }", "when = { field = 'a', in = ['ab', 'ac'] }");
    shadowed("when = { field = 'a', prefix = 'ab' }", "when = { field = 'a', regex = '^abc\\d' }");
    shadowed("when = { field = 'a', contains = 'ab' }", "when = { field = 'a', regex = 'x+ab' }");
    shadowed("when.severity.at_least = 'warn'", "when.level.at_least = 'error'");
    shadowed("when.not.tag = 'a'", "when.tag = 'b'");
    shadowed("when.format = ['access', 'alb']", "when.any = [{ format = 'alb' }, { format = 'access' }]");
}

#[test]
fn rules_that_are_not_reached_for_several_before_them_are_told() {
    let rules = |last: &str, values: [&str; 2]| {
        let first = |name: &str, value: &str| format!("[[rule]]\nname = '{name}'\ntype = 'app'\n{value}\n");
        let [a, b] = values;
        format!("{}{}[[rule]]\nname = 'c'\ntype = 'audit'\n{last}\n", first("a", a), first("b", b))
    };
    let told =
        ["10:8: rule 'c' is never reached: whatever it matches is matched before by one of 'a' (r:2) or 'b' (r:6);"];
    let sources = ["when.source = 'stdout'", "when.source = 'stderr'"];
    check(&rules("when.source = ['stdout', 'stderr']", sources), &told);
    check(&rules("when.source = ['stdout', 'stderr']\nmatch = 'x'", sources), &told);
    check(&rules("match = ['foo', 'bar']", ["match = 'foo'", "match = 'bar'"]), &told);
    check(&rules("when.tag = ['a.b', 'b*']", ["when.tag = 'a.*'", "when.tag = 'b*'"]), &told);
    let text = rules("when = { field = 'source', exists = true }", sources);
    assert!(RuleSet::parse("r", &text).is_ok());
    let text = rules("when.source = ['stdout', 'stderr']", ["when.source = 'stdout'", "when.tag = 'x'"]);
    assert!(RuleSet::parse("r", &text).is_ok());
}

#[test]
fn rules_that_only_look_alike_are_let_through() {
    for (first, second) in [
        ("match = 'x'", ""),
        ("match = 'foobar'", "match = 'foo'"),
        ("match = 'foo'", "match = ['foobar', 'bar']"),
        ("match = 'foo'", "match = '(foo)?bar'"),
        ("match = 'foo'", "match = 'foo|bar'"),
        ("match = 'foo'", "match = 'fo+o'"),
        ("match = 'foo'", "match = 'fo(x|)o'"),
        ("match = 'foo'", "match = '(?i)foobar'"),
        ("match = '(?i)disk'", "match = 'disk full'"),
        ("match = 'OutOf(?i:memory)'", "match = 'outofmemory'"),
        ("match = '^foo'", "match = 'foobar'"),
        ("match = '$'", "match = 'foobar'"),
        ("match = '.'", "when.tag = 'a'"),
        ("match = '.*$'", "when.tag = 'a'"),
        ("when = { field = 'a', regex = '' }", "when = { field = 'a', exists = true }"),
        ("when = { field = 'a', regex = '' }", "when = { field = 'a', in = ['x', 1] }"),
        ("when = { field = 'a', regex = '' }", "when = { field = 'b', equals = 'x' }"),
        ("when = { field = 'a', at_least = 1 }", "when = { field = 'a', equals = '+5' }"),
        ("when.not = { field = 'a', equals = 5 }", "when = { field = 'a', equals = '5.0' }"),
        ("when.not = { field = 'a', glob = 'a*' }", "when = { field = 'a', glob = '?b' }"),
        ("when.not = { field = 'a', prefix = 'b' }", "when = { field = 'a', regex = '(?m)^a' }"),
        ("when.not = { field = 'a', is = 'number' }", "when = { field = 'a', at_least = 1 }"),
        ("when = { field = 'a', at_least = 400 }", "when = { field = 'a', at_least = 300 }"),
        ("when = { field = 'a', prefix = 'abc' }", "when = { field = 'a', prefix = 'ab' }"),
        ("when = { field = ['a', 'b'], equals = 1 }", "when = { field = 'a', equals = 1 }"),
        ("when.severity.at_least = 'warn'", "when.level = ['none', 'error']"),
        ("when.level.at_least = 'warn'", "when.severity.at_least = 'error'"),
        ("when.not = { field = 'a', equals = 1 }", "when = { field = 'a', equals = '1' }"),
    ] {
        let text =
            format!("[[rule]]\nname = 'a'\ndrop = true\n{first}\n[[rule]]\nname = 'b'\ntype = 'app'\n{second}\n");
        assert!(RuleSet::parse("r", &text).is_ok(), "{text}: {:?}", faults(&text));
    }
    // One that only adds fields, or that lets some go by, takes nothing from those behind it.
    for effect in ["set = { a = 1 }", "sample = 0.5", "severity = 'info'"] {
        let text = format!("[[rule]]\nname = 'a'\n{effect}\n[[rule]]\nname = 'b'\ntype = 'app'\n");
        assert!(RuleSet::parse("r", &text).is_ok(), "{text}");
    }
}

#[test]
fn a_name_is_for_one_rule_and_for_one_type() {
    check(
        "[[rule]]\nname = 'a'\ndrop = true\nmatch = 'x'\n[[rule]]\nname = 'a'\ndrop = true",
        &["6:8: a rule named 'a' is there already, in r:2"],
    );
    check(
        "[[rule]]\nname = 'otherwise'\ndrop = true",
        &["2:8: a rule named 'otherwise' is there already, in the built-in rules"],
    );
}

#[test]
fn names_of_built_in_rules_are_free_when_those_are_left_out() {
    let rules = |text: &str| {
        let rules = RuleSet::parse("r", &format!("builtin = false\n{text}")).map_err(|error| error.to_string())?;
        Ok::<_, String>(rules.rules().iter().map(|rule| rule.name.clone()).collect::<Vec<_>>())
    };
    let line = "[[rule]]\nname = 'access-line'\ntype = 'access'\nmatch = 'GET'\n";
    assert_eq!(rules(line).unwrap(), ["access-line", "otherwise"]);
    // The last one may be the user's, when it takes what is left.
    let last = "[[rule]]\nname = 'otherwise'\n";
    assert_eq!(rules(&format!("{line}{last}type = 'error'")).unwrap(), ["access-line", "otherwise"]);
    assert_eq!(rules(&format!("{last}drop = true")).unwrap(), ["otherwise"]);
    for not_all in ["set = { a = 1 }", "type = 'app'\nmatch = 'x'"] {
        let error = rules(&format!("{last}{not_all}")).unwrap_err();
        assert!(
            error.starts_with("r:3:8: a rule named 'otherwise' is there already, in the built-in rules"),
            "{error}"
        );
    }
    let error = rules("[[test]]\nline = 'x'\nexpect.rule = 'error-line'").unwrap_err();
    assert!(error.starts_with("r:2:1: unknown rule 'error-line'"), "{error}");
    let test = "[[test]]\nline = 'hello'\nexpect = { rule = 'otherwise', type = 'error' }";
    let rules = Arc::new(RuleSet::parse("r", &format!("builtin = false\n{last}type = 'error'\n{test}")).unwrap());
    assert_eq!(run_test(&rules, rules.own_tests().first().unwrap()), []);
}

#[test]
fn what_does_not_go_together_is_told() {
    check(&rule("drop = true\ntype = 'app'"), &["4:8: 'drop' and 'type' do not go together"]);
    check(
        &rule("severity = 'info'\ndefault_severity = 'info'"),
        &["4:20: 'severity' and 'default_severity' do not go together"],
    );
    check(
        &rule("drop = true\nwhen = { field = 'a', at_least = 1, more_than = 1 }"),
        &["4:34: 'more_than' and 'at_least' do not go together"],
    );
    check("[[test]]\nline = 'x'\nrecord = {}\nexpect.type = 'app'", &["3:10: 'line' and 'record' do not go together"]);
    check(&rule(""), &["2:8: rule 'a' does nothing"]);
}

#[test]
fn a_diagnostic_shows_the_line_and_marks_the_place() {
    let error = RuleSet::parse("my.toml", "[[rule]]\nname = 'a'\n\tdrop = 'yes'\n").unwrap_err();
    let shown = error.diagnostics.last().unwrap().to_string();
    assert_eq!(
        shown,
        "my.toml:3:9: 'drop' is text; true or false is expected\n 3 | \tdrop = 'yes'\n   | \t       ^^^^^"
    );
}

#[test]
fn limits_are_told() {
    let many: String = (0..=MAX_RULES)
        .map(|number| format!("[[rule]]\nname = 'r{number}'\ntype = 'app'\nmatch = 'x{number}y'\n"))
        .collect();
    assert!(faults(&many).iter().any(|fault| fault.contains("rules: at most 1000 are allowed")));
    let deep = format!("{}{{ field = 'a', exists = true }}{}", "{ not = ".repeat(17), "}".repeat(17));
    assert!(
        faults(&rule(&format!("drop = true\nwhen = {deep}")))
            .iter()
            .any(|fault| fault.contains("conditions within conditions: at most 16"))
    );
    let deeper = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(!faults(&deeper).is_empty());
    assert!(faults(&"#".repeat(MAX_FILE_BYTES + 1)).iter().any(|fault| fault.contains("bytes in a file")));
    let fields: String = (0..65).map(|number| format!("f{number} = 1,")).collect();
    assert!(
        faults(&rule(&format!("set = {{ {fields} }}"))).iter().any(|fault| fault.contains("fields that rules set"))
    );
}

fn load(files: &[(&str, &str)]) -> Result<RuleSet, String> {
    let files: Vec<(String, String)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let mut load = |name: &str, included: Option<&str>| {
        let name = included.unwrap_or(name);
        let found = files.iter().find(|(known, _)| known == name);
        let found = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))?;
        Ok(SourceFile::new(found.0.as_str(), found.1.as_str()))
    };
    RuleSet::load("main", &mut load).map_err(|error| error.to_string())
}

#[test]
fn included_rules_stand_before_those_of_the_file() {
    let rules = load(&[
        ("main", "include = ['b', 'c']\n[[rule]]\nname = 'a'\nset = { x = 1 }"),
        ("b", "[[rule]]\nname = 'b'\nset = { x = 1 }"),
        ("c", "[[rule]]\nname = 'c'\nset = { x = 1 }"),
    ]);
    let names: Vec<String> = rules.unwrap().own_rules().iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(names, ["b", "c", "a"]);
}

#[test]
fn a_file_that_several_include_is_read_once() {
    let rules = load(&[
        ("main", "include = ['b', 'c', 'b']\n[[rule]]\nname = 'a'\nset = { x = 1 }"),
        ("b", "include = 'd'\n[[rule]]\nname = 'b'\nset = { x = 1 }"),
        ("c", "include = ['d', 'b']\n[[rule]]\nname = 'c'\nset = { x = 1 }"),
        ("d", "[type.pay]\n[[rule]]\nname = 'd'\nset = { x = 1 }"),
    ]);
    let names: Vec<String> = rules.unwrap().own_rules().iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(names, ["d", "b", "c", "a"]);
}

#[test]
fn files_that_cannot_be_included_are_told_where_they_are_named() {
    let error = |files: &[(&str, &str)]| load(files).unwrap_err();
    assert_eq!(error(&[]), "main:1:1: cannot read main: no such file");
    assert_eq!(
        error(&[("main", "\ninclude = 'x'")]),
        "main:2:11: cannot read x: no such file; a name counts from the folder of the file that includes it"
    );
    assert_eq!(
        error(&[("main", "include = 'b'"), ("b", "include = 'main'")]),
        "b:1:11: cannot read main: it includes this file itself, by way of others or not; take one of these includes out"
    );
    let error_of_itself = "main:1:11: cannot read main: it includes this file itself, by way of others or not; take one of these includes out";
    assert_eq!(error(&[("main", "include = 'main'")]), error_of_itself);
    let names: Vec<String> = (0..=MAX_FILES).map(|number| format!("f{number}")).collect();
    let include = format!("include = [{}]", names.iter().map(|name| format!("'{name}',")).collect::<String>());
    let files: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "")).chain([("main", include.as_str())]).collect();
    assert!(error(&files).contains("files: at most 32 are allowed"));
}

#[test]
fn the_check_of_many_long_rules_ends() {
    // Each rule is compared with all before it, value by value; that is given up before it takes long.
    let rule = |number: usize| {
        let values: String = (0..1_000).map(|value| format!("'v{}',", value * 7 + number)).collect();
        format!("[[rule]]\nname = 'r{number}'\ntype = 'app'\nwhen = {{ field = 'a', in = [{values}] }}\n")
    };
    let text: String = (0..100).map(rule).collect();
    let started = std::time::Instant::now();
    assert!(RuleSet::parse("r", &text).is_ok());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
