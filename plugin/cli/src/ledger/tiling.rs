//! Finds what is missing and what is there twice among the files of a lake.
//!
//! A segment says how many records of its lane the stream had taken before it, and how many it has. So the segments of a
//! lane lie side by side from 0 on, and a hole between two of them is a gap; so do the parts of a segment. Behind the last
//! segment of a lane nothing says what is missing: the account is good up to there.

use super::account::Names;
use super::findings::{Double, Findings, Gap, LaneEnd, Mismatch, Neighbour, StreamEnd};
use shiwake_records::civil_time::CivilHour;
use std::sync::Arc;

/// A file that is added up, in as few bytes as will do: a lake may have millions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Number of its stream's name.
    pub(crate) stream: u32,
    /// Number of its lane's name.
    pub(crate) lane: u32,
    /// Number of the name of the type under which it lies.
    pub(crate) table: u32,
    pub(crate) segment: u64,
    pub(crate) first_record: u64,
    pub(crate) segment_records: u64,
    pub(crate) part: u32,
    pub(crate) parts: u32,
    pub(crate) records: u64,
    pub(crate) rows: u64,
    pub(crate) hour: Option<CivilHour>,
    /// Its key, when it is not the one that follows from all the others.
    pub(crate) moved_to: Option<Box<str>>,
}

/// What the files of a segment say together.
struct Segment<'a> {
    number: u64,
    lane: u32,
    first_record: u64,
    end: u64,
    hours: Option<(CivilHour, CivilHour)>,
    file: &'a Placed,
}

/// Looks through the files, in order of the names of streams and lanes when the numbers of names are; their order is
/// changed.
pub(crate) fn tile(files: &mut [Placed], names: &Names) -> Findings {
    files.sort_unstable_by(|a, b| {
        (a.stream, a.segment, a.part, &a.moved_to, a.hour).cmp(&(b.stream, b.segment, b.part, &b.moved_to, b.hour))
    });
    let mut tiler = Tiler { names, findings: Findings::default() };
    for stream in files.chunk_by(|a, b| a.stream == b.stream) {
        tiler.stream(stream);
    }
    tiler.findings
}

struct Tiler<'a> {
    names: &'a Names,
    findings: Findings,
}

impl<'a> Tiler<'a> {
    fn stream(&mut self, files: &'a [Placed]) {
        let segments = files.chunk_by(|a, b| a.segment == b.segment);
        let mut segments: Vec<Segment<'a>> = segments.filter_map(|files| self.segment(files)).collect();
        let Some(file) = files.first() else { return };
        let not_seen = holes(segments.iter().map(|segment| segment.number), None);
        segments.sort_unstable_by_key(|segment| (segment.lane, segment.first_record, segment.number));
        let lanes = segments.chunk_by(|a, b| a.lane == b.lane).filter_map(|segments| self.lane(segments)).collect();
        self.findings.streams.push(StreamEnd { stream: self.names.name(file.stream), lanes, not_seen });
    }

