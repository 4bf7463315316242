//! Every configuration key: its name, kind, default, bounds and meaning. The sample file, the
//! manual page, `config show` and the error messages are all made from this table.

use super::edges::EDGES;
pub use super::kind::Kind;
use super::kind::{HOUR, KIB, MIB, YEAR};
use super::people::PEOPLE;

/// One configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.name` as in the file; the environment calls it `AUTHD_SECTION_NAME`.
    pub name: &'static str,
    /// What a value looks like.
    pub kind: Kind,
    /// As it would be written; empty: absent, and the text says what happens then.
    pub default: &'static str,
    /// Whether it is never shown.
    pub secret: bool,
    /// One or more sentences for the manual.
    pub help: &'static str,
}

pub(super) const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        secret: false,
        help,
    }
}

/// All of them, by section.
pub const KEYS: &[Key] = &joined();

const fn joined() -> [Key; SERVICE.len() + EDGES.len() + PEOPLE.len()] {
    let mut all = [SERVICE[0]; SERVICE.len() + EDGES.len() + PEOPLE.len()];
    let tables = [SERVICE, EDGES, PEOPLE];
    let (mut at, mut table) = (0, 0);
    while table < tables.len() {
        let mut row = 0;
        while row < tables[table].len() {
            all[at] = tables[table][row];
            at += 1;
            row += 1;
        }
        table += 1;
    }
    all
}

