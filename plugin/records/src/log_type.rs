//! The kinds of logs, which decide where a record goes and what it is worth.

/// Longest name of a log type, in bytes.
pub const MAX_TYPE_NAME_BYTES: usize = 31;

/// The name of a log type that a user declares: a small letter, then small letters, digits and `_`, so that it can stand in
/// keys of objects and in SQL as it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName {
    /// Zeros behind the name.
    bytes: [u8; MAX_TYPE_NAME_BYTES],
}

impl TypeName {
    /// The name, when it is one and none of Shiwake's own types and places has it.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        const TAKEN: [&str; 3] = ["quarantine", "none", "undeclared"];
        let is_word = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let is_name = name.starts_with(|first: char| first.is_ascii_lowercase()) && name.as_bytes().iter().all(is_word);
        let is_taken = TAKEN.contains(&name) || LogType::BUILT_IN.iter().any(|known| known.name() == name);
        if !is_name || is_taken {
            return None;
        }
        let mut bytes = [0; MAX_TYPE_NAME_BYTES];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { bytes })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(MAX_TYPE_NAME_BYTES);
        // All bytes are ASCII, so this does not fail.
        self.bytes.get(..end).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl std::fmt::Debug for TypeName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(formatter)
    }
}

/// What a record is. `app` is what no rule claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogType {
    /// A request that was answered.
    Access,
    /// What a user did, as the application tells it.
    Activity,
    /// Something that went wrong.
    Error,
    /// The fine-grained course of a program or of a request through several.
    Trace,
    /// Who did what to what; none of it may be lost.
    Audit,
    /// Everything else.
    App,
    /// A type of the user's own, declared in the rules file.
    Own(TypeName),
}

impl LogType {
    /// Those that need no declaration, in the order in which they are listed to people.
    pub const BUILT_IN: [LogType; 6] =
        [LogType::Access, LogType::Activity, LogType::Error, LogType::Trace, LogType::Audit, LogType::App];

    /// The name, as in the field `log_type` and in the partition `type=`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            LogType::Own(name) => name.as_str(),
            known => known.built_in_name(),
        }
    }

    /// The name, unless it is one of the user's own, of which nothing is said here.
    pub(crate) const fn built_in_name(&self) -> &'static str {
        match self {
            LogType::Access => "access",
            LogType::Activity => "activity",
            LogType::Error => "error",
            LogType::Trace => "trace",
            LogType::Audit => "audit",
            LogType::App => "app",
            LogType::Own(_) => "",
        }
    }

    /// The log type that has this name, or may have it when it is declared.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::built_in(name.as_bytes()).or_else(|| TypeName::new(name).map(LogType::Own))
    }

    /// The built-in log type of that name.
    #[must_use]
    pub fn built_in(name: &[u8]) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|log_type| log_type.name().as_bytes() == name)
    }
}

impl std::fmt::Display for LogType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_ones_own_is_a_word_that_nobody_has() {
        let longest = "a".repeat(MAX_TYPE_NAME_BYTES);
        for name in ["billing", "a", "http2_push", &longest] {
            assert_eq!(LogType::Own(TypeName::new(name).unwrap()).name(), name);
        }
        let too_long = "a".repeat(MAX_TYPE_NAME_BYTES + 1);
        for name in [
            "",
            "2nd",
            "_x",
            "Billing",
            "a-b",
            "a/b",
            "a b",
            "ä",
            "audit",
            "quarantine",
            "none",
            "undeclared",
            &too_long,
        ] {
            assert_eq!(TypeName::new(name), None, "{name}");
        }
    }
}
