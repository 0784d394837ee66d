//! When a recurrence ends, by its rule as of RFC 5545.

/// The last moment of a recurrence, as `YYYY-MM-DDTHH:MM:SS` with the `Z` that the rule gives it or not; empty for one that does not
/// end.
///
/// # Errors
/// Why it cannot be told.
pub(super) fn end_of(rule: &str) -> Result<String, String> {
    let parts = rule.trim().trim_start_matches("RRULE:").split(';').filter_map(|part| part.split_once('='));
    let mut until = String::new();
    for (name, value) in parts {
        match name.trim().to_ascii_uppercase().as_str() {
            "COUNT" => return Err("a recurrence that ends after a number of times is not worked out".to_owned()),
            "UNTIL" => until = moment(value.trim()).ok_or_else(|| format!("{value:?} is no end of a recurrence"))?,
            _ => {}
        }
    }
    Ok(until)
}

/// A moment such as `20250410T150000Z`, or the end of a day such as `20250410`, with hyphens and colons.
fn moment(text: &str) -> Option<String> {
    let (day, time) = text.split_once('T').unwrap_or((text, "235959"));
    let (time, zone) = time.strip_suffix('Z').map_or((time, ""), |time| (time, "Z"));
    let is_number = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(day, 8) || !is_number(time, 6) {
        return None;
    }
    let (year, month, day) = (&day[..4], &day[4..6], &day[6..]);
    Some(format!("{year}-{month}-{day}T{}:{}:{}{zone}", &time[..2], &time[2..4], &time[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_found_where_the_rule_has_one() {
        let end = |rule: &str| end_of(rule).map_err(drop);
        assert_eq!(end("FREQ=WEEKLY;INTERVAL=1;BYDAY=MO"), Ok(String::new()));
        assert_eq!(end(""), Ok(String::new()));
        assert_eq!(end("FREQ=DAILY;UNTIL=20250410T150000Z"), Ok("2025-04-10T15:00:00Z".to_owned()));
        assert_eq!(end("RRULE:FREQ=DAILY;until=20250410T150000"), Ok("2025-04-10T15:00:00".to_owned()));
        assert_eq!(end("FREQ=DAILY;UNTIL=20250410"), Ok("2025-04-10T23:59:59".to_owned()));
        for untold in ["FREQ=DAILY;COUNT=3", "UNTIL=soon", "UNTIL=2025041é", "UNTIL=20250410T15"] {
            assert_eq!(end(untold), Err(()), "{untold}");
        }
    }
}
