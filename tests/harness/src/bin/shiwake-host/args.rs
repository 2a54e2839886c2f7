//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use shiwake_harness::{HarnessError, Layout};

const DEFAULT_TAG: &str = "shiwake";
const DEFAULT_CHUNK_BYTES: usize = 256 * 1024;
const DEFAULT_RETRIES: u32 = 5;
const DEFAULT_RETRY_WAIT: Duration = Duration::from_millis(200);

pub(crate) const USAGE: &str = "\
Usage: shiwake-host [OPTIONS] FILE.ndjson...

Runs a plugin over JSON lines as Fluent Bit would. A numeric field `@time` (seconds) is taken out
of each line and becomes the event's time; lines without it get the current time.

  --layout VERSION       1.9.10, 4.2.8, 5.1.1 or unknown (default 4.2.8)
  --filter PATH          pass chunks through this native filter, flb-filter_NAME.so
  --filter-prop KEY=VAL  property of the filter; may be repeated
  --output PATH          flush chunks to this proxy output
  --prop KEY=VAL         property of the output; may be repeated
  --tag TAG              tag of every chunk (default shiwake)
  --chunk-bytes N        begin a new chunk at about this size (default 262144)
  --retries N            flush a chunk again this often when told to retry (default 5)
  --retry-wait-ms N      wait this long before each (default 200)
  --times                say too how many microseconds went by from before the plugins were loaded until
                         the first chunk was accepted
  --help                 show this text
";

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Command {
    Run(Args),
    Help,
}

/// A validated command line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) layout: Layout,
    pub(crate) filter: Option<PathBuf>,
    pub(crate) filter_properties: Vec<(String, String)>,
    pub(crate) output: Option<PathBuf>,
    pub(crate) output_properties: Vec<(String, String)>,
    pub(crate) tag: String,
    pub(crate) chunk_bytes: usize,
    pub(crate) retries: u32,
    pub(crate) retry_wait: Duration,
    /// Whether the time until the first chunk was accepted is told.
    pub(crate) tells_times: bool,
    pub(crate) files: Vec<PathBuf>,
}

/// A command line that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgsError {
    #[error("unknown option {given}; see --help")]
    Unknown { given: String },
    #[error("{option} needs a value")]
    NoValue { option: String },
    #[error("{option}: {given:?} is no {expected}")]
    Value { option: String, given: String, expected: &'static str },
    #[error("--layout")]
    Layout(#[from] HarnessError),
    #[error("neither --filter nor --output is given; see --help")]
    NoPlugin,
    #[error("no files are given; see --help")]
    NoFiles,
}

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Command, ArgsError> {
        let mut args = Self::default();
        let mut words = words;
        while let Some(word) = words.next() {
            let option = word.to_string_lossy().into_owned();
            if !option.starts_with("--") {
                args.files.push(word.into());
                continue;
            }
            if option == "--help" {
                return Ok(Command::Help);
            }
            if option == "--times" {
                args.tells_times = true;
                continue;
            }
            args.set(option, &mut words)?;
        }
        if args.filter.is_none() && args.output.is_none() {
            return Err(ArgsError::NoPlugin);
        }
        if args.files.is_empty() {
            return Err(ArgsError::NoFiles);
        }
        Ok(Command::Run(args))
    }

    fn set(&mut self, option: String, words: &mut impl Iterator<Item = OsString>) -> Result<(), ArgsError> {
        let mut value = || words.next().ok_or_else(|| ArgsError::NoValue { option: option.clone() });
        match option.as_str() {
            "--layout" => self.layout = text(value()?).parse()?,
            "--filter" => self.filter = Some(value()?.into()),
            "--filter-prop" => self.filter_properties.push(property(&option, value()?)?),
            "--output" => self.output = Some(value()?.into()),
            "--prop" => self.output_properties.push(property(&option, value()?)?),
            "--tag" => self.tag = text(value()?),
            "--chunk-bytes" => self.chunk_bytes = number(&option, value()?)?,
            "--retries" => self.retries = number(&option, value()?)?,
            "--retry-wait-ms" => self.retry_wait = Duration::from_millis(number(&option, value()?)?),
            _ => return Err(ArgsError::Unknown { given: option }),
        }
        Ok(())
    }
}

impl Default for Args {
    fn default() -> Self {
        Self {
            layout: Layout::V4_2_8,
            filter: None,
            filter_properties: Vec::new(),
            output: None,
            output_properties: Vec::new(),
            tag: DEFAULT_TAG.to_owned(),
            chunk_bytes: DEFAULT_CHUNK_BYTES,
            retries: DEFAULT_RETRIES,
            retry_wait: DEFAULT_RETRY_WAIT,
            tells_times: false,
            files: Vec::new(),
        }
    }
}

fn text(value: OsString) -> String {
    value.to_string_lossy().into_owned()
}

fn property(option: &str, value: OsString) -> Result<(String, String), ArgsError> {
    let given = text(value);
    match given.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(ArgsError::Value { option: option.to_owned(), given, expected: "KEY=VALUE" }),
    }
}

fn number<N: std::str::FromStr>(option: &str, value: OsString) -> Result<N, ArgsError> {
    let given = text(value);
    given.parse().map_err(|_| ArgsError::Value { option: option.to_owned(), given, expected: "number" })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's failure")]

    use super::*;

    fn parse(line: &str) -> Result<Command, ArgsError> {
        Args::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn a_full_command_line_is_understood() {
        let line = "--layout 5.1.1 --filter flb-filter_a.so --filter-prop x=y=z --output b.so \
                    --prop k= --tag app --chunk-bytes 10 --retries 0 --times one two";
        let Command::Run(args) = parse(line).unwrap() else {
            unreachable!("no help was asked for");
        };
        assert_eq!(args.layout, Layout::V5_1_1);
        assert_eq!(args.filter_properties, [("x".to_owned(), "y=z".to_owned())]);
        assert_eq!(args.output_properties, [("k".to_owned(), String::new())]);
        assert_eq!((args.chunk_bytes, args.retries, args.tells_times), (10, 0, true));
        assert_eq!(args.files.len(), 2);
    }

    #[test]
    fn a_wrong_command_line_says_what_is_wrong() {
        let cases = [
            ("--colour red", "unknown option --colour"),
            ("--output", "--output needs a value"),
            ("--output a.so", "no files"),
            ("file", "neither --filter nor --output"),
            ("--output a.so --prop x f", "is no KEY=VALUE"),
            ("--output a.so --chunk-bytes many f", "is no number"),
            ("--layout 9 f", "--layout"),
        ];
        for (line, expected) in cases {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
