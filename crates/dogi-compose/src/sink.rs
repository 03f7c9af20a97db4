use bytes::Bytes;
use futures::future::BoxFuture;

/// Where the output of the programs goes, standard output and standard error in the order in which
/// they were written.
pub trait Sink: Send {
    /// Takes bytes. It can't fail towards the project, and should not take long: the program stands
    /// still meanwhile, and a cancelled run is not stopped before this returns.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ()>;
}

/// Keeps all of it.
impl Sink for Vec<u8> {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ()> {
        self.extend_from_slice(&bytes);
        Box::pin(std::future::ready(()))
    }
}
