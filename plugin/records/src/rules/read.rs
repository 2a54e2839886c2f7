//! Reads rules files.

use super::condition::{Condition, Path, Scalar};
use super::declaration::{Declarations, Effect, GroupKind, Parse, RuleDeclaration, Sample, TypeDeclaration};
use super::document::{Node, Reading, get, nearest};
use super::fault::{Diagnostic, Fault};
use super::patterns;
use super::read_condition::{MAX_PATH_BYTES, condition, regexes, scalar, severity};
use super::source::{Place, SourceFile, Sources};
use super::{read_test, read_type};
use crate::line::LineFormat;
use crate::log_type::{LogType, TypeName};
use std::io;
use toml::de::{DeTable, DeValue};

/// Most rules of a rule set.
pub const MAX_RULES: usize = 1_000;
/// Most types that a user declares.
pub const MAX_TYPES: usize = 16;
/// Most files of a rule set.
pub const MAX_FILES: usize = 32;
/// Largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;
/// Most fields that all rules of a rule set together may set or take out of lines.
pub const MAX_SET_FIELDS: usize = 64;

/// Fields that follow from the whole of a rule set.
const RESERVED_FIELDS: [&str; 3] = ["log_type", "severity", super::keep::SAMPLE_RATE];

const RULE_KEYS: [&str; 10] =
    ["name", "type", "when", "match", "parse", "severity", "default_severity", "set", "drop", "sample"];

/// Gives the file of that name; with a second name, the one that this file includes.
pub type Loader<'l> = dyn FnMut(&str, Option<&str>) -> io::Result<SourceFile> + 'l;

/// What was read, with its files and with what is wrong with it.
pub(super) struct ReadFiles {
    pub(super) sources: Sources,
    pub(super) declarations: Declarations,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Files that wait for those that they include.
    waiting: Vec<usize>,
    /// Whether all files were read to their ends, whatever is wrong in them.
    pub(super) is_whole: bool,
    /// Names of the types that the files declare, rightly or not.
    pub(super) type_names: Vec<String>,
}

/// Reads a file and those it includes.
pub(super) fn files(name: &str, load: &mut Loader<'_>) -> ReadFiles {
    let mut read = ReadFiles {
        sources: Sources::default(),
        declarations: Declarations { with_built_in: true, ..Declarations::default() },
        diagnostics: Vec::new(),
        waiting: Vec::new(),
        is_whole: true,
        type_names: Vec::new(),
    };
    match load(name, None) {
        Ok(file) => read_file(&mut read, file, load),
        Err(error) => {
            let file = read.sources.add(SourceFile::new(name, ""));
            let fault = Fault::Unreadable { file: name.to_owned(), reason: error.to_string() };
            read.is_whole = false;
            read.diagnostics.push(Diagnostic::new(&read.sources, &Place { file, bytes: 0..0 }, fault));
        }
    }
    read
}

/// Reads one more file that includes no others.
pub(super) fn append(read: &mut ReadFiles, file: SourceFile) {
    read_file(read, file, &mut |name, _| {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("{name} includes no files")))
    });
}

fn read_file(read: &mut ReadFiles, file: SourceFile, load: &mut Loader<'_>) {
    let at = read.sources.add(file.clone());
    let mut reading = Reading { sources: &mut read.sources, file: at, diagnostics: Vec::new() };
    if file.text.len() > MAX_FILE_BYTES {
        reading.fault(0..0, Fault::TooMany { what: "bytes in a file", limit: MAX_FILE_BYTES });
        read.is_whole = false;
        read.diagnostics.append(&mut reading.diagnostics);
        return;
    }
    let (document, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        reading.fault(error.span().unwrap_or(0..0), Fault::Syntax(error.message().to_owned()));
    }
    // What lies behind an error of syntax would be found wrong for no reason.
    if !errors.is_empty() {
        read.is_whole = false;
        read.diagnostics.append(&mut reading.diagnostics);
        return;
    }
    let table = document.get_ref();
    reading.refuse_unknown(table, "a rules file", &["include", "builtin", "type", "rule", "test"]);
    let includes = get(table, "include").map(|node| reading.texts("include", node)).unwrap_or_default();
    if let Some(node) = get(table, "builtin") {
        read.declarations.with_built_in &= reading.flag("builtin", node).unwrap_or(true);
    }
    read.diagnostics.append(&mut reading.diagnostics);
    read.waiting.push(at);
    for (name, bytes) in includes {
        include(read, &file.name, &name, Place { file: at, bytes }, load);
    }
    read.waiting.pop();
    if let Some(DeValue::Table(types)) = get(table, "type").map(Node::get_ref) {
        read.type_names.extend(types.keys().map(|name| name.get_ref().to_string()));
    }
    let mut reading = Reading { sources: &mut read.sources, file: at, diagnostics: Vec::new() };
    read_tables(&mut reading, table, &mut read.declarations);
    read.diagnostics.append(&mut reading.diagnostics);
}

