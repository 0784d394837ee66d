# The outputs of the action that a run document has, as lines of `name=value`.
.counts as $of
| (if .commits == [] then "changed=false" else "changed=true" end),
  "max-severity=\(first(("critical", "high", "medium", "low") | select($of[.] > 0)) // "none")",
  "coverage=\(if any(.exit_codes[]; . == 4 or . == 7) then "partial" else "complete" end)",
  "commit=\(.commits[-1] // "")"
