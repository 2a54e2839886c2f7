//! Memory for results, which is used again from call to call.

/// Bytes of a result. Begin with all zero, give it to as many calls as you like, and let go of it with `shiwake_buffer_free`.
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    /// The bytes; null when there was no result yet.
    pub data: *mut u8,
    /// How many bytes there are.
    pub length: usize,
    /// How much room there is. Not for you.
    pub capacity: usize,
}

impl Buffer {
    /// Takes the memory out, without what was in it.
    fn take(&mut self) -> Vec<u8> {
        let Self { data, capacity, .. } =
            std::mem::replace(self, Self { data: std::ptr::null_mut(), length: 0, capacity: 0 });
        if data.is_null() {
            return Vec::new();
        }
        // SAFETY: what is not null was put there by `put`, from a `Vec<u8>` of this capacity, and is given back once, as the
        // buffer was emptied above.
        unsafe { Vec::from_raw_parts(data, 0, capacity) }
    }

    fn put(&mut self, bytes: Vec<u8>) {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        *self = Self { data: bytes.as_mut_ptr(), length: bytes.len(), capacity: bytes.capacity() };
    }

    /// Lets `write` write the result.
    pub(super) fn fill<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        // A panic lets go of the memory, and the buffer is empty.
        let mut bytes = self.take();
        let result = write(&mut bytes);
        self.put(bytes);
        result
    }
}

/// Lets go of a buffer's memory and makes it all zero; null is allowed.
///
/// # Safety
/// `buffer` is null or points to a buffer that began with all zero and was written by this library only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_buffer_free(buffer: *mut Buffer) {
    // SAFETY: the caller's promise.
    if let Some(buffer) = unsafe { buffer.as_mut() } {
        drop(buffer.take());
    }
}
