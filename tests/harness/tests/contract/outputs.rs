//! Promises about outputs.

use std::thread;

use shiwake_harness::{Flush, HarnessError, Host, Layout, LogLevel};

use super::{Turn, chunk};

pub fn another_layout_is_refused(turn: &Turn) {
    let layout = turn.host.layout();
    assert_eq!(Host::start(layout).unwrap().layout(), layout);
    for other in Layout::ALL.into_iter().filter(|other| *other != layout) {
        let refused = Host::start(other);
        assert!(
            matches!(refused, Err(HarnessError::LayoutTaken { running, asked })
                if running == layout && asked == other),
            "{other}"
        );
    }
}

pub fn the_host_is_recognised_and_properties_arrive(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("known.so", &[])).unwrap();
    assert_eq!(plugin.name(), "echo");
    let given = [("Id", "a"), ("Match", "*"), ("workers", "2"), ("net.dns", "x"), ("unused", "")];
    let output = plugin.output_instance(&given).unwrap();
    assert_eq!(output.name(), "echo.0");
    let aliased = plugin.output_instance(&[("id", "b"), ("alias", "lake")]).unwrap();
    assert_eq!(aliased.name(), "echo.1");

    let layout = turn.host.layout();
    let texts = turn.texts();
    let mut expected = vec![format!("register host={layout}")];
    for (id, name) in [("a", "echo.0"), ("b", "lake")] {
        if layout != Layout::V1_9_10 {
            expected.push(format!("api logs for {id}"));
        }
        expected.push(format!("init id={id} name={name}"));
        if layout != Layout::V1_9_10 {
            expected.push("pre run 0".to_owned());
        }
    }
    assert_eq!(texts, expected);
    plugin.exit_all().unwrap();
}

pub fn an_unknown_property_refuses_with_what_was_logged(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("strict.so", &[])).unwrap();
    let _of_the_loading = turn.host.take_log_lines();
    let error = plugin.output_instance(&[("id", "a"), ("colour", "red")]).unwrap_err();
    let HarnessError::InitRefused { instance, function, code, log } = error else {
        panic!("{error}");
    };
    assert_eq!((instance.as_str(), function, code), ("echo.0", "FLBPluginInit", -1));
    assert_eq!(log.0.len(), 1);
    assert_eq!(log.0[0].level, LogLevel::Error);
    assert_eq!(log.0[0].text, "unknown property colour=red");
    plugin.exit_all().unwrap();
}

pub fn a_chunk_and_its_tag_arrive_whole(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("whole.so", &[])).unwrap();
    let output = plugin.output_instance(&[("id", "a")]).unwrap();
    let big = chunk().repeat(20_000);
    for given in [chunk(), Vec::new(), big] {
        let _earlier = turn.host.take_log_lines();
        assert_eq!(output.flush("app.one", &given).unwrap(), Flush::Ok);
        let sum = given.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
        let expected = format!("flush id=a tag=app.one bytes={} sum={sum}", given.len());
        assert_eq!(turn.texts(), [expected]);
    }
    let refused = output.flush("a\0b", &chunk());
    assert!(matches!(refused, Err(HarnessError::ZeroByte { what: "tag", .. })));
    plugin.exit_all().unwrap();
    let refused = output.flush("app", &chunk());
    assert!(matches!(refused, Err(HarnessError::Exited { .. })));
}

pub fn answers_become_flushes(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("answers.so", &[])).unwrap();
    let cases = [
        ("quiet", [Flush::Ok, Flush::Ok]),
        ("retry once", [Flush::Retry, Flush::Ok]),
        ("refuse", [Flush::Error, Flush::Error]),
        ("nonsense", [Flush::Error, Flush::Error]),
    ];
    for (mode, expected) in cases {
        let output = plugin.output_instance(&[("mode", mode)]).unwrap();
        for flush in expected {
            assert_eq!(output.flush("t", &chunk()).unwrap(), flush, "{mode}");
        }
    }
    plugin.exit_all().unwrap();
}

pub fn a_flush_has_a_small_stack_and_its_use_is_measured(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("stack.so", &[])).unwrap();
    let shallow = plugin.output_instance(&[("mode", "shallow")]).unwrap();
    assert_eq!(shallow.max_stack_used_bytes(), 0);
    assert_eq!(shallow.flush("t", &chunk()).unwrap(), Flush::Ok);
    let used = shallow.max_stack_used_bytes();
    assert!((12 * 1024..16 * 1024).contains(&used), "{used}");

    let deep = plugin.output_instance(&[("mode", "deep")]).unwrap();
    deep.set_flush_stack_bytes(64 * 1024);
    assert_eq!(deep.flush("t", &chunk()).unwrap(), Flush::Ok);
    let used = deep.max_stack_used_bytes();
    assert!(used > 40 * 1024, "{used}");

    let logging = plugin.output_instance(&[("id", "a")]).unwrap();
    assert_eq!(logging.flush("t", &chunk()).unwrap(), Flush::Ok);
    let used = logging.max_stack_used_bytes();
    let frame = if turn.host.layout() == Layout::V5_1_1 { 8192 } else { 4096 };
    assert!((frame..frame + 8192).contains(&used), "a log call takes its stack: {used}");
    plugin.exit_all().unwrap();
}

