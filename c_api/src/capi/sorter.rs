//! Sorting: the log type of records, what their lines hold, and where they come from.

use super::argument::{self, Property};
use super::buffer::Buffer;
use super::status::{Failure, SHIWAKE_DROPPED, SHIWAKE_INVALID_CONFIG, SHIWAKE_OK, call};
use crate::guard::{Poison, silence_panic_hook};
use crate::output_instance::environment;
use shiwake_delivery::config::filter::{SHARED, sorter_config};
use shiwake_delivery::config::{ConfigError, Properties, rules_file};
use shiwake_records::event::Timestamp;
use shiwake_records::rules::SourceFile;
use shiwake_records::sorter::{Sorter as RecordSorter, SorterConfig};
use shiwake_wasm::text_sorter::{Sorted, TextSorter};
use std::ffi::{c_char, c_int};
use std::sync::{Mutex, PoisonError};

/// A property of the filter that means nothing here: no thread asks for anything.
const NOT_HERE: &str = "ecs_metadata";
/// The name of rules that were given as text, in what is said of them.
const GIVEN: &str = "rules";

/// Sorts records.
pub struct Sorter {
    work: Mutex<Work>,
    poison: Poison,
}

struct Work {
    chunks: RecordSorter,
    texts: TextSorter,
}

impl Sorter {
    fn new(set: Vec<(String, String)>, rules: &str) -> Result<Self, ConfigError> {
        let known: Vec<_> = SHARED.iter().filter(|property| property.name != NOT_HERE).copied().collect();
        let given = (!rules.is_empty()).then(|| ("rules".to_owned(), GIVEN.to_owned()));
        let properties = Properties::new(&known, set.into_iter().chain(given))?;
        let mut load = |name: &str, included: Option<&str>| match (rules.is_empty(), included) {
            (false, None) => Ok(SourceFile::new(GIVEN, rules)),
            _ => rules_file(name, included),
        };
        let config: SorterConfig = sorter_config(&properties, &environment(), &mut load)?;
        let work = Work { texts: TextSorter::new(config.clone()), chunks: RecordSorter::new(config) };
        Ok(Self { work: Mutex::new(work), poison: Poison::default() })
    }

    fn sort_chunk(&self, tag: &str, chunk: &[u8], received: Timestamp, result: &mut Buffer) -> c_int {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.chunks.set_tag(tag.as_bytes());
        result.fill(|bytes| work.chunks.sort_chunk(chunk, received, bytes));
        SHIWAKE_OK
    }

    fn sort_json(&self, tag: &str, text: &[u8], result: &mut Buffer) -> c_int {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let sorted = work.texts.sort(tag.as_bytes(), text);
        result.fill(|bytes| match sorted {
            Sorted::Unchanged => {
                bytes.extend_from_slice(text);
                SHIWAKE_OK
            }
            Sorted::Dropped => SHIWAKE_DROPPED,
            Sorted::Changed(changed) => {
                bytes.extend_from_slice(changed.strip_suffix(b"\0").unwrap_or(changed));
                SHIWAKE_OK
            }
        })
    }
}

/// Makes a sorter from the properties of the filter (`rules`, `dd_service`, `dd_tags`, ...) and from rules as text, or from the
/// built-in rules when both have none.
///
/// `properties` may be null when there are none, `rules` when there is no text; text goes before the property `rules`. The
/// environment's `DD_SERVICE`, `DD_ENV`, `DD_VERSION` and `DD_TAGS` count as they do for the filter.
/// Answers SHIWAKE_OK with the sorter, SHIWAKE_INVALID_ARGUMENT, or SHIWAKE_INVALID_CONFIG with a line for each thing that is wrong.
///
/// # Safety
/// `properties` has `property_count` entries with text; `rules` has `rules_length` bytes of UTF-8; `result` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_sorter_new(
    properties: *const Property,
    property_count: usize,
    rules: *const c_char,
    rules_length: usize,
    result: *mut *mut Sorter,
) -> c_int {
    silence_panic_hook();
    call(&Poison::default(), || {
        // SAFETY: the caller's promise.
        let result = unsafe { argument::at_mut("result", result) }?;
        // SAFETY: the caller's promise.
        let set = unsafe { argument::properties(properties, property_count) }?;
        // SAFETY: the caller's promise.
        let rules = unsafe { argument::bytes("rules", rules.cast(), rules_length) }?;
        let rules = argument::utf8("rules", rules)?;
        let wrong = |error: ConfigError| Failure::new(SHIWAKE_INVALID_CONFIG, error.lines().join("\n"));
        *result = Box::into_raw(Box::new(Sorter::new(set, rules).map_err(wrong)?));
        Ok(SHIWAKE_OK)
    })
}

