//! The semantics of covers, computed slowly and from the definition: for every rule, start and end.
//!
//! Nothing of the engine is used but the fold table: patterns are matched by sets of positions over their
//! syntax tree, whether a prefix can still become a match is asked of one DFA per rule, text is decoded as a
//! whole, and components are rebuilt from all matches after each byte.

use std::collections::BTreeSet;
use std::collections::HashMap;

use regex_automata::dfa::Automaton as _;
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson::NFA;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use tidegate::scan::cover::{SEAL_BYTES, SEAL_ENDLESS_BYTES};
use tidegate::scan::{Gate, Rule};
use tidegate::text::Source;
use tidegate::text::fold::{fold, fold_str};

/// One piece of decoded text: a code point (or none), its bytes, whether outside any JSON string.
#[derive(Clone, Copy)]
struct Piece {
    code_point: u32,
    start: usize,
    end: usize,
    bare: bool,
}

/// A detection string with the origin of each byte, and where its undecoded rest begins.
#[derive(Default, Clone)]
struct Reading {
    bytes: Vec<u8>,
    origins: Vec<(usize, usize, bool)>,
    decided: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    /// Text positions.
    start: usize,
    end: usize,
    rule: usize,
    allowed: bool,
    endless: bool,
    bare: bool,
    /// Bytes of text after which it is known.
    known: usize,
}

/// A piece of covered text: start, end, rule, whether it begins its component, whether bare.
pub(crate) type Piece5 = (u64, u64, usize, bool, bool);

/// The covers so far, joined; the components closed; how many bytes are decided.
pub(crate) type After = (Vec<Piece5>, Vec<(u64, u64, usize)>, u64);

/// What the definition says of one text.
pub(crate) struct Expected {
    /// After each number of bytes.
    pub(crate) after: Vec<After>,
    /// The same at the end of the channel.
    pub(crate) finished: (Vec<Piece5>, Vec<(u64, u64, usize)>),
    /// The union of all accepted matches that no allow-list removes.
    pub(crate) covered: Vec<bool>,
}

/// Rules, parsed and each with a DFA of its own.
pub(crate) struct Reference {
    rules: Vec<(Rule, Hir, Prefixes)>,
}

impl Reference {
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let rules = rules
            .iter()
            .map(|rule| {
                let hir = regex_syntax::ParserBuilder::new()
                    .unicode(false)
                    .utf8(false)
                    .build()
                    .parse(&rule.pattern)
                    .expect("the pattern parses");
                let hir = open_counters(hir);
                let prefixes = Prefixes::new(&hir);
                (rule.clone(), hir, prefixes)
            })
            .collect();
        Self { rules }
    }

    pub(crate) fn expect(&mut self, text: &[u8], source: Source) -> Expected {
        let count = if source == Source::Json { 2 } else { 3 };
        let read = |length: usize, over: bool| -> Vec<Reading> {
            (0..count)
                .map(|view| reading(&text[..length], source, view, over))
                .collect()
        };
        let prefixes: Vec<Vec<Reading>> = (0..=text.len()).map(|n| read(n, false)).collect();
        let whole = read(text.len(), true);

        // All matches, with when they are known: when a detection byte behind them is.
        let mut matches = Vec::new();
        // Per view, start and rule: the first accepted end.
        let mut commits: HashMap<(usize, usize, usize), usize> = HashMap::new();
        for (view, reading) in whole.iter().enumerate() {
            for (index, (rule, hir, _)) in self.rules.iter().enumerate() {
                for start in 0..reading.bytes.len() {
                    if !may_start(rule, &reading.bytes, start) {
                        continue;
                    }
                    let mut committed = false;
                    for end in ends(hir, &reading.bytes, start) {
                        let bytes = &reading.bytes[start..end];
                        let short = bytes.len() <= rule.cap_bytes as usize;
                        let accepted =
                            short && rule.validate.is_none_or(|check| check.accepts(bytes));
                        if !accepted && !committed {
                            continue;
                        }
                        if rule.open_ended && !committed {
                            committed = true;
                            commits.insert((view, start, index), end);
                        }
                        let known = (0..=text.len())
                            .find(|n| prefixes[*n][view].bytes.len() > end)
                            .unwrap_or(usize::MAX);
                        matches.push(Match {
                            start: reading.origins[start].0,
                            end: reading.origins[end - 1].1,
                            rule: index,
                            allowed: short && allows(rule, bytes),
                            endless: rule.open_ended && (rule.allow.is_empty() || !short),
                            bare: reading.origins[start].2,
                            known,
                        });
                    }
                }
            }
        }

        let mut state = State::default();
        let mut after = Vec::new();
        for (n, readings) in prefixes.iter().enumerate() {
            let live = (0..count)
                .map(|view| self.live(&readings[view], view, &commits))
                .min()
                .expect("there is a reading");
            let known: Vec<Match> = matches.iter().filter(|m| m.known <= n).copied().collect();
            state.settle(&self.rules, &known, live, n);
            let decided = state.decided(live);
            after.push((state.covers.clone(), state.found.clone(), decided as u64));
        }
        state.settle(&self.rules, &matches, text.len(), text.len());
        let mut covered = vec![false; text.len()];
        for m in remaining(&matches) {
            covered[m.start..m.end].fill(true);
        }
        Expected {
            after,
            finished: (state.covers, state.found),
            covered,
        }
    }

    /// The earliest text position from which some rule could still match.
    fn live(
        &mut self,
        reading: &Reading,
        view: usize,
        commits: &HashMap<(usize, usize, usize), usize>,
    ) -> usize {
        let mut live = reading.decided;
        let length = reading.bytes.len();
        for (index, (rule, _, prefixes)) in self.rules.iter_mut().enumerate() {
            for start in 0..length {
                let origin = reading.origins[start].0;
                if origin >= live || !may_start(rule, &reading.bytes, start) {
                    continue;
                }
                let Some(distance) = prefixes.distance(&reading.bytes, start) else {
                    continue;
                };
                // A match that ends before the last byte is known: it counts as accepted.
                let committed = commits
                    .get(&(view, start, index))
                    .is_some_and(|end| *end < length);
                if committed || length - start + distance <= rule.cap_bytes as usize {
                    live = origin;
                }
            }
        }
        live
    }
}

