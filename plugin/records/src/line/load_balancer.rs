//! Access lines of AWS' load balancers.
//!
//! Application Load Balancer:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html#access-log-entry-format>,
//! Network Load Balancer (TLS listeners):
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html#access-log-entry-format>.
//! Fields have spaces between them and some have quotes around them. AWS appends new fields at the end, so a line may have fewer
//! than are known here, and what it has more is kept under `unknown_fields`, as it is written.
//!
//! Fields that other access lines have too get their names (`remote_addr`, `status`, ...); the others keep AWS' names.

use super::combined::split_port;
use super::words::{decimal, micros, millis, split_request, split_url};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::parse_rfc3339;
use crate::event::Timestamp;

/// What a line says besides its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalancerLine {
    /// When the answer was sent, when it stands there with its zone.
    pub time: Option<Timestamp>,
    /// Status of the response; `None` for `-` and for connections.
    pub status: Option<i64>,
}

/// Fields of an ALB line behind the user agent, in their order.
const ALB_TAIL: [&str; 19] = [
    "tls_cipher",
    "tls_protocol",
    "target_group_arn",
    "trace_id",
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
    "request_transform_status",
];
/// Fields of an NLB line behind the sizes, in their order.
const NLB_TAIL: [&str; 11] = [
    "incoming_tls_alert",
    "chosen_cert_arn",
    "chosen_cert_serial",
    "tls_cipher",
    "tls_protocol",
    "tls_named_group",
    "host",
    "alpn_fe_protocol",
    "alpn_be_protocol",
    "alpn_client_preference_list",
    "tls_connection_creation_time",
];

/// Adds what a line of an Application Load Balancer says; `None` when it is none, and then nothing is added.
pub fn alb<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<BalancerLine> {
    let mut fields = Fields { rest: line };
    let kind = fields.next().filter(|kind| is_alb_kind(kind))?;
    let time = parse_rfc3339(fields.next()?)?;
    let elb = fields.next().filter(|elb| elb.starts_with(b"app/"))?;
    let (client, target) = (fields.next()?, fields.next()?);
    let times = [fields.next()?, fields.next()?, fields.next()?];
    let (status, target_status) = (decimal(fields.next()?), decimal(fields.next()?));
    let (received, sent) = (fields.next()?, fields.next()?);
    let request = fields.next_before(is_before_user_agent, ends_as_request)?;

    found.push_text("elb_type", kind);
    found.push_text("elb", elb);
    add_client(client, found);
    found.push_text("upstream_addr", target);
    for (name, time) in
        ["request_processing_time", "target_processing_time", "response_processing_time"].into_iter().zip(times)
    {
        found.push_text(name, time);
    }
    // -1 stands for a part that there was not, as when the target closed the connection.
    let parts = times.map(micros);
    if let Some(sum) = parts.into_iter().try_fold(0_i64, |sum, part| sum.checked_add(part?)) {
        found.push("duration_ms", FoundValue::Float(millis(sum)));
    }
    push_int("status", status, found);
    push_int("upstream_status", target_status, found);
    push_int("received_bytes", decimal(received), found);
    push_int("bytes", decimal(sent), found);
    if let Some((method, target, protocol)) = split_request(request) {
        let (host, path, query) = split_url(target);
        for (name, text) in
            [("method", method), ("host", host), ("path", path), ("query", query), ("protocol", protocol)]
        {
            found.push_text(name, text);
        }
    }
    found.push_text("user_agent", fields.next_before(is_before_tail, |_| true).unwrap_or_default());
    for name in ALB_TAIL {
        let Some(field) = fields.next() else { break };
        found.push_text(name, if name == "trace_id" { trace_root(field) } else { field });
    }
    found.push_text("unknown_fields", fields.rest.trim_ascii());
    Some(BalancerLine { time: Some(time), status })
}

/// Whether a line of an Application Load Balancer begins with that word.
pub(super) fn is_alb_kind(word: &[u8]) -> bool {
    matches!(word, b"http" | b"https" | b"h2" | b"grpcs" | b"ws" | b"wss")
}

