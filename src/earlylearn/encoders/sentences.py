"""How does a sentence encoder turn texts into features, from a folder or an archive of its files?"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from earlylearn.data.readers.beginnings import unfetched
from earlylearn.encoders.bert import Pooling, SentenceBert, Shape
from earlylearn.encoders.wheels import digest_of_file
from earlylearn.errors import UsageError
from earlylearn.machine import keep_freed_memory, processor_has_bf16

BATCH_TOKENS = {"cpu": 2048, "cuda": 65_536}  # padding included; more would leave a processor's cache
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
POOLING, LIMIT, PARTS = "1_Pooling/config.json", "sentence_bert_config.json", "modules.json"


class ModelFiles:
    """The files of a sentence-transformers model, in a folder or in a .zip archive."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none of that name."""
        if self.path.is_dir():
            file = self.path / name
            if (instead := unfetched(file)) is not None:
                raise UsageError(f"{file}: {instead}")
            return file.read_bytes() if file.is_file() else None
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(name)
        except KeyError:
            return None

    def document(self, name: str) -> Any:
        """A JSON file; None where there is none of that name."""
        content = self.read(name)
        return None if content is None else json.loads(content)

    @property
    def digest(self) -> str:
        """What tells these weights from others: 16 hexadecimal digits, or an archive's own checksum of them."""
        if self.path.is_dir():
            return digest_of_file(self.path / WEIGHTS)
        with zipfile.ZipFile(self.path) as archive:  # which is not unpacked just to be told apart
            found = archive.getinfo(WEIGHTS)
            return f"{found.CRC:08x}{found.file_size:x}"


class SentenceEncoder:
    """A BERT that makes a vector of each text; it is read when the first text comes.

    Needs ``tokenizers``, and neither transformers nor sentence-transformers. Texts beyond the model's own limit (256
    tokens for all-MiniLM-L6-v2) are cut there. In bf16 where the hardware multiplies bf16 fast.

    Args:
        name: what the encoder is called, such as ``all-MiniLM-L6-v2``.
        files: its files, as sentence-transformers lays them out.

    Raises:
        UsageError: a file is missing or broken, or the model is of another architecture.
    """

    block = 1024  # texts between two points from which an interrupted encoding goes on

    def __init__(self, name: str, files: ModelFiles) -> None:
        self.name, self._files = name, files
        try:
            self._read_settings()
        except UsageError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"{files.path}: is no sentence encoder ({reason}); {_MEND}") from None
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        fast = torch.cuda.is_bf16_supported() if self.device == "cuda" else processor_has_bf16()
        self.dtype = torch.bfloat16 if fast else torch.float32
        self._network: SentenceBert | None = None

    def _read_settings(self) -> None:
        """What the small files say; the weights stay where they are."""
        config = self._files.document(CONFIG)
        if config is None or self._files.read(TOKENIZER) is None:
            raise UsageError(f"{self._files.path}: has no {CONFIG if config is None else TOKENIZER}; {_MEND}")
        kind, activation = config.get("model_type"), config.get("hidden_act", "gelu")
        if kind != "bert" or activation != "gelu":
            raise UnknownArchitecture(
                f"{self._files.path}: is a {kind} with {activation}, and only a bert with gelu is read without "
                "sentence-transformers; run pip install 'earlylearn[hub]', or give another model"
            )
        layers = [part["type"].rpartition(".")[2] for part in self._files.document(PARTS) or ()]
        unknown = set(layers) - {"Transformer", "Pooling", "Normalize"}
        pooling = self._files.document(POOLING) or {"pooling_mode_mean_tokens": True}
        modes = [mode for mode, on in pooling.items() if mode.startswith("pooling_mode_") and on is True]
        if unknown or len(modes) != 1 or modes[0] not in _POOLINGS:
            culprit = ", ".join(sorted(unknown)) or " and ".join(modes) or "no pooling"
            raise UnknownArchitecture(
                f"{self._files.path}: has {culprit}, which is not read without sentence-transformers; run pip install "
                "'earlylearn[hub]', or give another model"
            )
        limit = (self._files.document(LIMIT) or {}).get("max_seq_length") or config["max_position_embeddings"]
        self.width = int(config["hidden_size"])
        self.most_tokens = min(int(limit), int(config["max_position_embeddings"]))
        self._padding = int(config.get("pad_token_id") or 0)
        self._shape = Shape(
            int(config["num_hidden_layers"]), int(config["num_attention_heads"]), float(config["layer_norm_eps"])
        )
        self._pooling, self._unit = _POOLINGS[modes[0]], "Normalize" in layers
        self.weights = self._files.digest

    @property
    def identity(self) -> str:
        """What tells the features of this encoder from those of any other."""
        number = "bf16" if self.dtype == torch.bfloat16 else "f32"
        return f"{self.name.replace('/', '-')}-{self.most_tokens}-{number}-{self.weights}"

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Features ``float32 [n, width]`` of texts, which may be empty."""
        network = self._network = self._network or self._ready()
        tokens = [each.ids for each in self._tokenizer.encode_batch([str(text) for text in texts])]
        out = np.empty((len(tokens), self.width), np.float32)
        for rows in _batches([len(each) for each in tokens], BATCH_TOKENS[self.device]):
            longest = max(len(tokens[row]) for row in rows)
            filled = torch.full((len(rows), longest), self._padding)
            mask = torch.zeros(len(rows), longest, dtype=torch.bool)
            for k, row in enumerate(rows):
                filled[k, : len(tokens[row])] = torch.tensor(tokens[row])
                mask[k, : len(tokens[row])] = True
            out[rows] = network(filled.to(self.device), mask.to(self.device)).cpu().numpy()
        return out

    def _ready(self) -> SentenceBert:
        tokenizers = import_tokenizers(self.name)
        if self.device == "cpu":
            keep_freed_memory()
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(cast(bytes, self._files.read(TOKENIZER)).decode())
            self._tokenizer.enable_truncation(self.most_tokens)
            self._tokenizer.no_padding()
            from safetensors.torch import load

            network = SentenceBert(
                load(cast(bytes, self._files.read(WEIGHTS))), self._shape, pooling=self._pooling, unit=self._unit
            )
        except UsageError:
            raise
        except Exception as error:  # tokenizers and safetensors raise kinds of their own
            reason = " ".join(str(error).split())[:200]
            raise UsageError(f"{self._files.path}: is no whole sentence encoder ({reason}); {_MEND}") from None
        return network.to(self.device, self.dtype)


class UnknownArchitecture(UsageError):
    """The model cannot be read here; sentence-transformers may."""


_MEND = "give the folder of a sentence-transformers model"
_POOLINGS: dict[str, Pooling] = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


def import_tokenizers(name: str) -> Any:
    """The package that splits texts into tokens.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import tokenizers
    except ImportError:
        raise UsageError(
            f"encoder {name}: needs tokenizers, which is missing; run pip install 'earlylearn[text]'"
        ) from None
    return tokenizers


def _batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Rows of like lengths together, the shortest first, no more than `budget` tokens in a batch but for one row."""
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not batches or lengths[row] * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(row)
    return batches
