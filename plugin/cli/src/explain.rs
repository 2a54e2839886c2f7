//! Lines in, verdicts out.

use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::classify::Verdict;
use shiwake_records::event::Event;
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::json::JsonScanner;
use shiwake_records::msgpack::{Reader, Value, json, write};
use shiwake_records::sorter::Sorter;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum ExplainError {
    Read { file: PathBuf, source: io::Error },
    Write(io::Error),
}

impl std::fmt::Display for ExplainError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExplainError::Read { file, source } => write!(formatter, "cannot read {}: {source}", file.display()),
            ExplainError::Write(source) => write!(formatter, "cannot write: {source}"),
        }
    }
}

/// Explains every line of the files, or of standard input when there are none.
pub(crate) fn run(files: &[PathBuf], as_json: bool) -> Result<(), ExplainError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = if files.is_empty() {
        explain_all(Path::new("standard input"), io::stdin().lock(), as_json, &mut out)
    } else {
        files.iter().try_for_each(|file| {
            let opened = File::open(file).map_err(|source| ExplainError::Read { file: file.clone(), source })?;
            explain_all(file, BufReader::new(opened), as_json, &mut out)
        })
    };
    match result.and_then(|()| out.flush().map_err(ExplainError::Write)) {
        // Whoever read us has seen enough.
        Err(ExplainError::Write(source)) if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn explain_all(file: &Path, mut lines: impl BufRead, as_json: bool, out: &mut impl Write) -> Result<(), ExplainError> {
    let mut sorter = Sorter::default();
    let (mut scanner, mut fields) = (JsonScanner::default(), LineFields::default());
    let (mut line, mut event, mut sorted) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = lines
            .read_until(b'\n', &mut line)
            .map_err(|source| ExplainError::Read { file: file.to_owned(), source })?;
        if read == 0 {
            return Ok(());
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        event.clear();
        write_event(&mut event, text, &mut scanner, &mut fields);
        sorted.clear();
        let Some(Item::Event(raw)) = Chunk::new(&event).next() else { continue };
        let Some(verdict) = sorter.sort(&raw, &mut sorted) else { continue };
        let Ok(whole) = Event::read(&mut Reader::new(&sorted)) else { continue };
        let shown = {
            let rule = sorter.rules().name(verdict.rule);
            if as_json { show_json(rule, &whole) } else { show_text(&verdict, rule, &whole, text) }
        };
        writeln!(out, "{shown}").map_err(ExplainError::Write)?;
    }
}

/// The event that FireLens makes of a line: the line under `log`. A line that is a JSON object is a record as it is.
fn write_event(out: &mut Vec<u8>, line: &[u8], scanner: &mut JsonScanner, fields: &mut LineFields) {
    out.push(0x92);
    write::event_time(out, 0, 0);
    if scanner.scan(line, fields) {
        write::map_header(out, fields.count() as u32);
        out.extend_from_slice(fields.bytes());
        return;
    }
    write::map_header(out, 1);
    write::str(out, b"log");
    write::str(out, line);
}

fn show_json(rule: &str, sorted: &Event<'_>) -> String {
    let mut text = format!(r#"{{"rule":"{rule}","record":"#);
    // The event was read whole just before, so this does not fail.
    let _ = json::write(&mut text, &Value::Map(sorted.body));
    text.push('}');
    text
}

fn show_text(verdict: &Verdict, rule: &str, sorted: &Event<'_>, line: &[u8]) -> String {
    let severity = verdict.severity.map_or("-", |severity| severity.name());
    let mut text = format!("{:<8} {severity:<9} {:<15}", verdict.log_type.name(), rule);
    let mut reader = Reader::new(sorted.body.content);
    while let (Ok(key), Ok(value)) = (reader.value(), reader.value()) {
        let Some(name) = key.as_str().filter(|name| !["log", "log_type", "severity"].contains(name)) else { continue };
        text.push_str(&format!(" {name}="));
        let _ = json::write(&mut text, &value);
    }
    text.push_str("  | ");
    text.push_str(&String::from_utf8_lossy(line.get(..120).unwrap_or(line)));
    text
}
