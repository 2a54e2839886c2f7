//! Building chunks event by event.

use rmpv::Value;
use serde_json::Map;

use super::{ChunkError, Time, json};

/// Field of a JSON line that becomes the event's time.
const TIME_FIELD: &str = "@time";

/// How [`ChunkBuilder::push`] spells events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ChunkFormat {
    /// `[time, map]`, the format up to 2.0.
    #[default]
    Legacy,
    /// `[[time, metadata], map]`, the format since 2.1.
    WithMetadata,
}

/// Collects events into a chunk.
#[derive(Clone, Debug, Default)]
pub struct ChunkBuilder {
    format: ChunkFormat,
    bytes: Vec<u8>,
    records: usize,
}

impl ChunkBuilder {
    /// An empty chunk.
    #[must_use]
    pub fn new(format: ChunkFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// Adds a record in the builder's format; metadata, where it has any, is empty.
    pub fn push(&mut self, time: Time, body: &serde_json::Value) -> &mut Self {
        self.push_value(time, json::from_json(body))
    }

    /// As [`Self::push`], for a body JSON cannot spell.
    pub fn push_value(&mut self, time: Time, body: Value) -> &mut Self {
        self.records += 1;
        match self.format {
            ChunkFormat::Legacy => self.write(&Value::Array(vec![time.encode(), body])),
            ChunkFormat::WithMetadata => self.write_with_header(time, Value::Map(Vec::new()), body),
        }
    }

    /// Adds a record with metadata, as `[[time, metadata], map]` whatever the builder's format.
    pub fn push_with_metadata(
        &mut self,
        time: Time,
        metadata: &serde_json::Value,
        body: &serde_json::Value,
    ) -> &mut Self {
        self.records += 1;
        self.write_with_header(time, json::from_json(metadata), json::from_json(body))
    }

    /// Adds the marker that starts a group. Markers do not count as records.
    pub fn start_group(&mut self, metadata: &serde_json::Value, attributes: &serde_json::Value) -> &mut Self {
        self.write_with_header(Time::GROUP_START, json::from_json(metadata), json::from_json(attributes))
    }

    /// Adds the marker that ends a group.
    pub fn end_group(&mut self) -> &mut Self {
        self.write_with_header(Time::GROUP_END, Value::Map(Vec::new()), Value::Map(Vec::new()))
    }

    /// Adds the record of one JSON line. A numeric field `@time` (seconds, with a fraction if
    /// need be) is taken out of it and becomes the time; without it the time is `default_time`.
    ///
    /// # Errors
    ///
    /// [`ChunkError::Json`], [`ChunkError::NotAnObject`] or [`ChunkError::LineTime`]; nothing is
    /// added then.
    pub fn push_json_line(&mut self, line: &str, default_time: Time) -> Result<&mut Self, ChunkError> {
        let serde_json::Value::Object(mut fields) = serde_json::from_str(line)? else {
            return Err(ChunkError::NotAnObject);
        };
        let time = take_time(&mut fields)?.unwrap_or(default_time);
        Ok(self.push_value(time, json::from_object(&fields)))
    }

    /// Adds bytes as they are, to build what no host would.
    pub fn push_raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Bytes so far.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Records so far, group markers and raw bytes not counted.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    /// The chunk so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The chunk; the builder is empty afterwards and may go on with the next one.
    pub fn finish(&mut self) -> Vec<u8> {
        self.records = 0;
        std::mem::take(&mut self.bytes)
    }

    fn write_with_header(&mut self, time: Time, metadata: Value, body: Value) -> &mut Self {
        let header = Value::Array(vec![time.encode(), metadata]);
        self.write(&Value::Array(vec![header, body]))
    }

    fn write(&mut self, event: &Value) -> &mut Self {
        if let Err(error) = rmpv::encode::write_value(&mut self.bytes, event) {
            unreachable!("writing to memory cannot fail: {error}");
        }
        self
    }
}

fn take_time(fields: &mut Map<String, serde_json::Value>) -> Result<Option<Time>, ChunkError> {
    let Some(given) = fields.remove(TIME_FIELD) else {
        return Ok(None);
    };
    given
        .as_f64()
        .and_then(Time::from_seconds)
        .map(Some)
        .ok_or_else(|| ChunkError::LineTime { given: given.to_string() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's failure")]

    use serde_json::json;

    use super::*;

    const NOON: Time = Time::Event { secs: 0x0102_0304, nanos: 5 };

    #[test]
    fn the_two_formats_have_the_bytes_they_should() {
        let body = json!({"a": 1});
        let legacy = ChunkBuilder::new(ChunkFormat::Legacy).push(NOON, &body).finish();
        let time = [0xd7, 0x00, 1, 2, 3, 4, 0, 0, 0, 5];
        let map = [0x81, 0xa1, b'a', 0x01];
        assert_eq!(legacy, [&[0x92][..], &time, &map].concat());

        let newer = ChunkBuilder::new(ChunkFormat::WithMetadata).push(NOON, &body).finish();
        assert_eq!(newer, [&[0x92, 0x92][..], &time, &[0x80], &map].concat());
    }

    #[test]
    fn group_markers_have_negative_seconds() {
        let mut builder = ChunkBuilder::new(ChunkFormat::WithMetadata);
        let marker = builder.end_group().finish();
        let seconds = marker.get(4..8).unwrap();
        assert_eq!(seconds, [0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(builder.records(), 0);
    }

    #[test]
    fn a_line_that_is_no_record_adds_nothing() {
        let mut builder = ChunkBuilder::new(ChunkFormat::Legacy);
        for line in ["", "[1]", "{\"@time\": \"now\"}", "{\"@time\": -5}"] {
            assert!(builder.push_json_line(line, NOON).is_err(), "{line}");
        }
        assert_eq!(builder.len_bytes(), 0);
        assert_eq!(builder.records(), 0);
    }
}
