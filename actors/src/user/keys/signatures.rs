//! Publishing signatures of keys.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload>
//!
//! Three kinds are taken, each verified: a user's self-signing key signs the user's devices, a user's devices sign the
//! user's master key, and a user's user-signing key signs the master keys of others. The last kind only its maker sees.

use std::collections::{BTreeMap, BTreeSet};

use playhouse_storage::{
    Write,
    store::put,
    tables::{DeviceKey, KeySignature, key_signature::KeySignatureRow},
};
use ruma::{OwnedUserId, UserId};
use serde_json::value::RawValue;

use super::{
    cross_signing::StoredKeys,
    cross_signing_key::{CheckedKey, Usage},
    device_keys::signing_key_id,
    signed::{PublicKey, SignedObject},
};
use crate::user::{
    UserError,
    actor::{ChangedKeys, UserActorState},
};

/// The most objects that one request may carry.
pub const MOST_OBJECTS: usize = 2_000;
/// The most signatures of one object that are looked at.
const MOST_SIGNATURES: usize = 100;

/// Signed objects by owner and by device id or public key.
pub type SignedKeys = BTreeMap<OwnedUserId, BTreeMap<String, Box<RawValue>>>;

/// Why the signatures of an object were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFailure {
    /// There is no such device or key.
    #[error("there is no such device or key")]
    UnknownKey,
    /// The object is not the key that is published.
    #[error("the object differs from the key that is published")]
    OtherObject,
    /// No signature is there that could be taken, or one is wrong.
    #[error("the signature is missing or wrong")]
    InvalidSignature,
    /// It is no canonical JSON.
    #[error("the object is no canonical JSON")]
    Malformed,
}

/// Failures by owner and by device id or public key.
pub type SignatureFailures = BTreeMap<OwnedUserId, BTreeMap<String, SignatureFailure>>;

/// Signatures of one object that were verified: key id and signature.
type Verified = Vec<(String, String)>;

impl UserActorState {
    /// Publishes the user's signatures of own keys and of others' master keys; answers which were not taken.
    ///
    /// # Errors
    /// [`UserError::TooLarge`], [`UserError::Unavailable`].
    pub(super) async fn upload_signatures(
        &mut self,
        signed: SignedKeys,
    ) -> Result<SignatureFailures, UserError> {
        if signed.values().map(BTreeMap::len).sum::<usize>() > MOST_OBJECTS {
            return Err(UserError::TooLarge(format!("one request may carry {MOST_OBJECTS} signed objects")));
        }
        let own = StoredKeys::of(&self.context.store, &self.user).await?;
        let mut failures = SignatureFailures::new();
        let mut taken = Vec::new();
        for (owner, objects) in signed {
            for (target, raw) in objects {
                match self.verify(&own, &owner, &target, &raw).await? {
                    Ok(signatures) => taken.push((owner.clone(), target, signatures)),
                    Err(failure) => drop(failures.entry(owner.clone()).or_default().insert(target, failure)),
                }
            }
        }
        self.store_signatures(taken).await?;
        Ok(failures)
    }

    async fn verify(
        &self,
        own: &StoredKeys,
        owner: &UserId,
        target: &str,
        raw: &RawValue,
    ) -> Result<Result<Verified, SignatureFailure>, UserError> {
        let Ok(object) = SignedObject::parse(raw) else { return Ok(Err(SignatureFailure::Malformed)) };
        if owner != self.user {
            return self.verify_other(own, owner, target, &object).await;
        }
        if let Some(master) = own.get(Usage::Master).filter(|master| master.public == target) {
            return self.verify_own_master(master, &object).await;
        }
        let Some(row) = self.context.store.get::<DeviceKey>((owner.as_str(),), (target,)).await? else {
            return Ok(Err(SignatureFailure::UnknownKey));
        };
        let published = SignedObject::parse(&row.keys)?;
        Ok(verify_by(own.get(Usage::SelfSigning), &self.user, &object, &published))
    }

    /// Another user's master key, signed by the own user-signing key.
    async fn verify_other(
        &self,
        own: &StoredKeys,
        owner: &UserId,
        target: &str,
        object: &SignedObject,
    ) -> Result<Result<Verified, SignatureFailure>, UserError> {
        let theirs = StoredKeys::of(&self.context.store, owner).await?;
        let Some(master) = theirs.get(Usage::Master).filter(|master| master.public == target) else {
            return Ok(Err(SignatureFailure::UnknownKey));
        };
        Ok(verify_by(own.get(Usage::UserSigning), &self.user, object, master.object()))
    }

