#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::super::read::{ReadFiles, files};
use super::super::source::SourceFile;
use super::*;
use std::collections::HashMap;
use std::time::Duration;

fn read(text: &str) -> ReadFiles {
    files("rules.toml", &mut |name, _| Ok(SourceFile::new(name, text)))
}

fn types(text: &str) -> Vec<TypeDeclaration> {
    let read = read(text);
    assert!(read.diagnostics.is_empty(), "{:?}", read.diagnostics);
    read.declarations.types
}

#[test]
fn what_is_said_of_types_is_read() {
    let types = types(
        r#"
[type.billing]
like = "audit"
durability = "flush"
upload_timeout = "90s"
total_file_size = "16M"
retention = "10y"
storage_class = "GLACIER_IR"
lake = true
datadog = false

[type.billing.columns]
zone = { type = "text", from = ["zone", "az"], encoding = "plain" }
amount = { type = "float64" }
paid = { type = "bool" }

[type.access]
retention = "6mo"

[type.jobs]
"#,
    );
    let [billing, access, jobs] = types.as_slice() else { panic!("{types:?}") };
    assert_eq!((billing.log_type.name(), billing.like), ("billing", LogType::Audit));
    assert_eq!(billing.policy.durability, Some(Durability::Flush));
    assert_eq!(billing.policy.upload_timeout, Some(Duration::from_secs(90)));
    assert_eq!(billing.policy.total_file_size_bytes, Some(16_000_000));
    assert_eq!(billing.policy.retention, Retention::parse("10y"));
    assert_eq!(billing.policy.storage_class, Some(StorageClass::GlacierIr));
    assert_eq!((billing.policy.lake, billing.policy.datadog), (Some(true), Some(false)));
    let columns: Vec<_> = billing.columns.iter().map(|declared| &declared.column).collect();
    let shown: Vec<_> = columns.iter().map(|c| (c.name.as_ref(), c.kind, c.from.join(" "), c.dictionary)).collect();
    assert_eq!(shown[0], ("zone", ColumnKind::Text, "zone az".to_owned(), false));
    assert_eq!(shown[1], ("amount", ColumnKind::Float64, "amount".to_owned(), true));
    assert_eq!(shown[2], ("paid", ColumnKind::Bool, "paid".to_owned(), false));
    assert_eq!(columns[1].id, columns::declared_id("billing", "amount"));
    assert_eq!((access.log_type, access.like), (LogType::Access, LogType::Access));
    assert_eq!(access.policy, Policy { retention: Retention::parse("6mo"), ..Policy::default() });
    assert_eq!((jobs.like, jobs.policy), (LogType::App, Policy::default()));
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    for (text, place, part) in [
        ("[type.Billing]", "1:7", "begins with a small letter"),
        ("[type.quarantine]", "1:7", "none of quarantine"),
        ("[type.b]\nlike = 'payment'", "2:8", "unknown built-in type 'payment'"),
        ("[type.b]\nlick = 'app'", "2:1", "did you mean 'like'?"),
        ("[type.access]\nlike = 'app'", "2:8", "is like itself"),
        ("[type.access]", "1:7", "write what of it shall be other than usual"),
        ("[type.b]\ndurability = 'safe'", "2:14", "unknown durability 'safe'"),
        ("[type.b]\nupload_timeout = 90", "2:18", "text is expected"),
        ("[type.b]\nupload_timeout = '2d'", "2:18", "a time from 1s to 86400s"),
        ("[type.b]\ntotal_file_size = '1'", "2:19", "a size from 100k to 5G"),
        ("[type.b]\nretention = '1m'", "2:13", "as in \"30d\", \"3mo\" or \"5y\""),
        ("[type.b]\nstorage_class = 'COLD'", "2:17", "unknown storage class 'COLD'"),
        ("[type.b]\nlake = 'no'", "2:8", "true or false"),
        ("[type.b]\ncolumns = 1", "2:11", "a table is expected"),
        ("[type.b.columns]\nx = 'text'", "2:5", "a table is expected"),
        ("[type.b.columns]\nx = { from = 'y' }", "2:5", "a column has no 'type'"),
        ("[type.b.columns]\nx = { type = 'date' }", "2:14", "unknown type of a column 'date'"),
        ("[type.b.columns]\nx = { type = 'text', form = 'y' }", "2:22", "did you mean 'from'?"),
        ("[type.b.columns]\nx = { type = 'text', encoding = 'zip' }", "2:33", "unknown encoding 'zip'"),
        ("[type.b.columns]\n'a b' = { type = 'text' }", "2:1", "a column's name begins with a small letter"),
        ("[type.b.columns]\nhour = { type = 'text' }", "2:1", "readers of the lake find something else"),
        ("[type.b.columns]\nmessage = { type = 'text', from = 'x' }", "2:1", "the type app has a column of this name"),
        ("[type.b.columns]\nx = { type = 'text', from = ['msg'] }", "2:29", "'msg' fills the column 'message' already"),
        (
            "[type.b.columns]\nx = { type = 'text' }\ny = { type = 'text', from = 'x' }",
            "3:29",
            "'x' fills the column 'x'",
        ),
        ("[type.b.columns]\nx = { type = 'text', from = [] }", "2:29", "at least one"),
        ("[type.b.columns]\nx = { type = 'text', from = ['', 'y'] }", "2:30", "of 1 to 256 bytes"),
        ("[type.b.columns]\nx = { type = 'text', from = ['y', 'y'] }", "2:35", "it stands in this list already"),
        ("[type.b.columns]\nx = { type = 'text', from = 'log_type' }", "2:29", "this field names the type"),
        (
            "[type.b]\n[type.access.columns]\nstatus = { type = 'int32', from = 'x' }",
            "3:1",
            "the type access has a column",
        ),
    ] {
        let read = read(text);
        let found: Vec<String> = read.diagnostics.iter().map(|diagnostic| diagnostic.summary()).collect();
        assert!(found.len() == 1 && found[0].starts_with(&format!("rules.toml:{place}: ")), "{text}: {found:?}");
        assert!(found[0].contains(part), "{text}: {found:?}");
    }
}

