//! JSON Web Tokens.

use std::io::{self, Read};

use super::tally::sextet;

/// Containers of a header in one another. Real ones have two (`jwk`); JSON that is nested for ever would be
/// read to its end for each of the places in it where a token may begin.
const DEPTH: usize = 8;

/// A JSON Web Token: the first segment is base64url of a JSON object that names its algorithm
/// (RFC 7519, section 5; RFC 7515, section 4.1.1). Reads no further than to the first byte that is no JSON.
pub(super) fn jwt(bytes: &[u8]) -> bool {
    let header = bytes.split(|&byte| byte == b'.').next();
    let json = Header {
        base64: header.unwrap_or_default(),
        bits: 0,
        have: 0,
        depth: 0,
        in_string: false,
        escaped: false,
    };
    match serde_json::from_reader::<_, serde_json::Value>(json) {
        Ok(value) => value.get("alg").is_some_and(serde_json::Value::is_string),
        Err(_) => false,
    }
}

/// The JSON that base64 holds (RFC 4648, sections 4 and 5), byte by byte; it breaks off where the base64
/// does or where it is nested too deep.
struct Header<'a> {
    base64: &'a [u8],
    bits: u32,
    have: u32,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Header<'_> {
    fn next(&mut self) -> io::Result<Option<u8>> {
        loop {
            if self.have >= 8 {
                self.have -= 8;
                return Ok(Some((self.bits >> self.have) as u8));
            }
            let Some((&first, rest)) = self.base64.split_first() else {
                return Ok(None);
            };
            self.base64 = rest;
            if first == b'=' {
                self.base64 = &[];
                return Ok(None);
            }
            let value = sextet(first).ok_or(io::ErrorKind::InvalidData)?;
            self.bits = self.bits << 6 | u32::from(value);
            self.have += 6;
        }
    }

    fn note(&mut self, byte: u8) -> io::Result<()> {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return Ok(());
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > DEPTH {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }
}

impl Read for Header<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        for place in out {
            let Some(byte) = self.next()? else { break };
            self.note(byte)?;
            *place = byte;
            count += 1;
        }
        Ok(count)
    }
}
