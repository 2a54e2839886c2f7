//! Structured records as a shop's containers write them, the same for every run: 60% of access with 16 typed fields, 20% of
//! applications with nested maps, 10% errors with stack traces, 10% audit; 770 bytes of MessagePack on average.

use shiwake_records::msgpack::write;

/// Where all of it begins.
pub(crate) const SEED: u64 = 1;

/// Numbers that follow from the seed (xorshift64*, <https://doi.org/10.1145/2845077>).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len() as u64) as usize]
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.below(16) as u32, 16).unwrap()).collect()
    }
}

/// The fields of one record, as MessagePack.
#[derive(Default)]
struct Fields {
    count: u32,
    bytes: Vec<u8>,
}

impl Fields {
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.count += 1;
        write::str(&mut self.bytes, key.as_bytes());
        &mut self.bytes
    }

    fn text(&mut self, key: &str, text: &str) {
        write::str(self.key(key), text.as_bytes());
    }

    fn int(&mut self, key: &str, int: u64) {
        write::uint(self.key(key), int);
    }

    fn float(&mut self, key: &str, float: f64) {
        write::float(self.key(key), float);
    }

    fn map(&mut self, key: &str, fields: &Fields) {
        write::map_header(self.key(key), fields.count);
        self.bytes.extend_from_slice(&fields.bytes);
    }
}

/// A chunk of so many records.
pub(crate) fn chunk(records: usize) -> Vec<u8> {
    let (mut chance, mut out) = (Chance(SEED), Vec::new());
    for _ in 0..records {
        out.push(0x92);
        write::event_time(&mut out, 1_772_431_200 + chance.below(3_600) as u32, chance.below(1_000_000_000) as u32);
        let mut fields = Fields::default();
        match chance.below(100) {
            0..60 => add_access(&mut fields, &mut chance),
            60..80 => add_application(&mut fields, &mut chance),
            80..90 => add_error(&mut fields, &mut chance),
            _ => add_audit(&mut fields, &mut chance),
        }
        add_container(&mut fields, &mut chance);
        write::map_header(&mut out, fields.count);
        out.extend_from_slice(&fields.bytes);
    }
    out
}

fn add_access(fields: &mut Fields, chance: &mut Chance) {
    let address =
        format!("{}.{}.{}.{}", 1 + chance.below(222), chance.below(256), chance.below(256), chance.below(256));
    fields.text("remote_addr", &address);
    fields.text("method", chance.of(&["GET", "GET", "GET", "POST", "PUT", "HEAD"]));
    fields.text("host", chance.of(&["www.example.com", "api.example.com"]));
    fields.text("path", &format!("/api/v1/{}/{}", chance.of(&["products", "orders", "carts"]), chance.below(90_000)));
    fields.text("query", chance.of(&["", "", "page=3&sort=price&q=shoes"]));
    fields.text("protocol", chance.of(&["HTTP/2.0", "HTTP/1.1"]));
    let status = [200, 200, 200, 304, 404, 503][chance.below(6) as usize];
    fields.int("status", status);
    fields.int("bytes", chance.below(60_000));
    fields.float("duration_ms", chance.below(400_000) as f64 / 1_000.0);
    fields.text("referer", "https://www.example.com/products/12");
    let build = chance.below(7_000);
    let agent = format!(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.{build}.0 Safari/537.36"
    );
    fields.text("user_agent", &agent);
    fields.text("request_id", &chance.hex(32));
    fields.text("upstream_addr", "10.0.1.12:8080");
    fields.int("upstream_status", status);
    fields.text("user_id", &format!("u{:07}", chance.below(20_000)));
    fields.text("trace_id", &chance.hex(32));
}

fn add_application(fields: &mut Fields, chance: &mut Chance) {
    fields.text("level", chance.of(&["info", "info", "debug", "warn"]));
    fields.text("logger", "com.example.shop.Orders");
    fields.text("thread", chance.of(&["main", "worker-1", "worker-2"]));
    let order = chance.below(1_000_000);
    fields.text("message", &format!("loaded {} items for order {order} in {} ms", chance.below(90), chance.below(900)));
    fields.text("request_id", &chance.hex(32));
    let (mut context, mut inner) = (Fields::default(), Fields::default());
    inner.int("id", order);
    inner.float("total", chance.below(90_000) as f64 / 100.0);
    context.map("order", &inner);
    context.text("tier", chance.of(&["gold", "silver", "none"]));
    fields.map("context", &context);
}

fn add_error(fields: &mut Fields, chance: &mut Chance) {
    let message = format!("order {} could not be handled", chance.below(90_000));
    let mut stack = format!("java.lang.IllegalStateException: {message}");
    for _ in 0..8 + chance.below(16) {
        let (class, line) = (chance.of(&["Controller", "Service", "Store", "Client"]), chance.below(900));
        stack.push_str(&format!("\n\tat com.example.shop.orders.{class}.handle({class}.java:{line})"));
    }
    fields.text("level", "error");
    fields.text("logger", "com.example.shop.Orders");
    fields.text("error_kind", "java.lang.IllegalStateException");
    fields.text("error_message", &message);
    fields.text("error_stack", &stack);
}

fn add_audit(fields: &mut Fields, chance: &mut Chance) {
    fields.text("log_type", "audit");
    fields.text("actor", &format!("u{:07}", chance.below(20_000)));
    fields.text("action", chance.of(&["login", "grant_role", "export_data"]));
    fields.text("resource", &format!("orders/{}", chance.below(5_000)));
    fields.text("outcome", chance.of(&["success", "success", "failure"]));
    fields.text("event_id", &chance.hex(32));
}

fn add_container(fields: &mut Fields, chance: &mut Chance) {
    let service = chance.of(&["shop", "cart", "search", "login"]);
    fields.text("service", service);
    fields.text("env", "prod");
    fields.text("version", "4.11.2");
    fields.text("hostname", "ip-10-0-1-12.ec2.internal");
    fields.text("source", "stdout");
    fields.text("container_id", "5d1d0e8c7b6a59483726150f4e3d2c1b5d1d0e8c7b6a59483726150f4e3d2c1b");
    fields.text("container_name", &format!("{service}-1"));
}
