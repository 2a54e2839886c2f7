//! An Iceberg table as Glue has it (<https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html>).
//!
//! What counts is the parameter that names the current state. Columns are there for people who look at them in Glue; they and the
//! parameters are those that Java's catalog writes
//! (<https://github.com/apache/iceberg/blob/main/aws/src/main/java/org/apache/iceberg/aws/glue/IcebergToGlueConverter.java>).

use iceberg::spec::{NestedField, PrimitiveType, TableMetadata, Type};
use iceberg::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Parameter that says what kind of table it is.
const TABLE_TYPE: &str = "table_type";
/// Its value for Iceberg; Glue's other writers differ in case.
const ICEBERG: &str = "ICEBERG";
/// Parameter that names the file of the current state.
const METADATA_LOCATION: &str = "metadata_location";
/// Parameter that names the one before.
const PREVIOUS_LOCATION: &str = "previous_metadata_location";

/// What is read of a table of Glue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GlueTable {
    /// Its name.
    pub(crate) name: String,
    /// The version that a commit is made on.
    pub(crate) version_id: Option<String>,
    #[serde(default)]
    parameters: Option<HashMap<String, String>>,
    description: Option<String>,
    owner: Option<String>,
}

impl GlueTable {
    fn parameter(&self, name: &str) -> Option<&String> {
        self.parameters.as_ref().and_then(|parameters| parameters.get(name))
    }

    /// Whether it is an Iceberg table.
    pub(crate) fn is_iceberg(&self) -> bool {
        self.parameter(TABLE_TYPE).is_some_and(|kind| kind.eq_ignore_ascii_case(ICEBERG))
    }

    /// Where its current state is.
    ///
    /// # Errors
    /// When it is no Iceberg table.
    pub(crate) fn metadata_location(&self) -> Result<&str> {
        let place = self.parameter(METADATA_LOCATION).filter(|_| self.is_iceberg());
        place.map(String::as_str).ok_or_else(|| {
            Error::new(ErrorKind::DataInvalid, format!("Glue's table '{}' is no Iceberg table", self.name))
        })
    }
}

/// The table as Glue is told it; of what it was before, others' parameters stay.
pub(crate) fn table_input(name: &str, metadata: &TableMetadata, location: &str, before: Option<&GlueTable>) -> Value {
    let mut parameters = before.and_then(|before| before.parameters.clone()).unwrap_or_default();
    if let Some(previous) = before.and_then(|before| before.parameter(METADATA_LOCATION)) {
        parameters.insert(PREVIOUS_LOCATION.to_owned(), previous.clone());
    }
    parameters.insert(TABLE_TYPE.to_owned(), ICEBERG.to_owned());
    parameters.insert(METADATA_LOCATION.to_owned(), location.to_owned());
    let columns: Vec<Value> =
        metadata.current_schema().as_struct().fields().iter().map(|field| column(field)).collect();
    let mut input = Map::from_iter([
        ("Name".to_owned(), json!(name)),
        ("TableType".to_owned(), json!("EXTERNAL_TABLE")),
        ("Parameters".to_owned(), json!(parameters)),
        ("StorageDescriptor".to_owned(), json!({"Columns": columns, "Location": metadata.location()})),
    ]);
    for (key, value) in [
        ("Description", before.and_then(|before| before.description.as_ref())),
        ("Owner", before.and_then(|before| before.owner.as_ref())),
    ] {
        input.extend(value.map(|value| (key.to_owned(), json!(value))));
    }
    Value::Object(input)
}

fn column(field: &NestedField) -> Value {
    let parameters = json!({
        "iceberg.field.id": field.id.to_string(),
        "iceberg.field.optional": (!field.required).to_string(),
        "iceberg.field.current": "true",
    });
    json!({"Name": field.name, "Type": type_name(&field.field_type), "Parameters": parameters})
}

/// Glue's name of a type, which is Hive's.
fn type_name(kind: &Type) -> String {
    match kind {
        Type::Primitive(kind) => match kind {
            PrimitiveType::Boolean => "boolean".to_owned(),
            PrimitiveType::Int => "int".to_owned(),
            PrimitiveType::Long => "bigint".to_owned(),
            PrimitiveType::Float => "float".to_owned(),
            PrimitiveType::Double => "double".to_owned(),
            PrimitiveType::Date => "date".to_owned(),
            PrimitiveType::Timestamp
            | PrimitiveType::Timestamptz
            | PrimitiveType::TimestampNs
            | PrimitiveType::TimestamptzNs => "timestamp".to_owned(),
            PrimitiveType::Binary | PrimitiveType::Fixed(_) => "binary".to_owned(),
            PrimitiveType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            PrimitiveType::Time | PrimitiveType::String | PrimitiveType::Uuid => "string".to_owned(),
        },
        Type::Struct(kind) => {
            let fields = kind.fields().iter().map(|field| format!("{}:{}", field.name, type_name(&field.field_type)));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        Type::List(kind) => format!("array<{}>", type_name(&kind.element_field.field_type)),
        Type::Map(kind) => {
            format!("map<{},{}>", type_name(&kind.key_field.field_type), type_name(&kind.value_field.field_type))
        }
    }
}
