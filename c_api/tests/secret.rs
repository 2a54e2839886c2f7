//! The API key is nowhere in the process when the instance that had it has exited, and in no line of the log.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unused_imports,
    unused_macros,
    unreachable_pub,
    reason = "a failure is the test's failure, and modules shared by tests have no public"
)]

mod plugin;
mod process;

use plugin::{Turn, dist};
use process::alone;
use serde_json::json;
use shiwake_harness::{ChunkBuilder, ChunkFormat, Flush, Layout, Time};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};

/// The key with every byte changed, so that this program does not hold it.
const MASK: u8 = 0x55;
const MASKED_KEY: [u8; 32] = {
    let mut key = *b"5e1f9c0d7b3a48e2a6d4c8b0917f3e65";
    let mut at = 0;
    while at < key.len() {
        key[at] ^= MASK;
        at += 1;
    }
    key
};

/// Tells a process of this program that it is the intake.
const IS_INTAKE: &str = "SHIWAKE_TEST_IS_THE_INTAKE";
const TEST: &str = "the_key_is_nowhere_in_the_process_after_the_exit";

/// An intake: takes everything and says how often the key was right. It holds the key, so it needs a process of its own.
fn run_intake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("port {}", listener.local_addr().unwrap().port());
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        let mut reader = BufReader::new(&stream);
        let (mut length, mut is_right) = (0, false);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("dd-api-key:") {
                is_right = value.trim().bytes().map(|byte| byte ^ MASK).eq(MASKED_KEY);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        (&stream).write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").unwrap();
        println!("key {}", if is_right { "right" } else { "wrong" });
    }
}

struct Intake {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Intake {
    fn start() -> (Self, String) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture"]).env(IS_INTAKE, "1");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut intake = Self { process, lines };
        let port = intake.said("port ");
        (intake, format!("http://127.0.0.1:{port}"))
    }

    /// What it says behind this word.
    fn said(&mut self, word: &str) -> String {
        let lines = self.lines.by_ref().map(Result::unwrap);
        lines.filter_map(|line| Some(line.split_once(word)?.1.to_owned())).next().unwrap()
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Places where the key is in this process's memory.
fn places_of_key() -> Vec<String> {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut places = Vec::new();
    let mut bytes = vec![0_u8; 1 << 20];
    for map in maps.lines().filter(|map| map.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (start, end) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at < end {
            let wanted = usize::try_from(end - at).unwrap().min(bytes.len());
            let Ok(read @ 1..) = memory.read_at(&mut bytes[..wanted], at) else { break };
            // Compared masked, so that looking leaves nothing to be found.
            let is_key = |window: &[u8]| window.iter().map(|byte| byte ^ MASK).eq(MASKED_KEY);
            // What the search itself has read lies in its own buffer.
            let own = bytes.as_ptr() as u64..bytes.as_ptr() as u64 + bytes.len() as u64;
            let found = bytes[..read].windows(MASKED_KEY.len()).enumerate().filter(|(_, window)| is_key(window));
            places.extend(
                found
                    .map(|(offset, _)| at + offset as u64)
                    .filter(|place| !own.contains(place))
                    .map(|place| format!("{place:x} in {map}")),
            );
            // A key over the border of two reads is found by the second.
            let step = if read == wanted && at + (read as u64) < end { read - MASKED_KEY.len() } else { read };
            at += step as u64;
        }
    }
    bytes.fill(0);
    places
}

#[test]
fn the_key_is_nowhere_in_the_process_after_the_exit() {
    if std::env::var_os(IS_INTAKE).is_some() {
        return run_intake();
    }
    alone(TEST, || {
        let turn = Turn::new(Layout::V4_2_8);
        let (mut intake, url) = Intake::start();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let mut key = MASKED_KEY;
        key.iter_mut().for_each(|byte| *byte ^= MASK);
        std::fs::write(&file, key.as_slice()).unwrap();
        key.fill(0);
        std::hint::black_box(&mut key);
        assert_eq!(places_of_key(), [""; 0], "the test itself leaves it somewhere");

        let plugin = turn.host.load(dist("shiwake.so")).unwrap();
        let properties = [("apikey_file", file.to_str().unwrap()), ("dd_url", url.as_str()), ("upload_timeout", "1s")];
        let output = plugin.output_instance(&properties).unwrap();
        let mut chunk = ChunkBuilder::new(ChunkFormat::Legacy);
        chunk.push(Time::Seconds(1_700_000_000), &json!({"log": "hello"}));
        assert_eq!(output.flush("app", &chunk.finish()).unwrap(), Flush::Ok);
        assert_eq!(intake.said("key "), "right");
        assert_ne!(places_of_key(), [""; 0], "a search that does not find it while it is used finds nothing");
        plugin.exit_all().unwrap();
        assert_eq!(places_of_key(), [""; 0]);
        let lines = format!("{:?}", turn.host.take_log_lines());
        assert!(
            lines.contains("Datadog at")
                && !lines
                    .bytes()
                    .collect::<Vec<u8>>()
                    .windows(32)
                    .any(|window| { window.iter().map(|byte| byte ^ MASK).eq(MASKED_KEY) }),
            "{lines}"
        );
    });
}
