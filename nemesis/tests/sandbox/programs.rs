//! What runs on the nodes: an echo server, and one that talks to it for ever.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// Returns every byte to whom it came from.
pub(crate) fn echo(address: &str) -> ExitCode {
    let listener = TcpListener::bind(address).expect("the node's own address");
    for stream in listener.incoming() {
        let mut stream = stream.expect("accept");
        std::thread::spawn(move || {
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
        });
    }
    ExitCode::SUCCESS
}

/// Says a byte on one connection, waits for its echo, prints a line, and starts over.
pub(crate) fn talk(address: &str) -> ExitCode {
    let mut stream = loop {
        // The other node may still be starting.
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    stream.set_nodelay(true).expect("a connection");
    let mut byte = [b'.'];
    let mut round = 0_u64;
    loop {
        stream.write_all(&byte).expect("one connection for ever");
        stream.read_exact(&mut byte).expect("one connection for ever");
        round += 1;
        println!("{round}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
