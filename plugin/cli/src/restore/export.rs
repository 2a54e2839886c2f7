//! All that can be read of a file, an object of JSON a line: records with the offset at which they are in the file, and what
//! is between them with the offset, the reason and its bytes in base64.
//!
//! A record out of a block that checks out is `"checked":true` and has its tag; others were found among damaged bytes, and
//! may not be what was put there.

use super::content::Content;
use bytes::Bytes;
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::msgpack::{Value, json};
use std::io::{self, Write};

/// Writes a file's lines, in order of the offsets.
pub(crate) fn export(name: &str, content: &Content, file: &Bytes, out: &mut impl Write) -> io::Result<()> {
    let mut pieces = Vec::new();
    match content {
        Content::Raw(_) => pieces.push((0, None, file.as_ref())),
        Content::Segment(set_aside) => {
            for (place, block) in set_aside.places.iter().zip(&set_aside.segment.blocks) {
                // A block's events are at its end.
                pieces.push((place.end - block.events.len(), Some(&*block.tag), block.events.as_ref()));
            }
            let damaged = set_aside.damaged.iter();
            pieces.extend(damaged.map(|place| (place.start, None, file.get(place.clone()).unwrap_or_default())));
            pieces.sort_by_key(|(offset, _, _)| *offset);
        }
    }
    let mut line = String::new();
    for (offset, tag, bytes) in pieces {
        for item in Chunk::new(bytes) {
            line.clear();
            write_line(&mut line, name, offset, tag, &item);
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn write_line(line: &mut String, name: &str, start: usize, tag: Option<&str>, item: &Item<'_>) {
    line.push_str(r#"{"file":"#);
    write_value(line, &Value::Str(name.as_bytes()));
    match item {
        Item::Event(event) => {
            let offset = start + event.offset;
            let (is_checked, time) = (tag.is_some(), event.time.micros());
            line.push_str(&format!(r#","offset":{offset},"checked":{is_checked},"time_micros":{time}"#));
            if let Some(tag) = tag {
                line.push_str(r#","tag":"#);
                write_value(line, &Value::Str(tag.as_bytes()));
            }
            line.push_str(r#","record":"#);
            write_value(line, &Value::Map(event.body));
        }
        Item::Bad(bad) => {
            line.push_str(&format!(r#","offset":{},"reason":"#, start + bad.offset));
            write_value(line, &Value::Str(bad.reason.to_string().as_bytes()));
            line.push_str(r#","raw":"#);
            write_value(line, &Value::Bin(bad.bytes));
        }
    }
    line.push('}');
}

fn write_value(line: &mut String, value: &Value<'_>) {
    // Values that were read are whole, so this does not fail.
    let _ = json::write(line, value);
}
