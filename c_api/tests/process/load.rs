//! Records without end: of every type, narrow and very wide, with values that repeat and values that cannot be compressed.

use fastrand::Rng;

/// Bytes of a usual chunk at most; hosts cut them at about two million.
const CHUNK_BYTES: usize = 400_000;
/// One chunk in so many is of [`LARGE_CHUNK_BYTES`].
const LARGE_CHUNKS: u32 = 12;
const LARGE_CHUNK_BYTES: std::ops::Range<usize> = 1_000_000..2_000_000;
/// No record is longer.
const RECORD_BYTES: usize = 400_000;
/// The records are of the hours from here.
const BEGIN: u32 = 1_700_000_000;
const HOURS: u32 = 3;

/// Fields that have a column in one or more types.
const FIELDS: [&str; 28] = [
    "service",
    "env",
    "hostname",
    "container_id",
    "container_name",
    "task_arn",
    "trace_id",
    "span_id",
    "remote_addr",
    "path",
    "query",
    "user_agent",
    "request_id",
    "referer",
    "user_id",
    "error_message",
    "error_stack",
    "logger",
    "thread",
    "actor",
    "resource",
    "program",
    "event",
    "session_id",
    "properties",
    "parent_span_id",
    "span_name",
    "msg",
];

/// Makes chunks in one buffer, which does not grow.
pub struct Load {
    random: Rng,
    chunk: Vec<u8>,
}

impl Load {
    /// Takes all the memory it will ever need.
    pub fn new(seed: u64) -> Self {
        let mut chunk = vec![1; LARGE_CHUNK_BYTES.end + RECORD_BYTES];
        chunk.clear();
        Self { random: Rng::with_seed(seed), chunk }
    }

    /// The next chunk: records one behind the other, here and there bytes that are no record.
    pub fn next_chunk(&mut self) -> &[u8] {
        self.chunk.clear();
        let is_large = self.random.u32(0..LARGE_CHUNKS) == 0;
        let length = self.random.usize(if is_large { LARGE_CHUNK_BYTES } else { 1_000..CHUNK_BYTES });
        while self.chunk.len() < length {
            if self.random.u32(0..40) == 0 {
                self.push_garbage();
            } else {
                self.push_record();
            }
        }
        &self.chunk
    }

    fn push_garbage(&mut self) {
        let length = self.random.usize(1..20_000);
        let start = self.chunk.len();
        self.chunk.resize(start + length, 0xc1);
        self.random.fill(&mut self.chunk[start + 1..]);
    }

    fn push_record(&mut self) {
        // An event time is an extension of type 0 with eight bytes.
        self.chunk.extend([0x92, 0xd7, 0x00]);
        let seconds = BEGIN + self.random.u32(0..HOURS * 3_600);
        self.chunk.extend(seconds.to_be_bytes());
        self.chunk.extend(self.random.u32(0..1_000_000_000).to_be_bytes());
        let end = self.chunk.len() + RECORD_BYTES - 10_000;
        let fields = match self.random.u32(0..100) {
            0..70 => self.random.u16(1..20),
            70..98 => self.random.u16(20..80),
            _ => self.random.u16(80..500),
        };
        self.chunk.push(0xde);
        let count_at = self.chunk.len();
        self.chunk.extend([0, 0]);
        let mut count = 0;
        while count < fields && self.chunk.len() < end {
            self.push_field(count);
            count += 1;
        }
        self.chunk[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
    }

    fn push_field(&mut self, number: u16) {
        const TYPES: [&str; 6] = ["access", "activity", "error", "trace", "audit", "app"];
        match number {
            // The rest is sorted by what is in it.
            0 if self.random.u32(0..10) > 0 => {
                let log_type = TYPES[self.random.usize(0..TYPES.len())];
                self.push_text("log_type");
                return self.push_text(log_type);
            }
            1 => {
                self.push_text("status");
                let status = self.random.u16(200..600);
                self.chunk.push(0xcd);
                return self.chunk.extend(status.to_be_bytes());
            }
            _ => {}
        }
        match self.random.usize(0..FIELDS.len() * 2) {
            place if place < FIELDS.len() => self.push_text(FIELDS[place]),
            place => self.push_text(&format!("field_{}", place * usize::from(number))),
        }
        match self.random.u32(0..100) {
            0..30 => {
                let word = format!("value-{}", self.random.u32(0..300));
                self.push_text(&word);
            }
            30..92 => self.push_noise(8..120),
            92..99 => self.push_noise(120..1_500),
            _ => self.push_noise(1_500..8_000),
        }
    }

    fn push_text(&mut self, text: &str) {
        self.push_text_header(text.len());
        self.chunk.extend_from_slice(text.as_bytes());
    }

    /// Text that no compression makes much shorter: six bits of chance a character.
    fn push_noise(&mut self, length: std::ops::Range<usize>) {
        let length = self.random.usize(length);
        self.push_text_header(length);
        let end = self.chunk.len() + length;
        while self.chunk.len() < end {
            let eight = (self.random.u64(..) & 0x3f3f_3f3f_3f3f_3f3f) + 0x3030_3030_3030_3030;
            self.chunk.extend_from_slice(&eight.to_ne_bytes());
        }
        self.chunk.truncate(end);
    }

    fn push_text_header(&mut self, length: usize) {
        self.chunk.push(0xda);
        self.chunk.extend(u16::try_from(length).unwrap().to_be_bytes());
    }
}
