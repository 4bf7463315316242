"""A receiver of webhooks: checks signatures with the library of Standard Webhooks.

Arguments: a port (0 for a free one) and the secret. Says its port in one line. Answers with the status in
the file `status` (200 if there is none), after as many seconds as the file `delay` says, and adds what came to `received.jsonl`; what is not signed as it
should be is answered 400 and not written down.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PORT, SECRET = int(sys.argv[1]), sys.argv[2]


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            Webhook(SECRET).verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            print(error, file=sys.stderr)
            self.answer(400)
            return
        came = {
            "id": self.headers["webhook-id"],
            "path": self.path,
            "content_type": self.headers["Content-Type"],
            "body": json.loads(body),
        }
        with open("received.jsonl", "a", encoding="utf-8") as received:
            received.write(json.dumps(came) + "\n")
        if Path("delay").exists():
            time.sleep(float(Path("delay").read_text()))
        status = Path("status")
        self.answer(int(status.read_text()) if status.exists() else 200)

    def answer(self, status):
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
