//! Keeps secrets out of the log: fields that are named like one, and passwords inside addresses.

use std::borrow::Cow;

/// Stands where a secret would.
const REDACTED: &str = "[redacted]";
/// Words that, inside a field's name, mark its value as a secret. A `token` is an outcome's id here.
const SECRET_NAMES: [&str; 7] =
    ["secret", "password", "passphrase", "private_key", "api_key", "authorization", "mnemonic"];
/// Longer values are cut: container engines split lines at 16 KiB.
const CHARS_MAX: usize = 4096;

/// Returns the text as it may be logged under this name: without secrets, and not endless.
pub(super) fn clean<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    if is_secret(name) {
        return Cow::Borrowed(REDACTED);
    }
    let text = without_passwords(text);
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => {
            let kept: String = text.chars().take(CHARS_MAX).collect();
            Cow::Owned(format!("{kept}… ({} bytes more)", text.len() - end))
        }
        None => text,
    }
}

/// Tells whether a field's name says that its value is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Returns the text with `scheme://user:password@host` written as `scheme://[redacted]@host`.
fn without_passwords(text: &str) -> Cow<'_, str> {
    if !(text.contains("://") && text.contains('@')) {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push_str("://");
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'');
        let authority = part.split(ends).next().unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((user, _)) => {
                clean.push_str(REDACTED);
                clean.push_str(part.get(user.len()..).unwrap_or_default());
            }
            None => clean.push_str(part),
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, logged: &str) {
        assert_eq!(clean(name, text), logged);
    }

    #[test]
    fn a_secret_is_not_logged() {
        check("venue.api_key", "k-123", "[redacted]");
        check("wallet.private_key", "0xabc", "[redacted]");
        check("token", "7131", "7131");
        check(
            "message",
            "open postgres://ploy:pa55@db:5432/ploy: refused",
            "open postgres://[redacted]@db:5432/ploy: refused",
        );
        check(
            "message",
            "a https://x.org/@me and b wss://u:p@y.org",
            "a https://x.org/@me and b wss://[redacted]@y.org",
        );
        check("message", "mail me@x.org", "mail me@x.org");
    }

    #[test]
    fn an_endless_text_is_cut_and_says_so() {
        let text = "é".repeat(CHARS_MAX + 5);
        let cut = clean("message", &text);
        assert!(cut.ends_with("é… (10 bytes more)"), "{cut}");
        let fits = "x".repeat(CHARS_MAX);
        check("message", &fits, &fits);
    }
}
