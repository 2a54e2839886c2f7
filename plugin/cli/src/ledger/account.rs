//! Adds up a lake, object by object, and says at last what was found.
//!
//! Of each file a few numbers are kept, names once, and a key only where it does not follow from them. Files that are not
//! read are kept by name, as every one of them is named.

use super::findings::{Findings, Mismatch};
use super::footer::{Footer, NotRead};
use super::key;
use super::tiling::{Placed, tile};
use shiwake_delivery::store::Object;
use shiwake_records::civil_time::CivilHour;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Names of streams and lanes, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Names {
    /// The number of a name.
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // There is no memory for as many names as there are numbers.
        let (name, number) = (Arc::<str>::from(name), u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// Gives the names new numbers, in order of the names, and the files too.
    pub(crate) fn sort(&mut self, files: &mut [Placed]) {
        let mut order: Vec<(Arc<str>, u32)> = self.names.drain(..).zip(0..).collect();
        order.sort_unstable();
        let mut ranks = vec![0; order.len()];
        for ((name, old), new) in order.into_iter().zip(0..) {
            if let Some(rank) = ranks.get_mut(old as usize) {
                *rank = new;
            }
            self.numbers.insert(name.clone(), new);
            self.names.push(name);
        }
        let rank = |old: u32| ranks.get(old as usize).copied().unwrap_or(old);
        for file in files {
            (file.stream, file.lane, file.table) = (rank(file.stream), rank(file.lane), rank(file.table));
        }
    }

    /// The name of a number.
    pub(crate) fn name(&self, number: u32) -> Arc<str> {
        self.names.get(number as usize).cloned().unwrap_or_default()
    }

    /// The key of a file.
    pub(crate) fn key(&self, file: &Placed) -> String {
        match (&file.moved_to, file.hour) {
            (Some(key), _) => key.to_string(),
            (None, Some(hour)) => key::own(&self.name(file.table), hour, &self.name(file.stream), file.segment),
            (None, None) => String::new(),
        }
    }
}

/// Objects and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    /// How many.
    pub(crate) objects: u64,
    /// How large together.
    pub(crate) bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What the files of a type have together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Table {
    /// Files and their bytes.
    pub(crate) files: Count,
    /// Rows in them, doubles too.
    pub(crate) rows: u64,
    /// First and last hour of their partitions.
    pub(crate) hours: Option<(CivilHour, CivilHour)>,
}

impl Table {
    fn add(&mut self, other: &Table) {
        self.files.objects += other.files.objects;
        self.files.bytes = self.files.bytes.saturating_add(other.files.bytes);
        self.rows = self.rows.saturating_add(other.rows);
        self.hours = match (self.hours, other.hours) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (hours, others) => hours.or(others),
        };
    }
}

/// A file that is not added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Its key.
    pub(crate) key: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// The kind of reason, in one word.
    pub(crate) word: &'static str,
    /// The reason.
    pub(crate) reason: String,
}

/// What has been added up so far.
#[derive(Debug, Default)]
pub(crate) struct Account {
    names: Names,
    files: Vec<Placed>,
    tables: BTreeMap<String, Table>,
    mismatches: Vec<Mismatch>,
    not_read: Vec<Unread>,
    raw_records: Count,
    others: Count,
}

/// What a lake adds up to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By type.
    pub(crate) tables: BTreeMap<String, Table>,
    /// Of all types.
    pub(crate) total: Table,
    /// Gaps, doubles, contradictions and how far streams are known.
    pub(crate) findings: Findings,
    /// Files that are not in any of these, by key.
    pub(crate) not_read: Vec<Unread>,
    /// Objects of raw records that no file could be made of.
    pub(crate) raw_records: Count,
    /// Objects that are nothing of a lake.
    pub(crate) others: Count,
}

impl Account {
    /// Adds a file, or the reason why it has no place.
    pub(crate) fn add_file(&mut self, object: Object, footer: Result<Footer, NotRead>) {
        match footer {
            Ok(footer) => self.add(&object.key, object.bytes, &footer),
            Err(error) => self.not_read.push(Unread {
                key: object.key,
                bytes: object.bytes,
                word: error.word(),
                reason: error.to_string(),
            }),
        }
    }

    fn add(&mut self, key: &str, bytes: u64, footer: &Footer) {
        let hour = key::hour(key);
        let one = Table { files: Count { objects: 1, bytes }, rows: footer.rows, hours: hour.map(|hour| (hour, hour)) };
        self.tables.entry(footer.table.clone()).or_default().add(&one);
        if footer.records != footer.rows {
            let (key, records, rows) = (key.to_owned(), footer.records, footer.rows);
            self.mismatches.push(Mismatch::Rows { key, records, rows });
        }
        let own = hour.map(|hour| key::own(&footer.table, hour, &footer.stream, footer.segment));
        let moved_to = (own.as_deref() != Some(key)).then(|| key.into());
        self.files.push(Placed {
            stream: self.names.number(&footer.stream),
            lane: self.names.number(&footer.lane),
            table: self.names.number(&footer.table),
            segment: footer.segment,
            first_record: footer.first_record,
            segment_records: footer.segment_records,
            part: footer.part,
            parts: footer.parts,
            records: footer.records,
            rows: footer.rows,
            hour,
            moved_to,
        });
    }

    /// Counts an object of raw records.
    pub(crate) fn add_raw_records(&mut self, bytes: u64) {
        self.raw_records.add(bytes);
    }

    /// Counts an object that is nothing of a lake.
    pub(crate) fn add_other(&mut self, bytes: u64) {
        self.others.add(bytes);
    }

    /// Says what was found, the same whatever the order in which objects came.
    pub(crate) fn finish(mut self) -> Report {
        self.names.sort(&mut self.files);
        let mut findings = tile(&mut self.files, &self.names);
        self.mismatches.sort_unstable_by_key(ToString::to_string);
        findings.mismatches.append(&mut self.mismatches);
        self.not_read.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let mut total = Table::default();
        self.tables.values().for_each(|table| total.add(table));
        let (tables, not_read) = (self.tables, self.not_read);
        Report { tables, total, findings, not_read, raw_records: self.raw_records, others: self.others }
    }
}

impl Report {
    /// Whether every record is there once, as far as anybody can know, and every file was read.
    pub(crate) fn adds_up(&self) -> bool {
        let Findings { gaps, doubles, mismatches, streams: _ } = &self.findings;
        gaps.is_empty() && doubles.is_empty() && mismatches.is_empty() && self.not_read.is_empty()
    }

    /// Records that are missing.
    pub(crate) fn records_missing(&self) -> u64 {
        self.findings.gaps.iter().fold(0, |sum, gap| sum.saturating_add(gap.records()))
    }

    /// Rows that are counted more often than once.
    pub(crate) fn rows_doubled(&self) -> u64 {
        self.findings.doubles.iter().fold(0, |sum, double| sum.saturating_add(double.rows()))
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
