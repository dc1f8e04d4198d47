//! The policy file as its author wrote it: read, checked for what can be checked without the rules.

use crate::detect::finder::{Family, Hosts, Options};
use crate::document::{Document, Errors, Fields, Node, Position};
use crate::limits::Limits;
use crate::policy::opaque::OpaqueFile;
use crate::policy::{AcceptEncoding, Action, Mode};
use crate::score::Level;
use crate::text::{Direction, Role};
use crate::tools::ToolPolicy;

/// What a policy file says it is.
const API_VERSION: &str = "tidegate.dev/v1alpha1";
const KIND: &str = "GuardPolicy";

const MODES: &[(&str, Mode)] = &[("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];
const ACCEPT_ENCODINGS: &[(&str, AcceptEncoding)] = &[
    ("identity", AcceptEncoding::Identity),
    ("keep", AcceptEncoding::Keep),
];
const ACTIONS: &[(&str, Action)] = &[
    ("observe", Action::Observe),
    ("pseudonymize", Action::Pseudonymize),
    ("mask", Action::Mask),
    ("hash", Action::Hash),
    ("redact", Action::Redact),
    ("deny", Action::Deny),
];

const LEVELS: &[(&str, Level)] = &[
    ("low", Level::Low),
    ("medium", Level::Medium),
    ("high", Level::High),
];

/// Words of a policy that are planned and not built. A policy that says something the guard does not
/// do must not load: its author would believe in it.
const LATER_ACTIONS: &[&str] = &["escalate"];

/// One policy file.
#[derive(Debug)]
pub(super) struct PolicyFile {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) limits: Limits,
    pub(super) decision_header: bool,
    pub(super) accept_encoding: AcceptEncoding,
    pub(super) opaque: OpaqueFile,
    /// `pseudonymize.restoreInTools`.
    pub(super) restore_in_tools: Vec<String>,
    /// In the order of `Direction`.
    pub(super) entries: [Vec<Entry>; 2],
    /// The custom rules, to be decoded by `detect`.
    pub(super) rules: Vec<Node>,
    /// `spec.tools`.
    pub(super) tools: Option<ToolPolicy>,
}

/// One line of `request.rules` or `response.rules`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Position,
    /// The pack.
    pub(super) detect: Name,
    /// Of these kinds only.
    pub(super) kinds: Vec<Name>,
    /// These rules only, by id.
    pub(super) rules: Vec<Name>,
    /// Without these rules.
    pub(super) except: Vec<Name>,
    /// In the order of `Role::ALL`.
    pub(super) from: [bool; 8],
    pub(super) action: Action,
    pub(super) shadow: bool,
    pub(super) allow: Vec<String>,
    pub(super) options: Options,
}

/// A word of the file and its place.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: Position,
}

impl PolicyFile {
    /// Reads `document`. What cannot be read is told to `errors` and left at its default, so that the
    /// rest of the file is judged too.
    pub(super) fn read(document: &Document, errors: &mut Errors) -> Self {
        let mut file = Self {
            name: String::new(),
            mode: Mode::Enforce,
            limits: Limits::default(),
            decision_header: false,
            accept_encoding: AcceptEncoding::default(),
            opaque: OpaqueFile::default(),
            restore_in_tools: Vec::new(),
            entries: [Vec::new(), Vec::new()],
            rules: Vec::new(),
            tools: None,
        };
        let Some(mut top) = document.root().fields("a policy", errors) else {
            return file;
        };
        constant(&mut top, "apiVersion", API_VERSION, errors);
        constant(&mut top, "kind", KIND, errors);
        if let Some(node) = top.need("metadata", errors) {
            file.read_metadata(node, errors);
        }
        if let Some(node) = top.need("spec", errors) {
            file.read_spec(node, errors);
        }
        top.finish(errors);
        file
    }

