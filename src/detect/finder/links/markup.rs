//! Links as Markdown and HTML write them.

use std::ops::Range;

/// The longest text of a link.
const TEXT_BYTES: usize = 512;
/// The longest destination or tag. Beyond it nothing renders, or nobody reads it: it is no link.
const LINK_BYTES: usize = 4096;

/// What stands at a place of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum At {
    /// No link begins here.
    Nothing,
    /// Perhaps one: more of the text must come.
    More,
    /// A link.
    Link(Link),
}

/// A link in the bytes that were looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) form: Form,
    /// Where it leads; an HTML tag may have several.
    pub(super) destinations: Vec<Range<usize>>,
    /// What goes before its text, and what after; its text between them stays.
    pub(super) before: usize,
    pub(super) after: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// It is fetched as soon as it is shown.
    Image,
    /// A person follows it; it has a text of its own.
    Link,
    /// Its text is its destination.
    Url,
}

/// Whether a link may begin with this byte.
pub(super) fn may_begin(byte: u8) -> bool {
    matches!(byte, b'!' | b'[' | b'<' | b'h' | b'H' | b'w' | b'W')
}

/// What stands at the beginning of `text`, after the byte `before`; `over`: no more comes.
pub(super) fn at(text: &[u8], before: u8, over: bool) -> At {
    let found = match text {
        [b'!', b'[', ..] => bracket(text, 1, over),
        [b'!'] => None,
        [b'[', ..] => bracket(text, 0, over),
        [b'<', ..] => tag(text),
        [b'h' | b'H' | b'w' | b'W', ..] if !before.is_ascii_alphanumeric() => bare(text, over),
        _ => Some(At::Nothing),
    };
    match found {
        Some(at) => at,
        None if over => At::Nothing,
        None => At::More,
    }
}

/// `[text](destination "title")`, `[id]: destination`; `None` where the text ends too soon.
fn bracket(text: &[u8], open: usize, over: bool) -> Option<At> {
    let closing = match closing(text, open, b'[', b']', TEXT_BYTES)? {
        Some(closing) => closing,
        None => return Some(At::Nothing),
    };
    let form = if open == 1 { Form::Image } else { Form::Link };
    match (text.get(closing + 1)?, form) {
        (b'(', _) => {}
        (b':', Form::Link) => return definition(text, closing + 2, over),
        _ => return Some(At::Nothing),
    }
    let end = match closing_paren(text, closing + 1)? {
        Some(end) => end,
        None => return Some(At::Nothing),
    };
    let inner = closing + 2..end;
    Some(At::Link(Link {
        form,
        destinations: vec![destination(text, inner)],
        before: open + 1,
        after: closing..end + 1,
    }))
}

fn definition(text: &[u8], from: usize, over: bool) -> Option<At> {
    let blanks = text
        .iter()
        .skip(from)
        .take_while(|byte| byte.is_ascii_whitespace());
    let start = from + blanks.count();
    let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
    let end = rest.iter().position(u8::is_ascii_whitespace);
    if end.is_none() && !over && rest.len() < LINK_BYTES {
        return None;
    }
    let end = start + end.unwrap_or(rest.len());
    Some(At::Link(url(destination(text, start..end), end)))
}

/// `<https://…>`, `<img src=…>`, `<a href=…>`.
fn tag(text: &[u8]) -> Option<At> {
    let first = text.get(1)?;
    if !first.is_ascii_alphabetic() && *first != b'/' {
        return Some(At::Nothing);
    }
    let mut quote = 0;
    let end = text.iter().take(LINK_BYTES).position(|byte| {
        match (*byte, quote) {
            (b'"' | b'\'', 0) => quote = *byte,
            (byte, open) if byte == open => quote = 0,
            _ => {}
        }
        *byte == b'>' && quote == 0
    });
    let Some(end) = end else {
        return (text.len() >= LINK_BYTES).then_some(At::Nothing);
    };
    let inner = text.get(1..end).unwrap_or_default();
    let is_url = inner.iter().take(12).any(|byte| *byte == b':') && !inner.contains(&b' ');
    if is_url {
        return Some(At::Link(url(1..end, end + 1)));
    }
    let name = inner
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let name = inner.get(..name).unwrap_or_default().to_ascii_lowercase();
    let destinations = attributes(text, 1 + name.len()..end);
    if destinations.is_empty() {
        return Some(At::Nothing);
    }
    let follows = matches!(name.as_slice(), b"a" | b"area" | b"form" | b"button");
    Some(At::Link(Link {
        form: if follows { Form::Link } else { Form::Image },
        destinations,
        before: end + 1,
        after: end + 1..end + 1,
    }))
}

