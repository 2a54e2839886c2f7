//! Promises about filters.

use std::path::PathBuf;

use shiwake_harness::{Filtered, Flush, HarnessError, Layout, records};

use super::{Turn, chunk};

fn filter_path(turn: &Turn) -> PathBuf {
    turn.fixtures.build("flb-filter_echo.so", &[])
}

pub fn a_filter_answers_modified_and_untouched(turn: &Turn) {
    let plugin = turn.host.load(filter_path(turn)).unwrap();
    let given = chunk();

    let untouched = plugin.filter_instance(&[]).unwrap();
    assert_eq!(untouched.run("app", &given).unwrap(), Filtered::Untouched);
    assert_eq!(Filtered::Untouched.or_input(&given), given);

    let twice = plugin.filter_instance(&[("mode", "twice")]).unwrap();
    let _before = turn.host.take_log_lines();
    let Filtered::Modified(bytes) = twice.run("app.two", &given).unwrap() else {
        panic!("the filter modifies");
    };
    assert_eq!(records(&bytes).unwrap().len(), 2 * records(&given).unwrap().len());
    assert_eq!(turn.texts(), ["filter tag=app.two input=harness.0"]);

    let drop = plugin.filter_instance(&[("mode", "drop")]).unwrap();
    assert_eq!(drop.run("app", &given).unwrap(), Filtered::Modified(Vec::new()));
    plugin.exit_all().unwrap();
    assert!(matches!(drop.run("app", &given), Err(HarnessError::Exited { .. })));
}

pub fn a_filter_s_wrong_answers_are_typed_errors(turn: &Turn) {
    let plugin = turn.host.load(filter_path(turn)).unwrap();
    let answer = |mode| {
        let filter = plugin.filter_instance(&[("mode", mode)]).unwrap();
        filter.run("app", &chunk()).unwrap_err()
    };
    assert!(matches!(answer("three"), HarnessError::FilterAnswer { code: 3, .. }));
    assert!(matches!(answer("alias"), HarnessError::FilterAliasedOutput { .. }));
    assert!(matches!(answer("null"), HarnessError::FilterNullOutput { .. }));
    assert!(matches!(answer("leak"), HarnessError::FilterLeakedOutput { .. }));
    plugin.exit_all().unwrap();
}

pub fn a_filter_is_initialised_and_exited_as_this_host_does(turn: &Turn) {
    let plugin = turn.host.load(filter_path(turn)).unwrap();
    assert_eq!(plugin.name(), "echo");
    let named = plugin.filter_instance(&[("Mode", "drop"), ("Match", "*"), ("alias", "first")]).unwrap();
    assert_eq!(named.name(), "echo.0");
    plugin.filter_instance(&[]).unwrap();
    let mut expected =
        vec!["filter init name=first mode=drop match=hidden", "filter init name=echo.1 mode=none match=hidden"];
    if turn.host.layout() != Layout::V1_9_10 {
        expected.insert(1, "filter pre run");
        expected.insert(0, "filter pre run");
    }
    assert_eq!(turn.texts(), expected);

    let _before = turn.host.take_log_lines();
    let report = plugin.exit_all().unwrap();
    assert_eq!(turn.texts(), ["filter exit drop"], "an instance without context is not exited");
    assert_eq!(report.exit_calls, 1);
    assert!(!report.still_mapped);
    assert!(matches!(named.exit(), Err(HarnessError::Exited { .. })));
}

pub fn a_filter_can_refuse_to_start(turn: &Turn) {
    let plugin = turn.host.load(filter_path(turn)).unwrap();
    let error = plugin.filter_instance(&[("mode", "fail")]).unwrap_err();
    let HarnessError::InitRefused { function, code, log, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((function, code), ("cb_init", -1));
    assert_eq!(log.0[0].text, "filter init name=echo.0 mode=fail match=hidden");
    assert!(matches!(plugin.output_instance(&[]), Err(HarnessError::WrongKind { actual: "a filter", .. })));
    plugin.exit_all().unwrap();
}

pub fn a_struct_too_small_for_this_host_is_a_typed_error(turn: &Turn) {
    let needed = if turn.host.layout() == Layout::V1_9_10 { 72 } else { 88 };
    let directory = turn.fixtures.directory().join("small");
    std::fs::create_dir(&directory).unwrap();
    let path = turn.fixtures.build("small/flb-filter_echo.so", &["SMALL_FILTER"]);
    let refused = turn.host.load(path);
    assert!(
        matches!(refused, Err(HarnessError::FilterStructTooSmall { expected, actual: 40, .. })
            if expected == needed),
        "{refused:?}"
    );
}

pub fn one_object_can_be_output_and_filter(turn: &Turn) {
    let directory = turn.fixtures.directory().join("both");
    std::fs::create_dir(&directory).unwrap();
    let path = turn.fixtures.build("both/echo.so", &[]);
    let link = directory.join("flb-filter_echo.so");
    std::os::unix::fs::symlink(&path, &link).unwrap();

    let output_plugin = turn.host.load(path).unwrap();
    let filter_plugin = turn.host.load(link).unwrap();
    let output = output_plugin.output_instance(&[("id", "a")]).unwrap();
    let filter = filter_plugin.filter_instance(&[("mode", "twice")]).unwrap();
    let filtered = filter.run("app", &chunk()).unwrap().or_input(&chunk());
    assert_eq!(output.flush("app", &filtered).unwrap(), Flush::Ok);
    assert!(filter_plugin.exit_all().unwrap().still_mapped, "the output holds the object");
    assert!(!output_plugin.exit_all().unwrap().still_mapped);
}
