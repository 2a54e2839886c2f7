//! Which fields and tags say where a record comes from. Fields are named as Parquet columns; tags as the Datadog Agent names
//! those of a container on ECS
//! (<https://docs.datadoghq.com/containers/docker/tag/>, <https://github.com/DataDog/datadog-agent/tree/main/comp/core/tagger>).

use super::task::{ContainerIdentity, TaskIdentity};

/// Where in the documents a value is, and how it is taken.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// In the task's document.
    Task(fn(&TaskIdentity) -> &str),
    /// In the part of the container that wrote the record.
    Container(fn(&ContainerIdentity) -> &str),
}

/// A value of a record's origin.
#[derive(Debug, Clone, Copy)]
pub struct OriginField {
    /// The record's field; `None` for what is a tag only.
    pub name: Option<&'static str>,
    /// Where it is in the documents of the metadata endpoint.
    pub source: &'static str,
    /// The field of FireLens or of the log driver that says it too.
    pub firelens: Option<&'static str>,
    /// The tags it gives.
    pub tags: &'static [&'static str],
    /// How it is taken.
    pub origin: Origin,
}

/// What unified service tagging wants of every record.
#[derive(Debug, Clone, Copy)]
pub struct UnifiedField {
    /// The field, and the tag.
    pub name: &'static str,
    /// The container's label that says it.
    pub label: &'static str,
}

/// Unified service tagging (<https://docs.datadoghq.com/getting_started/tagging/unified_service_tagging/>).
pub const UNIFIED_FIELDS: [UnifiedField; 3] = [
    UnifiedField { name: "env", label: "com.datadoghq.tags.env" },
    UnifiedField { name: "service", label: "com.datadoghq.tags.service" },
    UnifiedField { name: "version", label: "com.datadoghq.tags.version" },
];

use Origin::{Container, Task};

const fn field(
    name: &'static str,
    source: &'static str,
    firelens: Option<&'static str>,
    tags: &'static [&'static str],
    origin: Origin,
) -> OriginField {
    OriginField { name: Some(name), source, firelens, tags, origin }
}

/// All values of a record's origin, in the order in which they are added.
pub const ORIGIN_FIELDS: [OriginField; 18] = [
    field(
        "cluster_name",
        "Cluster",
        Some("ecs_cluster"),
        &["cluster_name", "ecs_cluster_name"],
        Task(|task| &task.cluster_name),
    ),
    field("task_arn", "TaskARN", Some("ecs_task_arn"), &["task_arn"], Task(|task| &task.task_arn)),
    field("task_id", "TaskARN", Some("ecs_task_arn"), &["task_id"], Task(|task| &task.task_id)),
    field(
        "task_family",
        "Family",
        Some("ecs_task_definition"),
        &["task_family", "task_name"],
        Task(|task| &task.family),
    ),
    field("task_version", "Revision", Some("ecs_task_definition"), &["task_version"], Task(|task| &task.version)),
    field("region", "TaskARN", Some("ecs_task_arn"), &["region"], Task(|task| &task.region)),
    field("aws_account", "TaskARN", Some("ecs_task_arn"), &["aws_account"], Task(|task| &task.account)),
    field(
        "availability_zone",
        "AvailabilityZone",
        None,
        &["availability_zone", "availability-zone"],
        Task(|task| &task.availability_zone),
    ),
    field("ecs_service", "ServiceName", None, &["ecs_service"], Task(|task| &task.service_name)),
    field("launch_type", "LaunchType", None, &[], Task(|task| &task.launch_type)),
    field("container_id", "DockerId", Some("container_id"), &["container_id"], Container(|container| &container.id)),
    field(
        "container_name",
        "DockerName",
        Some("container_name"),
        &["container_name"],
        Container(|container| &container.docker_name),
    ),
    field("ecs_container_name", "Name", None, &["ecs_container_name"], Container(|container| &container.name)),
    field(
        "image_name",
        "Image",
        None,
        &["image_name"],
        Container(|container| container.image().map_or("", |image| image.image_name)),
    ),
    field(
        "image_tag",
        "Image",
        None,
        &["image_tag"],
        Container(|container| container.image().map_or("", |image| image.image_tag)),
    ),
    field(
        "image_digest",
        "Image",
        None,
        &[],
        Container(|container| container.image().map_or("", |image| image.digest)),
    ),
    OriginField {
        name: None,
        source: "Image",
        firelens: None,
        tags: &["short_image"],
        origin: Container(|container| container.image().map_or("", |image| image.short_image)),
    },
    OriginField {
        name: None,
        source: "Image",
        firelens: None,
        tags: &["docker_image"],
        origin: Container(|container| &container.image),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns;
    use crate::identity::firelens::ECS_FIELDS;

    #[test]
    fn every_field_has_a_column_and_every_tag_is_given_once() {
        let columns = columns::shared();
        let names = ORIGIN_FIELDS.iter().filter_map(|field| field.name);
        for name in names.chain(UNIFIED_FIELDS.iter().map(|field| field.name)) {
            assert!(columns.iter().any(|column| column.from.iter().any(|from| from == name)), "{name}");
        }
        for name in ECS_FIELDS {
            assert!(ORIGIN_FIELDS.iter().any(|field| field.name == Some(name) && field.firelens.is_some()), "{name}");
        }
        let mut tags: Vec<&str> = ORIGIN_FIELDS.iter().flat_map(|field| field.tags).copied().collect();
        let all = tags.len();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), all);
    }
}
