//! The table: medians and 99th percentiles, and their ratios to the no-op server's.

use std::time::Duration;

use crate::load::Scenario;
use crate::ways::Way;

pub(crate) const HEAD: &str = "\
| scenario | way | requests/s | p50 us | p99 us | p50 : no-op | p99 : no-op |
|---|---|---|---|---|---|---|";

pub(crate) fn print(
    scenario: Scenario,
    ways: &[Way; 3],
    samples: &mut [Vec<u64>; 3],
    spent: &[Duration; 3],
) {
    let quantiles = samples.each_mut().map(|samples| {
        samples.sort_unstable();
        [quantile(samples, 50), quantile(samples, 99)]
    });
    let [_, noop, _] = quantiles;
    for at in 0..3 {
        let requests = samples[at].len() / scenario.samples_a_request();
        let [p50, p99] = quantiles[at];
        println!(
            "| {} | {} | {:.0} | {:.1} | {:.1} | {:.2} | {:.2} |",
            scenario.name(),
            ways[at].name,
            requests as f64 / spent[at].as_secs_f64(),
            p50 / 1e3,
            p99 / 1e3,
            p50 / noop[0],
            p99 / noop[1],
        );
    }
}

/// In nanoseconds; samples are sorted.
fn quantile(samples: &[u64], percent: usize) -> f64 {
    let at = (samples.len() * percent / 100).min(samples.len().saturating_sub(1));
    samples.get(at).map_or(f64::NAN, |&sample| sample as f64)
}
