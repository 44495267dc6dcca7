//! Backups: making, changing and deleting them.

use playhouse_storage::{
    IntoKey as _, Order, Slice, Store, StoreError,
    store::put,
    tables::{BackupVersion, backup_version::BackupVersionRow},
};
use ruma::UserId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::ops::Bound;

use super::sessions::deletes_of_all;
use crate::user::{UserError, actor::UserActorState};

/// The most bytes of a backup's `auth_data`.
const MOST_AUTH_DATA_BYTES: usize = 64 << 10;
/// The most bytes of an algorithm's name.
const MOST_ALGORITHM_BYTES: usize = 255;

/// How keys are backed up, checked without the store.
#[derive(Debug, Clone)]
pub struct NewBackup {
    /// The algorithm.
    pub algorithm: String,
    /// Its data.
    pub auth_data: Box<RawValue>,
    /// The version that the body names, which must be that of the path.
    pub version: Option<String>,
}

/// What there is to know of a backup, as clients get it.
#[derive(Debug, Clone, Serialize)]
pub struct BackupInfo {
    /// The algorithm.
    pub algorithm: String,
    /// Its data.
    pub auth_data: Box<RawValue>,
    /// Keys in it.
    pub count: u64,
    /// Changes with its keys.
    pub etag: String,
    /// Its version.
    pub version: String,
}

impl NewBackup {
    /// Reads how keys shall be backed up.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`], [`UserError::TooLarge`].
    pub fn check(body: &RawValue) -> Result<Self, UserError> {
        #[derive(Deserialize)]
        struct Body {
            algorithm: String,
            auth_data: Box<RawValue>,
            version: Option<String>,
        }
        let Body { algorithm, auth_data, version } = serde_json::from_str(body.get())
            .map_err(|error| UserError::Malformed(format!("this describes no backup: {error}")))?;
        if !auth_data.get().trim_start().starts_with('{') {
            return Err(UserError::Malformed("auth_data must be an object".into()));
        }
        if algorithm.is_empty() || algorithm.len() > MOST_ALGORITHM_BYTES {
            return Err(UserError::Invalid("the algorithm's name has between 1 and 255 bytes".into()));
        }
        if auth_data.get().len() > MOST_AUTH_DATA_BYTES {
            return Err(UserError::TooLarge("auth_data may have 64 KiB".into()));
        }
        Ok(Self { algorithm, auth_data, version })
    }
}

impl BackupInfo {
    pub(super) fn new(version: i64, row: BackupVersionRow) -> Self {
        let BackupVersionRow { algorithm, auth_data, etag, count, .. } = row;
        Self { algorithm, auth_data, count, etag: etag.to_string(), version: version.to_string() }
    }
}

/// The refusal of a version that does not exist.
pub(super) fn unknown_version() -> UserError {
    UserError::NotFound("Unknown backup version".into())
}

/// The number of a version, if it is one that the server could have given.
fn number_of(version: &str) -> Option<i64> {
    version.parse().ok().filter(|number: &i64| *number > 0 && number.to_string() == version)
}

/// A backup that exists, deleted or not.
pub(super) async fn find(
    store: &Store,
    user: &UserId,
    version: &str,
) -> Result<Option<(i64, BackupVersionRow)>, StoreError> {
    let Some(number) = number_of(version) else { return Ok(None) };
    let row = store.get::<BackupVersion>((user.as_str(),), (number,)).await?;
    Ok(row.map(|row| (number, row)))
}

/// A backup that exists and was not deleted.
///
/// # Errors
/// [`UserError::NotFound`], [`UserError::Unavailable`].
pub(super) async fn existing(
    store: &Store,
    user: &UserId,
    version: &str,
) -> Result<(i64, BackupVersionRow), UserError> {
    find(store, user, version).await?.filter(|(_, row)| !row.deleted).ok_or_else(unknown_version)
}

/// The number of the newest backup ever made, and the newest that was not deleted.
pub(super) async fn newest(
    store: &Store,
    user: &UserId,
) -> Result<(i64, Option<(i64, BackupVersionRow)>), StoreError> {
    const PAGE: usize = 20;
    let mut to = Bound::Unbounded;
    let mut newest = 0;
    loop {
        let slice = Slice { from: Bound::Unbounded, to, order: Order::Backward, limit: PAGE };
        let (rows, more) = store.slice::<BackupVersion>((user.as_str(),), slice).await?;
        let oldest = rows.last().map(|((number,), _)| *number);
        for ((number,), row) in rows {
            newest = newest.max(number);
            if !row.deleted {
                return Ok((newest, Some((number, row))));
            }
        }
        match oldest.filter(|_| more) {
            Some(oldest) => to = Bound::Excluded((oldest,).to_key()),
            None => return Ok((newest, None)),
        }
    }
}

impl UserActorState {
    /// Makes a backup, which is the current one from now on.
    ///
    /// # Errors
    /// [`UserError::Unavailable`].
    pub(super) async fn create_backup(&mut self, backup: NewBackup) -> Result<String, UserError> {
        let (newest, _) = newest(&self.context.store, &self.user).await?;
        let NewBackup { algorithm, auth_data, .. } = backup;
        let row = BackupVersionRow { algorithm, auth_data, etag: 0, count: 0, deleted: false };
        self.put_backup(newest + 1, &row).await?;
        Ok((newest + 1).to_string())
    }

    /// Changes the data of a backup.
    ///
    /// # Errors
    /// [`UserError::NotFound`]; [`UserError::Invalid`] for another algorithm or version; [`UserError::Unavailable`].
    pub(super) async fn update_backup(&mut self, version: &str, backup: NewBackup) -> Result<(), UserError> {
        if backup.version.is_some_and(|named| named != version) {
            return Err(UserError::Invalid("Version in body does not match".into()));
        }
        let (number, row) = existing(&self.context.store, &self.user, version).await?;
        if row.algorithm != backup.algorithm {
            return Err(UserError::Invalid("Algorithm does not match".into()));
        }
        self.put_backup(number, &BackupVersionRow { auth_data: backup.auth_data, ..row }).await
    }

    /// Deletes a backup and the keys in it; again is fine.
    ///
    /// # Errors
    /// [`UserError::NotFound`] if it never existed, [`UserError::Unavailable`].
    pub(super) async fn delete_backup(&mut self, version: &str) -> Result<(), UserError> {
        let found = find(&self.context.store, &self.user, version).await?;
        let (number, row) = found.ok_or_else(unknown_version)?;
        if !row.deleted {
            let row = BackupVersionRow { deleted: true, count: 0, ..row };
            self.put_backup(number, &row).await?;
        }
        // Also after a crash between the two.
        let stamp = self.context.clocks.stamp(self.user.as_str());
        self.write(deletes_of_all(&self.user, number, stamp)).await
    }

    async fn put_backup(&mut self, number: i64, row: &BackupVersionRow) -> Result<(), UserError> {
        let stamp = self.context.clocks.stamp(self.user.as_str());
        self.write(vec![put::<BackupVersion>((self.user.as_str(),), (number,), row, stamp)]).await
    }
}
