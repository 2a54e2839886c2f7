//! What can be asked of the shop, and what is answered: the same path has about the same answer each time.

use super::chance::{Table, percent, pick, popular};
use super::tasks::{CART, LOGIN, PAYMENT, SEARCH, SHOP};
use fastrand::Rng;

/// Products. Each has a page, a picture and three answers of the API.
const PRODUCTS: usize = 2_500;
const CATEGORIES: usize = 60;
/// Scripts, styles and fonts of pages.
const ASSETS: usize = 40;
/// Things that are searched for.
const TERMS: usize = 800;

pub(crate) const STATIC_HOST: &str = "static.example.com";
const API_HOST: &str = "api.example.com";
pub(crate) const PAGE_HOST: &str = "www.example.com";
/// The same pages for small screens.
pub(crate) const SMALL_PAGE_HOST: &str = "m.example.com";
/// Bytes of the page that says that there is none.
const NOT_FOUND_BYTES: u32 = 3_127;
/// Bytes of a proxy's page that says that there was no good answer.
const BAD_GATEWAY_BYTES: u32 = 552;

const COLOURS: [&str; 12] =
    ["black", "white", "blue", "red", "green", "grey", "brown", "yellow", "pink", "orange", "navy", "beige"];
const MATERIALS: [&str; 10] =
    ["wool", "cotton", "linen", "leather", "steel", "oak", "glass", "paper", "silk", "bamboo"];
const THINGS: [&str; 24] = [
    "socks", "shirt", "jacket", "trousers", "hat", "scarf", "gloves", "belt", "bag", "wallet", "lamp", "chair",
    "table", "shelf", "bowl", "cup", "knife", "pan", "towel", "blanket", "pillow", "notebook", "pen", "vase",
];

/// What can be asked for.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) host: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// The number of the service that answers.
    pub(crate) service: usize,
    /// Whether the answer is a file, the same for all.
    pub(crate) is_file: bool,
    /// What it is answered with when nothing goes wrong.
    status: u16,
    /// Of the answer; those of what is made for each request differ a little.
    bytes: u32,
    /// How long it takes, usually.
    millis: u32,
}

impl Target {
    fn page(path: String, service: usize, bytes: u32, millis: u32) -> Self {
        Self { host: PAGE_HOST, method: "GET", path, service, is_file: false, status: 200, bytes, millis }
    }

    fn file(path: String, bytes: u32) -> Self {
        Self { host: STATIC_HOST, is_file: true, ..Self::page(path, SHOP, bytes, 2) }
    }

    fn api(path: String, service: usize, bytes: u32, millis: u32) -> Self {
        Self { host: API_HOST, ..Self::page(path, service, bytes, millis) }
    }

    fn change(method: &'static str, status: u16, path: String, service: usize, bytes: u32, millis: u32) -> Self {
        Self { method, status, ..Self::api(path, service, bytes, millis) }
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) bytes: u32,
    pub(crate) millis: u32,
}

impl Target {
    /// What is answered. A browser that has the file already is told so.
    pub(crate) fn answer(&self, has_file: bool, chance: &mut Rng) -> Answer {
        let status = match chance.u16(..1_000) {
            0..3 => 502,
            3..5 => 500,
            5..6 => 503,
            6..18 if self.method != "GET" => pick(chance, &[400, 401, 409]),
            _ if self.is_file && has_file => 304,
            _ => self.status,
        };
        let bytes = match status {
            304 | 204 => 0,
            404 => NOT_FOUND_BYTES,
            502 | 503 => BAD_GATEWAY_BYTES,
            400..=500 => chance.u32(90..130),
            _ if self.is_file => self.bytes,
            // Names, prices and numbers of pieces are a few bytes more or less.
            _ => self.bytes + chance.u32(..=self.bytes / 64),
        };
        Answer { status, bytes, millis: duration(self.millis, chance) }
    }
}

