//! A device's stock of one-time keys: filled in the order of the uploads, taken from the oldest on, by claims alone.
//!
//! **Invariant:** a key is handed out at most once, ever. It leaves the stock by a claim on its very row, and only a
//! claim that surely applied hands it out. Each claim has a number, which it leaves behind with the same stroke, so that
//! one of unknown outcome mostly shows what came of it; where it does not, a key may be lost and none is doubled.

use std::{collections::BTreeMap, ops::Bound};

use bytes::Bytes;
use playhouse_storage::{
    Claim, Expect, IntoKey as _, Key, Order, Outcome, Slice, Store, StoreError, Table as _, Write,
    store::{encode, put},
    tables::{
        HandedOutKey, OneTimeKey,
        handed_out_key::HandedOutKeyRow,
        one_time_key::{OneTimeKeyRow, TAKEN, UPLOADS},
    },
};
use ruma::UserId;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    one_time_key::{NewKey, fingerprint},
    signed::same_json,
};
use crate::user::UserError;

/// The most one-time keys that a device may have waiting, of all algorithms.
pub const MOST_KEYS: usize = 1_000;
/// How often a claim is tried against others of unknown outcome that still come in.
const ATTEMPTS: usize = 5;

/// The stock of one device.
#[derive(Clone, Copy)]
pub struct Stock<'a> {
    /// The store.
    pub store: &'a Store,
    /// Whose device it is.
    pub user: &'a UserId,
    /// The device.
    pub device: &'a str,
}

/// What came of taking a key.
#[derive(Debug)]
pub struct Taken {
    /// The key, if there was one.
    pub key: Option<NewKey>,
    /// Whether others may have gone with it: the stock must be counted anew.
    pub lost: bool,
}

/// What is in stock, as far as an upload needs to know.
struct Inventory {
    keys: BTreeMap<(String, String), Box<RawValue>>,
    uploads: Option<Bytes>,
}

