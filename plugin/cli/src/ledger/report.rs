//! The report of a lake, as text for people and as one JSON object for programs.

use super::account::{Count, Report, Table, Unread};
use super::findings::{Double, Gap, LaneEnd, Mismatch, Neighbour, StreamEnd, show_ranges};
use super::key::show_hour;
use serde_json::{Value, json};
use std::fmt::Display;
use std::io::{self, Write};

/// Streams of which the text tells how far they are known: every start of a host is one.
const STREAMS_SHOWN: usize = 20;

/// Writes the report as text.
pub(crate) fn write_text(report: &Report, lake: &str, out: &mut impl Write) -> io::Result<()> {
    let mut lines = Lines { out };
    lines.line(format_args!("lake {lake}"))?;
    lines.line("")?;
    let width = report.tables.keys().map(String::len).max().unwrap_or(0).max("total".len());
    let row = |name: &str, files: &str, rows: &str, bytes: &str, first: &str, last: &str| {
        format!("{name:<width$} {files:>9} {rows:>14} {bytes:>16}  {first:<16}  {last}").trim_end().to_owned()
    };
    lines.line(row("type", "files", "rows", "bytes", "first hour", "last hour"))?;
    for (name, table) in
        report.tables.iter().map(|(name, table)| (name.as_str(), table)).chain([("total", &report.total)])
    {
        let Table { files, rows, hours } = table;
        let [files, rows, bytes] = [files.objects, *rows, files.bytes].map(|number| number.to_string());
        let (first, last) =
            hours.map_or(("-".to_owned(), "-".to_owned()), |(first, last)| (show_hour(first), show_hour(last)));
        lines.line(row(name, &files, &rows, &bytes, &first, &last))?;
    }
    lines.line("")?;
    if report.raw_records.objects > 0 {
        let Count { objects, bytes } = report.raw_records;
        lines.line(format_args!(
            "raw records under quarantine/segments: {objects} objects, {bytes} bytes; their rows are not counted, and \
             may be what a gap misses"
        ))?;
    }
    if report.others.objects > 0 {
        let Count { objects, bytes } = report.others;
        lines.line(format_args!("other objects, not looked at: {objects}, {bytes} bytes"))?;
    }
    let streams = &report.findings.streams;
    lines.line(format_args!("streams: {}", streams.len()))?;
    for stream in streams.iter().take(STREAMS_SHOWN) {
        lines.stream(stream)?;
    }
    if streams.len() > STREAMS_SHOWN {
        let more = streams.len() - STREAMS_SHOWN;
        lines.line(format_args!("  and {more} more, which --format json names"))?;
    }
    lines.list("gaps", &report.findings.gaps, &format!(", {} records", report.records_missing()))?;
    lines.list("doubles", &report.findings.doubles, &format!(", {} rows too many", report.rows_doubled()))?;
    lines.list("contradictions", &report.findings.mismatches, "")?;
    lines.list("not read", &report.not_read, "")
}

impl Display for Unread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {} ({} bytes)", self.key, self.reason, self.bytes)
    }
}

struct Lines<'a, W> {
    out: &'a mut W,
}

impl<W: Write> Lines<'_, W> {
    /// Writes a line. Keys and names come from the lake, so what could steer a terminal is left out.
    fn line(&mut self, line: impl Display) -> io::Result<()> {
        let line: String = line.to_string().chars().map(|sign| if sign.is_control() { '?' } else { sign }).collect();
        writeln!(self.out, "{line}")
    }

    fn list(&mut self, name: &str, items: &[impl Display], sum: &str) -> io::Result<()> {
        if items.is_empty() {
            return self.line(format_args!("{name}: none"));
        }
        self.line(format_args!("{name}: {}{sum}", items.len()))?;
        items.iter().try_for_each(|item| self.line(format_args!("  {item}")))
    }

    fn stream(&mut self, stream: &StreamEnd) -> io::Result<()> {
        let lanes = stream
            .lanes
            .iter()
            .map(|LaneEnd { lane, segment, records }| format!("{lane} up to segment {segment} ({records} records)"));
        let lanes = lanes.collect::<Vec<_>>().join(", ");
        let not_seen = match stream.not_seen.as_slice() {
            [] => String::new(),
            ranges => format!(
                "; segments that no file has, in a gap, or lost or still to come behind these: {}",
                show_ranges(ranges)
            ),
        };
        self.line(format_args!("  {}: {lanes}{not_seen}", stream.stream))
    }
}

