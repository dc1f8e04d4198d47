//! The configuration file: `kind: GuardConfig`, strict, every mistake told at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Listen;
use super::listen::SOCKET_MODE;
use super::settings::DRAIN;
use crate::document::{Document, Errors, Fields, Node};
use crate::telemetry::{LogDecisions, Talk};

/// `apiVersion` of the file.
const API_VERSION: &str = "tidegate.dev/v1alpha1";

/// `kind` of the file.
const KIND: &str = "GuardConfig";

/// The configuration file as written, its paths made absolute by the file's own directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where Envoy connects; at least one.
    pub listen: Vec<Listen>,
    /// Where metrics and probes are served.
    pub admin: Option<SocketAddr>,
    /// The token of those who answer for calls that wait; without one nobody can.
    pub admin_token_file: Option<PathBuf>,
    /// The policy's file; the built-in policy if `None`.
    pub policy: Option<PathBuf>,
    /// Where compiled automata are kept between starts.
    pub cache_dir: Option<PathBuf>,
    /// The key of `pseudonymize` and `hash`; one of the process if `None`.
    pub key_file: Option<PathBuf>,
    /// How long open streams may take to finish at the end.
    pub drain: Duration,
    /// How the process's log is written.
    pub talk: Talk,
    /// Which exchanges have a line in the decision log.
    pub log_decisions: LogDecisions,
}

impl Config {
    /// Reads `bytes`, the content of the file at `path`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, Errors> {
        let document = Document::from_bytes(&path.display().to_string(), bytes)?;
        let mut errors = Errors::new(document.name());
        let base = path.parent().unwrap_or(Path::new(""));
        let config = root(document.root(), base, &mut errors);
        errors.or(config)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            admin: None,
            admin_token_file: None,
            policy: None,
            cache_dir: None,
            key_file: None,
            drain: DRAIN,
            talk: Talk::default(),
            log_decisions: LogDecisions::default(),
        }
    }
}

fn root(node: &Node, base: &Path, errors: &mut Errors) -> Config {
    let mut config = Config::default();
    let Some(mut fields) = node.fields("the configuration", errors) else {
        return config;
    };
    constant(&mut fields, "apiVersion", API_VERSION, errors);
    constant(&mut fields, "kind", KIND, errors);
    if let Some(mut metadata) = fields.fields("metadata", errors) {
        metadata.string("name", errors);
        metadata.string("namespace", errors);
        metadata.finish(errors);
    }
    let spec = fields.need("spec", errors);
    if let Some(spec) = spec.and_then(|spec| spec.fields("`spec`", errors)) {
        read_spec(spec, base, &mut config, errors);
    }
    fields.finish(errors);
    config
}

fn constant(fields: &mut Fields<'_>, key: &'static str, value: &str, errors: &mut Errors) {
    let Some(node) = fields.need(key, errors) else {
        return;
    };
    if let Some(found) = node.string(key, errors)
        && found != value
    {
        errors.push_hint(
            node.at,
            format!("`{key}` is `{found}`, should be `{value}`"),
            format!("this is the configuration of the guard; write `{key}: {value}`"),
        );
    }
}

fn read_spec(mut spec: Fields<'_>, base: &Path, config: &mut Config, errors: &mut Errors) {
    if let Some(listen) = spec.need("listen", errors) {
        let all = listen.list("`listen`", errors).unwrap_or_default();
        if all.is_empty() {
            errors.push_hint(
                listen.at,
                "`listen` names no address",
                "write `listen: [{tcp: \"127.0.0.1:50051\"}]`",
            );
        }
        config.listen = all.iter().filter_map(|one| listener(one, errors)).collect();
    }
    if let Some(mut admin) = spec.fields("admin", errors) {
        let tcp = admin.need("tcp", errors);
        config.admin = tcp.and_then(|tcp| address(tcp, errors));
        let token = admin.string("tokenFile", errors);
        config.admin_token_file = token.map(|path| base.join(path));
        admin.finish(errors);
    }
    config.policy = spec.string("policy", errors).map(|path| base.join(path));
    config.cache_dir = spec.string("cacheDir", errors).map(|path| base.join(path));
    config.key_file = spec.string("keyFile", errors).map(|path| base.join(path));
    if let Some(seconds) = spec.integer("drainSeconds", 0..=86_400, errors) {
        config.drain = Duration::from_secs(seconds);
    }
    if let Some(mut log) = spec.fields("log", errors) {
        let formats = [("human", Talk::Human), ("json", Talk::Json)];
        let decisions = [
            ("all", LogDecisions::All),
            ("findings", LogDecisions::Findings),
            ("none", LogDecisions::None),
        ];
        config.talk = log.one_of("format", &formats, errors).unwrap_or_default();
        config.log_decisions = log
            .one_of("decisions", &decisions, errors)
            .unwrap_or_default();
        log.finish(errors);
    }
    spec.finish(errors);
}

