#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::event::Event;
use crate::msgpack::Reader;
use crate::sorter::Sorter;
use serde_json::json;

fn verdict_of(record: &serde_json::Value) -> Verdict {
    let text = record.to_string();
    let tree: rmpv::Value = rmpv_from(record);
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &tree).unwrap();
    let event = [&[0x92, 0x05][..], &bytes].concat();
    let mut sorter = Sorter::default();
    let verdict = sorter.sort(&Event::read(&mut Reader::new(&event)).unwrap(), &mut Vec::new());
    verdict.unwrap_or_else(|| panic!("no verdict: {text}"))
}

fn rule_of(verdict: &Verdict) -> String {
    RuleSet::built_in().name(verdict.rule).to_owned()
}

fn rmpv_from(value: &serde_json::Value) -> rmpv::Value {
    match value {
        serde_json::Value::Null => rmpv::Value::Nil,
        serde_json::Value::Bool(flag) => (*flag).into(),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().unwrap().into(), rmpv::Value::from)
        }
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => rmpv::Value::Array(items.iter().map(rmpv_from).collect()),
        serde_json::Value::Object(pairs) => {
            rmpv::Value::Map(pairs.iter().map(|(key, value)| (key.as_str().into(), rmpv_from(value))).collect())
        }
    }
}