/// The linter's rule: a counter that spans more than 32 has no upper end, the cap bounds it.
fn open_counters(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Repetition(mut repetition) => {
            repetition.max = repetition.max.filter(|max| max - repetition.min <= 32);
            *repetition.sub = open_counters(*repetition.sub);
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => open_counters(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(open_counters).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.into_iter().map(open_counters).collect())
        }
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
    }
}

/// What no allow-list removes.
fn remaining(known: &[Match]) -> Vec<Match> {
    let kept = |m: &&Match| {
        !known
            .iter()
            .any(|a| a.allowed && a.rule == m.rule && a.start <= m.start && m.end <= a.end)
    };
    known.iter().filter(kept).copied().collect()
}

#[derive(Default)]
struct State {
    covers: Vec<Piece5>,
    found: Vec<(u64, u64, usize)>,
    /// Text before this is closed.
    closed: usize,
    sealed: Option<Sealed>,
    waiting: Option<usize>,
}

struct Sealed {
    start: usize,
    end: usize,
    label: Match,
    bare: bool,
    /// Matches that it has taken in.
    taken: Vec<Match>,
}

type Rules = [(Rule, Hir, Prefixes)];

impl State {
    fn settle(&mut self, rules: &Rules, known: &[Match], live: usize, n: usize) {
        let left: Vec<Match> = remaining(known)
            .into_iter()
            .filter(|m| m.start >= self.closed)
            .collect();
        self.waiting = None;
        loop {
            if self.sealed.is_some() {
                self.extend(rules, &left);
                let sealed = self.sealed.as_ref().expect("it is");
                if sealed.end > live {
                    return;
                }
                self.found
                    .push((sealed.start as u64, sealed.end as u64, sealed.label.rule));
                self.closed = sealed.end;
                self.sealed = None;
                continue;
            }
            let Some(first) = left
                .iter()
                .filter(|m| m.start >= self.closed)
                .min_by_key(|m| m.start)
            else {
                return;
            };
            let (start, mut end) = (first.start, first.end);
            let mut members: Vec<Match> = Vec::new();
            loop {
                let inside = left.iter().filter(|m| m.start >= start && m.start < end);
                members.clear();
                members.extend(inside.copied());
                let reach = members
                    .iter()
                    .map(|m| m.end)
                    .max()
                    .expect("the first is in");
                if reach == end {
                    break;
                }
                end = reach;
            }
            let label = winner(rules, &members);
            let bare = first.bare;
            if end <= live {
                self.covers
                    .push((start as u64, end as u64, label.rule, true, bare));
                self.found.push((start as u64, end as u64, label.rule));
                self.closed = end;
                continue;
            }
            let endless = members.iter().any(|m| m.endless);
            let limit = if endless {
                SEAL_ENDLESS_BYTES
            } else {
                SEAL_BYTES
            };
            if live >= start && n - start > limit as usize {
                self.covers
                    .push((start as u64, end as u64, label.rule, true, bare));
                self.sealed = Some(Sealed {
                    start,
                    end,
                    label,
                    bare,
                    taken: members,
                });
                continue;
            }
            self.waiting = Some(start);
            return;
        }
    }

