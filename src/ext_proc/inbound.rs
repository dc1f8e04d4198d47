//! From Envoy: `ProcessingRequest`s read as session events.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::HeaderMap;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::BodySendMode;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    HttpBody, HttpHeaders, ProcessingRequest, ProtocolConfiguration,
};
use envoy_types::pb::google::protobuf::Struct;
use envoy_types::pb::google::protobuf::value::Kind;
use tonic::metadata::MetadataMap;

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

/// A text attribute of the request, where the filter's `request_attributes` name it.
pub(super) fn attribute<'a>(
    attributes: &'a HashMap<String, Struct>,
    name: &str,
) -> Option<&'a str> {
    let value = attributes.get(ATTRIBUTES_KEY)?.fields.get(name)?;
    match &value.kind {
        Some(Kind::StringValue(text)) => Some(text),
        _ => None,
    }
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
