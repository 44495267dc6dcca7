//! The keys in a backup: putting them in and taking them out.
//!
//! **Invariant:** of two keys of one session the better one stays, and the etag changes with the keys and only then.

use playhouse_storage::{
    IntoKey as _, Key, Write,
    store::{delete, delete_all, put},
    tables::{
        BackupSession, BackupVersion,
        backup_session::{BackupSessionRow, SHARDS, shard_of},
        backup_version::BackupVersionRow,
    },
};
use ruma::{OwnedRoomId, UserId};
use serde::Serialize;

use super::{
    key::{BackedUpKey, Merit},
    versions,
};
use crate::user::{UserError, actor::UserActorState};

/// Which keys of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupScope {
    /// All of them.
    Everything,
    /// Those of a room.
    Room(OwnedRoomId),
    /// That of one session.
    Session(OwnedRoomId, String),
}

/// A backup after a change, as clients get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupContents {
    /// Changes with the keys.
    pub etag: String,
    /// Keys in it.
    pub count: u64,
}

impl From<&BackupVersionRow> for BackupContents {
    fn from(row: &BackupVersionRow) -> Self {
        Self { etag: row.etag.to_string(), count: row.count }
    }
}

/// Deletes every key of a backup.
pub(in crate::user) fn deletes_of_all(user: &UserId, number: i64, stamp: i64) -> Vec<Write> {
    (0..SHARDS).map(|shard| delete_all::<BackupSession>((user.as_str(), number, shard), (), stamp)).collect()
}

impl UserActorState {
    /// Puts keys into the current backup, where they are new or better than what is there.
    ///
    /// # Errors
    /// [`UserError::WrongBackupVersion`] for a backup that is not the current one, [`UserError::NotFound`] where there
    /// is none, [`UserError::Unavailable`].
    pub(super) async fn put_backup_keys(
        &mut self,
        version: &str,
        keys: Vec<BackedUpKey>,
    ) -> Result<BackupContents, UserError> {
        let (number, mut row) = self.current_backup(version).await?;
        let user = self.user.clone();
        let partition = |room: &str| (user.as_str(), number, shard_of(room));
        let names: Vec<(Key, Key)> = keys
            .iter()
            .map(|key| (partition(&key.room).to_key(), (&key.room, &key.session).to_key()))
            .collect();
        let stored = self.context.store.multi_get::<BackupSession>(&names).await?;
        let stamp = self.context.clocks.stamp(self.user.as_str());
        let mut writes = Vec::new();
        for (BackedUpKey { room, session, merit, data }, stored) in keys.into_iter().zip(stored) {
            let beaten = stored.as_ref().map(|stored| Merit::of(&stored.data)).transpose()?;
            if beaten.is_some_and(|stored| !merit.beats(&stored)) {
                continue;
            }
            row.count += u64::from(beaten.is_none());
            let row = BackupSessionRow { data };
            writes.push(put::<BackupSession>(partition(&room), (room, session), &row, stamp));
        }
        self.write_backup(number, row, writes, stamp).await
    }

    /// Takes keys out of a backup.
    ///
    /// # Errors
    /// [`UserError::NotFound`] where there is no such backup, [`UserError::Unavailable`].
    pub(super) async fn delete_backup_keys(
        &mut self,
        version: &str,
        scope: BackupScope,
    ) -> Result<BackupContents, UserError> {
        let (number, mut row) = versions::existing(&self.context.store, &self.user, version).await?;
        let store = &self.context.store;
        let partition = |room: &str| (self.user.as_str(), number, shard_of(room));
        let stamp = self.context.clocks.stamp(self.user.as_str());
        let (gone, writes) = match &scope {
            BackupScope::Everything => (row.count, deletes_of_all(&self.user, number, stamp)),
            BackupScope::Room(room) => {
                let (owner, room) = (partition(room.as_str()), (room.as_str(),));
                let rows = store.all::<BackupSession>(owner, room).await?;
                (rows.len() as u64, vec![delete_all::<BackupSession>(owner, room, stamp)])
            }
            BackupScope::Session(room, session) => {
                let (owner, key) = (partition(room.as_str()), (room.as_str(), session.as_str()));
                let row = store.get::<BackupSession>(owner, key).await?;
                (u64::from(row.is_some()), vec![delete::<BackupSession>(owner, key, stamp)])
            }
        };
        row.count = row.count.saturating_sub(gone);
        let writes = if gone == 0 { Vec::new() } else { writes };
        self.write_backup(number, row, writes, stamp).await
    }

    /// The backup that keys may be put into.
    async fn current_backup(&self, version: &str) -> Result<(i64, BackupVersionRow), UserError> {
        let (_, current) = versions::newest(&self.context.store, &self.user).await?;
        let (number, row) = current.ok_or_else(versions::unknown_version)?;
        if number.to_string() == version {
            return Ok((number, row));
        }
        let known = versions::find(&self.context.store, &self.user, version).await?;
        known.ok_or_else(versions::unknown_version)?;
        Err(UserError::WrongBackupVersion { current: number.to_string() })
    }

    /// Writes a change of keys together with what it does to the backup; no change, no write.
    async fn write_backup(
        &mut self,
        number: i64,
        mut row: BackupVersionRow,
        mut writes: Vec<Write>,
        stamp: i64,
    ) -> Result<BackupContents, UserError> {
        if !writes.is_empty() {
            row.etag += 1;
            writes.push(put::<BackupVersion>((self.user.as_str(),), (number,), &row, stamp));
            self.write(writes).await?;
        }
        Ok(BackupContents::from(&row))
    }
}
