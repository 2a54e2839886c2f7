//! The module's memory as the host sees it: the only file, beside the exports, with unsafe code.

use std::alloc::{GlobalAlloc, Layout, System};

/// Bytes of a page of WebAssembly memory.
const PAGE_BYTES: usize = 65_536;

/// Rust's allocator, which leaves zeros in what is given back. The module is shipped as it is when its rules are built
/// (`shiwake wasm`), with its memory: what was used on the way there must not be in it.
struct Cleaning;

// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Cleaning {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of that size, which nobody uses any more.
        unsafe { pointer.write_bytes(0, layout.size()) };
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Cleaning = Cleaning;

/// What comparisons of texts become, in the standard library's code and ours. The compiler brings one that goes over them byte by
/// byte, and this is found before it; an interpreter takes four to five times as long for that.
///
/// # Safety
/// As for C's `memcmp`: so many bytes can be read at both places.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, length: usize) -> i32 {
    // SAFETY: the caller says that the bytes are there, and nothing writes to them meanwhile.
    let one = unsafe { core::slice::from_raw_parts(one, length) };
    // SAFETY: as above.
    let other = unsafe { core::slice::from_raw_parts(other, length) };
    compare(one, other)
}

/// Below, at or above zero, as the first is to the second.
#[inline]
fn compare(one: &[u8], other: &[u8]) -> i32 {
    let ((one_words, one_rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    for (one, other) in one_words.iter().zip(other_words) {
        let (one, other) = (u64::from_be_bytes(*one), u64::from_be_bytes(*other));
        if one != other {
            return if one < other { -1 } else { 1 };
        }
    }
    let different = one_rest.iter().zip(other_rest).find(|(one, other)| one != other);
    different.map_or(0, |(one, other)| i32::from(*one) - i32::from(*other))
}

/// So many bytes at an address of the host's, when the memory has them; they are valid until the host is asked for more.
pub(crate) fn bytes_at<'a>(address: usize, length: usize) -> Option<&'a [u8]> {
    let memory_bytes = core::arch::wasm32::memory_size(0).saturating_mul(PAGE_BYTES);
    let is_there = address != 0 && address.checked_add(length).is_some_and(|end| end <= memory_bytes);
    // SAFETY: the bytes are within the memory, which never gets smaller; only the host writes there, and not while a call is
    // under way, which is as long as the exports keep what they get here.
    is_there.then(|| unsafe { core::slice::from_raw_parts(address as *const u8, length) })
}
