//! One event in, the same event with its type, severity, parsed fields and origin behind its own fields out.
//!
//! Invariants: what the event holds is copied byte for byte, apart from its time when the line holds a better one and from
//! a line that gives way to its own fields ([`crate::expand`]); a group marker comes out as it went in; a field that the
//! event has is never appended again; what was sorted before comes out unchanged. A sorter keeps its memory from record to
//! record and allocates nothing for one of ordinary width.

use crate::append::{Enriched, FoundFields, FoundValue};
use crate::chunk::{Chunk, Item};
use crate::civil_time::KnownLogDate;
use crate::classify::{Fate, Verdict};
use crate::event::{Event, EventKind, Timestamp};
use crate::expand::Expander;
use crate::fields::FieldIndex;
use crate::identity::kept_origins::Record;
use crate::identity::origins::Origins;
use crate::identity::task::TaskIdentity;
use crate::line::combined::AccessLine;
use crate::line::misread::MisreadCounts;
use crate::msgpack::{Reader, Room};
use crate::pieces::{self, PieceFate, PieceJoiner, Whole};
use crate::quarantine;
use crate::record_id::{self, RecordIds};
use crate::record_time::RecordTimes;
use crate::record_trace::{add_trace, trace_of};
use crate::rules::{Evaluation, Explanation, RuleCounts, RuleId, RuleSet, RuleState};
pub use crate::sorter_config::{Pieces, SorterConfig};
use crate::subject::Subject;
use crate::usual_access::{self, UsualAccess, UsualFields};

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SortedChunk {
    /// Records that were sorted and kept.
    pub records: u64,
    /// Records that a rule threw away, by `drop` or by `sample`.
    pub dropped: u64,
    /// Group markers that were passed through.
    pub markers: u64,
    /// Runs of bytes that are no event; each became an event that keeps them.
    pub bad: u64,
}

/// What one item of a sorted chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortedItem {
    /// A record with its type.
    Record(Verdict),
    /// A record that this rule threw away; nothing was appended.
    Dropped(RuleId),
    /// A piece of a line that was passed on as it is.
    Piece,
    /// A group marker.
    Marker,
    /// A record that keeps bad bytes; `is_new` when it was made of bytes of this chunk.
    Quarantined {
        /// Whether it was made of bytes of this chunk.
        is_new: bool,
    },
}

impl SortedItem {
    /// The record of that verdict.
    fn of(verdict: Verdict) -> Self {
        match verdict.fate {
            Fate::Kept => SortedItem::Record(verdict),
            Fate::Dropped | Fate::SampledOut => SortedItem::Dropped(verdict.rule),
        }
    }
}

impl SortedChunk {
    /// Counts a record, or a piece of one.
    fn counted(&mut self, item: SortedItem) -> SortedItem {
        match item {
            SortedItem::Dropped(_) => self.dropped += 1,
            _ => self.records += 1,
        }
        item
    }
}

/// Sorts events one after another.
#[derive(Debug)]
pub struct Sorter {
    config: SorterConfig,
    state: RuleState,
    index: FieldIndex,
    expander: Expander,
    joiner: PieceJoiner,
    /// A joined event.
    joined: Vec<u8>,
    origins: Origins,
    record_times: RecordTimes,
    record_ids: Option<RecordIds>,
    /// Whether [`Sorter::sort_usual`] is a way for some records.
    may_be_usual: bool,
    known_date: KnownLogDate,
    room: Room,
}

/// Bytes of a joined line, and of what is put together, that memory is kept for between chunks.
const KEPT_BYTES: usize = 256 * 1024;
/// At how many bytes what is put together is best taken: a few records at a time are then copied while they are in the processor's
/// nearest cache, which a whole chunk would leave.
pub const PART_BYTES: usize = 8 * 1024;

impl Default for Sorter {
    fn default() -> Self {
        Self::new(SorterConfig::default())
    }
}

impl Sorter {
    /// A sorter with its configuration.
    #[must_use]
    pub fn new(config: SorterConfig) -> Self {
        Self {
            origins: Origins::new(&config),
            record_times: RecordTimes::default(),
            record_ids: None,
            known_date: KnownLogDate::default(),
            may_be_usual: usual_access::is_apart_from(&config),
            room: Room::default(),
            config,
            state: RuleState::default(),
            index: FieldIndex::default(),
            expander: Expander::default(),
            joiner: PieceJoiner::default(),
            joined: Vec::new(),
        }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.config.rules
    }

