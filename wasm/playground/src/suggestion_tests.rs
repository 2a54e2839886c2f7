#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use std::path::Path;

/// The file with what is suggested for the line; `Err` with the reason why nothing is.
fn with_rule(line: &[u8], file: &str, origin: &Origin) -> Result<(String, String), String> {
    let mut playground = Playground::new(RuleSet::built_in(), origin.clone());
    playground.set_rules(file);
    let answer: Value = serde_json::from_str(&playground.suggest(line, file)).unwrap();
    if let Some(why) = answer["refused"].as_str() {
        return Err(why.to_owned());
    }
    let number = |key: &str| usize::try_from(answer[key].as_u64().unwrap()).unwrap();
    let mut units: Vec<u16> = file.encode_utf16().collect();
    let at = number("at");
    units.splice(at..at, answer["text"].as_str().unwrap().encode_utf16());
    let selected = String::from_utf16(&units[number("select")..number("end")]).unwrap();
    assert!(LogType::from_name(&selected).is_some(), "{selected}");
    Ok((String::from_utf16(&units).unwrap(), answer["name"].as_str().unwrap().to_owned()))
}

/// The rule that decides about the line, with this file.
fn rule_of(line: &[u8], file: &str, origin: &Origin) -> String {
    let rules = parse(file).unwrap_or_else(|error| panic!("{error}\n{file}"));
    let verdict = Playground::new(Arc::clone(&rules), origin.clone()).sort(line).unwrap();
    rules.name(verdict.rule).to_owned()
}

#[test]
fn every_sample_line_gets_a_rule_that_takes_it() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/formats"));
    let mut count = 0;
    for file in std::fs::read_dir(data).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let (text, name) = with_rule(line, "", &Origin::default())
                .unwrap_or_else(|why| panic!("{}: {why}: {}", path.display(), String::from_utf8_lossy(line)));
            assert_eq!(rule_of(line, &text, &Origin::default()), name, "{text}");
            let rules = parse(&text).unwrap();
            assert!(rules.own_tests().iter().all(|test| run_test(&rules, test).is_empty()), "{text}");
            count += 1;
        }
    }
    assert!(count > 100, "{count} lines");
}

#[test]
fn a_rule_comes_before_the_one_that_took_the_line() {
    let file = "# ours\n[[rule]]\nname = 'pays'\ntype = 'audit'\nmatch = '^pay '\n\n[[rule]]\nname = 'ü'\ntype = 'trace'\nmatch = '^x '\n";
    let (text, name) = with_rule(b"pay the bill of maria", file, &Origin::default()).unwrap();
    assert!(text.starts_with("# before 'pays', "), "{text}");
    assert_eq!(rule_of(b"pay the bill of maria", &text, &Origin::default()), name);
    assert_eq!(rule_of(b"pay nobody", &text, &Origin::default()), "pays");
    let (text, name) = with_rule(b"x marks the spot", file, &Origin::default()).unwrap();
    assert!(text.find("# before 'ü'").unwrap() > text.find("'^pay '").unwrap(), "{text}");
    assert_eq!(rule_of(b"x marks the spot", &text, &Origin::default()), name);
}

#[test]
fn a_line_that_has_its_own_rule_gets_no_second_one_for_ever() {
    let line = b"invoice paid 17 9.50 by maria";
    let mut file = String::new();
    for _ in 0..5 {
        match with_rule(line, &file, &Origin::default()) {
            Ok((text, name)) => {
                assert_eq!(rule_of(line, &text, &Origin::default()), name);
                file = text;
            }
            Err(why) => return assert!(why.contains("never reached") && !file.is_empty(), "{why}"),
        }
    }
    panic!("{file}");
}

#[test]
fn values_become_fields_of_lines_that_nobody_knows() {
    let (text, _) = with_rule(b"invoice paid 17 9.50 by maria", "", &Origin::default()).unwrap();
    let mut playground = Playground::default();
    playground.set_rules(&text);
    let report: Value = serde_json::from_str(&playground.report(b"invoice paid 18 1.25 by maria")).unwrap();
    let fields = report["fields"].as_array().unwrap();
    let value = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap()["value"].clone();
    assert_eq!((value("paid"), value("value")), (json!("18"), json!("1.25")), "{text}");
}

#[test]
fn what_is_assumed_of_lines_is_in_the_test() {
    let origin = Origin {
        tag: "pay-1".to_owned(),
        container: Some("web".to_owned()),
        source: Some("stderr".to_owned()),
        ..Origin::default()
    };
    let (text, _) = with_rule(b"pay now", "", &origin).unwrap();
    for part in ["tag = \"pay-1\"", "container = \"web\"", "source = \"stderr\""] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_file_with_errors_is_added_to() {
    let file = "[[rule]]\nname = 'a'\ntype = 'adit'\n";
    let (text, name) = with_rule(b"pay now or never", file, &Origin::default()).unwrap();
    assert!(text.starts_with(file));
    assert_eq!(
        rule_of(b"pay now or never", &text.replace("'adit'", "'audit'\nmatch = '^refund '"), &Origin::default()),
        name
    );
}

#[test]
fn hostile_lines_get_a_rule_or_a_reason() {
    let lines: [&[u8]; 9] = [
        b"",
        b"'''",
        b"\"\"\" ''' \\",
        b"\x00\x01\x7f",
        b"\xff\xfe not text",
        "😀 ünï 🎉 17".as_bytes(),
        b"{\"log_type\": \"audit\"}",
        b"{\"a\": null}",
        b"{\"msg\": \"quote ' and \\\" and \\n new line\"}",
    ];
    for line in lines {
        match with_rule(line, "", &Origin::default()) {
            Ok((text, name)) => assert_eq!(rule_of(line, &text, &Origin::default()), name, "{text}"),
            Err(why) => assert!(why.ends_with('.'), "{why}"),
        }
    }
    assert!(with_rule(b"{\"log_type\": \"audit\"}", "", &Origin::default()).unwrap_err().contains("log_type"));
}
