//! Lines of loggers, NGINX's error log, web frameworks and stack traces against patterns.
//!
//! The patterns are those of the loggers' own layouts, to the letter. The parsers take the same within the first 512 bytes of
//! the first line and names up to 200 bytes, and allow other times, more spaces and missing parts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod oracle;

use oracle::*;
use proptest::prelude::*;
use shiwake_records::append::FoundFields;
use shiwake_records::line::apache_error::ApacheErrorLine;
use shiwake_records::line::exception;
use shiwake_records::line::logger::LoggerLine;
use shiwake_records::line::nginx_error::NginxErrorLine;
use shiwake_records::line::web_framework::{self, WebLine};

/// Layouts with their groups: level, logger, thread, caller.
const LAYOUTS: [&str; 13] = [
    // Logback: %d{HH:mm:ss.SSS} [%thread] %-5level %logger{36} - %msg
    r"^[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3} \[(?P<thread>[A-Za-z0-9_.-]+)\] (?P<level>TRACE|DEBUG|INFO|WARN|ERROR) +(?P<logger>[A-Za-z][\w.$]{0,150}) - ",
    // Log4j 2: %d %-5p [%t] %c - %m
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3} (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL) +\[(?P<thread>[A-Za-z0-9_.-]+)\] (?P<logger>[A-Za-z][\w.$]{0,150}) - ",
    // Log4j 1, Kafka: [%d] %p %m (%c)
    r"^\[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3}\] (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL) [^\n]*[^\s-][^\n]* \((?P<logger>[A-Za-z][\w$]*[.][\w.$]{1,99})\)$",
    // Spring Boot 3
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z +(?P<level>TRACE|DEBUG|INFO|WARN|ERROR) [0-9]+ --- (?:\[[a-z]+\] )?\[ *(?P<thread>[A-Za-z0-9_.-]+)\] (?P<logger>[A-Za-z][\w.]{0,99}) *: ",
    // Python: logging.BASIC_FORMAT
    r"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<logger>[A-Za-z_][\w.]{0,99}):[^/]",
    // Python: %(asctime)s - %(name)s - %(levelname)s - %(message)s
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3} - (?P<logger>[A-Za-z_][\w.]{0,99}) - (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) - ",
    // Ruby: Logger::Formatter
    r"^[DIWEF], \[[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6} #[0-9]+\] +(?P<level>DEBUG|INFO|WARN|ERROR|FATAL) -- (?P<logger>[A-Za-z][\w.]{0,99}): ",
    // glog and klog
    r"^(?P<level>[IWEF])[0-9]{4}(?:[0-9]{4})? [0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6} +(?P<thread>[0-9]+) (?P<caller>[a-z_]+[.][a-z]+:[0-9]+)\] ",
    // zap: console encoder
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z\t(?P<level>debug|info|warn|error|DEBUG|INFO|WARN|ERROR)\t(?:(?P<logger>[a-z]+)\t)?(?P<caller>[a-z/]+[.]go:[0-9]+)\t\S",
    // Go: log.Lshortfile, log.Llongfile
    r"^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{6})? (?P<caller>[a-z/]*[a-z]+[.]go:[0-9]+): ",
    // SLF4J: SimpleLogger; Log4j 1: TTCCLayout
    r"^(?:[0-9]+ )?\[(?P<thread>[A-Za-z0-9_.-]+)\] (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL) +(?P<logger>[A-Za-z][\w.$]{0,150}) - ",
    // gunicorn
    r"^\[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+][0-9]{4}\] \[(?P<thread>[0-9]+)\] \[(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\] ",
    // .NET
    r"^(?P<level>trce|dbug|info|warn|fail|crit): (?P<logger>[A-Za-z][\w.]{0,99})\[[0-9]+\](?:\n|$)",
];

