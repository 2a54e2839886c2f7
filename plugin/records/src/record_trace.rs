//! The trace that a record is of: where it is named, and in which form it is given to the record.

use crate::append::{FoundFields, FoundValue};
use crate::fields::{FieldIndex, KeySet};
use crate::msgpack::Composite;
use crate::trace_ids::TraceIds;

/// Fields that name the trace a record is of, in the order in which they count. What Datadog's own fields say is in its form.
pub(crate) const TRACE_KEYS: KeySet = KeySet::new(&[
    "trace_id",
    "traceId",
    "trace.id",
    "traceparent",
    "xray_trace_id",
    "x_amzn_trace_id",
    "X-Amzn-Trace-Id",
    "_X_AMZN_TRACE_ID",
]);
const SPAN_KEYS: KeySet = KeySet::new(&["span_id", "dd.span_id", "spanId", "span.id"]);

/// The trace that the line, or a field of the record, names in a form that is known.
pub(crate) fn trace_of(index: &FieldIndex, body: &Composite<'_>, found: &FoundFields<'_>) -> Option<TraceIds> {
    let text = match found.get("trace_id") {
        Some(FoundValue::Text(text)) if !index.contains(b"trace_id") => text,
        _ => index.first_text_of(body, &TRACE_KEYS)?.1,
    };
    TraceIds::parse(text)
}

/// Gives the record its trace in the one form, in place of its own in another; and the span, unless it has one.
pub(crate) fn add_trace<'a>(
    trace: &'a TraceIds,
    index: &FieldIndex,
    body: &Composite<'_>,
    found: &mut FoundFields<'a>,
) {
    let own = index.get(body, b"trace_id");
    let is_as_it_was = own.is_some_and(|own| own.as_str_bytes() == Some(trace.trace_bytes()));
    if !is_as_it_was && !index.contains(b"dd.trace_id") {
        found.set_over_own("trace_id", FoundValue::Text(trace.trace_bytes()));
    }
    if let Some(span) = trace.span_bytes().filter(|_| !index.has_any(&SPAN_KEYS)) {
        found.push_text_if_new("span_id", span);
    }
}
