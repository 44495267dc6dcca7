//! The laws of notification counts, on a server with rooms in it.

use std::time::Duration;

use proptest::{prelude::*, test_runner::Config};
use ruma::{EventId, OwnedEventId, OwnedRoomId, push::NewSimplePushRule};
use serde_json::{Value, json};

use super::*;
use crate::{
    receipts::{ReceiptKind, Thread, set_receipt},
    room::view::TAIL_EVENTS,
    sending::redact,
    sync::{SyncRequest, sync},
    testing::{Person, Theatre},
    user::push_rules::PushRuleChange,
};

/// A room of two, and what one of them has not read of the other.
struct Chat<'t> {
    theatre: &'t Theatre,
    writer: Person<'t>,
    reader: Person<'t>,
    room: OwnedRoomId,
    sent: usize,
}

impl<'t> Chat<'t> {
    async fn of(theatre: &'t Theatre) -> Self {
        let (writer, reader) = (theatre.person("writer").await, theatre.person("reader").await);
        let room = writer.opens_a_room().await;
        reader.joins(&room).await.unwrap();
        Self { theatre, writer, reader, room, sent: 0 }
    }

    async fn sends(&mut self, who: &Person<'_>, content: Value) -> OwnedEventId {
        self.sent += 1;
        who.sends(&self.room, "m.room.message", &format!("t{}", self.sent), content).await.unwrap()
    }

    async fn writes(&mut self, text: &str) -> OwnedEventId {
        self.sends(&self.writer.clone(), json!({ "body": text })).await
    }

    async fn mentions_the_reader(&mut self) -> OwnedEventId {
        let content = json!({ "body": "you", "m.mentions": { "user_ids": [self.reader.id] } });
        self.sends(&self.writer.clone(), content).await
    }

    async fn writes_about(&mut self, event: &EventId, relation: &str) -> OwnedEventId {
        let relation = json!({ "event_id": event, "rel_type": relation });
        self.sends(&self.writer.clone(), json!({ "body": "about", "m.relates_to": relation })).await
    }

    async fn reads(&self, event: &EventId, kind: ReceiptKind, thread: Thread) {
        set_receipt(&self.theatre.node, &self.reader.id, &self.room, kind, event, &thread).await.unwrap();
    }

    async fn reads_all_up_to(&self, event: &EventId) {
        self.reads(event, ReceiptKind::Public, Thread::Unthreaded).await;
    }

    async fn changes_rules(&self, change: PushRuleChange) {
        self.theatre.node.users().handle(&self.reader.id).change_push_rule(change).await.unwrap();
    }

    async fn counts_of(&self, threads_apart: bool) -> Counts {
        let filter = json!({ "room": { "timeline": { "unread_thread_notifications": threads_apart } } });
        let request = SyncRequest {
            user: self.reader.id.clone(),
            device: Some(self.reader.device.to_owned()),
            since: None,
            filter: serde_json::from_value(filter).unwrap(),
            full_state: false,
            use_state_after: false,
            timeout: Duration::ZERO,
        };
        let mut response = sync(&self.theatre.node, &request).await.unwrap();
        let room = response.rooms.join.remove(&self.room).unwrap();
        Counts { main: room.unread_notifications, threads: room.unread_thread_notifications }
    }

    /// Notifications and highlights.
    async fn unread(&self) -> (u64, u64) {
        let main = self.counts_of(false).await.main;
        (main.notification_count, main.highlight_count)
    }

    /// What a server would count that remembers nothing.
    async fn counted_anew(&self) -> Counts {
        let feed = self.theatre.node.users().feed(&self.reader.id).await.unwrap();
        feed.unread().forget(&self.room);
        self.counts_of(true).await
    }
}

#[tokio::test]
async fn what_others_write_is_unread_until_a_receipt_public_or_private() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;
    assert_eq!(chat.unread().await, (0, 0), "a join and what came before it notify nobody");

    chat.writes("one").await;
    let two = chat.mentions_the_reader().await;
    assert_eq!(chat.unread().await, (2, 1));

    chat.reads(&two, ReceiptKind::Private, Thread::Unthreaded).await;
    assert_eq!(chat.unread().await, (0, 0));

    let three = chat.writes("three").await;
    assert_eq!(chat.unread().await, (1, 0));
    chat.reads_all_up_to(&three).await;
    assert_eq!(chat.unread().await, (0, 0));
}

#[tokio::test]
async fn own_events_notify_nobody_and_show_that_what_was_before_is_read() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;

    chat.writes("one").await;
    assert_eq!(chat.unread().await, (1, 0));
    chat.sends(&chat.reader.clone(), json!({ "body": "an answer" })).await;
    assert_eq!(chat.unread().await, (0, 0));
    chat.writes("two").await;

    assert_eq!(chat.unread().await, (1, 0));
    assert_eq!(chat.counted_anew().await, chat.counts_of(true).await);
}

