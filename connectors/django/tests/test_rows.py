"""Which local row stands for an account, what it follows, and whom nobody may become."""

import threading
import uuid
from io import StringIO

import pytest
import urllib3
from conftest import eventually
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import (
    DatabaseError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    models,
    transaction,
)

from authd_django import addresses, answers, conf, refusals, signals
from authd_django.errors import NoLocalUser
from authd_django.followed import field_map, field_map_of_new
from authd_django.mirror import Mirror
from authd_django.models import Link
from authd_django.runtime import runtime

pytestmark = pytest.mark.django_db(transaction=True)


def account(**values):
    """An account as authd answers it."""
    found = {
        "id": str(uuid.uuid4()),
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "phone_number": None,
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "groups": [],
        "fields": {},
        "date_joined": "2026-11-23T10:00:00Z",
        "last_login": None,
        "version": 5,
    }
    permissions = values.pop("permissions", ())
    return answers.account({**found, **values}, permissions)


@pytest.fixture
def mirror(settings):
    """Makes a mirror with these settings."""

    def make(**more):
        settings.AUTHD = {"URL": "http://localhost", **more}
        return runtime().mirror

    return make


def users():
    return get_user_model().objects


def local(email="ada@example.com", **values):
    return users().create_user(email, **values)


class TestLinking:
    def test_a_row_with_the_address_becomes_the_accounts_once(self, mirror):
        row = local("Ada@Example.com", company="ACME")
        found = mirror().row_of(account(email="ada@example.com"))
        assert (found.pk, found.company, found.email) == (row.pk, "ACME", "ada@example.com")
        # Another account with that address is somebody else.
        with pytest.raises(NoLocalUser):
            mirror().row_of(account())
        assert users().count() == 1 and Link.objects.count() == 1

    def test_whoever_made_a_row_for_the_address_before_is_out(self, mirror, client, settings):
        # Account pre-hijacking: the row was made by somebody who never had the address.
        row = local(password="secret")
        client.force_login(row, settings.AUTHENTICATION_BACKENDS[0])
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "authd_django.middleware.AuthdMiddleware"]
        assert client.get("/plain").json()["user"] == "ada@example.com"
        found = mirror().row_of(account())
        assert found.pk == row.pk
        assert not users().get().has_usable_password()
        assert client.get("/plain").json()["user"] == "AnonymousUser"

    def test_a_password_is_kept_where_that_is_asked_for_or_nobody_else_could_have_made_the_row(self, mirror):
        local(password="secret")
        assert mirror(LINK_KEEPS_PASSWORD=True).row_of(account()).check_password("secret")
        local("eve@example.com", password="secret", is_staff=True)
        assert mirror(LINK_PRIVILEGED=True).row_of(account(email="eve@example.com")).check_password("secret")
        local("bob@example.com", password="secret", old_key=5)
        by_key = account(email="bob@example.com", external_id="5")
        assert mirror(EXTERNAL_ID_FIELD="old_key").row_of(by_key).check_password("secret")

    def test_not_if_the_settings_say_so(self, mirror):
        local()
        with pytest.raises(NoLocalUser):
            mirror(LINK_BY_EMAIL=False).row_of(account())
        assert not Link.objects.exists()

    @pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
    def test_staff_is_nobodys_unless_asked_for(self, mirror, flag, caplog):
        row = local(**{flag: True})
        found, keep = account(), mirror()
        for _ in range(3):
            with pytest.raises(NoLocalUser):
                keep.row_of(found)
        assert caplog.text.count("LINK_PRIVILEGED") == 1
        assert not Link.objects.exists()
        assert mirror(LINK_PRIVILEGED=True).row_of(found).pk == row.pk

    def test_not_if_authd_says_that_nobody_has_confirmed_the_address(self, mirror):
        local()
        with pytest.raises(NoLocalUser):
            mirror().row_of(account(email_verified=False))
        assert mirror().row_of(account(email_verified=True)) is not None

    @pytest.mark.parametrize("other", ["ADA@example.com", "ada@exam\u0440le.com"])
    def test_two_rows_that_could_be_meant_are_none(self, mirror, other):
        local("Ada@example.com")
        local(other)
        if other.isascii():
            assert mirror().row_of(account()).pk not in users().exclude(email="ada@example.com").values_list("pk")
        assert users().filter(authd_link__isnull=False).exclude(email="ada@example.com").count() == 0

    def test_letters_that_only_look_the_same_are_another_address(self, mirror):
        # U+0131 is an i in upper case, and U+212A a k in lower case: to some databases the same.
        row = local("mike@example.com")
        for lookalike in ("m\u0131ke@example.com", "mi\u212ae@example.com"):
            assert mirror().row_of(account(email=lookalike)).pk != row.pk
        assert not Link.objects.filter(user=row).exists()

    def test_the_key_of_an_older_service_goes_before_the_address(self, mirror):
        row, other = local("old@example.com", old_key=17), local("ada@example.com")
        link = mirror(EXTERNAL_ID_FIELD="old_key").row_of
        found = link(account(external_id="17", email="new@example.com"))
        assert (found.pk, found.email) == (row.pk, "new@example.com")
        # A key that is none, and one that is nobody's: then the address.
        assert link(account(external_id="x")).pk == other.pk
        assert link(account(external_id="18", email="bob@example.com")).pk not in (row.pk, other.pk)
        # A row that is taken is taken.
        assert link(account(external_id=17, email="eve@example.com")).pk != row.pk
        assert link(account(email="dan@example.com")).old_key is None

    def test_a_link_that_has_no_row_gets_one_by_newer_news_alone(self, mirror):
        found = account(version=5)
        Link.objects.create(sub=found.id, version=5)
        with pytest.raises(NoLocalUser):
            mirror().row_of(found)
        assert not users().exists()
        row = mirror().row_of(answers.account({**found.raw, "version": 6}, ()))
        assert row.is_active and Link.objects.get(sub=found.id).user == row


