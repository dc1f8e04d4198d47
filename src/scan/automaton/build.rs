//! From patterns to the table: determinise each family, join them over common byte classes, drop what
//! leads nowhere, minimise, number.
//!
//! This runs off the serving path and over the rules only, never over text of a client. Indices here are
//! positions that this module made itself.

use std::collections::HashMap;

use regex_automata::dfa::Automaton as _;
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson::NFA;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, Look};

use super::minimise::{Edge, minimise};
use super::table::{Table, Weights, word_class};
use crate::scan::lint::RuleError;

/// Memory that determinising one family may take.
const BUILD_BYTES: usize = 512 << 20;
/// State ids are 16 bits.
const STATES: usize = 1 << 16;
/// Kinds of left boundary are 8 bits.
const KINDS: usize = 1 << 8;

/// Patterns that may start at the same places: the ungated ones, or those behind one gate.
pub(super) struct Family {
    pub(super) patterns: Vec<Pattern>,
}

/// One rule's pattern.
pub(super) struct Pattern {
    /// Index of the rule.
    pub(super) rule: u16,
    pub(super) hir: Hir,
    /// Bytes that may not stand before a match.
    pub(super) not_after: Vec<u8>,
}

/// One family as a complete automaton over its own byte classes; the last class is the end of the text.
struct Raw {
    classes: [u8; 256],
    stride: usize,
    next: Vec<u32>,
    dead: u32,
    /// Per state: the rules that matched up to the byte before.
    matched: Vec<Vec<u16>>,
    /// Where a start stands: per class of the byte before it, or one for the start of the text.
    starts: Vec<u32>,
}

/// The dead state of every DFA.
const DEAD: StateID = StateID::ZERO;
/// A byte that occurs in no detection string, and before which no pattern asks for anything: a start after
/// it is one at the start of the text, where no pattern asks for that.
const NOWHERE: u8 = 0xFE;

