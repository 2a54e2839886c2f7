//! Rules as they are run.

use super::condition::{Condition, Path, Range, Scalar, Severities, Test, ValueKind};
use super::declaration::{Effect, GroupKind, Parse, RuleDeclaration};
use super::glob::Glob;
use super::patterns::{MAX_COMPILED_BYTES, PatternError, PatternId, PatternSet, compile as compile_pattern};
use crate::classify::LEVEL_FIELDS;
use crate::fields::Marks;
use crate::line::LineFormats;
use regex::bytes::Regex;

/// A rule as it is run.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub(super) node: Node,
    /// Each has a bit in common with the marks of the keys of every record for which the rule holds; `None` says nothing.
    pub(super) key_marks: [Option<Marks>; 2],
    /// Has a bit in common with the bits of the patterns that may match the line of every record for which the rule holds; 0 says
    /// nothing.
    pub(super) line_bits: u64,
    /// The user's own parser.
    pub(super) groups: Option<GroupParser>,
    /// Records whose hash is at most this are kept.
    pub(super) sample: Option<(u64, Option<usize>)>,
}

/// A pattern whose groups become fields.
#[derive(Debug)]
pub(super) struct GroupParser {
    pub(super) regex: Regex,
    /// Names of the fields in the order of the groups, without the whole match; none for a group without a name.
    pub(super) fields: Vec<Option<(String, GroupKind)>>,
}

/// A condition as it is run.
#[derive(Debug)]
pub(super) enum Node {
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Not(Box<Node>),
    /// A place among the tags' patterns.
    Tag(usize),
    /// A place among the tests of fields.
    Field(u32),
    /// A place among the groups of patterns.
    Line(u32),
    Format(LineFormats),
    Level(Severities),
    Severity(Severities),
}

/// A test as it is run.
#[derive(Debug)]
pub(super) enum FieldTest {
    Exists(bool),
    Is(ValueKind),
    In(Box<[Scalar]>),
    Prefix(Box<[String]>),
    Suffix(Box<[String]>),
    Glob(Box<[Glob]>),
    Patterns(Box<[PatternId]>),
    Range(Range),
}

/// A field that rules ask for: of several names the first that is there.
#[derive(Debug)]
pub(super) struct FieldSlot {
    pub(super) paths: Vec<Path>,
    /// Whether any of the names may be those of nested fields.
    pub(super) is_nested: bool,
    /// The marks of all keys under which it may be found.
    pub(super) key_marks: Marks,
    /// Docker puts a `/` before a container's name.
    pub(super) is_container: bool,
    pub(super) patterns: PatternSet,
}

/// What the rules of a set have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) tags: Vec<Vec<Glob>>,
    pub(super) fields: Vec<FieldSlot>,
    /// Which of the fields are searched for patterns.
    pub(super) pattern_fields: Vec<usize>,
    pub(super) line_patterns: PatternSet,
    /// What is asked of fields: which one, and the test.
    pub(super) tests: Vec<(usize, FieldTest)>,
    /// Patterns of the line, of which one has to match.
    pub(super) pattern_groups: Vec<Box<[PatternId]>>,
}

impl Shared {
    /// Compiles a rule.
    pub(super) fn rule(&mut self, declared: &RuleDeclaration) -> Result<CompiledRule, PatternError> {
        let node = self.node(&declared.condition);
        let mut marks = Vec::new();
        needed_marks(&declared.condition, &mut marks);
        marks.sort_by_key(Marks::count);
        let mut marks = marks.into_iter();
        let key_marks = [marks.next(), marks.next()];
        let line_bits = self.line_bits(&node);
        Ok(CompiledRule {
            node,
            key_marks,
            line_bits,
            groups: groups(&declared.effect)?,
            sample: self.sample(&declared.effect),
        })
    }

    /// Compiles the patterns of all rules; to be called once, when all rules are there.
    pub(super) fn build(&mut self) -> Result<(), PatternError> {
        self.line_patterns.build()?;
        self.fields.iter_mut().try_for_each(|field| field.patterns.build())?;
        let with_patterns = self.fields.iter().enumerate().filter(|(_, field)| !field.patterns.is_empty());
        self.pattern_fields = with_patterns.map(|(at, _)| at).collect();
        Ok(())
    }

    /// The bits of the patterns of which one has to match the line.
    fn line_bits(&self, node: &Node) -> u64 {
        match node {
            Node::Line(at) => self.pattern_groups.get(*at as usize).map_or(0, |group| PatternSet::bits(group)),
            Node::All(parts) => parts.iter().map(|part| self.line_bits(part)).find(|bits| *bits != 0).unwrap_or(0),
            _ => 0,
        }
    }