/// `{tcp: HOST:PORT}`, `{unix: PATH, mode: "0660"}` or `{abstract: NAME}`.
fn listener(node: &Node, errors: &mut Errors) -> Option<Listen> {
    let mut fields = node.fields("each of `listen`", errors)?;
    let tcp = fields.take("tcp");
    let unix = fields.take("unix");
    let abstract_name = fields.take("abstract");
    let mode = fields.take("mode");
    fields.finish(errors);
    if let (Some(mode), None) = (mode, unix) {
        errors.push(mode.at, "`mode` is for `unix` only");
    }
    match (tcp, unix, abstract_name) {
        (Some(tcp), None, None) => address(tcp, errors).map(Listen::Tcp),
        (None, Some(path), None) => {
            let mode = match mode {
                Some(node) => permissions(node, errors)?,
                None => SOCKET_MODE,
            };
            let text = path.string("`unix`", errors)?;
            if !text.starts_with('/') {
                errors.push_hint(
                    path.at,
                    format!("`unix` is `{text}`, should be an absolute path"),
                    "for a socket without a file write `abstract: NAME`",
                );
                return None;
            }
            Some(Listen::Unix {
                path: text.into(),
                mode,
            })
        }
        (None, None, Some(name)) => {
            let text = name.string("`abstract`", errors)?;
            let text = text.strip_prefix('@').unwrap_or(text);
            // `sun_path` holds 108 bytes, the first of them is the mark of an abstract name.
            if !(1..=107).contains(&text.len()) {
                let is = text.len();
                errors.push(
                    name.at,
                    format!("`abstract` is {is} bytes, should be 1 to 107"),
                );
                return None;
            }
            Some(Listen::Abstract(text.to_owned()))
        }
        _ => {
            errors.push_hint(
                node.at,
                "each of `listen` should be one of `tcp`, `unix`, `abstract`",
                "write `{tcp: \"127.0.0.1:50051\"}`",
            );
            None
        }
    }
}

fn address(node: &Node, errors: &mut Errors) -> Option<SocketAddr> {
    let text = node.string("`tcp`", errors)?;
    let address = text.parse().ok();
    if address.is_none() {
        errors.push_hint(
            node.at,
            format!("`{text}` is no address and port"),
            "write a numeric address, such as \"127.0.0.1:50051\" or \"[::1]:50051\"",
        );
    }
    address
}

fn permissions(node: &Node, errors: &mut Errors) -> Option<u32> {
    let text = node.string("`mode`", errors)?;
    let mode = u32::from_str_radix(text, 8).ok();
    let mode = mode.filter(|mode| *mode <= 0o777);
    if mode.is_none() {
        errors.push_hint(
            node.at,
            format!("`{text}` is no file mode"),
            "write three or four octal digits in quotes, such as \"0660\"",
        );
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let read = Config::read(Path::new("/etc/tidegate/guard.yaml"), text.as_bytes());
        read.map_err(|errors| errors.to_string())
    }

    #[test]
    fn reads_every_field() {
        let config = read(
            "apiVersion: tidegate.dev/v1alpha1\nkind: GuardConfig\nmetadata: {name: a}\nspec:\n  \
             listen:\n  - tcp: 127.0.0.1:50051\n  - {unix: /run/t.sock, mode: \"0600\"}\n  - abstract: \
             \"@tidegate\"\n  admin: {tcp: \"[::1]:9901\"}\n  policy: policy.yaml\n  cacheDir: \
             /var/cache\n  keyFile: hide.key\n  drainSeconds: 3\n  log: {format: json, decisions: all}\n",
        );
        let expected = Config {
            listen: vec![
                Listen::Tcp(([127, 0, 0, 1], 50051).into()),
                Listen::Unix {
                    path: "/run/t.sock".into(),
                    mode: 0o600,
                },
                Listen::Abstract("tidegate".to_owned()),
            ],
            admin: Some("[::1]:9901".parse().expect("an address")),
            admin_token_file: None,
            policy: Some("/etc/tidegate/policy.yaml".into()),
            cache_dir: Some("/var/cache".into()),
            key_file: Some("/etc/tidegate/hide.key".into()),
            drain: Duration::from_secs(3),
            talk: Talk::Json,
            log_decisions: LogDecisions::All,
        };
        assert_eq!(config, Ok(expected));
    }

    #[test]
    fn reads_the_example() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/guard.yaml"));
        let bytes = std::fs::read(path).expect("the example");
        let config = Config::read(path, &bytes).unwrap_or_else(|errors| panic!("{errors}"));
        let policy = config.policy.expect("a policy");
        assert!(policy.is_file(), "{}", policy.display());
    }

    #[test]
    fn tells_every_mistake_at_once() {
        let said = read(
            "apiVersion: v1\nkind: GuardPolicy\nspec:\n  listen:\n  - {tcp: localhost}\n  - {unix: \
             here.sock}\n  - {tcp: 1.1.1.1:1, unix: /a}\n  - {abstract: x, mode: \"0660\"}\n  \
             drainSeconds: -1\n  adress: 1\n",
        );
        let said = said.expect_err("nothing of it is right");
        let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
        let expected = [
            "1:13: `apiVersion` is `v1`, should be `tidegate.dev/v1alpha1`",
            "2:7: `kind` is `GuardPolicy`, should be `GuardConfig`",
            "5:11: `localhost` is no address and port",
            "6:12: `unix` is `here.sock`, should be an absolute path",
            "7:5: each of `listen` should be one of `tcp`, `unix`, `abstract`",
            "8:25: `mode` is for `unix` only",
            "9:17: `drainSeconds` is -1, should be 0 to 86400",
            "10:3: unknown field `adress`",
        ]
        .map(|line| format!("/etc/tidegate/guard.yaml:{line}"));
        assert_eq!(lines, expected);
    }

    #[test]
    fn wants_an_address_to_listen_on() {
        let head = "apiVersion: tidegate.dev/v1alpha1\nkind: GuardConfig\n";
        let said = read(&format!("{head}spec: {{listen: []}}\n")).expect_err("no address");
        assert!(said.contains("3:16: `listen` names no address"), "{said}");
        let said = read(&format!("{head}spec: {{}}\n")).expect_err("no field");
        assert!(said.contains("`listen` is missing"), "{said}");
        let said = read(head).expect_err("no spec");
        assert!(said.contains("`spec` is missing"), "{said}");
    }
}
