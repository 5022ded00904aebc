//! A backend that breaks the rules of docs/two-domains.md: its peer's frontend answers each mistake with an errno, and serves what comes
//! next.

use std::fmt::Debug;

use nix::errno::Errno;

use crate::failure::Failure;
use grantscope_generator::device::Memory;
use grantscope_generator::error::{Error, Result};
use grantscope_generator::peer::requests::{Client, Handle, MARK, Request};
use grantscope_generator::stop;
use grantscope_generator::truth::{Log, Phase};

use crate::options::Options;

/// A number that no frontend gets to.
const NOT_MADE: Handle = Handle::MAX;
/// More grants with looks than a process has descriptors for, if it keeps two for each.
const MANY: usize = 550;
/// More looks than a pipe has room for (`PIPE_DEF_BUFFERS`, include/linux/pipe_fs_i.h, Linux v6.12).
const TOO_MANY_LOOKS: u32 = 17;

/// Makes each of them, and checks the frontend's answer.
pub fn run(log: &Log, options: &Options) -> Result<()> {
    log.enter(Phase::Setup);
    let search = options.place.search(0).ok_or(Failure::NeedsPeer)?;
    let mut client = Client::of(log, search.peer, &search.find(log)?)?;
    log.enter(Phase::Run);
    for _ in 0..options.iterations.unwrap_or(1) {
        too_much(&mut client)?;
        not_there(&mut client)?;
        too_often(&mut client)?;
        too_many(&mut client)?;
    }
    log.enter(Phase::Teardown);
    eprintln!("peer-mistakes: every mistake was answered as it should be");
    Ok(())
}

/// 65,536 pages of an import would corrupt the frontend's kernel.
fn too_much(client: &mut Client<'_>) -> Result<()> {
    for pages in [0, 65_536, u32::MAX] {
        refused(client.make(Request::Grant { pages, looks: 0 }), Errno::EINVAL, "a grant of too many pages, or none")?;
        refused(
            client.make(Request::Import { pages, from: Memory::Udmabuf }),
            Errno::EINVAL,
            "an import of too many pages, or none",
        )?;
    }
    refused(client.make(Request::Grant { pages: 1, looks: TOO_MANY_LOOKS }), Errno::E2BIG, "a grant with too many looks")
}

fn not_there(client: &mut Client<'_>) -> Result<()> {
    refused(client.look(NOT_MADE), Errno::ENOENT, "a look at what was not made")?;
    refused(client.release(NOT_MADE), Errno::ENOENT, "the release of what was not made")
}

fn too_often(client: &mut Client<'_>) -> Result<()> {
    let made = client.make(Request::Grant { pages: 1, looks: 1 })?;
    sees(client, made.handle)?;
    refused(client.look(made.handle), Errno::ENOENT, "one look more than was requested")?;
    client.release(made.handle)?;
    refused(client.release(made.handle), Errno::ENOENT, "a second release")
}

/// What was released can still be looked at, and would use up the frontend's descriptors.
fn too_many(client: &mut Client<'_>) -> Result<()> {
    let mut handles = Vec::new();
    for _ in 0..MANY {
        stop::check()?;
        let made = client.make(Request::Grant { pages: 1, looks: 2 })?;
        client.release(made.handle)?;
        handles.push(made.handle);
    }
    refused(client.look(handles[0]), Errno::ENOENT, "a look at the first of very many grants")?;
    sees(client, handles[MANY - 1])
}

fn sees(client: &mut Client<'_>, handle: Handle) -> Result<()> {
    let (seen, mark) = (client.look(handle)?, MARK as u8);
    if seen == mark { Ok(()) } else { Err(answered("a look at a page that nobody has changed", seen, mark)) }
}

/// The frontend must have refused it, and just so.
fn refused<T: Debug>(answer: Result<T>, expected: Errno, what: &'static str) -> Result<()> {
    match answer {
        Err(Error::PeerRefused { errno, .. }) if errno == expected => Ok(()),
        Err(Error::PeerRefused { errno, .. }) => Err(answered(what, errno, expected)),
        Err(other) => Err(other),
        Ok(given) => Err(answered(what, given, expected)),
    }
}

fn answered(what: &'static str, answered: impl Debug, expected: impl Debug) -> Error {
    Failure::Frontend { what, answered: format!("{answered:?}"), expected: format!("{expected:?}") }.into()
}
