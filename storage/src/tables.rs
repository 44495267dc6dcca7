//! The tables, one file each: its key, its row, who writes it, how long it lives.

pub mod access_token;
pub mod account;
pub mod account_data;
pub mod active_room;
pub mod alias;
pub mod backup_session;
pub mod backup_version;
pub mod cross_signing_key;
pub mod current_state;
pub mod destination;
pub mod destination_room;
pub mod device;
pub mod device_change;
pub mod device_key;
pub mod device_stream;
pub mod erased_user;
pub mod event_location;
pub mod fallback_key;
pub mod filter;
pub mod handed_out_key;
pub mod history;
pub mod history_event;
pub mod history_gap;
pub mod inbox;
pub mod key_signature;
pub mod login_token;
pub mod one_time_key;
pub mod openid_token;
pub mod outbound_checkpoint;
pub mod outbound_edu;
pub mod outbound_event;
pub mod outlier;
pub mod profile;
pub mod profile_spread;
pub mod public_room;
pub mod receipt;
pub mod redaction;
pub mod refresh_token;
pub mod registration_token;
pub mod remote_key;
pub mod remote_key_change;
pub mod remote_key_list;
pub mod remote_transaction;
pub mod report;
pub mod room_alias;
pub mod room_head;
pub mod room_log;
pub mod server;
pub mod slot;
pub mod state_change;
pub mod state_history;
pub mod to_device;
pub mod transaction;
pub mod user_room;
pub mod user_search;

use crate::table::{Table, TableDef};

pub use access_token::AccessToken;
pub use account::Account;
pub use account_data::AccountData;
pub use active_room::ActiveRoom;
pub use alias::Alias;
pub use backup_session::BackupSession;
pub use backup_version::BackupVersion;
pub use cross_signing_key::CrossSigningKey;
pub use current_state::CurrentState;
pub use destination::Destination;
pub use destination_room::DestinationRoom;
pub use device::Device;
pub use device_change::DeviceChange;
pub use device_key::DeviceKey;
pub use device_stream::DeviceStream;
pub use erased_user::ErasedUser;
pub use event_location::EventLocation;
pub use fallback_key::FallbackKey;
pub use filter::Filter;
pub use handed_out_key::HandedOutKey;
pub use history::History;
pub use history_event::HistoryEvent;
pub use history_gap::HistoryGap;
pub use inbox::Inbox;
pub use key_signature::KeySignature;
pub use login_token::LoginToken;
pub use one_time_key::OneTimeKey;
pub use openid_token::OpenidToken;
pub use outbound_checkpoint::OutboundCheckpoint;
pub use outbound_edu::OutboundEdu;
pub use outbound_event::OutboundEvent;
pub use outlier::Outlier;
pub use profile::Profile;
pub use profile_spread::ProfileSpread;
pub use public_room::PublicRoom;
pub use receipt::Receipt;
pub use redaction::Redaction;
pub use refresh_token::RefreshToken;
pub use registration_token::RegistrationToken;
pub use remote_key::RemoteKey;
pub use remote_key_change::RemoteKeyChange;
pub use remote_key_list::RemoteKeyList;
pub use remote_transaction::RemoteTransaction;
pub use report::Report;
pub use room_alias::RoomAlias;
pub use room_head::RoomHead;
pub use room_log::RoomLog;
pub use server::Server;
pub use slot::Slot;
pub use state_change::StateChange;
pub use state_history::StateHistory;
pub use to_device::ToDevice;
pub use transaction::TransactionAnswer;
pub use user_room::UserRoom;
pub use user_search::UserSearch;

/// The hash by which rows are spread over shards. It may never change.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Every table, for offline walks and schema creation.
pub static ALL: &[&TableDef] = &[
    RoomLog::DEF,
    RoomHead::DEF,
    EventLocation::DEF,
    Redaction::DEF,
    CurrentState::DEF,
    StateHistory::DEF,
    StateChange::DEF,
    Receipt::DEF,
    Alias::DEF,
    RoomAlias::DEF,
    PublicRoom::DEF,
    TransactionAnswer::DEF,
    Outlier::DEF,
    Account::DEF,
    AccessToken::DEF,
    RefreshToken::DEF,
    Device::DEF,
    DeviceKey::DEF,
    CrossSigningKey::DEF,
    KeySignature::DEF,
    OneTimeKey::DEF,
    FallbackKey::DEF,
    HandedOutKey::DEF,
    DeviceChange::DEF,
    ToDevice::DEF,
    AccountData::DEF,
    Profile::DEF,
    ErasedUser::DEF,
    ProfileSpread::DEF,
    Filter::DEF,
    UserRoom::DEF,
    UserSearch::DEF,
    BackupVersion::DEF,
    BackupSession::DEF,
    LoginToken::DEF,
    RegistrationToken::DEF,
    Report::DEF,
    RemoteKey::DEF,
    RemoteTransaction::DEF,
    Inbox::DEF,
    OutboundEvent::DEF,
    Destination::DEF,
    DestinationRoom::DEF,
    OutboundEdu::DEF,
    OutboundCheckpoint::DEF,
    DeviceStream::DEF,
    RemoteKeyList::DEF,
    RemoteKeyChange::DEF,
    History::DEF,
    HistoryGap::DEF,
    HistoryEvent::DEF,
    OpenidToken::DEF,
    Slot::DEF,
    Server::DEF,
    ActiveRoom::DEF,
];
