//! What a request says: the names and values of query strings and forms, percent-encoded, and of bodies.

/// The pairs of a query string or form.
pub(super) fn read(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// The members of a body that is a JSON object, as a query string would have them; those that are objects say nothing alone.
pub(super) fn read_body(text: &str) -> Option<Vec<(String, String)>> {
    let body: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    Some(body.iter().map(|(name, value)| (name.clone(), text_of(value))).collect())
}

fn text_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        serde_json::Value::Null | serde_json::Value::Object(_) => String::new(),
        plain => plain.to_string(),
    }
}

/// The query string of pairs.
pub(super) fn write<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let parts: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    parts.join("&")
}

/// Undoes percent-encoding; what is no such encoding stays.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| first == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_as_they_were_written() {
        let pairs = [("expand", "a,b"), ("name", "Zoë & co=100%"), ("empty", "")];
        let text = write(pairs);
        assert_eq!(text, "expand=a%2Cb&name=Zo%C3%AB%20%26%20co%3D100%25&empty=");
        assert_eq!(read(&text), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_body_says_what_a_query_string_would() {
        let body = r#"{"after":"c1","pageSize":25,"ids":["a","b"],"deep":{"x":1}}"#;
        let pairs = [("after", "c1"), ("deep", ""), ("ids", "a,b"), ("pageSize", "25")];
        let mut read = read_body(body).unwrap_or_default();
        read.sort();
        assert_eq!(read, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!((read_body("[]"), read_body("")), (None, None));
    }

    #[test]
    fn a_stray_percent_sign_stays() {
        assert_eq!((decode("100%"), decode("%zz"), decode("%+1")), ("100%".into(), "%zz".into(), "%+1".into()));
        assert_eq!(read("a+b&&c"), [("a b".into(), String::new()), ("c".into(), String::new())]);
    }
}
