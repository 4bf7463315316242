//! Rows of a file, one after the other.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use csv::{ByteRecord, StringRecord};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::row::{Draft, Given, is_column};
use crate::cli::error::CliError;
use crate::service::import::Row;

/// A row, or by its line what is wrong with it.
pub(in crate::cli) type Read1 = Result<Row, (u64, String)>;

/// More than an account can be, in bytes.
const MAX_ROW_BYTES: u64 = 1 << 20;

/// Rows as they come.
pub(in crate::cli) trait Rows {
    /// The next, if there is one.
    fn next(&mut self) -> Result<Option<Read1>, CliError>;
}

/// JSON objects, one a line.
pub(super) struct Jsonl<R> {
    source: BufReader<R>,
    line: u64,
    text: Vec<u8>,
}

impl<R: Read> Jsonl<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: BufReader::new(source),
            line: 0,
            text: Vec::new(),
        }
    }
}

impl<R: Read> Rows for Jsonl<R> {
    fn next(&mut self) -> Result<Option<Read1>, CliError> {
        loop {
            self.text.clear();
            let mut source = (&mut self.source).take(MAX_ROW_BYTES + 1);
            let length = source.read_until(b'\n', &mut self.text);
            let length = length.map_err(CliError::io("reading the file"))?;
            if length == 0 {
                return Ok(None);
            }
            self.line += 1;
            if length as u64 > MAX_ROW_BYTES {
                return Err(too_long(self.line));
            }
            let mut text = self.text.as_slice();
            if self.line == 1 {
                text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let line = self.line;
            let read: Result<Members, _> = serde_json::from_slice(text);
            return Ok(Some(match read {
                Ok(Members(draft)) => draft.finish(line).map_err(|problem| (line, problem)),
                Err(error) => Err((line, not_an_object(&error))),
            }));
        }
    }
}

/// A JSON object whose members are an account's.
struct Members(Draft);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfMembers)
    }
}

struct OfMembers;

impl<'de> Visitor<'de> for OfMembers {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
        let (mut draft, mut names) = (Draft::default(), Vec::new());
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            draft.take(&name, Given::Json(&value));
            if names.contains(&name) {
                draft.refuse(&name, "it is there twice");
            }
            names.push(name);
        }
        Ok(Members(draft))
    }
}

/// What the parser says, without the line that it counts itself.
fn not_an_object(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    format!("this is no JSON object: {words}")
}

/// A table with a header.
pub(super) struct Csv<R> {
    reader: csv::Reader<Bounded<R>>,
    columns: Vec<String>,
    /// What is left for the row that is read.
    left: Rc<Cell<u64>>,
    record: ByteRecord,
}

impl<R: Read> Csv<R> {
    pub(super) fn new(source: R) -> Result<Self, CliError> {
        let left = Rc::new(Cell::new(MAX_ROW_BYTES));
        let source = Bounded {
            source,
            left: Rc::clone(&left),
        };
        let mut reader = csv::ReaderBuilder::new().from_reader(source);
        let header = reader.headers().map_err(|error| broken(error, 1))?;
        let mut columns = Vec::new();
        for name in header {
            let name = name.trim_start_matches('\u{feff}');
            let problem = match name {
                name if !is_column(name) => "accounts have nothing of this name",
                name if columns.iter().any(|known| known == name) => "it is there twice",
                _ => {
                    columns.push(name.to_owned());
                    continue;
                }
            };
            return Err(CliError::Value {
                what: format!(
                    "line 1: the column '{}'",
                    name.chars().take(80).collect::<String>()
                ),
                problem: problem.into(),
            });
        }
        Ok(Self {
            reader,
            columns,
            left,
            record: ByteRecord::new(),
        })
    }
}

impl<R: Read> Rows for Csv<R> {
    fn next(&mut self) -> Result<Option<Read1>, CliError> {
        self.left.set(MAX_ROW_BYTES);
        let read = self.reader.read_byte_record(&mut self.record);
        let line = self.record.position().map_or(0, csv::Position::line);
        match read {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) => {
                if let csv::ErrorKind::UnequalLengths { pos, .. } = error.kind() {
                    let line = pos.as_ref().map_or(line, csv::Position::line);
                    let problem = format!("a row has {} cells, as the header", self.columns.len());
                    return Ok(Some(Err((line, problem))));
                }
                return Err(broken(error, self.reader.position().line()));
            }
        }
        let record = std::mem::take(&mut self.record);
        let Ok(record) = StringRecord::from_byte_record(record) else {
            return Ok(Some(Err((line, "this is no UTF-8".into()))));
        };
        let mut draft = Draft::default();
        for (name, cell) in self.columns.iter().zip(&record) {
            draft.take(name, Given::Text(cell));
        }
        self.record = record.into_byte_record();
        let read = draft.finish(line);
        Ok(Some(read.map_err(|problem| (line, problem))))
    }
}

fn broken(error: csv::Error, line: u64) -> CliError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => too_long(line),
        csv::ErrorKind::Io(error) => CliError::io("reading the file")(error),
        kind => CliError::Value {
            what: format!("line {line}"),
            problem: format!("this is no table: {kind:?}"),
        },
    }
}

fn too_long(line: u64) -> CliError {
    CliError::Value {
        what: format!("line {line}"),
        problem: format!("a row has at most {MAX_ROW_BYTES} bytes"),
    }
}

/// A source that ends in an error where a row goes on for too long: an opening quote without its
/// other takes all of a file for one cell.
struct Bounded<R> {
    source: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = self.source.read(buffer)?;
        self.left.set(self.left.get().saturating_sub(length as u64));
        Ok(length)
    }
}
