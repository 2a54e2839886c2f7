//! Heads of syslog lines and lines of authentication against patterns.
//!
//! RFC 5424's grammar (<https://www.rfc-editor.org/rfc/rfc5424#section-6>), RFC 3164's as Fluent Bit's own
//! `syslog-rfc3164` and `syslog-rfc3164-local` parsers have it, and what sshd, sudo and PAM write.
//!
//! The parser takes more: a missing message id, structured data that is cut off, a time of RFC 3339 in the older form, tags
//! with any bytes, and no tag behind a priority.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod oracle;

use oracle::*;
use proptest::prelude::*;
use shiwake_records::append::FoundFields;
use shiwake_records::line::auth::AuthLine;
use shiwake_records::line::syslog::SyslogLine;

const FACILITIES: &str = "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 local1 local2 local3 local4 local5 local6 local7";

fn priority(fields: &mut Fields, text: &str) -> Option<()> {
    if text.is_empty() {
        return Some(());
    }
    let priority: usize = text.parse().ok().filter(|priority| *priority <= 191)?;
    put(fields, "facility", FACILITIES.split(' ').nth(priority / 8).unwrap());
    Some(())
}

fn put_process(fields: &mut Fields, process: &str) {
    let is_number =
        !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit()) && process.parse::<i64>().is_ok();
    match process.parse::<i64>() {
        Ok(pid) if is_number => put(fields, "pid", pid.to_string()),
        _ => put(fields, "process", process),
    }
}

/// Seconds of the time (`None` for `-`), fields and text of a line of RFC 5424.
fn rfc5424(line: &[u8]) -> Option<(Option<i64>, Fields, String)> {
    let grammar = concat!(
        r"^<(?P<pri>[0-9]{1,3})>1 (?P<time>-|(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})T(?P<h>[0-9]{2}):(?P<min>[0-9]{2}):(?P<s>[0-9]{2})(?:[.][0-9]{1,6})?(?:Z|(?P<z>[+-])(?P<zh>[01][0-9]|2[0-3]):(?P<zm>[0-5][0-9])))",
        r" (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) (?P<id>[!-~]{1,32}) (?P<data>-|(?:\[[!#-<>-\\^-~]{1,32}(?: [!#-<>-\\^-~]{1,32}=",
        r#""(?:[^"\\\]]|\\.)*")*\])+)(?: (?:\xEF\xBB\xBF)?(?P<text>.*))?$"#
    );
    let captures = pattern(grammar).captures(line)?;
    // A tag where the host should be: there is no host.
    if pattern(r"^[^\[]+\[[0-9]+\]:$").is_match(group(&captures, "host").as_bytes()) {
        return None;
    }
    let mut fields = Fields::new();
    priority(&mut fields, &group(&captures, "pri"))?;
    put(&mut fields, "hostname", group(&captures, "host"));
    put(&mut fields, "program", group(&captures, "app"));
    put_process(&mut fields, &group(&captures, "proc"));
    put(&mut fields, "message_id", group(&captures, "id"));
    put(&mut fields, "structured_data", group(&captures, "data"));
    let number = |name: &str| group(&captures, name).parse::<i64>().unwrap_or(0);
    let time = if group(&captures, "time") == "-" {
        None
    } else {
        let zone = number("zh") * 60 + number("zm");
        let zone = if group(&captures, "z") == "-" { -zone } else { zone };
        Some(seconds_of((number("y"), number("m"), number("d")), (number("h"), number("min"), number("s")), zone)?)
    };
    Some((time, fields, group(&captures, "text")))
}

/// Fields and text of a line of RFC 3164.
fn rfc3164(line: &[u8]) -> Option<(Option<i64>, Fields, String)> {
    let grammar = r"^(?:<(?P<pri>[0-9]{1,3})>)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} (?P<host>[!-~]+) (?P<app>[a-zA-Z0-9_/.()-]+)(?:\[(?P<proc>[0-9]+)\])?:(?: (?P<text>.*))?$";
    let captures = pattern(grammar).captures(line)?;
    // A tag where the host should be: there is no host.
    if pattern(r"^[^\[]+\[[0-9]+\]:$").is_match(group(&captures, "host").as_bytes()) {
        return None;
    }
    let mut fields = Fields::new();
    priority(&mut fields, &group(&captures, "pri"))?;
    put(&mut fields, "hostname", group(&captures, "host"));
    put(&mut fields, "program", group(&captures, "app"));
    put_process(&mut fields, &group(&captures, "proc"));
    Some((None, fields, group(&captures, "text")))
}

