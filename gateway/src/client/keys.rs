//! `/_matrix/client/v3/keys/…`: the keys that devices and users publish for encryption.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#key-management-api>

pub mod changes;
pub mod claim;
pub mod device_signing;
pub mod query;
pub mod signatures;
pub mod upload;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use playhouse_actors::user::keys::ClaimedKey;
use ruma::OwnedServerName;
use serde::Serialize;
use serde_json::value::RawValue;

/// How long other servers have to answer where the client does not say.
const USUAL_TIME: Duration = Duration::from_secs(10);
/// The longest that a client may have them take.
const LONGEST_TIME: Duration = Duration::from_mins(1);

/// Why a server is among the failures.
#[derive(Debug, Clone, Copy, Serialize)]
struct Unreachable {
    errcode: &'static str,
    error: &'static str,
}

/// The servers that could not be asked, as clients are told of them.
type Failures = BTreeMap<OwnedServerName, Unreachable>;

fn time_to_answer(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(USUAL_TIME).min(LONGEST_TIME)
}

/// One-time keys of a user, by device and name.
pub type ByDevice = BTreeMap<String, BTreeMap<String, Box<RawValue>>>;

/// The claimed keys of a user as they are answered.
pub fn by_device(keys: Vec<ClaimedKey>) -> ByDevice {
    keys.into_iter().map(|ClaimedKey { device, name, key }| (device, [(name, key)].into())).collect()
}

fn failures(servers: BTreeSet<OwnedServerName>) -> Failures {
    let why = Unreachable { errcode: "M_UNKNOWN", error: "This server could not be asked" };
    servers.into_iter().map(|server| (server, why)).collect()
}
