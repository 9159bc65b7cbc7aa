//! An append under a client id goes under one number, however often it is tried, and is only
//! called refused where no attempt can have been applied.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use squall::{
    plan::Plan,
    system::{Client, Completion},
    systems,
};
use squall_workloads::{Function, Invocation};

/// What the server does with one append; the last one is for all that follow.
#[derive(Clone, Copy, Debug)]
enum Act {
    Reply(&'static str),
    CloseAtOnce,
}

const APPLIED: Act = Act::Reply("200 OK\n{\"revision\":9}");
const NO_LEADER: Act =
    Act::Reply("503 Service Unavailable\n{\"error\":\"no leader\",\"definite\":true}");
const TIMED_OUT: Act =
    Act::Reply("504 Gateway Timeout\n{\"error\":\"timed out\",\"definite\":false}");
const GONE: Act = Act::Reply("410 Gone\n{\"error\":\"the session is gone\",\"definite\":true}");
const NO_LIST: Act =
    Act::Reply("422 Unprocessable Entity\n{\"error\":\"no list\",\"definite\":true}");

/// Session and number of each append that arrived.
type Arrived = Arc<Mutex<Vec<(String, String)>>>;

/// A node that knows sessions and acts by its script.
fn server(script: &'static [Act]) -> (SocketAddr, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let arrived = Arrived::default();
    let seen = Arc::clone(&arrived);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            thread::spawn(move || serve(stream, script, &seen));
        }
    });
    (address, arrived)
}

fn serve(mut stream: TcpStream, script: &[Act], seen: &Arrived) {
    while let Some(request) = request(&mut stream) {
        let header = |name: &str| {
            let line = request.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        let act = if request.starts_with("POST /session ") {
            Act::Reply("200 OK\n{\"session\":7}")
        } else {
            let mut seen = seen.lock().expect("no panics here");
            seen.push((header("x-squall-session:"), header("x-squall-sequence:")));
            script[(seen.len() - 1).min(script.len() - 1)]
        };
        let Act::Reply(reply) = act else { return };
        let (status, body) = reply.split_once('\n').expect("a status and a body");
        let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next whole request, with its headers in lower case; nothing once the client is gone.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
        if body.len() >= length {
            return Some(text);
        }
    }
}

/// What one append comes to, and what arrived of it.
async fn append(script: &'static [Act]) -> (Option<Completion>, Vec<(String, String)>) {
    let (address, arrived) = server(script);
    let system = systems::by_plan(&Plan::default(), "squall".as_ref()).expect("the default system");
    let mut client: Box<dyn Client> = system.client(&[address]);
    let append = Invocation::new(Function::AppendOnce, "k", 5);
    let completion = tokio::time::timeout(Duration::from_secs(5), client.invoke(0, &append)).await;
    let arrived = arrived.lock().expect("no panics here").clone();
    (completion.ok(), arrived)
}

fn is_ok(completion: Option<&Completion>) -> bool {
    matches!(completion, Some(Completion::Ok { .. }))
}

#[tokio::test]
async fn every_attempt_goes_under_one_number_until_one_is_answered() {
    for script in [
        &[APPLIED][..],
        &[Act::CloseAtOnce, APPLIED],
        &[TIMED_OUT, Act::CloseAtOnce, NO_LEADER, TIMED_OUT, APPLIED],
    ] {
        let (completion, arrived) = append(script).await;
        assert!(is_ok(completion.as_ref()), "{script:?}: {completion:?}");
        assert_eq!(arrived.len(), script.len(), "{script:?}");
        assert!(arrived.iter().all(|stamp| *stamp == ("7".to_owned(), "1".to_owned())));
    }
}

#[tokio::test]
async fn a_refusal_of_the_first_attempt_is_one_and_of_a_later_one_says_nothing() {
    for refusal in [&[NO_LIST][..], &[GONE], &[NO_LEADER, NO_LIST]] {
        let (completion, _) = append(refusal).await;
        assert!(matches!(completion, Some(Completion::Fail(_))), "{refusal:?}: {completion:?}");
    }
    for doubt in
        [&[TIMED_OUT, NO_LIST][..], &[TIMED_OUT, GONE], &[Act::CloseAtOnce, NO_LEADER, GONE]]
    {
        let (completion, _) = append(doubt).await;
        assert!(matches!(completion, Some(Completion::Info(_))), "{doubt:?}: {completion:?}");
    }
}

#[tokio::test]
async fn an_append_that_nobody_answers_is_tried_until_its_time_is_up() {
    let (completion, arrived) = append(&[TIMED_OUT]).await;
    assert_eq!(completion, None, "only whoever asked ends it");
    assert!(arrived.len() > 20, "{} attempts in 5 s", arrived.len());
    assert!(arrived.iter().all(|stamp| *stamp == arrived[0]));
}
