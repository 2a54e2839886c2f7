#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::append::FoundValue;

fn parse(line: &str) -> Option<AuthLine<'_>> {
    AuthLine::of(&SyslogLine::parse(line.as_bytes())?)
}

#[test]
fn the_lines_of_sshd_sudo_and_pam_are_taken_apart() {
    let cases = [
        (
            "Mar 27 13:06:56 ip-10-77-20-248 sshd[1291]: Failed password for invalid user admin from 24.151.103.17 port 59418 ssh2",
            "sshd",
            "login",
            "failure",
            "admin",
            "24.151.103.17",
        ),
        (
            "Mar  7 13:06:56 h sshd[1]: Accepted publickey for ubuntu from 85.245.107.41 port 54259 ssh2: RSA SHA256:K",
            "sshd",
            "login",
            "success",
            "ubuntu",
            "85.245.107.41",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Accepted password for bob from fe80::1 port 5 ssh2",
            "sshd",
            "login",
            "success",
            "bob",
            "fe80::1",
        ),
        (
            "Mar 27 13:06:56 h sudo:   ubuntu : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
            "sudo",
            "command",
            "success",
            "ubuntu",
            "",
        ),
        (
            "Mar 27 13:06:56 h sudo: eve : command not allowed ; TTY=pts/0 ; USER=root ; COMMAND=/bin/sh",
            "sudo",
            "command",
            "failure",
            "eve",
            "",
        ),
        (
            "<86>Mar 27 13:06:56 h CRON[10]: pam_unix(cron:session): session opened for user root by (uid=0)",
            "CRON",
            "session_open",
            "success",
            "root",
            "",
        ),
        (
            "Mar 27 13:06:56 h useradd[9]: new user: name=x1, UID=1001, GID=1",
            "useradd",
            "user_add",
            "success",
            "x1",
            "",
        ),
        ("Mar 27 13:06:56 h sshd[1]: Connection closed by 1.2.3.4 port 22 [preauth]", "sshd", "", "", "", "1.2.3.4"),
        (
            "Mar 27 13:06:56 h sshd[1]: Failed password for invalid user from 1.2.3.4 port 2 ssh2",
            "sshd",
            "login",
            "failure",
            "",
            "1.2.3.4",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Failed password for invalid user a from b from 10.0.0.1 port 22 ssh2",
            "sshd",
            "login",
            "failure",
            "a",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Invalid user Accepted from 1.2.3.4 port 22",
            "sshd",
            "login",
            "failure",
            "Accepted",
            "1.2.3.4",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Failed password for invalid user Accepted publickey from 1.2.3.4 port 2 ssh2",
            "sshd",
            "login",
            "failure",
            "Accepted",
            "1.2.3.4",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Received disconnect from 1.2.3.4 port 22:11: session opened COMMAND=/bin/sh [preauth]",
            "sshd",
            "disconnect",
            "",
            "",
            "1.2.3.4",
        ),
        (
            "Mar 27 13:06:56 h sudo: bob : TTY=pts/0 ; PWD=/command not allowed ; USER=root ; COMMAND=/bin/echo command not allowed",
            "sudo",
            "command",
            "success",
            "bob",
            "",
        ),
        ("Mar 27 13:06:56 h groupdel[1]: failed to remove group x", "groupdel", "group_delete", "failure", "", ""),
        (
            "Mar 27 13:06:56 h usermod[1]: cannot lock /etc/passwd; try again later.",
            "usermod",
            "user_change",
            "failure",
            "",
            "",
        ),
        ("Mar 27 13:06:56 h userdel[1]: delete user 'failed2ban'", "userdel", "user_delete", "success", "", ""),
        ("Mar 27 13:06:56 h groupmod[1]: something else", "groupmod", "group_change", "", "", ""),
        (
            "Mar 27 13:06:56 h sshd[1]: Invalid user x from 6.6.6.6 port 7 from 10.0.0.1",
            "sshd",
            "login",
            "failure",
            "x",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Connection closed by authenticating user root 10.0.0.1 port 22 [preauth]",
            "sshd",
            "",
            "",
            "root",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Connection reset by invalid user x from 6.6.6.6 10.0.0.1 port 22 [preauth]",
            "sshd",
            "login",
            "failure",
            "x",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Disconnected from user bob 10.0.0.1 port 22",
            "sshd",
            "disconnect",
            "",
            "bob",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Disconnected from invalid user bob 10.0.0.1 port 22 [preauth]",
            "sshd",
            "login",
            "failure",
            "bob",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Received disconnect from 10.0.0.1 port 22:11: bye from 6.6.6.6 port 7",
            "sshd",
            "disconnect",
            "",
            "",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Received disconnect from 10.0.0.1 port 22:11: for root",
            "sshd",
            "disconnect",
            "",
            "",
            "10.0.0.1",
        ),
        (
            "Mar 27 13:06:56 h sshd[1]: Connection from 10.0.0.1 port 22 on 10.0.0.2 port 22 rdomain \"\"",
            "sshd",
            "",
            "",
            "",
            "10.0.0.1",
        ),
        ("Mar 27 13:06:56 h sshd[1]: Server listening on 0.0.0.0 port 22.", "sshd", "", "", "", ""),
        ("Mar 27 13:06:56 h su[99]: FAILED SU (to root) bob on pts/0", "su", "login", "failure", "bob", ""),
        ("Mar 27 13:06:56 h su[99]: FAILED su for root by bob", "su", "login", "failure", "bob", ""),
        ("Mar 27 13:06:56 h su: 'su root' failed for lonvick on /dev/pts/8", "su", "login", "failure", "lonvick", ""),
        ("Mar 27 13:06:56 h su: Successful su for root by bob", "su", "login", "success", "bob", ""),
        (
            "Mar 27 13:06:56 h login[1]: FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure",
            "login",
            "login",
            "failure",
            "root",
            "",
        ),
        (
            "Mar 27 13:06:56 h login[1]: FAILED LOGIN 1 FROM tty1 FOR root, Authentication failure",
            "login",
            "login",
            "failure",
            "root",
            "",
        ),
        ("Mar 27 13:06:56 h usermod[9]: add 'bob' to group 'sudo'", "usermod", "user_change", "success", "", ""),
        ("Mar 27 13:06:56 h userdel[9]: delete user 'bob'", "userdel", "user_delete", "success", "", ""),
        (
            "Mar 27 13:06:56 h groupadd[9]: group added to /etc/group: name=x1, GID=1",
            "groupadd",
            "group_add",
            "success",
            "x1",
            "",
        ),
        (
            "Mar 27 13:06:56 h groupdel[9]: group 'x1' removed from /etc/group",
            "groupdel",
            "group_delete",
            "success",
            "",
            "",
        ),
        (
            "Mar 27 13:06:56 h systemd-logind[1]: New session 5 of user ubuntu.",
            "systemd-logind",
            "session_open",
            "success",
            "ubuntu",
            "",
        ),
    ];
    for (line, program, action, outcome, actor, source_ip) in cases {
        let parsed = parse(line).unwrap();
        assert_eq!(parsed.program, program.as_bytes(), "{line}");
        let mut found = FoundFields::default();
        parsed.add_to(&mut found);
        for (name, text) in [("action", action), ("outcome", outcome), ("actor", actor), ("source_ip", source_ip)] {
            let expected = (!text.is_empty()).then_some(FoundValue::Text(text.as_bytes()));
            assert_eq!(found.get(name), expected, "{name} of {line}");
        }
    }
}

#[test]
fn other_syslog_lines_are_not_audit_lines() {
    for line in [
        "Mar 27 13:06:56 h kernel: [1] usb 1-1: new device",
        "Mar 27 13:06:56 h myapp[3]: sshd is mentioned",
        "Mar 27 sshd[1]: short",
        "Xyz 27 13:06:56 h sshd[1]: no month",
        "<999>Mar 27 13:06:56 h sshd[1]: no priority",
        "",
    ] {
        assert!(parse(line).is_none(), "{line}");
    }
}
