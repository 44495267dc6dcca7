//! The end of an account: what the user's stream keeps goes with it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#account-deactivation>

use playhouse_storage::{
    Claim, Expect, IntoKey as _, Outcome, Table as _,
    store::{delete_all, encode, put},
    tables::{
        AccountData, BackupVersion, CrossSigningKey, Filter, KeySignature, backup_version::BackupVersionRow,
    },
};

use super::{
    UserError, UserHandle,
    actor::{ChangedKeys, UserActorState},
    backup::sessions::deletes_of_all,
    load,
    message::UserRequest,
};

/// How often the cross-signing keys are read again where a claim on them gave no clear answer.
const ATTEMPTS: usize = 5;

impl UserHandle {
    /// Deletes cross-signing keys, backups of room keys, account data with the push rules, and filters, as the account
    /// ends. Devices and the profile go apart. Again is fine.
    ///
    /// # Errors
    /// [`UserError::Unavailable`]; the caller repeats it.
    pub async fn delete_data(&self) -> Result<(), UserError> {
        self.ask(|reply| UserRequest::DeleteData { reply }).await
    }
}

impl UserActorState {
    /// Deletes what the user kept here, and tells others that the keys changed.
    ///
    /// # Errors
    /// [`UserError::Unavailable`].
    pub(super) async fn delete_data(&mut self) -> Result<(), UserError> {
        let user = self.user.clone();
        let owner = (user.as_str(),);
        let backups = self.context.store.all::<BackupVersion>(owner, ()).await?;
        let changed = ChangedKeys { cross_signing: true, ..ChangedKeys::default() };
        let stamp = self.begin_device_change(changed).await?;
        let deleted = self.delete_cross_signing_keys().await;
        self.must_hold(deleted)?;
        let mut writes = vec![
            delete_all::<KeySignature>(owner, (), stamp),
            delete_all::<AccountData>(owner, (), stamp),
            delete_all::<Filter>(owner, (), stamp),
        ];
        for ((version,), row) in backups {
            let row = BackupVersionRow { deleted: true, count: 0, ..row };
            writes.push(put::<BackupVersion>(owner, (version,), &row, stamp));
            writes.extend(deletes_of_all(&user, version, stamp));
        }
        self.write(writes).await?;
        let left = load::load(&self.context, &self.feed).await;
        self.data = self.must_hold(left.map_err(UserError::from))?;
        self.publish_device_change(stamp);
        Ok(())
    }

    async fn delete_cross_signing_keys(&self) -> Result<(), UserError> {
        let owner = (self.user.as_str(),);
        for _ in 0..ATTEMPTS {
            let rows = self.context.store.all::<CrossSigningKey>(owner, ()).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let claim = Claim {
                table: CrossSigningKey::DEF,
                partition: owner.to_key(),
                conditions: rows
                    .iter()
                    .map(|(key, row)| (key.to_key(), Expect::Value(encode(row))))
                    .collect(),
                writes: rows.iter().map(|(key, _)| (key.to_key(), None)).collect(),
                projections: Vec::new(),
            };
            match self.context.store.backend().claim(claim).await? {
                Outcome::Applied => return Ok(()),
                // What stands shows the next look.
                Outcome::Refused | Outcome::Unknown => {}
            }
        }
        Err(UserError::retry())
    }
}
