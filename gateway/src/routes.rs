//! The route table: every endpoint of the server, one a line.
//!
//! A line names the handler; method, paths and authentication are in the metadata of its request type. What follows
//! says how the endpoint differs from others: the rate limit it counts towards, whether locked or suspended users may
//! use it, how large its body may be.

use http::Method;

use crate::{
    admin, client,
    config::Part,
    endpoint::{Endpoint, custom, endpoint},
    federation, health, key,
    limits::Class,
    well_known,
};

/// Every endpoint, by the part of the server that listeners name.
pub fn table() -> Vec<(Part, Vec<Endpoint>)> {
    vec![
        (Part::Client, accounts()),
        (Part::Client, discovery()),
        (Part::Client, encryption()),
        (Part::Client, key_backups()),
        (Part::Client, profiles()),
        (Part::Client, push_rules()),
        (Part::Client, room_directory()),
        (Part::Client, rooms()),
        (Part::Client, user_data()),
        (Part::Federation, server_keys()),
        (Part::Federation, other_servers()),
        (Part::Admin, administration()),
        (
            Part::Health,
            vec![custom(Method::GET, "/health", health::alive), custom(Method::GET, "/ready", health::ready)],
        ),
        (Part::Metrics, vec![custom(Method::GET, "/metrics", health::metrics)]),
    ]
}

fn discovery() -> Vec<Endpoint> {
    vec![
        endpoint(client::capabilities::handler),
        endpoint(client::versions::handler),
        endpoint(well_known::client::handler),
        custom(Method::GET, "/.well-known/matrix/server", well_known::server::handler),
        endpoint(well_known::support::handler),
    ]
}

fn accounts() -> Vec<Endpoint> {
    vec![
        endpoint(client::account::deactivate::handler),
        endpoint(client::account::password::handler),
        endpoint(client::account::third_party_ids::handler),
        endpoint(client::account::whoami::handler),
        endpoint(client::delete_devices::handler),
        endpoint(client::devices::delete::handler),
        endpoint(client::devices::get::handler),
        endpoint(client::devices::list::handler),
        endpoint(client::devices::update::handler),
        endpoint(client::login::flows::handler),
        endpoint(client::login::get_token::handler).class(Class::Logins),
        endpoint(client::login::handler).class(Class::Logins).needs_text("type"),
        endpoint(client::logout::all::handler).open_to_locked(),
        endpoint(client::logout::handler).open_to_locked(),
        endpoint(client::refresh::handler),
        endpoint(client::register::available::handler),
        endpoint(client::register::handler),
        endpoint(client::register::registration_token_validity::handler),
    ]
}

fn encryption() -> Vec<Endpoint> {
    vec![
        endpoint(client::keys::changes::handler),
        endpoint(client::keys::claim::handler),
        endpoint(client::keys::device_signing::upload::handler),
        endpoint(client::keys::query::handler),
        endpoint(client::keys::signatures::upload::handler),
        endpoint(client::keys::upload::handler),
        endpoint(client::send_to_device::handler).body_limit(client::send_to_device::MOST_BODY_BYTES),
    ]
}

fn key_backups() -> Vec<Endpoint> {
    const MOST_BODY_BYTES: usize = client::room_keys::MOST_BODY_BYTES;
    vec![
        endpoint(client::room_keys::keys::delete::handler),
        endpoint(client::room_keys::keys::get::handler),
        endpoint(client::room_keys::keys::put::handler).body_limit(MOST_BODY_BYTES),
        endpoint(client::room_keys::keys::room::delete::handler),
        endpoint(client::room_keys::keys::room::get::handler),
        endpoint(client::room_keys::keys::room::put::handler).body_limit(MOST_BODY_BYTES),
        endpoint(client::room_keys::keys::session::delete::handler),
        endpoint(client::room_keys::keys::session::get::handler),
        endpoint(client::room_keys::keys::session::put::handler),
        endpoint(client::room_keys::version::create::handler),
        endpoint(client::room_keys::version::current::handler),
        endpoint(client::room_keys::version::delete::handler),
        endpoint(client::room_keys::version::get::handler),
        endpoint(client::room_keys::version::update::handler),
    ]
}

fn profiles() -> Vec<Endpoint> {
    vec![
        endpoint(client::profile::delete_field::handler).closed_to_suspended(),
        endpoint(client::profile::get::handler),
        endpoint(client::profile::get_field::handler),
        endpoint(client::profile::put_field::handler).closed_to_suspended(),
    ]
}

fn push_rules() -> Vec<Endpoint> {
    vec![
        endpoint(client::pushrules::actions::get::handler),
        endpoint(client::pushrules::actions::put::handler),
        endpoint(client::pushrules::delete::handler),
        endpoint(client::pushrules::enabled::get::handler),
        endpoint(client::pushrules::enabled::put::handler),
        endpoint(client::pushrules::get::handler),
        endpoint(client::pushrules::get_all::handler),
        endpoint(client::pushrules::get_global::handler),
        endpoint(client::pushrules::put::handler),
    ]
}

