//! Asking a user's stream about backups.

use super::{
    key::BackedUpKey,
    message::BackupRequest,
    sessions::{BackupContents, BackupScope},
    versions::NewBackup,
};
use crate::user::{UserError, UserHandle, message::UserRequest};

impl UserHandle {
    /// Makes a backup, which is the current one from now on; answers its version.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn create_backup(&self, backup: NewBackup) -> Result<String, UserError> {
        self.ask(|reply| UserRequest::Backup(BackupRequest::Create { backup, reply })).await
    }

    /// Changes the data of a backup.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn update_backup(&self, version: String, backup: NewBackup) -> Result<(), UserError> {
        self.ask(|reply| UserRequest::Backup(BackupRequest::Update { version, backup, reply })).await
    }

    /// Deletes a backup and the keys in it.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn delete_backup(&self, version: String) -> Result<(), UserError> {
        self.ask(|reply| UserRequest::Backup(BackupRequest::Delete { version, reply })).await
    }

    /// Puts keys into the current backup, each session once, where they are new or better.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn put_backup_keys(
        &self,
        version: String,
        keys: Vec<BackedUpKey>,
    ) -> Result<BackupContents, UserError> {
        self.ask(|reply| UserRequest::Backup(BackupRequest::PutKeys { version, keys, reply })).await
    }

    /// Takes keys out of a backup.
    ///
    /// # Errors
    /// See [`UserError`].
    pub async fn delete_backup_keys(
        &self,
        version: String,
        scope: BackupScope,
    ) -> Result<BackupContents, UserError> {
        self.ask(|reply| UserRequest::Backup(BackupRequest::DeleteKeys { version, scope, reply })).await
    }
}
