//! The tables with their types, for walks that know a table only by its definition.

use crate::{
    FromKey as _,
    key::Key,
    table::{Table, TableDef},
    tables as t,
};

/// A table whose rows can be checked.
#[derive(Debug)]
pub struct Kind {
    /// The definition.
    pub def: &'static TableDef,
    decode: fn(&Key, &Key, &[u8]) -> Result<(), String>,
}

impl Kind {
    /// The kind of the table `T`.
    pub const fn of<T: Table>() -> Self {
        Self { def: T::DEF, decode: decode::<T> }
    }

    /// Whether a row fits the table's types.
    ///
    /// # Errors
    /// What does not fit.
    pub fn decode(&self, partition: &Key, clustering: &Key, value: &[u8]) -> Result<(), String> {
        (self.decode)(partition, clustering, value)
    }
}

fn decode<T: Table>(partition: &Key, clustering: &Key, value: &[u8]) -> Result<(), String> {
    T::Partition::from_key(partition).ok_or("the partition key does not fit the table")?;
    T::Clustering::from_key(clustering).ok_or("the clustering key does not fit the table")?;
    serde_json::from_slice::<T::Row>(value).map(drop).map_err(|error| error.to_string())
}

/// Every table.
pub static KINDS: &[Kind] = &[
    Kind::of::<t::RoomLog>(),
    Kind::of::<t::RoomHead>(),
    Kind::of::<t::EventLocation>(),
    Kind::of::<t::Redaction>(),
    Kind::of::<t::CurrentState>(),
    Kind::of::<t::StateHistory>(),
    Kind::of::<t::StateChange>(),
    Kind::of::<t::Receipt>(),
    Kind::of::<t::Alias>(),
    Kind::of::<t::RoomAlias>(),
    Kind::of::<t::PublicRoom>(),
    Kind::of::<t::TransactionAnswer>(),
    Kind::of::<t::Outlier>(),
    Kind::of::<t::Account>(),
    Kind::of::<t::AccessToken>(),
    Kind::of::<t::RefreshToken>(),
    Kind::of::<t::Device>(),
    Kind::of::<t::DeviceKey>(),
    Kind::of::<t::CrossSigningKey>(),
    Kind::of::<t::KeySignature>(),
    Kind::of::<t::OneTimeKey>(),
    Kind::of::<t::FallbackKey>(),
    Kind::of::<t::HandedOutKey>(),
    Kind::of::<t::DeviceChange>(),
    Kind::of::<t::ToDevice>(),
    Kind::of::<t::AccountData>(),
    Kind::of::<t::Profile>(),
    Kind::of::<t::Filter>(),
    Kind::of::<t::UserRoom>(),
    Kind::of::<t::UserSearch>(),
    Kind::of::<t::BackupVersion>(),
    Kind::of::<t::BackupSession>(),
    Kind::of::<t::LoginToken>(),
    Kind::of::<t::RegistrationToken>(),
    Kind::of::<t::ErasedUser>(),
    Kind::of::<t::ProfileSpread>(),
    Kind::of::<t::RemoteKey>(),
    Kind::of::<t::RemoteTransaction>(),
    Kind::of::<t::Inbox>(),
    Kind::of::<t::OutboundEvent>(),
    Kind::of::<t::OutboundEdu>(),
    Kind::of::<t::OutboundCheckpoint>(),
    Kind::of::<t::DeviceStream>(),
    Kind::of::<t::RemoteKeyList>(),
    Kind::of::<t::RemoteKeyChange>(),
    Kind::of::<t::History>(),
    Kind::of::<t::HistoryGap>(),
    Kind::of::<t::HistoryEvent>(),
    Kind::of::<t::OpenidToken>(),
    Kind::of::<t::Destination>(),
    Kind::of::<t::DestinationRoom>(),
    Kind::of::<t::Report>(),
    Kind::of::<t::Slot>(),
    Kind::of::<t::Server>(),
    Kind::of::<t::ActiveRoom>(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_among_the_kinds() {
        let names = |defs: &mut dyn Iterator<Item = &'static TableDef>| {
            let mut names: Vec<_> = defs.map(|def| def.name).collect();
            names.sort_unstable();
            names
        };
        let kinds = names(&mut KINDS.iter().map(|kind| kind.def));
        assert_eq!(kinds, names(&mut t::ALL.iter().copied()), "add the table to KINDS in offline/kinds.rs");
    }
}
