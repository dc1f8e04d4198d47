//! Policies as operators get them: the examples load, and say what they are for.

use std::fs;
use std::path::Path;

use tidegate::opaque::Opaque;
use tidegate::policy::{Action, Automata, Loaded, Mode, Policy, RuleSet, default, load};
use tidegate::text::{Direction, Role};

fn example(name: &str) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/policies")
        .join(name);
    let bytes = fs::read(&path).unwrap();
    let mut automata = Automata::new(Some(cache()));
    match load(name, &bytes, &mut |rules| automata.build(rules)) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{errors}"),
    }
}

/// Shared by all tests: what one compiled the others read.
fn cache() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("automata")
}

/// What the rules of `pack` do with text of `role`: `(enforced, only recorded)`, each action once.
fn actions(
    policy: &Policy,
    direction: Direction,
    role: Role,
    pack: &str,
) -> (Vec<Action>, Vec<Action>) {
    let list = |set: Option<&RuleSet>| {
        let rules = set.into_iter().flat_map(|set| &set.rules);
        let mut actions: Vec<Action> = rules
            .filter(|rule| rule.id.split('.').next() == Some(pack))
            .map(|rule| rule.action)
            .collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    };
    let scope = policy.scope(direction, role).unwrap();
    (list(scope.enforce.as_ref()), list(scope.observe.as_ref()))
}

#[test]
fn every_example_loads_without_a_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let loaded = example(&name);
        assert_eq!(loaded.warnings.to_string(), "");
        assert_eq!(
            format!("{}.yaml", loaded.policy.name),
            name,
            "a policy is named as its file"
        );
        names.push(name);
    }
    for name in ["default.yaml", "shadow.yaml", "strict-deny.yaml"] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} is not there: {names:?}"
        );
    }
}

#[test]
fn a_body_that_cannot_be_read_passes_where_only_personal_data_is_looked_for() {
    let opaque = example("unread.yaml").policy.opaque;
    assert_eq!(opaque.allowed(Direction::Request), []);
    assert_eq!(
        opaque.allowed(Direction::Response),
        [Opaque::UnknownFormat, Opaque::Binary]
    );
}

#[test]
fn the_built_in_policy_redacts_both_packs_both_ways() {
    let mut automata = Automata::new(Some(cache()));
    let loaded = default(&mut |rules| automata.build(rules)).unwrap();
    let policy = loaded.policy;
    assert_eq!(
        (policy.name.as_str(), policy.mode),
        ("default", Mode::Enforce)
    );
    assert!(policy.opaque.allowed(Direction::Request).is_empty());
    assert!(policy.opaque.allowed(Direction::Response).is_empty());
    for direction in [Direction::Request, Direction::Response] {
        for role in Role::ALL {
            for pack in ["secrets", "pii"] {
                let said = actions(&policy, direction, role, pack);
                assert_eq!(said, (vec![Action::Redact], vec![]), "{pack} in {role:?}");
            }
        }
    }
    assert_eq!(loaded.automata, 1, "one set of rules, one automaton");
}

#[test]
fn shadow_enforces_nothing_and_records_all() {
    let policy = example("shadow.yaml").policy;
    assert_eq!(policy.mode, Mode::Shadow);
    for scope in &policy.scopes.sets {
        assert!(scope.enforce.is_none());
        assert!(
            scope
                .observe
                .as_ref()
                .unwrap()
                .rules
                .iter()
                .all(|rule| rule.shadow)
        );
    }
    let said = actions(&policy, Direction::Request, Role::User, "secrets");
    assert_eq!(said, (vec![], vec![Action::Deny]));
}

#[test]
fn strict_denies_secrets_and_what_tools_bring_in() {
    let policy = example("strict-deny.yaml").policy;
    let enforced = |role, pack| actions(&policy, Direction::Request, role, pack).0;
    assert_eq!(enforced(Role::User, "secrets"), [Action::Deny]);
    assert_eq!(enforced(Role::User, "pii"), [Action::Redact]);
    assert_eq!(enforced(Role::Tool, "pii"), [Action::Deny]);
    assert_eq!(policy.limits.max_request_bytes, 2 << 20);
}
