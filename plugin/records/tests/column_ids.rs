//! The ids of built-in columns are given once. `column_ids.txt` has all that were ever given: a table that has taken in a file with
//! an id reads it by this id for ever.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shiwake_records::columns::{
    Column, OVERFLOW, OVERFLOW_ID, OVERFLOW_KEY_ID, OVERFLOW_VALUE_ID, of_quarantine, of_type,
};
use shiwake_records::log_type::LogType;
use std::collections::{BTreeMap, BTreeSet};

/// The list: `ID NAME KIND`, and `ID NAME KIND retired` for a column that is no more.
const GIVEN: &str = include_str!("column_ids.txt");

/// All columns that are built in, as the list writes them.
fn built_in() -> BTreeMap<i32, String> {
    let line = |column: &Column| (column.id, format!("{} {} {:?}", column.id, column.name, column.kind));
    let mut lines: BTreeMap<i32, String> = LogType::BUILT_IN
        .into_iter()
        .map(of_type)
        .chain([of_quarantine()])
        .flatten()
        .map(|column| line(&column))
        .collect();
    for (id, name, kind) in [
        (OVERFLOW_ID, OVERFLOW.to_owned(), "Map"),
        (OVERFLOW_KEY_ID, format!("{OVERFLOW}.key"), "Text"),
        (OVERFLOW_VALUE_ID, format!("{OVERFLOW}.value"), "Text"),
    ] {
        assert!(lines.insert(id, format!("{id} {name} {kind}")).is_none(), "{id} is {name}'s");
    }
    lines
}

#[test]
fn no_id_of_a_column_is_changed_or_used_again() {
    let given: Vec<&str> = GIVEN.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let ids: BTreeSet<&str> = given.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids.len(), given.len(), "an id stands in the list twice");
    let built_in = built_in();
    for line in &given {
        let id: i32 = line.split(' ').next().unwrap().parse().unwrap();
        let now = built_in.get(&id).map(String::as_str);
        if line.ends_with(" retired") {
            assert_eq!(now, None, "{line}: give the new column an id of its own");
        } else {
            assert_eq!(
                now,
                Some(*line),
                "an id keeps its name and kind: give a new column an id of its own, and mark this one retired"
            );
        }
    }
    let missing: Vec<&String> = built_in.values().filter(|line| !given.contains(&line.as_str())).collect();
    assert!(missing.is_empty(), "add to column_ids.txt, at the end: {missing:#?}");
}
