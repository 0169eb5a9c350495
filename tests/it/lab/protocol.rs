//! A lab's server takes any bytes at its socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;

use super::{Labs, text};

/// A lab that waits for a line of input and then proves that it works.
struct Lab {
    process: Child,
    socket: PathBuf,
}

impl Lab {
    fn start(labs: &Labs) -> Self {
        let mut process = labs.spawn("echo $KUBEWIRE_LAB; read x; sleep 1 && echo works");
        let mut folder = String::new();
        let stdout = process.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut folder).unwrap();
        Self { process, socket: Path::new(folder.trim()).join("socket") }
    }

    /// Sends `bytes` and reads until the server ends the talk, as long as it does so by itself.
    fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        // The server may have stopped listening before the end.
        let _sent = stream.write_all(bytes);
        let _closed = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _end = stream.read_to_end(&mut answer);
        answer
    }

    fn finish(mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let output = self.process.wait_with_output().unwrap();
        assert_eq!(text(&output.stdout), "works\n", "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(content.len() + 1).unwrap().to_le_bytes().to_vec();
    frame.push(kind);
    frame.extend(content);
    frame
}

fn hello(argv: &str, netns: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"version":1,"argv":{argv},"netns":{netns},"to_terminal":false,"columns":null}}"#
    );
    frame(1, json.as_bytes())
}

#[test]
fn the_server_outlives_bytes_that_are_no_messages() {
    let labs = Labs::new();
    let lab = Lab::start(&labs);
    let sleep = hello(r#"["sleep","0"]"#, "null");
    let after_hello =
        |rest: &[u8]| [hello(r#"["sleep","infinity"]"#, "null"), rest.to_vec()].concat();
    let hostile: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        u32::MAX.to_le_bytes().to_vec(),
        0_u32.to_le_bytes().to_vec(),
        vec![0xff; 1 << 21],
        frame(0, b""),
        frame(255, b"x"),
        frame(1, b"{"),
        frame(1, b"\xff\xfe"),
        frame(1, br#"{"version":2,"argv":[],"netns":null,"to_terminal":false,"columns":null}"#),
        frame(1, &b"[".repeat(1 << 19)),
        frame(2, b"input before hello"),
        frame(3, b""),
        frame(6, b"\0\0\0\0data"),
        sleep[..sleep.len() - 1].to_vec(),
        hello("[]", "null"),
        hello(r#"["no-such-tool"]"#, "null"),
        hello(r#"["sleep","1"]"#, r#""99:nowhere""#),
        hello(r#"["sleep","1"]"#, r#""x""#),
        hello(r#"["sleep","1"]"#, r#""-1:x""#),
        after_hello(&frame(2, b"input that nobody wants")),
        after_hello(&frame(2, b"")),
        after_hello(&[frame(5, b"\x09\0\0\0"), frame(6, b"\xff\xff\xff\xffx")].concat()),
        after_hello(&frame(7, b"\0\0\0\0\xff")),
        after_hello(&frame(3, b"").repeat(10_000)),
        after_hello(&hello(r#"["sleep","1"]"#, "null")),
        after_hello(&frame(9, b"\0")),
    ];
    for bytes in &hostile {
        lab.send(bytes);
    }
    lab.finish();
}

#[test]
fn a_refused_shim_is_told_why() {
    let labs = Labs::new();
    let lab = Lab::start(&labs);
    let why = |bytes: &[u8]| {
        let answer = lab.send(bytes);
        let (length, rest) = answer.split_at(4);
        assert_eq!(length, u32::try_from(rest.len()).unwrap().to_le_bytes());
        assert_eq!(rest[0], 11, "{answer:?}");
        text(&rest[1..])
    };
    assert_eq!(why(&frame(9, b"")), "a bad message of kind 9");
    assert_eq!(why(&hello(r#"["no"]"#, "null")), "there is no tool \"no\"");
    assert_eq!(
        why(&hello(r#"["sleep"]"#, r#""7:net7""#)),
        "the network namespace \"7:net7\" is gone"
    );
    lab.finish();
}

#[test]
fn many_silent_connections_do_not_hold_the_lab_up() {
    let labs = Labs::new();
    let lab = Lab::start(&labs);
    let silent: Vec<_> = (0..300).map(|_| UnixStream::connect(&lab.socket).unwrap()).collect();
    lab.finish();
    drop(silent);
}
