//! The formats of lines that are recognised.

/// What a line is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineFormat {
    /// None of those below.
    Unknown,
    /// A JSON object; the record has its fields instead.
    Json,
    /// Pairs of keys and values; the record has them as fields.
    Logfmt,
    /// The Common or Combined Log Format of Apache and NGINX.
    Access,
    /// An access line of an AWS Application Load Balancer.
    Alb,
    /// A connection of an AWS Network Load Balancer.
    Nlb,
    /// An access line of CloudFront.
    CloudFront,
    /// A flow of a VPC.
    VpcFlow,
    /// An access line of Envoy, which ECS Service Connect and Istio are.
    Envoy,
    /// A request to HAProxy, or a connection.
    Haproxy,
    /// A request that was answered, as Rails, uvicorn, Gin, chi or morgan logs it.
    WebRequest,
    /// A request that begins, as Rails logs it.
    WebStart,
    /// A line of Apache's error log.
    ApacheError,
    /// A line of NGINX's error log.
    NginxError,
    /// A line of the authentication log.
    Auth,
    /// A syslog line, RFC 3164 or 5424, whose text is none of the others.
    Syslog,
    /// An exception, or a piece of a stack trace.
    Exception,
    /// A line of one of the common loggers, with a level.
    Logger,
}

impl LineFormat {
    /// All of them by name, as they stand in rules.
    pub const ALL: [(&'static str, LineFormat); 18] = [
        ("unknown", LineFormat::Unknown),
        ("json", LineFormat::Json),
        ("logfmt", LineFormat::Logfmt),
        ("access", LineFormat::Access),
        ("alb", LineFormat::Alb),
        ("nlb", LineFormat::Nlb),
        ("cloudfront", LineFormat::CloudFront),
        ("vpc_flow", LineFormat::VpcFlow),
        ("envoy", LineFormat::Envoy),
        ("haproxy", LineFormat::Haproxy),
        ("web_request", LineFormat::WebRequest),
        ("web_start", LineFormat::WebStart),
        ("apache_error", LineFormat::ApacheError),
        ("nginx_error", LineFormat::NginxError),
        ("auth", LineFormat::Auth),
        ("syslog", LineFormat::Syslog),
        ("exception", LineFormat::Exception),
        ("logger", LineFormat::Logger),
    ];

    /// Whether no line is of both: what is behind a head of syslog, or within JSON or logfmt, may be of another one.
    pub(crate) fn excludes(self, other: Self) -> bool {
        let goes_with_others = |format: Self| matches!(format, Self::Syslog | Self::Json | Self::Logfmt);
        let is_unknown = self == Self::Unknown || other == Self::Unknown;
        self != other && (is_unknown || !(goes_with_others(self) || goes_with_others(other)))
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
}

/// A set of formats; a line behind a head of syslog is of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineFormats(u32);

impl LineFormats {
    /// The set of one.
    pub(crate) const fn only(format: LineFormat) -> Self {
        Self(1 << format as u32)
    }

    /// The set with one more.
    #[must_use]
    pub fn with(self, format: LineFormat) -> Self {
        Self(self.0 | 1 << format as u32)
    }

    /// One bit for each member.
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// Whether the two sets have one in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it is in the set.
    #[must_use]
    pub fn contains(self, format: LineFormat) -> bool {
        self.meets(Self::default().with(format))
    }

    /// Whether one of them is a format whose parser takes lines apart.
    #[must_use]
    pub fn is_taken_apart(self) -> bool {
        let others = [LineFormat::Unknown, LineFormat::Json, LineFormat::Logfmt];
        !Self(self.0 & !others.into_iter().collect::<Self>().0).is_empty()
    }

    /// Whether none of them says more than a head of syslog does.
    #[inline]
    pub(crate) fn is_unknown(self) -> bool {
        let known = !(Self::only(LineFormat::Unknown).0 | Self::only(LineFormat::Syslog).0);
        self.0 & known == 0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<LineFormat> for LineFormats {
    fn from_iter<I: IntoIterator<Item = LineFormat>>(formats: I) -> Self {
        formats.into_iter().fold(Self::default(), Self::with)
    }
}
