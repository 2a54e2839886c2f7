//! What FireLens says of a record's origin.
//!
//! FireLens adds `ecs_cluster`, `ecs_task_arn` and `ecs_task_definition`
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_firelens.html>); this module takes them apart
//! into the names the Datadog Agent gives them: `cluster_name`, `task_arn`, `task_family`, `task_version`, `region`,
//! `aws_account`, and `task_id`.

use crate::append::FoundFields;
use crate::fields::{FieldIndex, KeySet};
use crate::msgpack::Composite;

/// The fields that [`add_ecs`] adds.
pub const ECS_FIELDS: [&str; 7] =
    ["cluster_name", "task_arn", "task_id", "task_family", "task_version", "region", "aws_account"];

/// The fields of FireLens that are taken apart.
pub(super) const SAID: [&str; 3] = ["ecs_cluster", "ecs_task_arn", "ecs_task_definition"];
pub(super) const KEYS: KeySet = KeySet::new(&SAID);

/// An ECS task's ARN, taken apart: `arn:<partition>:ecs:<region>:<account>:task/<cluster>/<id>`, in every partition, and
/// without the cluster in the ARNs of old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskArn<'a> {
    /// Region, as in `eu-west-1`.
    pub region: &'a [u8],
    /// Account, twelve digits.
    pub account: &'a [u8],
    /// Cluster's name; empty in the ARNs of old.
    pub cluster: &'a [u8],
    /// The task's own id.
    pub id: &'a [u8],
}

impl<'a> TaskArn<'a> {
    /// Takes an ARN apart; `None` when it is none of a task.
    #[must_use]
    pub fn parse(arn: &'a [u8]) -> Option<Self> {
        let mut parts = arn.splitn(6, |byte| *byte == b':');
        let is_arn = parts.next()? == b"arn" && parts.next()?.starts_with(b"aws") && parts.next()? == b"ecs";
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let path = resource.strip_prefix(b"task/").filter(|_| is_arn)?;
        let (cluster, id) = match path.iter().position(|byte| *byte == b'/') {
            Some(at) => (path.get(..at)?, path.get(at + 1..)?),
            None => (&b""[..], path),
        };
        Some(Self { region, account, cluster, id })
    }
}

/// Adds what FireLens' fields say to the fields of the record, but for those that rules or the line have given already.
pub fn add_ecs<'a>(index: &FieldIndex, body: &Composite<'a>, found: &mut FoundFields<'a>) {
    let text = |key: &str| index.get(body, key.as_bytes()).and_then(|value| value.as_str_bytes());
    if let Some(cluster) = text("ecs_cluster") {
        // Either a name or an ARN that ends in one.
        found.push_text_if_new("cluster_name", cluster.rsplit(|byte| *byte == b'/').next().unwrap_or(cluster));
    }
    if let Some(arn) = text("ecs_task_arn") {
        found.push_text_if_new("task_arn", arn);
        if let Some(task) = TaskArn::parse(arn) {
            found.push_text_if_new("task_id", task.id);
            found.push_text_if_new("region", task.region);
            found.push_text_if_new("aws_account", task.account);
            found.push_text_if_new("cluster_name", task.cluster);
        }
    }
    if let Some(definition) = text("ecs_task_definition") {
        // `family:revision`, or an ARN that ends in it.
        let definition = definition.rsplit(|byte| *byte == b'/').next().unwrap_or(definition);
        match definition.iter().rposition(|byte| *byte == b':') {
            Some(at) => {
                found.push_text_if_new("task_family", definition.get(..at).unwrap_or_default());
                found.push_text_if_new("task_version", definition.get(at + 1..).unwrap_or_default());
            }
            None => found.push_text_if_new("task_family", definition),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn task_arns_of_every_partition_are_taken_apart() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b"] {
            let arn = format!("arn:{partition}:ecs:eu-west-1:123456789012:task/web/0a1b");
            let task = TaskArn::parse(arn.as_bytes()).unwrap();
            assert_eq!(task, TaskArn { region: b"eu-west-1", account: b"123456789012", cluster: b"web", id: b"0a1b" });
        }
        let old = TaskArn::parse(b"arn:aws:ecs:us-east-1:1:task/0a1b").unwrap();
        assert_eq!((old.cluster, old.id), (&b""[..], &b"0a1b"[..]));
    }

    #[test]
    fn other_arns_are_refused() {
        for arn in ["", "arn:aws:s3:::bucket", "arn:aws:ecs:r:1:service/x", "arn:gcp:ecs:r:1:task/x", "task/x"] {
            assert_eq!(TaskArn::parse(arn.as_bytes()), None, "{arn}");
        }
    }
}
