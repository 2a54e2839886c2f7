//! What happened, in numbers.

use serde_json::json;

/// Counts of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) records_in: usize,
    pub(crate) chunks: usize,
    /// Records after the filter, or all of them without one.
    pub(crate) filter_records_out: usize,
    pub(crate) flush_ok: usize,
    /// Answers, not chunks: one chunk may be retried often.
    pub(crate) flush_retry: usize,
    /// Chunks that were refused or given up.
    pub(crate) flush_error: usize,
    /// Microseconds from before the plugins were loaded until the output took the first chunk; when that was asked for.
    pub(crate) first_accepted_micros: Option<u64>,
}

impl Summary {
    pub(crate) fn is_clean(&self) -> bool {
        self.flush_error == 0
    }

    pub(crate) fn to_json(self) -> serde_json::Value {
        let mut counts = json!({
            "records_in": self.records_in,
            "chunks": self.chunks,
            "filter_records_out": self.filter_records_out,
            "flush_ok": self.flush_ok,
            "flush_retry": self.flush_retry,
            "flush_error": self.flush_error,
        });
        if let (Some(micros), Some(counts)) = (self.first_accepted_micros, counts.as_object_mut()) {
            counts.insert("first_accepted_micros".to_owned(), json!(micros));
        }
        counts
    }
}
