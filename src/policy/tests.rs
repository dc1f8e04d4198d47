use std::sync::Arc;

use proptest::prelude::*;

use super::catalogue::Catalogue;
use super::load::load_with;
use super::{AcceptEncoding, Action, Loaded, MAX_PRIORITY, Policy, RuleSet};
use crate::document::Errors;
use crate::opaque::Opaque;
use crate::scan::{Automaton, Rule};
use crate::text::{Direction, Role};

/// The smallest file around a `spec`.
fn file(spec: &str) -> String {
    format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {{ name: t }}\nspec:\n{spec}"
    )
}

fn rule(id: &str, kind: &str) -> Rule {
    Rule {
        id: id.to_owned(),
        kind: kind.to_owned(),
        tags: vec!["owasp-llm:2025:LLM02".to_owned()],
        pattern: format!("{kind}-[0-9]{{4}}"),
        gate: None,
        not_after: String::new(),
        validate: None,
        cap_bytes: 64,
        open_ended: false,
        priority: 10,
        allow: Vec::new(),
        examples: Vec::new(),
        counter_examples: Vec::new(),
    }
}

/// Two packs, `s` with the rules `s.a` and `s.b`, `p` with `p.a`, `p.b` and `p.c`.
fn packs() -> Catalogue {
    let mut packs = Catalogue::default();
    packs.add("s", vec![rule("s.a", "key"), rule("s.b", "token")]);
    packs.add(
        "p",
        vec![
            rule("p.a", "mail"),
            rule("p.b", "card"),
            rule("p.c", "card"),
        ],
    );
    packs
}

fn load(text: &str) -> Result<Loaded, Errors> {
    let mut build = |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
    load_with(packs(), "f", text.as_bytes(), &mut build)
}

#[track_caller]
fn good(spec: &str) -> Loaded {
    match load(&file(spec)) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{errors}\n{spec}"),
    }
}

/// What loading says of a file. Lines count from the first of `spec`'s own, which is the file's fifth.
#[track_caller]
fn check(spec: &str, said: &str) {
    check_whole(&file(spec), said);
}

#[track_caller]
fn check_whole(text: &str, said: &str) {
    let errors = load(text).err().map(|errors| errors.to_string());
    assert_eq!(errors.unwrap_or_default(), said, "\n{text}");
}

