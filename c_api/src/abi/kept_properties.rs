//! What a user set of `host`, `port`, `tls` and `tls.verify`, which hosts keep for themselves.
//!
//! No function of a host gives them back, and where they lie in an instance differs between versions. So it is found out: a
//! property is set to two values one after the other by the host's own function, what changes in the instance from the one to
//! the other is its place, and what was there before is what the user set; it is put back in the end. This happens while the
//! host starts the instance, on its own thread, before anything uses it. The name of the host lies right behind the port, in a
//! struct that all versions have alike (`flb_net_host`).

use super::host::SetProperty;
use super::memory::{read_name, read_words};
use std::ffi::{CStr, CString, c_void};

/// Words of an instance that are searched; the largest known instance has 968 bytes.
const SEARCHED_WORDS: usize = 1024 / size_of::<u64>();

/// Reads what is set; what is not found out is not among it.
///
/// # Safety
/// `set` is the host's function for `instance`, an output that the host is starting on this thread.
#[must_use]
pub unsafe fn read(set: SetProperty, instance: *mut c_void) -> Vec<(String, String)> {
    let set = |name: &CStr, value: &CStr| {
        // SAFETY: the caller's promise; name and value end in NUL and are copied.
        unsafe { set(instance, name.as_ptr(), value.as_ptr()) };
    };
    let probe = Probe { instance: instance as usize, set: &set };
    let mut found = Vec::new();
    if let Some((place, port)) = probe.find(c"port", [(c"54321", 54321), (c"54322", 54322)]) {
        if let Ok(text) = CString::new(port.to_string()) {
            set(c"port", &text);
        }
        let name = read_words::<1>(probe.instance + place + size_of::<u64>()).and_then(|[name]| read_name(name));
        if let Some(name) = name.and_then(|name| name.into_string().ok()) {
            found.push(("host".to_owned(), name));
            found.extend((port != 0).then(|| ("port".to_owned(), port.to_string())));
        }
    }
    for (name, key) in [(c"tls", "tls"), (c"tls.verify", "tls.verify")] {
        if let Some((_, was)) = probe.find(name, [(c"on", 1), (c"off", 0)]) {
            set(name, if was == 0 { c"off" } else { c"on" });
            found.push((key.to_owned(), if was == 0 { "off".to_owned() } else { "on".to_owned() }));
        }
    }
    // Without a host they say nothing, and cannot be told from what nobody set.
    if found.iter().all(|(name, _)| name != "host") {
        found.clear();
    }
    found
}

struct Probe<'a> {
    instance: usize,
    set: &'a dyn Fn(&CStr, &CStr),
}

impl Probe<'_> {
    /// The place of a property in the instance, in bytes, and the number that was there; it has the second value afterwards.
    fn find(&self, name: &CStr, values: [(&CStr, i32); 2]) -> Option<(usize, i32)> {
        let before = self.numbers();
        let mut candidates: Option<Vec<usize>> = None;
        // Twice, because something beside the instance may change by chance.
        for _ in 0..2 {
            let [first, second] = values.map(|(text, _)| {
                (self.set)(name, text);
                self.numbers()
            });
            let is_it =
                |place: &usize| first.get(*place) == Some(&values[0].1) && second.get(*place) == Some(&values[1].1);
            let known = candidates.take().unwrap_or_else(|| (0..before.len()).collect());
            candidates = Some(known.into_iter().filter(is_it).collect());
        }
        match candidates?.as_slice() {
            [place] => Some((place * size_of::<i32>(), *before.get(*place)?)),
            _ => None,
        }
    }

    /// The instance as numbers of 32 bits, as far as it can be read.
    fn numbers(&self) -> Vec<i32> {
        let word = |at: usize| read_words::<1>(self.instance + at * size_of::<u64>());
        let words = (0..SEARCHED_WORDS).map_while(word);
        words
            .flat_map(|[word]| {
                let bytes = word.to_ne_bytes();
                let (first, second) = bytes.split_at(size_of::<i32>());
                [first, second].map(|half| half.try_into().map_or(0, i32::from_ne_bytes))
            })
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// An instance of which one number is the property, and another changes by chance.
    #[test]
    fn the_place_is_found_and_what_was_there_is_told() {
        let memory = RefCell::new(Box::new([7_i32; 256]));
        memory.borrow_mut()[61] = 8125;
        let address = memory.borrow().as_ptr() as usize;
        let round = RefCell::new(0);
        let set = |_: &CStr, value: &CStr| {
            let value: i32 = value.to_str().unwrap().parse().unwrap();
            *round.borrow_mut() += 1;
            let mut memory = memory.borrow_mut();
            memory[61] = value;
            // Only in the first round.
            memory[200] = if *round.borrow() <= 2 { value } else { 0 };
        };
        let probe = Probe { instance: address, set: &set };
        assert_eq!(probe.find(c"port", [(c"54321", 54321), (c"54322", 54322)]), Some((61 * 4, 8125)));
    }

    #[test]
    fn what_a_host_does_not_keep_is_not_found() {
        let memory = Box::new([7_i32; 256]);
        let probe = Probe { instance: memory.as_ptr() as usize, set: &|_, _| {} };
        assert_eq!(probe.find(c"tls", [(c"on", 1), (c"off", 0)]), None);
        let unreadable = Probe { instance: 8, set: &|_, _| {} };
        assert_eq!(unreadable.find(c"tls", [(c"on", 1), (c"off", 0)]), None);
    }
}
