use playhouse_storage::backends::Adversity;
use ruma::{OwnedRoomId, OwnedUserId, room_id};
use serde_json::{Value, json};

use super::{BackedUpKey, BackupContents, BackupScope, Backups, NewBackup};
use crate::user::{
    UserError,
    testing::{World, raw},
};

fn backup(algorithm: &str) -> NewBackup {
    NewBackup::check(&raw(&json!({ "algorithm": algorithm, "auth_data": { "public_key": "abc" } }))).unwrap()
}

fn key(session: &str, first_message_index: u32) -> BackedUpKey {
    let data = json!({
        "first_message_index": first_message_index, "forwarded_count": 0, "is_verified": false,
        "session_data": { "ciphertext": "x" },
    });
    BackedUpKey::check(room_id!("!room:test"), session.to_owned(), raw(&data)).unwrap()
}

fn in_other_room(key: BackedUpKey) -> BackedUpKey {
    BackedUpKey { room: "!other:test".into(), ..key }
}

async fn alice(world: &World) -> OwnedUserId {
    world.user("alice", &["PHONE"]).await
}

fn backups<'a>(world: &'a World, user: &'a OwnedUserId) -> Backups<'a> {
    Backups { store: world.node.store(), user }
}

fn contents(etag: &str, count: u64) -> BackupContents {
    BackupContents { etag: etag.into(), count }
}

#[tokio::test]
async fn the_etag_changes_with_the_keys_and_only_then() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let stream = world.stream(&alice);
    let version = stream.create_backup(backup("a")).await.unwrap();
    let put = async |keys| stream.put_backup_keys(version.clone(), keys).await.unwrap();

    assert_eq!(put(vec![key("1", 10), key("2", 10)]).await, contents("1", 2));
    assert_eq!(put(vec![key("1", 10), key("2", 11)]).await, contents("1", 2));
    assert_eq!(put(vec![key("1", 9), key("3", 10)]).await, contents("2", 3));
    let info = backups(&world, &alice).current().await.unwrap();
    assert_eq!((info.etag.as_str(), info.count), ("2", 3));
    let kept = backups(&world, &alice).session(&version, room_id!("!room:test"), "1").await.unwrap();
    assert!(kept.get().contains(r#""first_message_index":9"#));
}

#[tokio::test]
async fn keys_are_deleted_by_session_by_room_and_all_at_once() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let stream = world.stream(&alice);
    let version = stream.create_backup(backup("a")).await.unwrap();
    let keys = vec![key("1", 0), key("2", 0), key("3", 0), in_other_room(key("1", 0))];
    stream.put_backup_keys(version.clone(), keys).await.unwrap();
    let room: OwnedRoomId = room_id!("!room:test").to_owned();
    let delete = async |scope| stream.delete_backup_keys(version.clone(), scope).await.unwrap();

    assert_eq!(delete(BackupScope::Session(room.clone(), "1".into())).await, contents("2", 3));
    assert_eq!(delete(BackupScope::Session(room.clone(), "1".into())).await, contents("2", 3));
    assert_eq!(delete(BackupScope::Room(room.clone())).await, contents("3", 1));
    assert_eq!(delete(BackupScope::Room(room.clone())).await, contents("3", 1));
    assert_eq!(delete(BackupScope::Everything).await, contents("4", 0));
    assert_eq!(delete(BackupScope::Everything).await, contents("4", 0));
    // What was deleted may come again, however good it was.
    assert_eq!(stream.put_backup_keys(version.clone(), vec![key("1", 99)]).await.unwrap(), contents("5", 1));
}

