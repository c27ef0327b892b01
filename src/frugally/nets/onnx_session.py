"""Opening a network in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from frugally.errors import NetError


def open_session(
    network: Path | bytes, threads: int, *, profile: Path | None = None, prepacked: bool = True
) -> Any:
    """An inference session on the CPU that keeps to so many threads.

    The network is a file or the bytes of one. With `profile` the session notes what each node
    takes, in a file whose name begins so. `prepacked` weights are laid out for the
    processor when the session is opened, and their shapes forgotten.

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
    if not prepacked:
        options.add_session_config_entry("session.disable_prepacking", "1")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    try:
        # By its path, not its bytes: large networks keep their weights in files beside them.
        return onnxruntime.InferenceSession(
            network if isinstance(network, bytes) else str(network),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,
        )
    except Exception as error:  # onnxruntime's own kinds share no base class
        told = " ".join(str(error).split())
        name = "" if isinstance(network, bytes) else f" {network}"
        raise NetError(f"cannot open the network{name}: {told}") from error
