"""A yardstick for taggers: a bidirectional LSTM that reads the bytes of a sentence.

Bytes become vectors, two layers of LSTM read the sentence from both sides, and the states at the
first and the last byte of a word make its tag (the size and kind of network of Gillick et al. 2016,
"Multilingual Language Processing From Bytes", which tagged from bytes alone; theirs emitted spans).
It is here to be measured against: a hundred times the work of `nets/tagger.py` for a word.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from frugally.fit.conllu import Sentence

BYTES = 257  # and 256 for the space between words
SPACE = 256
LONGEST = 4000  # bytes of one piece; longer sentences are read in pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmSettings:
    """Sizes and training of the yardstick; with these sizes it has about 900,000 weights."""

    embedding: int = 64
    hidden: int = 156
    layers: int = 2
    dropout: float = 0.35
    epochs: int = 20
    batch_bytes: int = 2000
    learning_rate: float = 3e-3
    seed: int = 1013


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Bytes (int64), and the first and last byte of each word, its label, -1 for none."""

    data: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    labels: NDArray[np.int64]


class ByteLstm(nn.Module):
    """Logits of the words of a batch of sentences."""

    def __init__(self, labels: int, settings: LstmSettings) -> None:
        super().__init__()
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.labels = labels
        self.embedding = nn.Embedding(BYTES, settings.embedding)
        # A layer for each direction and depth: packed sequences, which one bidirectional LSTM would
        # need, take torch eight times as long on a CPU.
        widths = [settings.embedding] + [2 * settings.hidden] * (settings.layers - 1)
        self.forwards = nn.ModuleList(_lstm(width, settings.hidden) for width in widths)
        self.backwards = nn.ModuleList(_lstm(width, settings.hidden) for width in widths)
        self.dropout = nn.Dropout(settings.dropout)
        # The forward state at the last byte and the backward state at the first have read the
        # word; the other two have read what is on either side of it.
        self.output = nn.Linear(4 * settings.hidden, labels)

    def forward(self, data: Tensor, lengths: Tensor, words: Tensor) -> Tensor:
        """Logits [words, labels] of `words` [words, 3]: row of the batch, first byte, last byte."""
        # Where each byte stands when its sentence is read from its end; padding stays behind.
        places = torch.arange(data.shape[1], device=data.device)
        turned = lengths[:, None] - 1 - places
        turned = torch.where(turned < 0, places, turned)
        states = self.embedding(data)
        for onward, back in zip(self.forwards, self.backwards, strict=True):
            states = self.dropout(states)
            read_back = _reordered(back(_reordered(states, turned))[0], turned)
            states = torch.cat([onward(states)[0], read_back], dim=2)
        row, first, last = words.unbind(1)
        both = torch.cat([states[row, first], states[row, last]], dim=1)
        logits: Tensor = self.output(self.dropout(both))
        return logits

    @property
    def weights(self) -> int:
        """How many numbers are learnt."""
        return sum(parameter.numel() for parameter in self.parameters())

    def flops_per_byte(self) -> int:
        """Operations of the LSTM for one byte: two for each weight of each direction."""
        return 2 * sum(
            parameter.numel() for name, parameter in self.named_parameters() if ".weight_" in name
        )

    def flops_per_word(self, bytes_per_word: float) -> float:
        """Operations for a word of so many bytes, its space included."""
        return bytes_per_word * self.flops_per_byte() + 2 * self.output.weight.numel()


def _lstm(inputs: int, hidden: int) -> nn.LSTM:
    return nn.LSTM(inputs, hidden, batch_first=True)


def _reordered(states: Tensor, places: Tensor) -> Tensor:
    """States [batch, bytes, width] in another order of the bytes, `places` [batch, bytes]."""
    return states.gather(1, places[:, :, None].expand(-1, -1, states.shape[2]))


def bytes_per_word(sentences: Sequence[Sentence]) -> float:
    """The mean length of a word in bytes, with the space after it."""
    words = [word for sentence in sentences for word in sentence.words]
    return sum(len(_bytes(word)) + 1 for word in words) / max(1, len(words))


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _pieces(sentences: Sequence[Sentence], labels: Sequence[str]) -> list[_Piece]:
    numbers = {label: i for i, label in enumerate(labels)}
    pieces = []
    for sentence in sentences:
        data: list[int] = []
        first: list[int] = []
        last: list[int] = []
        tags: list[int] = []

        def close(data: list[int], first: list[int], last: list[int], tags: list[int]) -> _Piece:
            return _Piece(*(np.array(x, np.int64) for x in (data, first, last, tags)))

        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            data.append(SPACE)
            first.append(len(data))
            data += _bytes(word)
            last.append(len(data) - 1)
            tags.append(-1 if tag is None else numbers.get(tag, -1))
            if len(data) >= LONGEST:
                pieces.append(close(data, first, last, tags))
                data, first, last, tags = [], [], [], []
        if tags:
            pieces.append(close(data, first, last, tags))
    return pieces