    /// How often each rule did what, in the order of [`RuleSet::rules`].
    #[must_use]
    pub fn rule_counts(&self) -> &[RuleCounts] {
        &self.state.counts
    }

    /// How many lines that were read begin like a format and are none of it, and why. In a module of WebAssembly nothing is counted.
    #[must_use]
    pub fn misreads(&self) -> &MisreadCounts {
        &self.state.misreads
    }

    /// From now on events are of chunks with this tag. A sorter that was told none takes it for empty.
    pub fn set_tag(&mut self, tag: &[u8]) {
        self.state.set_tag(&self.config.rules, tag);
    }

    /// From now on records of this task are given what is known of it. Which records a chunk has, and of which type, does not
    /// depend on that.
    pub fn set_task(&mut self, task: &TaskIdentity) {
        self.origins.set_task(task);
    }

    /// From now on each record that has no `record_id` is given one of this stream, which is to be no other sorter's, now or later
    /// ([`record_id`]). What else becomes of it does not change.
    pub fn set_record_ids(&mut self, stream: &str) {
        self.record_ids = Some(RecordIds::new(stream));
    }

    /// The last id that a record was given; `None` when none was.
    #[must_use]
    pub fn last_record_id(&self) -> Option<String> {
        self.record_ids.as_ref()?.last_id()
    }

    /// Whether a record came from a container of the task that is not known, since this was asked last.
    pub fn take_new_container(&mut self) -> bool {
        self.origins.take_new_container()
    }

