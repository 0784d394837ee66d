use std::io::Cursor;

use git2::Oid;
use proptest::prelude::*;

use super::packet::{Packet, Packets, write, write_flush};
use super::*;
use crate::trail::remote::RemoteError;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn id(text: &str) -> Oid {
    Oid::from_str(text).unwrap()
}

/// Packets of these contents; an empty one ends a part.
fn packets(contents: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for content in contents {
        if content.is_empty() { write_flush(&mut bytes) } else { write(&mut bytes, content) }.unwrap();
    }
    bytes
}

fn lines(text: &[&str]) -> Vec<u8> {
    packets(&text.iter().map(|line| line.as_bytes()).collect::<Vec<_>>())
}

fn read(bytes: &[u8]) -> Result<Vec<Packet>, RemoteError> {
    let mut packets = Packets::new(bytes);
    let mut found = Vec::new();
    while let Some(packet) = packets.next()? {
        found.push(packet);
    }
    Ok(found)
}

fn advertised(bytes: &[u8]) -> Result<Option<Advertisement>, RemoteError> {
    Advertisement::read(&mut Cursor::new(bytes))
}

fn server(capabilities: &str) -> Advertisement {
    advertised(&lines(&[&format!("{ONE} refs/heads/main\0{capabilities}\n"), ""])).unwrap().unwrap()
}

/// A packet on a band.
fn band(number: u8, data: &[u8]) -> Vec<u8> {
    [&[number], data].concat()
}

fn pack_in(bytes: &[u8]) -> Result<Vec<u8>, RemoteError> {
    let mut pack = Vec::new();
    receive_pack(bytes, |piece| {
        pack.extend_from_slice(piece);
        Ok::<(), RemoteError>(())
    })?;
    Ok(pack)
}

#[test]
fn a_packet_is_as_long_as_it_says() {
    assert_eq!(lines(&["a\n", ""]), b"0006a\n0000");
    assert_eq!(
        read(b"0006a\n00000004").unwrap(),
        [Packet::Data(b"a\n".to_vec()), Packet::Flush, Packet::Data(Vec::new())]
    );
    for cut in [&b"0"[..], b"000", b"0006a", b"fff0"] {
        assert!(matches!(read(cut), Err(RemoteError::CutOff)), "{cut:?}");
    }
    for bad in [&b"0001"[..], b"0003", b"+004", b"00 4", b"HTTP", b"ffff", b"fff1"] {
        assert!(matches!(read(bad), Err(RemoteError::Malformed { .. })), "{bad:?}");
    }
    let mut bytes = Vec::new();
    assert!(write(&mut bytes, &vec![b'x'; 65516]).is_ok());
    assert!(write(&mut bytes, &vec![b'x'; 65517]).is_err());
    assert_eq!(read(&bytes).unwrap().len(), 1);
}

#[test]
fn an_advertisement_has_references_and_capabilities() {
    let bytes = lines(&[
        &format!("{ONE} HEAD\0atomic agent=git/2 symref=HEAD:refs/heads/main"),
        &format!("{ONE} refs/heads/main\n"),
        &format!("{TWO} refs/tags/v1"),
        &format!("{ONE} refs/tags/v1^{{}}"),
        &format!("{TWO} .have"),
        &format!("shallow {ONE}"),
        "",
    ]);
    let found = advertised(&bytes).unwrap().unwrap();
    let refs: Vec<(&str, Oid)> = found.refs.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    assert_eq!(refs, [("refs/heads/main", id(ONE)), ("refs/tags/v1", id(TWO))]);
    assert!(found.has("atomic") && !found.has("agent") && found.is_shallow);
    assert_eq!(found.agreed(&["atomic", "quiet"]), format!("atomic {AGENT}"));
    for cut in 1..bytes.len() {
        assert!(advertised(&bytes[..cut]).is_err(), "cut after {cut} bytes");
    }
}

#[test]
fn an_empty_repository_has_capabilities_alone() {
    let zero = Oid::ZERO_SHA1;
    let found = advertised(&lines(&[&format!("{zero} capabilities^{{}}\0report-status"), ""])).unwrap().unwrap();
    assert!(found.refs.is_empty() && found.has("report-status"));
    assert_eq!(advertised(b"0000").unwrap().unwrap(), Advertisement::default());
    assert_eq!(advertised(b"").unwrap(), None);
}

