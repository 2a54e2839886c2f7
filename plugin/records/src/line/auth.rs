//! Lines of the system's authentication log: sshd, sudo, su, login, PAM, account tools.
//!
//! They are syslog lines ([`super::syslog`]); what stands behind the head is as the sources of these programs write it.

use super::syslog::SyslogLine;
use super::words::{split_at_byte, until};
use crate::append::FoundFields;
use crate::severity::Severity;
use memchr::memmem::{self, Finder};
use memchr::memrchr;
use std::sync::LazyLock;

/// Programs whose lines are audit lines, whatever they say.
const AUTH_PROGRAMS: [&[u8]; 20] = [
    b"sshd",
    b"sshd-session",
    b"sudo",
    b"su",
    b"login",
    b"systemd-logind",
    b"passwd",
    b"chpasswd",
    b"useradd",
    b"userdel",
    b"usermod",
    b"groupadd",
    b"groupdel",
    b"groupmod",
    b"chage",
    b"chsh",
    b"polkitd",
    b"auditd",
    b"audit",
    b"doas",
];

/// As [`ACTIONS`], of what sshd begins a line with: behind it stands what a client may have written.
const FIRST_ACTIONS: [(&[u8], &[u8], &[u8]); 2] =
    [(b"Accepted ", b"login", b"success"), (DISCONNECT, b"disconnect", b"")];
/// What a text with this in it says was done, and how it ended; the first one that is found counts.
const ACTIONS: [(&[u8], &[u8], &[u8]); 18] = [
    (b"Failed password", b"login", b"failure"),
    (b"Failed publickey", b"login", b"failure"),
    (b"authentication failure", b"login", b"failure"),
    (b"maximum authentication attempts", b"login", b"failure"),
    (b"Invalid user", b"login", b"failure"),
    (b"invalid user", b"login", b"failure"),
    (b"check pass; user unknown", b"login", b"failure"),
    (b"Too many authentication failures", b"login", b"failure"),
    (b"session opened", b"session_open", b"success"),
    (b"New session", b"session_open", b"success"),
    (b"session closed", b"session_close", b"success"),
    (b"Removed session", b"session_close", b"success"),
    (b"failed adding user", b"user_add", b"failure"),
    (b"new user", b"user_add", b"success"),
    (b"new group", b"group_add", b"success"),
    (b"password changed", b"password_change", b"success"),
    (b"chauthtok", b"password_change", b"failure"),
    (b"isconnect", b"disconnect", b""),
];

/// As [`ACTIONS`], for lines of these programs alone, which others need not be searched for.
const OWN_ACTIONS: [OwnAction; 5] = [
    OwnAction(b"su", b"FAILED SU", b"login", b"failure"),
    OwnAction(b"su", b"FAILED su", b"login", b"failure"),
    OwnAction(b"su", b"' failed for ", b"login", b"failure"),
    OwnAction(b"su", b"Successful su", b"login", b"success"),
    OwnAction(b"login", b"FAILED LOGIN", b"login", b"failure"),
];
/// Program, text, action and outcome.
struct OwnAction(&'static [u8], &'static [u8], &'static [u8], &'static [u8]);

/// What these programs of shadow-utils do, whatever their lines say; how it ended is what a line begins with
/// (<https://github.com/shadow-maint/shadow/tree/master/src>), and not a word in it, which may be somebody's name.
const ACCOUNT_TOOLS: [(&[u8], &[u8]); 5] = [
    (b"usermod", b"user_change"),
    (b"userdel", b"user_delete"),
    (b"groupadd", b"group_add"),
    (b"groupdel", b"group_delete"),
    (b"groupmod", b"group_change"),
];
const DONE: [&[u8]; 8] =
    [b"change ", b"add ", b"delete ", b"lock ", b"unlock ", b"removed ", b"new group: ", b"group "];
const NOT_DONE: [&[u8]; 2] = [b"failed ", b"cannot "];

/// What stands in front of who did it, the surest first.
const ACTOR_MARKERS: [&[u8]; 10] = [
    BY,
    b"invalid user ",
    b"Invalid user ",
    b"for user ",
    b"authenticating user ",
    b" from user ",
    b" of user ",
    b" user=",
    b"name=",
    FOR,
];
const BY: &[u8] = b" by ";
const FOR: &[u8] = b" for ";
const DISCONNECT: &[u8] = b"Received disconnect from ";
/// What stands in front of the address from where it was done.
const SOURCE_MARKERS: [&[u8]; 3] = [FROM, b"rhost=", BY];
const FROM: &[u8] = b" from ";
/// What stands behind that address in lines of sshd.
const PORT: &[u8] = b" port ";
/// What sshd begins a line with in which that address is the first one: what follows are its own and what the client says.
const FIRST_ADDRESSED: [&[u8]; 4] = [b"Accepted ", DISCONNECT, b"Connection from ", b"Server listening "];
/// What util-linux' `su` and `login` write in front of who tried.
const TRIED: [(&[u8], &[u8]); 2] = [(b"FAILED SU (to ", b") "), (b"FAILED LOGIN", b" FOR ")];
/// What stands in front of a command that was run.
const COMMAND: &[u8] = b"COMMAND=";
/// What sudo says of a command that it refused.
const REFUSALS: [&[u8]; 3] = [b"command not allowed", b"incorrect password", b"NOT in sudoers"];

