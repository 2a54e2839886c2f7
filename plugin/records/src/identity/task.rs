//! What the ECS task metadata endpoint, version 4, says of a task
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html>).
//!
//! Every field may be missing: which there are depends on the agent's version, the launch type and how far the task has come.

use super::firelens::TaskArn;
use super::image::ImageReference;
use super::origin_fields::UNIFIED_FIELDS;
use serde_json::{Map, Value};

/// Why a document says nothing of a task.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is no JSON.
    #[error("the document is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON, but lacks what such a document has.
    #[error("the document has no '{expected}'")]
    Shape {
        /// What is not there.
        expected: &'static str,
    },
}

/// A task. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskIdentity {
    /// Name of the cluster.
    pub cluster_name: String,
    /// The task's ARN.
    pub task_arn: String,
    /// The last part of the ARN.
    pub task_id: String,
    /// Family of the task definition.
    pub family: String,
    /// Revision of the task definition.
    pub version: String,
    /// Name of the service; on EC2 only.
    pub service_name: String,
    /// Availability zone, as in `eu-west-1a`.
    pub availability_zone: String,
    /// Region, as in `eu-west-1`.
    pub region: String,
    /// Account, twelve digits.
    pub account: String,
    /// `FARGATE`, `EC2` or `EXTERNAL`.
    pub launch_type: String,
    /// The containers that are there so far.
    pub containers: Vec<ContainerIdentity>,
}

/// A container of a task. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerIdentity {
    /// The id that the log driver gives as `container_id`.
    pub id: String,
    /// The name in the task definition.
    pub name: String,
    /// The name that Docker knows.
    pub docker_name: String,
    /// The image as the task definition names it.
    pub image: String,
    /// Values of Datadog's labels, in the order of [`UNIFIED_FIELDS`].
    pub unified: [String; UNIFIED_FIELDS.len()],
    /// All its labels that are text, for those that a user names.
    pub labels: Vec<(String, String)>,
}

impl ContainerIdentity {
    /// The image's name, taken apart.
    #[must_use]
    pub fn image(&self) -> Option<ImageReference<'_>> {
        ImageReference::parse(&self.image)
    }

    fn read(container: &Map<String, Value>) -> Option<Self> {
        let labels = container.get("Labels").and_then(Value::as_object);
        let label = |name: &str| labels.map(|labels| text(labels, name)).unwrap_or_default();
        let own = |key: &str| text(container, key);
        let found = Self {
            id: own("DockerId"),
            name: own("Name"),
            docker_name: own("DockerName"),
            image: own("Image"),
            unified: UNIFIED_FIELDS.map(|field| label(field.label)),
            labels: labels
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
        };
        (!found.id.is_empty()).then_some(found)
    }
}

impl TaskIdentity {
    /// Reads the document of a task.
    ///
    /// # Errors
    /// When it is no JSON, or names no task.
    pub fn from_task(document: &[u8]) -> Result<Self, DocumentError> {
        let task: Map<String, Value> = serde_json::from_slice(document)?;
        let containers = task.get("Containers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let identity = Self {
            family: text(&task, "Family"),
            version: text(&task, "Revision"),
            service_name: text(&task, "ServiceName"),
            availability_zone: text(&task, "AvailabilityZone"),
            launch_type: text(&task, "LaunchType"),
            containers: containers
                .iter()
                .filter_map(|container| container.as_object().and_then(ContainerIdentity::read))
                .collect(),
            ..Self::default()
        };
        identity.of_task(text(&task, "TaskARN"), &text(&task, "Cluster"), "TaskARN")
    }

    /// Reads the document of a container, whose labels name the task.
    ///
    /// # Errors
    /// When it is no JSON, or names no task.
    pub fn from_container(document: &[u8]) -> Result<Self, DocumentError> {
        const NO_LABELS: DocumentError = DocumentError::Shape { expected: "Labels" };
        let container: Map<String, Value> = serde_json::from_slice(document)?;
        let labels = container.get("Labels").and_then(Value::as_object).ok_or(NO_LABELS)?;
        let identity = Self {
            family: text(labels, "com.amazonaws.ecs.task-definition-family"),
            version: text(labels, "com.amazonaws.ecs.task-definition-version"),
            containers: ContainerIdentity::read(&container).into_iter().collect(),
            ..Self::default()
        };
        let arn = text(labels, "com.amazonaws.ecs.task-arn");
        identity.of_task(arn, &text(labels, "com.amazonaws.ecs.cluster"), "com.amazonaws.ecs.task-arn")
    }

    /// The same with the task's ARN and its cluster, a name or an ARN.
    fn of_task(self, arn: String, cluster: &str, key: &'static str) -> Result<Self, DocumentError> {
        let parts = TaskArn::parse(arn.as_bytes()).ok_or(DocumentError::Shape { expected: key })?;
        let owned = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        let cluster = cluster.rsplit('/').next().unwrap_or(cluster);
        let cluster_name = if cluster.is_empty() { owned(parts.cluster) } else { cluster.to_owned() };
        let (task_id, region, account) = (owned(parts.id), owned(parts.region), owned(parts.account));
        Ok(Self { cluster_name, task_id, region, account, task_arn: arn, ..self })
    }

