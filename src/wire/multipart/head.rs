//! The head of one part, and the parameters of a header's value.

use std::ops::Range;

use crate::opaque::Opaque;

/// What the head of a part says.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) name: Vec<u8>,
    pub(super) filenames: Vec<Range<usize>>,
    /// Lower-case, behind the last dot of the file's name.
    pub(super) extension: Vec<u8>,
    /// Lower-case; empty where none is given.
    pub(super) media: Vec<u8>,
    /// Where its content begins.
    pub(super) end: usize,
}

impl Head {
    /// Reads the head that `part` begins with; `at` is where `part` stands in the body.
    pub(super) fn read(part: &[u8], at: usize) -> Result<Self, Opaque> {
        let mut head = Self::default();
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let mut start = 0;
        loop {
            let rest = part.get(start..).unwrap_or_default();
            let length = memchr::memmem::find(rest, b"\r\n").ok_or(Opaque::InvalidFraming)?;
            let line = rest.get(..length).unwrap_or_default();
            if line.is_empty() {
                head.end = at + start + 2;
                break;
            }
            // A bare CR or LF ends a line for some readers; a line that begins with a blank goes on the last.
            if line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
                || matches!(line.first(), Some(b' ' | b'\t'))
            {
                return Err(Opaque::InvalidFraming);
            }
            let colon = memchr::memchr(b':', line).ok_or(Opaque::InvalidFraming)?;
            let (name, value) = line.split_at_checked(colon).ok_or(Opaque::InvalidFraming)?;
            let name = name.to_ascii_lowercase();
            let value = value.get(1..).unwrap_or_default();
            if seen.contains(&name) {
                return Err(Opaque::InvalidFraming);
            }
            head.field(&name, value, at + start + colon + 1)?;
            seen.push(name);
            start += length + 2;
        }
        if seen.iter().any(|name| name == b"content-disposition") {
            Ok(head)
        } else {
            Err(Opaque::InvalidFraming)
        }
    }

    /// `at` is where `value` stands in the body.
    fn field(&mut self, name: &[u8], value: &[u8], at: usize) -> Result<(), Opaque> {
        match name {
            b"content-disposition" => self.disposition(value, at),
            b"content-type" => {
                let mut read = Value::new(value);
                self.media = read.word().to_ascii_lowercase();
                while let Some((name, range)) = read.parameter()? {
                    let given = value.get(range).unwrap_or_default().to_ascii_lowercase();
                    if name == b"charset"
                        && !matches!(
                            given.as_slice(),
                            b"utf-8" | b"utf8" | b"us-ascii" | b"ascii"
                        )
                    {
                        return Err(Opaque::InvalidEncoding);
                    }
                }
                Ok(())
            }
            b"content-transfer-encoding" => {
                match value.trim_ascii().to_ascii_lowercase().as_slice() {
                    b"7bit" | b"8bit" | b"binary" => Ok(()),
                    _ => Err(Opaque::UnsupportedCoding),
                }
            }
            b"content-encoding" => Err(Opaque::UnsupportedCoding),
            b"content-length" if value.trim_ascii().iter().all(u8::is_ascii_digit) => Ok(()),
            _ => Err(Opaque::InvalidFraming),
        }
    }

    fn disposition(&mut self, value: &[u8], at: usize) -> Result<(), Opaque> {
        let mut read = Value::new(value);
        if !read.word().eq_ignore_ascii_case(b"form-data") {
            return Err(Opaque::InvalidFraming);
        }
        let mut seen: Vec<Vec<u8>> = Vec::new();
        while let Some((name, range)) = read.parameter()? {
            let given = value.get(range.clone()).unwrap_or_default();
            match name.as_slice() {
                b"name" => self.name = given.to_vec(),
                b"filename" | b"filename*" => {
                    if let Some(dot) = memchr::memrchr(b'.', given) {
                        let extension = given.get(dot + 1..).unwrap_or_default();
                        self.extension = extension.to_ascii_lowercase();
                    }
                    self.filenames.push(at + range.start..at + range.end);
                }
                _ => return Err(Opaque::InvalidFraming),
            }
            if seen.contains(&name) {
                return Err(Opaque::InvalidFraming);
            }
            seen.push(name);
        }
        if seen.iter().any(|name| name == b"name") {
            Ok(())
        } else {
            Err(Opaque::InvalidFraming)
        }
    }
}

/// A parameter's name in lower case, and where its value stands.
type Parameter = (Vec<u8>, Range<usize>);

/// A header's value: a word, and parameters behind it.
pub(super) struct Value<'a> {
    value: &'a [u8],
    at: usize,
}

impl<'a> Value<'a> {
    pub(super) fn new(value: &'a [u8]) -> Self {
        Self { value, at: 0 }
    }

    /// Up to the first `;`.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default().trim_ascii()
    }

    /// The next parameter, its value without quotes. A value with an escape in its quotes is refused: readers disagree about what it says.
    pub(super) fn parameter(&mut self) -> Result<Option<Parameter>, Opaque> {
        self.blanks();
        if self.rest().is_empty() {
            return Ok(None);
        }
        self.one(b';')?;
        self.blanks();
        if self.rest().is_empty() {
            return Ok(None);
        }
        let name = self.run(|byte| !b"=; \t\"".contains(&byte));
        self.one(b'=')?;
        let value = if self.rest().first() == Some(&b'"') {
            self.one(b'"')?;
            let value = self.run(|byte| !b"\"\\".contains(&byte));
            self.one(b'"')?;
            value
        } else {
            self.run(|byte| !b"; \t\"".contains(&byte))
        };
        let name = self
            .value
            .get(name)
            .unwrap_or_default()
            .to_ascii_lowercase();
        if name.is_empty() {
            return Err(Opaque::InvalidFraming);
        }
        Ok(Some((name, value)))
    }

    fn rest(&self) -> &'a [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.run(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn one(&mut self, byte: u8) -> Result<(), Opaque> {
        if self.rest().first() != Some(&byte) {
            return Err(Opaque::InvalidFraming);
        }
        self.at += 1;
        Ok(())
    }

    fn run(&mut self, is: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        self.at += self.rest().iter().take_while(|byte| is(**byte)).count();
        start..self.at
    }
}
