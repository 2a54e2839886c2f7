//! A record as an entry of the logs API: one JSON object
//! (<https://docs.datadoghq.com/api/latest/logs/#send-logs>, attributes that Datadog knows:
//! <https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/>).
//!
//! Every field of the record is an attribute of the entry, exactly as [`shiwake_records::msgpack::json`] prints it, but for
//! these: the line is `message`, `severity` is `status` in Datadog's words, and what a tag in `ddtags` says is not an attribute
//! too. A record's own `status` that is no word for a severity, and the `host` of an access record, would be taken for the
//! entry's status and host: a status of HTTP and the host go under the names that Datadog has for them. No name is there twice: a
//! second one gets `_2` behind it.
//!
//! The message stands last, so that an entry that is too long is cut there.

use super::any_entry::AnyEntry;
pub use super::any_entry::{CUT_FROM, CUT_MARK};
use super::usual_entry::UsualEntry;
use crate::config::datadog::EntryOptions;
use shiwake_records::event::{Event, Timestamp};
use shiwake_records::fields::FieldIndex;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::{MsgpackError, Value};
use shiwake_records::severity::Severity;

/// Bytes of one entry; what is longer Datadog cuts by itself, wherever that is.
pub const MAX_ENTRY_BYTES: usize = 1_000_000;
/// Fields with ids of a trace, and of a span, in the order in which they count.
pub(super) const TRACE_FIELDS: [&str; 3] = ["trace_id", "traceId", "trace.id"];
pub(super) const SPAN_FIELDS: [&str; 3] = ["span_id", "spanId", "span.id"];
/// Memory for an entry of the long way that is kept.
const KEPT_BYTES: usize = 64 * 1024;

/// Whether an entry is the whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is.
    Whole,
    /// It was longer than [`MAX_ENTRY_BYTES`] and was cut.
    Cut,
}

/// Writes entries; keeps its memory from one to the next.
#[derive(Debug)]
pub struct EntryWriter {
    usual: UsualEntry,
    any: AnyEntry,
    text: String,
}

impl EntryWriter {
    /// A writer.
    #[must_use]
    pub fn new(options: EntryOptions) -> Self {
        Self { usual: UsualEntry::new(options.clone()), any: AnyEntry::new(options), text: String::new() }
    }

    /// Appends the entry of a record whose keys the index holds, with the tag that its chunk had. The index is the same one for
    /// all records. On an error nothing is appended.
    ///
    /// # Errors
    /// When the record is not whole; one that was read by [`Event::read`] always is.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        event: &Event<'_>,
        index: &FieldIndex,
        log_type: Option<LogType>,
        tag: &str,
    ) -> Result<Written, MsgpackError> {
        let start = out.len();
        let is_usual = self.usual.write(out, event, index, log_type, tag).is_some();
        if is_usual && out.len() - start <= MAX_ENTRY_BYTES {
            return Ok(Written::Whole);
        }
        out.truncate(start);
        self.text.clear();
        let written = self.any.write(&mut self.text, event, log_type, tag)?;
        out.extend_from_slice(self.text.as_bytes());
        self.text.shrink_to(KEPT_BYTES);
        Ok(written)
    }

    /// As [`EntryWriter::write`], however long the entry is.
    ///
    /// # Errors
    /// As there.
    pub fn write_uncut(
        &mut self,
        out: &mut Vec<u8>,
        event: &Event<'_>,
        log_type: Option<LogType>,
        tag: &str,
    ) -> Result<(), MsgpackError> {
        self.text.clear();
        self.any.write_uncut(&mut self.text, event, log_type, tag)?;
        out.extend_from_slice(self.text.as_bytes());
        self.text.shrink_to(KEPT_BYTES);
        Ok(())
    }
}

/// Datadog's word (<https://docs.datadoghq.com/logs/log_configuration/processors/#log-status-remapper>); it has none for
/// what is finer than debug.
pub(super) fn status(severity: Severity) -> &'static str {
    match severity {
        Severity::Trace | Severity::Debug => "debug",
        other => other.name(),
    }
}

/// The status of a response, which Datadog has another attribute for: a number, or its digits as parsers leave them.
pub(super) fn http_status(value: &Value<'_>) -> Option<i64> {
    let number = match value {
        Value::Int(number) => *number,
        Value::Str([first @ b'1'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9']) => {
            [first, second, third].into_iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
        }
        _ => return None,
    };
    (100..=599).contains(&number).then_some(number)
}

/// Whether a record's own `status` is meant as Datadog means it: a word for a severity, or that all is well.
pub(super) fn is_status_word(value: &Value<'_>) -> bool {
    let is_good = |word: &[u8]| word.eq_ignore_ascii_case(b"ok") || word.eq_ignore_ascii_case(b"success");
    value.as_str_bytes().is_some_and(|word| Severity::from_word(word).is_some() || is_good(word))
}

/// Rounded as `out_datadog` does.
pub(super) fn milliseconds(time: Timestamp) -> i64 {
    let whole = time.seconds.saturating_mul(1_000);
    whole.saturating_add(i64::from((time.nanoseconds + 500_000) / 1_000_000))
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
