//! Gets documents from the task metadata endpoint, version 4
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html>).
//!
//! It is asked in HTTP/1.0, over plain TCP and by its address: an agent on the same machine, `169.254.170.2`. So there is no
//! name to look up, no proxy, no redirect and no encryption here; an answer ends where the connection ends.

use shiwake_records::identity::task::DocumentError;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The environment variable with the endpoint's URL, which ECS sets in every container.
pub const ENDPOINT_VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Most bytes of an answer. A task has ten containers at most, of a few kilobytes each.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
const HTTP_PORT: u16 = 80;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody answers there.
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    /// The connection ended too early.
    #[error("the connection broke: {0}")]
    Broken(std::io::Error),
    /// There was no whole answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The answer is longer than any document.
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// The answer is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The endpoint refuses.
    #[error("the answer is status {0}")]
    Status(u16),
    /// The answer is no document of a task.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// The endpoint of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    address: SocketAddr,
    path: String,
}

impl Endpoint {
    /// Reads a URL: `http://`, an IP address, perhaps a port, and a path. `None` for all others.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.trim().strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.trim_start_matches('[').trim_end_matches(']');
        let address = authority
            .parse()
            .ok()
            .or_else(|| host.parse::<IpAddr>().ok().map(|host| SocketAddr::new(host, HTTP_PORT)))?;
        let is_path = path.bytes().all(|byte| byte.is_ascii_graphic());
        is_path.then(|| Self { address, path: path.trim_end_matches('/').to_owned() })
    }

    /// Where it is asked.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The document of the container that asks.
    ///
    /// # Errors
    /// When there is none.
    pub async fn container_document(&self) -> Result<Vec<u8>, FetchError> {
        self.get("").await
    }

    /// The document of its task.
    ///
    /// # Errors
    /// When there is none.
    pub async fn task_document(&self) -> Result<Vec<u8>, FetchError> {
        self.get("/task").await
    }

    async fn get(&self, below: &str) -> Result<Vec<u8>, FetchError> {
        let answer = timeout(ANSWER_TIMEOUT, self.ask(below)).await;
        body(&answer.map_err(|_| FetchError::Timeout(ANSWER_TIMEOUT))??)
    }

    async fn ask(&self, below: &str) -> Result<Vec<u8>, FetchError> {
        let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(self.address)).await;
        let mut stream = connected.map_err(|_| FetchError::Timeout(CONNECT_TIMEOUT))?.map_err(FetchError::Connect)?;
        let Self { address, path } = self;
        let slash = if path.is_empty() && below.is_empty() { "/" } else { "" };
        let request =
            format!("GET {path}{below}{slash} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(FetchError::Broken)?;
        let mut answer = Vec::new();
        let read = stream.take(MAX_ANSWER_BYTES as u64 + 1).read_to_end(&mut answer).await;
        match read.map_err(FetchError::Broken)? {
            length if length > MAX_ANSWER_BYTES => Err(FetchError::TooLong),
            _ => Ok(answer),
        }
    }
}

/// What is behind the head of an answer that is a success.
fn body(answer: &[u8]) -> Result<Vec<u8>, FetchError> {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok());
    let end = answer.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD);
    match (status, end) {
        (Some(200), Some(end)) => Ok(answer.get(end + END_OF_HEAD.len()..).unwrap_or_default().to_vec()),
        (Some(200), None) | (None, _) => Err(FetchError::NotHttp),
        (Some(status), _) => Err(FetchError::Status(status)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_or_refused() {
        for (url, address, path) in [
            ("http://169.254.170.2/v4/0a1b-7", "169.254.170.2:80", "/v4/0a1b-7"),
            ("http://127.0.0.1:51678/v4/x/", "127.0.0.1:51678", "/v4/x"),
            ("http://[fd00:ec2::2]/v4", "[fd00:ec2::2]:80", "/v4"),
            ("http://[::1]:8080", "[::1]:8080", ""),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((endpoint.address.to_string().as_str(), endpoint.path.as_str()), (address, path), "{url}");
        }
        for url in ["", "https://169.254.170.2/v4", "http://example.org/v4", "http:///v4", "http://1.2.3.4/a b\r\nX: y"]
        {
            assert_eq!(Endpoint::parse(url), None, "{url}");
        }
    }

    #[test]
    fn only_a_whole_success_has_a_body() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}").unwrap(), b"{}");
        assert!(matches!(body(b"HTTP/1.0 503 No\r\n\r\nx"), Err(FetchError::Status(503))));
        for answer in [&b""[..], b"SSH-2.0", b"HTTP/1.1 200 OK\r\nA: b", b"HTTP/1.1 abc\r\n\r\n"] {
            assert!(matches!(body(answer), Err(FetchError::NotHttp)));
        }
    }
}
