"""Verify the access token on standard input as a service of its own would: with PyJWT and a key set.

Usage: verify_offline.py JWKS_FILE ISSUER AUDIENCE

Prints the claims as JSON, or the name of PyJWT's exception on standard error and exits with 1.
"""

import json
import sys

import jwt


def main() -> int:
    keys_file, issuer, audience = sys.argv[1:]
    token = sys.stdin.read()
    with open(keys_file, encoding="utf-8") as file:
        keys = jwt.PyJWKSet.from_json(file.read())
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ", "").lower() not in ("at+jwt", "application/at+jwt"):
            raise jwt.InvalidTokenError("not an access token")
        key = keys[header["kid"]]
        claims = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=issuer,
            audience=audience,
            options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
        )
    except jwt.PyJWTError as error:
        print(type(error).__name__, file=sys.stderr)
        return 1
    print(json.dumps(claims))
    return 0


if __name__ == "__main__":
    sys.exit(main())
