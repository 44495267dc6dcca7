//! `/_matrix/federation/v1/user/…`: devices and keys of our users.

pub mod devices;
pub mod keys;

use crate::{Context, Origin};

/// Whether other servers are told what our users call their devices.
fn shares_device_names(cx: &Context<Origin>) -> bool {
    cx.node().federation().is_some_and(|federation| federation.shares_device_names())
}