fn parsed(line: &[u8]) -> Option<(Option<i64>, Fields, String)> {
    let parsed = SyslogLine::parse(line)?;
    let mut found = FoundFields::default();
    parsed.add_to(&mut found);
    Some((parsed.time.map(|time| time.seconds), fields(&found), show(parsed.text)))
}

fn samples() -> Vec<Vec<u8>> {
    ["formats/syslog.log", "audit_auth.log"].into_iter().flat_map(lines).collect()
}

#[test]
fn the_parser_agrees_with_the_grammars_on_all_samples() {
    let mut compared = 0;
    for line in samples() {
        let Some(expected) = rfc5424(&line).or_else(|| rfc3164(&line)) else { continue };
        assert_eq!(parsed(&line), Some(expected), "{}", show(&line));
        compared += 1;
    }
    assert!(compared >= 1_200, "{compared}");
}

/// Action, outcome, actor and address of a line of sshd, sudo or PAM, by whole-line patterns.
fn auth_oracle(program: &str, text: &str) -> Option<Fields> {
    // Program, empty for any; action, outcome, text.
    const PATTERNS: [(&str, &str, &str, &str); 30] = [
        (
            "sshd",
            "login",
            "success",
            r"^Accepted (?:password|publickey) for (?P<actor>[^ ]+) from (?P<ip>[^ ]+) port [0-9]+ ssh2(?:: .*)?$",
        ),
        (
            "sshd",
            "login",
            "failure",
            r"^Failed (?:password|publickey|none) for (?:invalid user )?(?P<actor>[^ ]+)(?: .*)? from (?P<ip>[^ ]+) port [0-9]+ ssh2(?:: .*)?$",
        ),
        ("sshd", "login", "failure", r"^Invalid user (?P<actor>[^ ]+)(?: .*)? from (?P<ip>[^ ]+)(?: port [0-9]+)?$"),
        (
            "sshd",
            "",
            "",
            r"^Connection (?:closed|reset) by authenticating user (?P<actor>[^ ]+) (?P<ip>[^ ]+) port [0-9]+(?: \[preauth\])?$",
        ),
        (
            "sshd",
            "login",
            "failure",
            r"^(?:Connection (?:closed|reset) by|Disconnected from) invalid user (?P<actor>[^ ]+)(?: .*)? (?P<ip>[^ ]+) port [0-9]+(?: \[preauth\])?$",
        ),
        (
            "sshd",
            "disconnect",
            "",
            r"^Disconnected from (?:authenticating )?user (?P<actor>[^ ]+) (?P<ip>[^ ]+) port [0-9]+(?: \[preauth\])?$",
        ),
        ("sshd", "login", "failure", r"^input_userauth_request: invalid user (?P<actor>[^ ]+) \[preauth\]$"),
        (
            "sshd",
            "login",
            "failure",
            r"^error: maximum authentication attempts exceeded for (?:invalid user )?(?P<actor>[^ ]+) from (?P<ip>[^ ]+) port [0-9]+ ssh2 \[preauth\]$",
        ),
        ("sshd", "login", "failure", r"^Disconnecting: Too many authentication failures \[preauth\]$"),
        ("sshd", "disconnect", "", r"^Received disconnect from (?P<ip>[0-9a-f.]+)(?: port [0-9]+)?:[0-9]+: .*$"),
        ("sshd", "disconnect", "", r"^Disconnected from (?P<ip>[0-9a-f.:]+) port [0-9]+(?: \[preauth\])?$"),
        ("sshd", "", "", r"^Connection closed by (?P<ip>[0-9a-f.:]+) port [0-9]+ \[preauth\]$"),
        ("sshd", "", "", r"^Connection from (?P<ip>[0-9a-f.:]+) port [0-9]+ on [0-9a-f.:]+ port [0-9]+$"),
        (
            "",
            "session_open",
            "success",
            r"^pam_unix\([a-z-]+:session\): session opened for user [^ ]+ by (?P<actor>[^ (]+)\(uid=[0-9]+\)$",
        ),
        (
            "",
            "session_open",
            "success",
            r"^pam_unix\([a-z-]+:session\): session opened for user (?P<actor>[^ ]+) by \(uid=0\)$",
        ),
        ("", "session_close", "success", r"^pam_unix\([a-z-]+:session\): session closed for user (?P<actor>[^ ]+)$"),
        (
            "chpasswd",
            "password_change",
            "failure",
            r#"^pam_unix\(chpasswd:chauthtok\): user "[^"]+" does not exist in /etc/passwd$"#,
        ),
        (
            "sudo",
            "command",
            "success",
            r"^ *(?P<actor>[^ ]+) : TTY=[^ ]+ ; PWD=[^;]+ ; USER=[^ ]+ ; COMMAND=(?P<resource>.*)$",
        ),
        ("systemd-logind", "session_open", "success", r"^New session [0-9]+ of user (?P<actor>[^ ]+)\.$"),
        ("systemd-logind", "session_close", "success", r"^Removed session [0-9]+\.$"),
        ("su", "login", "failure", r"^FAILED SU \(to [^ ]+\) (?P<actor>[^ ]+) on [^ ]+$"),
        ("su", "login", "failure", r"^FAILED su for [^ ]+ by (?P<actor>[^ ]+)$"),
        ("su", "login", "failure", r"^'su [^ ]+' failed for (?P<actor>[^ ]+) on [^ ]+$"),
        ("su", "login", "success", r"^Successful su for [^ ]+ by (?P<actor>[^ ]+)$"),
        ("login", "login", "failure", r"^FAILED LOGIN \([0-9]+\) on '[^']+' FOR '(?P<actor>[^']+)'(?:, .*)?$"),
        ("login", "login", "failure", r"^FAILED LOGIN [0-9]+ FROM [^ ]+ FOR (?P<actor>[^ ,]+), .*$"),
        ("usermod", "user_change", "success", r"^(?:add|delete|lock|unlock|change user) '.*$"),
        ("userdel", "user_delete", "success", r"^(?:delete user|delete|removed (?:shadow )?group) '.*$"),
        (
            "groupadd",
            "group_add",
            "success",
            r"^(?:group added to [^ ]+|new group): name=(?P<actor>[^ ,]+)(?:, GID=[0-9]+)?$",
        ),
        ("groupdel", "group_delete", "success", r"^group '[^']+' removed(?: from [^ ]+)?$"),
    ];
    let (_, action, outcome, captures) = PATTERNS.iter().find_map(|(of, action, outcome, text_pattern)| {
        let captures = pattern(text_pattern).captures(text.as_bytes()).filter(|_| of.is_empty() || *of == program)?;
        let groups = ["actor", "ip", "resource"].map(|name| group(&captures, name));
        Some((of, action, outcome, groups))
    })?;
    let mut fields = Fields::new();
    put(&mut fields, "action", *action);
    put(&mut fields, "outcome", *outcome);
    for (name, text) in ["actor", "source_ip", "resource"].into_iter().zip(captures) {
        put(&mut fields, name, text);
    }
    Some(fields)
}