    /// The own master key, signed by own devices.
    async fn verify_own_master(
        &self,
        master: &CheckedKey,
        object: &SignedObject,
    ) -> Result<Result<Verified, SignatureFailure>, UserError> {
        if object.signed() != master.object().signed() {
            return Ok(Err(SignatureFailure::OtherObject));
        }
        let mut verified = Verified::new();
        for (key_id, signature) in object.signatures_of(&self.user).take(MOST_SIGNATURES) {
            if master.object().signature(&self.user, key_id) == Some(signature) {
                // It came with the key.
                continue;
            }
            let Some(key) = self.device_key(key_id).await? else {
                return Ok(Err(SignatureFailure::UnknownKey));
            };
            if !object.is_signed(signature, &key) {
                return Ok(Err(SignatureFailure::InvalidSignature));
            }
            verified.push((key_id.to_owned(), signature.to_owned()));
        }
        Ok(Ok(verified))
    }

    async fn device_key(&self, key_id: &str) -> Result<Option<PublicKey>, UserError> {
        let Some(device) = key_id.strip_prefix("ed25519:") else { return Ok(None) };
        let row = self.context.store.get::<DeviceKey>((self.user.as_str(),), (device,)).await?;
        let keys = row.map(|row| SignedObject::parse(&row.keys)).transpose()?;
        let key = keys.as_ref().and_then(|keys| keys.entry("keys", &signing_key_id(device)));
        Ok(key.and_then(PublicKey::decode))
    }

    /// What the signatures of own devices and keys change.
    async fn changed_by_signatures(&self, targets: BTreeSet<&str>) -> Result<ChangedKeys, UserError> {
        let mut changed = ChangedKeys::default();
        for target in targets {
            let device = self.context.store.get::<DeviceKey>((self.user.as_str(),), (target,)).await?;
            match device {
                Some(_) => changed.devices.push(target.to_owned()),
                None => changed.cross_signing = true,
            }
        }
        Ok(changed)
    }

    /// Stores what is new of it, and tells whom it concerns: everyone of own keys, oneself of others'.
    async fn store_signatures(
        &mut self,
        taken: Vec<(OwnedUserId, String, Verified)>,
    ) -> Result<(), UserError> {
        let signer = self.user.clone();
        let mut changed: BTreeMap<OwnedUserId, Vec<(String, String, String)>> = BTreeMap::new();
        for (owner, target, signatures) in taken {
            for (key_id, signature) in signatures {
                let key = (target.as_str(), signer.as_str(), key_id.as_str());
                let stored = self.context.store.get::<KeySignature>((owner.as_str(),), key).await?;
                if stored.is_none_or(|stored| stored.signature != signature) {
                    let of_owner = changed.entry(owner.clone()).or_default();
                    of_owner.push((target.clone(), key_id, signature));
                }
            }
        }
        for (owner, signatures) in changed {
            let own = owner == signer;
            let position = if own {
                let targets = signatures.iter().map(|(target, ..)| target.as_str());
                let changed = self.changed_by_signatures(targets.collect()).await?;
                self.begin_device_change(changed).await?
            } else {
                self.begin_signature_change(&owner).await?
            };
            let stamp = position;
            let writes: Vec<Write> = signatures
                .into_iter()
                .map(|(target, key_id, signature)| {
                    let row = KeySignatureRow { signature };
                    put::<KeySignature>((owner.as_str(),), (&target, signer.as_str(), &key_id), &row, stamp)
                })
                .collect();
            self.write(writes).await?;
            if own {
                self.publish_device_change(position);
            } else {
                self.publish(position);
            }
        }
        Ok(())
    }
}

/// An object that one cross-signing key of the user must have signed.
fn verify_by(
    key: Option<&CheckedKey>,
    signer: &UserId,
    object: &SignedObject,
    published: &SignedObject,
) -> Result<Verified, SignatureFailure> {
    if object.signed() != published.signed() {
        return Err(SignatureFailure::OtherObject);
    }
    let key = key.ok_or(SignatureFailure::UnknownKey)?;
    let key_id = key.key_id();
    let signature = object.signature(signer, &key_id).ok_or(SignatureFailure::InvalidSignature)?;
    if !object.is_signed(signature, key.public_key()) {
        return Err(SignatureFailure::InvalidSignature);
    }
    Ok(vec![(key_id, signature.to_owned())])
}
