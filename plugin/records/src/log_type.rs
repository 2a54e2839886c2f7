//! The kinds of logs, which decide where a record goes and what it is worth.

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
}

impl LogType {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [LogType; 6] =
        [LogType::Access, LogType::Activity, LogType::Error, LogType::Trace, LogType::Audit, LogType::App];

    /// The name, as in the field `log_type` and in the partition `type=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LogType::Access => "access",
            LogType::Activity => "activity",
            LogType::Error => "error",
            LogType::Trace => "trace",
            LogType::Audit => "audit",
            LogType::App => "app",
        }
    }

    /// The log type of that name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|log_type| log_type.name().as_bytes() == name)
    }
}

impl std::fmt::Display for LogType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
