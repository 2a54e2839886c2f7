//! What each rule takes, measured.

use shiwake_records::event::Event;
use shiwake_records::msgpack::Reader;
use shiwake_records::rules::{RuleId, RuleSet, RulesError};
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often each rule is measured; the shortest time is the one that nothing else has disturbed.
const ROUNDS: usize = 5;
/// The share of the time without the rule that a rule has to add: less is what two measurements of the same differ by.
const LEAST_SHARE: f64 = 0.02;

/// What a rule takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cost {
    /// The rule's name.
    pub(super) rule: String,
    /// Nanoseconds a line that sorting takes longer with the rule than without any.
    pub(super) nanoseconds: f64,
}

/// Measures each rule alone on the events, the slowest first. Rules that cost nothing that can be measured are left out.
pub(super) fn measure(rules: &Arc<RuleSet>, tag: &str, events: &[Vec<u8>]) -> Result<Vec<Cost>, RulesError> {
    let events: Vec<Event<'_>> = events.iter().filter_map(|event| Event::read(&mut Reader::new(event)).ok()).collect();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    // No rule but the one that takes what is left.
    let mut without = sorter(rules.alone(RuleId::OWN_FIELD)?, tag);
    let mut costs = Vec::new();
    for id in rules.ids().take(rules.rules().len().saturating_sub(1)) {
        let mut with = sorter(rules.alone(id)?, tag);
        // One after the other, so that both see the machine in the same mood.
        let (mut shortest_with, mut shortest_without) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            shortest_without = shortest_without.min(time(&mut without, &events));
            shortest_with = shortest_with.min(time(&mut with, &events));
        }
        let more = shortest_with.saturating_sub(shortest_without);
        if more > shortest_without.mul_f64(LEAST_SHARE) {
            let nanoseconds = more.as_secs_f64() * 1e9 / events.len() as f64;
            costs.push(Cost { rule: rules.name(id).to_owned(), nanoseconds });
        }
    }
    costs.sort_by(|one, other| other.nanoseconds.total_cmp(&one.nanoseconds));
    Ok(costs)
}

fn sorter(rules: RuleSet, tag: &str) -> Sorter {
    let mut sorter = Sorter::new(SorterConfig { rules: Arc::new(rules), ..SorterConfig::default() });
    sorter.set_tag(tag.as_bytes());
    sorter
}

fn time(sorter: &mut Sorter, events: &[Event<'_>]) -> Duration {
    let mut sorted = Vec::new();
    let start = Instant::now();
    for event in events {
        sorted.clear();
        std::hint::black_box(sorter.sort(event, &mut sorted));
    }
    start.elapsed()
}
