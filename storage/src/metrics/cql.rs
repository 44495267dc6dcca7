//! Metrics of the store on a CQL cluster.

use metrics::{
    Counter, Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{Reads, Timed};
use crate::Outcome;

/// The handles of one cluster.
#[derive(Clone)]
pub struct CqlMetrics {
    /// Seconds of reads, by operation.
    pub reads: Reads,
    /// Seconds of writes, by operation, with all that is tried again.
    pub writes: Writes,
    /// Requests that read.
    pub read_requests: Requests,
    /// Requests of unconditional writes, projections among them.
    pub write_requests: Requests,
    /// Requests of appends.
    pub append_requests: Requests,
    /// Requests of claims.
    pub claim_requests: Requests,
    /// Requests that raise a fence.
    pub fence_requests: Requests,
    /// What became of appends.
    pub appends: Outcomes,
    /// What became of claims.
    pub claims: Outcomes,
    /// Appends whose outcome was unknown at first.
    pub append_doubts: Counter,
    /// Claims whose outcome was unknown at first.
    pub claim_doubts: Counter,
    /// Requests under way.
    pub in_flight: Gauge,
    /// Requests refused because too many stayed under way.
    pub refused: Counter,
    /// Operations that were tried again.
    pub retries: Counter,
    /// Statements that the cluster rejects, by why.
    pub rejected: Rejected,
    /// How often it could not keep the lease.
    pub leases_lost: Counter,
    /// The version of the keyspace's schema.
    pub schema_version: Gauge,
    /// How much of a migration is done, from 0 to 1.
    pub migration: Gauge,
}

/// How long writes take, by a closed set of operations.
#[derive(Clone)]
pub struct Writes {
    /// Unconditional writes.
    pub write: Timed,
    /// Appends with their projections.
    pub append: Timed,
    /// Claims with their projections.
    pub claim: Timed,
    /// Fences.
    pub fence: Timed,
}

/// Requests of one kind: round trips to the cluster.
#[derive(Clone)]
pub struct Requests {
    /// Answered.
    pub answered: Counter,
    /// Without an answer, or with an error.
    pub failed: Counter,
    /// Statements in them; a batch has several.
    pub statements: Counter,
}

/// What became of conditional batches of one kind.
#[derive(Clone)]
pub struct Outcomes {
    applied: Counter,
    refused: Counter,
    unknown: Counter,
}

impl Outcomes {
    fn register(op: &'static str) -> Self {
        let outcome = |outcome: &'static str| counter!("playhouse_store_outcomes_total", "op" => op, "outcome" => outcome);
        Self { applied: outcome("applied"), refused: outcome("refused"), unknown: outcome("unknown") }
    }

    /// Counts one.
    pub fn count(&self, outcome: Outcome) {
        match outcome {
            Outcome::Applied => self.applied.increment(1),
            Outcome::Refused => self.refused.increment(1),
            Outcome::Unknown => self.unknown.increment(1),
        }
    }
}

impl Requests {
    fn register(op: &'static str) -> Self {
        let result =
            |result: &'static str| counter!("playhouse_store_requests_total", "op" => op, "result" => result);
        let statements = counter!("playhouse_store_statements_total", "op" => op);
        Self { answered: result("answered"), failed: result("failed"), statements }
    }
}

/// Statements that the cluster rejects, by a closed set of reasons.
#[derive(Clone)]
pub struct Rejected {
    /// The log-in may not do it.
    pub unauthorized: Counter,
    /// It does not fit the tables or the limits of the cluster.
    pub invalid: Counter,
    /// The cluster does not understand it.
    pub syntax: Counter,
}

impl Rejected {
    fn register() -> Self {
        let reason = |reason: &'static str| counter!("playhouse_store_rejected_total", "reason" => reason);
        Self { unauthorized: reason("unauthorized"), invalid: reason("invalid"), syntax: reason("syntax") }
    }
}

impl std::fmt::Debug for CqlMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CqlMetrics")
    }
}

impl CqlMetrics {
    /// Registers the metrics with the installed recorder.
    pub fn register() -> Self {
        describe();
        let writes = |op: &'static str| Timed::new(histogram!("playhouse_store_write_seconds", "op" => op));
        let doubts = |op: &'static str| counter!("playhouse_store_doubts_total", "op" => op);
        Self {
            reads: Reads::register(),
            writes: Writes {
                write: writes("write"),
                append: writes("append"),
                claim: writes("claim"),
                fence: writes("fence"),
            },
            read_requests: Requests::register("read"),
            write_requests: Requests::register("write"),
            append_requests: Requests::register("append"),
            claim_requests: Requests::register("claim"),
            fence_requests: Requests::register("fence"),
            appends: Outcomes::register("append"),
            claims: Outcomes::register("claim"),
            append_doubts: doubts("append"),
            claim_doubts: doubts("claim"),
            in_flight: gauge!("playhouse_store_requests_in_flight"),
            refused: counter!("playhouse_store_requests_refused_total"),
            retries: counter!("playhouse_store_retries_total"),
            rejected: Rejected::register(),
            leases_lost: counter!("playhouse_store_leases_lost_total"),
            schema_version: gauge!("playhouse_store_schema_version"),
            migration: gauge!("playhouse_store_migration_ratio"),
        }
    }

    /// Whether this process holds the lease on its keyspace. Known to nobody before the first word of it.
    pub fn lease_held(&self, held: bool) {
        gauge!("playhouse_store_lease_held").set(f64::from(u8::from(held)));
    }
}

fn describe() {
    describe_histogram!(
        "playhouse_store_write_seconds",
        "Time of a write to the cluster, by operation: what follows from it and what was tried again included"
    );
    describe_counter!(
        "playhouse_store_requests_total",
        "Round trips to the cluster, by operation and result"
    );
    describe_counter!("playhouse_store_statements_total", "Statements in round trips to the cluster");
    describe_counter!("playhouse_store_outcomes_total", "What became of conditional batches");
    describe_counter!(
        "playhouse_store_doubts_total",
        "Conditional batches whose outcome was unknown until it was read back"
    );
    describe_gauge!("playhouse_store_requests_in_flight", "Requests to the cluster under way");
    describe_counter!(
        "playhouse_store_requests_refused_total",
        "Requests refused because too many stayed under way"
    );
    describe_counter!("playhouse_store_retries_total", "Operations on the cluster that were tried again");
    describe_counter!(
        "playhouse_store_rejected_total",
        "Statements that the cluster rejects and that no try again would help, by reason"
    );
    describe_gauge!(
        "playhouse_store_lease_held",
        "Whether this process holds the lease on its keyspace, as one that serves must"
    );
    describe_counter!(
        "playhouse_store_leases_lost_total",
        "Times that the lease on the keyspace could not be kept"
    );
    describe_gauge!("playhouse_store_schema_version", "The version of the keyspace's schema");
    describe_gauge!("playhouse_store_migration_ratio", "How much of a migration of the schema is done");
}