/// The table of all families.
///
/// # Errors
///
/// [`RuleError::TooMany`] or [`RuleError::TooLarge`].
pub(super) fn build(families: &[Family], weights: &[Weights]) -> Result<Table, RuleError> {
    let mut raws: Vec<Raw> = Vec::new();
    let mut text_starts = Vec::new();
    for (index, family) in families.iter().enumerate() {
        raws.push(determinise(family, true)?);
        let anchored = |look: &Look| {
            let has = |p: &Pattern| p.hir.properties().look_set().contains(*look);
            family.patterns.iter().any(has)
        };
        text_starts.push(
            [Look::Start, Look::StartLF, Look::StartCRLF]
                .iter()
                .any(anchored),
        );
        debug_assert_eq!(raws.len(), index + 1, "families come first");
    }
    // Behind them, one more for each family in which a pattern asks for the start of the text.
    let text_starts: Vec<Option<usize>> = text_starts
        .into_iter()
        .zip(families)
        .map(|(anchored, family)| {
            if !anchored {
                return Ok(None);
            }
            raws.push(determinise(family, false)?);
            Ok(Some(raws.len() - 1))
        })
        .collect::<Result<_, _>>()?;
    let (classes, representatives) = join_classes(&raws);
    let labels = representatives.len() + 1;

    // Number all states of all families through; a transition stays if a match lies behind it.
    let offsets: Vec<usize> = raws
        .iter()
        .scan(0, |sum, raw| {
            let at = *sum;
            *sum += raw.matched.len();
            Some(at)
        })
        .collect();
    let count: usize = raws.iter().map(|raw| raw.matched.len()).sum();
    let mut edges = Vec::new();
    for (raw, offset) in raws.iter().zip(&offsets) {
        for state in 0..raw.matched.len() {
            for label in 0..labels {
                let class = match representatives.get(label) {
                    Some(byte) => usize::from(raw.classes[usize::from(*byte)]),
                    None => raw.stride - 1,
                };
                let head = raw.next[state * raw.stride + class];
                if head != raw.dead {
                    edges.push(Edge {
                        tail: (offset + state) as u32,
                        label: label as u16,
                        head: *offset as u32 + head,
                    });
                }
            }
        }
    }
    let mut sets: HashMap<&[u16], u32> = HashMap::from([(&[][..], 0)]);
    let mut set_rules: Vec<&[u16]> = vec![&[]];
    let mut outputs = Vec::with_capacity(count);
    for rules in raws.iter().flat_map(|raw| &raw.matched) {
        outputs.push(*sets.entry(rules).or_insert_with(|| {
            set_rules.push(rules);
            set_rules.len() as u32 - 1
        }));
    }
    let useful = useful(&outputs, &edges);
    edges.retain(|edge| useful[edge.head as usize] && useful[edge.tail as usize]);

    // Only useful states take part.
    let mut rank = vec![u32::MAX; count];
    let mut kept = Vec::new();
    for state in 0..count {
        if useful[state] {
            rank[state] = kept.len() as u32;
            kept.push(outputs[state]);
        }
    }
    for edge in &mut edges {
        edge.tail = rank[edge.tail as usize];
        edge.head = rank[edge.head as usize];
    }
    let (block_of, blocks) = minimise(&kept, &edges);
    if blocks + 1 > STATES {
        return Err(RuleError::TooMany {
            what: "states",
            count: blocks + 1,
            limit: STATES,
        });
    }

    // State 0 is dead, then the silent states, then those that report.
    let mut output_of = vec![0u32; blocks];
    for (state, block) in block_of.iter().enumerate() {
        output_of[*block as usize] = kept[state];
    }
    let silent = output_of.iter().filter(|output| **output == 0).count();
    let (mut next_silent, mut next_loud) = (1u32, 1 + silent as u32);
    let mut sets_of_loud = Vec::new();
    let number: Vec<u32> = output_of
        .iter()
        .map(|output| {
            let next = if *output == 0 {
                &mut next_silent
            } else {
                sets_of_loud.push(*output as u16);
                &mut next_loud
            };
            *next += 1;
            *next - 1
        })
        .collect();
    let states = blocks + 1;
    let mut next = vec![0u16; states * labels];
    for edge in &edges {
        let tail = number[block_of[edge.tail as usize] as usize] as usize;
        let head = number[block_of[edge.head as usize] as usize];
        next[tail * labels + usize::from(edge.label)] = head as u16;
    }
    let number_of = |raw: usize, state: u32| -> u16 {
        let rank = rank[offsets[raw] + state as usize];
        let block = block_of.get(rank as usize);
        block.map_or(0, |block| number[*block as usize] as u16)
    };
    // One column of starts per class of the byte before, and first the one of the start of the text. Equal
    // columns are one kind.
    let text: Vec<u16> = (0..families.len())
        .map(|family| match text_starts[family] {
            Some(raw) => number_of(raw, raws[raw].starts[0]),
            None => {
                let raw = &raws[family];
                number_of(
                    family,
                    raw.starts[usize::from(raw.classes[usize::from(NOWHERE)])],
                )
            }
        })
        .collect();
    let mut columns = vec![text];
    let mut kind_of: HashMap<(u8, Vec<u16>), usize> = HashMap::new();
    let kinds: Vec<usize> = representatives
        .iter()
        .map(|byte| {
            let column: Vec<u16> = (0..families.len())
                .map(|family| {
                    let raw = &raws[family];
                    number_of(
                        family,
                        raw.starts[usize::from(raw.classes[usize::from(*byte)])],
                    )
                })
                .collect();
            *kind_of
                .entry((word_class(*byte), column))
                .or_insert_with_key(|(_, column)| {
                    columns.push(column.clone());
                    columns.len() - 1
                })
        })
        .collect();
    if columns.len() > KINDS {
        return Err(RuleError::TooMany {
            what: "left boundaries",
            count: columns.len(),
            limit: KINDS,
        });
    }
    let kind_of_byte = classes.map(|class| kinds[usize::from(class)] as u8);
    let set_rules: Vec<Vec<u16>> = set_rules.into_iter().map(<[u16]>::to_vec).collect();
    let mut table = Table {
        classes,
        kinds: kind_of_byte,
        kind_count: columns.len(),
        labels,
        next,
        // With 65,536 states of which none reports there would be no match at all.
        loud: u16::try_from(1 + silent).unwrap_or(u16::MAX),
        set_of: sets_of_loud,
        set_rules,
        ..Table::default()
    };
    table.complete(&columns, weights);
    Ok(table)
}

