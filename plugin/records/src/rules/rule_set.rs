//! A set of rules that is ready to run.

use super::check::{check, undeclared_types};
use super::compile::{CompiledRule, Shared};
use super::condition::Condition;
use super::declaration::{Declarations, Effect, RuleDeclaration, TestDeclaration, TypeDeclaration};
use super::fault::{Diagnostic, Fault, RulesError};
use super::patterns::PatternError;
use super::read::{self, Loader, ReadFiles};
use super::source::{Place, SourceFile, Sources};
use crate::log_type::LogType;
use std::io;
use std::sync::{Arc, OnceLock};
use twox_hash::XxHash3_64;

/// The rules that are tried when no rule of the user's has decided, as a rules file.
pub const BUILT_IN_RULES: &str = include_str!("built_in.toml");
/// How the built-in rules are called where a file's name would stand.
pub const BUILT_IN_NAME: &str = "built-in rules";
/// The name under which it is told that a record named its type itself.
pub const OWN_FIELD: &str = "own-field";

/// Which rule of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(u16);

impl RuleId {
    /// What stands in place of a rule for records that name their type themselves.
    pub const OWN_FIELD: RuleId = RuleId(u16::MAX);

    pub(super) fn of(at: usize) -> Self {
        Self(u16::try_from(at).unwrap_or(u16::MAX))
    }

    /// Its place among the rules of the set; none for [`RuleId::OWN_FIELD`].
    #[must_use]
    pub fn place(self) -> Option<usize> {
        (self != Self::OWN_FIELD).then_some(usize::from(self.0))
    }
}

/// Rules that are ready to run: those of the user, and behind them the built-in ones. The last one always holds and decides.
///
/// Two sets are equal when they have the same rules from the same texts.
pub struct RuleSet {
    sources: Sources,
    declarations: Declarations,
    /// How many of the rules are the user's; they stand first.
    own_rules: usize,
    own_tests: usize,
    pub(super) compiled: Vec<CompiledRule>,
    pub(super) shared: Shared,
}

impl PartialEq for RuleSet {
    fn eq(&self, other: &Self) -> bool {
        self.sources == other.sources && self.rules() == other.rules()
    }
}

impl Eq for RuleSet {}

/// The files' names and the fingerprint.
impl std::fmt::Debug for RuleSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.sources.files().iter().map(|file| file.name.as_str()).collect();
        write!(formatter, "{} {:016x}", names.join(" "), self.fingerprint())
    }
}

impl RuleSet {
    /// Reads a rules file, and those it includes, through `load`.
    ///
    /// # Errors
    /// When anything is wrong with them; all faults are told.
    pub fn load(name: &str, load: &mut Loader<'_>) -> Result<Self, RulesError> {
        Self::build(read::files(name, load))
    }

