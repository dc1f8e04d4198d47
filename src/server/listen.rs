//! Where Envoy connects: TCP, a Unix socket file, an abstract Unix socket.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener as StdUnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::{Router, TcpIncoming};

/// TCP keepalive: a peer that vanished without a word is found out.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// The permissions of a socket file where none are given: the owner and its group.
pub(super) const SOCKET_MODE: u32 = 0o660;

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `127.0.0.1:50051`.
    Tcp(SocketAddr),
    /// A socket file.
    Unix {
        /// Where.
        path: PathBuf,
        /// Its permissions, such as `0o660`.
        mode: u32,
    },
    /// `@name`, in the network namespace; no file, so no permissions: everyone in the pod can connect.
    Abstract(String),
}

impl Listen {
    /// Reads `unix:/path`, `@name`, `unix:@name` or `host:port` with a numeric host.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if let Some(name) = path.strip_prefix('@') {
            return (!name.is_empty()).then(|| Self::Abstract(name.to_owned()));
        }
        if path.len() != text.len() {
            return (!path.is_empty()).then(|| Self::Unix {
                path: PathBuf::from(path),
                mode: SOCKET_MODE,
            });
        }
        text.parse().ok().map(Self::Tcp)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:@{name}"),
        }
    }
}

/// An address that is listened on: a TCP port that was 0 is filled in.
pub type Bound = Listen;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The system refused.
    #[error("cannot listen on {on}")]
    Bind {
        /// The address.
        on: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Somebody answers on the socket file.
    #[error("cannot listen on unix:{}: another process answers on it", path.display())]
    InUse {
        /// The socket file.
        path: PathBuf,
    },
    /// The path exists and is no socket: removing it could lose somebody's file.
    #[error("cannot listen on unix:{}: the path exists and is no socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
}

/// A bound address, not yet served.
#[derive(Debug)]
pub(super) struct Listener {
    bound: Bound,
    socket: Socket,
    file: Option<SocketFile>,
}

/// A socket file of ours. Dropping it removes the file, unless another process has put its own there.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // Gone meanwhile is as good.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(super) async fn bind(on: &Listen) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind {
            on: on.to_string(),
            source,
        };
        match on {
            Listen::Tcp(address) => {
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                Ok(Self {
                    bound: Listen::Tcp(address),
                    socket: Socket::Tcp(listener),
                    file: None,
                })
            }
            Listen::Unix { path, mode } => {
                let listener = bind_file(path, *mode).map_err(|error| match error {
                    FileError::Io(source) => failed(source),
                    FileError::InUse => ListenError::InUse { path: path.clone() },
                    FileError::NotASocket => ListenError::NotASocket { path: path.clone() },
                })?;
                let mut listener = Self::unix(on, listener).map_err(failed)?;
                listener.file = Some(SocketFile::of(path).map_err(failed)?);
                Ok(listener)
            }
            Listen::Abstract(name) => UnixAddr::from_abstract_name(name)
                .and_then(|address| StdUnixListener::bind_addr(&address))
                .and_then(|listener| Self::unix(on, listener))
                .map_err(failed),
        }
    }

    fn unix(on: &Listen, listener: StdUnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            bound: on.clone(),
            socket: Socket::Unix(UnixListener::from_std(listener)?),
            file: None,
        })
    }

    pub(super) fn bound(&self) -> Bound {
        self.bound.clone()
    }

    /// The socket file, which is there as long as what is returned.
    pub(super) fn take_file(&mut self) -> Option<SocketFile> {
        self.file.take()
    }

    /// Serves until `stop`, then until the last open stream has finished.
    pub(super) async fn serve(
        self,
        router: Router,
        stop: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        match self.socket {
            Socket::Tcp(listener) => {
                // The builder's own `tcp_nodelay` is ignored for a listener that is handed in;
                // without it a stream of small events waits 40 ms for an acknowledgement.
                let incoming = TcpIncoming::from(listener)
                    .with_nodelay(Some(true))
                    .with_keepalive(Some(TCP_KEEPALIVE));
                router.serve_with_incoming_shutdown(incoming, stop).await
            }
            Socket::Unix(listener) => {
                let incoming = UnixListenerStream::new(listener);
                router.serve_with_incoming_shutdown(incoming, stop).await
            }
        }
    }
}

enum FileError {
    Io(io::Error),
    InUse,
    NotASocket,
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Binds a socket file that is never there with wider permissions than `mode`, and takes the place of
/// one that a dead process left.
fn bind_file(path: &Path, mode: u32) -> Result<StdUnixListener, FileError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(FileError::NotASocket),
        Ok(_) if UnixStream::connect(path).is_ok() => return Err(FileError::InUse),
        _ => {}
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let _ = std::fs::remove_file(&temporary);
    let listener = StdUnixListener::bind(&temporary)?;
    let placed = std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(mode))
        .and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = placed {
        let _ = std::fs::remove_file(&temporary);
        return Err(error.into());
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = Listen::parse(text).map(|listen| listen.to_string());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn reads_every_kind_of_address() {
        check("127.0.0.1:50051", Some("127.0.0.1:50051"));
        check("[::1]:0", Some("[::1]:0"));
        check("unix:/run/tidegate.sock", Some("unix:/run/tidegate.sock"));
        check("@tidegate", Some("unix:@tidegate"));
        check("unix:@tidegate", Some("unix:@tidegate"));
        check("unix:", None);
        check("@", None);
        check("50051", None);
        check("localhost:50051", None);
    }

    #[tokio::test]
    async fn leaves_the_socket_of_a_successor_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("guard.sock");
        let on = Listen::Unix {
            path: path.clone(),
            mode: 0o600,
        };
        let mut old = Listener::bind(&on).await.expect("the first bind");
        let file = old.take_file();
        // It drains: nothing is accepted any more, the file is still there.
        drop(old);
        let new = Listener::bind(&on).await.expect("nobody answers any more");
        drop(file);
        assert!(
            UnixStream::connect(&path).is_ok(),
            "the successor's socket is gone"
        );
        drop(new);
    }

    #[tokio::test]
    async fn takes_the_place_of_a_dead_socket_and_of_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("guard.sock");
        let on = Listen::Unix {
            path: path.clone(),
            mode: 0o600,
        };
        let alive = Listener::bind(&on).await.expect("the first bind");
        let mode = std::fs::metadata(&path)
            .expect("the socket")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Listener::bind(&on).await;
        assert!(
            matches!(second, Err(ListenError::InUse { .. })),
            "{second:?}"
        );

        // A process that died leaves its file.
        let mut alive = alive;
        std::mem::forget(alive.take_file());
        drop(alive);
        let successor = Listener::bind(&on).await.expect("nobody answers any more");
        drop(successor);
        assert!(!path.exists(), "the file of a listener that is gone");

        std::fs::write(&path, "somebody's notes").expect("a file");
        let refused = Listener::bind(&on).await;
        assert!(
            matches!(refused, Err(ListenError::NotASocket { .. })),
            "{refused:?}"
        );
    }
}
