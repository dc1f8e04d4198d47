//! Where requests go: `--upstream URL`.

use std::net::SocketAddr;
use std::str::FromStr;

use http::Uri;

use super::error::UpError;

/// A server by scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// `https`: Envoy speaks TLS to it, with the host as server name, and checks its certificate.
    pub tls: bool,
    /// Name or address; an IPv6 address without its brackets.
    pub host: String,
    /// 80 or 443 where the URL has none.
    pub port: u16,
}

impl Upstream {
    /// The `host` header that the server expects.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let default = if self.tls { 443 } else { 80 };
        if self.port == default {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl From<SocketAddr> for Upstream {
    fn from(addr: SocketAddr) -> Self {
        Self {
            tls: false,
            host: addr.ip().to_string(),
            port: addr.port(),
        }
    }
}

impl FromStr for Upstream {
    type Err = UpError;

    fn from_str(url: &str) -> Result<Self, UpError> {
        let refuse = |why| UpError::Upstream {
            url: url.to_owned(),
            why,
        };
        let uri: Uri = url.parse().map_err(|_| refuse("it does not parse"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(refuse("its scheme is another")),
            None => return Err(refuse("it has no scheme")),
        };
        if uri
            .path_and_query()
            .is_some_and(|path| path.as_str() != "/")
        {
            return Err(refuse("it has a path, and paths stay as clients send them"));
        }
        let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse(
                "it has a user name, and credentials come from clients",
            ));
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if host.is_empty() {
            return Err(refuse("it has no host"));
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str() != authority.host() => {
                return Err(refuse("its port is none"));
            }
            None if tls => 443,
            None => 80,
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, tls: bool, host: &str, port: u16, authority: &str) {
        let upstream: Upstream = url.parse().unwrap();
        assert_eq!(
            upstream,
            Upstream {
                tls,
                host: host.to_owned(),
                port
            }
        );
        assert_eq!(upstream.authority(), authority);
    }

    #[test]
    fn takes_scheme_host_and_port() {
        check(
            "http://127.0.0.1:8000",
            false,
            "127.0.0.1",
            8000,
            "127.0.0.1:8000",
        );
        check(
            "http://127.0.0.1:8000/",
            false,
            "127.0.0.1",
            8000,
            "127.0.0.1:8000",
        );
        check(
            "https://llm.example.com",
            true,
            "llm.example.com",
            443,
            "llm.example.com",
        );
        check("http://[::1]:8000", false, "::1", 8000, "[::1]:8000");
        check("http://model", false, "model", 80, "model");
    }

    #[test]
    fn refuses_the_rest() {
        for url in [
            "127.0.0.1:8000",
            "ftp://a",
            "https://a/v1",
            "http://k@a",
            "http://",
            "",
            "http://a:99999",
        ] {
            assert!(url.parse::<Upstream>().is_err(), "{url}");
        }
    }
}
