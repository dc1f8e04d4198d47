//! Recorded bodies under the built-in policy, with the guarded body and the decision beside each:
//! `tests/fixtures/guarded/<dialect>.<name>.<direction>.<kind>`, `….guarded`, `….decision`.
//!
//! `TIDEGATE_RECORD=1 cargo test --test it recorded` writes them anew; read the difference before you commit.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate::policy::Policy;
use tidegate::scan::{Automaton, Rule};
use tidegate::session::BodyMode;
use tidegate::wire::DIALECTS;

use crate::fixtures::guarded;
use crate::support::{MODES, Outcome, play};

pub(crate) fn builtin() -> Arc<Policy> {
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
    let record = std::env::var_os("TIDEGATE_RECORD").is_some();
    let mut read: BTreeSet<String> = BTreeSet::new();
    for fixture in guarded() {
        let (name, file, body) = (&fixture.name, &fixture.file, &fixture.body);
        read.extend(name.split('/').next().map(str::to_owned));
        let case = |mode| fixture.case(mode);
        let whole = play(&policy, case(BodyMode::FullDuplexStreamed), &[body]);
        if record {
            fs::write(beside(file, "guarded"), whole.seen()).expect("a writable folder");
            fs::write(beside(file, "decision"), describe(&whole)).expect("a writable folder");
        }
        let guarded = fs::read(beside(file, "guarded")).expect("the guarded body stands beside");
        let decision =
            fs::read_to_string(beside(file, "decision")).expect("the decision stands beside");
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
    for dialect in DIALECTS {
        assert!(
            read.contains(dialect.name()),
            "no guarded body of {}",
            dialect.name()
        );
    }
}
