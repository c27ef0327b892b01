"""A transformer of a few hundred weights that answers with years, in ONNX with its tokeniser.

Its one attention layer is real and of no use: what it says follows from its embeddings, in which a
year is a good start and end, and [CLS] the score of "no answer".
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

YEARS = ["1887", "1889", "1958", "1969", "1989", "1999"]
WORDS = ["the", "tower", "was", "built", "in", "paris", "and", "it", "stands", "when", "who"]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
CHARACTERS = [chr(c) for c in range(33, 127)]
VOCABULARY = {
    token: number
    for number, token in enumerate(
        dict.fromkeys([*SPECIALS, *YEARS, *WORDS, *CHARACTERS, *(f"##{c}" for c in CHARACTERS)])
    )
}
NULL, YEAR = 1.0, 3.0
WIDTH = 8


def make_tokenizer(*, longest=None, pairs=True):
    """WordPiece as BERT has it; `longest` is the length it says it truncates to."""
    tokenizer = Tokenizer(models.WordPiece(VOCABULARY, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if pairs:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(token, VOCABULARY[token]) for token in ("[CLS]", "[SEP]")],
        )
    if longest:
        tokenizer.enable_truncation(longest)
        tokenizer.enable_padding(length=longest)
    return tokenizer


def make_network(
    *,
    inputs=("input_ids", "attention_mask", "token_type_ids"),
    outputs=("start_logits", "end_logits"),
    integers=TensorProto.INT64,
    batch="batch",
    length="length",
    rows=None,
    factor=1.0,
):
    """The network; `factor` multiplies all it says."""
    source = np.random.default_rng(7)
    rows = rows or len(VOCABULARY)
    table = source.normal(0, 0.05, (rows, WIDTH)).astype(np.float32)
    table[:, 0] = -2.0
    table[[VOCABULARY[year] for year in YEARS], 0] = YEAR
    table[VOCABULARY["[CLS]"], 0] = NULL
    arrays = {
        "table": table,
        "kinds": source.normal(0, 0.01, (2, WIDTH)).astype(np.float32),
        "attend": source.normal(0, 0.1, (WIDTH, WIDTH)).astype(np.float32),
        "say": np.array([[factor, factor]] + [[0.01, 0.02]] * (WIDTH - 1), np.float32),
        "one": np.array(1.0, np.float32),
        "far": np.array(-1e4, np.float32),
        "middle": np.array([1], np.int64),
    }
    node = helper.make_node
    nodes = [node("Gather", ["table", "input_ids"], ["words"])]
    if "token_type_ids" in inputs:
        nodes += [
            node("Gather", ["kinds", "token_type_ids"], ["types"]),
            node("Add", ["words", "types"], ["hidden"]),
        ]
    else:
        nodes += [node("Identity", ["words"], ["hidden"])]
    nodes += [
        node("MatMul", ["hidden", "attend"], ["queries"]),
        node("Transpose", ["hidden"], ["keys"], perm=[0, 2, 1]),
        node("MatMul", ["queries", "keys"], ["scores"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Sub", ["one", "mask"], ["absent"]),
        node("Mul", ["absent", "far"], ["low"]),
        node("Unsqueeze", ["low", "middle"], ["bias"]),
        node("Add", ["scores", "bias"], ["masked"]),
        node("Softmax", ["masked"], ["weights"], axis=-1),
        node("MatMul", ["weights", "hidden"], ["context"]),
        node("MatMul", ["context", "attend"], ["mixed"]),
        node("Add", ["hidden", "mixed"], ["states"]),
        node("MatMul", ["states", "say"], ["both"]),
        node("Split", ["both"], ["s", "e"], axis=2, num_outputs=2),
        *(
            node("Squeeze", [name, "last"], [out])
            for name, out in zip(("s", "e"), outputs, strict=False)
        ),
    ]
    arrays["last"] = np.array([2], np.int64)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, integers, [batch, length]) for name in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [batch, length]) for n in outputs],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def save(folder, *, name="model.onnx", longest=None, pairs=True, **more):
    """Network and tokeniser in a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(make_network(**more), folder / name)
    make_tokenizer(longest=longest, pairs=pairs).save(str(folder / "tokenizer.json"))
    return folder