/// Reads a file that another one includes, unless it was read before; its rules stand before those of the other.
fn include(read: &mut ReadFiles, from: &str, name: &str, place: Place, load: &mut Loader<'_>) {
    let fault = match load(from, Some(name)) {
        Err(error) => {
            let reason = format!("{error}; a name counts from the folder of the file that includes it");
            Fault::Unreadable { file: name.to_owned(), reason }
        }
        Ok(file) => match read.sources.files().iter().position(|known| known.is_same(&file)) {
            Some(at) if read.waiting.contains(&at) => {
                let reason =
                    "it includes this file itself, by way of others or not; take one of these includes out".to_owned();
                Fault::Unreadable { file: name.to_owned(), reason }
            }
            Some(_) => return,
            None if read.sources.files().len() >= MAX_FILES => Fault::TooMany { what: "files", limit: MAX_FILES },
            None => return read_file(read, file, load),
        },
    };
    read.is_whole = false;
    read.diagnostics.push(Diagnostic::new(&read.sources, &place, fault));
}

fn read_tables(reading: &mut Reading<'_>, table: &DeTable<'_>, to: &mut Declarations) {
    if let Some(types) = get(table, "type").and_then(|node| reading.table("type", node)) {
        // In the order of the file, not of the alphabet.
        let mut types: Vec<_> = types.iter().collect();
        types.sort_by_key(|(name, _)| name.span().start);
        for (name, node) in types {
            let place = reading.place(name.span());
            let declared = read_type::declared(reading, name.get_ref(), place, node);
            if let Some(declared) = declared {
                read_type::refuse_equal_ids(reading, &to.types, &declared);
                if let Some(first) = to.types.iter().find(|known| known.log_type == declared.log_type) {
                    let first = described(reading.sources, &first.place);
                    let name = name.get_ref().to_string();
                    reading.fault(declared.place.bytes, Fault::Double { what: "type", name, first });
                } else {
                    to.types.push(declared);
                }
            }
        }
        let is_own = |declared: &&TypeDeclaration| matches!(declared.log_type, LogType::Own(_));
        if to.types.iter().filter(is_own).count() > MAX_TYPES {
            reading.fault(0..0, Fault::TooMany { what: "types", limit: MAX_TYPES });
        }
    }
    if let Some(node) = get(table, "rule") {
        for (node, table) in reading.tables("rule", node) {
            if let Some(rule) = rule(reading, node, table) {
                if let Some(first) = to.rules.iter().find(|known| known.name == rule.name) {
                    let first = described(reading.sources, &first.place);
                    reading.fault(rule.place.bytes, Fault::Double { what: "rule", name: rule.name, first });
                } else {
                    to.rules.push(rule);
                }
            }
        }
        if to.rules.len() > MAX_RULES {
            reading.fault(node.span(), Fault::TooMany { what: "rules", limit: MAX_RULES });
        }
    }
    if let Some(node) = get(table, "test") {
        for (node, table) in reading.tables("test", node) {
            let number = to.tests.len() + 1;
            to.tests.extend(read_test::test(reading, node, table, number));
        }
    }
}

/// A place for people.
pub(super) fn described(sources: &Sources, place: &Place) -> String {
    let position = sources.position(place);
    format!("{}:{}", position.file, position.line)
}

