"""Checks the tokens on standard input offline in two ways, a line of output for each.

One is PyJWT's own client, which keeps the keys for their time and asks again when it meets an unknown
one. The other keeps them just as long and never asks in between, as proxies do.
"""

import json
import re
import sys
import time
import urllib.request

import jwt

URL, ISSUER = sys.argv[1:]


class Kept:
    def __init__(self):
        self.until = 0

    def key(self, token):
        if time.monotonic() >= self.until:
            with urllib.request.urlopen(URL) as answer:
                self.max_age = int(re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])[1])
                self.keys = jwt.PyJWKSet.from_dict(json.load(answer))
            self.until = time.monotonic() + self.max_age
        return self.keys[jwt.get_unverified_header(token)["kid"]]


kept = Kept()
client = None
for line in sys.stdin:
    token = line.strip()
    try:
        keys = [kept.key(token)]
        client = client or jwt.PyJWKClient(URL, lifespan=kept.max_age)
        keys.append(client.get_signing_key_from_jwt(token))
        for key in keys:
            jwt.decode(token, key, algorithms=["EdDSA", "ES256", "RS256"], issuer=ISSUER, audience=ISSUER)
        print("good", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
