#!/bin/sh
# Runs the sub-steps that INPUT_COMMAND names, writes reports, the summary and the outputs of the step, and ends with the exit
# code of the gravest thing that happened.
#
# Takes the inputs of the action as INPUT_…, the binary as ORGTRAIL_BINARY, the token of the job as JOB_TOKEN, and from the
# runner RUNNER_TEMP, GITHUB_OUTPUT, GITHUB_STEP_SUMMARY, and what GITHUB_… says of repository, event and actor.
set -eu
# Globs are for orgtrail to expand, not for the shell.
set -f

# GitHub takes at most 1 MiB of summary from a step and drops a longer one whole.
SUMMARY_BYTES=1000000
# Worst first, as the README of orgtrail has them.
CODES='70 6 2 3 5 7 4 8 1'

token=$JOB_TOKEN
unset JOB_TOKEN
report=$(mktemp -d "$RUNNER_TEMP/orgtrail-report.XXXXXX")
here=$(dirname "$0")
codes=''
outputs=''

# An annotation of the run: a level and a text of our own, without what the organisation says.
annotate() {
    printf '::%s title=orgtrail::%s\n' "$1" "$2"
}

refuse() {
    annotate error "$1"
    exit 2
}

# Runs orgtrail in the trail. What it tells may hold what the organisation says, so the runner is kept from taking any of it
# for a command.
orgtrail() {
    unguessable=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '::stop-commands::%s\n' "$unguessable"
    code=0
    "$ORGTRAIL_BINARY" -C "$INPUT_WORKING_DIRECTORY" "$@" 2>&1 || code=$?
    printf '::%s::\n' "$unguessable"
    return "$code"
}

# The ending of a file in a format.
ending() {
    case $1 in
    text) printf 'txt' ;;
    markdown) printf 'md' ;;
    junit) printf 'xml' ;;
    json-patch) printf 'patch.json' ;;
    github) printf 'annotations.txt' ;;
    *) printf '%s' "$1" ;;
    esac
}

# Adds a file in Markdown to the summary of the step, below a heading.
summarise() {
    [ -s "$2" ] || return 0
    before=$(($(wc -c <"$GITHUB_STEP_SUMMARY")))
    length=$(($(wc -c <"$2")))
    {
        printf '## %s\n\n' "$1"
        if [ "$((before + length))" -gt "$SUMMARY_BYTES" ]; then
            printf 'Too long to be shown here: %s bytes, in the file %s of the report.\n' "$length" "${2##*/}"
        else
            cat "$2"
        fi
        printf '\n'
    } >>"$GITHUB_STEP_SUMMARY"
}

# Has a verb write what it finds: as Markdown for the summary, and as a file of the report in the format asked for. Ends with
# the exit code of the verb.
tell() {
    name=$1 heading=$2
    shift 2
    told=0
    orgtrail --format markdown --output "$report/$name.md" "$@" || told=$?
    summarise "$heading" "$report/$name.md"
    if [ "$INPUT_FORMAT" != markdown ] && [ -e "$report/$name.md" ]; then
        file=$report/$name.$(ending "$INPUT_FORMAT")
        again=0
        orgtrail --format "$INPUT_FORMAT" --output "$file" "$@" || again=$?
        [ "$again" -eq "$told" ] || return "$again"
        # These are commands to the runner, and meant to be.
        if [ "$INPUT_FORMAT" = github ]; then cat "$file"; fi
    fi
    return "$told"
}

snapshot() {
    set -- snapshot
    for glob in $INPUT_ONLY; do set -- "$@" "--only=$glob"; done
    for glob in $INPUT_SKIP; do set -- "$@" "--skip=$glob"; done
    [ -z "$INPUT_TIER" ] || set -- "$@" "--tier=$INPUT_TIER"
    [ -z "$INPUT_MAX_REQUESTS" ] || set -- "$@" "--max-requests=$INPUT_MAX_REQUESTS"
    [ -z "$INPUT_FAIL_ON" ] || set -- "$@" "--fail-on=$INPUT_FAIL_ON"
    case $INPUT_TARGETED in
    true) set -- "$@" --targeted=yes ;;
    false) set -- "$@" --targeted=no ;;
    esac
    if [ "$INPUT_PUSH" = true ]; then set -- "$@" --push; fi
    if [ "$INPUT_ALERT" = true ]; then set -- "$@" --alert; fi

    run=$report/run.json
    ended=0
    orgtrail --format json --output "$run" "$@" || ended=$?
    if ! [ -s "$run" ]; then
        codes="$codes $ended"
        return 0
    fi
    # The process returns the gravest code, which hides the others: a partial capture hides a change above the level.
    codes="$codes $ended $(jq -r '.exit_codes | join(" ")' "$run")"
    outputs=$(jq -r -f "$here/outputs.jq" "$run")
    jq -r -f "$here/summary.jq" "$run" >"$report/run.md"
    summarise Snapshot "$report/run.md"
    case " $codes " in
    *' 4 '*) annotate warning 'partial capture: the summary names the domains, which keep what is on record of them' ;;
    esac
    if [ "${outputs#changed=true}" != "$outputs" ]; then
        # The level that fails the step is that of the run, which has been looked at.
        set -- diff
        [ -z "$INPUT_MIN_SEVERITY" ] || set -- "$@" "--min-severity=$INPUT_MIN_SEVERITY"
        ended=0
        tell changes Changes "$@" || ended=$?
        codes="$codes $ended"
    fi
}

