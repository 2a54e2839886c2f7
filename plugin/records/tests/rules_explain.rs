//! What is told of rules agrees with what they do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shiwake_records::event::Event;
use shiwake_records::msgpack::Reader;
use shiwake_records::rules::{Concern, Explanation, RuleSet, lint};
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::path::Path;
use std::sync::Arc;

fn rules(text: &str) -> Arc<RuleSet> {
    let shown = |error: shiwake_records::rules::RulesError| panic!("{error}");
    Arc::new(RuleSet::parse("rules", text).unwrap_or_else(shown))
}

fn sorter(rules: &Arc<RuleSet>) -> Sorter {
    Sorter::new(SorterConfig { rules: Arc::clone(rules), ..SorterConfig::default() })
}

fn event(fields: &[(&str, rmpv::Value)]) -> Vec<u8> {
    let record = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, &rmpv::Value::Array(vec![7.into(), rmpv::Value::Map(record)])).unwrap();
    out
}

/// Asks both, and checks what has to agree.
fn explain(sorter: &mut Sorter, event: &[u8]) -> Explanation {
    let event = Event::read(&mut Reader::new(event)).unwrap();
    let before = sorter.rule_counts().to_vec();
    let explanation = sorter.explain(&event).unwrap();
    let is_as_before = sorter.rule_counts().iter().zip(&before).all(|(now, before)| now == before);
    assert!(is_as_before, "what is only told counts as nothing");
    let verdict = sorter.sort(&event, &mut Vec::new()).unwrap();
    assert_eq!(explanation.rule, verdict.rule, "{}", sorter.rules().name(verdict.rule));
    let now = sorter.rule_counts();
    let held: Vec<usize> = (0..now.len())
        .filter(|at| now.get(*at).unwrap().matched > before.get(*at).map_or(0, |counts| counts.matched))
        .collect();
    let told: Vec<usize> = explanation.held.iter().map(|reason| reason.rule.place().unwrap()).collect();
    assert_eq!(told, held);
    explanation
}

fn told(rules: &RuleSet, explanation: &Explanation) -> Vec<String> {
    let finding = |it: &shiwake_records::rules::Finding| format!("{} [{}]", it.condition, it.found);
    let held = explanation.held.iter().map(|reason| {
        let because: Vec<String> = reason.because.iter().map(finding).collect();
        format!("+ {}: {}", rules.name(reason.rule), because.join("; "))
    });
    let nearly =
        explanation.nearly.iter().map(|near| format!("- {}: {}", rules.name(near.rule), finding(&near.missing)));
    let later = explanation.later.iter().map(|rule| format!("> {}", rules.name(*rule)));
    held.chain(nearly).chain(later).collect()
}

#[test]
fn the_reasons_and_the_near_misses_are_told_with_what_the_record_has() {
    let rules = rules(
        r#"
        [[rule]]
        name = "team"
        when.tag = "pay-*"
        set = { team = "payments" }

        [[rule]]
        name = "refund"
        type = "audit"
        match = ['^refund \d+', 'storno']
        when = { field = "amount.value", at_least = 100 }

        [[rule]]
        name = "big"
        type = "activity"
        when.any = [
            { all = [{ field = ["kind", "type"], equals = "sale" }, { field = "customer", exists = true }] },
            { field = "sale_id", is = "number" },
        ]

        [[rule]]
        name = "late"
        type = "trace"
        when.not = { field = "absent", exists = true }
    "#,
    );
    let mut sorter = sorter(&rules);
    sorter.set_tag(b"pay-7");
    let amount = rmpv::Value::Map(vec![("value".into(), 99.into())]);
    let explanation = explain(
        &mut sorter,
        &event(&[("log", "refund 17 to maria".into()), ("amount", amount), ("type", "sale".into())]),
    );
    let expected = [
        "+ team: tag like 'pay-*' [tag 'pay-7']",
        "+ late: not (absent is there) [no absent]",
        "- refund: amount.value is at least 100 [amount.value=99]",
        "- big: customer is there [no customer]",
    ];
    assert_eq!(told(&rules, &explanation), expected);

    let amount = rmpv::Value::Map(vec![("value".into(), "120".into())]);
    let record = [("log", "refund 17 to maria".into()), ("amount", amount), ("sale_id", 7.into())];
    let explanation = explain(&mut sorter, &event(&record));
    let expected = [
        "+ team: tag like 'pay-*' [tag 'pay-7']",
        "+ refund: amount.value is at least 100 [amount.value=\"120\"]; line matches '^refund \\d+' or 'storno' ['refund 17']",
        "> big",
        "> late",
    ];
    assert_eq!(told(&rules, &explanation), expected);
}

