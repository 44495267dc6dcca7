//! Plausible input for every route: what the walk spoils field by field. A new route that takes JSON needs its line.

use http::Method;
use serde_json::{Value, json};

/// Stands for the user who asks.
pub const USER: &str = "@alice:localhost";
/// Stands for a room of that user.
pub const ROOM: &str = "!room:localhost";
/// Stands for an event in that room.
pub const EVENT: &str = "$event";

/// What a path variable may hold that is no id at all.
pub const WRONG_PATH_ARGS: [&str; 9] = [
    "x",
    "%20",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "%ff",
    "%F0%9F%92%A5",
    "%21room%3Aelsewhere.example",
    "%40user%3Aelsewhere.example",
    "%2B%2A%3F%5B",
];

/// What a query may hold in place of what is expected.
pub const WRONG_QUERIES: [&str; 6] = [
    "limit=x&timeout=x&dir=x&from=x&since=x&to=x&at=x&filter=x&kind=x&format=x&token=x&username=x",
    "limit=-1&timeout=-1&dir=f&from=&since=&to=&at=",
    "limit=99999999999999999999&timeout=99999999999999999999&dir=b",
    "filter=%7B%22room%22%3A1%7D&set_presence=x&full_state=x&version=x",
    "since=%ff&from=%00&a=b&a=c&=&&",
    "version=1&limit=1&from=s1_1&to=s1_1&since=s1_1_1&timeout=0&rawParam[]=1",
];

/// Bodies that no endpoint takes.
pub const NOT_JSON_OBJECTS: [&[u8]; 7] =
    [b"nonsense", b"[]", b"\"text\"", b"{\"a\":NaN}", b"{\"a\":\"\\ud800\"}", b"\xff", b"{\"a\":1,\"a\":1}"];

/// A plausible value of a path variable that is no id of the walker's.
pub fn path_arg(name: &str) -> &'static str {
    match name {
        "room_alias" => "#room:localhost",
        "event_type" => "m.room.topic",
        "kind" => "override",
        "receipt_type" => "m.read",
        "version" => "1",
        _ => "some",
    }
}

/// A plausible body, by method and the part of the path after its version.
pub fn body(method: &Method, template: &str) -> Option<Value> {
    let name = template.split("/client/").nth(1).and_then(|rest| rest.split_once('/'));
    let name = name.map_or(template, |(_, rest)| rest);
    let method = method.as_str();
    of_account(method, name)
        .or_else(|| of_room(method, name))
        .or_else(|| of_server_keys(method, name))
        .or_else(|| of_directory(method, name))
        .or_else(|| of_keys(method, name))
        .or_else(|| of_backup(method, name))
        .or_else(|| of_user_data(method, name))
}

fn auth() -> Value {
    let identifier = json!({ "type": "m.id.user", "user": USER });
    json!({ "type": "m.login.password", "identifier": identifier, "password": "p", "session": "s" })
}

fn of_account(method: &str, name: &str) -> Option<Value> {
    Some(match (method, name) {
        ("POST", "account/deactivate") => json!({ "auth": auth(), "id_server": "a", "erase": true }),
        ("POST", "account/password") => {
            json!({ "auth": auth(), "new_password": "p", "logout_devices": true })
        }
        ("POST", "delete_devices") => json!({ "auth": auth(), "devices": ["DEVICE"] }),
        ("DELETE", "devices/{device_id}") | ("POST", "login/get_token") => json!({ "auth": auth() }),
        ("PUT", "devices/{device_id}") => json!({ "display_name": "Phone" }),
        ("POST", "login") => json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "a" }, "user": "a",
            "password": "p", "device_id": "D", "initial_device_display_name": "n", "refresh_token": true,
        }),
        ("POST", "logout" | "logout/all" | "user/{user_id}/openid/request_token") => json!({}),
        ("POST", "refresh") => json!({ "refresh_token": "t" }),
        ("POST", "register") => json!({
            "auth": { "type": "m.login.dummy", "session": "s" }, "username": "a", "password": "p", "device_id": "D",
            "initial_device_display_name": "n", "inhibit_login": true, "refresh_token": true,
        }),
        ("POST", "/_synapse/admin/v1/register") => json!({
            "nonce": "n", "username": "a", "password": "p", "displayname": "d", "admin": true, "user_type": "t",
            "inhibit_login": true, "mac": "00",
        }),
        _ => return None,
    })
}

