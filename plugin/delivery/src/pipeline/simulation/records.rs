//! What is logged: five kinds, as a shop's tasks write them and FireLens hands them over.

use super::Chance;
use crate::lane::Lane;
use shiwake_records::log_type::LogType;
use std::time::Duration;

/// A kind, and how many a second of one writer, a tenth of what docs/scale.md plans for each of a thousand tasks: 4.8 GB a day of
/// a thousand, and an object a minute of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) log_type: LogType,
    per_day: u32,
}

const fn kind(log_type: LogType, per_day: u32) -> Kind {
    Kind { log_type, per_day }
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        kind(LogType::Access, 2_709),
        kind(LogType::Activity, 5_148),
        kind(LogType::Error, 110),
        kind(LogType::Trace, 257),
        kind(LogType::Audit, 958),
    ];

    pub(super) fn per_second(self) -> f64 {
        f64::from(self.per_day) / 86_400.0
    }

    pub(super) fn lane(self) -> Lane {
        Lane::Typed(self.log_type)
    }

    fn line(self, chance: &mut Chance) -> String {
        let (number, long) = (chance.below(5_000), chance.next());
        let noun = chance.pick(&["orders", "carts", "users", "offers", "reviews", "stock"]);
        let address = format!("10.{}.{}.7", chance.below(4), chance.below(250));
        match self.log_type {
            LogType::Access => {
                let (status, bytes) = (chance.pick(&[200, 200, 200, 201, 304, 404, 500]), chance.below(90_000));
                format!(
                    "{address} - - [14/Nov/2023:22:13:20 +0000] \"GET /api/{noun}/{number}?page={} HTTP/1.1\" {status} {bytes} \"-\" \
                     \"Mozilla/5.0 (X11; Linux x86_64) Shop/{}\"",
                    chance.below(9),
                    chance.below(40)
                )
            }
            LogType::Activity => format!(
                r#"{{"log_type":"activity","event":"{}","user_id":"u{number}","session_id":"{long:016x}","properties":{{"item":{},"of":"{noun}"}}}}"#,
                chance.pick(&["view_item", "add_to_cart", "begin_checkout", "purchase"]),
                chance.below(90_000)
            ),
            LogType::Error => format!(
                "ERROR c.e.shop.{noun}.Service - {noun} {long:016x} of user {number} failed: no answer within {} ms",
                chance.below(9_000)
            ),
            LogType::Trace => format!(
                r#"{{"log_type":"trace","trace_id":"{long:016x}{:016x}","span_id":"{:016x}","name":"GET /{noun}","duration_ms":{}.{}}}"#,
                chance.next(),
                chance.next(),
                chance.below(900),
                chance.below(10)
            ),
            _ => format!(
                "Nov 14 22:13:20 host sshd[{number}]: Failed password for invalid user u{:06x} from {address} port {} ssh2",
                long & 0xff_ffff,
                chance.below(60_000)
            ),
        }
    }
}

/// Appends the event of a line; its bytes as JSON.
pub(super) fn write_event(
    out: &mut Vec<u8>,
    kind: Kind,
    writer: usize,
    number: usize,
    micros: i64,
    chance: &mut Chance,
) -> u64 {
    let task = format!("arn:aws:ecs:us-east-1:111122223333:task/shop/{writer:032x}");
    let (line, id) = (kind.line(chance), format!("{writer}-{number}"));
    let fields = [
        ("log", line.as_str()),
        ("container_id", &format!("{writer:064x}")),
        ("container_name", "/ecs-shop-12-app"),
        ("source", "stdout"),
        ("ecs_cluster", "shop"),
        ("ecs_task_arn", &task),
        ("ecs_task_definition", "shop:12"),
        ("record_id", &id),
    ];
    let json: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 6).sum();
    let map = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let mut time = Vec::new();
    time.extend(u32::try_from(micros / 1_000_000).unwrap().to_be_bytes());
    time.extend(u32::try_from(micros % 1_000_000 * 1_000).unwrap().to_be_bytes());
    let event = rmpv::Value::Array(vec![rmpv::Value::Ext(0, time), rmpv::Value::Map(map)]);
    rmpv::encode::write_value(out, &event).unwrap();
    json as u64
}

/// Who comes next: the kinds' own times.
#[derive(Debug)]
pub(super) struct Arrivals([Duration; 5]);

impl Arrivals {
    pub(super) fn new(now: Duration, chance: &mut Chance) -> Self {
        Self(Kind::ALL.map(|kind| now + chance.wait(kind.per_second())))
    }

    /// All that came until now, in the order of the kinds.
    pub(super) fn until(
        &mut self,
        now: Duration,
        chance: &mut Chance,
        mut take: impl FnMut(Kind, Duration, &mut Chance),
    ) {
        for (kind, next) in Kind::ALL.into_iter().zip(&mut self.0) {
            while *next <= now {
                take(kind, *next, chance);
                *next += chance.wait(kind.per_second());
            }
        }
    }
}