impl Stock<'_> {
    fn partition(&self) -> (&str, &str) {
        (self.user.as_str(), self.device)
    }

    async fn inventory(&self) -> Result<Inventory, StoreError> {
        let mut inventory = Inventory { keys: BTreeMap::new(), uploads: None };
        for ((algorithm, order, key_id), row) in self.store.all::<OneTimeKey>(self.partition(), ()).await? {
            if (algorithm.as_str(), order, key_id.as_str()) == UPLOADS {
                inventory.uploads = Some(encode(&row));
            } else if !algorithm.is_empty() {
                inventory.keys.insert((algorithm, key_id), row.key);
            }
        }
        Ok(inventory)
    }

    /// Adds the keys that are new; `order` is above that of every upload before.
    ///
    /// # Errors
    /// [`UserError::Invalid`] when another key has the id of one of them, [`UserError::TooLarge`] beyond [`MOST_KEYS`];
    /// nothing is added then. [`UserError::Unavailable`]: the upload may be repeated.
    pub async fn add(&self, keys: &[NewKey], order: i64) -> Result<(), UserError> {
        if keys.is_empty() {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let inventory = self.inventory().await?;
            let new = self.new_among(keys, &inventory).await?;
            if new.is_empty() {
                return Ok(());
            }
            match self.put(&new, &inventory, order).await? {
                Outcome::Applied => return Ok(()),
                Outcome::Refused => {}
                // Whether it was applied shows in the inventory; if it still comes in, it is refused.
                Outcome::Unknown => tracing::debug!("an upload of one-time keys is of unknown outcome"),
            }
        }
        Err(UserError::retry())
    }

    /// Checks an upload without doing it.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub async fn check(&self, keys: &[NewKey]) -> Result<(), UserError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.new_among(keys, &self.inventory().await?).await.map(drop)
    }

    async fn new_among<'k>(
        &self,
        keys: &'k [NewKey],
        inventory: &Inventory,
    ) -> Result<Vec<&'k NewKey>, UserError> {
        let mut new = Vec::new();
        for key in keys {
            match inventory.keys.get(&(key.algorithm.clone(), key.key_id.clone())) {
                Some(present) if same_json(present, &key.key) => {}
                Some(_) => {
                    let name = format!("{}:{}", key.algorithm, key.key_id);
                    return Err(UserError::Invalid(format!("another one-time key is called {name}")));
                }
                None => new.push(key),
            }
        }
        let new = self.never_handed_out(new).await?;
        if inventory.keys.len() + new.len() > MOST_KEYS {
            return Err(UserError::TooLarge(format!("a device may have {MOST_KEYS} one-time keys waiting")));
        }
        Ok(new)
    }

    /// A key that was handed out before comes from an upload whose answer was lost: it is done with.
    async fn never_handed_out<'k>(&self, keys: Vec<&'k NewKey>) -> Result<Vec<&'k NewKey>, UserError> {
        let partition = self.partition().to_key();
        let names: Vec<(Key, Key)> = keys
            .iter()
            .map(|key| (partition.clone(), (key.algorithm.as_str(), key.key_id.as_str()).to_key()))
            .collect();
        let handed_out = self.store.multi_get::<HandedOutKey>(&names).await?;
        let fresh = keys
            .into_iter()
            .zip(handed_out)
            .filter(|(key, row)| row.as_ref().is_none_or(|row| row.sha256 != fingerprint(&key.key)));
        Ok(fresh.map(|(key, _)| key).collect())
    }

    async fn put(&self, keys: &[&NewKey], inventory: &Inventory, order: i64) -> Result<Outcome, UserError> {
        let uploads = number_row(order)?;
        let mut writes = vec![(UPLOADS.to_key(), Some(encode(&uploads)))];
        for key in keys {
            let clustering = (key.algorithm.as_str(), order, key.key_id.as_str()).to_key();
            writes.push((clustering, Some(encode(&OneTimeKeyRow { key: key.key.clone() }))));
        }
        let expected = inventory.uploads.clone().map_or(Expect::Absent, Expect::Value);
        let claim = Claim {
            table: OneTimeKey::DEF,
            partition: self.partition().to_key(),
            conditions: vec![(UPLOADS.to_key(), expected)],
            writes,
            projections: Vec::new(),
        };
        Ok(self.store.backend().claim(claim).await?)
    }

    /// Takes the oldest key of an algorithm out, for good. `stamp` is newer than that of every key taken before.
    ///
    /// # Errors
    /// [`UserError::Unavailable`], [`UserError::Corrupt`]; a key may be lost.
    pub async fn take(&self, algorithm: &str, stamp: i64) -> Result<Taken, UserError> {
        let mut lost = false;
        for _ in 0..ATTEMPTS {
            let Some(((algorithm, order, key_id), row)) = self.oldest(algorithm).await? else {
                return Ok(Taken { key: None, lost });
            };
            let clustering = (algorithm.as_str(), order, key_id.as_str()).to_key();
            let handed_out = HandedOutKeyRow { sha256: fingerprint(&row.key) };
            let handed_out = put::<HandedOutKey>(self.partition(), (&algorithm, &key_id), &handed_out, stamp);
            let number = encode(&number_row(rand::random())?);
            let claim = Claim {
                table: OneTimeKey::DEF,
                partition: self.partition().to_key(),
                conditions: vec![(clustering.clone(), Expect::Value(encode(&row)))],
                writes: vec![(clustering, None), (TAKEN.to_key(), Some(number.clone()))],
                projections: vec![handed_out.clone()],
            };
            let applied = match self.store.backend().claim(claim).await? {
                Outcome::Applied => true,
                Outcome::Refused => false,
                Outcome::Unknown => self.took(&number, handed_out).await?,
            };
            if applied {
                return Ok(Taken { key: Some(NewKey { algorithm, key_id, key: row.key }), lost });
            }
            lost = true;
        }
        Err(UserError::retry())
    }

    /// Whether the claim of this number, of unknown outcome, took its key; then it is noted as handed out.
    async fn took(&self, number: &Bytes, handed_out: Write) -> Result<bool, StoreError> {
        let newest = self.store.get::<OneTimeKey>(self.partition(), TAKEN).await?;
        if newest.is_none_or(|row| encode(&row) != *number) {
            return Ok(false);
        }
        self.store.write(vec![handed_out]).await?;
        Ok(true)
    }

    /// Empties the stock: what was uploaded before can never be handed out again.
    ///
    /// # Errors
    /// [`UserError::Unavailable`]; it may be repeated.
    pub async fn clear(&self) -> Result<(), UserError> {
        for _ in 0..ATTEMPTS {
            let rows = self.store.all::<OneTimeKey>(self.partition(), ()).await?;
            if rows.is_empty() {
                return Ok(());
            }
            // The first is the row of uploads: of an upload that comes in meanwhile and this one is refused.
            let conditions = rows.iter().take(1).map(|(key, row)| (key.to_key(), Expect::Value(encode(row))));
            let claim = Claim {
                table: OneTimeKey::DEF,
                partition: self.partition().to_key(),
                conditions: conditions.collect(),
                writes: rows.iter().map(|(key, _)| (key.to_key(), None)).collect(),
                projections: Vec::new(),
            };
            match self.store.backend().claim(claim).await? {
                Outcome::Applied => return Ok(()),
                Outcome::Refused | Outcome::Unknown => {}
            }
        }
        Err(UserError::retry())
    }

    async fn oldest(
        &self,
        algorithm: &str,
    ) -> Result<Option<((String, i64, String), OneTimeKeyRow)>, StoreError> {
        if algorithm.is_empty() {
            return Ok(None);
        }
        let of_algorithm = Bound::Included((algorithm,).to_key());
        let slice = Slice { from: of_algorithm.clone(), to: of_algorithm, order: Order::Forward, limit: 1 };
        let (rows, _) = self.store.slice::<OneTimeKey>(self.partition(), slice).await?;
        Ok(rows.into_iter().next())
    }
}

/// A row that holds a number in place of a key.
fn number_row(number: i64) -> Result<OneTimeKeyRow, UserError> {
    let key = to_raw_value(&number).map_err(|error| UserError::Corrupt(error.to_string()))?;
    Ok(OneTimeKeyRow { key })
}