/// The searches of all these texts, in the same order; preparing one costs more than searching a line.
struct Searches {
    actions: Vec<Finder<'static>>,
    actors: Vec<Finder<'static>>,
    sources: Vec<Finder<'static>>,
    refusals: Vec<Finder<'static>>,
    from: Finder<'static>,
    port: Finder<'static>,
    command: Finder<'static>,
    /// Behind sudo's user.
    colon: Finder<'static>,
    /// In front of a name that is none of a user.
    lookup: Finder<'static>,
    uid: Finder<'static>,
}

static SEARCHES: LazyLock<Searches> = LazyLock::new(|| Searches {
    actions: ACTIONS.iter().map(|(text, ..)| Finder::new(text)).collect(),
    actors: ACTOR_MARKERS.iter().map(Finder::new).collect(),
    sources: SOURCE_MARKERS.iter().map(Finder::new).collect(),
    refusals: REFUSALS.iter().map(Finder::new).collect(),
    from: Finder::new(FROM),
    port: Finder::new(PORT),
    command: Finder::new(COMMAND),
    colon: Finder::new(b" : "),
    lookup: Finder::new(b"getaddrinfo for "),
    uid: Finder::new(b"(uid="),
});

/// What is behind the text that a search finds.
fn after<'a>(text: &'a [u8], search: &Finder<'_>) -> Option<&'a [u8]> {
    text.get(search.find(text)? + search.needle().len()..)
}

/// What stands in an authentication line behind its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthLine<'a> {
    /// Program that wrote the line.
    pub program: &'a [u8],
    /// What it says.
    pub text: &'a [u8],
}

impl<'a> AuthLine<'a> {
    /// The line of which this is the head; `None` when it is not about authentication.
    #[must_use]
    pub fn of(line: &SyslogLine<'a>) -> Option<Self> {
        // `sshd(pam_unix)` is how PAM was written once.
        let (program, module) = split_at_byte(line.program, b'(').unwrap_or((line.program, b""));
        let is_pam = module.starts_with(b"pam_") || line.text.starts_with(b"pam_");
        let is_auth = AUTH_PROGRAMS.contains(&program) || is_pam;
        is_auth.then_some(Self { program: line.program, text: line.text.trim_ascii_end() })
    }

