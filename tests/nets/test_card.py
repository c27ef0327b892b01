"""The card of a net is whole, or what is wrong with it is said."""

import json

import pytest

from frugally.errors import NetError
from frugally.nets.card import CARD, NETWORK, load_card, read_card, save_net
from frugally.nets.zoo import NAMES, find_net, task_of

WHOLE = {"format": 1, "task": "counting", "files": {}}


def files(name, size):
    return json.dumps({**WHOLE, "files": {name: {"bytes": size, "sha256": ""}}})


def test_what_is_saved_is_read(tmp_path):
    size = save_net(tmp_path, {}, {"task": "counting", "labels": ["eins"]})
    assert size == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == [CARD, NETWORK]
    assert load_card(tmp_path, "counting")["labels"] == ["eins"]
    assert task_of(find_net(str(tmp_path))) == "counting"
    with pytest.raises(NetError, match="holds a net for counting, not for language"):
        load_card(tmp_path, "language")


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "3", '"task"', "[" * 200_000, '{"format": ' + "9" * 5000 + "}",
        '{"task": "counting"}', '{"format": 1}', '{"format": "1", "task": "counting"}',
        '{"format": true, "task": "counting"}', '{"format": 1, "task": {}}',
    ],
)  # fmt: skip
def test_what_is_no_card_is_refused(tmp_path, text):
    (tmp_path / CARD).write_text(text)
    for read in (read_card, task_of, lambda folder: load_card(folder, "counting")):
        with pytest.raises(NetError, match="is not the card of a net"):
            read(tmp_path)


@pytest.mark.parametrize(
    "text, message",
    [
        (json.dumps({**WHOLE, "format": 2}), "has format 2; this frugally reads up to 1"),
        (json.dumps({**WHOLE, "files": []}), "does not say what its files are"),
        (files("x", "many"), "does not say what its files are"),
        (files("x", None), "does not say what its files are"),
        (files("x", 1e999), "does not say what its files are"),
        (files("x", 1), "cannot read .*x: No such file"),
        (files("x\0", 1), "cannot read"),
        (files("x" * 5000, 1), "cannot read"),
    ],
)
def test_a_card_that_does_not_fit_its_folder_is_refused(tmp_path, text, message):
    (tmp_path / CARD).write_text(text)
    with pytest.raises(NetError, match=message):
        load_card(tmp_path, "counting")


@pytest.mark.parametrize("name", NAMES)
def test_nets_that_ship_are_found_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_card(find_net(name))["format"] == 1
    (tmp_path / name).mkdir()  # a folder without a card does not stand in its way
    assert find_net(name) == find_net(str(find_net(name)))


def test_a_net_that_is_not_there(tmp_path):
    with pytest.raises(NetError, match=r"holds no net: card\.json is missing"):
        find_net(str(tmp_path))
    for name in ("", str(tmp_path / "x"), "a\0b"):
        with pytest.raises(NetError, match="there is no net") as caught:
            find_net(name)
        assert "language" in caught.value.hint
