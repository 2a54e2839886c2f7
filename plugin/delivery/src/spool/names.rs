//! Names of files in the folder; every one begins with the stream it belongs to.

use super::STREAM_ID_LENGTH;
use super::segment::SegmentId;
use super::set_aside::ASIDE;

pub(super) const SEGMENT: &str = ".segment";
pub(super) const TEMPORARY: &str = ".new";
const COMMITS: &str = ".commits";

pub(super) fn segment(id: &SegmentId) -> String {
    format!("{}-{:010}.{}{SEGMENT}", id.stream, id.number, id.lane)
}

pub(super) fn commits(stream: &str) -> String {
    format!("{stream}{COMMITS}")
}

pub(super) fn lock(stream: &str) -> String {
    format!("{stream}.lock")
}

pub(super) fn tries(segment: &str) -> String {
    format!("{segment}.tries")
}

/// Which records of a segment Datadog has.
pub(super) fn progress(segment: &str) -> String {
    format!("{segment}.datadog")
}

pub(super) fn aside(segment: &str) -> String {
    format!("{segment}{ASIDE}")
}

/// The stream a file belongs to; `None` for what is no stream's.
pub(super) fn stream_of(name: &str) -> Option<&str> {
    let end = name.find(['-', '.'])?;
    let stream = name.get(..end)?;
    (stream.len() == STREAM_ID_LENGTH && stream.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(stream)
}
