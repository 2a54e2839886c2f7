//! The Datadog destination over real HTTP: an output with a fake intake that answers everything the API may answer.

#![cfg(feature = "datadog")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod datadog_intake;

use datadog_intake::{Fault, Intake, KEY};
use shiwake_delivery::clock::SystemClock;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::config::{Properties, rules_file};
use shiwake_delivery::ledger::Totals;
use shiwake_delivery::log::{Level, Log};
use shiwake_delivery::metrics::NoMetrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline};
use shiwake_delivery::spool::MemoryBudget;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
struct Lines(Mutex<Vec<(Level, String)>>);

impl Log for Lines {
    fn line(&self, level: Level, text: &str) {
        self.0.lock().unwrap().push((level, text.to_owned()));
    }
}

impl Lines {
    fn with(&self, part: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().map(|(_, text)| text.clone()).filter(|text| text.contains(part)).collect()
    }
}

struct Output {
    pipeline: Pipeline,
    lines: Arc<Lines>,
}

impl Output {
    fn start(intake: &Intake, set: &[(&str, &str)]) -> Self {
        let url = intake.url();
        let common = [("dd_url", url.as_str()), ("upload_timeout", "1s")];
        let key = [("apikey", KEY)];
        let key = if set.iter().any(|(name, _)| *name == "apikey_file") { &[][..] } else { &key };
        let properties = Properties::new(&PROPERTIES, common.iter().chain(key).chain(set).copied()).unwrap();
        let config = OutputConfig::new(&properties, &[], &mut rules_file).unwrap();
        let lines = Arc::new(Lines::default());
        let outside = Outside {
            instance: "shiwake.0".into(),
            clock: Arc::new(SystemClock::default()),
            log: Arc::clone(&lines) as _,
            memory: Arc::new(MemoryBudget::default()),
            metrics: Arc::new(NoMetrics),
        };
        Self { pipeline: Pipeline::start(config, &[], outside).unwrap(), lines }
    }

    fn take(&self, lines: &[String]) {
        let mut bytes = Vec::new();
        for line in lines {
            let map = rmpv::Value::Map(vec![("log".into(), line.as_str().into()), ("log_type".into(), "app".into())]);
            rmpv::encode::write_value(&mut bytes, &rmpv::Value::Array(vec![1_700_000_000_u32.into(), map])).unwrap();
        }
        assert_eq!(self.pipeline.accept(&bytes, "tag"), Answer::Accepted);
    }

    /// Stops and gives the sums, which add up.
    fn stop(&self) -> Totals {
        self.pipeline.stop_within(Duration::from_secs(30));
        let totals = self.pipeline.ledger().totals();
        let Totals { accepted, written, quarantined, lost, set_aside, .. } = totals;
        assert_eq!(accepted, written + quarantined + lost + set_aside + totals.pending(), "{totals:?}");
        let shown = format!("{:?}", self.lines);
        assert!(!shown.contains(KEY), "{shown}");
        totals
    }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number:06}")).collect()
}

/// The entries in what was kept of refused records, and the reasons.
fn quarantined(folder: &Path) -> (Vec<String>, Vec<String>) {
    let (mut messages, mut reasons) = (Vec::new(), Vec::new());
    for file in std::fs::read_dir(folder.join("quarantine/datadog")).into_iter().flatten() {
        let packed = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8(zstd::stream::decode_all(packed.as_slice()).unwrap()).unwrap();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            match line.get("reason") {
                Some(reason) => reasons.push(reason.as_str().unwrap().to_owned()),
                None => messages.push(line["message"].as_str().unwrap().to_owned()),
            }
        }
    }
    messages.sort();
    (messages, reasons)
}

#[test]
fn every_record_is_there_once_with_each_compression() {
    for compression in ["zstd", "gzip", "none"] {
        let intake = Intake::start();
        let output = Output::start(&intake, &[("compress", compression)]);
        let lines = numbered(3_500);
        lines.chunks(700).for_each(|lines| output.take(lines));
        let totals = output.stop();
        assert!(intake.messages() == lines);
        assert_eq!((totals.written, totals.sent, totals.pending()), (3_500, 3_500, 0));
        let encoding = if compression == "none" { "" } else { compression };
        assert!(intake.seen(|seen| seen.encodings.iter().all(|found| found == encoding)));
    }
}

#[test]
fn lake_and_datadog_both_have_every_record() {
    let (intake, lake) = (Intake::start(), tempfile::tempdir().unwrap());
    let output = Output::start(&intake, &[("lake", lake.path().to_str().unwrap())]);
    let lines = numbered(1_200);
    output.take(&lines);
    let totals = output.stop();
    assert!(intake.messages() == lines);
    assert_eq!((totals.written, totals.sent, totals.refused, totals.pending()), (1_200, 1_200, 0, 0));
    assert!(lake.path().join("type=app").is_dir());
    assert!(output.pipeline.ledger().to_string().contains(" datadog=1200"));
}