#[test]
fn there_are_limits_for_types_columns_and_fields() {
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().join("\n");
    let own = |count| many(count, &|number| format!("[type.t{number}]"));
    let columns =
        |count| format!("[type.b.columns]\n{}", many(count, &|number| format!("c{number} = {{ type = 'text' }}")));
    let fields =
        |count| format!("[type.b.columns]\nx = {{ type = 'text', from = [{}] }}", many(count, &|n| format!("'f{n}',")));
    let built_in = "\n[type.access]\nretention = '1y'";
    for text in [own(16) + built_in, columns(MAX_COLUMNS), fields(MAX_FROM)] {
        assert!(read(&text).diagnostics.is_empty(), "{text}");
    }
    for text in [own(17), columns(MAX_COLUMNS + 1), fields(MAX_FROM + 1)] {
        assert!(read(&text).diagnostics[0].summary().contains("are allowed"), "{text}");
    }
}

#[test]
fn two_columns_of_one_id_are_refused() {
    let mut names: HashMap<i32, String> = HashMap::new();
    let pair = (0..).find_map(|number| {
        let name = format!("c{number}");
        names.insert(columns::declared_id("b", &name), name.clone()).map(|first| (first, name))
    });
    let (first, second) = pair.unwrap();
    let text = format!("[type.b.columns]\n{first} = {{ type = 'text' }}\n{second} = {{ type = 'text' }}");
    let found = read(&text).diagnostics[0].summary();
    let expected = format!("is that of the column '{first}' of b, in rules.toml:2: give one of them another name");
    assert!(found.starts_with("rules.toml:3:1: ") && found.contains(&expected), "{found}");
}
