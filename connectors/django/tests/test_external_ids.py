"""A service whose rows hold the keys of the Django project that authd has replaced."""

import json
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def moved(own, tmp_path, settings):
    """An authd with two accounts that came from Django, and the service's settings."""
    authd = own()
    dump = []
    for key, email in ((17, "ada@example.com"), (18, "bob@example.com")):
        fields = {"email": email, "password": "!", "last_login": None, "is_active": True}
        dump.append({"model": "accounts.user", "pk": key, "fields": fields})
    (tmp_path / "dump.json").write_text(json.dumps(dump))
    authd.authctl("import", str(tmp_path / "dump.json"), "--from", "django", "--yes")
    settings.AUTHD = authd.settings(EXTERNAL_ID_FIELD="old_key", LINK_BY_EMAIL=False)
    return authd


def row(key, email):
    return get_user_model().objects.create_user(email, old_key=key, company="ACME")


def test_a_request_finds_the_row_by_the_key_though_its_address_is_another(moved, get):
    ada = row(17, "before@example.com")
    row(18, "ada@example.org")
    made = moved.authctl("token", "add", "--user", "ada@example.com", "--name", "x", "--expires", "1d")
    answer = get("/me", made["token"])
    assert answer.status_code == 200, answer.content
    assert answer.json()["pk"] == ada.pk
    ada.refresh_from_db()
    assert (ada.email, ada.company, ada.old_key) == ("ada@example.com", "ACME", 17)


def test_sync_finds_all_of_them_and_makes_rows_for_the_others(moved):
    ada = row(17, "before@example.com")
    new = moved.add_user("new@example.com")
    call_command("authd_sync", "--once", stdout=StringIO())
    rows = {one.email: one for one in get_user_model().objects.all()}
    assert sorted(rows) == ["ada@example.com", "bob@example.com", "new@example.com"]
    assert rows["ada@example.com"].pk == ada.pk
    assert str(rows[new["email"]].authd_link) == new["id"]
    # Whoever comes afterwards with the key of somebody else is another.
    assert rows["bob@example.com"].company == ""
