"""Sent once the change to the local row is committed, with ``user`` and ``authd``, the account as authd has it.

``user_updated`` has ``changed`` as well: the names of the fields. What a receiver raises is logged by Django.
"""

from django.dispatch import Signal

user_created = Signal()
#: ``authd`` is ``None`` where the row lost its address to another account, before there is news of its own.
user_updated = Signal()
#: ``authd`` is ``None`` where the account was deleted.
user_deactivated = Signal()