# Says why nothing can be written to the pull request; nothing where it can.
barrier() {
    if [ -z "${GITHUB_TOKEN:-$token}" ]; then
        printf 'the job has no token'
    elif [ "${GITHUB_ACTOR:-}" = 'dependabot[bot]' ]; then
        printf 'the token of what Dependabot started can only read'
    elif [ "${GITHUB_EVENT_NAME:-}" = pull_request ] && jq -e --arg own "$GITHUB_REPOSITORY" \
        '.pull_request.head.repo.full_name != $own' "$GITHUB_EVENT_PATH" >/dev/null; then
        printf 'the token of a pull request from a fork can only read'
    fi
}

review() {
    set -- review
    if [ "$INPUT_POST" = true ]; then set -- "$@" --post; fi
    if [ "$INPUT_OPEN_PR" = true ]; then set -- "$@" --open-pr; fi
    if [ $# -gt 1 ]; then
        barrier=$(barrier)
        if [ -n "$barrier" ]; then
            annotate notice "the review is in the summary of this run only: $barrier"
            set -- review
        fi
    fi
    [ -z "$INPUT_FAIL_ON" ] || set -- "$@" "--fail-on=$INPUT_FAIL_ON"
    [ -z "$INPUT_MIN_SEVERITY" ] || set -- "$@" "--min-severity=$INPUT_MIN_SEVERITY"
    ended=0
    # Only this sub-step calls GitHub, so no other one gets the token of the job.
    (
        export GITHUB_TOKEN="${GITHUB_TOKEN:-$token}"
        orgtrail --format markdown --output "$report/review.md" "$@"
    ) || ended=$?
    summarise Review "$report/review.md"
    codes="$codes $ended"
}

audit() {
    for kind in $INPUT_AUDITS; do
        set -- audit "$kind"
        [ -z "$INPUT_FAIL_ON" ] || set -- "$@" "--fail-on=$INPUT_FAIL_ON"
        [ -z "$INPUT_MIN_SEVERITY" ] || set -- "$@" "--min-severity=$INPUT_MIN_SEVERITY"
        ended=0
        tell "audit-$kind" "Audit: $kind" "$@" || ended=$?
        codes="$codes $ended"
    done
}

status() {
    # No clone brings the heartbeat along.
    if git -C "$INPUT_WORKING_DIRECTORY" remote get-url origin >/dev/null 2>&1; then
        git -C "$INPUT_WORKING_DIRECTORY" fetch --quiet origin '+refs/orgtrail/*:refs/orgtrail/*' || {
            annotate error 'could not fetch the heartbeat of the trail from origin: the token of the job needs contents: read'
            codes="$codes 5"
            return 0
        }
    fi
    ended=0
    orgtrail status "--max-age=$INPUT_MAX_AGE" || ended=$?
    if [ "$ended" -eq 1 ]; then
        annotate error "the trail has had no run for more than $INPUT_MAX_AGE: look at the workflow that makes the runs"
    fi
    codes="$codes $ended"
}

# The gravest of the codes so far; a code that is none of orgtrail's is graver than all. A partial capture has been told and is
# no failure, unless it is asked to be one.
gravest() {
    for code in $codes; do
        case " 0 $CODES " in
        *" $code "*) ;;
        *)
            printf '%s' "$code"
            return 0
            ;;
        esac
    done
    for code in $CODES; do
        case " $codes " in
        *" $code "*)
            if [ "$code" -ne 4 ] || [ "$INPUT_STRICT" = true ]; then
                printf '%s' "$code"
                return 0
            fi
            ;;
        esac
    done
    printf 0
}

# What is wrong with the inputs is told before anything is done.
for switch in "push=$INPUT_PUSH" "alert=$INPUT_ALERT" "post=$INPUT_POST" "open-pr=$INPUT_OPEN_PR" "strict=$INPUT_STRICT" "targeted=$INPUT_TARGETED"; do
    case ${switch#*=} in
    true | false | '') ;;
    *) refuse "the input ${switch%%=*} is neither true nor false" ;;
    esac
done
asked=0
for command in $INPUT_COMMAND; do
    case $command in
    snapshot | review | audit | status) ;;
    *) refuse 'the input command takes snapshot, review, audit and status' ;;
    esac
    "$ORGTRAIL_BINARY" "$command" --help >/dev/null 2>&1 || refuse "this orgtrail has no verb $command: take a later one"
    asked=$((asked + 1))
done
[ "$asked" -gt 0 ] || refuse 'the input command is empty: it takes snapshot, review, audit and status'
for kind in $INPUT_AUDITS; do
    case $kind in
    *[!a-z-]* | -*) refuse 'the input audits holds something that is no name of an audit' ;;
    esac
done

touch "$GITHUB_STEP_SUMMARY"
for command in $INPUT_COMMAND; do
    case $command in
    snapshot) snapshot ;;
    review) review ;;
    audit) audit ;;
    status) status ;;
    esac
    # What is committed can be reviewed, however bad it is; behind anything else stands no state to go on from.
    case $(gravest) in
    0 | 1 | 4 | 7 | 8) ;;
    *) break ;;
    esac
done
printf 'report-path=%s\n' "$report" >>"$GITHUB_OUTPUT"
[ -z "$outputs" ] || printf '%s\n' "$outputs" >>"$GITHUB_OUTPUT"
exit "$(gravest)"
