//! What a user set for an instance.
//!
//! A host answers for one name at a time. To find names that nobody knows, the instance's own list of properties is
//! walked: a circular `mk_list` {prev, next} inside of `flb_kv` {key, value, mk_list}, somewhere in the instance, at a
//! place that differs between versions. No offset is assumed: every place that could be such a list is looked at, with
//! reads that the kernel checks ([`super::memory`]), and one is believed only when the host's own function gives, for
//! every key in it, the very pointer that the list has.

use super::host::GetProperty;
use super::memory::{read_name, read_words};
use shiwake_delivery::config::Property;
use std::collections::HashSet;
use std::ffi::{CStr, CString, c_void};

/// Bytes of an instance that are searched; the largest known instance has 968.
const SEARCHED_BYTES: usize = 1024;
/// Properties of one instance that are read, longer lists are none.
const MAX_PROPERTIES: usize = 512;
/// Where a list's links lie in `flb_kv`, behind key and value.
const LINKS_OFFSET: usize = 2 * size_of::<usize>();

/// Keys that hosts leave in the list and read themselves.
const HOST_KEYS: [&str; 2] = ["active", "condition"];
const HOST_KEY_PREFIX: &str = "_debug.";

/// The properties of an instance: all that are set when the list was found, else those that are known.
#[derive(PartialEq, Eq)]
pub struct SetProperties {
    /// Names and values.
    pub values: Vec<(String, String)>,
    /// Whether unknown names would be among them.
    pub is_complete: bool,
}

impl SetProperties {
    /// Whether something is sent to Datadog.
    pub fn asks_for_datadog(&self) -> bool {
        const NAMES: [&str; 3] = ["apikey", "apikey_file", "datadog"];
        self.values.iter().any(|(name, _)| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// Names only: among the values may be secrets.
impl std::fmt::Debug for SetProperties {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.values.iter().map(|(name, _)| name)).finish()
    }
}

/// Reads the properties of an instance.
///
/// # Safety
/// `get` is the host's function for `instance`.
#[must_use]
pub unsafe fn read(get: GetProperty, instance: *mut c_void, known: &[Property]) -> SetProperties {
    let get = |name: &CStr| {
        // SAFETY: the caller's promise; the name ends in NUL.
        unsafe { get(name.as_ptr(), instance) }
    };
    let value = |name: &CStr| {
        let value = get(name);
        // SAFETY: the host gives null or text that ends in NUL and lives as long as the instance.
        (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned())
    };
    let names = find_names(instance as usize, |name| get(name) as usize);
    let is_complete = names.is_some();
    let names = names.unwrap_or_else(|| known.iter().filter_map(|property| CString::new(property.name).ok()).collect());
    let values = names
        .into_iter()
        .filter_map(|name| Some((name.to_string_lossy().into_owned(), value(&name)?)))
        .filter(|(name, _)| !is_host_key(name))
        .collect();
    SetProperties { values, is_complete }
}

fn is_host_key(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    HOST_KEYS.contains(&lower.as_str()) || lower.starts_with(HOST_KEY_PREFIX)
}

/// The names in the instance's list; `None` when memory cannot be read or no list is believed.
fn find_names(instance: usize, get: impl Fn(&CStr) -> usize) -> Option<Vec<CString>> {
    read_words::<1>(instance)?;
    let lists = (0..SEARCHED_BYTES).step_by(size_of::<usize>());
    lists.filter_map(|offset| walk(instance + offset, &get)).next()
}

/// The names in the list whose head is at `head`, when all of it is as the host's function says.
fn walk(head: usize, get: &impl Fn(&CStr) -> usize) -> Option<Vec<CString>> {
    let [mut previous, mut node] = [head, read_words::<2>(head)?[1]];
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    let mut confirmed = 0;
    while node != head {
        if names.len() >= MAX_PROPERTIES {
            return None;
        }
        let [back, next] = read_words::<2>(node)?;
        if back != previous {
            return None;
        }
        let [key, value] = read_words::<2>(node.checked_sub(LINKS_OFFSET)?)?;
        let name = read_name(key)?;
        // Of a name that is set twice the host gives the first.
        if seen.insert(name.to_bytes().to_ascii_lowercase()) {
            if get(&name) != value {
                return None;
            }
            confirmed += usize::from(value != 0);
            names.push(name);
        }
        [previous, node] = [node, next];
    }
    (confirmed > 0).then_some(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// A list as a host keeps it, inside of something that looks like an instance.
    struct Fake {
        instance: Box<[usize; 128]>,
        entries: Vec<[usize; 4]>,
        _texts: Vec<CString>,
    }

    fn fake(properties: &[(&str, &str)], head: usize) -> Fake {
        let mut instance = Box::new([0x1234_usize; 128]);
        let texts: Vec<CString> =
            properties.iter().flat_map(|(key, value)| [key, value]).map(|text| CString::new(*text).unwrap()).collect();
        let mut entries: Vec<[usize; 4]> =
            texts.chunks(2).map(|pair| [pair[0].as_ptr() as usize, pair[1].as_ptr() as usize, 0, 0]).collect();
        let head_address = &raw const instance[head] as usize;
        let mut ring: Vec<usize> = entries.iter().map(|entry| &raw const entry[2] as usize).collect();
        ring.insert(0, head_address);
        let count = ring.len();
        let links = |at: usize| [ring[(at + count - 1) % count], ring[(at + 1) % count]];
        [instance[head], instance[head + 1]] = links(0);
        for (at, entry) in entries.iter_mut().enumerate() {
            [entry[2], entry[3]] = links(at + 1);
        }
        Fake { instance, entries, _texts: texts }
    }

    impl Fake {
        fn names(&self, get: impl Fn(&CStr) -> usize) -> Option<Vec<String>> {
            let names = find_names(self.instance.as_ptr() as usize, get)?;
            Some(names.into_iter().map(|name| name.into_string().unwrap()).collect())
        }

        fn value_of(&self, name: &CStr) -> usize {
            let is_name = |entry: &&[usize; 4]| read_name(entry[0]).as_deref() == Some(name);
            self.entries.iter().find(is_name).map_or(0, |entry| entry[1])
        }
    }

    #[test]
    fn the_list_is_found_wherever_it_lies_also_with_a_name_set_twice() {
        for head in [0, 11, 44, 100] {
            let fake = fake(&[("lake", "x"), ("bukcet", "y"), ("lake", "z")], head);
            assert_eq!(fake.names(|name| fake.value_of(name)), Some(vec!["lake".into(), "bukcet".into()]), "{head}");
        }
    }

    #[test]
    fn a_list_that_the_host_does_not_confirm_is_not_believed() {
        let fake = fake(&[("lake", "x")], 40);
        assert_eq!(fake.names(|_| 0), None);
        assert_eq!(find_names(8, |_| 0), None);
    }
}
