//! How many bytes records have and become: as they were measured for the documents (`measured.toml`), or of a user's own sample.

use super::PlanError;
use super::load::number;
use shiwake_delivery::lane::Lane;
use shiwake_delivery::plan::Sample;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

const FILE: &str = include_str!("measured.toml");
/// Types that were not measured: they are taken to be like these.
const LIKE: [(&str, &str); 2] = [("trace", "activity"), ("quarantine", "app")];

/// What was measured of a type.
#[derive(Debug, Clone)]
struct Measured {
    /// Bytes of a sorted record.
    record_bytes: f64,
    /// Bytes of sorted records, and of the file that they become; rising.
    files: Vec<(f64, f64)>,
}

impl Measured {
    /// Between two that were measured on the line through both; beyond the last one as that is.
    fn file_bytes(&self, sorted_bytes: f64) -> f64 {
        let Some(((first_in, first_out), (last_in, last_out))) =
            self.files.first().copied().zip(self.files.last().copied())
        else {
            return sorted_bytes;
        };
        if sorted_bytes <= first_in {
            return first_out;
        }
        let pair = self.files.windows(2).find_map(|pair| match pair {
            [(from, low), (to, high)] if (*from..*to).contains(&sorted_bytes) => {
                Some(low + (high - low) * (sorted_bytes - from) / (to - from))
            }
            _ => None,
        });
        pair.unwrap_or(last_out * sorted_bytes / last_in)
    }
}

/// What records are like.
#[derive(Debug)]
pub(super) struct Records {
    types: BTreeMap<String, Measured>,
    /// The user's own.
    sample: Option<Sample>,
    /// Bytes as JSON of a byte of sorted records.
    pub(super) json_per_sorted: f64,
    /// Bytes with gzip of a byte of JSON.
    pub(super) gzip_per_json: f64,
    /// The share of a file that a question for two columns reads.
    pub(super) two_columns_share: f64,
    /// What an output sorts and writes in a second of a processor.
    pub(super) sorted_bytes_per_cpu_second: f64,
}

impl Records {
    /// Those of the documents, or of a sample.
    pub(super) fn new(sample: Option<Sample>) -> Result<Self, PlanError> {
        let damaged = || PlanError::Damaged { what: "measured.toml" };
        let file = DeTable::parse(FILE).map_err(|_| damaged())?;
        let file = file.get_ref();
        let of = |name: &str| file.get(name).and_then(|value| number(value.get_ref())).ok_or_else(damaged);
        let point = |value: &DeValue<'_>| match value.as_array()?.iter().as_slice() {
            [from, to] => Some((number(from.get_ref())?, number(to.get_ref())?)),
            _ => None,
        };
        let mut types = BTreeMap::new();
        for (name, of_type) in file.get("type").and_then(|types| types.get_ref().as_table()).ok_or_else(damaged)? {
            let record_bytes = of_type.get_ref().get("record_bytes").and_then(|value| number(value.get_ref()));
            let files = of_type.get_ref().get("files").and_then(|files| files.get_ref().as_array());
            let (record_bytes, files) = record_bytes.zip(files).ok_or_else(damaged)?;
            let files: Option<Vec<_>> = files.iter().map(|pair| point(pair.get_ref())).collect();
            types.insert(name.get_ref().to_string(), Measured { record_bytes, files: files.ok_or_else(damaged)? });
        }
        Ok(Self {
            json_per_sorted: sample
                .as_ref()
                .and_then(Sample::json_per_sorted)
                .map_or_else(|| of("json_bytes_per_sorted_byte"), Ok)?,
            types,
            sample,
            gzip_per_json: of("gzip_per_json_byte")?,
            two_columns_share: of("two_columns_share")?,
            sorted_bytes_per_cpu_second: of("sorted_bytes_per_cpu_second")?,
        })
    }

    fn measured(&self, lane: Lane, like: Lane) -> Option<&Measured> {
        let known = |name: &str| self.types.get(name);
        let as_other = |name: &str| LIKE.iter().find(|(one, _)| *one == name).and_then(|(_, other)| known(other));
        known(lane.name()).or_else(|| known(like.name())).or_else(|| as_other(like.name()))
    }

    /// Bytes of a sorted record of a type that is like another.
    pub(super) fn sorted_record_bytes(&self, lane: Lane, like: Lane) -> f64 {
        let own = self.sample.as_ref().and_then(|sample| sample.record_bytes(lane));
        own.or_else(|| Some(self.measured(lane, like)?.record_bytes)).unwrap_or(1.0)
    }

    /// Bytes of a file of so many bytes of sorted records.
    pub(super) fn file_bytes(&self, lane: Lane, like: Lane, sorted_bytes: f64) -> f64 {
        let own = self.sample.as_ref().and_then(|sample| sample.file_bytes(lane, sorted_bytes));
        own.or_else(|| Some(self.measured(lane, like)?.file_bytes(sorted_bytes))).unwrap_or(sorted_bytes)
    }

    /// Bytes of a file with hardly anything in it: what each file has beside its records.
    pub(super) fn least_file_bytes(&self, lane: Lane, like: Lane) -> f64 {
        self.file_bytes(lane, like, 1.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use shiwake_records::log_type::LogType;

    #[test]
    fn larger_files_have_more_bytes_and_fewer_a_record() {
        let records = Records::new(None).unwrap();
        for lane in Lane::BY_WORTH {
            let (mut last, mut last_share) = (0.0, f64::INFINITY);
            for power in 0..60 {
                let sorted = 100.0 * 1.3_f64.powi(power);
                let file = records.file_bytes(lane, lane, sorted);
                assert!(file >= last && file / sorted <= last_share * 1.02, "{lane}: {sorted} become {file}");
                (last, last_share) = (file, file / sorted);
            }
        }
        let access = Lane::Typed(LogType::Access);
        assert!((records.file_bytes(access, access, 20_374.0) - 13_922.0).abs() < 1.0, "a point that was measured");
    }
}