fn oracle(line: &[u8]) -> Option<(String, Fields)> {
    let captures = LAYOUTS.iter().find_map(|layout| pattern(layout).captures(line))?;
    let level = match group(&captures, "level").to_ascii_lowercase().as_str() {
        "i" | "info" => "info",
        "w" | "warn" | "warning" => "warn",
        "e" | "error" | "fail" => "error",
        "f" | "fatal" | "critical" | "crit" => "critical",
        "trace" | "trce" => "trace",
        "d" | "debug" | "dbug" => "debug",
        _ => "",
    };
    let mut fields = Fields::new();
    for name in ["logger", "thread", "caller"] {
        if captures.name(name).is_some() {
            put(&mut fields, name, group(&captures, name));
        }
    }
    Some((level.to_owned(), fields))
}

fn parsed(line: &[u8]) -> Option<(String, Fields)> {
    let parsed = LoggerLine::parse(line)?;
    let mut found = FoundFields::default();
    parsed.add_to(&mut found);
    Some((parsed.severity.map_or(String::new(), |severity| severity.name().to_owned()), fields(&found)))
}

fn samples() -> Vec<Vec<u8>> {
    [
        "formats/logger.log",
        "formats/web_framework.log",
        "app_kafka_controller.log",
        "app_kafka_server.log",
        "error_kafka_state_change.log",
    ]
    .into_iter()
    .flat_map(lines)
    .collect()
}

#[test]
fn lines_of_loggers_are_as_their_layouts_say() {
    let (mut compared, mut layouts) = (0, std::collections::BTreeSet::new());
    for line in samples() {
        let Some(expected) = oracle(&line) else { continue };
        layouts.insert(LAYOUTS.iter().position(|layout| pattern(layout).is_match(&line)));
        assert_eq!(parsed(&line), Some(expected), "{}", show(&line));
        compared += 1;
    }
    assert!(compared >= 300 && layouts.len() >= 10, "{compared} lines of {} layouts", layouts.len());
}

/// A line of one of the layouts.
fn written() -> impl Strategy<Value = Vec<u8>> {
    let date = "20[0-9]{2}-[01][0-9]-[0-3][0-9]";
    let clock = "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]";
    let logger = "[a-z][a-z_]{0,6}([.][A-Z]?[a-z]{1,9}){1,3}";
    let word = "[a-z][a-z0-9-]{0,12}";
    let level = prop::sample::select(vec!["DEBUG", "INFO", "WARN", "ERROR"]);
    let text = "[a-zA-Z]{1,9}( [a-z:=()0-9-]{1,9}){0,5}[a-z]";
    (date, clock, logger, word, level, text, 0..11_usize).prop_map(
        |(date, clock, logger, word, level, text, layout)| {
            let python = if level == "WARN" { "WARNING" } else { level };
            match layout {
                0 => format!("{clock}.123 [{word}] {level:<5} {logger} - {text}"),
                1 => format!("{date} {clock},123 {level:<5} [{word}] {logger} - {text}"),
                2 => format!("[{date} {clock},123] {level} {text} ({logger})"),
                3 => format!("{date}T{clock}.123Z {level:>5} 7 --- [app] [{word:>15}] {logger:<40} : {text}"),
                4 => format!("{python}:{logger}:{text}"),
                5 => format!("{date} {clock},123 - {logger} - {python} - {text}"),
                6 => format!("{}, [{date}T{clock}.123456 #7] {level:>5} -- {logger}: {text}", &level[..1]),
                7 => format!("{}0102 {clock}.123456 {:>7} file.go:12] {text}", &level[..1].replace('D', "I"), 7),
                8 => format!("[{word}] {level} {logger} - {text}"),
                9 => format!("176 [{word}] {level:<5} {logger} - {text}"),
                _ => format!("{date}T{clock}.123Z\t{level}\tapi\tcmd/main.go:12\t{text}"),
            }
            .into_bytes()
        },
    )
}

const QUOTED_PARTS: [(&str, &str); 5] = [
    ("client", "remote_addr"),
    ("server", "server"),
    ("upstream", "upstream"),
    ("host", "host"),
    ("referrer", "referer"),
];

