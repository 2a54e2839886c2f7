//! What is sent: chunks that follow from a seed and a number.
//!
//! Every record has the identity `c<chunk>-r<record>`: in `container_id`, which is a column of every type, and in its line.
//! Of bytes that are no event it stands in the bytes. Types are mixed, in both formats of events; most chunks are small,
//! some have 1 to 2 MB.

use fastrand::Rng;
use serde_json::{Value, json};
use shiwake_harness::{ChunkBuilder, ChunkFormat, Time};

/// 2023-11-14, 22:13:20 UTC.
const FIRST_SECOND: i32 = 1_700_000_000;
/// Chunks that have their records' times in one second.
const CHUNKS_A_SECOND: u64 = 20;
/// A group of chunks in which some have the same bytes.
const TWIN_GROUP: u64 = 50;
/// Places of the chunks with the same bytes in their group.
const TWIN_PLACES: [u64; 3] = [7, 8, 29];

/// What a record is, and so where it must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Fields of an audit event, or a line of sshd.
    Audit,
    /// A level of error.
    Error,
    /// Fields of a request, or a line of Apache.
    Access,
    /// A user and an event.
    Activity,
    /// A span.
    Trace,
    /// A line.
    App,
    /// Bytes that are no event.
    Bad,
}

impl Kind {
    /// The folder of the lake below which it must be.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Kind::Audit => "type=audit",
            Kind::Error => "type=error",
            Kind::Access => "type=access",
            Kind::Activity => "type=activity",
            Kind::Trace => "type=trace",
            Kind::App => "type=app",
            Kind::Bad => "quarantine",
        }
    }
}

/// The shape of a chunk, which is had without its bytes.
#[derive(Debug, Clone)]
pub struct Plan {
    number: u64,
    format: ChunkFormat,
    /// A record each.
    pub kinds: Vec<Kind>,
    padding_bytes: usize,
    random: Rng,
}

/// The number of the chunk whose bytes are those of this one: another one for heartbeats, itself for all others.
#[must_use]
pub fn twin_of(number: u64) -> u64 {
    let [first, ..] = TWIN_PLACES;
    if TWIN_PLACES.contains(&(number % TWIN_GROUP)) { number - number % TWIN_GROUP + first } else { number }
}

impl Plan {
    /// The plan of a chunk.
    #[must_use]
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let format = if random.bool() { ChunkFormat::Legacy } else { ChunkFormat::WithMetadata };
        let (records, padding_bytes) = match random.u8(..) {
            _ if twin_of(number) != number || TWIN_PLACES.contains(&(number % TWIN_GROUP)) => (1, 0),
            0..80 => (random.usize(1..4), 20),
            80..170 => (random.usize(1..60), 60),
            170..252 => (random.usize(40..300), 120),
            252.. => {
                let records = random.usize(20..300);
                (records, random.usize(1_000_000..2_000_000) / records)
            }
        };
        let mut kinds: Vec<Kind> = Vec::with_capacity(records);
        for _ in 0..records {
            let kind = match random.u8(0..100) {
                0..8 => Kind::Audit,
                8..20 => Kind::Error,
                20..55 => Kind::Access,
                55..65 => Kind::Activity,
                65..72 => Kind::Trace,
                // Two runs of bytes behind each other would be one.
                72 if kinds.last() != Some(&Kind::Bad) => Kind::Bad,
                _ => Kind::App,
            };
            kinds.push(kind);
        }
        Self { number, format, kinds, padding_bytes, random }
    }

    /// The chunk's bytes.
    #[must_use]
    pub fn bytes(mut self) -> Vec<u8> {
        let mut builder = ChunkBuilder::new(self.format);
        let seconds = FIRST_SECOND + i32::try_from(self.number / CHUNKS_A_SECOND).unwrap_or(i32::MAX / 2);
        for (place, kind) in self.kinds.iter().enumerate() {
            let id = format!("c{}-r{place}", self.number);
            let random = &mut self.random;
            let late = if random.u8(..) < 2 { random.i32(1..10_000) } else { 0 };
            let time = Time::Event { secs: seconds - late, nanos: random.u32(0..1_000_000_000) };
            let padding = padding(random, self.padding_bytes);
            if *kind == Kind::Bad {
                builder.push_raw(&[&[0xc1], format!("bad {id} {padding}").as_bytes()].concat());
            } else {
                builder.push(time, &body(*kind, &id, &padding, random));
            }
        }
        builder.finish()
    }
}

