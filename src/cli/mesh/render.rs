//! `tidegate mesh render`: the files under `istio/` for one namespace, without kustomize.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// The guard itself. What is applied by hand and what is printed here: one text.
const BASE: &[&str] = &[
    include_str!("../../../istio/base/deployment.yaml"),
    include_str!("../../../istio/base/service.yaml"),
    include_str!("../../../istio/base/destination-rule.yaml"),
    include_str!("../../../istio/base/keepalive.yaml"),
    include_str!("../../../istio/base/autoscaler.yaml"),
    include_str!("../../../istio/base/disruption-budget.yaml"),
    include_str!("../../../istio/base/network-policy.yaml"),
];
const GUARD: &str = include_str!("../../../istio/base/config/guard.yaml");
const POLICY: &str = include_str!("../../../istio/base/config/policy.yaml");
const INBOUND: &str = include_str!("../../../istio/filters/inbound/envoy-filter.yaml");
const OUTBOUND: &str = include_str!("../../../istio/filters/outbound/envoy-filter.yaml");
const GATEWAY: &str = include_str!("../../../istio/filters/gateway/envoy-filter.yaml");
/// The provider that others are written after.
const PROVIDER: &str = include_str!("../../../istio/filters/outbound/openai.yaml");
const PROVIDER_HOST: &str = "api.openai.com";
/// The providers that are guarded where no host is named.
const HOSTS: &[&str] = &[
    PROVIDER_HOST,
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
];
const IMAGE: &str = "localhost/tidegate:0.1.0";

/// The case.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the guard and its filters go
    #[arg(long, value_name = "NAME", value_parser = label)]
    namespace: String,
    /// `shadow` judges and records; `enforce` carries it out
    #[arg(long, value_enum, default_value_t = Mode::Shadow)]
    mode: Mode,
    /// Which traffic is guarded; may be given more than once
    #[arg(long, value_enum, required = true)]
    attach: Vec<Attach>,
    /// For `--attach gateway`: the Gateway's name
    #[arg(long, value_name = "NAME", default_value = "models", value_parser = label)]
    gateway: String,
    /// For `--attach outbound`: a provider's host; may be given more than once [default: OpenAI, Anthropic, Gemini, Bedrock]
    #[arg(long, value_name = "HOST", value_parser = host)]
    host: Vec<String>,
    /// The guard's image
    #[arg(long, default_value = IMAGE)]
    image: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mode {
    Shadow,
    Enforce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Attach {
    /// In front of model servers: pods with the label `tidegate.dev/inbound: "on"`
    Inbound,
    /// Behind apps that call providers: pods with the label `tidegate.dev/outbound: "on"`
    Outbound,
    /// At a gateway of the Gateway API
    Gateway,
}

/// Exit codes: 0 printed, 2 could not be.
pub(super) fn main(args: &Args) -> ExitCode {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(manifests(args).as_bytes())
        .and_then(|()| out.flush());
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stdout: cannot be written: {error}");
            ExitCode::from(2)
        }
    }
}

pub(super) fn manifests(args: &Args) -> String {
    let policy = match args.mode {
        Mode::Shadow => POLICY.to_owned(),
        Mode::Enforce => POLICY.replace("mode: shadow", "mode: enforce"),
    };
    let mut out = String::new();
    let mut say = |text: &str| {
        for document in text.split("\n---\n") {
            let _ = writeln!(out, "---\n{}", placed(document.trim_end(), &args.namespace));
        }
    };
    say(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: tidegate }}\ndata:\n  guard.yaml: |\n{}  policy.yaml: |\n{}",
        indented(GUARD),
        indented(&policy)
    ));
    for file in BASE {
        say(&file.replace(IMAGE, &args.image));
    }
    if args.attach.contains(&Attach::Inbound) {
        say(INBOUND);
    }
    if args.attach.contains(&Attach::Outbound) {
        let hosts: Vec<&str> = match args.host.as_slice() {
            [] => HOSTS.to_vec(),
            hosts => hosts.iter().map(String::as_str).collect(),
        };
        say(&outbound(&hosts));
        for host in hosts {
            let name = host.replace('.', "-");
            let provider = PROVIDER.replace("name: openai }", &format!("name: {name} }}"));
            say(&provider.replace(PROVIDER_HOST, host));
        }
    }
    if args.attach.contains(&Attach::Gateway) {
        say(&GATEWAY.replace("name: models }", &format!("name: {} }}", args.gateway)));
    }
    out
}

/// The outbound filter, on for `hosts`: its patch of one virtual host, once for each.
fn outbound(hosts: &[&str]) -> String {
    const PATCH: &str = "  - applyTo: VIRTUAL_HOST\n";
    let mut parts = OUTBOUND.split(PATCH);
    let mut text = parts.next().unwrap_or_default().to_owned();
    let patch = parts.next().unwrap_or_default();
    for host in hosts {
        text.push_str(PATCH);
        text.push_str(&patch.replace(PROVIDER_HOST, host));
    }
    text
}

/// A manifest in its namespace.
fn placed(document: &str, namespace: &str) -> String {
    document
        .replacen(
            "\nmetadata: { name:",
            &format!("\nmetadata: {{ namespace: {namespace}, name:"),
            1,
        )
        .replacen(
            "\nmetadata:\n  name:",
            &format!("\nmetadata:\n  namespace: {namespace}\n  name:"),
            1,
        )
        .replace(
            "tidegate.NAMESPACE.svc",
            &format!("tidegate.{namespace}.svc"),
        )
}

fn indented(text: &str) -> String {
    // What the file says of itself is for those who read it there.
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "    {line}");
        out
    })
}

/// A name of Kubernetes (RFC 1123 label).
fn label(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| inner(byte) || byte == b'-')
        && text.bytes().next().is_some_and(inner)
        && text.bytes().next_back().is_some_and(inner);
    fits.then(|| text.to_owned()).ok_or_else(|| {
        "1 to 63 of a-z, 0-9 and `-`, the first and last a letter or digit".to_owned()
    })
}

/// A host name, labels with dots between them.
fn host(text: &str) -> Result<String, String> {
    let fits =
        text.len() <= 253 && text.contains('.') && text.split('.').all(|part| label(part).is_ok());
    fits.then(|| text.to_owned()).ok_or_else(|| {
        "a host name in lower case, without a port, such as api.example.com".to_owned()
    })
}
