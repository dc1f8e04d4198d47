//! The calls of tools in one body: put together from their parts, judged when they are complete.

use std::sync::Arc;

use ahash::HashMap;
use sha2::{Digest, Sha256};

use crate::limits::CALLS;
use crate::opaque::Opaque;
use crate::policy::Mode;
use crate::session::body::charge;
use crate::session::judge::{Judge, Proposed, Ruling};
use crate::text::Direction;
use crate::wire::calls::{Arguments, CallPart, Extent, Note, Refused, Rest};
use crate::wire::splice::Splice;
use crate::wire::{Dialect, Document};

/// The calls that one body proposes, or makes.
#[derive(Debug)]
pub(super) struct Calls {
    direction: Direction,
    list: Vec<Call>,
    /// The call of a key that its parts go to.
    by_key: HashMap<String, usize>,
    /// Bytes of names, ids and arguments of the calls that are not judged yet.
    bytes: usize,
    refused: bool,
    /// Whether an event waits for its call: in shadow nothing does.
    holds: bool,
    /// Tools that were offered and may not be seen.
    withdrawn: Vec<Vec<u8>>,
}

/// One call.
#[derive(Debug)]
struct Call {
    key: String,
    id: Vec<u8>,
    name: Vec<u8>,
    /// JSON source, or a text where `is_text`; empty once the call is judged.
    arguments: Vec<u8>,
    is_text: bool,
    parts: u32,
    /// Of these, such that said something of the arguments.
    said: u32,
    state: State,
}

/// What became of a call.
#[derive(Debug)]
enum State {
    /// Parts of it may still come.
    Open,
    /// It may be made. What it is called with, in short, for what says it again.
    Allowed([u8; 32]),
    /// It may, with these arguments instead.
    Edited([u8; 32], String),
    /// It may not; what is said in its place.
    Refused([u8; 32], Arc<str>),
}

/// A part of a call in an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mention {
    /// The call.
    call: usize,
    /// Which of its parts.
    part: u32,
    /// Whether no part before it said anything of the arguments.
    is_first_said: bool,
}

