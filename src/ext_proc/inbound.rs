//! From Envoy: `ProcessingRequest`s read as session events.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::HeaderMap;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::BodySendMode;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    HttpBody, HttpHeaders, ProcessingRequest, ProtocolConfiguration,
};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use tonic::metadata::MetadataMap;

use crate::identity::{Identity, Node};
use crate::session::{BodyMode, Event, Header, Modes, Route};
use crate::text::Direction;

/// The key that Envoy puts request attributes under, whatever the filter's own name.
const ATTRIBUTES_KEY: &str = "envoy.filters.http.ext_proc";

/// A filter configuration or a message that this guard cannot serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unservable {
    /// The rest of a long body would pass unread.
    #[error(
        "{0}_body_mode BUFFERED_PARTIAL lets the end of a long body pass unread; use FULL_DUPLEX_STREAMED, STREAMED or BUFFERED"
    )]
    BufferedPartial(&'static str),
    /// A mode that Envoy does not implement, or that is newer than this guard.
    #[error("{0}_body_mode {1} is not known; use FULL_DUPLEX_STREAMED, STREAMED or BUFFERED")]
    UnknownMode(&'static str, i32),
    /// Envoy ignores every answer.
    #[error(
        "observability_mode ignores every answer; for a guard that changes nothing set the policy's mode to shadow"
    )]
    ObservabilityMode,
    /// The route declares a format that this guard does not read.
    #[error(
        "the route's gRPC metadata x-tidegate-format names no format that is known; `tidegate scan --format list` prints them"
    )]
    UnknownFormat,
    /// The route declares what this guard does not understand.
    #[error("the route's gRPC metadata x-tidegate-signed should be `later`")]
    UnknownSigned,
    /// What is in it is not known, so it cannot be judged.
    #[error("a message of a kind that is not known")]
    UnknownMessage,
}

/// The gRPC metadata by which a route declares what its bodies are read as.
const FORMAT_KEY: &str = "x-tidegate-format";

/// The gRPC metadata by which a route declares that a hop behind the guard signs requests: `later`.
const SIGNED_KEY: &str = "x-tidegate-signed";

/// What the operator declares of the route: Envoy's `grpc_service.initial_metadata`, or a route's
/// `ExtProcPerRoute.overrides.grpc_initial_metadata`. A client has no way to it.
pub(super) fn route(metadata: &MetadataMap) -> Result<Route, Unservable> {
    let text = |key| {
        metadata
            .get(key)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let is_signed_later = match text(SIGNED_KEY) {
        None => false,
        Some("later") => true,
        Some(_) => return Err(Unservable::UnknownSigned),
    };
    let route = Route {
        format: None,
        is_signed_later,
    };
    match text(FORMAT_KEY) {
        None => Ok(route),
        Some(name) => route
            .with_format_named(name)
            .ok_or(Unservable::UnknownFormat),
    }
}

/// The body modes that Envoy says it is configured with; those of a filter that does not say
/// (Envoy before 1.34) are taken to be full duplex.
pub(super) fn modes(first: &ProcessingRequest) -> Result<Modes, Unservable> {
    if first.observability_mode {
        return Err(Unservable::ObservabilityMode);
    }
    let Some(config) = &first.protocol_config else {
        return Ok(Modes::default());
    };
    let ProtocolConfiguration {
        request_body_mode,
        response_body_mode,
        send_body_without_waiting_for_header_response,
    } = *config;
    Ok(Modes {
        request: body_mode("request", request_body_mode)?,
        response: body_mode("response", response_body_mode)?,
        body_without_headers_answer: send_body_without_waiting_for_header_response,
    })
}

fn body_mode(direction: &'static str, mode: i32) -> Result<BodyMode, Unservable> {
    match BodySendMode::try_from(mode) {
        Ok(BodySendMode::None) => Ok(BodyMode::None),
        Ok(BodySendMode::Buffered) => Ok(BodyMode::Buffered),
        Ok(BodySendMode::Streamed) => Ok(BodyMode::Streamed),
        Ok(BodySendMode::FullDuplexStreamed) => Ok(BodyMode::FullDuplexStreamed),
        Ok(BodySendMode::BufferedPartial) => Err(Unservable::BufferedPartial(direction)),
        _ => Err(Unservable::UnknownMode(direction, mode)),
    }
}

fn fields(attributes: &HashMap<String, Struct>) -> Option<&HashMap<String, Value>> {
    Some(&attributes.get(ATTRIBUTES_KEY)?.fields)
}

/// A text attribute of the request, where the filter's `request_attributes` name it.
pub(super) fn attribute<'a>(
    attributes: &'a HashMap<String, Struct>,
    name: &str,
) -> Option<&'a str> {
    let value = fields(attributes)?.get(name)?;
    match &value.kind {
        Some(Kind::StringValue(text)) => Some(text),
        _ => None,
    }
}

