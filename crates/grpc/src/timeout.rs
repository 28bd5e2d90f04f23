//! The `grpc-timeout` header.

use std::time::Duration;

use http::HeaderMap;
use tonic::Status;

/// How long the caller waits, if it says so.
///
/// # Errors
///
/// INTERNAL for a header that is not what gRPC demands, as seldon-core has it: without a deadline
/// the request would take longer than its caller wants.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    match value.to_str().ok().and_then(read) {
        Some(timeout) => Ok(Some(timeout)),
        None => Err(Status::internal(format!(
            "grpc-timeout is {:?}, allowed are one to eight digits and a unit: H, M, S, m, u or n",
            String::from_utf8_lossy(value.as_bytes())
        ))),
    }
}

fn read(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn every_unit() {
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("2M"), Some(Duration::from_secs(120)));
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("20m"), Some(Duration::from_millis(20)));
        assert_eq!(read("20u"), Some(Duration::from_micros(20)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!(of(&HeaderMap::new()).unwrap(), None);
        for text in [
            "",
            "m",
            "1",
            "1x",
            "-1S",
            "+1S",
            "1.5S",
            "100000000S",
            "1 S",
            "1é",
        ] {
            let header = http::HeaderValue::from_bytes(text.as_bytes()).unwrap();
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("grpc-timeout"), header)]);
            let status = of(&headers).unwrap_err();
            assert_eq!(status.code(), Code::Internal, "{text}");
            let named = status.message().contains(&format!("{text:?}"));
            assert!(named, "{text}: {}", status.message());
        }
    }
}
