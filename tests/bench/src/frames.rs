//! Chunks in a file: each behind its length and its number of records, so that reading them costs no parsing.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// Bytes of a chunk, as Fluent Bit hands them over at most.
const CHUNK_BYTES: usize = 2_000_000;

/// Writes chunks.
pub(crate) struct FrameWriter {
    file: BufWriter<File>,
    /// The chunk that is being made.
    pub(crate) chunk: Vec<u8>,
    records: u32,
    /// Bytes of all chunks so far, without what stands before them.
    pub(crate) bytes: u64,
}

impl FrameWriter {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), chunk: Vec::new(), records: 0, bytes: 0 })
    }

    /// Counts a record that was appended to the chunk, which is written when it is large enough.
    pub(crate) fn count_record(&mut self) -> io::Result<()> {
        self.records += 1;
        if self.chunk.len() >= CHUNK_BYTES { self.write_chunk() } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if self.records > 0 {
            self.write_chunk()?;
        }
        self.file.flush()?;
        Ok(self.bytes)
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.chunk.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&self.records.to_le_bytes())?;
        self.file.write_all(&self.chunk)?;
        self.bytes += u64::from(length);
        self.records = 0;
        self.chunk.clear();
        Ok(())
    }
}

/// Reads them again.
pub(crate) struct FrameReader {
    file: BufReader<File>,
    /// Memory of chunks that nobody needs any more, for the next ones.
    spare: Vec<Vec<u8>>,
}

impl FrameReader {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufReader::new(File::open(path)?), spare: Vec::new() })
    }

    /// Takes the memory of a chunk back.
    pub(crate) fn reuse(&mut self, chunk: Vec<u8>) {
        self.spare.push(chunk);
    }

    /// The next chunk and its number of records.
    pub(crate) fn next(&mut self) -> io::Result<Option<(Vec<u8>, u64)>> {
        let mut head = [0; 8];
        match self.file.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let [a, b, c, d, e, f, g, h] = head;
        let mut chunk = self.spare.pop().unwrap_or_default();
        chunk.clear();
        let length = u32::from_le_bytes([a, b, c, d]);
        chunk.reserve(length as usize);
        if (&mut self.file).take(u64::from(length)).read_to_end(&mut chunk)? != length as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((chunk, u64::from(u32::from_le_bytes([e, f, g, h])))))
    }
}
