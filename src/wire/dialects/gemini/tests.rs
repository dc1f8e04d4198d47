use super::Gemini;
use crate::text::Direction;
use crate::wire::reader::Reader;
use crate::wire::{Dialect, Format, Framing, Progress, Target};

#[test]
fn its_paths_are_claimed() {
    for path in [
        "/v1beta/models/gemini-sample:generateContent",
        "/v1beta/models/gemini-sample%3AgenerateContent",
        "/v1/projects/p/locations/eu/publishers/google/models/g:streamGenerateContent?alt=sse",
        "/v1beta/models/e:batchEmbedContents",
        "/v1beta/models/e:countTokens?key=k",
    ] {
        assert!(Gemini.claims(&Target::new("POST", path)), "{path}");
    }
    for path in ["/v1beta/models", "/v1/messages", "/x/generateContent"] {
        assert!(!Gemini.claims(&Target::new("POST", path)), "{path}");
    }
}

#[test]
fn a_stream_that_is_no_sse_is_an_array() {
    let check = |media: &str, path: &str, framing| {
        let target = Target::new("POST", path);
        assert_eq!(Gemini.framing(media.as_bytes(), &target), framing);
    };
    check(
        "application/json",
        "/m/g:streamGenerateContent",
        Some(Framing::Array),
    );
    check("application/json", "/m/g:generateContent", None);
    check(
        "text/event-stream",
        "/m/g:streamGenerateContent?alt=sse",
        Some(Framing::Sse),
    );
}

#[test]
fn its_requests_are_known_by_their_shape() {
    #[track_caller]
    fn check(request: &str, is_known: bool) {
        let mut reader = Reader::default();
        reader.walk(request.as_bytes(), 64).expect("a document");
        let document = reader.document(request.as_bytes(), b"", Direction::Request);
        let format = Format::by_shape(&document).map(Format::name);
        assert_eq!(format, is_known.then_some("gemini"), "{request}");
    }
    check(r#"{"contents":[{"parts":[{"text":"Hi"}]}]}"#, true);
    check(r#"{"contents":[{"text":"Hi"}]}"#, false);
    check(r#"{"contents":"Hi","parts":[]}"#, false);
}

#[test]
fn only_open_candidates_are_ended() {
    #[track_caller]
    fn check(events: &[&str], ending: &[&str]) {
        let mut progress = Progress::default();
        for event in events {
            let mut reader = Reader::default();
            reader.walk(event.as_bytes(), 64).expect("a document");
            let document = reader.document(event.as_bytes(), b"", Direction::Response);
            Gemini.passes(&document, &mut progress);
        }
        let closings = Gemini.ending("No.", &Progress::default(), &progress);
        let found: Vec<_> = closings
            .iter()
            .map(|closing| String::from_utf8_lossy(&closing.data).into_owned())
            .collect();
        assert_eq!(found, ending);
    }
    let begun = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"index":1}],"modelVersion":"g-\u0031"}"#;
    check(
        &[begun],
        &[
            r#"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"SAFETY","index":1,"safetyRatings":[]}],"modelVersion":"g-\u0031"}"#,
        ],
    );
    check(
        &[
            begun,
            r#"{"candidates":[{"finishReason":"STOP","index":1}]}"#,
        ],
        &[],
    );
}