    /// Takes into the sealed component all that overlaps it.
    fn extend(&mut self, rules: &Rules, left: &[Match]) {
        let sealed = self.sealed.as_mut().expect("it is");
        let mut fresh: Vec<Match> = Vec::new();
        let before = sealed.end;
        while let Some(m) = left
            .iter()
            .find(|m| m.start < sealed.end && !sealed.taken.contains(m))
        {
            sealed.taken.push(*m);
            fresh.push(*m);
            sealed.end = sealed.end.max(m.end);
        }
        let band = rules[sealed.label.rule].0.priority;
        fresh.retain(|m| rules[m.rule].0.priority > band);
        if !fresh.is_empty() {
            sealed.label = winner(rules, &fresh);
        }
        if sealed.end > before {
            let (start, end, rule) = (before as u64, sealed.end as u64, sealed.label.rule);
            let bare = sealed.bare;
            push_joined(&mut self.covers, (start, end, rule, false, bare));
        }
    }

    fn decided(&self, live: usize) -> usize {
        match (&self.sealed, self.waiting) {
            (Some(sealed), _) => sealed.end,
            (None, Some(start)) => start.min(live),
            (None, None) => live,
        }
    }
}

/// Appends a piece; pieces of one component under one rule are one.
pub(crate) fn push_joined(covers: &mut Vec<Piece5>, piece: Piece5) {
    match covers.last_mut() {
        Some(last) if !piece.3 && last.1 == piece.0 && last.2 == piece.2 => last.1 = piece.1,
        _ => covers.push(piece),
    }
}

fn winner(rules: &Rules, members: &[Match]) -> Match {
    let key = |m: &&Match| {
        let priority = rules[m.rule].0.priority;
        (
            priority,
            m.end - m.start,
            std::cmp::Reverse((m.start, m.rule)),
        )
    };
    *members
        .iter()
        .max_by_key(key)
        .expect("a component has members")
}

fn allows(rule: &Rule, bytes: &[u8]) -> bool {
    rule.allow.iter().any(|glob| {
        let parts: Vec<String> = String::from_utf8(fold_str(glob))
            .expect("ASCII")
            .split('*')
            .map(regex::escape)
            .collect();
        let pattern = format!("(?s-u)\\A(?:{})\\z", parts.join(".*"));
        regex::bytes::Regex::new(&pattern)
            .expect("it parses")
            .is_match(bytes)
    })
}

/// Whether what stands before `start` lets the rule match there.
fn may_start(rule: &Rule, bytes: &[u8], start: usize) -> bool {
    let before = start.checked_sub(1).and_then(|i| bytes.get(i));
    before.is_none_or(|byte| !rule.not_after.as_bytes().contains(byte))
        && gate_is_true(rule.gate.as_ref(), bytes, start)
}

/// Whether a word of the gate stands before `start` as the rule wants it, by trying every span.
fn gate_is_true(gate: Option<&Gate>, bytes: &[u8], start: usize) -> bool {
    let Some(gate) = gate else { return true };
    let letter = |i: Option<usize>| {
        i.and_then(|i| bytes.get(i))
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
    };
    let from = start.saturating_sub(usize::from(gate.within_bytes));
    (from..start).any(|begin| {
        let hump =
            begin > 0 && bytes[begin - 1].is_ascii_lowercase() && bytes[begin].is_ascii_uppercase();
        (hump || !letter(begin.checked_sub(1)))
            && (begin + 1..=start).any(|end| {
                !letter(Some(end))
                    && is_word(gate, &bytes[begin..end])
                    && (!gate.assignment || is_assignment(bytes, end, start))
            })
    })
}

fn is_word(gate: &Gate, bytes: &[u8]) -> bool {
    let mut plain: Vec<u8> = Vec::new();
    for byte in bytes {
        match byte {
            b' ' | b'_' | b'-' | b'.' if plain.last() == Some(&b' ') => {}
            b' ' | b'_' | b'-' | b'.' => plain.push(b' '),
            byte => plain.push(byte.to_ascii_lowercase()),
        }
    }
    gate.words.iter().any(|word| word.as_bytes() == plain)
}

