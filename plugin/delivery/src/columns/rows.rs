//! Records laid out over the columns of their lane: a few hundred rows, column by column.
//!
//! Rows are laid out one by one and handed on together, so that what a column's values have in common (their lengths, whether
//! they repeat, its dictionary) is at hand when they are written. Texts lie in the segment or, when they had to be made, here.

use super::fit::Target;
use shiwake_records::msgpack::{Value, is_same};
use std::collections::{HashMap, HashSet};

/// Entries of an overflow that are compared each with each, which is cheaper than sorting so few.
const FEW_ENTRIES: usize = 8;

/// Memory for texts that is kept from rows to rows.
const KEPT_TEXT_BYTES: usize = 1024 * 1024;

/// Text, or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// As it is in the segment.
    Kept(&'a [u8]),
    /// Made for these rows: where it begins and ends in what was made.
    Made(usize, usize),
}

/// A value that fits its column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Text, which is UTF-8, or bytes.
    Text(Text<'a>),
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
    /// True or false.
    Bool(bool),
}

/// An entry of an overflow: the field's name and its text, `None` for nil.
pub type Entry<'a> = (Text<'a>, Option<Text<'a>>);

/// Rows over the columns.
#[derive(Debug, Default)]
pub struct Rows<'a> {
    pub(super) columns: Vec<ColumnCells<'a>>,
    /// What no column took, row by row.
    overflow: Vec<Entry<'a>>,
    /// Where the overflow of each row ends.
    ends: Vec<usize>,
    /// Texts that lie in no record.
    pub(super) made: String,
    /// Fields in the overflow that have a column which their value does not fit, of all rows that there ever were.
    pub misfits: u64,
    /// What the fields of records before were called, in their order, and where they went.
    pub(super) order: Vec<Field<'a>>,
    /// Fields that fill columns of the row, when several are for one.
    pub(super) taken: Vec<Taken<'a>>,
    /// An entry a column: the number in `taken` of the field that fills it, plus one.
    pub(super) filled: Vec<usize>,
    /// Records that were begun.
    pub(super) records: u64,
    /// Whether the record before had several fields for one column.
    pub(super) was_contested: bool,
}

/// The values of a column.
#[derive(Debug, Default, Clone)]
pub(super) struct ColumnCells<'a> {
    /// Each behind the number of its row.
    pub(super) cells: Vec<(u32, Cell<'a>)>,
    /// The last record that had a field for it.
    pub(super) seen: u64,
}

/// A field that fills a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken<'a> {
    pub(super) column: usize,
    pub(super) rank: usize,
    pub(super) name: &'a [u8],
    pub(super) value: Value<'a>,
}

/// A field of a record: its name, with the bytes before it and without, and where it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) key: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) is_text: bool,
    pub(super) target: Target,
}

/// How much there was, to go back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    overflow: usize,
    made: usize,
    misfits: u64,
}

