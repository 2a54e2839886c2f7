//! Names and values of properties. Sizes and times are read as [`shiwake_records::units`] says.

use super::per_type::switch;
use shiwake_records::rules::RulesError;
use shiwake_records::units::{parse_size, parse_time, size_in_words};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// A property that a user can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property {
    /// Its name; case does not matter.
    pub name: &'static str,
    /// The value when it is not set, as a user would write it; `None` when there is none.
    pub default: Option<&'static str>,
    /// What it does, and which values it takes.
    pub meaning: &'static str,
}

/// Why an instance cannot start with what it was given. Each says which property, what was found and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No property has this name.
    #[error("unknown property '{found}'{}; known are: {known}", hint(.nearest))]
    Unknown {
        /// The name.
        found: String,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
        /// All known names.
        known: String,
    },
    /// The value is not one of those allowed.
    #[error("property '{name}' has the value '{found}': {allowed}")]
    Value {
        /// The property.
        name: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Something that must be set is not.
    #[error("{0}")]
    Missing(&'static str),
    /// The rules file wants records on disk, and nothing says where.
    #[error(
        "the rules file asks for durability '{durability}' for the type '{log_type}' but 'store_dir' is not set: set it to a \
         folder, or set 'durability' to {log_type}=memory"
    )]
    NoFolder {
        /// The type.
        log_type: String,
        /// How safe its records shall be.
        durability: &'static str,
    },
    /// A property that means nothing without another one.
    #[error("property '{name}' is set, but nothing is sent to Datadog: set '{needs}' too, or take it out")]
    Without {
        /// The property.
        name: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A property that means nothing without another one.
    #[error("property '{name}' means nothing without '{needs}': set '{needs}' too, or take it out")]
    Needs {
        /// The property.
        name: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// The value is not one of those allowed, and is not for everybody's eyes.
    #[error("property '{name}' cannot be used: {allowed}")]
    Secret {
        /// The property.
        name: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// Records of a type that nothing takes.
    #[error("records of the type '{log_type}' go nowhere: let them go to a lake or to Datadog")]
    Nowhere {
        /// The type.
        log_type: String,
    },
    /// Two properties say the same thing differently.
    #[error("properties '{first}' and '{second}' are both set: set one of them")]
    Both {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
}

impl ConfigError {
    /// What is wrong, a line for each thing.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            ConfigError::Rules(error) => error.diagnostics.iter().map(|diagnostic| diagnostic.summary()).collect(),
            other => vec![other.to_string()],
        }
    }
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!(", did you mean '{name}'?")).unwrap_or_default()
}

/// Properties whose values are shown to nobody.
const SECRETS: [&str; 3] = ["apikey", "external_id", "proxy"];

/// Values as the host gives them, by property. Those of secret ones are not printed and end as zeroes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    values: Vec<(&'static str, String)>,
}

impl std::fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |(name, value): &(&'static str, String)| match SECRETS.contains(name) {
            true => (*name, "(hidden)".to_owned()),
            false => (*name, value.clone()),
        };
        formatter.debug_map().entries(self.values.iter().map(shown)).finish()
    }
}

impl Drop for Properties {
    fn drop(&mut self) {
        self.values.iter_mut().filter(|(name, _)| SECRETS.contains(name)).for_each(|(_, value)| value.zeroize());
    }
}

impl Properties {
    /// Sorts out what was set: names are matched without regard to case, an empty value counts as not set.
    ///
    /// # Errors
    /// When a name is unknown.
    pub fn new<N: AsRef<str>, V: Into<String>>(
        known: &[Property],
        set: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConfigError> {
        let mut values = Vec::new();
        for (name, value) in set {
            let name = name.as_ref();
            let Some(property) = known.iter().find(|property| property.name.eq_ignore_ascii_case(name)) else {
                return Err(unknown(known, name));
            };
            let value = Zeroizing::new(value.into());
            if !value.trim().is_empty() {
                values.push((property.name, value.trim().to_owned()));
            }
        }
        Ok(Self { values })
    }

    /// The value, when it was set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// An owned value, when it was set.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A size in bytes within a range.
    ///
    /// # Errors
    /// When the value is no size or outside of the range.
    pub fn size(&self, name: &'static str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        parse_size(value).filter(|bytes| range.contains(bytes)).map(Some).ok_or_else(|| ConfigError::Value {
            name,
            found: value.to_owned(),
            allowed: format!(
                "a size from {} to {} is allowed, as in 64M",
                size_in_words(*range.start()),
                size_in_words(*range.end())
            ),
        })
    }

    /// A time within a range.
    ///
    /// # Errors
    /// When the value is no time or outside of the range.
    pub fn time(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<Duration>,
    ) -> Result<Option<Duration>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        parse_time(value).filter(|time| range.contains(time)).map(Some).ok_or_else(|| ConfigError::Value {
            name,
            found: value.to_owned(),
            allowed: format!("a time from {:?} to {:?} is allowed, as in 90s, 10m or 1h", range.start(), range.end()),
        })
    }

    /// A whole number within a range.
    ///
    /// # Errors
    /// When the value is no number or outside of the range.
    pub fn number(&self, name: &'static str, range: std::ops::RangeInclusive<i32>) -> Result<Option<i32>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.parse().ok().filter(|number| range.contains(number)).map(Some).ok_or_else(|| ConfigError::Value {
            name,
            found: value.to_owned(),
            allowed: format!("a number from {} to {} is allowed", range.start(), range.end()),
        })
    }

    /// A flag.
    ///
    /// # Errors
    /// When the value is neither yes nor no.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        switch(value).map(Some).ok_or_else(|| {
            let allowed = "on or off is allowed".to_owned();
            ConfigError::Value { name, found: value.to_owned(), allowed }
        })
    }
}

fn unknown(known: &[Property], found: &str) -> ConfigError {
    const LIKENESS: f64 = 0.7;
    let lower = found.to_ascii_lowercase();
    let nearest = known
        .iter()
        .map(|property| (strsim::jaro_winkler(property.name, &lower), property.name))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name);
    let names: Vec<&str> = known.iter().map(|property| property.name).collect();
    ConfigError::Unknown { found: found.to_owned(), nearest, known: names.join(", ") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const KNOWN: [Property; 2] = [
        Property { name: "bucket", default: None, meaning: "" },
        Property { name: "total_file_size", default: None, meaning: "" },
    ];

    fn set(name: &str, value: &str) -> Result<Properties, ConfigError> {
        Properties::new(&KNOWN, [(name, value)])
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        let error = set("bukcet", "x").unwrap_err().to_string();
        assert_eq!(error, "unknown property 'bukcet', did you mean 'bucket'?; known are: bucket, total_file_size");
        let error = set("zzz", "x").unwrap_err().to_string();
        assert_eq!(error, "unknown property 'zzz'; known are: bucket, total_file_size");
    }

    #[test]
    fn names_are_known_in_any_case_and_an_empty_value_is_none() {
        assert_eq!(set("Bucket", " logs ").unwrap().get("bucket"), Some("logs"));
        assert_eq!(set("bucket", " ").unwrap().get("bucket"), None);
    }

    #[test]
    fn a_value_out_of_range_says_what_is_allowed() {
        let properties = set("total_file_size", "5").unwrap();
        let error = properties.size("total_file_size", 1_000_000..=5_000_000_000).unwrap_err().to_string();
        assert_eq!(error, "property 'total_file_size' has the value '5': a size from 1M to 5G is allowed, as in 64M");
    }
}
