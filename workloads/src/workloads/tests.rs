//! Ways to look at the streams of a workload, for the tests of each.

use std::time::Duration;

use crate::{
    generator::{Generator, Step},
    operation::Invocation,
    workload::{Client, Workload},
};

/// The next invocation of a stream that always has one.
pub(crate) fn ask(stream: &mut dyn Generator) -> Invocation {
    match stream.next(Duration::ZERO) {
        Step::Invoke(invocation) => invocation,
        other => panic!("the stream never rests, but: {other:?}"),
    }
}

/// The first `n` invocations of a client whose operations never end.
pub(crate) fn take(workload: &dyn Workload, client: Client, n: usize) -> Vec<Invocation> {
    let mut stream = workload.generator(client);
    (0..n).map(|_| ask(&mut *stream)).collect()
}

/// The first `rounds` invocations of each of some clients, by turns.
pub(crate) fn by_turns(workload: &dyn Workload, clients: usize, rounds: usize) -> Vec<Invocation> {
    let mut streams: Vec<_> =
        (0..clients).map(|client| workload.generator(Client::new(client, clients, 3))).collect();
    (0..rounds)
        .flat_map(|_| streams.iter_mut().map(|stream| ask(&mut **stream)).collect::<Vec<_>>())
        .collect()
}
