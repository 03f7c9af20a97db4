//! One conversation with a git server (`gitprotocol-v2(5)`, `gitprotocol-pack(5)`).

use std::sync::Arc;

use dogi_url::RepoUrl;
use gix::ObjectId;
use gix::bstr::BString;
use gix::odb::pack;
use gix::protocol::fetch::{Arguments, Context, Options, Response, Shallow, Tags, negotiate};
use gix::protocol::handshake::Ref;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::transport::{Protocol, Service};
use gix::protocol::{Handshake, LsRefsCommand};

use super::Directory;
use crate::net::{Connection, Failed, Link, Net};

/// A connection that has said hello.
pub(super) struct Session<'a> {
    connection: Connection,
    handshake: Handshake,
    link: &'a Arc<Link>,
}

/// Why a conversation ended: the link may know better.
#[derive(Debug)]
pub(super) enum Broken {
    /// Connecting failed, and the link says why.
    Failed,
    /// The protocol broke.
    Git(gix::Error),
    /// The pack could not be stored.
    Io(std::io::Error),
}

impl From<Failed> for Broken {
    fn from(Failed: Failed) -> Broken {
        Broken::Failed
    }
}

/// What is to be fetched.
pub(super) struct Wanted<'a> {
    pub(super) ids: &'a [ObjectId],
    /// Commits that are here with all that they need, so that the server need not send that.
    pub(super) haves: &'a [ObjectId],
    /// All of the history instead of one commit.
    pub(super) whole: bool,
}

impl<'a> Session<'a> {
    pub(super) fn open(net: &Net, repo: &RepoUrl, link: &'a Arc<Link>) -> Result<Self, Broken> {
        let mut connection = net.connect(repo, link)?;
        // Credentials are the transport's own affair: gix must not ask anybody for them.
        let shake = gix::protocol::handshake(
            &mut connection.transport,
            Service::UploadPack,
            |_| Ok(None),
            Vec::new(),
            &mut gix::progress::Discard,
        );
        match shake {
            Ok(handshake) => Ok(Session {
                connection,
                handshake,
                link,
            }),
            Err(error) => Err(diagnosed(&mut connection, error)),
        }
    }

    /// The refs that begin with one of `prefixes` (all refs when there are none); an old server
    /// has sent all of them already.
    pub(super) fn refs(&mut self, prefixes: Vec<BString>) -> Result<Vec<Ref>, Broken> {
        if let Some(refs) = &self.handshake.refs {
            return Ok(refs.clone());
        }
        let filter = (!prefixes.is_empty()).then(|| {
            let mut filter = RefPrefixes::new();
            filter.extend(prefixes);
            filter
        });
        let command = LsRefsCommand::new(filter, &self.handshake.capabilities, agent());
        let transport = &mut self.connection.transport;
        command
            .invoke_blocking(transport, &mut gix::progress::Discard, false)
            .map_err(|error| diagnosed(&mut self.connection, error))
    }

    /// Whether the server may be asked for a commit that is not the tip of a ref.
    pub(super) fn gives_any_commit(&self) -> bool {
        let capabilities = &self.handshake.capabilities;
        self.handshake.server_protocol_version == Protocol::V2
            || capabilities.contains("allow-reachable-sha1-in-want")
            || capabilities.contains("allow-any-sha1-in-want")
    }

    /// Fetches into `directory`, whose lock must be held. Ends the conversation.
    pub(super) fn fetch(mut self, directory: &Directory, wanted: Wanted<'_>) -> Result<(), Broken> {
        let shallow = match wanted.whole {
            true => Shallow::undo(),
            false => Shallow::DepthAtRemote(std::num::NonZeroU32::MIN),
        };
        let mut negotiator = Negotiator { wanted };
        let mut stored = Ok(());
        let fetched = gix::protocol::fetch(
            &mut negotiator,
            |reader, progress, interrupt| {
                stored = store(directory, self.link, reader, progress, interrupt);
                match &stored {
                    Ok(()) => Ok(true),
                    Err(_) => Err(gix::Error::from_error(std::io::Error::other("not stored"))),
                }
            },
            gix::progress::Discard,
            &self.link.interrupt,
            Context {
                handshake: &mut self.handshake,
                transport: &mut self.connection.transport,
                user_agent: agent(),
                trace_packetlines: false,
            },
            Options {
                shallow_file: directory.path().join("shallow"),
                shallow: &shallow,
                tags: Tags::None,
                reject_shallow_remote: false,
            },
        );
        match stored {
            Err(Broken::Git(error)) if is_end(&error) => {
                return Err(diagnosed(&mut self.connection, error));
            }
            stored => stored?,
        }
        match fetched {
            Ok(_) => Ok(()),
            Err(error) => Err(diagnosed(&mut self.connection, error)),
        }
    }
}

/// Writes the pack and its index.
fn store(
    directory: &Directory,
    link: &Link,
    reader: &mut dyn std::io::BufRead,
    progress: &mut dyn gix::DynNestedProgress,
    interrupt: &std::sync::atomic::AtomicBool,
) -> Result<(), Broken> {
    let objects = super::open_isolated(&directory.path()).map_err(Broken::Git)?;
    let options = pack::bundle::write::Options {
        alloc_limit_bytes: usize::try_from(link.limits.max_object_bytes).ok(),
        ..Default::default()
    };
    let written = pack::Bundle::write_to_directory(
        reader,
        Some(&directory.packs()),
        progress,
        interrupt,
        Some(objects.to_thread_local().objects),
        gix::hash::Kind::Sha1,
        options,
    )
    .map_err(Broken::Git)?;
    let remove = |path: &Option<std::path::PathBuf>| match path {
        Some(path) => std::fs::remove_file(path).map_err(Broken::Io),
        None => Ok(()),
    };
    if written.index.num_objects == 0 {
        remove(&written.index_path)?;
        remove(&written.data_path)?;
    }
    // It guards against a collector of garbage, and there is none here.
    remove(&written.keep_path)
}

/// Whether the server hung up in the middle.
fn is_end(error: &gix::Error) -> bool {
    let io = error.downcast_any_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
}

/// A broken conversation with a program: the program knows why.
fn diagnosed(connection: &mut Connection, error: gix::Error) -> Broken {
    if let Some(process) = &mut connection.process {
        process.diagnose();
    }
    Broken::Git(error)
}

/// What is told to servers.
fn agent() -> (&'static str, Option<String>) {
    (
        "agent",
        Some(concat!("git/dogi-", env!("CARGO_PKG_VERSION")).to_owned()),
    )
}

/// Wants and haves are known beforehand: one round says it all.
struct Negotiator<'a> {
    wanted: Wanted<'a>,
}

impl gix::protocol::fetch::Negotiate for Negotiator<'_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<negotiate::Action> {
        let remote_ref_target_known = vec![false; self.wanted.ids.len()];
        Ok(negotiate::Action::MustNegotiate {
            remote_ref_target_known,
        })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _: &[bool]) -> bool {
        self.wanted.ids.iter().for_each(|id| arguments.want(id));
        true
    }

    fn one_round(
        &mut self,
        _: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        _: Option<&Response>,
    ) -> gix::Result<(negotiate::Round, bool)> {
        self.wanted.haves.iter().for_each(|id| arguments.have(id));
        let round = negotiate::Round {
            haves_sent: self.wanted.haves.len(),
            in_vain: 0,
            haves_to_send: self.wanted.haves.len(),
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}
