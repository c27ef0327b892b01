"""Opening a network in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from frugally.errors import NetError


def open_session(path: Path, threads: int) -> Any:
    """An inference session on the CPU that keeps to so many threads.

    Raises:
        NetError: the file is not a network, or not one that onnxruntime runs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is raised; it need not be printed as well
    # Threads that wait in a busy loop save microseconds here and cost whole processors elsewhere.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # By its path, not its bytes: large networks keep their weights in files beside them.
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # onnxruntime's own kinds share no base class
        told = " ".join(str(error).split())
        raise NetError(f"cannot open the network {path}: {told}") from error