#[test]
fn lines_of_authentication_are_as_their_programs_write_them() {
    let mut compared = 0;
    for line in lines("audit_auth.log") {
        let head = SyslogLine::parse(&line).unwrap();
        let Some(expected) = auth_oracle(&show(head.program), &show(head.text)) else { continue };
        let mut found = FoundFields::default();
        AuthLine::of(&head).unwrap().add_to(&mut found);
        assert_eq!(fields(&found), expected, "{}", show(&line));
        compared += 1;
    }
    assert!(compared >= 1_100, "{compared} of 1,200 lines are of the kinds that the patterns know");
}

/// Lines of sshd about a user that somebody tried, of programs that change users, and of `su` and `login`.
fn tried() -> impl Strategy<Value = (&'static str, String)> {
    // What a client may send for a name, also to look as if it came from elsewhere.
    let name =
        "[a-z]{1,8}(| from [a-z]{1,5}| from 6\\.6\\.6\\.6| 6\\.6\\.6\\.6 port 7| from 6\\.6\\.6\\.6 port 7 ssh2)";
    let address = prop_oneof!["10\\.0\\.[0-9]{1,2}\\.[0-9]{1,2}", "fe80::[1-9a-f]{1,4}"];
    // Words of the texts themselves are nobody's name.
    let user = "u[a-z]{0,7}";
    (name, address, 1..65_536_u32, user, 0..17_usize).prop_map(|(name, ip, port, user, which)| match which {
        0 => ("sshd", format!("Failed password for invalid user {name} from {ip} port {port} ssh2")),
        1 => ("sshd", format!("Invalid user {name} from {ip}")),
        2 => ("sshd", format!("Invalid user {name} from {ip} port {port}")),
        3 => ("sshd", format!("Connection closed by authenticating user {user} {ip} port {port} [preauth]")),
        4 => ("sshd", format!("Connection reset by invalid user {name} {ip} port {port} [preauth]")),
        5 => ("sshd", format!("Disconnected from invalid user {name} {ip} port {port} [preauth]")),
        6 => ("sshd", format!("Disconnected from user {user} {ip} port {port}")),
        7 => ("sshd", format!("Received disconnect from {} port {port}:11: {name}", "10.0.0.1")),
        8 => ("su", format!("FAILED SU (to root) {user} on pts/0")),
        9 => ("su", format!("FAILED su for root by {user}")),
        10 => ("su", format!("'su root' failed for {user} on /dev/pts/8")),
        11 => ("login", format!("FAILED LOGIN (1) on '/dev/tty1' FOR '{user}'")),
        12 => ("login", format!("FAILED LOGIN 1 FROM tty1 FOR {user}, Authentication failure")),
        13 => ("usermod", format!("change user '{user}' shell from '/bin/sh' to '/bin/bash'")),
        14 => ("userdel", format!("delete user '{user}'")),
        15 => ("groupadd", format!("new group: name={user}, GID={port}")),
        _ => ("groupdel", format!("group '{user}' removed from /etc/group")),
    })
}

