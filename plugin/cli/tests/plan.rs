//! `shiwake plan`: what it says, and whether writers really do what it says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking"
)]

use serde_json::Value;
use shiwake_delivery::clock::Clock;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::config::{Properties, rules_file};
use shiwake_delivery::log::{Level, Log};
use shiwake_delivery::metrics::NoMetrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline};
use shiwake_records::line_event::EventMaker;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn plan(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shiwake")).arg("plan").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = plan(&[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn shape<'p>(plan: &'p Value, name: &str) -> &'p Value {
    plan["shapes"].as_array().unwrap().iter().find(|shape| shape["name"] == name).unwrap()
}

const TEAM: [&str; 10] = [
    "--daily",
    "access=20G",
    "--daily",
    "activity=20G",
    "--daily",
    "error=2G",
    "--daily",
    "trace=1G",
    "--daily",
    "audit=5G",
];

/// The worked example of docs/scale.md is what the command prints; `SHIWAKE_WRITE_DOCS=1` writes it.
#[test]
fn the_worked_example_in_the_documents_is_what_the_command_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scale.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut expected = text.clone();
    for tasks in ["10", "1000", "100000"] {
        let output = plan(&[&["--tasks", tasks], &TEAM[..]].concat());
        let printed = String::from_utf8(output.stdout).unwrap();
        let (start, end) = (format!("<!-- plan:{tasks} -->\n```text\n"), "```\n<!-- /plan -->".to_owned());
        let from = expected.find(&start).unwrap() + start.len();
        let to = from + expected[from..].find(&end).unwrap();
        expected.replace_range(from..to, &printed);
    }
    if std::env::var_os("SHIWAKE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(text == expected, "write it again: SHIWAKE_WRITE_DOCS=1 cargo test -p shiwake-cli --test plan");
}

#[test]
fn few_tasks_write_themselves_and_many_through_aggregators() {
    let of = |tasks| json(&[&["--tasks", tasks], &TEAM[..]].concat());
    let (few, many) = (of("10"), of("100000"));
    assert!(few["choose"].as_str().unwrap().starts_with("direct"), "{few}");
    assert!(many["choose"].as_str().unwrap().starts_with("aggregators"), "{many}");
    let objects = |plan: &Value, name| shape(plan, name)["objects_per_hour"].as_f64().unwrap();
    assert!(objects(&many, "direct") > 100.0 * objects(&many, "aggregators"));
    // Whoever writes: not less than the records, and all questions of compacted data cost the same.
    let question = |plan: &Value, name| shape(plan, name)["query"]["bytes"].as_f64().unwrap();
    assert!((question(&many, "direct, compacted") - question(&few, "aggregators, compacted")).abs() < 1.0);
}

#[test]
fn an_hour_of_age_makes_a_twelfth_of_the_objects_and_a_price_is_the_users() {
    let usual = json(&["--tasks", "10", "--daily", "access=1G"]);
    let aged = json(&["--tasks", "10", "--daily", "access=1G", "--age", "60m", "--price", "s3_put_1000=50"]);
    let [one, other] = [&usual, &aged].map(|plan| shape(plan, "direct")["objects_per_hour"].as_f64().unwrap());
    // Twelve and one for what lies in two hours, and one and one.
    assert!((one / other - 6.5).abs() < 0.2, "{one} {other}");
    let put = |plan: &Value| shape(plan, "direct")["costs"]["S3 PUT"].as_f64().unwrap();
    assert!((put(&aged) / put(&usual) * one / other / 10_000.0 - 1.0).abs() < 0.05);
}

#[test]
fn what_cannot_be_planned_is_said() {
    for (arguments, part) in [
        (&["--tasks", "10"][..], "say what is logged"),
        (&["--tasks", "10", "--daily", "acess=1G"], "there is no type 'acess'"),
        (&["--tasks", "10", "--daily", "access"], "TYPE=SIZE is allowed"),
        (
            &["--tasks", "10", "--daily", "access=1G", "--region", "mars-1"],
            "no prices are known of the region 'mars-1'",
        ),
        (&["--tasks", "10", "--daily", "access=1G", "--price", "x=1"], "NAME=VALUE is allowed"),
        (&["--tasks", "10", "--daily", "access=1G", "--age", "soon"], "upload_timeout"),
        (&["/nowhere.toml"], "cannot read /nowhere.toml"),
    ] {
        let output = plan(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && text.contains(part), "{arguments:?}: {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let load = folder.path().join("load.toml");
    for (text, part) in [
        ("tasks = 0", "from 1 on is allowed"),
        ("tasks = 1\n[type.access]\nbytes = 1", "'bytes' is not known"),
        ("tasks = 1\n[type.access]\nrecord_bytes = 1", "give either"),
        ("task = 1", "'task' is not known"),
    ] {
        std::fs::write(&load, text).unwrap();
        let error = String::from_utf8_lossy(&plan(&[load.to_str().unwrap()]).stderr).into_owned();
        assert!(error.contains(part), "{text}: {error}");
    }
}

/// Time that passes when it is told to.
#[derive(Debug, Default)]
struct ManualClock(AtomicU64);

/// 2026-01-01 00:30 UTC: an hour later one end of an hour has passed.
const START_MICROS: u64 = 1_767_227_400_000_000;

impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
    fn wall_micros(&self) -> i64 {
        i64::try_from(START_MICROS + self.0.load(Ordering::Relaxed)).unwrap()
    }
}

struct Silent;

impl Log for Silent {
    fn line(&self, _level: Level, _text: &str) {}
}

/// Numbers by chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
    fn happens(&mut self, share: f64) -> bool {
        ((self.next() >> 11) as f64) < share * (1_u64 << 53) as f64
    }
}

