//! Binary frames as AWS writes them: `application/vnd.amazon.eventstream`.
//!
//! A frame is: total length, header length, CRC-32 of those eight bytes, headers, payload, CRC-32 of all
//! before it; integers are big-endian. Source: Amazon Transcribe developer guide, "Event stream encoding",
//! and the Smithy specification `vnd.amazon.eventstream`. A frame that does not add up is unreadable.

use std::ops::Range;

use super::Parts;
use crate::opaque::Opaque;
use crate::wire::splice::{Splice, splice};

/// Bytes before the headers.
const PRELUDE: usize = 12;
/// Bytes after the payload.
const CHECKSUM: usize = 4;
/// The type of a header value that is a string.
const STRING: u8 = 7;
/// Headers that a frame may have; a value of another could not be judged.
const KNOWN: [&[u8]; 6] = [
    b":message-type",
    b":event-type",
    b":exception-type",
    b":content-type",
    b":error-code",
    b":error-message",
];

/// The length of the frame at the head of `waiting`, once all of it has come and its checksums fit.
pub(super) fn next(waiting: &[u8], max_bytes: usize) -> Result<Option<usize>, Opaque> {
    let Some(prelude) = waiting.first_chunk::<PRELUDE>() else {
        return Ok(None);
    };
    let (total, headers) = lengths(prelude)?;
    if total > max_bytes {
        return Err(Opaque::TooLarge);
    }
    let Some(frame) = waiting.get(..total) else {
        return Ok(None);
    };
    let (body, checksum) = frame
        .split_last_chunk::<CHECKSUM>()
        .ok_or(Opaque::InvalidFraming)?;
    if crc32fast::hash(body) != u32::from_be_bytes(*checksum)
        || PRELUDE + headers + CHECKSUM > total
    {
        return Err(Opaque::InvalidFraming);
    }
    Ok(Some(total))
}

/// Total length and length of the headers, as the prelude says, its own checksum seen to.
fn lengths(prelude: &[u8; PRELUDE]) -> Result<(usize, usize), Opaque> {
    let [a, b, c, d, e, f, g, h, checksum @ ..] = *prelude;
    let lengths = [a, b, c, d, e, f, g, h];
    if crc32fast::hash(&lengths) != u32::from_be_bytes(checksum) {
        return Err(Opaque::InvalidFraming);
    }
    let total = u32::from_be_bytes([a, b, c, d]) as usize;
    let headers = u32::from_be_bytes([e, f, g, h]) as usize;
    Ok((total, headers))
}

/// One header: where its two bytes of length stand, and its value.
struct Header<'a> {
    name: &'a [u8],
    value: Range<usize>,
}

/// The headers of `frame`, which [`next`] has passed.
fn headers(frame: &[u8]) -> Result<(Vec<Header<'_>>, usize), Opaque> {
    let prelude = frame
        .first_chunk::<PRELUDE>()
        .ok_or(Opaque::InvalidFraming)?;
    let end = PRELUDE + lengths(prelude)?.1;
    let mut found = Vec::with_capacity(3);
    let mut at = PRELUDE;
    while at < end {
        let header = (|| {
            let name_length = usize::from(*frame.get(at)?);
            let name = frame.get(at + 1..at + 1 + name_length)?;
            let after = at + 1 + name_length;
            let [kind, high, low] = *frame.get(after..)?.first_chunk()?;
            let value = after + 3..after + 3 + usize::from(u16::from_be_bytes([high, low]));
            (kind == STRING && value.end <= end && KNOWN.contains(&name))
                .then_some(Header { name, value })
        })()
        .ok_or(Opaque::InvalidFraming)?;
        at = header.value.end;
        found.push(header);
    }
    Ok((found, end))
}

/// Finds the parts of a frame.
pub(super) fn parts(frame: &[u8], parts: &mut Parts) -> Result<(), Opaque> {
    let (headers, end) = headers(frame)?;
    for header in headers {
        if matches!(header.name, b":event-type" | b":exception-type") {
            parts.name = header.value.clone();
        }
        parts.others.push(header.value);
    }
    let payload = end..frame.len().saturating_sub(CHECKSUM);
    if !payload.is_empty() {
        parts.data.push(payload);
    }
    Ok(())
}

/// Headers and payload: lengths and checksums are not of the shape.
pub(super) fn shape(frame: &[u8]) -> Range<usize> {
    PRELUDE..frame.len().saturating_sub(CHECKSUM).max(PRELUDE)
}