/// The rules in force as `id=action`, those that only record behind a bar, `?` for shadow.
fn in_force(policy: &Policy, direction: Direction, role: Role) -> String {
    let Some(scope) = policy.scope(direction, role) else {
        return String::new();
    };
    let list = |set: &Option<RuleSet>| {
        let rules = set.iter().flat_map(|set| &set.rules);
        let shown = rules.map(|rule| {
            let shadow = if rule.shadow { "?" } else { "" };
            format!("{}={}{shadow}", rule.id, rule.action.as_str())
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    format!("{} | {}", list(&scope.enforce), list(&scope.observe))
}

#[track_caller]
fn check_rules(spec: &str, role: Role, rules: &str) {
    let loaded = good(spec);
    assert_eq!(
        in_force(&loaded.policy, Direction::Request, role),
        rules,
        "\n{spec}"
    );
}

#[test]
fn selects_by_pack_kind_id_and_role() {
    let user = Role::User;
    check_rules(
        "  request: { rules: [{ detect: s, action: redact }] }",
        user,
        "s.a=redact s.b=redact | ",
    );
    check_rules(
        "  request: { rules: [{ detect: p, kinds: [card], action: deny }] }",
        user,
        "p.b=deny p.c=deny | ",
    );
    check_rules(
        "  request: { rules: [{ detect: p, rules: [p.c], kinds: [mail], action: deny }] }",
        user,
        "p.a=deny p.c=deny | ",
    );
    check_rules(
        "  request: { rules: [{ detect: p, except: [p.a, p.b], action: deny }] }",
        user,
        "p.c=deny | ",
    );
    check_rules(
        "  request: { rules: [{ detect: s, from: [tool], action: deny }] }",
        user,
        "",
    );
    check_rules(
        "  request: { rules: [{ detect: s, from: [tool, user], action: deny }] }",
        user,
        "s.a=deny s.b=deny | ",
    );
    check_rules(
        "  response: { rules: [{ detect: s, action: deny }] }",
        user,
        "",
    );
    check_rules("  mode: enforce", user, "");
}

#[test]
fn the_stronger_action_wins_and_shadow_stays_apart() {
    let two = |a: &str, b: &str| {
        format!(
            "  request: {{ rules: [{{ detect: s, {a} }}, {{ detect: s, rules: [s.a], {b} }}] }}"
        )
    };
    let user = Role::User;
    check_rules(
        &two("action: redact", "action: deny"),
        user,
        "s.a=deny s.b=redact | ",
    );
    check_rules(
        &two("action: deny", "action: redact"),
        user,
        "s.a=deny s.b=deny | ",
    );
    check_rules(
        &two("action: redact", "action: deny, shadow: true"),
        user,
        "s.a=redact s.b=redact | s.a=deny?",
    );
    check_rules(
        &two("action: deny", "action: deny, shadow: true"),
        user,
        "s.a=deny s.b=deny | ",
    );
    check_rules(
        &two("action: redact", "action: observe"),
        user,
        "s.a=redact s.b=redact | ",
    );
    check_rules(
        &two("action: observe", "action: deny, shadow: true"),
        user,
        " | s.a=deny? s.b=observe",
    );
}

#[test]
fn in_shadow_mode_everything_only_records() {
    check_rules(
        "  mode: shadow\n  request: { rules: [{ detect: s, action: deny }, { detect: p, rules: [p.a], action: observe }] }",
        Role::Tool,
        " | p.a=observe s.a=deny? s.b=deny?",
    );
}

#[test]
fn each_distinct_set_is_compiled_once() {
    let mut built = Vec::new();
    let mut build = |rules: &[Rule]| {
        built.push(rules.to_vec());
        Automaton::compile(rules).map(Arc::new)
    };
    let spec = "  request: { rules: [{ detect: s, action: redact }, { detect: p, from: [user, tool], action: deny, allow: [x*] }] }\n  response: { rules: [{ detect: s, action: redact }] }";
    let loaded = load_with(packs(), "f", file(spec).as_bytes(), &mut build).unwrap();
    assert_eq!(
        (
            loaded.automata,
            loaded.rules.len(),
            loaded.policy.scopes.sets.len()
        ),
        (2, 5, 2)
    );
    let shown: Vec<Vec<(&str, u16, usize)>> = built
        .iter()
        .map(|rules| {
            rules
                .iter()
                .map(|r| (r.id.as_str(), r.priority, r.allow.len()))
                .collect()
        })
        .collect();
    let band = MAX_PRIORITY + 1;
    let (redact, deny) = (5 * band + 10, 6 * band + 10);
    assert_eq!(
        shown,
        [
            vec![("s.a", redact, 0), ("s.b", redact, 0)],
            vec![
                ("p.a", deny, 1),
                ("p.b", deny, 1),
                ("p.c", deny, 1),
                ("s.a", redact, 0),
                ("s.b", redact, 0)
            ],
        ]
    );
}

#[test]
fn what_two_lines_allow_is_what_both_allow() {
    let mut allowed = Vec::new();
    let mut build = |rules: &[Rule]| {
        allowed = rules.iter().map(|rule| rule.allow.clone()).collect();
        Automaton::compile(rules).map(Arc::new)
    };
    let spec = "  request: { rules: [{ detect: s, action: redact, allow: [a, b] }, { detect: s, rules: [s.a], action: deny, allow: [b, c] }] }";
    load_with(packs(), "f", file(spec).as_bytes(), &mut build).unwrap();
    assert_eq!(allowed, [vec!["b"], vec!["a", "b"]]);
}

#[test]
fn placeholders_name_the_kind() {
    let loaded = good("  request: { rules: [{ detect: p, kinds: [mail], action: redact }] }");
    let scope = loaded.policy.scope(Direction::Request, Role::User).unwrap();
    let rules = &scope.enforce.as_ref().unwrap().rules;
    assert_eq!(&*rules[0].placeholder, "[MAIL]");
    assert_eq!(&*rules[0].tags, ["owasp-llm:2025:LLM02".to_owned()]);
    assert_eq!(rules[0].action, Action::Redact);
}

#[test]
fn opaque_bodies_are_denied_unless_the_policy_says_otherwise() {
    let allowed = |spec: &str| {
        let opaque = good(spec).policy.opaque;
        let [request, response] =
            [Direction::Request, Direction::Response].map(|half| opaque.allowed(half).to_vec());
        assert_eq!(request, response);
        request
    };
    assert_eq!(allowed("  mode: enforce"), []);
    assert_eq!(
        allowed("  opaque: { unknown_format: allow }"),
        [Opaque::UnknownFormat]
    );
    let all_but = allowed("  opaque: { default: allow, too_large: deny }");
    assert_eq!(all_but.len(), Opaque::ALL.len() - 1);
    assert!(!all_but.contains(&Opaque::TooLarge));
}

/// Whether an unknown format may pass, up and down, where requests are searched for `s` and `p`, answers as `down`
/// says.
#[track_caller]
fn check_opaque(down: &str, opaque: &str, passes: [bool; 2]) {
    let spec = format!(
        "  request: {{ rules: [{{ detect: s, action: deny }}, {{ detect: p, action: redact }}] }}\n  \
         response: {{ rules: [{down}] }}\n  opaque: {{ {opaque} }}"
    );
    let policy = good(&spec).policy;
    let of = |half| policy.allows_opaque(half, Opaque::UnknownFormat);
    let got = [Direction::Request, Direction::Response].map(of);
    assert_eq!(got, passes, "\n{spec}");
    assert!(!policy.allows_opaque(Direction::Request, Opaque::Bomb));
}

#[test]
fn what_would_have_been_looked_for_decides_over_an_opaque_body() {
    let redacts = "{ detect: p, action: redact }";
    let allow = "rules: [{ reasons: [unknown_format], detect: [p], action: allow }]";
    // Requests hold secrets too, for which the reason's own answer stands.
    check_opaque(redacts, allow, [false, true]);
    check_opaque(
        redacts,
        &format!("unknown_format: allow, {allow}"),
        [true, true],
    );
    let deny = "unknown_format: allow, rules: [{ detect: [s], action: deny }]";
    check_opaque(redacts, deny, [false, true]);
    // The strictest of the lines decides, in any order.
    let both = "rules: [{ reasons: [unknown_format], detect: [s, p], action: allow }, { detect: [s], action: deny }]";
    check_opaque(redacts, both, [false, true]);
    let other = "rules: [{ reasons: [binary], detect: [s, p], action: allow }]";
    check_opaque(redacts, other, [false, false]);
    // What is only recorded keeps nothing from passing; without rules nothing would have been judged.
    let observes = format!(
        "{redacts}, {{ detect: s, action: observe }}, {{ detect: s, action: deny, shadow: true }}"
    );
    check_opaque(&observes, allow, [false, true]);
    check_opaque("", allow, [false, true]);
    // But a line that denies opens nothing, and without a line the reason alone decides.
    check_opaque("", "rules: [{ detect: [s], action: deny }]", [false, false]);
    check_opaque("", "default: deny", [false, false]);
}

#[test]
fn lines_of_opaque_are_strict() {
    check(
        "  opaque: { rules: [{ reasons: [large], detect: [q], action: redact }, { reasons: [] }] }",
        "f:5:33: a reason of `reasons` is `large`, which is none of its values\n  hint: did you mean `too_large`?\n\
         f:5:62: `action` is `redact`, which is none of its values\n  hint: known here: deny, allow\n\
         f:5:72: `detect` is missing\nf:5:72: `action` is missing\n\
         f:5:83: `reasons` names no reason\n  hint: leave it out to mean all of them",
    );
    check(
        "  opaque: { rules: [{ detect: [q], action: allow }] }",
        "f:5:32: `q` is not a pack of rules\n  hint: did you mean `p`?",
    );
    let idle = good("  opaque: { rules: [{ detect: [s], action: allow }] }").warnings;
    assert_eq!(
        idle.to_string(),
        "f:5:21: this line decides nothing for `s`: no rule that acts looks for it"
    );
}

#[test]
fn what_an_upstream_may_answer_in_is_a_word() {
    let of = |spec| good(spec).policy.accept_encoding;
    assert_eq!(of("  mode: enforce"), AcceptEncoding::Identity);
    assert_eq!(of("  acceptEncoding: identity"), AcceptEncoding::Identity);
    assert_eq!(of("  acceptEncoding: keep"), AcceptEncoding::Keep);
}

#[test]
fn limits_have_units_and_bounds() {
    let limits = good("  limits: { maxRequestBytes: 2MiB, maxDepth: 32, requestDeadline: 5s }")
        .policy
        .limits;
    assert_eq!(
        (
            limits.max_request_bytes,
            limits.max_depth,
            limits.request_deadline_ms
        ),
        (2 << 20, 32, 5000)
    );
    assert_eq!(limits.max_response_bytes, 8 << 20);
    let limits = good("  limits: { maxDecodeRatio: 50, decodeGraceBytes: 64KiB }")
        .policy
        .limits;
    assert_eq!(
        (limits.max_decode_ratio, limits.decode_grace_bytes),
        (50, 64 << 10)
    );
    check(
        "  limits: { maxRequestBytes: 2GiB, maxDept: 9 }",
        "f:5:30: `maxRequestBytes` is 2GiB, should be 1KiB to 1GiB\n\
         f:5:36: unknown field `maxDept`\n  hint: did you mean `maxDepth`?",
    );
}

#[test]
fn tells_everything_at_once() {
    check_whole(
        "apiVersion: v1\nkind: GuardPolicy\nmetadata: { name: Support_Bot }\nspec:\n  mode: enforced\n  request:\n    rules:\n      - { detect: secrets, action: redact }\n      - { detect: s, action: block }\n",
        "f:1:13: `apiVersion` is `v1`, which is none of its values\n  hint: known here: tidegate.dev/v1alpha1\n\
         f:3:19: `name` is no Kubernetes object name\n  hint: 1 to 253 of a-z, 0-9, `-` and `.`, the first and last a letter or digit\n\
         f:5:9: `mode` is `enforced`, which is none of its values\n  hint: did you mean `enforce`?\n\
         f:8:19: `secrets` is not a pack of rules\n  hint: known here: p, s\n\
         f:9:30: `action` is `block`, which is none of its values\n  hint: known here: observe, pseudonymize, mask, hash, redact, deny",
    );
    check_whole(
        "spec: { }",
        "f:1:1: `apiVersion` is missing\nf:1:1: `kind` is missing\nf:1:1: `metadata` is missing",
    );
}

#[test]
fn names_that_are_not_there_are_told() {
    check(
        "  request: { rules: [{ detect: p, kinds: [cards], action: deny }] }",
        "f:5:43: `cards` is not a kind of `p`\n  hint: did you mean `card`?",
    );
    check(
        "  request: { rules: [{ detect: p, rules: [s.a], except: [p.d], action: deny }] }",
        "f:5:43: `s.a` is not a rule of `p`\n  hint: did you mean `p.a`?\n\
         f:5:58: `p.d` is not a rule of `p`\n  hint: did you mean `p.a`?",
    );
    check(
        "  request: { rules: [{ detect: p, kinds: [mail], except: [p.a], action: deny }] }",
        "f:5:22: this rule looks for nothing: `except` takes all of it away",
    );
    check(
        "  request: { rules: [{ detect: p, from: [users, model], action: deny }] }",
        "f:5:42: a role of `from` is `users`, which is none of its values\n  hint: did you mean `user`?\n\
         f:5:49: a role of `from` is `model`, which is none of its values\n  hint: known here: system, user, assistant, tool_call, tool, document, tool_description, other",
    );
    check(
        "  request: { rules: [{ detect: p, from: [], kinds: [], action: deny }] }",
        "f:5:41: `from` names no role\n  hint: leave it out to mean all of them\n\
         f:5:52: `kinds` names nothing\n  hint: leave it out",
    );
}

#[test]
fn what_is_not_enforced_yet_does_not_load() {
    check("  match: { }", "");
    check(
        "  match: { workloads: [\"spiffe://c/ns/a/sa/b\"], namespaces: [a] }",
        "f:5:23: `match.workloads` is not enforced yet\n  hint: leave it out and attach the guard only to the workloads it should judge\n\
         f:5:61: `match.namespaces` is not enforced yet\n  hint: leave it out and attach the guard only to the workloads it should judge",
    );
    check(
        "  tools: { allow: [] }",
        "f:5:12: unknown field `allow`\n  hint: known here: default, undeclared, arguments, grants, annotations, guess, sinkGrounding, flows, ruleOfTwo, supplyChain",
    );
    check(
        "  request: { rules: [{ detect: p, action: escalate }, { detect: jailbreak, at: high, action: deny }] }",
        "f:5:43: the action `escalate` is not enforced yet\n  hint: use `redact`\n\
         f:5:65: `detect: jailbreak` is not enforced yet\n  hint: leave the rule out\n\
         f:5:80: what this line detects has no `at`\n  hint: only `prompt_injection` has levels",
    );
}

#[test]
fn what_is_hidden_to_be_known_again_is_for_requests() {
    check(
        "  request: { rules: [{ detect: p, action: pseudonymize }, { detect: s, action: mask }] }\n  response: { rules: [{ detect: p, action: hash }] }\n  pseudonymize: { restoreInTools: [send_mail] }",
        "",
    );
    check(
        "  response: { rules: [{ detect: p, action: pseudonymize }] }",
        "f:5:44: the action `pseudonymize` is for `request.rules`\n  hint: originals are put back into answers by themselves; what a model makes up, `redact`",
    );
    check(
        "  pseudonymize: { tools: [a] }",
        "f:5:19: unknown field `tools`\n  hint: known here: restoreInTools",
    );
}

#[test]
fn answers_are_searched_for_placeholders_where_requests_get_them() {
    #[track_caller]
    fn check(spec: &str, roles: &[Role]) {
        let mut build = |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
        let loaded = load_with(packs(), "f", file(spec).as_bytes(), &mut build).unwrap();
        let restores = |role: &Role| {
            let scope = loaded.policy.scope(Direction::Response, *role);
            let rules = scope.and_then(|scope| scope.enforce.as_ref());
            rules.is_some_and(|set| set.rules.iter().any(|rule| rule.action == Action::Restore))
        };
        let found: Vec<Role> = Role::ALL.into_iter().filter(restores).collect();
        assert_eq!(found, roles, "{spec}");
    }
    let line = "  request: { rules: [{ detect: p, action: pseudonymize }] }";
    check(line, &[Role::Assistant]);
    let tools = format!("{line}\n  pseudonymize: {{ restoreInTools: [a] }}");
    check(&tools, &[Role::Assistant, Role::ToolCall]);
    check(&format!("  mode: shadow\n{line}"), &[]);
    check(
        "  request: { rules: [{ detect: p, action: pseudonymize, shadow: true }] }",
        &[],
    );
    check("  request: { rules: [{ detect: p, action: hash }] }", &[]);
}

#[test]
fn lines_that_mislead_are_warned_about() {
    #[track_caller]
    fn check(lines: &[&str], warned: &str) {
        let lines = lines
            .iter()
            .map(|line| format!("      - {{ detect: p, {line} }}\n"));
        let spec = format!("  request:\n    rules:\n{}", lines.collect::<String>());
        assert_eq!(good(&spec).warnings.to_string(), warned, "\n{spec}");
    }
    check(&["action: redact", "kinds: [card], action: deny"], "");
    check(
        &["from: [user], action: redact", "from: [tool], action: deny"],
        "",
    );
    check(
        &["action: deny", "kinds: [card], action: redact"],
        "f:8:9: this line does nothing: line 7 names all 2 of its rules, deny there wins over redact here",
    );
    check(
        &[
            "from: [tool], kinds: [mail], action: redact",
            "action: deny",
        ],
        "f:7:9: this line does nothing: line 8 names all 1 of its rules, deny there wins over redact here",
    );
    check(
        &[
            "from: [tool], action: deny",
            "kinds: [mail], action: redact",
        ],
        "",
    );
    check(
        &[
            "action: deny, shadow: true",
            "kinds: [mail], action: redact",
        ],
        "",
    );
    check(
        &[
            "action: redact, allow: [a]",
            "kinds: [card], action: redact, allow: [b]",
        ],
        "f:8:9: 2 of its 2 rules are named on line 7 too, with another `allow`: only what both allow is allowed",
    );
}

#[test]
fn a_decision_is_one_line_of_json() {
    use super::{Decision, Finding, Verdict};
    use crate::text::Span;
    let mut decision = Decision {
        verdict: Verdict::Redact,
        shadow_verdict: Verdict::Redact,
        findings_total: 1,
        held_bytes_max: 7,
        ..Decision::default()
    };
    decision.findings.push(Finding {
        rule: "pii.email".into(),
        kind: "email".into(),
        action: Action::Redact,
        shadow: false,
        direction: Direction::Request,
        channel: "messages[0].content".into(),
        role: Role::User,
        span: Span::new(3, 9),
        tags: Arc::new(["t".to_owned()]),
        scored: None,
    });
    assert_eq!(
        decision.to_json(),
        r#"{"verdict":"redact","findings":[{"rule":"pii.email","kind":"email","action":"redact","channel":"messages[0].content","start":3,"end":9,"tags":["t"]}],"unjudged":[],"held_bytes_max":7}"#,
    );
    decision.shadow_verdict = Verdict::Deny;
    decision.findings.clear();
    decision.unjudged = vec![(Direction::Response, Opaque::TooLarge)];
    assert_eq!(
        decision.to_json(),
        r#"{"verdict":"redact","shadow_verdict":"deny","findings":[],"findings_total":1,"unjudged":["too_large"],"held_bytes_max":7}"#,
    );
}

const MUTATED: &str = "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: { name: t }\nspec:\n  \
    mode: shadow\n  request:\n    rules:\n      - { detect: s, action: deny, allow: [a*] }\n      \
    - { detect: acme, from: [user, tool], action: redact }\n  rules:\n    - id: acme.ticket\n      \
    pattern: 'T-[0-9]{4,9}'\n      gate: { words: [ticket], within_bytes: 20 }\n  opaque: { default: allow }\n  \
    limits: { maxDepth: 64, requestDeadline: 5s }\n";

proptest! {
    /// Whatever an operator's editor left behind is refused or loads; it never panics, and never loads
    /// with errors untold.
    #[test]
    fn a_mutated_policy_never_panics(
        at in 0..MUTATED.len(),
        cut in 0..30usize,
        put in "[-a-z:{}\\[\\],'\"0-9(|)*+?\n ]{0,6}",
    ) {
        let mut text = MUTATED.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.bytes());
        let mut build = |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
        match load_with(packs(), "f", &text, &mut build) {
            Ok(loaded) => prop_assert!(!loaded.policy.name.is_empty()),
            Err(errors) => prop_assert!(!errors.is_empty()),
        }
    }
}
