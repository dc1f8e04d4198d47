//! The rim towards Envoy: `envoy.service.ext_proc.v3.ExternalProcessor`. With telemetry the only
//! place that knows protobuf.
//!
//! One ext_proc stream is one exchange. What Envoy says becomes `session::Event`s, what the session
//! answers becomes `ProcessingResponse`s. Every abnormal way out ends the stream with an error
//! status: to end it with OK before all is answered makes Envoy let the rest pass unseen.

mod exchange;
mod inbound;
mod metadata;
mod outbound;
mod stream;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use envoy_types::pb::envoy::service::ext_proc::v3::ProcessingRequest;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server as pb;
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use crate::policy::Policy;
use crate::telemetry::Telemetry;

pub use pb::ExternalProcessorServer;
pub use stream::ExchangeStream;

/// The largest message taken from or sent to Envoy, in bytes. Default 64 MiB: a BUFFERED body comes
/// in one message, up to whatever buffer limit Envoy has, and what the guard holds of it is judged by
/// the policy's own ceilings.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// The policy that new exchanges are pinned to; none until the first one is compiled.
pub type PolicyInForce = Arc<ArcSwapOption<Policy>>;

/// The service that Envoy's filter talks to.
pub struct ExtProc {
    policy: PolicyInForce,
    telemetry: Arc<Telemetry>,
    /// The zero of every session's clock.
    epoch: Instant,
}

impl ExtProc {
    /// A service whose exchanges are each pinned to what `policy` holds when they begin.
    pub fn new(policy: PolicyInForce, telemetry: Arc<Telemetry>) -> Self {
        Self {
            policy,
            telemetry,
            epoch: Instant::now(),
        }
    }

    /// With `epoch` as the zero of every session's clock.
    #[must_use]
    pub fn since(mut self, epoch: Instant) -> Self {
        self.epoch = epoch;
        self
    }

    /// The gRPC service, with this rim's message ceilings.
    pub fn into_server(self) -> ExternalProcessorServer<Self> {
        ExternalProcessorServer::new(self)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }
}

impl fmt::Debug for ExtProc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtProc").finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl pb::ExternalProcessor for ExtProc {
    type ProcessStream = ExchangeStream<Streaming<ProcessingRequest>>;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        let Some(policy) = self.policy.load_full() else {
            return Err(Status::unavailable("the policy is not compiled yet"));
        };
        let route = inbound::route(request.metadata()).map_err(|why| {
            tracing::error!(%why, "an exchange cannot be guarded");
            Status::failed_precondition(why.to_string())
        })?;
        Ok(Response::new(ExchangeStream::new(
            request.into_inner(),
            (policy, route),
            Arc::clone(&self.telemetry),
            self.epoch,
        )))
    }
}