class TestFollowing:
    def test_a_row_follows_what_is_newer_and_never_what_is_older(self, mirror):
        keep = mirror()
        first = account()
        row = keep.row_of(first)
        newer = answers.account({**first.raw, "last_name": "King", "phone_number": "+442079460000", "version": 9}, ())
        assert keep.row_of(newer).last_name == "King"
        assert keep.row_of(first).last_name == "King"
        assert keep.apply(first).phone_number == "+442079460000"
        keep.begin_again()
        assert keep.apply(first).phone_number == ""
        assert Link.objects.get().version == 5
        assert users().get().pk == row.pk

    def test_a_row_is_looked_up_by_its_key_as_long_as_nothing_is_news(
        self, mirror, django_assert_num_queries, monkeypatch
    ):
        keep = mirror(CACHE_SIZE=1)
        first, second = account(), account(email="bob@example.com")
        row = keep.row_of(first)
        with django_assert_num_queries(1):
            assert keep.row_of(first).pk == row.pk
        users().filter(pk=row.pk).update(first_name="Changed here")
        assert keep.row_of(first).first_name == "Changed here"
        # One is remembered at a time here, and none for ever.
        keep.row_of(second)
        assert list(keep._known) == [second.id]
        assert keep.row_of(first).pk == row.pk
        monkeypatch.setattr("authd_django.mirror.KNOWN_FOR", -1.0)
        keep.row_of(second)
        Link.objects.filter(sub=second.id).delete()
        with pytest.raises(NoLocalUser):
            mirror(LINK_BY_EMAIL=False).row_of(second)

    def test_a_user_name_that_is_no_address_holds_what_nobody_can_choose(self, settings, monkeypatch):
        monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "company")
        settings.AUTHD = {"URL": "http://localhost"}
        assert field_map_of_new(conf.read())["company"] == "id"
        # A row that was there before has a name already.
        assert "company" not in field_map(conf.read())
        settings.AUTHD = {"URL": "http://localhost", "FIELDS": {"company": "email"}}
        assert field_map_of_new(conf.read())["company"] == field_map(conf.read())["company"] == "email"
        settings.AUTHD = {"URL": "http://localhost", "FIELDS": {"company": None}}
        assert "company" not in field_map_of_new(conf.read())

    @pytest.mark.parametrize("is_aware", [True, False])
    def test_times_are_as_the_project_has_them(self, mirror, settings, is_aware):
        # As a project does that has had no zones from its beginning.
        settings.USE_TZ = is_aware
        settings.TIME_ZONE = "Europe/Paris"
        keep = mirror(FIELDS={"date_joined": "date_joined"})
        first = account()
        pk = keep.row_of(first).pk
        joined = users().get(pk=pk).date_joined
        assert joined.isoformat() == ("2026-11-23T10:00:00+00:00" if is_aware else "2026-11-23T11:00:00")
        again = answers.account({**first.raw, "first_name": "Eve", "version": 6}, ())
        assert keep._set(users().get(pk=pk), again) == ["first_name"]

    def test_a_row_that_is_linked_keeps_its_user_name(self, mirror, monkeypatch):
        monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "company")
        row = local(company="ada.l")
        keep = mirror()
        first, other = account(), account(email="bob@example.com")
        assert (keep.row_of(first).pk, keep.row_of(first).company) == (row.pk, "ada.l")
        newer = answers.account({**first.raw, "first_name": "Eve", "version": 6}, ())
        assert (keep.row_of(newer).first_name, keep.row_of(newer).company) == ("Eve", "ada.l")
        assert keep.row_of(other).company == other.id
        # Unless somebody says otherwise.
        last = answers.account({**first.raw, "version": 7}, ())
        assert mirror(FIELDS={"company": "id"}).row_of(last).company == first.id

    def test_the_address_follows_whatever_the_model_calls_it(self, settings, monkeypatch):
        monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "company", raising=False)
        monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "company")
        settings.AUTHD = {"URL": "http://localhost"}
        assert field_map(conf.read())["company"] == "email"
        monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "nothing")
        assert "nothing" not in field_map(conf.read())

    def test_a_model_without_is_active_is_told_of_all_the_same(self, mirror, monkeypatch):
        keep = mirror()
        first = account()
        row = keep.row_of(first)
        monkeypatch.setattr(keep, "_has_is_active", False)
        assert keep.deactivate(first.id, 6) is True
        assert users().get(pk=row.pk).is_active

    def test_fields_are_mapped_as_the_settings_say(self, mirror):
        more = {"company": "fields.unit", "level": "fields.level", "last_name": None, "is_staff": "is_staff"}
        keep = mirror(FIELDS={**more, "date_joined": "date_joined"})
        first = account(fields={"unit": "R&D", "level": None}, is_staff=True)
        row = keep.row_of(first)
        assert (row.company, row.level, row.last_name, row.is_staff) == ("R&D", None, "", True)
        assert row.date_joined.isoformat() == "2026-11-23T10:00:00+00:00"
        # A field that the answer does not have stays as it is.
        second = answers.account({**first.raw, "fields": {"level": 3}, "version": 6}, ())
        row = keep.row_of(second)
        assert (row.company, row.level) == ("R&D", 3)
        third = answers.account({**first.raw, "fields": {"unit": None}, "version": 7}, ())
        assert keep.row_of(third).company == ""

    def test_a_value_that_the_database_refuses_leaves_the_row_as_it_is(self, mirror, caplog):
        keep = mirror(FIELDS={"level": "fields.level"})
        taken, first = account(email="taken@example.com", version=9), account()
        keep.row_of(taken)
        row = keep.row_of(first)
        for version, change in [(6, {"email": "taken@example.com"}), (7, {"fields": {"level": "high"}})]:
            newer = answers.account({**first.raw, **change, "version": version}, ())
            assert keep.row_of(newer).pk == row.pk
            assert users().get(pk=row.pk).email == "ada@example.com"
        assert caplog.text.count("stays as it was, but for is_active") == 2
        assert "taken@example.com" not in caplog.text
        gone = answers.account({**first.raw, "email": "taken@example.com", "is_active": False, "version": 8}, ())
        with pytest.raises(NoLocalUser):
            keep.row_of(gone)
        assert not users().get(pk=row.pk).is_active

    def test_an_account_that_the_database_refuses_has_no_row(self, mirror):
        with pytest.raises(NoLocalUser):
            mirror(FIELDS={"level": "fields.level"}).row_of(account(fields={"level": 2**70}))
        assert not users().exists() and not Link.objects.exists()

    def test_a_value_that_fits_no_field_makes_no_row_and_no_failure(self, mirror):
        with pytest.raises(NoLocalUser):
            mirror(FIELDS={"level": "fields.level"}).row_of(account(fields={"level": "high"}))
        assert not users().exists() and not Link.objects.exists()

    def test_a_text_that_is_too_long_for_the_row_is_left_out_and_an_address_never_cut(self, mirror, caplog):
        keep = mirror()
        first = account(first_name="A" * 41)
        row = keep.row_of(first)
        assert (row.first_name, row.last_name) == ("", "Lovelace")
        assert caplog.text.count("'first_name' of the account") == 1
        newer = answers.account({**first.raw, "first_name": "Ada", "last_name": "L" * 41, "version": 6}, ())
        row = keep.row_of(newer)
        assert (row.first_name, row.last_name) == ("Ada", "Lovelace")
        long = "a" * 250 + "@example.com"
        assert keep.row_of(answers.account({**first.raw, "email": long, "version": 7}, ())).email == "ada@example.com"
        with pytest.raises(NoLocalUser):
            keep.row_of(account(email=long))
        assert users().count() == 1

    def test_an_account_made_anew_is_another_until_somebody_says_that_it_has_the_deleted_ones_row(self, mirror):
        keep = mirror()
        old, new, third = account(), account(version=7), account(version=9)
        row = keep.row_of(old)
        keep.deactivate(old.id, 6)
        other = keep.row_of(new)
        row.refresh_from_db()
        assert other.pk != row.pk and other.email == "ada@example.com"
        assert (row.email, row.is_active) == (f"{old.id}@replaced.invalid", False)
        keep.deactivate(new.id, 8)
        Link.objects.filter(user=other).delete()
        assert keep.row_of(third).pk == other.pk
        assert users().get(pk=other.pk).is_active and not users().get(pk=row.pk).is_active

    def test_a_deleted_account_leaves_an_inactive_row(self, mirror):
        keep = mirror()
        first = account()
        keep.row_of(first)
        assert keep.deactivate(first.id, 4) is False
        assert keep.deactivate(first.id, 6) is True
        keep.begin_again()
        assert keep.deactivate(first.id, 6) is False
        assert not users().get().is_active
        Link.objects.create(sub=uuid.uuid4(), version=1)
        assert keep.deactivate(str(Link.objects.get(version=1).sub), 7) is False

    @pytest.mark.parametrize("is_there", [False, True])
    def test_an_account_that_was_deleted_before_it_had_a_row_gets_none_of_a_token(self, mirror, caplog, is_there):
        gone = account(version=5)
        if is_there:
            local(gone.email)
        assert mirror().deactivate(gone.id, 6) is False
        # In any process: an answer that was on its way, and what a token says that is still good offline.
        offline = answers.account_of_claims({"sub": gone.id, "email": gone.email})
        for found in (gone, offline):
            with pytest.raises(NoLocalUser):
                Mirror(runtime().settings).row_of(found)
        assert "authd has deleted the account" in caplog.text
        assert not Link.objects.filter(user__isnull=False).exists() and users().count() == is_there
        # In another history it may be there: authd's own answer says so, and no token.
        mirror().begin_again()
        with pytest.raises(NoLocalUser):
            Mirror(runtime().settings).row_of(offline)
        assert mirror().settle() == 0
        assert mirror().apply(gone).is_active
        assert mirror().row_of(offline).email == gone.email

    def test_whoever_is_not_named_when_all_is_read_anew_is_out(self, mirror, caplog):
        keep = mirror()
        named, lost, off = account(), account(email="lost@example.com"), account(email="off@example.com")
        rows = [keep.row_of(one) for one in (named, lost, off)]
        keep.deactivate(off.id, 6)
        keep.begin_again()
        # What a token says names nobody, and changes nothing.
        offline = answers.account_of_claims({"sub": lost.id, "email": lost.email, "first_name": "Eve"})
        assert Mirror(runtime().settings).row_of(offline).first_name == "Ada"
        keep.apply(answers.account({**named.raw, "version": 1}, ()))
        assert keep.settle() == 1
        assert keep.settle() == 0
        assert [users().get(pk=row.pk).is_active for row in rows] == [True, False, False]
        # News of it are news.
        assert Mirror(runtime().settings).row_of(answers.account({**lost.raw, "version": 1}, ())).is_active

    def test_a_deletion_that_meets_a_first_request_finds_the_row(self, mirror, monkeypatch):
        keep = mirror()
        first = account(version=5)
        row = keep.row_of(first)
        # As if the request had committed after the look.
        looks = iter([False])
        take = keep._take
        monkeypatch.setattr(keep, "_take", lambda *mine, **at: next(looks, None) is not False and take(*mine, **at))
        assert keep.deactivate(first.id, 6) is True
        assert not users().get(pk=row.pk).is_active