fn is_assignment(bytes: &[u8], mut at: usize, start: usize) -> bool {
    let mut quote_due = false;
    let before = |at: usize| at.checked_sub(1).map_or(b' ', |i| bytes[i]);
    while at < start {
        let after = bytes
            .get(at + 2)
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        at += match &bytes[at..start] {
            [b'"' | b'\'' | b'`', ..] => {
                quote_due = false;
                1
            }
            [b' ' | b'\t' | b'\n' | b'\r' | b':' | b'=', ..] => 1,
            [b'>' | b'*' | b'|' | b']' | b'?', ..] => 1,
            [b'(', ..] => {
                quote_due = true;
                1
            }
            [b',', ..] if !matches!(before(at), b'"' | b'\'' | b'`') => {
                quote_due = true;
                1
            }
            [b'i' | b'I', b's' | b'S', ..] if !before(at).is_ascii_alphanumeric() && !after => 2,
            _ => return false,
        };
    }
    !quote_due
}

/// All ends of matches from `start`, in order: sets of positions over the syntax tree.
fn ends(hir: &Hir, bytes: &[u8], start: usize) -> BTreeSet<usize> {
    match hir.kind() {
        HirKind::Empty => BTreeSet::from([start]),
        HirKind::Literal(literal) => {
            let found = bytes[start..].starts_with(&literal.0);
            found
                .then_some(start + literal.0.len())
                .into_iter()
                .collect()
        }
        HirKind::Class(class) => {
            let Some(byte) = bytes.get(start) else {
                return BTreeSet::new();
            };
            let found = match class {
                Class::Bytes(class) => class
                    .ranges()
                    .iter()
                    .any(|r| (r.start()..=r.end()).contains(byte)),
                Class::Unicode(class) => {
                    let c = char::from(*byte);
                    c.is_ascii()
                        && class
                            .ranges()
                            .iter()
                            .any(|r| (r.start()..=r.end()).contains(&c))
                }
            };
            found.then_some(start + 1).into_iter().collect()
        }
        HirKind::Look(look) => looks(*look, bytes, start)
            .then_some(start)
            .into_iter()
            .collect(),
        HirKind::Capture(capture) => ends(&capture.sub, bytes, start),
        HirKind::Concat(parts) => parts.iter().fold(BTreeSet::from([start]), |at, part| {
            at.into_iter()
                .flat_map(|at| ends(part, bytes, at))
                .collect()
        }),
        HirKind::Alternation(parts) => parts
            .iter()
            .flat_map(|part| ends(part, bytes, start))
            .collect(),
        HirKind::Repetition(repetition) => {
            let mut all = BTreeSet::new();
            let mut at = BTreeSet::from([start]);
            let mut round = 0;
            loop {
                if round >= repetition.min {
                    let before = all.len();
                    all.extend(&at);
                    if before == all.len() && round > repetition.min {
                        return all;
                    }
                }
                if repetition.max.is_some_and(|max| round >= max) || at.is_empty() {
                    return all;
                }
                at = at
                    .into_iter()
                    .flat_map(|at| ends(&repetition.sub, bytes, at))
                    .collect();
                round += 1;
            }
        }
    }
}

