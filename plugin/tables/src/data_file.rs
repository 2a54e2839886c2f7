//! A file of the lake as an entry of a table: its columns, its hour, and what its footer says of its values.

use crate::bounds::Bounds;
use crate::candidate::Candidate;
use crate::columns::TIME_ID;
use crate::hour::Hour;
use crate::set_aside::SetAside;
use iceberg::arrow::arrow_schema_to_schema;
use iceberg::spec::{
    DataContentType, DataFile, DataFileBuilder, DataFileBuilderError, DataFileFormat, Datum, Literal, NestedFieldRef,
    PrimitiveLiteral, PrimitiveType, Struct, TableMetadata, Transform, Type,
};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many kinds of files are known at a time: versions and rules differ by task.
const KNOWN_SCHEMAS: usize = 64;

/// Columns of files that were seen: those of a type are alike, and are shared.
#[derive(Debug, Default)]
pub(crate) struct FileSchemas {
    known: Mutex<Vec<(types::Type, Arc<FileColumns>)>>,
}

/// The columns of a file.
#[derive(Debug)]
pub(crate) struct FileColumns {
    /// With their ids, in order.
    pub(crate) fields: Vec<NestedFieldRef>,
    /// Types of those that are no groups, by id.
    primitives: HashMap<i32, PrimitiveType>,
}

impl FileSchemas {
    /// The columns that a footer says.
    fn columns(&self, metadata: &ParquetMetaData) -> Result<Arc<FileColumns>, SetAside> {
        let described = metadata.file_metadata().schema_descr();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, columns)) = known.iter().find(|(known, _)| known == described.root_schema()) {
            return Ok(columns.clone());
        }
        let arrow = parquet_to_arrow_schema(described, None).map_err(SetAside::Damaged)?;
        let schema = arrow_schema_to_schema(&arrow).map_err(|error| SetAside::Columns(Box::new(error)))?;
        let primitive = |(id, field): (&i32, &NestedFieldRef)| match field.field_type.as_ref() {
            Type::Primitive(kind) => Some((*id, kind.clone())),
            _ => None,
        };
        let columns = Arc::new(FileColumns {
            fields: schema.as_struct().fields().to_vec(),
            primitives: schema.field_id_to_fields().iter().filter_map(primitive).collect(),
        });
        if known.len() >= KNOWN_SCHEMAS {
            known.remove(0);
        }
        known.push((described.root_schema().clone(), columns.clone()));
        Ok(columns)
    }
}

/// A file that can be taken in.
#[derive(Debug)]
pub(crate) struct Adoptable {
    /// Its object.
    pub(crate) candidate: Candidate,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its columns.
    pub(crate) columns: Arc<FileColumns>,
    /// Whether its rows lie in order of time.
    is_sorted: bool,
    numbers: Numbers,
}

/// What is known of each column, by id.
#[derive(Debug, Default)]
struct Numbers {
    bytes: HashMap<i32, u64>,
    values: HashMap<i32, u64>,
    nulls: HashMap<i32, u64>,
    bounds: HashMap<i32, Bounds>,
    /// Where the row groups begin.
    groups: Vec<i64>,
}

impl Adoptable {
    /// Looks whether a table can take a file in, by its footer.
    pub(crate) fn new(
        candidate: Candidate,
        metadata: &ParquetMetaData,
        schemas: &FileSchemas,
    ) -> Result<Self, SetAside> {
        let columns = schemas.columns(metadata)?;
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
        if rows == 0 {
            return Err(SetAside::Empty);
        }
        let numbers = Numbers::new(metadata, &columns);
        let is_time = columns.fields.iter().any(|field| {
            field.id == TIME_ID && field.required && *field.field_type == Type::Primitive(PrimitiveType::Timestamptz)
        });
        let time = numbers.bounds.get(&TIME_ID).filter(|_| is_time);
        for bound in [time.and_then(|time| time.lower.as_ref()), time.and_then(|time| time.upper.as_ref())] {
            let found = bound.and_then(hour_of).ok_or(SetAside::NoTime)?;
            if found != candidate.hour {
                return Err(SetAside::OtherHour { found, hour: candidate.hour });
            }
        }
        let by_time = |group: &parquet::file::metadata::RowGroupMetaData| {
            let first = group.sorting_columns().and_then(|columns| columns.first());
            let column =
                first.filter(|first| !first.descending).and_then(|first| usize::try_from(first.column_idx).ok());
            let column = column.and_then(|place| group.columns().get(place));
            column.is_some_and(|column| id(column.column_descr().self_type()) == Some(TIME_ID))
        };
        let is_sorted = metadata.row_groups().iter().all(by_time);
        Ok(Self { candidate, rows, columns, is_sorted, numbers })
    }

