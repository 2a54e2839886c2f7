//! One record, laid out over the columns of its lane.
//!
//! Every field of the record ends in a column or in the overflow, never in both and never in neither. Fields whose
//! value does not fit their column go to the overflow under their own name, and are counted as misfits: a word or a number
//! too large in a column of integers, NaN, text that is not UTF-8 or longer than [`MAX_TEXT_BYTES`], a list or a map.

use super::dictionary::is_same;
use crate::schema::{Column, ColumnKind};
use shiwake_records::event::Event;
use shiwake_records::msgpack::{Reader, Value, json};
use shiwake_records::severity::Severity;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Longest text in a column, in bytes. What is longer is no value that anybody filters by, and would make pages and
/// dictionaries of the column as large as itself; in the overflow it is read only by who asks for it.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// Fields of a record whose places are remembered for the next one.
const KNOWN_FIELDS: usize = 64;
/// Fields of an overflow that are compared each with each, which is cheaper than sorting so few.
const FEW_FIELDS: usize = 8;

/// A value that fits its column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Text, as its bytes, which are UTF-8.
    Text(Cow<'a, [u8]>),
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// Where the fields of a lane's records go.
#[derive(Debug)]
pub struct RowLayout<'s> {
    kinds: Vec<ColumnKind>,
    /// Field name to column and to its rank among the fields that fill the column.
    targets: HashMap<&'s [u8], Target>,
}

/// One record over the columns; reused from record to record.
#[derive(Debug, Default)]
pub struct Row<'a> {
    /// The columns that have a value, each by its number, in no order.
    pub cells: Vec<(usize, Cell<'a>)>,
    /// What no column took: the field's name and its text, `None` for nil.
    pub overflow: Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>,
    /// Fields in the overflow that have a column which their value does not fit.
    pub misfits: u64,
    /// Fields that fill columns so far, when several are for one.
    taken: Vec<Taken<'a>>,
    /// An entry a column: the number in `taken` of the field that fills it, plus one.
    filled: Vec<usize>,
    /// An entry a column: the last record that had a field for it.
    seen: Vec<u64>,
    records: u64,
    /// Whether the record before had several fields for one column.
    was_contested: bool,
    /// What the fields of records before were called, in their order, and where they went.
    known: Vec<(&'a [u8], Option<Target>)>,
    /// Where among those the next field is expected.
    next: usize,
}

/// A column, and a field's rank among those that fill it.
type Target = (usize, usize);

#[derive(Debug, Clone, Copy)]
struct Taken<'a> {
    column: usize,
    rank: usize,
    name: &'a [u8],
    value: Value<'a>,
}

impl<'s> RowLayout<'s> {
    /// The layout for these columns.
    #[must_use]
    pub fn new(columns: &'s [Column]) -> Self {
        let mut targets = HashMap::new();
        for (index, column) in columns.iter().enumerate() {
            for (rank, field) in column.from.iter().enumerate() {
                targets.insert(field.as_bytes(), (index, rank));
            }
        }
        Self { kinds: columns.iter().map(|column| column.kind).collect(), targets }
    }

