//! What can be asked of a user's stream about keys.

use std::collections::BTreeMap;

use super::{
    claim::{ClaimedKey, WantedKey},
    cross_signing::{CrossSigningOutcome, CrossSigningUpload},
    signatures::{SignatureFailures, SignedKeys},
    upload::KeyUpload,
};
use crate::user::{
    actor::{UserActorState, answer},
    message::Reply,
};

/// A request about keys.
pub enum KeysRequest {
    /// A device publishes keys.
    Upload {
        /// The device.
        device: String,
        /// Its keys.
        upload: KeyUpload,
        /// Answered with the one-time keys left, when they are durable.
        reply: Reply<BTreeMap<String, u64>>,
    },
    /// Somebody wants one-time keys.
    Claim {
        /// At most one of each device.
        wanted: Vec<WantedKey>,
        /// Answered with those that there are, when nobody else can get them any more.
        reply: Reply<Vec<ClaimedKey>>,
    },
    /// Publishes cross-signing keys.
    UploadCrossSigning {
        /// The keys.
        upload: CrossSigningUpload,
        /// Whether the user has just proved to be the user.
        authenticated: bool,
        /// Answered when they are durable.
        reply: Reply<CrossSigningOutcome>,
    },
    /// Publishes signatures.
    UploadSignatures {
        /// The signed objects.
        signed: SignedKeys,
        /// Answered with those that were not taken, when the others are durable.
        reply: Reply<SignatureFailures>,
    },
}

impl UserActorState {
    /// Each request and its verb.
    pub(in crate::user) async fn handle_keys(&mut self, request: KeysRequest) {
        match request {
            KeysRequest::Upload { device, upload, reply } => {
                answer(reply, self.upload_keys(&device, upload).await);
            }
            KeysRequest::Claim { wanted, reply } => answer(reply, self.claim_keys(wanted).await),
            KeysRequest::UploadCrossSigning { upload, authenticated, reply } => {
                answer(reply, self.upload_cross_signing(&upload, authenticated).await);
            }
            KeysRequest::UploadSignatures { signed, reply } => {
                answer(reply, self.upload_signatures(signed).await);
            }
        }
    }
}