#[test]
fn a_record_that_names_its_type_asks_no_rule() {
    let explanation = explain(&mut Sorter::default(), &event(&[("log_type", "audit".into()), ("log", "ERROR".into())]));
    assert!(explanation.held.is_empty() && explanation.nearly.is_empty() && explanation.later.is_empty());
}

#[test]
fn built_in_rules_say_what_of_the_line_decided() {
    let rules = RuleSet::built_in();
    let line = "2026/11/29 10:00:00 [notice] 1#1: signal process started";
    let explanation = explain(&mut sorter(&rules), &event(&[("log", line.into())]));
    let told = told(&rules, &explanation);
    assert_eq!(told.first().unwrap(), "+ nginx-line: format is nginx_error [format nginx_error]");
    assert!(told.iter().any(
        |told| told.starts_with("- nginx-error-line: severity is error or ") && told.ends_with("[severity notice]")
    ));
}

#[test]
fn every_sample_line_is_explained_by_the_rule_that_sorts_it() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let mut sorter = Sorter::default();
    let mut lines = 0;
    for folder in [data.clone(), data.join("formats")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if !path.extension().is_some_and(|extension| extension == "log" || extension == "ndjson") {
                continue;
            }
            for line in std::fs::read_to_string(path).unwrap().lines().step_by(7) {
                explain(&mut sorter, &event(&[("log", line.into())]));
                lines += 1;
            }
        }
    }
    assert!(lines > 500, "{lines}");
}

/// A condition as it stands in a rules file.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (
            "[abc]",
            prop_oneof![
                "exists = true",
                "exists = false",
                "is = 'text'",
                "equals = 'x1'",
                "at_least = 2",
                "prefix = ['x', 'y']",
                "contains = '1'",
                "regex = 'x[0-9]'",
                "in = ['y', 2]"
            ]
        )
            .prop_map(|(field, test)| format!("{{ field = '{field}', {test} }}")),
        prop_oneof![
            "format = 'access'",
            "format = ['json', 'unknown']",
            "level.at_least = 'warn'",
            "severity = ['none', 'error']",
            "tag = 't*'",
            "match = 'x[0-9]+'",
            "match = ['abc', '[0-9]y']"
        ]
        .prop_map(|text| format!("{{ {text} }}")),
        Just("{ field = ['a', 'b.c'], exists = true }".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("{{ all = [{}] }}", parts.join(", "))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("{{ any = [{}] }}", parts.join(", "))),
            inner.prop_map(|inner| format!("{{ not = {inner} }}")),
        ]
    })
}

fn value() -> impl Strategy<Value = rmpv::Value> {
    prop_oneof![
        prop::sample::select(vec!["x1", "y", "x", "abc 2y", "2", "ERROR x17"]).prop_map(rmpv::Value::from),
        (0..4_i64).prop_map(rmpv::Value::from),
        Just(rmpv::Value::Map(vec![("c".into(), "x1".into())])),
        Just(rmpv::Value::Nil),
    ]
}

const LINES: [&str; 6] = [
    "ERROR x17",
    "{\"a\": \"x1\", \"level\": \"error\"}",
    "203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] \"GET /x12 HTTP/1.1\" 404 512 \"-\" \"curl/8.5\"",
    "abc",
    "WARN 7y",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn random_rules_are_explained_as_they_sort(
        conditions in prop::collection::vec((condition(), prop_oneof!["type = 'access'", "type = 'audit'", "drop = true", "severity = 'warn'", "sample = 0.5"]), 1..5),
        records in prop::collection::vec((prop::collection::vec((prop::sample::select(vec!["a", "b", "c", "level"]), value()), 0..4), prop::sample::select(LINES.to_vec()), "[tu]1"), 1..8),
    ) {
        let text: String = conditions.iter().enumerate().map(|(at, (condition, effect))| {
            format!("[[rule]]\nname = 'r{at}'\n{effect}\nwhen = {condition}\n")
        }).collect();
        // Rules that can never match, or are never reached, are no rules.
        let Ok(rules) = RuleSet::parse("rules", &text) else { return Err(TestCaseError::reject("no rules")) };
        let mut sorter = sorter(&Arc::new(rules));
        for (fields, line, tag) in &records {
            let mut fields = fields.clone();
            fields.push(("log", (*line).into()));
            sorter.set_tag(tag.as_bytes());
            explain(&mut sorter, &event(&fields));
        }
    }
}

