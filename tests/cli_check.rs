//! `tidegate check` as a program: what is wrong, what it costs, the exit code.

use std::path::Path;
use std::process::Command;

/// `(exit code, stdout, stderr)` of a check of this text in a file named `p.yaml`.
fn run(text: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.yaml"), text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["check", "p.yaml"])
        .current_dir(folder.path())
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A policy that is refused: nothing on stdout, exactly this on stderr.
#[track_caller]
fn check(spec: &str, said: &str) {
    let (code, stdout, stderr) = run(&file(spec));
    assert_eq!(
        (code, stdout.as_str(), stderr.trim_end()),
        (2, "", said),
        "\n{spec}"
    );
}

fn file(spec: &str) -> String {
    format!(
        "apiVersion: tidegate.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {{ name: p }}\nspec:\n{spec}"
    )
}

/// A custom rule `acme.ticket` with these further fields.
fn custom(fields: &str) -> String {
    format!(
        "  request: {{ rules: [{{ detect: acme, action: redact }}] }}\n  rules:\n    - {{ id: acme.ticket, {fields} }}\n"
    )
}

#[test]
fn names_the_place_of_every_mistake() {
    check(
        "  mode: shadwo\n  request: { rules: [{ detect: secrtes, action: redact }] }\n  limit: {}\n",
        "p.yaml:5:9: `mode` is `shadwo`, which is none of its values\n  hint: did you mean `shadow`?\n\
         p.yaml:6:32: `secrtes` is not a pack of rules\n  hint: did you mean `secrets`?\n\
         p.yaml:7:3: unknown field `limit`\n  hint: did you mean `limits`?",
    );
    check(
        "  mode: [\n",
        "p.yaml:6:1: not YAML: while parsing a node, did not find expected node content",
    );
}

#[test]
fn lints_custom_rules_where_they_stand() {
    let at = "p.yaml:7:7: rule `acme.ticket`";
    check(
        &custom("pattern: 'T-[0-9]*.*'"),
        &format!(
            "{at} can match `\"`, so that its cover could cross the end of a JSON string\n  hint: exclude both: `[^\"\\\\\\s]` in place of `.` or `\\S`\n\
        {at} can match `\\`, so that its cover could cross the end of a JSON string\n  hint: exclude both: `[^\"\\\\\\s]` in place of `.` or `\\S`"
        ),
    );
    check(
        &custom("pattern: '(?:T[0-9]{4})*'"),
        &format!(
            "{at} matches the empty text\n  hint: ask for at least one byte: `+` or `{{1,}}` in place of `*`"
        ),
    );
    check(
        &custom("pattern: 'T-[0-9]{4}', examples: ['T-1234', 'T-12']"),
        &format!(
            "{at} finds nothing in its example 2 of 2\n  hint: check pattern, gate, validator and cap against the example"
        ),
    );
    check(
        &custom("pattern: '[A-Z]{4,}', kind: ticket"),
        &format!(
            "{at} matches the placeholder `[TICKET]`\n  hint: tighten the pattern, or name the kind otherwise"
        ),
    );
    check(
        &custom("pattern: 'T-[0-9]{4}', validate: luhm"),
        "p.yaml:7:59: `luhm` is not a validator\n  hint: did you mean `luhn`?",
    );
}

#[test]
fn custom_rules_stand_beside_the_packs_and_not_in_them() {
    check(
        "  rules: [{ id: secrets.mine, pattern: 'T-[0-9]{4}' }]\n",
        "p.yaml:5:11: rule `secrets.mine` is in the pack `secrets`, which is the guard's own\n  hint: put it in a pack of yours: `acme.…`",
    );
    check(
        "  rules: [{ id: a.b, pattern: 'T-[0-9]{4}' }, { id: a.b, pattern: 'U-[0-9]{4}' }]\n",
        "p.yaml:5:47: rule `a.b` stands on line 5 too\n  hint: give each rule an id of its own",
    );
    let (code, _, stderr) = run(&file("  rules: [{ id: a.b, pattern: 'T-[0-9]{4}' }]\n"));
    assert_eq!(code, 0);
    assert!(
        stderr.starts_with("p.yaml:5:11: rule `a.b` is in force nowhere\n  hint: "),
        "{stderr}"
    );
}

#[test]
fn prints_what_each_rule_costs() {
    let spec = "  request:\n    rules:\n      - { detect: acme, action: deny }\n      - { detect: pii, kinds: [email], from: [tool], action: redact, shadow: true }\n  rules:\n    - { id: acme.ticket, pattern: '\\bT-[0-9]{4}\\b', cap_bytes: 6 }\n";
    let (code, stdout, stderr) = run(&file(spec));
    assert_eq!(code, 0, "{stderr}");
    let rows: Vec<Vec<&str>> = stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let row = |id: &str| {
        let found = rows.iter().find(|row| row.first() == Some(&id));
        found.unwrap_or_else(|| panic!("{id} is not in\n{stdout}"))
    };
    let (email, ticket) = (row("pii.email"), row("acme.ticket"));
    assert_eq!(email.last(), Some(&"-"));
    assert_eq!(
        email[4..6],
        ["yes", "redact?"],
        "an e-mail address begins with any word"
    );
    assert_eq!(ticket[4..7], ["no", "deny", "-"]);
    let held = |row: &[&str]| row[2].parse::<f64>().unwrap();
    assert!(held(email) > 1.0, "{stdout}");
    assert!(held(ticket) < 0.1, "{stdout}");
    assert!(stdout.contains("1 rules together"), "{stdout}");
    assert!(stderr.contains("policy `p` is right: 2 rules"), "{stderr}");
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let missing = Path::new("/nowhere/p.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .arg("check")
        .arg(missing)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("/nowhere/p.yaml: cannot be read: "),
        "{stderr}"
    );
}
