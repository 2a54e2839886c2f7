//! Datadog's logs API in a few lines: looks at every payload with the limits that Datadog documents, keeps what it accepts, and
//! fails when it is told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
/// An intake that waits longer than this for what a test expects has waited in vain.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status; nothing is kept.
    Status(u16),
    /// This status, with so many seconds to wait.
    RetryAfter(u16, u64),
    /// The connection is gone while the payload is being sent.
    ResetInBody,
    /// The payload is kept, but the connection is gone before the answer.
    KeptButNotAnswered,
    /// No answer until the test is over.
    Hang,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What was accepted, an element a payload.
    pub(crate) payloads: Vec<Vec<serde_json::Value>>,
    /// `Content-Encoding` of every request.
    pub(crate) encodings: Vec<String>,
    /// When each request came, and which status it got; 0 for none.
    pub(crate) answers: Vec<(Instant, u16)>,
    /// What was against the limits.
    pub(crate) violations: Vec<String>,
    faults: VecDeque<Fault>,
    /// The answer to each request that no fault is for.
    status: u16,
}

#[derive(Debug)]
pub(crate) struct Intake {
    address: SocketAddr,
    state: Arc<(Mutex<Seen>, Condvar)>,
}

impl Intake {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen { status: 202, ..Seen::default() };
        let state = Arc::new((Mutex::new(seen), Condvar::new()));
        let shared = Arc::clone(&state);
        // Ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || while serve(&stream, &state).is_some() {});
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request that has no fault yet fails like this.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state.0.lock().unwrap().faults.push_back(fault);
    }

    /// No request fails any more but those that have begun.
    pub(crate) fn recover(&self) {
        self.state.0.lock().unwrap().faults.clear();
    }

    /// From now on every request is answered with this status.
    pub(crate) fn answer(&self, status: u16) {
        self.state.0.lock().unwrap().status = status;
    }

    /// Waits until what was seen is so, and gives what `take` takes of it.
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) {
        let (seen, changed) = &*self.state;
        let guard = seen.lock().unwrap();
        let (guard, timeout) = changed.wait_timeout_while(guard, PATIENCE, |seen| !is_so(seen)).unwrap();
        assert!(!timeout.timed_out(), "waited in vain for {what}: {} answers", guard.answers.len());
    }

    pub(crate) fn seen<T>(&self, take: impl FnOnce(&Seen) -> T) -> T {
        let seen = self.state.0.lock().unwrap();
        assert_eq!(seen.violations, [""; 0], "against the limits of the API");
        take(&seen)
    }

    /// The messages of all entries that were accepted, in order of their text.
    pub(crate) fn messages(&self) -> Vec<String> {
        let mut messages: Vec<String> = self.seen(|seen| {
            let entries = seen.payloads.iter().flatten();
            entries.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
        });
        messages.sort();
        messages
    }
}

/// One request; `None` when the connection is at its end.
fn serve(stream: &TcpStream, state: &(Mutex<Seen>, Condvar)) -> Option<()> {
    let (seen, changed) = state;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let (mut length, mut encoding, mut key, mut kind) = (0, String::new(), String::new(), String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-encoding" => encoding = value,
            "content-type" => kind = value,
            "dd-api-key" => key = value,
            _ => {}
        }
    }
    let (fault, usual) = {
        let mut seen = seen.lock().unwrap();
        (seen.faults.pop_front(), seen.status)
    };
    let note = |status: u16| {
        seen.lock().unwrap().answers.push((Instant::now(), status));
        changed.notify_all();
    };
    if fault == Some(Fault::ResetInBody) {
        let mut part = vec![0; length / 2];
        reader.read_exact(&mut part).ok()?;
        let _ = stream.shutdown(Shutdown::Both);
        note(0);
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let entries = check(line.trim_end(), &kind, &key, &encoding, &body);
    let keep = |entries: Result<Vec<serde_json::Value>, String>| {
        let mut seen = seen.lock().unwrap();
        seen.encodings.push(encoding.clone());
        match entries {
            Ok(entries) => seen.payloads.push(entries),
            Err(violation) => seen.violations.push(violation),
        }
    };
    match fault {
        None | Some(Fault::Status(202)) if (200..300).contains(&usual) => {
            keep(entries);
            note(usual);
            answer(stream, usual, None)
        }
        None => {
            note(usual);
            answer(stream, usual, None)
        }
        Some(Fault::Status(status)) => {
            note(status);
            answer(stream, status, None)
        }
        Some(Fault::RetryAfter(status, seconds)) => {
            note(status);
            answer(stream, status, Some(seconds))
        }
        Some(Fault::KeptButNotAnswered) => {
            keep(entries);
            let _ = stream.shutdown(Shutdown::Both);
            note(0);
            None
        }
        Some(Fault::Hang) => {
            note(0);
            let _ = reader.read(&mut [0]);
            None
        }
        Some(Fault::ResetInBody) => None,
    }
}

/// The entries of a payload, or what of it is against <https://docs.datadoghq.com/api/latest/logs/#send-logs>.
fn check(line: &str, kind: &str, key: &str, encoding: &str, body: &[u8]) -> Result<Vec<serde_json::Value>, String> {
    if line != "POST /api/v2/logs HTTP/1.1" || kind != "application/json" || key != KEY {
        return Err(format!("{line}, {kind}, key {}", if key == KEY { "right" } else { "wrong" }));
    }
    let json = match encoding {
        "" => body.to_vec(),
        "gzip" => {
            let mut json = Vec::new();
            flate2::read::GzDecoder::new(body).read_to_end(&mut json).map_err(|error| error.to_string())?;
            json
        }
        "zstd" => zstd::stream::decode_all(body).map_err(|error| error.to_string())?,
        other => return Err(format!("encoding {other}")),
    };
    if json.len() > 5_000_000 {
        return Err(format!("payload of {} bytes", json.len()));
    }
    let raw: Vec<&serde_json::value::RawValue> = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
    if raw.is_empty() || raw.len() > 1_000 {
        return Err(format!("payload of {} entries", raw.len()));
    }
    if let Some(long) = raw.iter().map(|entry| entry.get().len()).find(|length| *length > 1_000_000) {
        return Err(format!("entry of {long} bytes"));
    }
    let read =
        |entry: &&serde_json::value::RawValue| serde_json::from_str(entry.get()).map_err(|error| error.to_string());
    raw.iter().map(read).collect()
}

fn answer(mut stream: &TcpStream, status: u16, retry_after: Option<u64>) -> Option<()> {
    // An intake that says what it was sent.
    let body = if (200..300).contains(&status) { "{}".to_owned() } else { format!("{{\"errors\":[\"key {KEY}\"]}}") };
    let wait = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} x\r\n{wait}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).ok()
}