    /// Fills what is not known from another document about the same task.
    pub fn fill_from(&mut self, other: Self) {
        if self.task_arn != other.task_arn && !self.task_arn.is_empty() {
            return;
        }
        let Self { cluster_name, task_arn, task_id, family, version, .. } = self;
        let Self { service_name, availability_zone, region, account, launch_type, containers, .. } = self;
        for (own, others) in [
            (cluster_name, other.cluster_name),
            (task_arn, other.task_arn),
            (task_id, other.task_id),
            (family, other.family),
            (version, other.version),
            (service_name, other.service_name),
            (availability_zone, other.availability_zone),
            (region, other.region),
            (account, other.account),
            (launch_type, other.launch_type),
        ] {
            if own.is_empty() {
                *own = others;
            }
        }
        for container in other.containers {
            if containers.iter().all(|known| known.id != container.id) {
                containers.push(container);
            }
        }
    }
}

/// Text, or a number as text; empty when there is neither.
fn text(map: &Map<String, Value>, key: &str) -> String {
    match map.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const FARGATE_TASK: &[u8] = include_bytes!("../../../../tests/data/ecs/fargate_task.json");
    const FARGATE_CONTAINER: &[u8] = include_bytes!("../../../../tests/data/ecs/fargate_container.json");
    const EC2_TASK: &[u8] = include_bytes!("../../../../tests/data/ecs/ec2_task.json");
    const EC2_CONTAINER: &[u8] = include_bytes!("../../../../tests/data/ecs/ec2_container.json");

    #[test]
    fn a_task_on_fargate_is_read() {
        let task = TaskIdentity::from_task(FARGATE_TASK).unwrap();
        assert_eq!(task.cluster_name, "default");
        assert_eq!(task.task_arn, "arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3");
        assert_eq!(task.task_id, "e9028f8d5d8e4f258373e7b93ce9a3c3");
        assert_eq!((task.family.as_str(), task.version.as_str()), ("curltest", "3"));
        assert_eq!((task.region.as_str(), task.availability_zone.as_str()), ("us-west-2", "us-west-2a"));
        assert_eq!((task.account.as_str(), task.launch_type.as_str()), ("111122223333", "FARGATE"));
        assert_eq!(task.service_name, "");
        assert_eq!(task.containers.len(), 2);
        let curl = &task.containers[0];
        assert_eq!(curl.id, "e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603");
        assert_eq!((curl.name.as_str(), curl.docker_name.as_str()), ("curl", "curl"));
        assert_eq!(curl.unified, ["prod", "curl-api", "1.4.2"]);
        let image = curl.image().unwrap();
        assert_eq!((image.short_image, image.image_tag, image.digest), ("curltest", "latest", ""));
        assert!(task.containers[1].image().unwrap().digest.starts_with("sha256:25f3"));
    }

    #[test]
    fn a_task_on_ec2_is_read() {
        let task = TaskIdentity::from_task(EC2_TASK).unwrap();
        assert_eq!((task.cluster_name.as_str(), task.service_name.as_str()), ("default", "MyService"));
        assert_eq!((task.launch_type.as_str(), task.version.as_str()), ("EC2", "26"));
        let names: Vec<&str> = task.containers.iter().map(|container| container.docker_name.as_str()).collect();
        assert_eq!(names[1], "ecs-curltest-26-curl-a0e7dba5aca6d8cb2e00");
        assert_eq!(task.containers[1].unified, ["", "", ""]);
    }

    #[test]
    fn the_labels_of_a_container_name_its_task() {
        for (container, task) in [(FARGATE_CONTAINER, FARGATE_TASK), (EC2_CONTAINER, EC2_TASK)] {
            let (from_container, task) =
                (TaskIdentity::from_container(container).unwrap(), TaskIdentity::from_task(task).unwrap());
            assert_eq!(from_container.containers, task.containers[1..]);
            let mut filled = from_container;
            filled.fill_from(task.clone());
            filled.containers.rotate_left(1);
            assert_eq!(filled, task);
        }
    }

    #[test]
    fn what_is_missing_is_empty_and_another_task_fills_nothing() {
        let arn = "arn:aws-us-gov:ecs:us-gov-west-1:1:task/shop/0a";
        let document =
            format!(r#"{{"TaskARN":"{arn}","Revision":7,"Containers":[{{"Name":"x"}},7,{{"DockerId":"c"}}]}}"#);
        let mut task = TaskIdentity::from_task(document.as_bytes()).unwrap();
        assert_eq!((task.cluster_name.as_str(), task.region.as_str()), ("shop", "us-gov-west-1"));
        assert_eq!((task.version.as_str(), task.family.as_str()), ("7", ""));
        assert_eq!(task.containers, [ContainerIdentity { id: "c".to_owned(), ..ContainerIdentity::default() }]);
        let before = task.clone();
        task.fill_from(TaskIdentity::from_task(EC2_TASK).unwrap());
        assert_eq!(task, before);
    }

    #[test]
    fn what_is_no_document_is_refused_with_the_reason() {
        let error = |document: &str| TaskIdentity::from_task(document.as_bytes()).unwrap_err().to_string();
        for document in ["", "[]", "null", "{", "<html>"] {
            assert!(error(document).starts_with("the document is not JSON"), "{document}");
        }
        assert_eq!(error("{}"), "the document has no 'TaskARN'");
        assert_eq!(error(r#"{"TaskARN":"x"}"#), "the document has no 'TaskARN'");
        let error = TaskIdentity::from_container(b"{}").unwrap_err().to_string();
        assert_eq!(error, "the document has no 'Labels'");
        assert!(TaskIdentity::from_task("[".repeat(100_000).as_bytes()).is_err());
    }
}
