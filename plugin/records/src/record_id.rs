//! A name for each record, by which it is known when it comes twice.
//!
//! What forwards records with an acknowledgement sends them again when the acknowledgement is lost, and then they are there twice.
//! An id that is given before they are forwarded is the same in both. It is the stream's name, `-`, and the record's number in the
//! stream, from 0 on without a gap: so doubles are ids that are there twice, and what was lost is a number that is not there.
//!
//! Not a hash of the two: that would hide the gaps, and sixteen bytes of chance a record cannot be compressed.
//!
//! Invariants: a sorter gives each number once; a record that has an id, its own or of an earlier sorter, keeps it; a record that a
//! rule throws away takes no number. Pieces of a line that are passed on as they are take none either.

/// The field.
pub const KEY: &str = "record_id";

/// Most digits of a number.
const MAX_DIGITS: usize = 20;

/// The ids of one stream.
#[derive(Debug, Clone)]
pub(crate) struct RecordIds {
    /// The stream's name and the dash, and behind them the digits of the last number.
    text: Vec<u8>,
    /// Bytes of name and dash.
    name_bytes: usize,
    next: u64,
}

impl RecordIds {
    pub(crate) fn new(stream: &str) -> Self {
        let mut text = Vec::with_capacity(stream.len() + 1 + MAX_DIGITS);
        text.extend_from_slice(stream.as_bytes());
        text.push(b'-');
        Self { name_bytes: text.len(), text, next: 0 }
    }

    /// The id that was given last.
    pub(crate) fn last_id(&self) -> Option<String> {
        (self.next > 0).then(|| String::from_utf8_lossy(&self.text).into_owned())
    }

    /// The next id.
    pub(crate) fn next_id(&mut self) -> &[u8] {
        let mut digits = [0_u8; MAX_DIGITS];
        let mut left = self.next;
        let mut first = MAX_DIGITS;
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + u8::try_from(left % 10).unwrap_or_default();
            left /= 10;
            first = place;
            if left == 0 {
                break;
            }
        }
        self.next += 1;
        self.text.truncate(self.name_bytes);
        self.text.extend_from_slice(digits.get(first..).unwrap_or_default());
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_stream_and_numbers_without_a_gap() {
        let mut ids = RecordIds::new("67411c00a1b2");
        assert_eq!(ids.last_id(), None);
        for number in 0..=1_001 {
            assert_eq!(ids.next_id(), format!("67411c00a1b2-{number}").as_bytes());
        }
        assert_eq!(ids.last_id().as_deref(), Some("67411c00a1b2-1001"));
        ids.next = u64::MAX - 1;
        assert_eq!(ids.next_id(), b"67411c00a1b2-18446744073709551614");
    }
}
