use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::client::conn::http2;

use super::script::tokens;
use super::*;

const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

async fn post(model: &Model, path: &str, body: Value) -> (StatusCode, Vec<u8>) {
    let stream = tokio::net::TcpStream::connect(model.addr()).await.unwrap();
    let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(path)
        .header("host", "model")
        .body(Full::new(Bytes::from(body.to_string())));
    let response = send.send_request(request.unwrap()).await.unwrap();
    let status = response.status();
    (
        status,
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
}

/// The `data:` payloads of an SSE body.
fn payloads(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn ask(said: &str) -> Value {
    json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": said}]})
}

#[test]
fn tokens_join_to_the_text_and_split_what_is_planted() {
    for planted in PLANTED {
        let pieces = tokens(planted);
        assert_eq!(pieces.concat(), planted);
        assert!(
            pieces.len() > 2,
            "{planted:?} is in {} tokens",
            pieces.len()
        );
        assert!(pieces.iter().all(|piece| piece.chars().count() <= 4));
    }
}

#[tokio::test]
async fn openai_stream_says_what_the_whole_answer_says() {
    let model = Model::start(ANY.into(), Options::default()).await.unwrap();
    let mut asked = ask("Who is the customer?");
    let (_, streamed) = post(&model, "/v1/chat/completions", asked.clone()).await;
    assert!(streamed.ends_with(b"data: [DONE]\n\n"));
    let chunks = payloads(&streamed);
    let text: String = chunks
        .iter()
        .filter_map(|c| c["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    asked["stream"] = json!(false);
    let (_, whole) = post(&model, "/v1/chat/completions", asked).await;
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole["choices"][0]["message"]["content"], text.as_str());
    assert!(text.starts_with("You said: Who is the customer?"));
    for planted in PLANTED {
        assert!(text.contains(planted), "{planted}");
        assert!(
            !String::from_utf8_lossy(&streamed).contains(planted),
            "{planted} is not split"
        );
    }
}

#[tokio::test]
async fn anthropic_stream_says_what_the_whole_answer_says() {
    let model = Model::start(ANY.into(), Options::default()).await.unwrap();
    let mut asked = ask("think about it");
    let (_, streamed) = post(&model, "/v1/messages", asked.clone()).await;
    let events = payloads(&streamed);
    let kinds: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(
        kinds[kinds.len() - 3..],
        ["content_block_stop", "message_delta", "message_stop"]
    );
    let join = |key: &str| -> String {
        events
            .iter()
            .filter_map(|e| e["delta"][key].as_str())
            .collect()
    };
    asked["stream"] = json!(false);
    let (_, whole) = post(&model, "/v1/messages", asked).await;
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole["content"][0]["thinking"], join("thinking"));
    assert_eq!(whole["content"][1]["text"], join("text"));
}

#[tokio::test]
async fn a_tool_is_called_with_fragmented_arguments_once() {
    let model = Model::start(ANY.into(), Options::default()).await.unwrap();
    let mut asked = ask("mail it");
    asked["tools"] = json!([{"type": "function", "function": {"name": "send_mail"}}]);
    let (_, streamed) = post(&model, "/v1/chat/completions", asked.clone()).await;
    let chunks = payloads(&streamed);
    let calls: Vec<&Value> = chunks
        .iter()
        .map(|c| &c["choices"][0]["delta"]["tool_calls"][0]["function"])
        .collect();
    let arguments: String = calls
        .iter()
        .filter_map(|call| call["arguments"].as_str())
        .collect();
    assert_eq!(
        serde_json::from_str::<Value>(&arguments).unwrap()["to"],
        TOOL_EMAIL
    );
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
    asked["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({"role": "tool", "content": "sent"}));
    let (_, after) = post(&model, "/v1/chat/completions", asked).await;
    assert!(
        payloads(&after)
            .iter()
            .all(|c| c["choices"][0]["delta"]["tool_calls"].is_null())
    );
}

#[tokio::test]
async fn choices_take_turns_and_bring_logprobs_and_usage() {
    let model = Model::start(ANY.into(), Options::default()).await.unwrap();
    let mut asked = ask("a clean one");
    asked["n"] = json!(2);
    asked["logprobs"] = json!(true);
    asked["stream_options"] = json!({"include_usage": true});
    let (_, streamed) = post(&model, "/v1/chat/completions", asked).await;
    let chunks = payloads(&streamed);
    let index = |at: usize| chunks[at]["choices"][0]["index"].as_u64().unwrap();
    assert_eq!([index(0), index(1), index(2), index(3)], [0, 1, 0, 1]);
    assert_eq!(
        chunks[2]["choices"][0]["logprobs"]["content"][0]["token"],
        "You"
    );
    assert!(
        chunks.last().unwrap()["usage"]["total_tokens"]
            .as_u64()
            .unwrap()
            > 2
    );
}

#[tokio::test]
async fn speaks_h2c() {
    let model = Model::start(ANY.into(), Options::default()).await.unwrap();
    let stream = tokio::net::TcpStream::connect(model.addr()).await.unwrap();
    let (mut send, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://model/v1/models")
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = send.send_request(request).await.unwrap();
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, http::Version::HTTP_2)
    );
}

#[tokio::test]
async fn the_journal_sees_bodies_and_cancelled_streams() {
    let journal = Journal::default();
    let options = Options {
        token_delay: Duration::from_millis(5),
        journal: Some(journal.clone()),
    };
    let model = Model::start(ANY.into(), options).await.unwrap();
    let (status, _) = post(&model, "/v1/chat/completions", ask("a clean one")).await;
    assert_eq!(status, StatusCode::OK);
    let [whole] = journal.entries().try_into().unwrap();
    assert!(whole.closed && !whole.cancelled());
    assert_eq!(
        serde_json::from_slice::<Value>(&whole.body).unwrap(),
        ask("a clean one")
    );

    let stream = tokio::net::TcpStream::connect(model.addr()).await.unwrap();
    let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::post("/v1/messages").body(Full::new(Bytes::from(ask("x").to_string())));
    let mut response = send.send_request(request.unwrap()).await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    connection.abort();
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while !journal.entries().get(1).is_some_and(|entry| entry.closed) {
        assert!(
            tokio::time::Instant::now() < until,
            "the stream was not cancelled"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(journal.entries()[1].cancelled());
}

#[tokio::test]
async fn errors_have_the_shape_of_the_provider() {
    let model = Model::start(ANY.into(), Options::default()).await.unwrap();
    let (status, body) = post(&model, "/v1/none", json!({})).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &body["error"]["type"]),
        (StatusCode::NOT_FOUND, &json!("not_found_error"))
    );
}
