//! What the footer of a Parquet file says of its place in the ledger.
//!
//! Only the end of a file is read: [`FIRST_READ_BYTES`] of it, and more when its footer is longer. What a footer says is
//! not believed to be possible before it was looked at, as files may be of anybody's making.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaDataReader};
use shiwake_delivery::store::{Lake, Object, ReadError};

/// Bytes of a file's end that are read at first; most footers are shorter.
const FIRST_READ_BYTES: u64 = 64 * 1024;
/// The longest footer that is read: several are held at a time.
const LONGEST_FOOTER_BYTES: u64 = 64 * 1024 * 1024;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footer {
    /// The type under which it lies.
    pub(crate) table: String,
    /// The lane among whose records its own are counted; another than its type when they were put into quarantine.
    pub(crate) lane: String,
    /// The stream.
    pub(crate) stream: String,
    /// Its segment's number, over all lanes of the stream.
    pub(crate) segment: u64,
    /// Records of the lane that the stream had taken before this segment.
    pub(crate) first_record: u64,
    /// Records of the segment in all its files.
    pub(crate) segment_records: u64,
    /// Its number among the files of the segment, from 0.
    pub(crate) part: u32,
    /// Files of the segment.
    pub(crate) parts: u32,
    /// Records that it says it has.
    pub(crate) records: u64,
    /// Rows that it has.
    pub(crate) rows: u64,
}

/// Why a file is not added up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRead {
    /// Somebody else's file.
    #[error("not of Shiwake: its footer has no shiwake.stream")]
    Foreign,
    /// Of a version that did not say which records are in a file.
    #[error("of an older version: its footer has no {missing}, so nobody can say which records of the stream it has")]
    Older {
        /// What is missing in its footer.
        missing: &'static str,
    },
    /// The store did not give it.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// It is no whole Parquet file.
    #[error("damaged, or no Parquet file: {0}")]
    Parquet(#[from] ParquetError),
    /// Its footer is longer than anybody's.
    #[error("its footer says that it is {needed} bytes long; up to {LONGEST_FOOTER_BYTES} are read")]
    Long {
        /// Bytes that it says.
        needed: u64,
    },
    /// Its footer says what cannot be.
    #[error("its footer says {key} = '{found}', where {expected} is expected")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl NotRead {
    /// One word for programs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            NotRead::Foreign => "foreign",
            NotRead::Older { .. } => "older",
            NotRead::Store(_) | NotRead::Parquet(_) | NotRead::Long { .. } | NotRead::Value { .. } => "unreadable",
        }
    }
}

/// Reads the footer of a file.
pub(crate) async fn read(lake: &Lake, file: &Object) -> Result<Footer, NotRead> {
    let mut end = lake.read_end(file, FIRST_READ_BYTES).await?;
    let parsed = match parse(&end, file.bytes) {
        Err(ParquetError::NeedMoreData(needed)) => {
            let needed = needed as u64;
            if needed > LONGEST_FOOTER_BYTES {
                return Err(NotRead::Long { needed });
            }
            end = lake.read_end(file, needed).await?;
            parse(&end, file.bytes)
        }
        parsed => parsed,
    };
    understand(&parsed?)
}

fn parse(end: &Bytes, file_bytes: u64) -> Result<FileMetaData, ParquetError> {
    let mut reader = ParquetMetaDataReader::new();
    reader.try_parse_sized(end, file_bytes)?;
    Ok(reader.finish()?.file_metadata().clone())
}

fn understand(file: &FileMetaData) -> Result<Footer, NotRead> {
    let pairs = file.key_value_metadata().map_or(&[][..], Vec::as_slice);
    let find = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref());
    let stream = find("shiwake.stream").ok_or(NotRead::Foreign)?;
    let number = |key: &'static str| {
        let found = find(key).ok_or(NotRead::Older { missing: key })?;
        let expected = "a whole number";
        found.parse::<u64>().map_err(|_| NotRead::Value { key, found: found.to_owned(), expected })
    };
    let small = |key: &'static str| {
        let value = number(key)?;
        let expected = "a number below 4294967296";
        u32::try_from(value).map_err(|_| NotRead::Value { key, found: value.to_string(), expected })
    };
    let first_record = number("shiwake.first_record")?;
    let table = find("shiwake.type").ok_or(NotRead::Older { missing: "shiwake.type" })?;
    let (part, parts) = (small("shiwake.part")?, small("shiwake.parts")?);
    if part >= parts {
        let expected = "a number below shiwake.parts";
        return Err(NotRead::Value { key: "shiwake.part", found: part.to_string(), expected });
    }
    let rows = u64::try_from(file.num_rows()).map_err(|_| {
        let (found, expected) = (file.num_rows().to_string(), "at least 0");
        NotRead::Value { key: "num_rows", found, expected }
    })?;
    Ok(Footer {
        lane: find("shiwake.origin_type").unwrap_or(table).to_owned(),
        table: table.to_owned(),
        stream: stream.to_owned(),
        segment: number("shiwake.segment")?,
        first_record,
        segment_records: number("shiwake.segment_records")?,
        part,
        parts,
        records: number("shiwake.records")?,
        rows,
    })
}
