//! Entries put together to payloads: JSON arrays within the limits of the logs API, 5 MB before compression and 1000 entries
//! (<https://docs.datadoghq.com/api/latest/logs/#send-logs>).
//!
//! Records are taken in the order in which they lie in their segment, and named by their place there, so that it can be
//! noted which of them Datadog has.

use super::compression::Compressor;
use super::entry::{EntryWriter, Written};
use crate::config::datadog::{Compression, EntryOptions};
use crate::lane::Lane;
use crate::spool::LoadedSegment;
use shiwake_records::event::Event;
use shiwake_records::fields::FieldIndex;
use shiwake_records::msgpack::Reader;
use std::io;
use std::ops::Range;

/// Bytes of a payload before compression, with its brackets.
pub const MAX_PAYLOAD_BYTES: usize = 5_000_000;
/// Entries of a payload.
pub const MAX_PAYLOAD_ENTRIES: u64 = 1_000;
/// Memory for a payload that is kept from one to the next.
const KEPT_BYTES: usize = 1_500_000;

/// A payload, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The records in it, by their place in the segment.
    pub records: Range<u64>,
    /// Its bytes, compressed.
    pub body: Vec<u8>,
    /// Its bytes before that.
    pub json_bytes: u64,
    /// Places of those whose entry was cut.
    pub cut: Vec<u64>,
}

/// Why a payload could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// What is in the segment is not what was put there.
    #[error("segment is damaged: no event at offset {offset} of block {block}")]
    Damaged {
        /// Number of the block in its segment.
        block: usize,
        /// Offset in the block.
        offset: usize,
    },
    /// The library failed.
    #[error("payload could not be compressed: {0}")]
    Compression(#[from] io::Error),
}

/// Where the next record of a segment is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    block: usize,
    offset: usize,
    /// Its place in the segment.
    pub record: u64,
}

/// Makes payloads of segments.
#[derive(Debug)]
pub struct PayloadWriter {
    entries: EntryWriter,
    index: FieldIndex,
    compressor: Compressor,
    text: Vec<u8>,
}

impl PayloadWriter {
    /// A writer.
    ///
    /// # Errors
    /// When there is no memory for its compression.
    pub fn new(options: EntryOptions, compression: Compression) -> io::Result<Self> {
        Ok(Self {
            entries: EntryWriter::new(options),
            index: FieldIndex::default(),
            compressor: Compressor::new(compression)?,
            text: Vec::new(),
        })
    }

    /// The payload that begins at a position with what `is_done` does not have, and the position behind it; `None` at the end of
    /// the segment.
    ///
    /// # Errors
    /// When the segment is damaged, or the compression fails.
    pub fn next(
        &mut self,
        segment: &LoadedSegment,
        position: &mut Position,
        is_done: impl Fn(u64) -> bool,
    ) -> Result<Option<Payload>, PayloadError> {
        let log_type = match segment.id.lane {
            Lane::Typed(log_type) => Some(log_type),
            Lane::Quarantine => None,
        };
        self.text.clear();
        self.text.push(b'[');
        let mut cut = Vec::new();
        let mut first = None;
        while let Some((event, tag, next)) = event_at(segment, *position, &mut self.index)? {
            if is_done(position.record) {
                // A payload's records lie side by side.
                if first.is_some() {
                    break;
                }
                *position = next;
                continue;
            }
            let place = position.record;
            let start = *first.get_or_insert(place);
            let before = self.text.len();
            if place > start {
                self.text.push(b',');
            }
            let damaged = |_| PayloadError::Damaged { block: position.block, offset: position.offset };
            let written = self.entries.write(&mut self.text, &event, &self.index, log_type, tag).map_err(damaged)?;
            // The closing bracket needs a byte.
            if self.text.len() >= MAX_PAYLOAD_BYTES {
                self.text.truncate(before);
                break;
            }
            cut.extend((written == Written::Cut).then_some(place));
            *position = next;
            if place + 1 - start >= MAX_PAYLOAD_ENTRIES {
                break;
            }
        }
        let Some(start) = first else { return Ok(None) };
        self.text.push(b']');
        let end = position.record;
        let body = self.compressor.compress(&self.text)?;
        let json_bytes = self.text.len() as u64;
        self.text.shrink_to(KEPT_BYTES);
        Ok(Some(Payload { records: start..end, body, json_bytes, cut }))
    }

    /// Writes the entries of some records one a line, each whole unless it is longer than an entry may be.
    ///
    /// # Errors
    /// When the segment is damaged.
    pub fn lines(
        &mut self,
        segment: &LoadedSegment,
        is_wanted: impl Fn(u64) -> bool,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), PayloadError> {
        let log_type = match segment.id.lane {
            Lane::Typed(log_type) => Some(log_type),
            Lane::Quarantine => None,
        };
        let mut position = Position::default();
        while let Some((event, tag, next)) = event_at(segment, position, &mut self.index)? {
            if is_wanted(position.record) {
                self.text.clear();
                let damaged = |_| PayloadError::Damaged { block: position.block, offset: position.offset };
                self.entries.write_uncut(&mut self.text, &event, log_type, tag).map_err(damaged)?;
                each(&self.text);
            }
            position = next;
        }
        self.text.shrink_to(KEPT_BYTES);
        Ok(())
    }
}

type Found<'a> = (Event<'a>, &'a str, Position);

/// The event at a position, whose keys are in the index then.
fn event_at<'a>(
    segment: &'a LoadedSegment,
    mut position: Position,
    index: &mut FieldIndex,
) -> Result<Option<Found<'a>>, PayloadError> {
    loop {
        let Some(block) = segment.blocks.get(position.block) else { return Ok(None) };
        if position.offset >= block.events.len() {
            position = Position { block: position.block + 1, offset: 0, ..position };
            continue;
        }
        let mut reader = Reader::at(&block.events, position.offset);
        let Ok(event) = Event::read_indexed(&mut reader, index) else {
            return Err(PayloadError::Damaged { block: position.block, offset: position.offset });
        };
        let next = Position { offset: reader.position(), record: position.record + 1, ..position };
        return Ok(Some((event, &block.tag, next)));
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
