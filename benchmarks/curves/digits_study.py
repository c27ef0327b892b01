"""Make digits.csv: real learning curves of six classifiers on scikit-learn's digits, two tasks.

    python -m benchmarks.curves.digits_study

1,797 images of 8 × 8 pixels (UCI, Alpaydin and Kaynak 1998). Each of five repeats draws its own 397
test images and order of the other 1,400; a size is the first n of these.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (22, 44, 88, 175, 350, 700, 1400)
REPEATS, TEST, SEED = 5, 397, 0


def classifiers(seed: int) -> dict[str, Any]:
    """By name, new."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    return {
        "logistic regression": LogisticRegression(max_iter=300),
        "nearest neighbours": KNeighborsClassifier(3),
        "random forest": RandomForestClassifier(100, random_state=seed),
        "support vectors": SVC(),
        "naive Bayes": GaussianNB(var_smoothing=1e-2),
        "two-layer net": MLPClassifier((64,), max_iter=300, random_state=seed),
    }


def main() -> None:
    """Train all, write the errors."""
    import warnings

    from sklearn.datasets import load_digits

    warnings.simplefilter("ignore")  # a net that has not converged is a run like any other
    images, digits = load_digits(return_X_y=True)
    images = images / 16
    tasks = {"ten digits": digits, "odd or even": digits % 2}
    with Path(__file__).with_name("digits.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["curve", "size", "repeat", "error"])
        for repeat in range(REPEATS):
            order = np.random.default_rng(SEED + repeat).permutation(len(digits))
            test, pool = order[:TEST], order[TEST:]
            for task, labels in tasks.items():
                for size in SIZES:
                    train = pool[:size]
                    for name, model in classifiers(repeat).items():
                        model.fit(images[train], labels[train])
                        error = float((model.predict(images[test]) != labels[test]).mean())
                        row = [f"{name}, {task}", size, repeat, f"{error:.6f}"]
                        writer.writerow(row)


if __name__ == "__main__":
    main()
