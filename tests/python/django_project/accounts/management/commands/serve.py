from django.core.management import BaseCommand
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


class Command(BaseCommand):
    help = "Serves on a free port of the loopback interface, and prints which"

    def handle(self, **_):
        server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
        server.set_app(get_wsgi_application())
        self.stdout.write(str(server.server_port))
        self.stdout.flush()
        server.serve_forever()