fn of_server_keys(method: &str, name: &str) -> Option<Value> {
    let wanted = json!({ "ed25519:1": { "minimum_valid_until_ts": 1 } });
    let body = json!({ "server_keys": { "localhost": wanted, "elsewhere.example": {} } });
    (method == "POST" && name == "/_matrix/key/v2/query").then_some(body)
}

fn of_room(method: &str, name: &str) -> Option<Value> {
    Some(match (method, name) {
        (
            "POST",
            "rooms/{room_id}/ban"
            | "rooms/{room_id}/kick"
            | "rooms/{room_id}/unban"
            | "rooms/{room_id}/invite",
        ) => {
            json!({ "user_id": USER, "reason": "r" })
        }
        ("POST", "rooms/{room_id}/forget") => json!({}),
        (
            "POST",
            "rooms/{room_id}/leave" | "rooms/{room_id}/report" | "rooms/{room_id}/report/{event_id}",
        ) => json!({ "reason": "r" }),
        ("POST", "rooms/{room_id}/join" | "join/{room_id_or_alias}" | "knock/{room_id_or_alias}") => json!({
            "reason": "r",
            "third_party_signed": {
                "sender": USER, "mxid": USER, "token": "t", "signatures": { "a": { "ed25519:0": "s" } },
            },
        }),
        ("POST", "rooms/{room_id}/read_markers") => {
            json!({ "m.fully_read": EVENT, "m.read": EVENT, "m.read.private": EVENT })
        }
        ("POST", "rooms/{room_id}/receipt/{receipt_type}/{event_id}") => json!({ "thread_id": "main" }),
        ("PUT", "rooms/{room_id}/redact/{event_id}/{txn_id}") => json!({ "reason": "r" }),
        ("PUT", "rooms/{room_id}/send/{event_type}/{txn_id}") => json!({
            "msgtype": "m.text", "body": "b", "m.relates_to": { "rel_type": "m.thread", "event_id": EVENT },
        }),
        ("PUT", "rooms/{room_id}/typing/{user_id}") => json!({ "typing": true, "timeout": 1_000 }),
        ("PUT", "rooms/{room_id}/state/{event_type}/{state_key}") => json!({ "topic": "t" }),
        ("POST", "createRoom") => json!({
            "name": "n", "topic": "t", "preset": "public_chat", "visibility": "private", "room_alias_name": "a",
            "room_version": "11", "is_direct": true, "invite": ["@bob:localhost"],
            "creation_content": { "m.federate": true, "type": "m.space", "additional_creators": [USER] },
            "initial_state": [{ "type": "m.room.history_visibility", "state_key": "", "content": { "a": 1 } }],
            "power_level_content_override": { "users": { "@bob:localhost": 50 }, "ban": 50, "events": { "a": 1 } },
            "invite_3pid": [{ "id_server": "a", "id_access_token": "t", "medium": "email", "address": "a@b.c" }],
        }),
        _ => return None,
    })
}

fn of_directory(method: &str, name: &str) -> Option<Value> {
    Some(match (method, name) {
        ("PUT", "directory/list/room/{room_id}") => json!({ "visibility": "public" }),
        ("PUT", "directory/room/{room_alias}") => json!({ "room_id": ROOM }),
        ("DELETE", "directory/room/{room_alias}") => json!({}),
        ("POST", "publicRooms") => json!({
            "limit": 10, "since": "s", "include_all_networks": false, "third_party_instance_id": "i",
            "filter": { "generic_search_term": "a", "room_types": ["m.space", null] },
        }),
        ("POST", "user_directory/search") => json!({ "search_term": "a", "limit": 10 }),
        _ => return None,
    })
}

