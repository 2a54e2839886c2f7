//! Records through the filter and the output into a lake.

use super::lake::{rows, texts};
use super::{Turn, dist};
use serde_json::json;
use shiwake_harness::{
    ChunkBuilder, ChunkFormat, FILTER_STACK_BYTES, FLUSH_STACK_BYTES, Filtered, Flush, Layout, Time, records,
};

const ACCESS: &str = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 5 "-" "curl/7" "#;

fn chunk(format: ChunkFormat, lines: &[&str]) -> Vec<u8> {
    let mut builder = ChunkBuilder::new(format);
    for (number, line) in lines.iter().enumerate() {
        let time = Time::Event { secs: 1_700_000_000 + number as i32, nanos: 5 };
        builder.push(time, &json!({"log": line, "container_name": "/web", "ecs_task_definition": "shop:7"}));
    }
    builder.finish()
}

pub fn records_go_through_filter_and_output_into_the_lake(layout: Layout) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let filter_plugin = turn.host.load(dist("flb-filter_shiwake.so")).unwrap();
    let filter = filter_plugin.filter_instance(&[("dd_tags", "team:shop")]).unwrap();
    let output_plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let output = output_plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap();

    for format in [ChunkFormat::Legacy, ChunkFormat::WithMetadata] {
        let chunk = chunk(format, &[ACCESS, "[x] ERROR y", "hello"]);
        let Filtered::Modified(sorted) = filter.run("app", &chunk).unwrap() else { panic!("untouched") };
        let (before, after) = (records(&chunk).unwrap(), records(&sorted).unwrap());
        assert_eq!(after.len(), 3);
        for (before, after) in before.iter().zip(&after) {
            let (before, after) = (before.json(), after.json());
            for (key, value) in before.as_object().unwrap() {
                assert_eq!(after.get(key), Some(value));
            }
            assert_eq!(after["service"], "shop");
            assert_eq!(
                after["ddtags"],
                "team:shop,task_family:shop,task_name:shop,task_version:7,container_name:web,service:shop"
            );
        }
        let types: Vec<_> = after.iter().map(|record| record.json()["log_type"].clone()).collect();
        assert_eq!(types, ["access", "error", "app"]);
        assert_eq!(output.flush("app", &sorted).unwrap(), Flush::Ok);
        // Records that no filter saw are sorted by the output.
        assert_eq!(output.flush("app", &chunk).unwrap(), Flush::Ok);
    }
    filter_plugin.exit_all().unwrap();
    output_plugin.exit_all().unwrap();

    assert_eq!(turn.ledgers(), [[12, 12, 0, 0]]);
    assert_eq!(rows(&lake.path().join("type=access/dt=2015-05-17/hour=10")), 4);
    assert_eq!(rows(&lake.path().join("type=error/dt=2023-11-14/hour=22")), 4);
    assert_eq!(texts(&lake.path().join("type=access"), "path"), ["/a"; 4]);
    assert_eq!(texts(&lake.path().join("type=app"), "message"), ["hello"; 4]);
}

pub fn a_flush_stays_far_below_the_stack_it_has(layout: Layout) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let output = plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap();
    let mut large = ChunkBuilder::new(ChunkFormat::Legacy);
    for number in 0..2_000 {
        large.push(Time::Seconds(1_700_000_000 + number), &json!({"log": "x".repeat(1_000), "n": number}));
    }
    for chunk in [large.finish(), chunk(ChunkFormat::Legacy, &[ACCESS]), vec![0xc1; 1_000], Vec::new()] {
        assert_eq!(output.flush("app", &chunk).unwrap(), Flush::Ok);
    }
    let used = output.max_stack_used_bytes();
    assert!(used > 0 && used < FLUSH_STACK_BYTES / 3, "flush used {used} bytes of stack");
    plugin.exit_all().unwrap();
}

