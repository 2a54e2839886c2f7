//! Brings back what was set aside: segment files that could not be read or delivered, and raw records in a lake.
//!
//! - [`source`]: where such files are. [`content`]: what is in one. [`deliver`]: its records into a lake, under the names that
//!   they would have had. [`export`]: all that can be read of it, as text.
//!
//! What is brought back stays where it was: whether it can go is for people to say.

mod content;
mod deliver;
mod export;
mod source;

use crate::rules_file;
use content::Content;
use deliver::{Outcome, Target};
use shiwake_delivery::store::{Environment, Lake, Location, LocationError, OpenError, PutError, ReadError, S3Options};
use shiwake_records::rules::RulesError;
use source::{Found, find};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// What to do with what was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Say what is in it.
    List,
    /// Store its records in this lake.
    Deliver(String),
    /// Print all that can be read, an object a line.
    Export,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// What was given is no lake.
    #[error("lake {0}")]
    Location(#[from] LocationError),
    /// The rules cannot be used.
    #[error("the rules cannot be used: {0}")]
    Rules(#[from] RulesError),
    /// The lake cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The lake cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The lake does not take an object; what was stored before it stays, and storing it again changes nothing.
    #[error(transparent)]
    Put(#[from] PutError),
    /// The system gives no runtime.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// Nobody takes what is said.
    #[error("cannot write: {0}")]
    Write(io::Error),
}

/// Goes through the sources; whether all that is in them was whole, and is in the lake if it was to be delivered.
pub(crate) fn run(
    sources: &[String],
    purpose: &Purpose,
    rules: Option<&PathBuf>,
    options: &S3Options,
    environment: &Environment,
) -> Result<bool, RestoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RestoreError::Start)?;
    let rules = rules_file::load_or_built_in(rules.map(PathBuf::as_path))?;
    let target = match purpose {
        Purpose::Deliver(lake) => Some(Target::new(Lake::open(&Location::parse(lake)?, options, environment)?, &rules)),
        Purpose::List | Purpose::Export => None,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let result = runtime.block_on(async {
        let mut is_whole = true;
        for source in sources {
            let found = find(source, options, environment).await?;
            if found.is_empty() {
                say(&mut out, purpose, &format!("{source}: nothing is set aside here"))?;
            }
            for file in found {
                is_whole &= restore(&file, purpose, target.as_ref(), &mut out).await?;
            }
        }
        Ok(is_whole)
    });
    match result.and_then(|is_whole| out.flush().map(|()| is_whole).map_err(RestoreError::Write)) {
        // Whoever read us has seen enough.
        Err(RestoreError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        result => result,
    }
}

/// Does with one file what is to be done.
async fn restore(
    file: &Found,
    purpose: &Purpose,
    target: Option<&Target>,
    out: &mut impl Write,
) -> Result<bool, RestoreError> {
    let bytes = file.read().await?;
    let content = Content::read(&bytes);
    let said = content.describe(file.origin, &bytes);
    match (&content, target) {
        (Content::Segment(segment), Some(target)) => {
            let outcome = deliver::deliver(target, &segment.segment).await?;
            say(out, purpose, &format!("{}: {said}: {outcome}", file.name))?;
            Ok(content.is_whole() && matches!(outcome, Outcome::Stored { rejected: None, .. }))
        }
        (Content::Raw(_), Some(_)) => {
            say(out, purpose, &format!("{}: {said}: not delivered, see --export", file.name))?;
            Ok(false)
        }
        (_, None) => {
            say(out, purpose, &format!("{}: {said}", file.name))?;
            if *purpose == Purpose::Export {
                export::export(&file.name, &content, &bytes, out).map_err(RestoreError::Write)?;
            }
            Ok(content.is_whole())
        }
    }
}

/// Says a line, beside what is exported and not in it.
fn say(out: &mut impl Write, purpose: &Purpose, line: &str) -> Result<(), RestoreError> {
    let said = match purpose {
        Purpose::Export => writeln!(io::stderr(), "{line}"),
        Purpose::List | Purpose::Deliver(_) => writeln!(out, "{line}"),
    };
    said.map_err(RestoreError::Write)
}
