//! The host's program and the shared objects that it loads.

use super::finding::Finding;
use std::path::{Path, PathBuf};
use std::process::Command;

const SUBJECT: &str = "Fluent Bit";
/// Versions that the tests run.
const TESTED: [&str; 3] = ["1.9.10", "4.2.8", "5.1.1"];
/// Where images have it.
const PLACES: [&str; 3] = ["/fluent-bit/bin/fluent-bit", "/opt/fluent-bit/bin/fluent-bit", "fluent-bit"];
/// The name that a filter's shared object must have for the host to know that it is one.
const FILTER_OBJECT: &str = "flb-filter_shiwake.so";
const OUTPUT_OBJECT: &str = "shiwake.so";

/// Asks the program for its version.
pub(super) fn version(program: Option<&Path>) -> Finding {
    let places: Vec<PathBuf> = match program {
        Some(program) => vec![program.to_owned()],
        None => PLACES.iter().map(PathBuf::from).collect(),
    };
    let mut answers = places.iter().filter_map(|place| {
        let answer = Command::new(place).arg("--version").output().ok()?;
        version_in(&String::from_utf8_lossy(&answer.stdout))
    });
    let Some(version) = answers.next() else {
        return match program {
            Some(program) => {
                let seen = format!("'{}' says no version", program.display());
                Finding::bad(SUBJECT, seen, "name Fluent Bit's program with --host")
            }
            None => Finding::skipped(SUBJECT, "is not in this container; name it with --host"),
        };
    };
    let advice = format!("use one of those that are tested ({}), or try it before you rely on it", TESTED.join(", "));
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    match TESTED.iter().any(|tested| major(tested) == major(&version)) {
        true if TESTED.contains(&version.as_str()) => Finding::good(SUBJECT, format!("version {version}")),
        true => Finding::good(SUBJECT, format!("version {version}, of a line that is tested")),
        false => Finding::doubtful(SUBJECT, format!("version {version}"), advice),
    }
}

/// The version in the first line, as in `Fluent Bit v4.2.8`.
fn version_in(text: &str) -> Option<String> {
    let version = text.lines().next()?.trim().strip_prefix("Fluent Bit v")?;
    Some(version.split_whitespace().next()?.to_owned())
}

/// Looks at the shared objects that are loaded.
pub(super) fn objects(loaded: &[PathBuf], has_filter: bool, has_output: bool) -> Vec<Finding> {
    let is = |object: &Path, name: &str| object.file_name().is_some_and(|found| found == name);
    let missing = |name: &str, what: &str| {
        let is_loaded = loaded.iter().any(|object| is(object, name));
        let advice = format!("start Fluent Bit with -e /path/to/{name}; the name of the file matters");
        (!is_loaded).then(|| Finding::bad("shared object", format!("no {name} is loaded, and there is {what}"), advice))
    };
    let filter = has_filter.then(|| missing(FILTER_OBJECT, "a filter shiwake")).flatten();
    let output = has_output.then(|| missing(OUTPUT_OBJECT, "an output shiwake")).flatten();
    let ours = loaded.iter().filter(|object| is(object, FILTER_OBJECT) || is(object, OUTPUT_OBJECT));
    ours.map(|object| machine(object)).chain(filter).chain(output).collect()
}

/// Whether an object is for this machine: from the head of an ELF file
/// (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>).
fn machine(object: &Path) -> Finding {
    const MACHINE_AT: usize = 18;
    let subject = format!("shared object {}", object.display());
    let bytes = match std::fs::read(object) {
        Ok(bytes) => bytes,
        Err(error) => {
            return Finding::bad(subject, format!("cannot be read: {error}"), "mount or copy it there, readable");
        }
    };
    let machine = bytes.get(MACHINE_AT..MACHINE_AT + 2).filter(|_| bytes.starts_with(b"\x7fELF"));
    let machine = match machine {
        Some([0x3e, 0]) => "x86_64",
        Some([0xb7, 0]) => "aarch64",
        Some(_) => "another machine",
        None => return Finding::bad(subject, "is no shared object", "copy it again"),
    };
    match machine == std::env::consts::ARCH {
        true => Finding::good(subject, format!("is for {machine}")),
        false => {
            let advice =
                format!("take the one for {} (runtimePlatform of the task definition)", std::env::consts::ARCH);
            Finding::bad(subject, format!("is for {machine}"), advice)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_version_is_read_from_the_first_line() {
        assert_eq!(version_in("Fluent Bit v4.2.8\nGit commit: x\n").as_deref(), Some("4.2.8"));
        assert_eq!(version_in("something else\n"), None);
    }

    #[test]
    fn an_object_with_the_wrong_name_or_for_another_machine_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let object = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let other = if cfg!(target_arch = "x86_64") { 0xb7 } else { 0x3e };
        let mut elf = *b"\x7fELF\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        if let Some(byte) = elf.get_mut(18) {
            *byte = other;
        }
        let wrong = object("shiwake.so", &elf);
        let renamed = object("filter.so", &std::fs::read(std::env::current_exe().unwrap()).unwrap());
        let states = |loaded: &[PathBuf], has_filter: bool| {
            objects(loaded, has_filter, true).iter().map(|finding| finding.state).collect::<Vec<_>>()
        };
        assert_eq!(states(&[wrong.clone(), renamed.clone()], true), [State::Bad, State::Bad], "machine, and no filter");
        let own = object("flb-filter_shiwake.so", &std::fs::read(&renamed).unwrap());
        assert_eq!(states(&[wrong, own], true), [State::Bad, State::Good]);
    }
}