/// Lets go of a sorter; null is allowed.
///
/// # Safety
/// `sorter` came from `shiwake_sorter_new` and is used by nobody any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_sorter_free(sorter: *mut Sorter) {
    if !sorter.is_null() {
        // SAFETY: the caller's promise.
        let sorter = unsafe { Box::from_raw(sorter) };
        crate::guard::guard((), || drop(sorter));
    }
}

/// Sorts a chunk of MessagePack events as Fluent Bit has them
/// (<https://github.com/fluent/fluent-bit/blob/master/DEVELOPER_GUIDE.md#messagepack>);
/// `result` becomes the chunk with fields appended to its records, which is empty when rules drop all of them.
///
/// Bytes that are no event become a record of the log type `quarantine` that keeps them. `seconds` is the time at which the chunk
/// was received, since 1970 in UTC. Answers SHIWAKE_OK, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
///
/// # Safety
/// `sorter` came from `shiwake_sorter_new`; `tag` is text or null; `chunk` has `chunk_length` bytes; `result` is a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_sort_chunk(
    sorter: *const Sorter,
    tag: *const c_char,
    seconds: u32,
    chunk: *const u8,
    chunk_length: usize,
    result: *mut Buffer,
) -> c_int {
    // SAFETY: the caller's promise.
    let given = unsafe { given(sorter, tag, chunk, chunk_length, result) };
    with_sorter(given, |sorter, tag, chunk, result| {
        sorter.sort_chunk(tag, chunk, Timestamp::from_micros(i64::from(seconds) * 1_000_000), result)
    })
}

/// Sorts a record that is a JSON object; `result` becomes its text as it came, with fields behind its own. Text that is no
/// object comes out as it went in.
///
/// Answers SHIWAKE_OK, SHIWAKE_DROPPED when a rule drops the record, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
///
/// # Safety
/// `sorter` came from `shiwake_sorter_new`; `tag` is text or null; `json` has `json_length` bytes; `result` is a buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_sort_json(
    sorter: *const Sorter,
    tag: *const c_char,
    json: *const c_char,
    json_length: usize,
    result: *mut Buffer,
) -> c_int {
    // SAFETY: the caller's promise.
    let given = unsafe { given(sorter, tag, json.cast(), json_length, result) };
    with_sorter(given, |sorter, tag, json, result| sorter.sort_json(tag, json, result))
}

/// What a call on a sorter is given.
type Given<'a> = (&'a Sorter, &'a str, &'a [u8], &'a mut Buffer);

/// # Safety
/// As the exports say.
unsafe fn given<'a>(
    sorter: *const Sorter,
    tag: *const c_char,
    bytes: *const u8,
    length: usize,
    result: *mut Buffer,
) -> Result<Given<'a>, Failure> {
    // SAFETY: the caller's promise.
    let sorter = unsafe { argument::at("sorter", sorter) }?;
    // SAFETY: the caller's promise.
    let tag = unsafe { argument::text("tag", tag) }?;
    // SAFETY: the caller's promise.
    let bytes = unsafe { argument::bytes("bytes", bytes, length) }?;
    // SAFETY: the caller's promise.
    let result = unsafe { argument::at_mut("result", result) }?;
    Ok((sorter, tag, bytes, result))
}

fn with_sorter(
    given: Result<Given<'_>, Failure>,
    work: impl FnOnce(&Sorter, &str, &[u8], &mut Buffer) -> c_int,
) -> c_int {
    match given {
        Ok((sorter, tag, bytes, result)) => call(&sorter.poison, || Ok(work(sorter, tag, bytes, result))),
        Err(failure) => call(&Poison::default(), || Err(failure)),
    }
}