    fn read_metadata(&mut self, node: &Node, errors: &mut Errors) {
        let Some(mut fields) = node.fields("`metadata`", errors) else {
            return;
        };
        if let Some(node) = fields.need("name", errors)
            && let Some(name) = node.string("`name`", errors)
        {
            if is_object_name(name) {
                self.name = name.to_owned();
            } else {
                errors.push_hint(
                    node.at,
                    "`name` is no Kubernetes object name",
                    "1 to 253 of a-z, 0-9, `-` and `.`, the first and last a letter or digit",
                );
            }
        }
        // Where the object lives and what others keep on it: accepted, since the same text may be a
        // custom resource one day, and without any effect on what is judged.
        fields.string("namespace", errors);
        for map in ["labels", "annotations"] {
            if let Some(node) = fields.take(map)
                && let Some(held) = node.fields(&format!("`{map}`"), errors)
            {
                held.ignore();
            }
        }
        fields.finish(errors);
    }

    fn read_spec(&mut self, node: &Node, errors: &mut Errors) {
        let Some(mut fields) = node.fields("`spec`", errors) else {
            return;
        };
        self.mode = fields.one_of("mode", MODES, errors).unwrap_or_default();
        if let Some(node) = fields.take("match") {
            read_match(node, errors);
        }
        if let Some(node) = fields.take("tools") {
            self.tools = ToolPolicy::read(node, errors);
        }
        for direction in [Direction::Request, Direction::Response] {
            let Some(mut half) = fields.fields(direction.as_str(), errors) else {
                continue;
            };
            let entries = half.list("rules", errors).iter();
            let entries = entries
                .filter_map(|node| Entry::read(node, direction, errors))
                .collect();
            if let Some(slot) = self.entries.get_mut(direction as usize) {
                *slot = entries;
            }
            half.finish(errors);
        }
        self.rules = fields.list("rules", errors).to_vec();
        if let Some(mut hiding) = fields.fields("pseudonymize", errors) {
            let tools = hiding.strings("restoreInTools", errors).unwrap_or_default();
            self.restore_in_tools = tools.into_iter().map(str::to_owned).collect();
            hiding.finish(errors);
        }
        if let Some(opaque) = fields.fields("opaque", errors) {
            self.opaque = OpaqueFile::read(opaque, errors);
        }
        if let Some(limits) = fields.fields("limits", errors) {
            read_limits(&mut self.limits, limits, errors);
        }
        self.accept_encoding = fields
            .one_of("acceptEncoding", ACCEPT_ENCODINGS, errors)
            .unwrap_or_default();
        self.decision_header = fields.boolean("decisionHeader", errors).unwrap_or_default();
        fields.finish(errors);
    }
}

impl Entry {
    fn read(node: &Node, direction: Direction, errors: &mut Errors) -> Option<Self> {
        let mut fields = node.fields("a rule", errors)?;
        let detect = name(fields.need("detect", errors), "`detect`", errors);
        let family = detect.as_ref().and_then(|name| Family::by_name(&name.text));
        let mut listed = |key| match fields.take(key) {
            Some(node) => names(node, key, errors),
            None => Vec::new(),
        };
        let (kinds, rules, except) = (listed("kinds"), listed("rules"), listed("except"));
        let from = match fields.take("from") {
            Some(node) => {
                let from = read_roles(node, errors);
                scored_roles(node, family, from, errors);
                from
            }
            // The model's own words: what an upstream echoes of a request is no leak.
            None if family == Some(Family::Leak) => Role::ALL.map(|role| role == Role::Assistant),
            None => Role::ALL.map(|role| family.is_none_or(|family| family.reads(role))),
        };
        let action = fields.need("action", errors);
        let action = action.and_then(|node| read_action(node, direction, errors));
        let shadow = fields.boolean("shadow", errors).unwrap_or_default();
        let allow = fields.strings("allow", errors).unwrap_or_default();
        let allow = allow.into_iter().map(str::to_owned).collect();
        let options = read_options(&mut fields, family, errors);
        fields.finish(errors);
        if (family, direction) == (Some(Family::Leak), Direction::Request) {
            errors.push_hint(
                node.at,
                "`system_prompt_leak` is for `response.rules`",
                "a request is where the prompt comes from",
            );
            return None;
        }
        if options.canary && action == Some(Action::Observe) {
            errors.push_hint(
                node.at,
                "`canary: true` under the action `observe`",
                "a mark is planted only where it is taken out again: use `redact` or `deny`",
            );
        }
        if family == Some(Family::Injection)
            && let Some(action) = action
            && !scored_action(node.at, direction, action, errors)
        {
            return None;
        }
        Some(Self {
            at: node.at,
            detect: detect?,
            kinds,
            rules,
            except,
            from,
            action: action?,
            shadow,
            allow,
            options,
        })
    }
}