class TestAddresses:
    """An address is one account's in authd, and here in a column where it may stand once."""

    def addresses(self):
        return {str(link.sub): link.user.email for link in Link.objects.select_related("user")}

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_two_accounts_that_swap_addresses_have_their_own(self, mirror, order):
        keep = mirror()
        ada, bob = account(email="ada@example.com"), account(email="bob@example.com", version=6)
        rows = {one.id: keep.row_of(one).pk for one in (ada, bob)}
        # By way of a third one, of which nobody has heard.
        news = [
            answers.account({**bob.raw, "email": "ada@example.com", "version": 8}, ()),
            answers.account({**ada.raw, "email": "bob@example.com", "version": 9}, ()),
        ]
        for index in order:
            keep.apply(news[index])
        assert self.addresses() == {ada.id: "bob@example.com", bob.id: "ada@example.com"}
        assert {one.id: keep.row_of(one).pk for one in news} == rows
        assert keep.refused == 0

    def test_it_is_taken_for_a_new_row_as_well_and_the_others_own_news_follow(self, mirror, caplog):
        caplog.set_level("INFO")
        told = []

        def receiver(user, authd, changed, **_):
            told.append((user.pk, authd and authd.id, changed))

        keep = mirror()
        ada, eve = account(), account(version=9)
        row = keep.row_of(ada)
        signals.user_updated.connect(receiver)
        new = keep.row_of(eve)
        signals.user_updated.disconnect(receiver)
        assert self.addresses() == {ada.id: f"{ada.id}@replaced.invalid", eve.id: "ada@example.com"}
        assert told == [(row.pk, None, ["email"])]
        assert f"the address of the row {row.pk} is another account's" in caplog.text
        assert "ada@example.com" not in caplog.text
        # As a row that was left as it was: authd has nothing newer of it.
        moved = answers.account({**ada.raw, "email": "new@example.com"}, ())
        assert Mirror(runtime().settings).row_of(moved).email == "new@example.com"
        older = answers.account({**ada.raw, "email": "old@example.com", "version": 4}, ())
        assert Mirror(runtime().settings).row_of(older).email == "new@example.com"
        assert users().get(pk=new.pk).email == "ada@example.com"

    def test_it_is_taken_from_a_row_of_which_nothing_is_known_yet(self, mirror):
        keep = mirror()
        ada, eve = account(), account(email="eve@example.com")
        keep.row_of(ada)
        keep.row_of(eve)
        keep.begin_again()
        keep.apply(answers.account({**eve.raw, "email": "ada@example.com", "version": 3}, ()))
        keep.apply(answers.account({**ada.raw, "email": "eve@example.com", "version": 4}, ()))
        assert self.addresses() == {ada.id: "eve@example.com", eve.id: "ada@example.com"}
        assert keep.settle() == 0

    def test_no_address_is_taken_from_a_row_that_is_nobodys_or_by_what_is_not_newer(self, mirror):
        keep = mirror(LINK_BY_EMAIL=False)
        local("nobodys@example.com")
        ada, eve = account(version=9), account(email="eve@example.com")
        keep.row_of(ada)
        row = keep.row_of(eve)
        for email, version in [("nobodys@example.com", 20), ("ada@example.com", 8), ("ada@example.com", 9)]:
            keep.apply(answers.account({**eve.raw, "email": email, "version": version}, ()))
            assert users().get(pk=row.pk).email == "eve@example.com"
            Link.objects.filter(sub=eve.id).update(version=5)
        assert users().filter(email__in=("nobodys@example.com", "ada@example.com")).count() == 2
        # What a token says is of no version.
        with pytest.raises(NoLocalUser):
            keep.row_of(answers.account_of_claims({"sub": str(uuid.uuid4()), "email": "ada@example.com"}))

    def test_what_stands_for_an_address_fits_or_nothing_is_taken(self, mirror, monkeypatch):
        assert addresses.nobodys(models.EmailField(null=True), "x") is None
        assert addresses.nobodys(models.TextField(), "x") == "x@replaced.invalid"
        keep = mirror()
        row = keep.row_of(account())
        monkeypatch.setattr(get_user_model()._meta.get_field("email"), "max_length", 20)
        with pytest.raises(NoLocalUser):
            keep.row_of(account(version=9))
        assert users().get().pk == row.pk and users().get().email == "ada@example.com"

    def test_letters_that_only_look_the_same_keep_their_address(self, mirror):
        # As a database does whose own rule of uniqueness joins them.
        keep = mirror()
        mike = account(email="mike@example.com")
        keep.row_of(mike)
        other = account(email="m\u0131ke@example.com", version=9)
        with transaction.atomic():
            assert list(addresses.taken_from_others(other, field_map(conf.read()), "default")) == []
        assert users().get().email == "mike@example.com"

    def test_a_row_that_stayed_as_it_was_is_mended_by_the_same_news(self, mirror, caplog):
        keep = mirror(LINK_BY_EMAIL=False)
        blocker = local("new@example.com")
        ada = account()
        keep.row_of(ada)
        moved = answers.account({**ada.raw, "email": "new@example.com", "version": 9}, ())
        for _ in range(2):
            keep.apply(moved)
        assert keep.refused == 2
        assert caplog.text.count("stays as it was, but for is_active") == 1
        assert Link.objects.get().version == 8
        blocker.delete()
        # What is older is news no more.
        keep.apply(answers.account({**ada.raw, "email": "older@example.com", "version": 8}, ()))
        assert users().get().email == "ada@example.com"
        keep.apply(moved)
        assert users().get().email == "new@example.com"
        assert Link.objects.get().version == 9


