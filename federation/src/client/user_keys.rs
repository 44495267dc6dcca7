//! Asking for the encryption keys of users.

use std::collections::BTreeMap;

use ruma::{OwnedUserId, ServerName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Client, RequestError, parsed};
use crate::egress::{Bounds, EgressError};

/// The most bytes of the keys of the users that one request names.
const MOST_KEYS_BYTES: usize = 16 << 20;

/// Objects by user and device, unchecked.
pub type ByDevice<T> = BTreeMap<OwnedUserId, BTreeMap<String, T>>;

/// The keys of users of another server, unchecked.
#[derive(Debug, Default, Deserialize)]
pub struct RemoteKeys {
    /// Identity keys.
    #[serde(default)]
    pub device_keys: ByDevice<Box<RawValue>>,
    /// Master keys.
    #[serde(default)]
    pub master_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
    /// Self-signing keys.
    #[serde(default)]
    pub self_signing_keys: BTreeMap<OwnedUserId, Box<RawValue>>,
}

/// One-time keys by name, for each device, unchecked.
pub type RemoteClaims = ByDevice<BTreeMap<String, Box<RawValue>>>;

impl Client {
    /// All keys of users of a server, within `time`.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery>
    pub async fn user_keys(
        &self,
        server: &ServerName,
        users: &[OwnedUserId],
        time: std::time::Duration,
    ) -> Result<RemoteKeys, RequestError> {
        #[derive(Serialize)]
        struct Question<'a> {
            device_keys: BTreeMap<&'a OwnedUserId, [(); 0]>,
        }
        let _place = self.queries.try_acquire().map_err(|_| EgressError::Busy)?;
        let question = Question { device_keys: users.iter().map(|user| (user, [])).collect() };
        let bounds = Bounds { time, bytes: MOST_KEYS_BYTES };
        parsed(&self.post(server, "/_matrix/federation/v1/user/keys/query", &question, bounds).await?)
    }

    /// Takes one-time keys of devices, named by their algorithms, within `time`.
    ///
    /// # Errors
    /// [`RequestError`]: they may have been taken or not.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysclaim>
    pub async fn claim_user_keys(
        &self,
        server: &ServerName,
        wanted: &ByDevice<String>,
        time: std::time::Duration,
    ) -> Result<RemoteClaims, RequestError> {
        #[derive(Serialize)]
        struct Question<'a> {
            one_time_keys: &'a ByDevice<String>,
        }
        #[derive(Deserialize)]
        struct Answer {
            one_time_keys: RemoteClaims,
        }
        let _place = self.queries.try_acquire().map_err(|_| EgressError::Busy)?;
        let bounds = Bounds { time, bytes: MOST_KEYS_BYTES };
        let question = Question { one_time_keys: wanted };
        let body = self.post(server, "/_matrix/federation/v1/user/keys/claim", &question, bounds).await?;
        Ok(parsed::<Answer>(&body)?.one_time_keys)
    }
}
