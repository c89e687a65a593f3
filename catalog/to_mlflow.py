"""Tell MLflow's run which slice it uses: a dataset among its inputs.

MLflow is used when the training itself has imported it, and never imported for this.
https://mlflow.org/docs/latest/ml/dataset/
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from .slices import SliceFacts

_LONGEST_VALUE = 500  # characters of a tag that MLflow takes


def run_id(since: datetime | None = None) -> str | None:
    """Return the active run, or the last one of this process if it began after `since`."""
    mlflow: Any = sys.modules.get("mlflow")
    if mlflow is None:
        return None
    active = mlflow.active_run()
    if active is not None:
        return str(active.info.run_id)
    last = mlflow.last_active_run() if since is not None else None
    if last is None or since is None or last.info.start_time < since.timestamp() * 1000:
        return None
    return str(last.info.run_id)


def tell(run: str, cut: SliceFacts, context: str, tags: dict[str, str | None]) -> None:
    """Log the slice as an input of a run; raises whatever MLflow does."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.tracking import MlflowClient

    source_type, source = "http", {"url": cut.homepage}
    if cut.folder is not None and "://" not in cut.folder:
        source_type, source = "local", {"uri": cut.folder}
    dataset = Dataset(
        name=f"{cut.dataset}/{cut.subset}@{cut.version}",
        digest=cut.digest.rpartition(":")[2],  # 36 characters are all that MLflow takes
        source_type=source_type,
        source=json.dumps(source),
        profile=json.dumps({"images": cut.images, "patients": cut.patients}),
    )
    said = {
        "mlflow.data.context": context,
        "cxrcat.dataset": f"{cut.dataset}@{cut.dataset_version}",
        "cxrcat.subset": f"{cut.subset}@{cut.version}",
        "cxrcat.digest": cut.digest,
        "cxrcat.query": cut.query,
        "cxrcat.export": cut.export,
        **tags,
    }
    inputs = [InputTag(key, value[:_LONGEST_VALUE]) for key, value in said.items() if value]
    MlflowClient().log_inputs(run, [DatasetInput(dataset, inputs)])
