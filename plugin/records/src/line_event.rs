//! A line of a file, and the event that Fluent Bit would make of it.

use crate::line::fields::LineFields;
use crate::line::json::JsonScanner;
use crate::msgpack::write;

/// Makes events of lines. It keeps its memory from line to line.
#[derive(Debug, Default)]
pub struct EventMaker {
    scanner: JsonScanner,
    fields: LineFields,
}

impl EventMaker {
    /// Writes the event that FireLens makes of a line: the line under `log`. A line that is a JSON object is a record as it is.
    /// What was in `out` goes.
    pub fn make(&mut self, line: &[u8], (seconds, nanoseconds): (u32, u32), out: &mut Vec<u8>) {
        self.make_with(line, (seconds, nanoseconds), &[], out);
    }

    /// As [`EventMaker::make`]; a line that is no JSON object has these fields behind it, as those that FireLens tells of the
    /// container.
    pub fn make_with(
        &mut self,
        line: &[u8],
        (seconds, nanoseconds): (u32, u32),
        fields: &[(&str, &str)],
        out: &mut Vec<u8>,
    ) {
        out.clear();
        out.push(0x92);
        write::event_time(out, seconds, nanoseconds);
        if self.scanner.scan(line, &mut self.fields)
            && let Ok(count) = u32::try_from(self.fields.count())
        {
            write::map_header(out, count);
            out.extend_from_slice(self.fields.bytes());
            return;
        }
        let count = u32::try_from(fields.len()).unwrap_or(0).saturating_add(1);
        write::map_header(out, count);
        write::str(out, b"log");
        write::str(out, line);
        for (name, value) in fields {
            write::str(out, name.as_bytes());
            write::str(out, value.as_bytes());
        }
    }
}
