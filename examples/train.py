"""Trains the two models of the example on a data set that scikit-learn ships.

    python examples/train.py

writes model-1/model/regressor.pkl and model-2/model/regressor.pkl beside this file. Both
predict the progress of diabetes in a year from 10 features of a patient; model-2 is the
"new version" of the rollout.
"""

from pathlib import Path

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, Ridge

HERE = Path(__file__).parent
MODELS = {"model-1": LinearRegression(), "model-2": Ridge(alpha=0.1)}


def train(folder: Path) -> None:
    """Writes each model below ``folder``."""
    features, progress = load_diabetes(return_X_y=True)
    for name, regressor in MODELS.items():
        path = folder / name / "model" / "regressor.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(regressor.fit(features, progress), path)
        print(f"{path}: R2 {regressor.score(features, progress):.3f}")


if __name__ == "__main__":
    train(HERE)
