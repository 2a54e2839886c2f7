//! From when to when the values of a file's column are, from its statistics.
//!
//! Bounds need not be values that are there: each value lies between them
//! (<https://iceberg.apache.org/spec/#manifests>). So statistics that Parquet has cut short are as good, and those of text are
//! cut to [`TEXT_CHARACTERS`], as other writers of Iceberg do. Where a row group does not say, there is no bound.

use iceberg::spec::{Datum, PrimitiveType};
use parquet::file::statistics::Statistics;

/// Characters of text that a bound keeps.
const TEXT_CHARACTERS: usize = 16;

/// What is known of a column after some row groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    /// No value is below it.
    pub(crate) lower: Option<Datum>,
    /// No value is above it.
    pub(crate) upper: Option<Datum>,
    /// A row group had values and did not say which.
    is_unknown: bool,
    /// A row group had a value that no short text is above.
    is_open: bool,
}

impl Bounds {
    /// Takes in a row group of so many values.
    pub(crate) fn add(&mut self, kind: &PrimitiveType, statistics: Option<&Statistics>, values: u64) {
        let is_all_null = statistics.and_then(Statistics::null_count_opt) == Some(values);
        if self.is_unknown || is_all_null {
            return;
        }
        let Some((lower, upper)) = statistics.and_then(|statistics| of_statistics(kind, statistics)) else {
            *self = Self { is_unknown: true, ..Self::default() };
            return;
        };
        self.lower = Some(self.lower.take().filter(|known| *known <= lower).unwrap_or(lower));
        self.is_open |= upper.is_none();
        self.upper = match (self.upper.take(), upper) {
            _ if self.is_open => None,
            (Some(known), Some(upper)) if known >= upper => Some(known),
            (_, upper) => upper,
        };
    }
}

/// The bounds of one row group.
fn of_statistics(kind: &PrimitiveType, statistics: &Statistics) -> Option<(Datum, Option<Datum>)> {
    let both = |lower: Datum, upper: Datum| (!lower.is_nan() && !upper.is_nan()).then_some((lower, Some(upper)));
    match (kind, statistics) {
        (PrimitiveType::Boolean, Statistics::Boolean(found)) => {
            both(Datum::bool(*found.min_opt()?), Datum::bool(*found.max_opt()?))
        }
        (PrimitiveType::Int, Statistics::Int32(found)) => {
            both(Datum::int(*found.min_opt()?), Datum::int(*found.max_opt()?))
        }
        (PrimitiveType::Long, Statistics::Int64(found)) => {
            both(Datum::long(*found.min_opt()?), Datum::long(*found.max_opt()?))
        }
        (PrimitiveType::Timestamptz, Statistics::Int64(found)) => {
            both(Datum::timestamptz_micros(*found.min_opt()?), Datum::timestamptz_micros(*found.max_opt()?))
        }
        (PrimitiveType::Double, Statistics::Double(found)) => {
            both(Datum::double(*found.min_opt()?), Datum::double(*found.max_opt()?))
        }
        // Old writers compared bytes as if they had signs.
        (PrimitiveType::String, Statistics::ByteArray(found)) if !statistics.is_min_max_deprecated() => {
            let lower = std::str::from_utf8(found.min_opt()?.data()).ok()?;
            let upper = std::str::from_utf8(found.max_opt()?.data()).ok()?;
            Some((Datum::string(cut(lower).0), text_above(upper).map(Datum::string)))
        }
        _ => None,
    }
}

/// The beginning of a text, and whether that is not all.
fn cut(text: &str) -> (&str, bool) {
    let end = text.char_indices().nth(TEXT_CHARACTERS).map(|(place, _)| place);
    (end.and_then(|end| text.get(..end)).unwrap_or(text), end.is_some())
}

/// A short text that is not below this one; `None` when there is none.
fn text_above(text: &str) -> Option<String> {
    let (beginning, is_cut) = cut(text);
    let mut above = beginning.to_owned();
    if !is_cut {
        return Some(above);
    }
    while let Some(last) = above.pop() {
        // Behind the last character before the surrogates, which are none, comes the first behind them.
        if let Some(next) = (last..=char::MAX).nth(1) {
            above.push(next);
            return Some(above);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use parquet::data_type::ByteArray;
    use parquet::file::statistics::ValueStatistics;

    fn text(lower: &str, upper: &str, nulls: u64) -> Statistics {
        let value = |text: &str| Some(ByteArray::from(text.as_bytes().to_vec()));
        Statistics::ByteArray(ValueStatistics::new(value(lower), value(upper), None, Some(nulls), false))
    }

    fn shown(bounds: &Bounds) -> (Option<String>, Option<String>) {
        let show = |datum: &Option<Datum>| datum.as_ref().map(Datum::to_human_string);
        (show(&bounds.lower), show(&bounds.upper))
    }

    #[test]
    fn text_is_cut_so_that_it_is_still_a_bound() {
        let z = "z".repeat(20);
        for (upper, above) in [
            ("short", Some("short".to_owned())),
            ("0123456789abcdef", Some("0123456789abcdef".to_owned())),
            ("0123456789abcdefg", Some("0123456789abcdeg".to_owned())),
            ("äöüäöüäöüäöüäöüäöü", Some("äöüäöüäöüäöüäöüå".to_owned())),
            ("012345678901234\u{d7ff}x", Some("012345678901234\u{e000}".to_owned())),
            ("012345678901234\u{10ffff}x", Some("012345678901235".to_owned())),
            (&"\u{10ffff}".repeat(17), None),
            (&z, Some(format!("{}{{", "z".repeat(15)))),
        ] {
            assert_eq!(text_above(upper), above, "{upper}");
            assert!(above.is_none_or(|above| above.as_str() >= upper), "{upper}");
        }
    }

    #[test]
    fn bounds_hold_for_all_row_groups_or_there_are_none() {
        let kind = PrimitiveType::String;
        let mut bounds = Bounds::default();
        bounds.add(&kind, Some(&text("d", "f", 0)), 10);
        bounds.add(&kind, Some(&text("b", "e", 3)), 10);
        let nothing = Statistics::ByteArray(ValueStatistics::<ByteArray>::new(None, None, None, Some(10), false));
        bounds.add(&kind, Some(&nothing), 10);
        assert_eq!(shown(&bounds), (Some("b".to_owned()), Some("f".to_owned())));
        let mut open = bounds.clone();
        open.add(&kind, Some(&text("x", &"\u{10ffff}".repeat(17), 0)), 10);
        open.add(&kind, Some(&text("a", "z", 0)), 10);
        assert_eq!(shown(&open), (Some("a".to_owned()), None), "no short text is above all");
        bounds.add(&kind, None, 10);
        bounds.add(&kind, Some(&text("a", "z", 0)), 10);
        assert_eq!(shown(&bounds), (None, None), "a row group does not say");
    }

    #[test]
    fn numbers_have_bounds_of_their_own_type_and_nan_has_none() {
        let mut bounds = Bounds::default();
        let ints = Statistics::Int32(ValueStatistics::new(Some(-3), Some(7), None, Some(0), false));
        bounds.add(&PrimitiveType::Int, Some(&ints), 2);
        assert_eq!(shown(&bounds), (Some("-3".to_owned()), Some("7".to_owned())));
        let mut bounds = Bounds::default();
        let nan = Statistics::Double(ValueStatistics::new(Some(0.5), Some(f64::NAN), None, Some(0), false));
        bounds.add(&PrimitiveType::Double, Some(&nan), 2);
        assert_eq!(shown(&bounds), (None, None));
    }
}
