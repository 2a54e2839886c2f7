//! Records as a shop's containers write them: 60% of access with 16 typed fields, 20% of applications with nested maps, 10%
//! errors with stack traces, 5% audit, 5% activity. All follows from the seed.
//!
//! Every fourth request is traced; half of the records of applications and errors are of a request shortly before. Few of the
//! values are even: of hosts, paths, addresses and users the first are asked for far more often than the last.

use crate::twin::Field;
use fastrand::Rng;
use std::collections::VecDeque;

/// Hours that the records are spread over.
pub(crate) const HOURS: u64 = 6;
/// 2026-03-02T06:00:00Z.
pub(crate) const FIRST_SECOND: u64 = 1_772_431_200;
/// Records come in at most so many microseconds out of order.
const DISORDER_MICROS: u64 = 2_000_000;
/// Sizes of the tables of values.
const ADDRESSES: usize = 6_000;
const PATHS: usize = 3_000;
const AGENTS: usize = 400;
const USERS: usize = 20_000;
const CONTAINERS: usize = 24;
const PLACES: usize = 400;
/// Requests that other records may be of.
const LATELY: usize = 64;

const SERVICES: [(&str, &str); 6] = [
    ("shop", "4.11.2"),
    ("cart", "2.3.0"),
    ("search", "9.0.1"),
    ("login", "1.20.5"),
    ("payment", "3.3.3"),
    ("mail", "0.9.8"),
];
const NOUNS: [&str; 12] = [
    "products", "orders", "users", "carts", "invoices", "reviews", "images", "search", "offers", "stock", "labels",
    "returns",
];
const ERROR_KINDS: [&str; 9] = [
    "java.lang.NullPointerException",
    "java.lang.IllegalStateException",
    "java.net.SocketTimeoutException",
    "java.sql.SQLTransientConnectionException",
    "com.example.shop.OutOfStockException",
    "com.example.payment.CardRefusedException",
    "org.springframework.dao.DuplicateKeyException",
    "com.fasterxml.jackson.core.JsonParseException",
    "java.util.concurrent.TimeoutException",
];
const STEPS: [&str; 5] = ["view_item", "add_to_cart", "begin_checkout", "add_payment", "purchase"];
const ACTIONS: [&str; 8] =
    ["login", "logout", "grant_role", "revoke_role", "read_secret", "delete_user", "export_data", "change_password"];

struct Container {
    service: usize,
    id: String,
    name: String,
    hostname: String,
}

/// The values that records draw from.
pub(crate) struct Shop {
    chance: Rng,
    addresses: Vec<String>,
    paths: Vec<String>,
    agents: Vec<String>,
    users: Vec<String>,
    places: Vec<String>,
    containers: Vec<Container>,
    /// Requests that were made lately.
    requests: VecDeque<Request>,
}

/// What the records of a request have in common.
#[derive(Clone)]
struct Request {
    id: String,
    trace: Option<String>,
    user: usize,
}

impl Request {
    fn new(chance: &mut Rng) -> Self {
        let trace = (chance.u8(..4) == 0).then(|| hex(chance, 32));
        Self { id: hex(chance, 32), trace, user: favoured(chance, USERS) }
    }

    /// One that was made lately, or another.
    fn lately(lately: &VecDeque<Self>, chance: &mut Rng) -> Self {
        let place = chance.usize(..LATELY * 2);
        lately.get(place).cloned().unwrap_or_else(|| Self { trace: None, ..Self::new(chance) })
    }
}

