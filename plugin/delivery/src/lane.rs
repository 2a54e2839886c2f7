//! A lane is all that happens to one log type, or to what could not be decoded.

use crate::spool::Durability;
use shiwake_records::log_type::LogType;
use std::time::Duration;

/// Where a record goes inside of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Records of a log type.
    Typed(LogType),
    /// Bytes that are no record, with the reason.
    Quarantine,
}

/// Number of lanes.
pub const LANE_COUNT: usize = 7;

impl Lane {
    /// All lanes, in the order in which they are delivered when time is short: what may not be lost first.
    pub const BY_WORTH: [Lane; LANE_COUNT] = [
        Lane::Typed(LogType::Audit),
        Lane::Typed(LogType::Error),
        Lane::Typed(LogType::Activity),
        Lane::Typed(LogType::Access),
        Lane::Quarantine,
        Lane::Typed(LogType::App),
        Lane::Typed(LogType::Trace),
    ];

    /// Its place in [`Lane::BY_WORTH`], for arrays with an entry a lane.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Lane::Typed(LogType::Audit) => 0,
            Lane::Typed(LogType::Error) => 1,
            Lane::Typed(LogType::Activity) => 2,
            Lane::Typed(LogType::Access) => 3,
            Lane::Quarantine => 4,
            Lane::Typed(LogType::App) => 5,
            Lane::Typed(LogType::Trace) => 6,
        }
    }

    /// The name for people and for partitions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Lane::Typed(log_type) => log_type.name(),
            Lane::Quarantine => "quarantine",
        }
    }

    /// The lane of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::BY_WORTH.into_iter().find(|lane| lane.name() == name)
    }

    /// How safe its records are when there is a folder for them and the user says nothing.
    #[must_use]
    pub fn default_durability(self) -> Durability {
        match self {
            Lane::Typed(LogType::Audit) => Durability::Fsync,
            _ => Durability::Flush,
        }
    }

    /// The longest a record waits before its segment is delivered, when the user says nothing. What somebody waits
    /// for when something is wrong comes sooner.
    #[must_use]
    pub fn default_upload_timeout(self) -> Duration {
        match self {
            Lane::Typed(LogType::Audit | LogType::Error) => Duration::from_secs(60),
            _ => Duration::from_secs(300),
        }
    }
}

impl std::fmt::Display for Lane {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_knows_its_place() {
        for (place, lane) in Lane::BY_WORTH.into_iter().enumerate() {
            assert_eq!(lane.index(), place, "{lane}");
            assert_eq!(Lane::from_name(lane.name()), Some(lane));
        }
        assert!(LogType::ALL.iter().all(|log_type| Lane::BY_WORTH.contains(&Lane::Typed(*log_type))));
    }
}
