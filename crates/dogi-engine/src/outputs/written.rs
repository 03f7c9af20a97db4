use std::io;

use bytes::Bytes;
use dogi_stream::{Channel, Piece, Position};
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};

use super::OutputWriter;

impl OutputWriter {
    /// What stands in it by now of one channel, from a position on. What dogi wrote itself is not the
    /// job's.
    #[must_use]
    pub fn written(
        &self,
        channel: Channel,
        from: Position,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        let follower = self.reader().snapshot(from);
        let pieces = futures::stream::try_unfold(follower, |mut follower| async move {
            let piece = follower.next().await?;
            Ok(piece.map(|piece| (piece, follower)))
        });
        pieces
            .try_filter_map(move |piece| {
                let bytes = match piece {
                    Piece::Data {
                        channel: found,
                        bytes,
                        ..
                    } if found == channel => Some(bytes),
                    _ => None,
                };
                futures::future::ready(Ok(bytes))
            })
            .boxed()
    }
}
