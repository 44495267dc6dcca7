//! Asking a user's stream about keys.

use std::collections::BTreeMap;

use ruma::DeviceId;

use super::{
    claim::{ClaimedKey, WantedKey},
    cross_signing::{CrossSigningOutcome, CrossSigningUpload},
    message::KeysRequest,
    signatures::{SignatureFailures, SignedKeys},
    upload::KeyUpload,
};
use crate::user::{UserError, UserHandle, message::UserRequest};

impl UserHandle {
    /// Publishes a device's keys; answers how many one-time keys are left by algorithm.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn upload_keys(
        &self,
        device: &DeviceId,
        upload: KeyUpload,
    ) -> Result<BTreeMap<String, u64>, UserError> {
        let device = device.to_string();
        self.ask(|reply| UserRequest::Keys(KeysRequest::Upload { device, upload, reply })).await
    }

    /// Takes one-time keys out for good, or shows fallback keys.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn claim_keys(&self, wanted: Vec<WantedKey>) -> Result<Vec<ClaimedKey>, UserError> {
        self.ask(|reply| UserRequest::Keys(KeysRequest::Claim { wanted, reply })).await
    }

    /// Publishes cross-signing keys; without authentication only where no key changes.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn upload_cross_signing(
        &self,
        upload: CrossSigningUpload,
        authenticated: bool,
    ) -> Result<CrossSigningOutcome, UserError> {
        self.ask(|reply| UserRequest::Keys(KeysRequest::UploadCrossSigning { upload, authenticated, reply }))
            .await
    }

    /// Publishes the user's signatures; answers which were not taken.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn upload_signatures(&self, signed: SignedKeys) -> Result<SignatureFailures, UserError> {
        self.ask(|reply| UserRequest::Keys(KeysRequest::UploadSignatures { signed, reply })).await
    }
}