/// Adds what a line of a Network Load Balancer says; `None` when it is none, and then nothing is added.
pub fn nlb<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<BalancerLine> {
    let mut fields = Fields { rest: line };
    let kind = fields.next().filter(|kind| *kind == b"tls")?;
    let version = fields.next().filter(|version| version.first().is_some_and(u8::is_ascii_digit))?;
    let time = time_of_nlb(fields.next()?);
    let elb = fields.next().filter(|elb| elb.starts_with(b"net/"))?;
    let listener = fields.next()?;
    let (client, destination) = (fields.next()?, fields.next()?);
    let (connection_ms, handshake_ms) = (decimal(fields.next()?), decimal(fields.next()?));
    let (received, sent) = (fields.next()?, fields.next()?);

    found.push_text("elb_type", kind);
    found.push_text("elb_version", version);
    found.push_text("elb", elb);
    found.push_text("listener", listener);
    add_client(client, found);
    found.push_text("upstream_addr", destination);
    push_int("duration_ms", connection_ms, found);
    push_int("tls_handshake_ms", handshake_ms, found);
    push_int("received_bytes", decimal(received), found);
    push_int("bytes", decimal(sent), found);
    for name in NLB_TAIL {
        // The list of protocols has quotes around each of them.
        let is_list = name == "alpn_client_preference_list";
        let Some(field) = (if is_list { fields.next_as_written() } else { fields.next() }) else { break };
        found.push_text(name, field);
    }
    found.push_text("unknown_fields", fields.rest.trim_ascii());
    Some(BalancerLine { time, status: None })
}

/// A time with its zone, or without one, as AWS writes it here: it is UTC then, as in the names of the files.
fn time_of_nlb(text: &[u8]) -> Option<Timestamp> {
    let mut moment = *b"0000-00-00T00:00:00Z";
    parse_rfc3339(text).or_else(|| {
        moment.get_mut(..19)?.copy_from_slice(text.get(..19).filter(|_| text.len() == 19)?);
        parse_rfc3339(&moment)
    })
}

/// `address:port`, `[address]:port` of an IPv6 one, or an address alone.
pub(crate) fn add_client<'a>(client: &'a [u8], found: &mut FoundFields<'a>) {
    let (address, port) = split_port(client).unwrap_or((client, b""));
    let inner = address.strip_prefix(b"[").and_then(|address| address.strip_suffix(b"]"));
    found.push_text_if_new("remote_addr", inner.unwrap_or(address));
    found.push_text_if_new("client_port", port);
}

/// A number, when there is one.
pub(super) fn push_int(name: &'static str, value: Option<i64>, found: &mut FoundFields<'_>) {
    if let Some(value) = value {
        found.push(name, FoundValue::Int(value));
    }
}

/// The root of `X-Amzn-Trace-Id`, `Self=1-67891234-...;Root=1-67891233-...`; all of it when it names none.
fn trace_root(header: &[u8]) -> &[u8] {
    header.split(|byte| *byte == b';').find_map(|part| part.trim_ascii().strip_prefix(b"Root=")).unwrap_or(header)
}

/// Whether a text is what is behind the user agent: a space and the cipher, the protocol and the target group, each of them `-` where
/// there is none, or nothing. Clients may write quotes with spaces behind them.
fn is_before_tail(text: &[u8]) -> bool {
    // Nothing is split that no space is in front of, so that each byte is looked at a few times at most.
    let Some(text) = text.strip_prefix(b" ") else { return text.is_empty() };
    let mut fields = text.splitn(4, |byte| *byte == b' ');
    let mut next = || fields.next().unwrap_or_default();
    let (cipher, protocol, target_group) = (next(), next(), next());
    let is_protocol = protocol == b"-" || protocol.starts_with(b"TLS");
    let is_target_group = target_group == b"-" || target_group.starts_with(b"arn:");
    !cipher.contains(&b'"') && is_protocol && is_target_group
}

/// Whether a text is what is behind the request: the user agent, in quotes, or nothing.
fn is_before_user_agent(text: &[u8]) -> bool {
    text.is_empty() || text.starts_with(b" \"")
}

/// Whether a request ends so: with its protocol, or, when it was none, as AWS writes those, `- http://host:80- -`.
fn ends_as_request(text: &[u8]) -> bool {
    let protocol = text.get(memchr::memrchr(b' ', text).map_or(0, |at| at + 1)..).unwrap_or_default();
    protocol.starts_with(b"HTTP/") || (text.starts_with(b"- ") && text.ends_with(b"- -"))
}

