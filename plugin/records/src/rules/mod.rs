//! The rules that sort records, as users write them.
//!
//! A rules file is TOML (<https://toml.io>). It is read strictly: whatever is unknown, impossible or without effect is an
//! error with file, line, column and what to do. Nothing here reads files itself; a [`Loader`] gives their texts.

mod ask;
mod by_format;
mod check;
mod compile;
mod condition;
mod declaration;
mod document;
mod evaluate;
mod explain;
mod fault;
mod glob;
mod implication;
mod keep;
mod lint;
mod of_layout;
mod pattern_facts;
mod patterns;
mod policy;
mod program;
mod read;
mod read_condition;
mod read_test;
mod read_type;
mod required_literal;
mod rule_set;
mod source;
mod testing;
mod value;

pub use condition::{Condition, Path, Range, Scalar, Severities, Test, ValueKind};
pub use declaration::{
    ColumnDeclaration, Declarations, Effect, Expectation, GroupKind, Parse, RuleDeclaration, Sample, TestDeclaration,
    TypeDeclaration,
};
pub use evaluate::RuleCounts;
pub(crate) use evaluate::{Decided, Evaluation, RuleState};
pub use explain::{Explanation, Finding, NearMiss, Reason};
pub use fault::{Diagnostic, Fault, RulesError};
pub use glob::{Glob, MAX_GLOB_BYTES};
pub use keep::SAMPLE_RATE;
pub use lint::{Concern, Warning, lint};
pub use policy::{Durability, Policy, Retention, StorageClass, TOTAL_FILE_SIZE_RANGE, UPLOAD_TIMEOUT_RANGE};
pub use read::{Loader, MAX_FILE_BYTES, MAX_FILES, MAX_RULES, MAX_SET_FIELDS, MAX_TYPES};
pub use read_type::{MAX_COLUMNS, MAX_FROM};
pub use rule_set::{BUILT_IN_NAME, BUILT_IN_RULES, OWN_FIELD, RuleId, RuleSet};
pub use source::{Place, Position, SourceFile, Sources};
pub use testing::{Difference, run_test};
