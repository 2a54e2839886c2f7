//! The rules by which a bucket deletes, as S3 takes them:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>.
//!
//! A class that is in months or years is kept for as many days as these have at most.

use clap::ValueEnum;
use serde_json::{Value, json};
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::lane::Lane;
use shiwake_delivery::partition::Partition;
use shiwake_delivery::store::RETENTION_TAG;
use shiwake_records::rules::Retention;
use std::collections::BTreeSet;

/// By what a rule knows its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Selector {
    /// By the tag `retention`, which objects have with `object_tags on`: a rule a class.
    Tags,
    /// By the folders of the types, whatever tags there are: a rule a type.
    Prefixes,
}

/// The rules for these lanes.
pub(super) fn rules(config: &OutputConfig, lanes: &[Lane], prefix: &str, by: Selector) -> Value {
    let in_lake = |folder: &str| match prefix {
        "" => folder.to_owned(),
        prefix => format!("{prefix}/{folder}"),
    };
    let classes = lanes.iter().filter_map(|lane| Some((*lane, config.retention(*lane)?)));
    let rules: Vec<Value> = match by {
        Selector::Tags => {
            let classes: BTreeSet<Retention> = classes.map(|(_, class)| class).collect();
            let filter = |class: Retention| {
                let tag = json!({"Key": RETENTION_TAG, "Value": class.to_string()});
                match prefix {
                    "" => json!({"Tag": tag}),
                    _ => json!({"And": {"Prefix": in_lake(""), "Tags": [tag]}}),
                }
            };
            classes.into_iter().map(|class| rule(&class.to_string(), &filter(class), class)).collect()
        }
        Selector::Prefixes => classes
            .map(|(lane, class)| {
                let folder = Partition::of(lane, 0).folder();
                let folder = folder.split_once("dt=").map_or(folder.as_str(), |(folder, _)| folder);
                rule(lane.name(), &json!({"Prefix": in_lake(folder)}), class)
            })
            .collect(),
    };
    json!({"Rules": rules})
}

fn rule(name: &str, filter: &Value, class: Retention) -> Value {
    json!({
        "ID": format!("shiwake-{name}"),
        "Status": "Enabled",
        "Filter": filter,
        "Expiration": {"Days": class.days()},
    })
}