fn rule(reading: &mut Reading<'_>, node: &Node<'_>, table: &DeTable<'_>) -> Option<RuleDeclaration> {
    const MAX_NAME_BYTES: usize = 64;
    reading.refuse_unknown(table, "a rule", &RULE_KEYS);
    let before = reading.diagnostics.len();
    let effect = effect(reading, table);
    let is_read = reading.diagnostics.len() == before;
    let mut all = Vec::new();
    if let Some(node) = get(table, "when") {
        all.extend(condition(reading, node, 0));
    }
    if let Some(node) = get(table, "match") {
        all.push(Condition::Line(regexes(reading, "match", node)));
    }
    let condition = if all.len() == 1 { all.pop()? } else { Condition::All(all) };
    let Some(name_node) = get(table, "name") else {
        let help = "write name = \"...\", by which the rule is known in tests, logs and errors";
        reading.fault(node.span(), Fault::Missing { whose: "a rule", key: "name", help });
        return None;
    };
    let name = reading.text("name", name_node)?;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        reading.wrong_value("name", name_node, "a name of 1 to 64 bytes, without control characters, is allowed");
    }
    if is_read && effect == Effect::default() {
        reading.fault(name_node.span(), Fault::Idle { rule: name.clone() });
    }
    let type_place = reading.place(get(table, "type").unwrap_or(name_node).span());
    Some(RuleDeclaration { name, place: reading.place(name_node.span()), type_place, condition, effect })
}

fn effect(reading: &mut Reading<'_>, table: &DeTable<'_>) -> Effect {
    let effect = Effect {
        log_type: get(table, "type").and_then(|node| named_type(reading, node)),
        parse: get(table, "parse").and_then(|node| parse(reading, node)),
        severity: get(table, "severity").and_then(|node| severity(reading, "severity", node)),
        default_severity: get(table, "default_severity").and_then(|node| severity(reading, "default_severity", node)),
        set: get(table, "set").map(|node| set_fields(reading, node)).unwrap_or_default(),
        drop: get(table, "drop").and_then(|node| reading.flag("drop", node)).unwrap_or(false),
        sample: get(table, "sample").and_then(|node| sample(reading, node)),
    };
    for (key, first) in [("type", "drop"), ("sample", "drop")] {
        if let (true, Some(node)) = (effect.drop, get(table, key)) {
            let help = "what is thrown away has no type and no share that is kept";
            reading.fault(node.span(), Fault::Both { first, second: key, help });
        }
    }
    if let (Some(_), Some(node)) = (&effect.severity, get(table, "default_severity")) {
        let help = "severity is for all records, default_severity for those that have none";
        reading.fault(node.span(), Fault::Both { first: "severity", second: "default_severity", help });
    }
    effect
}

/// The type that a rule gives. Whether it is declared is seen when all files are read.
fn named_type(reading: &mut Reading<'_>, node: &Node<'_>) -> Option<LogType> {
    let name = reading.text("type", node)?;
    let log_type = LogType::built_in(name.as_bytes()).or_else(|| TypeName::new(&name).map(LogType::Own));
    if log_type.is_none() {
        let known = LogType::BUILT_IN;
        let names: Vec<&str> = known.iter().map(LogType::name).collect();
        let nearest = nearest(&name, names.iter().copied());
        reading.fault(node.span(), Fault::UnknownName { what: "type", found: name, nearest, known: names.join(", ") });
    }
    log_type
}

fn parse(reading: &mut Reading<'_>, node: &Node<'_>) -> Option<Parse> {
    if let DeValue::Table(table) = node.get_ref() {
        return groups(reading, node, table);
    }
    let formats = LineFormat::ALL.into_iter().filter(|(_, format)| *format != LineFormat::Unknown);
    // The parsers of formats, and those that are none.
    let mut known = vec![("auto", Err(Parse::Auto)), ("fields", Err(Parse::Fields)), ("none", Err(Parse::Nothing))];
    known.extend(formats.map(|(name, format)| (name, Ok(format))));
    let names: Vec<(&str, usize)> = known.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
    let at = reading.one_of("parser", node, &names)?;
    let (_, parser) = known.into_iter().nth(at)?;
    Some(parser.map_or_else(|other| other, Parse::Only))
}