    /// How bad sshd says it is; it writes a word in front of errors.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        let is_error = || self.text.starts_with(b"error: ").then_some(Severity::Error);
        is_error().or_else(|| self.text.starts_with(b"fatal: ").then_some(Severity::Critical))
    }

    /// Adds what the line says behind its head to the fields of its record.
    pub fn add_to(&self, found: &mut FoundFields<'a>) {
        let searches = &*SEARCHES;
        // What a client of sshd writes is no command.
        let command = if self.is_of_sshd() { None } else { after(self.text, &searches.command) };
        let (action, outcome) = self.action(searches, command.is_some());
        let source = self.source_ip(searches);
        found.push_text("action", action);
        found.push_text("outcome", outcome);
        found.push_text("actor", self.actor(searches, source));
        found.push_text("source_ip", source);
        if let Some(command) = command {
            found.push_text("resource", command);
        }
    }

    fn is_of_sshd(&self) -> bool {
        self.program.starts_with(b"sshd") && !self.text.starts_with(b"pam_")
    }

    /// What was done, and whether it succeeded; empty where the line does not say.
    fn action(&self, searches: &Searches, is_command: bool) -> (&'static [u8], &'static [u8]) {
        // sudo says so on the line of the command it refused, behind the user: `eve : command not allowed ; TTY=pts/0 ; ...`.
        if is_command {
            let reason = after(self.text, &searches.colon).map(|text| until(text, |byte| byte == b';'));
            let is_refused = |reason: &[u8]| searches.refusals.iter().any(|search| search.find(reason).is_some());
            return (b"command", if reason.is_some_and(is_refused) { b"failure" } else { b"success" });
        }
        if let Some(own) = self.own_action() {
            return own;
        }
        if self.is_of_sshd()
            && let Some((_, action, outcome)) = FIRST_ACTIONS.iter().find(|(start, ..)| self.text.starts_with(start))
        {
            return (action, outcome);
        }
        let found = searches.actions.iter().zip(&ACTIONS).find(|(search, _)| search.find(self.text).is_some());
        found.map_or((b"", b""), |(_, (_, action, outcome))| (action, outcome))
    }

    /// What was done by a program that says so in its own words.
    fn own_action(&self) -> Option<(&'static [u8], &'static [u8])> {
        // These programs' names begin so; sshd's and sudo's lines, which most are, are not looked at.
        if !matches!(self.program, b"su" | b"login" | [b'u' | b'g', ..]) {
            return None;
        }
        if let Some((_, action)) = ACCOUNT_TOOLS.iter().find(|(program, _)| *program == self.program) {
            let begins = |starts: &[&[u8]]| starts.iter().any(|start| self.text.starts_with(start));
            let outcome: &[u8] = if begins(&DONE) {
                b"success"
            } else if begins(&NOT_DONE) {
                b"failure"
            } else {
                b""
            };
            return Some((action, outcome));
        }
        let mut actions = OWN_ACTIONS.iter().filter(|OwnAction(program, ..)| *program == self.program);
        let OwnAction(.., action, outcome) =
            actions.find(|OwnAction(_, text, ..)| memmem::find(self.text, text).is_some())?;
        Some((action, outcome))
    }

    fn actor(&self, searches: &Searches, source: &[u8]) -> &'a [u8] {
        let word = |rest: &'a [u8]| until(rest, |byte| byte == b' ' || byte == b'(' || byte == b',');
        if self.program == b"sudo" {
            // `user : TTY=...`; PAM's lines of sudo say `by user(uid=...)`.
            if let Some(at) = searches.colon.find(self.text) {
                return self.text.get(..at).unwrap_or_default().trim_ascii();
            }
        }
        // Behind the address is what the client said, which is nobody's name.
        if self.is_of_sshd() && self.text.strip_prefix(b"error: ").unwrap_or(self.text).starts_with(DISCONNECT) {
            return b"";
        }
        if let Some((_, marker)) = TRIED.iter().find(|(start, _)| self.text.starts_with(start))
            && let Some(at) = memmem::find(self.text, marker)
        {
            let name = self.text.get(at + marker.len()..).unwrap_or_default().trim_ascii_start();
            return until(name.strip_prefix(b"'").unwrap_or(name), |byte| matches!(byte, b' ' | b',' | b'\''));
        }
        for (search, marker) in searches.actors.iter().zip(ACTOR_MARKERS) {
            let Some(rest) = after(self.text, search) else { continue };
            // `reverse mapping checking getaddrinfo for HOST failed`
            if marker == FOR && searches.lookup.find(self.text).is_some() {
                continue;
            }
            // sshd is told by the client, not by somebody: `disconnected by user`, `closed by authenticating user root`.
            if marker == BY && self.program.starts_with(b"sshd") && searches.uid.find(rest).is_none() {
                continue;
            }
            // PAM writes `by (uid=0)` for nobody by name, sshd `closed by` an address.
            let name = word(rest);
            let name = name.strip_suffix(b".").unwrap_or(name);
            if !name.is_empty() && name != b"from" && name != b"invalid" && name != source {
                return name;
            }
        }
        b""
    }

    fn source_ip(&self, searches: &Searches) -> &'a [u8] {
        let text = self.text.strip_prefix(b"error: ").unwrap_or(self.text);
        let holds_name = self.is_of_sshd() && !FIRST_ADDRESSED.iter().any(|start| text.starts_with(start));
        if holds_name && let Some(address) = last_address(text, searches) {
            return address;
        }
        let searches = searches.sources.iter().skip(usize::from(holds_name));
        searches.filter_map(|search| after(text, search)).map(first_word).find(is_address).unwrap_or_default()
    }
}

/// The address in a line of sshd with a name that somebody tried. As that may hold anything, what stands behind it counts.
fn last_address<'a>(text: &'a [u8], searches: &Searches) -> Option<&'a [u8]> {
    let from = searches.from.find_iter(text).last().and_then(|at| text.get(at + FROM.len()..));
    let behind = from.unwrap_or(text);
    let before_port = searches.port.find_iter(behind).last().and_then(|at| behind.get(..at));
    let last_word = |text: &'a [u8]| text.get(memrchr(b' ', text).map_or(0, |at| at + 1)..);
    before_port.and_then(last_word).filter(is_address).or_else(|| from.map(first_word).filter(is_address))
}

/// What stands in front of the first space, without a colon at its end.
fn first_word(text: &[u8]) -> &[u8] {
    let word = until(text, |byte| byte == b' ').trim_ascii_end();
    word.strip_suffix(b":").unwrap_or(word)
}

fn is_address(text: &&[u8]) -> bool {
    text.len() >= 2
        && text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
        && text.iter().any(|byte| matches!(byte, b'.' | b':'))
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
