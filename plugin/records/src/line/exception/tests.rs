#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use proptest::prelude::*;

fn texts(exception: Exception<'_>) -> (String, String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(exception.kind), text(exception.message), text(exception.stack))
}

/// The whole traces of the sample file.
fn samples() -> Vec<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/formats/exceptions.ndjson");
    let lines = std::fs::read_to_string(file).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["log"].as_str().unwrap().into())
        .collect()
}

#[test]
fn whole_traces_of_every_runtime_are_named() {
    // What each of the samples begins with, its kind, its message, and what its stack begins with.
    let cases = [
        (
            "Exception in thread \"main\" java.lang.I",
            "java.lang.IllegalStateException",
            "shop does not start",
            "Exception in",
        ),
        (
            "Nov 21, 2026 6:",
            "java.lang.IllegalStateException",
            "no card",
            "java.lang.IllegalStateException: no card\n\tat ",
        ),
        ("Exception in thread \"main\" java.io.IOE", "java.io.IOException", "disk is full", "Exception in"),
        (
            "Exception in thread \"main\" java.lang.IllegalStateException: ..",
            "java.lang.IllegalStateException",
            "..null property",
            "Exc",
        ),
        ("ERROR:root:cannot pay", "Refused", "order 7", "Traceback"),
        ("Traceback (most recent call last):\n  File \"/srv", "Refused", "order 7", "Traceback"),
        ("  + Exception Group", "ExceptionGroup", "two (2 sub-exceptions)", "  + Exception Group"),
        ("  File \"/srv/shop/syntax.py\", line 1\n", "SyntaxError", "invalid syntax", "  File"),
        ("Traceback (most recent call last):\n  File \"<string>\"", "KeyboardInterrupt", "", "Traceback"),
        ("/srv/shop/shop.js:2\n", "TypeError", "Cannot read properties of undefined (reading 'items')", "TypeError: "),
        ("node:internal/fs", "Error", "ENOENT: no such file or directory, open '/no/orders.db'", "Error: ENOENT"),
        ("Error: cannot pay\n", "Error", "cannot pay", "Error: cannot pay"),
        ("node:buffer", "TypeError", "The first argument must be", "TypeError [ERR_INVALID_ARG_TYPE]: "),
        ("node:internal/process", "UnhandledPromiseRejection", "This error originated", "UnhandledPromiseRejection: "),
        ("\nthread 'main' (", "panic", "index out of bounds: the len is 0 but the index is 1", "thread 'main' ("),
        ("thread 'main' panicked at src", "panic", "index out of bounds: the len is 3 but the index is 99", "thread"),
        ("thread 'main' panicked at 'i", "panic", "index out of bounds: the len is 3 but the index is 99", "thread"),
        ("panic: my panic", "panic", "my panic", "panic: my panic"),
        ("fatal error: ", "fatal error", "all goroutines are asleep - deadlock!", "fatal error: "),
        (
            "panic: runtime error",
            "panic",
            "runtime error: invalid memory address or nil pointer dereference",
            "panic: ",
        ),
        ("2009/11/10 23:00:00 http", "panic", "no card", "2009/11/10"),
        ("/app/config/routes.rb", "ZeroDivisionError", "divided by 0", "/app/config"),
        ("test.rb:1:in 'Obj", "", "undefined method 'time' for an instance of Integer", "test.rb:1"),
        ("F, [2026", "ActiveRecord::RecordNotFound", "Couldn't find User with 'id'=5", "ActiveRecord::"),
        (
            "System.NullRef",
            "System.NullReferenceException",
            "Object reference not set to an instance of an object.",
            "System.",
        ),
        (
            "AppException: Error in",
            "AppException",
            "Error in CatchInner caused by calling the ThrowInner method.",
            "AppException",
        ),
        ("Unhandled exception. ", "System.InvalidOperationException", "cannot pay", "Unhandled exception. "),
        ("fail: Microsoft", "System.InvalidOperationException", "no card", "      System.InvalidOperationException"),
    ];
    let samples = samples();
    for (start, kind, message, stack) in cases {
        let text = samples.iter().find(|text| text.starts_with(start)).unwrap();
        let found = texts(find(text.as_bytes()).unwrap());
        assert_eq!(found.0, kind, "{start}");
        assert!(found.1.starts_with(message) && found.1.is_empty() == message.is_empty(), "{start}: {}", found.1);
        assert!(found.2.starts_with(stack) && text.ends_with(&found.2), "{start}: {}", found.2);
        // Behind a line of a logger it is found too.
        let logged =
            format!("2026-01-02 03:04:05,678 ERROR [main] a.b.C - it failed\n{}", text.trim_start_matches('\n'));
        assert_eq!(texts(find(logged.as_bytes()).unwrap()), found, "{start}, logged");
    }
}