impl<'a> Rows<'a> {
    /// No rows, over so many columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self { columns: vec![ColumnCells::default(); columns], filled: vec![0; columns], ..Self::default() }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The values of a column, each behind the number of its row.
    #[must_use]
    pub fn cells(&self, column: usize) -> &[(u32, Cell<'a>)] {
        self.columns.get(column).map(|column| column.cells.as_slice()).unwrap_or_default()
    }

    /// What no column took of each row.
    pub fn overflows(&self) -> impl Iterator<Item = &[Entry<'a>]> {
        self.ends.iter().scan(0, |start, end| {
            let row = self.overflow.get(*start..*end);
            *start = *end;
            row
        })
    }

    /// The bytes of a text.
    #[must_use]
    #[inline]
    pub fn text<'t>(&'t self, text: &'t Text<'a>) -> &'t [u8] {
        match text {
            Text::Kept(bytes) => bytes,
            Text::Made(start, end) => self.made.as_bytes().get(*start..*end).unwrap_or_default(),
        }
    }

    /// Fills a column of the row that is begun.
    #[inline]
    pub fn put(&mut self, column: usize, cell: Cell<'a>) {
        let row = self.ends.len() as u32;
        if let Some(column) = self.columns.get_mut(column) {
            column.cells.push((row, cell));
        }
    }

    /// Fills a column of the last row, which is ended.
    #[inline]
    pub(super) fn put_behind(&mut self, column: usize, cell: Cell<'a>) {
        let row = (self.ends.len() as u32).saturating_sub(1);
        if let Some(column) = self.columns.get_mut(column) {
            column.cells.push((row, cell));
        }
    }

    /// Adds an entry to the overflow of the row that is begun.
    pub(super) fn put_aside(&mut self, name: Text<'a>, value: Option<Text<'a>>) {
        self.overflow.push((name, value));
    }

    /// Forgets the rows, not the order of their fields.
    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(|column| column.cells.clear());
        self.overflow.clear();
        self.ends.clear();
        self.made.clear();
        // A record of many megabytes is not remembered by the memory that its text took.
        self.made.shrink_to(KEPT_TEXT_BYTES);
    }

    /// Begins the layout of a record.
    pub(super) fn begin(&mut self) -> Mark {
        self.records += 1;
        Mark { overflow: self.overflow.len(), made: self.made.len(), misfits: self.misfits }
    }

    /// Takes back what was laid out of the record.
    pub(super) fn take_back(&mut self, mark: Mark) {
        let row = self.ends.len() as u32;
        for ColumnCells { cells, .. } in &mut self.columns {
            while cells.last().is_some_and(|(of, _)| *of == row) {
                cells.pop();
            }
        }
        self.overflow.truncate(mark.overflow);
        self.made.truncate(mark.made);
        self.misfits = mark.misfits;
    }

    /// Ends the row.
    pub(super) fn end(&mut self) {
        let start = self.ends.last().copied().unwrap_or(0);
        if self.overflow.len() > start + 1 {
            self.rename_doubles(start);
        }
        self.ends.push(self.overflow.len());
    }

    /// A map has each key once; a field that came twice is kept under `name#2` and so on.
    ///
    /// Without doubles, which is nearly always, this costs an index a field; with them each suffix is tried once a name.
    fn rename_doubles(&mut self, start: usize) {
        let entries = self.overflow.get(start..).unwrap_or_default();
        let is_there_before = |(number, (name, _)): (usize, &Entry<'a>)| {
            entries.iter().take(number).any(|(before, _)| is_same(self.text(before), self.text(name)))
        };
        if entries.len() <= FEW_ENTRIES && !entries.iter().enumerate().any(is_there_before) {
            return;
        }
        let name = |index: &usize| entries.get(*index).map(|(name, _)| self.text(name)).unwrap_or_default();
        let mut by_name: Vec<usize> = (0..entries.len()).collect();
        // Among equal names the one that came first stays first.
        by_name.sort_by(|a, b| name(a).cmp(name(b)));
        let is_double = |pair: &[usize]| matches!(pair, [a, b] if name(a) == name(b));
        let doubles: Vec<usize> =
            by_name.windows(2).filter(|pair| is_double(pair)).filter_map(|pair| pair.last().copied()).collect();
        if doubles.is_empty() {
            return;
        }
        let text = |index: &usize| String::from_utf8_lossy(name(index)).into_owned();
        let mut taken: HashSet<String> = (0..entries.len()).map(|index| text(&index)).collect();
        let doubles: Vec<(usize, String)> = doubles.into_iter().map(|index| (index, text(&index))).collect();
        let mut suffixes: HashMap<String, u32> = HashMap::new();
        for (index, name) in doubles {
            let suffix = suffixes.entry(name.clone()).or_insert(1);
            let fresh = loop {
                *suffix += 1;
                let candidate = format!("{name}#{suffix}");
                if taken.insert(candidate.clone()) {
                    break candidate;
                }
            };
            let from = self.made.len();
            self.made.push_str(&fresh);
            if let Some((name, _)) = self.overflow.get_mut(start + index) {
                *name = Text::Made(from, self.made.len());
            }
        }
    }
}
