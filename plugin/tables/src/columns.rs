//! Columns as Iceberg has them, and what a file's columns mean to a table.
//!
//! A column is known by its field id: the one it has in files is the one it has in the table. Only `time` is required, so
//! that a column can be added to a table at any time.

use crate::set_aside::SetAside;
use iceberg::spec::{
    MapType, NestedField, NestedFieldRef, NullOrder, PrimitiveType, Schema, SchemaRef, SortDirection, SortField,
    SortOrder, TableMetadata, Transform, Type, UnboundPartitionSpec,
};
use shiwake_delivery::schema::{Column, ColumnKind, OVERFLOW, TIME};
use shiwake_records::columns::{OVERFLOW_ID, OVERFLOW_KEY_ID, OVERFLOW_VALUE_ID};
use std::sync::Arc;

/// The id of the column `time`, by which tables are partitioned.
pub(crate) const TIME_ID: i32 = 1;

/// The schema that a table begins with: `time` alone. A catalog gives the columns of a new table ids of its own, from 1 on, which
/// is what `time` has; all other columns are added with the ids that they have in files.
pub(crate) fn first_schema() -> iceberg::Result<Schema> {
    let time = NestedField::required(TIME_ID, TIME, Type::Primitive(PrimitiveType::Timestamptz));
    Schema::builder().with_fields([NestedFieldRef::new(time)]).build()
}

/// By `hour(time)`: the hour of a file's folder.
pub(crate) fn partition_spec() -> iceberg::Result<UnboundPartitionSpec> {
    Ok(UnboundPartitionSpec::builder().add_partition_field(TIME_ID, "time_hour", Transform::Hour)?.build())
}

/// By `time`, as rows lie in files.
pub(crate) fn sort_order() -> iceberg::Result<SortOrder> {
    let by_time = SortField {
        source_id: TIME_ID,
        transform: Transform::Identity,
        direction: SortDirection::Ascending,
        null_order: NullOrder::First,
    };
    SortOrder::builder().with_sort_field(by_time).build_unbound()
}

/// Whether a table is partitioned by `hour(time)` and nothing else.
pub(crate) fn is_by_hour(metadata: &TableMetadata) -> bool {
    matches!(metadata.default_partition_spec().fields(),
        [field] if field.source_id == TIME_ID && field.transform == Transform::Hour)
}

/// The columns of a type, as its files have them.
pub(crate) fn fields(columns: &[Column]) -> Vec<NestedFieldRef> {
    let field = |column: &Column| {
        NestedField::new(
            column.id,
            &column.name,
            Type::Primitive(primitive(column.kind)),
            column.kind == ColumnKind::Time,
        )
    };
    let text = || Type::Primitive(PrimitiveType::String);
    let entries = MapType::optional(OVERFLOW_KEY_ID, text(), OVERFLOW_VALUE_ID, text());
    let overflow = NestedField::optional(OVERFLOW_ID, OVERFLOW, Type::Map(entries));
    columns.iter().map(field).chain([overflow]).map(Arc::new).collect()
}

fn primitive(kind: ColumnKind) -> PrimitiveType {
    match kind {
        ColumnKind::Time => PrimitiveType::Timestamptz,
        ColumnKind::Tag | ColumnKind::Text | ColumnKind::Json | ColumnKind::Severity | ColumnKind::ContainerName => {
            PrimitiveType::String
        }
        ColumnKind::Int32 => PrimitiveType::Int,
        ColumnKind::Int64 => PrimitiveType::Long,
        ColumnKind::Float64 => PrimitiveType::Double,
        ColumnKind::Bool => PrimitiveType::Boolean,
        ColumnKind::Binary => PrimitiveType::Binary,
    }
}

/// Which of a file's columns a table has yet to get.
///
/// One that the table had once, and somebody took away, stays away: the file has it still, and engines pass over it.
///
/// # Errors
/// When a column is of another type in the table, or another has its name.
pub(crate) fn missing(metadata: &TableMetadata, fields: &[NestedFieldRef]) -> Result<Vec<NestedFieldRef>, SetAside> {
    let table = metadata.current_schema();
    let mut missing = Vec::new();
    for field in fields {
        if let Some(known) = table.field_by_id(field.id) {
            if !reads(&known.field_type, &field.field_type) {
                return Err(SetAside::ColumnType {
                    column: field.name.clone(),
                    id: field.id,
                    file: field.field_type.to_string(),
                    table: known.field_type.to_string(),
                });
            }
        } else if metadata.schemas_iter().any(|schema| schema.field_by_id(field.id).is_some()) {
            // Taken away.
        } else if let Some(table_id) = table.as_struct().fields().iter().find(|known| known.name == field.name) {
            return Err(SetAside::ColumnName { column: field.name.clone(), id: field.id, table_id: table_id.id });
        } else {
            missing.push(field.clone());
        }
    }
    Ok(missing)
}

/// Of columns that are to be added, those that are not among others that are to be added already.
///
/// # Errors
/// When one of them is of another type there, or another has its name.
pub(crate) fn together(
    others: &[NestedFieldRef],
    fields: Vec<NestedFieldRef>,
) -> Result<Vec<NestedFieldRef>, SetAside> {
    let mut new = Vec::new();
    for field in fields {
        match others.iter().find(|other| other.id == field.id || other.name == field.name) {
            None => new.push(field),
            Some(other) if other.id != field.id => {
                return Err(SetAside::ColumnName { column: field.name.clone(), id: field.id, table_id: other.id });
            }
            Some(other) if !reads(&other.field_type, &field.field_type) => {
                return Err(SetAside::ColumnType {
                    column: field.name.clone(),
                    id: field.id,
                    file: field.field_type.to_string(),
                    table: other.field_type.to_string(),
                });
            }
            Some(_) => {}
        }
    }
    Ok(new)
}

