"""A server that each test has for itself, and no waiting between tries."""

import pytest

from chat_server import serving


@pytest.fixture
def server(monkeypatch):
    for name in ("FRUGALLY_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("frugally.ask.readers.endpoint.WAITS", (0.01, 0.01, 0.01))
    with serving() as running:
        yield running
