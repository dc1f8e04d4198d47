//! Whether the guard can judge, as gRPC health checks and `/readyz` see it.

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthApi, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};

use crate::ext_proc::{ExtProc, ExternalProcessorServer};

/// The one place that health is set.
#[derive(Debug, Clone)]
pub(super) struct Health {
    grpc: HealthReporter,
    http: watch::Sender<bool>,
}

impl Health {
    /// Not serving, and the gRPC service that says so.
    pub(super) async fn new() -> (Self, HealthServer<impl HealthApi>) {
        let grpc = HealthReporter::new();
        let service = HealthServer::new(HealthService::from_health_reporter(grpc.clone()));
        let health = Self {
            grpc,
            http: watch::Sender::new(false),
        };
        health.set(false).await;
        (health, service)
    }

    /// Says whether exchanges are judged: for the whole server and for the ext_proc service.
    pub(super) async fn set(&self, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.grpc.set_service_status("", status).await;
        if serving {
            self.grpc
                .set_serving::<ExternalProcessorServer<ExtProc>>()
                .await;
        } else {
            self.grpc
                .set_not_serving::<ExternalProcessorServer<ExtProc>>()
                .await;
        }
        self.http.send_replace(serving);
    }

    /// For `/readyz`.
    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.http.subscribe()
    }
}