#[test]
fn a_name_that_leads_out_of_the_references_is_none() {
    for name in
        ["refs/heads/../../config", "refs/heads/a..b", "refs/heads/a.lock", "refs//a", "refs/heads/a\u{7}", "../x"]
    {
        let found = advertised(&lines(&[&format!("{ONE} {name}\0"), ""])).unwrap().unwrap();
        assert_eq!(found.refs.len(), 0, "{name}");
    }
    for line in ["hello", &ONE[1..], &format!("{ONE}\trefs/heads/main"), &format!("{ONE}refs"), "version 2", "ä"] {
        assert!(advertised(&lines(&[line, ""])).is_err(), "{line}");
    }
}

#[test]
fn what_a_server_says_instead_of_references_is_told() {
    let told = |line: &str| advertised(&lines(&[line])).unwrap_err().to_string();
    assert_eq!(told("ERR access denied\u{1b}[2J\n"), "it said: access denied\\u{1b}[2J");
    let other = format!("{ONE} refs/heads/main\0object-format=sha256");
    assert_eq!(
        advertised(&lines(&[&other, ""])).unwrap_err().to_string(),
        "it names objects by sha256, which is not supported"
    );
}

#[test]
fn an_announcement_names_the_service() {
    let announces = |bytes: &[u8]| announced(&mut Cursor::new(bytes), Service::UploadPack);
    assert!(announces(&lines(&["# service=git-upload-pack\n", ""])).unwrap());
    assert!(!announces(&lines(&["# service=git-receive-pack\n", ""])).unwrap());
    assert!(!announces(b"<html>").unwrap());
    assert!(!announces(&lines(&["# service=git-upload-pack\n", "# more"])).unwrap());
}

#[test]
fn a_wish_says_everything_at_once() {
    let written = |cut: &[Oid], capabilities: &str| {
        let mut bytes = Vec::new();
        let wish = Wish { wanted: &[id(ONE), id(TWO)], cut, present: &[id(TWO)] };
        wish.write(&server(capabilities), &mut bytes).map(|()| bytes)
    };
    let expected = lines(&[
        &format!("want {ONE} multi_ack_detailed side-band-64k {AGENT}\n"),
        &format!("want {TWO}\n"),
        &format!("shallow {ONE}\n"),
        "",
        &format!("have {TWO}\n"),
        "done\n",
    ]);
    let all = "multi_ack_detailed side-band-64k shallow thin-pack agent=git/2";
    assert_eq!(written(&[id(ONE)], all).unwrap(), expected);
    assert!(matches!(written(&[id(ONE)], "side-band-64k"), Err(RemoteError::Malformed { .. })));
    assert!(matches!(written(&[], "shallow"), Err(RemoteError::Malformed { .. })));
}

#[test]
fn a_pack_is_put_together_from_its_band() {
    let (one, words, two) = (band(1, b"PACK"), band(2, b"counting\r"), band(1, b"rest"));
    let parts: [&[u8]; 6] = [b"ACK 1 common\n", b"NAK\n", &one, &words, &two, b""];
    let bytes = packets(&parts);
    assert_eq!(pack_in(&bytes).unwrap(), b"PACKrest");
    for cut in 0..bytes.len() {
        assert!(matches!(pack_in(&bytes[..cut]), Err(RemoteError::CutOff)), "cut after {cut} bytes");
    }
    let last_words = pack_in(&packets(&[b"NAK\n", &words, &band(3, b"out of memory\n")])).unwrap_err();
    assert_eq!(last_words.to_string(), "it said: out of memory");
    let refused = pack_in(&packets(&[b"ERR upload-pack: not our ref\n"])).unwrap_err();
    assert_eq!(refused.to_string(), "it said: upload-pack: not our ref");
    assert!(matches!(pack_in(&packets(&[b"NAK\n", b"\x07x"])), Err(RemoteError::Malformed { .. })));
}

fn commands() -> Vec<Command> {
    let command = |name: &str, from, to| Command { reference: name.to_owned(), from, to: id(to) };
    vec![command("refs/heads/main", Some(id(ONE)), TWO), command("refs/orgtrail/heartbeat", None, ONE)]
}

fn report(inner: &[u8], said: &[u8]) -> Result<Report, RemoteError> {
    Report::read(Cursor::new(packets(&[&band(2, said), &band(1, inner), b""])))
}

