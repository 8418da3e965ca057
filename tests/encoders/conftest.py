"""What do tests of encoders share: a tiny sentence encoder, as sentence-transformers lays one out?"""

import json

import pytest
import torch
from safetensors.torch import save_file

from earlylearn.encoders.bert import Shape

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "dog", "sleeps", "runs", "far", "away"]
SHAPE = Shape(layers=2, heads=3, epsilon=1e-6)
WIDTH, WIDE, LONGEST = 12, 20, 10


def random_weights(seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator) / 2

    weights = {
        "embeddings.word_embeddings.weight": draw(len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": draw(LONGEST, WIDTH),
        "embeddings.token_type_embeddings.weight": draw(2, WIDTH),
        "embeddings.LayerNorm.weight": draw(WIDTH),
        "embeddings.LayerNorm.bias": draw(WIDTH),
    }
    for k in range(SHAPE.layers):
        layer = f"encoder.layer.{k}"
        sizes = {"attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH)}
        sizes |= {"attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH)}
        sizes |= {"intermediate.dense": (WIDE, WIDTH), "output.dense": (WIDTH, WIDE)}
        for name, size in sizes.items():
            weights |= {f"{layer}.{name}.weight": draw(*size), f"{layer}.{name}.bias": draw(size[0])}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights |= {f"{layer}.{name}.weight": draw(WIDTH), f"{layer}.{name}.bias": draw(WIDTH)}
    return weights


@pytest.fixture
def model(tmp_path):
    """The folder of a tiny model, as sentence-transformers lays it out."""
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path / "tiny"
    (folder / "1_Pooling").mkdir(parents=True)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({w: k for k, w in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(random_weights(), folder / "model.safetensors")
    documents = {
        "config.json": {
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": WIDTH,
            "num_hidden_layers": SHAPE.layers,
            "num_attention_heads": SHAPE.heads,
            "layer_norm_eps": SHAPE.epsilon,
            "max_position_embeddings": LONGEST,
            "pad_token_id": 0,
        },
        "modules.json": [
            {"type": f"sentence_transformers.models.{t}"} for t in ("Transformer", "Pooling", "Normalize")
        ],
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
        "sentence_bert_config.json": {"max_seq_length": 8},
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))
    return folder
