//! How a body is to be guarded, from what its headers say.

use crate::opaque::Opaque;
use crate::session::body::Guard;
use crate::session::event::Header;
use crate::text::Direction;
use crate::wire::{Format, Target};

/// What the operator declares of a route.
#[derive(Debug, Clone, Copy, Default)]
pub struct Route {
    /// What both bodies are read as, whatever the request's path.
    pub format: Option<Format>,
    /// A hop behind the guard signs the request anew, so that it may be edited although the client signed it.
    pub is_signed_later: bool,
}

impl Route {
    /// The route on which both bodies are read as the format of this name; `None` where no format has it.
    #[must_use]
    pub fn with_format_named(self, name: &str) -> Option<Self> {
        let format = Some(Format::by_name(name)?);
        Some(Self { format, ..self })
    }
}

/// Method and path of a request, for the answer to it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    method: String,
    path: String,
}

impl Asked {
    pub(super) fn new(headers: &[Header<'_>]) -> Self {
        let text = |name| {
            let value = value(headers, name).unwrap_or_default();
            std::str::from_utf8(value).unwrap_or_default().to_owned()
        };
        Self {
            method: text(":method"),
            path: text(":path"),
        }
    }

    pub(super) fn target(&self) -> Target<'_> {
        Target::new(&self.method, &self.path)
    }
}