/// The complete automaton of one family, breadth first from its start states.
///
/// With `behind`, each pattern first reads the byte before its match, which may be any that the rule allows
/// there: what a look-around wants of it is then decided as for any other byte.
fn determinise(family: &Family, behind: bool) -> Result<Raw, RuleError> {
    let hirs: Vec<Hir> = family
        .patterns
        .iter()
        .map(|pattern| {
            let mut before = ClassBytes::new([ClassBytesRange::new(0, 255)]);
            let not = pattern
                .not_after
                .iter()
                .map(|byte| ClassBytesRange::new(*byte, *byte));
            before.difference(&ClassBytes::new(not));
            let before = Hir::class(Class::Bytes(before));
            let hir = pattern.hir.clone();
            if behind {
                Hir::concat(vec![before, hir])
            } else {
                hir
            }
        })
        .collect();
    let too_large = || RuleError::TooLarge {
        limit_bytes: BUILD_BYTES,
    };
    let nfa = NFA::compiler()
        .configure(
            NFA::config()
                .utf8(false)
                .which_captures(WhichCaptures::None)
                .nfa_size_limit(Some(BUILD_BYTES)),
        )
        .build_many_from_hir(&hirs)
        .map_err(|_| too_large())?;
    let dfa = dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(regex_automata::dfa::StartKind::Anchored)
                .accelerate(false)
                .dfa_size_limit(Some(BUILD_BYTES))
                .determinize_size_limit(Some(BUILD_BYTES)),
        )
        .build_from_nfa(&nfa)
        .map_err(|_| too_large())?;
    let mut classes = [0u8; 256];
    let mut representatives: Vec<u8> = Vec::new();
    for byte in 0..=255u8 {
        let class = dfa.byte_classes().get(byte);
        classes[usize::from(byte)] = class;
        if usize::from(class) == representatives.len() {
            representatives.push(byte);
        }
    }
    let mut order = Order {
        rank: HashMap::with_hasher(ahash::RandomState::new()),
        states: Vec::new(),
    };
    let dead = order.rank(DEAD);
    let config = start::Config::new().anchored(Anchored::Yes);
    let start = dfa.start_state(&config).map_err(|_| too_large())?;
    let starts = if behind {
        representatives
            .iter()
            .map(|byte| order.rank(dfa.next_state(start, *byte)))
            .collect()
    } else {
        vec![order.rank(start)]
    };
    let mut next = Vec::new();
    let mut matched = Vec::new();
    while let Some(state) = order.states.get(matched.len()).copied() {
        for byte in &representatives {
            next.push(order.rank(dfa.next_state(state, *byte)));
        }
        next.push(order.rank(dfa.next_eoi_state(state)));
        let mut rules: Vec<u16> = Vec::new();
        if dfa.is_match_state(state) {
            let patterns =
                (0..dfa.match_len(state)).map(|i| dfa.match_pattern(state, i).as_usize());
            rules.extend(patterns.map(|pattern| family.patterns[pattern].rule));
            rules.sort_unstable();
        }
        matched.push(rules);
    }
    Ok(Raw {
        classes,
        stride: representatives.len() + 1,
        next,
        dead,
        matched,
        starts,
    })
}

/// States in the order in which they were first seen.
struct Order {
    rank: HashMap<StateID, u32, ahash::RandomState>,
    states: Vec<StateID>,
}

impl Order {
    fn rank(&mut self, state: StateID) -> u32 {
        *self.rank.entry(state).or_insert_with(|| {
            self.states.push(state);
            self.states.len() as u32 - 1
        })
    }
}

/// The coarsest classes that refine every family's, and one byte of each.
fn join_classes(raws: &[Raw]) -> ([u8; 256], Vec<u8>) {
    let mut seen: HashMap<Vec<u8>, u8> = HashMap::new();
    let mut representatives = Vec::new();
    let mut classes = [0u8; 256];
    for byte in 0..=255u8 {
        let own = raws.iter().map(|raw| raw.classes[usize::from(byte)]);
        let signature: Vec<u8> = own.chain([word_class(byte)]).collect();
        classes[usize::from(byte)] = *seen.entry(signature).or_insert_with(|| {
            representatives.push(byte);
            (representatives.len() - 1) as u8
        });
    }
    (classes, representatives)
}

/// Which states report, or lead to one that does.
fn useful(outputs: &[u32], edges: &[Edge]) -> Vec<bool> {
    let mut first = vec![0usize; outputs.len() + 1];
    for edge in edges {
        first[edge.head as usize + 1] += 1;
    }
    for state in 0..outputs.len() {
        first[state + 1] += first[state];
    }
    let mut fill = first.clone();
    let mut tails = vec![0u32; edges.len()];
    for edge in edges {
        tails[fill[edge.head as usize]] = edge.tail;
        fill[edge.head as usize] += 1;
    }
    let mut useful: Vec<bool> = outputs.iter().map(|output| *output != 0).collect();
    let mut stack: Vec<usize> = (0..outputs.len()).filter(|state| useful[*state]).collect();
    while let Some(state) = stack.pop() {
        for tail in &tails[first[state]..first[state + 1]] {
            if !useful[*tail as usize] {
                useful[*tail as usize] = true;
                stack.push(*tail as usize);
            }
        }
    }
    useful
}
