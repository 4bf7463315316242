//! What a container engine does with an image, done by `unshare`, `mount` and `nsenter`: a root of its
//! own that cannot be written, a volume, namespaces of its own for processes and the network, and the
//! image's account. By root as an engine does it; by anybody else in a user namespace, if the system
//! allows one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cluster::variable;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::dockerfile::Image;

/// Where programs are looked for in a container, unless the image says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the inside of a container: `$1` is its root, `$2` its volume, `$3` where that goes. The rest is
/// the command that it is for.
const SET_UP: &str = r#"
    set -eu
    root=$1 volume=$2 place=$3
    shift 3
    mount --bind "$root" "$root"
    mount --bind "$volume" "$root$place"
    mount -t proc proc "$root/proc"
    for device in null zero random urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
    mount -o remount,bind,ro "$root"
    ip link set lo up
    exec "$@"
"#;

/// An image on the disk, made as the Dockerfile says, from a program that is there already.
pub(crate) struct BuiltImage {
    pub(crate) image: Image,
    _folder: TempDir,
    pub(crate) root: PathBuf,
}

/// A container that runs.
pub(crate) struct Container<'i> {
    image: &'i BuiltImage,
    variables: Vec<(String, String)>,
    /// `unshare`, which stays outside and in all its namespaces but that of the processes.
    outside: Child,
    /// Its child, the process with the number 1.
    first: Pid,
}

impl BuiltImage {
    /// Lays out the image in a folder of its own.
    pub(crate) fn new(repository: &Path, program: &Path) -> Self {
        let image = Image::read(&repository.join("Dockerfile"));
        let folder = tempfile::tempdir().expect("makes a folder");
        // Of the image's account as well, which the volume below it is for.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("opens it");
        let (stage, root) = (folder.path().join("stage"), folder.path().join("root"));
        fs::create_dir(&root).expect("makes a folder");
        let layout = image.build.last().expect("there is a build");
        let words: Vec<&str> = layout.split(' ').collect();
        let [script, _, place] = words[..] else {
            panic!("the last command is no layout: {layout}");
        };
        let into = below(&stage, Path::new(place));
        let mut command = Command::new(repository.join(script));
        succeed(command.arg(program).arg(into));
        for copy in &image.copies {
            let to = below(&root, &copy.to);
            fs::create_dir_all(&to).expect("makes a folder");
            let from = below(&stage, &copy.from).join(".");
            succeed(
                Command::new("cp")
                    .arg("--recursive")
                    .arg("--no-dereference")
                    .arg("--preserve=mode")
                    .arg(from)
                    .arg(&to),
            );
            if let Some(owner) = copy.owner.as_ref().filter(|_| is_root()) {
                succeed(Command::new("chown").args(["--recursive", owner]).arg(&to));
            }
        }
        Self {
            image,
            _folder: folder,
            root,
        }
    }

    /// Every file with its size in bytes, sorted; folders end with a slash.
    pub(crate) fn files(&self) -> Vec<(String, u64)> {
        let mut files = Vec::new();
        list(&self.root, "/", &mut files);
        files.sort();
        files
    }

    /// A new volume: what the image has in its place.
    pub(crate) fn volume(&self) -> TempDir {
        let volume = tempfile::tempdir().expect("makes a folder");
        let place = below(&self.root, Path::new(&self.image.volume));
        let place = fs::metadata(place).expect("the image has a folder for the volume");
        fs::set_permissions(volume.path(), place.permissions()).expect("sets the mode");
        if is_root() {
            lchown(volume.path(), Some(place.uid()), Some(place.gid())).expect("is root");
        }
        volume
    }

    /// `docker run` with these variables and this volume.
    pub(crate) fn run(&self, volume: &Path, given: &[(&str, &str)]) -> Container<'_> {
        let variables = self.variables(given);
        let mut command = self.command(volume, &variables, &self.image.command);
        let log = fs::File::create(self.log()).expect("makes a file");
        command
            .stdout(log.try_clone().expect("is copied"))
            .stderr(log);
        let outside = command.spawn().expect("there is an unshare (util-linux)");
        let first = child_of(&outside);
        Container {
            image: self,
            variables,
            outside,
            first,
        }
    }

    /// The same for another command, which ends by itself.
    pub(crate) fn run_once(&self, volume: &Path, given: &[(&str, &str)], words: &[&str]) -> Output {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut command = self.command(volume, &self.variables(given), &words);
        command.output().expect("there is an unshare (util-linux)")
    }

    /// What the last container has said.
    fn log(&self) -> PathBuf {
        self.root.with_extension("log")
    }

    fn variables(&self, given: &[(&str, &str)]) -> Vec<(String, String)> {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        self.image.variables.iter().cloned().chain(given).collect()
    }

    fn command(&self, volume: &Path, variables: &[(String, String)], words: &[String]) -> Command {
        for folder in ["proc", "dev"] {
            fs::create_dir_all(self.root.join(folder)).expect("makes a folder");
        }
        for device in ["null", "zero", "random", "urandom"] {
            fs::write(self.root.join("dev").join(device), "").expect("makes a file");
        }
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["--mount", "--pid", "--net", "--ipc", "--uts", "--fork"])
            .args(["sh", "-c", SET_UP, "sh"])
            .arg(&self.root)
            .arg(volume)
            .arg(&self.image.volume)
            .args(self.inside(variables))
            .args(words)
            .stdin(Stdio::null());
        command
    }

    /// What goes before a command of the container: its environment, its root, its folder, its account.
    fn inside(&self, variables: &[(String, String)]) -> Vec<String> {
        let (user, group) = self
            .image
            .user
            .split_once(':')
            .expect("names user and group");
        let account = if is_root() {
            [format!("--setuid={user}"), format!("--setgid={group}")].to_vec()
        } else {
            let own = [format!("--map-user={user}"), format!("--map-group={group}")];
            ["--user".to_owned()].into_iter().chain(own).collect()
        };
        let mut words = vec!["env".to_owned(), "-i".to_owned(), format!("PATH={PATH}")];
        words.extend(
            variables
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        words.push("unshare".to_owned());
        words.extend(account);
        words.push(format!("--root={}", self.root.display()));
        words.push(format!("--wd={}", self.image.folder));
        words.push("--".to_owned());
        words
    }
}

