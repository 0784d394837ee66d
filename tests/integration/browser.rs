//! The page of changes in a real browser: what its script does, that nothing goes wrong, that no request leaves.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;

use crate::history::story;

/// What a browser is called, from system to system.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// What a browser made of a page.
struct Seen {
    /// The document once its script has run.
    dom: String,
    /// What the page said on the console.
    console: Vec<String>,
    /// The first lines of the requests that came for it.
    requests: Vec<String>,
}

/// Shows a page to a browser that can reach nothing but the server of the page.
fn show(page: &str, fragment: &str) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/page{fragment}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let Some(first) = lines.into_iter().next() else { continue };
            let _ = stream.write_all(answer.as_bytes());
            if sender.send(first).is_err() {
                return;
            }
        }
    });
    let profile = tempfile::tempdir().unwrap();
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--virtual-time-budget=5000",
        "--dump-dom",
    ];
    let run = |name: &str| {
        let mut command = Command::new(name);
        command.args(arguments).arg(format!("--user-data-dir={}", profile.path().display())).arg(&url);
        command.output().ok()
    };
    let output = BROWSERS.into_iter().find_map(run).expect("chromium is not installed: apt-get install chromium");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let console = String::from_utf8_lossy(&output.stderr);
    Seen {
        dom: String::from_utf8(output.stdout).unwrap(),
        console: console.lines().filter(|line| line.contains("CONSOLE")).map(ToOwned::to_owned).collect(),
        requests: requests.try_iter().collect(),
    }
}

impl Seen {
    /// The opening tags of the changes that are shown.
    fn shown(&self) -> Vec<&str> {
        let tags = self.dom.match_indices("<article ").map(|(at, _)| &self.dom[at..]);
        tags.map(|tag| &tag[..=tag.find('>').unwrap()]).filter(|tag| !tag.contains(" hidden")).collect()
    }

    /// How many of each level the filter says there are.
    fn counts(&self) -> BTreeMap<&str, u64> {
        let choices = self.dom.split(r#"<input type="checkbox" name="level" value=""#).skip(1);
        choices
            .map(|choice| {
                let count = choice.split_once(r#"<span class="count">"#).unwrap().1;
                (choice.split_once('"').unwrap().0, count.split_once('<').unwrap().0.parse().unwrap())
            })
            .collect()
    }

    /// What the page says of how many are shown.
    fn status(&self) -> &str {
        self.dom.split_once("<output").unwrap().1.split_once('>').unwrap().1.split_once('<').unwrap().0
    }
}

/// A trail in which a day has passed: its changes as a page and as a document.
fn day() -> (String, serde_json::Value) {
    let terminal = crate::formats::day();
    (terminal.run(&["diff", "--format", "html"]).ends_with(0), terminal.run(&["diff", "--format", "json"]).json(0))
}

#[test]
#[ignore = "needs a browser, which .ci/run installs"]
fn a_page_filters_its_changes_says_nothing_on_the_console_and_asks_for_nothing() {
    let (page, document) = day();
    let changes = document["changes"].as_array().unwrap();
    let of_level = |level: &str| changes.iter().filter(|change| change["severity"] == level).count();

    let all = show(&page, "");
    assert_eq!(all.console, Vec::<String>::new());
    assert_eq!(all.requests, ["GET /page HTTP/1.1"]);
    assert_eq!((all.shown().len(), all.status()), (changes.len(), format!("All {}", changes.len()).as_str()));
    for (level, count) in all.counts() {
        assert_eq!(document["counts"][level], count);
    }

    let critical = show(&page, "#level=critical");
    assert!(critical.shown().iter().all(|tag| tag.contains(r#"data-level="critical""#)));
    assert_eq!(critical.shown().len(), of_level("critical"));
    assert_eq!(critical.status(), format!("{} of {}", of_level("critical"), changes.len()));

    let domain = show(&page, "#domain=routing.queues");
    assert!(domain.shown().iter().all(|tag| tag.contains(r#"data-domain="routing.queues""#)));
    assert_eq!(domain.shown().len(), changes.iter().filter(|change| change["domain"] == "routing.queues").count());
    assert_eq!(domain.counts().values().sum::<u64>(), domain.shown().len() as u64);

    let words = show(&page, "#q=SALES+timeoutms");
    assert_eq!(words.shown().len(), 1);
    let nothing = show(&page, "#q=nothing-like-it");
    assert_eq!((nothing.shown().len(), nothing.counts().values().sum::<u64>()), (0, 0));
    assert!(nothing.dom.contains(r#"<p class="empty none">"#));
}

#[test]
#[ignore = "needs a browser, which .ci/run installs"]
fn a_page_shows_what_one_person_did() {
    let story = story();
    let first = story.terminal.git(&["rev-list", "--reverse", "main", "--", "snapshot"]);
    let first = first.lines().next().unwrap();
    let page = story.terminal.run(&["diff", first, "HEAD", "--format", "html"]).ends_with(0);
    let document = story.terminal.run(&["diff", first, "HEAD", "--format", "json"]).json(0);
    let changes = document["changes"].as_array().unwrap();
    for person in ["Ann Lee", "Bo Berg", "nobody known"] {
        let seen = show(&page, &format!("#who={}", person.replace(' ', "+")));
        let is_by = |change: &&serde_json::Value| {
            let actors = change["actors"].as_array().unwrap();
            actors.iter().any(|actor| actor["name"] == person) || (actors.is_empty() && person == "nobody known")
        };
        let expected = changes.iter().filter(is_by).count();
        assert_eq!((seen.shown().len(), seen.console), (expected, Vec::new()), "{person}");
        assert!(expected > 0 && expected < changes.len(), "{person}");
    }
}

#[test]
#[ignore = "needs a browser, which .ci/run installs"]
fn the_policy_of_a_page_refuses_what_was_put_into_it() {
    let (page, _) = day();
    let attack =
        r#"<img src="http://127.0.0.1/x" onerror="document.title='taken'"><script>document.title='taken'</script>"#;
    let seen = show(&page.replace("</main>", &format!("{attack}</main>")), "");
    assert!(seen.console.len() >= 2, "{:?}", seen.console);
    assert!(!seen.dom.contains("<title>taken"));
}