#[test]
fn only_the_types_that_are_chosen_are_sent() {
    let (intake, lake) = (Intake::start(), tempfile::tempdir().unwrap());
    let output = Output::start(&intake, &[("lake", lake.path().to_str().unwrap()), ("datadog", "off error=on")]);
    output.take(&numbered(10));
    let mut error = Vec::new();
    let map = vec![("log".into(), "broken".into()), ("log_type".into(), "error".into())];
    rmpv::encode::write_value(&mut error, &rmpv::Value::Array(vec![1_700_000_000_u32.into(), rmpv::Value::Map(map)]))
        .unwrap();
    assert_eq!(output.pipeline.accept(&error, "tag"), Answer::Accepted);
    let totals = output.stop();
    assert_eq!(intake.messages(), ["broken"]);
    assert_eq!((totals.written, totals.sent), (11, 1));
}

#[test]
fn what_may_pass_is_tried_again_until_every_record_is_there_once() {
    let intake = Intake::start();
    for fault in [408, 429, 500, 502, 503, 504].map(Fault::Status).into_iter().chain([Fault::ResetInBody]) {
        intake.fail(fault);
    }
    let output = Output::start(&intake, &[]);
    let lines = numbered(6_000);
    output.take(&lines);
    intake.wait_until("all payloads", |seen| seen.payloads.len() >= 6);
    let totals = output.stop();
    assert!(intake.messages() == lines);
    assert_eq!((totals.sent, totals.refused, totals.pending()), (6_000, 0, 0));
}

#[test]
fn the_intake_is_left_alone_for_as_long_as_it_asks() {
    let intake = Intake::start();
    intake.fail(Fault::RetryAfter(429, 2));
    let output = Output::start(&intake, &[]);
    output.take(&numbered(1));
    intake.wait_until("the second try", |seen| seen.answers.len() >= 2);
    let (first, second) = intake.seen(|seen| (seen.answers[0], seen.answers[1]));
    assert_eq!((first.1, second.1), (429, 202));
    let pause = second.0 - first.0;
    assert!(pause >= Duration::from_secs(2) && pause < Duration::from_secs(10), "{pause:?}");
    assert_eq!(output.stop().sent, 1);
}

#[test]
fn what_will_never_be_taken_is_quarantined_with_the_reason_and_not_tried_again() {
    for (status, fix) in [
        (400, "send the quarantined lines again"),
        (401, "an API key"),
        (403, "an API key"),
        (413, "less than the 5 MB"),
    ] {
        let (intake, folder) = (Intake::start(), tempfile::tempdir().unwrap());
        intake.fail(Fault::Status(status));
        let output = Output::start(&intake, &[("quarantine", folder.path().to_str().unwrap())]);
        let lines = numbered(1_500);
        output.take(&lines);
        let totals = output.stop();
        let (kept, reasons) = quarantined(folder.path());
        let mut everywhere = [intake.messages(), kept.clone()].concat();
        everywhere.sort();
        assert!(everywhere == lines, "{status}: each record is there or in quarantine, once");
        assert_eq!((totals.sent, totals.refused), (1_500 - kept.len() as u64, kept.len() as u64));
        assert_eq!((totals.written, totals.quarantined, totals.pending()), (totals.sent, totals.refused, 0));
        assert_eq!(reasons, [format!("Datadog answers {status}: {{\"errors\":[\"key ***\"]}}")]);
        assert_eq!(intake.seen(|seen| seen.answers.iter().filter(|answer| answer.1 == status).count()), 1);
        let said = output.lines.with("refused by Datadog");
        assert!(said.len() == 1 && said[0].contains(&status.to_string()) && said[0].contains(fix), "{said:?}");
    }
}

#[test]
fn a_bad_key_says_so_in_one_line_however_many_payloads_there_are() {
    let intake = Intake::start();
    intake.answer(403);
    let output = Output::start(&intake, &[]);
    output.take(&numbered(5_000));
    let totals = output.stop();
    assert_eq!((totals.lost, totals.refused, totals.pending()), (5_000, 5_000, 0));
    let said = output.lines.with("refused by Datadog");
    assert!(said.len() == 1 && said[0].contains("they are lost: set 'quarantine'"), "{said:?}");
}

#[test]
fn refused_records_of_a_lake_are_in_the_lake_and_beside_it() {
    let (intake, lake) = (Intake::start(), tempfile::tempdir().unwrap());
    intake.answer(400);
    let output = Output::start(&intake, &[("lake", lake.path().to_str().unwrap())]);
    let lines = numbered(20);
    output.take(&lines);
    let totals = output.stop();
    assert_eq!((totals.written, totals.quarantined, totals.refused), (20, 0, 20));
    assert_eq!(quarantined(lake.path()).0, lines);
}

#[test]
fn an_answer_that_is_not_datadogs_loses_nothing() {
    let intake = Intake::start();
    intake.fail(Fault::Status(302));
    intake.fail(Fault::Status(404));
    let output = Output::start(&intake, &[]);
    output.take(&numbered(3));
    intake.wait_until("the third try", |seen| seen.payloads.len() == 1);
    assert_eq!(output.stop().sent, 3);
    let said = output.lines.with("look at 'site', 'host', 'port' and 'proxy'");
    assert!(said.len() <= 1, "{said:?}");
}

