//! Reads rules files from the disk.

use shiwake_records::rules::{MAX_FILE_BYTES, SourceFile};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// The file of that name; with a second name, the one that this file includes, which is relative to it.
///
/// # Errors
/// When there is no such file, or it is no text.
pub fn rules_file(name: &str, included: Option<&str>) -> io::Result<SourceFile> {
    let path = match included {
        None => PathBuf::from(name),
        Some(included) => without_detours(Path::new(name).parent().unwrap_or(Path::new("")).join(included)),
    };
    let mut text = String::new();
    // A byte more than is allowed is enough to be told so.
    File::open(&path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_string(&mut text)?;
    let identity = path.canonicalize().ok();
    Ok(SourceFile { identity, ..SourceFile::new(path.display().to_string(), text) })
}

/// The path without `folder/..`, as people would write it. Where `folder` is a link that leads elsewhere, and the path would be
/// another file's, it stays as it is.
fn without_detours(path: PathBuf) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let is_detour =
            part == Component::ParentDir && matches!(short.components().next_back(), Some(Component::Normal(_)));
        if is_detour {
            short.pop();
        } else {
            short.push(part);
        }
    }
    match (short.canonicalize(), path.canonicalize()) {
        (Ok(of_short), Ok(of_path)) if of_short == of_path => short,
        _ => path,
    }
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

    /// The names of the rules, or what is wrong with them, of these files in a folder of their own; of paths what follows the folder.
    fn load(files: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        prepare(folder.path());
        let name = folder.path().join("a.toml").display().to_string();
        let rules = RuleSet::load(&name, &mut rules_file);
        let rules = rules.map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))?;
        Ok(rules.own_rules().iter().map(|rule| rule.name.clone()).collect())
    }

    const COMMON: &str = "[[rule]]\nname = 'common'\nset = { x = 1 }";
    const B: &str = "include = '../common.toml'\n[[rule]]\nname = 'b'\nset = { x = 1 }";

    #[test]
    fn a_file_is_read_once_by_whatever_path_it_is_included() {
        let a = ("a.toml", "include = ['common.toml', './common.toml', 'sub/b.toml', 'sub/../common.toml']");
        assert_eq!(load(&[a, ("common.toml", COMMON), ("sub/b.toml", B)], |_| ()).unwrap(), ["common", "b"]);
        let link = |folder: &Path| {
            std::os::unix::fs::symlink(folder.join("common.toml"), folder.join("link.toml")).unwrap();
        };
        let a = ("a.toml", "include = ['link.toml', 'common.toml']");
        assert_eq!(load(&[a, ("common.toml", COMMON)], link).unwrap(), ["common"]);
    }

    #[test]
    fn a_circle_is_told_once_where_it_closes() {
        let files = [("a.toml", "include = 'sub/b.toml'"), ("sub/b.toml", "include = '../a.toml'")];
        let error = load(&files, |_| ()).unwrap_err();
        assert_eq!(
            error,
            "sub/b.toml:1:11: cannot read ../a.toml: it includes this file itself, by way of others or not; take one of these includes out"
        );
    }

    #[test]
    fn paths_are_told_without_detours_unless_these_lead_elsewhere() {
        let wrong = "[[rule]]\nname = 'x'";
        let a = ("a.toml", "include = 'sub/b.toml'");
        let error =
            load(&[a, ("sub/b.toml", "include = '.././wrong.toml'"), ("wrong.toml", wrong)], |_| ()).unwrap_err();
        assert!(error.starts_with("wrong.toml:2:8: rule 'x' does nothing"), "{error}");
        let link = |folder: &Path| std::os::unix::fs::symlink(folder.join("far/away"), folder.join("sub")).unwrap();
        let files = [
            ("a.toml", "include = 'sub/../wrong.toml'"),
            ("far/away/none", ""),
            ("far/wrong.toml", wrong),
            ("wrong.toml", "another file"),
        ];
        let error = load(&files, link).unwrap_err();
        assert!(error.starts_with("sub/../wrong.toml:2:8: rule 'x' does nothing"), "{error}");
    }
}
