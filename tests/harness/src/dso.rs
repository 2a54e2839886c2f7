//! Shared objects: opening, looking up, closing.

use std::ffi::{CStr, CString, c_int, c_void};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use crate::error::HarnessError;

/// Asks `dladdr1` for the ELF symbol; from glibc's `dlfcn.h`.
const RTLD_DL_SYMENT: c_int = 1;

/// Who sees the symbols of a library.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Visibility {
    /// Every library loaded later; its own symbols are bound at once.
    Global,
    /// Whoever has the handle; bound when first used, as hosts open plugins.
    Local,
}

/// An open shared object; dropping it does not close it.
#[derive(Debug)]
pub(crate) struct Library {
    handle: *mut c_void,
    path: PathBuf,
}

// SAFETY: the dynamic linker's handles may be used from any thread.
unsafe impl Send for Library {}
// SAFETY: as above; dlsym takes the linker's own lock.
unsafe impl Sync for Library {}

impl Library {
    pub(crate) fn open(path: &Path, visibility: Visibility) -> Result<Self, HarnessError> {
        let flags = match visibility {
            Visibility::Global => libc::RTLD_NOW | libc::RTLD_GLOBAL,
            Visibility::Local => libc::RTLD_LAZY,
        };
        let name = c_path(path)?;
        // SAFETY: the name is a C string. The library's constructors run: whoever asks for a
        // plugin to be loaded asks for that.
        let handle = unsafe { libc::dlopen(name.as_ptr(), flags) };
        if handle.is_null() {
            return Err(HarnessError::Open { path: path.to_owned(), reason: linker_error() });
        }
        Ok(Self { handle, path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn handle(&self) -> *mut c_void {
        self.handle
    }

    pub(crate) fn find(&self, symbol: &CStr) -> Option<*mut c_void> {
        // SAFETY: the handle is open, the symbol a C string.
        let address = unsafe { libc::dlsym(self.handle, symbol.as_ptr()) };
        (!address.is_null()).then_some(address)
    }

    pub(crate) fn require(&self, symbol: &CStr) -> Result<*mut c_void, HarnessError> {
        self.find(symbol).ok_or_else(|| HarnessError::MissingSymbol {
            path: self.path.clone(),
            symbol: symbol.to_string_lossy().into_owned(),
        })
    }

    /// As [`Self::find`], for a function of type `F`.
    ///
    /// # Safety
    ///
    /// If the library has `symbol`, it is a function of type `F`.
    pub(crate) unsafe fn find_function<F: Copy>(&self, symbol: &CStr) -> Option<F> {
        // SAFETY: the caller vouches for the type of the symbol.
        self.find(symbol).map(|address| unsafe { as_function(address) })
    }

    /// As [`Self::require`], for a function of type `F`.
    ///
    /// # Safety
    ///
    /// As for [`Self::find_function`].
    pub(crate) unsafe fn require_function<F: Copy>(&self, symbol: &CStr) -> Result<F, HarnessError> {
        let address = self.require(symbol)?;
        // SAFETY: the caller vouches for the type of the symbol.
        Ok(unsafe { as_function(address) })
    }

    /// Closes the handle. Tells whether the object is still mapped afterwards, because another
    /// handle or a thread's destructors hold it.
    pub(crate) fn close(&self) -> bool {
        // SAFETY: the handle is open; the caller exits the plugin for good.
        unsafe { libc::dlclose(self.handle) };
        is_mapped(&self.path)
    }
}

/// Takes an address for a function.
///
/// # Safety
///
/// `address` is that of a function of type `F`, a function pointer.
pub(crate) unsafe fn as_function<F: Copy>(address: *mut c_void) -> F {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: `F` has the size of an address, and the caller vouches that it is one of an `F`.
    unsafe { mem::transmute_copy(&address) }
}

/// Bytes of the data symbol at `address`, as its ELF symbol says; `None` if it does not say.
pub(crate) fn symbol_bytes(address: *mut c_void) -> Option<usize> {
    let mut info = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    let mut entry: *mut c_void = ptr::null_mut();
    // SAFETY: both results point at locals; RTLD_DL_SYMENT makes the linker store an ELF symbol.
    let found = unsafe { libc::dladdr1(address, &raw mut info, &raw mut entry, RTLD_DL_SYMENT) };
    if found == 0 || entry.is_null() || info.dli_saddr != address {
        return None;
    }
    let entry = entry.cast::<libc::Elf64_Sym>();
    // SAFETY: the linker stored the address of the object's own symbol, which lives as long as it.
    let bytes = unsafe { (*entry).st_size };
    usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

fn is_mapped(path: &Path) -> bool {
    let Ok(name) = c_path(path) else {
        return false;
    };
    // SAFETY: the name is a C string; RTLD_NOLOAD loads nothing.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if handle.is_null() {
        return false;
    }
    // SAFETY: gives back the reference taken just now.
    unsafe { libc::dlclose(handle) };
    true
}

fn c_path(path: &Path) -> Result<CString, HarnessError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|source| HarnessError::ZeroByte { what: "path", source })
}

fn linker_error() -> String {
    // SAFETY: takes no arguments; the text belongs to this thread until its next call.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "no reason given".to_owned();
    }
    // SAFETY: the linker's message is a C string.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
