//! Records in the two forms in which the two filters get them.

use proptest::prelude::*;
use rmpv::Value;
use serde_json::Value as Json;
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::json::JsonScanner;

/// Rules that ask for all that a rule can ask for, and do what it can do.
pub(crate) const RULES: &str = r#"
[[rule]]
name = "drop pictures"
match = 'GET /presentations/logstash\S+\.png'
drop = true

[[rule]]
name = "kafka"
when = { field = "log", prefix = ["[2015", "[2016"] }
set = { team = "stream\"s\"", weight = 2.5, on = true }

[[rule]]
name = "partitions"
match = 'partition \['
type = "activity"
parse = { regex = 'partition \[(?<topic>[^,\]]+),(?<partition>\d+)\]', types = { partition = "int" } }

[[rule]]
name = "root"
match = ['(?i)session (opened|closed) for user \S+', '\bsudo:.*\bCOMMAND=/\w+']
type = "audit"
severity = "notice"

[[rule]]
name = "numbers"
match = '^\d+\s+\d'
type = "trace"
"#;

/// A record as an event of Fluent Bit.
pub(crate) fn as_msgpack(record: &[(String, Value)]) -> Vec<u8> {
    let fields = record.iter().map(|(name, value)| (Value::from(name.as_str()), value.clone())).collect();
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, &Value::Array(vec![1.into(), Value::Map(fields)])).unwrap();
    out
}

/// A record as JSON text, as Fluent Bit writes it: no white space, a float that is whole with one zero behind its dot.
pub(crate) fn as_json(record: &[(String, Value)]) -> String {
    let fields: Vec<String> =
        record.iter().map(|(name, value)| format!("{}:{}", Json::from(name.as_str()), value_as_json(value))).collect();
    format!("{{{}}}", fields.join(","))
}

fn value_as_json(value: &Value) -> String {
    match value {
        Value::Nil => "null".to_owned(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Integer(int) => int.to_string(),
        Value::F64(float) => Json::from(*float).to_string(),
        Value::String(text) => Json::from(text.as_str().unwrap()).to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(value_as_json).collect::<Vec<_>>().join(",")),
        Value::Map(pairs) => {
            let pair = |(name, value): &(Value, Value)| {
                format!("{}:{}", Json::from(name.as_str().unwrap()), value_as_json(value))
            };
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
        }
        other => panic!("{other} is not in any record here"),
    }
}

/// The fields of an object, when a line is one, without doubled names: Fluent Bit leaves one of them out.
pub(crate) fn fields_of(line: &str) -> Option<Vec<(String, Value)>> {
    let mut fields: Vec<(String, Value)> = Vec::new();
    for (name, value) in pairs_of(line)? {
        let name = name.as_str()?.to_owned();
        if fields.iter().all(|(known, _)| *known != name) {
            fields.push((name, value));
        }
    }
    Some(fields)
}

fn pairs_of(text: &str) -> Option<Vec<(Value, Value)>> {
    let mut fields = LineFields::default();
    JsonScanner::default().scan(text.as_bytes(), &mut fields).then_some(())?;
    let mut bytes = fields.bytes();
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        pairs.push((rmpv::decode::read_value(&mut bytes).unwrap(), rmpv::decode::read_value(&mut bytes).unwrap()));
    }
    Some(pairs)
}

/// What became of one record.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) text: String,
    pub(crate) native: Vec<(Value, Value)>,
    pub(crate) wasm: String,
}

impl Compared {
    /// Both filters gave the same fields in the same order, or both threw the record away.
    pub(crate) fn check(&self) {
        let Compared { text, native, wasm } = self;
        if native.is_empty() {
            assert_eq!(wasm, "", "{text}: only the native filter throws it away");
            return;
        }
        assert!(serde_json::from_str::<Json>(wasm).is_ok_and(|read| read.is_object()), "{text} became {wasm}");
        let fields = pairs_of(wasm).unwrap();
        assert_eq!(&fields, native, "{text}");
    }
}

/// Texts that mean something somewhere, and texts that mean nothing.
fn any_text() -> impl Strategy<Value = String> {
    let lines = concat!(
        r#"203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] "GET /cart?id=1 HTTP/1.1" 404 512 "-" "curl/8.5" 0.005"#,
        "\n",
        "<14>Nov 29 10:00:00 web sshd[99]: Failed password for root from 203.0.113.7 port 4711 ssh2\n",
        r#"{"level":"error","msg":"a \"b\"","n":[1,2.5,{"x":null}],"log":"y"}"#,
        "\n",
        "level=warn msg=\"a b\" took=1.5 user_id=7\n",
        "2026-11-29T10:00:00Z ERROR [main] c.e.Shop - java.lang.IllegalStateException: no cart\n",
        "panic: runtime error: index out of range\n",
        "Completed 200 OK in 12ms\n",
        "arn:aws:ecs:eu-west-1:123456789012:task/web/0a1b\n",
        "shop:7\nerror\ntrace\naudit\nfailure\n404\n",
    );
    let known: Vec<&'static str> = lines.lines().collect();
    prop_oneof![
        4 => proptest::sample::select(known.clone()).prop_map(str::to_owned),
        2 => (proptest::sample::select(known), 0_usize..120).prop_map(|(line, end)| line.chars().take(end).collect()),
        1 => "[a-z \"\\\\\n\t=:{}\\[\\]é日😀-]{0,60}",
        1 => any::<String>(),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => any_text().prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        2 => (0_i64..700).prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        2 => (-1_000_000_i32..1_000_000).prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Nil),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let names = proptest::collection::btree_map("[a-z.]{1,8}", inner.clone(), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Value::Array),
            names.prop_map(|pairs| Value::Map(pairs.into_iter().map(|(name, value)| (name.into(), value)).collect())),
        ]
    })
}

/// Records with names that mean something more often than not.
pub(crate) fn any_record() -> impl Strategy<Value = Vec<(String, Value)>> {
    const NAMES: &str = "log message msg level severity status method path user_id event log_type span_id trace_id duration_ms \
        actor action eventName eventSource auditID verb objectRef user stack error exception container_id container_name \
        ecs_task_arn ecs_cluster ecs_task_definition ddtags service source time timestamp PRIORITY facility partial_message";
    let names: Vec<&'static str> = NAMES.split_whitespace().collect();
    let name = prop_oneof![5 => proptest::sample::select(names).prop_map(str::to_owned), 1 => any::<String>()];
    proptest::collection::vec((name, any_value()), 0..10).prop_map(|fields| {
        let mut unique: Vec<(String, Value)> = Vec::new();
        for field in fields {
            if unique.iter().all(|(known, _)| *known != field.0) {
                unique.push(field);
            }
        }
        unique
    })
}
