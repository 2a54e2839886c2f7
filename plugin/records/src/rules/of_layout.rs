//! What follows for the rules from the keys of a record alone, found out once for all records with the same ones.
//!
//! Records of one writer have the same keys in the same order, so for most of them it is known which rules their values may
//! still meet, and where the value of each field is that rules ask for.

use super::compile::{FieldSlot, FieldTest, Node};
use super::declaration::Effect;
use super::rule_set::RuleSet;
use crate::classify::LEVEL_FIELDS;
use crate::fields::{FieldIndex, LayoutId};

/// Where the value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the value of that key, counted from the first.
    Key(usize),
    /// There is none.
    Nowhere,
    /// It is nested, or there is none: that depends on the record.
    Unknown,
}

impl Place {
    fn of(field: &FieldSlot, index: &FieldIndex) -> Self {
        for path in &field.paths {
            if let Some(place) = index.place(path.0.as_bytes()) {
                return Place::Key(place);
            }
            let outer = path.0.split_once('.').map(|(outer, _)| outer);
            if field.is_nested && outer.is_some_and(|outer| index.contains(outer.as_bytes())) {
                return Place::Unknown;
            }
        }
        Place::Nowhere
    }
}

/// What is known of the records of one layout.
#[derive(Debug, Default)]
pub(super) struct OfLayout {
    layout: LayoutId,
    /// Of a layout that was seen once only nothing is found out.
    is_known: bool,
    /// Where among the rules that may hold those are that such a record may meet, in their order.
    candidates: Vec<u32>,
    /// Where the value of each field is that rules ask for.
    places: Vec<Place>,
}

impl OfLayout {
    /// Whether it is known what follows from the keys that the index holds; it becomes known when they come again.
    #[inline]
    pub(super) fn knows<'r>(
        &mut self,
        index: &FieldIndex,
        rules: &RuleSet,
        tag_answers: &[bool],
        candidates: impl Iterator<Item = usize> + 'r,
    ) -> bool {
        if self.layout != index.layout_id() {
            self.layout = index.layout_id();
            self.is_known = false;
            return false;
        }
        if !self.is_known {
            self.find_out(index, rules, tag_answers, candidates);
        }
        true
    }

    /// The rules that such a record may meet, as their places among those that were given. They are lent: while they are
    /// gone through nothing else asks for them.
    #[inline]
    pub(super) fn candidates(&mut self) -> &mut Vec<u32> {
        &mut self.candidates
    }

    /// Where the value of a field is in records of a layout; `Unknown` also where nothing was found out.
    #[inline]
    pub(super) fn place(&self, layout: LayoutId, slot: usize) -> Place {
        if self.is_known && self.layout == layout {
            self.places.get(slot).copied().unwrap_or(Place::Unknown)
        } else {
            Place::Unknown
        }
    }

    #[cold]
    fn find_out(
        &mut self,
        index: &FieldIndex,
        rules: &RuleSet,
        tag_answers: &[bool],
        candidates: impl Iterator<Item = usize>,
    ) {
        self.places.clear();
        self.places.extend(rules.shared.fields.iter().map(|field| Place::of(field, index)));
        self.candidates.clear();
        let has_level = index.has_any(&LEVEL_FIELDS);
        let keys = Keys { places: &self.places, tag_answers, has_level };
        for (place, at) in candidates.enumerate() {
            let Some(rule) = rules.compiled.get(at) else { continue };
            let holds = keys.answer(&rule.node);
            if holds != Some(false) {
                self.candidates.extend(u32::try_from(place).ok());
            }
            if holds == Some(true) && rules.effect(at).is_some_and(Effect::decides) {
                break;
            }
        }
        self.is_known = true;
    }
}

/// What is known of a record whose values were not looked at.
struct Keys<'k> {
    places: &'k [Place],
    tag_answers: &'k [bool],
    has_level: bool,
}

impl Keys<'_> {
    /// Whether a condition holds, when the keys alone decide that.
    fn answer(&self, node: &Node) -> Option<bool> {
        match node {
            Node::All(parts) => self.first(parts, false),
            Node::Any(parts) => self.first(parts, true),
            Node::Not(inner) => self.answer(inner).map(|holds| !holds),
            Node::Tag(at) => self.tag_answers.get(*at).copied(),
            Node::Field(slot, test) => match (self.places.get(*slot)?, test) {
                (Place::Nowhere, test) => Some(matches!(test, FieldTest::Exists(false))),
                (Place::Key(_), FieldTest::Exists(exists)) => Some(*exists),
                _ => None,
            },
            Node::Level(set) => (!self.has_level).then(|| set.contains(None)),
            Node::Line(_) | Node::Format(_) | Node::Severity(_) => None,
        }
    }

    /// The answer of parts of which one that is `decisive` decides.
    fn first(&self, parts: &[Node], decisive: bool) -> Option<bool> {
        let mut are_all_known = true;
        for part in parts {
            match self.answer(part) {
                Some(answer) if answer == decisive => return Some(decisive),
                answer => are_all_known &= answer.is_some(),
            }
        }
        are_all_known.then_some(!decisive)
    }
}
