//! What is written in the place of text, and what is put back.

use std::sync::Arc;

use super::{Hidden, Rewrite, mask};
use crate::policy::{Action, HideKey, Hiding, RuleInForce};
use crate::scan::Cover;
use crate::text::{Role, Source, Span};

fn hiding() -> Hiding {
    Hiding {
        key: Arc::new(HideKey::new(vec![7; 32]).expect("long enough")),
        restore_in_tools: vec!["send_mail".to_owned()],
    }
}

fn rewrite(hidden: &mut Hidden, action: Action, text: &str, source: Source) -> Rewrite {
    let rule = RuleInForce {
        id: "t.email".into(),
        kind: "email".into(),
        tags: Arc::new([]),
        action,
        shadow: false,
        placeholder: "[EMAIL]".into(),
    };
    let cover = Cover {
        span: Span::new(0, text.len() as u64),
        rule: 0,
        head: true,
        whole: true,
        bare: false,
    };
    hidden.rewrite(&hiding(), &rule, &cover, Some(text.as_bytes()), source)
}

fn text(rewrite: Rewrite) -> String {
    match rewrite {
        Rewrite::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mask_leaves_four_characters_of_eight() {
    for (value, masked) in [
        ("4111 1111 1111 1234", "****1234"),
        ("12345678", "****5678"),
        ("1234567", "****"),
        ("", "****"),
        ("abcdefgh\u{200B}\u{200B}\u{200B}\u{200B}", "****efgh"),
        ("zwölfkämpfe", "****mpfe"),
        ("ééééééé€", "****ééé€"),
    ] {
        assert_eq!(mask(value), masked, "{value}");
    }
}

#[test]
fn a_hash_is_the_same_for_the_same_text() {
    let mut hidden = Hidden::default();
    let mut hash = |value, source| text(rewrite(&mut hidden, Action::Hash, value, source));
    let one = hash("a@example.com", Source::Plain);
    assert_eq!(one.len(), "[EMAIL#0123456789ab]".len());
    assert!(one.starts_with("[EMAIL#") && one.ends_with(']'), "{one}");
    assert_eq!(hash("a@example.com", Source::Plain), one);
    assert_eq!(hash("a\\u0040example.com", Source::Json), one);
    assert_ne!(hash("b@example.com", Source::Plain), one);
}

#[test]
fn what_goes_back_is_escaped_for_its_place() {
    let mut hidden = Hidden::default();
    let value = "quo\\\"te\u{1F600}\n";
    let json = serde_json::to_string(value).expect("a string");
    let inner = json.trim_matches('"');
    let name = text(rewrite(
        &mut hidden,
        Action::Pseudonymize,
        value,
        Source::Plain,
    ));
    let mut back = |source| text(rewrite(&mut hidden, Action::Restore, &name, source));
    assert_eq!(back(Source::Plain), value);
    assert_eq!(back(Source::Json), inner);
    assert_eq!(
        rewrite(
            &mut Hidden::default(),
            Action::Restore,
            &name,
            Source::Plain
        ),
        Rewrite::Keep,
        "another exchange knows nothing of it"
    );
}

#[test]
fn what_cannot_be_put_back_is_redacted_plainly() {
    let mut hidden = Hidden::default();
    let mut all = |action, text| rewrite(&mut hidden, action, text, Source::Json);
    // Over the end of a string; a lone surrogate.
    for text in ["a\",\"b", "x\\ud800y"] {
        assert_eq!(all(Action::Pseudonymize, text), Rewrite::Plain);
        assert_eq!(all(Action::Mask, text), Rewrite::Plain);
        assert_eq!(all(Action::Restore, text), Rewrite::Keep);
    }
}

#[test]
fn originals_go_into_the_answer_and_into_named_tools() {
    let mut hidden = Hidden::default();
    let hiding = hiding();
    hidden.reads(&hiding, "content[1].name", b"send_mail");
    hidden.reads(&hiding, "content[2].name", b"fetch");
    for (role, channel, restores) in [
        (Role::Assistant, "content[0].text", true),
        (Role::Assistant, "content[0].thinking", false),
        (Role::ToolCall, "content[1].input", true),
        (Role::ToolCall, "content[2].input", false),
        (Role::ToolCall, "content[3].input", false),
        (Role::Other, "id", false),
    ] {
        assert_eq!(
            hidden.restores(&hiding, role, channel),
            restores,
            "{channel}"
        );
    }
}
