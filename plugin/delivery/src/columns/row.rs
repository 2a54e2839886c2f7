//! One record, laid out over the columns of its lane.
//!
//! Every field of the record ends in a column or in the overflow, never in both and never in neither. Fields whose
//! value does not fit their column go to the overflow under their own name, and are counted as misfits: a word or a number
//! too large in a column of integers, NaN, text that is not UTF-8 or longer than [`MAX_TEXT_BYTES`], a list or a map.

pub use super::fit::{MAX_TEXT_BYTES, fits};

use super::fit::{Target, fit, is_cell, is_utf8, key_text, text_of};
use super::rows::{Cell, ColumnCells, Field, Rows, Taken, Text};
use crate::schema::{Column, ColumnKind};
use shiwake_records::event::Event;
use shiwake_records::msgpack::{Reader, Value};
use std::collections::HashMap;

/// Fields of a record whose places are remembered for the next one.
const KNOWN_FIELDS: usize = 64;
/// The field that names a record's type.
const TYPE_FIELD: &[u8] = b"log_type";

/// Where the fields of a lane's records go.
#[derive(Debug)]
pub struct RowLayout<'s> {
    kinds: Vec<ColumnKind>,
    targets: HashMap<&'s [u8], Target>,
    /// The columns that no field fills.
    stamped: Vec<(usize, ColumnKind)>,
    own_type: &'s str,
}

impl<'s> RowLayout<'s> {
    /// The layout for these columns. `own_type` is the name of the log type, which stands in the path and not in a column; when a
    /// record names another type for itself, that goes to the overflow.
    #[must_use]
    pub fn new(columns: &'s [Column], own_type: &'s str) -> Self {
        let mut targets = HashMap::new();
        for (index, column) in columns.iter().enumerate() {
            for (rank, field) in column.from.iter().enumerate() {
                targets.insert(field.as_bytes(), Target::Column { column: index, rank, kind: column.kind });
            }
        }
        let kinds: Vec<ColumnKind> = columns.iter().map(|column| column.kind).collect();
        let stamped = kinds.iter().copied().enumerate();
        let stamped = stamped.filter(|(_, kind)| matches!(kind, ColumnKind::Time | ColumnKind::Tag)).collect();
        Self { kinds, targets, stamped, own_type }
    }

