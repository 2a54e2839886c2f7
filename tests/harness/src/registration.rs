//! The first thing host and proxy plugin say to each other: the plugin's definition.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::offset_of;

use crate::abi::Definition;
use crate::dso::Library;
use crate::entry_points::RegisterPoints;
use crate::error::HarnessError;
use crate::guarded::GuardedBlock;
use crate::journal;
use crate::layout::Layout;

/// `proxy` of the only kind of proxy a host knows.
const PROXY_GOLANG: c_int = 11;
/// `type` of an output.
const TYPE_OUTPUT: c_int = 2;
/// What both registering functions answer to refuse.
const REFUSED: c_int = -1;

/// Stands for whatever was in memory a host does not clear.
const POISON: u8 = 0xA5;
/// A pointer or pair of integers made of [`POISON`].
pub(crate) const POISON_WORD: usize = usize::from_ne_bytes([POISON; size_of::<usize>()]);
const POISON_INT: c_int = c_int::from_ne_bytes([POISON; size_of::<c_int>()]);

/// A definition the plugin filled in and the host accepted.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) definition: GuardedBlock,
    pub(crate) name: String,
}

/// Has the plugin register itself.
pub(crate) fn register(layout: Layout, library: &Library) -> Result<Registered, HarnessError> {
    let points = RegisterPoints::of(library)?;
    let mark = journal::mark();
    let refused = |function| HarnessError::RegisterRefused {
        path: library.path().to_owned(),
        function,
        log: journal::since(mark),
    };
    if layout.has_modern_hooks()
        && let Some(pre_register) = points.pre_register
    {
        // SAFETY: the plugin exports the function under its documented name.
        let answer = unsafe { pre_register(0) };
        if answer == REFUSED {
            return Err(refused("FLBPluginPreRegister"));
        }
    }

    let shape = &layout.shape().definition;
    let definition = if shape.uninitialised {
        GuardedBlock::filled(shape.bytes, POISON)?
    } else {
        GuardedBlock::zeroed(shape.bytes)?
    };
    let unset: c_int = 0;
    definition.put(offset_of!(Definition, kind), unset);
    // SAFETY: the definition is of the layout this host has; a write past it is caught.
    let answer = unsafe { (points.register)(definition.as_ptr().cast()) };
    if answer == REFUSED {
        definition.retire();
        return Err(refused("FLBPluginRegister"));
    }
    let name = check(layout, library, &definition)?;
    Ok(Registered { definition, name })
}

fn check(layout: Layout, library: &Library, definition: &GuardedBlock) -> Result<String, HarnessError> {
    let path = library.path();
    let proxy: c_int = definition.get(offset_of!(Definition, proxy));
    if proxy != PROXY_GOLANG {
        return Err(HarnessError::NotGolang { path: path.to_owned(), expected: PROXY_GOLANG, actual: proxy });
    }
    let kind: c_int = definition.get(offset_of!(Definition, kind));
    if kind != TYPE_OUTPUT {
        return Err(HarnessError::NotAnOutput { path: path.to_owned(), expected: TYPE_OUTPUT, actual: kind });
    }
    let name: *mut c_char = definition.get(offset_of!(Definition, name));
    let description: *mut c_char = definition.get(offset_of!(Definition, description));
    if layout.shape().definition.uninitialised {
        let flags: c_int = definition.get(offset_of!(Definition, flags));
        let fields = [
            ("flags", flags == POISON_INT),
            ("name", name.addr() == POISON_WORD),
            ("description", description.addr() == POISON_WORD),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, unset)| *unset) {
            return Err(HarnessError::DefinitionUnset { path: path.to_owned(), field });
        }
    }
    if name.is_null() {
        return Err(HarnessError::NullField { path: path.to_owned(), field: "name" });
    }
    if let Some(offset) = layout.shape().definition.config_map {
        let config_map: *mut c_void = definition.get(offset);
        if !config_map.is_null() {
            return Err(HarnessError::ConfigMap { path: path.to_owned() });
        }
    }
    // SAFETY: the plugin set the name to a C string, as every host relies on.
    let name = unsafe { CStr::from_ptr(name) };
    Ok(name.to_string_lossy().into_owned())
}
