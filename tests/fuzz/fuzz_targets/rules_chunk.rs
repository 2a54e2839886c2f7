//! A rules file and behind it a chunk, divided by a zero byte: every record of the chunk is kept or was thrown away by a rule,
//! and what was kept is the same when it is sorted again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::event::Timestamp;
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == 0) else { return };
    let (Ok(text), chunk) = (std::str::from_utf8(&input[..end]), &input[end + 1..]) else { return };
    let Ok(rules) = RuleSet::parse("rules", text) else { return };
    let mut sorter = Sorter::new(SorterConfig { rules: Arc::new(rules), ..SorterConfig::default() });
    sorter.set_tag(b"app-firelens-1");
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    let sorted = sorter.sort_chunk(chunk, Timestamp::default(), &mut once);
    let counted: u64 = sorter.rule_counts().iter().map(|counts| counts.dropped).sum();
    assert_eq!(counted, sorted.dropped);
    if sorted.bad > 0 {
        return;
    }
    let again = sorter.sort_chunk(&once, Timestamp::default(), &mut twice);
    assert_eq!((again.bad, again.dropped, again.records), (0, 0, sorted.records));
    assert_eq!(once, twice);
});
