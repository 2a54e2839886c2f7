//! Promises about what an output finds in its host beyond its callbacks: metrics and configuration.

use shiwake_harness::{Flush, Layout, Sample};

use super::{Turn, chunk};

pub fn metrics_are_read_and_a_counter_never_falls(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("metrics.so", &[])).unwrap();
    let first = plugin.output_instance(&[("id", "a"), ("mode", "metrics")]).unwrap();
    let second = plugin.output_instance(&[("id", "b"), ("mode", "metrics")]).unwrap();
    for output in [&first, &first, &second] {
        assert_eq!(output.flush("t", &chunk()).unwrap(), Flush::Ok);
    }
    if turn.host.layout() == Layout::V1_9_10 {
        assert!(turn.texts().contains(&"no metrics".to_owned()));
        assert_eq!(first.metrics(), []);
        plugin.exit_all().unwrap();
        return;
    }
    assert_eq!(turn.texts().iter().filter(|text| *text == "lowered -1").count(), 3);
    plugin.exit_all().unwrap();
    let sample = |name: &str, id: &str, value| {
        let labels = vec![("name".to_owned(), id.to_owned())];
        Sample { name: format!("fluentbit_echo_{name}"), labels, value }
    };
    // They stay readable after the exit.
    assert_eq!(first.metrics(), [sample("flushes_total", "a", 2.0), sample("left", "a", -2.0)]);
    assert_eq!(second.metrics(), [sample("flushes_total", "b", 1.0), sample("left", "b", -1.0)]);
}

pub fn the_table_of_the_service_section_leads_to_its_values(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("service.so", &[])).unwrap();
    for grace in [5, 7] {
        turn.host.set_grace(grace);
        plugin.output_instance(&[("mode", "service")]).unwrap();
        assert!(turn.texts().contains(&format!("grace={grace} flush=1.0 port=2020")), "{:?}", turn.texts());
    }
    turn.host.set_grace(5);
    plugin.exit_all().unwrap();
}
