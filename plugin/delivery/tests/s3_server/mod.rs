//! An S3 server of a few lines, which puts objects, and fails when it is told to. It does not look at signatures.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

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
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let fault = state.lock().unwrap().faults.pop_front();
    if fault == Some(Fault::ResetInBody) {
        let mut part = vec![0; length / 2];
        reader.read_exact(&mut part).ok()?;
        let _ = stream.shutdown(Shutdown::Both);
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let store = || drop(state.lock().unwrap().objects.insert(path.clone(), body.clone()));
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

fn error_body(code: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>")
}

fn answer(mut stream: &TcpStream, status: u16, body: &str) -> Option<()> {
    let head = format!("HTTP/1.1 {status} x\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}
