//! Every parser of lines, which the first byte picks; whatever it takes lies in the line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::append::{FoundFields, FoundValue};
use shiwake_records::line::apache_error::ApacheErrorLine;
use shiwake_records::line::auth::AuthLine;
use shiwake_records::line::combined::AccessLine;
use shiwake_records::line::logger::LoggerLine;
use shiwake_records::line::misread::{Misread, MisreadReason};
use shiwake_records::line::nginx_error::NginxErrorLine;
use shiwake_records::line::syslog::SyslogLine;
use shiwake_records::line::{LineFormat, cloudfront, level, load_balancer, proxy, vpc_flow, web_framework};

/// Keeps what was computed from being left out.
fn consume<T>(value: &T) {
    std::hint::black_box(value);
}

fuzz_target!(|data: &[u8]| {
    let Some((pick, line)) = data.split_first() else { return };
    let mut found = FoundFields::default();
    match pick % 15 {
        0 => {
            if let Some(line) = AccessLine::parse(line) {
                line.add_to(&mut found);
            }
        }
        1 => consume(&load_balancer::alb(line, &mut found).map(|line| line.status)),
        2 => consume(&load_balancer::nlb(line, &mut found).map(|line| line.status)),
        3 => consume(&cloudfront::parse(line, &mut found).map(|line| line.status)),
        4 => consume(&vpc_flow::parse(line, &mut found).map(|time| time.seconds)),
        5 => {
            if let Some(line) = NginxErrorLine::parse(line) {
                line.add_to(&mut found);
            }
        }
        6 => {
            if let Some(head) = SyslogLine::parse(line) {
                assert!(line.ends_with(head.text));
                head.add_to(&mut found);
            }
        }
        7 => {
            if let Some(auth) = SyslogLine::parse(line).and_then(|head| AuthLine::of(&head)) {
                auth.add_to(&mut found);
            }
        }
        8 => {
            if let Some(logger) = LoggerLine::parse(line) {
                logger.add_to(&mut found);
            }
        }
        9 => {
            if let Some(line) = ApacheErrorLine::parse(line) {
                line.add_to(&mut found);
            }
        }
        10 => consume(&level::find(line).map(|severity| severity.name())),
        11 => consume(&web_framework::parse(line, &mut found).map(|line| format!("{line:?}"))),
        12 => consume(&proxy::envoy(line, &mut found).map(|line| (line.time, line.status))),
        13 => consume(&proxy::haproxy(line, &mut found).map(|line| line.status)),
        _ => {
            let misread = Misread::of(line);
            consume(&misread.map(|it| (it.format.name(), it.reason.text())));
            // Half an object is cut off.
            let text = line.trim_ascii();
            let is_object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text).is_ok();
            let half = text.get(..text.len() / 2).filter(|_| is_object).and_then(Misread::of);
            let half = half.filter(|it| it.format == LineFormat::Json);
            assert!(half.is_none_or(|it| it.reason == MisreadReason::CutOff), "{half:?}");
        }
    }
    for (name, value) in found.iter() {
        if let FoundValue::Text(text) = value {
            let is_in_line = line.windows(text.len()).any(|part| part == *text);
            // Names of facilities, actions and outcomes are words of ours.
            assert!(is_in_line || ["facility", "action", "outcome"].contains(name), "{name}");
        }
    }
});