/// The report as one JSON object.
pub(crate) fn to_json(report: &Report, lake: &str) -> Value {
    let types = report.tables.iter().map(|(name, table)| {
        let mut of_type = table_json(table);
        if let Some(object) = of_type.as_object_mut() {
            object.insert("type".to_owned(), json!(name));
        }
        of_type
    });
    let findings = &report.findings;
    let not_read = report
        .not_read
        .iter()
        .map(|Unread { key, bytes, word, reason }| json!({"key": key, "bytes": bytes, "kind": word, "reason": reason}));
    json!({
        "lake": lake,
        "adds_up": report.adds_up(),
        "types": types.collect::<Vec<_>>(),
        "total": table_json(&report.total),
        "raw_records": count_json(report.raw_records),
        "other_objects": count_json(report.others),
        "streams": findings.streams.iter().map(stream_json).collect::<Vec<_>>(),
        "records_missing": report.records_missing(),
        "rows_doubled": report.rows_doubled(),
        "gaps": findings.gaps.iter().map(gap_json).collect::<Vec<_>>(),
        "doubles": findings.doubles.iter().map(double_json).collect::<Vec<_>>(),
        "contradictions": findings.mismatches.iter().map(mismatch_json).collect::<Vec<_>>(),
        "not_read": not_read.collect::<Vec<_>>(),
    })
}

fn count_json(count: Count) -> Value {
    json!({"objects": count.objects, "bytes": count.bytes})
}

fn table_json(Table { files, rows, hours }: &Table) -> Value {
    let hours = hours.map(|(first, last)| (show_hour(first), show_hour(last))).unzip();
    json!({"files": files.objects, "rows": rows, "bytes": files.bytes, "first_hour": hours.0, "last_hour": hours.1})
}

fn stream_json(StreamEnd { stream, lanes, not_seen }: &StreamEnd) -> Value {
    let lanes = lanes.iter().map(
        |LaneEnd { lane, segment, records }| json!({"type": **lane, "up_to_segment": segment, "records": records}),
    );
    json!({"stream": **stream, "types": lanes.collect::<Vec<_>>(), "segments_not_seen": not_seen})
}

fn neighbour_json(Neighbour { segment, hour }: &Neighbour) -> Value {
    json!({"segment": segment, "hour": hour.map(show_hour)})
}

/// Records are counted from 0 within a stream and type; `last` is the last one that is meant.
fn gap_json(gap: &Gap) -> Value {
    let records = gap.records();
    match gap {
        Gap::Records { stream, lane, from, to, before, after } => json!({
            "stream": **stream, "type": **lane, "first": from, "last": to.saturating_sub(1), "records": records,
            "before": before.as_ref().map(neighbour_json), "after": neighbour_json(after),
        }),
        Gap::Parts { stream, lane, segment, missing, parts, records: _, hours } => {
            let hours = hours.map(|(first, last)| (show_hour(first), show_hour(last))).unzip();
            json!({
                "stream": **stream, "type": **lane, "segment": segment, "missing_parts": missing, "parts": parts,
                "records": records, "first_hour": hours.0, "last_hour": hours.1,
            })
        }
    }
}

fn double_json(double: &Double) -> Value {
    let rows = double.rows();
    match double {
        Double::Files { stream, lane, segment, part, keys, rows: _ } => json!({
            "stream": **stream, "type": **lane, "segment": segment, "part": part, "keys": keys, "rows": rows,
        }),
        Double::Records { stream, lane, from, to, segments, keys } => json!({
            "stream": **stream, "type": **lane, "segments": segments, "first": from, "last": to.saturating_sub(1),
            "keys": keys, "rows": rows,
        }),
    }
}

fn mismatch_json(mismatch: &Mismatch) -> Value {
    let reason = mismatch.to_string();
    match mismatch {
        Mismatch::Rows { key, .. } => json!({"keys": [key], "reason": reason}),
        Mismatch::Claims { keys } => json!({"keys": keys, "reason": reason}),
        Mismatch::Sum { stream, lane, segment, .. } => {
            json!({"stream": **stream, "type": **lane, "segment": segment, "reason": reason})
        }
    }
}
