# A run document as Markdown: numbers, and names that are ours. What the organisation says is left to orgtrail to escape.
def plural(one; many): if . == 1 then "1 \(one)" else "\(.) \(many)" end;
.counts as $of
| [.domains | to_entries[] | select(.value.status == "complete")] as $complete
| [.domains | to_entries[] | select(.value.status != "complete" and .value.status != "skipped")] as $incomplete
| "\($of | add | plural("change"; "changes")): \($of.critical) critical, \($of.high) high, \($of.medium) medium, \($of.low) low.",
  "",
  "\($complete | length) of \(.domains | length | plural("domain"; "domains")) complete, in \(.requests | plural("request"; "requests")).",
  (.baselines | length | select(. > 0) | "Captured for the first time: \(plural("domain"; "domains")).") ,
  ($incomplete | select(. != []) | "", "| Domain | Status |", "|---|---|", (.[] | "| `\(.key)` | \(.value.status) |"))
