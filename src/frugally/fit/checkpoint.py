"""Checkpoints of a training run: one safetensors file, and a JSON that names it.

The JSON is replaced last and in one step, so that a run killed at any moment resumes from the
last whole checkpoint.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from frugally.errors import NetError

_STATE = "checkpoint.json"


def save_checkpoint(folder: Path, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
    """Write `tensors` and the JSON-able `state`; `state["step"]` names the tensor file."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"checkpoint-{state['step']}.safetensors"
    save_file(tensors, folder / f"{name}.tmp")
    _replace(folder / f"{name}.tmp", folder / name)
    temporary = folder / f"{_STATE}.tmp"
    temporary.write_text(json.dumps({**state, "tensors": name}, indent=1), encoding="utf-8")
    _replace(temporary, folder / _STATE)
    for old in folder.glob("checkpoint-*.safetensors*"):
        if old.name != name:
            old.unlink()


def load_checkpoint(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """The last whole checkpoint of the folder, or None; `NetError` if it is damaged."""
    try:
        text = (folder / _STATE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        state = json.loads(text)
        return load_file(folder / state["tensors"]), state
    except Exception as error:  # safetensors raises its own kinds
        raise NetError(f"the checkpoint in {folder} is damaged: {error}") from error


def _replace(temporary: Path, final: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(final)
