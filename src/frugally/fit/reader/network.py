"""The reader's network: DrQA's document reader with a null answer.

Chen et al. 2017, "Reading Wikipedia to Answer Open-Domain Questions", section 3.2. For passage
words p_1..p_T and question words q_1..q_Q with vectors E(.):

    a_ij    = softmax_j( ReLU(W E(p_i) + b) . ReLU(W E(q_j) + b) )       aligned question
    p_i     = BiLSTM_3([E(p_i); sum_j a_ij E(q_j); features_i])          all layers concatenated
    q_j     = BiLSTM_3(E(q_j)),   q = sum_j softmax_j(w . q_j) q_j
    s_i     = p_i W_s q,          e_i = p_i W_e q                        start and end scores

The paper compares unnormalised exp(s_i + e_j) across passages, which training (a softmax inside
each passage) does not make comparable. Here "not in this passage" is one more choice of each
softmax, in the manner of SQuAD 2.0 readers (Levy et al. 2017, section 4, a learned null score):

    l_j = max_i cos(E(p_i), E(q_j)),   m = sum_j ReLU(C [E(q_j); l_j])    what the passage lacks
    (n_s, n_e) = V ReLU(U [q; max_i p_i; m])
    P(start = i) = exp(s_i) / (exp(n_s) + sum_k exp(s_k)),   likewise for the end

so that s_i + e_j - n_s - n_e is the log-odds of a span against "not in this passage".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from frugally.fit.reader.examples import Batch
from frugally.nets.reader_features import FEATURES

_NEVER = -1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The widths of the network: `vector` of a word, `hidden` of one direction, and so on."""

    vector: int = 96
    features: int = FEATURES
    hidden: int = 128
    layers: int = 3
    coverage: int = 32
    null: int = 64

    @property
    def state(self) -> int:
        """The width of a word's state: both directions of all layers."""
        return 2 * self.hidden * self.layers

    def as_dict(self) -> dict[str, int]:
        """The sizes by name, for a card."""
        return asdict(self)


class Scores(NamedTuple):
    """`start` and `end` (T, B), -inf beyond a passage's words; `null` (B, 2), all float32."""

    start: Tensor
    end: Tensor
    null: Tensor


