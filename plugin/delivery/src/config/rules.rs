//! Reads rules files from the disk.

use shiwake_records::rules::{MAX_FILE_BYTES, SourceFile};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The file of that name; with a second name, the one that this file includes, which is relative to it.
///
/// # Errors
/// When there is no such file, or it is no text.
pub fn rules_file(name: &str, included: Option<&str>) -> io::Result<SourceFile> {
    let path = match included {
        None => PathBuf::from(name),
        Some(included) => Path::new(name).parent().unwrap_or(Path::new("")).join(included),
    };
    let mut text = String::new();
    // A byte more than is allowed is enough to be told so.
    File::open(&path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(SourceFile { name: path.display().to_string(), text })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use shiwake_records::rules::RuleSet;

    #[test]
    fn an_included_file_is_looked_for_beside_the_one_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("more")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("rules.toml", "include = 'more/a.toml'");
        write("more/a.toml", "include = 'b.toml'");
        write("more/b.toml", "[[rule]]\nname = 'b'\ntype = 'audit'\nmatch = 'x'");
        let name = folder.path().join("rules.toml").display().to_string();
        let rules = RuleSet::load(&name, &mut rules_file).unwrap();
        assert_eq!(rules.own_rules().len(), 1);
        write("more/a.toml", "include = 'c.toml'");
        let error = RuleSet::load(&name, &mut rules_file).unwrap_err().to_string();
        assert!(error.contains("more/a.toml:1:11: cannot read c.toml: No such file"), "{error}");
    }
}