TRIGGERS = {
    "postgresql": (
        """
        CREATE FUNCTION hates() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.first_name = 'Mallory' OR OLD.company = 'fixed' THEN RAISE EXCEPTION 'no % here', NEW.email; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER hates BEFORE INSERT OR UPDATE ON accounts_user FOR EACH ROW EXECUTE FUNCTION hates()
        """,
        "DROP FUNCTION hates CASCADE",
    ),
    "sqlite": (
        """
        CREATE TRIGGER hates BEFORE INSERT ON accounts_user WHEN NEW.first_name = 'Mallory'
            BEGIN SELECT RAISE(ABORT, 'nobody is here: secret'); END;
        CREATE TRIGGER hates_too BEFORE UPDATE ON accounts_user
            WHEN NEW.first_name = 'Mallory' OR OLD.company = 'fixed'
            BEGIN SELECT RAISE(ABORT, 'nobody is here: secret'); END
        """,
        "DROP TRIGGER hates; DROP TRIGGER hates_too",
    ),
}


class TestTriggers:
    """Rules of a project's own, which the database keeps."""

    @pytest.fixture(autouse=True)
    def _trigger(self):
        make, drop = TRIGGERS[connection.vendor]
        with connection.cursor() as cursor:
            run = getattr(cursor.connection, "executescript", cursor.execute)
            run(make)
            yield
            run(drop)

    def test_a_row_that_a_trigger_refuses_is_one_row(self, settings, own, get, caplog):
        authd = own()
        settings.AUTHD = authd.settings()
        first, (mallory, token), last = authd.add_user(), authd.signed_in("--first-name", "Mallory"), authd.add_user()
        out = StringIO()
        call_command("authd_sync", "--once", stdout=out)
        assert "3 changes read, 0 rows deactivated, 1 accounts without a row" in out.getvalue()
        assert sorted(users().values_list("email", flat=True)) == sorted([first["email"], last["email"]])
        assert get("/me", token).status_code == 403
        assert "the database does not take it (" in caplog.text
        assert mallory["email"] not in caplog.text and "secret" not in caplog.text

    def test_a_row_that_stays_as_it_was_holds_up_nobody(self, mirror, caplog):
        keep = mirror()
        ada = account()
        row = keep.row_of(ada)
        keep.apply(answers.account({**ada.raw, "first_name": "Mallory", "is_active": False, "version": 6}, ()))
        row.refresh_from_db()
        assert (row.first_name, row.is_active) == ("Ada", False)
        assert "stays as it was, but for is_active: " in caplog.text and "secret" not in caplog.text

    def test_a_row_that_cannot_be_switched_off_holds_up_nobody_either(self, mirror, caplog):
        keep = mirror()
        ada = account()
        keep.row_of(ada)
        users().update(company="fixed")
        keep.apply(answers.account({**ada.raw, "first_name": "Mallory", "is_active": False, "version": 6}, ()))
        assert keep.deactivate(ada.id, 7) is False
        assert users().get().is_active
        assert keep.refused == 3
        assert caplog.text.count("does not even become active or inactive") == 2