fn user_data() -> Vec<Endpoint> {
    vec![
        endpoint(client::sync::handler),
        endpoint(client::user::account_data::get::handler),
        endpoint(client::user::account_data::put::handler),
        endpoint(client::user::filter::get::handler),
        endpoint(client::user::filter::post::handler),
        endpoint(client::user::openid::request_token::handler),
        endpoint(client::user::rooms::account_data::get::handler),
        endpoint(client::user::rooms::account_data::put::handler),
        endpoint(client::user::rooms::tags::delete::handler),
        endpoint(client::user::rooms::tags::get::handler),
        endpoint(client::user::rooms::tags::put::handler),
        endpoint(client::user_directory::search::handler),
        endpoint(client::users::report::handler),
    ]
}

fn room_directory() -> Vec<Endpoint> {
    vec![
        endpoint(client::create_room::handler).closed_to_suspended(),
        endpoint(client::directory::list::room::get::handler),
        endpoint(client::directory::list::room::put::handler).closed_to_suspended(),
        endpoint(client::directory::room::delete::handler).closed_to_suspended(),
        endpoint(client::directory::room::get::handler),
        endpoint(client::directory::room::put::handler).closed_to_suspended(),
        endpoint(client::join::handler).class(Class::Joins).closed_to_suspended(),
        endpoint(client::joined_rooms::handler),
        endpoint(client::knock::handler).class(Class::Joins).closed_to_suspended(),
        endpoint(client::public_rooms::handler),
        endpoint(client::public_rooms::search::handler),
    ]
}

/// Suspended users may send redactions of their own events and leave, so what is sent is looked at, not refused here.
fn rooms() -> Vec<Endpoint> {
    let state_get = endpoint(client::rooms::state::get::handler);
    let state_put = endpoint(client::rooms::state::put::handler).class(Class::Messages);
    let without_key = client::rooms::state::WITHOUT_KEY;
    vec![
        endpoint(client::rooms::aliases::handler),
        endpoint(client::rooms::ban::handler).closed_to_suspended(),
        endpoint(client::rooms::context::handler),
        endpoint(client::rooms::event::handler),
        endpoint(client::rooms::forget::handler),
        endpoint(client::rooms::invite::handler).closed_to_suspended(),
        endpoint(client::rooms::join::handler).class(Class::Joins).closed_to_suspended(),
        endpoint(client::rooms::joined_members::handler),
        endpoint(client::rooms::kick::handler).closed_to_suspended(),
        endpoint(client::rooms::leave::handler),
        endpoint(client::rooms::members::handler),
        endpoint(client::rooms::messages::handler),
        endpoint(client::rooms::read_markers::handler),
        endpoint(client::rooms::receipt::handler),
        endpoint(client::rooms::redact::handler).class(Class::Messages),
        endpoint(client::rooms::report::event::handler).class(Class::Other),
        endpoint(client::rooms::report::handler),
        endpoint(client::rooms::send::handler).class(Class::Messages),
        endpoint(client::rooms::state::handler),
        endpoint(client::rooms::typing::handler),
        endpoint(client::rooms::unban::handler).closed_to_suspended(),
        without_key.into_iter().fold(state_get, Endpoint::also_at),
        without_key.into_iter().fold(state_put, Endpoint::also_at),
    ]
}

/// Nobody has vouched yet for whoever asks for keys, and an answer may cost a request of ours: so queries are limited.
fn server_keys() -> Vec<Endpoint> {
    vec![
        endpoint(key::query::get::handler).class(Class::Other),
        endpoint(key::query::post::handler).class(Class::Other).body_limit(key::query::post::MOST_BODY_BYTES),
        endpoint(key::server::handler),
    ]
}

fn other_servers() -> Vec<Endpoint> {
    vec![
        endpoint(federation::backfill::handler),
        endpoint(federation::event::handler),
        endpoint(federation::event_auth::handler),
        endpoint(federation::get_missing_events::handler),
        endpoint(federation::invite::v1::handler),
        endpoint(federation::invite::v2::handler),
        endpoint(federation::make_join::handler),
        endpoint(federation::make_knock::handler),
        endpoint(federation::make_leave::handler),
        endpoint(federation::openid::userinfo::handler),
        endpoint(federation::public_rooms::handler),
        endpoint(federation::public_rooms::search::handler),
        endpoint(federation::query::directory::handler),
        endpoint(federation::query::profile::handler),
        endpoint(federation::send::handler).body_limit(federation::send::MOST_BODY_BYTES),
        endpoint(federation::send_join::v1::handler),
        endpoint(federation::send_join::v2::handler),
        endpoint(federation::send_knock::handler),
        endpoint(federation::send_leave::v1::handler),
        endpoint(federation::send_leave::v2::handler),
        endpoint(federation::state::handler),
        endpoint(federation::state_ids::handler),
        endpoint(federation::user::devices::handler),
        endpoint(federation::user::keys::claim::handler),
        endpoint(federation::user::keys::query::handler),
        endpoint(federation::version::handler),
    ]
}

fn administration() -> Vec<Endpoint> {
    vec![
        custom(Method::GET, admin::register::PATH, admin::register::nonce),
        custom(Method::POST, admin::register::PATH, admin::register::handler).class(Class::Registrations),
    ]
}

#[cfg(test)]
mod tests;
