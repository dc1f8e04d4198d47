//! The server around the exchanges: readiness, reload, drain, listeners, the admin side.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tidegate::opaque::Opaque;
use tidegate::policy::Policy;
use tidegate::server::{Config, Fresh, Listen, LoadError, Settings, from_config};
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Exchange, Guard, Mode, SOON, any_port, get, ok, response, said};
use crate::support;

fn allow_all() -> Arc<Policy> {
    support::policy(&[], &Opaque::ALL)
}

async fn health(guard: &Guard) -> ServingStatus {
    let mut client = HealthClient::new(guard.channel.clone());
    let request = HealthCheckRequest {
        service: "envoy.service.ext_proc.v3.ExternalProcessor".to_owned(),
    };
    let answer = client.check(request).await.expect("a health service");
    answer.into_inner().status()
}

#[tokio::test]
async fn nothing_is_served_before_the_policy_is_compiled() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let load = move || {
        let _ = released.lock().expect("one load").recv();
        Ok(Fresh::fixed(allow_all(), "late"))
    };
    let mut guard = Guard::with(Settings::new(any_port(), Arc::new(load))).await;
    assert_eq!(health(&guard).await, ServingStatus::NotServing);
    let refused = Exchange::open(guard.channel.clone(), Mode::FullDuplex).await;
    assert_eq!(
        refused.err().map(|status| status.code()),
        Some(Code::Unavailable)
    );

    release.send(()).expect("the loader waits");
    let loaded = guard.running.ready().await.expect("a policy in force");
    assert_eq!(loaded.how, "late");
    assert_eq!(health(&guard).await, ServingStatus::Serving);
    guard.exchange(Mode::FullDuplex).await;
}

#[tokio::test]
async fn a_first_policy_that_is_refused_is_told_to_whoever_waits() {
    let load = || Err(LoadError::new("policy.yaml:1:1: no"));
    let mut guard = Guard::with(Settings::new(any_port(), Arc::new(load))).await;
    let error = guard.running.ready().await.expect_err("no policy");
    assert_eq!(error.to_string(), "policy.yaml:1:1: no");
    assert_eq!(health(&guard).await, ServingStatus::NotServing);
}

/// The policy that a new exchange is pinned to.
async fn policy_of_a_new_exchange(guard: &Guard) -> String {
    let mut envoy = guard.exchange(Mode::FullDuplex).await;
    policy_of(&mut envoy).await
}

async fn policy_of(envoy: &mut Exchange) -> String {
    envoy.say(get("/v1/models"));
    said(&envoy.answer().await, "policy").expect("the policy's name")
}

fn write_policy(folder: &Path, name: &str) {
    let text = format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {{name: {name}}}\nspec: {{}}\n"
    );
    std::fs::write(folder.join("policy.yaml"), text).expect("a writable folder");
}

#[tokio::test]
async fn a_changed_file_is_swapped_in_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    write_policy(folder.path(), "first");
    let file = folder.path().join("guard.yaml");
    let text = "apiVersion: tidegate.dev/v1alpha1\nkind: GuardConfig\nspec:\n  listen: [{tcp: \
                \"127.0.0.1:0\"}]\n  policy: policy.yaml\n";
    std::fs::write(&file, text).expect("a writable folder");
    let config = Config::read(&file, text.as_bytes()).expect("a configuration");
    let mut settings = Settings::new(any_port(), from_config(file.clone(), config));
    settings.files = vec![file];
    let mut guard = Guard::with(settings).await;
    guard.running.ready().await.expect("a policy in force");
    let mut pinned = guard.exchange(Mode::FullDuplex).await;
    assert_eq!(policy_of_a_new_exchange(&guard).await, "first");

    // Without a signal: the content is looked at every second.
    write_policy(folder.path(), "second");
    let swapped = async {
        while policy_of_a_new_exchange(&guard).await != "second" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, swapped)
        .await
        .expect("the new policy in time");
    assert_eq!(policy_of(&mut pinned).await, "first");

    std::fs::write(folder.path().join("policy.yaml"), "spec: [").expect("a writable folder");
    guard.running.reload();
    let counted = async {
        let metrics = &guard.running.telemetry().metrics;
        while !metrics
            .encode()
            .expect("metrics")
            .contains("reloads_total{outcome=\"failed\"} 1")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, counted)
        .await
        .expect("the refusal is counted");
    assert_eq!(policy_of_a_new_exchange(&guard).await, "second");
    assert_eq!(health(&guard).await, ServingStatus::Serving);
}

#[tokio::test]
async fn a_drain_lets_open_streams_finish_and_takes_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("guard.sock");
    let load = || Ok(Fresh::fixed(allow_all(), "made by the test"));
    let mut settings = Settings::new(any_port(), Arc::new(load));
    settings.listen.push(Listen::Unix {
        path: path.clone(),
        mode: 0o600,
    });
    let mut guard = Guard::with(settings).await;
    guard.running.ready().await.expect("a policy in force");
    let Some(Listen::Tcp(address)) = guard.running.bound().first().cloned() else {
        panic!("the first listener is TCP")
    };
    let mut open = guard.exchange(Mode::FullDuplex).await;
    open.say(get("/v1/models"));
    open.answer().await;

    let drain = tokio::spawn(guard.running.drain());
    let closed = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, closed).await.expect("the port closes");

    // What text is behind such a type, its first bytes tell: the headers' answer waits for them.
    open.say(ok("text/plain"));
    open.say(response(b"to the end", true));
    open.answer().await;
    assert_eq!(open.body(&[]).await, b"to the end");
    open.close();
    assert_eq!(open.status().await.code(), Code::Ok);
    let whole = timeout(SOON, drain)
        .await
        .expect("a drain in time")
        .expect("no panic");
    assert!(whole, "a stream was cut");
    assert!(!path.exists(), "the socket file stays");
}

