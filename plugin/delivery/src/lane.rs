//! A lane is all that happens to one log type, or to what could not be decoded.
//!
//! Seven lanes are always there; each type that the rules file declares has one more. [`Lanes`] is the table of an
//! instance: everything that is kept a lane each lies in vectors in its order.

use crate::spool::Durability;
use shiwake_records::log_type::LogType;
use std::sync::Arc;
use std::time::Duration;

/// Where a record goes inside of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Records of a log type.
    Typed(LogType),
    /// Bytes that are no record, with the reason.
    Quarantine,
}

/// What stands in sums for all types together that an earlier run had and that nobody declares any more. No type has
/// this name.
pub const UNDECLARED: &str = "undeclared";

impl Lane {
    /// The lanes that are always there, in the order in which they are delivered when time is short: what may not be lost
    /// first.
    pub const BY_WORTH: [Lane; 7] = [
        Lane::Typed(LogType::Audit),
        Lane::Typed(LogType::Error),
        Lane::Typed(LogType::Activity),
        Lane::Typed(LogType::Access),
        Lane::Quarantine,
        Lane::Typed(LogType::App),
        Lane::Typed(LogType::Trace),
    ];

    /// The name for people and for partitions.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Lane::Typed(log_type) => log_type.name(),
            Lane::Quarantine => "quarantine",
        }
    }

    /// The lane of that name: one that is always there, or that of a type which may have this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "quarantine" => Some(Lane::Quarantine),
            name => LogType::from_name(name).map(Lane::Typed),
        }
    }

    /// Whether it is there without a declaration.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        !matches!(self, Lane::Typed(LogType::Own(_)))
    }

    /// How safe records of this lane, or of types like it, are when there is a folder for them and the user says nothing.
    #[must_use]
    pub fn default_durability(self) -> Durability {
        match self {
            Lane::Typed(LogType::Audit) => Durability::Fsync,
            _ => Durability::Flush,
        }
    }

    /// The longest a record of this lane, or of a type like it, waits before its segment is delivered, when the user says
    /// nothing. What somebody waits for when something is wrong comes sooner.
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

/// A lane with the one that is always there and that it is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    lane: Lane,
    like: Lane,
}

/// The lanes of an instance, in the order in which they are delivered when time is short: a declared type comes right
/// behind the built-in one that it is like.
///
/// What is kept a lane each has [`Lanes::slots`] entries: the last is for segments of an earlier run whose type nobody
/// declares any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lanes(Arc<[Place]>);

impl Default for Lanes {
    fn default() -> Self {
        Self::new([])
    }
}

impl Lanes {
    /// The lanes that are always there, and those of declared types, each with the built-in type that it is like.
    #[must_use]
    pub fn new(declared: impl IntoIterator<Item = (LogType, LogType)>) -> Self {
        let mut places: Vec<Place> = Lane::BY_WORTH.map(|lane| Place { lane, like: lane }).to_vec();
        for (log_type, like) in declared {
            let (lane, like) = (Lane::Typed(log_type), Lane::Typed(like));
            if !lane.is_built_in() && places.iter().all(|place| place.lane != lane) {
                let behind =
                    places.iter().rposition(|place| place.like == like).map_or(places.len(), |place| place + 1);
                places.insert(behind, Place { lane, like });
            }
        }
        Self(places.into())
    }

    /// The lanes, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Lane> + '_ {
        self.0.iter().map(|place| place.lane)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Entries of what is kept a lane each: one more than there are lanes.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.0.len() + 1
    }

    /// The entry of a lane; the last one for a lane that is not there.
    #[must_use]
    pub fn index(&self, lane: Lane) -> usize {
        self.0.iter().position(|place| place.lane == lane).unwrap_or(self.0.len())
    }

    /// Whether the lane is there.
    #[must_use]
    pub fn has(&self, lane: Lane) -> bool {
        self.index(lane) < self.count()
    }

    /// The lane that is always there and that this one is like; `None` for a lane that is not there.
    #[must_use]
    pub fn like(&self, lane: Lane) -> Option<Lane> {
        self.0.iter().find(|place| place.lane == lane).map(|place| place.like)
    }

    /// A new entry for each.
    pub fn each<T>(&self, make: impl FnMut() -> T) -> Vec<T> {
        std::iter::repeat_with(make).take(self.slots()).collect()
    }

    /// The names of all entries, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|place| place.lane.name()).chain([UNDECLARED])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_lane_knows_its_place() {
        let lanes = Lanes::default();
        assert_eq!(lanes.iter().collect::<Vec<_>>(), Lane::BY_WORTH);
        for (place, lane) in lanes.iter().enumerate() {
            assert_eq!(lanes.index(lane), place, "{lane}");
            assert_eq!(Lane::from_name(lane.name()), Some(lane));
        }
        assert!(LogType::BUILT_IN.iter().all(|log_type| lanes.has(Lane::Typed(*log_type))));
    }

    #[test]
    fn a_declared_type_stands_behind_the_one_it_is_like_and_no_other_moves() {
        let own = |name| LogType::from_name(name).unwrap();
        let lanes = Lanes::new([
            (own("billing"), LogType::Audit),
            (own("jobs"), LogType::App),
            (own("payments"), LogType::Audit),
            (own("jobs"), LogType::Trace),
            (LogType::Access, LogType::App),
        ]);
        let names: Vec<&str> = lanes.names().collect();
        let expected = [
            "audit",
            "billing",
            "payments",
            "error",
            "activity",
            "access",
            "quarantine",
            "app",
            "jobs",
            "trace",
            "undeclared",
        ];
        assert_eq!(names, expected);
        assert_eq!((lanes.count(), lanes.slots()), (10, 11));
        assert_eq!(lanes.like(Lane::Typed(own("payments"))), Some(Lane::Typed(LogType::Audit)));
        let unknown = Lane::from_name("moods").unwrap();
        assert_eq!((lanes.index(unknown), lanes.has(unknown), lanes.like(unknown)), (10, false, None));
        assert_eq!(Lane::from_name(UNDECLARED), None);
        assert_eq!(Lane::from_name("No Word"), None);
    }
}
