//! The client-server API, one file an endpoint, by the path of its URL after `/_matrix/client/v3/`.

pub mod account;
pub mod capabilities;
pub mod create_room;
pub mod delete_devices;
pub mod devices;
pub mod directory;
pub mod join;
pub mod joined_rooms;
pub mod keys;
pub mod knock;
pub mod login;
pub mod logout;
pub mod loose;
pub mod profile;
pub mod public_rooms;
pub mod pushrules;
pub mod refresh;
pub mod register;
pub mod room_keys;
pub mod rooms;
pub mod send_to_device;
pub mod sync;
pub mod user;
pub mod user_directory;
pub mod users;
pub mod versions;
