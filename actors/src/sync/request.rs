//! What a client asks of a sync.

use std::time::Duration;

use ruma::{OwnedDeviceId, OwnedUserId, api::client::filter::FilterDefinition};

use crate::token::SyncToken;

/// A sync request, parsed.
#[derive(Debug, Clone)]
pub struct SyncRequest {
    /// Who asks.
    pub user: OwnedUserId,
    /// With which device.
    pub device: Option<OwnedDeviceId>,
    /// What the client has already; `None` for a first sync.
    pub since: Option<SyncToken>,
    /// What it wants of what is new.
    pub filter: FilterDefinition,
    /// Whether it wants the whole state of every room again.
    pub full_state: bool,
    /// Whether state comes as of the end of the timeline, in `state_after`.
    pub use_state_after: bool,
    /// How long it waits for something new.
    pub timeout: Duration,
}

impl SyncRequest {
    /// A first sync and a full state are answered at once, however empty.
    pub const fn answers_at_once(&self) -> bool {
        self.since.is_none() || self.full_state
    }

    /// The device's id.
    pub fn device_str(&self) -> Option<&str> {
        self.device.as_ref().map(|device| device.as_str())
    }
}