    /// Reads a rules file that includes no others.
    ///
    /// # Errors
    /// When anything is wrong with it; all faults are told.
    pub fn parse(name: &str, text: &str) -> Result<Self, RulesError> {
        Self::load(name, &mut |name, included| match included {
            None => Ok(SourceFile::new(name, text)),
            Some(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "rules that are given as text cannot include files"))
            }
        })
    }

    /// The built-in rules alone.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: OnceLock<Arc<RuleSet>> = OnceLock::new();
        // That they are without a fault is tested; without them nothing would be sorted, but nothing is lost either.
        let none = |_| Self::from_declarations(Sources::default(), Declarations::default(), 0, 0);
        BUILT_IN.get_or_init(|| Arc::new(Self::parse("no rules of your own", "").unwrap_or_else(none))).clone()
    }

    fn build(mut read: ReadFiles) -> Result<Self, RulesError> {
        let (own_rules, own_tests) = (read.declarations.rules.len(), read.declarations.tests.len());
        if read.diagnostics.is_empty() {
            let own = std::mem::take(&mut read.declarations);
            read::append(&mut read, SourceFile::new(BUILT_IN_NAME, BUILT_IN_RULES));
            let mut built_in = std::mem::replace(&mut read.declarations, own);
            if !read.declarations.with_built_in {
                // The last one takes what is left, unless the user has one of its name that does.
                let others = built_in.rules.len().saturating_sub(1);
                built_in.rules.drain(..others);
                let own_last = read.declarations.rules.last();
                built_in.rules.retain(|last| own_last.is_none_or(|own| own.name != last.name || !own.takes_all()));
            }
            let names: Vec<&str> = built_in.rules.iter().map(|rule| rule.name.as_str()).chain([OWN_FIELD]).collect();
            check(&read.sources, &read.declarations, &names, &mut read.diagnostics);
            read.declarations.rules.append(&mut built_in.rules);
            read.declarations.tests.append(&mut built_in.tests);
        } else if read.is_whole {
            undeclared_types(&read.sources, &read.declarations, &read.type_names, &mut read.diagnostics);
        }
        if !read.diagnostics.is_empty() {
            read.diagnostics.sort_by_key(|diagnostic| (diagnostic.file.clone(), diagnostic.line, diagnostic.column));
            return Err(RulesError { diagnostics: read.diagnostics });
        }
        let mut set = Self::from_declarations(read.sources, read.declarations, own_rules, own_tests);
        set.compile()?;
        Ok(set)
    }

    fn from_declarations(sources: Sources, declarations: Declarations, own_rules: usize, own_tests: usize) -> Self {
        Self { sources, declarations, own_rules, own_tests, compiled: Vec::new(), shared: Shared::default() }
    }

    fn compile(&mut self) -> Result<(), RulesError> {
        let refuse = |sources: &Sources, place: &Place, error: PatternError| RulesError {
            diagnostics: vec![Diagnostic::new(sources, place, Fault::Pattern(error.to_string()))],
        };
        for rule in &self.declarations.rules {
            let compiled = self.shared.rule(rule).map_err(|error| refuse(&self.sources, &rule.place, error))?;
            self.compiled.push(compiled);
        }
        let whole = Place { file: 0, bytes: 0..0 };
        self.shared.build().map_err(|error| refuse(&self.sources, &whole, error))
    }

    /// A set of this rule alone and of the one that takes what is left, to see what the rule costs.
    ///
    /// # Errors
    /// When its patterns cannot be compiled, as for the whole set.
    pub fn alone(&self, rule: RuleId) -> Result<Self, RulesError> {
        let (rules, last) = (self.rules(), self.rules().len().saturating_sub(1));
        let chosen = rule.place().filter(|at| *at < last);
        let declarations = Declarations {
            rules: chosen.and_then(|at| rules.get(at)).into_iter().chain(rules.last()).cloned().collect(),
            tests: Vec::new(),
            ..self.declarations.clone()
        };
        let own_rules = usize::from(chosen.is_some_and(|at| at < self.own_rules));
        let mut set = Self::from_declarations(self.sources.clone(), declarations, own_rules, 0);
        set.compile()?;
        Ok(set)
    }

    /// The files that the rules come from; the last one is the built-in rules.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The rules in the order in which they are tried.
    #[must_use]
    pub fn rules(&self) -> &[RuleDeclaration] {
        &self.declarations.rules
    }

    /// The rules by what they are called inside, in the order in which they are tried.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = RuleId> {
        (0..self.rules().len()).map(RuleId::of)
    }

    /// The rules of the user.
    #[must_use]
    pub fn own_rules(&self) -> &[RuleDeclaration] {
        self.declarations.rules.get(..self.own_rules).unwrap_or_default()
    }

    /// Names of the rules that throw records away, all of them or some.
    pub fn droppers(&self) -> impl Iterator<Item = &str> {
        let drops = |rule: &&RuleDeclaration| rule.effect.drop || rule.effect.sample.is_some();
        self.own_rules().iter().filter(drops).map(|rule| rule.name.as_str())
    }

    /// The types that the user declares.
    #[must_use]
    pub fn types(&self) -> &[TypeDeclaration] {
        &self.declarations.types
    }

    /// The tests of the user.
    #[must_use]
    pub fn own_tests(&self) -> &[TestDeclaration] {
        self.declarations.tests.get(..self.own_tests).unwrap_or_default()
    }

    /// The tests of the built-in rules, which hold when the user has no rules.
    #[must_use]
    pub fn built_in_tests(&self) -> &[TestDeclaration] {
        self.declarations.tests.get(self.own_tests..).unwrap_or_default()
    }

    /// The name of a rule.
    #[must_use]
    pub fn name(&self, rule: RuleId) -> &str {
        rule.place().map_or(OWN_FIELD, |at| self.declarations.rules.get(at).map_or("", |rule| rule.name.as_str()))
    }

    /// The log type of that name, built in or declared.
    #[must_use]
    pub fn log_type(&self, name: &[u8]) -> Option<LogType> {
        let declared = || self.types().iter().map(|declared| declared.log_type);
        LogType::built_in(name).or_else(|| declared().find(|known| known.name().as_bytes() == name))
    }

    /// These rules without what is of use to people alone: their texts, their tests, and their conditions as they are shown. They
    /// judge as before.
    #[must_use]
    pub fn to_sort_only(mut self) -> Self {
        self.declarations.rules.iter_mut().for_each(|rule| rule.condition = Condition::All(Vec::new()));
        self.declarations.tests = Vec::new();
        self.own_tests = 0;
        self.sources = Sources::default();
        self
    }

    /// A number that follows from the texts of all files, to tell rule sets apart.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let texts: Vec<&str> = self.sources.files().iter().map(|file| file.text.as_str()).collect();
        XxHash3_64::oneshot(texts.join("\0").as_bytes())
    }

    pub(super) fn effect(&self, at: usize) -> Option<&Effect> {
        self.declarations.rules.get(at).map(|rule| &rule.effect)
    }
}
