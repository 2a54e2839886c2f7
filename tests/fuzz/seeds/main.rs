//! Writes what the fuzzers begin with: the sample lines, each a file, as every target wants them.
//!
//! `seeds FOLDER` makes one folder for each target in `FOLDER`. What is there already is kept.

use shiwake_records::event::Timestamp;
use shiwake_records::msgpack::write;
use shiwake_records::rules::BUILT_IN_RULES;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::io;
use std::path::Path;

const FOLDERS: [&str; 2] = ["../../tests/data", "../../tests/data/formats"];
/// Of a file with more lines so many are taken, evenly.
const MOST_LINES: usize = 60;
/// How many parsers the target `line` has; the last one looks at lines that are none.
const PARSERS: u8 = 15;

fn main() -> io::Result<()> {
    let target = std::env::args_os().nth(1).ok_or_else(|| io::Error::other("usage: seeds FOLDER"))?;
    let target = Path::new(&target);
    for name in ["line", "json", "logfmt", "exception", "record", "chunk", "entry", "rules", "rules_chunk"] {
        std::fs::create_dir_all(target.join(name))?;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut number = 0;
    for folder in FOLDERS {
        let mut files: Vec<_> = std::fs::read_dir(root.join(folder))?.collect::<Result<Vec<_>, _>>()?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        for file in files.iter().map(std::fs::DirEntry::path) {
            if !file.extension().is_some_and(|extension| extension == "log" || extension == "ndjson") {
                continue;
            }
            let text = std::fs::read(&file)?;
            let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
            for line in lines.iter().step_by(lines.len().div_ceil(MOST_LINES).max(1)) {
                number += 1;
                write_seeds(target, number, line)?;
            }
        }
    }
    write_rules(target)
}

/// The built-in rules one by one, under other names, alone and before the chunks of the sample lines.
fn write_rules(target: &Path) -> io::Result<()> {
    let rules = BUILT_IN_RULES.replace("name = \"", "name = \"my-");
    let mut chunks: Vec<_> = std::fs::read_dir(target.join("chunk"))?.collect::<Result<Vec<_>, _>>()?;
    chunks.sort_by_key(std::fs::DirEntry::file_name);
    for (number, rule) in rules.split("[[rule]]").skip(1).enumerate() {
        let rule = format!("[[rule]]{rule}");
        let name = format!("seed-{number}");
        std::fs::write(target.join("rules").join(&name), &rule)?;
        let Some(chunk) = chunks.get(number * chunks.len() / 32) else { continue };
        let bytes = [rule.as_bytes(), b"\0", &std::fs::read(chunk.path())?].concat();
        std::fs::write(target.join("rules_chunk").join(&name), bytes)?;
    }
    Ok(())
}

fn write_seeds(target: &Path, number: usize, line: &[u8]) -> io::Result<()> {
    let record = serde_json::from_slice::<serde_json::Value>(line).ok();
    let inner = record.as_ref().and_then(|record| record.get("log")?.as_str()).map(str::as_bytes);
    let line = inner.unwrap_or(line);
    let write = |name: &str, bytes: &[u8]| std::fs::write(target.join(name).join(format!("seed-{number}")), bytes);
    for name in ["exception", "record"] {
        write(name, line)?;
    }
    if line.first() == Some(&b'{') {
        write("json", line)?;
        write("line", &[&[PARSERS - 1], line].concat())?;
    } else {
        write("logfmt", line)?;
        for parser in 0..PARSERS {
            let bytes = [&[parser], line].concat();
            std::fs::write(target.join("line").join(format!("seed-{number}-{parser}")), bytes)?;
        }
    }
    let mut event = vec![0x92];
    write::event_time(&mut event, 1_700_000_000, 0);
    write::map_header(&mut event, 2);
    for (key, value) in [(&b"container_name"[..], &b"/ecs-shop-7-web"[..]), (b"log", line)] {
        write::str(&mut event, key);
        write::str(&mut event, value);
    }
    // Two of them, so that a byte that is wrong has an event behind it.
    let chunk = [&event[..], &event].concat();
    write("chunk", &chunk)?;
    // As they come out of the sorter, for each way that entries can be like.
    let mut entry = vec![(number % 16) as u8];
    let config = SorterConfig { tags: Some("team:shop".to_owned()), ..SorterConfig::default() };
    Sorter::new(config).sort_chunk(&chunk, Timestamp::default(), &mut entry);
    write("entry", &entry)
}
