//! The recipes of docs/protect-a-service.md, run as they are printed there.

use std::path::Path;

use auth::tokens::KeyAlgorithm;
use serde_json::json;

use crate::env::{Outcome, PASSWORD, TestEnv, run};
use crate::forger::{Forger, with};
use crate::grpc_client::{GRPC, grpc_target};
use crate::proxy::python;
use crate::scene::Scene;

const PAGE: &str = include_str!("../../docs/protect-a-service.md");
/// Where the recipes expect authd.
const PRINTED: &str = "http://localhost:8000";

/// The block of code that follows this mark, the first below this heading.
fn recipe<'p>(heading: &str, mark: &str, language: &str) -> &'p str {
    let below = |text: &'p str, what: &str| -> &'p str {
        let (_, rest) = text
            .split_once(what)
            .unwrap_or_else(|| panic!("the page has {what:?}"));
        rest
    };
    let rest = below(PAGE, &format!("\n{heading}\n"));
    let rest = below(rest, &format!("\n<!-- recipe: {mark} -->\n```{language}\n"));
    rest.split_once("```").expect("the block ends").0
}

/// What is said without comments, indentation and empty lines.
fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// A recipe that is a file, with authd where it is now, and with lines that use it.
fn written(env: &TestEnv, name: &str, recipe: &str, place: &str, url: &str, use_it: &str) {
    let printed = place.replace("URL", PRINTED);
    assert!(recipe.contains(&printed), "{printed} is in {recipe}");
    let recipe = recipe.replace(&printed, &place.replace("URL", url));
    env.write(name, &format!("{recipe}\n{use_it}\n"));
}

/// Good tokens give who they are of, and every other one is refused. `ask` runs the recipe.
fn checks(scene: &Scene, ask: impl Fn(&str) -> Outcome) {
    let good = ask(&scene.token);
    assert_eq!(good.status, 0, "{good:?}");
    assert_eq!(
        good.stdout.trim(),
        scene.claims["sub"].as_str().expect("is a text")
    );
    let forged = Forger::with_foreign_key(KeyAlgorithm::EdDsa);
    let mut unsigned = scene.token.clone();
    unsigned.truncate(unsigned.rfind('.').expect("has parts") + 1);
    for (what, bad) in [
        (
            "expired",
            scene.with_claim("exp", Some(json!(1_700_000_000))),
        ),
        ("without end", scene.with_claim("exp", None)),
        ("without id", scene.with_claim("jti", None)),
        (
            "another issuer",
            scene.with_claim("iss", Some(json!("http://localhost:8000/"))),
        ),
        (
            "another audience",
            scene.with_claim("aud", Some(json!("other"))),
        ),
        ("another type", scene.with_header("typ", Some(json!("JWT")))),
        ("no type", scene.with_header("typ", None)),
        (
            "another algorithm",
            scene.with_header("alg", Some(json!("HS256"))),
        ),
        (
            "a key of another",
            scene.with_header("kid", Some(json!("other"))),
        ),
        (
            "a signature of another",
            forged.token(&scene.forger.header(), &scene.claims),
        ),
        (
            "changed",
            forged.token(
                &scene.forger.header(),
                &with(&scene.claims, "sub", Some(json!("1"))),
            ),
        ),
        ("unsigned", unsigned),
        ("no token", "abc".to_owned()),
        ("nothing", String::new()),
    ] {
        let refused = ask(&bad);
        assert_eq!(refused.status, 1, "{what} {refused:?}");
        assert_eq!(refused.stdout, "", "{what}");
        // By the recipe's verdict, and not because it could not be run.
        let kinds = ["jwt.exceptions.", "JOSE", "JWS", "JWT", "JWKS"];
        let said = kinds.iter().any(|kind| refused.stderr.contains(kind));
        assert!(said, "{what} {refused:?}");
    }
}

#[test]
fn the_recipe_that_asks_knows_the_user_as_the_database_has_it_now() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd();
    let token = authd.login("ada@example.com", PASSWORD);
    let use_it = "import sys\nuser = user_behind(sys.stdin.read())\nprint(user and user['email'])";
    let recipe = recipe("## Ask", "a test runs these lines", "python");
    written(
        &env,
        "recipe.py",
        recipe,
        "\"URL/auth/verify\"",
        &authd.url,
        use_it,
    );
    let ask = |token: &str| run(env.command(python("python")).arg("recipe.py"), token);
    assert_eq!(ask(&token).succeeded().stdout, "ada@example.com\n");
    assert_eq!(ask("abc").succeeded().stdout, "None\n");
    env.authctl(&["user", "disable", "ada@example.com", "--yes"])
        .succeeded();
    assert_eq!(ask(&token).succeeded().stdout, "None\n");
    // Trouble is no verdict.
    drop(authd);
    let trouble = ask(&token);
    assert_eq!(trouble.status, 1, "{trouble:?}");
    assert!(trouble.stderr.contains("ConnectionError"), "{trouble:?}");
}

