//! Values of properties that are for all types, or for one, as in `off error=on audit=on`.

use super::property::{ConfigError, Properties};
use crate::lane::{Lane, Lanes};

/// The words of a switch.
pub(super) fn switch(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// What a property says; `O` is what else than a type may be named.
#[derive(Debug)]
pub(super) struct PerType<T, O> {
    /// What is for all that are not named.
    pub(super) of_all: Option<T>,
    lanes: Vec<(Lane, T)>,
    others: Vec<(O, T)>,
}

impl<T: Copy, O: PartialEq> PerType<T, O> {
    /// Reads a property: words that `find` knows, alone or behind a type's name, or behind what `other` knows.
    ///
    /// # Errors
    /// When a word or a name is not known; what is allowed is said with the types' names behind it.
    pub(super) fn read(
        properties: &Properties,
        name: &'static str,
        allowed: &str,
        lanes: &Lanes,
        find: impl Fn(&str) -> Option<T>,
        other: impl Fn(&str) -> Option<O>,
    ) -> Result<Self, ConfigError> {
        let value = properties.get(name).unwrap_or_default();
        let refuse = || {
            let lanes: Vec<&str> = lanes.names().take(lanes.count()).collect();
            let allowed = format!("{allowed}, or type=one of them for the types {}", lanes.join(", "));
            ConfigError::Value { name, found: value.to_owned(), allowed }
        };
        let mut read = Self { of_all: None, lanes: Vec::new(), others: Vec::new() };
        for part in value.split([' ', ',', '\t']).filter(|part| !part.is_empty()) {
            let Some((whose, word)) = part.split_once('=') else {
                read.of_all = Some(find(part).ok_or_else(refuse)?);
                continue;
            };
            let word = find(word).ok_or_else(refuse)?;
            let lane = Lane::from_name(&whose.to_ascii_lowercase()).filter(|lane| lanes.has(*lane));
            match lane {
                Some(lane) => read.lanes.push((lane, word)),
                None => read.others.push((other(whose).ok_or_else(refuse)?, word)),
            }
        }
        Ok(read)
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = T> {
        let named = self.lanes.iter().map(|(_, value)| value).chain(self.others.iter().map(|(_, value)| value));
        self.of_all.iter().chain(named).copied()
    }

    /// What is said of a lane by name; of several the last.
    pub(super) fn of_lane(&self, lane: Lane) -> Option<T> {
        self.lanes.iter().rev().find(|(known, _)| *known == lane).map(|(_, value)| *value)
    }

    /// What is said of something else by name; of several the last.
    pub(super) fn of_other(&self, other: &O) -> Option<T> {
        self.others.iter().rev().find(|(known, _)| known == other).map(|(_, value)| *value)
    }
}