/// The values of attributes that lead somewhere.
fn attributes(text: &[u8], within: Range<usize>) -> Vec<Range<usize>> {
    const LEAD: [&[u8]; 9] = [
        b"src",
        b"href",
        b"srcset",
        b"poster",
        b"data",
        b"action",
        b"formaction",
        b"background",
        b"style",
    ];
    let mut found = Vec::new();
    let mut at = within.start;
    let byte = |at: usize| text.get(at).copied().filter(|_| at < within.end);
    while let Some(first) = byte(at) {
        if !first.is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let start = at;
        while byte(at)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':'))
        {
            at += 1;
        }
        let name = text.get(start..at).unwrap_or_default().to_ascii_lowercase();
        let name = name.strip_prefix(b"xlink:").unwrap_or(&name);
        while byte(at).is_some_and(|byte| byte.is_ascii_whitespace()) {
            at += 1;
        }
        if byte(at) != Some(b'=') {
            continue;
        }
        at += 1;
        while byte(at).is_some_and(|byte| byte.is_ascii_whitespace()) {
            at += 1;
        }
        let quote = byte(at).filter(|byte| matches!(byte, b'"' | b'\''));
        at += usize::from(quote.is_some());
        let start = at;
        while byte(at).is_some_and(|byte| match quote {
            Some(quote) => byte != quote,
            None => !byte.is_ascii_whitespace(),
        }) {
            at += 1;
        }
        if LEAD.contains(&name) {
            found.push(start..at);
        }
        at += usize::from(quote.is_some());
    }
    found
}

/// `https://…` and `www.…` as they stand.
fn bare(text: &[u8], over: bool) -> Option<At> {
    const BEGINNINGS: [&[u8]; 5] = [
        b"https://",
        b"http://",
        b"https:\\\\",
        b"http:\\\\",
        b"www.",
    ];
    let head = |beginning: &&&[u8]| {
        let length = beginning.len().min(text.len());
        let (head, wanted) = (text.get(..length), beginning.get(..length));
        head.zip(wanted)
            .is_some_and(|(head, wanted)| head.eq_ignore_ascii_case(wanted))
    };
    let beginning = BEGINNINGS.iter().find(head);
    let Some(beginning) = beginning else {
        return Some(At::Nothing);
    };
    if text.len() < beginning.len() {
        return None;
    }
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b'"' | b'`' | b'|');
    let end = text.iter().take(LINK_BYTES).position(ends);
    if end.is_none() && !over && text.len() < LINK_BYTES {
        return None;
    }
    let mut end = end.unwrap_or(text.len().min(LINK_BYTES));
    while end > beginning.len()
        && text.get(end - 1).is_some_and(|byte| {
            matches!(
                byte,
                b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']' | b'\'' | b'*' | b'_' | b'~'
            )
        })
    {
        end -= 1;
    }
    Some(At::Link(url(0..end, end)))
}

fn url(destination: Range<usize>, end: usize) -> Link {
    Link {
        form: Form::Url,
        destinations: vec![destination],
        before: end,
        after: end..end,
    }
}

/// The destination in `inner`, without its angle brackets and its title.
fn destination(text: &[u8], inner: Range<usize>) -> Range<usize> {
    let raw = text.get(inner.clone()).unwrap_or_default();
    let blanks = raw
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    let rest = raw.get(blanks..).unwrap_or_default();
    let start = inner.start + blanks;
    match rest {
        [b'<', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b'>');
            start + 1..start + 1 + end.unwrap_or(rest.len())
        }
        _ => {
            let end = rest.iter().position(u8::is_ascii_whitespace);
            start..start + end.unwrap_or(rest.len())
        }
    }
}

/// Where the bracket at `open` closes; `Some(None)` if it never does, `None` while that is open.
fn closing(text: &[u8], open: usize, up: u8, down: u8, limit: usize) -> Option<Option<usize>> {
    let mut depth = 0_u32;
    let mut escaped = false;
    let mut before = 0;
    for (at, byte) in text.iter().enumerate().skip(open) {
        if at - open > limit || (*byte == b'\n' && before == b'\n') {
            return Some(None);
        }
        before = *byte;
        if std::mem::take(&mut escaped) {
            continue;
        }
        if *byte == b'\\' {
            escaped = true;
        } else if *byte == up {
            depth += 1;
        } else if *byte == down {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(Some(at));
            }
        }
    }
    None
}

/// Where the destination that opens at `open` closes. In `<…>` a parenthesis is none.
fn closing_paren(text: &[u8], open: usize) -> Option<Option<usize>> {
    let blanks = text
        .iter()
        .skip(open + 1)
        .take_while(|byte| byte.is_ascii_whitespace());
    let first = open + 1 + blanks.count();
    if *text.get(first)? != b'<' {
        return closing(text, open, b'(', b')', LINK_BYTES);
    }
    let rest = text.get(first..).unwrap_or_default();
    let Some(end) = rest
        .iter()
        .take(LINK_BYTES)
        .position(|byte| matches!(byte, b'>' | b'\n'))
    else {
        return (rest.len() >= LINK_BYTES).then_some(None);
    };
    let rest = rest.get(end..).unwrap_or_default();
    match rest.iter().take(LINK_BYTES).position(|byte| *byte == b')') {
        Some(close) => Some(Some(first + end + close)),
        None => (rest.len() >= LINK_BYTES).then_some(None),
    }
}
