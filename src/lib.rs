//! orgtrail keeps the configuration of a Genesys Cloud organisation as a git history.
//!
//! A run reads the configuration over the public API, brings it into a canonical form, compares it with what is on record,
//! judges what changed and commits it. This page is the architecture: how data flows, what each module knows and must not
//! know, where something new goes, and which tests hold what is promised. The README says how the program is used.
//!
//! # Data flow
//!
//! ```text
//!  config      capture         canonical      record · diff     policy      trail       report
//! settings → listings → canonical entities → planned commits → judged → commits → what is printed
//!  (edge)      (edge)          (pure)           (pure)         (pure)     (edge)      (edge)
//! ```
//!
//! Each arrow passes owned values of [`model`], and no stage reaches back. [`session::take`] is the one place that goes all
//! the way; the verbs of [`cli`] call it or a part of it. `diff` enters in the middle: it reads two states from the trail and
//! goes on as a run does.
//!
//! 1. [`config`] turns the configuration file and the environment into settings, and reports every problem at its line.
//! 2. [`capture`] walks the [`catalogue`] with the client of [`genesys`]. Each page goes straight through [`canonical`], so
//!    that raw answers are not kept. What vanished is confirmed to be gone. Each domain has an outcome of its own: a listing
//!    that is short, forbidden or inconsistent leaves what is on record where it is.
//! 3. [`record`] plans the commits. What is not an administrator's doing (a migrated schema, a new secrets key, a first
//!    capture) gets commits of its own, so that what is left for the [`diff`] is what somebody changed.
//! 4. [`policy`] judges each change and finds names for what the stored form has only ids of.
//! 5. [`session`] asks the audit log, and [`attribution`] says who made each change. What each actor did becomes a commit of its
//!    own; the last of them is the snapshot.
//! 6. [`trail`] writes the objects, then moves the branch once.
//! 7. [`report`] renders what happened; [`cli`] decides where to.
//!
//! # Modules
//!
//! | Module | Its job | Must not know |
//! |---|---|---|
//! | [`model`] | the shared vocabulary: values and numbers that lose nothing, names, snapshots, changes, levels | anything else |
//! | [`catalogue`] | the domains, as data from `schemas/` and from a trail's `orgtrail.d/` | how they are fetched or stored |
//! | [`canonical`] | raw JSON in, canonical value, bytes and digests out; secrets become fingerprints | any domain by name |
//! | [`diff`] | two snapshots in, an ordered list of changes out; and back | severity, people, formats |
//! | [`attribution`] | who made a change, from audit records; what a commit says of it | where records and notes are kept |
//! | [`estimate`] | what a run is going to cost | who was asked |
//! | [`integrity`] | commits, bytes and keys in; what shows that somebody else than the tool wrote them out | git, where they are kept |
//! | [`history`] | texts and changes in, what became of an entity out | where they come from |
//! | [`audit`] | a state in, what it means out: who may do what, what refers to what, what nobody uses, what should not be so, what is over soon | where states are kept, any domain by name |
//! | [`policy`] | changes in, judged changes out; rules and their conditions; names for showing | formats, where rules are kept |
//! | [`record`] | the files of a snapshot, the ledger, the commits of a run and their messages | git, the API |
//! | [`review`] | states and judged changes in, since when each is open and which are one decision out | trails, hosts |
//! | [`alert`] | what people are told of changes and findings, and which route tells it | how it is sent |
//! | [`execution`] | records of what flows did, checked and masked; the windows and criteria that they are asked for by | how they are fetched or kept |
//! | [`watch`] | instants and events in, which run is due when out; the topics that tell of configuration | clocks, the network |
//! | [`config`] | settings and secrets from file and environment | git, the network, what a setting does |
//! | [`genesys`] | region, token, pace, retry, paging; bytes of pages out; notifications | domains, git, files |
//! | [`capture`] | one outcome for each domain | git, files, the terminal |
//! | [`flowlog`] | records of flow executions: queries, jobs, downloads, files, checkpoints | git, domains |
//! | [`trail`] | git: commits, paths, bytes, remotes, lock | Genesys, domains, settings |
//! | [`report`] | renderers, one file for each format | where output goes; it sorts nothing |
//! | [`host`] | pull requests and comments of a git host, over its API | git, changes, formats |
//! | [`notify`] | channels: what is sent for a message, and what an answer means; one file for each | git, which route sends what |
//! | [`seal`] | secret values that only their recipients can open | git, settings, where they come from |
//! | [`sim`] | the simulated organisation, on a socket | any domain by name |
//! | [`session`] | one run from end to end, one run after the other, revisions, failures and exit codes | the terminal |
//! | [`cli`] | the command line, the terminal | how anything is done |
//!
//! Those down to [`watch`] are the pure core: no network, git, file, clock, environment or randomness. If one of them needs the time, a
//! key or a state on record, it takes it as an argument. Dependencies point one way, `cli → session → edges → core → model`;
//! of the edges, `capture` and `flowlog` use `genesys`, and `config` takes its regions from there, the types of channels from
//! `notify` and its recipients from `seal`. `the_core_names_no_edge_and_no_input_or_output` and
//! `edges_know_only_the_edges_they_are_built_on` fail where that is not so.
//!
//! # Where something new goes
//!
//! - **A domain** is two files, `schemas/<family>/<domain>.toml` and `schemas/<family>/<domain>.v1.json`, and a fixture. If it
//!   seems to need code, a word is missing in the domain file: add it to [`catalogue`], for every domain. No `match` on the
//!   name of a domain is anywhere.
//! - **A topic** of notifications is an entry in `schemas/watch/topics.toml`.
//! - **A type of channel** is a file in `schemas/channels/`, with its settings, limits and what answers mean, a file in [`notify`]
//!   that builds from them, and its line in the table there.
//! - **Something that ends by itself** (a certificate, an access for a time) is an entry in `schemas/expiry/ends.toml`.
//! - **A rule** is a file in `schemas/rules/`, or in `schemas/lint/` where it looks at a state, and a fixture. The name of the file is
//!   its permanent id.
//! - **An inhibition**, by which one alert speaks for others, is a file in `schemas/inhibitions/`. A source of findings that are
//!   told is a word in [`alert::AUDITS`] and a line in `session::alerting::sources`.
//! - **What is meant to be used** is a file in `schemas/orphans/` and a fixture in `tests/fixtures/audit/orphans/`, both named after the
//!   rule; an edge between entities that no domain file declares is an entry in `schemas/reach/edges.toml` and a fixture.
//! - **A finding about who may do what** is a file in `schemas/rbac/rules/` and a fixture, a permission that matters an entry in
//!   `schemas/rbac/permissions.toml`, and where roles and grants are stands in `schemas/rbac/model.toml`.
//! - **A format** is a file in [`report`], a function of a value and a writer, a line in [`cli::print`] and a section of
//!   `docs/formats.md`. A document in JSON has a type of its own and a schema in `schemas/output/`.
//! - **A verb** is a file in [`cli`]: a struct of arguments, whose comment is its help, and a function. What it does beyond
//!   reading arguments and printing belongs below.
//! - **A kind of commit** is a variant of [`record::CommitKind`], in the order in which a run makes them.
//! - **Something the API does** that the simulated organisation does not goes into [`sim`], as noise or as a fault, before the
//!   code that copes with it.
//!
//! CONTRIBUTING has the first two step by step.
//!
//! # What is promised
//!
//! | Law | Tests |
//! |---|---|
//! | No false change: an unchanged organisation makes no commit | `a_hundred_snapshots_of_an_unchanged_noisy_org_make_one_commit`, `the_canonical_form_is_blind_to_order_and_spelling`, `every_read_of_an_unchanged_entity_has_one_canonical_text`, `every_treatment_is_pinned_to_its_schema_version` |
//! | No missed change: whatever else changes is told exactly once | `a_hundred_and_twenty_five_random_mutations_are_told_exactly_first_part` and its siblings, `equal_entities_have_no_diff_and_applying_a_diff_gives_the_other_side`, `applying_a_printed_patch_gives_exactly_the_other_side` |
//! | Never guess: what is incomplete deletes nothing | `a_lost_page_is_not_a_shorter_listing`, `pages_that_contradict_each_other_are_drift`, the faults of `tests/integration/faults.rs`, `while_the_grants_differ_no_removal_is_recorded` |
//! | No secret in clear: not on disk, in a message, in a report | `a_secret_is_found_nowhere_whatever_is_asked_and_whatever_goes_wrong`, `what_is_sealed_is_nowhere_in_clear_and_reveal_alone_prints_it`, `what_looks_like_a_secret_is_found_nowhere`, `every_rotation_is_one_change_that_is_high_and_shows_both_fingerprints`, `nothing_that_is_treated_reaches_the_stored_form` |
//! | All or nothing: a branch is where it was or where it was meant to go | `several_commits_move_the_branch_once`, `killed_while_it_reads_first_part`, `killed_while_it_writes_first_part`, `a_second_run_is_refused_while_one_is_under_way`, `who_comes_second_is_refused_and_nothing_of_it_is_there`, `a_server_that_breaks_off_harms_nothing` |
//! | Read-only: nothing but GETs, queries, jobs that read, the token request and channels of notifications | [`genesys::Get`] has no method to choose, `nothing_but_a_query_can_be_sent_by_post`, `a_job_leads_to_one_path_whatever_it_is_about`, `a_call_about_a_channel_leads_nowhere_else`, `nothing_but_channels_is_written_to` |
//! | A person behind every line: each change is by whom the audit log says, and only by whom it says | `a_day_has_one_commit_for_each_actor_and_one_for_what_nobody_explains`, `what_a_record_does_not_say_is_not_ascribed_to_its_author`, `git_blame_names_the_person_of_each_line` |
//! | What is told reaches each channel, and once unless somebody dies in between | `runners_that_start_from_nothing_tell_each_run_once_even_at_the_same_time`, `who_dies_between_sending_and_noting_it_leaves_it_to_the_next_under_the_same_ids`, `a_thousand_changes_are_one_message_for_each_route` |
//! | One drift is one fingerprint, until it is agreed to or gone | `a_difference_is_open_until_the_place_is_as_agreed`, `a_drift_is_open_until_it_is_reverted_under_the_same_fingerprint`, `what_is_approved_is_accepted_and_never_comes_again` |
//! | Tamper-evident: what the tool did not write, or not so, is told | `a_history_that_orgtrail_wrote_has_no_finding_wherever_it_is` and the rest of `tests/integration/verify.rs`, `a_push_that_would_rewrite_or_hold_what_others_wrote_is_refused_here_and_there` |
//! | Reproducible: the same input gives the same bytes | `the_same_commit_has_the_same_id_on_every_machine`, `the_seed_decides_everything` |
//! | Lossless numbers: one value, one form, all digits | `one_value_has_one_form`, `what_a_double_cannot_hold_survives_the_way_from_response_to_applied_diff` |
//!
//! # Limits
//!
//! A remote behind a server is spoken to in git's own protocol, in its first version, by a client of our own in [`trail`]: libgit2
//! pushes neither all or nothing nor with a lease.
//!
//! The library is made for its own binary: nothing in it is a stable interface. [`cli::run`] is the program as a function of
//! its arguments, apart from the streams and the environment of the process.
#![cfg_attr(test, allow(missing_docs))]

pub mod alert;
pub mod attribution;
pub mod audit;
pub mod canonical;
pub mod capture;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod diff;
pub mod estimate;
pub mod execution;
pub mod flowlog;
pub mod genesys;
pub mod history;
pub mod host;
pub mod integrity;
pub mod model;
pub mod notify;
pub mod policy;
pub mod record;
pub mod report;
pub mod review;
pub mod seal;
pub mod session;
pub mod sim;
pub mod trail;
pub mod watch;
