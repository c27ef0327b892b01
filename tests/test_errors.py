"""The tree of exceptions is the one drawn."""

import re

import pytest

from frugally import errors


def drawn() -> list[tuple[str, str, int]]:
    """Name, parent and exit code of each exception in the drawing."""
    above: list[tuple[int, str, int]] = []
    found = []
    for line in errors.__doc__.splitlines():
        match = re.match(r"([│ ├└─]*)(\w+Error)(?:\s+exit (\d))?", line)
        if match:
            depth = len(match[1])
            above = [a for a in above if a[0] < depth]
            code = int(match[3]) if match[3] else above[-1][2]
            found.append((match[2], above[-1][1] if above else "Exception", code))
            above.append((depth, match[2], code))
    return found


def test_every_exception_is_drawn():
    kinds = {n: c for n, c in vars(errors).items() if isinstance(c, type)}
    defined = {n for n, c in kinds.items() if c.__module__ == errors.__name__}
    assert defined == {name for name, _, _ in drawn()}


@pytest.mark.parametrize(("name", "parent", "code"), drawn())
def test_exception(name, parent, code):
    kind = getattr(errors, name)
    assert kind.__base__.__name__ == parent
    assert kind.exit_code == code
    assert kind.__doc__


def test_message_and_hint():
    error = errors.UsageError("what and why", hint="do this")
    assert (str(error), error.message, error.hint) == ("what and why", "what and why", "do this")
    assert errors.FrugallyError("x").hint is None


def test_missing_extra_says_what_to_install():
    error = errors.MissingExtraError("torch", "fit", "training")
    assert "torch" in str(error)
    assert "frugally[fit]" in error.hint
