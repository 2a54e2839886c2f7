//! What is logged: how many tasks, and of each type how much.

use super::PlanError;
use shiwake_delivery::lane::{Lane, Lanes};
use shiwake_records::units::parse_size;
use std::path::Path;
use toml::de::{DeTable, DeValue};

pub(super) const DAY_SECONDS: f64 = 86_400.0;

/// How much of a type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Amount {
    /// Bytes a second, as JSON.
    JsonBytes(f64),
    /// Records a second.
    Records(f64),
}

/// What all tasks together log of a type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TypeLoad {
    /// The type.
    pub(super) lane: Lane,
    /// The built-in type that it is, or is like.
    pub(super) like: Lane,
    /// How much in a second.
    pub(super) amount: Amount,
    /// Bytes of a record as JSON, when they are said.
    pub(super) record_bytes: Option<f64>,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    /// Tasks, each with a log router.
    pub(super) tasks: u64,
    /// The types.
    pub(super) types: Vec<TypeLoad>,
}

/// What the user says of it on the command line, which goes before the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'s> {
    pub(super) file: Option<&'s Path>,
    pub(super) tasks: Option<u64>,
    /// `TYPE=SIZE` or `TYPE=SIZE:RECORD_BYTES`, a day and of all tasks.
    pub(super) daily: &'s [String],
}

impl Load {
    /// Reads it.
    pub(super) fn new(said: Said<'_>, lanes: &Lanes) -> Result<Self, PlanError> {
        let mut load = Load { tasks: 0, types: Vec::new() };
        if let Some(file) = said.file {
            let text =
                std::fs::read_to_string(file).map_err(|source| PlanError::Read { file: file.to_owned(), source })?;
            load.read(&text, lanes).map_err(|why| PlanError::Load { file: file.to_owned(), why })?;
        }
        load.tasks = said.tasks.unwrap_or(load.tasks);
        for daily in said.daily {
            let wrong = || PlanError::Daily { found: daily.clone() };
            let (name, amount) = daily.split_once('=').ok_or_else(wrong)?;
            let (size, record) = amount.split_once(':').map_or((amount, None), |(size, record)| (size, Some(record)));
            let bytes = parse_size(size).ok_or_else(wrong)? as f64;
            let record_bytes =
                record.map(|text| parse_size(text).filter(|bytes| *bytes > 0).ok_or_else(wrong)).transpose()?;
            let (lane, like) = lane_of(name, lanes).ok_or_else(|| unknown(name, lanes))?;
            load.types.retain(|known| known.lane != lane);
            load.types.push(TypeLoad {
                lane,
                like,
                amount: Amount::JsonBytes(bytes / DAY_SECONDS),
                record_bytes: record_bytes.map(|bytes| bytes as f64),
            });
        }
        load.types.retain(|one| one.amount != Amount::JsonBytes(0.0));
        if load.tasks == 0 || load.types.is_empty() {
            return Err(PlanError::Nothing);
        }
        load.types.sort_by_key(|one| lanes.index(one.lane));
        Ok(load)
    }

    /// `tasks = 10`, and `[type.access]` with `bytes_per_day` (a size) or `records_per_second`, and `record_bytes` if it is
    /// known.
    fn read(&mut self, text: &str, lanes: &Lanes) -> Result<(), String> {
        let file = DeTable::parse(text).map_err(|error| error.to_string())?;
        for (key, value) in file.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("tasks", tasks) => {
                    self.tasks = number(tasks)
                        .filter(|tasks| *tasks >= 1.0 && tasks.fract() == 0.0 && *tasks <= 1e9)
                        .ok_or("tasks: a number from 1 on is allowed")? as u64;
                }
                ("type", DeValue::Table(types)) => {
                    for (name, of_type) in types {
                        let name = name.get_ref();
                        let (lane, like) = lane_of(name, lanes).ok_or_else(|| unknown(name, lanes).to_string())?;
                        let of_type = of_type.get_ref().as_table().ok_or(format!("type.{name} is no table"))?;
                        self.types.push(type_load(lane, like, of_type).map_err(|why| format!("type.{name}: {why}"))?);
                    }
                }
                (other, _) => return Err(format!("'{other}' is not known: tasks and [type.NAME] are")),
            }
        }
        Ok(())
    }
}

fn type_load(lane: Lane, like: Lane, table: &DeTable<'_>) -> Result<TypeLoad, String> {
    let (mut bytes_per_day, mut records_per_second, mut record_bytes) = (None, None, None);
    for (key, value) in table {
        let value = value.get_ref();
        let positive = number(value).filter(|number| *number > 0.0 && number.is_finite());
        let read = match key.get_ref().as_ref() {
            "bytes_per_day" => {
                bytes_per_day = value.as_str().and_then(parse_size).map(|bytes| bytes as f64).or(positive);
                bytes_per_day
            }
            "records_per_second" => {
                records_per_second = positive;
                records_per_second
            }
            "record_bytes" => {
                record_bytes = positive;
                record_bytes
            }
            other => {
                return Err(format!("'{other}' is not known: bytes_per_day, records_per_second and record_bytes are"));
            }
        };
        if read.is_none() {
            return Err(format!("{} has no value that is allowed", key.get_ref()));
        }
    }
    let amount = match (bytes_per_day, records_per_second) {
        (Some(bytes), None) => Amount::JsonBytes(bytes / DAY_SECONDS),
        (None, Some(records)) => Amount::Records(records),
        _ => return Err("give either bytes_per_day or records_per_second".to_owned()),
    };
    Ok(TypeLoad { lane, like, amount, record_bytes })
}

fn lane_of(name: &str, lanes: &Lanes) -> Option<(Lane, Lane)> {
    let lane = lanes.iter().find(|lane| lane.name() == name)?;
    Some((lane, lanes.like(lane).unwrap_or(lane)))
}

fn unknown(name: &str, lanes: &Lanes) -> PlanError {
    let known = lanes.iter().map(|lane| lane.name().to_owned()).collect::<Vec<_>>().join(", ");
    PlanError::Type { found: name.to_owned(), known }
}

/// A number, whole or not.
pub(super) fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(integer) => {
            let text = integer.as_str().replace('_', "");
            i64::from_str_radix(&text, integer.radix()).ok().map(|number| number as f64)
        }
        DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
        _ => None,
    }
}
