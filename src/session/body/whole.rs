//! A body that is one document: held to its end, judged, edited in place.

use ahash::HashMap;
use zeroize::Zeroize;

use crate::opaque::Opaque;
use crate::scan::Resolved;
use crate::session::body::calls::Calls;
use crate::session::body::charge;
use crate::session::body::conversation::conversation;
use crate::session::body::form::form;
use crate::session::channel::Channel;
use crate::session::judge::Judge;
use crate::text::{Direction, Role, Source};
use crate::wire::reader::{Piece, Place, Reader, Writing};
use crate::wire::splice::{Splice, splice};
use crate::wire::{Dialect, Format, Join, Progress};

/// The bytes that came so far.
#[derive(Debug)]
pub(in crate::session) struct Whole {
    format: Option<Format>,
    direction: Direction,
    held: Vec<u8>,
    /// What its dialect noted of it.
    noted: Progress,
    edited: bool,
    /// The content type of a form.
    form: Option<Vec<u8>>,
    /// It says that it is no text.
    says_binary: bool,
}

/// The `logprobs` tokens of one choice: one text over many leaves.
struct Tokens {
    channel: Channel,
    leaves: Vec<(u64, Place)>,
    covers: Vec<(std::ops::Range<u64>, String)>,
}

impl Whole {
    pub(super) fn new(format: Option<Format>, direction: Direction) -> Self {
        Self {
            format,
            direction,
            held: Vec::new(),
            noted: Progress::default(),
            edited: false,
            form: None,
            says_binary: false,
        }
    }

    /// It is a form: `multipart/form-data`, as its content type says.
    pub(super) fn of_form(mut self, content_type: &[u8]) -> Self {
        self.form = Some(content_type.to_vec());
        self
    }

    /// It says that it is no text; if it is JSON all the same, it is read.
    pub(super) fn of_bytes(mut self) -> Self {
        self.says_binary = true;
        self
    }

    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        end: bool,
        judge: &mut Judge,
        out: &mut Vec<u8>,
    ) -> Result<(), Opaque> {
        let limits = &judge.policy().limits;
        let limit = match self.direction {
            Direction::Request => limits.max_request_bytes,
            Direction::Response => limits.max_response_bytes,
        };
        let charged = charge(self.held.len(), chunk.len(), limit);
        // Also over the ceiling: should the policy let it pass, all of it must.
        self.held.extend_from_slice(chunk);
        charged?;
        judge.holds(self.held.len());
        if end {
            self.judge(judge, out)?;
        }
        Ok(())
    }

    /// What it was read as, and what its dialect noted of it. Of worth once it has ended.
    pub(in crate::session) fn noted(&self) -> (Option<Format>, &Progress) {
        (self.format, &self.noted)
    }

    /// Whether what left is not what came.
    pub(in crate::session) fn is_edited(&self) -> bool {
        self.edited
    }

    pub(super) fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn judge(&mut self, judge: &mut Judge, out: &mut Vec<u8>) -> Result<(), Opaque> {
        let mut splices = Vec::new();
        // White space alone is no document, and carries no text.
        if let Some(content_type) = &self.form {
            form(
                &self.held,
                content_type,
                self.direction,
                judge,
                &mut splices,
            )?;
        } else if !self.held.trim_ascii().is_empty() {
            let mut reader = Reader::default();
            if !matches!(self.format, Some(Format::Text)) {
                let read = reader.walk(&self.held, judge.policy().limits.max_depth);
                read.map_err(|why| {
                    if self.says_binary {
                        Opaque::Binary
                    } else {
                        why
                    }
                })?;
            }
            if self.format.is_none() {
                let document = reader.document(&self.held, b"", self.direction);
                self.format = Format::by_shape(&document);
            }
            match self.format {
                None => return Err(Opaque::UnknownFormat),
                Some(Format::Dialect(dialect)) => {
                    let read = reader.document(&self.held, b"", self.direction);
                    dialect.passes(&read, &mut self.noted);
                    let texts = document(
                        &self.held,
                        &mut reader,
                        dialect,
                        self.direction,
                        judge,
                        &mut splices,
                    );
                    if judge.judges_calls() {
                        if self.direction == Direction::Request {
                            conversation(&self.held, &mut reader, dialect, judge);
                        }
                        let read = reader.document(&self.held, b"", self.direction);
                        let mut calls = Calls::new(self.direction);
                        calls.whole_document(dialect, &read, &texts, judge, &mut splices)?;
                    }
                }
                Some(Format::Text) => {
                    let raw = 0..self.held.len();
                    let place = Place {
                        raw,
                        writing: Writing::Plain,
                    };
                    let role = text_role(self.direction);
                    let policy = judge.policy().clone();
                    let mut channel =
                        Channel::new(&policy, self.direction, role, Source::Plain, "text");
                    alone(
                        &self.held,
                        &self.held,
                        &place,
                        &mut channel,
                        judge,
                        &mut Resolved::default(),
                        &mut splices,
                    );
                }
            }
        }
        if judge.denied().is_some() {
            // Nothing of a denied document leaves, also where its headers have gone and only an ending is left.
            self.held.zeroize();
        } else if splices.is_empty() {
            out.append(&mut self.held);
        } else {
            splice(&self.held, &mut splices, out);
            self.held.zeroize();
            self.edited = true;
        }
        Ok(())
    }
}

