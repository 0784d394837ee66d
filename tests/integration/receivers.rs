//! Channels against receivers that others have written: a mail server, a syslog daemon, and the models, schemas and parsers that are
//! published for the formats of events. `.ci/run` installs them.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use orgtrail::alert::AlertPhase;
use orgtrail::model::Severity;
use orgtrail::notify::Verdict;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::channels::{alert, deliver, message, open};

/// How long a daemon may take to be there, or a file to be written.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with a folder of its own, until the test ends.
struct Daemon {
    folder: TempDir,
    child: Child,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// Starts a daemon with a configuration in which `FOLDER` stands for its folder, and a certificate in `cert.pem`.
    fn start(program: &[&str], arguments: &[&str], configuration: &str, port: u16) -> Self {
        let folder = tempfile::Builder::new().permissions(permissions(0o755)).tempdir().unwrap();
        let at = folder.path().display().to_string();
        certificate(folder.path());
        std::fs::write(folder.path().join("daemon.conf"), configuration.replace("FOLDER", &at)).unwrap();
        let told = || std::fs::File::create(folder.path().join("told")).unwrap();
        let arguments = arguments.iter().map(|argument| argument.replace("FOLDER", &at)).collect::<Vec<_>>();
        let start = |name: &&str| {
            Command::new(name).args(&arguments).stdin(Stdio::null()).stdout(told()).stderr(told()).spawn().ok()
        };
        let child = program.iter().find_map(start);
        let child = child.unwrap_or_else(|| panic!("{} is not installed", program[0]));
        let daemon = Self { folder, child };
        daemon.wait_for(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        daemon
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Asks until there is an answer.
    fn wait_for<T>(&self, ask: impl Fn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            let told = std::fs::read_to_string(self.path("told")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "there was no answer; it said: {told}");
            std::thread::yield_now();
        }
    }
}

fn permissions(mode: u32) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

/// A certificate for this machine, which is its own authority.
fn certificate(folder: &Path) {
    let arguments = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                     -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem";
    let made = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output();
    let made = made.expect("openssl is not installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A port that is free now.
fn port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn mail_server(ports: [u16; 2]) -> Daemon {
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    // Nothing is delivered as root; who is not root can deliver as nobody else.
    let (user, drops, deliver_as) = match user.trim() {
        "root" => ("root", "false", "user = nobody\n  group = nogroup".to_owned()),
        other => (other, "true", format!("user = {other}")),
    };
    let configuration = include_str!("receivers/exim.conf")
        .replace("USER", user)
        .replace("DELIVER_AS", &deliver_as)
        .replace("DROPS", drops)
        .replace("STARTTLS_PORT", &ports[0].to_string())
        .replace("TLS_PORT", &ports[1].to_string());
    let programs = ["exim4", "/usr/sbin/exim4", "exim", "/usr/sbin/exim"];
    let daemon = Daemon::start(&programs, &["-C", "FOLDER/daemon.conf", "-bdf"], &configuration, ports[0]);
    std::fs::create_dir_all(daemon.path("mail")).unwrap();
    std::fs::set_permissions(daemon.path("mail"), permissions(0o777)).unwrap();
    daemon
}

#[test]
#[ignore = "needs a mail server, which .ci/run installs"]
fn a_mail_server_delivers_the_digest_it_was_given_under_a_password() {
    let ports = [port(), port()];
    let daemon = mail_server(ports);
    let settings = |tls: &str, port: u16, to: &str| {
        format!(
            "type = 'email'\nhost = 'localhost'\nport = {port}\ntls = '{tls}'\nuser = 'trail'\npassword = '$PASSWORD'\n\
             from = 'orgtrail <trail@example.com>'\nto = ['{to}']\nca_file = '{}'",
            daemon.path("cert.pem")
        )
    };
    let send = |settings: &str, password: &str| {
        let channel = open(settings, &[("PASSWORD", password)]);
        deliver(channel.as_ref(), &channel.payloads(&message())).remove(0).1
    };
    for (count, (tls, port)) in [("starttls", ports[0]), ("implicit", ports[1])].into_iter().enumerate() {
        assert_eq!(send(&settings(tls, port, "Ann Lee <soc@example.com>"), "pass word"), Verdict::Delivered, "{tls}");
        let is_whole = |text: &String| text.matches(&format!("--orgtrail-{}--", message().id)).count() == count + 1;
        daemon.wait_for(|| std::fs::read_to_string(daemon.path("mail/box")).ok().filter(is_whole));
    }
    let mailbox = daemon.path("mail/box");
    let read = "import mailbox, sys, json\n\
                for m in mailbox.mbox(sys.argv[1]):\n\
                \x20 parts = {p.get_content_type(): p.get_payload(decode=True).decode() for p in m.walk() if not p.is_multipart()}\n\
                \x20 print(json.dumps([m['Message-ID'], m['Subject'], m['To'], m['Bcc'], parts]))";
    let told = run("python3", &["-c", read, &mailbox], "");
    let mails: Vec<Json> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(mails.len(), 2);
    for mail in mails {
        assert_eq!(mail[0], format!("<{}@example.com>", message().id));
        assert!(mail[1].as_str().unwrap().starts_with("orgtrail: 1 critical, 1 high, 1 low"), "{mail}");
        assert!(mail[3].is_null(), "a name has made a header: {mail}");
        let (text, html) = (mail[4]["text/plain"].as_str().unwrap(), mail[4]["text/html"].as_str().unwrap());
        assert!(text.contains("name: Support → VIP | <b>x</b> a=b \\ \\r\\nBcc: e@e.example"), "{text}");
        assert!(html.contains("Zürich") && html.contains("&#60;b&#62;") && !html.contains("<b>"), "{html}");
    }

    let starttls = |to: &str| settings("starttls", ports[0], to);
    assert!(matches!(send(&starttls("nobody@example.com"), "pass word"), Verdict::Refused { .. }));
    assert!(matches!(send(&starttls("later@example.com"), "pass word"), Verdict::Retry { .. }));
    let Verdict::Retry { reason, .. } = send(&starttls("soc@example.com"), "canary-password") else {
        panic!("a wrong password was taken, or what waits for the right one given up")
    };
    assert!(!reason.contains("canary-password"), "{reason}");
    let untrusted =
        starttls("soc@example.com").lines().filter(|line| !line.starts_with("ca_file")).collect::<Vec<_>>().join("\n");
    assert!(matches!(send(&untrusted, "pass word"), Verdict::Retry { .. }));
}

#[test]
#[ignore = "needs a syslog daemon, which .ci/run installs"]
fn a_syslog_daemon_reads_what_it_is_sent_over_tls_tcp_and_udp() {
    let [udp, tcp, tls] = [port(), port(), port()];
    let configuration = include_str!("receivers/rsyslog.conf")
        .replace("UDP_PORT", &udp.to_string())
        .replace("TCP_PORT", &tcp.to_string())
        .replace("TLS_PORT", &tls.to_string());
    let programs = ["rsyslogd", "/usr/sbin/rsyslogd"];
    let arguments = ["-n", "-f", "FOLDER/daemon.conf", "-i", "FOLDER/pid"];
    let daemon = Daemon::start(&programs, &arguments, &configuration, tls);
    for (count, (protocol, port)) in [("tls", tls), ("tcp", tcp), ("udp", udp)].into_iter().enumerate() {
        let ca_file = format!("ca_file = '{}'", daemon.path("cert.pem"));
        // The certificate has the name; a datagram goes to the first address, and the daemon listens on this one.
        let host = if protocol == "udp" { "127.0.0.1" } else { "localhost" };
        let channel =
            open(&format!("type = 'cef'\nhost = '{host}'\nport = {port}\nprotocol = '{protocol}'\n{ca_file}"), &[]);
        let payloads = channel.payloads(&message());
        for (_, verdict) in deliver(channel.as_ref(), &payloads) {
            assert_eq!(verdict, Verdict::Delivered, "{protocol}");
        }
        let expected = (count + 1) * payloads.len();
        let is_whole = |text: &String| text.lines().count() == expected && text.ends_with('\n');
        let log = daemon.wait_for(|| std::fs::read_to_string(daemon.path("log")).ok().filter(is_whole));
        let mut lines: Vec<&str> = log.lines().skip(expected - payloads.len()).collect();
        lines.sort_unstable();
        let mut sent: Vec<String> = payloads.iter().map(|payload| told_of(&payload.body)).collect();
        sent.sort_unstable();
        assert_eq!(lines, sent, "{protocol}");
    }
    let stranger = open(&format!("type = 'cef'\nhost = 'localhost'\nport = {tls}"), &[]);
    let told = deliver(stranger.as_ref(), &stranger.payloads(&message())[..1]);
    assert!(matches!(told[0].1, Verdict::Retry { .. }), "{told:?}");
}

/// The line that the daemon writes of a message: its parts with tabs between them.
fn told_of(message: &[u8]) -> String {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let (header, cef) = text.split_once(" - CEF:").unwrap();
    let [priority, at, host, app, _, kind] = header.splitn(6, ' ').collect::<Vec<_>>()[..] else { panic!("{header}") };
    let priority = priority.trim_start_matches('<').trim_end_matches(">1");
    let at = at.replace(".000Z", ".000000+00:00");
    format!("{at}\t{priority}\t{host}\t{app}\t{kind}\tCEF:{cef}")
}

/// Runs a program with an input and returns what it prints.
fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs one of the scripts beside this file with the interpreter that has what it needs.
fn checked(interpreter: &str, script: &str, input: &str) -> String {
    let program = std::env::var(interpreter).unwrap_or_else(|_| panic!("{interpreter} is not set; .ci/run sets it"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/receivers").join(script);
    run(&program, &[script.to_str().unwrap()], input)
}

fn ids() -> Vec<String> {
    message().alerts.into_iter().map(|alert| alert.id).collect()
}

#[test]
#[ignore = "needs the published models of OCSF, which .ci/run installs"]
fn every_finding_is_one_of_the_open_cybersecurity_schema_framework() {
    let channel = open("type = 'ocsf'\nurl = 'https://ocsf.example.com'", &[]);
    let [payload] = &channel.payloads(&message())[..] else { panic!("it is not one batch") };
    let told = checked("ORGTRAIL_RECEIVERS_PYTHON", "ocsf.py", std::str::from_utf8(&payload.body).unwrap());
    assert_eq!(told.lines().collect::<Vec<_>>(), ids());
}

#[test]
#[ignore = "needs the published fields of ECS, which .ci/run installs"]
fn every_event_has_fields_of_the_elastic_common_schema() {
    let channel = open("type = 'elastic'\nurl = 'https://es.example.com'\napi_key = '$KEY'", &[("KEY", "key")]);
    let [payload] = &channel.payloads(&message())[..] else { panic!("it is not one batch") };
    let lines = std::str::from_utf8(&payload.body).unwrap().lines();
    let events: Vec<Json> = lines.skip(1).step_by(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = checked("ORGTRAIL_RECEIVERS_NODE", "ecs.js", &Json::from(events).to_string());
    assert_eq!(told.lines().collect::<Vec<_>>(), ids());
}

#[test]
#[ignore = "needs a parser of CEF, which .ci/run installs"]
fn a_parser_finds_in_the_common_event_format_what_was_put_in() {
    let channel = open("type = 'cef'\nhost = 'localhost'", &[]);
    let payloads = channel.payloads(&message());
    let lines: Vec<String> =
        payloads.iter().map(|payload| String::from_utf8(payload.body.clone()).unwrap() + "\n").collect();
    let told = checked("ORGTRAIL_RECEIVERS_PYTHON", "cef.py", &lines.concat());
    let events: Vec<Json> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), payloads.len());
    let expected = alert(Severity::Critical, AlertPhase::Raised, 1);
    let is = |name: &str, value: &str| assert_eq!(events[0][name], value, "{name}");
    is("DeviceVendor", "orgtrail");
    is("DeviceEventClassID", &expected.rule);
    is("Name", &format!("CRITICAL: {}", expected.message));
    is("Severity", "10");
    is("externalId", &expected.id);
    is("suser", "Ann Lee");
    is("src", "192.0.2.7");
    is("fingerprint", &expected.fingerprint);
    is("remedy", &expected.remedy);
    is("msg", r"name: Support → VIP | <b>x</b> a\=b \\ \\r\\nBcc: e@e.example");
}
