//! `/devices`: the caller's devices.

pub mod delete;
pub mod get;
pub mod list;
pub mod update;

use playhouse_actors::accounts::DeviceInfo;
use ruma::{MilliSecondsSinceUnixEpoch, UInt, api::client::device::Device};

/// A device as clients see it.
fn rendered(info: DeviceInfo) -> Device {
    let mut device = Device::new(info.device_id);
    device.display_name = info.display_name;
    device.last_seen_ip = info.last_seen_ip;
    device.last_seen_ts = info.last_seen_ts.and_then(UInt::new).map(MilliSecondsSinceUnixEpoch);
    device
}