#[tokio::test]
async fn a_drain_does_not_wait_for_ever() {
    let load = || Ok(Fresh::fixed(allow_all(), "made by the test"));
    let mut settings = Settings::new(any_port(), Arc::new(load));
    settings.drain = Duration::from_millis(50);
    let mut guard = Guard::with(settings).await;
    guard.running.ready().await.expect("a policy in force");
    let mut open = guard.exchange(Mode::FullDuplex).await;
    open.say(get("/v1/models"));
    open.answer().await;
    let whole = timeout(SOON, guard.running.drain())
        .await
        .expect("a drain in time");
    assert!(!whole, "an open stream counts as finished");
}

#[tokio::test]
async fn serves_on_a_socket_file_and_on_an_abstract_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("guard.sock");
    let name = format!("tidegate-test-{}", std::process::id());
    let load = || Ok(Fresh::fixed(allow_all(), "made by the test"));
    let mut settings = Settings::new(any_port(), Arc::new(load));
    settings.listen.push(Listen::Unix {
        path: path.clone(),
        mode: 0o600,
    });
    settings.listen.push(Listen::Abstract(name.clone()));
    let mut guard = Guard::with(settings).await;
    guard.running.ready().await.expect("a policy in force");

    let endpoint = Endpoint::from_shared(format!("unix:{}", path.display())).expect("a path");
    let channel = endpoint.connect().await.expect("a socket");
    let mut envoy = Exchange::open(channel, Mode::FullDuplex)
        .await
        .expect("a stream");
    envoy.say(get("/v1/models"));
    envoy.answer().await;

    let greeted = tokio::task::spawn_blocking(move || {
        let address = SocketAddr::from_abstract_name(name).expect("a name");
        let mut socket = UnixStream::connect_addr(&address).expect("a socket");
        socket.set_read_timeout(Some(SOON)).expect("a timeout");
        // HTTP/2's preface and empty settings; the answer begins with the guard's own.
        socket
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .expect("a writable socket");
        let mut head = [0; 9];
        socket.read_exact(&mut head).expect("a frame");
        head
    });
    let head = greeted.await.expect("no panic");
    assert_eq!(head.get(3), Some(&4), "not SETTINGS: {head:?}");
}

/// One HTTP/1.1 request to the admin side; status line and the rest.
async fn admin(address: std::net::SocketAddr, method: &str, path: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let exchange = tokio::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).expect("the admin port");
        socket.set_read_timeout(Some(SOON)).expect("a timeout");
        socket
            .write_all(request.as_bytes())
            .expect("a writable socket");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        answer
    });
    exchange.await.expect("no panic")
}

#[tokio::test]
async fn the_admin_side_has_metrics_and_probes_and_nothing_else() {
    let load = || Ok(Fresh::fixed(allow_all(), "made by the test"));
    let mut settings = Settings::new(any_port(), Arc::new(load));
    settings.admin = Some(([127, 0, 0, 1], 0).into());
    let mut guard = Guard::with(settings).await;
    guard.running.ready().await.expect("a policy in force");
    let address = guard.running.admin().expect("an admin port");
    let mut envoy = guard.exchange(Mode::FullDuplex).await;
    envoy.say(get("/v1/models"));
    envoy.answer().await;

    let metrics = admin(address, "GET", "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(metrics.contains("tidegate_active_streams 1"), "{metrics}");
    assert!(
        admin(address, "GET", "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        admin(address, "GET", "/readyz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        admin(address, "GET", "/config")
            .await
            .starts_with("HTTP/1.1 404")
    );
    assert!(
        admin(address, "POST", "/metrics")
            .await
            .starts_with("HTTP/1.1 405")
    );
}

/// With h2's default of 20, resets that the guard reads before it has accepted their streams, because
/// it was busy or stopped for a moment, close the connection.
#[tokio::test]
async fn a_crowd_of_clients_that_go_away_cuts_nobody() {
    let own = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let started = own.spawn(async { Guard::start(allow_all()).await }).await;
    let guard = started.expect("no panic");
    let channel = connect(&guard).await;
    let opened = Exchange::open(channel.clone(), Mode::FullDuplex).await;
    let mut healthy = opened.expect("a stream");
    healthy.say(get("/v1/models"));
    healthy.answer().await;

    let busy = own.spawn(async { std::thread::sleep(Duration::from_millis(400)) });
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..300 {
        crowd.spawn(Exchange::open(channel.clone(), Mode::FullDuplex));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    crowd.shutdown().await;
    busy.await.expect("no panic");

    healthy.say(ok("text/plain"));
    healthy.say(response(b"still here", true));
    healthy.answer().await;
    assert_eq!(healthy.body(&[]).await, b"still here");
    own.shutdown_background();
}

/// A connection of this test's own runtime.
async fn connect(guard: &Guard) -> Channel {
    let address = guard.running.bound().first().expect("a listener");
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("the guard listens")
}
