"""A mail server that is not ours: aiosmtpd. Writes each mail as a line of JSON.

    smtp_server.py PORT [CERTIFICATE SECURITY]

With a certificate's path it makes one for localhost there, and takes mails only from whoever logs in as
authd with the password 'mail-secret', with TLS: after STARTTLS if SECURITY is starttls, from the first byte
if it is tls.
"""

import asyncio
import datetime
import ipaddress
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        part = lambda kind: (found := mail.get_body((kind,))) and found.get_content()
        line = {
            "to": envelope.rcpt_tos,
            "sender": envelope.mail_from,
            "header": {name: value for name, value in mail.items()},
            "text": part("plain"),
            "html": part("html"),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "login": session.authenticated,
        }
        print(json.dumps(line), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (
        b"authd",
        b"mail-secret",
    )
    return AuthResult(success=good)


def certificate(path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    with open(path, "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(path + ".key", "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, path + ".key")
    return context


async def main():
    port, rest = int(sys.argv[1]), sys.argv[2:]
    options, wrapped = {}, None
    if rest:
        path, security = rest
        context = certificate(path)
        options = {"auth_required": True, "authenticator": authenticate}
        if security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        else:
            wrapped = context
            # Knows of no other TLS than what STARTTLS began.
            options |= {"auth_require_tls": False}
    factory = lambda: SMTP(Handler(), enable_SMTPUTF8=True, **options)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", port, ssl=wrapped)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


asyncio.run(main())
