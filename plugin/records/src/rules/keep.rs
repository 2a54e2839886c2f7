//! Whether a record is kept: what `drop` and `sample` say of it.

use super::evaluate::Evaluation;
use super::value::hash;
use crate::append::FoundValue;
use crate::classify::Fate;
use twox_hash::XxHash3_64;

/// The field that tells which share of its like a record stands for.
pub const SAMPLE_RATE: &str = "sample_rate";

impl Evaluation<'_, '_> {
    /// Whether the record is kept.
    pub(super) fn fate(&mut self, rules: &[usize]) -> Fate {
        let mut rate = 1.0;
        for at in rules {
            let Some(effect) = self.rules.effect(*at) else { continue };
            let Some(rule) = self.rules.compiled.get(*at) else { continue };
            if effect.drop {
                self.state.count(*at, |counts| counts.dropped += 1);
                return Fate::Dropped;
            }
            let (Some((highest, by)), Some(sample)) = (rule.sample, &effect.sample) else { continue };
            let hash = match by {
                None => Some(XxHash3_64::oneshot(self.body.content)),
                // A record without the field is kept: nothing says what it belongs to.
                Some(slot) => self.value(slot).map(|value| hash(&value)),
            };
            if let Some(hash) = hash {
                // Equal values have equal hashes under every rule, so of two samples by one field the smaller is in the other.
                let keeps = |before: &usize| {
                    self.rules.compiled.get(*before)?.sample.filter(|(_, known)| *known == by)?;
                    Some(self.rules.effect(*before)?.sample.as_ref()?.keep)
                };
                let kept_by_others =
                    rules.iter().take_while(|before| *before != at).filter_map(keeps).fold(1.0, f64::min);
                rate *= sample.keep.min(kept_by_others) / kept_by_others;
                if hash > highest {
                    self.state.count(*at, |counts| counts.dropped += 1);
                    return Fate::SampledOut;
                }
            }
        }
        if rate < 1.0 {
            self.found.set(SAMPLE_RATE, FoundValue::Float(rate));
        }
        Fate::Kept
    }
}
