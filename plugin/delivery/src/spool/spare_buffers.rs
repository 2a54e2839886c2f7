//! Memory of blocks that were delivered, for those that come next: pages that are touched for the first time cost as much as
//! sorting the records that are put there.

/// Empty buffers.
#[derive(Debug, Default)]
pub(super) struct SpareBuffers {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl SpareBuffers {
    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The smallest buffer with room for so many bytes.
    pub(super) fn take(&mut self, needed: usize) -> Option<Vec<u8>> {
        let fits = self.buffers.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= needed);
        let (place, _) = fits.min_by_key(|(_, buffer)| buffer.capacity())?;
        let buffer = self.buffers.swap_remove(place);
        self.bytes -= buffer.capacity();
        Some(buffer)
    }

    /// Keeps a buffer.
    pub(super) fn give(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.bytes += buffer.capacity();
        self.buffers.push(buffer);
    }

    /// Gives buffers back to the system until they have no more bytes than that.
    pub(super) fn shrink_to(&mut self, most_bytes: usize) {
        while self.bytes > most_bytes {
            self.bytes -= self.buffers.pop().map_or(self.bytes, |buffer| buffer.capacity());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_buffer_that_fits_is_given_again_and_others_go_when_room_is_needed() {
        let mut spares = SpareBuffers::default();
        for megabytes in [2, 1, 3, 4] {
            spares.give(vec![1; megabytes * 1024 * 1024]);
        }
        assert_eq!(spares.bytes(), 10 * 1024 * 1024);
        spares.shrink_to(10_000_000);
        assert_eq!(spares.bytes(), 6 * 1024 * 1024);
        let taken = spares.take(1_500_000).unwrap();
        assert!(taken.is_empty() && taken.capacity() == 2 * 1024 * 1024);
        assert!(spares.take(3_500_000).is_none());
        drop((spares.take(1).unwrap(), spares.take(1).unwrap()));
        assert_eq!((spares.bytes(), spares.take(0)), (0, None));
    }
}
