import json
from datetime import date, datetime, timedelta, timezone

from django.core.management import BaseCommand

from accounts.models import User

PASSWORD = "lantern over quiet harbours"


class Command(BaseCommand):
    help = "Makes the accounts that the client of the compatible endpoints uses, and prints what it needs"

    def handle(self, **_):
        from rest_framework_simplejwt.tokens import AccessToken

        ada = User.objects.create_user(
            "ada@example.com",
            PASSWORD,
            first_name="Ada",
            last_name="Lovelace",
            phone_number="+442079460000",
            company="Analytical Engines",
            seats=3,
            partner_since=date(2025, 4, 1),
            seen_at=datetime(2026, 11, 20, 8, 30, tzinfo=timezone.utc),
        )
        User.objects.create_user("grace@example.com", PASSWORD)
        User.objects.create_user("root@example.com", PASSWORD, is_staff=True, is_superuser=True)
        User.objects.create_user("inactive@example.com", PASSWORD, is_active=False)
        expired = AccessToken.for_user(ada)
        expired.set_exp(lifetime=-timedelta(hours=1))
        self.stdout.write(json.dumps({"password": PASSWORD, "expired": str(expired)}))