    fn node(&mut self, condition: &Condition) -> Node {
        match condition {
            Condition::All(parts) => Node::All(parts.iter().map(|part| self.node(part)).collect()),
            Condition::Any(parts) => Node::Any(parts.iter().map(|part| self.node(part)).collect()),
            Condition::Not(inner) => Node::Not(Box::new(self.node(inner))),
            Condition::Tag(globs) => {
                let known = self.tags.iter().position(|known| known == globs);
                Node::Tag(known.unwrap_or_else(|| {
                    self.tags.push(globs.clone());
                    self.tags.len() - 1
                }))
            }
            Condition::Field(paths, test) => {
                let slot = self.slot(paths);
                let test = self.test(slot, test);
                Node::Field(push(&mut self.tests, (slot, test)))
            }
            Condition::Line(patterns) => {
                let group = patterns.iter().map(|pattern| self.line_patterns.add(pattern)).collect();
                Node::Line(push(&mut self.pattern_groups, group))
            }
            Condition::Format(formats) => Node::Format(formats.iter().copied().collect()),
            Condition::Level(set) => Node::Level(*set),
            Condition::Severity(set) => Node::Severity(*set),
        }
    }

    fn slot(&mut self, paths: &[Path]) -> usize {
        self.fields.iter().position(|slot| slot.paths == paths).unwrap_or_else(|| {
            let is_container = paths.iter().any(|path| path.0 == super::read_condition::CONTAINER_FIELD);
            let slot = FieldSlot {
                paths: paths.to_vec(),
                is_nested: paths.iter().any(|path| path.0.contains('.')),
                key_marks: marks_of(paths),
                is_container,
                patterns: PatternSet::default(),
            };
            self.fields.push(slot);
            self.fields.len() - 1
        })
    }

    fn test(&mut self, slot: usize, test: &Test) -> FieldTest {
        let mut patterns = |patterns: &mut dyn Iterator<Item = String>| {
            let set = self.fields.get_mut(slot).map(|slot| &mut slot.patterns);
            FieldTest::Patterns(set.map(|set| patterns.map(|pattern| set.add(&pattern)).collect()).unwrap_or_default())
        };
        match test {
            Test::Exists(exists) => FieldTest::Exists(*exists),
            Test::Is(kind) => FieldTest::Is(*kind),
            Test::In(scalars) => FieldTest::In(scalars.as_slice().into()),
            Test::Prefix(texts) => FieldTest::Prefix(texts.as_slice().into()),
            Test::Suffix(texts) => FieldTest::Suffix(texts.as_slice().into()),
            Test::Contains(texts) => patterns(&mut texts.iter().map(|text| regex_syntax::escape(text))),
            Test::Glob(globs) => FieldTest::Glob(globs.as_slice().into()),
            Test::Regex(regexes) => patterns(&mut regexes.iter().cloned()),
            Test::Range(range) => FieldTest::Range(*range),
        }
    }

    fn sample(&mut self, effect: &Effect) -> Option<(u64, Option<usize>)> {
        let sample = effect.sample.as_ref()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "keep is between 0 and 1")]
        let highest = (sample.keep * u64::MAX as f64) as u64;
        Some((highest, sample.by.as_ref().map(|path| self.slot(std::slice::from_ref(path)))))
    }
}

/// Adds one behind the others, and tells its place. Files of rules are too small for more than 4 billion.
fn push<T>(to: &mut Vec<T>, one: T) -> u32 {
    to.push(one);
    u32::try_from(to.len() - 1).unwrap_or(u32::MAX)
}

fn groups(effect: &Effect) -> Result<Option<GroupParser>, PatternError> {
    const AUTOMATON_BYTES: usize = 256 * 1024;
    let Some(Parse::Groups { pattern, groups }) = &effect.parse else { return Ok(None) };
    let regex = compile_pattern(pattern, MAX_COMPILED_BYTES, AUTOMATON_BYTES)?;
    let named = |name: Option<&str>| groups.iter().find(|(group, _)| Some(group.as_str()) == name).cloned();
    let fields = regex.capture_names().skip(1).map(named).collect();
    Ok(Some(GroupParser { regex, fields }))
}

/// Collects sets of marks, of which every record for which the condition holds has one of each.
fn needed_marks(condition: &Condition, to: &mut Vec<Marks>) {
    match condition {
        Condition::All(parts) => parts.iter().for_each(|part| needed_marks(part, to)),
        Condition::Any(parts) => {
            // Of each part its narrowest set; together they are needed, when every part has one.
            let narrowest = |part| {
                let mut marks = Vec::new();
                needed_marks(part, &mut marks);
                marks.into_iter().min_by_key(Marks::count)
            };
            to.extend(parts.iter().map(narrowest).try_fold(Marks::default(), |all, marks| Some(all.and(marks?))));
        }
        Condition::Field(paths, test) if *test != Test::Exists(false) => {
            to.push(marks_of(paths));
        }
        Condition::Level(set) if !set.has_none() => {
            to.push(LEVEL_FIELDS.marks());
        }
        _ => {}
    }
}

/// Those of all keys under which a field may be found: its whole path, or the first of its names.
fn marks_of(paths: &[Path]) -> Marks {
    paths.iter().fold(Marks::default(), |marks, path| {
        let first = path.0.split('.').next().unwrap_or_default();
        marks.and(Marks::of(path.0.as_bytes())).and(Marks::of(first.as_bytes()))
    })
}
