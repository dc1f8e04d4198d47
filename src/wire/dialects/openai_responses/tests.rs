use super::OpenAiResponses;
use crate::text::Direction;
use crate::wire::reader::Reader;
use crate::wire::{Dialect, Progress, Target};

#[track_caller]
fn claims(path: &str, expected: bool) {
    let target = Target::new("POST", path);
    assert_eq!(OpenAiResponses.claims(&target), expected, "{path}");
}

#[test]
fn every_path_of_the_api_is_claimed() {
    claims("/v1/responses", true);
    claims("/responses/", true);
    claims("/openai/v1/responses?api-version=preview", true);
    claims("/openai/responses", true);
    claims("/v1/responses/resp_1/input_items?limit=5", true);
    claims("/v1/responses/input_tokens", true);
    claims("/v1/chat/completions", false);
    claims("/v1/my-responses", false);
    claims("/v1/files?of=/responses", false);
}

#[track_caller]
fn fits(request: &str, expected: bool) {
    let mut reader = Reader::default();
    reader.walk(request.as_bytes(), 64).expect("JSON");
    let document = reader.document(request.as_bytes(), b"", Direction::Request);
    assert_eq!(OpenAiResponses.fits(&document), expected, "{request}");
}

#[test]
fn only_items_tell_its_shape() {
    fits(
        r#"{"model":"m","input":[{"role":"user","content":"x"}]}"#,
        true,
    );
    fits(
        r#"{"input":[{"type":"function_call_output","output":"x"}]}"#,
        true,
    );
    fits(r#"{"previous_response_id":"resp_1"}"#, true);
    // Embeddings and moderations have an input too.
    fits(r#"{"model":"m","input":"x"}"#, false);
    fits(r#"{"model":"m","input":["x"]}"#, false);
    fits(
        r#"{"model":"m","input":[{"type":"text","text":"x"}]}"#,
        false,
    );
    fits(r#"{"messages":[{"role":"user","content":"x"}]}"#, false);
}

fn read(events: &[&str]) -> Progress {
    let mut progress = Progress::default();
    let mut reader = Reader::default();
    for event in events {
        reader.walk(event.as_bytes(), 64).expect("JSON");
        let document = reader.document(event.as_bytes(), b"", Direction::Response);
        OpenAiResponses.passes(&document, &mut progress);
    }
    progress
}

#[track_caller]
fn check_ending(events: &[&str], kinds: &[(&str, u64)], id: &str) {
    let request = Progress::default();
    let closings = OpenAiResponses.ending("no", &request, &read(events));
    let found: Vec<_> = closings
        .iter()
        .map(|closing| {
            let data: serde_json::Value = serde_json::from_slice(&closing.data).expect("JSON");
            assert_eq!(data["type"], closing.event);
            assert_eq!(data["response"]["id"], id);
            assert_eq!(data["response"]["output"], serde_json::json!([]));
            (
                closing.event,
                data["sequence_number"].as_u64().unwrap_or(99),
            )
        })
        .collect();
    assert_eq!(found, kinds);
}

#[test]
fn a_filtered_stream_ends_as_incomplete() {
    let created = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_7"}}"#;
    let delta = r#"{"type":"response.output_text.delta","sequence_number":8,"delta":"x"}"#;
    let incomplete = "response.incomplete";
    check_ending(&[created, delta], &[(incomplete, 9)], "resp_7");
    let both = [("response.created", 0), (incomplete, 1)];
    check_ending(&[], &both, "resp_tidegate");
    let done = r#"{"type":"response.completed","sequence_number":9,"response":{"id":"resp_7"}}"#;
    check_ending(&[created, delta, done], &[], "resp_7");
}
