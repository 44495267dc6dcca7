//! The client-server API, one file an endpoint, by the path of its URL after `/_matrix/client/v3/`.

pub mod account;
pub mod capabilities;
pub mod delete_devices;
pub mod devices;
pub mod login;
pub mod logout;
pub mod profile;
pub mod pushrules;
pub mod refresh;
pub mod register;
pub mod sync;
pub mod user;
pub mod versions;
