//! Filter and output, one after the other.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use shiwake_harness::{ChunkError, Filter, Flush, HarnessError, Host, Output, Plugin, RecordKind, records};

use crate::args::Args;
use crate::summary::Summary;

/// A chunk that could not be passed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PipelineError {
    #[error(transparent)]
    Harness(#[from] HarnessError),
    #[error("the filter's answer is no chunk")]
    FilterOutput(#[from] ChunkError),
}

/// The loaded plugins and the instance of each.
#[derive(Debug)]
pub(crate) struct Pipeline {
    filter: Option<(Plugin, Filter)>,
    output: Option<(Plugin, Output)>,
    tag: String,
    retries: u32,
    retry_wait: Duration,
    /// Before the plugins were loaded; when times are told.
    began: Option<Instant>,
}

impl Pipeline {
    pub(crate) fn start(host: Host, args: &Args) -> Result<Self, HarnessError> {
        let began = args.tells_times.then(Instant::now);
        let load = |path: &Option<PathBuf>| path.as_ref().map(|path| host.load(path)).transpose();
        let filter = match load(&args.filter)? {
            Some(plugin) => {
                let filter = plugin.filter_instance(&borrowed(&args.filter_properties))?;
                Some((plugin, filter))
            }
            None => None,
        };
        let output = match load(&args.output)? {
            Some(plugin) => {
                let output = plugin.output_instance(&borrowed(&args.output_properties))?;
                Some((plugin, output))
            }
            None => None,
        };
        let (tag, retries, retry_wait) = (args.tag.clone(), args.retries, args.retry_wait);
        Ok(Self { filter, output, tag, retries, retry_wait, began })
    }

    /// Passes one chunk through.
    pub(crate) fn pass(&self, summary: &mut Summary, chunk: &[u8]) -> Result<(), PipelineError> {
        summary.chunks += 1;
        let filtered = match &self.filter {
            Some((_, filter)) => filter.run(&self.tag, chunk)?.or_input(chunk),
            None => chunk.to_vec(),
        };
        let left = records(&filtered)?;
        summary.filter_records_out += left.iter().filter(|record| record.kind() == RecordKind::Log).count();
        if left.is_empty() {
            return Ok(());
        }
        match &self.output {
            Some((_, output)) => self.deliver(output, summary, &filtered),
            None => Ok(()),
        }
    }

    /// Flushes until the output takes or refuses the chunk; one that is still to be retried after
    /// all attempts counts as an error.
    fn deliver(&self, output: &Output, summary: &mut Summary, chunk: &[u8]) -> Result<(), PipelineError> {
        for attempt in 0..=self.retries {
            if attempt > 0 {
                thread::sleep(self.retry_wait);
            }
            match output.flush(&self.tag, chunk)? {
                Flush::Ok => {
                    summary.flush_ok += 1;
                    if let (None, Some(began)) = (summary.first_accepted_micros, self.began) {
                        summary.first_accepted_micros = u64::try_from(began.elapsed().as_micros()).ok();
                    }
                    return Ok(());
                }
                Flush::Retry => summary.flush_retry += 1,
                Flush::Error => break,
            }
        }
        summary.flush_error += 1;
        Ok(())
    }

    /// Ends the filter, then the output, in the order of a host.
    pub(crate) fn exit(self) -> Result<(), HarnessError> {
        if let Some((plugin, _)) = self.filter {
            plugin.exit_all()?;
        }
        if let Some((plugin, _)) = self.output {
            plugin.exit_all()?;
        }
        Ok(())
    }
}

fn borrowed(properties: &[(String, String)]) -> Vec<(&str, &str)> {
    properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}
