//! The host's classic format: `[SECTION]`, `Key Value`, `@INCLUDE` and `@SET`
//! (<https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/classic-mode/format-schema>).

use super::host_config::{HostConfigError, Kind, Reader, Section};
use std::path::Path;

pub(super) fn read(reader: &mut Reader<'_>, file: &Path, text: &str) -> Result<(), HostConfigError> {
    let mut section: Option<Section> = None;
    for (index, line) in text.lines().enumerate() {
        let wrong = |what| HostConfigError::Syntax { file: file.to_owned(), line: index + 1, what };
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or(wrong("a section's name ends with ]"))?;
            reader.sections.extend(section.replace(Section { kind: Kind::from_name(name), entries: Vec::new() }));
        } else if word.eq_ignore_ascii_case("@include") {
            reader.sections.extend(section.take());
            let pattern = reader.fill(rest);
            reader.include(file, &pattern)?;
        } else if word.eq_ignore_ascii_case("@set") {
            let (name, value) = rest.split_once('=').ok_or(wrong("@SET takes name=value"))?;
            reader.set(name.trim(), value.trim());
        } else {
            let open = section.as_mut().ok_or(wrong("no section has begun"))?;
            open.entries.push((word.to_owned(), reader.fill(rest)));
        }
    }
    reader.sections.extend(section);
    Ok(())
}