/// A pattern whose named groups become fields, and what they hold.
fn groups(reading: &mut Reading<'_>, node: &Node<'_>, table: &DeTable<'_>) -> Option<Parse> {
    reading.refuse_unknown(table, "a parser", &["regex", "types"]);
    let Some(regex) = get(table, "regex") else {
        let help = "write regex = '...' with named groups, as in (?<user>\\w+)";
        reading.fault(node.span(), Fault::Missing { whose: "a parser of one's own", key: "regex", help });
        return None;
    };
    let pattern = match regexes(reading, "regex", regex).pop()? {
        pattern if regex.get_ref().as_str().is_some() => pattern,
        _ => {
            reading.wrong_kind("regex", regex, "text");
            return None;
        }
    };
    let compiled = patterns::compile(&pattern, patterns::MAX_COMPILED_BYTES, 0).ok()?;
    let mut groups: Vec<(String, GroupKind)> =
        compiled.capture_names().flatten().map(|name| (name.to_owned(), GroupKind::Text)).collect();
    if let Some((name, _)) =
        groups.iter().find(|(name, _)| *name != "severity" && RESERVED_FIELDS.contains(&name.as_str()))
    {
        let allowed = format!("'{name}' follows from type and sample; give the group another name");
        reading.fault(regex.span(), Fault::Value { key: "regex".to_owned(), found: format!("'{name}'"), allowed });
    }
    if groups.is_empty() {
        reading.wrong_value("regex", regex, "named groups are expected, as in (?<user>\\w+)");
    }
    let kinds = [("text", GroupKind::Text), ("int", GroupKind::Int), ("float", GroupKind::Float)];
    if let Some(types) = get(table, "types").and_then(|node| reading.table("types", node)) {
        for (name, node) in types {
            let kind = reading.one_of("type of a group", node, &kinds);
            match groups.iter_mut().find(|(group, _)| group == name.get_ref()) {
                Some(group) => group.1 = kind.unwrap_or(GroupKind::Text),
                None => {
                    let found = name.get_ref().to_string();
                    let names: Vec<&str> = groups.iter().map(|(group, _)| group.as_str()).collect();
                    let nearest = nearest(&found, names.iter().copied());
                    let fault = Fault::UnknownName { what: "group", found, nearest, known: names.join(", ") };
                    reading.fault(name.span(), fault);
                }
            }
        }
    }
    Some(Parse::Groups { pattern, groups })
}

/// Fields to set, none of which has a key of its own in a rule.
fn set_fields(reading: &mut Reading<'_>, node: &Node<'_>) -> Vec<(String, Scalar)> {
    let set = fields(reading, "set", node);
    if let Some((name, _)) = set.iter().find(|(name, _)| RESERVED_FIELDS.contains(&name.as_str())) {
        let allowed = format!("'{name}' follows from type, severity and sample; set one of these");
        reading.fault(node.span(), Fault::Value { key: "set".to_owned(), found: format!("'{name}'"), allowed });
    }
    set
}

/// Names of fields and their values.
pub(super) fn fields(reading: &mut Reading<'_>, key: &str, node: &Node<'_>) -> Vec<(String, Scalar)> {
    let Some(table) = reading.table(key, node) else { return Vec::new() };
    let mut table: Vec<_> = table.iter().collect();
    table.sort_by_key(|(name, _)| name.span().start);
    let mut fields = Vec::new();
    for (name, node) in table {
        let text = name.get_ref();
        if text.is_empty() || text.len() > MAX_PATH_BYTES {
            let allowed = format!("a name of 1 to {MAX_PATH_BYTES} bytes is allowed");
            reading.fault(name.span(), Fault::Value { key: key.to_owned(), found: format!("'{text}'"), allowed });
        }
        fields.extend(scalar(reading, text, node).map(|value| (text.to_string(), value)));
    }
    fields
}

fn sample(reading: &mut Reading<'_>, node: &Node<'_>) -> Option<Sample> {
    let (keep_node, by) = match node.get_ref() {
        DeValue::Table(table) => {
            reading.refuse_unknown(table, "a sample", &["keep", "by"]);
            let by = get(table, "by").and_then(|node| reading.text("by", node)).map(Path);
            let Some(keep) = get(table, "keep") else {
                let help = "write keep = 0.1 for one record of ten";
                reading.fault(node.span(), Fault::Missing { whose: "a sample", key: "keep", help });
                return None;
            };
            (keep, by)
        }
        _ => (node, None),
    };
    let keep = reading.number("keep", keep_node)?;
    if keep <= 0.0 || keep >= 1.0 {
        reading.wrong_value("keep", keep_node, "a share above 0 and below 1 is allowed; drop = true keeps nothing");
        return None;
    }
    Some(Sample { keep, by })
}
