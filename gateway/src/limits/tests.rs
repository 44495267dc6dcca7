//! The laws of the limiter.

use proptest::prelude::*;
use ruma::user_id;

use super::*;
use crate::config::{ClassRate, UserLimits};

const SECOND_US: u64 = 1_000_000;

fn limits(per_second: f64, burst: u32) -> Limits {
    let rate = ClassRate { per_second, burst };
    Limits::new(&RateLimits { messages: rate, ..RateLimits::default() })
}

fn alice<'a>() -> Whose<'a> {
    Whose::User(user_id!("@alice:a"))
}

#[test]
fn a_burst_passes_and_the_next_waits_for_one_token() {
    let limits = limits(2.0, 5);

    let passed = (0..20).take_while(|_| limits.take_at(Class::Messages, alice(), 0).is_ok()).count();

    assert_eq!(passed, 5);
    let wait = limits.take_at(Class::Messages, alice(), 0).unwrap_err();
    assert_eq!(wait, Duration::from_millis(500));
    assert!(limits.take_at(Class::Messages, alice(), 499_999).is_err());
    assert!(limits.take_at(Class::Messages, alice(), 500_000).is_ok());
}

#[test]
fn buckets_of_users_and_classes_are_apart() {
    let limits = limits(1.0, 1);
    limits.take_at(Class::Messages, alice(), 0).unwrap();

    assert!(limits.take_at(Class::Messages, alice(), 0).is_err());
    assert!(limits.take_at(Class::Messages, Whose::User(user_id!("@bob:a")), 0).is_ok());
    assert!(limits.take_at(Class::Joins, alice(), 0).is_ok());
}

#[test]
fn an_ipv6_customer_has_one_bucket_for_the_whole_network() {
    let limits = limits(1.0, 1);
    let at = |text: &str| Whose::Address(text.parse().unwrap());
    limits.take_at(Class::Messages, at("2001:db8::1"), 0).unwrap();

    assert!(limits.take_at(Class::Messages, at("2001:db8::ffff:1"), 0).is_err());
    assert!(limits.take_at(Class::Messages, at("2001:db8:0:1::1"), 0).is_ok());
    limits.take_at(Class::Messages, at("::ffff:192.0.2.1"), 0).unwrap();
    assert!(limits.take_at(Class::Messages, at("192.0.2.1"), 0).is_err());
}

#[test]
fn a_token_given_back_can_be_taken_again() {
    let limits = limits(0.001, 1);
    limits.take_at(Class::Messages, alice(), 0).unwrap();

    limits.give_back(Class::Messages, alice());

    assert!(limits.take_at(Class::Messages, alice(), 0).is_ok());
}

#[test]
fn users_may_have_rates_of_their_own() {
    let own = UserLimits { messages: Some(ClassRate { per_second: 1.0, burst: 3 }), ..UserLimits::default() };
    let exempt = UserLimits { exempt: true, ..UserLimits::default() };
    let users = [(user_id!("@alice:a").to_owned(), own), (user_id!("@bot:a").to_owned(), exempt)];
    let messages = ClassRate { per_second: 1.0, burst: 1 };
    let limits = Limits::new(&RateLimits { messages, users: users.into(), ..RateLimits::default() });
    let passes =
        |user| (0..50).take_while(|_| limits.take_at(Class::Messages, Whose::User(user), 0).is_ok()).count();

    assert_eq!(passes(user_id!("@alice:a")), 3);
    assert_eq!(passes(user_id!("@bob:a")), 1);
    assert_eq!(passes(user_id!("@bot:a")), 50);
}

#[test]
fn one_switch_turns_all_of_them_off() {
    let messages = ClassRate { per_second: 0.001, burst: 1 };
    let limits = Limits::new(&RateLimits { enabled: false, messages, ..RateLimits::default() });

    assert!((0..100).all(|_| limits.take_at(Class::Messages, alice(), 0).is_ok()));
}

#[test]
fn a_flood_of_names_is_bounded_in_memory_and_shares_one_bucket() {
    let limits = limits(0.001, 1);
    for n in 0..MAX_BUCKETS {
        limits.take_at(Class::Messages, Whose::Name(&n.to_string()), 0).unwrap();
    }

    let newcomers =
        (0..50).filter(|n| limits.take_at(Class::Messages, Whose::Name(&format!("late {n}")), 0).is_ok());

    assert_eq!(newcomers.count(), 1);
    assert!(limits.buckets.len() <= MAX_BUCKETS + 1);
    let much_later = 3600 * 24 * SECOND_US;
    assert!(limits.take_at(Class::Messages, Whose::Name("later"), much_later).is_ok());
    assert!(limits.buckets.len() < 10);
}

proptest! {
    #[test]
    fn never_more_than_the_burst_and_the_rate(
        steps in prop::collection::vec(0_u64..3 * SECOND_US, 1..200), per_second in 1_u32..20, burst in 1_u32..20,
    ) {
        let limits = limits(f64::from(per_second), burst);
        let (mut now, mut passed) = (0, 0_u64);
        for step in steps {
            now += step;
            passed += u64::from(limits.take_at(Class::Messages, alice(), now).is_ok());
            let allowed = u64::from(burst) + now * u64::from(per_second) / SECOND_US + 1;
            prop_assert!(passed <= allowed, "{passed} of {allowed} after {now}");
        }
    }

    #[test]
    fn who_waits_as_told_is_let_in(attempts in 1_usize..50, per_second in 1_u32..50, burst in 1_u32..5) {
        let limits = limits(f64::from(per_second), burst);
        let mut now = 0;
        for _ in 0..attempts {
            if let Err(wait) = limits.take_at(Class::Messages, alice(), now) {
                now += u64::try_from(wait.as_micros()).unwrap();
                prop_assert!(limits.take_at(Class::Messages, alice(), now).is_ok());
            }
        }
    }
}
