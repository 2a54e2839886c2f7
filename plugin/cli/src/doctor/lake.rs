//! The lake: whether an object can be stored there, with the rights that the plugin will have.

use super::finding::Finding;
use bytes::Bytes;
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::lane::Lane;
use shiwake_delivery::store::{Disposition, Lake, Location};
use std::time::Instant;

/// Key of the object that is stored to see whether one can be; engines pass by what begins with `_`.
pub(super) const KEY: &str = "_shiwake_doctor";

/// Stores a small object, the same one every time.
pub(super) async fn look(config: &OutputConfig, location: &Location, environment: &[(String, String)]) -> Finding {
    let subject = format!("lake {location}");
    let lake = match Lake::open(location, &config.s3, environment) {
        Ok(lake) => lake,
        Err(error) => return Finding::bad(subject, error.to_string(), "correct 'lake', 'bucket' or 'region'"),
    };
    let with = config.stored_with(Lane::Quarantine);
    let begin = Instant::now();
    let stored = lake.put_with(KEY, Bytes::from_static(b"written by shiwake doctor\n"), with).await;
    match stored {
        Ok(()) => {
            let took = begin.elapsed();
            if let Location::Folder(folder) = location {
                // In a bucket it stays: the plugin's role needs no right to delete.
                let _ = std::fs::remove_file(folder.join(KEY));
            }
            Finding::good(subject, format!("an object was stored in {took:?}"))
        }
        Err(error) => {
            let advice = match error.disposition() {
                Disposition::NeedsFix(advice) => advice,
                Disposition::Retry => {
                    "see whether the task reaches the store: subnet, security group, endpoint of the VPC, proxy"
                }
            };
            Finding::bad(subject, error.to_string(), advice)
        }
    }
}
