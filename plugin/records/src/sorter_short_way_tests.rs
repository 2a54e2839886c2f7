//! The short way of access lines against the long one.

use super::*;

const SHORT_WAY_RULES: &str = r#"
    [[rule]]
    name = "health"
    match = "/health"
    drop = true

    [[rule]]
    name = "admin"
    type = "activity"
    severity = "notice"
    match = "/admin"

    [[rule]]
    name = "mobile"
    type = "activity"
    when = { field = "container_name", prefix = "mobile" }
"#;
/// Rules of which none is plain.
const LONG_WAY_RULES: &str = r#"
    [[rule]]
    name = "marked"
    set = { team = "web" }
    match = "/health"

    [[rule]]
    name = "sampled"
    type = "access"
    sample = { keep = 0.5, by = "container_id" }
    match = "/admin"

    [[rule]]
    name = "raw"
    type = "activity"
    parse = "none"
    when = { field = "container_name", prefix = "mobile" }
"#;

/// Sorters with what may be configured, by twos of one kind.
fn sorters() -> Vec<[Sorter; 2]> {
    let rules = |text: &str| Arc::new(RuleSet::parse("rules.toml", text).unwrap());
    let labels = |field: &str| vec![LabelField { label: "team".into(), field: field.into() }];
    let default = SorterConfig::default;
    let tagged = || SorterConfig { service: Some("shop".into()), tags: Some("team:web".into()), ..default() };
    [
        default(),
        SorterConfig { rules: rules(SHORT_WAY_RULES), ..default() },
        SorterConfig { rules: rules(LONG_WAY_RULES), ..default() },
        SorterConfig { use_line_time: false, hostname: Some("h".into()), ..tagged() },
        SorterConfig { labels: labels("team"), placement: Placement::Map("origin".into()), ..tagged() },
        SorterConfig { labels: labels("path"), ..tagged() },
        SorterConfig { placement: Placement::Map("query".into()), ..tagged() },
        SorterConfig { placement: Placement::FromMap("origin".into()), ..default() },
        SorterConfig { placement: Placement::Only(Needs::Datadog), ..tagged() },
    ]
    .map(|config| [Sorter::new(config.clone()), Sorter::new(config)])
    .into()
}

const ESCAPED: &str = r#"GET /\" HTTP/1.1"#;

fn any_access_line() -> impl Strategy<Value = String> {
    let one_of = |texts: &'static [&'static str]| prop::sample::select(texts);
    let parts = (
        one_of(&["83.149.9.216", "::1", "2001:db8::1", "10.0.0.1", "web-1", "2", "8"]),
        one_of(&[" - - [", " - bob [", " - - ["]),
        one_of(&[
            "17/May/2015:10:05:03 +0000",
            "17/May/2015:23:59:60 +0000",
            "18/May/2015:10:05:03 +0200",
            "31/Dec/1969:10:05:03 +0000",
            "x",
        ]),
        one_of(&[
            "GET / HTTP/1.1",
            "GET /health?a=b HTTP/1.1",
            "POST /admin HTTP/2.0",
            "PRI * HTTP/2.0",
            "-",
            "",
            ESCAPED,
        ]),
        one_of(&["200", "404", "503", "099", "600", "20x"]),
        one_of(&["5", "-", "203023", "1234567", "12345678", "123456789012", "x"]),
        one_of(&[
            "",
            r#" "-" "-""#,
            r#" "http://r/" "Mozilla""#,
            r#" "-" "Mozilla (cut"#,
            r#" "r" "a" 0.005 0.004"#,
            " \"r\" \"a\" \n",
        ]),
        prop_oneof![9 => Just(0), 1 => 250..300_usize],
        prop_oneof![4 => Just(0), 4 => 0..80_usize, 1 => 240..300_usize],
    );
    parts.prop_map(|(address, user, time, request, status, size, rest, long, long_agent)| {
        let (rest, end) = rest.strip_suffix('"').map_or((rest, ""), |rest| (rest, "\""));
        let [long, long_agent] = [long, long_agent].map(|count| "x".repeat(count));
        format!("{address}{user}{time}] \"{request}{long}\" {status} {size}{rest}{long_agent}{end}")
    })
}

fn any_record() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    const OTHERS: [(&str, &str); 10] = [
        ("container_id", "0a1b"),
        ("container_name", "/mobile"),
        ("source", "stdout"),
        ("ecs_cluster", "prod"),
        ("ecs_task_definition", "shop:7"),
        ("level", "error"),
        ("path", "/own"),
        ("trace_id", "0123456789abcdef0123456789abcdef"),
        ("message", "also text"),
        ("log_type", "audit"),
    ];
    let others = prop_oneof![3 => prop::sample::subsequence(&OTHERS[..5], 0..=5), 1 => prop::sample::subsequence(&OTHERS[..], 0..=10)];
    // So many that the length of the record's header is another one.
    const MORE: [(&str, &str); 18] = {
        let names = "abcdefghijklmnopqr";
        let (mut fields, mut at) = ([("", "1"); 18], 0);
        while at < fields.len() {
            fields[at].0 = names.split_at(at).1.split_at(1).0;
            at += 1;
        }
        fields
    };
    let more = prop_oneof![3 => Just(0), 1 => 0..=MORE.len()];
    let key = prop_oneof![8 => Just("log"), 1 => Just("message"), 1 => Just("line")];
    (any_access_line(), key, others, more).prop_map(|(line, key, others, more)| {
        let others = others.into_iter().chain(MORE.into_iter().take(more)).filter(|(other, _)| *other != key);
        others.map(|(key, value)| (key, value.to_owned())).chain([(key, line)]).collect()
    })
}

proptest! {
    #[test]
    fn the_short_way_of_access_lines_leads_where_the_long_one_does(records in prop::collection::vec(any_record(), 1..12)) {
        // Each twice, as keys are known when they come again.
        let records = records.iter().chain(&records).chain(&records);
        let events: Vec<_> = records
            .map(|record| event_bytes(&record.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>()))
            .collect();
        for [mut both, mut long] in sorters() {
            for bytes in &events {
                let event = only_event(bytes);
                let (mut by_both, mut by_long) = (Vec::new(), Room::default());
                let verdict = both.sort(&event, &mut by_both).unwrap();
                long.index.fill(&event.body);
                let expected = long.sort_indexed(&event, false, true, |enriched| enriched.append_to(&mut by_long));
                prop_assert_eq!(verdict, expected);
                prop_assert_eq!(by_both, by_long.bytes(), "{}", String::from_utf8_lossy(bytes));
            }
            prop_assert_eq!(both.rule_counts(), long.rule_counts());
        }
    }
}

#[test]
fn usual_records_take_the_short_way() {
    let record = |line: &'static str| event_bytes(&[("log", line), ("container_id", "0a1b")]);
    let usual = r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl""#;
    for ([mut sorter, _], is_short) in
        sorters().into_iter().zip([true, true, false, true, true, false, false, false, true])
    {
        sorter.sort_chunk(&record(usual).repeat(3), RECEIVED, &mut Vec::new());
        for (line, is_usual) in [
            (usual, true),
            (r#"a.org 1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5"#, false),
            ("plain text", false),
        ] {
            let bytes = record(line);
            let event = only_event(&bytes);
            sorter.index.fill(&event.body);
            assert_eq!(sorter.sort_usual(&event, &mut Room::default()).is_some(), is_short && is_usual, "{line}");
        }
    }
}