fn written() -> impl Strategy<Value = Vec<u8>> {
    let word = "[!-~]{1,20}";
    let time = prop_oneof![
        Just("-".to_owned()),
        "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9])"
    ];
    let data = prop_oneof![
        Just("-".to_owned()),
        r#"(\[[a-z@0-9]{1,9}( [a-z]{1,5}="([ -!#-Z^-~]|\\["\\\]]){0,9}"){0,3}\]){1,3}"#
    ];
    (0..192_u8, time, word, word, word, word, data, proptest::option::of("[ -~é]{0,40}")).prop_map(
        |(priority, time, host, app, process, id, data, text)| {
            let text = text.map_or(String::new(), |text| format!(" {text}"));
            format!("<{priority}>1 {time} {host} {app} {process} {id} {data}{text}").into_bytes()
        },
    )
}

proptest! {
    #[test]
    fn no_name_that_was_tried_hides_who_came_from_where((program, text) in tried()) {
        let line = format!("Mar 27 13:06:56 h {program}[1]: {text}");
        let mut found = FoundFields::default();
        AuthLine::of(&SyslogLine::parse(line.as_bytes()).unwrap()).unwrap().add_to(&mut found);
        prop_assert_eq!(fields(&found), auth_oracle(program, &text).unwrap(), "{}", line);
    }

    #[test]
    fn the_parser_agrees_with_the_grammar_on_lines_written_after_it(line in written()) {
        prop_assert_eq!(parsed(&line), Some(rfc5424(&line).unwrap()), "{}", show(&line));
    }

    #[test]
    fn the_parser_agrees_with_the_grammars_on_changed_lines(line in changed(samples())) {
        if let Some(expected) = rfc5424(&line).or_else(|| rfc3164(&line)) {
            prop_assert_eq!(parsed(&line), Some(expected), "{}", show(&line));
        }
    }
}
