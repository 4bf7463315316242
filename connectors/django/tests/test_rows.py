"""Which local row stands for an account, what it follows, and whom nobody may become."""

import threading
import uuid

import pytest
import urllib3
from conftest import eventually
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections, transaction

from authd_django import answers, conf, signals
from authd_django.errors import NoLocalUser
from authd_django.followed import field_map
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

    def test_a_link_that_has_no_row_is_not_followed(self, mirror):
        found = account()
        Link.objects.create(sub=found.id, version=1)
        with pytest.raises(NoLocalUser):
            mirror().row_of(found)
        assert not users().exists()


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
        assert field_map(conf.read())["company"] == "id"
        settings.AUTHD = {"URL": "http://localhost", "FIELDS": {"company": "email"}}
        assert field_map(conf.read())["company"] == "email"

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
        taken, first = account(email="taken@example.com"), account()
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

    def test_an_account_made_anew_has_the_row_of_the_deleted_one_once_somebody_says_so(self, mirror, caplog):
        keep = mirror()
        old, new = account(), account(version=7)
        row = keep.row_of(old)
        keep.deactivate(old.id, 6)
        with pytest.raises(NoLocalUser):
            keep.row_of(new)
        assert "its address or user name is another row's" in caplog.text
        Link.objects.filter(user__email="ada@example.com").delete()
        assert keep.row_of(new).pk == row.pk
        assert users().get().is_active

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
        # In another history it may be there.
        mirror().begin_again()
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