fn looks(look: Look, bytes: &[u8], at: usize) -> bool {
    let word = |i: Option<usize>| {
        let byte = i.and_then(|i| bytes.get(i));
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    let (before, after) = (word(at.checked_sub(1)), word(Some(at)));
    match look {
        Look::Start => at == 0,
        Look::End => at == bytes.len(),
        Look::StartLF => at == 0 || bytes[at - 1] == b'\n',
        Look::EndLF => at == bytes.len() || bytes[at] == b'\n',
        Look::WordAscii => before != after,
        Look::WordAsciiNegate => before == after,
        Look::WordStartAscii => !before && after,
        Look::WordEndAscii => before && !after,
        Look::WordStartHalfAscii => !before,
        Look::WordEndHalfAscii => !after,
        other => panic!("{other:?} is not used in the test rules"),
    }
}

/// Whether, and how soon, a prefix can become a match: one DFA for one rule.
struct Prefixes {
    dfa: dense::DFA<Vec<u32>>,
    distances: HashMap<StateID, Option<usize>>,
}

impl Prefixes {
    fn new(hir: &Hir) -> Self {
        let nfa = NFA::compiler()
            .configure(NFA::config().utf8(false))
            .build_many_from_hir(&[hir])
            .expect("one rule is small");
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .match_kind(MatchKind::All)
                    .start_kind(regex_automata::dfa::StartKind::Anchored),
            )
            .build_from_nfa(&nfa)
            .expect("one rule is small");
        Self {
            dfa,
            distances: HashMap::new(),
        }
    }

    /// The fewest bytes after which a match from `start` could end, given all of `bytes`.
    fn distance(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let before = start.checked_sub(1).map(|i| bytes[i]);
        let config = start::Config::new()
            .anchored(Anchored::Yes)
            .look_behind(before);
        let mut state = self
            .dfa
            .start_state(&config)
            .expect("there are no quit bytes");
        for byte in &bytes[start..] {
            state = self.dfa.next_state(state, *byte);
            if self.dfa.is_dead_state(state) {
                return None;
            }
        }
        let dfa = &self.dfa;
        *self.distances.entry(state).or_insert_with(|| {
            let mut seen = BTreeSet::from([state]);
            let mut front = vec![state];
            for distance in 0.. {
                let mut next = Vec::new();
                for state in std::mem::take(&mut front) {
                    if dfa.is_match_state(dfa.next_eoi_state(state)) {
                        return Some(distance);
                    }
                    for byte in 0..=255 {
                        let to = dfa.next_state(state, byte);
                        if dfa.is_match_state(to) {
                            return Some(distance);
                        }
                        if !dfa.is_dead_state(to) && seen.insert(to) {
                            next.push(to);
                        }
                    }
                }
                if next.is_empty() {
                    return None;
                }
                front = next;
            }
            None
        })
    }
}

/// The text as view 0 (main), 1 (percent) or 2 (JSON escapes) reads it. `over`: no more text follows.
fn reading(text: &[u8], source: Source, view: usize, over: bool) -> Reading {
    let (mut pieces, mut decided) = characters(text, over);
    if source == Source::Json {
        (pieces, decided) = strings_of_json(&pieces, decided, over);
    }
    match view {
        1 => (pieces, decided) = percent(&pieces, decided, over),
        2 => (pieces, decided) = escapes(&pieces, decided, over),
        _ => {}
    }
    let mut reading = Reading {
        decided,
        ..Reading::default()
    };
    for piece in pieces {
        for byte in fold(piece.code_point) {
            reading.bytes.push(byte);
            reading.origins.push((piece.start, piece.end, piece.bare));
        }
    }
    reading
}

/// What is no character.
const NOTHING: u32 = 0x11_0000;

fn characters(text: &[u8], over: bool) -> (Vec<Piece>, usize) {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = match text[at] {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            _ => 1,
        };
        let mut end = at + 1;
        while end < at + length && end < text.len() && text[end] & 0xC0 == 0x80 {
            end += 1;
        }
        if end < at + length && end == text.len() && !over {
            return (pieces, at);
        }
        let code_point = match std::str::from_utf8(&text[at..end]) {
            Ok(text) => text.chars().next().map_or(NOTHING, |c| c as u32),
            Err(_) => NOTHING,
        };
        pieces.push(Piece {
            code_point,
            start: at,
            end,
            bare: false,
        });
        at = end;
    }
    (pieces, at)
}

fn text_of(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| char::from_u32(piece.code_point).unwrap_or('\u{FFFF}'))
        .collect()
}

fn strings_of_json(pieces: &[Piece], decided: usize, over: bool) -> (Vec<Piece>, usize) {
    let mut out = Vec::new();
    let mut at = 0;
    let mut inside = false;
    while at < pieces.len() {
        let piece = Piece {
            bare: !inside,
            ..pieces[at]
        };
        if inside && piece.code_point == u32::from(b'\\') {
            match escape(&pieces[at..], over) {
                None => return (out, piece.start),
                Some((1, _)) => {}
                Some((count, code_point)) => {
                    let end = pieces[at + count - 1].end;
                    out.push(Piece {
                        code_point,
                        end,
                        ..piece
                    });
                    at += count;
                    continue;
                }
            }
        }
        if piece.code_point == u32::from(b'"') {
            inside = !inside;
        }
        out.push(piece);
        at += 1;
    }
    (out, decided)
}

