//! What a log type is worth: how safe it is, how soon it is written, how long it is kept.

use crate::log_type::LogType;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Ages that a user may set after which records are written.
pub const UPLOAD_TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// Bytes of records that a user may set after which they are written.
pub const TOTAL_FILE_SIZE_RANGE: RangeInclusive<u64> = 100_000..=5_000_000_000;

/// How safe records are before the host is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On the disk: they outlive the machine's power.
    Fsync,
    /// With the system: they outlive the process, but not the machine.
    Flush,
    /// In memory: they end with the process.
    Memory,
}

impl Durability {
    /// All of them, the safest first.
    pub const ALL: [Durability; 3] = [Durability::Fsync, Durability::Flush, Durability::Memory];

    /// The name in properties and in rules files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Durability::Fsync => "fsync",
            Durability::Flush => "flush",
            Durability::Memory => "memory",
        }
    }
}

/// How long objects are kept: a class, by which lifecycle rules of a bucket choose what to delete. Nothing here deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retention {
    number: u16,
    unit: RetentionUnit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum RetentionUnit {
    Day,
    Month,
    Year,
}

impl Retention {
    /// A number of days, months or years, as in `30d`, `3mo`, `5y`: from one day to a hundred years.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit) = text.split_at(at);
        let (unit, most) = match unit {
            "d" => (RetentionUnit::Day, 36_500),
            "mo" => (RetentionUnit::Month, 1_200),
            "y" => (RetentionUnit::Year, 100),
            _ => return None,
        };
        let number = number.parse().ok().filter(|number| (1..=most).contains(number))?;
        Some(Self { number, unit })
    }

    /// The class of a built-in type, and of types like it, when nobody says another. `app` is what nobody has sorted: it is
    /// looked into for as long as errors are.
    #[must_use]
    pub const fn of_type(log_type: LogType) -> Self {
        match log_type {
            LogType::Access | LogType::Activity => Self { number: 1, unit: RetentionUnit::Year },
            LogType::Error | LogType::App | LogType::Own(_) => Self { number: 3, unit: RetentionUnit::Month },
            LogType::Trace => Self { number: 1, unit: RetentionUnit::Month },
            LogType::Audit => Self { number: 5, unit: RetentionUnit::Year },
        }
    }

    /// The class of what could not be decoded: some of it may be what an audit needs.
    pub const QUARANTINE: Self = Self { number: 1, unit: RetentionUnit::Year };

    /// Days at least: a month has 31 and a year 366.
    #[must_use]
    pub fn days(self) -> u32 {
        let number = u32::from(self.number);
        match self.unit {
            RetentionUnit::Day => number,
            RetentionUnit::Month => number * 31,
            RetentionUnit::Year => number * 366,
        }
    }
}

/// As users write it.
impl std::fmt::Display for Retention {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            RetentionUnit::Day => "d",
            RetentionUnit::Month => "mo",
            RetentionUnit::Year => "y",
        };
        write!(formatter, "{}{unit}", self.number)
    }
}

/// Where S3 keeps an object, at which price (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageClass {
    /// What S3 does when nobody says another.
    Standard,
    /// For what is read less than once a month.
    StandardIa,
    /// The same, in one zone.
    OnezoneIa,
    /// S3 moves objects by how often they are read.
    IntelligentTiering,
    /// For what is read once a quarter, at once.
    GlacierIr,
    /// An archive: nothing is read that was not restored, for minutes or hours, before.
    Glacier,
    /// The archive from which restoring takes a day.
    DeepArchive,
}

impl StorageClass {
    /// All of them.
    pub const ALL: [StorageClass; 7] = [
        StorageClass::Standard,
        StorageClass::StandardIa,
        StorageClass::OnezoneIa,
        StorageClass::IntelligentTiering,
        StorageClass::GlacierIr,
        StorageClass::Glacier,
        StorageClass::DeepArchive,
    ];

    /// S3's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StorageClass::Standard => "STANDARD",
            StorageClass::StandardIa => "STANDARD_IA",
            StorageClass::OnezoneIa => "ONEZONE_IA",
            StorageClass::IntelligentTiering => "INTELLIGENT_TIERING",
            StorageClass::GlacierIr => "GLACIER_IR",
            StorageClass::Glacier => "GLACIER",
            StorageClass::DeepArchive => "DEEP_ARCHIVE",
        }
    }
}

/// What a rules file says of a type's worth; what it does not say follows from properties and from the built-in type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// How safe its records are before the host is answered.
    pub durability: Option<Durability>,
    /// The longest a record waits before it is written.
    pub upload_timeout: Option<Duration>,
    /// Bytes of records after which they are written.
    pub total_file_size_bytes: Option<u64>,
    /// How long its objects are kept.
    pub retention: Option<Retention>,
    /// Where S3 keeps its objects.
    pub storage_class: Option<StorageClass>,
    /// Whether its records go to the lake, of an output that has one.
    pub lake: Option<bool>,
    /// Whether its records are sent to Datadog, by an output that sends any.
    pub datadog: Option<bool>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_number_with_its_unit() {
        for (text, days) in [("30d", 30), ("3mo", 93), ("1y", 366), ("100y", 36_600)] {
            let class = Retention::parse(text).unwrap();
            assert_eq!((class.days(), class.to_string().as_str()), (days, text));
        }
        assert_eq!(Retention::parse("007d").unwrap().to_string(), "7d");
        for text in ["", "y", "0d", "1", "1m", "1 y", "101y", "-1y", "1.5y", "99999999d", "1Y"] {
            assert_eq!(Retention::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_type_has_a_class() {
        let classes = LogType::BUILT_IN.map(|log_type| Retention::of_type(log_type).to_string());
        assert_eq!(classes, ["1y", "1y", "3mo", "1mo", "5y", "3mo"]);
    }
}