/// The fields that only one detector has.
fn read_options(fields: &mut Fields<'_>, family: Option<Family>, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    if family == Some(Family::Links)
        && let Some(node) = fields.take("allowHosts")
    {
        let hosts = node.strings("`allowHosts`", errors).unwrap_or_default();
        match Hosts::new(hosts.into_iter()) {
            Ok(hosts) => options.hosts = hosts,
            Err(wrong) => errors.push_hint(
                node.at,
                format!("`{wrong}` is no host"),
                "write `docs.example.com`, or `*.example.com` for all below it; no scheme, port or path",
            ),
        }
    }
    if family == Some(Family::Leak)
        && let Some(words) = fields.integer("words", 5..=100, errors)
    {
        options.words = words;
    }
    if family == Some(Family::Leak) {
        options.canary = fields.boolean("canary", errors).unwrap_or_default();
    }
    if family == Some(Family::Injection) {
        options.at = fields.one_of("at", LEVELS, errors).unwrap_or(options.at);
    } else if let Some(node) = fields.take("at") {
        let hint = "only `prompt_injection` has levels";
        errors.push_hint(node.at, "what this line detects has no `at`", hint);
    }
    options
}

/// Refuses roles whose text no score is asked for: their author would believe in it.
fn scored_roles(node: &Node, family: Option<Family>, from: [bool; 8], errors: &mut Errors) {
    let Some(family) = family else { return };
    let mut named = Role::ALL.into_iter().zip(from);
    if let Some((role, _)) = named.find(|(role, named)| *named && !family.reads(*role)) {
        errors.push_hint(
            node.at,
            format!("`prompt_injection` does not read `{}`", role.as_str()),
            "it reads user, tool, document, tool_description, and assistant in answers",
        );
    }
}

/// Whether a score can do this: it is known when a text is whole, and its span is rough.
fn scored_action(at: Position, direction: Direction, action: Action, errors: &mut Errors) -> bool {
    let hint = match (direction, action) {
        (_, Action::Observe) | (Direction::Request, Action::Deny) => return true,
        (Direction::Request, _) => {
            "use `deny` or `observe`: a score does not say which words to take away"
        }
        (Direction::Response, _) => "use `observe`: an answer has left before it is whole",
    };
    let message = format!("`prompt_injection` cannot {} here", action.as_str());
    errors.push_hint(at, message, hint);
    false
}

fn constant(fields: &mut Fields<'_>, key: &'static str, value: &str, errors: &mut Errors) {
    if let Some(node) = fields.need(key, errors) {
        node.one_of(&format!("`{key}`"), &[(value, ())], errors);
    }
}

fn read_match(node: &Node, errors: &mut Errors) {
    let Some(mut fields) = node.fields("`match`", errors) else {
        return;
    };
    for key in ["workloads", "namespaces"] {
        if let Some(node) = fields.take(key)
            && node.strings(&format!("`{key}`"), errors).is_some()
        {
            later(
                node.at,
                &format!("`match.{key}`"),
                "leave it out and attach the guard only to the workloads it should judge",
                errors,
            );
        }
    }
    fields.finish(errors);
}

