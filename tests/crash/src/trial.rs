//! A whole trial: folders, feeders, and the comparison at the end.

use crate::CrashError;
use crate::child::Launch;
use crate::expectation::Expectation;
use crate::found;
use crate::ledger;
use crate::verdict::Verdict;
use shiwake_delivery::store::S3Options;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a trial is made of.
#[derive(Debug, Clone)]
pub struct Trial {
    /// How feeders are started.
    pub launch: Launch,
    /// The lake, as the plugin knows it.
    pub lake: String,
    /// Where S3 is, for a lake that is a bucket.
    pub endpoint: Option<String>,
    /// The command `shiwake`.
    pub command: PathBuf,
}

/// What is given for a trial.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The feeder program.
    pub feeder: &'a Path,
    /// The command `shiwake`.
    pub command: &'a Path,
    /// The shared object.
    pub plugin: &'a Path,
    /// The folder for spool, notes and logs, and for the lake when none is named.
    pub folder: &'a Path,
    /// The lake, when it is not below the folder.
    pub lake: Option<&'a str>,
    /// Where S3 is.
    pub endpoint: Option<&'a str>,
    /// The durability, or the default of each type.
    pub durability: &'a str,
    /// More properties, which win over the ones here.
    pub properties: &'a [(String, String)],
    /// What all follows from.
    pub seed: u64,
}

impl Trial {
    /// Makes the folders.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn new(given: &Given<'_>) -> Result<Self, CrashError> {
        std::fs::create_dir_all(given.folder).map_err(CrashError::io("make", given.folder))?;
        let lake = given.lake.map_or_else(|| given.folder.join("lake").display().to_string(), str::to_owned);
        let store_dir = given.folder.join("spool").display().to_string();
        // Small segments and short times, so that there is always one being sealed, stored and committed.
        let mut properties: Vec<(String, String)> = [
            ("lake", lake.as_str()),
            ("store_dir", &store_dir),
            ("total_file_size", "100k"),
            ("upload_timeout", "1s"),
            ("shutdown_timeout", "300s"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if !given.durability.is_empty() {
            properties.push(("durability".to_owned(), given.durability.to_owned()));
        }
        if let Some(endpoint) = given.endpoint {
            properties.push(("endpoint".to_owned(), endpoint.to_owned()));
            properties.push(("region".to_owned(), "eu-west-1".to_owned()));
        }
        properties.retain(|(name, _)| given.properties.iter().all(|(other, _)| other != name));
        properties.extend(given.properties.iter().cloned());
        let launch = Launch {
            feeder: given.feeder.to_owned(),
            plugin: given.plugin.to_owned(),
            properties,
            seed: given.seed,
            folder: given.folder.to_owned(),
        };
        Ok(Self { launch, lake, endpoint: given.endpoint.map(str::to_owned), command: given.command.to_owned() })
    }

    /// Compares what was sent with what is in the lake.
    ///
    /// # Errors
    /// When notes, log or lake cannot be read.
    pub fn judge(&self) -> Result<Judgement, CrashError> {
        let expectation = Expectation::read(&self.launch.notes(), self.launch.seed)?;
        let options = S3Options {
            region: self.endpoint.as_ref().map(|_| "eu-west-1".to_owned()),
            endpoint: self.endpoint.clone(),
            ..S3Options::default()
        };
        let environment = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let verdict = Verdict::new(&expectation, &found::read(&self.lake, &options, &environment)?);
        let ledger = ledger::add_up(&self.command, &self.lake, self.endpoint.as_deref())?;
        let alarms = ledger::alarms(&self.launch.log())?;
        let left = segments_left(&self.launch.folder.join("spool"));
        Ok(Judgement { verdict, ledger, alarms, left })
    }
}

/// What a trial came to.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The comparison.
    pub verdict: Verdict,
    /// The ledger of the lake.
    pub ledger: ledger::Ledger,
    /// Lines of the plugin that tell of what may not be.
    pub alarms: Vec<String>,
    /// Segment files that are still in the spool.
    pub left: Vec<PathBuf>,
}

impl Judgement {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.verdict.is_good() && self.ledger.adds_up && self.alarms.is_empty() && self.left.is_empty()
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, ledger, alarms, left } = self;
        writeln!(formatter, "{verdict}")?;
        if ledger.adds_up {
            writeln!(formatter, "shiwake ledger: no gaps, no doubles")?;
        } else {
            writeln!(formatter, "shiwake ledger does not add up:\n{}", ledger.text)?;
        }
        writeln!(
            formatter,
            "alarms in the plugin's log: {}, segments left in the spool: {}",
            alarms.len(),
            left.len()
        )?;
        alarms.iter().take(10).try_for_each(|alarm| writeln!(formatter, "  {alarm}"))?;
        left.iter().take(10).try_for_each(|left| writeln!(formatter, "  {}", left.display()))
    }
}

fn segments_left(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut left = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            left.extend(segments_left(&path));
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().contains(".segment")) {
            left.push(path);
        }
    }
    left
}
