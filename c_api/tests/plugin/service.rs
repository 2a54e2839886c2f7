//! What the plugin shows in its host's metrics and takes from its host's configuration.

use super::{Turn, dist};
use serde_json::json;
use shiwake_harness::{ChunkBuilder, ChunkFormat, Flush, Layout, Output, Time};

/// The value of a metric for a type of record, or summed up over all types.
fn shown(output: &Output, name: &str, log_type: Option<&str>) -> u64 {
    let is_wanted = |labels: &[(String, String)]| match log_type {
        Some(log_type) => labels == [("name".into(), output.name().into()), ("type".into(), log_type.into())],
        None => labels[0] == ("name".into(), output.name().into()),
    };
    let samples = output.metrics();
    let full_name = format!("fluentbit_shiwake_{name}");
    let values: Vec<f64> = samples
        .iter()
        .filter(|sample| sample.name == full_name && is_wanted(&sample.labels))
        .map(|sample| sample.value)
        .collect();
    assert!(!values.is_empty(), "{name} {log_type:?} is not in {samples:?}");
    values.iter().sum::<f64>() as u64
}

pub fn the_host_s_metrics_are_the_ledger(layout: Layout) {
    let turn = Turn::new(layout);
    let lakes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let outputs =
        lakes.each_ref().map(|lake| plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap());
    if layout == Layout::V1_9_10 {
        assert!(outputs.iter().all(|output| output.metrics().is_empty()));
        plugin.exit_all().unwrap();
        return;
    }
    // Everything is there before the first record.
    assert_eq!(outputs[0].metrics().len(), 11 * 8 + 4);
    assert!(outputs[0].metrics().iter().all(|sample| sample.value == 0.0));

    let mut builder = ChunkBuilder::new(ChunkFormat::Legacy);
    for line in ["[x] ERROR y", "hello", "hello"] {
        builder.push(Time::Seconds(1_700_000_000), &json!({"log": line}));
    }
    let chunk = [builder.finish(), vec![0xc1; 50]].concat();
    for output in [&outputs[0], &outputs[0], &outputs[1]] {
        assert_eq!(output.flush("app", &chunk).unwrap(), Flush::Ok);
    }
    let totals = [("error", 2), ("app", 4), ("quarantine", 2), ("access", 0)];
    for (log_type, accepted) in totals {
        assert_eq!(shown(&outputs[0], "accepted_records_total", Some(log_type)), accepted, "{log_type}");
        assert_eq!(shown(&outputs[0], "pending_records", Some(log_type)), accepted, "{log_type}");
    }
    plugin.exit_all().unwrap();

    for (output, ledger) in outputs.iter().zip(turn.ledgers()) {
        let names = ["accepted_records_total", "written_records_total", "quarantined_records_total", "pending_records"];
        assert_eq!(names.map(|name| shown(output, name, None)), ledger, "{}", output.name());
        let line = turn
            .host
            .log_lines()
            .into_iter()
            .filter(|line| line.text.contains(output.name()))
            .find_map(|line| line.text.contains("ledger at exit").then_some(line.text));
        let objects = shown(output, "objects_total", None);
        let bytes = shown(output, "object_bytes_total", None);
        assert!(
            line.as_ref().is_some_and(|line| line.contains(&format!(" objects={objects} object_bytes={bytes} "))),
            "{line:?}"
        );
    }
    for (log_type, accepted) in totals {
        let name = if log_type == "quarantine" { "quarantined_records_total" } else { "written_records_total" };
        assert_eq!(shown(&outputs[0], name, Some(log_type)), accepted, "{log_type}");
    }
}

pub fn the_shutdown_timeout_follows_the_host_s_grace_unless_it_is_set(layout: Layout) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let lake = ("lake", lake.path().to_str().unwrap());
    for (grace, set, expected) in [
        (5, None, "shutdown_timeout 4.5s from the host's Grace 5)"),
        (7, None, "shutdown_timeout 6.3s from the host's Grace 7)"),
        (0, None, "shutdown_timeout 1s from the host's Grace 0)"),
        (7, Some(("shutdown_timeout", "9s")), "shutdown_timeout 9s)"),
        // A host that waits for ever, and one whose value cannot be right.
        (-1, None, "shutdown_timeout 20s)"),
        (-2, None, "shutdown_timeout 20s)"),
        (1_000_000, None, "shutdown_timeout 20s)"),
    ] {
        let _earlier = turn.host.take_log_lines();
        turn.host.set_grace(grace);
        let started = plugin.output_instance(&[lake].into_iter().chain(set).collect::<Vec<_>>());
        turn.host.set_grace(5);
        started.unwrap();
        assert!(turn.has_line(expected), "{grace}: {:?}", turn.host.log_lines());
    }
    plugin.exit_all().unwrap();
}
