//! The host that runs in this container, from `/proc`: which configuration it reads and which shared objects it loads.

use std::path::{Path, PathBuf};

/// A host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Running {
    /// Its program.
    pub(crate) program: PathBuf,
    /// The configuration that it was started with.
    pub(crate) config: Option<PathBuf>,
    /// The shared objects that it was told to load.
    pub(crate) objects: Vec<PathBuf>,
}

/// Looks for a host among the processes that can be seen.
pub(crate) fn find(proc: &Path) -> Option<Running> {
    let processes = std::fs::read_dir(proc).ok()?.flatten().map(|entry| entry.path());
    let mut found = processes.filter_map(|process| {
        let line = std::fs::read(process.join("cmdline")).ok()?;
        let folder = std::fs::read_link(process.join("cwd")).unwrap_or_default();
        let arguments = line.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned());
        from_arguments(&arguments.collect::<Vec<_>>(), &folder)
    });
    found.next()
}

/// Reads a command line; `None` when it is no host's.
fn from_arguments(arguments: &[String], folder: &Path) -> Option<Running> {
    let (program, arguments) = arguments.split_first()?;
    let is_host = Path::new(program).file_name().is_some_and(|name| name == "fluent-bit");
    let mut running = is_host.then(|| Running { program: folder.join(program), ..Running::default() })?;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let (option, attached) = match argument.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ if !argument.starts_with("--") && argument.starts_with('-') && argument.len() > 2 => {
                argument.split_at_checked(2).map_or((argument.as_str(), None), |(option, value)| (option, Some(value)))
            }
            _ => (argument.as_str(), None),
        };
        if !matches!(option, "-c" | "--config" | "-e" | "--plugin") {
            continue;
        }
        let Some(value) = attached.or_else(|| arguments.next().map(String::as_str)) else { break };
        match option {
            "-c" | "--config" => running.config = Some(folder.join(value)),
            _ => running.objects.push(folder.join(value)),
        }
    }
    Some(running)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_says_what_is_loaded() {
        let line = "/fluent-bit/bin/fluent-bit -e /fluent-bit/firehose.so --plugin=x.so -c/etc/a.conf -v -e y.so";
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let running = from_arguments(&arguments, Path::new("/home")).unwrap();
        assert_eq!(running.config.unwrap(), Path::new("/etc/a.conf"));
        let objects = ["/fluent-bit/firehose.so", "/home/x.so", "/home/y.so"].map(PathBuf::from);
        assert_eq!(running.objects, objects);
        assert_eq!(from_arguments(&["/bin/sh".to_owned()], Path::new("/")), None);
    }

    #[test]
    fn a_process_is_found_by_its_program() {
        let proc = tempfile::tempdir().unwrap();
        for (name, line) in [("1", "/sbin/init\0"), ("self", ""), ("7", "fluent-bit\0-c\0/x.conf\0")] {
            std::fs::create_dir(proc.path().join(name)).unwrap();
            std::fs::write(proc.path().join(name).join("cmdline"), line).unwrap();
        }
        assert_eq!(find(proc.path()).unwrap().config.unwrap(), Path::new("/x.conf"));
        std::fs::remove_dir_all(proc.path().join("7")).unwrap();
        assert_eq!(find(proc.path()), None);
    }
}
