//! The lease on a keyspace: a row that says which process serves from it, so that a second one stops at its start with
//! a word to the operator. It is no lock: what keeps rooms right is their fence.
//!
//! The holder changes the row every [`RENEW_EVERY`]. Whoever wants it and sees no change for [`LIFE`], by its own clock
//! that no one sets, takes it; where the holder ran here and is gone, at once. No clocks of two machines are compared:
//! the times in the row are for people.

mod keeper;
mod process;

use std::time::{Duration, UNIX_EPOCH};

use scylla::{
    statement::unprepared::Statement,
    value::{CqlTimestamp, CqlValue, Row},
};
use tokio::time::Instant;

pub(super) use self::keeper::Keeper;
use self::process::Process;
use super::{
    cluster::Cluster,
    open::OpenError,
    schema::LEASE_TABLE,
    unprepared::{ask, conditional},
};
use crate::clock::Clock;

/// How long a holder that shows no sign of life keeps it.
pub(super) const LIFE: Duration = Duration::from_secs(10);
/// How often the holder renews it, and how long that may take: it may fail twice before the lease runs out.
const RENEW_EVERY: Duration = Duration::from_secs(2);
const RENEW_WITHIN: Duration = Duration::from_secs(3);

/// Who holds the lease, as the row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    /// A word for one claim of one process, drawn by chance.
    owner: String,
    process: Process,
    /// Milliseconds since the epoch, by the holder's clock.
    since_ms: i64,
    renewals: i64,
}

/// What came of a try to get the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It is ours.
    Held,
    /// It is another's, who may have died.
    Waiting,
    /// It is another's, who has renewed it while we looked.
    Lives,
}

/// This process's claim to the lease of a keyspace: before it is held, while it is, and after it was lost.
#[derive(Debug)]
pub(super) struct Lease {
    owner: String,
    process: Process,
    clock: Clock,
    renewals: i64,
    /// Whether we ever tried to take it: then it may be ours.
    tried: bool,
    /// Another holder, and since when we have seen no change of it.
    watched: Option<(Holder, Instant)>,
}

impl Lease {
    /// A claim that nobody knows of yet.
    pub fn new(clock: &Clock) -> Self {
        let owner = format!("{:032x}", rand::random::<u128>());
        Self {
            owner,
            process: Process::this(),
            clock: clock.clone(),
            renewals: 0,
            tried: false,
            watched: None,
        }
    }

    /// Takes the lease, if it is free or its holder is dead. To be called again after a pause where it is not.
    pub async fn attempt(&mut self, cluster: &Cluster) -> Result<Attempt, OpenError> {
        let Some(holder) = read(cluster).await? else {
            return self.take(cluster, None).await;
        };
        // Of an earlier try without an answer.
        if holder.owner == self.owner {
            return Ok(Attempt::Held);
        }
        let is_new = self.watched.as_ref().is_none_or(|(watched, _)| *watched != holder);
        let lives = is_new && self.watched.is_some();
        if is_new {
            self.watched = Some((holder.clone(), Instant::now()));
        }
        let has_run_out = self.watched.as_ref().is_some_and(|(_, since)| since.elapsed() >= LIFE);
        if has_run_out || holder.process.is_gone(&self.process) {
            return self.take(cluster, Some(holder)).await;
        }
        Ok(if lives { Attempt::Lives } else { Attempt::Waiting })
    }

    async fn take(&mut self, cluster: &Cluster, from: Option<Holder>) -> Result<Attempt, OpenError> {
        let condition = from.as_ref().map_or_else(
            || "\"owner\" = NULL".to_owned(),
            |from| format!("\"owner\" = '{}' AND \"renewals\" = {}", from.owner, from.renewals),
        );
        let Process { host, pid, place, started } = &self.process;
        let now = self.clock.now_ms();
        (self.renewals, self.tried) = (0, true);
        let columns = format!(
            "\"owner\" = '{}', \"host\" = '{}', \"pid\" = {pid}, \"place\" = '{place}', \
             \"started\" = '{started}', \"since\" = {now}",
            self.owner,
            host.replace('\'', "''")
        );
        if !conditional(cluster, self.update(cluster, &columns, &condition)).await? {
            // Somebody was faster; the next look says who.
            return Ok(Attempt::Waiting);
        }
        self.watched = None;
        if let Some(Holder { process: Process { host, pid, .. }, .. }) = from {
            tracing::info!(pid, host, "took the lease over from a process that shows no sign of life");
        }
        Ok(Attempt::Held)
    }

