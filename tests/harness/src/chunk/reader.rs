//! Reading chunks back, for assertions.

use rmpv::Value;

use super::{ChunkError, Time, json};

/// Characters of a wrong value shown in an error.
const SHOWN_CHARACTERS: usize = 80;

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A record.
    Log,
    /// The marker at the start of a group.
    GroupStart,
    /// The marker at the end of a group.
    GroupEnd,
}

/// One event of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its time, in the spelling it has.
    pub time: Time,
    /// Its metadata; `None` in the format that has none.
    pub metadata: Option<Value>,
    /// Its body, usually a map.
    pub body: Value,
}

impl Record {
    /// Record or marker.
    #[must_use]
    pub fn kind(&self) -> RecordKind {
        match self.time {
            Time::Event { secs: -1, .. } | Time::Seconds(-1) => RecordKind::GroupStart,
            Time::Event { secs: -2, .. } | Time::Seconds(-2) => RecordKind::GroupEnd,
            _ => RecordKind::Log,
        }
    }

    /// The body as JSON. Lossy where JSON has no counterpart: bytes that are no UTF-8 are
    /// repaired, extensions become `{"ext": type, "bytes": [...]}`, infinite floats null.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        json::to_json(&self.body)
    }

    /// The metadata as JSON, likewise; null if there is none.
    #[must_use]
    pub fn metadata_json(&self) -> serde_json::Value {
        self.metadata.as_ref().map(json::to_json).unwrap_or_default()
    }
}

/// Decodes every event of a chunk.
///
/// # Errors
///
/// [`ChunkError`] names the first event that cannot be read.
pub fn records(chunk: &[u8]) -> Result<Vec<Record>, ChunkError> {
    let mut rest = chunk;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let index = found.len();
        let event = rmpv::decode::read_value(&mut rest).map_err(|source| ChunkError::Decode { index, source })?;
        found.push(read_event(index, event)?);
    }
    Ok(found)
}

fn read_event(index: usize, event: Value) -> Result<Record, ChunkError> {
    let wrong_shape = |value: &Value| ChunkError::Shape { index, found: shown(value) };
    let (header, body) = pair(event).map_err(|value| wrong_shape(&value))?;
    let (time, metadata) = match header {
        Value::Array(_) => {
            let (time, metadata) = pair(header).map_err(|value| wrong_shape(&value))?;
            (time, Some(metadata))
        }
        time => (time, None),
    };
    let time = Time::decode(&time).ok_or_else(|| ChunkError::Time { index, found: shown(&time) })?;
    Ok(Record { time, metadata, body })
}

fn pair(value: Value) -> Result<(Value, Value), Value> {
    match value {
        Value::Array(items) => {
            <[Value; 2]>::try_from(items).map(|[first, second]| (first, second)).map_err(Value::Array)
        }
        other => Err(other),
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(SHOWN_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure is the test's failure")]

    use serde_json::json;

    use super::*;
    use crate::chunk::{ChunkBuilder, ChunkFormat};

    #[test]
    fn what_was_built_is_read_back() {
        let body = json!({"log": "a", "n": -3, "f": 0.5, "deep": [{"x": null}, true]});
        let times =
            [Time::Seconds(1_700_000_000), Time::Float(1_700_000_000.5), Time::Event { secs: 1_700_000_000, nanos: 7 }];
        for format in [ChunkFormat::Legacy, ChunkFormat::WithMetadata] {
            let mut builder = ChunkBuilder::new(format);
            for time in times {
                builder.push(time, &body);
            }
            let read = records(builder.as_bytes()).unwrap();
            for (record, time) in read.iter().zip(times) {
                assert_eq!(record.time, time);
                assert_eq!(record.json(), body);
                assert_eq!(record.metadata.is_some(), format == ChunkFormat::WithMetadata);
                assert_eq!(record.kind(), RecordKind::Log);
            }
            assert_eq!(read.len(), builder.records());
        }
    }

    #[test]
    fn markers_and_metadata_are_told_apart() {
        let mut builder = ChunkBuilder::new(ChunkFormat::Legacy);
        builder
            .start_group(&json!({"schema": "otlp"}), &json!({}))
            .push_with_metadata(Time::Seconds(1), &json!({"m": 1}), &json!({"log": "x"}))
            .end_group();
        let read = records(builder.as_bytes()).unwrap();
        let kinds: Vec<_> = read.iter().map(Record::kind).collect();
        assert_eq!(kinds, [RecordKind::GroupStart, RecordKind::Log, RecordKind::GroupEnd]);
        assert_eq!(read[0].metadata_json(), json!({"schema": "otlp"}));
        assert_eq!(read[1].metadata_json(), json!({"m": 1}));
    }

    #[test]
    fn what_is_no_event_is_an_error_that_says_where() {
        let mut builder = ChunkBuilder::new(ChunkFormat::Legacy);
        builder.push(Time::Seconds(1), &json!({}));
        let good = builder.finish();
        let cases: [(&str, &[u8], &str); 4] = [
            ("cut off", &[0x92, 0x01], "Decode { index: 1"),
            ("an integer", &[0x07], "Shape { index: 1"),
            ("three items", &[0x93, 1, 2, 3], "Shape { index: 1"),
            ("a text as time", &[0x92, 0xa1, b'x', 0x80], "Time { index: 1"),
        ];
        for (name, tail, expected) in cases {
            let error = records(&[&good, tail].concat()).unwrap_err();
            let error = format!("{error:?}");
            assert!(error.starts_with(expected), "{name}: {error}");
        }
    }
}
