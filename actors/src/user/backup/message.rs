//! What can be asked of a user's stream about backups.

use super::{
    key::BackedUpKey,
    sessions::{BackupContents, BackupScope},
    versions::NewBackup,
};
use crate::user::{
    actor::{UserActorState, answer},
    message::Reply,
};

/// A request about backups.
pub enum BackupRequest {
    /// Makes a backup.
    Create {
        /// How keys are backed up.
        backup: NewBackup,
        /// Answered with its version.
        reply: Reply<String>,
    },
    /// Changes the data of a backup.
    Update {
        /// Its version.
        version: String,
        /// The new data.
        backup: NewBackup,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// Deletes a backup.
    Delete {
        /// Its version.
        version: String,
        /// Answered when it is durable.
        reply: Reply<()>,
    },
    /// Puts keys in.
    PutKeys {
        /// The version of the backup.
        version: String,
        /// The keys, each session once.
        keys: Vec<BackedUpKey>,
        /// Answered with what the backup is then.
        reply: Reply<BackupContents>,
    },
    /// Takes keys out.
    DeleteKeys {
        /// The version of the backup.
        version: String,
        /// Which keys.
        scope: BackupScope,
        /// Answered with what the backup is then.
        reply: Reply<BackupContents>,
    },
}

impl UserActorState {
    /// Each request and its verb.
    pub(in crate::user) async fn handle_backup(&mut self, request: BackupRequest) {
        match request {
            BackupRequest::Create { backup, reply } => answer(reply, self.create_backup(backup).await),
            BackupRequest::Update { version, backup, reply } => {
                answer(reply, self.update_backup(&version, backup).await);
            }
            BackupRequest::Delete { version, reply } => answer(reply, self.delete_backup(&version).await),
            BackupRequest::PutKeys { version, keys, reply } => {
                answer(reply, self.put_backup_keys(&version, keys).await);
            }
            BackupRequest::DeleteKeys { version, scope, reply } => {
                answer(reply, self.delete_backup_keys(&version, scope).await);
            }
        }
    }
}