class TestRefusals:
    """What is no row's fault is a failure, and what is one is said without values."""

    class Diagnosis:
        sqlstate = "23505"
        table_name, constraint_name, column_name = "accounts_user", "accounts_user_email_key", None

    def error(self, kind, text="secret", **of):
        cause = Exception(text)
        for name, value in of.items():
            setattr(cause, name, value)
        error = kind(text)
        error.__cause__ = cause
        return error

    @pytest.mark.parametrize(
        ("kind", "of"),
        [(OperationalError, {}), (ProgrammingError, {}), (ProgrammingError, {"sqlstate": "42P01"})],
    )
    def test_a_failure_stays_one(self, kind, of):
        with pytest.raises(kind), refusals.judged():
            raise self.error(kind, **of)

    @pytest.mark.parametrize(
        ("kind", "text", "of", "said"),
        [
            (ProgrammingError, "secret", {"sqlstate": "P0001"}, "ProgrammingError"),
            (InternalError, "secret", {"pgcode": "P0001"}, "InternalError"),
            (DatabaseError, "secret", {}, "DatabaseError"),
            (ValueError, "secret", {}, "ValueError"),
            (IntegrityError, "secret", {"diag": Diagnosis}, "UNIQUE accounts_user accounts_user_email_key"),
            (IntegrityError, "UNIQUE constraint failed: a.b, a.c", {}, "UNIQUE constraint failed: a.b, a.c"),
            (IntegrityError, "NOT NULL constraint failed: a.b", {}, "NOT NULL constraint failed: a.b"),
            (IntegrityError, "UNIQUE constraint failed: secret is taken", {}, "IntegrityError"),
        ],
    )
    def test_a_refusal_says_what_is_known(self, kind, text, of, said):
        with pytest.raises(refusals.Refusal) as caught, refusals.judged():
            raise self.error(kind, text, **of)
        assert str(caught.value).removeprefix("IntegrityError: ") == said

    def test_a_row_that_is_refused_says_by_which_rule(self, mirror, caplog):
        local()
        with pytest.raises(NoLocalUser):
            mirror(LINK_BY_EMAIL=False).row_of(account())
        names = {"sqlite": "UNIQUE constraint failed: accounts_user.email", "postgresql": "UNIQUE accounts_user "}
        assert f"the database does not take it (IntegrityError: {names[connection.vendor]}" in caplog.text
        assert "ada@example.com" not in caplog.text

    def test_groups_that_are_refused_stay_as_they_were(self, mirror, caplog, monkeypatch):
        def follow(*_):
            raise self.error(DatabaseError)

        keep = mirror(GROUPS=True)
        monkeypatch.setattr("authd_django.rights.follow", follow)
        assert keep.row_of(account(groups=["billing"])).email == "ada@example.com"
        assert "groups and permissions of the row" in caplog.text and "secret" not in caplog.text
        assert Link.objects.get().version == 4


