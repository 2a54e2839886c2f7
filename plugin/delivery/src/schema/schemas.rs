//! The columns of an instance's lanes.

use super::Column;
use crate::lane::{Lane, Lanes};
use shiwake_records::columns::{of_quarantine, of_type, shared};
use shiwake_records::rules::TypeDeclaration;

/// The columns of each lane, in the order in which they stand in its files and without the overflow map.
///
/// They are those of the rules file as it is now: a segment of an earlier run, whose type had other columns then, gets
/// these. It has the same rows under the same names, and what has no column is in the overflow map; so has a type that
/// nobody declares any more all but the columns that every type has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schemas {
    lanes: Lanes,
    columns: Vec<Vec<Column>>,
    undeclared: Vec<Column>,
}

impl Schemas {
    /// The columns of these lanes.
    #[must_use]
    pub fn new(lanes: Lanes, types: &[TypeDeclaration]) -> Self {
        let of_lane = |lane: Lane| match (lane, lanes.like(lane)) {
            (Lane::Typed(log_type), Some(Lane::Typed(like))) => {
                let mut columns = of_type(like);
                let declared = types.iter().filter(|declared| declared.log_type == log_type);
                columns.extend(declared.flat_map(|declared| &declared.columns).map(|declared| declared.column.clone()));
                columns
            }
            _ => of_quarantine(),
        };
        Self { columns: lanes.iter().map(of_lane).collect(), undeclared: shared(), lanes }
    }

    /// The columns of a lane's files.
    #[must_use]
    pub fn columns(&self, lane: Lane) -> &[Column] {
        self.columns.get(self.lanes.index(lane)).unwrap_or(&self.undeclared)
    }
}

/// Those of the lanes that are always there, when no rules file says anything of them.
impl Default for Schemas {
    fn default() -> Self {
        Self::new(Lanes::default(), &[])
    }
}