    /// Lays out one event. `own_type` is the name of the log type, which stands in the path and not in a column; when
    /// the record names another type for itself, that goes to the overflow.
    pub fn fill<'a>(&self, event: &Event<'a>, own_type: &str, row: &mut Row<'a>) {
        self.fill_fields(event.body.count, event.body.content, own_type, row);
        if let Some(metadata) = event.metadata.filter(|metadata| metadata.count > 0) {
            row.overflow.push((Cow::Borrowed("metadata"), text_of(&Value::Map(metadata))));
        }
        rename_doubles(&mut row.overflow);
    }

    /// As [`RowLayout::fill`], for an event without metadata whose record has `count` pairs, of which `content` are the bytes.
    pub fn fill_plain<'a>(&self, count: u32, content: &'a [u8], own_type: &str, row: &mut Row<'a>) {
        self.fill_fields(count, content, own_type, row);
        rename_doubles(&mut row.overflow);
    }

    fn fill_fields<'a>(&self, count: u32, content: &'a [u8], own_type: &str, row: &mut Row<'a>) {
        row.seen.resize(self.kinds.len(), 0);
        row.filled.resize(self.kinds.len(), 0);
        if row.was_contested || !self.fill_uncontested(count, content, own_type, row) {
            row.was_contested = self.fill_contested(count, content, own_type, row);
        }
    }

    /// Lays out a record of which no two fields are for one column; `false` when there are such, and then nothing is done.
    fn fill_uncontested<'a>(&self, count: u32, content: &'a [u8], own_type: &str, row: &mut Row<'a>) -> bool {
        row.clear();
        row.records += 1;
        let mut reader = Reader::new(content);
        for _ in 0..count {
            let Some(name) = reader.short_text() else {
                let (Ok(key), Ok(value)) = (reader.value(), reader.value()) else { break };
                let Value::Str(_) = key else {
                    row.overflow.push((key_text(&key), text_of(&value)));
                    continue;
                };
                // A name of 64 KiB is rare enough for the long way.
                return false;
            };
            if is_same(name, b"log_type") {
                let Ok(value) = reader.value() else { break };
                if value.as_str() == Some(own_type) {
                    continue;
                }
                // Where it goes instead depends on the columns.
                return false;
            }
            let Some((column, _)) = self.target(name, row) else {
                let Ok(value) = reader.value() else { break };
                row.overflow.push((key_text(&Value::Str(name)), text_of(&value)));
                continue;
            };
            let (Some(kind), Some(seen)) = (self.kinds.get(column), row.seen.get_mut(column)) else { continue };
            let is_contested = *seen == row.records;
            if *kind == ColumnKind::Text
                && !is_contested
                && let Some(text) = reader.short_text()
            {
                *seen = row.records;
                if is_utf8(text) {
                    row.cells.push((column, Cell::Text(Cow::Borrowed(text))));
                } else {
                    self.settle(column, name, Value::Str(text), row);
                }
                continue;
            }
            let Ok(value) = reader.value() else { break };
            if Self::is_nested(&value) && *kind != ColumnKind::Json {
                row.misfits += 1;
                row.overflow.push((key_text(&Value::Str(name)), text_of(&value)));
                continue;
            }
            if is_contested {
                return false;
            }
            *seen = row.records;
            self.settle(column, name, value, row);
        }
        true
    }

    /// Lays out any record, and tells whether several of its fields are for one column.
    fn fill_contested<'a>(&self, count: u32, content: &'a [u8], own_type: &str, row: &mut Row<'a>) -> bool {
        row.clear();
        let mut is_contested = false;
        let mut reader = Reader::new(content);
        for _ in 0..count {
            // The event was read whole before, so neither read fails.
            let (Ok(key), Ok(value)) = (reader.value(), reader.value()) else { break };
            is_contested |= self.place(key, value, own_type, row);
        }
        let mut taken = std::mem::take(&mut row.taken);
        for field in taken.drain(..) {
            if let Some(filled) = row.filled.get_mut(field.column) {
                *filled = 0;
            }
            self.settle(field.column, field.name, field.value, row);
        }
        row.taken = taken;
        is_contested
    }

    /// A list or a map fills no column but one of JSON, so it keeps no other field out of it: loggers nest what is theirs
    /// under `log`.
    fn is_nested(value: &Value<'_>) -> bool {
        matches!(value, Value::Array(_) | Value::Map(_))
    }

    /// Where the next field goes. Records of one type mostly have the same fields in the same order, some of them not always: so
    /// it is looked for behind the last one among those that came before.
    fn target<'a>(&self, name: &'a [u8], row: &mut Row<'a>) -> Option<Target> {
        for place in [row.next, row.next + 1] {
            if let Some((known, target)) = row.known.get(place)
                && is_same(known, name)
            {
                row.next = place + 1;
                return *target;
            }
        }
        let target = self.targets.get(name).copied();
        if row.known.len() >= KNOWN_FIELDS {
            row.known.clear();
        }
        let place = row.next.min(row.known.len());
        row.known.insert(place, (name, target));
        row.next = place + 1;
        target
    }

    /// Places a field, and tells whether another one is for the same column.
    fn place<'a>(&self, key: Value<'a>, value: Value<'a>, own_type: &str, row: &mut Row<'a>) -> bool {
        let Value::Str(name) = key else {
            row.overflow.push((key_text(&key), text_of(&value)));
            return false;
        };
        if name == b"log_type" && value.as_str() == Some(own_type) {
            return false;
        }
        let target = self.target(name, row);
        let place = |(column, _): &Target| Some((*row.filled.get(*column)?, *self.kinds.get(*column)?));
        let (Some((column, rank)), Some((filled, kind))) = (target, target.as_ref().and_then(place)) else {
            row.overflow.push((key_text(&key), text_of(&value)));
            return false;
        };
        if Self::is_nested(&value) && kind != ColumnKind::Json {
            row.misfits += 1;
            row.overflow.push((key_text(&key), text_of(&value)));
            return false;
        }
        let field = Taken { column, rank, name, value };
        // The field listed first wins the column; between equal names the one that came first.
        match filled.checked_sub(1).and_then(|place| row.taken.get_mut(place)) {
            Some(taken) if taken.rank <= rank => row.overflow.push((key_text(&key), text_of(&value))),
            Some(taken) => {
                let before = std::mem::replace(taken, field);
                row.overflow.push((key_text(&Value::Str(before.name)), text_of(&before.value)));
            }
            None => {
                row.taken.push(field);
                if let Some(filled) = row.filled.get_mut(column) {
                    *filled = row.taken.len();
                }
                return false;
            }
        }
        true
    }

    fn settle<'a>(&self, index: usize, name: &'a [u8], value: Value<'a>, row: &mut Row<'a>) {
        let kind = self.kinds.get(index).copied().unwrap_or(ColumnKind::Text);
        let (cell, is_whole) = fit(kind, &value);
        if !is_whole {
            row.misfits += u64::from(cell.is_none());
            row.overflow.push((key_text(&Value::Str(name)), text_of(&value)));
        }
        if let Some(cell) = cell {
            row.cells.push((index, cell));
        }
    }
}

