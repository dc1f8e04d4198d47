//! Shannon's entropy of the bytes of a match.

/// Whether the bytes carry at least `TENTHS / 10` bits each (C. E. Shannon, 1948). English words have
/// about 2.5 to 3.3 at token length, random hex 3.3 to 3.9, random base64 4 and more.
pub(super) fn at_least<const TENTHS: u32>(bytes: &[u8]) -> bool {
    bits_per_byte(bytes) >= f64::from(TENTHS) / 10.0
}

/// Bits of entropy per byte.
pub(super) fn bits_per_byte(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    let mut total = 0u32;
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
            total += 1;
        }
    }
    let total = f64::from(total);
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}
