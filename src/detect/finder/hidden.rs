//! Characters that a model reads and a person does not see.

use super::{Growing, HiddenRules};
use crate::scan::Resolved;
use crate::scan::units::{CodePoint, Units};
use crate::text::{Source, Span};

/// Invisible characters in a row that are no accident: an emoji has two at most, a selector and a joiner.
const RUN: u32 = 3;
/// The black flag, which the tags of a subdivision follow: Wales is the flag, `gbwls`, the end tag.
const FLAG: u32 = 0x1F3F4;
const END_TAG: u32 = 0xE007F;

/// `hidden_text` on one channel.
#[derive(Debug)]
pub struct Hidden {
    rules: HiddenRules,
    units: Units,
    /// The code point before.
    last: u32,
    run: Option<Run>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tag,
    Bidi,
    /// Joiners, spaces without a width, variation selectors: one of them has its uses.
    Light,
}

/// Characters of one kind in a row.
#[derive(Debug, Clone, Copy)]
struct Run {
    kind: Kind,
    span: Span,
    bare: bool,
    /// What it follows.
    base: u32,
    count: u32,
    selectors: u32,
    first: u32,
    /// Tags that could be a flag's so far.
    is_flag: bool,
    covered: Option<Growing>,
}

impl Hidden {
    pub(super) fn new(rules: HiddenRules, source: Source) -> Self {
        Self {
            rules,
            units: Units::new(source),
            last: 0,
            run: None,
        }
    }

    pub(super) fn push(&mut self, delta: &[u8], out: &mut Resolved) {
        let mut rest = delta;
        while !rest.is_empty() {
            let skipped = if self.run.is_none() {
                self.units.skip_ascii(rest)
            } else {
                0
            };
            if let Some(last) = skipped.checked_sub(1).and_then(|last| rest.get(last)) {
                self.last = u32::from(*last);
            }
            rest = rest.get(skipped..).unwrap_or_default();
            let Some((byte, after)) = rest.split_first() else {
                return;
            };
            self.with_units(|hidden, units| {
                units.push(&[*byte], &mut |unit| hidden.read(unit, out));
            });
            rest = after;
        }
    }

    pub(super) fn finish(&mut self, out: &mut Resolved) {
        self.with_units(|hidden, units| units.finish(&mut |unit| hidden.read(unit, out)));
        self.close(None, out);
    }

    pub(super) fn resolved(&self) -> u64 {
        match self.run {
            Some(run) if run.covered.is_none() => run.span.start,
            _ => self.units.given(),
        }
    }

    fn with_units(&mut self, with: impl FnOnce(&mut Self, &mut Units)) {
        let mut units = std::mem::replace(&mut self.units, Units::new(Source::Plain));
        with(self, &mut units);
        self.units = units;
    }

    fn read(&mut self, unit: CodePoint, out: &mut Resolved) {
        let kind = kind(unit.value);
        if self.run.is_some_and(|run| Some(run.kind) != kind) {
            self.close(Some(unit.value), out);
        }
        let base = std::mem::replace(&mut self.last, unit.value);
        let Some(kind) = kind else { return };
        let mut run = self.run.unwrap_or(Run {
            kind,
            span: unit.span,
            bare: unit.bare,
            base,
            count: 0,
            selectors: 0,
            first: unit.value,
            is_flag: kind == Kind::Tag && base == FLAG,
            covered: None,
        });
        run.take(unit);
        if run.covered.is_none()
            && let Some(rule) = run.rule(&self.rules)
        {
            run.covered = Some(Growing::new(rule, run.span.start, run.bare));
        }
        if let Some(covered) = &mut run.covered {
            covered.grow(run.span.end, out);
        }
        self.run = Some(run);
    }

    /// The run is over, and `next` follows.
    fn close(&mut self, next: Option<u32>, out: &mut Resolved) {
        let Some(run) = self.run.take() else { return };
        let mut covered = run.covered;
        if covered.is_none()
            && let Some(rule) = run.rule_at_end(&self.rules, next)
        {
            let mut growing = Growing::new(rule, run.span.start, run.bare);
            growing.grow(run.span.end, out);
            covered = Some(growing);
        }
        if let Some(covered) = covered {
            covered.close(out);
        }
    }
}

impl Run {
    fn take(&mut self, unit: CodePoint) {
        // A flag's tags are two letters of a country, one to three letters or digits, and the end.
        let ended = self.count > 0 && self.first == END_TAG;
        self.is_flag &= !ended
            && self.count < 6
            && match unit.value {
                END_TAG => self.count >= 3,
                0xE0061..=0xE007A => true,
                0xE0030..=0xE0039 => self.count >= 2,
                _ => false,
            };
        if self.kind == Kind::Tag {
            // Of tags only the last one counts.
            self.first = unit.value;
        }
        self.count += 1;
        self.selectors += u32::from(is_selector(unit.value));
        self.span.end = unit.span.end;
    }

    /// The rule that covers it, whatever follows.
    fn rule(&self, rules: &HiddenRules) -> Option<usize> {
        match self.kind {
            Kind::Tag => rules.tags.filter(|_| !self.is_flag),
            Kind::Bidi => rules.bidi,
            Kind::Light if self.selectors == self.count => {
                let varies_nothing = is_supplement(self.first) && !is_ideograph(self.base);
                rules.variation.filter(|_| self.count > 1 || varies_nothing)
            }
            Kind::Light => rules.zero_width.filter(|_| self.count >= RUN),
        }
    }

