"""Mails in an emulator: who sends them, and that it takes them."""

import json
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Final

from localstack.deploy.clients import Clients
from localstack.deploy.same import covers
from whendue.declarations.resources import TaskSettings

ANYBODY: Final = json.dumps({"*": ["*"]})
# An emulator's mails reach nobody: here everyone may send to everyone. On AWS nobody may, unless the operator says so.
SETTINGS: Final = {
    "WHENDUE_EMAIL_FROM": "whendue@example.com",
    "WHENDUE_EMAIL_SENDERS": ANYBODY,
    "WHENDUE_EMAIL_RECIPIENTS": ANYBODY,
}


def verify_senders(clients: Clients, environment: Mapping[str, str]) -> None:
    """Verify the senders that the settings name, addresses and domains: emulators, too, refuse mails of others.

    Args:
        clients: of the emulator.
        environment: `WHENDUE_*` variables of the functions.
    """
    settings = TaskSettings.from_env(environment)
    wanted = {entry for entries in settings.email_senders.values() for entry in entries} - {"*"}
    wanted |= {parseaddr(settings.email_from)[1]} if settings.email_from else set()
    # The older API: every emulator has it, and it may be repeated.
    ses = clients.client("ses")
    known = ses.get_identity_verification_attributes(Identities=sorted(wanted))["VerificationAttributes"]
    for identity in sorted(wanted):
        if covers(known.get(identity), {"VerificationStatus": "Success"}):
            continue
        if "@" in identity:
            ses.verify_email_identity(EmailAddress=identity)
        else:
            ses.verify_domain_identity(Domain=identity)
