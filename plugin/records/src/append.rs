//! The fields that are found for one record, and their way onto the end of it.
//!
//! Names are those of columns and of Datadog attributes, or stand in the rules; values borrow the record, the rules or what is
//! known of its origin. A record's own field wins over a found one with the same name, but for the one that is merged with it
//! ([`FoundFields::set_over_own`]).

use crate::audit_event;
use crate::event::Event;
use crate::fields::{FieldIndex, Marks, digest};
use crate::identity::kept_origins::KeptOrigin;
use crate::msgpack::{Composite, Room, room, write};
use crate::usual_access::{LEAST_FIELDS, MOST_FIELDS, UsualFields};
use arrayvec::ArrayVec;
use std::ops::Range;

/// A value to append.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FoundValue<'a> {
    /// Text, as it stands in the record.
    Text(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Kubernetes' `objectRef`, a map as MessagePack, which becomes the object's path as text.
    Object(&'a [u8]),
    /// A map of so many pairs, which are the bytes.
    Map(u32, &'a [u8]),
}

/// Most fields that one record is given.
pub const MAX_FOUND_FIELDS: usize = 128;

/// Most fields of a record that give way to found ones: its trace, its tags and a map of its origin.
pub const MAX_OVER_OWN: usize = 3;

/// Fields to append to one record, in order, without allocation. Room that is not used is not written to: there is one of
/// these for every record.
#[derive(Debug, Clone, Default)]
pub struct FoundFields<'a> {
    items: ArrayVec<(&'a str, FoundValue<'a>), MAX_FOUND_FIELDS>,
    /// The marks of their names: most that are asked for are not there.
    marks: Marks,
    /// Those that take the place of the record's own.
    over_own: [Option<&'a str>; MAX_OVER_OWN],
}

impl<'a> FoundFields<'a> {
    /// Adds a field whose name is not there yet. Above [`MAX_FOUND_FIELDS`] nothing is added, which no set of parsers,
    /// identity fields and rules reaches.
    #[inline]
    pub fn push(&mut self, name: &'a str, value: FoundValue<'a>) {
        // Where the name is known to the compiler its digest is.
        self.push_digested(digest(name.as_bytes()), name, value);
    }

    // The module for Fluent Bit is small; there a call costs no more than what it saves.
    #[cfg_attr(target_family = "wasm", inline(never))]
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    fn push_digested(&mut self, digest: u8, name: &'a str, value: FoundValue<'a>) {
        debug_assert!(self.get(name).is_none(), "{name} twice");
        if self.items.try_push((name, value)).is_ok() {
            self.marks.add(digest);
        }
    }

    /// Adds text, unless it is empty or the dash with which access logs write "nothing".
    #[inline]
    pub fn push_text(&mut self, name: &'a str, text: &'a [u8]) {
        if !text.is_empty() && text != b"-" {
            self.push(name, FoundValue::Text(text));
        }
    }

    /// Adds text as [`FoundFields::push_text`] does, unless a field of that name is there.
    #[inline]
    pub fn push_text_if_new(&mut self, name: &'a str, text: &'a [u8]) {
        if self.get(name).is_none() {
            self.push_text(name, text);
        }
    }

    /// Adds a field, or gives it another value when it is there.
    pub fn set(&mut self, name: &'a str, value: FoundValue<'a>) {
        match self.items.iter_mut().find(|(known, _)| *known == name) {
            Some(item) => item.1 = value,
            None => self.push(name, value),
        }
    }

    /// As [`FoundFields::set`], and the record's own field of that name gives way to it; this is for [`MAX_OVER_OWN`]
    /// fields, and of one more the record's own stays.
    pub fn set_over_own(&mut self, name: &'a str, value: FoundValue<'a>) {
        self.set(name, value);
        self.give_up_own(name);
    }

    /// The record's own field of that name goes, to which what was found is an answer.
    pub(crate) fn give_up_own(&mut self, name: &'a str) {
        if let Some(free) = self.over_own.iter_mut().find(|known| known.is_none_or(|known| known == name)) {
            *free = Some(name);
        }
    }

    /// Whether the record's own field of that name goes.
    pub(crate) fn gives_up(&self, name: &str) -> bool {
        self.over_own.contains(&Some(name))
    }

    /// Whether a found field is one that the record has not, or that takes the place of its own.
    pub(crate) fn is_new(&self, name: &str, index: &FieldIndex) -> bool {
        self.has_over_own() && self.gives_up(name) || !index.contains(name.as_bytes())
    }

    /// The marks of the names.
    #[inline]
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Takes away those fields behind the first `count` for which `keeps` is false.
    pub(crate) fn retain_behind(&mut self, count: usize, mut keeps: impl FnMut(&'a str, FoundValue<'a>) -> bool) {
        let mut place = 0;
        self.items.retain(|(name, value)| {
            place += 1;
            place <= count || keeps(name, *value)
        });
    }

    /// Whether a field takes the place of one of the record's own; few do.
    #[inline]
    fn has_over_own(&self) -> bool {
        // They are filled from the first on.
        matches!(self.over_own, [Some(_), ..])
    }

    /// Takes all fields away.
    pub fn clear(&mut self) {
        self.items.clear();
        self.marks = Marks::default();
        self.over_own = [None; MAX_OVER_OWN];
    }

    /// The value of a field.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<FoundValue<'a>> {
        if !self.marks.meets(&Marks::of(name.as_bytes())) {
            return None;
        }
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Appends all of them.
    pub(crate) fn append_all_to(&self, room: &mut Room) {
        write_all(&self.items, room);
    }

    /// The fields in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &(&'a str, FoundValue<'a>)> {
        self.items.iter()
    }
}

/// What a sorted event is made of.
#[derive(Debug)]
pub struct Enriched<'e, 'a> {
    /// The event as it came.
    pub event: &'e Event<'a>,
    /// Its record: the event's own, or what its line was expanded to.
    pub body: &'e Composite<'a>,
    /// The keys of `body`.
    pub index: &'e FieldIndex,
    /// The fields to append.
    pub found: &'e FoundFields<'a>,
    /// The time that takes the place of the event's, in seconds and nanoseconds.
    pub time: Option<(u32, u32)>,
    /// Where in the content of the event's own record the line stood that gave way to its fields; empty where the line stayed;
    /// `None` when `body` is the event's own. The fields of the line stand in `body` behind all that is left of the record.
    pub left_out: Option<Range<usize>>,
    /// Fields that are appended behind so many of the found ones.
    pub(crate) kept: Option<(usize, &'e KeptOrigin)>,
    /// Fields that are appended before the found ones, of which `body` has none.
    pub(crate) usual: Option<&'e UsualFields<'e, 'a>>,
}

impl<'e, 'a> Enriched<'e, 'a> {
    /// Where in the content of `body` the fields are, key and value, that give way to found ones, in their order there.
    #[must_use]
    pub fn replaced(&self) -> [Option<Range<usize>>; MAX_OVER_OWN] {
        if !self.found.has_over_own() {
            return [const { None }; MAX_OVER_OWN];
        }
        let mut replaced = self.found.over_own.map(|name| self.index.pair(self.body, name?.as_bytes()));
        replaced.sort_by_key(|place| place.as_ref().map_or(usize::MAX, |place| place.start));
        replaced
    }

    /// Whether a found field is one that `body` has not, or that takes its place.
    fn is_new(&self, name: &str) -> bool {
        self.found.is_new(name, self.index)
    }

    /// The found fields that are appended, in their order.
    pub fn new_fields(&self) -> impl Iterator<Item = &'e (&'a str, FoundValue<'a>)> {
        self.found.items.iter().filter(|(name, _)| self.is_new(name))
    }

    /// Appends the event with its fields and its time.
    ///
    /// What the event holds is copied byte for byte: its metadata, its fields and their order. One that gets another time and whose
    /// metadata are empty gets the older form, which says the same: the host counts its answers value by value.
    pub(crate) fn append_to(&self, room: &mut Room) {
        let Enriched { event, body, found, .. } = *self;
        let new = self.find_new();

        match self.time {
            None => {
                let head = event.raw.len() - event.body.whole.len();
                room.raw(event.raw.get(..head).unwrap_or_default());
            }
            Some((seconds, nanoseconds)) => {
                let ([a, b, c, d], [e, f, g, h]) = (seconds.to_be_bytes(), nanoseconds.to_be_bytes());
                match event.metadata.filter(|metadata| metadata.count > 0) {
                    None => room.array([0x92, 0xd7, 0x00, a, b, c, d, e, f, g, h]),
                    Some(metadata) => {
                        room.array([0x92, 0x92, 0xd7, 0x00, a, b, c, d, e, f, g, h]);
                        room.raw(metadata.whole);
                    }
                }
            }
        }
        let count = new.map_or(found.len(), |new| new.count_ones() as usize);
        let count = u32::try_from(count).unwrap_or_default() + self.kept.map_or(0, |(_, kept)| kept.count);
        let count = body.count.saturating_add(count);
        match self.usual {
            Some(usual) => self.append_usual(usual, count, room),
            None if found.has_over_own() => self.write_body_in_parts(count, room),
            None => {
                room.map_header(count);
                room.raw(body.content);
            }
        }
        let found = found.items.as_slice();
        match self.kept {
            None => write_some(found, new, room),
            Some((at, kept)) => {
                let (before, behind) = found.split_at_checked(at).unwrap_or((found, &[]));
                write_some(before, new, room);
                room.raw(&kept.pairs);
                write_some(behind, new.map(|new| new.checked_shr(at as u32).unwrap_or_default()), room);
            }
        }
    }

    /// Writes the header of a map with so many other fields, the record, and the usual ones.
    #[inline]
    fn append_usual(&self, usual: &UsualFields<'_, '_>, others: u32, room: &mut Room) {
        let header = room.len();
        // How long the header is follows from the lowest and the highest number, as a rule.
        match (others.saturating_add(LEAST_FIELDS), others.saturating_add(MOST_FIELDS)) {
            (_, most @ ..=15) | (16.., most @ ..=0xffff) => room.map_header(most),
            _ => room.map_header(others.saturating_add(usual.count())),
        }
        room.raw(self.body.content);
        let count = usual.append_to(room);
        room.set_map_count(header, others.saturating_add(count));
    }

    /// Writes the header of a map with so many fields and those that are replaced, and the record without these.
    #[inline(never)]
    fn write_body_in_parts(&self, count: u32, room: &mut Room) {
        let replaced = self.replaced();
        let replaced_fields = replaced.iter().flatten().map(|_| 1).sum();
        room.map_header(count.saturating_sub(replaced_fields));
        let mut copied = 0;
        for place in replaced.into_iter().flatten() {
            room.raw(self.body.content.get(copied..place.start).unwrap_or_default());
            copied = place.end;
        }
        room.raw(self.body.content.get(copied..).unwrap_or_default());
    }

    /// A bit for each found field that is appended; `None` when all are.
    #[inline]
    fn find_new(&self) -> Option<u128> {
        let may_be_there = self.found.len() > 0 && self.index.marks().meets(&self.found.marks);
        if may_be_there { Some(self.compare_names()) } else { None }
    }

    #[inline(never)]
    fn compare_names(&self) -> u128 {
        const { assert!(MAX_FOUND_FIELDS <= u128::BITS as usize) };
        let is_new = |(at, (name, _)): (usize, &(&str, _))| u128::from(self.is_new(name)) << at;
        self.found.iter().enumerate().map(is_new).fold(0, |new, one| new | one)
    }
}

/// Appends fields: those whose bits are set, or all.
#[inline]
fn write_some(fields: &[(&str, FoundValue<'_>)], which: Option<u128>, room: &mut Room) {
    let Some(which) = which else {
        if !fields.is_empty() {
            write_all(fields, room);
        }
        return;
    };
    for (at, field) in fields.iter().enumerate() {
        if which >> at & 1 == 1 {
            write_all(std::slice::from_ref(field), room);
        }
    }
}

#[inline(never)]
fn write_all(fields: &[(&str, FoundValue<'_>)], room: &mut Room) {
    room.fields(
        fields,
        |(name, value), room| match value {
            FoundValue::Text(text) => room::text_field(room, name.as_bytes(), text),
            FoundValue::Int(int) => room::int_field(room, name.as_bytes(), *int),
            FoundValue::Float(float) => room::float_field(room, name.as_bytes(), *float),
            FoundValue::Bool(_) | FoundValue::Object(_) | FoundValue::Map(..) => None,
        },
        |(name, value), out| {
            write::str(out, name.as_bytes());
            value.append_to(out);
        },
    );
}

impl FoundValue<'_> {
    /// Appends the value as MessagePack.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            FoundValue::Text(text) => write::str(out, text),
            FoundValue::Int(int) => write::int(out, *int),
            FoundValue::Float(float) => write::float(out, *float),
            FoundValue::Bool(flag) => write::bool(out, *flag),
            FoundValue::Object(object) => audit_event::write_object(out, object),
            FoundValue::Map(count, pairs) => {
                write::map_header(out, *count);
                out.extend_from_slice(pairs);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::msgpack::Reader;

    fn append<'a>(
        out: &mut Vec<u8>,
        event: &Event<'a>,
        index: &FieldIndex,
        found: &FoundFields<'a>,
        time: Option<(u32, u32)>,
    ) {
        let mut room = Room::default();
        Enriched { event, body: &event.body, index, found, time, left_out: None, kept: None, usual: None }
            .append_to(&mut room);
        out.extend_from_slice(room.bytes());
    }

    #[test]
    fn the_events_own_fields_stay_as_they_are_and_win() {
        // [[5, {"m": true}], {"a": 1}]
        let bytes = [0x92, 0x92, 0x05, 0x81, 0xa1, b'm', 0xc3, 0x81, 0xa1, b'a', 0x01];
        let event = Event::read(&mut Reader::new(&bytes)).unwrap();
        let mut index = FieldIndex::default();
        index.fill(&event.body);
        let mut found = FoundFields::default();
        found.push("a", FoundValue::Int(2));
        found.push_text("b", b"x");
        found.push_text("c", b"-");

        let mut out = Vec::new();
        append(&mut out, &event, &index, &found, None);
        assert_eq!(out, [&bytes[..7], &[0x82, 0xa1, b'a', 0x01, 0xa1, b'b', 0xa1, b'x']].concat());

        out.clear();
        append(&mut out, &event, &index, &found, Some((7, 8)));
        let read = Event::read(&mut Reader::new(&out)).unwrap();
        assert_eq!((read.time.seconds, read.time.nanoseconds), (7, 8));
        assert_eq!(read.metadata, event.metadata);
    }

    #[test]
    fn empty_metadata_are_left_out_with_the_time_that_they_stood_beside() {
        let body = [0x81, 0xa1, b'a', 0x01];
        let time = [0xd7, 0, 0, 0, 0, 7, 0, 0, 0, 8];
        for empty in [&[0x80][..], &[0xdf, 0, 0, 0, 0]] {
            let bytes = [&[0x92, 0x92, 0x05], empty, &body].concat();
            let event = Event::read(&mut Reader::new(&bytes)).unwrap();
            let mut index = FieldIndex::default();
            index.fill(&event.body);
            for (new_time, expected) in [(None, bytes.clone()), (Some((7, 8)), [&[0x92][..], &time, &body].concat())] {
                let mut out = Vec::new();
                append(&mut out, &event, &index, &FoundFields::default(), new_time);
                assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn one_field_may_take_the_place_of_the_records_own() {
        // [5, {"a": 1, "b": [2], "c": 3}]
        let bytes = [0x92, 0x05, 0x83, 0xa1, b'a', 0x01, 0xa1, b'b', 0x91, 0x02, 0xa1, b'c', 0x03];
        let event = Event::read(&mut Reader::new(&bytes)).unwrap();
        let mut index = FieldIndex::default();
        index.fill(&event.body);
        for (name, expected) in [
            ("b", &[0x92, 0x05, 0x83, 0xa1, b'a', 0x01, 0xa1, b'c', 0x03, 0xa1, b'b', 0xa1, b'x'][..]),
            ("d", &[&[0x92, 0x05, 0x84], &bytes[3..], &[0xa1, b'd', 0xa1, b'x']].concat()),
        ] {
            let mut found = FoundFields::default();
            found.set_over_own(name, FoundValue::Text(b"x"));
            let mut out = Vec::new();
            append(&mut out, &event, &index, &found, None);
            assert_eq!(out, expected, "{name}");
        }
        for names in [["a", "c"], ["c", "a"]] {
            let mut found = FoundFields::default();
            names.iter().for_each(|name| found.set_over_own(name, FoundValue::Bool(true)));
            let mut out = Vec::new();
            append(&mut out, &event, &index, &found, None);
            let [first, second] = names.map(|name| [&[0xa1][..], name.as_bytes(), &[0xc3]].concat());
            assert_eq!(out, [&[0x92, 0x05, 0x83][..], &[0xa1, b'b', 0x91, 0x02], &first, &second].concat());
        }
    }
}