def _batches(pieces: Sequence[_Piece], most: int, order: Sequence[int]) -> list[list[_Piece]]:
    """Pieces of about equal length together, at most so many bytes with padding."""
    batches: list[list[_Piece]] = []
    longest = 0
    for piece in (pieces[i] for i in order):
        longest = max(longest, len(piece.data))
        if not batches or longest * (len(batches[-1]) + 1) > most:
            batches.append([])
            longest = len(piece.data)
        batches[-1].append(piece)
    return batches


def _tensors(batch: Sequence[_Piece]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    lengths = np.array([len(piece.data) for piece in batch])
    data = np.full((len(batch), int(lengths.max())), SPACE, np.int64)
    words = []
    for row, piece in enumerate(batch):
        data[row, : len(piece.data)] = piece.data
        words.append(
            np.stack([np.full(len(piece.first), row, np.int64), piece.first, piece.last], axis=1)
        )
    labels = np.concatenate([piece.labels for piece in batch])
    return (
        torch.from_numpy(data),
        torch.from_numpy(lengths),
        torch.from_numpy(np.concatenate(words)),
        torch.from_numpy(labels),
    )


def lstm_accuracy(net: ByteLstm, sentences: Sequence[Sentence], labels: Sequence[str]) -> float:
    """The share of tagged words that get their tag."""
    pieces = _pieces(sentences, labels)
    # A tag never seen in training is a mistake; a word without one is not counted.
    right = (_said(net, pieces) == np.concatenate([piece.labels for piece in pieces])).sum()
    tagged = sum(tag is not None for sentence in sentences for tag in sentence.tags)
    return float(right) / max(1, tagged)


def lstm_tags(
    net: ByteLstm, sentences: Sequence[Sequence[str]], labels: Sequence[str]
) -> list[Sentence]:
    """Sentences of words with the tags that the net gives them."""
    bare = [Sentence(tuple(words), (None,) * len(words)) for words in sentences if words]
    names = iter([labels[number] for number in _said(net, _pieces(bare, labels)).tolist()])
    return [Sentence(s.words, tuple(next(names) for _ in s.words)) for s in bare]


def _said(net: ByteLstm, pieces: Sequence[_Piece]) -> NDArray[np.int64]:
    """The numbers of the labels of all words of some pieces, end to end."""
    order = sorted(range(len(pieces)), key=lambda i: len(pieces[i].data))
    device = next(net.parameters()).device
    found: list[NDArray[np.int64]] = [np.zeros(0, np.int64)] * len(pieces)
    places = iter(order)
    net.eval()
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for batch in _batches(pieces, 20_000, order):
            data, lengths, words, _ = _tensors(batch)
            logits = net(data.to(device), lengths.to(device), words.to(device))
            said = logits.argmax(1).cpu().numpy()
            ends = np.cumsum([len(piece.labels) for piece in batch])
            for part in np.split(said, ends[:-1]):
                found[next(places)] = part
    net.train()
    return np.concatenate([np.zeros(0, np.int64), *found])


def train_byte_lstm(
    train: Sequence[Sentence],
    dev: Sequence[Sentence],
    labels: Sequence[str],
    settings: LstmSettings | None = None,
    *,
    report: Callable[[str], None] = lambda line: None,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
) -> tuple[ByteLstm, float]:
    """The yardstick with its best weights on dev, and that accuracy; one thread.

    Products are in bfloat16. `stop` is asked after each epoch.
    """
    settings = settings or LstmSettings()
    torch.set_num_threads(1)
    net = ByteLstm(len(labels), settings).to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=1e-3)
    pieces = _pieces(train, labels)
    random = np.random.default_rng(settings.seed)
    best, kept = -math.inf, copy.deepcopy(net.state_dict())
    for epoch in range(settings.epochs):
        # Nearly sorted by length: other neighbours each epoch, little padding.
        noise = random.normal(0.0, 8.0, len(pieces))
        order = sorted(range(len(pieces)), key=lambda i: len(pieces[i].data) + noise[i])
        batches = _batches(pieces, settings.batch_bytes, order)
        shuffled = random.permutation(len(batches))
        for done, number in enumerate(shuffled):
            progress = (epoch + done / len(batches)) / settings.epochs
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
            data, lengths, words, truth = _tensors(batches[number])
            with torch.autocast(device, torch.bfloat16):
                logits = net(data.to(device), lengths.to(device), words.to(device))
            loss = nn.functional.cross_entropy(
                logits.float(), truth.to(device), ignore_index=-1, label_smoothing=0.03
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
        reached = lstm_accuracy(net, dev, labels)
        report(f"epoch {epoch + 1}: dev {100 * reached:.2f}")
        if reached > best:
            best, kept = reached, copy.deepcopy(net.state_dict())
        if stop():
            break
    net.load_state_dict(kept)
    return net, best
