//! The table: medians and 99th percentiles, their ratios to the no-op server's, processor time a request.

use std::time::Duration;

use crate::load::Scenario;
use crate::ways::Way;

pub(crate) const HEAD: &str = "\
| scenario | way | requests/s | p50 us | p99 us | p50 : no-op | p99 : no-op | Envoy CPU us | server CPU us |
|---|---|---|---|---|---|---|---|---|";

/// What the turns of one way took: by the clock, and of the processor by Envoy and the server.
pub(crate) struct Spent {
    clock: Duration,
    used: [Duration; 2],
}

impl Spent {
    pub(crate) const ZERO: Self = Self {
        clock: Duration::ZERO,
        used: [Duration::ZERO; 2],
    };

    pub(crate) fn add(&mut self, clock: Duration, before: [Duration; 2], after: [Duration; 2]) {
        self.clock += clock;
        for (used, (before, after)) in self.used.iter_mut().zip(before.into_iter().zip(after)) {
            *used += after.saturating_sub(before);
        }
    }
}

pub(crate) fn print(
    scenario: Scenario,
    ways: &[Way; 3],
    samples: &mut [Vec<u64>; 3],
    spent: &[Spent; 3],
) {
    let quantiles = samples.each_mut().map(|samples| {
        samples.sort_unstable();
        [quantile(samples, 50), quantile(samples, 99)]
    });
    let [_, noop, _] = quantiles;
    for at in 0..3 {
        let requests = samples[at].len() / scenario.samples_a_request();
        let [p50, p99] = quantiles[at];
        let [envoy, server] = spent[at].used;
        println!(
            "| {} | {} | {:.0} | {:.1} | {:.1} | {:.2} | {:.2} | {:.0} | {:.0} |",
            scenario.name(),
            ways[at].name,
            requests as f64 / spent[at].clock.as_secs_f64(),
            p50 / 1e3,
            p99 / 1e3,
            p50 / noop[0],
            p99 / noop[1],
            envoy.as_secs_f64() * 1e6 / requests as f64,
            server.as_secs_f64() * 1e6 / requests as f64,
        );
    }
}

/// In nanoseconds; samples are sorted.
fn quantile(samples: &[u64], percent: usize) -> f64 {
    let at = (samples.len() * percent / 100).min(samples.len().saturating_sub(1));
    samples.get(at).map_or(f64::NAN, |&sample| sample as f64)
}