/// Who calls, from the attributes of the connection and of Envoy's own node, and from the claims of a token
/// that its filter `envoy.filters.http.jwt_authn` has verified, where it forwards them.
pub(super) fn identity(first: &ProcessingRequest) -> Identity {
    let text = |name: &str| {
        let text = attribute(&first.attributes, name)?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let node = |field: &str| text(&format!("xds.node.metadata['{field}']"));
    let direction =
        fields(&first.attributes).and_then(|fields| fields.get("xds.listener_direction"));
    let is_outbound = direction.is_some_and(|value| value.kind == Some(Kind::NumberValue(2.0)));
    let mut identity = Identity::new(
        text("connection.uri_san_peer_certificate"),
        Node {
            namespace: node("NAMESPACE"),
            service_account: node("SERVICE_ACCOUNT"),
            workload: node("WORKLOAD_NAME"),
            is_outbound,
        },
    );
    identity.route = text("xds.route_name");
    if let Some(metadata) = &first.metadata_context
        && let Some(tokens) = metadata.filter_metadata.get(JWT_FILTER)
    {
        for (name, value) in &tokens.fields {
            claims(name, value, 0, &mut identity.claims);
        }
        // A map has no order, and a policy goes by the first that fits.
        identity.claims.sort();
    }
    identity
}

/// Envoy's filter that verifies tokens, which writes what it has verified into its metadata.
const JWT_FILTER: &str = "envoy.filters.http.jwt_authn";

/// Claims kept of one exchange, and how deep they may stand in one another.
const CLAIMS: usize = 64;
const CLAIM_DEPTH: usize = 4;

/// Texts, numbers and truths of a token's payload, by their names; of a list each one.
fn claims(name: &str, value: &Value, depth: usize, out: &mut Vec<(String, String)>) {
    if out.len() >= CLAIMS || depth > CLAIM_DEPTH {
        return;
    }
    let text = match &value.kind {
        Some(Kind::StringValue(text)) => text.clone(),
        Some(Kind::NumberValue(number)) => number.to_string(),
        Some(Kind::BoolValue(truth)) => truth.to_string(),
        Some(Kind::ListValue(list)) => {
            for value in &list.values {
                claims(name, value, depth + 1, out);
            }
            return;
        }
        Some(Kind::StructValue(object)) => {
            // The filter writes a payload under a name of the operator's choice: its own claims have none.
            for (inner, value) in &object.fields {
                claims(inner, value, depth + 1, out);
            }
            return;
        }
        _ => return,
    };
    out.push((name.to_owned(), text));
}

/// Hands what `request` says to `to`, as one event.
pub(super) fn with_event<T>(request: &Request, to: impl FnOnce(Event<'_>) -> T) -> T {
    match request {
        Request::RequestHeaders(headers) => with_headers(Direction::Request, headers, to),
        Request::ResponseHeaders(headers) => with_headers(Direction::Response, headers, to),
        Request::RequestBody(body) => to(body_event(Direction::Request, body)),
        Request::ResponseBody(body) => to(body_event(Direction::Response, body)),
        Request::RequestTrailers(_) => to(Event::Trailers {
            direction: Direction::Request,
        }),
        Request::ResponseTrailers(_) => to(Event::Trailers {
            direction: Direction::Response,
        }),
    }
}

fn body_event(direction: Direction, body: &HttpBody) -> Event<'_> {
    Event::Body {
        direction,
        chunk: &body.body,
        end_of_stream: body.end_of_stream,
    }
}

fn with_headers<T>(
    direction: Direction,
    message: &HttpHeaders,
    to: impl FnOnce(Event<'_>) -> T,
) -> T {
    let headers = message.headers.as_ref().map(read).unwrap_or_default();
    to(Event::Headers {
        direction,
        headers: &headers,
        end_of_stream: message.end_of_stream,
    })
}

/// Envoy sends values in `raw_value`; those of an Envoy with that turned off are in `value`.
fn read(map: &HeaderMap) -> Vec<Header<'_>> {
    map.headers
        .iter()
        .map(|header| Header {
            name: &header.key,
            value: if header.raw_value.is_empty() {
                header.value.as_bytes()
            } else {
                &header.raw_value
            },
        })
        .collect()
}