    /// The entry for a table that is partitioned by the hour.
    ///
    /// # Errors
    /// When something that an entry needs is missing, which none is.
    pub(crate) fn data_file(&self, table: &TableMetadata) -> Result<DataFile, DataFileBuilderError> {
        let numbers = &self.numbers;
        let bound = |of: fn(&Bounds) -> Option<&Datum>| -> HashMap<i32, Datum> {
            numbers.bounds.iter().filter_map(|(id, bounds)| Some((*id, of(bounds)?.clone()))).collect()
        };
        let mut file = DataFileBuilder::default();
        file.content(DataContentType::Data)
            .file_path(self.candidate.address.clone())
            .file_format(DataFileFormat::Parquet)
            .partition(Struct::from_iter([Some(Literal::int(self.candidate.hour.0))]))
            .partition_spec_id(table.default_partition_spec_id())
            .record_count(self.rows)
            .file_size_in_bytes(self.candidate.object.bytes)
            .column_sizes(numbers.bytes.clone())
            .value_counts(numbers.values.clone())
            .null_value_counts(numbers.nulls.clone())
            .lower_bounds(bound(|bounds| bounds.lower.as_ref()))
            .upper_bounds(bound(|bounds| bounds.upper.as_ref()))
            .split_offsets(Some(numbers.groups.clone()));
        let order = table.default_sort_order();
        let is_by_time = matches!(order.fields.as_slice(),
            [field] if field.source_id == TIME_ID && field.transform == Transform::Identity);
        if self.is_sorted
            && is_by_time
            && let Ok(id) = i32::try_from(order.order_id)
        {
            file.sort_order_id(id);
        }
        file.build()
    }
}

impl Numbers {
    fn new(metadata: &ParquetMetaData, columns: &FileColumns) -> Self {
        let mut numbers = Self::default();
        for group in metadata.row_groups() {
            numbers.groups.extend(group.columns().first().and_then(|column| i64::try_from(column.byte_range().0).ok()));
            for column in group.columns() {
                let Some(id) = id(column.column_descr().self_type()) else { continue };
                let (bytes, values) = (column.compressed_size(), column.num_values());
                let (bytes, values) = (u64::try_from(bytes).unwrap_or(0), u64::try_from(values).unwrap_or(0));
                *numbers.bytes.entry(id).or_default() += bytes;
                *numbers.values.entry(id).or_default() += values;
                let statistics = column.statistics();
                if let Some(nulls) = statistics.and_then(|statistics| statistics.null_count_opt()) {
                    *numbers.nulls.entry(id).or_default() += nulls;
                }
                if let Some(kind) = columns.primitives.get(&id) {
                    numbers.bounds.entry(id).or_default().add(kind, statistics, values);
                }
            }
        }
        // Of a column of which not all row groups say how many values are null, nobody knows it.
        let groups = metadata.num_row_groups();
        let says = |id: &i32| {
            let all = metadata.row_groups().iter().flat_map(|group| group.columns());
            let of_id = all.filter(|column| self::id(column.column_descr().self_type()) == Some(*id));
            of_id.filter(|column| column.statistics().is_some_and(|found| found.null_count_opt().is_some())).count()
                == groups
        };
        if groups > 1 {
            numbers.nulls.retain(|id, _| says(id));
        }
        numbers
    }
}

fn id(column: &types::Type) -> Option<i32> {
    let info = column.get_basic_info();
    info.has_id().then(|| info.id())
}

fn hour_of(bound: &Datum) -> Option<Hour> {
    match bound.literal() {
        PrimitiveLiteral::Long(micros) => Hour::of_micros(*micros),
        _ => None,
    }
}
