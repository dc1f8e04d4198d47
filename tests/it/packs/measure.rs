//! What the packs find in development data that is not part of the repository: recall by label, false
//! findings, character-level F1. Not run by default; without the data it has nothing to say.
//!
//! ```sh
//! cargo test --test it packs::measure -- --ignored --nocapture
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use tidegate::scan::Automaton;
use tidegate::scan::lint::{REFERENCE, hold_back, report};

use super::{compiled, found};

/// Kinds of text that the packs do not claim to find: names and postal addresses need more than patterns.
const NOT_CLAIMED: [&str; 2] = ["PERSON", "STREET_ADDRESS"];

#[derive(Default)]
struct Tally {
    positive: usize,
    found: usize,
    negative: usize,
    false_rows: usize,
    /// Characters: found and labelled, found only, labelled only.
    both: usize,
    extra: usize,
    missed: usize,
    /// By label: spans, and spans of which at least half was found.
    labels: BTreeMap<String, (usize, usize)>,
}

fn measure(automaton: &Automaton, file: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(file);
    let Ok(rows) = fs::read_to_string(&path) else {
        println!("{file}: not there");
        return;
    };
    let mut tally = Tally::default();
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).expect("each line is a row");
        let Some(text) = row["text"].as_str() else {
            continue;
        };
        tally.add(automaton, text, &row);
    }
    tally.print(file);
}

impl Tally {
    fn add(&mut self, automaton: &Automaton, text: &str, row: &Value) {
        let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let mut covered = vec![false; offsets.len()];
        let found = found(automaton, text);
        for found in &found {
            let from = offsets.partition_point(|at| (*at as u64) < found.span.start);
            let to = offsets.partition_point(|at| (*at as u64) < found.span.end);
            covered[from..to].fill(true);
        }
        if row["label"] == 1 {
            self.positive += 1;
            self.found += usize::from(!found.is_empty());
        } else {
            self.negative += 1;
            self.false_rows += usize::from(!found.is_empty());
        }
        let mut labelled = vec![false; offsets.len()];
        let mut claimed = vec![true; offsets.len()];
        for span in row["spans"].as_array().into_iter().flatten() {
            let at = |i: usize| span[i].as_u64().expect("an offset") as usize;
            let (from, to) = (at(0), at(1).min(offsets.len()));
            let label = span[2].as_str().expect("a label");
            if NOT_CLAIMED.contains(&label) {
                claimed[from..to].fill(false);
                continue;
            }
            labelled[from..to].fill(true);
            let hit = covered[from..to].iter().filter(|covered| **covered).count();
            let (spans, hits) = self.labels.entry(label.to_owned()).or_default();
            *spans += 1;
            *hits += usize::from(2 * hit >= to - from);
        }
        for ((covered, labelled), claimed) in covered.iter().zip(&labelled).zip(&claimed) {
            match (covered, labelled) {
                _ if !claimed => {}
                (true, true) => self.both += 1,
                (true, false) => self.extra += 1,
                (false, true) => self.missed += 1,
                (false, false) => {}
            }
        }
    }

    fn print(&self, file: &str) {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        println!(
            "{file}: {} of {} positive rows ({:.3}), {} of {} negative rows ({:.4})",
            self.found,
            self.positive,
            share(self.found, self.positive),
            self.false_rows,
            self.negative,
            share(self.false_rows, self.negative),
        );
        let spans: usize = self.labels.values().map(|(spans, _)| spans).sum();
        let hits: usize = self.labels.values().map(|(_, hits)| hits).sum();
        if spans > 0 {
            println!(
                "  {hits} of {spans} spans ({:.3}); characters: precision {:.3}, recall {:.3}, F1 {:.3}",
                share(hits, spans),
                share(self.both, self.both + self.extra),
                share(self.both, self.both + self.missed),
                share(2 * self.both, 2 * self.both + self.extra + self.missed),
            );
        }
        for (label, (spans, hits)) in self.labels.iter().filter(|(_, (spans, hits))| hits < spans) {
            println!("    {label}: {hits} of {spans}");
        }
    }
}

#[test]
#[ignore = "reads development data and prints numbers"]
fn personal_data() {
    let (_, automaton) = compiled("pii");
    for file in [
        "faker_pii.jsonl",
        "repo_docs.jsonl",
        "code_math.jsonl",
        "awesome_i18n.jsonl",
    ] {
        measure(&automaton, file);
    }
}

#[test]
#[ignore = "reads development data and prints numbers"]
fn secrets() {
    let (_, automaton) = compiled("secrets");
    for file in [
        "credsweeper_samples.jsonl",
        "detect_secrets_tests.jsonl",
        "secret_fp_dev.jsonl",
        "repo_docs.jsonl",
        "code_math.jsonl",
        "swe_agent.jsonl",
        "bfcl.jsonl",
        "llamafactory_demo.jsonl",
    ] {
        measure(&automaton, file);
    }
}

#[test]
#[ignore = "prints numbers"]
fn cost() {
    for names in ["secrets", "pii", "secrets pii"] {
        let began = Instant::now();
        let (rules, automaton) = compiled(names);
        let (mean, p99) = hold_back(&automaton, REFERENCE);
        println!(
            "{names}: {} rules, {} states, {} byte classes, {} ms; held back mean {mean:.2}, p99 {p99} bytes",
            rules.len(),
            automaton.states(),
            automaton.byte_classes(),
            began.elapsed().as_millis(),
        );
        let mut costs = report(&rules, REFERENCE);
        costs.sort_by(|a, b| b.held_mean_bytes.total_cmp(&a.held_mean_bytes));
        for cost in costs.iter().take(12) {
            println!("  {}: {:.3} bytes", cost.id, cost.held_mean_bytes);
        }
        costs.sort_by_key(|cost| std::cmp::Reverse(cost.states));
        for cost in costs.iter().take(12) {
            println!("  {}: {} states", cost.id, cost.states);
        }
    }
}
