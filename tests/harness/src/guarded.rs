//! Memory that ends at a page nobody may touch.
//!
//! Whatever a plugin is handed lies flush with the end of its last page, and the page after it is
//! closed: one byte written or read past the end is a SIGSEGV, not a silent corruption. Memory
//! given back is closed too and its addresses are kept for a while, so that a plugin that still
//! holds a pointer crashes as well.
//!
//! A block that is merely dropped stays open for ever: a plugin that was never exited may use it.
//! Only [`GuardedBlock::retire`] closes it.

use std::collections::VecDeque;
use std::io;
use std::mem::size_of;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use libc::{c_int, c_void};

use crate::error::HarnessError;

/// Closed mappings kept before the oldest address may be used again.
const QUARANTINED_MAPPINGS: usize = 512;

static QUARANTINE: Mutex<VecDeque<Mapping>> = Mutex::new(VecDeque::new());

/// Pages of address space owned by the harness.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: *mut u8,
    bytes: usize,
}

// SAFETY: a mapping is plain memory of the process, bound to no thread.
unsafe impl Send for Mapping {}
// SAFETY: as above; its owner decides who writes where.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves `bytes` (whole pages) of closed address space.
    pub(crate) fn closed(bytes: usize) -> Result<Self, HarnessError> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address the kernel picks touches no other memory.
        let base = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(HarnessError::Map { bytes, source: io::Error::last_os_error() });
        }
        Ok(Self { base: base.cast(), bytes })
    }

    /// Sets what may be done with `bytes` at `offset`, both whole pages inside the mapping.
    pub(crate) fn protect(&self, offset: usize, bytes: usize, rights: c_int) -> Result<(), HarnessError> {
        let target = self.at(offset, bytes);
        // SAFETY: `at` checked that the range is inside this mapping, which `self` owns.
        let answer = unsafe { libc::mprotect(target.cast::<c_void>(), bytes, rights) };
        if answer == 0 { Ok(()) } else { Err(HarnessError::Map { bytes, source: io::Error::last_os_error() }) }
    }

    /// The address of `bytes` at `offset`.
    pub(crate) fn at(&self, offset: usize, bytes: usize) -> *mut u8 {
        let inside = offset.checked_add(bytes).is_some_and(|end| end <= self.bytes);
        assert!(inside, "{bytes} bytes at {offset} are outside a mapping of {}", self.bytes);
        self.base.wrapping_add(offset)
    }

    /// Gives the pages back to the system but keeps their addresses closed for a while.
    pub(crate) fn quarantine(self) {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
        let target = self.base.cast::<c_void>();
        // SAFETY: MAP_FIXED replaces exactly the pages this mapping owns, and it is consumed here.
        let replaced = unsafe { libc::mmap(target, self.bytes, libc::PROT_NONE, flags, -1, 0) };
        debug_assert_ne!(replaced, libc::MAP_FAILED);
        let mut kept = QUARANTINE.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(self);
        if kept.len() > QUARANTINED_MAPPINGS
            && let Some(oldest) = kept.pop_front()
        {
            oldest.unmap();
        }
    }

    pub(crate) fn unmap(self) {
        // SAFETY: the mapping is owned by `self`, which ends here; nobody else may use its pages.
        unsafe { libc::munmap(self.base.cast::<c_void>(), self.bytes) };
    }
}

/// Bytes of a page.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: sysconf reads a constant of the system.
    let answer = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(answer).unwrap_or(4096)
}

/// A block of memory flush with a closed page.
#[derive(Debug)]
pub(crate) struct GuardedBlock {
    mapping: Mapping,
    start: usize,
    bytes: usize,
    open_bytes: usize,
}

impl GuardedBlock {
    /// A block of zeroes.
    pub(crate) fn zeroed(bytes: usize) -> Result<Self, HarnessError> {
        let page = page_bytes();
        let open_bytes = bytes.div_ceil(page).max(1) * page;
        let mapping = Mapping::closed(open_bytes + page)?;
        mapping.protect(0, open_bytes, libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(Self { mapping, start: open_bytes - bytes, bytes, open_bytes })
    }

    /// A block whose every byte is `filler`.
    pub(crate) fn filled(bytes: usize, filler: u8) -> Result<Self, HarnessError> {
        let block = Self::zeroed(bytes)?;
        // SAFETY: the block is open for writing and `bytes` long.
        unsafe { block.as_ptr().write_bytes(filler, bytes) };
        Ok(block)
    }

    /// A copy of `bytes`.
    pub(crate) fn copy(bytes: &[u8]) -> Result<Self, HarnessError> {
        let block = Self::zeroed(bytes.len())?;
        block.put_bytes(0, bytes);
        Ok(block)
    }

    /// A copy of `bytes` that can be read but not written.
    pub(crate) fn read_only_copy(bytes: &[u8]) -> Result<Self, HarnessError> {
        let block = Self::copy(bytes)?;
        block.mapping.protect(0, block.open_bytes, libc::PROT_READ)?;
        Ok(block)
    }

    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.at(0, self.bytes)
    }

    /// Whether `address` lies in the block.
    pub(crate) fn contains(&self, address: usize) -> bool {
        let start = self.as_ptr().addr();
        (start..start + self.bytes).contains(&address)
    }

    /// The address of `bytes` at `offset` of the block.
    pub(crate) fn at(&self, offset: usize, bytes: usize) -> *mut u8 {
        let inside = offset.checked_add(bytes).is_some_and(|end| end <= self.bytes);
        assert!(inside, "{bytes} bytes at {offset} are outside a block of {}", self.bytes);
        self.mapping.at(self.start + offset, bytes)
    }

    pub(crate) fn put<T: Copy>(&self, offset: usize, value: T) {
        let target = self.at(offset, size_of::<T>()).cast::<T>();
        // SAFETY: `at` checked the range; the block is open, and an unaligned write needs no more.
        unsafe { target.write_unaligned(value) };
    }

    pub(crate) fn put_bytes(&self, offset: usize, bytes: &[u8]) {
        let target = self.at(offset, bytes.len());
        // SAFETY: `at` checked the range, and a slice of the caller's cannot lie in this block.
        unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// Reads a plain value (integer or raw pointer) that host or plugin left in the block.
    pub(crate) fn get<T: Plain>(&self, offset: usize) -> T {
        let source = self.at(offset, size_of::<T>()).cast::<T>();
        // SAFETY: `at` checked the range, and any bytes are a valid `T: Plain`.
        unsafe { source.read_unaligned() }
    }

    /// Closes the block for whoever still holds its address.
    pub(crate) fn retire(self) {
        self.mapping.quarantine();
    }
}

/// Types of which every bit pattern is a value.
///
/// # Safety
///
/// Only for types that hold any bytes: integers, raw pointers, optional function pointers read
/// from a plugin that is trusted to have put functions there.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: any bytes are an integer.
unsafe impl Plain for c_int {}
// SAFETY: any bytes are an address; nothing is dereferenced by reading it.
unsafe impl<T> Plain for *mut T {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's failure")]

    use super::*;

    #[test]
    fn a_block_ends_where_its_closed_page_begins() {
        for bytes in [0, 8, 40, 4095, 4096, 4097] {
            let block = GuardedBlock::zeroed(bytes).unwrap();
            let end = block.as_ptr() as usize + bytes;
            assert_eq!(end % page_bytes(), 0, "{bytes} bytes");
            block.retire();
        }
    }

    #[test]
    #[should_panic(expected = "outside a block")]
    fn the_harness_itself_cannot_write_past_a_block() {
        GuardedBlock::zeroed(16).unwrap().put(12, 1_u64);
    }
}