fn concerns(text: &str) -> Vec<Concern> {
    lint(&rules(text)).into_iter().map(|warning| warning.fault).collect()
}

#[test]
fn rules_without_a_mistake_have_no_warning() {
    let text = r#"
        [type.billing]
        like = "audit"

        [[rule]]
        name = "bill"
        type = "billing"
        match = '^BILL \d+'
        [[test]]
        line = "BILL 7"
        expect.type = "billing"

        [[rule]]
        name = "health"
        drop = true
        when.format = "access"
        match = "GET /health"
        [[test]]
        line = '203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] "GET /health HTTP/1.1" 200 2 "-" "curl/8.5"'
        expect.dropped = true

        [[rule]]
        name = "some-access"
        type = "access"
        sample = 0.5
        match = "GET /assets/"
        [[test]]
        line = "GET /assets/a.css"
        expect.rule = "some-access"

        [[rule]]
        name = "team"
        when.tag = "pay-*"
        set = { team = "payments" }
        [[test]]
        line = "x"
        tag = "pay-1"
        expect.fields.team = "payments"
    "#;
    assert_eq!(lint(&rules(text)), []);
}

#[test]
fn each_mistake_is_told_at_its_place() {
    let rules = rules(
        "[type.ledger]\nlike = 'audit'\n[type.unused]\n\n[[rule]]\nname = 'short'\ntype = 'ledger'\nsample = 0.5\nmatch = ['\\d+x', 'paid']\nset = { region = 'here' }\n",
    );
    let warnings: Vec<String> = lint(&rules).iter().map(|warning| warning.summary()).collect();
    let starts = [
        "rules:3:7: no rule gives the type 'unused'",
        "rules:6:8: rule 'short' holds for the record of no test",
        "rules:6:8: rule 'short': the pattern '\\d+x' has no three bytes in a row",
        "rules:6:8: rule 'short' throws away audit records: it gives the type 'ledger'",
        "rules:6:8: rule 'short' sets 'region'",
    ];
    assert_eq!(warnings.len(), starts.len(), "{warnings:#?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn what_throws_away_audit_records_is_told_until_audit_is_taken_before() {
    let test = "[[test]]\nline = 'some noise'\nexpect.dropped = true\n";
    let noise = format!("[[rule]]\nname = 'noise'\ndrop = true\nmatch = 'noise'\n{test}");
    let lost = |by: &str| Concern::LosesAudit { rule: "noise".to_owned(), by: by.to_owned() };
    assert_eq!(concerns(&noise), [lost("audit-fields")]);
    // Without the built-in rules nothing would be audit.
    assert_eq!(concerns(&format!("builtin = false\n{noise}")), []);
    let test = "[[test]]\nrecord = { auditID = 'x' }\nexpect.type = 'audit'\n";
    let fields = format!(
        "[[rule]]\nname = 'first'\ntype = 'audit'\nwhen.any = [{{ field = 'actor', exists = true }}, {{ field = 'eventSource', exists = true }}, {{ field = 'auditID', exists = true }}]\n{test}"
    );
    assert_eq!(concerns(&format!("{fields}{noise}")), [lost("auth-line")]);
    let test = "[[test]]\nline = 'Mar 29 03:24:46 web sshd[1234]: Failed password for invalid user admin from 203.0.113.7 port 4711 ssh2'\nexpect.type = 'audit'\n";
    let line = format!("[[rule]]\nname = 'second'\ntype = 'audit'\nwhen.format = 'auth'\n{test}");
    assert_eq!(concerns(&format!("{fields}{line}{noise}")), []);
}

#[test]
fn a_rule_alone_does_what_it_does_among_others() {
    let rules = rules(
        "[[rule]]\nname = 'a'\ntype = 'audit'\nmatch = 'abc'\n[[rule]]\nname = 'b'\ntype = 'trace'\nmatch = 'bcd'\n",
    );
    let explanation = explain(&mut sorter(&rules), &event(&[("log", "bcd".into())]));
    let alone = Arc::new(rules.alone(explanation.rule).unwrap());
    assert_eq!(alone.rules().iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), ["b", "otherwise"]);
    assert_ne!(alone, rules);
    let mut sorter = sorter(&alone);
    let mut types = |line: &str| {
        let event = event(&[("log", line.into())]);
        let event = Event::read(&mut Reader::new(&event)).unwrap();
        sorter.sort(&event, &mut Vec::new()).unwrap().log_type.to_string()
    };
    assert_eq!([types("bcd"), types("abc")], ["trace", "app"]);
}
