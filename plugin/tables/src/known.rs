//! Which of some objects a table has already, or had.
//!
//! An object is known when a manifest of the table's current state names it, or one of a state that was rewritten: when an
//! engine has put many files into one, or has deleted rows, the object is no more in the table, and its rows are, or are not
//! to be. Such a state is the one before each snapshot of the current state's history that is not a plain append; as long as the
//! history has it, its objects are known. When a snapshot is expired, engines delete the files that none other has, and there is
//! nothing left to be found. An object of a state that was rolled back is not known.
//!
//! Manifests never change, so each is read once; of those only the ones that have files of the hours in question, one after the
//! other, and only the names that are asked for are kept.

use crate::candidate::Candidate;
use crate::columns::is_by_hour;
use crate::hour::Hour;
use iceberg::Result;
use iceberg::spec::{ManifestContentType, ManifestFile, Operation, SnapshotRef, TableMetadata};
use iceberg::table::Table;
use std::collections::HashSet;

/// Objects that a table has, of those that were asked for.
#[derive(Debug)]
pub(crate) struct Known {
    asked: HashSet<String>,
    hours: Option<(Hour, Hour)>,
    found: HashSet<String>,
    /// Manifests that were looked at, by path, and snapshots, by id.
    manifests: HashSet<String>,
    snapshots: HashSet<i64>,
}

impl Known {
    /// Asks for these objects.
    pub(crate) fn of(candidates: &[Candidate]) -> Self {
        let hours = candidates.iter().map(|candidate| candidate.hour);
        Self {
            asked: candidates.iter().map(|candidate| candidate.address.clone()).collect(),
            hours: hours.clone().min().zip(hours.max()),
            found: HashSet::new(),
            manifests: HashSet::new(),
            snapshots: HashSet::new(),
        }
    }

    /// Whether the table has, or had, an object as it was when it was looked at last.
    pub(crate) fn has(&self, candidate: &Candidate) -> bool {
        self.found.contains(&candidate.address)
    }

    /// Looks at a table's state, as far as it was not looked at before.
    ///
    /// # Errors
    /// When one of its manifests cannot be read.
    pub(crate) async fn look(&mut self, table: &Table) -> Result<()> {
        let metadata = table.metadata();
        for snapshot in states(metadata) {
            if !self.snapshots.insert(snapshot.snapshot_id()) {
                continue;
            }
            let manifests = table.manifest_list_reader(snapshot).load().await?;
            for manifest in manifests.entries() {
                let is_asked = manifest.content == ManifestContentType::Data && self.may_have(metadata, manifest);
                if !is_asked || !self.manifests.insert(manifest.manifest_path.clone()) {
                    continue;
                }
                let manifest = manifest.load_manifest(table.file_io()).await?;
                for entry in manifest.entries() {
                    if let Some(asked) = self.asked.get(entry.file_path()) {
                        self.found.insert(asked.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a manifest may have files of the hours in question.
    fn may_have(&self, metadata: &TableMetadata, manifest: &ManifestFile) -> bool {
        let Some((first, last)) = self.hours else { return false };
        match hours(metadata, manifest) {
            Some((from, to)) => from <= last && first <= to,
            None => true,
        }
    }
}

/// First and last hour of a manifest's files, when it says so.
pub(crate) fn hours(metadata: &TableMetadata, manifest: &ManifestFile) -> Option<(Hour, Hour)> {
    if manifest.partition_spec_id != metadata.default_partition_spec_id() || !is_by_hour(metadata) {
        return None;
    }
    let [summary] = manifest.partitions.as_deref()? else { return None };
    // As the spec has single values: four bytes, the least first (https://iceberg.apache.org/spec/#binary-single-value-serialization).
    let hour = |bound: &[u8]| Some(Hour(i32::from_le_bytes(bound.try_into().ok()?)));
    Some((hour(summary.lower_bound.as_deref()?)?, hour(summary.upper_bound.as_deref()?)?))
}

/// The current state, and those of its history that were rewritten.
fn states(metadata: &TableMetadata) -> Vec<&SnapshotRef> {
    let mut states: Vec<&SnapshotRef> = Vec::new();
    let mut next = metadata.current_snapshot();
    states.extend(next);
    while let Some(snapshot) = next {
        next = snapshot.parent_snapshot_id().and_then(|parent| metadata.snapshot_by_id(parent));
        if snapshot.summary().operation != Operation::Append {
            // Its own manifests say what it has taken away, when the state before is gone.
            states.push(snapshot);
            states.extend(next);
        }
    }
    states
}
