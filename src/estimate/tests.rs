use super::*;

const SCHEMA: &str =
    r#"{"properties":{"entities":{"additionalProperties":{"type":"object","properties":{"all":{},"id":{}}}}}}"#;

/// A catalogue of domains, each with what its `[source]` says.
fn catalogue(domains: &[(&str, &str)]) -> Catalogue {
    let domain = |(name, source): &(&str, &str)| {
        let key = if source.contains("parent") { r#"["$parent", "id"]"# } else { r#"["id"]"# };
        let text = format!(
            "about = \"x\"\nschema_version = 1\ntier = \"deep\"\n[source]\n{source}\n[identity]\nkey = {key}\n\
             [risk]\nadded = \"low\"\nremoved = \"low\"\nmodified = \"low\"\n"
        );
        Domain::read(name.parse().unwrap(), name, &text, name, SCHEMA).unwrap()
    };
    Catalogue::from_domains(domains.iter().map(domain).collect()).unwrap()
}

fn id(name: &str) -> DomainId {
    name.parse().unwrap()
}

fn recorded(entities: u64) -> Known {
    Known { size: Some(Size::Whole(entities)), told: Told::Recorded, has_baseline: true, ..Known::default() }
}

fn counted(each: &[u64]) -> Known {
    Known { size: Some(Size::Each(each.to_vec())), told: Told::Counted, ..Known::default() }
}

/// The estimate of one domain alone.
fn one(source: &str, known: Known) -> DomainEstimate {
    let catalogue = catalogue(&[("a.b", source)]);
    let estimate = Estimate::of(&catalogue, &BTreeSet::from([id("a.b")]), &BTreeMap::from([(id("a.b"), known)]), 0);
    estimate.domains[&id("a.b")].clone()
}

const PAGED: &str = "path = \"/api/v2/a\"\npaging = \"page-number\"\npage_size = 100";
const CHILDREN: &str = "path = \"/api/v2/a/{id}/c\"\nparent = \"a.b\"\npaging = \"page-number\"\npage_size = 100";

#[test]
fn every_kind_of_paging_has_its_number_of_pages() {
    let until_empty = format!("{PAGED}\ncounted = false");
    let by_cursor = "path = \"/api/v2/a\"\npaging = \"cursor\"\npage_size = 100";
    let passes = format!("{PAGED}\npasses = [{{ state = \"active\" }}, {{ state = \"inactive\" }}]");
    let table = [
        (PAGED, 0, 1),
        (PAGED, 1, 1),
        (PAGED, 100, 1),
        (PAGED, 101, 2),
        (PAGED, 10_000, 100),
        (until_empty.as_str(), 0, 1),
        (&until_empty, 100, 2),
        (&until_empty, 101, 3),
        (by_cursor, 250, 3),
        ("path = \"/api/v2/a\"\npaging = \"unpaged\"", 5_000, 1),
        ("path = \"/api/v2/a\"\npaging = \"array\"", 5_000, 1),
        ("path = \"/api/v2/a\"\npaging = \"singleton\"", 1, 1),
        // However the two passes share them: 951 and 50 are eleven pages.
        (&passes, 1_001, 12),
        (&passes, 0, 2),
    ];
    for (source, entities, pages) in table {
        let estimate = one(source, recorded(entities));
        assert_eq!(
            (estimate.pages, estimate.details, estimate.told),
            (pages, 0, Told::Recorded),
            "{source} {entities}"
        );
    }
    assert_eq!(one(&passes, counted(&[951, 50])).pages, 11);
}

#[test]
fn details_are_one_request_for_each_entity() {
    let source = format!("{PAGED}\ndetail = \"/api/v2/a/{{id}}\"\nread_detail = true");
    let estimate = one(&source, recorded(250));
    assert_eq!((estimate.pages, estimate.details, estimate.requests()), (3, 250, 253));
}

#[test]
fn what_comes_without_a_count_is_read_twice_until_it_is_on_record() {
    let array = "path = \"/api/v2/a\"\npaging = \"array\"";
    assert_eq!(one(array, counted(&[5])).requests(), 2);
    assert_eq!(one(array, recorded(5)).requests(), 1);
    assert_eq!(one("path = \"/api/v2/a\"\npaging = \"singleton\"", Known::default()).requests(), 1);
    assert_eq!(one(PAGED, counted(&[5])).requests(), 1);
    assert_eq!(one(PAGED, Known { is_uncounted: Some(true), ..counted(&[150]) }).requests(), 4);
}

#[test]
fn children_are_listed_once_for_each_parent() {
    let catalogue = catalogue(&[("a.b", PAGED), ("a.c", CHILDREN)]);
    let estimate = |parents: Known, children: Known| {
        let known = BTreeMap::from([(id("a.b"), parents), (id("a.c"), children)]);
        Estimate::of(&catalogue, &BTreeSet::from([id("a.c")]), &known, 2)
    };
    let both = estimate(counted(&[2_000]), Known::default());
    let children = &both.domains[&id("a.c")];
    assert_eq!((children.parents, children.pages, children.told), (Some(2_000), 2_000, Told::Assumed));
    assert!(children.is_selected && !both.domains[&id("a.b")].is_selected);
    assert_eq!(both.requests(), 2 + 20 + 2_000);

    // 500 children fit in a page of each of 2,000 parents, and may make some of them begin a second one.
    let known = estimate(recorded(2_000), recorded(500));
    assert_eq!((known.domains[&id("a.c")].pages, known.domains[&id("a.c")].told), (2_004, Told::Recorded));
    let each = Known { size: Some(Size::Each(vec![250, 250])), ..recorded(500) };
    assert_eq!(estimate(recorded(2_000), each).domains[&id("a.c")].pages, 2_004);
    let listings = Known { listings: Some(30), ..recorded(10) };
    assert_eq!(estimate(recorded(2_000), listings).domains[&id("a.c")].pages, 30);
}

#[test]
fn what_cannot_be_read_costs_the_question_and_its_children_nothing() {
    let catalogue = catalogue(&[("a.b", PAGED), ("a.c", CHILDREN)]);
    let refused = Known { trouble: Some("forbidden".to_owned()), ..Known::default() };
    let selection = BTreeSet::from([id("a.b"), id("a.c")]);
    let estimate = Estimate::of(&catalogue, &selection, &BTreeMap::from([(id("a.b"), refused.clone())]), 0);
    assert_eq!(estimate.domains[&id("a.b")].requests(), 1);
    let children = &estimate.domains[&id("a.c")];
    assert_eq!((children.requests(), children.trouble.as_deref()), (0, Some("its parents are not known")));

    // Parents that are on record are listed under, whoever may read them now.
    let on_record = Known { trouble: refused.trouble, ..recorded(7) };
    let estimate = Estimate::of(&catalogue, &selection, &BTreeMap::from([(id("a.b"), on_record)]), 0);
    assert_eq!(estimate.domains[&id("a.c")].pages, 7);
}

#[test]
fn children_of_a_field_of_their_parent_are_as_many_as_anybody_guesses() {
    let bound = format!("{CHILDREN}\nbind.id = \"all.*.x\"");
    let catalogue = catalogue(&[("a.b", PAGED), ("a.c", &bound)]);
    let known = BTreeMap::from([(id("a.b"), counted(&[4]))]);
    let estimate = Estimate::of(&catalogue, &BTreeSet::from([id("a.c")]), &known, 0);
    assert_eq!((estimate.domains[&id("a.c")].pages, estimate.domains[&id("a.c")].told), (4, Told::Assumed));
}

#[test]
fn a_removal_is_confirmed_by_what_the_domain_file_has_for_it() {
    let detail = format!("{PAGED}\ndetail = \"/api/v2/a/{{id}}\"");
    let restricted = format!("{detail}\n[removal]\nnot_found_proves = false");
    let marked = format!("{restricted}\ngone_when = {{ id = \"deleted\" }}");
    let proofs = [PAGED, &detail, &restricted, &marked].map(|source| one(source, recorded(1)).proof);
    assert_eq!(proofs, [Proof::Listing, Proof::Read, Proof::Nothing, Proof::Read]);
}

#[test]
fn the_time_is_that_of_the_rate_that_is_used() {
    let mut estimate = Estimate { own: 481, ..Estimate::default() };
    assert_eq!(estimate.duration(), None);
    estimate.rate = Some(AllowedRate { allowed: 300, used: 240 });
    assert_eq!(estimate.duration(), Some(Duration::from_secs(121)));
}

#[test]
fn the_costliest_domain_is_first_and_equals_are_in_order_of_name() {
    let catalogue = catalogue(&[("a.b", PAGED), ("a.c", CHILDREN), ("a.a", PAGED)]);
    let selection = catalogue.names().cloned().collect();
    let known = BTreeMap::from([(id("a.b"), recorded(5)), (id("a.a"), recorded(5))]);
    let estimate = Estimate::of(&catalogue, &selection, &known, 0);
    let names: Vec<&str> = estimate.by_cost().into_iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(names, ["a.c", "a.a", "a.b"]);
}

#[test]
fn a_portion_takes_no_more_than_it_may_and_goes_on_where_the_last_one_stopped() {
    let catalogue = catalogue(&[("a.b", PAGED), ("a.c", CHILDREN)]);
    let selection = BTreeSet::from([id("a.b"), id("a.c")]);
    let estimate = |done| {
        let children = Known { done: Some(done), ..Known::default() };
        let known = BTreeMap::from([(id("a.b"), recorded(5_000)), (id("a.c"), children)]);
        Estimate { portion: 2_000, ..Estimate::of(&catalogue, &selection, &known, 2) }
    };
    let first = estimate(0);
    assert_eq!((first.domains[&id("a.c")].requests(), first.requests(), first.runs()), (5_000, 2 + 50 + 2_000, 3));
    let last = estimate(4_000);
    assert_eq!((last.domains[&id("a.c")].requests(), last.requests(), last.runs()), (1_000, 2 + 50 + 1_000, 1));
    assert!(!first.domains[&id("a.b")].is_portioned);
}
