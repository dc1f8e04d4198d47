//! Shannon's entropy of the bytes of a match, in whole numbers: the same however the bytes came.

use std::sync::LazyLock;

use super::tally::Tally;

/// One bit, as weights count.
const BIT: u64 = 1 << 32;
/// Counts whose weight stands in the table: more than the cap of any check that asks for entropy.
const TABLED: usize = 1024;

static WEIGHTS: LazyLock<Vec<u64>> = LazyLock::new(|| (0..TABLED as u64).map(compute).collect());

/// `n * log2(n)`, in units of 2^-32 bit.
pub(super) fn weight(n: usize) -> u64 {
    match WEIGHTS.get(n) {
        Some(weight) => *weight,
        None => compute(n as u64),
    }
}

fn compute(n: u64) -> u64 {
    let n = n as f64;
    if n < 2.0 {
        return 0;
    }
    (n * n.log2() * BIT as f64).round() as u64
}

/// Whether the bytes carry at least `tenths / 10` bits each (C. E. Shannon, 1948). English words have
/// about 2.5 to 3.3 at token length, random hex 3.3 to 3.9, random base64 4 and more.
pub(super) fn carries(tally: &Tally, tenths: u64) -> bool {
    let length = tally.length() as u64;
    let bits = weight(tally.length()).saturating_sub(tally.weight());
    length > 0 && bits * 10 >= tenths * length * BIT
}

/// [`carries`] as a check of its own.
pub(super) fn at_least<const TENTHS: u64>(tally: &mut Tally, _: &[u8]) -> bool {
    carries(tally, TENTHS)
}
