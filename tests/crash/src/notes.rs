//! What the host knows: a file of lines, each written at once and before the host goes on.
//!
//! `run R` begins a run, `sent N C` stands before chunk N with the bytes of chunk C is handed over, `ok N` behind its
//! answer. A host that is killed between the answer and its line does not know of it, and sends the chunk again.

use crate::CrashError;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// A chunk that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The chunk whose bytes it has.
    pub content: u64,
    /// The run in which it was sent first.
    pub first_run: u64,
    /// How often it was sent.
    pub times: u64,
    /// Whether the host knows that it was taken.
    pub is_ok: bool,
    /// Whether it was under way when a run ended.
    pub was_cut: bool,
}

/// All that stands in the notes.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Chunks by their number.
    pub chunks: BTreeMap<u64, Sent>,
    /// Runs so far.
    pub runs: u64,
}

impl Known {
    /// Reads the notes; there are none before the first run. A last line that was cut off is not there.
    ///
    /// # Errors
    /// When the file cannot be read or has other lines.
    pub fn read(path: &Path) -> Result<Self, CrashError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CrashError::io("read", path)(error)),
        };
        let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        let mut known = Self::default();
        let mut under_way = None;
        for (line, found) in whole.lines().enumerate() {
            let refuse = || CrashError::Notes { line: line + 1, found: found.to_owned() };
            let words: Vec<&str> = found.split(' ').collect();
            let number = |word: &str| word.parse::<u64>().map_err(|_| refuse());
            match words.as_slice() {
                ["run", run] => {
                    known.cut(under_way.take());
                    known.runs = number(run)?;
                }
                ["sent", chunk, content] => {
                    let (chunk, content) = (number(chunk)?, number(content)?);
                    let new = Sent { content, first_run: known.runs, times: 0, is_ok: false, was_cut: false };
                    known.chunks.entry(chunk).or_insert(new).times += 1;
                    under_way = Some(chunk);
                }
                ["ok", chunk] => {
                    known.chunks.get_mut(&number(chunk)?).ok_or_else(refuse)?.is_ok = true;
                }
                _ => return Err(refuse()),
            }
        }
        known.cut(under_way);
        Ok(known)
    }

    fn cut(&mut self, under_way: Option<u64>) {
        if let Some(sent) = under_way.and_then(|chunk| self.chunks.get_mut(&chunk)).filter(|sent| !sent.is_ok) {
            sent.was_cut = true;
        }
    }

    /// Chunks that the host must send again.
    #[must_use]
    pub fn unanswered(&self) -> Vec<u64> {
        self.chunks.iter().filter(|(_, sent)| !sent.is_ok).map(|(number, _)| *number).collect()
    }

    /// The first number that was not given yet.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.chunks.last_key_value().map_or(0, |(number, _)| number + 1)
    }
}

/// The notes of a run, to write.
#[derive(Debug)]
pub struct Notes {
    file: File,
    path: std::path::PathBuf,
}

impl Notes {
    /// Begins a run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(path: &Path, run: u64) -> Result<Self, CrashError> {
        // A line that was cut off must not be continued by the next one.
        let known_good =
            std::fs::read(path).map(|bytes| bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(CrashError::io("open", path))?;
        if let Ok(length) = known_good {
            file.set_len(length as u64).map_err(CrashError::io("cut", path))?;
        }
        let mut notes = Self { file, path: path.to_owned() };
        notes.line(&format!("run {run}\n"))?;
        Ok(notes)
    }

    /// A chunk is about to be handed over.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sent(&mut self, number: u64, content: u64) -> Result<(), CrashError> {
        self.line(&format!("sent {number} {content}\n"))
    }

    /// A chunk was answered OK.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn ok(&mut self, number: u64) -> Result<(), CrashError> {
        self.line(&format!("ok {number}\n"))
    }

    fn line(&mut self, line: &str) -> Result<(), CrashError> {
        let written = self.file.write(line.as_bytes()).map_err(CrashError::io("write", &self.path))?;
        if written == line.len() {
            return Ok(());
        }
        let source = std::io::Error::from(std::io::ErrorKind::WriteZero);
        Err(CrashError::Io { what: "write", path: self.path.clone(), source })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_and_not_answered_is_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let mut notes = Notes::begin(&path, 1).unwrap();
        for number in 0..3 {
            notes.sent(number, number).unwrap();
        }
        notes.ok(1).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"ok ").unwrap();
        let known = Known::read(&path).unwrap();
        assert_eq!(known.unanswered(), [0, 2]);
        assert_eq!((known.next_number(), known.runs), (3, 1));
        assert!(known.chunks.values().map(|sent| sent.was_cut).eq([false, false, true]));
        Notes::begin(&path, 2).unwrap().ok(2).unwrap();
        assert_eq!(Known::read(&path).unwrap().unanswered(), [0]);
    }
}