impl Calls {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            list: Vec::new(),
            by_key: HashMap::default(),
            bytes: 0,
            refused: false,
            holds: true,
            withdrawn: Vec::new(),
        }
    }

    /// Takes in the tools that a document offers, and what it says of calls; a mention for each part, none for
    /// one of the past. `texts` is where the texts stand in it that are a call's.
    pub(super) fn read(
        &mut self,
        dialect: &dyn Dialect,
        document: &Document<'_>,
        texts: &[usize],
        judge: &mut Judge,
    ) -> Result<Vec<Option<Mention>>, Opaque> {
        self.holds = judge.policy().mode == Mode::Enforce;
        let mut offers = Vec::new();
        dialect.offers(document, &mut offers);
        judge.offers(self.direction, &offers, &mut self.withdrawn);
        let mut parts = Vec::new();
        dialect.calls(document, &mut parts);
        let mut mentions = Vec::with_capacity(parts.len());
        if !texts
            .iter()
            .all(|at| parts.iter().any(|part| part.place.contains(at)))
        {
            // Words of a call of which the dialect knows no call: it could not be held.
            return Err(Opaque::UnknownFormat);
        }
        for part in &parts {
            let call = match part.extent {
                Extent::Past => None,
                Extent::Whole => Some(self.whole(part, judge)?),
                Extent::First => {
                    self.end(&part.key, judge);
                    Some(self.begin(part, judge)?)
                }
                Extent::Some => Some(self.grow(part, judge)?),
                Extent::Again => Some(self.again(part, judge)?),
            };
            let says = !bytes_of(&part.arguments).is_empty();
            mentions.push(call.and_then(|index| {
                let call = self.list.get_mut(index)?;
                call.parts += 1;
                call.said += u32::from(says);
                Some(Mention {
                    call: index,
                    part: call.parts - 1,
                    is_first_said: says && call.said == 1,
                })
            }));
        }
        Ok(mentions)
    }

    fn begin(&mut self, part: &CallPart<'_>, judge: &Judge) -> Result<usize, Opaque> {
        if self.list.len() >= CALLS {
            return Err(Opaque::TooManyChannels);
        }
        let index = self.list.len();
        self.list.push(Call {
            key: part.key.clone(),
            id: Vec::new(),
            name: Vec::new(),
            arguments: Vec::new(),
            is_text: false,
            parts: 0,
            said: 0,
            state: State::Open,
        });
        self.by_key.insert(part.key.clone(), index);
        self.add(index, part, judge)?;
        Ok(index)
    }

    fn whole(&mut self, part: &CallPart<'_>, judge: &mut Judge) -> Result<usize, Opaque> {
        let index = self.begin(part, judge)?;
        self.decide(index, judge);
        Ok(index)
    }

    fn grow(&mut self, part: &CallPart<'_>, judge: &mut Judge) -> Result<usize, Opaque> {
        let says_nothing = part.name.is_empty() && part.arguments == Arguments::None;
        match self.by_key.get(&part.key).copied() {
            // What comes after its end is another call, if it is one.
            Some(index) if says_nothing || self.is_open(index) => {
                self.add(index, part, judge)?;
                Ok(index)
            }
            _ => self.begin(part, judge),
        }
    }

    /// All of a call that was said before, or says so: it is the same only if it says the same.
    fn again(&mut self, part: &CallPart<'_>, judge: &mut Judge) -> Result<usize, Opaque> {
        let Some(index) = self.by_key.get(&part.key).copied() else {
            return self.whole(part, judge);
        };
        if self.is_open(index) {
            let call = self.list.get_mut(index);
            if let Some(call) = call.filter(|call| call.arguments.is_empty()) {
                // Its deltas said nothing: this is what there is.
                let name_known = !call.name.is_empty();
                let part = CallPart {
                    name: if name_known {
                        Default::default()
                    } else {
                        part.name.clone()
                    },
                    id: Default::default(),
                    ..part.clone()
                };
                self.add(index, &part, judge)?;
            }
            self.decide(index, judge);
        }
        let said = |call: &Call| match &call.state {
            State::Allowed(digest) | State::Edited(digest, _) | State::Refused(digest, _) => {
                Some(*digest)
            }
            State::Open => None,
        };
        if self.list.get(index).and_then(said)
            == Some(digest(&part.name, bytes_of(&part.arguments)))
        {
            return Ok(index);
        }
        self.whole(part, judge)
    }

    fn is_open(&self, index: usize) -> bool {
        let call = self.list.get(index);
        call.is_some_and(|call| matches!(call.state, State::Open))
    }

    fn add(&mut self, index: usize, part: &CallPart<'_>, judge: &Judge) -> Result<(), Opaque> {
        let Some(call) = self.list.get_mut(index) else {
            return Ok(());
        };
        let arguments = bytes_of(&part.arguments);
        let more = part.id.len() + part.name.len() + arguments.len();
        charge(self.bytes, more, judge.policy().limits.max_held_bytes)?;
        self.bytes += more;
        call.id.extend_from_slice(&part.id);
        call.name.extend_from_slice(&part.name);
        call.arguments.extend_from_slice(arguments);
        call.is_text |= matches!(part.arguments, Arguments::Text(_));
        Ok(())
    }

    /// Ends the calls whose keys begin with `prefix`.
    pub(super) fn end(&mut self, prefix: &str, judge: &mut Judge) {
        for index in 0..self.list.len() {
            let is_meant = self
                .list
                .get(index)
                .is_some_and(|call| call.key.starts_with(prefix));
            if is_meant && self.is_open(index) {
                self.decide(index, judge);
            }
        }
    }

    fn decide(&mut self, index: usize, judge: &mut Judge) {
        let Some(call) = self.list.get_mut(index) else {
            return;
        };
        self.bytes -= call.id.len() + call.name.len() + call.arguments.len();
        let ruling = judge.proposes(&Proposed {
            direction: self.direction,
            key: &call.key,
            id: &call.id,
            name: &call.name,
            arguments: &call.arguments,
            is_text: call.is_text,
        });
        let digest = digest(&call.name, &call.arguments);
        call.state = match ruling {
            Ruling::Pass => State::Allowed(digest),
            Ruling::Edit(arguments) => {
                self.refused = true;
                State::Edited(digest, arguments)
            }
            Ruling::Refuse(note) => {
                self.refused = true;
                State::Refused(digest, note)
            }
        };
        call.arguments = Vec::new();
        call.id = Vec::new();
    }

    /// Whether these calls keep their event: some are not judged yet.
    pub(super) fn wait(&self, mentions: &[Option<Mention>]) -> bool {
        let mut mentions = mentions.iter().flatten();
        self.holds && mentions.any(|mention| self.is_open(mention.call))
    }

    /// Whether any call was refused or edited, or a tool withdrawn, so that what leaves may have to be written anew.
    pub(super) fn any_refused(&self) -> bool {
        self.refused || !self.withdrawn.is_empty()
    }

    /// Takes in a document that is the whole body, and appends the edits that take out of it what may not stay.
    pub(super) fn whole_document(
        &mut self,
        dialect: &dyn Dialect,
        document: &Document<'_>,
        texts: &[usize],
        judge: &mut Judge,
        out: &mut Vec<Splice>,
    ) -> Result<(), Opaque> {
        let mentions = self.read(dialect, document, texts, judge)?;
        self.end("", judge);
        if self.any_refused() {
            self.refuse(dialect, document, &mentions, out);
        }
        Ok(())
    }

    /// Takes what was refused out of a document with these mentions.
    pub(super) fn refuse(
        &self,
        dialect: &dyn Dialect,
        document: &Document<'_>,
        mentions: &[Option<Mention>],
        out: &mut Vec<Splice>,
    ) -> Rest {
        if !self.withdrawn.is_empty() {
            let is_withdrawn = |name: &[u8]| self.withdrawn.iter().any(|gone| gone == name);
            dialect.withdraw(document, &is_withdrawn, out);
        }
        let mut parts = Vec::new();
        dialect.calls(document, &mut parts);
        for (part, mention) in parts.iter().zip(mentions) {
            out.extend(mention.and_then(|mention| self.edit(document.bytes, part, mention)));
        }
        let mut notes: Vec<_> = mentions.iter().map(|mention| self.note(*mention)).collect();
        notes.resize(parts.len(), None);
        let refused = Refused {
            notes,
            before: &|key| self.before(key),
            all: &|prefix| self.all(prefix),
        };
        dialect.refuse_calls(document, &parts, &refused, out)
    }

    /// The new arguments of an edited call in the place of the old ones: whole where those were whole, and of
    /// deltas in the first.
    fn edit(&self, doc: &[u8], part: &CallPart<'_>, mention: Mention) -> Option<Splice> {
        let call = self.list.get(mention.call)?;
        let State::Edited(_, new) = &call.state else {
            return None;
        };
        let range = part.arguments_at.clone()?;
        let is_delta = matches!(part.extent, Extent::First | Extent::Some)
            && part.arguments != Arguments::None;
        let is_here = mention.is_first_said || call.said == 0 && mention.part == 0;
        let new = if is_delta && !is_here { "" } else { new };
        let is_string = doc.get(range.start) == Some(&b'"');
        let with = if is_string {
            serde_json::Value::from(new).to_string().into_bytes()
        } else {
            new.as_bytes().to_vec()
        };
        Some(Splice { range, with })
    }

    /// What is said in the place of this part.
    fn note(&self, mention: Option<Mention>) -> Option<Note<'_>> {
        let mention = mention?;
        let call = self.list.get(mention.call)?;
        let State::Refused(_, text) = &call.state else {
            return None;
        };
        // In the first part that is more than an opening, where there is one.
        let here = mention.part == call.parts.saturating_sub(1).min(1);
        Some(Note { text, here })
    }

    /// How many calls of the same list before this one are gone.
    fn before(&self, key: &str) -> u32 {
        let split = |key: &'_ str| {
            let (list, number) = key.strip_suffix(']')?.rsplit_once('[')?;
            Some((list.to_owned(), number.parse::<u32>().ok()?))
        };
        let Some((list, number)) = split(key) else {
            return 0;
        };
        let gone = self
            .list
            .iter()
            .filter(|call| matches!(call.state, State::Refused(..)));
        let earlier = gone.filter(|call| {
            split(&call.key).is_some_and(|(other, at)| other == list && at < number)
        });
        earlier.count() as u32
    }

    /// Whether calls with such keys were proposed, and all of them are gone.
    fn all(&self, prefix: &str) -> bool {
        let mut calls = self
            .list
            .iter()
            .filter(|call| call.key.starts_with(prefix))
            .peekable();
        calls.peek().is_some() && calls.all(|call| matches!(call.state, State::Refused(..)))
    }
}

/// The bytes of arguments, whatever they are.
pub(super) fn bytes_of<'a>(arguments: &'a Arguments<'_>) -> &'a [u8] {
    match arguments {
        Arguments::None => b"",
        Arguments::Source(source) | Arguments::Text(source) => source,
        Arguments::Json(json) => json,
    }
}

/// A call in short: the same for two only if they say the same.
fn digest(name: &[u8], arguments: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((name.len() as u64).to_le_bytes());
    hash.update(name);
    hash.update(arguments);
    hash.finalize().into()
}
