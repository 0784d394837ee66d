use super::*;
use crate::canonical::read_str;
use crate::model::Value;

fn scan() -> Scan {
    Scan::built_in().unwrap()
}

#[test]
fn every_expression_can_be_compiled() {
    assert_eq!(scan().rules.broken(), [("", ""); 0]);
}

#[test]
fn a_secret_of_each_kind_is_found_wherever_it_stands_in_a_text() {
    let scan = scan();
    // Put together here, so that nobody who scans this repository finds them.
    let joined = |parts: &[&str]| parts.concat();
    let hex = "9f8b1c7d2e3a4f5061728394a5b6c7d8";
    for (rule, secret) in [
        ("private-key", format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", hex.repeat(4))),
        ("private-key-begin", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk".to_owned()),
        ("private-key-base64", joined(&["LS0tLS1CRUdJTi", "BQUklWQVRFIEtFWS0tLS0tCk1JSUV2"])),
        ("putty-private-key", "PuTTY-User-Key-File-3: ssh-ed25519".to_owned()),
        ("aws-access-token", joined(&["AKIA", "Q3EGTIFVPLZ7XM2N"])),
        ("aws-access-token", joined(&["AKIA", "IOSFODNN7EXAMPLE"])),
        ("gcp-api-key", joined(&["AIza", "SyA9x3LkQ8mZ0vTn5RbW2cYdE7fGhJ1kPqs"])),
        ("google-oauth", joined(&["GOCSPX-", "a8Kq2mZx91LpVb73TnQw5RcYdE04"])),
        ("github-pat", joined(&["ghp_", "a8Kq2mZx91LpVb73TnQw5RcYdE04fGhJ1kPq"])),
        ("gitlab-pat", joined(&["glpat-", "a8Kq2mZx91LpVb73TnQw"])),
        ("slack-bot-token", joined(&["xoxb-", "123456789012-123456789012-a8Kq2mZx91LpVb73TnQw5RcY"])),
        ("stripe-access-token", joined(&["sk_live_", "a8Kq2mZx91LpVb73TnQw5RcY"])),
        ("sendgrid-api-token", joined(&["SG.", "a8Kq2mZx91LpVb73TnQw5R.cYdE04fGhJ1kPqa8Kq2mZx91LpVb73TnQw5RcYdE04f"])),
        ("twilio-api-key", joined(&["SK", hex])),
        ("npm-access-token", joined(&["npm_", "a8Kq2mZx91LpVb73TnQw5RcYdE04fGhJ1kPq"])),
        ("jwt", joined(&["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.", "dozjgNryP4J3jVmNHl0w5N"])),
        (
            "json-web-token",
            joined(&["eyJhbGci-iJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.", "dozjgNryP4J3jVmNHl0w5N"]),
        ),
        ("url-password", "https://svc:hunter@crm.example.com/api".to_owned()),
        ("url-password", "postgres://app:S3cr3t!@db.example.com:5432/crm".to_owned()),
        ("url-password", "mongodb+srv://app:p%40ss@cluster0.example.net".to_owned()),
        ("url-password", "redis://:hunter2@cache.example.com".to_owned()),
        ("sip-uri-password", "sip:alice:sesame@sip.example.com".to_owned()),
        ("connection-string-password", "Server=tcp:db.example.com,1433;User ID=app;Password=hunterhunter;".to_owned()),
        ("connection-string-password", joined(&["AccountName=x;AccountKey=", "qZ8+1a==;EndpointSuffix=core"])),
        ("query-parameter", "https://f.example.net/api/run?code=a8Kq2mZx91LpVb73TnQw==".to_owned()),
        ("query-parameter", "https://b.example.net/c?sv=2024&sig=a8Kq2mZx91LpVb73TnQw%3D".to_owned()),
        ("otpauth-secret", "otpauth://totp/x?issuer=y&secret=JBSWY3DPEHPK3PXP".to_owned()),
        ("bearer-token", "Authorization: Bearer a8Kq2mZx91Lp".to_owned()),
        ("bearer-token", "bearer a8Kq2mZx91Lp".to_owned()),
        ("basic-credentials", "Basic dXNlcjpwYXNz".to_owned()),
        ("basic-credentials", "Authorization: Basic dXNlcjpodW50ZXIy".to_owned()),
        ("password-in-text", "password: hunter2".to_owned()),
        ("password-in-text", "the passphrase is corr3cthorse".to_owned()),
        ("password-in-text", r#"{"user":"a","password":"Passw0rd!"}"#.to_owned()),
        ("password-in-text", r#"{\"clientSecret\": \"a8Kq2mZx\"}"#.to_owned()),
        ("generic-api-key", "api_key=a8Kq2mZx91Lp".to_owned()),
    ] {
        assert_eq!(scan.rule_in(&secret), Some(rule), "{secret}");
        for text in [format!("Ask Support. {secret}"), format!("{secret}, then call"), format!("«x» {secret}. Ü")] {
            let is_at_start = secret.starts_with("Basic ");
            assert!(is_at_start || scan.rule_in(&text).is_some(), "{text}");
        }
        let long = format!("{} {secret} {}", "Lorem ipsum dolor. ".repeat(200), "Sit amet. ".repeat(200));
        assert!(secret.starts_with("Basic ") || scan.rule_in(&long).is_some(), "{rule} in a long text");
    }
}

#[test]
fn what_only_reads_like_a_secret_is_left_alone() {
    let scan = scan();
    for text in [
        "",
        "3f2a9c10-0000-4000-8000-00000000abcd",
        "Waits for a token from the identity provider",
        "Reset your password: follow the link",
        "password is required",
        "The password must have 8 characters",
        "Basic information",
        "Bearer authentication is used",
        "https://login.example.com/oauth/token?grant_type=client_credentials",
        "https://crm.example.com/customers/{id}?key=${input.customerKey}",
        "https://crm.example.com/c?divisionKey=3f2a9c10-0000-4000-8000-00000000abcd",
        "Basic $encoding.base64(\"${credentials.user}:${credentials.password}\")",
        "https://${credentials.user}:${credentials.password}@crm.example.com",
        "postgres://{{user}}:{{password}}@db",
        r#"{"type":"object","properties":{"password":{"type":"string"},"token":{"type":"string","minLength":12}}}"#,
        r#"{"token": "$credentials.token1", "key": "${input.key}"}"#,
        "key: Flow.CustomerNumber1",
        "secret: see the vault",
        "user@example.com",
        "sip:+13175550100@sip.example.com:5061",
        "sip1.example.com:5061",
        "AES_CM_128_HMAC_SHA1_80",
        "skill-based routing for desk agents",
        "2026-03-02T08:00:00.000Z",
        "architect:flow:view",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
    ] {
        assert_eq!(scan.rule_in(text), None, "{text}");
    }
}

/// What the names of a chain of open members say of a value.
fn is_secret(names: &[&str], value: &str) -> bool {
    let scan = scan();
    let hint = names.iter().fold(Hint::None, |above, name| scan.hint_below(name, true, above));
    scan.rule_of(value, hint, names.iter().rev().copied()).is_some()
}

#[test]
fn a_name_that_sounds_like_a_secret_speaks_for_what_is_below_it() {
    for names in [
        &["password"][..],
        &["trunk_sip_authentication_credentials_password", "value", "instance"],
        &["sip_password_1", "value", "instance"],
        &["userPassword"],
        &["SIPPassword"],
        &["PASSPHRASE"],
        &["voicemailPin"],
        &["client_secret"],
        &["clientSecrets"],
        &["x-api-key"],
        &["APIKey"],
        &["Ocp-Apim-Subscription-Key"],
        &["accessToken"],
        &["X-Auth-Token", "value"],
        &["privateKey"],
        &["signing.key"],
        &["connectionString"],
        &["Authorization"],
        &["credentials", "value"],
        &["credentials", "accountData"],
        &["password", "newValue"],
    ] {
        assert!(is_secret(names, "a8kq2m"), "{names:?}");
    }
    assert!(is_secret(&["password"], "sesame") && is_secret(&["pin"], "4711") && is_secret(&["password"], "12345678"));
    assert!(is_secret(&["apiKey"], "3f2a9c10-0000-4000-8000-00000000abcd"));
    assert!(is_secret(&["token"], "thequickbrownfoxjumps"));
    assert!(is_secret(&["Authorization"], "Bearer a8Kq"));
    assert!(is_secret(&["password"], "$ecret"));
}

#[test]
fn a_name_about_secrets_is_none_and_neither_is_a_word() {
    for names in [
        &["passwordPolicy"][..],
        &["tokenTimeoutSeconds"],
        &["tokenType"],
        &["tokenUrl"],
        &["secretName"],
        &["apiKeyId"],
        &["keyName"],
        &["key"],
        &["bypass"],
        &["spin"],
        &["trunk_sip_authentication_credentials_username", "value", "instance"],
        &["trunk_sip_authentication_credentials_realm", "value", "instance"],
        &["password", "description"],
        &["password", "type"],
        &["credentials", "id"],
        &["credentials", "userName"],
        &["passwordRequired"],
        &["secretary"],
        &["tokenizer"],
    ] {
        assert!(!is_secret(names, "a8kq2m"), "{names:?}");
    }
    for value in [
        "",
        "true",
        "False",
        "none",
        "NONE",
        "basic",
        "client-credentials",
        "CLIENT_CREDENTIALS",
        "required",
        "OAuth2",
        "***",
        "${credentials.password}",
        "{{password}}",
        "$credentials.password",
        "$!{input.token}",
        "Basic ${x.y}",
        "Bearer {{t}}",
        "<your token>",
        "%TOKEN%",
        "30",
        "xyz",
    ] {
        for name in ["password", "token", "Authorization", "credentials"] {
            assert!(!is_secret(&[name], value), "{name}: {value}");
        }
    }
    for value in ["3600", "https://login.example.com/token", "/api/v2/tokens/me", "2026-03-02"] {
        assert!(!is_secret(&["token"], value), "{value}");
    }
    for value in ["userDefinedOAuth", "3f2a9c10-0000-4000-8000-00000000abcd", "a@example.com", "Customer portal"] {
        assert!(!is_secret(&["credentials"], value), "{value}");
    }
}

#[test]
fn a_rule_of_others_that_wants_a_name_gets_the_name_of_the_member() {
    let value = "9f8b1c7d2e3a4f5061728394a5b6c7d8";
    assert!(is_secret(&["datadog"], &format!("{value}9f8b1c7d")) && is_secret(&["algolia", "value"], value));
    assert!(!is_secret(&["anything"], value) && !is_secret(&["key"], value));
}

#[test]
fn one_of_a_pair_speaks_for_the_other() {
    let pair = |text: &str| match read_str(text).unwrap() {
        Value::Object(object) => scan().pair_in(&object),
        _ => None,
    };
    assert_eq!(pair(r#"{"name":"x-api-key","value":"1"}"#), Some((Hint::Key, "value".to_owned())));
    assert_eq!(pair(r#"{"header":"Authorization","headerValue":"1"}"#), Some((Hint::Vague, "headerValue".to_owned())));
    assert_eq!(pair(r#"{"key":"timeout","value":"1"}"#), None);
    assert_eq!(pair(r#"{"name":"password"}"#), None);
}

#[test]
fn files_that_contradict_themselves_are_refused() {
    let own = embedded_file("secrets/scan.toml").unwrap();
    let foreign = embedded_file("secrets/gitleaks.toml").unwrap();
    let refused = |foreign: &str, own: &str| RuleSet::read(foreign, own).map(|_| ()).unwrap_err();
    assert!(refused(foreign, &own.replace("asana-client-id =", "asana-id =")).contains("asana-id"));
    assert_eq!(refused(foreign, &own.replace("\"json-web-token\"", "\"jwt\"")), "two rules have one id");
    assert_eq!(refused(foreign, &own.replace("[\"eyj\"]", "[]")), "the rule json-web-token has no keywords");
    assert!(!refused("", own).is_empty() && !refused(foreign, "").is_empty());
}