fn escapes(pieces: &[Piece], decided: usize, over: bool) -> (Vec<Piece>, usize) {
    let mut out = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let piece = pieces[at];
        if piece.code_point == u32::from(b'\\') {
            match escape(&pieces[at..], over) {
                None => return (out, piece.start),
                Some((1, _)) => {}
                Some((count, code_point)) => {
                    let end = pieces[at + count - 1].end;
                    out.push(Piece {
                        code_point,
                        end,
                        ..piece
                    });
                    at += count;
                    continue;
                }
            }
        }
        out.push(piece);
        at += 1;
    }
    (out, decided)
}

/// The escape that `pieces` begins with: how many pieces, and what it means. 1: none. `None`: not known yet.
fn escape(pieces: &[Piece], over: bool) -> Option<(usize, u32)> {
    let text = text_of(&pieces[..pieces.len().min(12)]);
    let unit = |text: &str| -> Option<u32> {
        let digits: String = text.strip_prefix("\\u")?.chars().take(4).collect();
        let whole = digits.len() == 4 && digits.chars().all(|c| c.is_ascii_hexdigit());
        whole.then(|| u32::from_str_radix(&digits, 16).expect("hex"))
    };
    // A text that could go on to be an escape.
    let open = |text: &str| {
        !over
            && text.chars().count() < 6
            && ("\\u".starts_with(text)
                || text
                    .strip_prefix("\\u")
                    .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit())))
    };
    let simple = match text.as_bytes().get(1) {
        Some(byte @ (b'"' | b'\\' | b'/')) => Some(u32::from(*byte)),
        Some(b'b') => Some(8),
        Some(b'f') => Some(12),
        Some(b'n') => Some(10),
        Some(b'r') => Some(13),
        Some(b't') => Some(9),
        _ => None,
    };
    if let Some(simple) = simple {
        return Some((2, simple));
    }
    let Some(first) = unit(&text) else {
        return if open(&text) { None } else { Some((1, 0)) };
    };
    if !(0xD800..0xDC00).contains(&first) {
        return Some((6, first));
    }
    let rest: String = text.chars().skip(6).collect();
    match unit(&rest) {
        Some(low @ 0xDC00..0xE000) => {
            let both = char::decode_utf16([first as u16, low as u16]).next();
            Some((12, both.expect("a pair").expect("a pair") as u32))
        }
        Some(_) => Some((6, first)),
        None if open(&rest) => None,
        None => Some((6, first)),
    }
}

fn percent(pieces: &[Piece], decided: usize, over: bool) -> (Vec<Piece>, usize) {
    // First bytes, each with its place; then characters from the runs of them.
    enum Item {
        Raw(Piece),
        Byte(u8, Piece),
    }
    let mut items = Vec::new();
    let mut decided = decided;
    let mut at = 0;
    while at < pieces.len() {
        let piece = pieces[at];
        let text = text_of(&pieces[at..pieces.len().min(at + 3)]);
        let digits = text
            .get(1..)
            .filter(|_| piece.code_point == u32::from(b'%'));
        let hex = digits.filter(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
        match hex {
            Some(hex) if hex.len() == 2 => {
                let byte = u8::from_str_radix(hex, 16).expect("hex");
                items.push(Item::Byte(
                    byte,
                    Piece {
                        end: pieces[at + 2].end,
                        ..piece
                    },
                ));
                at += 3;
            }
            Some(_) if !over => {
                decided = piece.start;
                break;
            }
            _ => {
                items.push(Item::Raw(piece));
                at += 1;
            }
        }
    }
    let whole = at == pieces.len();
    let mut out = Vec::new();
    let mut run: Vec<(u8, Piece)> = Vec::new();
    let spell = |run: &mut Vec<(u8, Piece)>, open: bool, out: &mut Vec<Piece>| {
        let bytes: Vec<u8> = run.iter().map(|(byte, _)| *byte).collect();
        let (characters, read) = characters(&bytes, !open);
        for c in characters {
            let (start, end) = (run[c.start].1, run[c.end - 1].1);
            out.push(Piece {
                code_point: c.code_point,
                end: end.end,
                ..start
            });
        }
        let rest = run.get(read).map(|(_, piece)| piece.start);
        run.clear();
        rest
    };
    for item in items {
        match item {
            Item::Byte(byte, piece) => run.push((byte, piece)),
            Item::Raw(piece) => {
                spell(&mut run, false, &mut out);
                out.push(piece);
            }
        }
    }
    let _ = whole;
    if let Some(rest) = spell(&mut run, !over, &mut out) {
        decided = rest;
    }
    (out, decided)
}
