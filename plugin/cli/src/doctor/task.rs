//! The task: its metadata, where its credentials come from, and how much memory it has.

use super::finding::Finding;
use shiwake_delivery::identity::endpoint::{ENDPOINT_VARIABLE, Endpoint, FetchError};
use shiwake_records::identity::task::TaskIdentity;
use shiwake_records::units::size_in_words;
use std::path::Path;

const MEMORY: &str = "memory";
const METADATA: &str = "task metadata";
/// What Fluent Bit itself needs beside our memory limit, at least.
const HOST_BYTES: u64 = 24_000_000;
/// Files with the limit of the container's memory, of cgroups in version 2 and 1.
const LIMIT_FILES: [&str; 2] = ["memory.max", "memory/memory.limit_in_bytes"];

/// Asks the metadata endpoint, as the plugins do.
pub(super) async fn metadata(environment: &[(String, String)]) -> Finding {
    let Some(url) = value(environment, ENDPOINT_VARIABLE) else {
        return Finding::skipped(METADATA, format!("{ENDPOINT_VARIABLE} is not set: this is no task of ECS"));
    };
    let Some(endpoint) = Endpoint::parse(url) else {
        let seen = format!("{ENDPOINT_VARIABLE} is '{url}', which is no URL that ECS gives");
        return Finding::bad(METADATA, seen, "leave the variable as ECS sets it");
    };
    let answer = async {
        let document = endpoint.task_document().await?;
        TaskIdentity::from_task(&document).map_err(FetchError::from)
    };
    match answer.await {
        Ok(task) => Finding::good(
            METADATA,
            format!(
                "{}:{} in cluster {}, {} containers",
                task.family,
                task.version,
                task.cluster_name,
                task.containers.len()
            ),
        ),
        Err(error) => {
            let advice = "records get no fields of the task until it answers; network mode and proxies must leave 169.254.170.2 alone";
            Finding::doubtful(METADATA, error.to_string(), advice)
        }
    }
}

/// Which credentials the store will use: the first of these that is there, as its client looks for them.
pub(super) fn credentials(environment: &[(String, String)]) -> Finding {
    let has = |name: &str| value(environment, name).is_some();
    let seen = match () {
        () if has("AWS_ACCESS_KEY_ID") && has("AWS_SECRET_ACCESS_KEY") => "keys in the environment",
        () if has("AWS_ACCESS_KEY_ID") || has("AWS_SECRET_ACCESS_KEY") => {
            let seen = "one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set without the other";
            return Finding::bad("credentials", seen, "set both, or none and give the task a role");
        }
        () if has("AWS_WEB_IDENTITY_TOKEN_FILE") => "a web identity",
        () if has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || has("AWS_CONTAINER_CREDENTIALS_FULL_URI") => {
            "the task's role"
        }
        () if has(ENDPOINT_VARIABLE) => {
            let seen = "the task has no role: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set";
            let advice =
                "set taskRoleArn in the task definition; the execution role is for pulling images and secrets only";
            return Finding::bad("credentials", seen, advice);
        }
        () => "none in the environment: the instance's role, when this is an instance of EC2",
    };
    Finding::good("credentials", seen)
}

/// Whether the memory of the container has room for ours.
pub(super) fn memory(cgroup: &Path, memory_limit_bytes: u64) -> Finding {
    let limits = LIMIT_FILES.iter().filter_map(|file| std::fs::read_to_string(cgroup.join(file)).ok());
    // "max", or a number beyond all memory, is no limit.
    let limit: Option<u64> = limits.filter_map(|text| text.trim().parse().ok()).find(|bytes| *bytes < 1 << 50);
    let Some(limit) = limit else {
        return Finding::skipped(MEMORY, "the container has no limit of its own");
    };
    let seen = format!(
        "the container may have {}, memory_limit is {}",
        size_in_words(limit),
        size_in_words(memory_limit_bytes)
    );
    match limit < memory_limit_bytes + HOST_BYTES {
        true => Finding::bad(
            MEMORY,
            format!("{seen}: the kernel may kill the log router"),
            format!(
                "raise the container's memory to {} or lower memory_limit",
                size_in_words(memory_limit_bytes + HOST_BYTES)
            ),
        ),
        false => Finding::good(MEMORY, seen),
    }
}

/// A variable that is set to something.
fn value<'e>(environment: &'e [(String, String)], name: &str) -> Option<&'e str> {
    environment.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn credentials_are_named_as_the_client_finds_them() {
        let seen = |names: &[&str]| {
            let environment: Vec<(String, String)> =
                names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
            let Finding { state, seen, .. } = credentials(&environment);
            (state, seen)
        };
        let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        assert_eq!(seen(&[relative, ENDPOINT_VARIABLE]), (State::Good, "the task's role".to_owned()));
        let keys = seen(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", relative]);
        assert_eq!(keys, (State::Good, "keys in the environment".to_owned()));
        assert_eq!(seen(&[ENDPOINT_VARIABLE]).0, State::Bad);
        assert_eq!(seen(&["AWS_ACCESS_KEY_ID"]).0, State::Bad);
        assert_eq!(seen(&[]).0, State::Good);
    }

    #[test]
    fn memory_that_is_too_small_is_said_before_the_kernel_says_it() {
        for (file, text, state) in [
            ("memory.max", "67108864\n", State::Bad),
            ("memory.max", "128000000\n", State::Good),
            ("memory.max", "max\n", State::Skipped),
            ("memory/memory.limit_in_bytes", "67108864\n", State::Bad),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n", State::Skipped),
        ] {
            let cgroup = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(cgroup.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(cgroup.path().join(file), text).unwrap();
            assert_eq!(memory(cgroup.path(), 48_000_000).state, state, "{file} {text}");
        }
    }
}
