//! Sizes and times as users write them.
//!
//! Sizes are read as Fluent Bit reads them: `k`, `m` and `g`, with or without a `b` behind, are powers of 1000, `KiB`,
//! `MiB` and `GiB` powers of 1024. Times are seconds, or a number with `s`, `m`, `h` or `d`.

use std::time::Duration;

fn split_unit(text: &str) -> Option<(u64, String)> {
    let at = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    Some((number.parse().ok()?, unit.trim().to_ascii_lowercase()))
}

/// Reads a size, as in `64M`, in bytes.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Reads a time, as in `90s`.
#[must_use]
pub fn parse_time(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let factor: u64 = match unit.as_str() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(factor).map(Duration::from_secs)
}

/// A size for people, in whole units.
#[must_use]
pub fn size_in_words(bytes: u64) -> String {
    match bytes {
        1_000_000_000.. => format!("{}G", bytes / 1_000_000_000),
        1_000_000.. => format!("{}M", bytes / 1_000_000),
        1_000.. => format!("{}k", bytes / 1_000),
        _ => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_with_their_units() {
        for (text, bytes) in
            [("10", 10), ("1k", 1_000), ("64M", 64_000_000), ("1GB", 1_000_000_000), ("1 MiB", 1 << 20)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "1T", "-1", "1.5M", "99999999999999999999"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
        for (text, seconds) in [("90", 90), ("10m", 600), ("1h", 3_600), ("2d", 172_800)] {
            assert_eq!(parse_time(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(size_in_words(64_000_000), "64M");
    }
}
