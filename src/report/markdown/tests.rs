use super::super::sample;
use super::*;

fn rendered(set: &ChangeSet) -> String {
    let mut out = Vec::new();
    render(set, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn everything_that_changed_is_told() {
    insta::assert_snapshot!(rendered(&sample::change_set()), @r#"
    ## 5 changes: 1 critical, 2 high, 2 low

    | Level | Changes |
    |---|---:|
    | critical | 1 |
    | high | 2 |
    | low | 2 |

    - From aaaaaaaaaaaa (`2026-03-02T10:00:00Z`) to bbbbbbbbbbbb (`2026-03-02T10:15:00Z`)
    - Captured for the first time: `routing.languages`, 1 entity
    - Captured for the first time: `users.users`, 10,000 entities
    - New in the API: `routing.queues` `/agentAssist`, `/rings/*/x`
    - Stored anew: `oauth.clients` (schema-migration, rekey)
    - Coverage: `telephony.trunks` was complete, is forbidden
    - Not judged: rule trunk-disabled could not be told for `telephony.trunks`: no such key: state

    ### critical: removed ```VIP | `a` ``b`` </details><img src=x> [x](http://e.example) @admins #1\n# \u001b[31m\u202e```

    `routing.queues` · `q1`

    VIP `|` `` `a` `` ``` ``b`` ``` `</details><img` `src=x>` `[x](http://e.example`) `@admins` `#1\n#` `\u001b[31m\u202e` was removed

    | Field | Before |
    |---|---|
    | `name` | `"see the change"` |

    **Rule:** `routing-queues-removed`  
    **Remedy:** Check that it was asked for; put the old state back if it was not.

    ### high: modified `Support EN`

    `routing.queues` · `q2`

    The routing of Support EN changed

    It reaches at least 3 DIDs, 14 flows, 212 agents

    | Field | Before | After | Level | Rule |
    |---|---|---|---|---|
    | `acwSettings.timeoutMs` | `30000` | `10000` | high | `queue-routing` |
    | `description` | `"was\u001b[2J\|\\"` |  | medium | `routing-queues-modified` |
    | `limit` | `123456789012345678901234567890` | `1.5` | high | `queue-routing` |
    | `memberGroups[Team \| A]` |  | `{"id":"g1","type":"GROUP"}` | high | `queue-routing` |
    | `notes` |  | `"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" … (2,341 more characters)` | medium | `routing-queues-modified` |
    | `queueFlow.id` | `"f1"` (`Day`) | `"f2"` (``Night`s``) | high | `queue-routing` |
    | `script` | text | another text, below | high | `queue-routing` |
    | `sip` | secret | another secret | high | `queue-routing` |

    `script`:

    ````diff
    @@ 2 unchanged lines @@
      step 3
      step 4
      step 5
    - step 6
    + step ```6
      step 7
      step 8
      step 9
    @@ 3 unchanged lines @@
    ````

    **Rule:** `queue-routing`  
    **Remedy:** Check that it was asked for; put the old state back if it was not.

    ### high: recreated `Ada`

    `users.users` · `u9`

    Ada was removed and made again

    It was `u7` and is `u9` now

    1,204 references elsewhere follow it

    | Field | Before | After |
    |---|---|---|
    | `title` | `"Agent"` | `"Administrator"` |

    **Rule:** `users-users-recreated`  
    **Remedy:** Check that it was asked for; put the old state back if it was not.

    ### low: removed `VIP · Ada`

    `routing.queue-members` · `q1:u1`

    VIP · Ada was removed

    It went with its parent `q1`

    | Field | Before |
    |---|---|
    | `id` | `"u1"` |
    | `joined` | `true` |
    | `ringNumber` | `1` |

    **Rule:** `routing-queue-members-removed`  
    **Remedy:** Check that it was asked for; put the old state back if it was not.

    ### low: added `Latin`

    `routing.skills` · `s1`

    Latin was added

    | Field | After |
    |---|---|
    | `aa` | `secret` |
    | `m00` | `0` |
    | `m01` | `1` |
    | `m02` | `2` |
    | `m03` | `3` |
    | `m04` | `4` |
    | `m05` | `5` |
    | `m06` | `6` |

    … and 5 more members

    **Rule:** `routing-skills-added`  
    **Remedy:** Check that it was asked for; put the old state back if it was not.
    "#);
}

#[test]
fn a_code_span_holds_whatever_it_is_given() {
    let cases = [
        ("plain", "`plain`"),
        ("a`b", "``a`b``"),
        ("``", "``` `` ```"),
        (" x ", "`  x  `"),
        ("", "`  `"),
        ("a\nb", "`a\\nb`"),
        ("<b> @x", "`<b> @x`"),
    ];
    for (text, expected) in cases {
        assert_eq!(code(text), expected);
    }
    assert_eq!(cell("a|b\\|c"), "`a\\|b\\\\|c`");
}

#[test]
fn prose_keeps_plain_words_and_makes_code_of_the_rest() {
    let cases = [
        ("Ada's built-in role (old) was removed, twice.", "Ada's built-in role (old) was removed, twice."),
        ("Sales & Support · Zürich → 日本", "Sales & Support · Zürich → 日本"),
        ("@admins see [x](http://e.example).", "`@admins` see `[x](http://e.example`)."),
        ("www.e.example <b>x</b> a@b.example", "`www.e.example` `<b>x</b>` `a@b.example`"),
        ("#1 GH-1 :smile: 1,204 of 12345678", "`#1` `GH-1` `:smile`: 1,204 of `12345678`"),
        ("1. item", "`1`. item"),
        ("- item", "`-` item"),
        ("*a* _b_ ~c~ $d$ \\e &lt; `f`", "`*a*` `_b_` `~c~` `$d$` `\\e` `&lt`; `` `f` ``"),
        ("(routing.queues) (...)", "(`routing.queues`) `(...)`"),
    ];
    for (text, expected) in cases {
        assert_eq!(prose(text), expected);
    }
}

#[test]
fn a_text_cannot_close_the_block_it_is_shown_in() {
    let block = diff_block(&[Line::Same("````".to_owned()), Line::Added("x".to_owned())]);
    assert_eq!(block, "`````diff\n  ````\n+ x\n`````");
}

#[test]
fn long_tables_are_folded() {
    let mut set = sample::change_set();
    set.changes.retain(|change| change.change.key.as_str() == "q2");
    let field = set.changes[0].fields[0].clone();
    set.changes[0].fields = vec![field; UNFOLDED + 1];
    let text = rendered(&set);
    assert!(text.contains("\n<details><summary>13 fields</summary>\n\n| Field |"));
    assert!(text.ends_with("</details>\n\n**Rule:** `queue-routing`  \n**Remedy:** Check that it was asked for; put the old state back if it was not.\n"));
}
