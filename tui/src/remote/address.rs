//! Where a recorder listens, and viewers connect: `unix:PATH` or `tcp:HOST:PORT`.

use std::fmt;
use std::fs::File;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};

/// Where a recorder listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket with a name.
    Unix(PathBuf),
    /// A host, and a port of it.
    Tcp(String),
}

const FORMS: &str = "give unix:PATH or tcp:HOST:PORT, as unix:/run/grantscope/sock or tcp:127.0.0.1:7007";

impl Address {
    /// What a name says that begins as an address does; `None`: it is a file's (`./unix:x` too).
    pub fn named(name: &Path) -> Option<Result<Self, &'static str>> {
        let name = name.to_str()?;
        let is_address = ["unix:", "tcp:"].iter().any(|scheme| name.starts_with(scheme));
        is_address.then(|| name.parse())
    }

    /// Connects as a viewer.
    ///
    /// # Errors
    /// Nobody listens there, or this user may not connect.
    pub fn connect(&self) -> Result<File> {
        let stream: OwnedFd = match self {
            Self::Unix(path) => UnixStream::connect(path)
                .with_context(|| {
                    format!("{self}: cannot be connected to; is `grantscope record --listen {self}` running, by this user?")
                })?
                .into(),
            Self::Tcp(host) => TcpStream::connect(host)
                .with_context(|| {
                    format!(
                        "{self}: cannot be connected to; is `grantscope record --listen {self}` running there, and the way open?"
                    )
                })?
                .into(),
        };
        Ok(stream.into())
    }

    /// The addresses that a host and a port stand for.
    ///
    /// # Errors
    /// The name is not known.
    pub fn resolved(host: &str) -> Result<Vec<SocketAddr>> {
        let addresses = host.to_socket_addrs().with_context(|| format!("tcp:{host}: cannot be resolved; {FORMS}"))?;
        Ok(addresses.collect())
    }
}

impl FromStr for Address {
    type Err = &'static str;

    /// With its scheme, or without it where only one fits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tcp = |host: &str| {
            let (name, port) = host.rsplit_once(':').ok_or(FORMS)?;
            let is_one = !name.is_empty() && port.parse::<u16>().is_ok();
            if is_one { Ok(Self::Tcp(host.to_owned())) } else { Err(FORMS) }
        };
        match text.split_once(':') {
            Some(("unix", "")) => Err(FORMS),
            Some(("unix", path)) => Ok(Self::Unix(path.into())),
            Some(("tcp", host)) => tcp(host),
            _ if text.contains('/') => Ok(Self::Unix(text.into())),
            _ => tcp(text),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp:{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_or_a_host_with_a_port() {
        let unix = |path: &str| Ok(Address::Unix(path.into()));
        let tcp = |host: &str| Ok(Address::Tcp(host.to_owned()));
        for (text, expected) in [
            ("unix:/run/a", unix("/run/a")),
            ("unix:a", unix("a")),
            ("/run/a", unix("/run/a")),
            ("./a:1", unix("./a:1")),
            ("tcp:localhost:7", tcp("localhost:7")),
            ("127.0.0.1:7", tcp("127.0.0.1:7")),
            ("[::1]:7", tcp("[::1]:7")),
        ] {
            assert_eq!(text.parse::<Address>(), expected, "{text}");
        }
        for wrong in ["", "a", ":7", "tcp:a", "tcp:a:b", "a:70000", "unix:", "7007"] {
            assert_eq!(wrong.parse::<Address>(), Err(FORMS), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_no_address() {
        assert_eq!(Address::named(Path::new("run.gsr")), None);
        assert_eq!(Address::named(Path::new("./unix:a")), None);
        assert_eq!(Address::named(Path::new("unix:a")), Some(Ok(Address::Unix("a".into()))));
        assert_eq!(Address::named(Path::new("tcp:a")), Some(Err(FORMS)));
    }

    #[test]
    fn where_nobody_listens_is_said_with_what_to_do() {
        let error = Address::Unix("/nowhere/sock".into()).connect().unwrap_err().to_string();
        assert_eq!(
            error,
            "unix:/nowhere/sock: cannot be connected to; is `grantscope record --listen unix:/nowhere/sock` running, by this user?"
        );
    }
}
