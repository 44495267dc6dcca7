//! How fast accounts are made and log in, ten at a time.

use std::time::Instant;

use playhouse_tests::User;

use crate::latency::Latencies;
use crate::measure::{Clock, Measurement};
use crate::subject::Subject;
use crate::{Size, accounts};

const AT_ONCE: usize = 10;

/// Registrations, then a login of each.
pub async fn plays(subject: &mut Subject, size: Size) -> Vec<Measurement> {
    let each = size.of(1000, 10) / AT_ONCE;
    let prefix = subject.next_prefix();
    let clock = Clock::starts(subject);
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|n| {
            let (http, secret) = (subject.http.clone(), subject.secret().map(str::to_owned));
            let prefix = format!("{prefix}{n}-");
            tokio::spawn(async move {
                let (mut users, mut latencies) = (Vec::new(), Latencies::default());
                for n in 0..each {
                    let start = Instant::now();
                    users.push(accounts::one(&http, secret.as_deref(), &format!("{prefix}{n}")).await);
                    latencies.add(start.elapsed());
                }
                (users, latencies)
            })
        })
        .collect();
    let (mut groups, mut latencies) = (Vec::new(), Latencies::default());
    for task in tasks {
        let (users, some) = task.await.expect("no panic");
        groups.push(users);
        latencies.extend(some);
    }
    let registered = clock.stops(subject, "register, 10 at a time", latencies);
    vec![registered, logins(subject, groups).await]
}

async fn logins(subject: &Subject, groups: Vec<Vec<User>>) -> Measurement {
    let clock = Clock::starts(subject);
    let tasks: Vec<_> = groups
        .into_iter()
        .map(|users| {
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                for user in users {
                    let start = Instant::now();
                    user.logs_in().await;
                    latencies.add(start.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Latencies::default();
    for task in tasks {
        latencies.extend(task.await.expect("no panic"));
    }
    clock.stops(subject, "log in, 10 at a time", latencies)
}
