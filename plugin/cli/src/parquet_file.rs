//! Parquet files of this machine, ours or anybody's, and how their times are shown.

use crate::error::CommandError;
use parquet::file::reader::SerializedFileReader;
use shiwake_records::civil_time::{CivilHour, civil_hour};
use std::fs::File;
use std::path::Path;

/// Opens a file and reads its footer.
pub(crate) fn open(file: &Path) -> Result<SerializedFileReader<File>, CommandError> {
    let opened = File::open(file).map_err(|source| CommandError::Read { file: file.to_owned(), source })?;
    SerializedFileReader::new(opened).map_err(|source| CommandError::NoParquet { file: file.to_owned(), source })
}

/// Microseconds since 1970 as an RFC 3339 time in UTC.
pub(crate) fn time_text(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    let CivilHour { year, month, day, hour } = civil_hour(seconds);
    let in_hour = seconds.rem_euclid(3_600);
    let (minute, second, fraction) = (in_hour / 60, in_hour % 60, micros.rem_euclid(1_000_000));
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc_to_the_microsecond() {
        assert_eq!(time_text(1_431_857_103_000_250), "2015-05-17T10:05:03.000250Z");
        assert_eq!(time_text(1_431_857_103_000_000), "2015-05-17T10:05:03Z");
        assert_eq!(time_text(-1), "1969-12-31T23:59:59.999999Z");
    }
}
