//! The host's configuration, as far as it is about the plugins: sections with their keys and values, from a file in the
//! classic format or in YAML.

use super::{classic, yaml};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// What a section is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Settings of the host itself.
    Service,
    /// An input.
    Input,
    /// A filter.
    Filter,
    /// An output.
    Output,
    /// Shared objects to load.
    Plugins,
    /// Anything else.
    Other,
}

impl Kind {
    /// Reads a section's name, as both formats write it.
    pub(crate) fn from_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "service" => Kind::Service,
            "input" | "inputs" => Kind::Input,
            "filter" | "filters" => Kind::Filter,
            "output" | "outputs" => Kind::Output,
            "plugins" => Kind::Plugins,
            _ => Kind::Other,
        }
    }
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// What it is about.
    pub(crate) kind: Kind,
    /// Keys and values in order, with variables filled in.
    pub(crate) entries: Vec<(String, String)>,
}

impl Section {
    /// The value of a key, in any case.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    /// Whether the section is of a plugin with this name.
    pub(crate) fn is_of(&self, kind: Kind, plugin: &str) -> bool {
        self.kind == kind && self.get("name").is_some_and(|name| name.eq_ignore_ascii_case(plugin))
    }
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostConfigError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file includes itself, or files that do.
    #[error("{} is included more than {} files deep", file.display(), MAX_DEPTH)]
    Depth {
        /// The file.
        file: PathBuf,
    },
    /// A file cannot be understood.
    #[error("{}:{line}: {what}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A file is no YAML.
    #[error("{} is no YAML: {reason}", file.display())]
    NoYaml {
        /// The file.
        file: PathBuf,
        /// What the reader says.
        reason: String,
    },
}

/// How deep files may include each other.
const MAX_DEPTH: usize = 16;

/// Reads files, one into the other.
pub(super) struct Reader<'e> {
    environment: &'e [(String, String)],
    variables: HashMap<String, String>,
    depth: usize,
    /// What was read so far.
    pub(super) sections: Vec<Section>,
}

/// Reads a configuration with all that it includes.
pub(crate) fn read(file: &Path, environment: &[(String, String)]) -> Result<Vec<Section>, HostConfigError> {
    let mut reader = Reader { environment, variables: HashMap::new(), depth: 0, sections: Vec::new() };
    reader.read(file)?;
    Ok(reader.sections)
}

impl Reader<'_> {
    /// Reads a file, in the format that its name tells.
    pub(super) fn read(&mut self, file: &Path) -> Result<(), HostConfigError> {
        if self.depth == MAX_DEPTH {
            return Err(HostConfigError::Depth { file: file.to_owned() });
        }
        let text = std::fs::read(file).map_err(|source| HostConfigError::Read { file: file.to_owned(), source })?;
        let text = String::from_utf8_lossy(&text);
        self.depth += 1;
        let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let done = if is_yaml { yaml::read(self, file, &text) } else { classic::read(self, file, &text) };
        self.depth -= 1;
        done
    }

    /// Reads all files that a pattern names, relative to the file that includes them.
    pub(super) fn include(&mut self, from: &Path, pattern: &str) -> Result<(), HostConfigError> {
        let pattern = from.parent().unwrap_or(Path::new("")).join(pattern);
        let is_pattern = pattern.to_string_lossy().contains('*');
        if !is_pattern {
            return self.read(&pattern);
        }
        let found = glob::glob(&pattern.to_string_lossy()).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = found.collect();
        files.sort();
        files.iter().try_for_each(|file| self.read(file))
    }

    /// Gives a variable a value that goes before the environment's.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let value = self.fill(value);
        self.variables.insert(name.to_owned(), value);
    }

    /// The text with the values of its `${NAME}`s; nothing for those that nobody set, as the host does.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, after)) = behind.split_once('}') else { break };
            filled.push_str(before);
            let of_environment = || self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            filled.push_str(self.variables.get(name).or_else(of_environment).map_or("", String::as_str));
            rest = after;
        }
        filled + rest
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read_files(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Vec<Section>, HostConfigError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read(&folder.path().join(files[0].0), &environment)
    }

    const CLASSIC: &str = "\
# a comment
@SET place=logs-${STAGE}
[SERVICE]
    Grace 30
@INCLUDE more-*.conf
[OUTPUT]
    Name   Shiwake
    Match  *
    lake   s3://${place}/a b   \n";

    #[test]
    fn classic_files_and_yaml_files_say_the_same() {
        let yaml = "\
env:
  place: logs-${STAGE}
service:
  grace: 30
includes:
  - more.yaml
pipeline:
  outputs:
    - name: Shiwake
      match: '*'
      lake: s3://${place}/a b
";
        let inner = "pipeline:\n  filters:\n    - name: shiwake\n      match: app\n      join_pieces: false\n";
        let environment = [("STAGE", "test")];
        let classic =
            [("main.conf", CLASSIC), ("more-1.conf", "[FILTER]\n Name shiwake\n Match app\n join_pieces false\n")];
        let classic = read_files(&classic, &environment).unwrap();
        let yaml = read_files(&[("main.yaml", yaml), ("more.yaml", inner)], &environment).unwrap();
        for sections in [&classic, &yaml] {
            let kinds: Vec<Kind> = sections.iter().map(|section| section.kind).collect();
            assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Service).count(), 1, "{kinds:?}");
            let output = sections.iter().find(|section| section.is_of(Kind::Output, "shiwake")).unwrap();
            assert_eq!(output.get("LAKE"), Some("s3://logs-test/a b"));
            let filter = sections.iter().find(|section| section.is_of(Kind::Filter, "shiwake")).unwrap();
            assert_eq!((filter.get("Match"), filter.get("Join_Pieces")), (Some("app"), Some("false")));
            let service = sections.iter().find(|section| section.kind == Kind::Service).unwrap();
            assert_eq!(service.get("Grace"), Some("30"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        for (files, part) in [
            (vec![("main.conf", "@INCLUDE none.conf\n")], "none.conf: No such file"),
            (vec![("main.conf", "@INCLUDE main.conf\n")], "more than 16 files deep"),
            (
                vec![("main.conf", "[OUTPUT]\n  Name x\nlake s3://x\n[oh\n")],
                "main.conf:4: a section's name ends with ]",
            ),
            (vec![("main.conf", "Name x\n")], "main.conf:1: no section has begun"),
            (vec![("main.yaml", "a: [\n")], "main.yaml is no YAML"),
        ] {
            let error = read_files(&files, &[]).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
