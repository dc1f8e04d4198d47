use clap::Parser;

use super::check::traps;
use super::read::documents;
use super::{Args, Command};

/// A whole Envoy around one filter, one cluster and one route, each as the good one or changed.
fn bootstrap(changes: &[(&str, &str)]) -> String {
    let mut text = include_str!("../../../envoy/standalone.yaml").to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

#[track_caller]
fn check_text(text: &str, expected: &[&str]) {
    let documents = documents("file", text).unwrap_or_else(|error| panic!("{error}"));
    let traps = traps(&documents);
    let names: Vec<&str> = traps.iter().map(|trap| trap.name).collect();
    let mut expected = expected.to_vec();
    let mut sorted = names.clone();
    expected.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "{traps:#?}");
}

#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    check_text(&bootstrap(&[(from, to)]), expected);
}

#[test]
fn our_own_configuration_has_no_trap() {
    check_text(&bootstrap(&[]), &[]);
}

#[test]
fn each_trap_of_the_filter_is_named() {
    check(
        "failure_mode_allow: false",
        "failure_mode_allow: true",
        &["fail-open"],
    );
    check(
        "response_trailer_mode: SEND",
        "response_trailer_mode: SKIP",
        &["trailers"],
    );
    check(
        "request_body_mode: FULL_DUPLEX_STREAMED",
        "request_body_mode: BUFFERED",
        &["buffered"],
    );
    check(
        "response_body_mode: FULL_DUPLEX_STREAMED",
        "response_body_mode: STREAMED",
        &["streamed"],
    );
    check(
        "response_body_mode: FULL_DUPLEX_STREAMED",
        "response_body_mode: NONE",
        &["not-sent"],
    );
    check(
        "response_body_mode: FULL_DUPLEX_STREAMED",
        "response_body_mode: BUFFERED_PARTIAL",
        &["buffered-partial"],
    );
    check(
        "response_body_mode: FULL_DUPLEX_STREAMED",
        "response_body_mode: GRPC",
        &["body-mode"],
    );
    check(
        "request_header_mode: SEND",
        "request_header_mode: SKIP",
        &["headers"],
    );
    check(
        "stat_prefix: tidegate.",
        "allow_mode_override: true",
        &["mode-override"],
    );
    check(
        "stat_prefix: tidegate.",
        "observability_mode: true",
        &["observability"],
    );
    check(
        "stat_prefix: tidegate.",
        "disable_immediate_response: true",
        &["no-refusal"],
    );
    check(
        "request_attributes: [\"request.id\"]",
        "request_attributes: []",
        &["attributes"],
    );
    check(
        "request_attributes: [\"request.id\"]",
        "request_attributes: [\"request.id\", \"xds.node\", \"xds.node.metadata['NAMESPACE']\", \"connection.uri_san_peer_certificate\"]",
        &["xds-node"],
    );
    check("untyped: [tidegate]", "untyped: [other]", &["metadata"]);
    check(
        "- name: tidegate\n            typed_config",
        "- name: envoy.filters.http.ext_proc\n            typed_config",
        &["name"],
    );
}

#[test]
fn each_trap_of_the_cluster_is_named() {
    check(
        "connection_keepalive: { interval: 2s, timeout: 5s }",
        "max_outbound_frames: 10",
        &["keepalive"],
    );
    check(
        "max_requests: 100000 }]",
        "max_requests: 1024 }]",
        &["circuit-breaker"],
    );
    check(
        "max_pending_requests: 100000, max_requests: 100000",
        "max_pending_requests: 100000",
        &["circuit-breaker"],
    );
    check(
        "envoy_grpc: { cluster_name: tidegate }",
        "envoy_grpc: { cluster_name: tidegate2 }",
        &["no-cluster"],
    );
}

#[test]
fn retries_count_on_guarded_routes_only() {
    let route = "route: { cluster: model, timeout: 0s }";
    let retried = "route: { cluster: model, timeout: 0s, retry_policy: { retry_on: 5xx } }";
    check(route, retried, &["retries"]);
    check(
        route,
        "route: { cluster: model, retry_policy: { retry_on: 5xx, num_retries: 0 } }",
        &[],
    );
    let off = "typed_per_filter_config: { tidegate: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }";
    check(route, &format!("{retried}\n                {off}"), &[]);
}

