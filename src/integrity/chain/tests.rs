use super::*;

const ORG: &str = "0f";
const NOW: i64 = 1_000_000;

fn id(number: usize) -> String {
    format!("{number:040}")
}

fn at(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A user's commit on the one of the number before.
fn user(number: usize) -> ChainCommit {
    ChainCommit {
        id: id(number),
        parents: number.checked_sub(1).map(id).into_iter().collect(),
        former: Vec::new(),
        committer: "Uma".to_owned(),
        email: "uma@example.com".to_owned(),
        seconds: 0,
        at: at(0),
        subject: "notes".to_owned(),
        trailers: Vec::new(),
        touches: false,
        inside: Vec::new(),
        outside: vec!["notes.md".to_owned()],
    }
}

/// A commit of the tool on the one of the number before, of a run that began from another.
fn tools(number: usize, from: usize, seconds: i64, kind: &str, step: Option<&str>) -> ChainCommit {
    let run = RunId::new(ORG, &at(seconds), Some(&id(from)));
    let own = [(trailer::RUN, run.as_str()), (trailer::ORG, ORG), (trailer::KIND, kind), (trailer::DIGEST, "d")];
    let step = step.map(|step| (trailer::STEP, step));
    ChainCommit {
        committer: TOOL_NAME.to_owned(),
        email: format!("orgtrail@{ORG}.invalid"),
        seconds,
        at: at(seconds),
        trailers: own.into_iter().chain(step).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        touches: true,
        inside: vec!["snapshot/ledger.json".to_owned()],
        outside: Vec::new(),
        ..user(number)
    }
}

/// Two runs after the first commit: one of two kinds, one of three steps.
fn history() -> Vec<ChainCommit> {
    vec![
        user(0),
        tools(1, 0, 100, "baseline", None),
        user(2),
        tools(3, 2, 200, "coverage", None),
        tools(4, 2, 200, "observed", Some("1/3")),
        tools(5, 2, 200, "observed", Some("2/3")),
        tools(6, 2, 200, "observed", Some("3/3")),
        user(7),
        tools(8, 7, 300, "observed", Some("1/1")),
    ]
}

const WHOLE: View = View { is_whole: true, is_to_tip: true, now: NOW };

fn check(commits: &[ChainCommit]) -> Vec<String> {
    let told = |finding: Finding| match finding.subject {
        Subject::Commit(commit) => format!("{} {}", finding.rule, commit.trim_start_matches('0')),
        other => panic!("{other:?}"),
    };
    check_chain(None, commits, WHOLE).into_iter().map(told).collect()
}

fn set(commit: &mut ChainCommit, name: &str, value: Option<&str>) {
    commit.trailers.retain(|(key, _)| key != name);
    commit.trailers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_history_that_the_tool_made_has_no_finding() {
    assert_eq!(check(&history()), [""; 0]);
}

#[test]
fn each_commit_is_whose_it_is() {
    let mut merge = tools(3, 2, 200, "coverage", None);
    merge.parents.push(id(9));
    assert_eq!(merge.role(), Role::Foreign);
    let touching = ChainCommit { touches: true, ..user(1) };
    assert_eq!((touching.role(), user(1).role()), (Role::Foreign, Role::User));
    let idle = ChainCommit { touches: false, ..tools(1, 0, 1, "coverage", None) };
    assert_eq!((idle.role(), tools(1, 0, 1, "coverage", None).role()), (Role::Forged, Role::Tool));
}

#[test]
fn one_thing_wrong_is_named_at_its_commit() {
    let changed = |number: usize, change: &dyn Fn(&mut ChainCommit)| {
        let mut commits = history();
        change(&mut commits[number]);
        check(&commits)
    };
    let trailer = |number: usize, name: &str, value: Option<&str>| changed(number, &|commit| set(commit, name, value));
    assert_eq!(changed(2, &|commit| commit.touches = true), ["foreign-commit 2"]);
    assert_eq!(trailer(2, trailer::KIND, Some("observed")), ["forged-trailer 2"]);
    assert_eq!(changed(8, &|commit| commit.outside = vec!["x".to_owned()]), ["outside-snapshot 8"]);
    assert_eq!(trailer(8, trailer::STEP, Some("1/2")), ["step-missing 8"]);
    assert_eq!(trailer(8, trailer::STEP, Some("2/2")), ["step-missing 8"]);
    assert_eq!(trailer(8, trailer::STEP, Some("01/1")), ["forged-trailer 8"]);
    assert_eq!(trailer(8, trailer::STEP, None), ["forged-trailer 8"]);
    assert_eq!(trailer(1, trailer::STEP, Some("1/1")), ["forged-trailer 1"]);
    assert_eq!(trailer(8, trailer::SEVERITY, Some("dire")), ["forged-trailer 8"]);
    assert_eq!(trailer(8, trailer::SEVERITY, Some("high")), [""; 0]);
    assert_eq!(trailer(1, trailer::SEVERITY, Some("high")), ["forged-trailer 1"]);
    assert_eq!(trailer(8, trailer::KIND, Some("mystery")), ["forged-trailer 8"]);
    assert_eq!(trailer(8, trailer::RUN, Some("mine")), ["forged-trailer 8"]);
    assert_eq!(trailer(8, trailer::ORG, None)[0], "forged-trailer 8");
    assert_eq!(trailer(8, trailer::ORG, Some("0e"))[0], "org-mismatch 8");
    assert_eq!(changed(8, &|commit| commit.email = "orgtrail@x.invalid".to_owned()), ["forged-trailer 8"]);
    assert_eq!(changed(5, &|commit| commit.seconds = 201), ["forged-trailer 5", "clock-skew 6"]);
    let twice = changed(8, &|commit| commit.trailers.push((trailer::DIGEST.to_owned(), "e".to_owned())));
    assert_eq!(twice, ["forged-trailer 8"]);
}

#[test]
fn commits_that_are_gone_moved_or_put_in_are_named() {
    let without = |number: usize| {
        let mut commits = history();
        commits.remove(number);
        check(&commits)
    };
    // A commit between two steps of its run, the first and the last of them.
    assert_eq!([without(5), without(4), without(6)], [["step-missing 6"], ["step-missing 5"], ["step-missing 5"]]);
    let mut rewritten = history();
    // The commits after a dropped one have other parents, and so other ids.
    rewritten.remove(7);
    rewritten[7].parents = vec![id(6)];
    assert_eq!(check(&rewritten), ["history-rewritten 8"]);
    let mut swapped = history();
    swapped.swap(4, 5);
    assert_eq!(check(&swapped), ["step-missing 5", "run-split 4"]);
    let mut kinds = history();
    kinds.swap(3, 4);
    assert_eq!(check(&kinds), ["history-rewritten 4", "run-split 3"]);
    let mut torn = history();
    torn.insert(5, user(9));
    assert_eq!(check(&torn), ["step-missing 4", "run-split 5"]);
    let mut late = history();
    late[8] = tools(8, 7, 150, "observed", Some("1/1"));
    assert_eq!(check(&late), ["clock-skew 8"]);
    late[8] = tools(8, 7, NOW + 3600, "observed", Some("1/1"));
    assert_eq!(check(&late), ["clock-skew 8"]);
}

#[test]
fn what_the_tool_rebuilt_says_what_it_was() {
    // Runs from 2 and from 43, which was the first of them, are rebuilt behind 7.
    let mut first = tools(8, 2, 300, "observed", Some("2/2"));
    first.former = vec![id(42), id(43)];
    let mut second = tools(9, 43, 400, "observed", Some("1/1"));
    second.former = vec![id(44)];
    let mut commits = history();
    commits.truncate(8);
    commits.extend([first, second]);
    assert_eq!(check(&commits), [""; 0]);
    commits[8].former.clear();
    assert_eq!(check(&commits), ["history-rewritten 8", "step-missing 8", "history-rewritten 9"]);
}

#[test]
fn a_part_of_a_history_is_taken_for_what_it_is() {
    let commits = history();
    let view = View { is_whole: false, is_to_tip: false, now: NOW };
    // Behind a base, up to the middle of a run.
    assert_eq!(check_chain(Some(&commits[4]), &commits[5..6], view), []);
    let to_tip = View { is_to_tip: true, ..view };
    assert_eq!(check_chain(Some(&commits[4]), &commits[5..6], to_tip).len(), 1);
    // A shallow clone knows no parent of its first commit.
    let mut shallow = commits[3..].to_vec();
    shallow[0].parents.clear();
    assert_eq!(check_chain(None, &shallow, View { is_whole: false, ..WHOLE }), []);
    assert_eq!(check_chain(None, &shallow, WHOLE).len(), 1);
}