    /// The rule that covers it although it could have gone on otherwise.
    fn rule_at_end(&self, rules: &HiddenRules, next: Option<u32>) -> Option<usize> {
        let is_word = |code: u32| u8::try_from(code).is_ok_and(|byte| byte.is_ascii_alphanumeric());
        match self.kind {
            Kind::Tag => rules.tags.filter(|_| self.first != END_TAG),
            // Latin letters are never joined.
            Kind::Light if self.count == 1 && matches!(self.first, 0x200C | 0x200D) => {
                let between = is_word(self.base) && next.is_some_and(is_word);
                rules.zero_width.filter(|_| between)
            }
            _ => None,
        }
    }
}

fn kind(code: u32) -> Option<Kind> {
    match code {
        0xE0000..=0xE007F => Some(Kind::Tag),
        0x202A..=0x202E | 0x2066..=0x2069 => Some(Kind::Bidi),
        0x200B..=0x200D | 0x2060..=0x2064 | 0xFEFF | 0x180E => Some(Kind::Light),
        _ if is_selector(code) => Some(Kind::Light),
        _ => None,
    }
}

fn is_selector(code: u32) -> bool {
    matches!(code, 0xFE00..=0xFE0F) || is_supplement(code)
}

/// Selectors that pick a shape of an ideograph.
fn is_supplement(code: u32) -> bool {
    matches!(code, 0xE0100..=0xE01EF)
}

fn is_ideograph(code: u32) -> bool {
    matches!(code, 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: HiddenRules = HiddenRules {
        tags: Some(0),
        bidi: Some(1),
        zero_width: Some(2),
        variation: Some(3),
    };

    /// What is left of `text`, and the rules that found something, for every size of delta.
    #[track_caller]
    fn check(source: Source, text: &str, left: &str, found: &[usize]) {
        for size in 1..=text.len() {
            let mut hidden = Hidden::new(RULES, source);
            let mut out = Resolved::default();
            let mut released = 0;
            for delta in text.as_bytes().chunks(size) {
                hidden.push(delta, &mut out);
                assert!(hidden.resolved() >= released, "never back");
                released = hidden.resolved();
            }
            hidden.finish(&mut out);
            let mut kept = text.as_bytes().to_vec();
            for cover in out.covers.iter().rev() {
                kept.drain(cover.span.start as usize..cover.span.end as usize);
            }
            assert_eq!(String::from_utf8_lossy(&kept), left, "{text:?} in {size}s");
            let rules: Vec<usize> = out.found.iter().map(|found| found.rule).collect();
            assert_eq!(rules, found, "{text:?} in {size}s");
        }
    }

    #[test]
    fn tags_go_and_flags_stay() {
        let plain = Source::Plain;
        check(plain, "a\u{E0068}\u{E0069}b", "ab", &[0]);
        check(plain, "a\u{E0001}", "a", &[0]);
        let wales = "\u{1F3F4}\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}";
        check(plain, &format!("{wales}!"), &format!("{wales}!"), &[]);
        check(plain, &format!("{wales}\u{E0068} x"), "\u{1F3F4} x", &[0]);
        // A flag with a text for tags.
        check(
            plain,
            "\u{1F3F4}\u{E0068}\u{E0065}\u{E006C}\u{E006C}\u{E006F}\u{E0068}\u{E0069}\u{E007F}",
            "\u{1F3F4}",
            &[0],
        );
        check(plain, "\u{1F3F4}\u{E0067}\u{E0062}", "\u{1F3F4}", &[0]);
        check(
            Source::Json,
            r#"{"a":"x\udb40\udc68y"}"#,
            r#"{"a":"xy"}"#,
            &[0],
        );
    }

    #[test]
    fn directions_are_not_overridden() {
        check(
            Source::Plain,
            "a\u{202E}gpj.exe\u{202C}",
            "agpj.exe",
            &[1, 1],
        );
        check(Source::Plain, "\u{2066}\u{2067}x", "x", &[1]);
        // Marks, which Arabic and Hebrew need beside numbers.
        check(
            Source::Plain,
            "שלום\u{200F} 1\u{200E}",
            "שלום\u{200F} 1\u{200E}",
            &[],
        );
    }

    #[test]
    fn runs_without_width_go() {
        check(
            Source::Plain,
            "a\u{200B}\u{200C}\u{200B}\u{200D}b",
            "ab",
            &[2],
        );
        check(Source::Plain, "pass\u{200D}word", "password", &[2]);
        check(
            Source::Plain,
            "x\u{FE0F}\u{200B}\u{FE0F}\u{200B}y",
            "xy",
            &[2],
        );
        check(Source::Json, r#""a\u200b\u2060\ufeffb""#, r#""ab""#, &[2]);
    }

    #[test]
    fn selectors_that_select_nothing_go() {
        check(
            Source::Plain,
            "\u{1F600}\u{E0158}\u{E0159}\u{FE01}.",
            "\u{1F600}.",
            &[3],
        );
        check(Source::Plain, "a\u{E0100}", "a", &[3]);
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "family 👨\u{200D}👩\u{200D}👧 and ❤\u{FE0F}\u{200D}🔥, 1\u{FE0F}\u{20E3}, 👁\u{FE0F}\u{200D}🗨\u{FE0F}",
            "می\u{200C}خواهم نمی\u{200C}دانم",
            "क\u{94D}\u{200D}ष ශ\u{DCA}\u{200D}ර",
            "\u{FEFF}begins with a mark",
            "葛\u{E0100}城 and 辻\u{FE00}",
            "ไทย\u{200B}ภาษา",
            "soft\u{AD}hyphen",
        ] {
            check(Source::Plain, text, text, &[]);
        }
    }
}
