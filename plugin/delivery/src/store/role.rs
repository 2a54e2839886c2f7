//! Credentials of a role that is assumed, for a lake of another account.
//!
//! A session is asked for when one is needed, and again when a quarter of its time is left, at most five minutes, or when
//! the store refuses it. While a session is good nothing fails because there is no new one; without one requests to the
//! store fail, and are tried again by whoever makes them.

use super::sts::{RoleError, Sts};
use crate::clock::Clock;
use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::client::CredentialProvider;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The longest time before its end at which a session is replaced, in microseconds.
const MOST_MARGIN_MICROS: i64 = 300 * 1_000_000;
/// How long it is waited after a session could not be replaced, while it is good, in microseconds.
const PAUSE_MICROS: i64 = 30 * 1_000_000;

/// A role to be assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, as in `arn:aws:iam::111122223333:role/logs`.
    pub arn: String,
    /// What its trust policy may ask for as `sts:ExternalId`.
    pub external_id: Option<String>,
    /// What CloudTrail shows as the session's name.
    pub session_name: String,
}

/// The credentials of an assumed role.
pub(super) struct AssumedRole {
    role: Role,
    sts: Sts,
    own: AwsCredentialProvider,
    clock: Arc<dyn Clock>,
    session: Mutex<Option<Session>>,
}

impl std::fmt::Debug for AssumedRole {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AssumedRole").field("role", &self.role).field("sts", &self.sts).finish_non_exhaustive()
    }
}

/// What the service gave.
struct Session {
    credential: Arc<AwsCredential>,
    /// From when on a new one is asked for.
    renew_micros: i64,
    ends_micros: i64,
}

impl AssumedRole {
    /// A role, assumed with the credentials that `own` has.
    pub(super) fn new(role: Role, sts: Sts, own: AwsCredentialProvider, clock: Arc<dyn Clock>) -> Self {
        Self { role, sts, own, clock, session: Mutex::default() }
    }

    /// The store has refused the session: the next request asks for a new one.
    pub(super) async fn forget(&self) {
        *self.session.lock().await = None;
    }

    async fn ask(&self) -> Result<Session, RoleError> {
        let own = self.own.get_credential().await;
        let own = own.map_err(|source| RoleError::NoCredentials { role: self.role.arn.clone(), source })?;
        let granted = self.sts.assume(&self.role, &own).await?;
        let left = granted.expires_micros.saturating_sub(self.clock.wall_micros()).max(0);
        Ok(Session {
            credential: Arc::new(granted.credential),
            renew_micros: granted.expires_micros.saturating_sub((left / 4).min(MOST_MARGIN_MICROS)),
            ends_micros: granted.expires_micros,
        })
    }

    async fn credential(&self) -> Result<Arc<AwsCredential>, RoleError> {
        let mut session = self.session.lock().await;
        if let Some(good) = session.as_ref().filter(|session| self.clock.wall_micros() < session.renew_micros) {
            return Ok(Arc::clone(&good.credential));
        }
        match (self.ask().await, session.as_mut()) {
            (Ok(new), _) => Ok(Arc::clone(&session.insert(new).credential)),
            (Err(_), Some(old)) if self.clock.wall_micros() < old.ends_micros => {
                old.renew_micros = self.clock.wall_micros().saturating_add(PAUSE_MICROS).min(old.ends_micros);
                Ok(Arc::clone(&old.credential))
            }
            (Err(error), _) => Err(error),
        }
    }
}

#[async_trait::async_trait]
impl CredentialProvider for AssumedRole {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let refuse = |error| object_store::Error::Generic { store: "STS", source: Box::new(error) };
        self.credential().await.map_err(refuse)
    }
}

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;