    /// Fills the columns of the last row that are filled by no field: its time, and the tag of its chunk.
    pub fn stamp<'a>(&self, time_micros: i64, tag: &'a str, rows: &mut Rows<'a>) {
        for (column, kind) in &self.stamped {
            rows.put_behind(
                *column,
                match kind {
                    ColumnKind::Time => Cell::Int(time_micros),
                    _ => Cell::Text(Text::Kept(tag.as_bytes())),
                },
            );
        }
    }

    /// Adds one event to the rows.
    pub fn fill<'a>(&self, event: &Event<'a>, rows: &mut Rows<'a>) {
        self.fill_fields(event.body.count, event.body.content, rows);
        if let Some(metadata) = event.metadata.filter(|metadata| metadata.count > 0) {
            let text = text_of(&Value::Map(metadata), &mut rows.made);
            rows.put_aside(Text::Kept(b"metadata"), text);
        }
        rows.end();
    }

    /// As [`RowLayout::fill`], for an event without metadata whose record has `count` pairs, of which `content` are the bytes.
    pub fn fill_plain<'a>(&self, count: u32, content: &'a [u8], rows: &mut Rows<'a>) {
        self.fill_fields(count, content, rows);
        rows.end();
    }

    fn fill_fields<'a>(&self, count: u32, content: &'a [u8], rows: &mut Rows<'a>) {
        if !rows.was_contested {
            let mark = rows.begin();
            if self.fill_uncontested(count, content, rows).is_some() {
                return;
            }
            rows.take_back(mark);
        }
        rows.begin();
        rows.was_contested = self.fill_contested(count, content, rows);
    }

    /// Lays out a record of which no two fields are for one column; `None` when there are such, or it is odd in another way.
    fn fill_uncontested<'a>(&self, count: u32, content: &'a [u8], rows: &mut Rows<'a>) -> Option<()> {
        let row = rows.len() as u32;
        let mut reader = Reader::new(content);
        let mut next = 0;
        for _ in 0..count {
            // Records of one type mostly have the same fields in the same order.
            let place = match rows.order.get(next) {
                Some(field) if reader.step_over(field.key) => next,
                // A name that is no text, or has 64 KiB, is rare enough for the long way.
                _ => self.find_field(&mut reader, &mut rows.order, next)?,
            };
            next = place + 1;
            let field = rows.order.get(place)?;
            let Target::Column { column, kind, .. } = field.target else {
                let (field, value) = (*field, reader.value().ok()?);
                if field.target == Target::OwnType {
                    if matches!(value, Value::Str(text) if text == self.own_type.as_bytes()) {
                        continue;
                    }
                    // Where it goes instead depends on the columns.
                    return None;
                }
                aside(&field, &value, rows);
                continue;
            };
            let ColumnCells { cells, seen } = rows.columns.get_mut(column)?;
            let is_contested = *seen == rows.records;
            if !is_contested && let Some(text) = reader.short_text() {
                *seen = rows.records;
                if is_cell(kind, text) {
                    cells.push((row, Cell::Text(Text::Kept(text))));
                } else {
                    let name = field.name;
                    settle(column, kind, name, Value::Str(text), rows);
                }
                continue;
            }
            let field = *field;
            let value = reader.value().ok()?;
            if is_nested(&value) && kind != ColumnKind::Json {
                rows.misfits += 1;
                aside(&field, &value, rows);
                continue;
            }
            if is_contested {
                return None;
            }
            *seen = rows.records;
            settle(column, kind, field.name, value, rows);
        }
        Some(())
    }

    /// Reads the name of a field that is not the one at `next`, and gives its place in the order of fields. Some fields are not in
    /// all records, so it may be the one behind; else it is put there.
    fn find_field<'a>(&self, reader: &mut Reader<'a>, order: &mut Vec<Field<'a>>, next: usize) -> Option<usize> {
        if order.get(next + 1).is_some_and(|field| reader.step_over(field.key)) {
            return Some(next + 1);
        }
        let start = reader.position();
        let name = reader.short_text()?;
        let target = self.target(name);
        if order.len() >= KNOWN_FIELDS {
            order.clear();
        }
        let place = next.min(order.len());
        order.insert(place, Field { key: reader.since(start), name, is_text: is_utf8(name), target });
        Some(place)
    }

    fn target(&self, name: &[u8]) -> Target {
        if name == TYPE_FIELD {
            return Target::OwnType;
        }
        self.targets.get(name).copied().unwrap_or(Target::Overflow)
    }

    /// Lays out any record, and tells whether several of its fields are for one column.
    fn fill_contested<'a>(&self, count: u32, content: &'a [u8], rows: &mut Rows<'a>) -> bool {
        let mut is_contested = false;
        let mut reader = Reader::new(content);
        for _ in 0..count {
            // The event was read whole before, so neither read fails.
            let (Ok(key), Ok(value)) = (reader.value(), reader.value()) else { break };
            is_contested |= self.place(key, value, rows);
        }
        let mut taken = std::mem::take(&mut rows.taken);
        for field in taken.drain(..) {
            if let Some(filled) = rows.filled.get_mut(field.column) {
                *filled = 0;
            }
            let kind = self.kinds.get(field.column).copied().unwrap_or(ColumnKind::Text);
            settle(field.column, kind, field.name, field.value, rows);
        }
        rows.taken = taken;
        is_contested
    }

    /// Places a field, and tells whether another one is for the same column.
    fn place<'a>(&self, key: Value<'a>, value: Value<'a>, rows: &mut Rows<'a>) -> bool {
        let target = match key {
            Value::Str(TYPE_FIELD) if value.as_str() == Some(self.own_type) => return false,
            Value::Str(name) => self.targets.get(name).copied().zip(Some(name)),
            _ => None,
        };
        let Some((Target::Column { column, rank, kind }, name)) = target else {
            aside_as(&key, &value, rows);
            return false;
        };
        if is_nested(&value) && kind != ColumnKind::Json {
            rows.misfits += 1;
            aside_as(&key, &value, rows);
            return false;
        }
        let field = Taken { column, rank, name, value };
        let filled = rows.filled.get(column).copied().unwrap_or(0);
        // The field listed first wins the column; between equal names the one that came first.
        match filled.checked_sub(1).and_then(|place| rows.taken.get_mut(place)) {
            Some(taken) if taken.rank <= rank => aside_as(&key, &value, rows),
            Some(taken) => {
                let before = std::mem::replace(taken, field);
                aside_as(&Value::Str(before.name), &before.value, rows);
            }
            None => {
                rows.taken.push(field);
                if let Some(filled) = rows.filled.get_mut(column) {
                    *filled = rows.taken.len();
                }
                return false;
            }
        }
        true
    }
}

/// A list or a map fills no column but one of JSON, so it keeps no other field out of it: loggers nest what is theirs under `log`.
fn is_nested(value: &Value<'_>) -> bool {
    matches!(value, Value::Array(_) | Value::Map(_))
}

/// A field into its column, or aside.
fn settle<'a>(column: usize, kind: ColumnKind, name: &'a [u8], value: Value<'a>, rows: &mut Rows<'a>) {
    let (cell, is_whole) = fit(kind, &value, &mut rows.made);
    if !is_whole {
        rows.misfits += u64::from(cell.is_none());
        aside_as(&Value::Str(name), &value, rows);
    }
    if let Some(cell) = cell {
        rows.put(column, cell);
    }
}

/// A field into the overflow.
fn aside<'a>(field: &Field<'a>, value: &Value<'a>, rows: &mut Rows<'a>) {
    if !field.is_text {
        return aside_as(&Value::Str(field.name), value, rows);
    }
    let text = text_of(value, &mut rows.made);
    rows.put_aside(Text::Kept(field.name), text);
}

fn aside_as<'a>(key: &Value<'a>, value: &Value<'a>, rows: &mut Rows<'a>) {
    let name = key_text(key, &mut rows.made);
    let text = text_of(value, &mut rows.made);
    rows.put_aside(name, text);
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
