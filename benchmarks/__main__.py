"""Write the tables of docs/benchmarks.md from the results that are kept.

python -m benchmarks
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import (
    ablation,
    asking,
    budgets,
    choosing,
    classifying,
    clusters,
    distant,
    language,
    learning_curves,
    machine,
    reading,
    retrieval,
    robustness,
    scale,
    segmenting,
    spaceless,
    tagging,
    tuning,
)
from benchmarks.architecture import tables as architecture
from benchmarks.images import (
    cifar,
    converting,
    frontier,
    imagenette,
    jpeg,
    latency,
    mixing,
    shufflenet,
    teaching,
    training_speed,
)

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
TABLES = {
    "retrieval": retrieval.render,
    "tuning": tuning.render,
    "scale": scale.render,
    "reading": reading.render,
    "asking": asking.render,
    "choosing": choosing.render,
    "robustness": robustness.render,
    "distant": distant.render,
    "language": language.render,
    "tagging": tagging.render,
    "ablation": ablation.render,
    "budgets": budgets.render,
    "segmenting": segmenting.render,
    "spaceless": spaceless.render,
    "classifying": classifying.render,
    "clusters": clusters.render,
    "learning_curves": learning_curves.render,
    imagenette.NAME: imagenette.render,
    cifar.NAME: cifar.render,
    jpeg.NAME: jpeg.render,
    frontier.NAME: frontier.render,
    shufflenet.NAME: shufflenet.render,
    training_speed.NAME: training_speed.render,
    latency.NAME: latency.render,
    mixing.NAME: mixing.render,
    converting.NAME: converting.render,
    teaching.NAME: teaching.render,
    "architecture": architecture.render,
}


def render_page(text: str) -> str:
    """The page with each table made anew, and the machine and date it was measured on."""
    for name, render in TABLES.items():
        result = machine.load(name)
        if result is None:
            continue
        about = result["machine"]
        versions = ", ".join(f"{n} {v}" for n, v in about["versions"].items())
        note = (
            f"{about['date']}, {about['cores']} cores of {about['processor']}, "
            f"Python {about['python']}, {versions}."
        )
        table = f"<!-- {name} -->\n{render(result)}\n\n{note}\n<!-- /{name} -->"
        text = re.sub(f"<!-- {name} -->.*?<!-- /{name} -->", lambda _, t=table: t, text, flags=re.S)
    return text


if __name__ == "__main__":
    PAGE.write_text(render_page(PAGE.read_text("utf-8")), "utf-8")
