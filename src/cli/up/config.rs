//! The bootstrap of Envoy: `envoy/standalone.yaml` with its addresses filled in.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use super::error::UpError;
use super::upstream::Upstream;
use crate::cli::json::json_of;
use crate::document::Document;
use crate::session::BodyMode;

/// What is applied by hand and what `up` starts from: one text.
const STANDALONE: &str = include_str!("../../../envoy/standalone.yaml");

const ADMIN: &str = "/admin/address";
const LISTENER: &str = "/static_resources/listeners/0/address/socket_address";
const CONNECTION_MANAGER: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const ROUTES: &str = "/route_config/virtual_hosts/0/routes";
const ROUTE: &str = "/route_config/virtual_hosts/0/routes/0/route";
const EXT_PROC: &str = "/http_filters/0/typed_config";
const GUARD: &str =
    "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";
const MODEL: &str = "/static_resources/clusters/1";
const MODEL_ADDRESS: &str = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";

/// Where systems keep the certificates they trust.
const CA_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Bytes that Envoy may buffer where it must hold a whole body for the guard: the guard's own default
/// ceiling and room above it, so that it is the guard who says no.
const BUFFERED_LIMIT_BYTES: u64 = 9 << 20;

/// What Envoy is to be started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The Unix socket of Envoy's own pages.
    pub admin: PathBuf,
    /// The guard's Unix socket. `None`: no guard in the way, which only the benchmark wants.
    pub guard: Option<PathBuf>,
    /// Where requests go.
    pub upstream: Upstream,
    /// Certificates that an upstream with TLS must be vouched for by.
    pub trusted_ca: PathBuf,
    /// How bodies are sent to the guard, in both directions.
    pub body_mode: BodyMode,
    /// Whether Envoy would follow a client to WebSocket or through CONNECT. The guard refuses both by
    /// default; without this Envoy does before it asks the guard.
    pub upgrades: bool,
}

impl Config {
    /// Envoy's bootstrap as JSON.
    ///
    /// # Errors
    ///
    /// [`UpError::Template`] if the built-in file has lost a place that is filled in.
    pub fn bootstrap(&self) -> Result<Value, UpError> {
        let mut root = template()?;
        set(&mut root, ADMIN, pipe(&self.admin))?;
        set(
            &mut root,
            LISTENER,
            socket(&self.listen.ip().to_string(), self.listen.port()),
        )?;
        if let Some(guard) = &self.guard {
            set(&mut root, GUARD, pipe(guard))?;
            self.set_body_mode(&mut root)?;
        } else {
            let filters = get(&mut root, CONNECTION_MANAGER, "/http_filters")?;
            let filters = filters.as_array_mut().ok_or(UpError::Template(EXT_PROC))?;
            filters.remove(0);
        }
        self.set_upstream(&mut root)?;
        if self.upgrades {
            follow_upgrades(&mut root)?;
        }
        Ok(root)
    }

    fn set_upstream(&self, root: &mut Value) -> Result<(), UpError> {
        let address = socket(&self.upstream.host, self.upstream.port);
        *get(root, MODEL, MODEL_ADDRESS)? = json!({ "socket_address": address });
        put(
            get(root, CONNECTION_MANAGER, ROUTE)?,
            "host_rewrite_literal",
            json!(self.upstream.authority()),
        );
        if !self.upstream.tls {
            return Ok(());
        }
        let tls = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": self.upstream.host,
                // The name in the certificate must be the one in the SNI.
                "auto_sni_san_validation": true,
                "common_tls_context": {
                    "validation_context": { "trusted_ca": { "filename": self.trusted_ca } },
                },
            },
        });
        let protocols = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                // HTTP/2 where the server offers it.
                "auto_config": {},
            },
        });
        let model = get(root, MODEL, "")?;
        put(model, "transport_socket", tls);
        put(model, "typed_extension_protocol_options", protocols);
        Ok(())
    }

    /// `STREAMED` and `BUFFERED`, for those who can set nothing else and for the tests that compare them.
    fn set_body_mode(&self, root: &mut Value) -> Result<(), UpError> {
        let name = match self.body_mode {
            BodyMode::FullDuplexStreamed => return Ok(()),
            BodyMode::None => "NONE",
            BodyMode::Buffered => "BUFFERED",
            BodyMode::Streamed => "STREAMED",
        };
        let ext_proc = get(root, CONNECTION_MANAGER, EXT_PROC)?;
        let mode = ext_proc
            .get_mut("processing_mode")
            .ok_or(UpError::Template("processing_mode"))?;
        put(mode, "request_body_mode", json!(name));
        put(mode, "response_body_mode", json!(name));
        // Only full duplex demands trailers, and only there does the length stay.
        put(ext_proc, "allow_content_length_header", json!(false));
        if self.body_mode == BodyMode::Streamed {
            // Else the headers are gone before the guard has seen a byte of the body.
            put(
                ext_proc,
                "send_body_without_waiting_for_header_response",
                json!(true),
            );
        }
        if self.body_mode == BodyMode::Buffered {
            let limit = json!(BUFFERED_LIMIT_BYTES);
            put(
                get(root, "/static_resources/listeners/0", "")?,
                "per_connection_buffer_limit_bytes",
                limit.clone(),
            );
            put(
                get(root, MODEL, "")?,
                "per_connection_buffer_limit_bytes",
                limit,
            );
        }
        Ok(())
    }
}

/// The certificates that this system trusts; `SSL_CERT_FILE` names others.
pub fn trusted_ca() -> PathBuf {
    let [usual, ..] = CA_BUNDLES;
    let system = || CA_BUNDLES.iter().find(|path| Path::new(path).is_file());
    match std::env::var_os("SSL_CERT_FILE") {
        Some(file) => file.into(),
        None => system().unwrap_or(&usual).into(),
    }
}

