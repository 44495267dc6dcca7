//! Handing out one-time keys, and fallback keys where none is left.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim>

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use playhouse_storage::{
    store::put,
    tables::{FallbackKey, fallback_key::FallbackKeyRow},
};
use serde_json::value::RawValue;

use super::{one_time_key::NewKey, stock::Taken};
use crate::user::{UserError, actor::UserActorState};

/// Devices of one user that keys are taken from at the same time, to share a commit.
const AT_ONCE: usize = 32;

/// A key that someone wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedKey {
    /// The device.
    pub device: String,
    /// The algorithm.
    pub algorithm: String,
}

/// A key that was handed out.
#[derive(Debug, Clone)]
pub struct ClaimedKey {
    /// The device.
    pub device: String,
    /// Algorithm, colon, id.
    pub name: String,
    /// The key as uploaded.
    pub key: Box<RawValue>,
}

impl UserActorState {
    /// Hands out a key for each device that has one, one-time keys oldest first.
    ///
    /// # Errors
    /// [`UserError::Unavailable`] if nothing could be handed out. What could be is answered with: it will not come back.
    pub(super) async fn claim_keys(&mut self, wanted: Vec<WantedKey>) -> Result<Vec<ClaimedKey>, UserError> {
        let stamp = self.context.clocks.stamp(self.user.as_str());
        let taken: Vec<(WantedKey, Result<Taken, UserError>)> = stream::iter(wanted)
            .map(|wanted| {
                let this = &*self;
                async move {
                    let taken = this.stock(&wanted.device).take(&wanted.algorithm, stamp).await;
                    (wanted, taken)
                }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut claimed = Vec::new();
        let mut failure = None;
        for (wanted, taken) in taken {
            match self.settle(&wanted, taken).await {
                Ok(Some(key)) => claimed.push(ClaimedKey {
                    name: format!("{}:{}", key.algorithm, key.key_id),
                    device: wanted.device,
                    key: key.key,
                }),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        self.feed.set_data(self.data.clone());
        match failure {
            Some(error) if claimed.is_empty() => Err(error),
            _ => Ok(claimed),
        }
    }

    /// Counts a key that was taken, or finds the fallback key.
    async fn settle(
        &mut self,
        wanted: &WantedKey,
        taken: Result<Taken, UserError>,
    ) -> Result<Option<NewKey>, UserError> {
        let taken = self.must_hold(taken);
        if taken.as_ref().map_or(true, |taken| taken.lost) {
            self.recount(&wanted.device).await?;
        } else {
            self.count_down(wanted, taken.as_ref().is_ok_and(|taken| taken.key.is_some()));
        }
        match taken?.key {
            Some(key) => Ok(Some(key)),
            None => self.fallback_key(wanted).await,
        }
    }

    fn count_down(&mut self, wanted: &WantedKey, taken: bool) {
        let Some(counts) = self.data.keys.get_mut(&wanted.device).filter(|_| taken) else { return };
        let one_time = &mut Arc::make_mut(counts).one_time;
        if let Some(count) = one_time.get_mut(&wanted.algorithm) {
            *count = count.saturating_sub(1);
        }
        one_time.retain(|_, count| *count > 0);
    }

    /// The fallback key; it counts as used before it is handed out.
    async fn fallback_key(&mut self, wanted: &WantedKey) -> Result<Option<NewKey>, UserError> {
        let WantedKey { device, algorithm } = wanted;
        let owner = (self.user.as_str(), device.as_str());
        let Some(row) = self.context.store.get::<FallbackKey>(owner, (algorithm,)).await? else {
            return Ok(None);
        };
        let FallbackKeyRow { key_id, key, used } = row;
        if !used {
            let row = FallbackKeyRow { key_id: key_id.clone(), key: key.clone(), used: true };
            let stamp = self.context.clocks.stamp(self.user.as_str());
            self.write(vec![put::<FallbackKey>(owner, (algorithm,), &row, stamp)]).await?;
            if let Some(counts) = self.data.keys.get_mut(device) {
                Arc::make_mut(counts).unused_fallback.retain(|unused| unused != algorithm);
            }
        }
        Ok(Some(NewKey { algorithm: algorithm.clone(), key_id, key }))
    }
}
