//! `tidegate train`: from rows of data and grammars to the weights that the guard carries.
//!
//! It is a command of the guard and no separate program, so that a weight can never mean another feature in
//! training than in the stream, and so that operators can train on rows of their own.

mod card;
mod data;
mod fit;
mod grow;
mod loso;
mod pack;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::data::{Corpus, Example, Kind, Vocabulary};
use self::fit::{Settings, fit};
use self::grow::{Dice, Grammar, GrammarError};
use self::loso::Table;
use super::rows::{self, Meta, Row, RowError};

/// Clean texts into which something is put.
const EMBEDDED: usize = 6000;
/// Parts into which sources are dealt for the thresholds.
const FOLDS: usize = 3;

/// Arguments of `tidegate train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder of rows, one JSON object a line, in files `*.jsonl`
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A folder of templates, `*.grammar`
    #[arg(long, value_name = "DIR", default_value = "training")]
    grammars: PathBuf,
    /// Where the weights go
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the model card goes
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// Print how each source of attacks is found by a model that did not see it
    #[arg(long)]
    loso: bool,
    /// Do not show requests for harm; without it they are taught as no attacks
    #[arg(long)]
    without_harmful: bool,
}

/// Why training could not run.
#[derive(Debug, thiserror::Error)]
enum TrainError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Row(#[from] RowError),
    #[error("{}: {source}", path.display())]
    Grammar { path: PathBuf, source: GrammarError },
    #[error("{}: no rows\n  hint: --data wants a folder with files *.jsonl", .0.display())]
    Empty(PathBuf),
    #[error("{0} sources, 64 are the most")]
    Sources(usize),
    #[error("the model card cannot be written: {0}")]
    Card(#[from] fmt::Error),
    #[error("stdout: cannot be written: {0}")]
    Print(io::Error),
}

/// Exit codes: 0 trained, 2 could not run.
pub fn main(args: &Args) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "tidegate train: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<(), TrainError> {
    let mut corpus = Corpus::default();
    read_rows(&mut corpus, &args.data)?;
    if corpus.texts.is_empty() {
        return Err(TrainError::Empty(args.data.clone()));
    }
    let ours = grow_rows(&mut corpus, &args.grammars)?;
    if corpus.sources.len() > 64 {
        return Err(TrainError::Sources(corpus.sources.len()));
    }
    corpus.embed(EMBEDDED, &mut Dice::new(5));
    say(format_args!(
        "{} texts of {} sources",
        corpus.texts.len(),
        corpus.sources.len()
    ));
    let vocabulary = Vocabulary::of(&corpus.texts);
    let examples = corpus
        .texts
        .iter()
        .map(|text| vocabulary.example(&text.text));
    let examples: Vec<Example> = examples.collect();
    say(format_args!("{} features", vocabulary.entries.len()));
    let settings = Settings {
        harmful: !args.without_harmful,
        ..Settings::default()
    };
    let tables = match args.loso || args.card.is_some() {
        true => leave_one_out(&settings, &corpus, &vocabulary, &examples, ours)?,
        false => Vec::new(),
    };
    if args.out.is_none() && args.card.is_none() {
        return Ok(());
    }
    let all = |column| fit(&settings, &vocabulary, &corpus.texts, &examples, column, 0);
    let models = std::array::from_fn(all);
    let ordinary =
        std::array::from_fn(|column| ordinary(&settings, &corpus, &vocabulary, &examples, column));
    let (model, placed) = pack::pack(&vocabulary, &models, &ordinary);
    say(format_args!("{placed} features placed"));
    if let Some(path) = &args.out {
        write(path, &model.write())?;
    }
    if let Some(path) = &args.card {
        write(path, card::write(&corpus, &tables, placed)?.as_bytes())?;
    }
    Ok(())
}

