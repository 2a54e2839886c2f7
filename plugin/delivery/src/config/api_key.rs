//! Datadog's API key: never shown, and zeroes when the last one who has it lets go of it.

use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Characters of a key that can be one: Datadog's have 32.
const MAX_KEY_BYTES: usize = 256;

/// A key. Copies of it share the one place in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Arc<Zeroizing<Vec<u8>>>);

/// Why text is no key. It says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an API key is 1 to {MAX_KEY_BYTES} letters, digits, - or _, and this is not: look for spaces, quotes or a placeholder"
)]
pub struct KeyError;

impl ApiKey {
    /// Takes a key; white space around it is not part of it.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn new(text: &[u8]) -> Result<Self, KeyError> {
        let text = text.trim_ascii();
        let is_key = (1..=MAX_KEY_BYTES).contains(&text.len())
            && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_key { Ok(Self(Arc::new(Zeroizing::new(text.to_vec())))) } else { Err(KeyError) }
    }

    /// A text from outside without the key, should it be in there.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        std::str::from_utf8(&self.0).map_or_else(|_| String::new(), |key| text.replace(key, "***"))
    }

    /// The key itself, for the header of a request and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(hidden)")
    }
}

/// As the owner of a header's bytes.
impl AsRef<[u8]> for ApiKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_by_nothing_that_prints() {
        let key = ApiKey::new(b" 0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(key.expose(), b"0123456789abcdef0123456789abcdef");
        assert_eq!(format!("{key:?} {key:#?}"), "ApiKey(hidden) ApiKey(hidden)");
        assert_eq!(key.hidden_in("bad key 0123456789abcdef0123456789abcdef!"), "bad key ***!");
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_without_being_said() {
        for text in [
            &b""[..],
            b"  ",
            b"two words",
            b"a\r\nHost: x",
            b"\"quoted\"",
            b"${DD_API_KEY}",
            "schl\u{fc}ssel".as_bytes(),
            &[b'a'; 300],
        ] {
            let error = ApiKey::new(text).unwrap_err().to_string();
            assert!(!error.contains("Host") && !error.contains("DD_API_KEY"), "{error}");
        }
    }
}
