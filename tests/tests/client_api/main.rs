//! The client-server API over real HTTP: each test is a law of the specification, or a promise of ours.

mod account;
mod account_data;
mod bad_input;
mod create_room;
mod devices;
mod directory;
mod discovery;
mod durability;
mod filters;
mod first_chat;
mod history;
mod key_backup;
mod keys;
mod login;
mod membership;
mod operations;
mod profiles;
mod push_rules;
mod receipts;
mod registration;
mod reports;
mod room_state;
mod sending;
mod sync;
mod to_device;