class TestRights:
    def names(self, row):
        return set(row.groups.values_list("name", flat=True))

    def test_groups_are_left_alone_unless_asked_for(self, mirror):
        row = mirror().row_of(account(groups=["billing"]))
        assert self.names(row) == set()

    def test_all_groups_follow_or_those_that_are_named(self, mirror):
        first = account(groups=["billing", "sales"])
        row = mirror(GROUPS=True).row_of(first)
        assert self.names(row) == {"billing", "sales"}
        row.groups.add(Group.objects.create(name="local"))
        keep = mirror(GROUPS=["billing", "support"])
        keep.row_of(answers.account({**first.raw, "groups": ["support", "admins"], "version": 6}, ()))
        assert self.names(row) == {"sales", "local", "support"}
        mirror(GROUPS=True).row_of(answers.account({**first.raw, "groups": [], "version": 7}, ()))
        assert self.names(row) == set()

    def test_permissions_are_those_of_this_service_that_authd_names(self, mirror):
        kind = ContentType.objects.get_for_model(get_user_model())
        refund = Permission.objects.create(codename="refund", name="refund", content_type=kind)
        other = Permission.objects.create(codename="other", name="other", content_type=kind)
        keep = mirror(PERMISSIONS=True)
        first = account(permissions=("accounts.refund", "billing.other", "nothing"))
        row = keep.row_of(first)
        assert set(row.user_permissions.all()) == {refund}
        assert users().get().has_perm("accounts.refund")
        # The feed does not say them: they stay, and the next verification is news though its version is the same.
        keep.apply(answers.account({**first.raw, "version": 6}))
        assert set(row.user_permissions.all()) == {refund}
        keep.row_of(answers.account({**first.raw, "version": 6}, ("accounts.other",)))
        assert set(row.user_permissions.all()) == {other}
        keep.row_of(answers.account({**first.raw, "version": 7}, ("accounts.other",)))
        assert set(row.user_permissions.all()) == {other}