/// How a request's body is to be guarded.
pub(super) fn request(headers: &[Header<'_>], format: Option<Format>) -> Result<Guard, Opaque> {
    let media = Media::of(headers)?;
    // A dialect's upstream takes JSON whatever the client calls it; without one the client must at least
    // claim that it sends some.
    match format {
        Some(_) if media.0 == b"multipart/form-data" => {
            let mut types = headers
                .iter()
                .filter(|header| header.name == "content-type");
            let first = types.next().map(|header| header.value).unwrap_or_default();
            // Two boundaries are read as two forms.
            if types.any(|header| header.value != first) {
                return Err(Opaque::InvalidFraming);
            }
            Ok(Guard::form(format, first))
        }
        Some(_) if media.is_binary() => Ok(Guard::binary(format)),
        Some(_) => Ok(Guard::whole(format, Direction::Request)),
        None if media.is_json() => Ok(Guard::whole(None, Direction::Request)),
        None => Err(Opaque::UnknownFormat),
    }
}

/// How an answer's body is to be guarded: it is read for what it is, whatever the request asked for.
pub(super) fn response(
    headers: &[Header<'_>],
    format: Option<Format>,
    target: &Target<'_>,
) -> Result<Guard, Opaque> {
    let media = Media::of(headers)?;
    let direction = Direction::Response;
    match format {
        Some(Format::Text) => Ok(Guard::plain(direction)),
        None if media.0 == b"text/plain" => Ok(Guard::plain(direction)),
        None => Err(Opaque::UnknownFormat),
        Some(Format::Dialect(dialect)) => match dialect.framing(&media.0, target) {
            Some(framing) => Ok(Guard::events(dialect, framing, direction)),
            None if media.is_json() => Ok(Guard::whole(format, direction)),
            None if matches!(media.0.as_slice(), b"" | b"text/plain") => {
                Ok(Guard::unsure(dialect, direction))
            }
            None if media.is_binary() => Err(Opaque::Binary),
            None => Err(Opaque::UnknownFormat),
        },
    }
}

/// Whether the client asks to leave HTTP. `h2c` asks for another framing of the same exchange, and Envoy
/// does not follow it.
pub(super) fn is_upgrade(headers: &[Header<'_>]) -> bool {
    value(headers, "upgrade").is_some_and(|to| !to.eq_ignore_ascii_case(b"h2c"))
        || value(headers, ":method") == Some(b"CONNECT")
}

/// Whether the upstream left HTTP as it was asked to: what follows is no answer's body.
pub(super) fn is_switched(headers: &[Header<'_>], asked: &Asked) -> bool {
    let status = value(headers, ":status").unwrap_or_default();
    status == b"101" || (asked.method == "CONNECT" && status.starts_with(b"2"))
}

/// What a client's AWS signature (version 4) covers: an edit would only earn a signature error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) body: bool,
    pub(super) accept_encoding: bool,
}

impl Signed {
    pub(super) fn of(headers: &[Header<'_>]) -> Self {
        let authorization = value(headers, "authorization").unwrap_or_default();
        if !authorization.starts_with(b"AWS4-") {
            return Self::default();
        }
        Self {
            body: value(headers, "x-amz-content-sha256") != Some(b"UNSIGNED-PAYLOAD"),
            accept_encoding: memchr::memmem::find(authorization, b"accept-encoding").is_some(),
        }
    }
}

/// The first header of this name.
pub(super) fn value<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|header| header.name == name)
        .map(|header| header.value)
}

/// A media type, lower-case, without parameters; empty where none is given.
struct Media(Vec<u8>);

impl Media {
    /// Two content types that differ are none that can be trusted, and a charset that is not UTF-8 or a part
    /// of it says that the bytes are not what they look like.
    fn of(headers: &[Header<'_>]) -> Result<Self, Opaque> {
        let mut found: Option<Vec<u8>> = None;
        for header in headers
            .iter()
            .filter(|header| header.name == "content-type")
        {
            // A comma joins two header lines to one (RFC 9110, section 5.3); in a type there is none.
            for one in header.value.split(|&byte| byte == b',') {
                let one = one.trim_ascii().to_ascii_lowercase();
                let mut parts = one.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
                let media = parts.next().unwrap_or_default().to_vec();
                if found.as_ref().is_some_and(|found| *found != media) {
                    return Err(Opaque::UnknownFormat);
                }
                if !parts.all(is_readable) {
                    return Err(Opaque::InvalidEncoding);
                }
                found = Some(media);
            }
        }
        Ok(Self(found.unwrap_or_default()))
    }

    /// Sound, pictures, files: nothing that a dialect writes its text in.
    fn is_binary(&self) -> bool {
        let is = |class: &[u8]| self.0.starts_with(class);
        is(b"audio/") || is(b"image/") || is(b"video/") || self.0 == b"application/octet-stream"
    }

    fn is_json(&self) -> bool {
        self.0 == b"application/json" || self.0.ends_with(b"+json")
    }
}

/// Whether a parameter of a content type leaves the bytes what they look like.
fn is_readable(parameter: &[u8]) -> bool {
    let Some(charset) = parameter.strip_prefix(b"charset=") else {
        return true;
    };
    matches!(
        charset.trim_ascii().strip_prefix(b"\"").unwrap_or(charset),
        b"utf-8" | b"utf-8\"" | b"utf8" | b"utf8\"" | b"us-ascii" | b"us-ascii\"" | b"ascii"
    )
}

#[cfg(test)]
mod tests {
    use super::{Media, Signed};
    use crate::opaque::Opaque;
    use crate::session::event::Header;

    #[track_caller]
    fn check(types: &[&str], expected: Result<&str, Opaque>) {
        let headers: Vec<_> = types
            .iter()
            .map(|value| Header {
                name: "content-type",
                value: value.as_bytes(),
            })
            .collect();
        let found = Media::of(&headers).map(|media| media.0);
        assert_eq!(found, expected.map(|media| media.as_bytes().to_vec()));
    }

    #[test]
    fn one_content_type_that_can_be_trusted() {
        check(&["application/json"], Ok("application/json"));
        check(&["Application/JSON; Charset=UTF-8"], Ok("application/json"));
        check(
            &["application/json;charset=\"utf-8\""],
            Ok("application/json"),
        );
        check(&[], Ok(""));
        check(
            &["application/json", "application/json; charset=utf-8"],
            Ok("application/json"),
        );
        check(
            &["application/json", "text/plain"],
            Err(Opaque::UnknownFormat),
        );
        check(
            &["application/json, text/plain"],
            Err(Opaque::UnknownFormat),
        );
        check(
            &["application/json; charset=utf-16"],
            Err(Opaque::InvalidEncoding),
        );
        check(
            &["application/json; charset=utf-7"],
            Err(Opaque::InvalidEncoding),
        );
        check(
            &["application/json; charset=utf-8; charset=utf-16"],
            Err(Opaque::InvalidEncoding),
        );
    }

    #[test]
    fn a_signature_is_seen_for_what_it_covers() {
        let signed = |authorization: &str, hash: &str| {
            Signed::of(&[
                Header {
                    name: "authorization",
                    value: authorization.as_bytes(),
                },
                Header {
                    name: "x-amz-content-sha256",
                    value: hash.as_bytes(),
                },
            ])
        };
        let aws = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00";
        assert_eq!(
            signed(aws, "e3b0"),
            Signed {
                body: true,
                accept_encoding: false
            }
        );
        assert!(!signed(aws, "UNSIGNED-PAYLOAD").body);
        assert!(!signed("Bearer x", "e3b0").body);
        assert!(signed(&aws.replace("host;", "accept-encoding;host;"), "e3b0").accept_encoding);
    }
}
