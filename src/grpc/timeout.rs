//! How long a caller is willing to wait: the metadata `grpc-timeout`.

use std::time::Duration;

use hyper::header::HeaderMap;

/// The metadata is not of the form that gRPC gives it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The caller's own deadline, if it has one: one to eight digits and a unit.
pub(super) fn asked_for(headers: &HeaderMap) -> Result<Option<Duration>, Malformed> {
    let Some(value) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Malformed)?;
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or(Malformed)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    let number: u64 = digits.parse().map_err(|_| Malformed)?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return Err(Malformed),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_digits_and_a_unit() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().expect("is a value"));
            asked_for(&headers)
        };
        assert_eq!(asked_for(&HeaderMap::new()), Ok(None));
        for (text, expected) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("10S", Duration::from_secs(10)),
            ("250m", Duration::from_millis(250)),
            ("99999999u", Duration::from_micros(99_999_999)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(read(text), Ok(Some(expected)), "{text}");
        }
        for bad in [
            "",
            "S",
            "10",
            "10s",
            "123456789S",
            "-1S",
            "1 S",
            "1.5S",
            "S1",
        ] {
            assert_eq!(read(bad), Err(Malformed), "{bad}");
        }
    }
}