class TestSignals:
    @pytest.fixture
    def heard(self):
        told = []

        def created(sender, user, authd, **_):
            told.append(("created", user.pk, authd.id))

        def updated(sender, user, authd, changed, **_):
            told.append(("updated", user.pk, sorted(changed)))

        def deactivated(sender, user, authd, **_):
            told.append(("deactivated", user.pk, authd and authd.id))
            raise RuntimeError("a receiver that fails")

        pairs = [
            (signals.user_created, created),
            (signals.user_updated, updated),
            (signals.user_deactivated, deactivated),
        ]
        for signal, receiver in pairs:
            signal.connect(receiver)
        yield told
        for signal, receiver in pairs:
            signal.disconnect(receiver)

    def test_they_are_sent_once_what_they_tell_of_is_committed(self, mirror, heard):
        keep = mirror()
        first = account()
        with transaction.atomic():
            pk = keep.row_of(first).pk
            assert heard == []
        keep.row_of(first)
        keep.row_of(answers.account({**first.raw, "version": 6}, ()))
        assert heard == [("created", pk, first.id)]
        keep.row_of(answers.account({**first.raw, "first_name": "Eve", "version": 7}, ()))
        off = answers.account({**first.raw, "first_name": "Eve", "is_active": False, "version": 8}, ())
        keep.apply(off)
        keep.apply(answers.account({**off.raw, "is_active": True, "version": 9}, ()))
        keep.deactivate(first.id, 10)
        assert heard[1:] == [
            ("updated", pk, ["first_name"]),
            ("updated", pk, ["is_active"]),
            ("deactivated", pk, first.id),
            ("updated", pk, ["is_active"]),
            ("deactivated", pk, None),
        ]

    def test_a_row_that_becomes_the_accounts_is_updated_not_created(self, mirror, heard):
        row = local(first_name="Ada", last_name="Lovelace")
        mirror().row_of(account())
        assert heard == []
        assert Link.objects.get().user == row


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("mode", ["online", "cached"])
def test_fifty_first_requests_at_once_make_one_row(settings, shared, live_server, mode, is_there):
    settings.AUTHD = shared.settings(MODE=mode)
    user, token = shared.signed_in()
    if is_there:
        local(user["email"])
    made = []

    def receiver(user, **_):
        made.append(user.pk)

    signals.user_created.connect(receiver)
    pool = urllib3.PoolManager(maxsize=50, timeout=60)
    barrier = threading.Barrier(50)
    answered = []

    def ask():
        barrier.wait()
        answer = pool.request("GET", f"{live_server.url}/me", headers={"Authorization": f"Bearer {token}"})
        answered.append((answer.status, answer.json().get("pk")))

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signals.user_created.disconnect(receiver)
    (row,) = users().all()
    assert answered == [(200, row.pk)] * 50
    assert made == ([] if is_there else [row.pk])
    assert Link.objects.count() == 1


