//! What follows for the rules from the keys of a record alone, found out once for all records with the same ones.
//!
//! Records of one writer have the same keys in the same order, so for most of them it is known which rules their values may
//! still meet, and where the value of each field is that rules ask for.

use super::program::{Keys, Known, Place, Program};
use super::rule_set::RuleSet;
use crate::classify::{LevelPlace, StatusPlace};
use crate::fields::{FieldIndex, LayoutId};

/// What is known of the records of one layout.
#[derive(Debug, Default)]
pub(super) struct OfLayout {
    layout: LayoutId,
    /// Of a layout that was seen once only nothing is found out.
    is_known: bool,
    /// What is asked of such a record; not there while it is gone through.
    pub(super) program: Option<Box<Program>>,
    /// Whether each rule that may decide says nothing but a type, a severity, or that the record goes.
    is_plain: bool,
    /// Where the value of each field is that rules ask for.
    places: Vec<Place>,
    pub(super) level: LevelPlace,
    /// Where the status of a response is.
    pub(super) status: StatusPlace,
}

impl OfLayout {
    /// Whether it is known what follows from the keys that the index holds; it becomes known when they come again.
    #[inline]
    pub(super) fn knows(&mut self, index: &FieldIndex, rules: &RuleSet, tag_answers: &[bool]) -> bool {
        if self.layout != index.layout_id() {
            self.layout = index.layout_id();
            self.is_known = false;
            return false;
        }
        if !self.is_known {
            self.find_out(index, rules, tag_answers);
        }
        true
    }

    /// Whether it is known, and no rule that may decide says more than a plain one.
    #[inline]
    pub(super) fn is_plain(&self, index: &FieldIndex) -> bool {
        self.is_known && self.is_plain && self.layout == index.layout_id()
    }

    /// Forgets what is known, and keeps the memory.
    pub(super) fn clear(&mut self) {
        (self.layout, self.is_known) = (LayoutId::default(), false);
    }

    /// Where the value of a field is.
    #[inline]
    pub(super) fn place(&self, slot: usize) -> Place {
        self.places.get(slot).copied().unwrap_or(Place::Unknown)
    }

    #[cold]
    fn find_out(&mut self, index: &FieldIndex, rules: &RuleSet, tag_answers: &[bool]) {
        self.places.clear();
        self.places.extend(rules.shared.fields.iter().map(|field| Place::of(field, index)));
        let keys = Keys::new(&self.places, index);
        self.program.get_or_insert_default().renew(rules, Known { tag_answers, keys });
        self.is_plain = self.program.as_ref().is_some_and(|program| program.is_plain(rules));
        self.level = LevelPlace::of(index);
        self.status = StatusPlace::of(index);
        self.is_known = true;
    }
}
