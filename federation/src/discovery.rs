//! From a server's name to where it answers.
//!
//! | File | Holds |
//! |---|---|
//! | `well_known` | the file by which a server says that another name answers for it |
//! | `lifetime` | how long that file holds |
//! | `target` | from the name that answers to hosts and ports |
//!
//! The specification's list of cases comes down to two steps. First: may another name answer for this one? Only a bare host
//! name may delegate. Then that name, whether delegated or not, is found by literal address, explicit port, SRV record or
//! port 8448; it stands in the `Host` header, and its host in the certificate.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names>

mod lifetime;
mod target;
mod well_known;

#[cfg(test)]
mod tests;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use ruma::{OwnedServerName, ServerName};
use tokio::time::Instant;

use crate::{
    egress::{Bounds, Egress, EgressError, Via},
    slots::Slots,
};

pub use target::{Target, targets};

/// The most servers whose delegation is remembered.
const MOST_REMEMBERED: NonZeroUsize = NonZeroUsize::new(8_192).expect("not 0");
/// For how long a server that could not be asked is taken not to delegate; doubled with each failure that follows...
const FIRST_PAUSE: Duration = Duration::from_mins(1);
/// ...up to this.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How long the last answer of a server stands in beyond its time while that server's file cannot be had: a web server that
/// is down must not take the homeserver with it.
const STANDS_IN_FOR: Duration = Duration::from_hours(24);

/// Fetches one page of the web.
#[async_trait]
pub(crate) trait Fetch: Send + Sync {
    /// The answer, of whatever status.
    async fn fetch(&self, request: Request<Bytes>, bounds: Bounds) -> Result<Response<Bytes>, EgressError>;
}

#[async_trait]
impl Fetch for Egress {
    async fn fetch(&self, request: Request<Bytes>, bounds: Bounds) -> Result<Response<Bytes>, EgressError> {
        self.send(Via::Web, request, bounds).await
    }
}

/// Knows which name answers for which server.
pub struct Discovery {
    fetch: Arc<dyn Fetch>,
    known: Slots<Known>,
}

/// What is known of a server.
#[derive(Debug, Default)]
struct Known {
    /// The name that answers for it; `None` for itself.
    delegate: Option<OwnedServerName>,
    /// Until when that holds; `None` if nobody has asked yet.
    until: Option<Instant>,
    /// Until when `delegate` stands in for an answer that cannot be had.
    stands_in_until: Option<Instant>,
    failures: u32,
}

impl Discovery {
    /// Discovery that asks through `egress`.
    pub fn new(egress: Arc<Egress>) -> Self {
        Self { fetch: egress, known: Slots::new(MOST_REMEMBERED) }
    }

    /// The name that answers for `server`: itself, or the one that its `/.well-known/matrix/server` names. Fetched at most
    /// once by many who ask, and remembered as long as the file allows, within bounds.
    pub async fn authority(&self, server: &ServerName) -> OwnedServerName {
        if server.port().is_some() || server.is_ip_literal() {
            return server.to_owned();
        }
        let slot = self.known.of(server);
        let mut known = slot.lock().await;
        if known.until.is_none_or(|until| until <= Instant::now()) {
            known.learn(well_known::ask(&*self.fetch, server).await);
        }
        known.delegate.clone().unwrap_or_else(|| server.to_owned())
    }
}

impl Known {
    fn learn(&mut self, answer: Result<well_known::Delegation, well_known::NoDelegation>) {
        let now = Instant::now();
        let lifetime = match answer {
            Ok(delegation) => {
                (self.delegate, self.failures) = (Some(delegation.server), 0);
                self.stands_in_until = Some(now + delegation.lifetime + STANDS_IN_FOR);
                delegation.lifetime
            }
            Err(reason) => {
                tracing::debug!(%reason, "no delegation");
                if !reason.may_pass() || self.stands_in_until.is_none_or(|until| until <= now) {
                    self.delegate = None;
                }
                let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
                self.failures = self.failures.saturating_add(1);
                pause.min(LONGEST_PAUSE)
            }
        };
        self.until = Some(now + lifetime);
    }
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Discovery").field(&self.known).finish()
    }
}
