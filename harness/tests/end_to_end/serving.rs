//! `squall serve` as a person starts and ends it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::squall::{Place, finish, squall};

/// A server under way, and where it says it is.
fn begin(place: &Place) -> (Child, String) {
    let mut command = place.with_store("serve --port 0");
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let mut said = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut said).expect("it says where it is");
    let address = said.trim().strip_prefix("http://").and_then(|said| said.strip_suffix('/'));
    (child, address.expect("an address").to_owned())
}

fn get(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[test]
fn it_serves_until_it_is_interrupted_and_then_ends_well() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let place = Place::new();
        let (mut child, address) = begin(&place);
        let page = get(&address, "/");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("No runs yet"), "{page}");
        // A reader that is still connected holds nothing up.
        let _open = TcpStream::connect(&address).expect("it listens");
        let pid = i32::try_from(child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("it runs");
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(!place.store().exists(), "nothing is written");
    }
}

#[test]
fn a_port_that_is_taken_is_said_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let place = Place::new();
    let (code, said) = finish(place.with_store(&format!("serve --port {port}")));
    assert_eq!(code, 12, "{said}");
    assert!(said.contains("listens there already") && said.contains("--port 0"), "{said}");
}

#[test]
fn a_store_that_is_no_folder_is_said() {
    let place = Place::new();
    let file = place.file("store", "no folder");
    let (code, said) = finish(squall(&format!("serve --port 0 --store {file}")));
    assert_eq!(code, 12, "{said}");
    assert!(said.contains("list the store") && said.contains("--store"), "{said}");
}

#[test]
fn help_teaches_how_to_begin() {
    let (code, said) = finish(squall("serve --help"));
    assert_eq!(code, 0);
    for word in ["Ctrl-C", "/api/runs", "squall serve --store", "--port", "--host"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
