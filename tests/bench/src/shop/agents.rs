//! Browsers, by the names that they send.

use super::chance::{pick, weighted};
use fastrand::Rng;

/// A browser, or the shop's own application.
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) protocol: &'static str,
    pub(crate) has_small_screen: bool,
}

impl Agent {
    pub(crate) fn new(chance: &mut Rng) -> Self {
        let protocol = weighted(chance, &["HTTP/2.0", "HTTP/2.0", "HTTP/1.1", "HTTP/1.0"]);
        let chrome = |system: &str, version: u8, mobile: &str| {
            format!(
                "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 {mobile}Safari/537.36"
            )
        };
        let version = 145 - weighted(chance, &[0, 1, 2, 3, 4, 6, 8, 12, 20, 36]);
        let (name, has_small_screen) = match chance.u8(..10) {
            0..3 => {
                let system = weighted(
                    chance,
                    &["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"],
                );
                (chrome(system, version, ""), false)
            }
            3..4 => (chrome("Windows NT 10.0; Win64; x64", version, "") + &format!(" Edg/{version}.0.0.0"), false),
            4..6 => {
                let device = format!(
                    "Linux; Android {}; SM-{}{}B",
                    chance.u8(11..16),
                    pick(chance, &["A", "S", "M"]),
                    chance.u16(100..960)
                );
                (chrome(pick(chance, &["Linux; Android 10; K", &device]), version, "Mobile "), true)
            }
            6..8 => {
                let (major, minor) = (chance.u8(16..19), chance.u8(..7));
                let name = format!(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS {major}_{minor} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.{minor} Mobile/15E148 Safari/604.1"
                );
                (name, true)
            }
            8..9 => {
                let system = pick(
                    chance,
                    &["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10.15", "X11; Linux x86_64"],
                );
                (format!("Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"), false)
            }
            _ => (
                format!(
                    "Shop/7.{}.{} (iPhone{},{}; iOS 18.{})",
                    chance.u8(..20),
                    chance.u8(..4),
                    chance.u8(12..18),
                    chance.u8(1..6),
                    chance.u8(..7)
                ),
                true,
            ),
        };
        Agent { name, protocol, has_small_screen }
    }
}
