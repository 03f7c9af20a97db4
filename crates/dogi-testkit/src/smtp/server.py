"""A mail server for tests: aiosmtpd, which keeps what it takes as files.

Recipients tell what shall become of a mail: `later-451@…` and `never-550@…` are answered with
their number, `hang@…` is never answered. What is taken is read by Python's own mail parser.
"""

import asyncio
import email
import email.policy
import json
import os
import re
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

options = json.loads(sys.argv[1])


def decoded(message):
    # Lines of a mail end with CRLF; what a program reads of it does not.
    parts = {
        part.get_content_type(): part.get_content().replace("\r\n", "\n")
        for part in message.walk()
        if not part.is_multipart()
    }
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "parts": [part.get_content_type() for part in message.walk()],
        "text": parts.get("text/plain"),
        "html": parts.get("text/html"),
        "defects": [repr(defect) for part in message.walk() for defect in part.defects],
    }


class Keeper:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("hang@"):
            await asyncio.Event().wait()
        told = re.match(r"[a-z]+-(\d{3})@", address)
        if told:
            return f"{told[1]} {options['words']}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Keeper.count += 1
        raw = envelope.original_content
        kept = decoded(email.message_from_bytes(raw, policy=email.policy.default))
        kept |= {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "helo": session.host_name,
            "tls": session.ssl is not None or options["mode"] == "tls",
            "login": session.auth_data,
            "raw": raw.decode("latin-1"),
        }
        name = f"{Keeper.count:06}.json"
        with open(name + ".part", "w") as file:
            json.dump(kept, file)
        os.rename(name + ".part", name)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, login):
    user, password = login.login.decode(), login.password.decode()
    success = [user, password] == options["login"]
    return AuthResult(success=success, handled=False, auth_data=user)


def make(context, loop):
    return SMTP(
        Keeper(),
        hostname="mail.test",
        tls_context=context if options["mode"] == "starttls" else None,
        require_starttls=options["mode"] == "starttls",
        authenticator=authenticate if options["login"] else None,
        auth_required=bool(options["login"]),
        auth_require_tls=options["mode"] == "starttls",
        loop=loop,
    )


async def main():
    context = None
    if options["mode"] != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options["certificate"], options["key"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: make(context, loop),
        "127.0.0.1",
        0,
        ssl=context if options["mode"] == "tls" else None,
    )
    port = server.sockets[0].getsockname()[1]
    with open("port.part", "w") as file:
        file.write(str(port))
    os.rename("port.part", "port")
    await server.serve_forever()


asyncio.run(main())
