//! Reads values out of a TOML document and notes what is wrong with them, each at its place.

use super::fault::{Diagnostic, Fault};
use super::source::{Place, Sources};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place.
pub(super) type Node<'i> = Spanned<DeValue<'i>>;

/// One file that is being read, and what was found wrong in all of them.
#[derive(Debug)]
pub(super) struct Reading<'s> {
    pub(super) sources: &'s mut Sources,
    pub(super) file: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The known name that is most like `found`, when one is like it.
pub(super) fn nearest<'k>(found: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    const LIKENESS: f64 = 0.7;
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(name, found), name))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.to_owned())
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Reading<'_> {
    /// Notes that something is wrong at these bytes of the file.
    pub(super) fn fault(&mut self, bytes: Range<usize>, fault: Fault) {
        let place = self.place(bytes);
        self.diagnostics.push(Diagnostic::new(self.sources, &place, fault));
    }

    /// A place in the file that is being read.
    pub(super) fn place(&self, bytes: Range<usize>) -> Place {
        Place { file: self.file, bytes }
    }

    /// Notes that a value is of the wrong kind.
    pub(super) fn wrong_kind(&mut self, key: &str, node: &Node<'_>, expected: &'static str) {
        let fault = Fault::Kind { key: key.to_owned(), found: kind(node.get_ref()), expected };
        self.fault(node.span(), fault);
    }

    /// Notes that a value is not allowed.
    pub(super) fn wrong_value(&mut self, key: &str, node: &Node<'_>, allowed: &str) {
        let found = self.sources.text(&self.place(node.span())).to_owned();
        self.fault(node.span(), Fault::Value { key: key.to_owned(), found, allowed: allowed.to_owned() });
    }

    /// Notes every key of a table that is not known.
    pub(super) fn refuse_unknown(&mut self, table: &DeTable<'_>, whose: &'static str, known: &[&str]) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let nearest = nearest(name, known.iter().copied());
                let fault = Fault::UnknownKey { found: name.to_owned(), whose, nearest, known: known.join(", ") };
                self.fault(key.span(), fault);
            }
        }
    }

    /// A table.
    pub(super) fn table<'t, 'i>(&mut self, key: &str, node: &'t Node<'i>) -> Option<&'t DeTable<'i>> {
        let table = match node.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
        if table.is_none() {
            self.wrong_kind(key, node, "a table");
        }
        table
    }

    /// A list, or one value in place of a list of one.
    pub(super) fn list<'t, 'i>(&mut self, node: &'t Node<'i>) -> Vec<&'t Node<'i>> {
        match node.get_ref() {
            DeValue::Array(array) => array.iter().collect(),
            _ => vec![node],
        }
    }

    /// A list of tables, as `[[...]]` makes it.
    pub(super) fn tables<'t, 'i>(&mut self, key: &str, node: &'t Node<'i>) -> Vec<(&'t Node<'i>, &'t DeTable<'i>)> {
        let DeValue::Array(array) = node.get_ref() else {
            self.wrong_kind(key, node, "a list of tables, each with [[...]] above it,");
            return Vec::new();
        };
        array.iter().filter_map(|item| Some((item, self.table(key, item)?))).collect()
    }

    /// Text.
    pub(super) fn text(&mut self, key: &str, node: &Node<'_>) -> Option<String> {
        let text = node.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong_kind(key, node, "text");
        }
        text
    }

    /// Text, or a list of texts, that is not empty.
    pub(super) fn texts(&mut self, key: &str, node: &Node<'_>) -> Vec<(String, Range<usize>)> {
        let items = self.list(node);
        if items.is_empty() {
            self.wrong_value(key, node, "at least one is expected");
        }
        items.into_iter().filter_map(|item| Some((self.text(key, item)?, item.span()))).collect()
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &str, node: &Node<'_>) -> Option<bool> {
        let flag = node.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_kind(key, node, "true or false");
        }
        flag
    }

    /// A number that is finite.
    pub(super) fn number(&mut self, key: &str, node: &Node<'_>) -> Option<f64> {
        let number = match node.get_ref() {
            DeValue::Integer(integer) => whole(integer).map(|integer| integer as f64),
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            _ => {
                self.wrong_kind(key, node, "a number");
                return None;
            }
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.wrong_value(key, node, "a finite number is allowed");
        }
        number
    }

    /// A name out of those that are known, with what it stands for.
    pub(super) fn one_of<T: Copy>(&mut self, what: &'static str, node: &Node<'_>, known: &[(&str, T)]) -> Option<T> {
        let name = self.text(what, node)?;
        let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let nearest = nearest(&name, names.iter().copied());
            self.fault(node.span(), Fault::UnknownName { what, found: name, nearest, known: names.join(", ") });
        }
        found
    }
}

/// A whole number that 64 bits hold.
pub(super) fn whole(integer: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
}

/// The value of a key.
pub(super) fn get<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Node<'i>> {
    table.iter().find(|(known, _)| known.get_ref() == key).map(|(_, node)| node)
}
