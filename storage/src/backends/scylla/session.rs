//! The driver's session and how each kind of statement is run.

use std::{sync::Arc, time::Duration};

use scylla::{
    client::{
        Compression,
        execution_profile::{ExecutionProfile, ExecutionProfileHandle},
        session::Session,
        session_builder::SessionBuilder,
    },
    errors::NewSessionError,
    policies::{
        load_balancing::{DefaultPolicy, LoadBalancingPolicy},
        retry::{DefaultRetryPolicy, FallthroughRetryPolicy},
        speculative_execution::SimpleSpeculativeExecutionPolicy,
    },
    statement::{Consistency, SerialConsistency, batch::Batch, prepared::PreparedStatement},
};

use super::{
    error::one_line,
    open::OpenError,
    options::{CqlOptions, Quorum},
    statement::Shape,
    tls,
};

/// How often a connection without traffic is asked whether it lives, and how long the answer may take: a node that
/// holds its sockets and says nothing costs one such pause, not a statement's whole time.
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// When an idempotent statement without an answer is sent to another node as well, and to how many. More would make a
/// slow cluster slower.
const SECOND_ASKED_AFTER: Duration = Duration::from_millis(250);
const ASKED_BESIDE: usize = 1;

/// Profiles of execution.
pub(super) struct Profiles {
    /// Reads and stamped writes: may be sent again, and to several nodes at once.
    idempotent: ExecutionProfileHandle,
    /// Conditional writes and the reads that settle them: one node, once.
    conditional: ExecutionProfileHandle,
    /// The consistency of reads that see every settled conditional write.
    pub serial_reads: Consistency,
}

impl Profiles {
    pub fn new(options: &CqlOptions) -> Self {
        let (quorum, serial, serial_reads) = match options.consistency {
            Quorum::Local => {
                (Consistency::LocalQuorum, SerialConsistency::LocalSerial, Consistency::LocalSerial)
            }
            Quorum::Global => (Consistency::Quorum, SerialConsistency::Serial, Consistency::Serial),
        };
        let base = ExecutionProfile::builder()
            .consistency(quorum)
            .serial_consistency(Some(serial))
            .request_timeout(Some(options.statement_timeout))
            .load_balancing_policy(routing(options));
        let speculation = SimpleSpeculativeExecutionPolicy {
            max_retry_count: ASKED_BESIDE,
            retry_interval: SECOND_ASKED_AFTER,
        };
        let idempotent = base
            .clone()
            .retry_policy(Arc::new(DefaultRetryPolicy::new()))
            .speculative_execution_policy(Some(Arc::new(speculation)));
        let conditional = base.retry_policy(Arc::new(FallthroughRetryPolicy::new()));
        Self {
            idempotent: idempotent.build().into_handle_with_label("idempotent".to_owned()),
            conditional: conditional.build().into_handle_with_label("conditional".to_owned()),
            serial_reads,
        }
    }

    /// Says how a statement is run.
    pub fn fit(&self, statement: &mut PreparedStatement, shape: Shape) {
        let serial_read = matches!(shape, Shape::Guard | Shape::Settle);
        if serial_read {
            statement.set_consistency(self.serial_reads);
        }
        let once = serial_read || shape.is_conditional();
        let profile = if once { &self.conditional } else { &self.idempotent };
        statement.set_is_idempotent(!shape.is_conditional());
        statement.set_execution_profile_handle(Some(profile.clone()));
        statement.set_use_cached_result_metadata(true);
    }

    /// Says how a batch is run.
    pub fn fit_batch(&self, batch: &mut Batch, conditional: bool) {
        batch.set_is_idempotent(!conditional);
        let profile = if conditional { &self.conditional } else { &self.idempotent };
        batch.set_execution_profile_handle(Some(profile.clone()));
    }

    /// How a conditional write is run: by one node, once.
    pub fn once(&self) -> ExecutionProfileHandle {
        self.conditional.clone()
    }
}

fn routing(options: &CqlOptions) -> Arc<dyn LoadBalancingPolicy> {
    let policy = DefaultPolicy::builder().token_aware(true);
    match (&options.datacenter, options.consistency) {
        (None, _) => policy.prefer_no_datacenter().build(),
        // A local quorum is of the data centre of the node that is asked: elsewhere it would be another one.
        (Some(datacenter), Quorum::Local) => policy.prefer_datacenter(datacenter.clone()).build(),
        (Some(datacenter), Quorum::Global) => {
            policy.prefer_datacenter(datacenter.clone()).permit_dc_failover(true).build()
        }
    }
}

/// Connects to a cluster.
pub(super) async fn connect(options: &CqlOptions, profiles: &Profiles) -> Result<Session, OpenError> {
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.contact_points)
        .compression(Some(Compression::Lz4))
        .default_execution_profile_handle(profiles.idempotent.clone())
        .connection_timeout(options.statement_timeout)
        .keepalive_interval(KEEPALIVE)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .keyspaces_to_fetch([&options.keyspace])
        .fetch_full_schema_metadata(false)
        .driver_config_reporting(false);
    if let Some(credentials) = &options.credentials {
        builder = builder.user(&credentials.user, &credentials.password);
    }
    if let Some(tls) = &options.tls {
        builder = builder.tls_context(Some(tls::config(tls)?));
    }
    builder.build().await.map_err(|error| not_connected(options, &error))
}

fn not_connected(options: &CqlOptions, error: &NewSessionError) -> OpenError {
    let reason = one_line(error);
    // The driver tells a refused log-in by words alone.
    let is_log_in = ["uthenticat", "redential"].iter().any(|word| reason.contains(word));
    if is_log_in {
        return OpenError::LogIn { reason };
    }
    OpenError::Unreachable { nodes: options.contact_points.join(", "), reason }
}
