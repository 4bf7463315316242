"""Be a front end that was written for simplejwt and djoser, and print what it was answered.

Usage: django_client.py URL

Standard input is a JSON object with the password of the accounts, an access token that has expired, and
the file to which a mail server writes what it is given. Nothing here knows which service is asked: where the answers
differ, the services do.
"""

import base64
import json
import re
import sys
import time
from pathlib import Path

import requests

URL = sys.argv[1]
GIVEN = json.load(sys.stdin)
PASSWORD = GIVEN["password"]
HEADERS = ["Content-Type", "WWW-Authenticate", "Retry-After"]
SESSION = requests.Session()
TRANSCRIPT = []


def claims(token):
    """What a browser reads in a token, or nothing if it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    return json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))


def shape(value):
    """A value that is another one each time, by its kind."""
    if isinstance(value, str):
        return "a JWT" if claims(value) else "a text"
    return type(value).__name__


def told(body):
    if isinstance(body, list):
        # Neither service says in which order.
        return sorted(body, key=lambda user: user["email"])
    if not isinstance(body, dict):
        return body
    body = dict(body)
    for name in {"access", "refresh"} & body.keys():
        if isinstance(body[name], str):
            body[name] = shape(body[name])
    return body


def said(access):
    """The claims of an access token; of times, how long it lasts."""
    found = claims(access)
    known = {name: found[name] for name in ["token_type", "user_id"] if name in found}
    # simplejwt looks at the clock twice.
    known["lasts"] = round(found["exp"] - found["iat"], -1)
    return known | {name: shape(found[name]) for name in found if name not in known}


def ask(case, method, path, body=None, token=None, **more):
    """One request of a front end, and what came of it."""
    headers = {"Accept": "application/json"} | more.pop("headers", {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        more["json"] = body
    answer = SESSION.request(method, URL + path, headers=headers, allow_redirects=False, **more)
    kept = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    if not answer.content:
        kept.pop("Content-Type", None)
    if answer.status_code == 405:
        kept["Allow"] = answer.headers["Allow"]
    is_json = kept.get("Content-Type", "").startswith("application/json")
    body = answer.json() if is_json else "a page" if answer.content else None
    step = {"status": answer.status_code, "header": kept, "body": told(body)}
    if isinstance(body, dict) and isinstance(body.get("access"), str):
        step["claims"] = said(body["access"])
    TRANSCRIPT.append([f"{method} {path}, {case}" if case else f"{method} {path}", step])
    return body


def malformed(path):
    """What any path does with a body that is not one."""
    kind = {"Content-Type": "application/json"}
    ask("cut off", "POST", path, data='{"email": "ada@', headers=kind)
    ask("no JSON", "POST", path, data="email=ada", headers=kind)
    for what in [[], "text", 12, 1.5, True]:
        ask(f"a {type(what).__name__}", "POST", path, body=what)
    ask("null", "POST", path, data="null", headers=kind)
    ask("nothing", "POST", path)
    ask("plain text", "POST", path, data="{}", headers={"Content-Type": "text/plain"})
    ask("of no type", "POST", path, data=b"{}")
    ask("wrong method", "GET", path)
    ask("wrong method", "PUT", path, body={})


def field(path, name, **others):
    """What any path does with a field that is not what it should be."""
    ask(f"without {name}", "POST", path, body=others)
    for what in ["", "  ", None, True, ["x"], {"x": 1}]:
        ask(f"{name} is {json.dumps(what)}", "POST", path, body=others | {name: what})
    ask(f"{name} has a zero byte", "POST", path, body=others | {name: "a\0b"})


def tokens(create, refresh, verify):
    ada = {"email": "ada@example.com", "password": PASSWORD}
    pair = ask("", "POST", create, body=ada)
    ask("as a form", "POST", create, data=ada)
    ask("another letter case", "POST", create, body=ada | {"email": "ada@EXAMPLE.com"})
    ask("spaces around", "POST", create, body={name: f" {text} " for name, text in ada.items()})
    ask("something else in it", "POST", create, body=ada | {"remember": True})
    ask("a bad token in the header", "POST", create, body=ada, token="bad")
    for case, change in {
        "wrong password": {"password": "wrong"},
        "a number for a password": {"password": 12345},
        "unknown": {"email": "nobody@example.com"},
        "no address": {"email": "nobody"},
        "inactive": {"email": "inactive@example.com"},
    }.items():
        ask(case, "POST", create, body=ada | change)
    field(create, "email", password=PASSWORD)
    field(create, "password", email="ada@example.com")
    malformed(create)

    ask("access", "POST", verify, body={"token": pair["access"]})
    ask("access, as a form", "POST", verify, data={"token": pair["access"]})
    ask("refresh", "POST", verify, body={"token": pair["refresh"]})
    ask("garbage", "POST", verify, body={"token": "garbage"})
    ask("garbage in three parts", "POST", verify, body={"token": "a.b.c"})
    ask("expired", "POST", verify, body={"token": GIVEN["expired"]})
    forged = pair["access"][:-4] + "AAAA"
    ask("forged", "POST", verify, body={"token": forged})
    field(verify, "token")
    malformed(verify)

    second = ask("", "POST", refresh, body={"refresh": pair["refresh"]})
    ask("the same once more", "POST", refresh, body={"refresh": pair["refresh"]})
    third = ask("the one that came with it, as a form", "POST", refresh, data={"refresh": second["refresh"]})
    ask("a used one", "POST", refresh, body={"refresh": pair["refresh"]})
    ask("an access token", "POST", refresh, body={"refresh": pair["access"]})
    ask("garbage", "POST", refresh, body={"refresh": "garbage"})
    field(refresh, "refresh")
    malformed(refresh)
    return third


def me(path):
    ada = {"email": "ada@example.com", "password": PASSWORD}
    pair = SESSION.post(URL + "/api/token/", json=ada).json()
    token = pair["access"]
    ask("", "GET", path, token=token)
    ask("no header", "GET", path)
    ask("JWT", "GET", path, headers={"Authorization": f"JWT {token}"})
    for case, header in {
        "another scheme": f"Token {token}",
        "small letters": f"bearer {token}",
        "a tab": f"Bearer\t{token}",
        "no token": "Bearer",
        "two tokens": f"Bearer {token} {token}",
        "empty": "",
    }.items():
        ask(f"header: {case}", "GET", path, headers={"Authorization": header})
    ask("garbage", "GET", path, token="garbage")
    ask("expired", "GET", path, token=GIVEN["expired"])
    ask("forged", "GET", path, token=token[:-4] + "AAAA")
    ask("a refresh token", "GET", path, token=pair["refresh"])

    change = {"first_name": "Augusta", "phone_number": "+442079460001", "company": "Engines"}
    ask("", "PATCH", path, token=token, body=change)
    ask("as a form", "PATCH", path, token=token, data={"last_name": "King"})
    ask("nothing", "PATCH", path, token=token, body={})
    ask("what it was shown", "PUT", path, token=token, body=ask("changed", "GET", path, token=token))
    ask("no number", "PATCH", path, token=token, body={"phone_number": ""})
    ask("the address, the id and more", "PATCH", path, token=token, body={
        "email": "eve@example.com", "id": 1, "is_staff": True, "is_superuser": True, "x": 1,
    })
    ask("own fields", "PATCH", path, token=token, body={
        "seats": 5, "is_partner": True, "partner_since": "2026-11-23", "seen_at": "2026-11-23T10:00:00Z",
    })
    ask("own fields, all as texts", "PATCH", path, token=token, body={
        "seats": "6", "is_partner": "off", "partner_since": "2026-11-24", "seen_at": "2026-11-24T11:00:00+01:00",
    })
    ask("own fields, as a form", "PATCH", path, token=token, data={
        "seats": "7", "is_partner": "on", "partner_since": "2026-11-25", "company": " Engines & Sons ",
    })
    ask("own fields, numbers for anything", "PATCH", path, token=token, body={
        "seats": 8.0, "is_partner": 0, "company": 12,
    })
    ask("own fields, what it was shown", "PUT", path, token=token, body=ask("own fields", "GET", path, token=token))
    for name, wrong in {
        "seats": "many", "is_partner": "perhaps", "partner_since": "soon", "seen_at": "soon", "company": ["x"],
    }.items():
        ask(f"own fields, wrong {name}", "PATCH", path, token=token, body={name: wrong})
        ask(f"own fields, wrong {name} in a form", "PATCH", path, token=token, data={name: wrong})
    ask("a time without its offset", "PATCH", path, token=token, body={"seen_at": "2026-11-24T10:00:00"})
    ask("a number with spaces", "PATCH", path, token=token, body={"phone_number": "+44 20 7946 0000"})
    ask("no phone number", "PATCH", path, token=token, body={"phone_number": "none"})
    ask("a number again", "PATCH", path, token=token, body={"phone_number": "+442079460000"})
    for what in [None, True, ["x"], "A\a", 12, "x" * 151]:
        case = f"first_name is {json.dumps(what)[:20]}"
        ask(case, "PATCH", path, token=token, body={"first_name": what})
    ask("no header", "PATCH", path, body=change)
    ask("cut off", "PATCH", path, token=token, data="{", headers={"Content-Type": "application/json"})
    ask("a list", "PATCH", path, token=token, body=["first_name"])
    ask("wrong method", "POST", path, token=token, body=change)
    ask("wrong method, no header", "POST", path, body=change)


def ended(refresh):
    """A session that its owner ends."""
    path = "/api/token/blacklist/"
    ada = {"email": "ada@example.com", "password": PASSWORD}
    pair = SESSION.post(URL + "/api/token/", json=ada).json()
    ask("", "POST", path, body={"refresh": pair["refresh"]})
    ask("again", "POST", path, body={"refresh": pair["refresh"]})
    ask("afterwards", "POST", refresh, body={"refresh": pair["refresh"]})
    ask("afterwards, refresh", "POST", "/api/token/verify/", body={"token": pair["refresh"]})
    ask("afterwards, access", "POST", "/api/token/verify/", body={"token": pair["access"]})
    ask("an access token", "POST", path, body={"refresh": pair["access"]})
    ask("garbage", "POST", path, body={"refresh": "garbage"})
    field(path, "refresh")
    malformed(path)


def letter(email, page):
    """What the page that a letter leads to sends: the last two parts of its path, as any front end has it."""
    for _ in range(600):
        lines = Path(GIVEN["mails"]).read_text().splitlines(keepends=True)
        for mail in [json.loads(line) for line in lines if line.endswith("\n")]:
            parts = re.search(rf"https?://app\.example\.com/{page}/(\S+)/(\S+)", mail.get("text") or "")
            if parts and email in mail["to"]:
                return {"uid": parts[1], "token": parts[2]}
        time.sleep(0.05)
    sys.exit(f"there is no letter to {email}")


def log_in(email, password):
    ada = {"email": email, "password": password}
    return SESSION.post(URL + "/auth/jwt/create/", json=ada).json()


def passwords():
    path = "/auth/users/set_password/"
    new = "violet lantern orbits quartz"
    here, elsewhere = log_in("ada@example.com", PASSWORD), log_in("ada@example.com", PASSWORD)
    token = here["access"]
    change = {"current_password": PASSWORD, "new_password": new}
    ask("no header", "POST", path, body=change)
    ask("nothing", "POST", path, token=token)
    ask("blank", "POST", path, token=token, body={"current_password": "", "new_password": ""})
    ask("wrong types", "POST", path, token=token, body={"current_password": [], "new_password": None})
    ask("wrong password", "POST", path, token=token, body=change | {"current_password": "wrong"})
    ask("weak password", "POST", path, token=token, body=change | {"new_password": "12345"})
    ask("wrong and weak", "POST", path, token=token, body={"current_password": "wrong", "new_password": "12345"})
    ask("wrong method", "GET", path, token=token)
    ask("", "POST", path, token=token, body=change)
    ask("after a change of password", "GET", "/auth/users/me/", token=token)
    ask("after a change of password, elsewhere", "GET", "/auth/users/me/", token=elsewhere["access"])
    ask("after a change of password, elsewhere", "POST", "/auth/jwt/refresh/", body={"refresh": elsewhere["refresh"]})
    ask("the old password", "POST", "/auth/jwt/create/", body={"email": "ada@example.com", "password": PASSWORD})
    ask("the new password", "POST", "/auth/jwt/create/", body={"email": "ada@example.com", "password": new})

    path = "/auth/users/reset_password/"
    field(path, "email")
    ask("no address", "POST", path, body={"email": "nobody"})
    ask("unknown", "POST", path, body={"email": "nobody@example.com"})
    ask("inactive", "POST", path, body={"email": "inactive@example.com"})
    ask("a bad token in the header", "POST", path, body={"email": "ada@example.com"}, token="bad")
    ask("wrong method", "GET", path, token=token)
    ask("", "POST", path, body={"email": "ada@example.com"})
    page = letter("ada@example.com", "password/reset/confirm")
    path = "/auth/users/reset_password_confirm/"
    chosen = page | {"new_password": "orbits of quiet violets"}
    ask("nothing", "POST", path)
    for name in ["uid", "token", "new_password"]:
        ask(f"without {name}", "POST", path, body={key: chosen[key] for key in chosen if key != name})
        ask(f"{name} is blank", "POST", path, body=chosen | {name: ""})
    ask("another token", "POST", path, body=chosen | {"token": "c1-0123456789abcdef"})
    ask("another uid", "POST", path, body=chosen | {"uid": "OTk5OTk5", "token": "c1-0123456789abcdef"})
    ask("weak password", "POST", path, body=chosen | {"new_password": "12345"})
    ask("", "POST", path, body=chosen)
    ask("again", "POST", path, body=chosen)
    ask("the password from the page", "POST", "/auth/jwt/create/", body={"email": "ada@example.com", "password": chosen["new_password"]})


def registration():
    path = "/auth/users/"
    eve = {"email": "eve@example.com", "password": "meadow of seven bridges"}
    field(path, "password", email="eve@example.com")
    field(path, "email", password=eve["password"])
    ask("no address", "POST", path, body=eve | {"email": "eve"})
    ask("no domain", "POST", path, body=eve | {"email": "eve@b"})
    ask("weak password", "POST", path, body={"email": "weak@example.com", "password": "12345"})
    ask("a taken address", "POST", path, body=eve | {"email": "ada@example.com"})
    ask("a bad token in the header", "POST", path, body=eve, token="bad")
    ask("", "POST", path, body=eve | {"first_name": "Eve"})
    ask("not yet active", "POST", "/auth/jwt/create/", body=eve)
    page = letter("eve@example.com", "activate")
    path = "/auth/users/activation/"
    for name in ["uid", "token"]:
        ask(f"without {name}", "POST", path, body={key: page[key] for key in page if key != name})
    ask("another token", "POST", path, body=page | {"token": "c1-0123456789abcdef"})
    ask("a bad token in the header", "POST", path, body=page, token="bad")
    ask("", "POST", path, body=page)
    ask("activated", "POST", "/auth/jwt/create/", body=eve)
    path = "/auth/users/resend_activation/"
    ask("nothing", "POST", path)
    ask("no address", "POST", path, body={"email": "eve"})
    ask("unknown", "POST", path, body={"email": "nobody@example.com"})


def accounts():
    path = "/auth/users/"
    grace, root = log_in("grace@example.com", PASSWORD), log_in("root@example.com", PASSWORD)
    ask("no header", "GET", path)
    ask("everybody's", "GET", path, token=grace["access"])
    ask("a superuser's", "GET", path, token=root["access"])
    path = "/auth/users/me/"
    right = {"current_password": PASSWORD}
    ask("no header", "DELETE", path, body=right)
    ask("nothing", "DELETE", path, token=grace["access"])
    ask("wrong password", "DELETE", path, token=grace["access"], body={"current_password": "wrong"})
    ask("", "DELETE", path, token=grace["access"], body=right)
    ask("deleted", "GET", path, token=grace["access"])
    ask("deleted", "POST", "/auth/jwt/create/", body={"email": "grace@example.com", "password": PASSWORD})
    ask("deleted", "POST", "/auth/jwt/refresh/", body={"refresh": grace["refresh"]})


tokens("/api/token/", "/api/token/refresh/", "/api/token/verify/")
tokens("/auth/jwt/create/", "/auth/jwt/refresh/", "/auth/jwt/verify/")
ended("/api/token/refresh/")
me("/auth/users/me/")
accounts()
registration()
passwords()
print(json.dumps(TRANSCRIPT))
