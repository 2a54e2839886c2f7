//! Breaches of contract that a host would not notice and the harness turns into a crash.
//!
//! Each runs in a child process: this test again, told by an environment variable which breach to
//! commit. The child says on standard output when it is about to, so that a crash before
//! that does not count, and when it survived.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output as ChildOutput};

use shiwake_harness::Layout;

use super::{Turn, chunk};

const BREACH_VARIABLE: &str = "SHIWAKE_HARNESS_BREACH";
const PLUGIN_VARIABLE: &str = "SHIWAKE_HARNESS_PLUGIN";
const ABOUT_TO: &str = "about to commit";
const SURVIVED: &str = "survived";
const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// Names, the signal the process dies of, and the preprocessor symbol of the fixture to load.
const BREACHES: [(&str, Option<i32>, Option<&str>); 10] = [
    ("quiet", None, None),
    ("shallow", None, None),
    ("deep", Some(SIGSEGV), None),
    ("keep", Some(SIGSEGV), None),
    ("scribble", Some(SIGSEGV), None),
    ("read past", Some(SIGSEGV), None),
    ("definition", Some(SIGSEGV), Some("WRITE_PAST_DEFINITION")),
    ("api", Some(SIGSEGV), Some("READ_PAST_API")),
    ("foreign label", Some(SIGABRT), None),
    ("metrics after exit", Some(SIGSEGV), Some("METRICS_AFTER_EXIT")),
];

pub fn breaking_the_contract_kills_the_process(turn: &Turn) {
    if let (Ok(breach), Some(plugin)) = (env::var(BREACH_VARIABLE), env::var_os(PLUGIN_VARIABLE)) {
        return commit(&breach, plugin, turn);
    }
    for (breach, signal, symbol) in BREACHES {
        let is_old = turn.host.layout() == Layout::V1_9_10;
        let signal = signal.filter(|_| match breach {
            // Newer hosts have the slot that the old one has not.
            "api" => is_old,
            // The old one has no way to the metrics.
            "foreign label" | "metrics after exit" => !is_old,
            _ => true,
        });
        let file = format!("{}.so", breach.replace(' ', "_"));
        let plugin = turn.fixtures.build(&file, symbol.as_slice());
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "breaking_the_contract_kills_the_process", "--nocapture"])
            .env(BREACH_VARIABLE, breach)
            .env(PLUGIN_VARIABLE, plugin)
            .output()
            .unwrap();
        check(breach, signal, &child);
    }
}

fn check(breach: &str, signal: Option<i32>, child: &ChildOutput) {
    let said = String::from_utf8_lossy(&child.stdout);
    let (begun, survived) = (said.contains(ABOUT_TO), said.contains(SURVIVED));
    let expected = (true, signal.is_none(), signal);
    assert_eq!((begun, survived, child.status.signal()), expected, "{breach}: {child:?}");
}

/// What the child does.
#[expect(clippy::print_stdout, reason = "how a child that may crash talks to its parent")]
fn commit(breach: &str, path: OsString, turn: &Turn) {
    let host = &turn.host;
    match breach {
        "definition" => {
            println!("{ABOUT_TO}");
            host.load(path).unwrap();
        }
        "api" => {
            let plugin = host.load(path).unwrap();
            println!("{ABOUT_TO}");
            plugin.output_instance(&[]).unwrap();
        }
        "foreign label" => {
            let plugin = host.load(path).unwrap();
            let output = plugin.output_instance(&[("mode", "foreign label")]).unwrap();
            println!("{ABOUT_TO}");
            std::thread::scope(|scope| scope.spawn(|| output.flush("t", &chunk()).unwrap()).join().unwrap());
        }
        "metrics after exit" => {
            let plugin = host.load(path).unwrap();
            plugin.output_instance(&[("mode", "metrics")]).unwrap();
            println!("{ABOUT_TO}");
            plugin.exit_all().unwrap();
        }
        mode => {
            let plugin = host.load(path).unwrap();
            let output = plugin.output_instance(&[("mode", mode)]).unwrap();
            if mode == "keep" {
                output.flush("t", &chunk()).unwrap();
            }
            println!("{ABOUT_TO}");
            output.flush("t", &chunk()).unwrap();
        }
    }
    println!("{SURVIVED}");
}
