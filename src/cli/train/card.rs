//! The model card: what the weights were made from, how well they do on sources held out, what they cannot do.

use std::fmt::{self, Write as _};

use super::data::{Corpus, Kind};
use super::loso::Table;
use super::pack::RATES;

/// What does not change from one training to the next.
const HEAD: &str = include_str!("card.md");

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Indirect => "indirect",
            Self::Jailbreak => "jailbreak",
            Self::Harmful => "harmful",
            Self::Ordinary => "ordinary",
            Self::Hard => "hard",
        })
    }
}

/// As Markdown.
pub(super) fn write(
    corpus: &Corpus,
    tables: &[Table],
    placed: usize,
) -> Result<String, fmt::Error> {
    let mut out = HEAD.to_owned();
    writeln!(out, "\n## What it was measured at\n")?;
    writeln!(
        out,
        "| source held out | surface | kind | texts | recall at 1 % | at 0.1 % |"
    )?;
    writeln!(out, "|---|---|---|---:|---:|---:|")?;
    for held in tables.iter().flat_map(|table| &table.held) {
        let [one, tenth] = held.recall.map(|share| share * 100.0);
        let surface = surface(held.column);
        let (source, kind, texts) = (&held.source, held.kind, held.texts);
        writeln!(
            out,
            "| {source} | {surface} | {kind} | {texts} | {one:.1} | {tenth:.1} |"
        )?;
    }
    for (column, table) in tables
        .iter()
        .enumerate()
        .filter(|(_, table)| !table.held.is_empty())
    {
        let [one, tenth] = table.macro_recall(|_| true).map(|share| share * 100.0);
        let surface = surface(column);
        writeln!(
            out,
            "| **mean of sources** | {surface} | | | **{one:.1}** | **{tenth:.1}** |"
        )?;
    }
    writeln!(
        out,
        "\n| hard or harmful texts that reach the threshold | at 1 % | at 0.1 % |"
    )?;
    writeln!(out, "|---|---:|---:|")?;
    for (column, table) in tables.iter().enumerate() {
        for (what, shares) in [
            ("hard clean texts, sources held out", &table.hard),
            ("requests for harm", &table.harmful),
        ] {
            if let Some([one, tenth]) = shares
                .get(&column)
                .map(|shares| shares.map(|share| share * 100.0))
                && one.is_finite()
            {
                writeln!(
                    out,
                    "| {what}, {} | {one:.1} % | {tenth:.1} % |",
                    surface(column)
                )?;
            }
        }
    }
    let [low, medium, high] = RATES.map(|rate| rate * 100.0);
    writeln!(
        out,
        "\nLevels: `low` is reached by {low:.1} %, `medium` by {medium:.1} %, `high` by {high:.1} % of ordinary texts of\nsources that the model did not see. {placed} features have a place in the weights.\n"
    )?;
    writeln!(
        out,
        "## What it was made from\n\n| source | texts | licence as the rows state it |\n|---|---:|---|"
    )?;
    for (index, (source, license)) in corpus.sources.iter().zip(&corpus.licenses).enumerate() {
        let bit = 1u64 << index;
        let count = corpus
            .texts
            .iter()
            .filter(|text| text.sources == bit && !text.made)
            .count();
        let license = if license.is_empty() {
            "none stated"
        } else {
            license
        };
        writeln!(
            out,
            "| {source} | {count} | {} |",
            license.replace('|', "/")
        )?;
    }
    let made = corpus.texts.iter().filter(|text| text.made).count();
    writeln!(
        out,
        "| attacks and requests put into clean tool results | {made} | of both |"
    )?;
    Ok(out)
}

const fn surface(column: usize) -> &'static str {
    match column {
        0 => "user",
        1 => "tool",
        2 => "tool description",
        _ => "output",
    }
}
