//! Reading from a replica: as stale as allowed, never staler, and never in the way.

use std::time::{Duration, Instant};

use cluster::Cluster;

use crate::env::{Authd, PASSWORD, TestEnv, only_postgres};

const WHY: &str = "it is about servers";

/// A primary with an account, a replica, and a daemon that reads from it.
struct Scene {
    primary: Cluster,
    replica: Cluster,
    env: TestEnv,
    authd: Authd,
    token: String,
    database: String,
}

fn scene(max_staleness: &str) -> Scene {
    let primary = Cluster::own(&[]);
    let url = primary.new_database();
    let env = TestEnv::at(&url);
    env.add_user("ada@example.com", PASSWORD);
    let replica = primary.standby();
    let name = url.rsplit('/').next().expect("names a database");
    let authd = env.authd_with(
        &[],
        &[
            ("AUTHD_DATABASE_READ_URL", &replica.url(name)),
            ("AUTHD_DATABASE_MAX_STALENESS", max_staleness),
            ("AUTHD_DATABASE_TIMEOUT", "1s"),
        ],
    );
    let token = authd.login("ada@example.com", PASSWORD);
    Scene {
        primary,
        replica,
        env,
        authd,
        token,
        database: name.to_owned(),
    }
}

impl Scene {
    /// How many sessions of the daemon's the replica has had a query from.
    fn reads_from_the_replica(&self) -> bool {
        let sessions = "SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'authd' AND query LIKE '%tokens_valid_after%'";
        self.replica.psql("postgres", sessions) != "0"
    }

    fn replay(&self, action: &str) {
        let sql = format!("SELECT pg_wal_replay_{action}()");
        self.replica.psql("postgres", &sql);
    }

    fn verifies(&self) -> bool {
        let answer = self.authd.verify(&self.token);
        assert!([200, 401].contains(&answer.status), "{answer:?}");
        answer.status == 200
    }

    fn disable(&self) -> Instant {
        let done = self
            .env
            .authctl(&["user", "disable", "ada@example.com", "--yes"]);
        done.succeeded();
        Instant::now()
    }

