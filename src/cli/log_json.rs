//! The log as JSON, one flat object a line.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

/// Room for the line of a request.
const USUAL_BYTES: usize = 256;

/// `timestamp`, `level`, the event's own fields, `target`.
///
/// The subscriber's own JSON goes through four layers of writers for each piece of punctuation;
/// of a request's time that was the tenth part.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let line = object(&timestamp, event).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

fn object(timestamp: &str, event: &Event<'_>) -> serde_json::Result<String> {
    let metadata = event.metadata();
    let mut line = Vec::with_capacity(USUAL_BYTES);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("timestamp", timestamp)?;
    object.serialize_entry("level", metadata.level().as_str())?;
    let mut fields = Fields {
        object: &mut object,
        outcome: Ok(()),
    };
    event.record(&mut fields);
    fields.outcome?;
    object.serialize_entry("target", metadata.target())?;
    object.end()?;
    String::from_utf8(line).map_err(serde::ser::Error::custom)
}

/// Writes an event's fields into the object.
struct Fields<'o, M: SerializeMap> {
    object: &'o mut M,
    outcome: Result<(), M::Error>,
}

impl<M: SerializeMap> Fields<'_, M> {
    fn add(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if self.outcome.is_ok() {
            self.outcome = self.object.serialize_entry(field.name(), value);
        }
    }
}

impl<M: SerializeMap> Visit for Fields<'_, M> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::cli::log_lines::LogLines;

    fn line_of(run: impl FnOnce()) -> String {
        let file = tempfile::NamedTempFile::new().expect("makes a file");
        let log = tracing_subscriber::fmt()
            .with_writer(LogLines::new(file.reopen().expect("opens")))
            .event_format(JsonLines)
            .finish();
        tracing::subscriber::with_default(log, run);
        fs::read_to_string(file.path()).expect("reads")
    }

    #[test]
    fn an_event_is_one_flat_object_on_one_line() {
        let line = line_of(|| {
            let text = "a \"quoted\"\nline\u{1}";
            let error = std::io::Error::other("two\nlines");
            tracing::warn!(count = 7u16, below = -1, is = true, text, %error, "it {}", "happened");
        });
        assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
        let mut object: Value = serde_json::from_str(&line).expect("is JSON");
        let timestamp = object["timestamp"].take();
        let timestamp: Result<jiff::Timestamp, _> = timestamp.as_str().unwrap_or("").parse();
        assert!(timestamp.is_ok(), "{line}");
        assert_eq!(
            object,
            json!({
                "timestamp": null, "level": "WARN", "message": "it happened", "count": 7,
                "below": -1, "is": true, "text": "a \"quoted\"\nline\u{1}", "error": "two\nlines",
                "target": "auth::cli::log_json::tests",
            })
        );
        assert!(line.starts_with("{\"timestamp\":\"2"), "{line}");
    }
}