#[test]
fn every_line_of_a_trace_that_says_so_is_a_piece_of_one() {
    // What a trace holds besides: code, what a program appended, and what no line alone tells.
    let tells_nothing = |line: &str| {
        let code =
            ["pay(0)", "order()", "def pay", "raise ", "x = = 1", "return ", "throw ", "new Unhandled", "app/", "'"];
        let node = [
            "/srv/shop/shop.js:2",
            "node:internal/fs/promises:637",
            "node:buffer:322",
            "node:internal/process/promises:389",
        ];
        let text = line.trim();
        code.iter().any(|start| text.starts_with(start) && !text.contains(":in "))
            || node.contains(&text)
            || text.starts_with("Node.js v20")
            || [
                "errno:",
                "code:",
                "syscall:",
                "path:",
                "}",
                "left: ",
                "right: ",
                "note: ",
                "| ",
                "+-",
                "index out of",
                "assertion `",
            ]
            .iter()
            .any(|start| text.starts_with(start))
            || [
                "cannot pay",
                "on /data",
                "exit status",
                "[signal",
                "Nov 21",
                "F, [",
                "fail: ",
                "Connection id",
                "main.serve",
                "SEVERE",
            ]
            .iter()
            .any(|part| text.contains(part))
            || text.starts_with("+ Exception") && !text.ends_with(':')
    };
    for line in samples().iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
        let known = ["Refused: order 7", "created by main.main", "Error: "];
        let is_alone = known.iter().any(|start| line.starts_with(start));
        let found = find(line.as_bytes());
        assert!(found.is_some() || is_alone || tells_nothing(line), "{line}");
        assert!(found.is_none_or(|found| found.stack.is_empty()), "{line}");
    }
}

#[test]
fn single_lines_name_what_they_name() {
    for (line, kind, message) in [
        ("kafka.common.NoReplicaOnlineException: No replica", "kafka.common.NoReplicaOnlineException", "No replica"),
        ("Caused by: java.io.IOException: broken", "java.io.IOException", "broken"),
        ("Exception in thread \"a b\" java.lang.OutOfMemoryError", "java.lang.OutOfMemoryError", ""),
        (" ---> System.IO.IOException: disk is full", "System.IO.IOException", "disk is full"),
        ("ValueError: bad", "ValueError", "bad"),
        ("TypeError [ERR_X]: bad", "TypeError", "bad"),
        (
            "System.ComponentModel.Win32Exception (5): Access is denied.",
            "System.ComponentModel.Win32Exception",
            "Access is denied.",
        ),
        ("panic: x", "panic", "x"),
        ("thread 'main' panicked at 'a', b', src/main.rs:1:2", "panic", "a', b"),
        ("thread 'main' panicked at src/main.rs:1:2:", "panic", ""),
        ("a.rb:2:in `/': divided by 0 (ZeroDivisionError)", "ZeroDivisionError", "divided by 0"),
        (
            "ActionController::RoutingError (No route matches [GET] \"/x\"):",
            "ActionController::RoutingError",
            "No route matches [GET] \"/x\"",
        ),
        ("IOException", "IOException", ""),
        ("(node:1) UnhandledPromiseRejectionWarning: Error: boom", "Error", "boom"),
        ("[abc] [def] NoMethodError (undefined method 'x' for nil):", "NoMethodError", "undefined method 'x' for nil"),
    ] {
        let found = texts(find(line.as_bytes()).unwrap());
        assert_eq!(found, (kind.into(), message.into(), String::new()), "{line}");
    }
}

#[test]
fn heads_that_others_wrote_in_front_of_are_named() {
    for (text, kind, message) in [
        ("(node:1) UnhandledPromiseRejectionWarning: Error: boom\n    at f (/a.js:1:2)", "Error", "boom"),
        ("(node:1) UnhandledPromiseRejectionWarning: Error: boom\n    at f", "Error", "boom"),
        (
            "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x45c]\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:7 +0x1d",
            "panic",
            "runtime error: invalid memory address or nil pointer dereference",
        ),
        (
            "F, [2026-01-02T03:04:05.678901 #1] FATAL -- : [abc]   \n[abc] NoMethodError (undefined method 'x' for nil):\n[abc]   \n[abc] app/a.rb:3:in 'f'",
            "NoMethodError",
            "undefined method 'x' for nil",
        ),
        (
            "F, [2026-01-02T03:04:05.678901 #1] FATAL -- : [abc] NoMethodError (undefined method 'x' for nil):\n[abc]   \n[abc] app/a.rb:3:in 'f'",
            "NoMethodError",
            "undefined method 'x' for nil",
        ),
        (
            "E, [2026-01-02T03:04:05.678901 #1] ERROR -- shop: ActionController::RoutingError (No route matches [GET] \"/x\"):",
            "ActionController::RoutingError",
            "No route matches [GET] \"/x\"",
        ),
        ("main.main\n\t/a.go:1\nruntime.main\n\t/usr/local/go/src/runtime/proc.go:250", "", ""),
        ("a/b.(*T).NewError\n\t/a.go:1", "", ""),
        ("shop.NoCardError: 7\nmain.main\n\t/a.go:1", "shop.NoCardError", "7"),
    ] {
        let found = texts(find(text.as_bytes()).unwrap());
        assert_eq!((found.0.as_str(), found.1.as_str()), (kind, message), "{text}");
        assert!(text.ends_with(&found.2), "{text}");
    }
}

