//! What is measured: chunks into a lake.

use crate::BenchError;
use crate::frames::FrameReader;
use shiwake_delivery::clock::SystemClock;
use shiwake_delivery::columns::ColumnMemory;
use shiwake_delivery::columns::codec::Codec;
use shiwake_delivery::columns::file::{FileWriter, plan};
use shiwake_delivery::config::Properties;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::lane::Lane;
use shiwake_delivery::log::{Level, Log};
use shiwake_delivery::metrics::NoMetrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline};
use shiwake_delivery::spool::{Block, LoadedSegment, SegmentId};
use shiwake_records::rules::SourceFile;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long what is pending may take at the end.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How often a chunk is handed over again that was answered RETRY: the store is a folder, so room comes.
const TRIES: usize = 100;

/// Lines of the output that somebody must see.
struct Console;

impl Log for Console {
    fn line(&self, level: Level, text: &str) {
        if level != Level::Info {
            // A console that is gone is nobody's loss.
            let _ = writeln!(std::io::stderr(), "{level:?}: {text}");
        }
    }
}

/// Hands chunks to an output instance, as a host does, and waits until all is in the lake: decoding, sorting, spool,
/// columns, Parquet, files.
pub(crate) fn through_output(chunks: &Path, lake: &Path, settings: &[(String, String)]) -> Result<u64, BenchError> {
    let lake = lake.to_string_lossy().into_owned();
    let mut properties = vec![("lake", lake.as_str()), ("ecs_metadata", "off")];
    properties.extend(settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let properties = Properties::new(&PROPERTIES, properties)?;
    let mut load = |name: &str, _: Option<&str>| Ok(SourceFile::new(name, String::new()));
    let config = OutputConfig::new(&properties, &[], &mut load)?;
    let outside = Outside {
        instance: "bench".to_owned(),
        clock: Arc::new(SystemClock::default()),
        log: Arc::new(Console),
        memory: Arc::default(),
        metrics: Arc::new(NoMetrics),
    };
    let pipeline = Pipeline::start(config, &[], outside)?;
    let mut frames = FrameReader::open(chunks)?;
    let mut sent = 0;
    while let Some((chunk, records)) = frames.next()? {
        if !(0..TRIES).any(|_| pipeline.accept(&chunk, "bench") == Answer::Accepted) {
            return Err(BenchError::Refused);
        }
        sent += records;
        frames.reuse(chunk);
    }
    pipeline.stop_within(PATIENCE);
    let totals = pipeline.ledger().totals();
    if totals.written != sent {
        return Err(BenchError::Unwritten(totals.to_string()));
    }
    Ok(sent)
}

/// Makes files of events that are sorted and lie by type, in segments of so many bytes: columns, Parquet, files.
pub(crate) fn through_columns(folder: &Path, lake: &Path, segment_bytes: usize) -> Result<u64, BenchError> {
    let writer = FileWriter { codec: Codec::default(), schemas: Arc::default(), rules: 0 };
    let mut memory = ColumnMemory::default();
    let mut names: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, BenchError>>()?;
    names.sort();
    let (mut written, mut number) = (0, 0);
    for path in names {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(lane) = stem.strip_prefix("type-").and_then(Lane::from_name) else { continue };
        let (mut frames, mut first_record) = (FrameReader::open(&path)?, 0);
        loop {
            let (mut blocks, mut bytes) = (Vec::new(), 0);
            while bytes < segment_bytes {
                let Some((chunk, records)) = frames.next()? else { break };
                bytes += chunk.len();
                blocks.push(Block { tag: "bench".into(), events: chunk.into(), records, places: None });
            }
            if blocks.is_empty() {
                break;
            }
            let records = blocks.iter().map(|block| block.records).sum();
            let id = SegmentId { stream: "bench".into(), lane, number };
            let segment = LoadedSegment { id, first_record, records, blocks };
            for plan in plan(&segment)? {
                let path = lake.join(plan.partition.object_key(&segment.id));
                fs::create_dir_all(path.parent().unwrap_or(lake))?;
                fs::write(path, writer.write_in(&segment, &plan, &mut memory)?.bytes)?;
            }
            for block in segment.blocks {
                frames.reuse(block.events.into());
            }
            (number, first_record, written) = (number + 1, first_record + records, written + records);
        }
    }
    Ok(written)
}
