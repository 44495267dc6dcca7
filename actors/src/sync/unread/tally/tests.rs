use super::*;

fn basis() -> Basis {
    let rules = playhouse_rules::push::PushRules::server_default(ruma::user_id!("@a:a")).compile().hash();
    Basis { rules, ignored: Arc::default(), member_event: 0 }
}

fn message(seq: i64, thread: Option<&str>, highlight: bool) -> Found {
    Found { seq, thread: thread.map(Arc::from), meaning: Meaning::Notifies { highlight } }
}

fn tally(found: impl IntoIterator<Item = Found>) -> Tally {
    let mut tally = Tally::new(basis(), 0);
    found.into_iter().for_each(|found| tally.note(found));
    tally
}

fn count(notification_count: u64, highlight_count: u64) -> UnreadCounts {
    UnreadCounts { notification_count, highlight_count }
}

/// The example of the specification's thread receipts: A<-B<-C<-E in the thread of A, D and F in the main timeline.
fn conversation() -> Tally {
    tally([
        message(1, None, false),
        message(2, Some("$a"), false),
        message(3, Some("$a"), true),
        message(4, None, true),
        message(5, Some("$a"), false),
        message(6, None, false),
    ])
}

#[test]
fn threads_count_apart_only_if_asked_for() {
    let tally = conversation();

    let together = tally.counts(false);
    assert_eq!((together.main, together.threads.len()), (count(6, 2), 0));
    let apart = tally.counts(true);
    assert_eq!((apart.main, apart.threads["$a"]), (count(3, 1), count(3, 1)));
}

#[test]
fn a_receipt_clears_its_own_thread_only() {
    let mut tally = conversation();

    assert!(tally.read(|thread| i64::from(thread.is_none())));
    assert_eq!(tally.counts(true).main, count(2, 1));
    assert!(tally.read(|thread| if thread.is_none() { 1 } else { 2 }));
    assert_eq!(tally.counts(true).threads["$a"], count(2, 1));
}

#[test]
fn a_receipt_for_the_room_clears_every_thread_up_to_it() {
    let mut tally = conversation();

    assert!(tally.read(|_| 4));

    assert_eq!(tally.counts(false).main, count(2, 0));
    assert_eq!(tally.counts(true).threads["$a"], count(1, 0));
}

#[test]
fn what_the_user_writes_clears_its_thread_before_it() {
    let own = |seq, thread: Option<&str>| Found { seq, thread: thread.map(Arc::from), meaning: Meaning::Own };

    let mut tally = conversation();
    tally.note(own(7, Some("$a")));
    tally.note(message(8, Some("$a"), false));

    assert_eq!(tally.counts(true).main, count(3, 1));
    assert_eq!(tally.counts(true).threads["$a"], count(1, 0));
    tally.note(own(9, None));
    assert_eq!(tally.counts(true).main, count(0, 0));
}

#[test]
fn what_is_redacted_counts_no_more() {
    let mut tally = conversation();

    tally.note(Found { seq: 7, thread: None, meaning: Meaning::Redacts(4) });

    assert_eq!(tally.counts(false).main, count(5, 1));
}

#[test]
fn many_unread_events_are_counted_and_not_listed() {
    let mut tally = tally((1..=100).map(|seq| message(seq, (seq % 2 == 0).then_some("$a"), seq == 1)));

    assert_eq!(tally.counts(true).main, count(50, 1));
    assert_eq!(tally.counts(true).threads["$a"], count(50, 0));
    assert!(!tally.read(|_| 1), "a receipt cannot be taken in any more");

    tally.note(Found { seq: 101, thread: None, meaning: Meaning::Own });
    assert_eq!(tally.counts(false).main, count(50, 0));
}

#[test]
fn no_count_passes_the_cap() {
    let tally = tally((1..=2 * MOST_COUNTED).map(|seq| message(seq, None, true)));

    assert_eq!(tally.counts(true).main, count(MOST_COUNTED as u64, MOST_COUNTED as u64));
}
