//! What `shiwake doctor` sees of a log router, and what it says to do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Runs it with an environment of its own; the exit code and the findings.
fn doctor(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, Vec<Value>) {
    let answer = Command::new(env!("CARGO_BIN_EXE_shiwake"))
        .args(["doctor", "--format", "json"])
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(answer.stdout).unwrap();
    let findings = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (answer.status.code().unwrap(), findings)
}

/// The findings in this state, as text.
fn in_state(findings: &[Value], state: &str) -> Vec<String> {
    let is_it = |finding: &&Value| finding["state"] == state;
    let said = |finding: &Value| format!("{}: {} -> {}", finding["subject"], finding["seen"], finding["advice"]);
    findings.iter().filter(is_it).map(said).collect()
}

/// Answers every request with a status and a body; the address.
fn server(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            reader.take(length).read_to_end(&mut Vec::new()).unwrap();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
        }
    });
    address
}

fn write_config(folder: &Path, output: &str) -> String {
    let file = folder.join("fluent-bit.conf");
    let text = format!(
        "[SERVICE]\n Grace 30\n storage.path {0}/storage\n[INPUT]\n Name forward\n storage.type filesystem\n[FILTER]\n Name \
         shiwake\n Match *\n[OUTPUT]\n Name shiwake\n Match *\n Retry_Limit no_limits\n lake {0}/lake\n store_dir \
         {0}/spool\n{output}\n",
        folder.display()
    );
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn a_good_configuration_has_nothing_wrong_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), " store_dir_limit_size 16M");
    let task = include_str!("../../../tests/data/ecs/fargate_task.json");
    let endpoint = format!("http://{}/v4/x", server("200 OK", task));
    let (code, findings) = doctor(&[&config], &[("ECS_CONTAINER_METADATA_URI_V4", &endpoint)]);
    assert_eq!((code, in_state(&findings, "error")), (0, vec![]), "{findings:#?}");
    let good = in_state(&findings, "ok").join("\n");
    for part in ["an object was stored in", "in cluster", "keeps chunks until they are taken", "Grace is 30 s"] {
        assert!(good.contains(part), "{part}: {good}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path().join("lake")).unwrap().collect();
    assert!(left.is_empty() && !folder.path().join("spool").exists(), "{left:?}");
}

#[test]
fn every_wrong_thing_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, "[[rule]]\nname = 'x'\ntyp = 'access'\n").unwrap();
    for (output, part) in [
        (" total_file_sice 1M".to_owned(), "did you mean 'total_file_size'"),
        (" upload_timeout soon".to_owned(), "a time from 1s"),
        (format!(" rules {}", rules.display()), "rules.toml:3:1"),
    ] {
        let (code, findings) = doctor(&[&write_config(folder.path(), &output)], &[]);
        let errors = in_state(&findings, "error").join("\n");
        assert!(code == 1 && errors.contains(part), "{part}: {errors}");
    }
}

#[test]
fn a_bucket_that_refuses_names_the_right_that_is_missing() {
    const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let endpoint = format!("endpoint=http://{}", server("403 Forbidden", DENIED));
    let keys =
        [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "do-not-show"), ("AWS_REGION", "eu-west-1")];
    let (code, findings) = doctor(&["--set", "bucket=logs", "--set", &endpoint], &keys);
    let errors = in_state(&findings, "error").join("\n");
    assert!(code == 1 && errors.contains("allow s3:PutObject"), "{errors}");
    let all = format!("{findings:?}");
    assert!(!all.contains("do-not-show") && !all.contains("AKIAEXAMPLE"), "{all}");
}

#[test]
fn an_intake_that_refuses_the_key_is_told_from_one_that_is_not_there() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (address, arguments, code, state, part) in [
        (server("202 Accepted", "{}"), vec![], 0, "ok", "a payload without a log was taken in"),
        (server("403 Forbidden", "bad"), vec![], 1, "error", "set 'apikey' to an API key (not an application key)"),
        (closed.clone(), vec![], 1, "error", "see whether the task reaches the intake"),
        (closed, vec!["--no-store"], 0, "skipped", "nothing is sent there"),
    ] {
        let (host, port) = address.split_once(':').unwrap();
        let set = [format!("host={host}"), format!("port={port}"), "tls=off".into(), format!("apikey={KEY}")];
        let set = set.iter().flat_map(|set| ["--set", set]).chain(arguments).collect::<Vec<_>>();
        let (found_code, findings) = doctor(&set, &[]);
        let found = in_state(&findings, state).join("\n");
        assert!(found_code == code && found.contains(part), "{part}: {findings:#?}");
        assert!(!format!("{findings:?}").contains(KEY));
    }
}

#[test]
fn a_task_without_a_role_is_told_so() {
    let endpoint = format!("http://{}/v4/x", server("500 Internal Server Error", ""));
    let environment = [("ECS_CONTAINER_METADATA_URI_V4", endpoint.as_str()), ("AWS_REGION", "eu-west-1")];
    let (code, findings) = doctor(&["--set", "bucket=logs", "--no-store"], &environment);
    let errors = in_state(&findings, "error").join("\n");
    assert!(code == 1 && errors.contains("set taskRoleArn"), "{errors}");
    assert!(in_state(&findings, "warning").join("\n").contains("status 500"), "{findings:?}");
}

#[test]
fn a_configuration_that_is_not_there_is_an_error_of_its_own() {
    let (code, findings) = doctor(&["/no/such/file.conf"], &[]);
    assert_eq!((code, findings), (2, vec![]));
}
