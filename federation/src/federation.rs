//! All of federation, wired.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderMap;
use playhouse_rules::EventSigner as _;
use ruma::{CanonicalJsonObject, OwnedServerName, ServerName};
use serde_json::value::RawValue;

use crate::{
    ServerKey, ServerKeyError,
    client::Client,
    egress::{Dns, Egress, EgressSettings, LookupError, TrustError},
    keys::{self, KeyError, KeyMemory, KeyRing, Now, OldKey},
    metrics,
    peers::Peers,
    x_matrix::{Claim, ClaimError, Forged, Signed},
};

/// What the operator may set.
#[derive(Debug)]
pub struct Settings {
    /// How to reach out.
    pub egress: EgressSettings,
    /// Which servers we talk to.
    pub peers: Peers,
    /// Servers that are believed about the keys of those that do not answer themselves.
    pub notaries: Vec<OwnedServerName>,
    /// Keys that we have signed with and do no more.
    pub old_keys: Vec<OldKey>,
    /// Whether other servers are told what our users call their devices.
    pub share_device_names: bool,
    /// For each request of ours, discovery apart.
    pub timeout: Duration,
}

/// This server among others.
pub struct Federation {
    key: Arc<ServerKey>,
    old_keys: Vec<OldKey>,
    shares_device_names: bool,
    peers: Peers,
    client: Arc<Client>,
    pub(crate) keys: KeyRing,
    pub(crate) now: Now,
}

/// What we say as the notary of a server.
#[derive(Debug, Default)]
pub struct Notarized {
    /// What it publishes, with our signature; `None` where we know nothing of it or do not talk to it.
    pub document: Option<CanonicalJsonObject>,
    /// Whether that took a request of ours.
    pub has_asked: bool,
}

/// Why federation cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no certificates to believe.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// There is no way to look names up.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

/// Why it is not proven who sent a request.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nobody usable says to have sent it.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The operator wants no dealings with that server.
    #[error("this server does not talk to {0}")]
    Denied(OwnedServerName),
    /// There is no key to check it with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The claim is not true.
    #[error(transparent)]
    Forged(#[from] Forged),
}

impl Federation {
    /// Federation as configured, in the name that `key` bears.
    ///
    /// # Errors
    /// [`StartError`]: the configuration is wrong.
    pub fn new(
        settings: Settings,
        key: Arc<ServerKey>,
        memory: Arc<dyn KeyMemory>,
        now: Now,
    ) -> Result<Self, StartError> {
        let egress = Egress::new(settings.egress, Arc::new(Dns::of_the_machine()?))?;
        let client =
            Arc::new(Client::new(Arc::clone(&key), settings.peers.clone(), egress, settings.timeout));
        let keys = KeyRing::new(Arc::clone(&client) as _, memory, settings.notaries, Arc::clone(&now));
        Ok(Self {
            key,
            old_keys: settings.old_keys,
            shares_device_names: settings.share_device_names,
            peers: settings.peers,
            client,
            keys,
            now,
        })
    }

    /// Whether other servers are told what our users call their devices.
    pub const fn shares_device_names(&self) -> bool {
        self.shares_device_names
    }

    /// Sends requests to other servers.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Who says to have sent a request, if that is somebody we talk to. Costs nothing but the reading of the header.
    ///
    /// # Errors
    /// [`AuthError::Claim`], [`AuthError::Denied`].
    pub fn claim(&self, headers: &HeaderMap) -> Result<Claim, AuthError> {
        let claim = Claim::read(headers, self.us()).map_err(AuthError::from).and_then(|claim| {
            if self.peers.admit(claim.origin()) {
                Ok(claim)
            } else {
                Err(AuthError::Denied(claim.origin().to_owned()))
            }
        });
        claim.inspect_err(metrics::refused)
    }

    /// Checks a claim: the server that has proven to have sent the request.
    ///
    /// # Errors
    /// [`AuthError::Key`], [`AuthError::Forged`].
    pub async fn prove(&self, claim: &Claim, request: Signed<'_>) -> Result<OwnedServerName, AuthError> {
        let proven = self.check(claim, request).await.inspect_err(metrics::refused);
        proven.map(|()| {
            self.client.heard_from(claim.origin());
            claim.origin().to_owned()
        })
    }

    async fn check(&self, claim: &Claim, request: Signed<'_>) -> Result<(), AuthError> {
        let key = self.keys.verifying_key(claim.origin(), claim.key_id()).await?;
        Ok(claim.check(&key, self.us(), request)?)
    }

    /// What we publish about our keys.
    ///
    /// # Errors
    /// Never in practice.
    pub fn published_keys(&self) -> Result<CanonicalJsonObject, ServerKeyError> {
        keys::published(&self.key, &self.old_keys, (self.now)())
    }

    /// What a server publishes about its keys, with our signature as its notary. Asks one source at most, and that only with
    /// `may_ask`.
    ///
    /// # Errors
    /// What is remembered cannot be read.
    pub async fn notarized_keys(
        &self,
        server: &ServerName,
        valid_until_ms: u64,
        may_ask: bool,
    ) -> Result<Notarized, KeyError> {
        if server == self.us() {
            return Ok(Notarized { document: self.published_keys().ok(), has_asked: false });
        }
        if !self.peers.admit(server) {
            return Ok(Notarized::default());
        }
        let (document, has_asked) = self.keys.document(server, valid_until_ms, may_ask).await?;
        let document = document.and_then(|document| self.countersigned(&document));
        Ok(Notarized { document, has_asked })
    }

    fn countersigned(&self, document: &RawValue) -> Option<CanonicalJsonObject> {
        let mut object: CanonicalJsonObject = serde_json::from_str(document.get()).ok()?;
        self.key.sign_json(&mut object).ok()?;
        Some(object)
    }

    pub(crate) fn us(&self) -> &ServerName {
        self.key.server_name()
    }
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Federation").field("server_name", &self.us()).finish_non_exhaustive()
    }
}