impl Shop {
    /// The shop of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Rng::with_seed(seed);
        let addresses = (0..ADDRESSES)
            .map(|_| format!("{}.{}.{}.{}", chance.u8(1..224), chance.u8(..), chance.u8(..), chance.u8(1..)))
            .collect();
        let paths = (0..PATHS)
            .map(|number| format!("/api/v{}/{}/{}", 1 + number % 2, pick(&mut chance, &NOUNS), chance.u32(1..90_000)))
            .collect();
        let agents = (0..AGENTS).map(|_| agent(&mut chance)).collect();
        let users = (0..USERS).map(|_| format!("u{:07}", chance.u32(..9_999_999))).collect();
        let places = (0..PLACES)
            .map(|_| {
                let (noun, service) = (pick(&mut chance, &NOUNS), pick(&mut chance, &SERVICES).0);
                let (class, method) =
                    (pick(&mut chance, &["Controller", "Service", "Store", "Client", "Mapper"]), chance.u8(..40));
                let line = chance.u16(20..900);
                format!("\tat com.example.{service}.{noun}.{noun}{class}.handle{method}({noun}{class}.java:{line})")
            })
            .collect();
        let containers = (0..CONTAINERS)
            .map(|number| Container {
                service: number % SERVICES.len(),
                id: hex(&mut chance, 64),
                name: format!(
                    "{}-{}",
                    SERVICES.get(number % SERVICES.len()).map_or("", |service| service.0),
                    number / 6
                ),
                hostname: format!("ip-10-0-{}-{}.ec2.internal", number / 6, 10 + number),
            })
            .collect();
        Self { chance, addresses, paths, agents, users, places, containers, requests: VecDeque::new() }
    }

    /// When record `number` of `count` was written, in microseconds since 1970.
    pub(crate) fn stamp(&mut self, number: u64, count: u64) -> u64 {
        let span = HOURS * 3_600 * 1_000_000 - DISORDER_MICROS;
        FIRST_SECOND * 1_000_000 + span / count.max(1) * number + self.chance.u64(..DISORDER_MICROS)
    }

    /// Hands the next record's fields to `take`.
    pub(crate) fn next<T>(&mut self, take: impl FnOnce(Vec<(&str, Field<'_>)>) -> T) -> T {
        let Self { chance, addresses, paths, agents, users, places, containers, requests } = self;
        let mut fields = Vec::with_capacity(32);
        let kind = chance.u8(..100);
        let request = if (60..90).contains(&kind) { Request::lately(requests, chance) } else { Request::new(chance) };
        let user = users.get(request.user).map_or("", String::as_str);
        let address = of(addresses, favoured(chance, ADDRESSES));
        let (text, query, host, upstream, referer);
        match kind {
            0..60 => {
                let noun = pick(chance, &NOUNS);
                host = format!("{}.example.com", pick(chance, &["www", "api", "m", "static"]));
                query = if chance.u8(..10) < 3 {
                    format!("page={}&sort=price&q={}", chance.u8(1..40), noun)
                } else {
                    String::new()
                };
                referer = match chance.u8(..10) {
                    0..4 => "-".to_owned(),
                    _ => format!("https://www.example.com/{}/{}", pick(chance, &NOUNS), chance.u8(1..60)),
                };
                upstream = format!("10.0.{}.{}:8080", chance.u8(..3), chance.u8(10..18));
                let status = i64::from(weighted(chance, &[200_i32, 304, 201, 404, 302, 400, 500, 502, 503, 499]));
                let bytes = if status == 304 { 0 } else { i64::from(chance.u32(200..60_000)) };
                let millis = f64::from(chance.u32(300..400_000) / (1 + chance.u32(..40))) / 1_000.0;
                fields.extend([
                    ("remote_addr", Field::Text(address)),
                    ("method", Field::Text(weighted(chance, &["GET", "POST", "PUT", "HEAD", "DELETE"]))),
                    ("host", Field::Text(&host)),
                    ("path", Field::Text(of(paths, favoured(chance, PATHS)))),
                    ("query", Field::Text(&query)),
                    ("protocol", Field::Text(weighted(chance, &["HTTP/2.0", "HTTP/1.1", "HTTP/1.0"]))),
                    ("status", Field::Int(status)),
                    ("bytes", Field::Int(bytes)),
                    ("duration_ms", Field::Float(millis)),
                    ("referer", Field::Text(&referer)),
                    ("user_agent", Field::Text(of(agents, favoured(chance, AGENTS)))),
                    ("request_id", Field::Text(&request.id)),
                    ("upstream_addr", Field::Text(&upstream)),
                    ("upstream_status", Field::Int(status)),
                    ("user_id", Field::Text(user)),
                ]);
            }
            60..80 => {
                let (noun, number) = (pick(chance, &NOUNS), chance.u32(..1_000_000));
                text = match chance.u8(..4) {
                    0 => format!("loaded {} {noun} for order {number} in {} ms", chance.u8(1..90), chance.u16(1..900)),
                    1 => format!("cache miss for {noun}:{number}, asking the store"),
                    2 => format!("request {} done: {noun} {number} was changed by {user}", request.id),
                    _ => format!("queue {noun} has {} entries, oldest {} s", chance.u16(..3_000), chance.u8(..)),
                };
                let items = (0..chance.usize(1..4)).map(|_| Field::Int(i64::from(chance.u32(..90_000)))).collect();
                let order = vec![
                    ("id", Field::Int(i64::from(number))),
                    ("items", Field::List(items)),
                    ("total", Field::Float(f64::from(chance.u32(100..90_000)) / 100.0)),
                ];
                let customer =
                    vec![("id", Field::Text(user)), ("tier", Field::Text(pick(chance, &["gold", "silver", "none"])))];
                let context = vec![
                    ("order", Field::Map(order)),
                    ("customer", Field::Map(customer)),
                    ("retry", Field::Bool(chance.u8(..9) == 0)),
                ];
                fields.extend([
                    ("level", Field::Text(weighted(chance, &["info", "debug", "warn"]))),
                    (
                        "logger",
                        Field::Text(pick(
                            chance,
                            &["com.example.shop.Orders", "com.example.cart.Store", "http.client"],
                        )),
                    ),
                    ("thread", Field::Text(pick(chance, &["main", "worker-1", "worker-2", "worker-3", "scheduler"]))),
                    ("message", Field::Text(&text)),
                    ("request_id", Field::Text(&request.id)),
                    ("context", Field::Map(context)),
                ]);
            }
            80..90 => {
                let kind = weighted(chance, &ERROR_KINDS);
                query = format!("{} {} could not be handled", pick(chance, &NOUNS), chance.u32(..90_000));
                let mut stack = format!("{kind}: {query}");
                for _ in 0..chance.u8(8..24) {
                    stack.push('\n');
                    stack.push_str(of(places, favoured(chance, PLACES)));
                }
                text = stack;
                fields.extend([
                    ("level", Field::Text("error")),
                    (
                        "logger",
                        Field::Text(pick(
                            chance,
                            &["com.example.shop.Orders", "com.example.cart.Store", "http.client"],
                        )),
                    ),
                    ("error_kind", Field::Text(kind)),
                    ("error_message", Field::Text(&query)),
                    ("error_stack", Field::Text(&text)),
                    ("user_id", Field::Text(user)),
                ]);
            }
            90..95 => {
                text = format!("{}/{}", pick(chance, &NOUNS), chance.u16(..5_000));
                fields.extend([
                    ("log_type", Field::Text("audit")),
                    ("actor", Field::Text(user)),
                    ("action", Field::Text(weighted(chance, &ACTIONS))),
                    ("resource", Field::Text(&text)),
                    ("outcome", Field::Text(weighted(chance, &["success", "failure"]))),
                    ("source_ip", Field::Text(address)),
                    ("event_id", Field::Text(&request.id)),
                    ("user_agent", Field::Text(of(agents, favoured(chance, AGENTS)))),
                ]);
            }
            _ => {
                let properties = vec![
                    ("item", Field::Int(i64::from(chance.u32(..90_000)))),
                    ("price", Field::Float(f64::from(chance.u32(100..90_000)) / 100.0)),
                    ("campaign", Field::Text(pick(chance, &["spring", "none", "mail-17"]))),
                ];
                fields.extend([
                    ("log_type", Field::Text("activity")),
                    ("user_id", Field::Text(user)),
                    ("event", Field::Text(weighted(chance, &STEPS))),
                    ("session_id", Field::Text(&request.id)),
                    ("properties", Field::Map(properties)),
                ]);
            }
        }
        if let Some(trace) = request.trace.as_deref().filter(|_| kind < 90) {
            fields.push(("trace_id", Field::Text(trace)));
        }
        if let Some(container) = containers.get(chance.usize(..containers.len())) {
            let (service, version) = SERVICES.get(container.service).copied().unwrap_or_default();
            fields.extend([
                ("service", Field::Text(service)),
                ("env", Field::Text("prod")),
                ("version", Field::Text(version)),
                ("hostname", Field::Text(&container.hostname)),
                ("source", Field::Text("stdout")),
                ("container_id", Field::Text(&container.id)),
                ("container_name", Field::Text(&container.name)),
            ]);
        }
        let taken = take(fields);
        if kind < 60 {
            requests.truncate(LATELY - 1);
            requests.push_front(request);
        }
        taken
    }
}

fn agent(chance: &mut Rng) -> String {
    let system =
        pick(chance, &["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"]);
    let (major, build) = (chance.u8(100..140), chance.u16(1_000..7_000));
    format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{build}.0 Safari/537.36")
}

fn hex(chance: &mut Rng, digits: usize) -> String {
    std::iter::repeat_with(|| char::from_digit(chance.u32(..16), 16).unwrap_or('0')).take(digits).collect()
}

fn pick<T: Copy + Default>(chance: &mut Rng, all: &[T]) -> T {
    all.get(chance.usize(..all.len().max(1))).copied().unwrap_or_default()
}

/// The first is drawn two times in three, of what is left the second, and so on.
fn weighted<T: Copy + Default>(chance: &mut Rng, all: &[T]) -> T {
    let place = (0..all.len()).find(|_| chance.u8(..3) > 0).unwrap_or(0);
    all.get(place).copied().unwrap_or_default()
}

/// The place of one of many: the first quarter is drawn as often as all others.
fn favoured(chance: &mut Rng, count: usize) -> usize {
    let share = chance.f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and the count, which is small"
    )]
    let place = (share * share * count as f64) as usize;
    place
}

fn of(all: &[String], place: usize) -> &str {
    all.get(place).map_or("", String::as_str)
}
