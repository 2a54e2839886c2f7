//! Memory that is filled here and freed by the host.

use std::ffi::c_void;
use std::ptr::NonNull;

/// Bytes from the host's `malloc`. They are freed when the buffer is dropped, unless it was given away.
#[derive(Debug)]
pub(crate) struct HostBuffer {
    memory: NonNull<u8>,
    length: usize,
    capacity: usize,
}

impl HostBuffer {
    /// A buffer with room for that many bytes; `None` when there is no memory to be had.
    pub(crate) fn with_capacity(capacity: usize) -> Option<Self> {
        let capacity = capacity.max(1);
        // SAFETY: malloc has no preconditions.
        let memory = unsafe { libc::malloc(capacity) };
        Some(Self { memory: NonNull::new(memory.cast())?, length: 0, capacity })
    }

    /// Appends bytes, and makes room for them when they are more than was expected. `None` when there is no memory to be had;
    /// the buffer is then as it was.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Option<()> {
        let needed = self.length.checked_add(bytes.len())?;
        if needed > self.capacity {
            // Half as much again, so that many small appends move each byte a bounded number of times.
            let capacity = needed.saturating_add(needed / 2);
            // SAFETY: the memory is malloc's and this buffer's own; when it could not be moved it stays.
            let moved = unsafe { libc::realloc(self.memory.as_ptr().cast(), capacity) };
            self.memory = NonNull::new(moved.cast())?;
            self.capacity = capacity;
        }
        // SAFETY: the length is within the memory, or one past its end.
        let end = unsafe { self.memory.as_ptr().add(self.length) };
        // SAFETY: there is room behind the length, and nobody else knows of this memory.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), end, bytes.len()) };
        self.length = needed;
        Some(())
    }

    /// How many bytes were appended.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The memory, which is the caller's to free with `free` from now on, and its length in bytes.
    pub(crate) fn give_away(self) -> (*mut c_void, usize) {
        let given = (self.memory.as_ptr().cast(), self.length);
        std::mem::forget(self);
        given
    }
}

impl Drop for HostBuffer {
    fn drop(&mut self) {
        // SAFETY: the memory is malloc's, this buffer's own, and not used again.
        unsafe { libc::free(self.memory.as_ptr().cast()) };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_beyond_the_room_is_there_too() {
        for capacity in [0, 1, 100, 1_000_000] {
            let mut buffer = HostBuffer::with_capacity(capacity).unwrap();
            let mut expected = Vec::new();
            for part in (0..100_u8).map(|number| vec![number; usize::from(number) * 37]) {
                buffer.append(&part).unwrap();
                expected.extend_from_slice(&part);
            }
            let (memory, length) = buffer.give_away();
            assert_eq!(length, expected.len());
            // SAFETY: the memory was given away with that length, all of it written.
            let given = unsafe { std::slice::from_raw_parts(memory.cast::<u8>(), length) };
            assert_eq!(given, expected);
            // SAFETY: it is malloc's and ours, and not used again.
            unsafe { libc::free(memory) };
        }
    }

    #[test]
    fn room_that_is_not_to_be_had_is_refused() {
        assert!(HostBuffer::with_capacity(usize::MAX).is_none());
    }
}
