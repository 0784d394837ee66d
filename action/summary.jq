# A run document as Markdown: numbers, and names that are ours. What the organisation says is left to orgtrail to escape.
def counted(one; many): if . == 1 then "1 \(one)" else "\(.) \(many)" end;

.counts as $of
| [.domains[] | select(.status == "complete")] as $complete
| [.domains | to_entries[] | select(.value.status != "complete" and .value.status != "skipped")] as $incomplete
| "\($of | add | counted("change"; "changes")): \($of.critical) critical, \($of.high) high, \($of.medium) medium, \($of.low) low.",
  "",
  "\($complete | length) of \(.domains | length | counted("domain"; "domains")) complete, in \(.requests | counted("request"; "requests")).",
  (.baselines | length | select(. > 0) | "Captured for the first time: \(counted("domain"; "domains"))."),
  ($incomplete | select(. != []) | "", "| Domain | Status |", "|---|---|", (.[] | "| `\(.key)` | \(.value.status) |"))