class _Permute(torch.autograd.Function):
    """Rows of (T, B, D) in another order that is its own inverse, so backward is forward."""

    @staticmethod
    def forward(ctx, x: Tensor, order: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(order)
        return x.reshape(-1, x.shape[-1]).index_select(0, order).view(x.shape)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (order,) = ctx.saved_tensors
        return grad.reshape(-1, grad.shape[-1]).index_select(0, order).view(grad.shape), None


def _permute(x: Tensor, order: Tensor) -> Tensor:
    return _Permute.apply(x, order)  # type: ignore[no-untyped-call, no-any-return]


def reversal(lengths: Tensor, longest: int) -> Tensor:
    """The flat order, (longest * B,), that reverses each column's first `lengths[b]` rows."""
    time = torch.arange(longest)[:, None]
    turned = torch.where(time < lengths, lengths - 1 - time, time)
    return (turned * len(lengths) + torch.arange(len(lengths))).reshape(-1)


def dropout(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    """Variational dropout (Gal and Ghahramani 2016): one mask for all times of x, (T, B, D)."""
    if generator is None or p == 0:
        return x
    keep = torch.rand((1, *x.shape[1:]), generator=generator) >= p
    return x * (keep.to(x.dtype) / (1 - p))


class StackedBiLstm(nn.Module):
    """Bidirectional LSTM layers; the output is the outputs of all layers side by side.

    Each direction is an LSTM of its own, the second over the words in reverse order, so that
    padding never enters a state and each call is one fused oneDNN operation.
    """

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.hidden = hidden
        widths = [inputs] + [2 * hidden] * (layers - 1)
        self.forwards = nn.ModuleList(nn.LSTM(width, hidden) for width in widths)
        self.backwards = nn.ModuleList(nn.LSTM(width, hidden) for width in widths)

    def forward(
        self, x: Tensor, lengths: Tensor, p: float, generator: torch.Generator | None
    ) -> Tensor:
        """(T, B, inputs) to (T, B, 2 * hidden * layers)."""
        order = reversal(lengths, x.shape[0])
        states: list[Tensor] = []
        for ahead, back in zip(self.forwards, self.backwards, strict=True):
            if states:  # what goes into the first layer has been dropped out by the caller
                x = dropout(x, p, generator)
            turned = back(_permute(x, order))[0]
            x = torch.cat([ahead(x)[0], _permute(turned, order)], dim=-1)
            states.append(x)
        return torch.cat(states, dim=-1)


class ReaderNetwork(nn.Module):
    """Start, end and null scores of passages for questions."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.align = nn.Linear(sizes.vector, sizes.vector)
        self.passage = StackedBiLstm(2 * sizes.vector + sizes.features, sizes.hidden, sizes.layers)
        self.question = StackedBiLstm(sizes.vector, sizes.hidden, sizes.layers)
        self.question_weight = nn.Linear(sizes.state, 1, bias=False)
        self.start = nn.Linear(sizes.state, sizes.state, bias=False)
        self.end = nn.Linear(sizes.state, sizes.state, bias=False)
        self.cover = nn.Linear(sizes.vector, sizes.coverage)
        self.cover_likeness = nn.Linear(1, sizes.coverage, bias=False)
        self.null_hidden = nn.Linear(2 * sizes.state + sizes.coverage, sizes.null)
        self.null = nn.Linear(sizes.null, 2)

    def forward(
        self,
        vectors: Tensor,
        batch: Batch,
        p: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Scores:
        """Scores of a batch; `vectors` is the (V, vector) table its word numbers point into.

        `p` is the dropout of inputs and outputs, drawn from `generator`; none without one.
        """
        lengths = torch.from_numpy(batch.passage_lengths)
        asked = torch.from_numpy(batch.question_lengths)
        words = _look_up(vectors, torch.from_numpy(batch.passage))
        question = _look_up(vectors, torch.from_numpy(batch.question))
        beyond_question = torch.arange(question.shape[0])[:, None] >= asked
        beyond_passage = torch.arange(words.shape[0])[:, None] >= lengths
        lacking = self.lacking(words, question, beyond_passage, beyond_question)
        words, question = dropout(words, p, generator), dropout(question, p, generator)

        aligned = self.aligned(words, question, beyond_question)
        features = torch.from_numpy(batch.features)
        inputs = torch.cat([words, aligned.to(words.dtype), features.to(words.dtype)], dim=-1)
        p_states = self.passage(inputs, lengths, p, generator)
        q_states = self.question(question, asked, p, generator)

        weight = self.question_weight(q_states)[..., 0].float()
        weight = weight.masked_fill(beyond_question, float("-inf")).softmax(dim=0)
        q = dropout(torch.einsum("qb,qbd->bd", weight, q_states.float())[None], p, generator)[0]

        # One mask for all times of p_i is one mask on what each p_i is multiplied with.
        kept = dropout(torch.ones_like(q)[None], p, generator)[0]
        targets = torch.stack([self.start(q).float(), self.end(q).float()], dim=2) * kept[..., None]
        with torch.autocast("cpu", enabled=False):
            p_states = p_states.float()
            spans = torch.bmm(p_states.transpose(0, 1), targets).permute(2, 1, 0)
        highest = p_states.masked_fill(beyond_passage[..., None], float("-inf")).max(dim=0).values
        seen = torch.cat([q, highest * kept, lacking], dim=-1)
        null = self.null(functional.relu(self.null_hidden(seen)))
        infinite = float("-inf")
        return Scores(
            spans[0].masked_fill(beyond_passage, infinite),
            spans[1].masked_fill(beyond_passage, infinite),
            null.float(),
        )

    def lacking(
        self, words: Tensor, question: Tensor, beyond_passage: Tensor, beyond_question: Tensor
    ) -> Tensor:
        """How far the passage has no word like the question's, summed over them: (B, coverage)."""
        with torch.no_grad():
            p = functional.normalize(words.float(), dim=-1).transpose(0, 1)
            q = functional.normalize(question.float(), dim=-1).permute(1, 2, 0)
            alike = torch.bmm(p, q).float().masked_fill(beyond_passage.T[..., None], -1)
            likest = alike.max(dim=1).values.T[..., None]
        each = functional.relu(self.cover(question) + self.cover_likeness(likest))
        return each.float().masked_fill(beyond_question[..., None], 0).sum(dim=0)

    def aligned(self, words: Tensor, question: Tensor, beyond: Tensor) -> Tensor:
        """The question as each passage word sees it, (T, B, vector)."""
        p = functional.relu(self.align(words)).transpose(0, 1)
        q = functional.relu(self.align(question)).transpose(0, 1)
        match = torch.bmm(p, q.transpose(1, 2)).float()
        match = match.masked_fill(beyond.T[:, None, :], float("-inf")).softmax(dim=-1)
        return torch.bmm(match.to(question.dtype), question.transpose(0, 1)).transpose(0, 1)


def _look_up(vectors: Tensor, rows: Tensor) -> Tensor:
    return vectors.index_select(0, rows.reshape(-1)).view(*rows.shape, -1)


def loss(scores: Scores, batch: Batch) -> Tensor:
    """The summed negative log-likelihood of starts and ends, over the questions of a batch.

    With o = s - n, the log-odds of a place against its passage's null, the probability of place k
    in passage p, of the passages read for a question together, is

        exp(o_pk) / (1 + sum_{p'} sum_{k'} exp(o_p'k')),

    which for one passage is the softmax above, and for several normalises them together (shared
    normalisation, Clark and Gardner 2018, section 3.3). Where several places are possible their
    probabilities add (marginal likelihood); where none is, "in none of them" is the truth.
    """
    groups = torch.from_numpy(batch.groups)
    count = int(batch.groups.max()) + 1
    total = scores.null.new_zeros(())
    for row, (score, places) in enumerate(((scores.start, batch.starts), (scores.end, batch.ends))):
        truth = torch.from_numpy(places)
        odds = score - scores.null[:, row]
        everything = _logsumexp(torch.logsumexp(odds, dim=0), groups, count)
        # A finite stand-in for -inf keeps the gradient of unused branches from being NaN.
        right = torch.logsumexp(odds.masked_fill(~truth, _NEVER), dim=0)
        right = _logsumexp(right, groups, count)
        answered = torch.zeros(count).index_add(0, groups, truth.any(dim=0).float()) > 0
        right = torch.where(answered, right, torch.zeros_like(right))
        total = total + (functional.softplus(everything) - right).sum()
    return total


def _logsumexp(values: Tensor, groups: Tensor, count: int) -> Tensor:
    """log of the sum of exp over each group, (count,)."""
    highest = torch.full((count,), _NEVER).scatter_reduce(0, groups, values.detach(), "amax")
    sums = torch.zeros(count).index_add(0, groups, (values - highest[groups]).exp())
    return highest + sums.log()