def test_whoever_finds_the_claim_of_another_request_takes_its_row(mirror, monkeypatch):
    first = account()
    row = mirror().row_of(first)
    keep = mirror()
    look = keep._link
    # As if the other request had committed after both looks.
    looks = iter([None, None])
    monkeypatch.setattr(keep, "_link", lambda sub: next(looks, look(sub)))
    assert keep.row_of(first).pk == row.pk
    assert users().count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: who comes second waits earlier")
def test_a_first_request_waits_for_the_deletion_that_is_being_told(mirror):
    keep = mirror()
    gone = account(version=5)
    refused = []

    def request():
        try:
            Mirror(runtime().settings).row_of(gone)
        except NoLocalUser:
            refused.append(gone.id)
        connections.close_all()

    def is_one_waiting():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return cursor.fetchone()[0] == 1

    with transaction.atomic():
        keep.deactivate(gone.id, 6)
        first = threading.Thread(target=request)
        first.start()
        # It waits for the page of changes that holds the deletion.
        assert eventually(is_one_waiting)
        assert refused == []
    first.join()
    assert refused == [gone.id] and not users().exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: who comes second waits earlier")
def test_whoever_comes_second_waits_for_the_row_of_the_first(mirror, monkeypatch):
    keep = mirror()
    first = account()
    look = keep._link
    looks = []

    def other_request():
        Mirror(runtime().settings).row_of(first)
        connections.close_all()

    def look_and_let_the_other_go_first(sub):
        looks.append(look(sub))
        if len(looks) == 2:
            other = threading.Thread(target=other_request)
            other.start()
            other.join()
        return looks[-1]

    monkeypatch.setattr(keep, "_link", look_and_let_the_other_go_first)
    row = keep.row_of(first)
    assert users().get().pk == row.pk
    assert looks[:2] == [None, None]
