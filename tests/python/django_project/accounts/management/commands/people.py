import json
from datetime import date, datetime, timezone

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.core.management import BaseCommand

from accounts.models import User

# Its accent is a character of its own, as some keyboards have it.
PASSWORD = "cafe\u0301 over quiet harbours"
ENCODINGS = ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"]


class Command(BaseCommand):
    help = "Makes accounts with every kind of password, and prints them"

    def add_arguments(self, parser):
        parser.add_argument("--legacy", action="store_true")
        parser.add_argument("--collision", action="store_true")

    def handle(self, *, legacy, collision, **_):
        billing = Group.objects.create(name="Billing, EMEA")
        billing.permissions.add(Permission.objects.get(codename="change_user"))
        ada = User.objects.create(
            email="Ada@Example.com",
            first_name="Ada",
            last_name="Lovelace",
            phone_number="+44 20 7946 0000",
            company="Analytical Engines",
            seats=3,
            is_partner=True,
            partner_since=date(2020, 2, 29),
            seen_at=datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc),
            date_joined=datetime(2019, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
            last_login=datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone.utc),
            is_staff=True,
            is_superuser=True,
            password=make_password(PASSWORD),
        )
        ada.groups.add(billing)
        ada.user_permissions.add(Permission.objects.get(codename="view_user"))
        for encoding in ENCODINGS + (["md5"] if legacy else []):
            User.objects.create(
                email=f"{encoding}@example.com",
                password=make_password(PASSWORD, hasher=encoding),
            )
        unusable = User(email="unusable@example.com")
        unusable.set_unusable_password()
        unusable.save()
        User.objects.create(
            email="inactive@example.com", is_active=False, password=make_password(PASSWORD)
        )
        if collision:
            User.objects.create(
                email="ADA@example.com",
                last_login=datetime(2025, 1, 1, tzinfo=timezone.utc),
                password=make_password(PASSWORD),
            )
        people = {user.email: str(user.pk) for user in User.objects.all()}
        self.stdout.write(json.dumps({"password": PASSWORD, "people": people}))