    /// That a process cannot have the keyspace because of the one that it saw.
    pub fn in_the_way(&self, cluster: &Cluster) -> OpenError {
        let Some((Holder { process, since_ms, .. }, _)) = &self.watched else {
            let (doing, reason) = ("take the keyspace", "another process is faster each time");
            return OpenError::Failed { doing: doing.to_owned(), reason: reason.to_owned() };
        };
        let since = UNIX_EPOCH + Duration::from_millis(u64::try_from(*since_ms).unwrap_or_default());
        OpenError::InUse {
            keyspace: cluster.keyspace.clone(),
            pid: process.pid,
            host: process.host.clone(),
            since: httpdate::fmt_http_date(since),
            life: LIFE.as_secs(),
        }
    }

    /// Renews the lease; `false` where it is ours no more.
    pub async fn renew(&mut self, cluster: &Cluster) -> Result<bool, OpenError> {
        self.renewals += 1;
        let own = format!("\"owner\" = '{}'", self.owner);
        conditional(cluster, soon(self.update(cluster, &own, &own))).await
    }

    /// Renews the lease for as long as that goes well; done when it is lost.
    pub async fn hold(&mut self, cluster: &Cluster) {
        let mut renewed = Instant::now();
        while renewed.elapsed() < LIFE {
            tokio::time::sleep(RENEW_EVERY).await;
            let began = Instant::now();
            match self.renew(cluster).await {
                Ok(true) => renewed = began,
                Ok(false) => return,
                Err(error) => tracing::debug!(%error, "the lease is not renewed"),
            }
        }
    }

    /// Gives it back, if it is ours. After an error it runs out by itself.
    pub async fn release(&self, cluster: &Cluster) -> Result<(), OpenError> {
        if !self.tried {
            return Ok(());
        }
        let delete = format!(
            "DELETE FROM \"{}\".\"{LEASE_TABLE}\" WHERE \"name\" = 'store' IF \"owner\" = '{}'",
            cluster.keyspace, self.owner
        );
        conditional(cluster, soon(delete.into())).await.map(drop)
    }

    /// Sets some columns and those that each sign of life sets.
    fn update(&self, cluster: &Cluster, columns: &str, condition: &str) -> Statement {
        let until = u128::from(self.clock.now_ms()) + LIFE.as_millis();
        Statement::new(format!(
            "UPDATE \"{}\".\"{LEASE_TABLE}\" SET {columns}, \"until\" = {until}, \"renewals\" = {} \
             WHERE \"name\" = 'store' IF {condition}",
            cluster.keyspace, self.renewals
        ))
    }
}

/// A statement whose answer is of no use when it is late.
fn soon(mut statement: Statement) -> Statement {
    statement.set_request_timeout(Some(RENEW_WITHIN));
    statement
}

/// Who holds the lease, by a serial read.
async fn read(cluster: &Cluster) -> Result<Option<Holder>, OpenError> {
    let mut select = Statement::new(format!(
        "SELECT \"owner\", \"host\", \"pid\", \"place\", \"started\", \"since\", \"renewals\" \
         FROM \"{}\".\"{LEASE_TABLE}\" WHERE \"name\" = 'store'",
        cluster.keyspace
    ));
    select.set_consistency(cluster.profiles.serial_reads);
    let row = ask(&cluster.session, select, "read who holds the keyspace").await?.into_iter().next();
    Ok(row.and_then(holder))
}

fn holder(row: Row) -> Option<Holder> {
    let mut columns = row.columns.into_iter();
    let mut text = || match columns.next()? {
        Some(CqlValue::Text(text)) => Some(text),
        Some(CqlValue::BigInt(n)) => Some(n.to_string()),
        Some(CqlValue::Timestamp(CqlTimestamp(ms))) => Some(ms.to_string()),
        _ => None,
    };
    let owner = text()?;
    let host = text().unwrap_or_default();
    let number = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    let pid = u32::try_from(number(text())).unwrap_or_default();
    let (place, started) = (text().unwrap_or_default(), text().unwrap_or_default());
    let (since_ms, renewals) = (number(text()), number(text()));
    Some(Holder { owner, process: Process { host, pid, place, started }, since_ms, renewals })
}
