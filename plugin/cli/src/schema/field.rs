//! What the values of a field are like.

use shiwake_delivery::columns::row::fits;
use shiwake_delivery::schema::ColumnKind;
use shiwake_records::msgpack::Value;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Different values that are told apart; of more it is only known that they are many.
const MAX_DISTINCT: usize = 10_000;
/// Kinds of columns, the narrowest first, with their names in rules files. Whole numbers get 64 bits, as the type of a column
/// cannot change when they grow.
const KINDS: [(ColumnKind, &str); 4] = [
    (ColumnKind::Bool, "bool"),
    (ColumnKind::Int64, "int64"),
    (ColumnKind::Float64, "float64"),
    (ColumnKind::Text, "text"),
];

/// A field over all records of a type.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    /// Records that have it with a value.
    pub(super) values: u64,
    /// Values that do not fit a column of each kind.
    misfits: [u64; KINDS.len()],
    distinct: HashSet<u64>,
}

impl Field {
    /// Adds a value; nil is none.
    pub(super) fn add(&mut self, value: &Value<'_>) {
        if *value == Value::Nil {
            return;
        }
        self.values += 1;
        for ((kind, _), misfits) in KINDS.iter().zip(&mut self.misfits) {
            *misfits += u64::from(!fits(*kind, value));
        }
        if self.distinct.len() <= MAX_DISTINCT {
            let mut hasher = DefaultHasher::new();
            format!("{value:?}").hash(&mut hasher);
            self.distinct.insert(hasher.finish());
        }
    }

    /// The narrowest kind of column that all values fit; `None` when there is none, as for lists and maps.
    pub(super) fn kind(&self) -> Option<&'static str> {
        let fitting = KINDS.iter().zip(self.misfits).find(|(_, misfits)| *misfits == 0);
        fitting.map(|((_, name), _)| *name).filter(|_| self.values > 0)
    }

    /// Whether values hardly repeat, so that a dictionary would be as long as they are.
    pub(super) fn is_unique(&self) -> bool {
        let distinct = self.distinct.len();
        distinct > MAX_DISTINCT || distinct as u64 * 2 > self.values
    }
}
