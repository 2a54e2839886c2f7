//! The module that ships, and what a host may do to it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shiwake_wasm_host::{Frees, Host, read_shipped};
use wasmparser::{Operator, Parser, Payload};

/// Most bytes of the module.
const MAX_MODULE_BYTES: usize = 600_000;
/// Most places where it traps. Half of them are in the search for regular expressions, which built-in rules do not use; the rest
/// is where memory could run out, and where a compiler does not see that a bound holds (docs/wasm.md).
const MAX_TRAPS: usize = 300;
/// Most bytes of memory as long as records are below 64 KiB.
const MAX_MEMORY_BYTES: usize = 3 * 1024 * 1024;
const RECORD: &[u8] = br#"{"log":"2026-11-29 10:00:00,000 ERROR cannot reach the database"}"#;
const SORTED: &[u8] =
    br#"{"log":"2026-11-29 10:00:00,000 ERROR cannot reach the database","log_type":"error","severity":"error"}"#;

fn host(frees: Frees) -> Host {
    Host::start(&read_shipped("shiwake.wasm").unwrap(), frees).unwrap()
}

#[test]
fn it_asks_for_nothing_and_exports_what_the_host_needs() {
    let module = read_shipped("shiwake.wasm").unwrap();
    assert!(module.len() <= MAX_MODULE_BYTES, "{} bytes", module.len());
    let mut exported = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        match payload.unwrap() {
            Payload::ImportSection(imports) => assert_eq!(imports.count(), 0, "a host must give it nothing"),
            Payload::ExportSection(exports) => {
                exported.extend(exports.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
            Payload::MemorySection(memories) => {
                let limits: Vec<_> = memories.into_iter().map(|memory| memory.unwrap().maximum).collect();
                assert_eq!(limits, [Some(4_096)], "one memory, which is bounded");
            }
            Payload::CustomSection(custom) => assert_eq!(custom.name(), "", "names are not for the host"),
            _ => {}
        }
    }
    exported.sort();
    assert_eq!(exported, ["filter_shiwake", "free", "malloc", "memory"]);
}

#[test]
fn it_has_no_words_for_a_panic_and_hardly_a_place_for_one() {
    let module = read_shipped("shiwake.wasm").unwrap();
    for words in
        ["unwrap()`", "index out of bounds", "attempt to ", "already borrowed", "library/", "src/", ".rs:", ".rs\0"]
    {
        let found = module.windows(words.len()).position(|bytes| bytes == words.as_bytes());
        assert_eq!(found, None, "{words:?} at this byte");
    }
    let (mut functions, mut traps) = (0, 0);
    for payload in Parser::new(0).parse_all(&module) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        let operators: Vec<_> = body.get_operators_reader().unwrap().into_iter().map(Result::unwrap).collect();
        // A function that is never used is nothing but a trap.
        if operators.len() > 2 {
            functions += 1;
            traps += operators.iter().filter(|operator| matches!(operator, Operator::Unreachable)).count();
        }
    }
    assert!(functions > 100, "{functions} functions");
    assert!(traps <= MAX_TRAPS, "{traps} traps in {functions} functions");
}

#[test]
fn a_host_that_never_frees_needs_no_more_memory_than_one_that_does() {
    let memory_of = |frees: Frees| {
        let mut host = host(frees);
        let mut by_round = Vec::new();
        for _ in 0..6 {
            for bytes in [10, 100, 1_000, 8_200, 65_000] {
                let record = format!(r#"{{"log":"error: {}"}}"#, "x".repeat(bytes));
                for _ in 0..60 {
                    assert!(host.filter(b"app", record.as_bytes()).unwrap().len() > record.len());
                }
            }
            by_round.push(host.memory_bytes());
        }
        by_round
    };
    let freed = memory_of(Frees::AfterTheCall);
    assert_eq!(freed, memory_of(Frees::Never));
    assert_eq!(freed.iter().min(), freed.iter().max(), "it grows: {freed:?}");
    assert!(freed.iter().all(|bytes| *bytes <= MAX_MEMORY_BYTES), "{freed:?}");
}

#[test]
fn records_up_to_a_megabyte_are_sorted_and_larger_ones_pass() {
    let mut host = host(Frees::Never);
    for bytes in [1, 8_191, 8_192, 65_535, 1_000_000, 7_000_000] {
        let record = format!(r#"{{"log":"x {}"}}"#, "y".repeat(bytes));
        let answer = host.filter(b"app", record.as_bytes()).unwrap();
        assert!(answer.starts_with(record.strip_suffix('}').unwrap().as_bytes()) && answer.len() > record.len());
    }
    let record = format!(r#"{{"log":"{}"}}"#, "y".repeat(20_000_000));
    assert!(host.filter(b"app", record.as_bytes()).unwrap() == record.as_bytes());
    assert!(host.memory_bytes() <= 128 * 1024 * 1024, "{}", host.memory_bytes());
    assert_eq!(host.filter(b"app", RECORD).unwrap(), SORTED);
}

#[test]
fn a_record_for_which_there_is_no_memory_is_told_of() {
    let mut host = host(Frees::Never);
    assert_eq!(host.malloc(u32::MAX).unwrap(), 0);
    assert_eq!(host.malloc(100_000_000).unwrap(), 0);
    let answer = String::from_utf8(host.call((0, 0), (0, 100_000_000)).unwrap()).unwrap();
    assert!(answer.contains(r#""severity":"error""#) && answer.contains("too large"), "{answer}");
    assert_eq!(host.filter(b"app", RECORD).unwrap(), SORTED, "the next one is sorted");
}

#[test]
fn on_any_doubt_a_record_comes_out_as_it_went_in() {
    let mut host = host(Frees::AfterTheCall);
    for record in [&b""[..], b"x", b"[1]", b"{\"a\":", b"{\"a\":\"\xff\"", b"{\"a\":\"\x01\"}", b"{\"a\":x}"] {
        assert_eq!(host.filter(b"app", record).unwrap(), record);
    }
    let tag = host.copy(b"app").unwrap();
    let at = host.copy(RECORD).unwrap();
    let length = RECORD.len() as u32;
    for (tag, wrong) in [
        ((tag, 3), length - 1),
        ((tag, 3), length + 1),
        ((tag, 3), 0),
        ((tag, 3), u32::MAX),
        ((0, 3), length),
        ((u32::MAX, 3), length),
        ((tag, u32::MAX), length),
    ] {
        assert_eq!(host.call(tag, (at, wrong)).unwrap(), RECORD, "{tag:?} {wrong}");
    }
    // Invalid UTF-8 within a text is taken as it comes.
    let answer = host.filter(b"app", b"{\"log\":\"a\xffb\"}").unwrap();
    assert_eq!(answer, b"{\"log\":\"a\xffb\",\"log_type\":\"app\"}");
}

#[test]
fn behind_a_call_that_was_cut_off_records_pass_unsorted_and_none_is_lost() {
    let mut host = host(Frees::AfterTheCall);
    assert_eq!(host.filter(b"app", RECORD).unwrap(), SORTED);
    host.trap_in_the_next_call();
    assert!(host.filter(b"app", RECORD).is_err());
    for _ in 0..3 {
        assert_eq!(host.filter(b"app", RECORD).unwrap(), RECORD);
    }
}
