//! What the Dockerfile says of the image.

use std::path::{Path, PathBuf};

use parse_dockerfile::{
    Command, CopyInstruction, Flag, HealthcheckArguments, Instruction, JsonOrStringArray, Source,
    UnescapedString, parse,
};

/// The last stage of a Dockerfile, and how the one before it gets what that copies.
#[derive(Debug, Default)]
pub(crate) struct Image {
    /// The commands of the first stage.
    pub(crate) build: Vec<String>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) user: String,
    pub(crate) folder: String,
    pub(crate) volume: String,
    pub(crate) port: String,
    pub(crate) healthcheck: Vec<String>,
    pub(crate) command: Vec<String>,
}

/// A folder whose contents become those of another one.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    /// Whose it is, where not root's.
    pub(crate) owner: Option<String>,
}

impl Image {
    /// Reads a Dockerfile. Whatever this does not know it refuses, so that nothing of it goes untested.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("reads the Dockerfile");
        let file = parse(&text).expect("is a Dockerfile");
        let stages: Vec<_> = file.stages().collect();
        let [build, last] = stages.as_slice() else {
            panic!("there are not two stages, but {}", stages.len());
        };
        assert_eq!(last.from.image.value, "scratch", "there is a base image");
        let mut image = Self::default();
        for instruction in build.instructions {
            if let Instruction::Run(run) = instruction {
                let Command::Shell(command) = &run.arguments else {
                    panic!("{run:?}");
                };
                image.build.push(command.value.to_owned());
            }
        }
        for instruction in last.instructions {
            image.add(instruction);
        }
        image
    }

    fn add(&mut self, instruction: &Instruction<'_>) {
        match instruction {
            Instruction::Copy(copy) => self.copies.push(Copy::of(copy)),
            Instruction::Env(env) => {
                let pairs = env.arguments.value.split_whitespace();
                let pairs = pairs.map(|pair| pair.split_once('=').expect("has a value"));
                let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
                self.variables.extend(owned);
            }
            Instruction::User(user) => self.user = user.arguments.value.to_string(),
            Instruction::Workdir(folder) => self.folder = folder.arguments.value.to_string(),
            Instruction::Volume(volume) => {
                let JsonOrStringArray::String(paths) = &volume.arguments else {
                    panic!("{volume:?}");
                };
                self.volume = one(paths);
            }
            Instruction::Expose(ports) => self.port = one(&ports.arguments),
            Instruction::Healthcheck(check) => {
                let HealthcheckArguments::Cmd { arguments, .. } = &check.arguments else {
                    panic!("{check:?}");
                };
                self.healthcheck = words(arguments);
            }
            Instruction::Cmd(command) => self.command = words(&command.arguments),
            other => panic!("the test of the image does not know {other:?}"),
        }
    }
}

impl Copy {
    fn of(copy: &CopyInstruction<'_>) -> Self {
        let flag = |name: &str| {
            let is_it = |flag: &&Flag<'_>| flag.name.value == name;
            let found = copy.options.iter().find(is_it)?;
            Some(found.value.as_ref().expect("has a value").value.to_string())
        };
        let [Source::Path(from)] = copy.src.as_slice() else {
            panic!("{copy:?}");
        };
        let owner = flag("chown");
        assert_eq!(flag("from").as_deref(), Some("build"), "{copy:?}");
        assert_eq!(copy.options.len(), 1 + usize::from(owner.is_some()));
        Self {
            from: PathBuf::from(&*from.value),
            to: PathBuf::from(&*copy.dest.value),
            owner,
        }
    }
}

/// The words of a command that no shell takes apart: there is none.
fn words(command: &Command<'_>) -> Vec<String> {
    let Command::Exec(words) = command else {
        panic!("this needs a shell: {command:?}");
    };
    let words = words.value.iter();
    words.map(|word| word.value.to_string()).collect()
}

fn one(values: &[UnescapedString<'_>]) -> String {
    let [value] = values else {
        panic!("not one value: {values:?}");
    };
    value.value.to_string()
}