/// Fields with a space between them.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The next field, without the quotes around it.
    fn next(&mut self) -> Option<&'a [u8]> {
        let field = self.next_as_written()?;
        let Some(content) = field.strip_prefix(b"\"") else { return Some(field) };
        Some(content.strip_suffix(b"\"").unwrap_or(content))
    }

    /// As [`Fields::next`], of a field that a client writes as it likes: it ends at a quote behind which `is_end` finds what belongs
    /// there, and in front of which `is_whole` finds how such a field ends, if there is such a one.
    fn next_before(&mut self, is_end: impl Fn(&[u8]) -> bool, is_whole: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        let text = self.rest.strip_prefix(b" ").unwrap_or(self.rest).trim_ascii_end();
        let Some(content) = text.strip_prefix(b"\"") else { return self.next() };
        let mut quotes = memchr::memchr_iter(b'"', content);
        let is_here =
            |at: &usize| content.get(at + 1..).is_some_and(&is_end) && content.get(..*at).is_some_and(&is_whole);
        let Some(end) = quotes.find(is_here) else { return self.next() };
        self.rest = content.get(end + 1..)?;
        content.get(..end)
    }

    /// The next field. A quote ends one when nothing or a space is behind it, so that quotes within a field, which AWS does not
    /// escape in a URL, move no other.
    fn next_as_written(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.strip_prefix(b" ").unwrap_or(self.rest).trim_ascii_end();
        if text.is_empty() {
            return None;
        }
        let is_end = |at: &usize| text.get(at + 1).is_none_or(|byte| *byte == b' ');
        let end = match text.strip_prefix(b"\"") {
            Some(content) => memchr::memchr_iter(b'"', content).map(|at| at + 1).find(is_end).map(|at| at + 1),
            None => memchr::memchr(b' ', text),
        };
        let (field, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
        self.rest = rest;
        Some(field)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUEST: &str = r#"https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/a?b=c HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Self=1-5-2;Root=1-58337281-1d84f3d73c47ec4e58577259""#;
    const TAIL: &str = r#" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "Ambiguous" "UndefinedContentLengthSemantics" TID_1234abcd5678ef90 "-" "-" "-""#;

    fn alb_fields(line: &str) -> Option<Vec<(String, String)>> {
        let mut found = FoundFields::default();
        alb(line.as_bytes(), &mut found)?;
        let text = |value: &FoundValue<'_>| match value {
            FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        Some(found.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect())
    }

    fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
        fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn every_field_of_an_alb_line_is_named() {
        let fields = alb_fields(&format!("{REQUEST}{TAIL}")).unwrap();
        for (name, expected) in [
            ("remote_addr", "192.168.131.39"),
            ("client_port", "2817"),
            ("upstream_addr", "10.0.0.1:80"),
            ("duration_ms", "Float(171.0)"),
            ("status", "Int(200)"),
            ("bytes", "Int(57)"),
            ("method", "GET"),
            ("host", "www.example.com"),
            ("path", "/a"),
            ("query", "b=c"),
            ("protocol", "HTTP/1.1"),
            ("tls_protocol", "TLSv1.2"),
            ("trace_id", "1-58337281-1d84f3d73c47ec4e58577259"),
            ("actions_executed", "authenticate,forward"),
            ("classification", "Ambiguous"),
            ("classification_reason", "UndefinedContentLengthSemantics"),
            ("conn_trace_id", "TID_1234abcd5678ef90"),
            ("unknown_fields", ""),
        ] {
            assert_eq!(value(&fields, name), expected, "{name}");
        }
    }

    #[test]
    fn fields_that_are_not_there_yet_and_no_more_move_no_other() {
        let all = alb_fields(&format!("{REQUEST}{TAIL}")).unwrap();
        let old = alb_fields(REQUEST).unwrap();
        assert!(all.starts_with(&old));
        let new = alb_fields(&format!("{REQUEST}{TAIL} \"a b\" c=1")).unwrap();
        assert!(new.starts_with(&all));
        assert_eq!(new.get(all.len()..), Some(&[("unknown_fields".to_owned(), r#""a b" c=1"#.to_owned())][..]));
    }

    #[test]
    fn requests_that_failed_and_quotes_in_a_url_are_taken() {
        let line = r#"http 2018-11-30T22:23:00.186641Z app/my/50 [2001:db8::1]:2817 - -1 -1 -1 400 - 0 57 "- http://a:80- -" "-" - - - "-" "-" "-" - 2018-11-30T22:22:48Z "-" "-" "-" "-" "-" "-" "-""#;
        let fields = alb_fields(line).unwrap();
        assert_eq!(value(&fields, "remote_addr"), "2001:db8::1");
        assert_eq!((value(&fields, "status"), value(&fields, "upstream_status")), ("Int(400)", ""));
        assert_eq!((value(&fields, "duration_ms"), value(&fields, "method")), ("", ""));
        let failed = alb_fields(&line.replace("a:80- -", "a:80\" \"- -")).unwrap();
        assert_eq!((value(&failed, "request_creation_time"), value(&failed, "method")), ("2018-11-30T22:22:48Z", ""));
        // A request that is cut off ends at the next quote that may be one's end.
        let cut = alb_fields(&line.replace("a:80- -\" ", "a[ ")).unwrap();
        assert_eq!(
            (value(&cut, "target_group_arn"), value(&cut, "matched_rule_priority")),
            ("", "2018-11-30T22:22:48Z")
        );
        let quoted = alb_fields(&REQUEST.replace("b=c", "b=\"c\"x")).unwrap();
        assert_eq!((value(&quoted, "query"), value(&quoted, "user_agent")), ("b=\"c\"x", "curl/7.46.0"));
        let at_end = alb_fields(&REQUEST.replace("b=c", "b=\"c\"")).unwrap();
        assert_eq!((value(&at_end, "query"), value(&at_end, "user_agent")), ("b=\"c\"", "curl/7.46.0"));
        let spaced = alb_fields(&REQUEST.replace("b=c", "b=\" \"c")).unwrap();
        assert_eq!((value(&spaced, "query"), value(&spaced, "user_agent")), ("b=\" \"c", "curl/7.46.0"));
    }

    #[test]
    fn quotes_in_a_user_agent_move_no_other_field() {
        let plain = alb_fields(&format!("{REQUEST}{TAIL}")).unwrap();
        for agent in [r#"Mozilla "q" x"#, r#"Mozilla \"q\" x"#, r#"a" - - b"#, r#"""#, r#"" " "#] {
            let fields = alb_fields(&format!("{REQUEST}{TAIL}").replace("curl/7.46.0", agent)).unwrap();
            assert_eq!(value(&fields, "user_agent"), agent);
            let others = |fields: &[(String, String)]| -> Vec<_> {
                fields.iter().filter(|(name, _)| name != "user_agent").cloned().collect()
            };
            assert_eq!(others(&fields), others(&plain), "{agent}");
        }
        // What ends behind the user agent, or goes on otherwise, is taken as it comes.
        let (short, _) = REQUEST.split_once(" ECDHE").unwrap();
        assert_eq!(value(&alb_fields(short).unwrap(), "user_agent"), "curl/7.46.0");
        let other = alb_fields(&format!("{short} x y z")).unwrap();
        assert_eq!((value(&other, "user_agent"), value(&other, "tls_protocol")), ("curl/7.46.0", "y"));
    }

    #[test]
    fn a_connection_of_an_nlb_is_named() {
        let line = "tls 2.0 2018-12-20T02:59:40 net/my-nlb/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 - arn:aws:acm:us-east-2:671290407336:certificate/2a108f19 - ECDHE-RSA-AES128-SHA tlsv12 - my-nlb.elb.us-east-2.amazonaws.com h2 h2 h2;http/1.1 2020-04-01T08:51:20 new";
        let mut found = FoundFields::default();
        assert_eq!(
            nlb(line.as_bytes(), &mut found),
            Some(BalancerLine { time: parse_rfc3339(b"2018-12-20T02:59:40Z"), status: None })
        );
        for (name, expected) in [
            ("remote_addr", FoundValue::Text(b"72.21.218.154")),
            ("duration_ms", FoundValue::Int(5)),
            ("bytes", FoundValue::Int(246)),
            ("tls_cipher", FoundValue::Text(b"ECDHE-RSA-AES128-SHA")),
            ("tls_protocol", FoundValue::Text(b"tlsv12")),
            ("host", FoundValue::Text(b"my-nlb.elb.us-east-2.amazonaws.com")),
            ("tls_connection_creation_time", FoundValue::Text(b"2020-04-01T08:51:20")),
            ("unknown_fields", FoundValue::Text(b"new")),
        ] {
            assert_eq!(found.get(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn other_lines_are_refused_and_add_nothing() {
        for line in
            ["", "http", "https is on", "http 2018-07-02T22:23:00Z web/x 1 2 3 4", "tls 1.3 handshake done", "h2"]
        {
            let mut found = FoundFields::default();
            assert_eq!((alb(line.as_bytes(), &mut found), nlb(line.as_bytes(), &mut found)), (None, None), "{line}");
            assert_eq!(found.iter().count(), 0, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_or_changed_line_is_taken_or_refused(at in 0_usize..900, bytes in proptest::collection::vec(any::<u8>(), 0..9)) {
            let mut line = format!("{REQUEST}{TAIL}").into_bytes();
            let at = at.min(line.len());
            let cut = line.get(..at).unwrap().to_vec();
            let _ = alb(&cut, &mut FoundFields::default());
            line.splice(at..at, bytes);
            let _ = alb(&line, &mut FoundFields::default());
            let _ = nlb(&line, &mut FoundFields::default());
        }
    }
}