impl Row<'_> {
    fn clear(&mut self) {
        self.overflow.clear();
        self.cells.clear();
        self.misfits = 0;
        self.next = 0;
    }
}

/// Whether a value would fill a column of this kind, with all that it says. Nil says nothing, which any column can hold.
#[must_use]
pub fn fits(kind: ColumnKind, value: &Value<'_>) -> bool {
    fit(kind, value).1
}

/// The value as the column holds it, and whether the column then says all that the field said.
fn fit<'a>(kind: ColumnKind, value: &Value<'a>) -> (Option<Cell<'a>>, bool) {
    if *value == Value::Nil {
        return (None, true);
    }
    let cell = match kind {
        ColumnKind::Time | ColumnKind::Tag => None,
        ColumnKind::Severity => {
            let Some(severity) = Severity::from_syslog_value(value) else { return (None, false) };
            let name = severity.name();
            return (Some(text_cell(Cow::Borrowed(name))), value.as_str() == Some(name));
        }
        ColumnKind::ContainerName => {
            let name = value.as_str().filter(|name| name.len() <= MAX_TEXT_BYTES);
            name.map(|name| text_cell(Cow::Borrowed(name.strip_prefix('/').unwrap_or(name))))
        }
        ColumnKind::Json if matches!(value, Value::Array(_) | Value::Map(_)) => {
            text_of(value).filter(|text| text.len() <= MAX_TEXT_BYTES).map(text_cell)
        }
        ColumnKind::Text | ColumnKind::Json => match value {
            Value::Str(text) if text.len() > MAX_TEXT_BYTES => None,
            Value::Str(_) => value.as_str().map(|text| text_cell(Cow::Borrowed(text))),
            // A list or a map is JSON text in the overflow, where a reader expects it.
            Value::Array(_) | Value::Map(_) | Value::Bin(_) | Value::Ext(..) => None,
            _ => text_of(value).map(text_cell),
        },
        ColumnKind::Int32 => as_int(value).filter(|int| i32::try_from(*int).is_ok()).map(Cell::Int),
        ColumnKind::Int64 => as_int(value).map(Cell::Int),
        ColumnKind::Float64 => as_float(value).map(Cell::Float),
        ColumnKind::Bool => match *value {
            Value::Bool(flag) => Some(Cell::Bool(flag)),
            Value::Str(b"true") => Some(Cell::Bool(true)),
            Value::Str(b"false") => Some(Cell::Bool(false)),
            _ => None,
        },
        ColumnKind::Binary => match *value {
            Value::Bin(bytes) => Some(Cell::Bytes(bytes)),
            _ => None,
        },
    };
    let is_whole = cell.is_some();
    (cell, is_whole)
}