fn of_keys(method: &str, name: &str) -> Option<Value> {
    let signatures = json!({ (USER): { "ed25519:D": "s" } });
    let cross_signing = |usage: &str| json!({ "user_id": USER, "usage": [usage], "keys": { "ed25519:k": "k" }, "signatures": signatures });
    let device = json!({
        "user_id": USER, "device_id": "D", "algorithms": ["m.megolm.v1.aes-sha2"],
        "keys": { "curve25519:D": "k", "ed25519:D": "k" }, "signatures": signatures,
    });
    let one_time_key = json!({ "key": "k", "fallback": true, "signatures": signatures });
    Some(match (method, name) {
        ("POST", "keys/upload") => json!({
            "device_keys": device,
            "one_time_keys": { "signed_curve25519:A": one_time_key, "curve25519:B": "k" },
            "fallback_keys": { "signed_curve25519:C": one_time_key },
        }),
        ("POST", "keys/query") => json!({ "device_keys": { (USER): ["D"] }, "timeout": 1_000 }),
        ("POST", "keys/claim") => {
            json!({ "one_time_keys": { (USER): { "D": "signed_curve25519" } }, "timeout": 1_000 })
        }
        ("POST", "keys/device_signing/upload") => json!({
            "master_key": cross_signing("master"), "self_signing_key": cross_signing("self_signing"),
            "user_signing_key": cross_signing("user_signing"), "auth": auth(),
        }),
        ("POST", "keys/signatures/upload") => json!({ (USER): { "D": device } }),
        ("PUT", "sendToDevice/{event_type}/{txn_id}") => {
            json!({ "messages": { (USER): { "D": { "a": 1 } }, "@bob:localhost": { "*": {} } } })
        }
        _ => return None,
    })
}

fn of_backup(method: &str, name: &str) -> Option<Value> {
    let session = json!({
        "first_message_index": 1, "forwarded_count": 0, "is_verified": true,
        "session_data": { "ephemeral": "e", "ciphertext": "c", "mac": "m" },
    });
    let room = json!({ "sessions": { "s": session } });
    let version = json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "version": "1",
        "auth_data": { "public_key": "k", "signatures": { (USER): { "ed25519:D": "s" } } },
    });
    Some(match (method, name) {
        ("POST", "room_keys/version") | ("PUT", "room_keys/version/{version}") => version,
        ("PUT", "room_keys/keys") => json!({ "rooms": { (ROOM): room } }),
        ("PUT", "room_keys/keys/{room_id}") => room,
        ("PUT", "room_keys/keys/{room_id}/{session_id}") => session,
        ("DELETE", _) if name.starts_with("room_keys/") => json!({}),
        _ => return None,
    })
}

fn of_user_data(method: &str, name: &str) -> Option<Value> {
    let event_filter = json!({
        "limit": 10, "types": ["m.*"], "not_types": ["a"], "senders": ["@a:localhost"], "not_senders": ["@b:localhost"],
        "rooms": ["!a:localhost"], "not_rooms": ["!b:localhost"], "lazy_load_members": true,
        "include_redundant_members": false, "contains_url": true, "unread_thread_notifications": true,
    });
    Some(match (method, name) {
        ("PUT", "profile/{user_id}/{field}") => json!({ "some": "value", "displayname": "d" }),
        ("DELETE", "profile/{user_id}/{field}") => json!({}),
        ("POST", "users/{user_id}/report") => json!({ "reason": "r" }),
        ("PUT", "pushrules/global/{kind}/{rule_id}") => json!({
            "actions": ["notify", { "set_tweak": "sound", "value": "default" }], "pattern": "p",
            "conditions": [{ "kind": "event_match", "key": "content.body", "pattern": "p" }],
        }),
        ("PUT", "pushrules/global/{kind}/{rule_id}/actions") => json!({ "actions": ["notify"] }),
        ("PUT", "pushrules/global/{kind}/{rule_id}/enabled") => json!({ "enabled": true }),
        ("DELETE", "pushrules/global/{kind}/{rule_id}") => json!({}),
        ("PUT", _) if name.ends_with("/account_data/{event_type}") => json!({ "a": { "b": [1] } }),
        ("PUT", "user/{user_id}/rooms/{room_id}/tags/{tag}") => json!({ "order": 0.5 }),
        ("DELETE", "user/{user_id}/rooms/{room_id}/tags/{tag}") => json!({}),
        ("POST", "user/{user_id}/filter") => json!({
            "event_fields": ["type"], "event_format": "client", "presence": event_filter, "account_data": event_filter,
            "room": {
                "include_leave": true, "rooms": ["!a:localhost"], "not_rooms": ["!b:localhost"],
                "state": event_filter, "timeline": event_filter, "ephemeral": event_filter, "account_data": event_filter,
            },
        }),
        _ => return None,
    })
}