#[tokio::test]
async fn a_new_name_is_no_answer() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;
    chat.writes("one").await;

    chat.reader.sets_profile("displayname", "Reader").await;
    crate::user::spread_profile::spread_profile(&theatre.node, &chat.reader.id).await.unwrap();

    assert_eq!(chat.reader.sees_member(&chat.room, &chat.reader.id).await["displayname"], "Reader");
    assert_eq!(chat.unread().await, (1, 0));
}

#[tokio::test]
async fn threads_are_read_apart_and_told_apart_to_who_asks() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;
    let root = chat.writes("root").await;
    let reply = chat.writes_about(&root, "m.thread").await;
    chat.writes_about(&reply, "m.reference").await;
    chat.writes_about(&root, "m.reference").await;

    let apart = chat.counts_of(true).await;
    assert_eq!((apart.main.notification_count, apart.threads[root.as_str()].notification_count), (2, 2));
    assert_eq!((chat.counts_of(false).await.threads.len(), chat.unread().await), (0, (4, 0)));

    chat.reads(&root, ReceiptKind::Public, Thread::Main).await;
    chat.reads(&reply, ReceiptKind::Private, Thread::Under(root.clone())).await;
    let apart = chat.counts_of(true).await;
    assert_eq!((apart.main.notification_count, apart.threads[root.as_str()].notification_count), (1, 1));
}

#[tokio::test]
async fn a_rule_rules_the_very_next_event() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;
    let mute = NewSimplePushRule::new(chat.room.clone(), Vec::new());
    let rule = ruma::push::NewPushRule::Room(mute);

    chat.changes_rules(PushRuleChange::Put { rule, before: None, after: None }).await;
    chat.writes("one").await;
    assert_eq!(chat.unread().await, (0, 0));

    chat.changes_rules(PushRuleChange::Remove(ruma::push::RuleKind::Room, chat.room.to_string())).await;
    chat.writes("two").await;
    assert_eq!(chat.unread().await, (2, 0));
}

#[tokio::test]
async fn ignored_users_and_redacted_events_notify_nobody() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;
    let regretted = chat.writes("one").await;
    chat.writes("two").await;
    assert_eq!(chat.unread().await, (2, 0));

    redact(&theatre.node, chat.writer.sender(), &chat.room, &regretted, "r", None).await.unwrap();
    assert_eq!(chat.unread().await, (1, 0));
    chat.reader
        .sets_account_data("m.ignored_user_list", json!({ "ignored_users": { chat.writer.id.as_str(): {} } }))
        .await;
    assert_eq!(chat.unread().await, (0, 0));
}

#[tokio::test]
async fn counts_outlive_a_restart_and_a_second_stay() {
    let theatre = Theatre::open().await;
    let (reader, room) = {
        let mut chat = Chat::of(&theatre).await;
        let one = chat.writes("one").await;
        chat.reads_all_up_to(&one).await;
        chat.mentions_the_reader().await;
        (chat.reader.id.clone(), chat.room.clone())
    };

    let theatre = theatre.reopen().await;
    let (writer, reader) =
        (theatre.person_again("@writer:test".try_into().unwrap()), theatre.person_again(&reader));
    let mut chat = Chat { theatre: &theatre, writer, reader, room, sent: 100 };
    assert_eq!(chat.unread().await, (1, 1));

    chat.reader.leaves(&chat.room).await.unwrap();
    chat.writes("to an empty chair").await;
    chat.reader.joins(&chat.room).await.unwrap();
    assert_eq!(chat.unread().await, (0, 0));
    chat.writes("again").await;
    assert_eq!(chat.unread().await, (1, 0));
}

#[tokio::test]
async fn a_thousand_unread_events_are_the_most_that_are_looked_at() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;
    chat.mentions_the_reader().await;
    for _ in 0..MOST_COUNTED {
        chat.writes("more").await;
    }

    assert_eq!(chat.unread().await, (MOST_COUNTED as u64, 0));
}

