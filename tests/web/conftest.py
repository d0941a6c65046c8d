"""One browser for all pages that are looked at, for it takes seconds to start; each test has a tab of its own."""

import pytest

from tests.browser import chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
