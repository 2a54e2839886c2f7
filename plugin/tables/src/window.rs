//! Which part of a lake is looked through: the last hours of records' own times, or all of it.

use crate::error::TableError;
use crate::hour::{HOUR_SECONDS, Hour};
use shiwake_records::units::parse_time;

/// Hours ahead of now that are looked at: clocks of machines differ.
const HOURS_AHEAD: i64 = 1;

/// A part of a lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// All of it.
    All,
    /// From the first to the last of these hours.
    Hours(Hour, Hour),
}

impl Window {
    /// Reads `all`, or a time before now, as in `6h`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn parse(since: &str, now_seconds: i64) -> Result<Self, TableError> {
        if since == "all" {
            return Ok(Window::All);
        }
        let fault = || TableError::Since { found: since.to_owned() };
        let back = parse_time(since).and_then(|time| i64::try_from(time.as_secs()).ok()).ok_or_else(fault)?;
        let first = now_seconds.checked_sub(back).and_then(Hour::of_seconds).ok_or_else(fault)?;
        let last = Hour::of_seconds(now_seconds + HOURS_AHEAD * HOUR_SECONDS).ok_or_else(fault)?;
        Ok(Window::Hours(first, last))
    }

    /// The folders of a type to be listed, in order of time.
    pub(crate) fn folders(self, log_type: &str) -> Box<dyn Iterator<Item = String> + Send + '_> {
        let folder = format!("type={log_type}");
        match self {
            Window::All => Box::new(std::iter::once(folder)),
            Window::Hours(first, last) => {
                Box::new((first.0..=last.0).map(move |hour| format!("{folder}/{}", Hour(hour).folder())))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_an_hour_ahead_and_begins_as_far_back_as_is_said() {
        let now = 1_431_857_103; // 2015-05-17T10:05:03Z
        let folders: Vec<String> = Window::parse("1h", now).unwrap().folders("app").collect();
        assert_eq!(folders, ["09", "10", "11"].map(|hour| format!("type=app/dt=2015-05-17/hour={hour}")));
        assert_eq!(Window::parse("2d", now).unwrap().folders("app").count(), 50);
        assert_eq!(Window::parse("all", now).unwrap().folders("app").collect::<Vec<_>>(), ["type=app"]);
        for wrong in ["", "yesterday", "-1h", "6w"] {
            assert!(Window::parse(wrong, now).is_err(), "{wrong}");
        }
    }
}
