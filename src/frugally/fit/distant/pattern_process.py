"""The process that matches expressions for `patterns.py`; it imports nothing of ours.

Lines of JSON come in, `[pattern, texts, whole, seconds]`, and go out, `[matches of each text,
error]`. It ends when its input does, and should whoever asked be gone, after `seconds` and one more
on any question: no handler is set for SIGALRM, so that it ends the process even inside of `re`.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sys
import warnings

# As DrQA compiles them: scripts/pipeline/eval.py and scripts/distant/generate.py.
FLAGS = re.IGNORECASE | re.UNICODE | re.MULTILINE


def main() -> None:
    """Answer until there is nothing more to read."""
    warnings.simplefilter("ignore")  # of `re`, about expressions that will mean something else
    for line in sys.stdin:
        pattern, texts, whole, seconds = json.loads(line)
        signal.alarm(math.ceil(seconds) + 1)
        try:
            compiled = re.compile(pattern, FLAGS)
            reply: list[object] = [[found(compiled, text, whole) for text in texts], ""]
        except (re.error, OverflowError, RecursionError) as error:
            reply = [[], str(error) or "?"]
        signal.alarm(0)
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


def found(compiled: re.Pattern[str], text: str, whole: bool) -> list[str]:
    """The distinct matches that have a letter or digit; if `whole`, the one at the beginning."""
    if whole:
        match = compiled.match(text)
        return [] if match is None else [match.group()]
    stripped = (match.group().strip() for match in compiled.finditer(text))
    return [m for m in dict.fromkeys(stripped) if any(map(str.isalnum, m))]


if __name__ == "__main__":
    main()