/// A held body rests here for as long as a client takes to send it: what was in it does not outlive it.
impl Drop for Whole {
    fn drop(&mut self) {
        self.held.zeroize();
    }
}

/// Whose words a body of plain text is.
pub(super) fn text_role(direction: Direction) -> Role {
    match direction {
        Direction::Request => Role::User,
        Direction::Response => Role::Assistant,
    }
}

/// Judges every piece of `doc`, which `reader` has walked; appends the edits. Gives where the texts of an answer
/// stand that are a call's.
pub(super) fn document(
    doc: &[u8],
    reader: &mut Reader,
    dialect: &dyn Dialect,
    direction: Direction,
    judge: &mut Judge,
    splices: &mut Vec<Splice>,
) -> Vec<usize> {
    let policy = judge.policy().clone();
    let mut scratch = Resolved::default();
    let mut lone = None;
    let mut tokens: HashMap<String, Tokens> = HashMap::default();
    let mut order: Vec<String> = Vec::new();
    let mut signatures: Vec<(String, Place)> = Vec::new();
    let mut edited: Vec<String> = Vec::new();
    let mut calls = Vec::new();
    reader.pieces(doc, dialect, direction, b"", &mut |mut piece: Piece<'_>| {
        let class = piece.class;
        if class.role == Role::ToolCall && direction == Direction::Response {
            calls.push(piece.place.raw.start);
        }
        match class.join {
            Join::Signature => {
                signatures.push((piece.channel().to_owned(), piece.place.clone()));
            }
            Join::Tokens => {
                let entry = tokens.entry(piece.channel().to_owned()).or_insert_with(|| {
                    order.push(piece.channel().to_owned());
                    let channel = Channel::new(
                        &policy,
                        direction,
                        class.role,
                        class.source,
                        piece.channel(),
                    );
                    Tokens {
                        channel,
                        leaves: Vec::new(),
                        covers: Vec::new(),
                    }
                });
                entry
                    .leaves
                    .push((entry.channel.read(), piece.place.clone()));
                entry.channel.push(piece.text, judge, &mut scratch);
                entry.keep(&scratch);
                return;
            }
            Join::Alone | Join::Deltas | Join::Growing => {}
        }
        let before = splices.len();
        let (role, source) = (class.role, class.source);
        let channel = Channel::reused(&mut lone, &policy, direction, role, source, piece.channel());
        alone(
            doc,
            piece.text,
            &piece.place,
            channel,
            judge,
            &mut scratch,
            splices,
        );
        if splices.len() > before {
            edited.push(piece.channel().to_owned());
        }
        if direction == Direction::Request
            && role == Role::System
            && piece.place.writing == Writing::Quoted
            && piece.is_any(dialect.prompts())
            && let Some(mark) = judge.plant(piece.text)
        {
            let end = piece.text.len();
            let with = format!("\n{mark}");
            splices.push(piece.place.splice(doc, end..end, &with, false));
        }
    });
    for name in order {
        if let Some(mut tokens) = tokens.remove(&name) {
            tokens.channel.finish(judge, &mut scratch);
            tokens.keep(&scratch);
            tokens.splice(doc, reader, splices);
        }
    }
    for (name, place) in signatures {
        let prefix = name.strip_suffix("signature").unwrap_or_default();
        if edited
            .iter()
            .any(|edited| edited.starts_with(prefix) && *edited != name)
        {
            splices.push(Splice {
                range: place.raw,
                with: Vec::new(),
            });
        }
    }
    calls
}

/// Judges one text from beginning to end; appends its edits.
pub(super) fn alone(
    doc: &[u8],
    text: &[u8],
    place: &Place,
    channel: &mut Channel,
    judge: &mut Judge,
    scratch: &mut Resolved,
    splices: &mut Vec<Splice>,
) {
    for ending in [false, true] {
        if ending {
            channel.finish(judge, scratch);
        } else {
            channel.push(text, judge, scratch);
        }
        for cover in &scratch.covers {
            let with = channel.placeholder(cover);
            let span = cover.span.start as usize..cover.span.end as usize;
            splices.push(place.splice(doc, span, with.as_deref().unwrap_or_default(), cover.bare));
        }
    }
}

impl Tokens {
    fn keep(&mut self, resolved: &Resolved) {
        for cover in &resolved.covers {
            let with = self.channel.placeholder(cover);
            self.covers.push((
                cover.span.start..cover.span.end,
                with.as_deref().unwrap_or_default().to_owned(),
            ));
        }
    }

    /// Each token that a cover touches loses the covered bytes; the one where it begins gets the placeholder.
    fn splice(&self, doc: &[u8], reader: &Reader, splices: &mut Vec<Splice>) {
        let ends = self
            .leaves
            .iter()
            .skip(1)
            .map(|(start, _)| *start)
            .chain([self.channel.read()]);
        for ((start, place), end) in self.leaves.iter().zip(ends) {
            for (cover, with) in self
                .covers
                .iter()
                .filter(|(cover, _)| cover.start < end && *start < cover.end)
            {
                let is_head = *start <= cover.start;
                let span = (cover.start.max(*start) - start) as usize
                    ..(cover.end.min(end) - start) as usize;
                splices.push(place.splice(doc, span, if is_head { with } else { "" }, false));
                if let Some(leaf) = reader
                    .tree()
                    .leaves()
                    .iter()
                    .find(|leaf| leaf.text.range() == place.raw)
                {
                    reader.empty_companions(doc, leaf, splices);
                }
            }
        }
    }
}
