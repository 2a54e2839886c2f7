//! Stores the records of a segment under the names that they would have had, each once.
//!
//! What is in the lake already is left as it is. A lake that has files of the segment which count its records otherwise was
//! given them when more, or less, of it could be read: then nothing is stored, as it would double some or replace many by few.

use super::RestoreError;
use crate::ledger::footer::{self, NotRead};
use shiwake_delivery::columns::ColumnMemory;
use shiwake_delivery::columns::codec::Codec;
use shiwake_delivery::columns::file::{FileWriter, plan};
use shiwake_delivery::columns::object::{PartitionObject, guarded, write_object};
use shiwake_delivery::lane::Lanes;
use shiwake_delivery::schema::Schemas;
use shiwake_delivery::spool::LoadedSegment;
use shiwake_delivery::store::{Lake, Object};
use shiwake_records::rules::RuleSet;
use std::sync::Arc;

/// What became of a segment.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All of its records are in the lake.
    Stored {
        /// Objects that were stored now.
        stored: usize,
        /// Objects that were there.
        present: usize,
        /// Why some records are not in a file of their type.
        rejected: Option<String>,
    },
    /// The lake has a file of the segment that counts its records otherwise.
    Contradicted {
        /// The file.
        key: String,
    },
    /// Its records cannot be told apart.
    Damaged(String),
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Stored { stored, present, rejected } => {
                write!(formatter, "{stored} objects stored, {present} were there")?;
                rejected.iter().try_for_each(|reason| write!(formatter, "; kept under quarantine/: {reason}"))
            }
            Outcome::Contradicted { key } => {
                write!(formatter, "not delivered, {key} counts the records of this segment otherwise; see --export")
            }
            Outcome::Damaged(reason) => write!(formatter, "not delivered, {reason}; see --export"),
        }
    }
}

/// Where records are to go, and what makes files of them.
pub(crate) struct Target {
    lake: Lake,
    writer: FileWriter,
}

impl Target {
    /// The lake, for records of the types that the rules know.
    pub(crate) fn new(lake: Lake, rules: &RuleSet) -> Self {
        let lanes = Lanes::new(rules.types().iter().map(|declared| (declared.log_type, declared.like)));
        let schemas = Arc::new(Schemas::new(lanes, rules.types()));
        let rules = rules.fingerprint();
        Self { lake, writer: FileWriter { codec: Codec::default(), schemas, rules } }
    }
}

/// Stores what is not in the lake.
pub(crate) async fn deliver(
    Target { lake, writer }: &Target,
    segment: &LoadedSegment,
) -> Result<Outcome, RestoreError> {
    let plans = match guarded(|| plan(segment)) {
        Ok(plans) => plans,
        Err(reason) => return Ok(Outcome::Damaged(reason)),
    };
    let (mut missing, mut present, mut rejected) = (Vec::new(), 0, None);
    let mut memory = ColumnMemory::default();
    for plan in &plans {
        let object = write_object(writer, segment, plan, &mut memory);
        rejected = rejected.or_else(|| object.rejected.clone());
        match lake.find(&object.key).await? {
            None => missing.push(object),
            Some(found) => match counts(lake, &found).await? {
                // Not whole, so nothing that anybody could read.
                None => missing.push(object),
                Some(counts) if counts == (segment.records, plans.len() as u64, plan.records()) => present += 1,
                Some(_) => return Ok(Outcome::Contradicted { key: object.key }),
            },
        }
    }
    let stored = missing.len();
    for PartitionObject { key, bytes, .. } in missing {
        lake.put(&key, bytes.into()).await?;
    }
    Ok(Outcome::Stored { stored, present, rejected })
}

/// Records of the segment, its files, and records of this one, as the file says; `None` when it is none of ours that is whole.
async fn counts(lake: &Lake, file: &Object) -> Result<Option<(u64, u64, u64)>, RestoreError> {
    match footer::read(lake, file).await {
        Ok(footer) => Ok(Some((footer.segment_records, u64::from(footer.parts), footer.records))),
        Err(NotRead::Store(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}
