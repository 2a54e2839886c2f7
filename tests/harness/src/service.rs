//! What a host knows of its own `[SERVICE]` section: fields of `flb_config`, listed in the exported
//! table `service_configs`.
//!
//! The table is C (`shim/service.h`); here its fields get the values they have in a host whose
//! configuration sets none of them.

use std::ffi::{CStr, c_char, c_int};

use crate::dso::Library;
use crate::error::HarnessError;
use crate::guarded::GuardedBlock;

/// An entry of the table: `struct flb_service_config`.
#[repr(C)]
#[derive(Debug)]
struct Entry {
    key: *const c_char,
    kind: c_int,
    offset: usize,
}

/// Keys whose fields are not zero by default.
const FLUSH: (&CStr, f64) = (c"Flush", 1.0);
const GRACE: (&CStr, c_int) = (c"Grace", 5);
const NUMBERS: [(&CStr, c_int); 5] =
    [GRACE, (c"storage.metrics", 1), (c"Coro_Stack_Size", 24_576), (c"scheduler.cap", 2_000), (c"scheduler.base", 5)];
const TEXTS: [(&CStr, &CStr); 2] = [(c"HTTP_Listen", c"0.0.0.0"), (c"HTTP_Port", c"2020")];

/// Where in `flb_config` the fields lie, and what their pointers lead to.
#[derive(Debug)]
pub(crate) struct Service {
    grace: Option<usize>,
    _texts: Vec<GuardedBlock>,
}

impl Service {
    /// Sets the fields that the library's table lists; none, if it has no table.
    pub(crate) fn set_up(library: &Library, config: &GuardedBlock) -> Result<Self, HarnessError> {
        let mut texts = Vec::new();
        let mut grace = None;
        for (key, offset) in entries(library) {
            if key == FLUSH.0 {
                config.put(offset, FLUSH.1);
            }
            if key == GRACE.0 {
                grace = Some(offset);
            }
            if let Some((_, number)) = NUMBERS.iter().find(|(known, _)| *known == key) {
                config.put(offset, *number);
            }
            if let Some((_, text)) = TEXTS.iter().find(|(known, _)| *known == key) {
                let block = GuardedBlock::copy(text.to_bytes_with_nul())?;
                config.put(offset, block.as_ptr());
                texts.push(block);
            }
        }
        Ok(Self { grace, _texts: texts })
    }

    /// Where `grace` lies, if the host has a table.
    pub(crate) fn grace(&self) -> Option<usize> {
        self.grace
    }
}

/// Keys and offsets.
fn entries(library: &Library) -> Vec<(&'static CStr, usize)> {
    let mut found = Vec::new();
    let Some(table) = library.find(c"service_configs") else {
        return found;
    };
    let mut entry = table.cast::<Entry>().cast_const();
    loop {
        // SAFETY: the library's table ends with an entry whose key is NULL, and it is never unloaded.
        let Entry { key, offset, .. } = unsafe { entry.read() };
        if key.is_null() {
            return found;
        }
        // SAFETY: keys are string literals of the library.
        found.push((unsafe { CStr::from_ptr(key) }, offset));
        entry = entry.wrapping_add(1);
    }
}