fn read_roles(node: &Node, errors: &mut Errors) -> [bool; 8] {
    let known = Role::ALL.map(|role| (role.as_str(), role));
    let mut from = [false; 8];
    let nodes = node.list("`from`", errors).unwrap_or_default();
    for node in nodes {
        if let Some(role) = node.one_of("a role of `from`", &known, errors)
            && let Some(slot) = from.get_mut(role as usize)
        {
            *slot = true;
        }
    }
    if nodes.is_empty() {
        errors.push_hint(
            node.at,
            "`from` names no role",
            "leave it out to mean all of them",
        );
    }
    from
}

fn read_action(node: &Node, direction: Direction, errors: &mut Errors) -> Option<Action> {
    let text = node.string("`action`", errors)?;
    if LATER_ACTIONS.contains(&text) {
        later(
            node.at,
            &format!("the action `{text}`"),
            "use `redact`",
            errors,
        );
        return None;
    }
    let action = node.one_of("`action`", ACTIONS, errors);
    if (action, direction) == (Some(Action::Pseudonymize), Direction::Response) {
        errors.push_hint(
            node.at,
            "the action `pseudonymize` is for `request.rules`",
            "originals are put back into answers by themselves; what a model makes up, `redact`",
        );
        return None;
    }
    action
}

fn read_limits(limits: &mut Limits, mut fields: Fields<'_>, errors: &mut Errors) {
    const BODY: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 30;
    // Not under twice what one match may keep back before it is sealed.
    const WAITING: std::ops::RangeInclusive<u64> = 8 << 10..=64 << 20;
    let set = |slot: &mut usize, value: Option<usize>| *slot = value.unwrap_or(*slot);
    set(
        &mut limits.max_request_bytes,
        fields.bytes("maxRequestBytes", BODY, errors),
    );
    set(
        &mut limits.max_response_bytes,
        fields.bytes("maxResponseBytes", BODY, errors),
    );
    set(
        &mut limits.max_event_bytes,
        fields.bytes("maxEventBytes", WAITING, errors),
    );
    set(
        &mut limits.max_held_bytes,
        fields.bytes("maxHeldBytes", WAITING, errors),
    );
    if let Some(ratio) = fields.integer("maxDecodeRatio", 1..=100_000, errors) {
        limits.max_decode_ratio = ratio;
    }
    set(
        &mut limits.decode_grace_bytes,
        fields.bytes("decodeGraceBytes", BODY, errors),
    );
    set(
        &mut limits.max_depth,
        fields.integer("maxDepth", 8..=1024, errors),
    );
    set(
        &mut limits.max_channels,
        fields.integer("maxChannels", 16..=1 << 20, errors),
    );
    if let Some(ms) = fields.millis("requestDeadline", 100..=3_600_000, errors) {
        limits.request_deadline_ms = ms;
    }
    fields.finish(errors);
}

/// The names of a list that names something.
pub(super) fn names(node: &Node, key: &str, errors: &mut Errors) -> Vec<Name> {
    let nodes = node.list(&format!("`{key}`"), errors).unwrap_or_default();
    if nodes.is_empty() {
        let message = format!("`{key}` names nothing");
        errors.push_hint(node.at, message, "leave it out");
    }
    let what = format!("each of `{key}`");
    let nodes = nodes.iter();
    nodes
        .filter_map(|node| name(Some(node), &what, errors))
        .collect()
}

fn name(node: Option<&Node>, what: &str, errors: &mut Errors) -> Option<Name> {
    let node = node?;
    let text = node.string(what, errors)?.to_owned();
    Some(Name { text, at: node.at })
}

/// What is known, planned, and not enforced.
pub(super) fn later(at: Position, what: &str, hint: &str, errors: &mut Errors) {
    errors.push_hint(at, format!("{what} is not enforced yet"), hint);
}

/// RFC 1123 subdomain, as Kubernetes wants it: it stands in headers, logs and labels of metrics.
fn is_object_name(name: &str) -> bool {
    let inner = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| !matches!(c, '-' | '.'));
    name.len() <= 253
        && name.chars().all(inner)
        && edge(name.chars().next())
        && edge(name.chars().next_back())
}