#[test]
fn each_kind_of_record_goes_where_it_belongs() {
    let access = r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 503 12 "-" "-""#;
    let cases = [
        (json!({"log": access}), LogType::Access, "access-line", Some(Severity::Error)),
        (
            json!({"log": "Mar 27 13:06:56 h sshd[1]: Failed password for root from 1.2.3.4 port 5 ssh2"}),
            LogType::Audit,
            "auth-line",
            Some(Severity::Warn),
        ),
        (
            json!({"log": "[2016-12-19 16:31:48,025] ERROR Controller failed"}),
            LogType::Error,
            "error-line",
            Some(Severity::Error),
        ),
        (
            json!({"log": "[2016-12-19 16:31:48,025] TRACE Controller"}),
            LogType::Trace,
            "trace-line",
            Some(Severity::Trace),
        ),
        (
            json!({"log": "\tat kafka.controller.A.b(A.scala:75)"}),
            LogType::Error,
            "exception-line",
            Some(Severity::Error),
        ),
        (
            json!({"log": "[2016] WARN retry\njava.io.IOException: x\n\tat a.B.c(D.java:1)"}),
            LogType::Error,
            "exception-line",
            Some(Severity::Error),
        ),
        (json!({"log": "<11>Oct 11 22:14:15 h app[7]: broken"}), LogType::Error, "error-line", Some(Severity::Error)),
        (json!({"log": "<15>Oct 11 22:14:15 h app[7]: fine"}), LogType::App, "syslog-line", Some(Severity::Debug)),
        (json!({"log": "<13>Oct 11 22:14:15 h app[7]: ERROR x"}), LogType::Error, "error-line", Some(Severity::Error)),
        (
            json!({"log": format!("<190>Oct 11 22:14:15 h nginx: {access}")}),
            LogType::Access,
            "access-line",
            Some(Severity::Error),
        ),
        (
            json!({"log": "<86>1 2026-01-02T03:04:05Z h sshd 7 - - Failed password for root from 1.2.3.4 port 5 ssh2"}),
            LogType::Audit,
            "auth-line",
            Some(Severity::Warn),
        ),
        (
            json!({"log": "<187>Oct 11 22:14:15 h nginx: 2026/01/02 03:04:05 [error] 31#31: *7 x, client: 1.2.3.4"}),
            LogType::Error,
            "nginx-error-line",
            Some(Severity::Error),
        ),
        (
            json!({"log": "Mar 27 13:06:56 h su[9]: FAILED SU (to root) bob on pts/0"}),
            LogType::Audit,
            "auth-line",
            Some(Severity::Warn),
        ),
        (
            json!({"log": "<34>Mar 27 13:06:56 h su[9]: FAILED SU (to root) bob on pts/0"}),
            LogType::Audit,
            "auth-line",
            Some(Severity::Critical),
        ),
        (json!({"log": "INFO started"}), LogType::App, "otherwise", Some(Severity::Info)),
        (json!({"log": "error: no such table"}), LogType::Error, "error-line", Some(Severity::Error)),
        (json!({"log": "[2026-01-02 03:04:05.678] [warning] x"}), LogType::App, "otherwise", Some(Severity::Warn)),
        (json!({"log": "\u{1b}[31mERROR\u{1b}[0m x"}), LogType::Error, "error-line", Some(Severity::Error)),
        (json!({"log": "hello"}), LogType::App, "otherwise", None),
        (json!({}), LogType::App, "otherwise", None),
        (json!({"log": 5}), LogType::App, "otherwise", None),
        (json!({"method": "GET", "path": "/", "status": 404}), LogType::Access, "access-fields", Some(Severity::Warn)),
        (json!({"method": "GET", "path": "/", "code": "200"}), LogType::Access, "access-fields", Some(Severity::Info)),
        (json!({"code": 137, "path": "/usr/bin/x"}), LogType::App, "otherwise", None),
        (json!({"http": {"status": "503", "method": "GET"}}), LogType::Access, "access-fields", Some(Severity::Error)),
        (
            json!({"http.method": "GET", "http.status_code": 404}),
            LogType::Access,
            "access-fields",
            Some(Severity::Warn),
        ),
        (
            json!({"http": {"request": {"method": "GET"}, "response": {"status_code": 500}}}),
            LogType::Access,
            "access-fields",
            Some(Severity::Error),
        ),
        (json!({"http": {"status": 1000, "method": "GET"}}), LogType::App, "otherwise", None),
        (json!({"http": "GET", "res": [200], "meta": {"res": 200}}), LogType::App, "otherwise", None),
        (
            json!({"log_type": "access", "res": {"statusCode": 500}}),
            LogType::Access,
            "own-field",
            Some(Severity::Error),
        ),
        (json!({"status": "open", "path": "/tmp"}), LogType::App, "otherwise", None),
        (json!({"level": 50, "msg": "x"}), LogType::Error, "error-level", Some(Severity::Error)),
        (json!({"severity": 3, "message": "x"}), LogType::Error, "error-level", Some(Severity::Error)),
        (json!({"severity": "6", "message": "x"}), LogType::App, "otherwise", Some(Severity::Info)),
        (json!({"level": 3, "msg": "x"}), LogType::App, "otherwise", None),
        (json!({"level": 3, "short_message": "x"}), LogType::Error, "error-level", Some(Severity::Error)),
        (json!({"severity": "high", "level": "error"}), LogType::Error, "error-level", Some(Severity::Error)),
        (json!({"severity": "", "PRIORITY": "4"}), LogType::App, "otherwise", Some(Severity::Warn)),
        (json!({"LogLevel": "Error", "Message": "x"}), LogType::Error, "error-level", Some(Severity::Error)),
        (json!({"@l": "Fatal", "@m": "x"}), LogType::Error, "error-level", Some(Severity::Critical)),
        (json!({"@level": "warn", "@message": "x"}), LogType::App, "otherwise", Some(Severity::Warn)),
        (json!({"severityText": "INFO", "body": "x"}), LogType::App, "otherwise", Some(Severity::Info)),
        (json!({"PRIORITY": "4", "MESSAGE": "x"}), LogType::App, "otherwise", Some(Severity::Warn)),
        (json!({"priority": 2, "facility": 4}), LogType::Error, "error-level", Some(Severity::Critical)),
        (json!({"priority": 1, "ticket": 4}), LogType::App, "otherwise", None),
        (json!({"level": "trace", "msg": "x"}), LogType::Trace, "trace-level", Some(Severity::Trace)),
        (json!({"stack": "Error: x\n at y", "msg": "x"}), LogType::Error, "stack-field", Some(Severity::Error)),
        (json!({"user_id": 7, "event": "cart.add"}), LogType::Activity, "activity-fields", None),
        (json!({"user_id": 7, "event": "pay", "level": "error"}), LogType::Error, "error-level", Some(Severity::Error)),
        (json!({"span_id": "a", "parent_span_id": "b"}), LogType::Trace, "span-fields", None),
        (json!({"actor": "bob", "action": "delete"}), LogType::Audit, "audit-fields", None),
        (json!({"eventSource": "s3.amazonaws.com", "eventName": "GetObject"}), LogType::Audit, "audit-fields", None),
        (json!({"log_type": "audit", "log": access}), LogType::Audit, "own-field", None),
        (json!({"log_type": "payment", "log": access}), LogType::Access, "access-line", Some(Severity::Error)),
    ];
    for (record, log_type, rule, severity) in cases {
        let verdict = verdict_of(&record);
        assert_eq!(
            (verdict.log_type, rule_of(&verdict).as_str(), verdict.severity),
            (log_type, rule, severity),
            "{record}"
        );
    }
}

#[test]
fn only_a_time_with_its_zone_is_taken_from_the_line() {
    let access = json!({"log": r#"1.2.3.4 - - [17/May/2015:10:05:03 +0200] "GET / HTTP/1.1" 200 12"#});
    assert_eq!(verdict_of(&access).line_time.map(|time| time.seconds), Some(1_431_849_903));
    let auth = json!({"log": "Mar 27 13:06:56 h sshd[1]: Connection from 1.2.3.4 port 5"});
    assert_eq!(verdict_of(&auth).line_time, None);
}
