//! The decoders of the views: text in, text out.

/// The number that the digits say; 0 where they are none.
pub(super) fn number(digits: &str, radix: u32) -> u32 {
    u32::from_str_radix(digits, radix).unwrap_or_default()
}

/// `%41` is `A`.
pub(super) fn percent(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.extend(before.bytes());
        match after
            .get(..2)
            .filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            Some(two) => {
                out.push(number(two, 16) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(b'%');
                rest = after;
            }
        }
    }
    out.extend(rest.bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// `&#65;` and `&amp;` are what a browser shows.
pub(super) fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() < 8);
        match entity.and_then(|(name, rest)| Some((named(name)?, rest))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn named(name: &str) -> Option<char> {
    if let Some(code) = name.strip_prefix('#') {
        let code = match code.strip_prefix(['x', 'X']) {
            Some(hex) => number(hex, 16),
            None => number(code, 10),
        };
        return char::from_u32(code).filter(|c| *c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => return None,
    })
}

/// `\u0041` and `\x41` are `A`.
pub(super) fn escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = match after.chars().next() {
            Some('u') => 4,
            Some('x') => 2,
            Some('U') => 8,
            _ => 0,
        };
        let code = after
            .get(1..digits + 1)
            .filter(|code| digits > 0 && !code.is_empty());
        match code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?)) {
            Some(c) => {
                out.push(c);
                rest = after.get(digits + 1..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Digits and signs are the letters that they look like.
pub(super) fn leet(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' | '|' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' | '+' => 't',
            '8' => 'b',
            c => c,
        })
        .collect()
}

/// The letter thirteen places on.
pub(super) fn rot13(c: char) -> char {
    let turned = |base: u8| char::from((c as u8 - base + 13) % 26 + base);
    match c {
        'a'..='z' => turned(b'a'),
        'A'..='Z' => turned(b'A'),
        c => c,
    }
}

/// Letters that stand alone, put together: what stands between two of them goes, what is longer parts words.
pub(super) fn spaced(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut gap = 0;
    let mut joined = 0;
    for (at, &c) in chars.iter().enumerate() {
        if c.is_alphanumeric() {
            let before = at.checked_sub(1).and_then(|at| chars.get(at));
            let after = chars.get(at + 1);
            let alone = !before.is_some_and(|c| c.is_alphanumeric())
                && !after.is_some_and(|c| c.is_alphanumeric());
            if gap > 1 || !alone && gap > 0 {
                out.push(' ');
            } else if alone {
                joined += 1;
            }
            gap = 0;
            out.push(c);
        } else {
            gap += 1;
        }
    }
    (joined > 7).then_some(out)
}