/// What the service is; how others reach it and hear of it, and how people do, are in files of their own.
const SERVICE: &[Key] = &[
    Key {
        name: "secret_key",
        kind: Kind::Text,
        default: "",
        secret: true,
        help: "The secret that seals the signing keys in the database: 64 hexadecimal digits. Without it, the file below is used.",
    },
    key(
        "secret_key_file",
        Kind::Text,
        "",
        "The file with that secret. By default authd.key beside the database; authd makes it at its first start. Keep a copy apart from the database's: without it the signing keys in the database are lost.",
    ),
    key(
        "server.listen",
        Kind::List,
        "127.0.0.1:8000",
        "Where authd listens: addresses with a port (0 takes a free one), or unix:/path for a socket.",
    ),
    key(
        "server.grpc_listen",
        Kind::List,
        "",
        "Where authd speaks gRPC, in the same form: HTTP/2 in plain text, for your own network or behind a proxy with TLS. By default nowhere.",
    ),
    key(
        "server.public_url",
        Kind::Text,
        "http://localhost:8000",
        "Where clients find authd, as http(s)://host[:port][/path].",
    ),
    key(
        "server.cors_origins",
        Kind::List,
        "",
        "Origins of pages that may ask from a browser though they are not of server.public_url, as https://app.example.com (CORS). Each by its whole name; there is no word for all of them. The token is sent in Authorization: cookies are not.",
    ),
    key(
        "server.trusted_proxies",
        Kind::List,
        "",
        "Reverse proxies whose X-Forwarded-For, -Proto, -Host and -Uri are believed: addresses (10.0.0.7), networks (10.0.0.0/8), or unix for whoever may open a Unix socket of server.listen. From anybody else these fields have no effect. Each of these proxies must set the fields itself and pass on none of its clients'.",
    ),
    key(
        "server.max_connections",
        Kind::Count(1, 1_000_000),
        "4096",
        "Connections served at a time; further ones wait in the kernel's backlog.",
    ),
    key(
        "server.max_connections_per_address",
        Kind::Count(1, 1_000_000),
        "1024",
        "Of which from one address at most (an IPv6 address counts as its /64); further ones are closed. Unix sockets are not counted.",
    ),
    key(
        "server.max_header_size",
        Kind::Size(8 * KIB, MIB),
        "16KiB",
        "Request line and header fields together; more is answered with 431.",
    ),
    key(
        "server.max_headers",
        Kind::Count(8, 1000),
        "100",
        "Header fields of a request; more is answered with 431.",
    ),
    key(
        "server.max_body_size",
        Kind::Size(KIB, 64 * MIB),
        "64KiB",
        "A request's body; more is answered with 413.",
    ),
    key(
        "server.header_timeout",
        Kind::Duration(1, 300),
        "10s",
        "From a request's first byte to the end of its header.",
    ),
    key(
        "server.body_timeout",
        Kind::Duration(1, 300),
        "10s",
        "From the end of the header to the end of the body.",
    ),
    key(
        "server.write_timeout",
        Kind::Duration(1, 300),
        "10s",
        "How long an answer may wait for the client to take some more of it.",
    ),
    key(
        "server.keep_alive",
        Kind::Duration(1, HOUR),
        "75s",
        "How long a connection may rest between two requests.",
    ),
    key(
        "server.shutdown_timeout",
        Kind::Duration(0, 300),
        "10s",
        "How long requests under way may take when authd is told to stop.",
    ),
    key(
        "database.url",
        Kind::Database,
        "sqlite:authd.db",
        "The database: sqlite:PATH, relative to the working directory, or postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=MODE. MODE is disable, prefer (the default), require, or verify-full: with the last only a server with a trusted certificate for HOST is spoken to; it is trusted by the operating system, or by sslrootcert=FILE (PEM). Several HOST:PORT with commas between them are tried in turn; with &target_session_attrs=read-write until one is the primary. Best kept in AUTHD_DATABASE_URL_FILE: others on the machine can see a flag.",
    ),
    key(
        "database.timeout",
        Kind::Duration(1, 60),
        "5s",
        "How long to wait for the database: for another process to release it, for a connection, for an answer.",
    ),
    key(
        "database.connections",
        Kind::Count(1, 1000),
        "16",
        "PostgreSQL: connections that authd reads with at most, beside the one it writes with; as many again to database.read_url.",
    ),
    key(
        "database.read_url",
        Kind::Database,
        "",
        "PostgreSQL: a replica of database.url. Verify and the public keys are read there while it is fresh enough; whatever it refuses, or does not answer, is asked of the primary.",
    ),
    key(
        "database.max_staleness",
        Kind::Duration(1, HOUR),
        "2s",
        "How far the replica may be behind, as measured, to be read from: a token that was ended may be good for so long.",
    ),
    key(
        "tokens.issuer",
        Kind::Text,
        "",
        "The claim iss of every token. By default server.public_url.",
    ),
    key(
        "tokens.audience",
        Kind::Text,
        "",
        "The claim aud of every token. By default the issuer.",
    ),
    key(
        "tokens.access_ttl",
        Kind::Duration(10, 24 * HOUR),
        "15m",
        "Life of an access token.",
    ),
    key(
        "tokens.leeway",
        Kind::Duration(0, 60),
        "30s",
        "How far the clocks of two machines may differ.",
    ),
    key(
        "tokens.claims",
        Kind::List,
        "",
        "User fields to put into tokens: email, first_name, last_name, phone_number, is_staff, is_superuser, groups, permissions, fields.NAME. By default none: verify has them fresh.",
    ),
    key(
        "tokens.verify_max_age",
        Kind::Duration(0, HOUR),
        "5s",
        "For how long a caller may keep a verify answer (max_age in it).",
    ),
    key(
        "tokens.algorithm",
        Kind::Choice(&["EdDSA", "ES256", "RS256", "HS256"]),
        "EdDSA",
        "What new signing keys are of; the present one goes on until authctl key rotate. HS256 is for services that know nothing else: whoever checks tokens with its secret can make them, and its tokens and those of other keys are never good at the same time.",
    ),
    key(
        "tokens.publish_before_sign",
        Kind::Duration(2, 7 * 24 * HOUR),
        "10m",
        "For how long a new key is published before it signs. Others may keep the public keys for half of that, and for 5 minutes at most.",
    ),
    key(
        "tokens.rotate_every",
        Kind::Duration(0, 10 * YEAR),
        "0s",
        "A signing key of that age is followed by another. 0s: only authctl key rotate begins that.",
    ),
    key(
        "sessions.idle",
        Kind::Duration(60, 10 * YEAR),
        "30d",
        "A session ends when its refresh token was not used for that long.",
    ),
    key(
        "sessions.absolute",
        Kind::Duration(60, 10 * YEAR),
        "90d",
        "A session ends that long after its login, however much it is used.",
    ),
    key(
        "sessions.refresh_grace",
        Kind::Duration(0, 60),
        "10s",
        "For how long a refresh token that was just used gives the same successor again: answers get lost. After that, its use means that it was stolen, and ends the session.",
    ),
    key(
        "sessions.max_per_user",
        Kind::Count(1, 10_000),
        "100",
        "Sessions of one user; a login beyond that ends the oldest.",
    ),
    key(
        "passwords.min_length",
        Kind::Count(8, 64),
        "15",
        "Characters of a new password at least. 15 is right when the password is the only factor.",
    ),
    key(
        "passwords.max_length",
        Kind::Count(64, 1024),
        "256",
        "Characters of a new password at most.",
    ),
    key(
        "passwords.memory",
        Kind::Size(19 * MIB, 1024 * MIB),
        "19MiB",
        "Memory of one Argon2id hash (m).",
    ),
    key(
        "passwords.iterations",
        Kind::Count(2, 64),
        "2",
        "Passes of one Argon2id hash over its memory (t).",
    ),
    key(
        "passwords.parallelism",
        Kind::Count(1, 16),
        "1",
        "Lanes of one Argon2id hash (p).",
    ),
    key(
        "passwords.threads",
        Kind::Count(0, 1024),
        "0",
        "Hashes computed at a time; memory is this many times passwords.memory. 0: as many as there are cores.",
    ),
    key(
        "passwords.queue",
        Kind::Count(1, 10_000),
        "64",
        "Hashes that may wait; a login beyond that is answered with 503 and Retry-After.",
    ),
    key(
        "login.attempts",
        Kind::Count(1, 100_000),
        "5",
        "Wrong passwords for one account from one address in a row. After that comes a wait of one second, after the next of two, then of four and so on; whoever does not wait gets 429 and Retry-After. Where nothing is wrong any more for the longest wait, one is forgiven.",
    ),
    key(
        "login.account_attempts",
        Kind::Count(1, 100_000),
        "50",
        "Wrong passwords for one account in a row, wherever they come from. After that the same waits hold for everybody but those at an address from which the account has a session.",
    ),
    key(
        "login.address_attempts",
        Kind::Count(1, 100_000),
        "100",
        "Wrong passwords from one address in ten minutes, whatever the accounts (an IPv6 address counts as its /64). After that the same waits hold for that address. Behind a proxy, server.trusted_proxies must name it, or else all clients are one.",
    ),
    key(
        "login.longest_wait",
        Kind::Duration(1, 24 * HOUR),
        "15m",
        "The longest of these waits.",
    ),
    key(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        "info",
        "What is logged: this and what is worse. One line a request is info.",
    ),
    key(
        "log.format",
        Kind::Choice(&["auto", "text", "json"]),
        "auto",
        "auto is text on a terminal and JSON elsewhere.",
    ),
];

/// The key of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether any key is in a section, or table, of that name.
pub fn is_section(name: &str) -> bool {
    let section = |key: &Key| key.name.split_once('.').is_some_and(|(of, _)| of == name);
    KEYS.iter().any(section)
}

/// The known key that looks most like `name`.
pub fn nearest(name: &str) -> &'static str {
    KEYS.iter()
        .map(|key| key.name)
        .max_by(|one, other| {
            strsim::jaro_winkler(one, name).total_cmp(&strsim::jaro_winkler(other, name))
        })
        .unwrap_or_default()
}

impl Key {
    /// The environment variable that sets it: `AUTHD_SERVER_LISTEN` for `server.listen`.
    pub fn variable(&self) -> String {
        format!("AUTHD_{}", self.name.replace('.', "_").to_uppercase())
    }
}
