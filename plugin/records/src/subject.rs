//! A record as the rules see it.

use crate::classify::{line_of, own_type};
use crate::event::Event;
use crate::expand::Expander;
use crate::fields::{FieldIndex, KeySet};
use crate::line::LineFormat;
use crate::log_type::LogType;
use crate::msgpack::Composite;
use crate::rules::RuleSet;
use std::ops::Range;

/// Where a record names its type.
const OWN_TYPE: KeySet = KeySet::new(&["log_type"]);

/// A record, or what its line was expanded to.
pub(crate) struct Subject<'a> {
    pub(crate) body: Composite<'a>,
    /// The line that is judged; empty when there is none.
    pub(crate) line: &'a [u8],
    /// What the line was that gave way to its fields.
    pub(crate) expanded: Option<LineFormat>,
    /// Where it stood in the content of the event's own record.
    pub(crate) left_out: Option<Range<usize>>,
    /// The type that the record, or its line, names itself.
    pub(crate) own: Option<LogType>,
    /// Whether the record itself named its type.
    pub(crate) was_sorted: bool,
}

impl<'a> Subject<'a> {
    /// The record of an event, which may be a piece of one, whose keys the index holds; afterwards it holds those of the subject.
    #[inline(always)]
    pub(crate) fn of(
        event: &Event<'a>,
        is_incomplete: bool,
        rules: &RuleSet,
        index: &mut FieldIndex,
        expander: &'a mut Expander,
    ) -> Subject<'a> {
        let own_type =
            |index: &FieldIndex, body| if index.has_any(&OWN_TYPE) { own_type(index, body, rules) } else { None };
        let (mut body, mut own) = (event.body, own_type(index, &event.body));
        let was_sorted = own.is_some();
        let mut line = if own.is_none() { line_of(index, &body) } else { None };
        // A piece's text may be put together with others later, so it stays as it is.
        let expandable = line.filter(|_| !is_incomplete);
        let (mut expanded, mut left_out) = (None, None);
        if let Some(fields) = expandable.and_then(|line| expander.expand(index, &body, line, rules)) {
            body = fields.body;
            index.fill(&body);
            (own, line) = (own_type(index, &body), line_of(index, &body));
            (expanded, left_out) = (Some(fields.format), Some(fields.left_out));
        }
        let line = line.map(|(_, line)| line).unwrap_or_default();
        Subject { body, line, expanded, left_out, own, was_sorted }
    }
}
