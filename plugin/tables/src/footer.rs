//! The footer of a file: its end is read, [`FIRST_READ_BYTES`] of it, and more only when the footer is longer.
//!
//! What a footer says may be anything: it is looked at before it is believed.

use crate::set_aside::SetAside;
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use shiwake_delivery::store::{Lake, Object};

/// Bytes of a file's end that are read at first; a row group takes about five kilobytes of a footer.
const FIRST_READ_BYTES: u64 = 32 * 1024;
/// The longest footer that is read: several are held at a time.
const LONGEST_FOOTER_BYTES: u64 = 16 * 1024 * 1024;
/// What the footer says of the type that the file's records are of.
const TYPE_KEY: &str = "shiwake.type";

/// Reads the footer of a file that Shiwake wrote for a type.
pub(crate) async fn read(lake: &Lake, file: &Object, log_type: &str) -> Result<ParquetMetaData, SetAside> {
    let mut end = lake.read_end(file, FIRST_READ_BYTES).await?;
    let parsed = match parse(&end, file.bytes) {
        Err(ParquetError::NeedMoreData(needed)) => {
            let bytes = needed as u64;
            if bytes > LONGEST_FOOTER_BYTES {
                return Err(SetAside::Long { bytes, limit: LONGEST_FOOTER_BYTES });
            }
            end = lake.read_end(file, bytes).await?;
            parse(&end, file.bytes)
        }
        parsed => parsed,
    };
    let metadata = parsed.map_err(SetAside::Damaged)?;
    let pairs = metadata.file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
    let found = pairs.iter().find(|pair| pair.key == TYPE_KEY).and_then(|pair| pair.value.as_deref());
    match found {
        None => Err(SetAside::Foreign),
        Some(found) if found != log_type => {
            Err(SetAside::OtherType { found: found.to_owned(), log_type: log_type.to_owned() })
        }
        Some(_) => Ok(metadata),
    }
}

fn parse(end: &Bytes, file_bytes: u64) -> Result<ParquetMetaData, ParquetError> {
    let mut reader = ParquetMetaDataReader::new();
    reader.try_parse_sized(end, file_bytes)?;
    reader.finish()
}