/// Types, and records a second of one writer: many in each segment, a few, and mostly one.
const RATES: [(&str, f64); 3] = [("access", 0.5), ("error", 0.05), ("audit", 0.008)];

fn line_of(log_type: &str, chance: &mut Chance) -> String {
    let (one, two) = (chance.below(250), chance.next());
    match log_type {
        "access" => format!(
            "10.0.{one}.7 - - [01/Jan/2026:00:30:00 +0000] \"GET /orders/{}?page={one} HTTP/1.1\" 200 {} \"-\" \"curl/8.{}\"",
            chance.below(5_000),
            chance.below(90_000),
            chance.below(9)
        ),
        "error" => format!("ERROR payment {two:016x} of customer {one} failed: card {} expired", chance.below(10_000)),
        _ => format!(
            "Jan  1 00:30:00 host sshd[{one}]: Failed password for invalid user u{two:06x} from 10.0.0.{one} port {} ssh2",
            chance.below(60_000)
        ),
    }
}

#[test]
fn writers_make_as_many_objects_as_planned_and_as_large() {
    const WRITERS: u64 = 4;
    const HOUR_SECONDS: f64 = 3_600.0;
    const TIMEOUT: &str = "60s";
    // A fiftieth of the timeout, by which a segment may be older.
    const TICK: Duration = Duration::from_millis(1_200);
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    std::fs::create_dir(&lake).unwrap();
    let mut chance = Chance(7);

    let sample = folder.path().join("sample.log");
    let lines: String = RATES
        .iter()
        .flat_map(|(log_type, _)| std::iter::repeat_n(*log_type, 400))
        .map(|log_type| line_of(log_type, &mut chance) + "\n")
        .collect();
    std::fs::write(&sample, lines).unwrap();
    let load = folder.path().join("load.toml");
    let types: String = RATES
        .iter()
        .map(|(log_type, rate)| format!("[type.{log_type}]\nrecords_per_second = {:?}\n", rate * WRITERS as f64))
        .collect();
    std::fs::write(&load, format!("tasks = {WRITERS}\n{types}")).unwrap();
    let planned = json(&[load.to_str().unwrap(), "--age", TIMEOUT, "--sample", sample.to_str().unwrap()]);

    let clock = Arc::new(ManualClock::default());
    let writers: Vec<Pipeline> = (0..WRITERS)
        .map(|number| {
            let set = [("lake", lake.to_str().unwrap()), ("upload_timeout", TIMEOUT), ("line_time", "off")];
            let properties = Properties::new(&PROPERTIES, set).unwrap();
            let config = OutputConfig::new(&properties, &[], &mut rules_file).unwrap();
            let outside = Outside {
                instance: format!("writer.{number}"),
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                log: Arc::new(Silent),
                memory: Arc::default(),
                metrics: Arc::new(NoMetrics),
            };
            Pipeline::start(config, &[], outside).unwrap()
        })
        .collect();
    let (mut maker, mut event) = (EventMaker::default(), Vec::new());
    let ticks = (HOUR_SECONDS / TICK.as_secs_f64()) as u64;
    for _ in 0..ticks {
        let micros = clock.0.fetch_add(TICK.as_micros() as u64, Ordering::Relaxed) + START_MICROS;
        let time = ((micros / 1_000_000) as u32, (micros % 1_000_000 * 1_000) as u32);
        for writer in &writers {
            let mut chunk = Vec::new();
            for (log_type, rate) in RATES {
                if chance.happens(rate * TICK.as_secs_f64()) {
                    maker.make(line_of(log_type, &mut chance).as_bytes(), time, &mut event);
                    chunk.extend_from_slice(&event);
                }
            }
            // A writer that is given nothing looks at its clock too.
            assert_eq!(writer.accept(&chunk, "app-firelens-0a1b2c"), Answer::Accepted);
        }
    }
    for writer in writers {
        writer.stop_within(Duration::from_secs(60));
    }

    let direct = shape(&planned, "direct");
    let (mut all_objects, mut all_bytes, mut planned_objects, mut planned_bytes) = (0.0, 0.0, 0.0, 0.0);
    for of_type in direct["types"].as_array().unwrap() {
        let name = of_type["type"].as_str().unwrap();
        let sizes: Vec<u64> = files_below(&lake.join(format!("type={name}")));
        let (objects, bytes) = (sizes.len() as f64, sizes.iter().sum::<u64>() as f64);
        let (count, each) = (of_type["objects_per_hour"].as_f64().unwrap(), of_type["object_bytes"].as_f64().unwrap());
        assert!((objects / count - 1.0).abs() < 0.1, "{name}: {objects} objects, {count} were planned");
        assert!(
            (bytes / objects / each - 1.0).abs() < 0.1,
            "{name}: {} bytes each, {each} were planned",
            bytes / objects
        );
        all_objects += objects;
        all_bytes += bytes;
        planned_objects += count;
        planned_bytes += count * each;
    }
    assert!((all_objects / planned_objects - 1.0).abs() < 0.05, "{all_objects} {planned_objects}");
    assert!((all_bytes / planned_bytes - 1.0).abs() < 0.1, "{all_bytes} {planned_bytes}");
}

fn files_below(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let sizes = entries.flat_map(|entry| match entry.metadata().unwrap() {
        metadata if metadata.is_dir() => files_below(&entry.path()),
        metadata => vec![metadata.len()],
    });
    sizes.collect()
}