/// Whether a column of a table can be read from a file's: they are alike, or the table's has been widened
/// (<https://iceberg.apache.org/spec/#schema-evolution>).
fn reads(table: &Type, file: &Type) -> bool {
    match (table, file) {
        (Type::Primitive(PrimitiveType::Long), Type::Primitive(PrimitiveType::Int))
        | (Type::Primitive(PrimitiveType::Double), Type::Primitive(PrimitiveType::Float)) => true,
        (Type::Map(table), Type::Map(file)) => {
            table.key_field.id == file.key_field.id
                && table.value_field.id == file.value_field.id
                && reads(&table.key_field.field_type, &file.key_field.field_type)
                && reads(&table.value_field.field_type, &file.value_field.field_type)
        }
        (Type::Primitive(table), Type::Primitive(file)) => table == file,
        _ => false,
    }
}

/// A table's schema with more columns, each of which may be null.
pub(crate) fn with_columns(schema: &SchemaRef, more: &[NestedFieldRef]) -> iceberg::Result<Schema> {
    let optional = more.iter().map(|field| {
        let mut field = field.as_ref().clone();
        field.required = false;
        Arc::new(field)
    });
    Schema::builder()
        .with_fields(schema.as_struct().fields().iter().cloned().chain(optional))
        .with_identifier_field_ids(schema.identifier_field_ids())
        .build()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use iceberg::TableCreation;
    use iceberg::spec::TableMetadataBuilder;
    use shiwake_records::columns::of_type;
    use shiwake_records::log_type::LogType;

    /// A table as it is made, and then one schema after the other.
    fn table(schemas: &[&[NestedFieldRef]]) -> TableMetadata {
        let creation = TableCreation::builder()
            .name("access".to_owned())
            .location("file:///lake/_tables/logs/access".to_owned())
            .schema(first_schema().unwrap())
            .partition_spec(partition_spec().unwrap())
            .sort_order(sort_order().unwrap())
            .build();
        let mut builder = TableMetadataBuilder::from_table_creation(creation).unwrap();
        for more in schemas {
            let schema = with_columns(&Arc::new(first_schema().unwrap()), more).unwrap();
            builder = builder.add_current_schema(schema).unwrap();
        }
        builder.build().unwrap().metadata
    }

    fn column(id: i32, name: &str, kind: PrimitiveType) -> NestedFieldRef {
        Arc::new(NestedField::optional(id, name, Type::Primitive(kind)))
    }

    fn names(fields: &[NestedFieldRef]) -> Vec<&str> {
        fields.iter().map(|field| field.name.as_str()).collect()
    }

    #[test]
    fn a_new_table_is_by_hour_and_gets_all_columns_with_their_own_ids() {
        let fields = fields(&of_type(LogType::Access));
        let new = table(&[]);
        assert!(is_by_hour(&new));
        assert_eq!(new.current_schema().field_by_name(TIME).unwrap().id, TIME_ID);
        let added = missing(&new, &fields).unwrap();
        assert_eq!(added.len(), fields.len() - 1);
        let full = table(&[&added]);
        for field in &fields {
            let known = full.current_schema().field_by_id(field.id).unwrap();
            assert_eq!((&known.name, &known.field_type), (&field.name, &field.field_type));
            assert_eq!(known.required, field.id == TIME_ID, "{}", field.name);
        }
        assert_eq!(missing(&full, &fields).unwrap(), Vec::new());
    }

    #[test]
    fn a_column_that_was_taken_away_is_not_missed_and_one_that_was_renamed_is_there() {
        let (tenant, team) =
            (column(20_000, "tenant", PrimitiveType::String), column(20_000, "team", PrimitiveType::String));
        let renamed = table(&[std::slice::from_ref(&tenant), &[team]]);
        assert_eq!(missing(&renamed, std::slice::from_ref(&tenant)).unwrap(), Vec::new());
        let taken_away = table(&[std::slice::from_ref(&tenant), &[]]);
        assert_eq!(missing(&taken_away, &[tenant]).unwrap(), Vec::new());
    }

    #[test]
    fn a_column_of_another_type_or_another_of_its_name_keeps_a_file_out() {
        let text = column(20_000, "tenant", PrimitiveType::String);
        let known = table(&[&[text.clone(), column(20_001, "count", PrimitiveType::Long)]]);
        for (field, word) in [
            (column(20_000, "tenant", PrimitiveType::Long), "column_type"),
            (column(20_002, "tenant", PrimitiveType::String), "column_name"),
            (column(20_001, "count", PrimitiveType::Double), "column_type"),
        ] {
            assert_eq!(missing(&known, std::slice::from_ref(&field)).unwrap_err().word(), word, "{field:?}");
        }
        let narrow = column(20_001, "count", PrimitiveType::Int);
        assert_eq!(missing(&known, &[narrow]).unwrap(), Vec::new(), "a table's column may be wider");
        let others = [text];
        assert_eq!(names(&together(&others, others.to_vec()).unwrap()), Vec::<&str>::new());
        let number = column(20_000, "tenant", PrimitiveType::Long);
        assert_eq!(together(&others, vec![number]).unwrap_err().word(), "column_type");
        let namesake = column(20_003, "tenant", PrimitiveType::String);
        assert_eq!(together(&others, vec![namesake]).unwrap_err().word(), "column_name");
        let another = column(20_004, "team", PrimitiveType::String);
        assert_eq!(names(&together(&others, vec![another]).unwrap()), ["team"]);
    }
}
