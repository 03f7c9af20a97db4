//! Completing a file from the archive: pure, by table and by property.

use dogi_docker::{FileEvent, LiveFile, Mismatch, Reconciler, reconcile};
use proptest::prelude::*;

fn data(bytes: &'static [u8]) -> FileEvent {
    FileEvent::Data {
        file: 3,
        bytes: bytes.into(),
    }
}

const RESTARTED: FileEvent = FileEvent::Restarted { file: 3 };

#[test]
fn table() {
    // (delivered, archive, wanted)
    let cases: &[(&[u8], &'static [u8], &[FileEvent])] = &[
        (b"", b"", &[]),
        (b"", b"abc", &[data(b"abc")]),
        (b"abc", b"abc", &[]),
        (b"abc", b"abcdef", &[data(b"def")]),
        (b"abc", b"abd", &[RESTARTED, data(b"abd")]),
        (b"abc", b"xbcdef", &[RESTARTED, data(b"xbcdef")]),
        (b"abc", b"ab", &[RESTARTED, data(b"ab")]),
        (b"abc", b"", &[RESTARTED]),
        (b"a\0\xff", b"a\0\xff\n", &[data(b"\n")]),
    ];
    for (delivered, archive, wanted) in cases {
        let mut live = LiveFile::new();
        live.record(delivered);
        assert_eq!(
            &reconcile(&live, 3, archive),
            wanted,
            "{delivered:?} {archive:?}"
        );
    }
}

#[test]
fn a_restart_forgets() {
    let mut live = LiveFile::new();
    live.record(b"old");
    live.restart();
    live.record(b"ne");
    assert_eq!(live.delivered(), 2);
    assert_eq!(reconcile(&live, 3, b"new"), [data(b"w")]);
}

/// What a reader has after these events.
fn apply(mut content: Vec<u8>, events: &[FileEvent]) -> Vec<u8> {
    for event in events {
        match event {
            FileEvent::Data { bytes, .. } => content.extend_from_slice(bytes),
            FileEvent::Restarted { .. } => content.clear(),
            other => panic!("{other:?}"),
        }
    }
    content
}

proptest! {
    /// Whatever was delivered in whatever pieces, the reader ends with the archive; what was delivered is
    /// repeated only when it was wrong; chunk borders don't matter.
    #[test]
    fn the_reader_ends_with_the_archive(
        pieces in prop::collection::vec(prop::collection::vec(0u8..3, 0..9), 0..6),
        rest in prop::collection::vec(0u8..3, 0..20),
        cut in 0usize..40,
        same in any::<bool>(),
        chunk in 1usize..7,
    ) {
        let mut live = LiveFile::new();
        let delivered: Vec<u8> = pieces.concat();
        for piece in &pieces {
            live.record(piece);
        }
        let mut archive = if same { delivered.clone() } else { Vec::new() };
        archive.extend(rest);
        if !same {
            archive.truncate(cut);
        }
        let events = reconcile(&live, 0, &archive);
        prop_assert_eq!(apply(delivered.clone(), &events), archive.clone());
        let restarted = matches!(events.first(), Some(FileEvent::Restarted { .. }));
        prop_assert_eq!(restarted, !archive.starts_with(&delivered));

        // The streaming form comes to the same.
        let mut streamed = delivered.clone();
        let passed = (|| {
            let mut reconciler = Reconciler::new(&live, archive.len() as u64)?;
            for part in archive.chunks(chunk) {
                if let Some(bytes) = reconciler.push(part.to_vec().into())? {
                    streamed.extend_from_slice(&bytes);
                }
            }
            Ok::<(), Mismatch>(())
        })();
        match passed {
            Ok(()) => prop_assert_eq!(streamed, archive),
            Err(Mismatch) => {
                prop_assert!(restarted);
                prop_assert_eq!(streamed, delivered, "nothing wrong was let through");
            }
        }
    }
}
