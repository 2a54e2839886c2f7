//! What a user sets wrong.

use super::lake::rows;
use super::{Turn, dist};
use serde_json::json;
use shiwake_harness::{ChunkBuilder, ChunkFormat, Flush, Layout, Time};

pub fn what_is_wrong_is_refused_in_one_line(layout: Layout) {
    let turn = Turn::new(layout);
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[], "property 'lake' is not set"),
        (
            &[("lake", "/tmp/x"), ("total_file_sise", "1M")],
            "unknown property 'total_file_sise', did you mean 'total_file_size'?",
        ),
        (
            &[("lake", "/tmp/x"), ("upload_timeout", "soon")],
            "property 'upload_timeout' has the value 'soon': a time from",
        ),
        (&[("bucket", "Not_A_Bucket")], "property 'bucket' has the value 'Not_A_Bucket'"),
    ];
    for (properties, expected) in cases {
        let _earlier = turn.host.take_log_lines();
        assert!(plugin.output_instance(properties).is_err(), "{properties:?}");
        let lines = turn.host.log_lines();
        assert_eq!(lines.len(), 1, "{properties:?}: {lines:?}");
        assert!(lines[0].text.contains(expected), "{properties:?}: {lines:?}");
    }
    let filter = turn.host.load(dist("flb-filter_shiwake.so")).unwrap();
    let _earlier = turn.host.take_log_lines();
    assert!(filter.filter_instance(&[("dd_servce", "x")]).is_err());
    assert!(turn.has_line("unknown property 'dd_servce', did you mean 'dd_service'?"));
    filter.exit_all().unwrap();
    plugin.exit_all().unwrap();
}

pub fn a_refused_instance_leaves_the_others_alone(layout: Layout) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let output = plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap();
    assert!(plugin.output_instance(&[("lake", "gs://x")]).is_err());
    let chunk = ChunkBuilder::new(ChunkFormat::Legacy).push(Time::Seconds(5), &json!({"log": "hello"})).finish();
    assert_eq!(output.flush("app", &chunk).unwrap(), Flush::Ok);
    plugin.exit_all().unwrap();
    assert_eq!(rows(lake.path()), 1);
}
