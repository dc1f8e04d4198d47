//! Numbers with a unit.

/// A kind of quantity: its units, the largest last.
pub(super) struct Scale {
    pub(super) noun: &'static str,
    pub(super) hint: &'static str,
    units: &'static [(&'static str, u64)],
    /// Whether a number without a unit is one of the smallest.
    bare: bool,
}

pub(super) const BYTES: Scale = Scale {
    noun: "a number of bytes",
    hint: "write `4096`, `64KiB` or `8MiB`",
    units: &[
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ],
    bare: true,
};

pub(super) const MILLIS: Scale = Scale {
    noun: "a time with its unit",
    hint: "write `500ms`, `60s` or `5m`",
    units: &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)],
    bare: false,
};

impl Scale {
    pub(super) fn bare(&self, value: i64) -> Option<u64> {
        u64::try_from(value).ok().filter(|_| self.bare)
    }

    pub(super) fn read(&self, text: &str) -> Option<u64> {
        let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
        let unit = unit.trim_start();
        let (_, factor) = self.units.iter().find(|(name, _)| *name == unit)?;
        number.parse::<u64>().ok()?.checked_mul(*factor)
    }

    /// In the largest unit that leaves it whole.
    pub(super) fn show(&self, value: u64) -> String {
        let whole = |factor: u64| value >= factor && value.is_multiple_of(factor);
        let unit = self.units.iter().rev().find(|(_, factor)| whole(*factor));
        let (name, factor) = unit.or(self.units.first()).copied().unwrap_or(("", 1));
        format!("{}{name}", value / factor)
    }
}
