//! To Envoy: session effects written as `ProcessingResponse`s, small bodies joined.

use std::collections::VecDeque;

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::ext_proc::v3::body_mutation::Mutation;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMutation, HeadersResponse, ImmediateResponse,
    ProcessingResponse, StreamedBodyResponse, TrailersResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::Struct;

use crate::session::{Body, BodyMode, Effect, HeaderChanges, Modes, Refusal};
use crate::text::Direction;

/// Bytes that wait to be sent before no more is read. Default 64 KiB: what Envoy's API recommends as
/// the largest body message, and enough that its cost per message no longer counts.
const FULL_BYTES: usize = 64 << 10;

/// Messages that wait to be sent before no more is read. In STREAMED and BUFFERED nothing is joined.
const FULL_MESSAGES: usize = 64;

/// What waits to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Outgoing>,
    /// Body bytes in `queue`.
    bytes: usize,
    /// For the next message: the judgement changed when none was waiting.
    metadata: Option<Struct>,
}

#[derive(Debug)]
struct Outgoing {
    metadata: Option<Struct>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A piece of a full duplex body: the next one of its direction may join it.
    Streamed {
        direction: Direction,
        body: Vec<u8>,
        end_of_stream: bool,
    },
    Other(Response),
}

impl Outbox {
    /// Whether enough waits that it should be sent before more is read.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES || self.queue.len() >= FULL_MESSAGES
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues dynamic metadata for the next message that is pushed.
    pub(super) fn attach(&mut self, metadata: Struct) {
        self.metadata = Some(metadata);
    }

    /// Queues one effect.
    pub(super) fn push(&mut self, effect: Effect, modes: Modes) {
        let metadata = self.metadata.take();
        let what = match effect {
            Effect::Body {
                direction,
                body: Body::Bytes(body),
                end_of_stream,
                changes: _,
            } if mode(modes, direction) == BodyMode::FullDuplexStreamed => {
                self.bytes += body.len();
                match self.join(direction, body, end_of_stream, metadata) {
                    Ok(()) => return,
                    Err((body, metadata)) => {
                        self.queue.push_back(Outgoing {
                            metadata,
                            what: What::Streamed {
                                direction,
                                body,
                                end_of_stream,
                            },
                        });
                        return;
                    }
                }
            }
            Effect::Body {
                direction,
                body,
                changes,
                ..
            } => What::Other(chunk_answer(direction, body, changes)),
            Effect::Headers { direction, changes } => {
                let response = Some(CommonResponse {
                    header_mutation: mutation(changes),
                    ..CommonResponse::default()
                });
                What::Other(match direction {
                    Direction::Request => Response::RequestHeaders(HeadersResponse { response }),
                    Direction::Response => Response::ResponseHeaders(HeadersResponse { response }),
                })
            }
            Effect::Trailers { direction } => {
                let answer = TrailersResponse {
                    header_mutation: None,
                };
                What::Other(match direction {
                    Direction::Request => Response::RequestTrailers(answer),
                    Direction::Response => Response::ResponseTrailers(answer),
                })
            }
            Effect::Refuse(refusal) => What::Other(refuse(refusal)),
        };
        self.queue.push_back(Outgoing { metadata, what });
    }

    /// The next message to send.
    pub(super) fn pop(&mut self) -> Option<ProcessingResponse> {
        let Outgoing { metadata, what } = self.queue.pop_front()?;
        let response = match what {
            What::Other(response) => response,
            What::Streamed {
                direction,
                body,
                end_of_stream,
            } => {
                self.bytes -= body.len();
                streamed(direction, body, end_of_stream)
            }
        };
        Some(ProcessingResponse {
            dynamic_metadata: metadata,
            response: Some(response),
            ..ProcessingResponse::default()
        })
    }

    /// Appends to the last message in the queue, if that is an unended body of the same direction
    /// with room: Envoy's cost per message dominates when a stream of small events is busy.
    fn join(
        &mut self,
        direction: Direction,
        more: Vec<u8>,
        ends: bool,
        newer: Option<Struct>,
    ) -> Result<(), (Vec<u8>, Option<Struct>)> {
        let Some(Outgoing {
            metadata,
            what:
                What::Streamed {
                    direction: of_last,
                    body,
                    end_of_stream,
                },
        }) = self.queue.back_mut()
        else {
            return Err((more, newer));
        };
        let fits = body.len() + more.len() <= FULL_BYTES || body.is_empty() || more.is_empty();
        if *of_last != direction || *end_of_stream || !fits {
            return Err((more, newer));
        }
        if body.is_empty() {
            *body = more;
        } else {
            body.extend_from_slice(&more);
        }
        *end_of_stream = ends;
        if newer.is_some() {
            *metadata = newer;
        }
        Ok(())
    }
}

const fn mode(modes: Modes, direction: Direction) -> BodyMode {
    match direction {
        Direction::Request => modes.request,
        Direction::Response => modes.response,
    }
}

fn streamed(direction: Direction, body: Vec<u8>, end_of_stream: bool) -> Response {
    body_response(
        direction,
        CommonResponse {
            body_mutation: Some(BodyMutation {
                mutation: Some(Mutation::StreamedResponse(StreamedBodyResponse {
                    body,
                    end_of_stream,
                    ..StreamedBodyResponse::default()
                })),
            }),
            ..CommonResponse::default()
        },
    )
}

/// The one answer to one chunk, in STREAMED and BUFFERED.
fn chunk_answer(direction: Direction, body: Body, changes: HeaderChanges) -> Response {
    let changed = match body {
        Body::Unchanged => None,
        Body::Bytes(bytes) if bytes.is_empty() => Some(Mutation::ClearBody(true)),
        Body::Bytes(bytes) => Some(Mutation::Body(bytes)),
    };
    body_response(
        direction,
        CommonResponse {
            header_mutation: mutation(changes),
            body_mutation: changed.map(|mutation| BodyMutation {
                mutation: Some(mutation),
            }),
            ..CommonResponse::default()
        },
    )
}

fn body_response(direction: Direction, response: CommonResponse) -> Response {
    let answer = BodyResponse {
        response: Some(response),
    };
    match direction {
        Direction::Request => Response::RequestBody(answer),
        Direction::Response => Response::ResponseBody(answer),
    }
}

fn refuse(refusal: Refusal) -> Response {
    let Refusal {
        status,
        headers,
        body,
        details,
    } = refusal;
    Response::ImmediateResponse(ImmediateResponse {
        status: Some(HttpStatus {
            code: i32::from(status),
        }),
        headers: mutation(HeaderChanges {
            set: headers,
            remove: Vec::new(),
        }),
        body,
        details,
        ..ImmediateResponse::default()
    })
}

fn mutation(changes: HeaderChanges) -> Option<HeaderMutation> {
    let HeaderChanges { set, remove } = changes;
    if set.is_empty() && remove.is_empty() {
        return None;
    }
    Some(HeaderMutation {
        set_headers: set.into_iter().map(set_header).collect(),
        remove_headers: remove.into_iter().map(str::to_owned).collect(),
    })
}

/// With `raw_value`: what stands in `value` arrives as an empty header. Envoy overwrites whatever
/// `append_action` says, as long as the deprecated `append` is not set.
fn set_header((name, value): (&'static str, String)) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            raw_value: value.into_bytes(),
            ..HeaderValue::default()
        }),
        append_action:
            envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd
                .into(),
        ..HeaderValueOption::default()
    }
}
