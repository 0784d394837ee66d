use super::super::json::assert_follows;
use super::super::sample;
use super::super::style::Style;
use super::*;
use crate::model::EntityKey;

fn rendered(render: impl Fn(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn rules(findings: &Findings) -> Vec<&str> {
    findings.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn the_worst_comes_first_then_domain_key_path_and_rule() {
    let found = sample::findings();
    assert_eq!(
        rules(&found),
        ["foreign-commit", "dangling-reference", "edited-file", "gap", "unused-queue", "stale-domain"]
    );
    let mut twins = vec![found.findings[1].clone(); 3];
    let Subject::Entity { key, .. } = &mut twins[0].subject else { panic!("not about an entity") };
    *key = EntityKey::new("z");
    let Subject::Entity { path, .. } = &mut twins[1].subject else { panic!("not about an entity") };
    *path = None;
    twins[0].rule = "a".to_owned();
    twins[1].rule = "b".to_owned();
    assert_eq!(rules(&Findings::arranged("", None, twins)), ["b", "dangling-reference", "a"]);
}

#[test]
fn a_filter_remembers_how_many_findings_it_took_and_what_is_acknowledged_does_not_count() {
    let found = sample::findings();
    assert_eq!((found.counts().total(), found.counts().medium, found.acknowledged().count()), (5, 1, 1));
    let high = found.at_least(Severity::High);
    assert_eq!(high.left_out, Some(LeftOut { below: Severity::High, count: 4 }));
    assert_eq!((high.counts().total(), high.counts().worst()), (2, Some(Severity::Critical)));
}

#[test]
fn the_document_follows_its_schema() {
    for found in [sample::findings(), sample::findings().at_least(Severity::High), Findings::default()] {
        assert_follows("findings.v1.json", &rendered(|out| render_json(&found, out)));
    }
}

#[test]
fn the_document_says_everything() {
    insta::assert_snapshot!(rendered(|out| render_json(&sample::findings(), out)));
}

#[test]
fn everything_that_was_found_is_told() {
    insta::assert_snapshot!(rendered(|out| render_text(&sample::findings(), Style::Plain, out)));
}

#[test]
fn everything_that_was_found_is_told_in_markdown() {
    insta::assert_snapshot!(rendered(|out| render_markdown(&sample::findings(), out)));
}

#[test]
fn a_clean_report_says_so() {
    let clean = Findings::arranged("Verified 12 commits", None, Vec::new());
    assert_eq!(rendered(|out| render_text(&clean, Style::Plain, out)), "Verified 12 commits: No findings\n");
    assert_eq!(rendered(|out| render_markdown(&clean, out)), "## Verified 12 commits: No findings\n");
}

#[test]
fn changes_are_findings_with_their_fields_as_evidence() {
    let set = sample::change_set().at_least(Severity::High);
    let found = Findings::of_changes(&set, &sample::places());
    assert_eq!((found.counts(), found.left_out), (set.counts(), set.left_out));
    for (finding, change) in found.findings.iter().zip(&set.changes) {
        assert_eq!((&finding.fingerprint, &finding.rule), (&change.fingerprint, &change.judgement.rule));
    }
    insta::assert_snapshot!(rendered(|out| render_text(&found, Style::Plain, out)));
}

#[test]
fn each_changed_field_can_be_a_finding_with_its_own_level_and_rule() {
    let set = sample::change_set();
    let found = Findings::of_fields(&set, &sample::places());
    let of_queue = || found.findings.iter().filter(|finding| finding.message.contains("Support EN"));
    let fields = &set.changes[1].fields;
    assert_eq!((of_queue().count(), found.findings.len()), (fields.len(), set.changes.len() - 1 + fields.len()));
    for field in fields {
        let finding = of_queue().find(|finding| finding.fingerprint == field.fingerprint).unwrap();
        let Subject::Entity { path, .. } = &finding.subject else { panic!("not about an entity") };
        assert_eq!(path.as_ref(), Some(&field.field.path));
        assert_eq!((finding.severity, &finding.rule), (field.judgement.severity, &field.judgement.rule));
    }
}