/// Appends the frame with its splices.
pub(super) fn edit(frame: &[u8], splices: &mut [Splice], out: &mut Vec<u8>) {
    let Ok((found, end)) = headers(frame) else {
        // It was read before it was edited, so this cannot be; nothing of it leaves.
        return;
    };
    let mut written = Vec::new();
    for header in found {
        let name_start = header.value.start - 4 - header.name.len();
        written.extend_from_slice(
            frame
                .get(name_start..header.value.start - 2)
                .unwrap_or_default(),
        );
        let mut value = Vec::new();
        spliced(frame, header.value, splices, &mut value);
        value.truncate(usize::from(u16::MAX));
        written.extend_from_slice(&(value.len() as u16).to_be_bytes());
        written.append(&mut value);
    }
    let mut payload = Vec::new();
    let range = end..frame.len().saturating_sub(CHECKSUM);
    spliced(frame, range, splices, &mut payload);
    assemble(&written, &payload, out);
}

/// Appends `range` of `frame` with the splices that lie in it.
fn spliced(frame: &[u8], range: Range<usize>, splices: &[Splice], out: &mut Vec<u8>) {
    let mut inside: Vec<Splice> = splices
        .iter()
        .filter(|splice| range.start <= splice.range.start && splice.range.end <= range.end)
        .map(|splice| Splice {
            range: splice.range.start - range.start..splice.range.end - range.start,
            with: splice.with.clone(),
        })
        .collect();
    splice(frame.get(range).unwrap_or_default(), &mut inside, out);
}

/// Appends an event frame with a JSON payload.
pub fn write(event: &str, payload: &[u8], out: &mut Vec<u8>) {
    let mut headers = Vec::new();
    for (name, value) in [
        (":event-type", event),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ] {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(STRING);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    assemble(&headers, payload, out);
}

fn assemble(headers: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let total = PRELUDE + headers.len() + payload.len() + CHECKSUM;
    out.extend_from_slice(&(total as u32).to_be_bytes());
    out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    let prelude = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&prelude.to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    let message = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&message.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::{edit, next, parts, write};
    use crate::opaque::Opaque;
    use crate::wire::framing::Parts;
    use crate::wire::splice::Splice;

    fn frame(event: &str, payload: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write(event, payload.as_bytes(), &mut out);
        out
    }

    #[test]
    fn an_empty_frame_has_the_checksums_of_the_specification() {
        // The Smithy specification's smallest message: no headers, no payload.
        let mut out = Vec::new();
        super::assemble(b"", b"", &mut out);
        assert_eq!(
            out,
            [
                0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff
            ]
        );
    }

    #[test]
    fn a_frame_is_found_and_taken_apart() {
        let frame = frame("contentBlockDelta", "{\"delta\":{\"text\":\"Hi\"}}");
        for cut in 0..frame.len() {
            assert_eq!(next(frame.get(..cut).expect("in it"), 1 << 20), Ok(None));
        }
        assert_eq!(next(&frame, 1 << 20), Ok(Some(frame.len())));
        assert_eq!(next(&frame, 20), Err(Opaque::TooLarge));
        let mut found = Parts::default();
        parts(&frame, &mut found).expect("a whole frame");
        assert_eq!(frame.get(found.name), Some(b"contentBlockDelta".as_slice()));
        let data = found.data.first().cloned().expect("a payload");
        assert_eq!(
            frame.get(data),
            Some(b"{\"delta\":{\"text\":\"Hi\"}}".as_slice())
        );
        assert_eq!(found.others.len(), 3);
    }

    #[test]
    fn any_flipped_bit_is_seen() {
        let frame = frame("chunk", "{}");
        for at in 0..frame.len() {
            let mut broken = frame.clone();
            broken.get_mut(at).map(|byte| *byte ^= 1).expect("in it");
            assert_ne!(next(&broken, 1 << 20), Ok(Some(frame.len())), "byte {at}");
        }
    }

    #[test]
    fn an_edited_frame_adds_up_again() {
        let whole = frame("chunk", "{\"text\":\"secret\"}");
        let mut found = Parts::default();
        parts(&whole, &mut found).expect("a whole frame");
        let data = found.data.first().cloned().expect("a payload");
        let splice = |range: std::ops::Range<usize>, with: &str| Splice {
            range,
            with: with.as_bytes().to_vec(),
        };
        let mut splices = [
            splice(data.start + 9..data.start + 15, "[GONE]!"),
            splice(found.name.clone(), "part"),
        ];
        let mut out = Vec::new();
        edit(&whole, &mut splices, &mut out);
        assert_eq!(out, frame("part", "{\"text\":\"[GONE]!\"}"));
    }
}