    /// Waits until a verify was answered by the replica.
    fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !(self.verifies() && self.reads_from_the_replica()) {
            assert!(Instant::now() < deadline, "the replica is not read from");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_replica_that_falls_behind_is_read_for_as_long_as_is_allowed_and_not_longer() {
    if only_postgres(WHY) {
        return;
    }
    let scene = scene("3s");
    scene.settle();
    scene.replay("pause");
    let disabled = scene.disable();
    assert!(scene.verifies(), "the replica does not know yet");
    while scene.verifies() {
        assert!(disabled.elapsed() < Duration::from_millis(3500));
        std::thread::sleep(Duration::from_millis(20));
    }
    scene.replay("resume");
    for _ in 0..20 {
        assert!(!scene.verifies());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_replica_that_follows_knows_of_a_disabled_account_at_once() {
    if only_postgres(WHY) {
        return;
    }
    let scene = scene("3s");
    scene.settle();
    let disabled = scene.disable();
    while scene.verifies() {
        assert!(disabled.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn nobody_is_refused_because_the_replica_does_not_know_yet() {
    if only_postgres(WHY) {
        return;
    }
    let scene = scene("1m");
    scene.settle();
    scene.replay("pause");
    scene.env.add_user("bob@example.com", PASSWORD);
    let token = scene.authd.login("bob@example.com", PASSWORD);
    assert_eq!(scene.authd.verify(&token).status, 200);
    scene.replay("resume");
}

/// What is given out outlasts the staleness that is allowed.
#[test]
fn a_client_gets_no_token_for_a_secret_that_the_replica_alone_believes_in() {
    if only_postgres(WHY) {
        return;
    }
    let scene = scene("20s");
    let secret = |command: &[&str]| {
        let out = scene.env.authctl(command).succeeded().stdout;
        out.trim_end().to_owned()
    };
    let old = secret(&["client", "add", "gateway", "-q"]);
    scene.settle();
    scene.replay("pause");
    let new = secret(&["client", "rotate-secret", "gateway", "--yes", "-q"]);
    let status = |secret: &str| {
        let body =
            format!("grant_type=client_credentials&client_id=gateway&client_secret={secret}");
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let answer = scene.authd.post("/oauth/token", &[form], body.as_bytes());
        answer.status
    };
    assert_eq!((status(&old), status(&new)), (401, 200));
    scene.replay("resume");
}

#[test]
fn a_replica_that_is_away_or_was_promoted_is_not_asked() {
    if only_postgres(WHY) {
        return;
    }
    let scene = scene("1s");
    scene.settle();
    scene.replica.kill();
    for _ in 0..10 {
        assert!(scene.verifies());
    }
    scene.replica.start();
    scene.settle();
    // From now on its history is another one.
    scene.replica.psql("postgres", "SELECT pg_promote()");
    scene.disable();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(
        !scene.verifies(),
        "the promoted server still has her enabled"
    );
}

/// A replica of the old primary, which is alive and cut off, beside a daemon of the new one.
#[test]
fn a_replica_of_another_history_is_not_asked() {
    if only_postgres(WHY) {
        return;
    }
    let Scene {
        primary: old,
        replica,
        env,
        authd,
        database,
        ..
    } = scene("1s");
    authd.stop();
    let new = old.standby();
    new.psql("postgres", "SELECT pg_promote()");
    let (there, here) = (new.url(&database), replica.url(&database));
    let authd = env.authd_with(
        &["--database", &there],
        &[
            ("AUTHD_DATABASE_READ_URL", &here),
            ("AUTHD_DATABASE_MAX_STALENESS", "1s"),
        ],
    );
    let token = authd.login("ada@example.com", PASSWORD);
    // The old one goes ahead of the new one in its log.
    for _ in 0..50 {
        old.psql(
            &database,
            "CREATE TABLE more AS SELECT generate_series(1, 1000); DROP TABLE more",
        );
    }
    std::thread::sleep(Duration::from_secs(1));
    let disable = [
        "--database",
        &there,
        "user",
        "disable",
        "ada@example.com",
        "--yes",
    ];
    env.authctl(&disable).succeeded();
    for _ in 0..10 {
        authd.verify(&token).is_problem(401, "invalid_token");
        std::thread::sleep(Duration::from_millis(100));
    }
    let (_, place) = here.split_once('@').expect("names a user");
    let (address, _) = place.split_once('/').expect("names a database");
    let sentence = format!("on {address} has another history than the primary");
    assert!(authd.log().contains(&sentence));
}

#[test]
fn a_replica_that_says_nothing_delays_a_verify_by_less_than_the_time_out() {
    if only_postgres(WHY) {
        return;
    }
    let scene = scene("30s");
    scene.settle();
    scene.replica.pause();
    std::thread::sleep(Duration::from_millis(700));
    for _ in 0..5 {
        let began = Instant::now();
        assert!(scene.verifies());
        assert!(
            began.elapsed() < Duration::from_millis(900),
            "{:?}",
            began.elapsed()
        );
    }
    scene.replica.resume();
    scene.settle();
}

/// What a replica gives when the primary is away: verify, for as long as it may be stale.
#[test]
fn verify_outlives_the_primary_for_as_long_as_staleness_is_allowed() {
    if only_postgres(WHY) {
        return;
    }
    let scene = scene("3s");
    scene.settle();
    scene.primary.kill();
    let killed = Instant::now();
    assert!(scene.verifies());
    assert_eq!(
        scene.authd.get("/readyz").status,
        503,
        "it cannot be written"
    );
    while scene.authd.verify(&scene.token).status == 200 {
        assert!(killed.elapsed() < Duration::from_millis(3500));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(killed.elapsed() > Duration::from_millis(1500));
    scene
        .authd
        .verify(&scene.token)
        .is_problem(503, "overloaded");
    scene.primary.start();
    let deadline = Instant::now() + Duration::from_secs(5);
    while scene.authd.verify(&scene.token).status != 200 {
        assert!(Instant::now() < deadline, "it comes back by itself");
        std::thread::sleep(Duration::from_millis(50));
    }
}