#[test]
fn a_key_that_was_exchanged_in_its_file_is_used() {
    let (intake, folder) = (Intake::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("key");
    std::fs::write(&file, "anoldkey\n").unwrap();
    let output = Output::start(&intake, &[("apikey_file", file.to_str().unwrap())]);
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    intake.fail(Fault::Status(403));
    output.take(&numbered(3));
    let totals = output.stop();
    assert_eq!((totals.sent, totals.refused), (3, 0));
    assert_eq!(intake.messages(), numbered(3));
}

#[test]
fn what_was_accepted_before_the_process_ended_is_not_sent_again() {
    let (intake, store_dir) = (Intake::start(), tempfile::tempdir().unwrap());
    let set = [("store_dir", store_dir.path().to_str().unwrap()), ("memory_limit", "64M")];
    // Two payloads are taken, and the others wait for ever.
    for fault in [Fault::Status(202), Fault::Status(202)].into_iter().chain([Fault::Hang; 10]) {
        intake.fail(fault);
    }
    let first = Output::start(&intake, &set);
    let lines = numbered(8_000);
    first.take(&lines);
    intake.wait_until("two payloads and more under way", |seen| seen.payloads.len() == 2 && seen.answers.len() >= 6);
    first.pipeline.stop_within(Duration::ZERO);
    assert_eq!(first.pipeline.ledger().totals().sent, 2_000);
    drop(first);
    intake.recover();
    let output = Output::start(&intake, &set);
    intake.wait_until("the rest", |seen| seen.payloads.len() >= 8);
    let totals = output.stop();
    let messages = intake.messages();
    assert!(messages == lines, "each once: {} of them", messages.len());
    assert_eq!((totals.recovered, totals.sent), (8_000, 6_000));
}

#[test]
fn what_was_taken_although_the_answer_was_lost_is_the_only_thing_sent_twice() {
    let intake = Intake::start();
    intake.fail(Fault::KeptButNotAnswered);
    let output = Output::start(&intake, &[]);
    let lines = numbered(3_000);
    output.take(&lines);
    let totals = output.stop();
    let mut messages = intake.messages();
    assert_eq!((totals.sent, messages.len()), (3_000, 4_000));
    messages.dedup();
    assert!(messages == lines);
}

#[test]
fn a_long_record_is_cut_there_and_whole_in_the_quarantine() {
    let (intake, store_dir) = (Intake::start(), tempfile::tempdir().unwrap());
    let output = Output::start(&intake, &[("store_dir", store_dir.path().to_str().unwrap())]);
    let long = "x".repeat(1_100_000);
    output.take(&["short".to_owned(), long.clone()]);
    let totals = output.stop();
    let messages = intake.messages();
    assert_eq!((messages.len(), messages[0].as_str()), (2, "short"));
    assert!(messages[1].ends_with("...TRUNCATED...") && messages[1].len() > 990_000);
    assert_eq!((totals.written, totals.sent, totals.cut), (2, 2, 1));
    assert_eq!(quarantined(&store_dir.path().join("quarantine")).0, [long]);
}

#[test]
fn an_exit_does_not_wait_for_an_intake_that_hangs() {
    let intake = Intake::start();
    (0..20).for_each(|_| intake.fail(Fault::Hang));
    let output = Output::start(&intake, &[]);
    output.take(&numbered(10));
    let begun = Instant::now();
    output.pipeline.stop_within(Duration::from_secs(2));
    let taken = begun.elapsed();
    assert!(taken >= Duration::from_secs(2) && taken < Duration::from_secs(5), "{taken:?}");
    let totals = output.pipeline.ledger().totals();
    assert_eq!((totals.sent, totals.pending()), (0, 10));
    assert!(!output.lines.with("10 records (app 10) could not be written").is_empty(), "{:?}", output.lines);
}

#[test]
fn five_in_a_hundred_of_every_fault_and_every_record_once() {
    let (intake, folder) = (Intake::start(), tempfile::tempdir().unwrap());
    let faults = [
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(408),
        Fault::Status(413),
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
        Fault::RetryAfter(429, 0),
        Fault::ResetInBody,
    ];
    // One request in two fails, each kind as often.
    for fault in faults.into_iter().cycle().take(60) {
        intake.fail(fault);
        intake.fail(Fault::Status(202));
    }
    let output = Output::start(&intake, &[("quarantine", folder.path().to_str().unwrap())]);
    let lines = numbered(60_000);
    lines.chunks(5_000).for_each(|lines| output.take(lines));
    let totals = output.stop();
    let (kept, _) = quarantined(folder.path());
    let mut everywhere = [intake.messages(), kept.clone()].concat();
    everywhere.sort();
    assert_eq!(everywhere.len(), lines.len());
    assert!(everywhere == lines);
    assert!(!kept.is_empty());
    assert_eq!(
        (totals.written, totals.quarantined, totals.pending()),
        (60_000 - kept.len() as u64, kept.len() as u64, 0)
    );
}
