//! Access lines of AWS against the expressions of its own documentation and against plain splitting.
//!
//! Load balancers: the `input.regex` of the tables that Athena's user guide creates for them
//! (<https://docs.aws.amazon.com/athena/latest/ug/create-alb-access-logs-table.html>,
//! <https://docs.aws.amazon.com/athena/latest/ug/networkloadbalancer-classic-logs.html>). CloudFront and VPC flow logs are
//! fields with one separator.
//!
//! Where they differ: AWS' expression takes an IPv6 client's brackets into the address, it puts all fields behind
//! `conn_trace_id` into one group, and it needs a line as long as it knows; a second oracle of plain steps covers the rest.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod oracle;

use oracle::*;
use proptest::prelude::*;
use shiwake_records::append::FoundFields;
use shiwake_records::line::{cloudfront, load_balancer, vpc_flow};

const ATHENA_ALB: &str = r#"^([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*) ([-0-9]*) ([-0-9]*) "([^ ]*) (.*) (- |[^ ]*)" "([^"]*)" ([A-Z0-9-_]+) ([A-Za-z0-9.-]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^"]*)" ([-.0-9]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^ ]*)" "([^\s]+?)" "([^\s]+)" "([^ ]*)" "([^ ]*)" ?([^ ]*)? ?(.*)?$"#;
const ATHENA_NLB: &str = r"^([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*):([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-0-9]*) ([-0-9]*) ([-0-9]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ?([^ ]*) ?([^ ]*) ?([^ ]*) ?([^ ]*)( .*)?$";

/// What Athena's groups are called here, in their order; an empty name is for what is split or said otherwise.
const ALB_GROUPS: [&str; 34] = [
    "elb_type",
    "",
    "elb",
    "remote_addr",
    "client_port",
    "",
    "",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "status",
    "upstream_status",
    "received_bytes",
    "bytes",
    "method",
    "",
    "protocol",
    "user_agent",
    "tls_cipher",
    "tls_protocol",
    "target_group_arn",
    "",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target_port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
];

fn alb(line: &[u8]) -> Option<Fields> {
    let mut found = FoundFields::default();
    load_balancer::alb(line, &mut found).map(|_| fields(&found))
}

fn nlb(line: &[u8]) -> Option<Fields> {
    let mut found = FoundFields::default();
    load_balancer::nlb(line, &mut found).map(|_| fields(&found))
}

#[test]
fn lines_of_an_alb_are_as_athena_takes_them() {
    let athena = pattern(ATHENA_ALB);
    let mut compared = 0;
    for line in lines("formats/load_balancer.log") {
        let Some(captures) = athena.captures(&line) else { continue };
        let found = alb(&line).unwrap();
        let is_bad_request = show(&captures[15]) == "-";
        for (name, text) in ALB_GROUPS.iter().zip(captures.iter().skip(1)) {
            let text = show(text.map_or(&b""[..], |text| text.as_bytes()));
            // A client over IPv6 has brackets in the line, and what is no request has no parts.
            let text = if *name == "remote_addr" { text.trim_matches(['[', ']']).to_owned() } else { text };
            if name.is_empty() || (is_bad_request && ["method", "protocol"].contains(name)) {
                continue;
            }
            let is = found.get(*name).map_or("", String::as_str);
            assert_eq!(is, if text == "-" { "" } else { &text }, "{name}: {}", show(&line));
        }
        compared += 1;
    }
    assert!(compared >= 6, "{compared}");
}

#[test]
fn lines_of_an_nlb_are_as_athena_takes_them() {
    let athena = pattern(ATHENA_NLB);
    let names = [
        "elb_type",
        "elb_version",
        "",
        "elb",
        "listener",
        "remote_addr",
        "client_port",
        "",
        "",
        "duration_ms",
        "tls_handshake_ms",
        "received_bytes",
        "bytes",
        "incoming_tls_alert",
        "chosen_cert_arn",
        "chosen_cert_serial",
        "tls_cipher",
        "tls_protocol",
        "tls_named_group",
        "host",
    ];
    let mut compared = 0;
    for line in lines("formats/load_balancer.log").iter().filter(|line| line.starts_with(b"tls 2.0")) {
        let captures = athena.captures(line).unwrap();
        let found = nlb(line).unwrap();
        for (name, text) in names.iter().zip(captures.iter().skip(1)).filter(|(name, _)| !name.is_empty()) {
            let text = show(text.unwrap().as_bytes());
            assert_eq!(found.get(*name).map_or("", String::as_str), if text == "-" { "" } else { &text }, "{name}");
        }
        compared += 1;
    }
    assert_eq!(compared, 2);
}

/// A user agent and what is behind it: nothing, or the cipher, the protocol and the target group.
const USER_AGENT: &str = r#"^"(.*?)"(?: ([^" ]* (?:-|TLS[^ ]*) (?:-|arn:[^ ]*)(?: .*)?)|)$"#;

/// A request and what is behind it: nothing, or the user agent.
const REQUEST: &str = r#"^"((?:.*? |)HTTP/[^ ]*?|- .*?- -)"(?: (".*)|)$"#;

