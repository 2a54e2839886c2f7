//! Where the plugin's memory comes from: what is large from the system itself, what is small from the host's `malloc`.
//!
//! Segments, columns and files are made, held for a while and given back, while small things that live longer are made
//! between them. A `malloc` that keeps what is given back, and glibc's does so in an arena a thread, then has several
//! times as much from the system as is in use. A mapping of its own is the system's again at the moment it is given
//! back, in whatever host, and growing one moves pages and copies nothing.
//!
//! What is given back is cleared first: an API key passes through buffers of libraries that clear nothing, and would stay in
//! memory, and in a core, until something else is written there.
//!
//! Nothing that is allocated here is handed to the host to be freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

/// From this size on memory is a mapping of its own. A page is lost at most, an eighth of this.
const LARGE_BYTES: usize = 32 * 1024;
/// Every mapping begins at a multiple of this; pages are no smaller anywhere.
const MAPPING_ALIGN: usize = 4096;

/// The allocator of the shared object.
#[derive(Debug)]
pub struct Allocator;

/// Whether such memory is a mapping of its own. It is found out again from the layout when the memory is given back.
fn is_mapped(layout: Layout) -> bool {
    layout.size() >= LARGE_BYTES && layout.align() <= MAPPING_ALIGN
}

/// Clears memory that is about to be given back.
///
/// # Safety
/// The memory has so many bytes, and nobody reads them any more.
unsafe fn clear(memory: *mut u8, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { memory.write_bytes(0, bytes) };
    // Else the compiler leaves out what nobody reads.
    std::hint::black_box(memory);
}

fn map(bytes: usize) -> *mut u8 {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh anonymous mapping at an address that the kernel picks touches no other memory.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, rights, flags, -1, 0) };
    if address == libc::MAP_FAILED { ptr::null_mut() } else { address.cast() }
}

// SAFETY: memory is a mapping that is nobody else's or the system allocator's, by its layout alone, and goes back to
// where it came from.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_mapped(layout) {
            return map(layout.size());
        }
        // SAFETY: the caller's promise about the layout is the one asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_mapped(layout) {
            // The system gives zeroes.
            return map(layout.size());
        }
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if is_mapped(layout) {
            // SAFETY: the caller gives back what `map` gave for this layout, and uses it no more.
            unsafe { libc::munmap(memory.cast(), layout.size()) };
            return;
        }
        // SAFETY: the memory has that layout, and the caller gives it back.
        unsafe { clear(memory, layout.size()) };
        // SAFETY: by its layout it came from the system allocator; the caller gives it back.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        // SAFETY: the caller vouches that the new size is not zero and can be rounded up to the alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_bytes, layout.align()) };
        match (is_mapped(layout), is_mapped(new_layout)) {
            (true, true) => {
                // SAFETY: the mapping is the caller's, who uses only what is given back here.
                let moved = unsafe { libc::mremap(memory.cast(), layout.size(), new_bytes, libc::MREMAP_MAYMOVE) };
                if moved == libc::MAP_FAILED { ptr::null_mut() } else { moved.cast() }
            }
            // The system allocator would leave the old bytes where they were.
            _ => {
                // SAFETY: the new layout is valid, see above.
                let moved = unsafe { self.alloc(new_layout) };
                if moved.is_null() {
                    return moved;
                }
                // SAFETY: both are as long as their layouts say, and the new one is nobody else's.
                unsafe { ptr::copy_nonoverlapping(memory, moved, layout.size().min(new_bytes)) };
                // SAFETY: the caller gives the old one back, which has that layout.
                unsafe { self.dealloc(memory, layout) };
                moved
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a pattern over memory of a layout.
    fn write(memory: *mut u8, bytes: usize) {
        for offset in 0..bytes {
            // SAFETY: the offset is below the size of the memory, which is the test's.
            unsafe { memory.wrapping_add(offset).write(offset as u8) };
        }
    }

    fn holds(memory: *mut u8, bytes: usize) -> bool {
        // SAFETY: as in `write`; all of it was written.
        (0..bytes).all(|offset| unsafe { memory.wrapping_add(offset).read() } == offset as u8)
    }

    #[test]
    fn memory_keeps_its_bytes_while_it_grows_and_shrinks_over_the_border() {
        let sizes = [100, LARGE_BYTES - 1, LARGE_BYTES, 5 * LARGE_BYTES + 1, 3_000_000, LARGE_BYTES + 1, 50];
        let mut layout = Layout::new::<u8>();
        // SAFETY: the layout is not of size zero.
        let mut memory = unsafe { Allocator.alloc(layout) };
        for bytes in sizes {
            let kept = layout.size().min(bytes);
            write(memory, layout.size());
            // SAFETY: the memory is of that layout, and the new size is not zero.
            memory = unsafe { Allocator.realloc(memory, layout, bytes) };
            layout = Layout::array::<u8>(bytes).unwrap_or(layout);
            assert!(!memory.is_null() && holds(memory, kept), "{bytes} bytes");
        }
        // SAFETY: the memory is of that layout and is not used again.
        unsafe { Allocator.dealloc(memory, layout) };
    }

    #[test]
    fn memory_is_zeroed_and_aligned_as_it_was_asked_for() {
        for (bytes, align) in [(64, 8), (LARGE_BYTES, 64), (LARGE_BYTES, 4096), (LARGE_BYTES, 65_536), (1, 65_536)] {
            let Ok(layout) = Layout::from_size_align(bytes, align) else { continue };
            // SAFETY: the layout is not of size zero.
            let memory = unsafe { Allocator.alloc_zeroed(layout) };
            assert_eq!(memory.addr() % align, 0, "{layout:?}");
            // SAFETY: the offset is inside, and what is zeroed may be read.
            assert!((0..bytes).all(|offset| unsafe { memory.wrapping_add(offset).read() } == 0), "{layout:?}");
            // SAFETY: the memory is of that layout and is not used again.
            unsafe { Allocator.dealloc(memory, layout) };
        }
    }
}
