//! The report as one page: the tables, and for each surface its ROC and the histogram of its scores, as inline SVG.

use std::fmt::Write as _;

use super::tally::{NAMES, Report, Tally, is_attack, is_ordinary};

/// Sides of a picture, in its own units.
const WIDTH: f32 = 360.0;
const HEIGHT: f32 = 240.0;
/// Bars of a histogram.
const BARS: usize = 40;

/// What no client wrote stands in it: names of sources are escaped.
pub(super) fn page(report: &Report, tally: &Tally) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>tidegate eval</title><style>\
         body{font:14px/1.5 system-ui,sans-serif;margin:2rem;max-width:70rem}pre{overflow-x:auto}\
         svg{border:1px solid #ccc;margin:0 1rem 1rem 0}text{font-size:10px}</style><h1>tidegate eval</h1>",
    );
    for (column, name) in NAMES.into_iter().enumerate() {
        let scores = |test: fn(&str) -> bool| -> Vec<f32> {
            let all = tally
                .scores
                .iter()
                .filter(|((of, _, kind), _)| *of == column && test(kind));
            let mut all: Vec<f32> = all
                .flat_map(|(_, all)| all)
                .map(|(score, _)| *score)
                .collect();
            all.sort_by(f32::total_cmp);
            all
        };
        let (attacks, ordinary) = (scores(is_attack), scores(is_ordinary));
        if attacks.is_empty() && ordinary.is_empty() {
            continue;
        }
        let _ = write!(out, "<h2>{name}</h2>");
        roc(&mut out, &attacks, &ordinary);
        histogram(&mut out, &attacks, &ordinary);
    }
    let _ = write!(
        out,
        "<h2>Figures</h2><pre>{}</pre></html>",
        escape(&report.to_string())
    );
    out
}

/// The share of attacks found over the share of ordinary texts, the latter from 0.01 % to all on a logarithmic axis.
fn roc(out: &mut String, attacks: &[f32], ordinary: &[f32]) {
    let mut path = String::new();
    for step in 0..=200 {
        let rate = 10f32.powf(-4.0 + 4.0 * step as f32 / 200.0);
        let at = ordinary
            .len()
            .saturating_sub((ordinary.len() as f32 * rate) as usize + 1);
        let Some(threshold) = ordinary.get(at) else {
            break;
        };
        let found = attacks.len() - attacks.partition_point(|score| score <= threshold);
        let x = WIDTH * step as f32 / 200.0;
        let y = HEIGHT * (1.0 - found as f32 / attacks.len().max(1) as f32);
        let _ = write!(path, "{}{x:.1},{y:.1}", if step == 0 { "M" } else { " L" });
    }
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"ROC\">\
         <path d=\"{path}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>"
    );
    for (share, name) in [(0.25, "0.1 %"), (0.5, "1 %"), (0.75, "10 %")] {
        let x = WIDTH * share;
        let _ = write!(
            out,
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{HEIGHT}\" stroke=\"#ddd\"/><text x=\"{x}\" y=\"{}\">{name}</text>",
            HEIGHT - 4.0
        );
    }
    out.push_str("<text x=\"4\" y=\"12\">attacks found over ordinary texts</text></svg>");
}

/// Both kinds of texts by score, each as a share of its own.
fn histogram(out: &mut String, attacks: &[f32], ordinary: &[f32]) {
    let all = || {
        attacks
            .iter()
            .chain(ordinary)
            .copied()
            .filter(|score| score.is_finite() && *score > -1e6)
    };
    let low = all().fold(f32::MAX, f32::min);
    let high = all().fold(f32::MIN, f32::max).max(low + 1.0);
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"scores\">"
    );
    for (scores, colour) in [(ordinary, "#0a0"), (attacks, "#c00")] {
        let mut bars = [0usize; BARS];
        for score in scores {
            let at = (score - low) / (high - low) * BARS as f32;
            if let Some(bar) = bars.get_mut((at.max(0.0) as usize).min(BARS - 1)) {
                *bar += 1;
            }
        }
        let most = bars.iter().copied().max().unwrap_or_default().max(1);
        for (index, bar) in bars.into_iter().enumerate() {
            let height = bar as f32 / most as f32 * (HEIGHT - 16.0);
            let width = WIDTH / BARS as f32;
            let (x, y) = (index as f32 * width, HEIGHT - height);
            let _ = write!(
                out,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" fill-opacity=\"0.45\"/>"
            );
        }
    }
    out.push_str("<text x=\"4\" y=\"12\">ordinary green, attacks red, by score</text></svg>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