    /// Appends the sorted event to `out`, unless its verdict says that it is not kept; a group marker is copied and has no
    /// verdict. A piece of a line is a record here:
    /// which others there are is known of whole chunks only.
    pub fn sort(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Option<Verdict> {
        if event.kind != EventKind::Record {
            out.extend_from_slice(event.raw);
            return None;
        }
        self.index.fill(&event.body);
        let mut room = std::mem::take(&mut self.room);
        let verdict = self.sort_one(event, &mut room);
        self.give_back(room, out);
        Some(verdict)
    }

    /// Sorts an event that comes alone, as from a host that hands over one at a time, and gives `write` what it is made of;
    /// `write` is not called for what is dropped, and for what stays as it is: a piece of a line that is to be passed on, a
    /// group marker, a record that keeps bad bytes.
    pub fn sort_alone(&mut self, event: &Event<'_>, write: impl FnOnce(&Enriched<'_, '_>)) -> SortedItem {
        if event.kind != EventKind::Record {
            return SortedItem::Marker;
        }
        if quarantine::keeps_bad_bytes(event) {
            return SortedItem::Quarantined { is_new: false };
        }
        self.index.fill(&event.body);
        let is_piece = self.config.pieces != Pieces::Separate && pieces::may_be_piece(&self.index);
        if is_piece && self.config.pieces == Pieces::JoinOrPass {
            return SortedItem::Piece;
        }
        SortedItem::of(self.sort_indexed(event, is_piece, false, write))
    }

    /// Why [`Sorter::sort`] gives the event the rule that it gives it; `None` for a group marker. For people: it asks every rule,
    /// and counts nothing.
    #[must_use]
    pub fn explain(&mut self, event: &Event<'_>) -> Option<Explanation> {
        if event.kind != EventKind::Record {
            return None;
        }
        let Self { config, state, index, expander, .. } = self;
        let rules = &*config.rules;
        index.fill(&event.body);
        let Subject { body, line, expanded, own, .. } = Subject::of(event, false, rules, index, expander);
        let mut found = FoundFields::default();
        let mut evaluation = Evaluation::new(rules, state, index, body, line, expanded, &mut found);
        Some(if own.is_some() { Explanation::of_own_type() } else { evaluation.explain() })
    }

    /// Sorts a record that is no piece, whose keys the index holds.
    #[inline]
    fn sort_one(&mut self, event: &Event<'_>, room: &mut Room) -> Verdict {
        match self.sort_usual(event, room) {
            Some(verdict) => verdict,
            None => self.sort_indexed(event, false, true, |enriched| enriched.append_to(room)),
        }
    }

    /// As [`Sorter::sort_indexed`], the short way, for usual records of access lines; `None` for all others.
    #[inline]
    fn sort_usual(&mut self, event: &Event<'_>, room: &mut Room) -> Option<Verdict> {
        let Self { config, state, index, origins, may_be_usual, known_date, record_ids, .. } = self;
        // What was just put there by parts is not copied as a whole: the processor would wait for the parts.
        let body = &event.body;
        let line = usual_access::line_of(index, body)?;
        if !(*may_be_usual && record_ids.is_none() && state.is_plain(index)) {
            return None;
        }
        let access = AccessLine::parse_on(line, known_date);
        let access = UsualAccess::of(line, access.as_ref()?)?;
        let reading = access.reading();
        let decided = state.decide_read(&config.rules, index, body, line, &reading);
        if decided.is_dropped {
            return Some(decided.verdict(reading.line_time));
        }
        let usual = UsualFields::new(&access, &decided);
        let record = Record { index, body, was_sorted: false };
        let mut found = FoundFields::default();
        let kept = origins.add_to(config, &record, true, &mut found).map(|kept| (0, kept));
        let time = event_time(reading.line_time, config);
        let usual = Some(&usual);
        Enriched { event, body, index, found: &found, time, left_out: None, kept, usual }.append_to(room);
        Some(decided.verdict(reading.line_time))
    }

    /// Sorts the record whose keys the index holds. What `write` is given has all fields among the found ones unless it `may_be_kept`
    /// what earlier records were given.
    fn sort_indexed(
        &mut self,
        event: &Event<'_>,
        is_incomplete: bool,
        may_be_kept: bool,
        write: impl FnOnce(&Enriched<'_, '_>),
    ) -> Verdict {
        let Self { config, state, index, expander, origins, record_times, record_ids, .. } = self;
        let rules = &*config.rules;
        let Subject { body, line, expanded, left_out, own, was_sorted } =
            Subject::of(event, is_incomplete, rules, index, expander);
        // What is found borrows these, so they live longer.
        let (log_type, trace);
        let mut found = FoundFields::default();
        let mut evaluation = Evaluation::new(rules, state, index, body, line, expanded, &mut found);
        let mut verdict = match own {
            None => evaluation.verdict(),
            Some(log_type) => evaluation.own_verdict(log_type),
        };
        if verdict.fate != Fate::Kept {
            return verdict;
        }
        if !was_sorted {
            verdict.line_time = verdict.line_time.or_else(|| record_times.find(index, &body));
        }

        log_type = verdict.log_type;
        found.push("log_type", FoundValue::Text(log_type.name().as_bytes()));
        if let Some(severity) = verdict.severity {
            found.push("severity", FoundValue::Text(severity.name().as_bytes()));
        }
        if is_incomplete {
            found.push_text_if_new(pieces::INCOMPLETE_KEY, b"true");
        }
        trace = trace_of(index, &body, &found);
        if let Some(trace) = &trace {
            add_trace(trace, index, &body, &mut found);
        }
        config.placement.take_apart(index, &body, &mut found);
        let others = found.len();
        let record = Record { index, body: &body, was_sorted };
        let kept = origins.add_to(config, &record, may_be_kept, &mut found).map(|kept| (others, kept));
        if let Some(ids) = record_ids
            && !index.contains(record_id::KEY.as_bytes())
            && found.get(record_id::KEY).is_none()
            && !kept.is_some_and(|(_, kept)| kept.has_record_id)
        {
            found.push(record_id::KEY, FoundValue::Text(ids.next_id()));
        }

        let time = event_time(verdict.line_time, config);
        write(&Enriched { event, body: &body, index, found: &found, time, left_out, kept, usual: None });
        verdict
    }

    /// Sorts a whole chunk that was received at `received`. Markers are copied as they are, and so are events that keep
    /// bad bytes; bad bytes become such events, so that what is behind them can be read by everybody.
    pub fn sort_chunk(&mut self, chunk: &[u8], received: Timestamp, out: &mut Vec<u8>) -> SortedChunk {
        let mut room = std::mem::take(&mut self.room);
        let sorted = self.sort_items(chunk, received, &mut room, |_, room| {
            if room.len() >= PART_BYTES {
                out.extend_from_slice(room.bytes());
                room.clear();
            }
        });
        self.give_back(room, out);
        sorted
    }

    /// Appends what is in the room, and keeps its memory.
    fn give_back(&mut self, mut room: Room, out: &mut Vec<u8>) {
        out.extend_from_slice(room.bytes());
        room.clear();
        room.shrink_to(KEPT_BYTES);
        self.room = room;
    }

    /// As [`Sorter::sort_chunk`]; `take` is told of every item that was appended, and may have what is written so far and empty
    /// it.
    pub fn sort_items(
        &mut self,
        chunk: &[u8],
        received: Timestamp,
        room: &mut Room,
        mut take: impl FnMut(SortedItem, &mut Room),
    ) -> SortedChunk {
        let mut sorted = SortedChunk::default();
        let mut is_planned = false;
        let mut items = Chunk::new(chunk);
        loop {
            let next = items.next_indexed(&mut self.index);
            let Some(item) = &next else { break };
            let kind = match item {
                Item::Event(event) if quarantine::keeps_bad_bytes(event) => {
                    sorted.records += 1;
                    room.raw(event.raw);
                    SortedItem::Quarantined { is_new: false }
                }
                Item::Event(event) if event.kind != EventKind::Record => {
                    sorted.markers += 1;
                    room.raw(event.raw);
                    SortedItem::Marker
                }
                Item::Event(event) => {
                    let fate = if self.config.pieces != Pieces::Separate && pieces::may_be_piece(&self.index) {
                        if !std::mem::replace(&mut is_planned, true) {
                            self.joiner.plan(chunk);
                        }
                        self.joiner.fate(event.offset)
                    } else {
                        PieceFate::NoPiece
                    };
                    match fate {
                        PieceFate::NoPiece => sorted.counted(SortedItem::of(self.sort_one(event, room))),
                        PieceFate::Apart => sorted.counted(self.sort_apart(event, room)),
                        PieceFate::InLaterOne => continue,
                        PieceFate::Whole(whole) => match self.sort_joined(chunk, whole, room) {
                            Some(verdict) => sorted.counted(SortedItem::of(verdict)),
                            None => {
                                // Rather apart than lost.
                                for place in whole.places() {
                                    let Some(event) = self.joiner.event(chunk, place) else { continue };
                                    self.index.fill(&event.body);
                                    let kind = sorted.counted(self.sort_apart(&event, room));
                                    take(kind, room);
                                }
                                continue;
                            }
                        },
                    }
                }
                Item::Bad(bad) => {
                    sorted.bad += 1;
                    room.apart(|out| quarantine::append_event(out, bad, received));
                    SortedItem::Quarantined { is_new: true }
                }
            };
            take(kind, room);
        }
        if is_planned {
            self.joiner.clear();
        }
        sorted
    }

    /// A piece that is not joined; the index holds its keys.
    fn sort_apart(&mut self, event: &Event<'_>, room: &mut Room) -> SortedItem {
        if self.config.pieces == Pieces::JoinOrPass {
            room.raw(event.raw);
            return SortedItem::Piece;
        }
        SortedItem::of(self.sort_indexed(event, true, true, |enriched| enriched.append_to(room)))
    }

    fn sort_joined(&mut self, chunk: &[u8], whole: Whole, room: &mut Room) -> Option<Verdict> {
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        let appended = self.joiner.append_joined(chunk, whole, &mut joined);
        let event = appended.and_then(|()| Event::read(&mut Reader::new(&joined)).ok());
        let verdict = event.map(|event| {
            self.index.fill(&event.body);
            self.sort_indexed(&event, false, true, |enriched| enriched.append_to(room))
        });
        joined.shrink_to(KEPT_BYTES);
        self.joined = joined;
        verdict
    }
}

/// The time that takes the place of the host's, in seconds and nanoseconds.
#[inline]
fn event_time(line_time: Option<Timestamp>, config: &SorterConfig) -> Option<(u32, u32)> {
    let time = line_time.filter(|_| config.use_line_time)?;
    // EventTime has 32 bits of seconds, and Fluent Bit since 4.2 reads them as a signed number: what is negative it takes for a
    // group marker, or leaves out. A line from before 1970 or from 2038 on keeps the host's time.
    let seconds = i32::try_from(time.seconds).ok()?;
    Some((u32::try_from(seconds).ok()?, time.nanoseconds))
}

#[cfg(test)]
#[path = "sorter_tests.rs"]
mod tests;