/// Text of about this length that is neither random noise nor always the same.
fn padding(random: &mut Rng, about_bytes: usize) -> String {
    const WORDS: [&str; 8] = ["request", "cache", "took", "shard", "user", "retrying", "connection", "payment"];
    let wanted = random.usize(0..=about_bytes * 2);
    let mut text = String::with_capacity(wanted + 12);
    while text.len() < wanted {
        text.push_str(WORDS.get(random.usize(0..WORDS.len())).copied().unwrap_or_default());
        text.push_str(if random.u8(..) < 30 { " 7f3a " } else { " " });
    }
    text
}

fn body(kind: Kind, id: &str, padding: &str, random: &mut Rng) -> Value {
    let number = random.u32(0..100_000);
    match kind {
        Kind::Audit if random.bool() => json!({"container_id": id,
            "log": format!("Nov 14 22:13:20 bastion sshd[{number}]: Accepted publickey for deploy from 10.0.0.1 {id} {padding}")}),
        Kind::Audit => json!({"actor": format!("user-{number}"), "action": "role.grant", "resource": "bucket/logs",
            "message": format!("{id} {padding}"), "container_id": id}),
        Kind::Error => json!({"level": "error", "log": format!("{id} {padding}"), "error.kind": "TimeoutError",
            "attempt": number, "container_id": id}),
        Kind::Access if random.bool() => json!({"container_id": id, "log": format!(
            "10.1.2.3 - - [14/Nov/2023:22:13:20 +0000] \"GET /{id}?n={number} HTTP/1.1\" 200 {number} \"-\" \"curl/7 {padding}\"")}),
        Kind::Access => json!({"method": "GET", "path": format!("/item/{number}"), "status": 200, "bytes": number,
            "msg": format!("{id} {padding}"), "container_id": id}),
        Kind::Activity => json!({"user_id": number, "event": "cart.add", "properties": {"sku": number},
            "log": format!("{id} {padding}"), "container_id": id}),
        Kind::Trace => json!({"trace_id": format!("{number:032x}"), "span_id": format!("{number:016x}"),
            "parent_span_id": "00f067aa0ba902b7", "duration_ms": f64::from(number) / 7.0,
            "log": format!("{id} {padding}"), "container_id": id}),
        Kind::App | Kind::Bad => {
            json!({"log": format!("{id} {padding}"), "n": number, "nested": {"deep": [number, null]},
            "container_id": id})
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_follows_from_seed_and_number() {
        for number in 0..200 {
            let bytes = Plan::new(7, number).bytes();
            assert_eq!(bytes, Plan::new(7, number).bytes());
            assert_ne!(bytes, Plan::new(8, number).bytes());
        }
    }

    #[test]
    fn there_are_all_kinds_and_sizes_and_twins() {
        let plans: Vec<Plan> = (0..1_000).map(|number| Plan::new(7, number)).collect();
        for kind in [Kind::Audit, Kind::Error, Kind::Access, Kind::Activity, Kind::Trace, Kind::App, Kind::Bad] {
            assert!(plans.iter().any(|plan| plan.kinds.contains(&kind)), "{kind:?}");
        }
        let sizes: Vec<usize> = plans.iter().map(|plan| plan.clone().bytes().len()).collect();
        assert!(sizes.iter().any(|bytes| *bytes > 1_000_000) && sizes.iter().any(|bytes| *bytes < 1_000));
        assert_eq!([57, 58, 79, 80].map(twin_of), [57, 57, 57, 80]);
    }
}
