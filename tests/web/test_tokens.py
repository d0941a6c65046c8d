"""Tokens of the web API as the configuration names them."""

import pytest

from netmon import units
from netmon.credential import Secret
from netmon.settings import ConfigErrors, load
from tests.settings.conftest import INVENTORY, NETMON, TODAY

GOOD, OTHER = "0123456789abcdef0123", "another-token-of-20-x"
WEB = "web:\n  tokens:\n    lan: !env LAN\n    desk: !file desk-token\n"


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.setenv("NETMON_COMMUNITY", "n3tm0n")
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/a.yaml").write_text(INVENTORY, encoding="utf-8")

    def loaded(lan=GOOD, desk=OTHER, web=WEB, **options):
        monkeypatch.setenv("LAN", lan)
        (tmp_path / "desk-token").write_text(desk + "\n", encoding="utf-8")
        (tmp_path / "netmon.yaml").write_text(NETMON + web, encoding="utf-8")
        return load(tmp_path, register=units.load(), today=TODAY, **options)

    return loaded


def test_tokens_are_secrets_by_the_name_of_who_writes(read):
    settings = read()
    assert settings.web.tokens == {"lan": Secret(GOOD), "desk": Secret(OTHER)}
    assert GOOD not in repr(settings)
    assert read(web="").web.tokens == {}


def test_who_may_not_read_secrets_reads_the_rest(read):
    assert set(read(secrets=False).web.tokens) == {"lan", "desk"}


@pytest.mark.parametrize(
    ("changed", "place", "says"),
    [
        ({"lan": "too-short"}, "netmon.yaml:7:10", "at least 20 characters"),
        ({"desk": "a token with spaces in it"}, "netmon.yaml:8:11", "no spaces"),
        ({"lan": "mã-truy-cập-có-dấu-tiếng-việt"}, "netmon.yaml:7:10", "ASCII"),
        ({"desk": GOOD}, "netmon.yaml:7:5", "lan and desk have the same token"),
        ({"web": f"web:\n  tokens:\n    lan: {GOOD}\n"}, "netmon.yaml:7:10", "must not stand here"),
        ({"web": "web:\n  tokens:\n    'Lan Anh': !env LAN\n"}, "netmon.yaml:7:5", "is not an id"),
        ({"web": "web:\n  token: !env LAN\n"}, "netmon.yaml:6:3", "token"),
        ({"web": "web:\n  tokens:\n    netmon: !env LAN\n"}, "netmon.yaml:7:5", "'netmon' cannot name a token"),
        ({"web": "web:\n  tokens:\n    lan: !env LAN\n    File: !file desk-token\n"}, "netmon.yaml:8:5", "'File' cannot"),
        ({"web": "web:\n  tokens:\n    web: !env LAN\n"}, "netmon.yaml:7:5", "records what it does itself"),
    ],
)
def test_a_token_that_is_no_good_is_told_with_its_place_and_not_repeated(read, changed, place, says):
    with pytest.raises(ConfigErrors) as raised:
        read(**changed)
    said = str(raised.value)
    assert place in said
    assert says in said
    assert not [secret for secret in (GOOD, OTHER, *changed.values()) if secret in said]
