"""How do the pictures or texts behind a data set become the features that train, and those of rows to predict?"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from earlylearn.data.counting import say
from earlylearn.data.labelled import LabelledData, Unlabelled, told_together
from earlylearn.data.pictures import Pictures
from earlylearn.data.schema import Noted, Schema
from earlylearn.data.sources import Loaded
from earlylearn.encoders import tfidf
from earlylearn.encoders.choose import (
    NONE,
    Choice,
    default_for_pictures,
    default_for_texts,
    picture_encoder,
    text_encoder,
    whole_name,
)
from earlylearn.encoders.fitted import FittedTexts
from earlylearn.encoders.once import FrozenEncoder, Workplace, computed_once
from earlylearn.encoders.pictures import PictureEncoder
from earlylearn.encoders.store import key_of
from earlylearn.errors import UsageError, setting

Rows = LabelledData | Unlabelled


class Encoded(NamedTuple):
    """Data that may train.

    Attributes:
        loaded: the data, features in place of what was encoded.
        name: of the encoder, as config.json is to have it; None where there was nothing to encode.
    """

    loaded: Loaded
    name: str | None


class _Features(NamedTuple):
    values: NDArray[np.float32]  # [n, d]
    keys: list[bytes]  # of the content of the rows


def encode(
    loaded: Loaded,
    name: str | None,
    *,
    workplace: Workplace,
    by_default: bool = True,
    image_size: int | None = None,
    saved: Path | None = None,
) -> Encoded:
    """Pictures and texts of read data as features; pictures as pixels where there is no encoder.

    Args:
        loaded: what `earlylearn.data.sources.load` read, not decoded.
        name: the encoder the user wants, ``none`` for none of pictures; None for what suits, which is told.
        workplace: where features are kept.
        by_default: whether pictures may go through an encoder that nobody asked for.
        image_size: the side in pixels at which an encoder is to see pictures; None for what suits.
        saved: the folder of an encoder that was fitted before on the same texts (see `FittedTexts`).

    Raises:
        UsageError: the encoder is unknown, does not suit, or is not installed; or a picture cannot be read.
    """
    train, test = loaded
    columns = text_columns(train.schema)
    encoding: _OfPictures | _OfTexts | None = None
    if columns:
        encoding = _encoding_of_texts(train, columns, name, workplace, saved)
    elif train.pictures is not None or train.is_image:
        encoding = _encoding_of_pictures(train, name, by_default, image_size, workplace)
    elif name not in (None, NONE):
        raise UsageError(
            f"{setting('encoder', name)}: {train.name} has neither pictures nor texts to encode; leave it out"
        )
    if encoding is None:
        there = train.pictures is not None or train.is_image
        return Encoded(Loaded(train.decoded(), test and test.decoded()), NONE if there else None)
    trained, tested = _with_features(train, encoding), test and _with_features(test, encoding)
    return Encoded(Loaded(trained, tested), encoding.noted["name"])


def encode_inputs(rows: Unlabelled, schema: Schema, *, workplace: Workplace, saved: Path | None = None) -> NDArray[Any]:
    """The inputs of rows to predict, made exactly as the training inputs were.

    Args:
        rows: what `earlylearn.data.sources.read_unlabelled` read.
        schema: of the training data.
        workplace: where features are kept.
        saved: the folder of the run's own fitted encoder.

    Raises:
        UsageError: the encoder is gone, or has other weights than the run was trained with.
    """
    noted = schema.get("encoder")
    if noted is None:
        return rows.decoded().inputs
    encoding = _encoding_again(noted, schema, workplace, saved)
    values = [features.values for features in encoding.of(rows)]
    return np.concatenate(values if rows.inputs.ndim > 2 else [rows.inputs, *values], axis=1)


def encoder_network(schema: Schema) -> nn.Module | None:
    """What made the features of pictures, as a network from ``uint8 [B, 3, side, side]``; None of any other data.

    Raises:
        UsageError: the encoder is gone, or has other weights than the run was trained with.
    """
    noted = schema.get("encoder")
    if noted is None or noted["side"] is None:
        return None
    encoding = _encoding_again(noted, schema, Workplace(), None)
    assert isinstance(encoding, _OfPictures)
    return encoding.encoder.as_network()


def describe_features(schema: Schema, width: int) -> str:
    """What trains, in words: ``1,280-dimensional features of efficientnet-lite0 (128 px)``; empty without encoder."""
    noted = schema.get("encoder")
    if noted is None:
        return schema.get("made_by", "")
    encoded = sum(noted["widths"].values())
    others = f", and {width - encoded} of other columns" if width > encoded else ""
    of = ", ".join(noted["widths"]) if noted["side"] is None else f"{noted['side']} px"
    return f"{encoded:,}-dimensional features of {noted['called']} ({of}){others}"


def text_columns(schema: Schema) -> list[str]:
    """The columns of free text of a table's schema."""
    return [column["name"] for column in schema.get("columns", ()) if column["type"] == "text"]


@dataclass(frozen=True)
class _OfPictures:
    noted: Noted
    encoder: PictureEncoder
    schema: Schema
    workplace: Workplace
    fitted: None = None

    def of(self, rows: Rows) -> list[_Features]:
        pictures = pictures_of(rows, self.schema)
        keys = [key_of(*pictures.content(row)) for row in range(len(pictures))]

        def read(block: Sequence[int]) -> NDArray[np.uint8]:
            return pictures.squares(block, self.encoder.side)

        return [_Features(computed_once(keys, read, self.encoder, "pictures", self.workplace), keys)]

    def shown(self, rows: Rows) -> Pictures | None:
        return pictures_of(rows, self.schema)