    /// Looks at the files of one segment.
    fn segment(&mut self, files: &'a [Placed]) -> Option<Segment<'a>> {
        let file = files.first()?;
        let claims = |file: &Placed| (file.lane, file.first_record, file.segment_records, file.parts);
        for other in files.iter().filter(|other| claims(other) != claims(file)) {
            let keys = [self.key(file), self.key(other)];
            self.findings.mismatches.push(Mismatch::Claims { keys });
        }
        let mut records: u64 = 0;
        for copies in files.chunk_by(|a, b| a.part == b.part) {
            let Some((first, others)) = copies.split_first() else { continue };
            records = records.saturating_add(first.records);
            if !others.is_empty() {
                let (stream, lane) = self.place(file);
                let keys = copies.iter().map(|copy| self.key(copy)).collect();
                let rows = others.iter().fold(0, |rows: u64, copy| rows.saturating_add(copy.rows));
                let (segment, part) = (file.segment, first.part);
                self.findings.doubles.push(Double::Files { stream, lane, segment, part, keys, rows });
            }
        }
        let hours = files.iter().filter_map(|file| file.hour);
        let hours = hours.clone().min().zip(hours.max());
        let parts = files.iter().map(|other| other.part).filter(|part| *part < file.parts);
        let missing = holes(parts.map(u64::from), Some(u64::from(file.parts)));
        let (stream, lane) = self.place(file);
        let (segment, segment_records) = (file.segment, file.segment_records);
        if records > segment_records || (missing.is_empty() && records < segment_records) {
            let (stream, lane) = (stream.clone(), lane.clone());
            self.findings.mismatches.push(Mismatch::Sum { stream, lane, segment, records, segment_records });
        }
        if !missing.is_empty() {
            let (parts, records) = (file.parts, segment_records.saturating_sub(records));
            self.findings.gaps.push(Gap::Parts { stream, lane, segment, missing, parts, records, hours });
        }
        let end = file.first_record.saturating_add(segment_records);
        Some(Segment { number: segment, lane: file.lane, first_record: file.first_record, end, hours, file })
    }

    /// Looks at the segments of one lane, in order of their records.
    fn lane(&mut self, segments: &[Segment<'a>]) -> Option<LaneEnd> {
        // The segment that reaches farthest among those before.
        let mut farthest: Option<&Segment<'a>> = None;
        for segment in segments {
            let reached = farthest.map_or(0, |segment| segment.end);
            let (stream, lane) = self.place(segment.file);
            if segment.first_record > reached {
                let before = farthest
                    .map(|segment| Neighbour { segment: segment.number, hour: segment.hours.map(|(_, last)| last) });
                let after = Neighbour { segment: segment.number, hour: segment.hours.map(|(first, _)| first) };
                let (from, to) = (reached, segment.first_record);
                self.findings.gaps.push(Gap::Records { stream, lane, from, to, before, after });
            } else if let Some(before) = farthest.filter(|_| segment.first_record < reached.min(segment.end)) {
                let (from, to) = (segment.first_record, reached.min(segment.end));
                let segments = [before.number, segment.number];
                let keys = [self.key(before.file), self.key(segment.file)];
                self.findings.doubles.push(Double::Records { stream, lane, from, to, segments, keys });
            }
            if farthest.is_none() || segment.end > reached {
                farthest = Some(segment);
            }
        }
        let records = farthest?.end;
        let last = segments.iter().max_by_key(|segment| segment.number)?;
        Some(LaneEnd { lane: self.place(last.file).1, segment: last.number, records })
    }

    fn place(&self, file: &Placed) -> (Arc<str>, Arc<str>) {
        (self.names.name(file.stream), self.names.name(file.lane))
    }

    fn key(&self, file: &Placed) -> String {
        self.names.key(file)
    }
}

/// The numbers that are missing among those given in order, from 0 up to the end or to the last one: first and last of each
/// hole.
fn holes(present: impl Iterator<Item = u64>, end: Option<u64>) -> Vec<(u64, u64)> {
    let (mut holes, mut next) = (Vec::new(), 0);
    for number in present.chain(end) {
        if number > next {
            holes.push((next, number - 1));
        }
        next = next.max(number.saturating_add(1));
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::holes;

    #[test]
    fn holes_are_before_between_and_behind_numbers() {
        for (name, present, end, expected) in [
            ("nothing wanted", &[][..], Some(0), &[][..]),
            ("nothing there", &[], Some(3), &[(0, 2)]),
            ("no end known", &[0, 2], None, &[(1, 1)]),
            ("all there, one twice", &[0, 1, 1, 2], Some(3), &[]),
            ("everywhere", &[1, 4], Some(9), &[(0, 0), (2, 3), (5, 8)]),
            ("the largest number", &[u64::MAX], None, &[(0, u64::MAX - 1)]),
        ] {
            assert_eq!(holes(present.iter().copied(), end), expected, "{name}");
        }
    }
}