#[test]
fn single_frames_are_part_of_a_trace() {
    for line in [
        "\tat kafka.controller.A.b(A.scala:75)",
        "at java.base/java.lang.Thread.run(Thread.java:829) [?:?]",
        "    at f (/a.js:1:2)",
        "    at async Promise.all (index 0)",
        "    at new Promise (<anonymous>)",
        "\t... 12 more",
        "\t... 12 common frames omitted",
        "  File \"a.py\", line 3, in g",
        "   at N.C`1.M[T](List`1 a, String b) in C:\\a b\\f.cs:line 7",
        "goroutine 7 [select, 3 minutes]:",
        "main.f(0xc42, {0x1, 0x2}, ...)",
        "\t/src/main.go:8 +0x1d",
        "   4: core::ops::function::FnOnce::call_once",
        "\t1: from a.rb:5:in `<main>'",
    ] {
        assert_eq!(find(line.as_bytes()), Some(Exception::default()), "{line}");
    }
}

#[test]
fn ordinary_lines_are_none() {
    for line in [
        "",
        "Error: 0",
        "Error: none",
        "errors: 7",
        "at 5 pm",
        "  at 5:30 pm",
        "  at 10:30:15 it began",
        "at noon (twelve)",
        "  at rest (home)",
        "\tat example.com",
        "no ValueError today",
        "errors were seen",
        "  Errors: 5",
        "    SomeError: 5",
        "Error rate: 5%",
        "error: could not compile",
        "panic button pressed",
        "goroutine leak detected",
        "goroutine pool [size]: 5",
        "created by john.doe",
        "created by the user in goroutine fashion",
        "... and 12 more",
        "    ... 12 items",
        "File \"a.txt\" saved",
        "  File \"a.txt\" saved",
        "from a.rb",
        "from: bob:in 'x'",
        "10:30:in the morning",
        "thread 'main' started",
        "Traceback (most recent call last): see above",
        "(node:1) [DEP0005] DeprecationWarning: Buffer() is deprecated",
        "[abc] Completed (in 5 ms):",
        "foo(bar)",
        "done.call()",
        "  +------+-------+",
        "  | Errors | 5 |",
        "  | name: value",
        "note: run it twice",
        "assertion failed",
        "[signal] green",
        "  12: a line of a listing",
        "  0: zero",
        "  ^ ^",
        "time=5 Exception handler installed",
        "ExceptionHandler: ready",
        "Exception handling enabled",
        "[x] WARN y\n  at 5:30 pm\n  at rest (home)",
        "two\nError: none\nlines",
        "two\nValueErrors: none\nlines",
        "a\n    b\n    c",
        "{\n  \"a\": 1\n}",
    ] {
        assert_eq!(find(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn a_trace_that_is_longer_than_what_is_searched_is_taken_whole() {
    let frames = "  File \"a.py\", line 1, in f\n    f()\n".repeat(2_000);
    let text = format!("Traceback (most recent call last):\n{frames}RecursionError: too deep");
    let found = texts(find(text.as_bytes()).unwrap());
    assert_eq!((found.0.as_str(), found.1.as_str(), found.2.len()), ("RecursionError", "too deep", text.len()));
}

proptest! {
    #[test]
    fn any_text_is_taken_or_left(
        at in any::<prop::sample::Index>(),
        sample in prop::sample::select(samples()),
        bytes in proptest::collection::vec(any::<u8>(), 0..6),
        is_cut in any::<bool>(),
    ) {
        let mut text = sample.into_bytes();
        let at = at.index(text.len() + 1);
        if is_cut {
            text.truncate(at);
        }
        text.splice(at..at, bytes);
        if let Some(found) = find(&text) {
            // The stack is the text's end, and both others are in it.
            let end = text.trim_ascii_end();
            prop_assert!(end.ends_with(found.stack));
            prop_assert!(memmem::find(end, found.kind).is_some() || found.kind == b"panic");
            prop_assert!(memmem::find(end, found.message).is_some());
        }
    }
}