/// From half of the usual time to two and a half times that, shorter ones more often; one in a hundred takes ten times as long. Servers
/// log whole milliseconds.
fn duration(usual: u32, chance: &mut Rng) -> u32 {
    let share = chance.f64();
    let millis = f64::from(usual) * (0.5 + 2.0 * share * share * share) * if percent(chance, 1) { 10.0 } else { 1.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand at most")]
    let millis = millis as u32;
    millis
}

/// A product.
pub(crate) struct Product {
    pub(crate) number: u32,
    pub(crate) cents: u32,
    pub(crate) page: Target,
    pub(crate) picture: Target,
    pub(crate) details: Target,
    pub(crate) reviews: Target,
    pub(crate) stock: Target,
}

/// All that can be asked for but what is a user's own.
pub(crate) struct Site {
    pub(crate) home: Target,
    pub(crate) search: Target,
    pub(crate) suggestions: Target,
    pub(crate) cart: Target,
    pub(crate) login: Target,
    pub(crate) products: Table<Product>,
    pub(crate) categories: Table<Target>,
    pub(crate) assets: Table<Target>,
    pub(crate) terms: Table<String>,
}

impl Site {
    pub(crate) fn new(chance: &mut Rng) -> Self {
        let mut number = 10_000;
        let mut categories =
            MATERIALS.iter().flat_map(|material| THINGS.iter().map(move |thing| format!("/{thing}/{material}")));
        Self {
            home: Target::page("/".to_owned(), SHOP, 48_211, 60),
            search: Target::page("/search".to_owned(), SEARCH, 41_870, 120),
            suggestions: Target::api("/api/v2/suggestions".to_owned(), SEARCH, 640, 18),
            cart: Target::page("/cart".to_owned(), CART, 22_904, 45),
            login: Target { host: PAGE_HOST, ..Target::change("POST", 302, "/login".to_owned(), LOGIN, 0, 90) },
            products: Table::new(PRODUCTS, || {
                number += chance.u32(1..35);
                product(number, chance)
            }),
            categories: Table::new(CATEGORIES, || {
                Target::page(categories.next().unwrap_or_default(), SHOP, chance.u32(35_000..60_000), 55)
            }),
            assets: Table::new(ASSETS, || {
                let (name, kind) =
                    (pick(chance, &["main", "vendor", "page", "icons"]), pick(chance, &["js", "css", "woff2"]));
                let path = format!("/assets/{name}.{:08x}.{kind}", chance.u32(..));
                Target::file(path, chance.u32(4_000..180_000))
            }),
            terms: Table::new(TERMS, || match chance.u8(..3) {
                0 => pick(chance, &THINGS).to_owned(),
                1 => format!("{}+{}", pick(chance, &MATERIALS), pick(chance, &THINGS)),
                _ => format!("{}+{}+{}", pick(chance, &COLOURS), pick(chance, &MATERIALS), pick(chance, &THINGS)),
            }),
        }
    }

    /// The pages of what was found and of categories have numbers and orders.
    pub(crate) fn listing(chance: &mut Rng) -> String {
        let order = pick(chance, &["price", "newest", "rating"]);
        format!("page={}&sort={order}", 1 + popular(chance, 12))
    }

    pub(crate) fn offers_for(user: &str) -> Target {
        Target::api(format!("/api/v1/users/{user}/offers"), SHOP, 3_320, 35)
    }

    /// What a user's cart can be asked.
    pub(crate) fn cart_of(user: &str) -> Target {
        Target::api(format!("/api/v2/carts/{user}"), CART, 1_480, 14)
    }

    pub(crate) fn put_into_cart(user: &str) -> Target {
        Target::change("POST", 201, format!("/api/v2/carts/{user}/items"), CART, 1_510, 28)
    }

    pub(crate) fn take_from_cart(user: &str) -> Target {
        Target::change("DELETE", 204, format!("/api/v2/carts/{user}/items"), CART, 0, 25)
    }

    pub(crate) fn order(number: u32) -> Target {
        Target::change("PUT", 200, format!("/api/v2/orders/{number}"), CART, 2_210, 70)
    }

    pub(crate) fn pay(number: u32) -> Target {
        Target::change("POST", 201, format!("/api/v2/orders/{number}/payment"), PAYMENT, 410, 480)
    }
}

fn product(number: u32, chance: &mut Rng) -> Product {
    let name = format!("{}-{}-{}", pick(chance, &COLOURS), pick(chance, &MATERIALS), pick(chance, &THINGS));
    let mut page = Target::page(format!("/products/{name}-{number}"), SHOP, chance.u32(28_000..52_000), 65);
    // Links to what is no longer sold live on.
    if percent(chance, 3) {
        page.status = 404;
    }
    Product {
        number,
        cents: 100 * chance.u32(3..400) - pick(chance, &[1, 5, 10, 0]),
        page,
        picture: Target::file(format!("/pictures/{number}-640.webp"), chance.u32(9_000..90_000)),
        details: Target::api(format!("/api/v1/products/{number}"), SHOP, chance.u32(900..2_600), 16),
        stock: Target::api(format!("/api/v1/products/{number}/stock"), SHOP, 112, 9),
        reviews: Target::api(format!("/api/v1/products/{number}/reviews"), SHOP, chance.u32(200..14_000), 22),
    }
}
