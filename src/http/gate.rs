//! What a request must be before anything looks at it (ADR 1). hyper has parsed it; this refuses
//! what is legal to parse and unsafe to pass on.

use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, Uri, Version};

use super::problem::{Code, Problem};
use super::routes;

/// Refuses a request whose target, host or framing is not plain.
pub(super) fn check(parts: &Parts) -> Result<(), Problem> {
    check_method(&parts.method, &parts.uri)?;
    check_target(&parts.uri)?;
    check_fields(&parts.headers)?;
    check_host(&parts.headers, parts.version)?;
    check_framing(&parts.headers, parts.version)
}

/// `Allow` has the methods of the path, and nothing where there is none (RFC 9110, 10.2.1).
fn check_method(method: &Method, uri: &Uri) -> Result<(), Problem> {
    if *method == Method::CONNECT || *method == Method::TRACE {
        return Err(
            Problem::new(Code::MethodNotAllowed, "CONNECT and TRACE are not served.").with_header(
                "Allow",
                routes::allowed(uri.path(), routes::find).join(", "),
            ),
        );
    }
    Ok(())
}

/// A path from the root without dot segments, and without bytes that other parties read as
/// separators or ends.
fn check_target(uri: &Uri) -> Result<(), Problem> {
    if uri
        .authority()
        .is_some_and(|host| !is_host(host.as_str().as_bytes()))
    {
        return Err(refusal("A request names exactly one host."));
    }
    let path = uri.path();
    let hidden = ["%00", "%0d", "%0a", "%5c"];
    let escapes = |path: &str| {
        path.contains('%') && {
            let lower = path.to_ascii_lowercase();
            hidden.iter().any(|escape| lower.contains(escape)) || has_dot_segment(&lower)
        }
    };
    if !path.starts_with('/') || path.contains('\\') || has_dot_segment(path) || escapes(path) {
        return Err(refusal("The request's path is not plain."));
    }
    Ok(())
}

fn has_dot_segment(path: &str) -> bool {
    let dots = |segment: &str| {
        let segment = segment.replace("%2e", ".");
        segment == "." || segment == ".."
    };
    // Cheap first: most paths have no dot at all.
    (path.contains('.') || path.contains("%2e")) && path.split('/').any(dots)
}

/// Names without `_` (which others turn into `-`), values in visible ASCII.
fn check_fields(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = headers
        .iter()
        .all(|(name, value)| !name.as_str().contains('_') && value.to_str().is_ok());
    if plain {
        Ok(())
    } else {
        Err(refusal(
            "A header field has a character that is not served.",
        ))
    }
}

/// Exactly one host on HTTP/1.1, at most one on HTTP/1.0.
fn check_host(headers: &HeaderMap, version: Version) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (None, _) if version < Version::HTTP_11 => Ok(()),
        _ => Err(refusal("A request names exactly one host.")),
    }
}

/// `name`, `address` or `[address]`, and perhaps a port.
pub(super) fn is_host(host: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(byte);
    !host.is_empty() && host.len() <= 255 && host.iter().all(plain)
}

/// One way to tell where the body ends.
fn check_framing(headers: &HeaderMap, version: Version) -> Result<(), Problem> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let plain = match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => {
            version == Version::HTTP_11
                && coding.as_bytes().eq_ignore_ascii_case(b"chunked")
                && !headers.contains_key(CONTENT_LENGTH)
        }
        _ => false,
    };
    if plain {
        Ok(())
    } else {
        Err(refusal("The body's length is not plain."))
    }
}

fn refusal(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn check_path(path: &str) -> bool {
        let request = Request::builder()
            .uri(path)
            .header("host", "a")
            .body(())
            .expect("builds");
        check(&request.into_parts().0).is_ok()
    }

    fn check_with(version: Version, fields: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().version(version).uri("/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        check(&request.body(()).expect("builds").into_parts().0).is_ok()
    }

    #[test]
    fn a_path_is_plain() {
        for good in [
            "/",
            "/auth/login",
            "/.well-known/jwks.json",
            "/a%20b",
            "/a..b",
            "/x?y=%00",
        ] {
            assert!(check_path(good), "{good}");
        }
        for bad in [
            "/a%00",
            "/a%0D",
            "/a%0a",
            "/a%5C",
            "/../a",
            "/a/.",
            "/a/%2E%2e/b",
            "/%2e",
        ] {
            assert!(!check_path(bad), "{bad}");
        }
    }

    #[test]
    fn there_is_one_host_and_one_way_to_tell_the_end() {
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        assert!(check_with(old, &[]) && !check_with(new, &[]));
        assert!(check_with(new, &[("host", "[::1]:8000")]));
        assert!(!check_with(new, &[("host", "a"), ("host", "a")]));
        assert!(!check_with(new, &[("host", "a@b")]) && !check_with(new, &[("host", "")]));
        assert!(check_with(
            new,
            &[("host", "a"), ("transfer-encoding", "chunked")]
        ));
        assert!(!check_with(old, &[("transfer-encoding", "chunked")]));
        assert!(!check_with(
            new,
            &[("host", "a"), ("transfer-encoding", "gzip, chunked")]
        ));
        let both = [
            ("host", "a"),
            ("transfer-encoding", "chunked"),
            ("content-length", "1"),
        ];
        assert!(!check_with(new, &both));
        assert!(!check_with(new, &[("host", "a"), ("x_y", "1")]));
    }
}
