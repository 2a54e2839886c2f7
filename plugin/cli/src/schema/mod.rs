//! `shiwake schema`: columns for fields of logs that have none, as a part of a rules file.
//!
//! - [`field`]: what values of a field are like. [`proposal`]: the columns that they would fill.

mod field;
mod proposal;

use crate::error::CommandError;
use crate::input::Lines;
use crate::rules_file;
use field::Field;
use shiwake_delivery::lane::{Lane, Lanes};
use shiwake_delivery::schema::Schemas;
use shiwake_records::classify::Fate;
use shiwake_records::event::Event;
use shiwake_records::line_event::EventMaker;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::Reader;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// Fields of a type that are looked at: what has more is no record but a map of its own data.
const MAX_FIELDS: usize = 4_096;

/// What is to be looked at.
pub(crate) struct Options<'o> {
    /// Files with a line or a JSON object on each line; standard input when there are none.
    pub(crate) logs: &'o [PathBuf],
    /// The user's rules.
    pub(crate) rules: Option<&'o PathBuf>,
    /// The host's tag.
    pub(crate) tag: &'o str,
    /// The least share of records, in percent.
    pub(crate) min_share: f64,
}

/// Records of a type.
#[derive(Debug, Default)]
struct Records {
    count: u64,
    fields: BTreeMap<String, Field>,
}

/// Sorts all lines and writes the proposal.
pub(crate) fn run(options: &Options<'_>, out: &mut impl Write) -> Result<(), CommandError> {
    let rules = rules_file::load_or_built_in(options.rules.map(PathBuf::as_path))?;
    let lanes = Lanes::new(rules.types().iter().map(|declared| (declared.log_type, declared.like)));
    let schemas = Schemas::new(lanes, rules.types());
    let mut sorter = Sorter::new(SorterConfig { rules, ..SorterConfig::default() });
    sorter.set_tag(options.tag.as_bytes());
    let (mut maker, mut lines) = (EventMaker::default(), Lines::of(options.logs));
    let (mut line, mut event, mut sorted) = (Vec::new(), Vec::new(), Vec::new());
    let mut types: BTreeMap<LogType, Records> = BTreeMap::new();
    while lines.read(&mut line)? {
        maker.make(&line, (0, 0), &mut event);
        sorted.clear();
        // What was written just before can be read, and is a record.
        let read = Event::read(&mut Reader::new(&event));
        let verdict = read.ok().and_then(|event| sorter.sort(&event, &mut sorted));
        if let Some(verdict) = verdict.filter(|verdict| verdict.fate == Fate::Kept)
            && let Ok(record) = Event::read(&mut Reader::new(&sorted))
        {
            types.entry(verdict.log_type).or_default().add(&record);
        }
    }
    for (log_type, records) in &types {
        let columns = schemas.columns(Lane::Typed(*log_type));
        proposal::write(*log_type, records, columns, options.min_share, out)?;
    }
    out.flush()?;
    Ok(())
}

impl Records {
    /// Looks at the fields of a record.
    fn add(&mut self, record: &Event<'_>) {
        self.count += 1;
        let mut reader = Reader::new(record.body.content);
        for _ in 0..record.body.count {
            // The event was read whole before, so neither read fails.
            let (Ok(key), Ok(value)) = (reader.value(), reader.value()) else { break };
            let Some(name) = key.as_str() else { continue };
            if let Some(field) = self.fields.get_mut(name) {
                field.add(&value);
            } else if self.fields.len() < MAX_FIELDS {
                self.fields.entry(name.to_owned()).or_default().add(&value);
            }
        }
    }
}