/// The table, line by line as it comes.
fn leave_one_out(
    settings: &Settings,
    corpus: &Corpus,
    vocabulary: &Vocabulary,
    examples: &[Example],
    ours: u64,
) -> Result<Vec<Table>, TrainError> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "source\tsurface\ttexts\trecall_at_1pct\trecall_at_0.1pct"
    )
    .map_err(TrainError::Print)?;
    let mut tables = Vec::new();
    for column in 0..2 {
        let mut wrong = None;
        let table = loso::run(
            settings,
            corpus,
            vocabulary,
            examples,
            column,
            ours,
            &mut |held| {
                let [one, tenth] = held.recall;
                let (source, texts) = (&held.source, held.texts);
                let line = writeln!(out, "{source}\t{column}\t{texts}\t{one:.4}\t{tenth:.4}");
                wrong = wrong.take().or(line.err());
            },
        );
        let [one, tenth] = table.macro_recall(|_| true);
        let line = writeln!(out, "mean\t{column}\t\t{one:.4}\t{tenth:.4}");
        if let Some(error) = wrong.or(line.err()) {
            return Err(TrainError::Print(error));
        }
        tables.push(table);
    }
    Ok(tables)
}

/// Sorted scores of ordinary texts, each by a model that did not see its source.
fn ordinary(
    settings: &Settings,
    corpus: &Corpus,
    vocabulary: &Vocabulary,
    examples: &[Example],
    column: usize,
) -> Vec<f32> {
    let is_ours =
        |text: &&data::Text| text.column == column && !text.made && text.kind == Kind::Ordinary;
    let mut sources: Vec<u64> = corpus
        .texts
        .iter()
        .filter(is_ours)
        .map(|text| text.sources)
        .collect();
    sources.sort_unstable();
    sources.dedup();
    let mut scores = Vec::new();
    for fold in 0..FOLDS {
        let dealt = sources.iter().skip(fold).step_by(FOLDS);
        let held = dealt.fold(0, |bits, source| bits | source);
        let model = fit(settings, vocabulary, &corpus.texts, examples, column, held);
        let texts = corpus.texts.iter().zip(examples);
        let texts = texts.filter(|(text, _)| is_ours(text) && text.sources & held != 0);
        scores.extend(texts.map(|(_, example)| loso::score(&model, example)));
    }
    scores.sort_by(f32::total_cmp);
    scores
}

/// The files of a folder with this ending, sorted, with their names.
fn files(folder: &Path, ending: &str) -> Result<Vec<(PathBuf, String)>, TrainError> {
    let wrong = |source| TrainError::File {
        path: folder.to_owned(),
        source,
    };
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|found| found == ending)
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            let name = name.to_owned();
            out.push((path, name));
        }
    }
    out.sort();
    Ok(out)
}

fn read_rows(corpus: &mut Corpus, folder: &Path) -> Result<(), TrainError> {
    for (path, name) in files(folder, "jsonl")? {
        let file = File::open(&path).map_err(|source| TrainError::File {
            path: path.clone(),
            source,
        })?;
        rows::read(&path, BufReader::new(file), |row| {
            corpus.add(&name, row);
            Ok::<(), TrainError>(())
        })?;
    }
    Ok(())
}

/// Grows what the grammars ask for; answers the bits of their sources.
fn grow_rows(corpus: &mut Corpus, folder: &Path) -> Result<u64, TrainError> {
    let mut ours = 0;
    let mut dice = Dice::new(42);
    for (path, name) in files(folder, "grammar")? {
        let text = fs::read_to_string(&path).map_err(|source| TrainError::File {
            path: path.clone(),
            source,
        })?;
        let wrong = |source| TrainError::Grammar {
            path: path.clone(),
            source,
        };
        let grammar = Grammar::read(&text).map_err(wrong)?;
        let source = format!("grown_{name}");
        ours |= corpus.source(&source, "Apache-2.0, this repository");
        for wanted in &grammar.wanted {
            for _ in 0..wanted.count {
                let row = Row {
                    kind: Some(wanted.kind.clone()),
                    label: Some(wanted.label),
                    text: Some(grammar.grow(&wanted.section, &mut dice).map_err(wrong)?),
                    meta: Some(Meta {
                        channel: Some(wanted.surface.clone()),
                        noisy: false,
                    }),
                    ..Row::default()
                };
                corpus.add(&source, row);
            }
        }
    }
    Ok(ours)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    fs::write(path, bytes).map_err(|source| TrainError::File {
        path: path.to_owned(),
        source,
    })
}

fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "tidegate train: {line}");
}
