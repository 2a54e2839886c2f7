//! Standard output, with colour where somebody looks at it.

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use std::borrow::Cow;
use std::io::{self, BufWriter, StdoutLock};

/// Names that a reader looks for.
pub(crate) const NAME: Style = Style::new().bold();
/// What is beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What may be wrong.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Standard output. With `auto` there is colour on a terminal, unless `NO_COLOR` (<https://no-color.org>) forbids it.
pub(crate) fn output(color: ColorChoice) -> BufWriter<AutoStream<StdoutLock<'static>>> {
    let choice = match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    BufWriter::new(AutoStream::new(io::stdout().lock(), choice))
}

/// Text of a log, without what could steer a terminal.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |character: char| character.is_control() && character != '\t';
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let shown = |character: char| match steers(character) {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_done() {
        assert_eq!(harmless("a\tb ü"), "a\tb ü");
        assert_eq!(harmless("\u{1b}[2Jx\r\u{9b}y"), "\\u{1b}[2Jx\\r\\u{9b}y");
    }
}