pub fn a_filter_stays_below_the_stack_of_a_coroutine(layout: Layout) {
    const RULES: &str = r#"
        [[rule]]
        name = "parts"
        match = '(?i)(error|warn|info)'
        parse = { regex = '(?<word>\w+) (?<number>\d+)(?:[^a]|b)*(?<rest>.*)' }
        [[rule]]
        name = "nested"
        type = "activity"
        when = { field = "http.route.3", regex = 'x+y?' }
    "#;
    let turn = Turn::new(layout);
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, RULES).unwrap();
    let plugin = turn.host.load(dist("flb-filter_shiwake.so")).unwrap();
    let properties = [("rules", rules.to_str().unwrap()), ("dd_tags", "team:shop"), ("dd_service", "web")];
    let filter = plugin.filter_instance(&properties).unwrap();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    let files = [&data, &data.join("formats")].map(|folder| std::fs::read_dir(folder).unwrap());
    let mut lines = 0;
    for file in files.into_iter().flatten().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        for line in String::from_utf8_lossy(&std::fs::read(file).unwrap()).lines().take(300) {
            let bytes = chunk(ChunkFormat::Legacy, &[line]);
            filter.run("app", &bytes).unwrap();
            lines += 1;
        }
    }
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    filter.run("app", &chunk(ChunkFormat::Legacy, &[&deep, &"{\"a\":".repeat(5_000)])).unwrap();
    filter.run("app", &vec![0xc1; 1_000]).unwrap();
    filter.run("app", &vec![0x91; 100_000]).unwrap();
    let used = filter.max_stack_used_bytes();
    assert!(lines > 1_000, "{lines}");
    assert_eq!(used > 0, layout.filters_in_coroutines());
    assert!(used < FILTER_STACK_BYTES * 3 / 4, "the filter used {used} bytes of stack");
    filter.exit().unwrap();
}

pub fn several_instances_write_their_own_lakes(layout: Layout) {
    let turn = Turn::new(layout);
    let lakes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let outputs =
        lakes.each_ref().map(|lake| plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap());
    for (count, output) in outputs.iter().enumerate() {
        for _ in 0..=count {
            assert_eq!(output.flush("app", &chunk(ChunkFormat::Legacy, &["hello"])).unwrap(), Flush::Ok);
        }
    }
    plugin.exit_all().unwrap();
    assert_eq!(turn.ledgers().len(), 3);
    for (count, lake) in lakes.iter().enumerate() {
        assert_eq!(rows(lake.path()), count as u64 + 1);
    }
}

pub fn workers_hand_over_at_the_same_time(layout: Layout) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let output = plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap();
    let chunk = chunk(ChunkFormat::Legacy, &[ACCESS, "hello", "[x] ERROR y"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(output.flush("app", &chunk).unwrap(), Flush::Ok);
                }
            });
        }
    });
    plugin.exit_all().unwrap();
    assert_eq!(turn.ledgers(), [[1_200, 1_200, 0, 0]]);
    assert_eq!(rows(lake.path()), 1_200);
}

pub fn markers_pass_through_and_are_no_rows(layout: Layout) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let filter_plugin = turn.host.load(dist("flb-filter_shiwake.so")).unwrap();
    let filter = filter_plugin.filter_instance(&[]).unwrap();
    let output_plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let output = output_plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap();
    let chunk = ChunkBuilder::new(ChunkFormat::WithMetadata)
        .start_group(&json!({"schema": "otlp"}), &json!({"resource": {"a": 1}}))
        .push(Time::Seconds(1_700_000_000), &json!({"log": "hello"}))
        .end_group()
        .finish();
    let Filtered::Modified(sorted) = filter.run("app", &chunk).unwrap() else { panic!("untouched") };
    let (before, after) = (records(&chunk).unwrap(), records(&sorted).unwrap());
    assert_eq!(after.len(), 3);
    assert_eq!(after[0], before[0]);
    assert_eq!(after[2], before[2]);
    assert_eq!(output.flush("app", &sorted).unwrap(), Flush::Ok);
    filter_plugin.exit_all().unwrap();
    output_plugin.exit_all().unwrap();
    assert_eq!(turn.ledgers(), [[1, 1, 0, 0]]);
}

pub fn starting_and_exiting_again_and_again_works(layout: Layout) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let rounds = 20;
    let mut before = 0;
    for round in 0..rounds {
        let plugin = turn.host.load(dist("shiwake.so")).unwrap();
        let output = plugin.output_instance(&[("lake", lake.path().to_str().unwrap())]).unwrap();
        assert_eq!(output.flush("app", &chunk(ChunkFormat::Legacy, &["hello"])).unwrap(), Flush::Ok);
        plugin.exit_all().unwrap();
        if round == 0 {
            before = threads();
        }
    }
    // A joined thread may stay in the list for a moment, so one is allowed; twenty would be ours.
    assert!(threads() <= before + 1, "{} threads, {before} after the first round", threads());
    assert_eq!(rows(lake.path()), rounds);
}
