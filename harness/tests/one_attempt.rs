//! One operation is one attempt: whatever a server does to the connection, at most one
//! copy of an operation ever reaches it. A second copy would be a write the history does
//! not know.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use squall::{
    plan::Plan,
    system::{Client, Completion, System},
    systems,
};
use squall_workloads::{Function, Invocation};

/// What a hostile server does once it has read a whole operation.
#[derive(Clone, Copy, Debug)]
enum Hostility {
    CloseAtOnce,
    CloseInsideTheReply,
    Redirect,
    ServiceUnavailable,
    NotHttp,
}

/// Serves connections until the test ends; counts the operations it has read whole.
fn server(hostility: Hostility) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            thread::spawn(move || serve(stream, hostility, &counter, address));
        }
    });
    (address, read)
}

fn serve(mut stream: TcpStream, hostility: Hostility, read: &AtomicUsize, own: SocketAddr) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
        // The body of a write ends with its closing brace.
        if !bytes.ends_with(b"}") {
            continue;
        }
        bytes.clear();
        read.fetch_add(1, Ordering::SeqCst);
        let reply = match hostility {
            Hostility::CloseAtOnce => return,
            Hostility::CloseInsideTheReply => {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"rev"));
                return;
            }
            Hostility::Redirect => format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{own}/kv/1\r\ncontent-length: 0\r\n\r\n"
            ),
            Hostility::ServiceUnavailable => {
                "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"
                    .to_owned()
            }
            Hostility::NotHttp => "PRI * SMTP\r\n\r\n".to_owned(),
        };
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn client(address: SocketAddr) -> Box<dyn Client> {
    let system = systems::by_plan(&Plan::default(), "squall".as_ref()).expect("the default system");
    system.client(&[address])
}

#[tokio::test]
async fn a_write_reaches_a_hostile_server_once_and_is_indeterminate() {
    for hostility in [
        Hostility::CloseAtOnce,
        Hostility::CloseInsideTheReply,
        Hostility::Redirect,
        Hostility::ServiceUnavailable,
        Hostility::NotHttp,
    ] {
        let (address, read) = server(hostility);
        let mut client = client(address);
        for sent in 1..=20 {
            let completion = client.invoke(0, &Invocation::write("1", sent)).await;
            assert!(matches!(completion, Completion::Info(_)), "{hostility:?}: {completion:?}");
            assert_eq!(read.load(Ordering::SeqCst) as u64, sent, "{hostility:?}");
        }
    }
}

/// A connection that the server closed while it lay idle is replaced; nothing may have been
/// sent on it before.
#[tokio::test]
async fn a_stale_pooled_connection_never_sends_a_write_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let (closed, was_closed) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 4096];
            let mut seen = Vec::new();
            while !seen.ends_with(b"}") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => seen.extend_from_slice(&buffer[..n]),
                }
            }
            if seen.ends_with(b"}") {
                counter.fetch_add(1, Ordering::SeqCst);
                let body = r#"{"revision":1}"#;
                let reply =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                drop(stream.write_all(reply.as_bytes()));
            }
            // Keep-alive was promised, and is broken between two operations.
            drop(stream);
            if closed.send(()).is_err() {
                return;
            }
        }
    });
    let mut client = client(address);
    for sent in 1..=50_u64 {
        let completion = client.invoke(0, &Invocation::write("1", sent)).await;
        let reached = read.load(Ordering::SeqCst) as u64;
        assert!(reached <= sent, "{reached} copies of {sent} writes arrived");
        match completion {
            // Wait for the close, so that the next write meets a stale connection.
            Completion::Ok { .. } => {
                was_closed.recv_timeout(Duration::from_secs(5)).expect("closed");
            }
            Completion::Info(_) => {}
            Completion::Fail(why) => panic!("write {sent} may have been taken, but: {why}"),
            Completion::Mismatch { .. } | Completion::Declined(_) => {
                panic!("a write expects nothing")
            }
        }
    }
}

/// An operation given up must not leave its reply to the next one.
#[tokio::test]
async fn a_late_reply_never_answers_the_next_operation() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (reading, has_read) = mpsc::channel();
    let (go, may_reply) = mpsc::channel::<()>();
    thread::spawn(move || {
        // The first connection gets its reply late, every other one gets nothing at all.
        let (mut first, _) = listener.accept().expect("a connection");
        let mut buffer = [0; 4096];
        let _ = first.read(&mut buffer).expect("an operation");
        reading.send(()).expect("the test listens");
        may_reply.recv().expect("the test goes on");
        let body = r#"{"value":1,"revision":1}"#;
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        // The client may have closed it already, which is just as well.
        drop(first.write_all(reply.as_bytes()));
        let (mut second, _) = listener.accept().expect("a connection of its own");
        let _ = second.read(&mut buffer).expect("an operation");
    });
    let mut client = client(address);
    let read = Invocation::read("1");
    let given_up = tokio::time::timeout(Duration::from_millis(100), client.invoke(0, &read)).await;
    assert!(given_up.is_err(), "{given_up:?}");
    has_read.recv_timeout(Duration::from_secs(5)).expect("the first operation arrived");
    go.send(()).expect("the server waits");
    let next = client.invoke(0, &Invocation::read("2")).await;
    assert!(matches!(next, Completion::Info(_)), "{next:?}");
}

#[tokio::test]
async fn nobody_listening_is_a_definite_failure() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound")
    };
    let completion = client(address).invoke(0, &Invocation::write("1", 5)).await;
    assert!(matches!(completion, Completion::Fail(_)), "{completion:?}");
}

#[tokio::test]
async fn what_the_system_does_not_offer_is_never_sent() {
    let (address, read) = server(Hostility::CloseAtOnce);
    let invocation = Invocation::new(Function::Dequeue, "1", serde_json::Value::Null);
    let completion = client(address).invoke(0, &invocation).await;
    assert!(matches!(completion, Completion::Fail(_)), "{completion:?}");
    assert_eq!(read.load(Ordering::SeqCst), 0);
}

#[test]
fn the_default_system_is_the_built_in_node() {
    let system = systems::by_plan(&Plan::default(), "squall".as_ref()).expect("the default system");
    assert_eq!(System::name(&*system), "node");
}