/// The fields of a line, one after the other: a quoted one ends at a quote with a space or nothing behind it, but for the request
/// and the user agent, which end where their followers begin if they are there.
fn split(line: &str) -> Vec<String> {
    let (request, user_agent) = (pattern(REQUEST), pattern(USER_AGENT));
    let (mut fields, mut rest) = (Vec::new(), line.trim_ascii_end());
    while !rest.is_empty() {
        let form = match fields.len() {
            12 => Some(&request),
            13 => Some(&user_agent),
            _ => None,
        };
        if let Some(captures) = form.and_then(|form| form.captures(rest.as_bytes())) {
            let length = captures.get(2).map_or(0, |behind| behind.len());
            fields.push(show(&captures[1]));
            rest = rest.get(rest.len() - length..).unwrap();
            continue;
        }
        let quoted = rest.strip_prefix('"').and_then(|content| match content.split_once("\" ") {
            Some((field, rest)) => Some((field, rest)),
            None => content.strip_suffix('"').map(|field| (field, "")).or(Some((content, ""))),
        });
        let (field, behind) = quoted.unwrap_or_else(|| rest.split_once(' ').unwrap_or((rest, "")));
        fields.push(field.to_owned());
        rest = behind;
    }
    fields
}

const ALB_NAMES: [&str; 32] = [
    "elb_type",
    "",
    "elb",
    "",
    "upstream_addr",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "",
    "",
    "",
    "",
    "",
    "user_agent",
    "tls_cipher",
    "tls_protocol",
    "target_group_arn",
    "",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target_port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
    "transformed_host",
    "transformed_uri",
];

proptest! {
    #[test]
    fn changed_lines_of_an_alb_have_each_field_in_its_column(line in changed(lines("formats/load_balancer.log"))) {
        // The split is on text, and a quote that is never closed takes the rest in both.
        let Ok(text) = std::str::from_utf8(&line) else { return Ok(()) };
        let Some(found) = alb(&line) else { return Ok(()) };
        prop_assume!(!text.contains("  ") && !text.starts_with([' ', '"']) && text.trim_ascii_end() == text);
        let parts = split(text);
        for (name, part) in ALB_NAMES.iter().zip(&parts).filter(|(name, _)| !name.is_empty()) {
            let is = found.get(*name).map_or("", String::as_str);
            prop_assert_eq!(is, if part == "-" { "" } else { part }, "{}: {}", name, text);
        }
    }

    #[test]
    fn what_the_future_adds_is_kept_and_shifts_nothing(more in proptest::collection::vec("[a-z0-9=:/.]{1,9}", 1..5), is_quoted in any::<bool>()) {
        let line = lines("formats/load_balancer.log").swap_remove(0);
        let known = alb(&line).unwrap();
        let more = more.iter().map(|field| if is_quoted { format!("\"{field}\"") } else { field.clone() }).collect::<Vec<_>>().join(" ");
        let mut found = alb(&[&line[..], b" ", more.as_bytes()].concat()).unwrap();
        prop_assert_eq!(found.remove("unknown_fields"), Some(more));
        prop_assert_eq!(found, known);
    }

    #[test]
    fn changed_lines_of_cloudfront_are_fields_between_tabs(line in changed(lines("formats/cloudfront.log"))) {
        const NAMES: [(usize, &str); 12] = [(2, "edge_location"), (4, "remote_addr"), (5, "method"), (7, "path"), (8, "status"), (9, "referer"), (10, "user_agent"), (11, "query"), (14, "request_id"), (15, "host"), (20, "tls_protocol"), (23, "protocol")];
        let mut found = FoundFields::default();
        let Some(parsed) = cloudfront::parse(&line, &mut found) else { return Ok(()) };
        let found = fields(&found);
        let end = line.trim_ascii_end();
        let parts: Vec<&[u8]> = end.split(|byte| *byte == b'\t').collect();
        for (at, name) in NAMES {
            let text = show(parts.get(at).copied().unwrap_or_default());
            let text = if name == "status" { parsed.status.to_string() } else { text };
            prop_assert_eq!(found.get(name).map_or("", String::as_str), if text == "-" { "" } else { &text }, "{}", name);
        }
        prop_assert_eq!(found.contains_key("unknown_fields"), parts.get(33..).is_some_and(|rest| rest.iter().any(|part| !matches!(*part, b"" | b"-")) || rest.len() > 1));
    }

    #[test]
    fn changed_flows_of_a_vpc_are_fourteen_words(line in changed(lines("formats/vpc_flow.log"))) {
        let text = show(line.trim_ascii_end());
        let parts: Vec<&str> = text.split(' ').collect();
        let mut found = FoundFields::default();
        let time = vpc_flow::parse(&line, &mut found);
        let number = |at: usize| parts.get(at).filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).and_then(|part| part.parse::<i64>().ok());
        let is_flow = parts.len() == 14 && parts[0] == "2" && (parts[1] == "unknown" || (parts[1].len() == 12 && number(1).is_some()))
            && parts[2].starts_with("eni-") && number(10).is_some() && number(11).is_some()
            && ["ACCEPT", "REJECT", "-"].contains(&parts[12]) && ["OK", "NODATA", "SKIPDATA"].contains(&parts[13]);
        prop_assert_eq!(time.is_some(), is_flow, "{}", text);
        if is_flow {
            let found = fields(&found);
            for (at, name) in [(1, "aws_account"), (3, "remote_addr"), (4, "server_addr"), (5, "client_port"), (6, "server_port"), (12, "action")] {
                prop_assert_eq!(found.get(name).map_or("-", String::as_str), if parts[at].is_empty() { "-" } else { parts[at] });
            }
            prop_assert_eq!(time.map(|time| time.seconds), number(11));
        }
    }
}
