//! A recorder that listens: whoever connects becomes a viewer.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use grantscope_analysis::recording::Viewers;
use grantscope_output::Socket;

use crate::remote::address::Address;

/// After a connection that could not be taken, as where this process has too many files open.
const PAUSE: Duration = Duration::from_millis(100);

/// What is listened at, until this goes.
pub struct Listening {
    /// Where viewers connect: with the port that was taken, where 0 was asked for.
    pub address: Address,
    is_over: Arc<AtomicBool>,
    /// Of the listener, to end its thread's wait.
    waker: OwnedFd,
    thread: Option<JoinHandle<()>>,
    /// Its name is removed behind the thread.
    _socket: Option<Socket>,
}

impl Listening {
    /// Listens at an address; at all addresses of this machine only if that is wanted.
    ///
    /// # Errors
    /// The address is taken, all addresses were not wanted, or it is none of this machine's.
    pub fn start(address: &Address, is_all_wanted: bool, viewers: Viewers) -> Result<Self> {
        match address {
            Address::Unix(path) => unix(path, viewers),
            Address::Tcp(host) => tcp(host, is_all_wanted, viewers),
        }
    }

    fn begin<S: Write + Send + 'static>(
        address: Address,
        listener: impl Into<OwnedFd>,
        accept: impl Fn() -> io::Result<S> + Send + 'static,
        viewers: Viewers,
        socket: Option<Socket>,
    ) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        let thread = thread::Builder::new().name("listen".to_owned()).spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                // A connection that cannot be served is closed; whoever made it sees that.
                if accept().and_then(|stream| viewers.add(stream)).is_err() {
                    thread::sleep(PAUSE);
                }
            }
        })?;
        Ok(Self { address, is_over, waker: listener.into(), thread: Some(thread), _socket: socket })
    }
}

fn unix(path: &Path, viewers: Viewers) -> Result<Listening> {
    let address = Address::Unix(path.to_owned());
    let begin = || {
        let socket = Socket::listen(path)?;
        let (waker, listener) = (socket.listener.try_clone()?, socket.listener.try_clone()?);
        Listening::begin(address.clone(), waker, move || listener.accept().map(|(stream, _)| stream), viewers, Some(socket))
    };
    begin().with_context(|| format!("{address}: cannot be listened at"))
}

fn tcp(host: &str, is_all_wanted: bool, viewers: Viewers) -> Result<Listening> {
    let addresses = Address::resolved(host)?;
    if !is_all_wanted && addresses.iter().any(|address| address.ip().to_canonical().is_unspecified()) {
        bail!(
            "tcp:{host}: stands for all addresses of this machine, and whoever reaches one sees everything, unencrypted; give 127.0.0.1 and \
             let viewers come by ssh (`ssh -L`), or add --listen-on-all"
        );
    }
    let begin = || {
        let listener = TcpListener::bind(&addresses[..])?;
        let address = Address::Tcp(listener.local_addr()?.to_string());
        let waker = listener.try_clone()?;
        Listening::begin(address, waker, move || listener.accept().map(|(stream, _)| stream), viewers, None)
    };
    begin().with_context(|| format!("tcp:{host}: cannot be listened at; is the port taken, or the address another machine's?"))
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // On Linux this ends an `accept` that waits (EINVAL); what the call is named for is not needed here.
        let Ok(waker) = self.waker.try_clone() else { return };
        let woken = match self.address {
            Address::Unix(_) => UnixStream::from(waker).shutdown(Shutdown::Both),
            Address::Tcp(_) => TcpStream::from(waker).shutdown(Shutdown::Both),
        };
        if let Some(thread) = self.thread.take().filter(|_| woken.is_ok()) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use grantscope_analysis::model::Environment;
    use grantscope_analysis::recording::{Broadcast, Frame, FrameSink, Unblocked};

    use super::*;
    use crate::source::file;
    use crate::source::frames::{Ended, Origin};

    fn sink() -> Broadcast<Unblocked> {
        Broadcast::new(None).unwrap()
    }

    /// What a viewer of this address sees of a recording of nothing.
    fn viewed(at: impl Fn(&Path) -> Address) -> Vec<Frame> {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = sink();
        let listening = Listening::start(&at(folder.path()), false, sink.viewers()).unwrap();
        let mut input = file::input(&PathBuf::from(listening.address.to_string())).unwrap();
        assert_eq!((input.origin, input.name), (Origin::Live, Some(listening.address.to_string())));
        for frame in [Frame::Environment(Environment::default()), Frame::Tick { at_ns: 1 }] {
            sink.put(frame).unwrap();
        }
        // Whoever has got something is a viewer, and no connection that waits.
        let first = input.source.next_frame().unwrap().unwrap();
        sink.put(Frame::End { at_ns: 2 }).unwrap();
        drop((listening, sink));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the socket is removed");
        let rest = std::iter::from_fn(|| input.source.next_frame().unwrap());
        [first].into_iter().chain(rest).collect()
    }

    #[test]
    fn whoever_connects_sees_the_recording() {
        for frames in [viewed(|folder| Address::Unix(folder.join("sock"))), viewed(|_| Address::Tcp("127.0.0.1:0".to_owned()))] {
            assert_eq!(frames.first(), Some(&Frame::Environment(Environment::default())));
            assert_eq!(frames.last(), Some(&Frame::End { at_ns: 2 }));
        }
    }

    #[test]
    fn who_connects_to_no_recording_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let sink = sink();
        let listening = Listening::start(&Address::Unix(folder.path().join("sock")), false, sink.viewers()).unwrap();
        let mut input = file::input(Path::new(&listening.address.to_string())).unwrap();
        drop((listening, sink));
        let ended = input.source.next_frame().unwrap_err();
        assert!(
            matches!(&ended, Ended::Unreadable(why) if why.contains("the recorder sent nothing: it serves 16 viewers")),
            "{ended:?}"
        );
    }

    #[test]
    fn all_addresses_are_listened_at_only_where_that_is_wanted() {
        let sink = sink();
        let start = |host: &str, wanted| Listening::start(&Address::Tcp(host.to_owned()), wanted, sink.viewers());
        for all in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
            let error = start(all, false).err().unwrap().to_string();
            assert!(error.contains("all addresses") && error.contains("--listen-on-all"), "{error}");
        }
        start("0.0.0.0:0", true).unwrap();
        let taken = start("127.0.0.1:0", false).unwrap();
        let Address::Tcp(host) = &taken.address else { panic!("it is TCP") };
        assert!(start(host, false).err().unwrap().to_string().contains("is the port taken"));
    }
}