#[test]
fn settings_under_another_name_are_told() {
    let settings = "typed_per_filter_config: { envoy.filters.http.ext_proc: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute, disabled: true } }";
    let route = "route: { cluster: model, timeout: 0s }";
    check(
        route,
        &format!("{route}\n                {settings}"),
        &["route-key"],
    );
}

#[test]
fn a_filter_that_answers_headers_stands_behind_the_guard() {
    let guard = "          - name: tidegate\n";
    let other = "          - name: other\n            typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor, processing_mode: { response_header_mode: MODE } }\n";
    let with = |mode: &str| format!("{}{guard}", other.replace("MODE", mode));
    check(guard, &with("SEND"), &["order"]);
    check(guard, &with("SKIP"), &[]);
}

#[test]
fn a_dump_without_a_guard_or_with_an_error_is_told() {
    check_text("{\"configs\": []}", &["no-guard"]);
    // What was refused is quoted, and is no guard.
    let refused = documents("f", &bootstrap(&[])).unwrap();
    let refused =
        serde_json::json!({"error_state": {"failed_configuration": refused, "details": "no"}});
    check_text(&refused.to_string(), &["no-guard", "rejected"]);
    let dump = |listener: &str| {
        format!(
            "{{\"configs\": [{{\"dynamicListeners\": [{{\"name\": \"virtualInbound\", {listener}}}]}}, {{\"x\": {}}}]}}",
            serde_json::to_string(&documents("f", &bootstrap(&[])).unwrap()).unwrap()
        )
    };
    check_text(
        &dump("\"errorState\": {\"details\": \"trailers\"}"),
        &["rejected"],
    );
    check_text(
        &dump("\"activeState\": {}, \"drainingState\": {}"),
        &["draining"],
    );
    check_text(&dump("\"activeState\": {}"), &[]);
}

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn render(arguments: &str) -> String {
    let given = std::iter::once("mesh").chain(arguments.split(' '));
    let cli = Cli::try_parse_from(given).unwrap_or_else(|error| panic!("{error}"));
    match cli.args.command {
        Command::Render(args) => super::render::manifests(&args),
        Command::Check(_) => panic!("render was asked for"),
    }
}

#[test]
fn what_is_rendered_has_no_trap() {
    for arguments in [
        "render --namespace chat --attach inbound",
        "render --namespace chat --mode enforce --attach inbound --attach outbound",
        "render --namespace chat --attach outbound --host llm.example.com",
        "render --namespace edge --attach gateway --gateway public",
    ] {
        let text = render(arguments);
        assert!(!text.contains("NAMESPACE."), "{arguments}");
        check_text(&text, &[]);
    }
}

#[test]
fn what_is_rendered_is_for_the_case_that_was_named() {
    let text = render(
        "render --namespace chat --mode enforce --attach outbound --host llm.example.com --image r/t:1",
    );
    let count = |what: &str| text.matches(what).count();
    assert_eq!(count("\nkind: "), count("namespace: chat"));
    assert_eq!(count("api.openai.com"), 0);
    assert_eq!(count("name: \"llm.example.com:80\""), 1);
    assert_eq!(count("image: r/t:1"), 1);
    assert_eq!(count("      mode: enforce"), 1);
    assert!(text.contains("outbound|50051||tidegate.chat.svc.cluster.local"));
}

#[test]
fn traps_of_manifests_are_named() {
    let good = render("render --namespace chat --attach inbound --attach outbound");
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replace(from, to)
    };
    check_text(
        &changed("context: SIDECAR_INBOUND", "context: ANY"),
        &["context"],
    );
    check_text(
        &changed("operation: INSERT_BEFORE", "operation: ADD"),
        &["operation"; 2],
    );
    check_text(
        &changed("retries: { attempts: 0 }", "timeout: 0s"),
        &["retries"; 4],
    );
    check_text(
        &changed("http2MaxRequests: 100000", "idleTimeout: 1h"),
        &["circuit-breaker"],
    );
    check_text(&changed("authority: ", "other: "), &["authority"; 2]);
    check_text(&changed("connection_keepalive", "other"), &["keepalive"]);
    check_text(
        &changed("tidegate.chat.svc", "tidegate.NAMESPACE.svc"),
        &["placeholder"],
    );
}
