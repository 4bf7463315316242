#!/usr/bin/env bash
# What a pipeline does with authd before and after its own tests, written to be copied. Works in
# the current directory; may be run again there. Needs bash and python3.
#
# usage: ci.sh [FOLDER WITH THE PROGRAMS]
set -euo pipefail
programs=$(cd "${1:-target/release}" && pwd)
PATH=$programs:$PATH

# A free port, for daemon and client alike.
AUTHD_SERVER_LISTEN=127.0.0.1:$(python3 -c '
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
export AUTHD_SERVER_LISTEN

umask 077
printf 'correct horse battery staple\n' > password
export AUTHD_SUPERUSER_EMAIL=ci@example.com AUTHD_SUPERUSER_PASSWORD_FILE=password
export AUTHD_USER_PASSWORD_FILE=password

authctl migrate && authctl -q createsuperuser --no-input --if-not-exists
authd serve > authd.log 2>&1 &
authd=$!
trap 'kill "$authd" 2> /dev/null || true' EXIT

authctl ping --wait 10s && authd healthcheck
authctl -q user add robot@example.com --if-not-exists
authctl -q user enable robot@example.com

# Logs in and asks who is behind the token, with nothing but Python's standard library.
whoami() {
  python3 - "$AUTHD_SERVER_LISTEN" "$1" <<'PYTHON'
import http.client, json, sys

connection = http.client.HTTPConnection(sys.argv[1], timeout=10)
password = open("password").read().rstrip("\n")
body = json.dumps({"email": sys.argv[2], "password": password})
connection.request("POST", "/auth/login", body, {"Content-Type": "application/json"})
answer = connection.getresponse()
grant = json.load(answer)
if answer.status != 200:
    sys.exit(f"{answer.status} {grant['code']}")
bearer = {"Authorization": f"Bearer {grant['access_token']}"}
connection.request("GET", "/auth/verify", headers=bearer)
print(json.load(connection.getresponse())["user"]["email"])
PYTHON
}
test "$(whoami ci@example.com)" = ci@example.com
test "$(whoami robot@example.com)" = robot@example.com

# A failure is a status, never a silent success.
status=0
authctl user delete robot@example.com < /dev/null 2> /dev/null || status=$?
test "$status" = 2
authctl -q user disable robot@example.com --yes
if whoami robot@example.com 2> /dev/null; then
  echo 'ci: a disabled account logged in' >&2
  exit 1
fi

# Stops cleanly, with its own status.
kill -TERM "$authd"
wait "$authd"
trap - EXIT
status=0
authctl ping 2> /dev/null || status=$?
test "$status" = 7
echo 'ci: all good'
