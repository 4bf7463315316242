//! What `manage.py dumpdata` writes, object by object.

use std::cell::RefCell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::de::IoRead;
use serde_json::{Map, StreamDeserializer, Value};

use super::objects::Object;
use crate::cli::error::CliError;
use crate::cli::import::Source;

/// More than an object of a dump can be, in bytes: a group with all its permissions.
const MAX_OBJECT_BYTES: usize = 1 << 20;

const CUT_OFF: &str = "the dump ends in the middle: it was cut off";

/// A dump: an array of objects, or one a line (`--format json` and `jsonl`).
pub(super) struct Dump {
    file: Rc<RefCell<Source>>,
    bar: ProgressBar,
    objects: StreamDeserializer<'static, IoRead<BufReader<Elements>>, Written>,
}

/// An object as it is written.
#[derive(Deserialize)]
struct Written {
    model: String,
    /// Left out by `--natural-primary`.
    #[serde(default)]
    pk: Value,
    fields: Map<String, Value>,
}

impl Dump {
    pub(super) fn new(file: Source, bar: ProgressBar) -> Self {
        let file = Rc::new(RefCell::new(file));
        let objects = objects(&file, &bar);
        Self { file, bar, objects }
    }

    pub(super) fn length(&self) -> u64 {
        self.file.borrow().length
    }

    pub(super) fn rewind(&mut self) -> Result<(), CliError> {
        self.file.borrow_mut().rewind()?;
        self.objects = objects(&self.file, &self.bar);
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Option<Object>, CliError> {
        let Some(written) = self.objects.next() else {
            return Ok(None);
        };
        let Written { model, pk, fields } = written.map_err(broken)?;
        Ok(Some(Object {
            model: model.to_lowercase(),
            pk,
            fields,
        }))
    }
}

fn objects(
    file: &Rc<RefCell<Source>>,
    bar: &ProgressBar,
) -> StreamDeserializer<'static, IoRead<BufReader<Elements>>, Written> {
    let elements = Elements {
        file: Rc::clone(file),
        bar: bar.clone(),
        seen: 0,
        place: Place::Before,
        depth: 0,
        length: 0,
        is_text: false,
        is_escaped: false,
    };
    serde_json::Deserializer::from_reader(BufReader::new(elements)).into_iter()
}

fn broken(error: serde_json::Error) -> CliError {
    let (line, words) = (error.line(), error.to_string());
    let problem = if error.is_eof() {
        CUT_OFF.to_owned()
    } else if error.is_io() {
        let error = io::Error::from(error);
        match error.kind() {
            io::ErrorKind::UnexpectedEof => CUT_OFF.to_owned(),
            io::ErrorKind::FileTooLarge => {
                format!("an object has at most {MAX_OBJECT_BYTES} bytes")
            }
            _ if matches!(error.get_ref(), Some(inner) if inner.is::<Strange>()) => {
                error.to_string()
            }
            _ => return CliError::io("reading the dump")(error),
        }
    } else {
        let words = words.split(" at line ").next().unwrap_or_default();
        format!("this is not what 'manage.py dumpdata' writes: {words}")
    };
    CliError::Value {
        // What is seen before the text is read has no line.
        what: match line {
            0 => "SOURCE".into(),
            line => format!("line {line}"),
        },
        problem,
    }
}

/// What a file is that is no dump.
#[derive(Debug, thiserror::Error)]
enum Strange {
    #[error("this is compressed: unpack it first, as in 'gunzip --stdout dump.json.gz'")]
    Gzip,
    #[error(
        "this is UTF-16, as a shell of Windows writes it: let Django write the file itself, with --output dump.json"
    )]
    Utf16,
    #[error("this is XML: write the dump with --format json or jsonl")]
    Xml,
    #[error(
        "there is a second document behind the first: write one dump of all apps, as in 'manage.py dumpdata contenttypes auth accounts'"
    )]
    Second,
}

/// Where in the array a reader is.
#[derive(PartialEq, Eq)]
enum Place {
    Before,
    /// Between its brackets.
    Inside,
    After,
    /// There is none: objects follow one another.
    Lines,
}

/// The elements of an array without its brackets and commas, as if one followed the other.
struct Elements {
    file: Rc<RefCell<Source>>,
    bar: ProgressBar,
    /// Bytes that were seen.
    seen: u64,
    place: Place,
    depth: usize,
    length: usize,
    is_text: bool,
    is_escaped: bool,
}

impl Elements {
    fn see(&mut self, byte: &mut u8) -> io::Result<()> {
        self.seen += 1;
        match (self.seen, *byte) {
            (1, 0x1f) => return Err(io::Error::other(Strange::Gzip)),
            (1, 0xfe | 0xff) => return Err(io::Error::other(Strange::Utf16)),
            (1, b'<') => return Err(io::Error::other(Strange::Xml)),
            // The mark that some editors put in front.
            (1, 0xef) | (2, 0xbb) | (3, 0xbf) => *byte = b' ',
            _ => {}
        }
        self.length = if self.depth == 0 { 0 } else { self.length + 1 };
        if self.length > MAX_OBJECT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if self.is_text {
            let was_escaped = std::mem::take(&mut self.is_escaped);
            match *byte {
                b'\\' if !was_escaped => self.is_escaped = true,
                b'"' if !was_escaped => self.is_text = false,
                _ => {}
            }
            return Ok(());
        }
        match (*byte, self.depth, &self.place) {
            (b'[', 0, Place::Before) => {
                self.place = Place::Inside;
                *byte = b' ';
            }
            (b',', 0, Place::Inside) => *byte = b' ',
            (b']', 0, Place::Inside) => {
                self.place = Place::After;
                *byte = b' ';
            }
            (b'{' | b'[', 0, Place::After) => return Err(io::Error::other(Strange::Second)),
            (b'{' | b'[', ..) => {
                if self.place == Place::Before {
                    self.place = Place::Lines;
                }
                self.depth += 1;
            }
            (b'}' | b']', ..) => self.depth = self.depth.saturating_sub(1),
            (b'"', ..) => self.is_text = true,
            _ => {}
        }
        Ok(())
    }
}

impl Read for Elements {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.borrow_mut().file.read(buffer)?;
        self.bar.inc(length as u64);
        if length == 0 && !buffer.is_empty() && matches!(self.place, Place::Before | Place::Inside)
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for byte in &mut buffer[..length] {
            self.see(byte)?;
        }
        Ok(length)
    }
}