pub fn workers_flush_at_the_same_time(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("company.so", &[])).unwrap();
    let output = plugin.output_instance(&[("mode", "company")]).unwrap();
    let given = chunk();
    thread::scope(|scope| {
        let flush = || output.flush("t", &given).unwrap();
        let workers = [scope.spawn(flush), scope.spawn(flush), scope.spawn(flush)];
        for worker in workers {
            assert_eq!(worker.join().unwrap(), Flush::Ok);
        }
    });
    plugin.exit_all().unwrap();
}

pub fn every_instance_is_exited_as_this_host_does(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("exits.so", &[])).unwrap();
    plugin.output_instance(&[("id", "a")]).unwrap();
    plugin.output_instance(&[("id", "b")]).unwrap();
    let _before = turn.host.take_log_lines();
    let report = plugin.exit_all().unwrap();
    assert_eq!(report.exit_calls, 2);
    assert!(!report.still_mapped);
    let expected: &[&str] = if turn.host.layout() == Layout::V1_9_10 {
        &["exit id=b", "unregister echo", "exit id=b", "unregister echo"]
    } else {
        &["pre exit 0", "exit id=a", "pre exit 0", "exit id=b", "unregister echo"]
    };
    assert_eq!(turn.texts(), expected);
    assert!(matches!(plugin.exit_all(), Err(HarnessError::Exited { .. })));
    let refused = plugin.output_instance(&[]);
    assert!(matches!(refused, Err(HarnessError::Exited { .. })));
}

pub fn a_refused_instance_changes_the_exits_of_an_old_host(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("refused.so", &[])).unwrap();
    plugin.output_instance(&[("id", "a")]).unwrap();
    plugin.output_instance(&[("colour", "red")]).unwrap_err();
    let _before = turn.host.take_log_lines();
    assert_eq!(plugin.exit_all().unwrap().exit_calls, 1);
    let expected: &[&str] = if turn.host.layout() == Layout::V1_9_10 {
        &["exit id=NULL", "unregister echo"]
    } else {
        &["pre exit 0", "exit id=a", "unregister echo"]
    };
    assert_eq!(turn.texts(), expected);
}

pub fn one_instance_can_be_exited_where_the_host_can(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("single.so", &[])).unwrap();
    let first = plugin.output_instance(&[("id", "a")]).unwrap();
    let second = plugin.output_instance(&[("id", "b")]).unwrap();
    let _before = turn.host.take_log_lines();
    if turn.host.layout() == Layout::V1_9_10 {
        assert!(matches!(first.exit(), Err(HarnessError::NoSingleExit { .. })));
        assert_eq!(plugin.exit_all().unwrap().exit_calls, 2);
        return;
    }
    first.exit().unwrap();
    assert_eq!(turn.texts(), ["pre exit 0", "exit id=a"]);
    assert!(matches!(first.exit(), Err(HarnessError::Exited { .. })));
    assert_eq!(second.flush("t", &chunk()).unwrap(), Flush::Ok);
    assert_eq!(plugin.exit_all().unwrap().exit_calls, 1);
}

pub fn an_instance_never_initialised_is_exited_with_null(turn: &Turn) {
    let plugin = turn.host.load(turn.fixtures.build("never.so", &[])).unwrap();
    let _before = turn.host.take_log_lines();
    let answer = plugin.exit_uninitialised_output(&[("id", "a")]);
    if turn.host.layout() == Layout::V1_9_10 {
        assert!(matches!(answer, Err(HarnessError::NoSingleExit { .. })));
    } else {
        answer.unwrap();
        assert_eq!(turn.texts(), ["pre exit 0", "exit id=NULL"]);
    }
    plugin.exit_all().unwrap();
}

pub fn a_registration_the_host_cannot_use_is_a_typed_error(turn: &Turn) {
    let build = |name, symbol| turn.fixtures.build(name, &[symbol]);
    let refused = turn.host.load(build("refuses.so", "REFUSE_REGISTER"));
    let Err(HarnessError::RegisterRefused { function, log, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(function, "FLBPluginRegister");
    assert_eq!(log.0.len(), 1);

    let refused = turn.host.load(build("proxy.so", "PROXY_KIND=12"));
    assert!(matches!(refused, Err(HarnessError::NotGolang { actual: 12, .. })), "{refused:?}");
    let refused = turn.host.load(build("type.so", "PLUGIN_TYPE=1"));
    assert!(matches!(refused, Err(HarnessError::NotAnOutput { actual: 1, .. })), "{refused:?}");

    let left = turn.host.load(build("flags.so", "LEAVE_FLAGS"));
    if turn.host.layout() == Layout::V1_9_10 {
        assert!(matches!(left, Err(HarnessError::DefinitionUnset { field: "flags", .. })), "{left:?}");
    } else {
        left.unwrap().exit_all().unwrap();
    }

    let missing = turn.host.load(turn.fixtures.directory().join("missing.so"));
    assert!(matches!(missing, Err(HarnessError::Open { .. })), "{missing:?}");
}
