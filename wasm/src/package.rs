//! What is put into a module before it is shipped: rules files and settings.
//!
//! It goes from `shiwake wasm` into the module as a MessagePack map, `{"files": [[name, included, shown name, text], ..],
//! "settings": {name: text, ..}}`, where `name` and `included` are what [`Loader`] is asked for; `included` may be nil.

use shiwake_records::msgpack::{Reader, Value, write};
use shiwake_records::rules::{Loader, RuleSet, RulesError, SourceFile};
use shiwake_records::sorter::SorterConfig;
use std::io;
use std::sync::Arc;

/// A rules file, and what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PackedFile {
    name: String,
    included: Option<String>,
    file: SourceFile,
}

/// What a user configures beside rules; the native filter has properties of these names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `service` for records that name none.
    pub service: Option<String>,
    /// `ddsource` for records that name none.
    pub source: Option<String>,
    /// Tags for `ddtags` of all records, as a user writes them.
    pub tags: Option<String>,
    /// `env` for records that name none.
    pub env: Option<String>,
    /// `version` for records that name none.
    pub version: Option<String>,
}

/// Rules files and settings of one module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    files: Vec<PackedFile>,
    settings: Settings,
}

impl Package {
    /// A package without rules of the user's.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { files: Vec::new(), settings }
    }

    /// Reads a rules file and those it includes through `load`, checks them, and keeps their texts.
    ///
    /// # Errors
    /// When anything is wrong with them; all faults are told.
    pub fn add_rules(&mut self, name: &str, load: &mut Loader<'_>) -> Result<RuleSet, RulesError> {
        let files = &mut self.files;
        files.clear();
        let mut read: Vec<SourceFile> = Vec::new();
        RuleSet::load(name, &mut |name, included| {
            let file = load(name, included)?;
            // In a module there are names alone, so a file has the one by which it was read first.
            let shown = read.iter().find(|known| known.is_same(&file)).map_or(&file.name, |known| &known.name);
            let packed = SourceFile::new(shown.as_str(), file.text.as_str());
            files.push(PackedFile { name: name.to_owned(), included: included.map(str::to_owned), file: packed });
            read.push(file.clone());
            Ok(file)
        })
    }

    /// The configuration of a sorter with these rules and settings. A module is shipped with the memory that it has then, so there is
    /// nothing in it that a sorter does not ask for.
    ///
    /// # Errors
    /// When the rules cannot be used.
    pub fn config(self) -> Result<SorterConfig, RulesError> {
        let rules = match self.files.first() {
            None => RuleSet::parse("", "")?,
            Some(first) => RuleSet::load(&first.name, &mut |name, included| self.load(name, included))?,
        };
        let rules = Arc::new(rules.to_sort_only());
        let Settings { service, source, tags, env, version } = self.settings;
        Ok(SorterConfig { service, source, tags, env, version, ..SorterConfig::with_rules(rules) })
    }

    fn load(&self, name: &str, included: Option<&str>) -> io::Result<SourceFile> {
        let found = self.files.iter().find(|file| file.name == name && file.included.as_deref() == included);
        let file = &found.ok_or(io::ErrorKind::NotFound)?.file;
        Ok(SourceFile::new(file.name.clone(), file.text.clone()))
    }

    /// The package as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut out = Vec::new();
        write::map_header(&mut out, 2);
        write::str(&mut out, b"files");
        write::array_header(&mut out, count(self.files.len()));
        for PackedFile { name, included, file } in &self.files {
            write::array_header(&mut out, 4);
            write::str(&mut out, name.as_bytes());
            match included {
                Some(included) => write::str(&mut out, included.as_bytes()),
                None => out.push(0xc0),
            }
            write::str(&mut out, file.name.as_bytes());
            write::str(&mut out, file.text.as_bytes());
        }
        write::str(&mut out, b"settings");
        let settings = || self.settings.named().into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        write::map_header(&mut out, count(settings().count()));
        for (name, value) in settings() {
            write::str(&mut out, name.as_bytes());
            write::str(&mut out, value.as_bytes());
        }
        out
    }

    /// Reads what [`Package::to_bytes`] wrote; `None` when it is something else.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let whole = Reader::new(bytes).value().ok()?.as_map()?;
        let mut package = Package::default();
        let text = |value: Value<'_>| value.as_str().map(str::to_owned);
        for file in whole.field(b"files")?.as_array()?.elements() {
            let mut parts = file.as_array()?.elements();
            let (name, included) = (text(parts.next()?)?, parts.next()?.as_str().map(str::to_owned));
            let file = SourceFile::new(text(parts.next()?)?, text(parts.next()?)?);
            package.files.push(PackedFile { name, included, file });
        }
        let settings = whole.field(b"settings")?.as_map()?;
        let setting = |name: &str| settings.field(name.as_bytes()).and_then(text);
        package.settings = Settings {
            service: setting("service"),
            source: setting("source"),
            tags: setting("tags"),
            env: setting("env"),
            version: setting("version"),
        };
        Some(package)
    }
}

impl Settings {
    fn named(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("service", &self.service),
            ("source", &self.source),
            ("tags", &self.tags),
            ("env", &self.env),
            ("version", &self.version),
        ]
    }
}
