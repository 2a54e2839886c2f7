//! `shiwake explain`: lines in, verdicts out.
//!
//! [`text`]: a line of text a line of logs, or all there is to say of it. As JSON it is an object a line.

mod text;

use crate::error::CommandError;
use crate::input::Lines;
use crate::rules_file;
use shiwake_records::event::Event;
use shiwake_records::explained::Explained;
use shiwake_records::line_event::EventMaker;
use shiwake_records::msgpack::Reader;
use shiwake_records::rules::Explanation;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::io::Write;
use std::path::PathBuf;

/// What is to be explained, and how.
pub(crate) struct Options<'o> {
    /// Files with a line or a JSON object on each line; standard input when there are none.
    pub(crate) files: &'o [PathBuf],
    /// The user's rules.
    pub(crate) rules: Option<&'o PathBuf>,
    /// The host's tag.
    pub(crate) tag: &'o str,
    /// Whether objects are written.
    pub(crate) as_json: bool,
    /// Whether everything is told of every line.
    pub(crate) why: bool,
}

/// Explains every line.
pub(crate) fn run(options: &Options<'_>, out: &mut impl Write) -> Result<(), CommandError> {
    let rules = rules_file::load_or_built_in(options.rules.map(PathBuf::as_path))?;
    let mut sorter = Sorter::new(SorterConfig { rules: rules.clone(), ..SorterConfig::default() });
    sorter.set_tag(options.tag.as_bytes());
    let (mut maker, mut event, mut sorted) = (EventMaker::default(), Vec::new(), Vec::new());
    let mut lines = Lines::of(options.files);
    // Whether it is the only one decides how it is shown, so one is read ahead.
    let (mut line, mut next) = (Vec::new(), Vec::new());
    let mut is_there = lines.read(&mut line).map_err(or_line)?;
    let mut is_alone = true;
    while is_there {
        let has_next = lines.read(&mut next).map_err(or_line)?;
        is_alone &= !has_next;
        maker.make(&line, (0, 0), &mut event);
        sorted.clear();
        // What was written just before can be read, and is a record.
        if let Ok(event) = Event::read(&mut Reader::new(&event)) {
            let tells_all = options.why || options.as_json || is_alone;
            let explanation = if tells_all { sorter.explain(&event) } else { None };
            if let Some(verdict) = sorter.sort(&event, &mut sorted) {
                let sorted = Event::read(&mut Reader::new(&sorted)).ok();
                let explained = Explained { rules: &rules, line: &line, verdict, event, sorted };
                write(&explained, explanation.as_ref(), options.as_json, out)?;
            }
        }
        std::mem::swap(&mut line, &mut next);
        is_there = has_next;
    }
    out.flush()?;
    Ok(())
}

/// The error, which for a file that is not there says how a line is given.
fn or_line(error: CommandError) -> CommandError {
    match error {
        CommandError::Read { file, source } if !file.exists() => CommandError::NoSuchLog { file, source },
        error => error,
    }
}

fn write(
    explained: &Explained<'_>,
    explanation: Option<&Explanation>,
    as_json: bool,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    match explanation {
        Some(explanation) if as_json => writeln!(out, "{}", explained.object(explanation))?,
        Some(explanation) => text::write_all(explained, explanation, out)?,
        None => text::write_line(explained, out)?,
    }
    Ok(())
}
