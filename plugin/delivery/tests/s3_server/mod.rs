//! An S3 server of a few lines, which puts objects, gives sessions of roles as STS does, and fails when it is told to. It does not
//! look at signatures.

use shiwake_records::civil_time::{CivilHour, civil_hour};
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, as AWS gives it when it is overloaded or broken.
    Status(u16),
    /// This status with a code that says why.
    Refused(u16, &'static str),
    /// The connection is gone while the object is being sent.
    ResetInBody,
    /// The object is stored, but the connection is gone before the answer.
    StoredButNotAnswered,
    /// The object is stored, but the answer says that it failed.
    StoredButAnswered(u16),
    /// The object is stored, and the answer ends in its middle.
    CutAnswer,
    /// No answer, for as long as the client waits.
    Hang,
}

#[derive(Debug, Default)]
struct State {
    objects: HashMap<String, Vec<u8>>,
    /// Of the last request for each object.
    headers: HashMap<String, HashMap<String, String>>,
    session_seconds: i64,
    sessions: usize,
    faults: VecDeque<Fault>,
}

#[derive(Debug)]
pub(crate) struct S3Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl S3Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
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

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request fails like this.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state.lock().unwrap().faults.push_back(fault);
    }

    /// Sessions of roles end after so many seconds.
    pub(crate) fn grant_for(&self, seconds: i64) {
        self.state.lock().unwrap().session_seconds = seconds;
    }

    /// How many sessions it has given.
    pub(crate) fn sessions(&self) -> usize {
        self.state.lock().unwrap().sessions
    }

    /// What came with an object.
    pub(crate) fn header(&self, path: &str, name: &str) -> Option<String> {
        self.state.lock().unwrap().headers.get(path)?.get(name).cloned()
    }

    pub(crate) fn object(&self, path: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }
}

/// One request; `None` when the connection is at its end.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.split('?').next()?.replace("%3D", "=");
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let fault = state.lock().unwrap().faults.pop_front();
    if fault == Some(Fault::ResetInBody) {
        let mut part = vec![0; length / 2];
        reader.read_exact(&mut part).ok()?;
        let _ = stream.shutdown(Shutdown::Both);
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if body.starts_with(b"Action=AssumeRole&") {
        return match fault {
            Some(Fault::Refused(status, code)) => {
                answer(stream, status, &format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"))
            }
            _ => answer(stream, 200, &session(&mut state.lock().unwrap())),
        };
    }
    let store = || {
        let mut state = state.lock().unwrap();
        state.objects.insert(path.clone(), body.clone());
        state.headers.insert(path.clone(), headers.clone());
    };
    match fault {
        None => {
            store();
            answer(stream, 200, "")
        }
        Some(Fault::Status(status)) => answer(stream, status, &error_body("SlowDown")),
        Some(Fault::Refused(status, code)) => answer(stream, status, &error_body(code)),
        Some(Fault::StoredButAnswered(status)) => {
            store();
            answer(stream, status, &error_body("InternalError"))
        }
        Some(Fault::StoredButNotAnswered) => {
            store();
            let _ = stream.shutdown(Shutdown::Both);
            None
        }
        Some(Fault::CutAnswer) => {
            store();
            let mut stream = stream;
            stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"1").ok()?;
            let _ = stream.shutdown(Shutdown::Both);
            None
        }
        Some(Fault::Hang) => {
            // Until the client gives up.
            let _ = reader.read(&mut [0]);
            None
        }
        Some(Fault::ResetInBody) => None,
    }
}

/// A session, as <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html> has it.
fn session(state: &mut State) -> String {
    state.sessions += 1;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let end = now + state.session_seconds;
    let CivilHour { year, month, day, hour } = civil_hour(end);
    let (minute, second) = (end / 60 % 60, end % 60);
    format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>role-id</AccessKeyId><SecretAccessKey>x</SecretAccessKey>\
         <SessionToken>session-{}</SessionToken><Expiration>{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z\
         </Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        state.sessions
    )
}

fn error_body(code: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>")
}

fn answer(mut stream: &TcpStream, status: u16, body: &str) -> Option<()> {
    let head = format!("HTTP/1.1 {status} x\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}
