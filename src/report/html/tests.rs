use super::super::sample;
use super::*;

fn rendered(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn changes() -> String {
    rendered(|out| render_changes(&sample::change_set(), &sample::places(), out))
}

/// A page without what is the same in all of them.
fn body(page: &str) -> String {
    let head = page.find("<body>").unwrap();
    let end = page.find("<script>").unwrap_or(page.len());
    page[head..end].to_owned()
}

#[test]
fn everything_that_changed_is_on_the_page() {
    insta::assert_snapshot!(body(&changes()));
}

#[test]
fn everything_that_was_found_is_on_the_page_and_what_is_acknowledged_stands_apart() {
    insta::assert_snapshot!(body(&rendered(|out| render_findings(&sample::findings(), out))));
}

#[test]
fn nothing_is_said_in_words_and_needs_no_script() {
    let page = rendered(|out| render_changes(&ChangeSet::default(), &Places::new(), out));
    assert!(page.contains("<h1>No changes</h1>") && page.contains("There is nothing to look at."));
    assert!(!page.contains("<script>") && !page.contains("<form"));
}

#[test]
fn the_policy_names_the_style_and_the_script_that_are_there() {
    let page = changes();
    let between = |open: &str, close: &str| {
        let start = page.find(open).unwrap() + open.len();
        &page[start..start + page[start..].find(close).unwrap()]
    };
    assert!(page.contains(
        &policy::of(between("<style>", "</style>"), between("<script>", "</script>")).replace('\'', "&#39;")
    ));
    assert!(page.matches("<script").count() == 1 && page.matches("style=").count() == 0);
}

#[test]
fn a_hostile_name_stays_a_text() {
    let page = changes();
    assert!(page.contains("&#60;/details&#62;&#60;img src=x&#62;"));
    assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains('\u{1b}'));
}

#[test]
fn long_tables_and_texts_are_folded() {
    let mut set = sample::change_set();
    set.changes.retain(|change| change.change.key.as_str() == "q2");
    let field = set.changes[0].fields[0].clone();
    set.changes[0].fields = vec![field; UNFOLDED + 1];
    let page = rendered(|out| render_changes(&set, &Places::new(), out));
    assert!(page.contains("<details><summary>13 fields</summary>"));
}