fn text_cell(text: Cow<'_, str>) -> Cell<'_> {
    Cell::Text(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// Most texts are ASCII, which is found out sooner.
fn is_utf8(text: &[u8]) -> bool {
    text.is_ascii() || std::str::from_utf8(text).is_ok()
}

/// A number, or the text of one that is written the one way in which it would be printed again.
fn as_int(value: &Value<'_>) -> Option<i64> {
    if let Value::Str(_) = value {
        let text = value.as_str()?;
        return text.parse::<i64>().ok().filter(|int| int.to_string() == text);
    }
    value.as_int()
}

fn as_float(value: &Value<'_>) -> Option<f64> {
    const EXACT: i64 = 1 << 53;
    match *value {
        // NaN and the infinities mean something that an average must not swallow: they stay text in the overflow.
        Value::F64(float) => Some(float).filter(|float| float.is_finite()),
        Value::F32(float) => Some(f64::from(float)).filter(|float| float.is_finite()),
        Value::Int(int) if (-EXACT..=EXACT).contains(&int) => Some(int as f64),
        Value::Str(_) => {
            let text = value.as_str()?;
            text.parse::<f64>().ok().filter(|float| float.is_finite() && float.to_string() == text)
        }
        _ => None,
    }
}

/// A value as text: a string as it is, nil as nothing, everything else as JSON.
fn text_of<'a>(value: &Value<'a>) -> Option<Cow<'a, str>> {
    if let Some(text) = value.as_str() {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::with_capacity(match value {
        Value::Array(items) | Value::Map(items) => items.whole.len() + items.count as usize * 4,
        _ => 0,
    });
    match value {
        Value::Nil => return None,
        Value::Str(_) | Value::Bin(_) | Value::Ext(..) | Value::Array(_) | Value::Map(_) => {
            // The value was read whole before, so this does not fail; if it did, what is written so far is kept.
            let _ = json::write(&mut text, value);
        }
        scalar => json::scalar_text(&mut text, scalar),
    }
    Some(Cow::Owned(text))
}

fn key_text<'a>(key: &Value<'a>) -> Cow<'a, str> {
    text_of(key).unwrap_or(Cow::Borrowed("null"))
}

/// A map has each key once; a field that came twice is kept under `name#2` and so on.
///
/// Without doubles, which is nearly always, this costs an index a field; with them each suffix is tried once a name.
fn rename_doubles(overflow: &mut [(Cow<'_, str>, Option<Cow<'_, str>>)]) {
    let is_there_before = |(number, (name, _)): (usize, &(Cow<'_, str>, Option<Cow<'_, str>>))| {
        overflow.iter().take(number).any(|(before, _)| before == name)
    };
    if overflow.len() <= FEW_FIELDS && !overflow.iter().enumerate().any(is_there_before) {
        return;
    }
    let name = |index: &usize| overflow.get(*index).map(|(name, _)| name.as_ref()).unwrap_or_default();
    let mut by_name: Vec<usize> = (0..overflow.len()).collect();
    // Among equal names the one that came first stays first.
    by_name.sort_by(|a, b| name(a).cmp(name(b)));
    let is_double = |pair: &[usize]| matches!(pair, [a, b] if name(a) == name(b));
    let doubles: Vec<usize> =
        by_name.windows(2).filter(|pair| is_double(pair)).filter_map(|pair| pair.last().copied()).collect();
    if doubles.is_empty() {
        return;
    }
    let mut taken: HashSet<String> = overflow.iter().map(|(name, _)| name.to_string()).collect();
    let mut suffixes: HashMap<String, u32> = HashMap::new();
    for index in doubles {
        let Some((name, _)) = overflow.get_mut(index) else { continue };
        let suffix = suffixes.entry(name.to_string()).or_insert(1);
        let fresh = loop {
            *suffix += 1;
            let candidate = format!("{name}#{suffix}");
            if taken.insert(candidate.clone()) {
                break candidate;
            }
        };
        *name = Cow::Owned(fresh);
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