#[tokio::test]
async fn a_backup_is_read_whole_by_room_and_by_session_also_after_a_restart() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let version = world.stream(&alice).create_backup(backup("a")).await.unwrap();
    let everything = backups(&world, &alice).everything(&version).await.unwrap();
    assert_eq!(everything, br#"{"rooms":{}}"#);
    let room = backups(&world, &alice).room(&version, room_id!("!room:test")).await.unwrap();
    assert_eq!(room, br#"{"sessions":{}}"#);
    let keys = vec![key("1\"\u{1}", 1), key("2", 2), in_other_room(key("3", 3))];
    world.stream(&alice).put_backup_keys(version.clone(), keys).await.unwrap();

    let world = world.killed_and_started(Adversity::none()).await;
    let backups = backups(&world, &alice);
    let everything: Value = serde_json::from_slice(&backups.everything(&version).await.unwrap()).unwrap();
    let room = backups.room(&version, room_id!("!room:test")).await.unwrap();
    let room: Value = serde_json::from_slice(&room).unwrap();

    assert_eq!(everything["rooms"]["!room:test"], room);
    assert_eq!(everything["rooms"]["!other:test"]["sessions"]["3"]["first_message_index"], 3);
    assert_eq!(room["sessions"]["1\"\u{1}"]["first_message_index"], 1);
    let missing = backups.session(&version, room_id!("!room:test"), "3").await;
    assert!(matches!(missing, Err(UserError::NotFound(_))));
}

#[tokio::test]
async fn keys_go_into_the_current_backup_only() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let stream = world.stream(&alice);
    let put = async |version: &str| stream.put_backup_keys(version.into(), vec![key("1", 0)]).await;
    assert!(matches!(put("1").await, Err(UserError::NotFound(_))));
    let first = stream.create_backup(backup("a")).await.unwrap();
    let second = stream.create_backup(backup("a")).await.unwrap();

    assert!(matches!(put(&first).await, Err(UserError::WrongBackupVersion { current }) if current == second));
    for unknown in ["3", "0", "-1", "01", "+2", "x", "", "99999999999999999999"] {
        assert!(matches!(put(unknown).await, Err(UserError::NotFound(_))), "{unknown}");
    }
    put(&second).await.unwrap();
    stream.delete_backup(second.clone()).await.unwrap();
    put(&first).await.unwrap();
}

#[tokio::test]
async fn a_deleted_backup_is_gone_for_reads_and_its_number_does_not_come_back() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let stream = world.stream(&alice);
    let version = stream.create_backup(backup("a")).await.unwrap();
    stream.put_backup_keys(version.clone(), vec![key("1", 0)]).await.unwrap();

    stream.delete_backup(version.clone()).await.unwrap();
    stream.delete_backup(version.clone()).await.unwrap();

    let backups = backups(&world, &alice);
    assert!(matches!(backups.current().await, Err(UserError::NotFound(_))));
    assert!(matches!(backups.version(&version).await, Err(UserError::NotFound(_))));
    assert!(matches!(backups.everything(&version).await, Err(UserError::NotFound(_))));
    let delete = stream.delete_backup_keys(version.clone(), BackupScope::Everything).await;
    assert!(matches!(delete, Err(UserError::NotFound(_))));
    assert!(matches!(stream.delete_backup("7".into()).await, Err(UserError::NotFound(_))));
    assert_eq!(stream.create_backup(backup("a")).await.unwrap(), "2");
}

#[tokio::test]
async fn only_the_data_of_a_backup_can_be_changed() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let stream = world.stream(&alice);
    let version = stream.create_backup(backup("a")).await.unwrap();
    let update = async |version: &str, body: Value| {
        stream.update_backup(version.to_owned(), NewBackup::check(&raw(&body))?).await
    };

    update(&version, json!({ "algorithm": "a", "auth_data": { "new": true }, "version": "1" }))
        .await
        .unwrap();

    assert_eq!(backups(&world, &alice).current().await.unwrap().auth_data.get(), r#"{"new":true}"#);
    let other = update(&version, json!({ "algorithm": "b", "auth_data": {} })).await;
    assert!(matches!(other, Err(UserError::Invalid(_))));
    let other = update(&version, json!({ "algorithm": "a", "auth_data": {}, "version": "2" })).await;
    assert!(matches!(other, Err(UserError::Invalid(_))));
    let unknown = update("2", json!({ "algorithm": "a", "auth_data": {} })).await;
    assert!(matches!(unknown, Err(UserError::NotFound(_))));
    for bad in
        [json!({}), json!({ "algorithm": 1, "auth_data": {} }), json!({ "algorithm": "a", "auth_data": [] })]
    {
        assert!(matches!(update(&version, bad).await, Err(UserError::Malformed(_))));
    }
}

#[tokio::test]
async fn the_keys_of_many_rooms_come_back_whole_and_go_together() {
    let world = World::new().await;
    let alice = alice(&world).await;
    let stream = world.stream(&alice);
    let version = stream.create_backup(backup("a")).await.unwrap();
    let room = |n: usize| format!("!{n}:test");
    let keys =
        (0..200).flat_map(|n| ["1", "2"].map(|session| BackedUpKey { room: room(n), ..key(session, 1) }));
    stream.put_backup_keys(version.clone(), keys.collect()).await.unwrap();

    let everything = backups(&world, &alice).everything(&version).await.unwrap();
    let everything: Value = serde_json::from_slice(&everything).unwrap();
    for n in 0..200 {
        let sessions = everything["rooms"][room(n)]["sessions"].as_object().unwrap();
        assert_eq!(sessions.keys().collect::<Vec<_>>(), ["1", "2"]);
    }

    stream.delete_backup_keys(version.clone(), BackupScope::Everything).await.unwrap();
    assert_eq!(backups(&world, &alice).everything(&version).await.unwrap(), br#"{"rooms":{}}"#);
}
