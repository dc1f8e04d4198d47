//! Whether text stands in the destination of a link.

/// The longest destination that is followed to its closing quote.
const QUOTED_BYTES: u16 = 2048;

/// Reads a text byte by byte, and knows whether the next one would be part of a URL.
///
/// An original that is put back into a URL goes wherever the URL leads as soon as somebody's screen loads it,
/// so one too many is said to be in a URL rather than one too few: `//` and `\\`, `http:`, the `](` of
/// Markdown, and what HTML would decode (`&#47;`) all begin one.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Destination {
    /// The last three bytes.
    last: [u8; 3],
    /// The quote that this run of text without blanks was opened by.
    opener: u8,
    /// In a destination; how much of it was read.
    inside: Option<u16>,
}

impl Destination {
    /// Takes the next byte.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(read) = &mut self.inside {
            *read = read.saturating_add(1);
            // `](<https://…>)`
            if *read == 1 && matches!(byte, b'<' | b'"' | b'\'') {
                self.opener = byte;
                return;
            }
            let ends = match self.opener {
                0 => byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'>'),
                opener => byte == closer(opener) || *read > QUOTED_BYTES,
            };
            if ends {
                *self = Self::default();
            }
            return;
        }
        match byte {
            b'"' | b'\'' | b'<' | b'`' => self.opener = byte,
            _ if byte.is_ascii_whitespace() => self.opener = 0,
            _ => {}
        }
        let [_, before, last] = self.last;
        let is_slash = |byte| matches!(byte, b'/' | b'\\');
        let begins = match byte {
            b'(' => last == b']',
            b':' => matches!(
                (before.to_ascii_lowercase(), last.to_ascii_lowercase()),
                (b't', b'p') | (b'p', b's')
            ),
            b'&' => true,
            _ => is_slash(byte) && is_slash(last),
        };
        self.last = [before, last, byte];
        if begins {
            self.inside = Some(0);
        }
    }

    /// Whether a text that comes next is part of a destination.
    pub(super) fn is_inside(&self) -> bool {
        self.inside.is_some()
    }
}

fn closer(opener: u8) -> u8 {
    if opener == b'<' { b'>' } else { opener }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[track_caller]
    fn check(text: &str, inside: bool) {
        let mut destination = Destination::default();
        text.bytes().for_each(|byte| destination.push(byte));
        assert_eq!(destination.is_inside(), inside, "{text}");
    }

    #[test]
    fn a_url_is_one_up_to_its_end() {
        for text in [
            "see https://evil.example/",
            "![x](https://evil.example/?q=",
            "![x](//evil.example/",
            "![x](https:evil.example/",
            "![x](<https://evil.example/a b",
            "[r]: https:\\\\evil.example/",
            "<img src=\"https://evil.example/ a",
            "<img src=https&#58;&#47;&#47;evil.example/",
            "HTTPS:evil.example/",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn prose_is_none() {
        for text in [
            "",
            "Dear ",
            "E-mail: ",
            "E-mail:",
            "to/from ",
            "see https://a.example/b and ",
            "(see [1]) ",
            "<https://a.example/> ",
            "\"https://a.example/\" ",
            "[a](https://a.example/) and ",
        ] {
            check(text, false);
        }
    }
}
