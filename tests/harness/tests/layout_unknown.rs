//! A host no plugin can know, in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a failure is the test's failure, and modules shared by tests have no public"
)]

mod fixtures;

use fixtures::Fixtures;
use shiwake_harness::{HarnessError, Host, Layout};

#[test]
fn a_careful_plugin_refuses_as_output_and_as_filter() {
    let fixtures = Fixtures::new();
    let host = Host::start(Layout::Unknown).unwrap();

    let output = host.load(fixtures.build("echo.so", &[])).unwrap();
    let error = output.output_instance(&[("id", "a")]).unwrap_err();
    assert_refused(error);
    output.exit_all().unwrap();

    let filter = host.load(fixtures.build("flb-filter_echo.so", &[])).unwrap();
    let error = filter.filter_instance(&[("mode", "drop")]).unwrap_err();
    assert_refused(error);
    filter.exit_all().unwrap();
    assert!(host.log_lines().iter().any(|line| line.text == "register host=unknown"));
}

fn assert_refused(error: HarnessError) {
    let HarnessError::InitRefused { log, .. } = error else {
        panic!("{error}");
    };
    assert!(log.0.iter().any(|line| line.text == "unknown host"), "{log}");
}
