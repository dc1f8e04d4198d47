//! The process around the rim: listeners, health, admin, the policy in force, drain.

mod admin;
mod approvals;
mod config;
mod health;
mod listen;
mod load;
mod settings;
mod source;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tonic::transport::Server;

use crate::ext_proc::{ExtProc, PolicyInForce};
use crate::telemetry::Telemetry;

pub use config::Config;
pub use listen::{Bound, Listen, ListenError};
pub use load::{Fresh, LoadError, LoadPolicy, Loaded};
pub use settings::Settings;
pub use source::{builtin, default_cache_dir, from_config};

use admin::Admin;
use approvals::Approver;
use health::Health;
use listen::{Listener, SocketFile};
use load::Loader;

/// HTTP/2 receive window of a connection. An unread DATA frame below 256 bytes is charged against
/// half of it (h2 >= 0.4.19), and one connection carries every stream of an Envoy worker: with the
/// default of 1 MiB, 32 streams of small events had their connection closed (measured 2026-08).
const CONNECTION_WINDOW_BYTES: u32 = 64 << 20;

/// HTTP/2 receive window of a stream.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// Streams that Envoy reset before they were accepted. With the default of 20, a hundred clients
/// that went away during one second's stall closed the connection and cut their healthy neighbours.
const PENDING_RESETS: usize = 100_000;

/// How often a connection that says nothing is asked whether it is there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long such a connection may take to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listener could not be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The token of the admin listener is too short to be a secret.
    #[error(
        "`admin.tokenFile` holds {has} bytes, {wants} or more are wanted\n  hint: openssl rand -base64 32"
    )]
    Token {
        /// Its bytes.
        has: usize,
        /// Fewest.
        wants: usize,
    },
    /// The first policy was refused.
    #[error(transparent)]
    Policy(#[from] LoadError),
}

/// A server that runs. Dropping it stops accepting; [`drain`](Self::drain) is the graceful way.
pub struct Running {
    bound: Vec<Bound>,
    admin: Option<SocketAddr>,
    /// Told when no more is accepted and open streams are to finish.
    stop: watch::Sender<bool>,
    servers: JoinSet<Result<(), tonic::transport::Error>>,
    /// Ends with the first load; later it watches for changes.
    loader: JoinHandle<()>,
    first_load: watch::Receiver<Option<Result<Loaded, LoadError>>>,
    reload: Arc<Notify>,
    health: Health,
    drain: Duration,
    telemetry: Arc<Telemetry>,
    /// Removed when this is dropped.
    _sockets: Vec<SocketFile>,
}

/// Binds the listeners and serves. The policy is compiled off the serving path: until that is done
/// health says `NOT_SERVING` and exchanges are refused; wait with [`Running::ready`].
///
/// # Errors
///
/// [`StartError::Listen`] where an address cannot be bound.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let telemetry = Telemetry::new(settings.log_decisions, settings.decision_sink);
    let policy: PolicyInForce = Arc::new(ArcSwapOption::empty());
    let (health, health_service) = Health::new().await;
    let (stop, stopped) = watch::channel(false);
    let epoch = tokio::time::Instant::now();
    let service = ExtProc::new(Arc::clone(&policy), Arc::clone(&telemetry))
        .since(epoch)
        .into_server();
    let approver = match &settings.admin_token {
        None => None,
        Some(token) => Some(Approver::new(token, Arc::clone(&policy), epoch).ok_or(
            StartError::Token {
                has: token.len(),
                wants: approvals::MIN_TOKEN_BYTES,
            },
        )?),
    };

    let mut listeners = Vec::new();
    for listen in &settings.listen {
        listeners.push(Listener::bind(listen).await?);
    }
    let admin = match settings.admin {
        Some(address) => Some(Admin::bind(address).await?),
        None => None,
    };

    let bound = listeners.iter().map(Listener::bound).collect();
    let sockets = listeners.iter_mut().filter_map(Listener::take_file);
    let sockets = sockets.collect();
    let mut servers = JoinSet::new();
    for listener in listeners {
        let router = builder()
            .add_service(health_service.clone())
            .add_service(service.clone());
        servers.spawn(listener.serve(router, until(stopped.clone())));
    }
    let admin_address = admin.as_ref().map(Admin::address);
    if let Some(admin) = admin {
        let side = admin::Side {
            telemetry: Arc::clone(&telemetry),
            ready: health.watch(),
            approver,
        };
        tokio::spawn(admin.serve(side, stop.subscribe()));
    }

    let reload = Arc::new(Notify::new());
    let (first, first_load) = watch::channel(None);
    let loader = Loader {
        load: settings.policy,
        files: settings.files,
        policy,
        telemetry: Arc::clone(&telemetry),
        health: health.clone(),
        reload: Arc::clone(&reload),
    };
    Ok(Running {
        bound,
        admin: admin_address,
        stop,
        servers,
        loader: tokio::spawn(loader.run(first)),
        first_load,
        reload,
        health,
        drain: settings.drain,
        telemetry,
        _sockets: sockets,
    })
}

impl Running {
    /// Where it listens, in the order of the settings; ports that were 0 are filled in.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// Where metrics are served.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// What is counted.
    pub fn telemetry(&self) -> &Arc<Telemetry> {
        &self.telemetry
    }

    /// Waits until the first policy is in force.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where it was refused: nothing is served then, and nothing will be until the file
    /// is right.
    pub async fn ready(&mut self) -> Result<Loaded, LoadError> {
        match self.first_load.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(LoadError::gone())),
            Err(_) => Err(LoadError::gone()),
        }
    }

    /// Looks at the policy now, not at the next tick.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Stops in good order: health goes down, nothing more is accepted, open streams finish within
    /// the settings' `drain`. Returns whether all of them did.
    pub async fn drain(mut self) -> bool {
        self.health.set(false).await;
        self.loader.abort();
        let _ = self.stop.send(true);
        let all = async { while self.servers.join_next().await.is_some() {} };
        timeout(self.drain, all).await.is_ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.loader.abort();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("bound", &self.bound)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

/// HTTP/2 settings under which one shared connection survives its clients.
fn builder() -> Server {
    Server::builder()
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
        // The default, 1024 in a connection's life, is a matter of time on a connection that lives.
        .http2_max_local_error_reset_streams(None)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}

/// Ready when the server is to stop, or its handle is gone.
async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