#[test]
fn commands_say_where_a_reference_has_to_be_and_where_it_goes() {
    let mut bytes = Vec::new();
    let capable = server("report-status report-status-v2 delete-refs side-band-64k quiet atomic push-options");
    Command::write_all(&commands(), &capable, &mut bytes).unwrap();
    let expected = lines(&[
        &format!("{ONE} {TWO} refs/heads/main\0report-status side-band-64k quiet atomic"),
        &format!("{} {ONE} refs/orgtrail/heartbeat", Oid::ZERO_SHA1),
        "",
    ]);
    assert_eq!(bytes, expected);
    for less in ["report-status", "side-band-64k"] {
        let written = Command::write_all(&commands(), &server(less), &mut Vec::new());
        assert!(matches!(written, Err(RemoteError::Malformed { .. })), "{less}");
    }
}

#[test]
fn a_report_tells_what_was_not_done() {
    let refused = |inner: &[&str], said: &str| {
        let report = report(&lines(inner), said.as_bytes()).unwrap();
        let commands = commands();
        report.first_refused(&commands).map(|(command, said)| (command.reference.clone(), said))
    };
    let told = |name: &str, said: &str| Some((name.to_owned(), said.to_owned()));
    let (main, heartbeat) = ("refs/heads/main", "refs/orgtrail/heartbeat");
    assert_eq!(refused(&["unpack ok\n", "ok refs/heads/main\n", "ok refs/orgtrail/heartbeat\n", ""], "hi"), None);
    assert_eq!(refused(&["unpack ok", "ok refs/heads/main", ""], ""), told(heartbeat, "it did not say why"));
    let both = ["unpack ok", "ng refs/heads/main no", "ng refs/orgtrail/heartbeat no", ""];
    assert_eq!(refused(&both, "error: GH006\n"), told(main, "no | error: GH006"));
    let one = ["unpack ok", "ng refs/heads/main atomic", "ng refs/orgtrail/heartbeat hidden", ""];
    assert_eq!(refused(&one, ""), told(main, "refs/heads/main: atomic | refs/orgtrail/heartbeat: hidden"));
    let pack = ["unpack index-pack abnormal exit", "ok refs/heads/main", "ok refs/orgtrail/heartbeat", ""];
    assert_eq!(refused(&pack, ""), told(main, "index-pack abnormal exit"));
}

#[test]
fn what_is_no_report_is_no_success() {
    for inner in [&lines(&[""])[..], b"", &lines(&["ok refs/heads/main"]), &lines(&["unpack ok", "hello"]), b"00"] {
        assert!(report(inner, b"").is_err(), "{inner:?}");
    }
    assert!(matches!(Report::read(Cursor::new(packets(&[&band(1, b"0000")]))), Err(RemoteError::CutOff)));
}

#[test]
fn what_a_server_says_becomes_one_line_that_is_safe_and_short() {
    for (said, shown) in [
        ("", ""),
        ("one\n\n  two  \r\n", "one | two"),
        ("10%\r50%\r100%, done\n", "100%, done"),
        ("a\u{1b}[31mb\u{7}\u{202e}c", "a\\u{1b}[31mb\\u{7}\\u{202e}c"),
        ("\u{0}", "\\u{0}"),
    ] {
        assert_eq!(one_line(said.as_bytes()), shown);
    }
    assert_eq!(one_line(&[0xff, b'a']), "\u{fffd}a");
    let long = one_line("ä".repeat(403).as_bytes());
    assert_eq!(long, format!("{}… and 3 more characters", "ä".repeat(400)));
}

proptest! {
    #[test]
    fn packets_come_back_as_they_were_written(contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8)) {
        let bytes = packets(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let expected: Vec<Packet> =
            contents.into_iter().map(|content| if content.is_empty() { Packet::Flush } else { Packet::Data(content) }).collect();
        prop_assert_eq!(read(&bytes).unwrap(), expected);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(contents in proptest::collection::vec("[ \\PC\n\0]{0,60}|(want|ok|ng|unpack|shallow|ERR|ACK) [0-9a-f]{0,41} .{0,20}|\u{1}.{0,9}", 0..6), raw in any::<Vec<u8>>(), cut in 0..200usize) {
        let mut bytes = lines(&contents.iter().map(String::as_str).collect::<Vec<_>>());
        let _ = (advertised(&bytes), pack_in(&bytes), Report::read(bytes.as_slice()), report(&bytes, &raw));
        bytes.truncate(cut);
        bytes.extend_from_slice(&raw);
        for bytes in [&bytes, &raw] {
            let _ = (advertised(bytes), pack_in(bytes), Report::read(bytes.as_slice()), report(bytes, &raw));
            prop_assert!(!one_line(bytes).contains(char::is_control));
        }
    }
}