@dataclass(frozen=True)
class _OfTexts:
    noted: Noted
    frozen: FrozenEncoder | None
    fitted: FittedTexts | None
    workplace: Workplace

    def of(self, rows: Rows) -> list[_Features]:
        assert rows.cells is not None
        return [self._column(column, rows.cells[column].tolist()) for column in self.noted["widths"]]

    def _column(self, column: str, texts: list[str]) -> _Features:
        keys = [key_of(text.encode("utf-8", "surrogatepass")) for text in texts]
        if self.fitted is not None:
            return _Features(self.fitted.encoders[column](texts), keys)
        assert self.frozen is not None

        def read(block: Sequence[int]) -> list[str]:
            return [texts[row] for row in block]

        return _Features(computed_once(keys, read, self.frozen, "texts", self.workplace), keys)

    def shown(self, rows: Rows) -> Pictures | None:
        return None


_Encoding = _OfPictures | _OfTexts


def pictures_of(rows: Rows, schema: Schema) -> Pictures:
    """The pictures behind rows: files, or the pixels themselves."""
    return rows.pictures or Pictures(rows.inputs, schema)


def _encoding_of_pictures(
    data: LabelledData, name: str | None, by_default: bool, image_size: int | None, workplace: Workplace
) -> _Encoding | None:
    """What the pictures go through; None if through nothing. Both are told where nobody asked for them."""
    schema = data.schema or {"mode": "RGB" if data.inputs.shape[1] == 3 else "L", "size": list(data.inputs.shape[2:])}
    side = pictures_of(data, schema).side()
    choice = Choice(NONE if name is None else whole_name(name))
    if name is None and by_default:
        choice = default_for_pictures(side=side, colour=schema["mode"] == "RGB")
    if choice.reason and not workplace.quiet:
        say(choice.reason)
    if choice.name == NONE:
        return None
    encoder = picture_encoder(choice.name, side=side, image_size=image_size)
    noted = Noted(
        name=choice.name, called=encoder.name, weights=encoder.weights, side=encoder.side, widths={"": encoder.width}
    )
    return _OfPictures(noted, encoder, schema, workplace)


def _encoding_of_texts(
    data: LabelledData, columns: list[str], name: str | None, workplace: Workplace, saved: Path | None
) -> _Encoding:
    choice = default_for_texts() if name is None else Choice(whole_name(name))
    if choice.reason and not workplace.quiet:
        say(choice.reason)
    if choice.name == NONE:
        raise UsageError(
            f"{setting('encoder', NONE)}: the texts of {', '.join(map(repr, columns))} need one; give "
            f"{setting('encoder', tfidf.NAME)}, or {setting('drop', columns)}"
        )
    if choice.name == tfidf.NAME:
        assert data.cells is not None
        fitted = FittedTexts.read(saved) if saved else FittedTexts.fit({c: data.cells[c].tolist() for c in columns})
        widths = {column: encoder.width for column, encoder in fitted.encoders.items()}
        noted = Noted(name=tfidf.NAME, called=tfidf.NAME, weights="", side=None, widths=widths)
        return _OfTexts(noted, None, fitted, workplace)
    frozen = text_encoder(choice.name)
    widths = dict.fromkeys(columns, frozen.width)
    noted = Noted(name=choice.name, called=frozen.name, weights=frozen.weights, side=None, widths=widths)
    return _OfTexts(noted, frozen, None, workplace)


def _encoding_again(noted: Noted, schema: Schema, workplace: Workplace, saved: Path | None) -> _Encoding:
    """The encoding a run was trained through; UsageError if its weights are others now."""
    if noted["name"] == tfidf.NAME:
        assert saved is not None
        return _OfTexts(noted, None, FittedTexts.read(saved), workplace)
    if noted["side"] is not None:
        pictures = picture_encoder(noted["name"], side=noted["side"], image_size=noted["side"])
        _check_weights(pictures, noted)
        return _OfPictures(noted, pictures, schema, workplace)
    texts = text_encoder(noted["name"])
    _check_weights(texts, noted)
    return _OfTexts(noted, texts, None, workplace)


def _check_weights(encoder: FrozenEncoder, noted: Noted) -> None:
    if encoder.weights != noted["weights"]:
        raise UsageError(
            f"{setting('encoder', noted['name'])}: its weights are others than those of training ({encoder.weights}, "
            f"not {noted['weights']}); restore those, or train again"
        )


def _with_features(data: LabelledData, encoding: _Encoding) -> LabelledData:
    """The same rows, what was encoded beside the columns that needed no encoder."""
    features = encoding.of(data)
    values = [each.values for each in features]
    # The content of the rows, not the features, tells whether data read again are the same: on another machine these
    # differ in the last digits.
    digest = hashlib.sha256(repr([encoding.noted, data.inputs.shape]).encode())
    digest.update(b"".join(key for each in features for key in each.keys))
    columns = [] if data.is_image else [data.inputs]
    for each in columns:
        digest.update(np.ascontiguousarray(each).tobytes())
    shown = encoding.shown(data)
    told = () if shown is None else told_together(shown, values[0], data.ids, data.name)
    return replace(
        data,
        notes=(*data.notes, *told),
        inputs=np.concatenate([*columns, *values], axis=1),
        schema={**data.schema, "encoder": encoding.noted},
        augment="none",
        checksum=digest.hexdigest(),
        pictures=shown,
        fitted=encoding.fitted,
        val=data.val and _with_features(data.val, encoding),
    )
