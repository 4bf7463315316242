//! `authctl session`.

use crate::env::{Authd, PASSWORD, TestEnv};

fn scene() -> (TestEnv, Authd, Vec<String>) {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    env.add_user("bob@example.com", PASSWORD);
    let authd = env.authd();
    let emails = ["ada@example.com", "ada@example.com", "bob@example.com"];
    let tokens = emails.map(|email| authd.login(email, PASSWORD)).to_vec();
    (env, authd, tokens)
}

fn statuses(authd: &Authd, tokens: &[String]) -> Vec<u16> {
    let status = |token: &String| authd.verify(token).status;
    tokens.iter().map(status).collect()
}

fn sid(authd: &Authd, token: &str) -> String {
    let answer = authd.verify(token);
    let sid = answer.body["claims"]["sid"].as_str();
    sid.expect("is a text").to_owned()
}

#[test]
fn sessions_are_listed_for_people_and_for_scripts_page_by_page() {
    let (env, authd, tokens) = scene();
    let ids: Vec<String> = tokens.iter().map(|token| sid(&authd, token)).collect();
    let list = |more: &[&str]| env.authctl(&[&["session", "list"], more].concat());
    let all = list(&["-q"]).succeeded();
    assert_eq!(all.stdout.lines().collect::<Vec<_>>(), ids);
    let page = list(&["-o", "json", "--limit", "2"]).succeeded().json();
    assert_eq!(page["sessions"][1]["id"], ids[1].as_str());
    let next = page["next"].as_str().expect("there is more");
    let rest = list(&["-o", "json", "--after", next]).succeeded().json();
    assert_eq!(rest["sessions"][0]["id"], ids[2].as_str());
    assert!(rest["next"].is_null());
    let of_bob = list(&["--user", "bob@example.com", "-o", "tsv"]).succeeded();
    let columns: Vec<&str> = of_bob.stdout.trim_end().split('\t').collect();
    assert_eq!((columns.len(), columns[0]), (9, ids[2].as_str()));
    assert_eq!(columns[3..6], ["pwd", "", "127.0.0.1"]);
    let table = list(&[]).succeeded().stdout;
    assert!(table.contains("last used at") && table.contains(&ids[0]));
    assert_eq!(list(&["--user", "eve@example.com"]).status, 3);
    assert_eq!(list(&["--after", "x"]).status, 5);
}

#[test]
fn a_session_is_ended_by_its_id_and_all_of_a_user_by_name() {
    let (env, authd, tokens) = scene();
    let revoke = |more: &[&str]| env.authctl_json(&[&["session", "revoke"], more].concat());
    let first = sid(&authd, &tokens[0]);
    assert_eq!(revoke(&[&first]).succeeded().json()["ended"], 1);
    assert_eq!(statuses(&authd, &tokens), [401, 200, 200]);
    let message = format!("there is no session '{first}': it has ended, or never was");
    revoke(&[&first]).refused(3, "not_found", &message);
    let ada = ["--user", "ada@example.com"];
    assert_eq!(revoke(&ada).status, 2, "nobody confirmed");
    assert_eq!(statuses(&authd, &tokens), [401, 200, 200]);
    let ended = revoke(&[&ada[..], &["--yes"]].concat()).succeeded();
    assert_eq!(ended.json()["ended"], 1);
    assert_eq!(statuses(&authd, &tokens), [401, 401, 200]);
    let again = revoke(&[&ada[..], &["--yes"]].concat()).succeeded();
    assert_eq!(again.json()["ended"], 0);
    assert_eq!(revoke(&["--user", "eve@example.com", "--yes"]).status, 3);
    assert_eq!(revoke(&[]).status, 2);
    assert_eq!(revoke(&[&first, "--user", "ada@example.com"]).status, 2);
    assert_eq!(revoke(&["nonsense"]).status, 5);
}

#[test]
fn pruning_ends_what_is_over_to_the_end() {
    let (env, authd, tokens) = scene();
    let prune = || env.authctl_json(&["session", "prune"]).succeeded().json();
    assert_eq!(prune()["sessions"], 0);
    // As if it had begun a hundred days ago, with many others.
    let id = sid(&authd, &tokens[0]);
    let old = "01800000-0000-7000-8000-00000000";
    env.sql(&format!(
        "DELETE FROM refresh_tokens WHERE session_id = '{id}';
        UPDATE sessions SET id = '{old}ffff', created_at = 1649267441664 WHERE id = '{id}'"
    ));
    for number in 0..500 {
        env.sql(&format!(
            "INSERT INTO sessions SELECT '{old}{number:04}', user_id, NULL, 'pwd', '', NULL, NULL,
                created_at FROM sessions WHERE id = '{old}ffff'"
        ));
    }
    assert_eq!(prune()["sessions"], 501);
    assert_eq!(env.number("SELECT count(*) FROM sessions"), 2);
    assert_eq!(prune()["sessions"], 0);
    assert_eq!(statuses(&authd, &tokens), [401, 200, 200]);
}
