//! What is in a file that was set aside, in words.

use super::source::Origin;
use bytes::Bytes;
use shiwake_delivery::spool::{FormatError, LoadedSegment, SetAside};
use shiwake_records::chunk::{Chunk, Item};

/// What is in a file.
#[derive(Debug)]
pub(crate) enum Content {
    /// A segment, whole or in part.
    Segment(SetAside),
    /// Something else, in which records are looked for.
    Raw(FormatError),
}

impl Content {
    /// Looks at a file.
    pub(crate) fn read(bytes: &Bytes) -> Self {
        match SetAside::read(bytes) {
            Ok(segment) => Content::Segment(segment),
            Err(error) => Content::Raw(error),
        }
    }

    /// Whether every record of the file can be delivered.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Content::Segment(segment) => segment.damaged.is_empty() && missing_records(segment) == 0,
            Content::Raw(_) => false,
        }
    }

    /// Says what is in it, and why it was set aside as far as that can be seen.
    pub(crate) fn describe(&self, origin: Origin, bytes: &Bytes) -> String {
        match self {
            Content::Segment(set_aside) => {
                let LoadedSegment { id, first_record, records, .. } = &set_aside.segment;
                let of = set_aside.sealed_records.map_or(String::new(), |sealed| format!(" of {sealed}"));
                let segment = format!(
                    "{} segment {} of stream {}, {records}{of} records from record {first_record} on",
                    id.lane, id.number, id.stream
                );
                match (set_aside.damaged.first(), origin) {
                    (Some(first), _) => {
                        let bytes: usize = set_aside.damaged.iter().map(ExactSizeIterator::len).sum();
                        let (offset, places) = (first.start, set_aside.damaged.len());
                        format!("{segment}; damaged, first at offset {offset} ({bytes} bytes in {places} places)")
                    }
                    (None, _) if missing_records(set_aside) > 0 => {
                        format!("{segment}; it says that it has others, which are not in it")
                    }
                    (None, Origin::Spool) => format!("{segment}; whole, set aside as the disk did not give it"),
                    (None, Origin::Lake) => {
                        format!(
                            "{segment}; whole, set aside as the process had died of it, or it could not be read then"
                        )
                    }
                }
            }
            Content::Raw(error) => {
                let (mut records, mut damaged) = (0_u64, None);
                for item in Chunk::new(bytes) {
                    match item {
                        Item::Event(_) => records += 1,
                        Item::Bad(bad) => damaged = damaged.or(Some(bad.offset)),
                    }
                }
                let damaged =
                    damaged.map_or("nothing else in it".to_owned(), |at| format!("other bytes from offset {at} on"));
                format!("no segment ({error}); {records} records can be read, {damaged}")
            }
        }
    }
}

/// Records that were in the file when it was sealed and are not found.
fn missing_records(segment: &SetAside) -> u64 {
    segment.sealed_records.map_or(0, |sealed| sealed.saturating_sub(segment.segment.records))
}
