//! Runs of a prompt in an answer, at every cut.

use super::*;

const PROMPT: &str = "You are the support agent of Acme Corp. Never tell a customer that the discount code \
    WINTER exists, and always end with a smile. Übersetze nie: don't_translate.";

const RULE: LeakRule = LeakRule { rule: 0, words: 6 };

fn prompt(text: &str) -> Arc<Prompt> {
    let mut prompt = Prompt::new(1000);
    prompt.read(Source::Plain, text.as_bytes());
    Arc::new(prompt)
}

/// What is left of `text`, each cover's head as `#`, and how often a leak was found, for every size of delta and
/// every cut.
#[track_caller]
fn check_in(prompt: &Arc<Prompt>, source: Source, text: &str, left: &str, found: usize) {
    let bytes = text.as_bytes();
    let sizes = (1..=bytes.len()).map(|size| bytes.chunks(size).collect::<Vec<_>>());
    let cuts = (0..bytes.len()).map(|cut| <[&[u8]; 2]>::from(bytes.split_at(cut)).to_vec());
    // After so many bytes that much is decided, whatever the cuts before.
    let mut decided = vec![None; bytes.len() + 1];
    for deltas in sizes.chain(cuts) {
        let mut leak = Leak::new(RULE, source, Arc::clone(prompt));
        let mut out = Resolved::default();
        let (mut released, mut at) = (0, 0);
        for delta in deltas {
            let before = out.covers.len();
            leak.push(delta, &mut out);
            at += delta.len();
            assert!(leak.resolved() >= released, "never back: {text}");
            for cover in out.covers.iter().skip(before) {
                assert!(cover.span.start >= released, "it has left: {text}");
            }
            released = leak.resolved();
            assert_eq!(*decided[at].get_or_insert(released), released, "{text}");
        }
        leak.finish(&mut out);
        let (mut kept, mut from) = (Vec::new(), 0);
        for cover in &out.covers {
            kept.extend_from_slice(&bytes[from..cover.span.start as usize]);
            kept.extend_from_slice(if cover.head { b"#" } else { b"" });
            from = cover.span.end as usize;
        }
        kept.extend_from_slice(&bytes[from..]);
        assert_eq!(String::from_utf8_lossy(&kept), left, "{text}");
        assert_eq!(out.found.len(), found, "{text}");
    }
}

#[track_caller]
fn check(text: &str, left: &str, found: usize) {
    check_in(&prompt(PROMPT), Source::Plain, text, left, found);
}

#[test]
fn a_run_of_the_prompt_is_covered_from_its_first_word() {
    check(
        "Sure: never tell a customer that the discount code winter exists. Bye",
        "Sure: #. Bye",
        1,
    );
    check(PROMPT, "#.", 1);
    check(
        "You are the support agent of us. Never tell a customer that the",
        "# us. #",
        2,
    );
}

#[test]
fn case_spacing_quotes_and_markdown_do_not_count() {
    for said in [
        "NEVER TELL A CUSTOMER THAT THE",
        "never  tell\n\n> a\tcustomer \u{2014} that, the",
        "**Never** _tell_ `a` \"customer\" \u{201C}that\u{201D} [the",
        "- never\n- tell\n- a\n- customer\n- that\n- the",
        "n\u{200B}ever tell\u{AD} a cus\u{2060}tomer\u{FEFF} that the",
    ] {
        let left = if said.starts_with("**") {
            "it: **#!"
        } else if said.starts_with("- ") {
            "it: - #!"
        } else {
            "it: #!"
        };
        check(&format!("it: {said}!"), left, 1);
    }
    check(
        "\u{DC}BERSETZE NIE DON\u{2019}T TRANSLATE",
        "\u{DC}BERSETZE NIE DON\u{2019}T TRANSLATE",
        0,
    );
    check("with a smile \u{FC}bersetze NIE don\u{2019}t", "#", 1);
}

#[test]
fn what_is_shorter_or_in_another_order_stays() {
    for said in [
        "",
        "You are the support agent, right?",
        "Never tell a customer that it is late, and always end with care.",
        "customer a tell never code discount the that",
        "never tell a customer lie that the discount code works",
        "You are the, you are the, you are the, you are the",
    ] {
        check(said, said, 0);
    }
}

#[test]
fn a_run_that_takes_over_another_is_a_leak_of_its_own() {
    let prompt = prompt("a b c d e f g. ");
    check_in(&prompt, Source::Plain, "a b c d e f g a b", "# a b", 1);
    let mut both = Prompt::new(1000);
    both.read(Source::Plain, b"one two three four five six seven");
    both.read(Source::Plain, b"six seven eight nine ten eleven");
    let both = Arc::new(both);
    // No run goes from one text of the prompt to the next.
    check_in(
        &both,
        Source::Plain,
        "one two three four five six seven eight nine ten eleven.",
        "##.",
        2,
    );
    check_in(
        &both,
        Source::Plain,
        "three four five six seven eight",
        "three four five six seven eight",
        0,
    );
}

#[test]
fn no_run_is_waited_for_without_end() {
    let prompt = prompt("a b c d e f g");
    let long = "x".repeat(1000);
    let gap = " ".repeat(1000);
    for said in [&long, &gap] {
        let mut leak = Leak::new(RULE, Source::Plain, Arc::clone(&prompt));
        leak.push(format!("a b c {said}").as_bytes(), &mut Resolved::default());
        assert!(leak.resolved() > 900, "{}", leak.resolved());
    }
    let far = format!("a b c d e{gap}f g");
    let mut leak = Leak::new(RULE, Source::Plain, prompt);
    let mut out = Resolved::default();
    leak.push(far.as_bytes(), &mut out);
    leak.finish(&mut out);
    assert!(out.covers.is_empty() && out.found.is_empty());
}

#[test]
fn strings_of_a_document_stand_for_themselves() {
    let prompt = prompt("never tell a customer that the");
    check_in(
        &prompt,
        Source::Json,
        r#"{"a":"never \u0074ell a\ncustomer that the x","b":1}"#,
        r##"{"a":"# x","b":1}"##,
        1,
    );
    let apart = r#"["never tell a","customer that the"]"#;
    check_in(&prompt, Source::Json, apart, apart, 0);
}

#[test]
fn scripts_without_spaces_are_read_by_the_character() {
    let prompt = prompt("不要告诉客户折扣码");
    check_in(
        &prompt,
        Source::Plain,
        "好的：不要告诉客户。",
        "好的：#。",
        1,
    );
    check_in(&prompt, Source::Plain, "不要告诉他", "不要告诉他", 0);
}

#[test]
fn a_prompt_is_kept_up_to_its_ceiling() {
    let mut prompt = Prompt::new(10);
    prompt.read(Source::Plain, PROMPT.as_bytes());
    assert_eq!(format!("{prompt:?}"), "Prompt(10 hashes)");
}
