//! The records that are measured with, as files: as an application sends them, as the filter answers, by type, and as JSON.

use crate::BenchError;
use crate::frames::FrameWriter;
use crate::shop::Shop;
use crate::twin::{append_json_pairs, append_pairs};
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::civil_time::civil_hour;
use shiwake_records::msgpack::write;
use shiwake_records::sorter::Sorter;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Makes the files and gives the bytes of each.
pub(crate) fn make(folder: &Path, records: u64, seed: u64) -> Result<BTreeMap<String, u64>, BenchError> {
    fs::create_dir_all(folder)?;
    let mut shop = Shop::new(seed);
    let mut sent = FrameWriter::create(&folder.join("sent.msgpack"))?;
    let mut sorted = FrameWriter::create(&folder.join("sorted.msgpack"))?;
    let mut by_type: BTreeMap<String, FrameWriter> = BTreeMap::new();
    let mut json = BufWriter::new(File::create(folder.join("sent.ndjson"))?);
    let (mut json_bytes, mut line, mut event, mut answer) = (0, String::new(), Vec::new(), Vec::new());
    let mut sorter = Sorter::default();
    for number in 0..records {
        let micros = shop.stamp(number, records);
        event.clear();
        line.clear();
        append_time(&mut event, &mut line, micros);
        let fields = shop.next();
        append_pairs(&mut event, &fields);
        append_json_pairs(&mut line, &fields);
        line.push_str("}\n");
        json.write_all(line.as_bytes())?;
        json_bytes += line.len() as u64;
        sent.chunk.extend_from_slice(&event);
        sent.count_record()?;

        answer.clear();
        let Some(Item::Event(read)) = Chunk::new(&event).next() else { return Err(BenchError::NoEvent) };
        let verdict = sorter.sort(&read, &mut answer).ok_or(BenchError::NoEvent)?;
        sorted.chunk.extend_from_slice(&answer);
        sorted.count_record()?;
        let name = verdict.log_type.name();
        if !by_type.contains_key(name) {
            let path = folder.join(format!("type-{name}.msgpack"));
            by_type.insert(name.to_owned(), FrameWriter::create(&path)?);
        }
        if let Some(of_type) = by_type.get_mut(name) {
            of_type.chunk.extend_from_slice(&answer);
            of_type.count_record()?;
        }
    }
    json.flush()?;
    let mut bytes = BTreeMap::from([("ndjson".to_owned(), json_bytes), ("sent".to_owned(), sent.finish()?)]);
    bytes.insert("sorted".to_owned(), sorted.finish()?);
    for (name, of_type) in by_type {
        bytes.insert(format!("type-{name}"), of_type.finish()?);
    }
    Ok(bytes)
}

/// The time, as hosts write it and as JSON has it.
fn append_time(event: &mut Vec<u8>, line: &mut String, micros: u64) {
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    event.push(0x92);
    write::event_time(event, u32::try_from(seconds).unwrap_or(0), u32::try_from(rest * 1_000).unwrap_or(0));
    let hour = civil_hour(seconds.cast_signed());
    let (minute, second) = (seconds / 60 % 60, seconds % 60);
    // Writing to a String does not fail.
    let _ = write!(
        line,
        "{{\"time\":\"{:04}-{:02}-{:02}T{:02}:{minute:02}:{second:02}.{rest:06}Z\",",
        hour.year, hour.month, hour.day, hour.hour
    );
}