#[tokio::test]
async fn rows_that_notify_nobody_are_passed_over_and_change_no_count() {
    let theatre = Theatre::open().await;
    let mut chat = Chat::of(&theatre).await;
    let three = json!([
        { "kind": "room_member_count", "is": "3" },
        { "kind": "event_match", "key": "type", "pattern": "m.room.message" },
    ]);
    let highlight = ruma::push::Action::SetTweak(ruma::push::Tweak::Highlight(true.into()));
    let rule = ruma::push::NewConditionalPushRule::new(
        "three".to_owned(),
        serde_json::from_value(three).unwrap(),
        vec![ruma::push::Action::Notify, highlight],
    );
    let rule = ruma::push::NewPushRule::Override(rule);
    chat.changes_rules(PushRuleChange::Put { rule, before: None, after: None }).await;
    let guest = theatre.person("guest").await;

    chat.writes("two of us").await;
    guest.joins(&chat.room).await.unwrap();
    chat.writes("three of us").await;
    for _ in 0..TAIL_EVENTS / 2 {
        guest.leaves(&chat.room).await.unwrap();
        guest.joins(&chat.room).await.unwrap();
    }
    chat.writes("still three").await;
    guest.leaves(&chat.room).await.unwrap();
    chat.writes("two again").await;

    let first = chat.counted_anew().await;
    let view = theatre.node.rooms().view(&chat.room).await.unwrap();
    let data = theatre.node.users().feed(&chat.reader.id).await.unwrap().data();
    let rules = data.compiled_push_rules.as_ref().unwrap().hash();
    let quiet = view.quiet_rows.of(rules, 0, view.tail_start());
    assert!(quiet.iter().flatten().any(|joined| *joined == -1), "{quiet:?}");
    let again = chat.counted_anew().await;

    assert_eq!((first.main.notification_count, first.main.highlight_count), (4, 2));
    assert_eq!(first, again);
}

/// Something that happens in a chat.
#[derive(Debug, Clone)]
enum Happening {
    Message { mention: bool, about: Option<(usize, &'static str)> },
    Own { about: Option<(usize, &'static str)> },
    Receipt { event: usize, private: bool, threaded: bool },
    Redaction(usize),
    Look,
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let relation = prop::sample::select(vec!["m.thread", "m.reference", "m.annotation"]);
    let about = prop::option::weighted(0.6, (0_usize..30, relation));
    prop_oneof![
        5 => (any::<bool>(), about.clone()).prop_map(|(mention, about)| Happening::Message { mention, about }),
        1 => about.prop_map(|about| Happening::Own { about }),
        3 => (0_usize..30, any::<bool>(), any::<bool>())
            .prop_map(|(event, private, threaded)| Happening::Receipt { event, private, threaded }),
        1 => (0_usize..30).prop_map(Happening::Redaction),
        3 => Just(Happening::Look),
    ]
}

async fn happens(chat: &mut Chat<'_>, events: &mut Vec<OwnedEventId>, happening: Happening) {
    let content = |mention: bool, about: Option<(usize, &str)>, chat: &Chat<'_>, events: &[OwnedEventId]| {
        let mut content = json!({ "body": "text" });
        if mention {
            content["m.mentions"] = json!({ "user_ids": [chat.reader.id] });
        }
        if let Some((event, relation)) =
            about.and_then(|(index, relation)| Some((events.get(index)?, relation)))
        {
            content["m.relates_to"] = json!({ "event_id": event, "rel_type": relation });
        }
        content
    };
    match happening {
        Happening::Message { mention, about } => {
            let content = content(mention, about, chat, events);
            events.push(chat.sends(&chat.writer.clone(), content).await);
        }
        Happening::Own { about } => {
            let content = content(false, about, chat, events);
            events.push(chat.sends(&chat.reader.clone(), content).await);
        }
        Happening::Receipt { event, private, threaded } => {
            let Some(event) = events.get(event) else { return };
            let kind = if private { ReceiptKind::Private } else { ReceiptKind::Public };
            let threads = events.iter().cloned().map(Thread::Under).chain([Thread::Main]);
            let threads = if threaded { threads.collect() } else { vec![Thread::Unthreaded] };
            for thread in threads {
                let (node, reader) = (&chat.theatre.node, &chat.reader.id);
                if set_receipt(node, reader, &chat.room, kind, event, &thread).await.is_ok() {
                    return;
                }
            }
        }
        Happening::Redaction(event) => {
            let Some(event) = events.get(event) else { return };
            let (node, id) = (&chat.theatre.node, format!("r{event}"));
            redact(node, chat.writer.sender(), &chat.room, event, &id, None).await.unwrap();
        }
        Happening::Look => drop(chat.counts_of(true).await),
    }
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn what_is_remembered_never_differs_from_what_would_be_counted_anew(
        happenings in prop::collection::vec(any_happening(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (remembered, anew) = runtime.block_on(async {
            let theatre = Theatre::open().await;
            let mut chat = Chat::of(&theatre).await;
            let mut events = Vec::new();
            for happening in happenings {
                happens(&mut chat, &mut events, happening).await;
            }
            (chat.counts_of(true).await, chat.counted_anew().await)
        });
        prop_assert_eq!(remembered, anew);
    }
}
