"""Which row is whose, and how far this service has followed authd."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models

#: The version of a link of which nothing has been heard since all accounts are read anew.
FORGOTTEN: Final = -1


class Link(models.Model):
    """An account of authd and the local row that stands for it; one each."""

    sub = models.UUIDField(primary_key=True, help_text="The account's id, which is never given to another.")
    #: Null where the account was deleted before it had a row, and inside the transaction that makes one.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="authd_link"
    )
    version = models.BigIntegerField(help_text="Of the account, as the row has it.")

    def __str__(self) -> str:
        return str(self.sub)


class Cursor(models.Model):
    """Up to where the changes of users were followed."""

    issuer = models.CharField(primary_key=True, max_length=500)
    position = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.issuer}: {self.position}"
