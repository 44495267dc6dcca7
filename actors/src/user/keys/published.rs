//! What a local user has published, as other servers get it.

use std::collections::BTreeMap;

use playhouse_storage::{
    Store, StoreError,
    tables::{Device, DeviceStream},
};
use ruma::UserId;
use serde_json::value::RawValue;

use super::query::{KeyQuery, QueriedKeys};

/// The devices and keys of a user.
#[derive(Debug, Default)]
pub struct PublishedKeys {
    /// The position of the newest change, which other servers know the whole by.
    pub stream_id: i64,
    /// The devices.
    pub devices: BTreeMap<String, PublishedDevice>,
    /// The master key.
    pub master: Option<Box<RawValue>>,
    /// The self-signing key.
    pub self_signing: Option<Box<RawValue>>,
}

/// A device.
#[derive(Debug, Default)]
pub struct PublishedDevice {
    /// What its owner calls it, if other servers may know.
    pub name: Option<String>,
    /// Its identity keys, if it has any.
    pub keys: Option<Box<RawValue>>,
}

/// All that a user has published. `closed` is the position up to which all changes are made; whatever is under way is
/// announced with a later one. `with_names` tells what people call their devices.
///
/// # Errors
/// When the store does not answer.
pub async fn published(
    store: &Store,
    user: &UserId,
    closed: i64,
    with_names: bool,
) -> Result<PublishedKeys, StoreError> {
    let stream = store.get::<DeviceStream>((user.as_str(),), ()).await?;
    let devices = store.all::<Device>((user.as_str(),), ()).await?;
    let mut found = QueriedKeys::default();
    KeyQuery { store, asker: None, with_names }.add_user(&mut found, user, &[]).await?;
    let mut published = PublishedKeys {
        stream_id: stream.map_or(0, |stream| if stream.pos <= closed { stream.pos } else { stream.before }),
        devices: devices
            .into_iter()
            .map(|((device,), row)| {
                let name = row.display_name.filter(|_| with_names);
                (device, PublishedDevice { name, keys: None })
            })
            .collect(),
        master: found.master.remove(user),
        self_signing: found.self_signing.remove(user),
    };
    for (device, keys) in found.devices.remove(user).unwrap_or_default() {
        published.devices.entry(device).or_default().keys = Some(keys);
    }
    Ok(published)
}
