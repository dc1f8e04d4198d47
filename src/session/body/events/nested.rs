//! A document that stands inside an event in base64: `InvokeModelWithResponseStream` of AWS Bedrock wraps
//! the events of the model's own API so.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize;

use super::{Events, Layer, data, lone};
use crate::opaque::Opaque;
use crate::session::judge::Judge;
use crate::text::{Role, Source};
use crate::wire::framing::Parts;
use crate::wire::reader::Piece;
use crate::wire::splice::{Splice, splice};

/// A document and where its base64 stands in the event.
#[derive(Debug, Default)]
pub(super) struct Nested {
    pub(super) document: Vec<u8>,
    base64: Range<usize>,
}

/// What waits held a secret, or might have.
impl Drop for Nested {
    fn drop(&mut self) {
        self.document.zeroize();
    }
}

impl Nested {
    /// The splice of the event that puts the edited document in its place.
    pub(super) fn edit(&self, splices: &mut [Splice]) -> Splice {
        let mut edited = Vec::new();
        splice(&self.document, splices, &mut edited);
        Splice {
            range: self.base64.clone(),
            with: STANDARD.encode(edited).into_bytes(),
        }
    }
}

impl Events {
    /// Reads an event whose member `member` holds the document proper.
    pub(super) fn nested(
        &mut self,
        event: &[u8],
        member: &[u8],
        judge: &mut Judge,
    ) -> Result<(), Opaque> {
        let mut parts = Parts::default();
        self.framing.parts(event, false, &mut parts)?;
        for range in &parts.others {
            self.field(event, range.clone(), judge);
        }
        let name = event.get(parts.name.clone()).unwrap_or_default();
        let outer = data::joined(event, &parts.data);
        if outer.trim_ascii().is_empty() {
            return Ok(());
        }
        self.reader.walk(&outer, judge.policy().limits.max_depth)?;
        let found = self.outer(&outer, name, member, &parts.data, judge)?;
        let Some(nested) = found else {
            // An exception, or an event that wraps nothing.
            let data = Some(parts.data.as_slice());
            return self.document(&outer, name, data, judge).map(|_| ());
        };
        let result = self.inner(&nested.document, judge);
        // Also where it could not be read to its end: what was found so far is cut out all the same.
        self.queue.nest(nested);
        result
    }

    fn inner(&mut self, document: &[u8], judge: &mut Judge) -> Result<(), Opaque> {
        if self.is_known(document, 0..document.len()) {
            self.fill(document, Layer::Nested, judge);
            return Ok(());
        }
        let changes = self.read.changes();
        let repeats = self.document(document, b"", None, judge)?;
        let is_steady = repeats && self.read.changes() == changes;
        if is_steady && self.queue.is_last_unedited(&self.holes) {
            self.templates.keep(document, 0, &self.holes);
        }
        Ok(())
    }

    /// Judges what stands beside the wrapped document, each text for itself, and decodes the document.
    fn outer(
        &mut self,
        outer: &[u8],
        name: &[u8],
        member: &[u8],
        data: &[Range<usize>],
        judge: &mut Judge,
    ) -> Result<Option<Nested>, Opaque> {
        let mut found = None;
        let mut is_invalid = false;
        let (queue, scratch, lone) = (&mut self.queue, &mut self.scratch, &mut self.lone);
        let document = self.reader.document(outer, name, self.direction);
        let wraps = |root| document.tree.text_of(outer, root, member).is_some();
        if document.root().is_none_or(|root| !wraps(root)) {
            return Ok(None);
        }
        let direction = self.direction;
        let mut each = |mut piece: Piece<'_>| {
            let place = data::place_in_event(&piece.place, data);
            if piece.is_member(member) {
                match STANDARD.decode(piece.text) {
                    // Two of them: readers disagree on which counts.
                    Ok(document) if found.is_none() => {
                        found = Some(Nested {
                            document,
                            base64: place.raw,
                        });
                    }
                    _ => is_invalid = true,
                }
                return;
            }
            if judge.denied().is_some() || lone.is_known(Role::Other, Source::Plain, piece.text) {
                return;
            }
            let bytes = piece.text;
            let text = lone::Text {
                name: piece.channel(),
                role: Role::Other,
                source: Source::Plain,
                text: bytes,
                place,
                layer: Layer::Event,
                grows: false,
            };
            lone.judge(text, direction, queue, judge, scratch);
        };
        self.reader
            .pieces(outer, self.dialect, direction, name, &mut each);
        if is_invalid {
            return Err(Opaque::InvalidFraming);
        }
        Ok(found)
    }
}
