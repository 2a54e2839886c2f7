//! Takes in the objects that messages name.
//!
//! A message is done with when each of its objects is in its table, or is none of a table. What cannot be understood and what was
//! set aside is left, for the queue to give again and then to its dead-letter queue: nothing is thrown away here. The same message
//! twice, or two of one object, change nothing: an object is looked for in the table first.

use crate::committer::Committer;
use crate::error::TableError;
use crate::notification::{MessageFault, Stored, stored};
use crate::queue::{Message, Queue};
use crate::report::{Report, Sums};
use iceberg::TableIdent;
use shiwake_delivery::store::Location;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Why a message is left.
#[derive(Debug, thiserror::Error)]
enum Left {
    /// It cannot be understood.
    #[error("{0}")]
    Message(#[from] MessageFault),
    /// It is of another bucket.
    #[error("names an object of the bucket '{found}', and the lake is in '{bucket}'")]
    Bucket { found: String, bucket: String },
}

/// Takes in what messages name.
pub(crate) struct Intake<'i> {
    committer: Committer<'i>,
    tables: Vec<(TableIdent, String)>,
    bucket: &'i str,
    /// What keys of the lake begin with: empty, or with a slash at the end.
    prefix: String,
    report: &'i Report,
}

/// What became of some messages.
pub(crate) struct Outcome {
    /// Of their objects.
    pub(crate) sums: Sums,
    /// Ids of those that are left.
    pub(crate) left: HashSet<String>,
}

impl<'i> Intake<'i> {
    /// Of a lake and its tables.
    ///
    /// # Errors
    /// When the lake is a folder.
    pub(crate) fn new(
        committer: Committer<'i>,
        tables: Vec<(TableIdent, String)>,
        location: &'i Location,
        report: &'i Report,
    ) -> Result<Self, TableError> {
        let Location::S3 { bucket, prefix } = location else { return Err(TableError::QueueOfFolder) };
        let prefix = match prefix.as_ref() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self { committer, tables, bucket, prefix, report })
    }

    /// Takes in the objects of messages: pairs of an id and what they say.
    ///
    /// # Errors
    /// When lake, catalog or a table cannot be used; then no message is done with.
    pub(crate) async fn take_in(&self, messages: &[(&str, &str)]) -> Result<Outcome, TableError> {
        let mut outcome = Outcome { sums: Sums::default(), left: HashSet::new() };
        // Keys of each type, and the messages that name a key.
        let mut keys: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut named: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (id, body) in messages {
            match self.keys(body) {
                Ok(found) => {
                    for (log_type, key) in found {
                        named.entry(key.clone()).or_default().push(id);
                        keys.entry(log_type).or_default().insert(key);
                    }
                }
                Err(reason) => {
                    outcome.sums.set_aside += 1;
                    outcome.left.insert((*id).to_owned());
                    self.report.message_left(id, &reason.to_string())?;
                }
            }
        }
        for (ident, log_type) in &self.tables {
            let Some(keys) = keys.get(log_type.as_str()) else { continue };
            let (sums, aside) = self.committer.commit_named(ident, log_type, keys).await?;
            outcome.sums += sums;
            let left = aside.iter().filter_map(|key| named.get(key)).flatten();
            outcome.left.extend(left.map(|id| (*id).to_owned()));
        }
        Ok(outcome)
    }

    /// The objects of our tables that a message names, by type.
    fn keys(&self, body: &str) -> Result<Vec<(&str, String)>, Left> {
        let mut found = Vec::new();
        for Stored { bucket, key } in stored(body)? {
            if bucket != self.bucket {
                return Err(Left::Bucket { found: bucket, bucket: self.bucket.to_owned() });
            }
            let below = key.strip_prefix(&self.prefix).and_then(|key| Some((key, key.strip_prefix("type=")?)));
            let Some((key, (log_type, _))) = below.and_then(|(key, rest)| Some((key, rest.split_once('/')?))) else {
                continue;
            };
            let known = self.tables.iter().find(|(_, known)| known == log_type);
            found.extend(known.map(|(_, log_type)| (log_type.as_str(), key.to_owned())));
        }
        Ok(found)
    }

    /// Empties a queue: what is in it now is taken in, so many messages a commit at most.
    ///
    /// # Errors
    /// As [`Intake::take_in`], and when the queue cannot be used.
    pub(crate) async fn empty(&self, queue: &Queue, batch_messages: usize) -> Result<Sums, TableError> {
        let mut sums = Sums::default();
        loop {
            let (messages, is_empty) = queue.collect(batch_messages).await.map_err(TableError::Queue)?;
            let said: Vec<(&str, &str)> =
                messages.iter().map(|one| (one.message_id.as_str(), one.body.as_str())).collect();
            let outcome = self.take_in(&said).await?;
            let (left, done): (Vec<Message>, Vec<Message>) =
                messages.into_iter().partition(|message| outcome.left.contains(&message.message_id));
            let again = queue.remove(&done).await.map_err(TableError::Queue)?;
            sums += outcome.sums;
            self.report.messages(done.len() - again.min(done.len()), left.len() + again, &sums)?;
            if is_empty {
                return Ok(sums);
            }
        }
    }
}