/// Has Envoy accept WebSocket and CONNECT and end both at the model's address, through all filters.
fn follow_upgrades(root: &mut Value) -> Result<(), UpError> {
    let both = json!([{ "upgrade_type": "websocket" }, { "upgrade_type": "CONNECT" }]);
    let manager = get(root, CONNECTION_MANAGER, "")?;
    put(manager, "upgrade_configs", both);
    let allow = json!({ "allow_connect": true });
    put(manager, "http2_protocol_options", allow);
    let routes = get(root, CONNECTION_MANAGER, ROUTES)?;
    let routes = routes.as_array_mut().ok_or(UpError::Template(ROUTES))?;
    let mut tunnel = routes.first().cloned().ok_or(UpError::Template(ROUTES))?;
    put(&mut tunnel, "name", json!("tunnel"));
    // A CONNECT names no path, so that no prefix matches it.
    put(&mut tunnel, "match", json!({ "connect_matcher": {} }));
    let route = tunnel.get_mut("route").ok_or(UpError::Template("route"))?;
    put(
        route,
        "upgrade_configs",
        json!([{ "upgrade_type": "CONNECT", "connect_config": {} }]),
    );
    routes.insert(0, tunnel);
    Ok(())
}

fn pipe(path: &Path) -> Value {
    json!({ "pipe": { "path": path } })
}

fn socket(host: &str, port: u16) -> Value {
    json!({ "address": host, "port_value": port })
}

fn set(root: &mut Value, pointer: &'static str, value: Value) -> Result<(), UpError> {
    *get(root, pointer, "")? = value;
    Ok(())
}

/// The value at `outer` and then `inner`, which must be there.
fn get<'a>(
    root: &'a mut Value,
    outer: &'static str,
    inner: &'static str,
) -> Result<&'a mut Value, UpError> {
    let outer = root.pointer_mut(outer).ok_or(UpError::Template(outer))?;
    outer.pointer_mut(inner).ok_or(UpError::Template(inner))
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn template() -> Result<Value, UpError> {
    let document = Document::parse("envoy/standalone.yaml", STANDALONE);
    let document = document.map_err(|_| UpError::Template("valid YAML"))?;
    Ok(json_of(document.root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str, body_mode: BodyMode) -> Config {
        Config {
            listen: ([127, 0, 0, 1], 0).into(),
            admin: "/tmp/a.sock".into(),
            guard: Some("/tmp/g.sock".into()),
            upstream: url.parse().unwrap(),
            trusted_ca: "/tmp/ca.pem".into(),
            body_mode,
            upgrades: false,
        }
    }

    #[track_caller]
    fn check(config: &Config, pointer: &str, wanted: Value) {
        let root = config.bootstrap().unwrap();
        assert_eq!(root.pointer(pointer), Some(&wanted), "{pointer}");
    }

    #[test]
    fn fills_in_the_four_addresses() {
        let config = config("http://model.example:8000", BodyMode::FullDuplexStreamed);
        check(&config, "/admin/address/pipe/path", json!("/tmp/a.sock"));
        check(
            &config,
            "/static_resources/listeners/0/address/socket_address/port_value",
            json!(0),
        );
        check(&config, &format!("{GUARD}/pipe/path"), json!("/tmp/g.sock"));
        let model = format!("{MODEL}{MODEL_ADDRESS}/socket_address");
        check(
            &config,
            &model,
            json!({"address": "model.example", "port_value": 8000}),
        );
        check(
            &config,
            &format!("{CONNECTION_MANAGER}{ROUTE}/host_rewrite_literal"),
            json!("model.example:8000"),
        );
    }

    #[test]
    fn stays_closed_and_in_full_duplex() {
        let config = config("http://m", BodyMode::FullDuplexStreamed);
        let at = |field: &str| format!("{CONNECTION_MANAGER}{EXT_PROC}/{field}");
        check(&config, &at("failure_mode_allow"), json!(false));
        check(&config, &at("allow_content_length_header"), json!(true));
        for direction in ["request", "response"] {
            check(
                &config,
                &at(&format!("processing_mode/{direction}_body_mode")),
                json!("FULL_DUPLEX_STREAMED"),
            );
            check(
                &config,
                &at(&format!("processing_mode/{direction}_trailer_mode")),
                json!("SEND"),
            );
        }
    }

    #[test]
    fn other_body_modes_change_both_directions() {
        for (mode, name) in [
            (BodyMode::Streamed, "STREAMED"),
            (BodyMode::Buffered, "BUFFERED"),
        ] {
            let config = config("http://m", mode);
            for direction in ["request", "response"] {
                let at =
                    format!("{CONNECTION_MANAGER}{EXT_PROC}/processing_mode/{direction}_body_mode");
                check(&config, &at, json!(name));
            }
        }
    }

    #[test]
    fn https_has_a_server_name_and_checks_it() {
        let config = config("https://llm.example.com", BodyMode::FullDuplexStreamed);
        let tls = format!("{MODEL}/transport_socket/typed_config");
        check(&config, &format!("{tls}/sni"), json!("llm.example.com"));
        check(
            &config,
            &format!("{tls}/auto_sni_san_validation"),
            json!(true),
        );
    }

    #[test]
    fn without_a_guard_only_its_filter_is_gone() {
        let mut config = config("http://m", BodyMode::FullDuplexStreamed);
        config.guard = None;
        check(
            &config,
            &format!("{CONNECTION_MANAGER}/http_filters/0/name"),
            json!("envoy.filters.http.router"),
        );
        let root = config.bootstrap().unwrap();
        assert_eq!(
            root.pointer(&format!("{CONNECTION_MANAGER}/http_filters/1")),
            None
        );
    }
}
