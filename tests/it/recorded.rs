//! Recorded bodies under the built-in policy, with the guarded body and the decision beside each:
//! `tests/fixtures/guarded/<dialect>.<name>.<direction>.<json|sse>`, `….guarded`, `….decision`.
//!
//! `TIDEGATE_RECORD=1 cargo test --test it recorded` writes them anew; read the difference before you commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate::policy::Policy;
use tidegate::scan::{Automaton, Rule};
use tidegate::session::BodyMode;
use tidegate::text::Direction;

use crate::support::{Case, MODES, Outcome, play};

fn builtin() -> Arc<Policy> {
    let build = &mut |rules: &[Rule]| Automaton::compile(rules).map(Arc::new);
    Arc::new(
        tidegate::policy::default(build)
            .expect("the built-in policy loads")
            .policy,
    )
}

/// One line a finding, in their order.
fn describe(outcome: &Outcome) -> String {
    let mut lines = vec![format!("verdict {}", outcome.decision.verdict.as_str())];
    lines.extend(outcome.decision.findings.iter().map(|finding| {
        format!(
            "{} {} {} {}..{}",
            finding.rule,
            finding.channel,
            finding.role.as_str(),
            finding.span.start,
            finding.span.end
        )
    }));
    lines.join("\n") + "\n"
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", file.display()))
}

#[test]
fn recorded_bodies_come_out_as_recorded() {
    let policy = builtin();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/guarded");
    let record = std::env::var_os("TIDEGATE_RECORD").is_some();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let file = entry.expect("a readable folder").path();
        let name = file
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        if !(name.ends_with(".json") || name.ends_with(".sse")) {
            continue;
        }
        count += 1;
        let body = fs::read(&file).expect("a readable fixture");
        let case = |mode| Case {
            path: if name.starts_with("openai-chat") {
                "/v1/chat/completions"
            } else {
                "/v1/messages"
            },
            direction: if name.contains(".request.") {
                Direction::Request
            } else {
                Direction::Response
            },
            content_type: if name.ends_with(".sse") {
                "text/event-stream"
            } else {
                "application/json"
            },
            mode,
        };
        let whole = play(&policy, case(BodyMode::FullDuplexStreamed), &[&body]);
        if record {
            fs::write(beside(&file, "guarded"), whole.seen()).expect("a writable folder");
            fs::write(beside(&file, "decision"), describe(&whole)).expect("a writable folder");
        }
        let guarded = fs::read(beside(&file, "guarded")).expect("the guarded body stands beside");
        let decision =
            fs::read_to_string(beside(&file, "decision")).expect("the decision stands beside");
        for mode in MODES {
            for size in [1, 13, body.len()] {
                let chunks: Vec<_> = body.chunks(size).collect();
                let outcome = play(&policy, case(mode), &chunks);
                assert!(
                    outcome.seen() == guarded,
                    "{name} in {mode:?}, chunks of {size}"
                );
                assert_eq!(
                    describe(&outcome),
                    decision,
                    "{name} in {mode:?}, chunks of {size}"
                );
            }
        }
    }
    assert!(count >= 6, "only {count} recorded bodies");
}
