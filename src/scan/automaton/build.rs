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
use regex_syntax::hir::Hir;

use super::minimise::{Edge, minimise};
use super::table::{KINDS, Table, Weights};
use crate::scan::lint::RuleError;

/// Memory that determinising one family may take.
const BUILD_BYTES: usize = 512 << 20;
/// State ids are 16 bits.
const STATES: usize = 1 << 16;

/// Patterns that may start at the same places: the ungated ones, or those behind one gate.
pub(super) struct Family {
    /// Rule index and pattern.
    pub(super) patterns: Vec<(u16, Hir)>,
}

/// One family as a complete automaton over its own byte classes; the last class is the end of the text.
struct Raw {
    classes: [u8; 256],
    stride: usize,
    next: Vec<u32>,
    /// Per state: the rules that matched up to the byte before.
    matched: Vec<Vec<u16>>,
    starts: [u32; KINDS],
}

/// The table of all families.
///
/// # Errors
///
/// [`RuleError::TooMany`] or [`RuleError::TooLarge`].
pub(super) fn build(families: &[Family], weights: &[Weights]) -> Result<Table, RuleError> {
    let raws: Vec<Raw> = families.iter().map(determinise).collect::<Result<_, _>>()?;
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
                edges.push(Edge {
                    tail: (offset + state) as u32,
                    label: label as u16,
                    head: (*offset as u32) + raw.next[state * raw.stride + class],
                });
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
    let mut starts = vec![0u16; families.len() * KINDS];
    for (family, raw) in raws.iter().enumerate() {
        for (kind, start) in raw.starts.iter().enumerate() {
            let state = rank[offsets[family] + *start as usize];
            if let Some(block) = block_of.get(state as usize) {
                starts[family * KINDS + kind] = number[*block as usize] as u16;
            }
        }
    }
    let set_rules: Vec<Vec<u16>> = set_rules.into_iter().map(<[u16]>::to_vec).collect();
    Ok(Table::new(
        classes,
        labels,
        next,
        1 + silent,
        sets_of_loud,
        set_rules,
        &starts,
        weights,
    ))
}

/// The complete automaton of one family, breadth first from its start states.
fn determinise(family: &Family) -> Result<Raw, RuleError> {
    let hirs: Vec<&Hir> = family.patterns.iter().map(|(_, hir)| hir).collect();
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
    let mut starts = [0; KINDS];
    // In the order of `table::kind`: start of text, LF, CR, word byte, any other byte.
    let before = [None, Some(b'\n'), Some(b'\r'), Some(b'a'), Some(b' ')];
    for (start, look_behind) in starts.iter_mut().zip(before) {
        let config = start::Config::new()
            .anchored(Anchored::Yes)
            .look_behind(look_behind);
        let state = dfa.start_state(&config).map_err(|_| too_large())?;
        *start = order.rank(state);
    }
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
            rules.extend(patterns.map(|pattern| family.patterns[pattern].0));
            rules.sort_unstable();
        }
        matched.push(rules);
    }
    Ok(Raw {
        classes,
        stride: representatives.len() + 1,
        next,
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
        let signature: Vec<u8> = raws
            .iter()
            .map(|raw| raw.classes[usize::from(byte)])
            .collect();
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