/// NGINX's error log: `time [level] pid#tid: *connection text, client: .., server: .., request: "..", ..`; the
/// client is always the first of the parts.
fn nginx_oracle(line: &[u8]) -> Option<Fields> {
    let head = r#"^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} \[(?P<level>debug|info|notice|warn|error|crit|alert|emerg)\] (?P<pid>[0-9]{1,9})#[0-9]+: (?:\*(?P<connection>[0-9]+) )?(?P<text>[^,"]*(?:"[^",]*"[^,"]*)*)(?P<parts>(?:, client: [^,"]*(?:, (?:client|server|upstream|host|referrer|request): (?:"[^"]*"|[^,"]*))*)?)$"#;
    let captures = pattern(head).captures(line)?;
    let mut fields = Fields::new();
    put(&mut fields, "error_message", group(&captures, "text").trim_ascii_end());
    put(&mut fields, "pid", group(&captures, "pid").parse::<i64>().unwrap().to_string());
    put(&mut fields, "connection", group(&captures, "connection"));
    let parts = group(&captures, "parts");
    let part = pattern(r#"(?s), (?P<name>[a-z]+): (?:"(?P<quoted>[^"]*)"|(?P<bare>[^,"]*))"#);
    for captures in part.captures_iter(parts.as_bytes()) {
        let name = group(&captures, "name");
        let value = group(&captures, "quoted") + group(&captures, "bare").trim_ascii_end();
        if name == "request" && !fields.contains_key("method") && !fields.contains_key("request") {
            let before = fields.len();
            put_request(&mut fields, &value);
            if fields.len() == before {
                put(&mut fields, "request", value);
            }
        } else if let Some((_, field)) = QUOTED_PARTS.iter().find(|(known, _)| *known == name)
            && !fields.contains_key(*field)
        {
            put(&mut fields, field, value);
        }
    }
    Some(fields)
}

fn nginx_parsed(line: &[u8]) -> Option<Fields> {
    let mut found = FoundFields::default();
    NginxErrorLine::parse(line)?.add_to(&mut found);
    Some(fields(&found))
}

/// Apache's error log as its documentation has it: `[time] [module:level] [pid P:tid T] [client C] text, referer: R`.
fn apache_oracle(line: &[u8]) -> Option<(String, Fields)> {
    let text = r"^\[[A-Z][a-z]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9 ][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{6})? [0-9]{4}\] \[(?:(?P<module>[a-z_0-9]+):)?(?:(?P<level>emerg|alert|crit|error|warn|notice|info|debug)|(?P<numbered>trace)[1-8]?)\](?: \[pid (?P<pid>[0-9]{1,9})(?::tid (?P<tid>[0-9]+))?\])?(?: \[client (?P<client>[0-9.]+)(?::(?P<port>[0-9]+))?\])? (?P<text>[^\[].*?)(?:, referer: (?P<referer>[^ ]*))?$";
    let captures = pattern(text).captures(line)?;
    let mut fields = Fields::new();
    let names = [
        ("module", "module"),
        ("pid", "pid"),
        ("tid", "thread"),
        ("client", "remote_addr"),
        ("port", "client_port"),
        ("referer", "referer"),
    ];
    for (group_name, name) in names {
        put(&mut fields, name, group(&captures, group_name));
    }
    if let Some(pid) = fields.get_mut("pid") {
        *pid = pid.parse::<i64>().unwrap().to_string();
    }
    if let Some(captures) = pattern("^(?P<code>AH[0-9]{5}): ").captures(group(&captures, "text").as_bytes()) {
        put(&mut fields, "error_code", group(&captures, "code"));
    }
    put(&mut fields, "error_message", group(&captures, "text"));
    Some((group(&captures, "level") + &group(&captures, "numbered"), fields))
}

fn apache_parsed(line: &[u8]) -> Option<(&'static str, Fields)> {
    let parsed = ApacheErrorLine::parse(line)?;
    let mut found = FoundFields::default();
    parsed.add_to(&mut found);
    Some((parsed.severity.name(), fields(&found)))
}

/// The name of a level in the log.
fn severity_of(level: &str) -> &str {
    match level {
        "emerg" => "emergency",
        "crit" => "critical",
        level => level,
    }
}

#[test]
fn error_lines_of_apache_are_as_the_documentation_has_them() {
    let mut compared = 0;
    for line in lines("formats/apache_error.log") {
        let Some((level, expected)) = apache_oracle(&line) else { continue };
        assert_eq!(apache_parsed(&line), Some((severity_of(&level), expected)), "{}", show(&line));
        compared += 1;
    }
    assert_eq!(compared, 6);
}

/// The fields with the duration to the picosecond: two ways to multiply round differently.
fn rounded(mut fields: Fields) -> Fields {
    if let Some(duration) = fields.get_mut("duration_ms") {
        *duration = format!("{:.9}", duration.parse::<f64>().unwrap());
    }
    fields
}

/// Of Gin, chi and morgan, with durations of one unit.
fn other_web_oracle(line: &[u8]) -> Option<Fields> {
    const FORMS: [&str; 4] = [
        "^\\[GIN\\] [0-9]{4}/[0-9]{2}/[0-9]{2} - [0-9]{2}:[0-9]{2}:[0-9]{2} [|] (?P<status>[1-5][0-9]{2}) [|] *(?P<time>[0-9]{1,6}(?:[.][0-9]{1,6})?)(?P<unit>ms|s|m|h|ns|\u{b5}s) [|] *(?P<remote_addr>[0-9a-f:.]+) [|] (?P<method>[A-Z]+) +\"(?P<path>[^?\"| \n]*)(?:[?](?P<query>[^\"| \n]*))?\"(?:\n.*)?$",
        "^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} (?:\\[(?P<request_id>[^\\]]*)\\] *)?\"(?P<method>[A-Z]+) https?://(?P<host>[a-z.]+)(?::[0-9]*)?(?P<path>/[^?\" ]*)(?:[?](?P<query>[^\" ]*))? (?P<protocol>HTTP/[0-9.]+)\" from (?:(?P<remote_addr>[0-9.]+)|\\[(?P<in_brackets>[0-9a-f:.]+)\\]):(?P<client_port>[0-9]{1,4}|[1-5][0-9]{4}) - (?P<status>[1-5][0-9]{2}) (?P<bytes>[0-9]{1,18})B in (?P<time>[0-9]{1,6}(?:[.][0-9]{1,6})?)(?P<unit>ms|s|m|h|ns|\u{b5}s)$",
        "^(?P<method>[A-Z]+) (?P<path>/[^?\\s]*)(?:[?](?P<query>[^\\s]*))? (?P<status>[1-5][0-9]{2}) (?P<bytes>[0-9]{1,18}|-) - (?P<time>[0-9]{1,6}[.][0-9]{1,6}) (?P<unit>ms)$",
        "^(?P<method>[A-Z]+) (?P<path>/[^?\\s]*)(?:[?](?P<query>[^\\s]*))? (?P<status>[1-5][0-9]{2}) (?P<time>[0-9]{1,6}[.][0-9]{1,6}) (?P<unit>ms) - (?P<bytes>[0-9]{1,18}|-)$",
    ];
    // The micro sign is two bytes.
    std::str::from_utf8(line).ok()?;
    let captures = FORMS.iter().find_map(|form| pattern(form).captures(line))?;
    let mut fields = Fields::new();
    put(&mut fields, "remote_addr", group(&captures, "in_brackets"));
    for name in ["request_id", "remote_addr", "client_port", "method", "host", "path", "query", "protocol", "status"] {
        put(&mut fields, name, group(&captures, name));
    }
    let bytes = group(&captures, "bytes").parse::<i64>();
    put(&mut fields, "bytes", bytes.map_or(String::new(), |bytes| bytes.to_string()));
    let unit = match group(&captures, "unit").as_str() {
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 6e4,
        "h" => 3.6e6,
        "ns" => 1e-6,
        _ => 1e-3,
    };
    let duration = group(&captures, "time").parse::<f64>().unwrap() * unit;
    fields.insert("duration_ms".to_owned(), duration.to_string());
    Some(fields)
}

fn web_oracle(line: &[u8]) -> Option<Fields> {
    // Of a part that is there twice the pattern takes the one that fits, and the parser the first.
    if line.windows(14).filter(|part| part == b"ActiveRecord: ").count() > 1
        || line.windows(7).filter(|part| part == b"Views: ").count() > 1
    {
        return None;
    }
    let ruby = r"^(?:I, \[[^\]]*\]  INFO -- : )?(?:\[[^\]]*\] )*";
    let mut fields = Fields::new();
    let started = pattern(&format!(
        r#"{ruby}Started (?P<method>[A-Z]+) "(?P<path>[^"?]*)(?:[?](?P<query>[^"]*))?" for (?P<remote_addr>[^ ]+) at [0-9-]{{10}} [0-9:]{{8}} [+][0-9]{{4}}$"#
    ));
    let uvicorn = pattern(
        r#"^INFO: [ \t\x0c\r\n]*(?P<remote_addr>[^ \t\x0c\r\n][^ ]*):(?P<client_port>[0-9]+) - "(?P<method>[A-Z]+) (?P<path>[^" ?]*)(?:[?](?P<query>[^" ]*))? (?P<protocol>HTTP/[0-9.]+)" (?P<status>[1-5][0-9]{2}) "#,
    );
    let completed = pattern(&format!(
        r"{ruby}Completed (?P<status>[1-5][0-9]{{2}}) (?:[A-Z][A-Za-z]* )*in (?P<time>[0-9]{{1,9}})ms(?: \((?:[A-Za-z]+: [^|()]*(?:\([^()]*\))?(?: \| )?)*\))?$"
    ));
    if let Some(fields) = other_web_oracle(line) {
        return Some(fields);
    }
    if let Some(captures) = started.captures(line).or_else(|| uvicorn.captures(line)) {
        for name in ["remote_addr", "client_port", "method", "path", "query", "protocol", "status"] {
            put(&mut fields, name, group(&captures, name));
        }
        return Some(fields);
    }
    let captures = completed.captures(line)?;
    put(&mut fields, "status", group(&captures, "status"));
    put(&mut fields, "duration_ms", group(&captures, "time").parse::<i64>().unwrap().to_string());
    for (name, label) in [("view_ms", "Views"), ("db_ms", "ActiveRecord")] {
        let part = pattern(&format!(r"(?:ms \(|[|] ){label}: (?P<value>[0-9]+[.][0-9])ms"));
        if let Some(captures) = part.captures(line) {
            put(&mut fields, name, group(&captures, "value").parse::<f64>().unwrap().to_string());
        }
    }
    Some(fields)
}

#[test]
fn error_lines_of_nginx_are_as_the_pattern_says() {
    let mut compared = 0;
    for line in lines("formats/nginx_error.log") {
        let Some(expected) = nginx_oracle(&line) else { continue };
        assert_eq!(nginx_parsed(&line), Some(expected), "{}", show(&line));
        compared += 1;
    }
    assert!(compared >= 5, "{compared}");
}

#[test]
fn requests_of_web_frameworks_are_as_the_patterns_say() {
    let mut compared = 0;
    for line in lines("formats/web_framework.log") {
        let mut found = FoundFields::default();
        let parsed = web_framework::parse(&line, &mut found);
        let mut found = fields(&found);
        found.remove("allocations");
        match web_oracle(&line) {
            Some(expected) => {
                assert!(parsed.is_some(), "{}", show(&line));
                assert_eq!(rounded(found), rounded(expected), "{}", show(&line));
                compared += 1;
            }
            None => assert_eq!(parsed, None, "{}", show(&line)),
        }
    }
    assert_eq!(compared, 14);
}

/// Kind and message of a trace, by a pattern for each runtime.
fn exception_oracle(text: &[u8]) -> Option<(String, String)> {
    const HEADS: [&str; 8] = [
        // Python, the last of several
        r"^(?s:.*)Traceback \(most recent call last\):\n(?: +[^\n]*\n)+(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<message>[^\n]*))?$",
        // Go
        r"^(?P<kind>panic|fatal error): (?P<message>[^\n]*)\n(?s:.*)goroutine [0-9]+ \[",
        // Rust
        r"^\n?(?P<panic>thread) '[^']*' (?:\([0-9]+\) )?panicked at [^\n']*:\n(?P<message>[^\n]*)",
        r"^(?P<panic>thread) '[^']*' panicked at '(?P<message>[^\n]*)', [^\n]*:[0-9]+:[0-9]+",
        // Ruby
        r"^[^\n ]*:[0-9]+:in [`'][^\n']*': (?P<message>[^\n]*) \((?P<kind>[A-Z][\w:]*)\)\n",
        // Java and .NET, named in the first line
        "^(?:Exception in thread \"[^\"\n]*\" |Unhandled exception[.] )?(?P<kind>[A-Za-z][\\w$]*(?:[.][\\w$]+)*(?:Exception|Error)): (?P<message>[^\n]*?)(?: ---> [^\n]*)?\n(?:[^\n]*\n)?[ \t]+(?:at |---> )",
        " ---> ",
        // Node, behind the code
        r"(?m)^(?P<kind>[A-Z]\w*)(?: \[[A-Z_]+\])?: (?P<message>[^\n]*)\n    at ",
    ];
    let captures = HEADS.iter().find_map(|head| {
        let built = regex::bytes::RegexBuilder::new(head).unicode(false).build().unwrap();
        built.captures(text).filter(|captures| captures.name("message").is_some() || captures.name("kind").is_some())
    })?;
    let kind = if captures.name("panic").is_some() { "panic".to_owned() } else { group(&captures, "kind") };
    Some((kind, group(&captures, "message")))
}

#[test]
fn traces_are_named_as_the_patterns_say() {
    let mut compared = 0;
    for text in lines("formats/exceptions.ndjson") {
        let Some((kind, message)) = exception_oracle(&text) else { continue };
        let found = exception::find(&text).unwrap();
        assert_eq!((show(found.kind), show(found.message)), (kind, message), "{}", show(&text));
        compared += 1;
    }
    assert!(compared >= 22, "{compared}");
}

proptest! {
    #[test]
    fn lines_written_after_the_layouts_are_taken(line in written()) {
        prop_assert_eq!(parsed(&line), Some(oracle(&line).unwrap()), "{}", show(&line));
    }

    #[test]
    fn changed_lines_of_loggers_are_as_their_layouts_say(line in changed(samples())) {
        if let Some(expected) = oracle(&line).filter(|_| line.len() < 400) {
            prop_assert_eq!(parsed(&line), Some(expected), "{}", show(&line));
        }
    }

    #[test]
    fn changed_error_lines_of_nginx_are_as_the_pattern_says(line in changed(lines("formats/nginx_error.log"))) {
        if let Some(expected) = nginx_oracle(&line) {
            prop_assert_eq!(nginx_parsed(&line), Some(expected), "{}", show(&line));
        }
    }

    #[test]
    fn changed_error_lines_of_apache_are_as_the_documentation_has_them(line in changed(lines("formats/apache_error.log"))) {
        // A referer has no spaces; where one has, the pattern takes it for the text.
        let is_plain = |(_, fields): &(String, Fields)| !fields.get("error_message").is_some_and(|text| text.contains(", referer: "));
        let is_cut = line.trim_ascii_end().len() != line.len();
        if let Some((level, expected)) = apache_oracle(&line).filter(|found| is_plain(found) && !is_cut) {
            prop_assert_eq!(apache_parsed(&line), Some((severity_of(&level), expected)), "{}", show(&line));
        }
    }

    #[test]
    fn changed_requests_of_web_frameworks_are_as_the_patterns_say(line in changed(lines("formats/web_framework.log"))) {
        if let Some(expected) = web_oracle(&line) {
            let mut found = FoundFields::default();
            let parsed = web_framework::parse(&line, &mut found);
            let found = rounded(fields(&found));
            prop_assert!(parsed.is_some(), "{}", show(&line));
            for (name, text) in rounded(expected) {
                prop_assert_eq!(found.get(&name), Some(&text), "{}: {}", name, show(&line));
            }
            let is_started = matches!(parsed, Some(WebLine::Started(_)));
            prop_assert_eq!(is_started, !found.contains_key("status"));
        }
    }
}