/// The client is made from `proto/` as the page says.
#[test]
fn the_recipe_for_grpc_knows_the_user_as_the_database_has_it_now() {
    let env = TestEnv::new();
    env.add_user("ada@example.com", PASSWORD);
    let authd = env.authd_with(&[], &[GRPC]);
    let token = authd.login("ada@example.com", PASSWORD);
    let commands = recipe("### Over gRPC", "a test runs these lines", "sh");
    let make = commands
        .lines()
        .find_map(|line| line.strip_prefix("python "));
    let proto = concat!("-I ", env!("CARGO_MANIFEST_DIR"), "/proto");
    let make = make.expect("makes the client").replace("-I proto", proto);
    run(env.command(python("python")).args(make.split(' ')), "").succeeded();

    let client = recipe("### Over gRPC", "and these", "python");
    assert!(client.contains("127.0.0.1:8001"));
    let client = client.replace("127.0.0.1:8001", grpc_target(&authd));
    let use_it = "import sys\nuser = user_behind(sys.stdin.read())\nprint(user and user.email)";
    env.write("recipe.py", &format!("{client}\n{use_it}\n"));
    let ask = |token: &str| run(env.command(python("python")).arg("recipe.py"), token);
    assert_eq!(ask(&token).succeeded().stdout, "ada@example.com\n");
    assert_eq!(ask("abc").succeeded().stdout, "None\n");
    env.authctl(&["user", "disable", "ada@example.com", "--yes"])
        .succeeded();
    assert_eq!(ask(&token).succeeded().stdout, "None\n");
    // Trouble is no verdict.
    drop(authd);
    let trouble = ask(&token);
    assert_eq!(trouble.status, 1, "{trouble:?}");
    assert!(trouble.stderr.contains("UNAVAILABLE"), "{trouble:?}");
}

#[test]
fn the_recipe_for_python_checks_offline() {
    let scene = Scene::new();
    let env = &scene.env;
    let use_it = "import sys\nprint(claims_of(sys.stdin.read())['sub'])";
    let recipe = recipe("### Offline in Python", "a test runs these lines", "python");
    written(
        env,
        "recipe.py",
        recipe,
        "AUTHD = \"URL\"",
        &scene.authd.url,
        use_it,
    );
    checks(&scene, |token| {
        run(env.command(python("python")).arg("recipe.py"), token)
    });
}

#[test]
fn the_recipe_for_node_checks_offline() {
    let scene = Scene::new();
    let env = &scene.env;
    let use_it = "import { readFileSync } from \"node:fs\";\n\
        console.log((await claimsOf(readFileSync(0, \"utf8\"))).sub);";
    let recipe = recipe("### Offline in Node", "a test runs these lines", "js");
    written(
        env,
        "recipe.mjs",
        recipe,
        "AUTHD = \"URL\"",
        &scene.authd.url,
        use_it,
    );
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/node/node_modules");
    assert!(
        packages.join("jose").exists(),
        "there is no jose: 'make test' installs it"
    );
    std::os::unix::fs::symlink(packages, env.path("node_modules")).expect("links");
    checks(&scene, |token| {
        run(env.command(python("node")).arg("recipe.mjs"), token)
    });
}

/// The files of contrib/, which the tests of `proxies` run.
#[test]
fn the_recipes_for_proxies_are_lines_of_the_files_that_are_run() {
    let nginx = include_str!("../../contrib/nginx.conf");
    let caddy = include_str!("../../contrib/Caddyfile");
    let envoy = include_str!("../../contrib/envoy.yaml");
    for (heading, mark, language, file) in [
        ("### nginx", "contrib/nginx.conf", "nginx", nginx),
        ("### Caddy", "contrib/Caddyfile", "caddyfile", caddy),
        ("### Envoy", "contrib/envoy.yaml", "yaml", envoy),
        ("### Envoy, offline", "contrib/envoy.yaml", "yaml", envoy),
    ] {
        let printed = lines(recipe(heading, mark, language));
        assert!(printed.len() >= 10, "{heading}");
        let is_there = lines(file)
            .windows(printed.len())
            .any(|some| some == printed);
        assert!(is_there, "{heading}: not the lines of {mark}");
    }
    // All of it, where that is what the page says.
    assert_eq!(
        lines(recipe("### nginx", "contrib/nginx.conf", "nginx")),
        lines(nginx)
    );
}