impl Container<'_> {
    /// `docker exec`.
    pub(crate) fn exec(&self, words: &[&str]) -> Output {
        let mut command = self.enter();
        command.args(self.image.inside(&self.variables)).args(words);
        command.output().expect("there is an nsenter (util-linux)")
    }

    /// A program of the machine, in the container's network and among its processes.
    pub(crate) fn beside(&self, words: &[&str]) -> Output {
        self.enter().args(words).output().expect("starts")
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.outside.id().to_string()]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--mount", "--net", "--ipc", "--uts"]);
        command.arg(format!(
            "--pid=/proc/{}/ns/pid",
            self.first.as_raw_nonzero()
        ));
        command.arg("--").stdin(Stdio::null());
        command
    }

    /// Waits until the health check of the image says that all is well.
    pub(crate) fn wait_until_healthy(&mut self) {
        let check: Vec<&str> = self
            .image
            .image
            .healthcheck
            .iter()
            .map(String::as_str)
            .collect();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let out = self.exec(&check);
            if out.status.success() {
                return;
            }
            let ended = self.outside.try_wait().expect("waits");
            let log = || fs::read_to_string(self.image.log()).unwrap_or_default();
            assert!(ended.is_none(), "it has ended: {ended:?}: {}", log());
            assert!(Instant::now() < deadline, "not healthy: {out:?}: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `docker stop`: SIGTERM to the first process. Its exit status, and how long it took.
    pub(crate) fn stop(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        kill_process(self.first, Signal::TERM).expect("is ours");
        let ended = self.wait(Duration::from_secs(15));
        (ended, began.elapsed())
    }

    /// Waits for its end, and gives the exit status.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<i32> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.outside.try_wait().expect("waits") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // Gone already, or its end is that of all in the container, and then of `unshare`.
        if matches!(self.outside.try_wait(), Ok(None)) {
            let _ = kill_process(self.first, Signal::KILL);
            let _ = self.outside.wait();
        }
    }
}

/// Fails unless containers can be made here; `false`, and said on standard error, if nobody asks for them.
pub(crate) fn is_wanted() -> bool {
    if variable("SKIP_IMAGE").is_some_and(|value| value == "1") {
        eprintln!("NOT CHECKED here: the container image: SKIP_IMAGE is 1");
        return false;
    }
    let own: &[&str] = if is_root() {
        &[]
    } else {
        &["--user", "--map-root-user"]
    };
    let mut probe = Command::new("unshare");
    probe
        .args(own)
        .args(["--mount", "--pid", "--net", "--fork", "true"]);
    let out = probe.output().expect("there is an unshare (util-linux)");
    assert!(
        out.status.success(),
        "no container can be made here ({}): run this as root, or where ordinary users may make user \
         namespaces; SKIP_IMAGE=1 leaves it out",
        String::from_utf8_lossy(&out.stderr).trim()
    );
    true
}

/// Whether the test is run by root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// The process that `unshare --fork` has made.
fn child_of(outside: &Child) -> Pid {
    let id = outside.id();
    let place = format!("/proc/{id}/task/{id}/children");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let children = fs::read_to_string(&place).unwrap_or_default();
        if let Some(child) = children.split_whitespace().next() {
            let raw = child.parse().expect("is a number");
            return Pid::from_raw(raw).expect("is no zero");
        }
        assert!(Instant::now() < deadline, "unshare has made no process");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Where an absolute path is below a folder.
fn below(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path.strip_prefix("/").expect("is absolute"))
}

fn list(folder: &Path, name: &str, files: &mut Vec<(String, u64)>) {
    for entry in fs::read_dir(folder).expect("lists a folder") {
        let entry = entry.expect("lists a folder");
        let (kind, own) = (entry.file_type().expect("has a type"), entry.file_name());
        let name = format!("{name}{}", own.to_str().expect("is UTF-8"));
        if kind.is_dir() {
            let name = format!("{name}/");
            list(&entry.path(), &name, files);
            files.push((name, 0));
        } else {
            files.push((name, entry.metadata().expect("has a size").len()));
        }
    }
}

#[track_caller]
fn succeed(command: &mut Command) {
    let status = command.status().expect("starts");
    assert!(status.success(), "{command:?}: {status}");
}
